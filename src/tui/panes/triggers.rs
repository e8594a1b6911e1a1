//! The rules that roll back by themselves: what each reads now, how close it is, and how long its clock has been running.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
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
        widgets::text,
    },
};

/// Most cells of a running clock.
const CLOCK_CELLS: usize = 24;

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let title = frame::title("Automatic rollback", view.focus == Pane::Triggers, theme);
    let inner = frame::frame(Pane::Triggers, title, verdict(state, theme), state, view, theme, area, buf);
    let triggers = words::plan(state).map(|plan| plan.triggers.as_slice()).unwrap_or_default();
    let roomy = inner.height as usize >= triggers.len() * 2;
    let unseen = TriggerState::default();
    let mut rows = inner.rows();
    for trigger in triggers {
        let seen = state.triggers.get(&trigger.id).unwrap_or(&unseen);
        let Some(row) = rows.next() else { return };
        let compact = !roomy && (seen.pending_since.is_some() || seen.blind_since.is_some());
        let line =
            if compact { compact_line(trigger, seen, view.now, theme, inner.width) } else { reading(trigger, seen, theme, inner.width) };
        line.render(row, buf);
        if roomy && let Some(row) = rows.next() {
            clock(trigger, seen, view.now, theme, inner.width).render(row, buf);
        }
    }
}

fn verdict(state: &State, theme: &Theme) -> Line<'static> {
    let breached = state.triggers.values().any(|trigger| trigger.pending_since.is_some());
    let blind = state.triggers.values().any(|trigger| trigger.blind_since.is_some());
    match (breached, blind) {
        (true, _) => Line::styled(format!("{} clock running", theme.glyphs.breach), theme.breach),
        (false, true) => Line::styled(format!("{} blind", theme.glyphs.unknown), theme.unknown),
        (false, false) => Line::styled(format!("{} armed", theme.glyphs.ok), theme.ok),
    }
}

fn name(trigger: &Trigger) -> String {
    trigger.metric.name().replace('_', " ")
}

/// The value if it may be believed; what was read before a source fell silent says nothing of now.
fn value(trigger: &Trigger, seen: &TriggerState) -> Option<String> {
    match seen.reading {
        Reading::Ok | Reading::Breach => seen.value.map(|value| trigger.metric.unit().show(value)),
        Reading::None | Reading::Unknown { .. } => None,
    }
}

/// Glyph, name, value and rule; then the state in words, as far as there is room.
fn reading(trigger: &Trigger, seen: &TriggerState, theme: &Theme, width: u16) -> Line<'static> {
    let (glyph, word, style) = words::reading(&seen.reading, theme);
    let mut spans = vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{} ", name(trigger)), theme.text),
        Span::styled(value(trigger, seen).unwrap_or_else(|| "-".to_owned()), style),
        Span::styled(format!(" > {} for {}", trigger.metric.unit().show(trigger.above), trigger.lasting), theme.dim),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    if seen.reading != Reading::Ok {
        let word = text::cut(&word, usize::from(width).saturating_sub(used + 2), theme.glyphs.ellipsis);
        spans.push(Span::styled(format!("  {word}"), style));
    }
    Line::from(spans)
}

/// On one row, the clock matters more than the rule.
fn compact_line(trigger: &Trigger, seen: &TriggerState, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    let (glyph, _, style) = words::reading(&seen.reading, theme);
    let mut spans = vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{} ", name(trigger)), theme.text),
        Span::styled(value(trigger, seen).map_or_else(String::new, |value| format!("{value} ")), style),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(clock(trigger, seen, now, theme, width.saturating_sub(used as u16)).spans.into_iter().skip(1));
    Line::from(spans)
}

/// How much of its time has passed, as a bar and in words, in `room` cells.
fn clock(trigger: &Trigger, seen: &TriggerState, now: Timestamp, theme: &Theme, room: u16) -> Line<'static> {
    let then = match trigger.action {
        TriggerAction::Rollback => "rolls back",
        TriggerAction::Hold => "holds",
    };
    let said = |text: String, style| Line::from(vec![Span::raw("  "), Span::styled(text, style)]);
    match (seen.pending_since, seen.blind_since) {
        (Some(since), _) => {
            let passed = now.since(since);
            let words = format!(" {then} in {}", Millis(trigger.lasting.0.saturating_sub(passed.0)));
            let cells = usize::from(room).saturating_sub(words.len() + 2).min(CLOCK_CELLS);
            let filled = (passed.0 as usize * cells / trigger.lasting.0.max(1) as usize).min(cells);
            Line::from(vec![
                Span::raw("  "),
                Span::styled(theme.glyphs.fills[0].repeat(filled), theme.breach),
                Span::styled(theme.glyphs.track.repeat(cells - filled), theme.faint),
                Span::styled(words, theme.breach),
            ])
        }
        (None, Some(since)) => {
            let long = format!("blind for {}; advancing is refused", now.since(since));
            said(if long.len() + 2 <= usize::from(room) { long } else { format!("blind for {}", now.since(since)) }, theme.unknown)
        }
        (None, None) => match seen.fired_at {
            Some(at) => said(format!("fired {}", words::age(now.since(at))), theme.warn),
            None => said(format!("{then} when breached for {}", trigger.lasting), theme.faint),
        },
    }
}
