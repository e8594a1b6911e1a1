//! One's own draft below the rail: where traffic would be, what that means for each instance, what would be refused and why.
//!
//! Nothing is promised here that the core would not do: the answer is the one that it would give now.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    core::{
        decision::Refusal,
        forecast::{self, forecast},
        outlook::{self, Preview},
        state::{RouteState, State},
    },
    domain::{
        id::ClientId,
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    plan::model::{Backend, Route},
    tui::{
        keymap::Action,
        panes::{traffic::ghosts, words},
        scene::Scene,
        view::View,
        widgets::{
            rail::{self, Freshness, Leg},
            text,
        },
    },
    words::{Names, draft as words_of, short::Said},
};

/// Rows of what a draft would bring, where nothing speaks against it.
const PREVIEW_ROWS: u16 = 6;
/// A pane's frame and the air within it.
const FRAME_COLUMNS: u16 = 4;
const GLYPH_COLUMNS: usize = 2;
/// Most reasons with a row of their own.
const REASONS_MAX: usize = 4;

/// A split of the two that a draft stands between.
#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Before => "before",
            Side::After => "after",
        }
    }
    fn of(self, leg: &forecast::Leg) -> PerMille {
        match self {
            Side::Before => leg.from,
            Side::After => leg.to,
        }
    }
}

/// Rows below the rail for what a draft would bring, of a body of `width` and `height`; none without a draft.
pub fn rows(state: &State, view: &View, width: u16, height: u16) -> u16 {
    let most = most(state, view, width.saturating_sub(FRAME_COLUMNS));
    match height {
        ..24 => most.min(4),
        24.. => most,
    }
}

/// As many as it has something to say in; none without a draft.
pub(super) fn most(state: &State, view: &View, width: u16) -> u16 {
    let drafted = words::route(state, view.route).and_then(|route| Some((route, view.drafts.get(&route.id)?)));
    let Some((route, draft)) = drafted else { return 0 };
    let me = view.me.as_ref().map(|me| me.client);
    let told = answer(state, me, route, draft, view.now);
    let told: usize = told.iter().map(|said| text::wrap(&said.long, within(width)).len()).sum();
    PREVIEW_ROWS - 1 + told.max(1) as u16
}

/// Columns of text behind a glyph.
fn within(width: u16) -> usize {
    usize::from(width).saturating_sub(GLYPH_COLUMNS)
}

/// What the core would answer now, then what could be held against the move.
fn answer(state: &State, client: Option<ClientId>, route: &Route, to: &Weights, now: Timestamp) -> Vec<Said> {
    let (answer, first) = match outlook::preview(state, client, &route.id, to) {
        Some(Preview::Refused(first)) => (None, Some(first)),
        answer @ (Some(Preview::Moves | Preview::Waits | Preview::SecondPerson) | None) => (answer, None),
    };
    let answer = answer.map(|answer| words_of::preview(&answer, Names::of(state)));
    answer.into_iter().chain(all_against(state, first, route, to, now)).collect()
}

/// Each reason for which `client` would be refused now, and what is wrong or can't be judged and forbids nothing. The panel of a draft and
/// the dialog of a second person say the same.
pub fn against(state: &State, client: Option<ClientId>, route: &Route, to: &Weights, now: Timestamp) -> Vec<Said> {
    let answer = outlook::preview(state, client, &route.id, to);
    let first = if let Some(Preview::Refused(first)) = answer { Some(first) } else { None };
    all_against(state, first, route, to, now)
}

/// `first` is the refusal that the core would answer, if it would refuse.
fn all_against(state: &State, first: Option<Refusal>, route: &Route, to: &Weights, now: Timestamp) -> Vec<Said> {
    let mut reasons = Vec::new();
    if let Some(first) = first {
        let mut more = outlook::refusals(state, &route.id, to);
        more.retain(|why| *why != first);
        reasons.push(first);
        reasons.extend(more);
    }
    let mut told = words_of::refused(&reasons, REASONS_MAX, Names::of(state));
    told.extend(words_of::doubts(state, route, now));
    told
}

