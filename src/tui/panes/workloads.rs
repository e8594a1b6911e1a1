//! The workloads screen: instances, pods and revisions of each backend, what the platforms say happened, and why a row is as it is.
//!
//! One cursor goes through all rows of the screen, from the first backend's to the events; the line below the boxes says in full what
//! the row under it can't.

mod rows;
mod table;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Widget},
};

use crate::{
    core::{
        figures,
        has::has,
        state::{BackendState, State},
    },
    domain::platform::{Part, Scale, Workload},
    plan::model::{Backend, Route},
    tui::{
        panes::words,
        scene::Scene,
        theme::Theme,
        view::View,
        widgets::{dialog, text},
    },
    words::platform,
};
use rows::Group;

/// From this width on the platforms stand side by side.
const ABREAST: u16 = 150;
/// Lines for what is said of the row under the cursor.
const DETAIL_ROWS: u16 = 2;
/// The events keep at least so many lines, frame included.
const EVENTS_ROWS_MIN: u16 = 4;

/// How many rows the cursor goes through.
pub fn count(state: &State, view: &View) -> usize {
    rows::groups(state, &view.filter).iter().map(|group| group.rows.len()).sum()
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let groups = rows::groups(state, &view.filter);
    let all: usize = groups.iter().map(|group| group.rows.len()).sum();
    let mut cursor = view.screen_scroll.min(all.saturating_sub(1));
    let [upper, lower, detail] = rooms(&groups, view, theme, area);
    let (events, backends) = groups.split_last().expect("there is always the group of the events");
    let cells = cells(backends, view, theme, upper);
    let mut under = None;
    for (group, cell) in backends.iter().zip(cells) {
        under = under.or(take(&mut cursor, group));
        box_of(scene, group, chosen(under, group), cell, buf);
    }
    under = under.or(take(&mut cursor, events));
    events_box(scene, events, chosen(under, events), lower, buf);
    if let Some((group, place)) = under {
        let lines = rows::detail(&group.rows[place], usize::from(detail.width), theme);
        text::rows(buf, detail, lines.into_iter().take(detail.height.into()));
    }
}

/// The row under the cursor, if it lies in this group; else the cursor goes on behind it.
fn take<'a>(cursor: &mut usize, group: &'a Group<'a>) -> Option<(&'a Group<'a>, usize)> {
    if *cursor < group.rows.len() {
        return Some((group, *cursor));
    }
    *cursor -= group.rows.len();
    None
}

