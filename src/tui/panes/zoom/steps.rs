//! The step under the cursor in full: what it wants and what is there, what it needs, who and how long, how the newest attempt ended, the command
//! that does it by hand, and what has happened to it.

use ratatui::text::Line;

use super::{Room, Section};
use crate::{
    core::{
        news::News,
        runbook::{self, Stage, stage},
    },
    domain::standing::Act,
    plan::model::steps::{Need, Step},
    tui::{
        keymap::Action,
        panes::{steps, words},
        scene::Scene,
    },
    words::{
        self as say, Names,
        runbook::{self as told, Word},
    },
};

const BAR_CELLS: usize = 24;
/// Newest first, so many are enough to tell what was tried.
const HAPPENED_MAX: usize = 12;

pub(super) fn sections(room: &Room) -> Vec<Section> {
    let Some(step) = steps::chosen(room.state, room.view) else { return Vec::new() };
    let mut found = vec![standing(step, room)];
    found.extend(needs(step, room));
    found.push(plan(step, room));
    found.extend(by_hand(step, room));
    found.extend(happened(step, room));
    found.extend(room.sources(step.id.as_str()));
    found
}

/// How it stands: what is there, what would change, how far it is.
fn standing(step: &Step, room: &Room) -> Section {
    let (state, view, theme) = (room.state, room.view, room.theme);
    let mut section = Section::new(step.title.to_string(), theme);
    let stands = told::stands(state, step);
    let (glyph, style) = steps::sign(stands.word, theme);
    let since = told::since(state, step).map_or_else(String::new, |at| match stands.word.is_open() {
        true => format!(" for {}", view.age(at)),
        false => format!(", {}", words::age(view.age(at))),
    });
    section.fact("stands", &format!("{glyph} {}{since}", stands.word.name()), style, room);
    let bar = steps::bar(Scene { state, view, theme }, step, BAR_CELLS);
    if !bar.is_empty() {
        let label = ratatui::text::Span::styled(format!("{:<width$} ", "progress", width = super::LABEL_CELLS), theme.dim);
        section.row(std::iter::once(label).chain(bar).collect(), room);
    }
    let found = stage(state, step);
    // What the word says again is said once.
    match (&found, stands.word) {
        (_, Word::Approval) => section.fact("", &stands.told, theme.warn, room),
        (Stage::Ready { changes, .. } | Stage::Waiting { changes, .. }, _) => {
            for change in *changes {
                section.fact("would change", &say::steps::change(change), theme.figure, room);
            }
        }
        (Stage::Reached { evidence }, _) => {
            for known in *evidence {
                section.fact("evidence", &format!("{} {}", known.what, known.value), theme.text, room);
            }
        }
        (Stage::Underway { work: Some(work), .. }, _) => {
            section.fact("operation", work.operation.as_str(), theme.figure, room);
            section.fact("does", &stands.told, theme.text, room);
        }
        (Stage::Unseen { .. } | Stage::Acting { .. } | Stage::Underway { .. } | Stage::Foreign { .. } | Stage::Skipped(_), _) => {
            section.fact("", &stands.told, theme.text, room);
        }
    }
    if let Stage::Ready { failed: Some(why), .. } = &found {
        section.fact("failed", &why.to_string(), theme.breach, room);
    }
    let known = state.steps.get(&step.id);
    match known.and_then(|known| known.last.as_ref()) {
        // Why it failed stands above.
        Some(last) if !stands.word.is_open() && stands.word != Word::Failed => {
            section.fact("last act", &told::last(last, view.now), theme.text, room)
        }
        Some(_) | None => {
            if let Some(by) = told::by(state, step) {
                section.fact("by", &by, theme.people, room);
            }
        }
    }
    let time = told::time(state, step, view.now);
    if !time.is_empty() {
        section.fact("time", &time, theme.text, room);
    }
    if let Some(seen) = known.and_then(|known| known.seen.as_ref()) {
        section.fact("looked", &words::age(view.age(seen.at)), theme.dim, room);
    }
    section
}

/// What it needs first, each met or not.
fn needs(step: &Step, room: &Room) -> Option<Section> {
    let theme = room.theme;
    let names = Names::of(room.state);
    let lacks = runbook::lacks(room.state, step);
    let mut section = Section::new("It needs", theme);
    for need in &step.needs {
        let label = match need {
            Need::Step(_) => "step",
            Need::Line(_) => "checklist",
            Need::Share { .. } => "traffic",
        };
        match lacks.iter().find(|unmet| unmet.need == need) {
            Some(unmet) => {
                let words = format!("{} {}", theme.glyphs.idle, say::steps::unmet(unmet, names));
                section.fact(label, &words, theme.warn, room);
            }
            None => section.fact(label, &format!("{} {}", theme.glyphs.ok, say::steps::need(need, names)), theme.ok, room),
        }
    }
    (!section.lines.is_empty()).then_some(section)
}

/// What the plan says of it.
fn plan(step: &Step, room: &Room) -> Section {
    let theme = room.theme;
    let mut section = Section::new("By the plan", theme);
    let mut fact = |label: &str, told: &str, style| section.fact(label, told, style, room);
    fact("wants", &say::steps::desired(&step.desired), theme.text);
    fact("target", step.desired.target(), theme.figure);
    if let Some(owner) = &step.owner {
        fact("owner", owner.as_str(), theme.people);
    }
    if let Some(expected) = step.expected {
        fact("expected", &expected.to_string(), theme.text);
    }
    fact("patience", &format!("{}, then people are told; nothing is given up", step.patience), theme.text);
    fact("consent", told::consent(step.consent(Act::Run)), theme.text);
    fact("undo", told::undoing(step.desired.undoing()), theme.text);
    section
}

/// The commands that do it, and take it back, without us.
fn by_hand(step: &Step, room: &Room) -> Option<Section> {
    let theme = room.theme;
    let key = words::key(room.view, Action::CopyStep);
    let mut section = Section::new(format!("By hand ({key} copies it)"), theme);
    for act in [Act::Run, Act::Undo] {
        let Some(command) = told::by_hand(room.state, step, act) else { continue };
        section.fact(say::steps::act(act), "", theme.dim, room);
        let parts = words::broken(&command, room.width.saturating_sub(6));
        section.lines.extend(parts.into_iter().map(|part| Line::styled(format!("    {part}"), theme.text)));
    }
    (!section.lines.is_empty()).then_some(section)
}

/// What was told of it, newest first.
fn happened(step: &Step, room: &Room) -> Option<Section> {
    let (theme, view) = (room.theme, room.view);
    let names = Names::of(room.state);
    let mut section = Section::new("What happened to it", theme);
    let about = room.state.feed.iter().rev().filter(|line| matches!(&line.news, News::Step { step: of, .. } if *of == step.id));
    for line in about.take(HAPPENED_MAX) {
        let (glyph, style) = words::tone(line.news.tone(), theme);
        section.fact(&words::age(view.age(line.at)), &format!("{glyph} {}", say::news(&line.news, names)), style, room);
    }
    (!section.lines.is_empty()).then_some(section)
}