/// What Enter would do: where traffic would be, what that means for each instance, and why it would be refused.
pub(super) fn draw(scene: Scene<'_>, route: &Route, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(draft) = view.drafts.get(&route.id).filter(|_| !area.is_empty()) else { return };
    let names = Names::of(state);
    let Some(forecast) = forecast(state, route, draft) else { return };
    let mut rows = area.rows();
    let splits: &[Side] = if area.height >= PREVIEW_ROWS { &[Side::Before, Side::After] } else { &[Side::After] };
    for side in splits {
        let Some(row) = rows.next() else { return };
        let column = text::put(buf, row, 0, &format!("{:<7}", side.name()), theme.dim);
        let bar = Rect { x: row.x + column, width: row.width.saturating_sub(column), ..row };
        let leg = |backend: &Backend| Leg {
            name: backend.title.to_string(),
            style: words::backend_style(route, &backend.id, theme),
            accepted: forecast.legs.iter().find(|leg| leg.backend == backend.id).map(|leg| side.of(leg).get()),
            fills: None,
            wanted: None,
            draft: None,
            observed: None,
            failing: None,
        };
        let legs: Vec<Leg> = words::legs(route).into_iter().map(leg).collect();
        rail::draw(&legs, Freshness::Fresh, theme, bar, buf);
    }
    let me = view.me.as_ref().map(|me| me.client);
    let mut told: Vec<(&str, String, Style)> = Vec::new();
    for said in answer(state, me, route, draft, view.now) {
        let (glyph, style) = words::tone(said.tone, theme);
        told.push((glyph, said.long, style));
    }
    told.extend(words_of::open_before(&forecast.open_before, names).map(|open| (theme.glyphs.warn, open, theme.warn)));
    told.push(("", words_of::load(&forecast, names), theme.text));
    told.push(("", words_of::times(forecast.settles, forecast.home_takes), theme.dim));
    say(told, rows.collect(), theme.glyphs.ellipsis, buf);
}

/// Each thing whole, in as many rows as it takes: what has no room any more is left out rather than cut at its advice.
fn say(told: Vec<(&str, String, Style)>, rows: Vec<Rect>, ellipsis: &str, buf: &mut Buffer) {
    let mut left = rows.as_slice();
    for (place, (glyph, words, style)) in told.into_iter().enumerate() {
        let Some(first) = left.first() else { return };
        let column = if glyph.is_empty() { 0 } else { GLYPH_COLUMNS as u16 };
        let room = usize::from(first.width.saturating_sub(column));
        let lines =
            if glyph.is_empty() { vec![text::cut(&words, room, ellipsis)] } else { text::wrap_within(&words, room, left.len(), ellipsis) };
        if place > 0 && text::wrap(&words, room).len() > left.len() && !glyph.is_empty() {
            return;
        }
        text::put(buf, *first, 0, glyph, style);
        for (line, row) in lines.iter().zip(left) {
            text::put(buf, *row, column, line, style);
        }
        left = &left[lines.len().min(left.len())..];
    }
}

/// One's own draft: what Enter does with it, or what has to be done before it can do anything.
pub(super) fn told(scene: Scene<'_>, known: &RouteState, route: &Route, draft: &Weights) -> (String, Style) {
    let Scene { state, view, theme } = scene;
    let glyph = theme.glyphs.draft;
    let me = view.me.as_ref().map(|me| me.client);
    let share = draft.of(&route.target);
    let drop = words::key(view, Action::Drop);
    let others: String =
        ghosts(state, route, view).iter().map(|ghost| format!("; {} drafts {}", ghost.name, rail::percent(ghost.share))).collect();
    let asks = words::key(view, Action::Ask);
    let told = match outlook::preview(state, me, &route.id, draft) {
        Some(Preview::Moves | Preview::Waits) => format!("{asks} asks, {drop} drops it"),
        Some(Preview::SecondPerson) => format!("{asks} asks; over {} needs a second person; {drop} drops it", route.step_max),
        Some(Preview::Refused(_)) | None if known.latch.is_some() => {
            format!("the route is latched, {} re-arms it first; {drop} drops it", words::key(view, Action::Rearm))
        }
        Some(Preview::Refused(_)) | None if known.hold.as_ref().is_some_and(|hold| hold.otherwise.is_some()) => {
            format!("held, for another version decided otherwise, {} resumes it first; {drop} drops it", words::key(view, Action::Hold))
        }
        Some(Preview::Refused(_)) | None if known.hold.is_some() => {
            format!("the route is held, {} resumes it first; {drop} drops it", words::key(view, Action::Hold))
        }
        Some(Preview::Refused(Refusal::ControlsFree | Refusal::NoControls { .. })) => {
            format!("{} for the controls first; {drop} drops it", words::key(view, Action::Controls))
        }
        Some(Preview::Refused(_)) | None => format!("would be refused now, see below; {drop} drops it"),
    };
    (format!("{glyph} draft {share}: {told}{others}"), theme.draft)
}
