//! The rules that roll back by themselves: what each reads now, how close it is, and how long its clock has been running.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::state::{Reading, State, TriggerState},
    domain::time::{Millis, Timestamp},
    plan::model::{Trigger, TriggerAction},
    tui::{
        panes::{frame, words},
        theme::Theme,
        view::{Pane, View},
        widgets::{
            gauge::{Gauge, Scale},
            text,
        },
    },
};

/// Most cells of a running clock.
const CLOCK_CELLS: u16 = 24;

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let triggers = words::plan(state).map(|plan| plan.triggers.as_slice()).unwrap_or_default();
    let unseen = TriggerState::default();
    let seen = |trigger: &Trigger| state.triggers.get(&trigger.id).unwrap_or(&unseen).clone();
    let told: Vec<Told<'_>> = triggers.iter().map(|trigger| Told::of(state, trigger, seen(trigger), view.now)).collect();
    let title = frame::title("Automatic rollback", view.focus == Pane::Triggers, theme);
    let inner = frame::frame(Pane::Triggers, title, verdict(&told, theme), state, view, theme, area, buf);
    if told.iter().any(|told| matches!(told.clock, Clock::Running { .. })) {
        frame::light(area, theme.alarm, theme, buf);
    } else if told.iter().any(|told| matches!(told.clock, Clock::Blind { .. })) {
        frame::light(area, theme.unknown, theme, buf);
    }
    let roomy = inner.height as usize >= triggers.len() * 2;
    let mut rows = inner.rows();
    for told in &told {
        let Some(row) = rows.next() else { return };
        let compact = !roomy && !matches!(told.clock, Clock::Still);
        let line = if compact { compact_line(told, view.now, theme, inner.width) } else { reading(told, theme, inner.width) };
        line.render(row, buf);
        if roomy && let Some(row) = rows.next() {
            below(told, view.now, theme, row, buf);
        }
    }
}

/// One trigger as a person wants to know it.
struct Told<'a> {
    trigger: &'a Trigger,
    seen: TriggerState,
    name: String,
    clock: Clock,
}

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Still,
    /// Nothing is sent there, so there is nothing to judge.
    Idle,
    Running {
        since: Timestamp,
    },
    Blind {
        since: Timestamp,
        home_at: Option<Timestamp>,
    },
    Fired {
        at: Timestamp,
    },
}

impl<'a> Told<'a> {
    fn of(state: &State, trigger: &'a Trigger, seen: TriggerState, now: Timestamp) -> Told<'a> {
        let latched = state.routes.get(&trigger.route).is_some_and(|known| known.latch.is_some());
        let blind = words::blind(state, trigger, &seen, now);
        let clock = match (words::pending(state, trigger, &seen), blind, seen.fired_at) {
            (Some(since), ..) => Clock::Running { since },
            (None, _, Some(at)) if latched => Clock::Fired { at },
            (None, Some(blind), _) => Clock::Blind { since: blind.since, home_at: blind.home_at },
            (None, None, _) if words::idle(state, trigger, &seen) => Clock::Idle,
            (None, None, _) => Clock::Still,
        };
        let route = words::plan(state).and_then(|plan| plan.routes.iter().find(|route| route.id == trigger.route));
        let place = route.map_or_else(|| trigger.backend.to_string(), |route| words::place(route, &trigger.backend));
        Told { trigger, seen, name: format!("{place} {}", words::metric(trigger.metric)), clock }
    }

    /// The value if it may be believed; what was read before a source fell silent says nothing of now.
    fn value(&self) -> Option<f64> {
        match self.seen.reading {
            Reading::Ok | Reading::Breach => self.seen.value,
            Reading::None | Reading::Unknown { .. } => None,
        }
    }

    fn shown(&self, value: f64) -> String {
        self.trigger.metric.unit().show(value)
    }

    fn then(&self) -> &'static str {
        match self.trigger.action {
            TriggerAction::Rollback => "rolls back",
            TriggerAction::Hold => "holds",
        }
    }

    fn mark(&self, theme: &Theme) -> (&'static str, String, Style) {
        match self.clock {
            Clock::Idle => (theme.glyphs.idle, "nothing is sent there".to_owned(), theme.dim),
            Clock::Fired { .. } => (theme.glyphs.latch, "FIRED".to_owned(), theme.warn),
            Clock::Still | Clock::Running { .. } | Clock::Blind { .. } => words::reading(&self.seen.reading, theme),
        }
    }
}

