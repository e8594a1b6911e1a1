//! The database: who accepts writes, how far each replica is behind, and whether that figure means anything.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::state::{ReplicationState, State},
    domain::{
        fact::{ReplicaState, Writable},
        id::InstanceId,
        time::Millis,
    },
    plan::model::{Database, DatabaseMode},
    tui::{
        panes::{frame, words},
        theme::Theme,
        view::{Pane, View},
        widgets::{
            gauge::{Gauge, Scale},
            spark, text,
        },
    },
};

/// What was seen longer ago than this looks stale; the lag of Cloud SQL is published once a minute and late.
const STALE: Millis = Millis::from_mins(4);

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let title = frame::title("Database", view.focus == Pane::Replication, theme);
    let Some(database) = words::plan(state).and_then(|plan| plan.database.as_ref()) else {
        frame::frame(Pane::Replication, title, Line::styled("none in the plan", theme.dim), state, view, theme, area, buf);
        return;
    };
    let mode = match database.mode {
        DatabaseMode::Shared => "shared, nothing moves",
        DatabaseMode::Switchover => "switchover",
        DatabaseMode::Promote => "promote",
    };
    let inner = frame::frame(Pane::Replication, title, Line::styled(mode, theme.dim), state, view, theme, area, buf);
    let instances: Vec<&InstanceId> = std::iter::once(&database.primary).chain(&database.replicas).collect();
    let each = if usize::from(inner.height) >= instances.len() * 2 { 2 } else { 1 };
    for (place, instance) in instances.into_iter().enumerate() {
        let y = inner.y + place as u16 * each;
        if y >= inner.bottom() {
            return;
        }
        let room = Rect { y, height: each.min(inner.bottom() - y), ..inner };
        one(instance, state.replication.get(instance), database, view, theme, room, buf);
    }
}

/// What an instance is, in a glyph, words and a style.
struct Told {
    glyph: &'static str,
    words: String,
    style: Style,
    /// Seconds behind, where that means something.
    lag: Option<f64>,
}

fn told(known: &ReplicationState, database: &Database, view: &View, theme: &Theme) -> Told {
    let glyphs = &theme.glyphs;
    let say = |glyph, words: &str, style| Told { glyph, words: words.to_owned(), style, lag: None };
    let age = view.age(known.seen_at);
    if age > STALE {
        return say(glyphs.stale, &format!("last heard {age} ago"), theme.stale);
    }
    match (known.now.state, &known.now.lag) {
        (ReplicaState::Primary, _) => say(glyphs.ok, "primary", theme.ok),
        (ReplicaState::Stopped, _) => say(glyphs.breach, "replication STOPPED, lag means nothing", theme.breach),
        (ReplicaState::Broken(_), _) => say(glyphs.breach, "replication BROKEN, lag means nothing", theme.breach),
        (ReplicaState::Unknown | ReplicaState::Untold, _) => say(glyphs.unknown, "state unknown", theme.unknown),
        (ReplicaState::Replicating, Err(gap)) => say(glyphs.unknown, &format!("lag unknown: {gap}"), theme.unknown),
        (ReplicaState::Replicating, Ok(sample)) => {
            let (glyph, style) =
                if sample.value <= database.lag_max.as_secs_f64() { (glyphs.ok, theme.ok) } else { (glyphs.breach, theme.breach) };
            Told { glyph, words: format!("lag {:.1}s", sample.value), style, lag: Some(sample.value) }
        }
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
    let name = text::cut(instance.as_str(), usize::from(room.width) / 2, theme.glyphs.ellipsis);
    let Some(known) = known else {
        let spans = vec![
            Span::styled(format!("{} ", theme.glyphs.unknown), theme.unknown),
            Span::styled(name, theme.text),
            Span::styled(" not heard of yet", theme.unknown),
        ];
        text::rows(buf, room, [Line::from(spans)]);
        return;
    };
    let told = told(known, database, view, theme);
    let mut spans = vec![
        Span::styled(format!("{} ", told.glyph), told.style),
        Span::styled(format!("{name} "), theme.text),
        Span::styled(told.words, told.style),
    ];
    let writes = match known.now.writable {
        Writable::AcceptsWrites => "writes",
        Writable::ReadOnly => "read-only",
        Writable::Unknown => "writable?",
    };
    let mut more = vec![writes.to_owned()];
    more.extend(known.now.operation.as_ref().map(ToString::to_string));
    if known.now.state == ReplicaState::Replicating {
        more.push(format!("bound {}", database.lag_max));
    }
    for word in more {
        let used: usize = spans.iter().map(Span::width).sum();
        if used + word.len() + 3 <= usize::from(room.width) {
            spans.push(Span::styled(format!(" {} {word}", theme.glyphs.dot), theme.dim));
        }
    }
    text::rows(buf, room, [Line::from(spans)]);
    if room.height >= 2 && known.now.state == ReplicaState::Replicating {
        let below = Rect { x: room.x + 2, y: room.y + 1, width: room.width.saturating_sub(2), height: 1 };
        let half = Rect { width: below.width / 2, ..below };
        Gauge { value: told.lag, threshold: database.lag_max.as_secs_f64(), scale: Scale::Log, style: told.style }.draw(theme, half, buf);
        let rest = Rect { x: half.right() + 2, width: below.width.saturating_sub(half.width + 2), ..below };
        spark::draw(known.history.iter(), database.lag_max.as_secs_f64(), theme.chart, theme, rest, buf);
    }
}
