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
        scene::Scene,
        theme::Theme,
        view::Pane,
        widgets::text,
    },
    words::{Names, evidence},
};

/// Items in the order of the screen: by stage, in the plan's order.
pub fn items(state: &State) -> Vec<&Item> {
    let mut items: Vec<&Item> = words::plan(state).map(|plan| plan.checklist.iter().collect()).unwrap_or_default();
    items.sort_by_key(|item| item.stage);
    items
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let focused = view.focus == Pane::Checklist;
    let items = items(state);
    let inner = frame::frame(Pane::Checklist, frame::title("Checklist", focused, theme), tally(state, &items, theme), scene, area, buf);
    let mut lines: Vec<(Option<usize>, Line<'static>)> = Vec::new();
    let roomy = inner.height as usize >= items.len() + 3;
    let mut stage = None;
    for (place, item) in items.iter().enumerate() {
        if roomy && stage != Some(item.stage) {
            stage = Some(item.stage);
            lines.push((None, Line::styled(stage_name(item.stage), theme.title)));
        }
        lines.push((Some(place), row(scene, item, inner.width)));
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

/// Cells of an age, and most of a title where the evidence needs room too.
const AGE_CELLS: usize = 7;
const TITLE_CELLS_MAX: usize = 34;

/// A row of a table: what is asked, what it rests on, and how old that evidence is.
fn row(scene: Scene<'_>, item: &Item, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let open = ItemState::default();
    let known = state.checklist.get(&item.id).unwrap_or(&open);
    let (glyph, _, style) = words::item(known.status, theme);
    let unsigned = known.signed_by.is_none() && item.proof == Proof::Signed;
    let told = match (&known.signed_by, &item.proof) {
        (Some(who), _) => format!("{who}: {}", evidence(&known.evidence, Names::of(state))),
        (None, Proof::Signed) => format!("not signed ({})", words::key(view, Action::Sign)),
        (None, Proof::Collected(_)) => evidence(&known.evidence, Names::of(state)),
    };
    let ink = if known.status == ItemStatus::Failing {
        theme.breach
    } else if unsigned && item.stage == Stage::PreMigration {
        theme.warn
    } else {
        theme.dim
    };
    let width = usize::from(width);
    let longest = words::plan(state).into_iter().flat_map(|plan| &plan.checklist).map(|item| text::width(item.title.as_str())).max();
    let title_room = longest.unwrap_or(0).min(TITLE_CELLS_MAX).min(width.saturating_sub(2));
    let told_room = width.saturating_sub(2 + title_room + 2 + AGE_CELLS);
    let mut spans = vec![Span::styled(format!("{glyph} "), style)];
    if told_room < 12 {
        let title = text::cut(item.title.as_str(), width.saturating_sub(2), theme.glyphs.ellipsis);
        spans.push(Span::styled(title, if unsigned && item.stage == Stage::PreMigration { theme.warn } else { theme.text }));
        return Line::from(spans);
    }
    let title = text::cut(item.title.as_str(), title_room, theme.glyphs.ellipsis);
    let told = text::cut(&told, told_room, theme.glyphs.ellipsis);
    let age = known.seen_at.map_or_else(String::new, |seen| view.age(seen).to_string());
    spans.push(Span::styled(text::padded(&title, title_room + 2), theme.text));
    spans.push(Span::styled(text::padded(&told, told_room), ink));
    spans.push(Span::styled(format!("{age:>AGE_CELLS$}"), theme.faint));
    Line::from(spans)
}