fn verdict(told: &[Told<'_>], theme: &Theme) -> Line<'static> {
    let any = |wanted: fn(&Clock) -> bool| told.iter().any(|told| wanted(&told.clock));
    if any(|clock| matches!(clock, Clock::Running { .. })) {
        Line::styled(format!("{} clock running", theme.glyphs.breach), theme.breach)
    } else if any(|clock| matches!(clock, Clock::Fired { .. })) {
        Line::styled(format!("{} has fired", theme.glyphs.latch), theme.warn)
    } else if any(|clock| matches!(clock, Clock::Blind { .. })) {
        Line::styled(format!("{} blind", theme.glyphs.unknown), theme.unknown)
    } else {
        Line::styled(format!("{} armed", theme.glyphs.ok), theme.ok)
    }
}

/// Glyph, name, value and limit; then the state in words, as far as there is room.
fn reading(told: &Told<'_>, theme: &Theme, width: u16) -> Line<'static> {
    let (glyph, word, style) = told.mark(theme);
    let mut spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(told.name.clone(), theme.text)];
    if let Some(value) = told.value() {
        spans.push(Span::raw(" "));
        spans.push(Span::styled(told.shown(value), style));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    if told.seen.reading != Reading::Ok || told.clock == Clock::Idle {
        let word = text::cut(&word, usize::from(width).saturating_sub(used + 2), theme.glyphs.ellipsis);
        spans.push(Span::raw("  "));
        spans.push(Span::styled(word, style));
    }
    let rule = [
        Span::styled(format!("  limit {}", told.shown(told.trigger.above)), theme.dim),
        Span::styled(format!(" for {}", told.trigger.lasting), theme.dim),
    ];
    text::with_what_fits(spans, rule, width.into())
}

/// On one row, the clock matters more than the rule.
fn compact_line(told: &Told<'_>, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    if told.clock == Clock::Idle {
        return reading(told, theme, width);
    }
    let (glyph, _, style) = told.mark(theme);
    let mut spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(format!("{} ", told.name), theme.text)];
    if let Some(value) = told.value() {
        spans.push(Span::styled(told.shown(value), style));
        spans.push(Span::raw(" "));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(clock(told, now, theme, width.saturating_sub(used as u16)));
    Line::from(spans)
}

/// The second row of a trigger: its clock if one runs, else how far its value is from the limit.
fn below(told: &Told<'_>, now: Timestamp, theme: &Theme, row: Rect, buf: &mut Buffer) {
    let row = Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row };
    let cells = row.width.saturating_sub(28).min(CLOCK_CELLS);
    let rule = format!("{} after {} above it", told.then(), told.trigger.lasting);
    match (told.clock, told.value()) {
        (Clock::Still, Some(value)) if cells >= 8 => {
            let bar = Rect { width: cells, ..row };
            Gauge { value: Some(value), threshold: told.trigger.above, scale: Scale::Linear, style: theme.ok }.draw(theme, bar, buf);
            text::put(buf, row, cells + 1, &rule, theme.dim);
        }
        (Clock::Still | Clock::Idle, _) => {
            text::put(buf, row, 0, &rule, theme.dim);
        }
        (Clock::Running { .. } | Clock::Blind { .. } | Clock::Fired { .. }, _) => {
            text::rows(buf, row, [Line::from(clock(told, now, theme, row.width))]);
        }
    }
}

/// How much of its time has passed, as a bar and in words, in `room` cells.
fn clock(told: &Told<'_>, now: Timestamp, theme: &Theme, room: u16) -> Vec<Span<'static>> {
    let trigger = told.trigger;
    let fits = |long: String, short: String| if long.len() <= usize::from(room) { long } else { short };
    match told.clock {
        Clock::Running { since } => {
            let left = Millis(trigger.lasting.0.saturating_sub(now.since(since).0));
            let words = fits(format!("{} in {left}", told.then()), format!("acts in {left}"));
            bar(now.since(since), trigger.lasting, words, (theme.alarm, theme.breach), room, theme)
        }
        Clock::Blind { since, home_at: None } => {
            let short = format!("blind for {}", now.since(since));
            vec![Span::styled(fits(format!("{short}; advancing is refused"), short), theme.unknown)]
        }
        Clock::Blind { since, home_at: Some(home_at) } => {
            let short = format!("{} in {}", told.then(), home_at.since(now));
            let words = fits(format!("blind, {short}"), short);
            bar(now.since(since), home_at.since(since), words, (theme.unknown, theme.unknown), room, theme)
        }
        Clock::Fired { at } => {
            let short = format!("fired {}", words::age(now.since(at)));
            vec![Span::styled(fits(format!("{short}, after {} above {}", trigger.lasting, told.shown(trigger.above)), short), theme.warn)]
        }
        Clock::Still | Clock::Idle => Vec::new(),
    }
}

/// A bar of the time that has passed, and its words; without room for a bar that says something, the words alone.
fn bar(passed: Millis, of: Millis, words: String, (fill, ink): (Style, Style), room: u16, theme: &Theme) -> Vec<Span<'static>> {
    let cells = usize::from(room).saturating_sub(words.len() + 1).min(usize::from(CLOCK_CELLS));
    if cells < 4 {
        return vec![Span::styled(words, ink)];
    }
    let filled = (passed.0 as usize * cells / of.0.max(1) as usize).min(cells);
    vec![
        Span::styled(theme.glyphs.fills[0].repeat(filled), fill.remove_modifier(Modifier::UNDERLINED)),
        Span::styled(theme.glyphs.track.repeat(cells - filled), theme.faint),
        Span::raw(" "),
        Span::styled(words, ink),
    ]
}
