//! The last line: the way home, what the last answer said, and the keys that work at this moment.
//!
//! Only what works now is offered: a draft that would be refused has no key that asks for it. A message that has no room beside the way
//! home gets lines of its own above, whole, because its advice stands at its end.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    core::{
        fails::stranded,
        home::wants_a_hand,
        outlook::{self, Preview},
        runbook::StepState,
        state::State,
    },
    domain::standing::Act,
    plan::model::{Proof, steps::Undoing},
    tui::{
        keymap::{Action, Danger, Scroll, Way},
        panes::{checklist, steps, words},
        scene::Scene,
        theme::Theme,
        view::{Hearing, Injects, Leaving, Notice, Pane, Screen, Then, View, Zoom},
        widgets::text,
    },
    words::runbook::{self, Word},
};

/// Columns beside a message that the way home takes in the footer.
const WAY_HOME_COLUMNS: u16 = 15;

/// Rows above the footer for a message that is too long for it; none where it fits.
pub fn notice_rows(view: &View, theme: &Theme, width: u16) -> u16 {
    match &view.notice {
        Some(notice) if !fits(notice, theme, width) => wrapped(notice, theme, width).len() as u16,
        Some(_) | None => 0,
    }
}

fn said(notice: &Notice, theme: &Theme) -> String {
    format!("{} {}", words::tone(notice.tone, theme).0, notice.text)
}

fn fits(notice: &Notice, theme: &Theme, width: u16) -> bool {
    text::width(&said(notice, theme)) + 2 + usize::from(WAY_HOME_COLUMNS) <= usize::from(width)
}

fn wrapped(notice: &Notice, theme: &Theme, width: u16) -> Vec<String> {
    text::wrap(&said(notice, theme), usize::from(width.saturating_sub(2)))
}

/// The message in lines of its own.
pub fn notice(view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(notice) = view.notice.as_ref().filter(|_| !area.is_empty()) else { return };
    let style = words::tone(notice.tone, theme).1;
    buf.set_style(area.intersection(buf.area), theme.dialog);
    let lines = wrapped(notice, theme, area.width).into_iter().map(|line| Line::styled(format!(" {line}"), style));
    text::rows(buf, area, lines);
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    drawn(hints(scene, area.width), area, buf);
}

/// The keys that work where nothing else has room.
pub fn draw_unseen(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let mut hints = hints(scene, area.width);
    hints.retain(|hint| hint.action.is_none_or(Action::works_unseen));
    drawn(hints, area, buf);
}

fn drawn(hints: Vec<Hint>, area: Rect, buf: &mut Buffer) {
    let spans: Vec<Span<'static>> = hints.into_iter().flat_map(|hint| hint.spans).collect();
    text::rows(buf, area, [Line::from(spans)]);
}

/// A part of the footer.
pub struct Hint {
    spans: Vec<Span<'static>>,
    /// What its key does; none for what is only said.
    pub action: Option<Action>,
}

impl Hint {
    pub fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum()
    }
}

/// The way home always; then what the last answer said, then the keys that matter now, as many as fit.
pub fn hints(scene: Scene<'_>, width: u16) -> Vec<Hint> {
    let Scene { state, view, theme } = scene;
    let role = view.me.as_ref().map(|me| me.role);
    let held = words::route(state, view.route).and_then(|route| state.routes.get(&route.id)).is_some_and(|known| known.hold.is_some());
    let offered = |action: &Action| {
        let binding = view.keys.binding(*action)?;
        // What lies above the screen takes the keys, so none is offered that would be typed there.
        let here = binding.context.is_on(view.overlay.is_none().then_some(view.screen));
        // What can't reach the session now is not offered either; the way home is kept and asked for as soon as it does.
        let kept = (*action == Action::Rollback).then(|| kept_until(view)).flatten();
        let reaches = view.hearing == Hearing::Connected || binding.danger == Danger::Appearance || kept.is_some();
        let key = binding.keys.first().map(ToString::to_string)?;
        let label = if *action == Action::Hold && held {
            "resume"
        } else if *action == Action::RunStep && has_failed(state, view) {
            "run again"
        } else if *action == Action::Drop && (view.screen != view.home() || view.zoomed == Zoom::Focused) {
            "back"
        } else if *action == Action::Quit && view.leaving == Leaving::Ends {
            "end"
        } else {
            binding.label
        };
        let label = kept.map_or_else(|| label.to_owned(), |until| format!("{label} {until}"));
        (here && reaches && role.is_none_or(|role| binding.is_for(role))).then_some((key, label))
    };
    let mut room = usize::from(width);
    let mut hints: Vec<Hint> = Vec::new();
    let mut add = |spans: Vec<Span<'static>>, action| {
        let hint = Hint { spans, action };
        if hint.width() <= room {
            room -= hint.width();
            hints.push(hint);
        }
    };
    if let Some((key, label)) = offered(&Action::Rollback) {
        add(vec![Span::styled(format!(" {key} {label} "), theme.rollback)], Some(Action::Rollback));
    }
    if let Some(notice) = view.notice.as_ref().filter(|notice| fits(notice, theme, width)) {
        add(vec![Span::styled(format!(" {} ", said(notice, theme)), words::tone(notice.tone, theme).1)], None);
    }
    let mut offers = matters(state, view);
    let mut told: Vec<Action> = Vec::new();
    offers.retain(|action| {
        let new = !told.contains(action);
        told.push(*action);
        new
    });
    for action in offers {
        if let Some((key, label)) = offered(&action) {
            add(vec![Span::styled(format!(" {key} "), theme.key), Span::styled(format!("{label} "), theme.hint)], Some(action));
        }
    }
    hints
}

