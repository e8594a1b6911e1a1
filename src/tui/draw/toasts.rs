//! What people here just did or said, for a short while in lines of their own above the footer: a chat line, a call to look, controls that passed on, a request
//! that ended, somebody else's step that was lost. All of it is read from the state, so every cockpit shows the same and nothing has to be remembered; the journal keeps it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        decision::Cause,
        lost::lost,
        state::{Ended, Ending, State, Terms},
    },
    domain::time::{Millis, Timestamp},
    tui::{keymap::Action, panes::words, scene::Scene, theme::Theme, view::View, widgets::text},
    words::Names,
};

/// Real time for which each is shown.
const SAID: Millis = Millis::from_secs(25);
const LOST: Millis = Millis::from_secs(20);
const ENDED: Millis = Millis::from_secs(20);
const CALLED: Millis = Millis::from_secs(15);
const HANDED: Millis = Millis::from_secs(8);
const TOASTS_MAX: usize = 3;

/// Lines that they take of a room of `height`.
pub(super) fn rows(scene: Scene<'_>, width: u16, height: u16) -> u16 {
    (lines(scene, width).len().min(TOASTS_MAX) as u16).min(height / 6)
}

/// The newest, one a line.
pub(super) fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let lines = lines(scene, area.width);
    let first = lines.len().saturating_sub(area.height.into());
    let room = Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(2), ..area };
    text::rows(buf, room, lines.into_iter().skip(first));
}

/// Whether `at` is less than `span` of real time ago.
fn is_new(at: Timestamp, span: Millis, view: &View) -> bool {
    view.age(at).as_secs_f64() < span.as_secs_f64() * view.speed.max(1.0)
}

/// Oldest first, each in as many lines of a room of `width` as it takes.
pub(super) fn lines(scene: Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let mut found: Vec<(Timestamp, Line<'static>)> = Vec::new();
    for said in state.said.iter().filter(|said| is_new(said.at, SAID, view)) {
        let name = Span::styled(format!("{} {}: ", theme.glyphs.focus, said.by), theme.people);
        found.push((said.at, Line::from(vec![name, Span::styled(said.text.to_string(), theme.figure)])));
    }
    for ended in state.ended.iter().filter(|ended| is_new(ended.at, ENDED, view)) {
        let (glyph, text, style) = ending(state, ended, theme);
        let lines = text::wrap(&format!("{glyph} {text}"), usize::from(width.saturating_sub(2)));
        found.extend(lines.into_iter().map(|line| (ended.at, Line::styled(line, style))));
    }
    for route in words::plan(state).iter().flat_map(|plan| &plan.routes) {
        let Some(lost) = lost(state, &route.id).filter(|lost| is_new(lost.at, LOST, view) && !is_mine(lost.cause.as_ref(), view)) else {
            continue;
        };
        let text = crate::words::move_lost(&route.id, &lost, view.now, Names::of(state));
        let lines = text::wrap(&format!("{} {text}", theme.glyphs.breach), usize::from(width.saturating_sub(2)));
        found.extend(lines.into_iter().map(|line| (lost.at, Line::styled(line, theme.breach))));
    }
    if let Some(look) = state.look_here.as_ref().filter(|look| is_new(look.at, CALLED, view)) {
        let mine = view.me.as_ref().is_some_and(|me| me.who == look.by);
        let goes = if mine { String::new() } else { format!("; {} goes there", words::key(view, Action::GoLook)) };
        found.push((look.at, Line::styled(format!("{} {}: look at {}{goes}", theme.glyphs.focus, look.by, look.pane), theme.people)));
    }
    found.extend(controls(scene));
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, line)| line).collect()
}

/// Whether it was this person's, who is told in a message that stays.
fn is_mine(cause: Option<&Cause>, view: &View) -> bool {
    let who = if let Some(Cause::Operator { who, .. }) = cause { Some(who) } else { None };
    who.is_some() && who == view.me.as_ref().map(|me| &me.who)
}

fn controls(scene: Scene<'_>) -> Option<(Timestamp, Line<'static>)> {
    let Scene { state, view, theme } = scene;
    let holder = state.controls.holder.as_ref()?;
    let mine = view.me.as_ref().is_some_and(|me| me.client == holder.client);
    if mine && let Some(asker) = state.controls.asked_by.first() {
        let keys = (words::key(view, Action::Controls), words::key(view, Action::People));
        let text = format!("{} {asker} asks for the controls; {} hands them over, {} shows who is here", theme.glyphs.warn, keys.0, keys.1);
        return Some((view.now, Line::styled(text, theme.warn)));
    }
    let who = if mine { "you have".to_owned() } else { format!("{} has", holder.who) };
    is_new(holder.since, HANDED, view)
        .then(|| (holder.since, Line::styled(format!("{} {who} the controls", theme.glyphs.focus), theme.people)))
}

/// What became of a request: glyph, words and style.
pub(super) fn ending(state: &State, ended: &Ended, theme: &Theme) -> (&'static str, String, Style) {
    let Ended { by: asker, terms, how, .. } = ended;
    let names = Names::of(state);
    let what = match terms {
        Terms::Shift(terms) => format!("{} to {}", names.route(&terms.route), names.split(&terms.route, &terms.to)),
        Terms::Step(terms) => format!("{} \"{}\"", crate::words::steps::act(terms.act), names.step(&terms.step)),
    };
    let glyphs = &theme.glyphs;
    match how {
        Ending::Approved { by } => (glyphs.ok, format!("{by} approved what {} asked for: {what}", asker.who), theme.ok),
        Ending::NotStarted { by, why } => {
            (glyphs.breach, format!("{by} approved what {} asked for, but {}", asker.who, crate::words::refusal(why, names)), theme.breach)
        }
        Ending::Denied { by, reason: Some(reason) } => {
            (glyphs.breach, format!("{by} denied what {} asked for: {reason}", asker.who), theme.breach)
        }
        Ending::Denied { by, reason: None } => (glyphs.breach, format!("{by} denied what {} asked for", asker.who), theme.breach),
        Ending::Withdrawn => (glyphs.warn, format!("{} took the request back", asker.who), theme.warn),
        Ending::Void { why } => (glyphs.warn, format!("the request of {} is void: {}", asker.who, crate::words::void(*why)), theme.warn),
    }
}
