//! The fifteen questions: which are answered, by what evidence, how old it is.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::state::{ItemState, ItemStatus, State},
    plan::model::{Item, Proof, Stage},
    tui::{
        keymap::Action,
        panes::{frame, words},
        theme::Theme,
        view::{Pane, View},
    },
    words::{Names, evidence},
};

/// Items in the order of the screen: by stage, in the plan's order.
pub fn items(state: &State) -> Vec<&Item> {
    let mut items: Vec<&Item> = words::plan(state).map(|plan| plan.checklist.iter().collect()).unwrap_or_default();
    items.sort_by_key(|item| item.stage);
    items
}

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let focused = view.focus == Pane::Checklist;
    let items = items(state);
    let inner = frame::frame(
        Pane::Checklist,
        frame::title("Checklist", focused, theme),
        tally(state, &items, theme),
        state,
        view,
        theme,
        area,
        buf,
    );
    let mut lines: Vec<(Option<usize>, Line<'static>)> = Vec::new();
    let roomy = inner.height as usize >= items.len() + 3;
    let mut stage = None;
    for (place, item) in items.iter().enumerate() {
        if roomy && stage != Some(item.stage) {
            stage = Some(item.stage);
            lines.push((None, Line::styled(stage_name(item.stage), theme.title)));
        }
        lines.push((Some(place), row(state, view, theme, item, inner.width)));
    }
    let cursor = lines.iter().position(|(place, _)| *place == Some(view.item)).unwrap_or(0);
    let height = inner.height as usize;
    let first = if focused { cursor.saturating_sub(height.saturating_sub(1)) } else { interesting(state, &items, lines.len(), height) };
    for ((place, line), row) in lines.into_iter().skip(first).zip(inner.rows()) {
        if focused && place == Some(view.item) {
            buf.set_style(row, theme.selection);
        }
        line.render(row, buf);
    }
}

/// Without the focus, the pane shows the part where something is wrong or still to be done.
fn interesting(state: &State, items: &[&Item], lines: usize, height: usize) -> usize {
    let status = |item: &&Item| state.checklist.get(&item.id).map(|known| known.status).unwrap_or_default();
    let wrong = items.iter().position(|item| status(item) == ItemStatus::Failing);
    let open = || items.iter().position(|item| status(item) != ItemStatus::Done);
    wrong.or_else(open).unwrap_or(0).min(lines.saturating_sub(height))
}

fn tally(state: &State, items: &[&Item], theme: &Theme) -> Line<'static> {
    let count =
        |wanted: ItemStatus| items.iter().filter(|item| state.checklist.get(&item.id).is_some_and(|known| known.status == wanted)).count();
    let (done, failing) = (count(ItemStatus::Done), count(ItemStatus::Failing));
    let mut spans = vec![Span::styled(format!("{done} of {}", items.len()), if done == items.len() { theme.ok } else { theme.text })];
    if failing > 0 {
        spans.push(Span::styled(format!(" {} {failing}", theme.glyphs.breach), theme.breach));
    }
    Line::from(spans)
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::PreMigration => "Before",
        Stage::DuringMigration => "During",
        Stage::PostMigration => "After",
    }
}

fn row(state: &State, view: &View, theme: &Theme, item: &Item, width: u16) -> Line<'static> {
    let open = ItemState::default();
    let known = state.checklist.get(&item.id).unwrap_or(&open);
    let (glyph, _, style) = words::item(known.status, theme);
    let mut spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(item.title.to_string(), theme.text)];
    let told = match (&known.signed_by, &item.proof) {
        (Some(who), _) => format!("{who}: {}", evidence(&known.evidence, Names::of(state))),
        (None, Proof::Signed) => format!("to be signed ({})", words::key(view, Action::Sign)),
        (None, Proof::Collected(_)) => evidence(&known.evidence, Names::of(state)),
    };
    let age = known.since.map_or_else(String::new, |since| format!(" {}", view.age(since)));
    let used: usize = spans.iter().map(Span::width).sum();
    let room = (width as usize).saturating_sub(used + 2 + age.len());
    if room >= 8 {
        let cut: String = told.chars().take(room).collect();
        spans.push(Span::styled(format!("  {cut}"), if known.status == ItemStatus::Failing { theme.breach } else { theme.dim }));
        spans.push(Span::styled(age, theme.faint));
    }
    Line::from(spans)
}
