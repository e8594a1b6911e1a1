//! The runbook: phases and steps as a tree. Each step with its sign and word, what there is to say behind it, how far it is, and how long it
//! takes beside what was expected.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::{
        runbook::{self, Progress},
        state::State,
    },
    domain::{time::Millis, weight::PerMille},
    plan::model::{Phase, steps::Step},
    tui::{
        keymap::Action,
        panes::{frame, header, words},
        scene::Scene,
        theme::Theme,
        view::{Pane, Screen, View, Zoom},
        widgets::text,
    },
    words::runbook::{self as say, Stands, Word},
};

const TITLE: &str = "Runbook";
/// Cells of a step's sign, with what sets it in below its phase.
const SIGN_CELLS: usize = 3;
const WORD_CELLS: usize = 9;
/// Most of a title where there is something to say behind it.
const TITLE_CELLS_MAX: usize = 36;
/// What is said behind a word needs at least this much, or it is left out.
const TOLD_CELLS_MIN: usize = 14;
/// Columns beside the title in a tree that says all that it can at a glance.
const GLANCE_CELLS: usize = 34;
const BAR_CELLS: usize = 10;

/// Steps in the plan's order, through which the cursor goes.
pub fn steps(state: &State) -> Vec<&Step> {
    words::plan(state).map(|plan| plan.steps().collect()).unwrap_or_default()
}

/// The step under the cursor.
pub fn chosen<'a>(state: &'a State, view: &View) -> Option<&'a Step> {
    let steps = steps(state);
    steps.get(view.step).or(steps.last()).copied()
}

/// Whether the runbook fills the screen, and neither rail nor draft is in sight.
pub fn is_whole(view: &View) -> bool {
    view.screen == Screen::Main && view.focus == Pane::Steps && view.zoomed == Zoom::Focused
}

/// Rows that the whole tree takes with its frame; nothing where the plan has no steps.
pub fn rows(state: &State) -> Option<u16> {
    let plan = words::plan(state)?;
    let steps = plan.steps().count();
    (steps > 0).then(|| (plan.phases.len() + steps + 2) as u16)
}

/// Columns in which each step has its title, word and time.
pub fn columns(state: &State) -> u16 {
    (longest_title(state) + GLANCE_CELLS) as u16
}

fn longest_title(state: &State) -> usize {
    steps(state).iter().map(|step| text::width(step.title.as_str())).max().unwrap_or(0)
}

/// The sign and ink of a word. Each is told by its word too.
pub fn sign(word: Word, theme: &Theme) -> (&'static str, Style) {
    let glyphs = &theme.glyphs;
    match word {
        Word::Unseen => (glyphs.unknown, theme.unknown),
        Word::Waits => (glyphs.dot, theme.dim),
        Word::Ready => (glyphs.idle, theme.figure),
        Word::Failed | Word::Foreign => (glyphs.breach, theme.breach),
        Word::Approval | Word::Late => (glyphs.warn, theme.warn),
        Word::Unknown => (glyphs.unknown, theme.warn),
        Word::Asked | Word::Running | Word::Undoing => (glyphs.busy, theme.busy),
        Word::Others => (glyphs.busy, theme.warn),
        Word::Reached => (glyphs.ok, theme.ok),
        Word::Skipped => (glyphs.arrow, theme.dim),
    }
}

enum Row<'a> {
    Phase(usize, &'a Phase),
    Step(usize, &'a Step),
}

fn tree(state: &State) -> Vec<Row<'_>> {
    let phases = words::plan(state).map(|plan| plan.phases.as_slice()).unwrap_or_default();
    let mut tree = Vec::new();
    let mut count = 0;
    for (place, phase) in phases.iter().enumerate() {
        tree.push(Row::Phase(place, phase));
        for step in &phase.steps {
            tree.push(Row::Step(count, step));
            count += 1;
        }
    }
    tree
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let focused = view.focus == Pane::Steps;
    let title = frame::title(TITLE, focused, theme);
    if rows(state).is_none() {
        frame::frame(Pane::Steps, title, Line::styled("no steps in the plan", theme.dim), scene, area, buf);
        return;
    }
    let inner = frame::frame(Pane::Steps, title, tally(scene), scene, area, buf);
    let tree = tree(state);
    let height = usize::from(inner.height);
    let last = steps(state).len().saturating_sub(1);
    // Where nobody chooses, what comes next is in sight.
    let sought = match runbook::next(state).first() {
        _ if focused => view.step.min(last),
        Some(next) => steps(state).iter().position(|step| step.id == next.id).unwrap_or(0),
        None => last,
    };
    let at = tree.iter().position(|row| matches!(row, Row::Step(place, _) if *place == sought)).unwrap_or(0);
    let first = first_in_sight(at, tree.len(), height);
    let now = current(state, view);
    let cells = cells(scene, inner.width);
    for (row, place) in tree.into_iter().skip(first).zip(inner.rows()) {
        match row {
            Row::Phase(number, phase) => phase_row(scene, (number, phase), now, place.width).render(place, buf),
            Row::Step(number, step) => {
                if focused && number == sought {
                    buf.set_style(place.intersection(buf.area), theme.selection);
                }
                step_row(scene, step, cells, place.width).render(place, buf);
            }
        }
    }
}