fn chosen(under: Option<(&Group<'_>, usize)>, group: &Group<'_>) -> Option<usize> {
    under.filter(|(of, _)| std::ptr::eq(*of, group)).map(|(_, place)| place)
}

/// Boxes of the platforms, events, and the words on one row.
fn rooms(groups: &[Group<'_>], view: &View, theme: &Theme, area: Rect) -> [Rect; 3] {
    let heights = || groups.iter().filter_map(|group| height(group, view, theme));
    let upper = if area.width >= ABREAST { heights().max().unwrap_or(0) } else { heights().fold(0, u16::saturating_add) };
    let most = area.height.saturating_sub(DETAIL_ROWS + EVENTS_ROWS_MIN);
    Layout::vertical([Constraint::Length(upper.clamp(most.min(6), most.max(1))), Constraint::Fill(1), Constraint::Length(DETAIL_ROWS)])
        .areas(area)
}

/// What a backend's box needs to show everything.
fn height(group: &Group<'_>, view: &View, theme: &Theme) -> Option<u16> {
    let at = group.backend.as_ref()?;
    let head = head(at.seen, view, theme, usize::from(u16::MAX)).len();
    let body = if group.rows.is_empty() { 1 } else { group.rows.len() + 1 };
    Some(u16::try_from(2 + head + body).unwrap_or(u16::MAX))
}

fn cells(groups: &[Group<'_>], view: &View, theme: &Theme, area: Rect) -> Vec<Rect> {
    if area.width >= ABREAST {
        return Layout::horizontal(vec![Constraint::Fill(1); groups.len().max(1)]).split(area).to_vec();
    }
    let heights: Vec<u16> = groups.iter().map(|group| height(group, view, theme).unwrap_or(0)).collect();
    let sum: u16 = heights.iter().fold(0, |sum, height| sum.saturating_add(*height));
    let longest = heights.iter().enumerate().max_by_key(|(_, height)| **height).map(|(place, _)| place);
    // Where not everything fits, the longest gives way.
    let constraint = |(place, height): (usize, &u16)| {
        if Some(place) == longest || sum < area.height { Constraint::Fill(*height) } else { Constraint::Length(*height) }
    };
    Layout::vertical(heights.iter().enumerate().map(constraint)).split(area).to_vec()
}

fn boxed(title: Line<'static>, right: Line<'static>, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let mut block = Block::bordered().border_set(dialog::set(theme.glyphs.frame)).border_style(theme.border).title_top(title);
    if right.width() > 0 {
        block = block.title_top(right.right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}

fn box_of(scene: Scene<'_>, group: &Group<'_>, cursor: Option<usize>, cell: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(at) = &group.backend else { return };
    let share = has(state, &at.route.id, &at.backend.id).given;
    let right = share.map_or_else(Line::default, |share| {
        Line::from(vec![Span::styled(" given ", theme.dim), Span::styled(share.to_string(), theme.figure), Span::raw(" ")])
    });
    let inner = boxed(title(at.route, at.backend, theme), right, theme, cell, buf);
    let mut lines = head(at.seen, view, theme, usize::from(inner.width));
    lines.truncate(usize::from(inner.height));
    let room = usize::from(inner.height) - lines.len();
    match (at.workload(), group.rows.is_empty()) {
        (None, _) => {}
        (Some(workload), true) => lines.extend(empty(workload, &view.filter, theme).into_iter().take(room)),
        (Some(_), false) => lines.extend(table::lines(group, cursor, room, usize::from(inner.width), view, theme)),
    }
    text::rows(buf, inner, lines);
}

/// The plan's title, with the platform where the title doesn't name it.
fn title(route: &Route, backend: &Backend, theme: &Theme) -> Line<'static> {
    let (title, platform) = (backend.title.to_string(), backend.platform.to_string());
    let mut spans = vec![Span::styled(format!(" {title} "), words::backend_style(route, &backend.id, theme))];
    if !title.to_lowercase().contains(&platform.to_lowercase()) {
        spans.push(Span::styled(format!("{platform} "), theme.dim));
    }
    Line::from(spans)
}

/// What holds for the workload as a whole.
fn head(seen: Option<&BackendState>, view: &View, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let Some((seen, workload)) = seen.and_then(|seen| Some((seen, seen.workload.as_ref()?))) else {
        return vec![Line::styled(
            format!("{} no word from the platform yet; the journal says what keeps it", theme.glyphs.unknown),
            theme.unknown,
        )];
    };
    let few = matches!(workload.scale, Scale::Counted { ready, desired } if ready < desired);
    let heard = seen.workload_at.map(|at| format!("heard {}", words::age(view.age(at))));
    let is_old = seen.workload_at.is_none_or(|at| figures::is_old(at, view.now));
    let (glyph, style) = match (&workload.trouble, few, workload.scale) {
        _ if is_old => (theme.glyphs.stale, theme.stale),
        (Some(_), ..) => (theme.glyphs.breach, theme.breach),
        (None, _, Scale::Untold) => (theme.glyphs.unknown, theme.unknown),
        (None, true, _) => (theme.glyphs.warn, theme.warn),
        (None, false, _) => (theme.glyphs.ok, theme.ok),
    };
    let dot = theme.glyphs.dot;
    let mut facts = vec![format!(" {dot} {}", workload.version)];
    if let (Some(rollout), Scale::Counted { desired, .. }) = (&workload.rollout, workload.scale) {
        facts.push(format!(" {dot} {}", platform::rollout(rollout, desired)));
    }
    if workload.restarts > 0 {
        facts.push(format!(" {dot} {} restarts", workload.restarts));
    }
    let mut first = vec![Span::styled(format!("{glyph} "), style), Span::styled(platform::scale(workload.scale), theme.text)];
    match heard {
        // How old it is comes before what it says.
        Some(heard) if is_old => first.insert(1, Span::styled(format!("last {heard}: "), theme.stale)),
        heard => facts.extend(heard.map(|heard| format!(" {dot} {heard}"))),
    }
    let mut lines = vec![text::with_what_fits(first, facts.into_iter().map(|fact| Span::styled(fact, theme.dim)), room)];
    let cut = |text: String| text::cut(&text, room, theme.glyphs.ellipsis);
    lines.extend(workload.trouble.iter().map(|trouble| Line::styled(cut(format!("{} {trouble}", theme.glyphs.breach)), theme.breach)));
    let unread = workload.unread.iter().map(|unread| format!("{} {}", theme.glyphs.unknown, platform::unread(unread)));
    lines.extend(unread.map(|text| Line::styled(cut(text), theme.unknown)));
    lines
}

/// Why there are no rows.
fn empty(workload: &Workload, filter: &str, theme: &Theme) -> Option<Line<'static>> {
    if !filter.is_empty() {
        return Some(Line::styled(format!("nothing here has \"{filter}\" in it"), theme.dim));
    }
    let told = match workload.scale {
        // That the pods can't be read stands above.
        Scale::Counted { .. } if workload.unread.iter().any(|unread| unread.part == Part::Pods) => return None,
        Scale::Counted { desired: 0, .. } => "scaled to 0: no pod is wanted",
        Scale::Counted { .. } => "no pod has been made yet",
        Scale::Off => "no instance runs, and none is started",
        Scale::Automatic { .. } | Scale::Manual { .. } | Scale::Untold => "the service names no revision that gets requests",
    };
    Some(Line::styled(told, theme.dim))
}

fn events_box(scene: Scene<'_>, group: &Group<'_>, cursor: Option<usize>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let title = match view.filter.as_str() {
        "" => " Events ".to_owned(),
        filter => format!(" Events with \"{filter}\" "),
    };
    let inner = boxed(Line::styled(title, theme.title), Line::default(), theme, area, buf);
    if group.rows.is_empty() {
        let unread = state.backends.values().filter_map(|backend| backend.workload.as_ref()).flat_map(|workload| &workload.unread);
        let told = match unread.into_iter().find(|unread| unread.part == Part::Events) {
            Some(unread) => (format!("{} {}", theme.glyphs.unknown, platform::unread(unread)), theme.unknown),
            None if !view.filter.is_empty() => ("none of the events has that in it".to_owned(), theme.dim),
            None => ("no platform has told of anything yet".to_owned(), theme.dim),
        };
        text::rows(buf, inner, [Line::styled(told.0, told.1)]);
        return;
    }
    text::rows(buf, inner, table::lines(group, cursor, usize::from(inner.height), usize::from(inner.width), view, theme));
}

/// A backend with what is known of it.
struct At<'a> {
    route: &'a Route,
    backend: &'a Backend,
    seen: Option<&'a BackendState>,
}

impl<'a> At<'a> {
    fn workload(&self) -> Option<&'a Workload> {
        self.seen?.workload.as_ref()
    }
}