/// When a way home that is asked for now reaches the session, where that is not now and may be yet.
fn kept_until(view: &View) -> Option<&'static str> {
    match view.hearing {
        Hearing::Connected | Hearing::Lost { then: Then::Nothing, .. } => None,
        Hearing::Lost { then: Then::Listen, .. } => Some("when it goes on"),
        Hearing::Lost { then: Then::TryAgain { .. }, .. } => Some("when it is back"),
    }
}

/// Keys in the order of their worth at this moment.
fn matters(state: &State, view: &View) -> Vec<Action> {
    let route = words::route(state, view.route);
    let known = route.and_then(|route| state.routes.get(&route.id));
    let mine = view.me.as_ref().map(|me| me.client);
    let mut actions = of_screen(state, view);
    if view.screen == Screen::Main && view.zoomed == Zoom::Focused {
        actions.extend([Action::Drop, Action::Scroll(Scroll::Down)]);
        actions.extend((view.focus == Pane::Journal).then_some(Action::Filter));
    }
    if view.screen == Screen::Main && view.focus == Pane::Steps {
        actions.extend(of_step(state, view));
    }
    if route.is_some_and(|route| wants_a_hand(state, route)) || view.hearing != Hearing::Connected {
        actions.push(Action::CopyByHand);
    }
    if route.is_some_and(|route| stranded(state, route).is_some()) {
        actions.push(Action::CopyAwayByHand);
    }
    let blocked = known.is_some_and(|known| known.latch.is_some() || known.hold.is_some() || known.drift.is_some());
    let reached = view.hearing == Hearing::Connected;
    if let Some(draft) = route.and_then(|route| view.drafts.get(&route.id)).filter(|_| !steps::is_whole(view)) {
        let id = &route.expect("it has a draft").id;
        let refused = matches!(outlook::preview(state, mine, id, draft), None | Some(Preview::Refused(_)));
        actions.extend((!refused).then_some(Action::Ask));
        actions.push(Action::Drop);
    }
    if !state.approvals.is_empty() {
        actions.push(Action::Review);
    }
    if known.is_some_and(|known| known.latch.is_some() && !known.motion.is_returning()) {
        actions.push(Action::Rearm);
    }
    if known.is_some_and(|known| known.hold.is_some()) {
        actions.push(Action::Hold);
    }
    if route.is_some_and(|route| outlook::may_take_over(state, &route.id).is_ok()) {
        actions.push(Action::TakeOver);
    }
    if route.is_some_and(|route| outlook::is_adoptable(state, route)) {
        actions.push(Action::AdoptDrift);
    }
    if state.controls.holder.as_ref().map(|holder| holder.client) != mine || !state.controls.asked_by.is_empty() {
        actions.push(Action::Controls);
    }
    if view.focus == Pane::Checklist && is_signable(state, view) {
        actions.push(Action::Sign);
    }
    if reached && !blocked && !steps::is_whole(view) {
        actions.extend([Action::Draft(10), Action::Ladder(Way::Forward)]);
    }
    actions.extend([Action::Help, Action::Palette]);
    actions.extend(steps::rows(state).map(|_| Action::Runbook));
    actions.extend([Action::Focus(Way::Forward), Action::Show(Screen::Metrics), Action::Show(Screen::Journal), Action::Themes]);
    actions.extend((view.injects == Injects::Yes).then_some(Action::Inject));
    actions.push(Action::Quit);
    actions
}

/// What can be done now with the step under the cursor.
fn of_step(state: &State, view: &View) -> Vec<Action> {
    let Some(step) = steps::chosen(state, view) else { return Vec::new() };
    let mut actions = Vec::new();
    match runbook::stands(state, step).word {
        Word::Ready | Word::Failed => actions.extend([Action::RunStep, Action::SkipStep]),
        Word::Waits | Word::Foreign => actions.push(Action::SkipStep),
        Word::Reached => {
            let is_ours = state.steps.get(&step.id).is_some_and(StepState::is_ours);
            let can = is_ours && matches!(step.desired.undoing(), Undoing::Possible | Undoing::Destroys);
            actions.extend(can.then_some(Action::UndoStep));
        }
        Word::Skipped => actions.push(Action::RunStep),
        Word::Approval => actions.push(Action::Review),
        Word::Unseen | Word::Asked | Word::Unknown | Word::Running | Word::Others | Word::Undoing | Word::Late => {}
    }
    actions.extend(runbook::by_hand(state, step, Act::Run).map(|_| Action::CopyStep));
    actions
}

fn has_failed(state: &State, view: &View) -> bool {
    steps::chosen(state, view).is_some_and(|step| runbook::stands(state, step).word == Word::Failed)
}

/// Keys of the screen that is shown.
fn of_screen(state: &State, view: &View) -> Vec<Action> {
    let mut actions = Vec::new();
    match view.screen {
        Screen::Watch => actions.extend([Action::Follow, Action::Show(Screen::Main)]),
        Screen::Journal | Screen::Kubernetes => {
            actions.extend([Action::Drop, Action::Scroll(Scroll::Down), Action::Filter]);
        }
        Screen::Metrics => {
            actions.extend([Action::Drop, Action::Span(Way::Forward), Action::Span(Way::Back), Action::Pan(Way::Back)]);
            actions.extend(view.charts.until.map(|_| Action::Pan(Way::Forward)));
            actions.extend((!state.marks.is_empty()).then_some(Action::Mark(Way::Back)));
            actions.extend(view.charts.mark.map(|_| Action::ReadMark));
        }
        Screen::Log => actions.push(Action::Drop),
        Screen::Main => {}
    }
    actions
}

/// Whether the line under the cursor is one that a person signs.
fn is_signable(state: &State, view: &View) -> bool {
    checklist::items(state).get(view.item).is_some_and(|item| item.proof == Proof::Signed)
}