/// The row from which on a tree of so many is shown, so that `at` is in sight with what stands around it.
fn first_in_sight(at: usize, rows: usize, height: usize) -> usize {
    at.saturating_sub(height.saturating_sub(1) * 2 / 3).min(rows.saturating_sub(height))
}

/// The phase that the runbook is in.
fn current(state: &State, view: &View) -> Option<usize> {
    runbook::phase(state, header::share(state, view).unwrap_or(PerMille::ZERO))
}

fn tally(scene: Scene<'_>) -> Line<'static> {
    let Scene { state, theme, .. } = scene;
    let plan = words::plan(state);
    let all = plan.into_iter().flat_map(|plan| &plan.phases).map(|phase| runbook::progress(state, phase));
    let Progress { done, of } =
        all.fold(Progress { done: 0, of: 0 }, |sum, one| Progress { done: sum.done + one.done, of: sum.of + one.of });
    let mut spans = vec![Span::styled(format!("{done} of {of}"), if done == of { theme.ok } else { theme.text })];
    let counted = |meant: &[Word]| steps(state).into_iter().filter(|step| meant.contains(&say::stands(state, step).word)).count();
    let running = counted(&[Word::Asked, Word::Running, Word::Undoing]);
    let waiting = counted(&[Word::Approval, Word::Late, Word::Unknown]);
    let failed = counted(&[Word::Failed, Word::Foreign]);
    for (count, word) in [(running, Word::Running), (waiting, Word::Late), (failed, Word::Failed)] {
        let (glyph, style) = sign(word, theme);
        spans.extend((count > 0).then(|| Span::styled(format!(" {glyph} {count}"), style)));
    }
    Line::from(spans)
}

/// A phase, with how many of its steps are done.
fn phase_row(scene: Scene<'_>, (number, phase): (usize, &Phase), now: Option<usize>, width: u16) -> Line<'static> {
    let Scene { state, theme, .. } = scene;
    let progress = runbook::progress(state, phase);
    let is_now = now == Some(number);
    let tally = match progress {
        Progress { of: 0, .. } => String::new(),
        Progress { done, of } => format!(" {done} of {of}"),
    };
    let room = usize::from(width).saturating_sub(text::width(&tally));
    let mark = if is_now { theme.glyphs.focus } else { " " };
    let title = text::cut(&format!("{mark} {} {}", number + 1, phase.title), room, theme.glyphs.ellipsis);
    let ink = if is_now { theme.title } else { theme.dim };
    let done = if progress.of > 0 && progress.is_whole() { theme.ok } else { theme.dim };
    Line::from(vec![Span::styled(title, ink), Span::styled(tally, done)])
}

/// Cells of a title and of a time, the same in each row, so that they stand below one another.
#[derive(Clone, Copy)]
struct Cells {
    title: usize,
    time: usize,
}

fn cells(scene: Scene<'_>, width: u16) -> Cells {
    let Scene { state, view, .. } = scene;
    let room = usize::from(width).saturating_sub(SIGN_CELLS + 1);
    let times = steps(state).into_iter().map(|step| text::width(&say::time(state, step, view.now)));
    let time = times.max().unwrap_or(0).min(room / 3);
    let beside = WORD_CELLS + time + 2;
    Cells { title: longest_title(state).min(TITLE_CELLS_MAX).min(room.saturating_sub(beside).max(room / 2)), time }
}

fn step_row(scene: Scene<'_>, step: &Step, cells: Cells, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let ellipsis = theme.glyphs.ellipsis;
    let stands = say::stands(state, step);
    let (glyph, style) = sign(stands.word, theme);
    let title = text::cut(step.title.as_str(), cells.title, ellipsis);
    let mut spans = vec![
        Span::styled(format!("  {glyph} "), style),
        Span::styled(text::padded(&title, cells.title + 1), ink(stands.word, theme)),
        Span::styled(text::padded(stands.word.name(), WORD_CELLS), style),
    ];
    let left = usize::from(width).saturating_sub(spans.iter().map(Span::width).sum());
    let time = text::cut(&say::time(state, step, view.now), cells.time.min(left), ellipsis);
    let told = told(scene, step, &stands, left.saturating_sub(cells.time + 1));
    let gap = left.saturating_sub(told.iter().map(Span::width).sum::<usize>() + text::width(&time));
    spans.extend(told);
    spans.push(Span::styled(format!("{}{time}", " ".repeat(gap)), theme.faint));
    Line::from(spans)
}

/// What there is to say behind the word, as far as it has room: how far it is, who, and why.
fn told(scene: Scene<'_>, step: &Step, stands: &Stands, room: usize) -> Vec<Span<'static>> {
    let Scene { state, theme, .. } = scene;
    let mut told = if room > BAR_CELLS { bar(scene, step, BAR_CELLS) } else { Vec::new() };
    let left = |told: &[Span<'static>]| room.saturating_sub(told.iter().map(Span::width).sum());
    // Of a request it is said again who waits.
    let by = say::by(state, step).filter(|by| stands.word != Word::Approval && left(&told) > text::width(by) + 1);
    told.extend(by.map(|by| Span::styled(format!("{by} "), theme.people)));
    if left(&told) >= TOLD_CELLS_MIN {
        let said = text::cut(&stands.told, left(&told), theme.glyphs.ellipsis);
        let style = sign(stands.word, theme).1;
        told.push(Span::styled(said, if stands.word.is_begun() && style != theme.busy { style } else { theme.dim }));
    }
    told
}

fn ink(word: Word, theme: &Theme) -> Style {
    match word {
        Word::Waits | Word::Skipped => theme.dim,
        Word::Unseen
        | Word::Ready
        | Word::Failed
        | Word::Approval
        | Word::Asked
        | Word::Unknown
        | Word::Running
        | Word::Others
        | Word::Undoing
        | Word::Late
        | Word::Reached
        | Word::Foreign => theme.text,
    }
}

/// How far it is: as the vendor tells, in blocks; where it tells nothing, how much of the expected time is over, as a thin line.
pub fn bar(scene: Scene<'_>, step: &Step, cells: usize) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    let glyphs = &theme.glyphs;
    if !matches!(say::stands(state, step).word, Word::Asked | Word::Running | Word::Others | Word::Undoing | Word::Late) {
        return Vec::new();
    }
    let filled = |part: f64| ((part * cells as f64) as usize).min(cells);
    let spans = |full: usize, on: &str, off: &str| {
        vec![Span::styled(on.repeat(full), theme.busy), Span::styled(format!("{} ", off.repeat(cells - full)), theme.faint)]
    };
    match (say::progress(state, step), say::takes(state, step, view.now), step.expected) {
        (Some(done), ..) => spans(filled(done), glyphs.fills[0], glyphs.track),
        (None, Some(took), Some(expected)) => {
            let part = took.0 as f64 / expected.max(Millis(1)).0 as f64;
            spans(filled(part), glyphs.frame_focus.horizontal, glyphs.line)
        }
        (None, ..) => Vec::new(),
    }
}

/// One row where the tree has no room: what the phase needs next.
pub fn draw_line(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(plan) = words::plan(state).filter(|_| !area.is_empty()) else { return };
    let Some(phase) = current(state, view).and_then(|place| plan.phases.get(place)) else { return };
    let Progress { done, of } = runbook::progress(state, phase);
    let next = runbook::next(state);
    let dot = || Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint);
    let mut spans = vec![Span::styled(format!(" {TITLE} "), theme.title), Span::styled(format!("{done} of {of}"), theme.dim)];
    let Some(first) = next.first() else {
        spans.extend([dot(), Span::styled(format!("{} every step is done", theme.glyphs.ok), theme.ok)]);
        return text::rows(buf, area, [Line::from(spans)]);
    };
    let stands = say::stands(state, first);
    let (glyph, style) = sign(stands.word, theme);
    let used: usize = spans.iter().map(Span::width).sum::<usize>() + 3;
    let key = format!(" {} ", words::key(view, Action::Runbook));
    let time = say::time(state, first, view.now);
    let word = format!(" {}", [stands.word.name(), &time].join(" ").trim());
    let room = usize::from(area.width).saturating_sub(used + text::width(&word) + text::width(&key) + 2);
    let title = text::cut(first.title.as_str(), room, theme.glyphs.ellipsis);
    spans.extend([dot(), Span::styled(format!("{glyph} "), style), Span::styled(title, theme.text), Span::styled(word, style)]);
    let told = stands.word.is_begun().then(|| Span::styled(format!(": {}", stands.told), theme.dim));
    let then = next.get(1).map(|step| Span::styled(format!(" {} then {}", theme.glyphs.dot, step.title), theme.dim));
    let more = told.into_iter().chain(then);
    let line = text::with_what_fits(spans, more, usize::from(area.width).saturating_sub(text::width(&key)));
    text::rows(buf, area, [line]);
    text::put(buf, area, area.width.saturating_sub(text::width(&key) as u16), &key, theme.key);
}
