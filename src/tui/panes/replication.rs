//! The database: who accepts writes, how each instance stands, how far each replica is behind by its engine's own measure, and how old
//! that is. Nothing is green that isn't known: the core judges, this pane only draws.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        replication::{self, DatabaseStanding, Soundness, Writers},
        state::ReplicationState,
    },
    domain::id::InstanceId,
    plan::model::{Database, DatabaseMode},
    tui::{
        panes::{frame, words},
        scene::Scene,
        theme::Theme,
        view::{Pane, View},
        widgets::{
            gauge::{Gauge, Scale},
            spark, text,
        },
    },
    words::{self as say},
};

/// What the frame takes of the title line.
const CORNERS: usize = 6;

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let title = frame::title(TITLE, view.focus == Pane::Replication, theme);
    let Some(database) = words::plan(state).and_then(|plan| plan.database.as_ref()) else {
        frame::frame(Pane::Replication, title, Line::styled("none in the plan", theme.dim), scene, area, buf);
        return;
    };
    let status = status(database, scene, area.width);
    let inner = frame::frame(Pane::Replication, title, status, scene, area, buf);
    let count = database.instances().count();
    // With more room an instance has its gauge, and with still more a line of its own for what else is known of it.
    let each = (usize::from(inner.height) / count).clamp(1, 3) as u16;
    for (place, instance) in database.instances().enumerate() {
        let y = inner.y + place as u16 * each;
        if y >= inner.bottom() {
            return;
        }
        let room = Rect { y, height: each.min(inner.bottom() - y), ..inner };
        one(instance, state.replication.get(instance), database, view, theme, room, buf);
    }
}

const TITLE: &str = "Database";

/// Who accepts writes, and after that, where there is room, what is to become of the database.
fn status(database: &Database, scene: Scene<'_>, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let writers = replication::writers(database, state, view.now);
    let style = match &writers {
        Writers::One(_) => theme.dim,
        Writers::Nobody | Writers::Several(_) => theme.breach,
        Writers::Unknown => theme.unknown,
    };
    let mode = match database.mode {
        DatabaseMode::Shared => "shared, nothing moves",
        DatabaseMode::Switchover => "switchover",
        DatabaseMode::Promote => "promote",
    };
    let who = say::writers(&writers);
    let room = usize::from(width).saturating_sub(TITLE.len() + CORNERS);
    let both = who.len() + mode.len() + 3;
    let one = matches!(writers, Writers::One(_));
    match both > room {
        // Which row accepts writes stands in that row; what is to become of the database stands nowhere else.
        true if one => Line::styled(mode, theme.dim),
        true => Line::styled(text::cut(&who, room, theme.glyphs.ellipsis), style),
        false => Line::from(vec![Span::styled(who, style), Span::styled(format!(" {} {mode}", theme.glyphs.dot), theme.dim)]),
    }
}

fn one(
    instance: &InstanceId,
    known: Option<&ReplicationState>,
    database: &Database,
    view: &View,
    theme: &Theme,
    room: Rect,
    buf: &mut Buffer,
) {
    let glyphs = &theme.glyphs;
    let standing = replication::standing(database, instance, known, view.now);
    let (glyph, style) = match (&standing, standing.soundness()) {
        (DatabaseStanding::Silent { .. }, _) => (glyphs.stale, theme.stale),
        (_, Soundness::Sound) => (glyphs.ok, theme.ok),
        (_, Soundness::Unsound) => (glyphs.breach, theme.breach),
        (_, Soundness::Unproven) => (glyphs.unknown, theme.unknown),
    };
    let (short, long) = (say::database_in_short(&standing), say::database(&standing));
    let width = usize::from(room.width);
    // The name gives way to what is wrong, not the other way round.
    let words = if instance.as_str().len() + long.len() + 3 <= width { long } else { short };
    let room_for_name = width.saturating_sub(words.chars().count() + 3).max(width / 4);
    let name = text::cut_front(instance.as_str(), room_for_name, glyphs.ellipsis);
    let mut spans =
        vec![Span::styled(format!("{glyph} "), style), Span::styled(format!("{name} "), theme.text), Span::styled(words, style)];
    let more = known.map(|known| more(known, &standing, database, theme)).unwrap_or_default();
    if room.height < 3 {
        append(&mut spans, more, width, theme);
        text::rows(buf, room, [Line::from(spans)]);
    } else {
        let mut details = vec![Span::raw(" ")];
        append(&mut details, more, width, theme);
        text::rows(buf, room, [Line::from(spans), Line::from(details)]);
    }
    if let Some(known) = known.filter(|_| room.height >= 2 && *instance != database.primary) {
        let lag = standing.lag().map(|lag| lag.value);
        below(lag, known, database.lag_max.as_secs_f64(), style, theme, Rect { y: room.bottom() - 1, height: 1, ..room }, buf);
    }
}

/// Adds what fits of `more`, a dot before each.
fn append(spans: &mut Vec<Span<'static>>, more: Vec<Span<'static>>, width: usize, theme: &Theme) {
    for word in more {
        let used: usize = spans.iter().map(Span::width).sum();
        if used + word.width() + 3 <= width {
            spans.push(Span::styled(format!(" {} ", theme.glyphs.dot), theme.dim));
            spans.push(word);
        }
    }
}

/// What else there is to say of an instance, the most telling first.
fn more(known: &ReplicationState, standing: &DatabaseStanding, database: &Database, theme: &Theme) -> Vec<Span<'static>> {
    let mut more = Vec::new();
    if let Some(operation) = &known.now.operation {
        more.push(Span::styled(operation.to_string(), theme.warn));
    }
    if standing.lag().is_some() {
        more.push(Span::styled(format!("bound {}", database.lag_max), theme.dim));
        more.extend(known.now.engine.map(|engine| Span::styled(say::measure(engine), theme.dim)));
        more.extend(known.now.behind_bytes.map(|bytes| Span::styled(say::missing(bytes), theme.dim)));
    }
    if let (Some(primary), true) = (&known.now.primary, standing.soundness() == Soundness::Sound) {
        more.push(Span::styled(format!("follows {primary}"), theme.dim));
    }
    more
}

/// The lag on its way to its bound, and how it was.
fn below(lag: Option<f64>, known: &ReplicationState, bound: f64, style: Style, theme: &Theme, room: Rect, buf: &mut Buffer) {
    if lag.is_none() && known.history.iter().all(Option::is_none) {
        return;
    }
    let below = Rect { x: room.x + 2, width: room.width.saturating_sub(2), ..room };
    let half = Rect { width: below.width / 2, ..below };
    Gauge { value: lag, threshold: bound, scale: Scale::Log, style }.draw(theme, half, buf);
    let rest = Rect { x: half.right() + 2, width: below.width.saturating_sub(half.width + 2), ..below };
    spark::draw(known.history.iter(), bound, theme.chart, theme, rest, buf);
}
