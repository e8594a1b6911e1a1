//! From a state and a view to a frame.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    core::{event::WorldKind, state::State},
    tui::{
        keymap::{self, Action, Context, Danger},
        panes::{charts, checklist, header, journal, log, platforms, replication, rollback, traffic, triggers, words, workloads},
        theme::{Theme, glyphs},
        view::{Hearing, Pane, Screen, View},
        widgets::text,
    },
};

mod above;
mod lost;
pub mod people;
pub mod places;
mod review;
mod toasts;
pub mod watch;

use places::{COLUMNS_MIN, ROWS_MIN, places};

/// The whole frame, in characters that the terminal has.
pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    everything(state, view, theme, area, buf);
    glyphs::fit(buf, theme.glyphs.charset);
}

fn everything(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    buf.set_style(area, theme.base);
    if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
        tiny(state, view, theme, area, buf);
        return;
    }
    let places = places(state, view, theme, area);
    header::draw(state, view, theme, places.header, buf);
    match view.screen {
        Screen::Main => {
            rollback::draw(state, view, theme, places.way_home, buf);
            for (kind, at) in &places.panes {
                pane(*kind, state, view, theme, *at, buf);
            }
        }
        Screen::Watch => watch::draw(state, view, theme, places.body, buf),
        Screen::Metrics => charts::draw(state, view, theme, places.body, buf),
        Screen::Journal => journal::draw(state, view, theme, places.body, buf),
        Screen::Kubernetes => workloads::draw(state, view, theme, places.body, buf),
        Screen::Log => log::draw(state, view, theme, places.body, buf),
    }
    toasts::draw(state, view, theme, places.body, buf);
    lost::draw(state, view, theme, places.body, buf);
    above::banner(state, view, theme, places.banner, buf);
    footer(state, view, theme, places.footer, buf);
    above::overlay(state, view, theme, places.above(area), buf);
}

/// Too small for panes: where traffic is, and the way home.
fn tiny(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let shares = state.routes.iter().map(|(id, known)| match &known.accepted {
        Some(accepted) => Line::styled(format!("{id}: {}", accepted.weights), theme.text),
        None => Line::styled(format!("{id}: not known"), theme.unknown),
    });
    let home = Line::styled(format!("{} rolls back", words::key(view, Action::Rollback)), theme.rollback);
    let small = Line::styled(format!("too small, {COLUMNS_MIN}x{ROWS_MIN} shows more"), theme.dim);
    text::rows(buf, area, shares.chain([home, small]));
}

fn pane(pane: Pane, state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    match pane {
        Pane::Traffic => traffic::draw(state, view, theme, area, buf),
        Pane::Platforms => platforms::draw(state, view, theme, area, buf),
        Pane::Triggers => triggers::draw(state, view, theme, area, buf),
        Pane::Replication => replication::draw(state, view, theme, area, buf),
        Pane::Checklist => checklist::draw(state, view, theme, area, buf),
        Pane::Journal => journal::draw(state, view, theme, area, buf),
        Pane::Log => log::draw(state, view, theme, area, buf),
    }
}

fn footer(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let spans: Vec<Span<'static>> = hints(state, view, theme, area.width).into_iter().flat_map(|hint| hint.spans).collect();
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
pub fn hints(state: &State, view: &View, theme: &Theme, width: u16) -> Vec<Hint> {
    let role = view.me.as_ref().map(|me| me.role);
    let offered = |action: &Action| {
        let binding = view.keys.binding(*action)?;
        let here = binding.context != Context::Main || view.screen == Screen::Main;
        // What can't reach the session now is not offered either, the way home included: the notice names the lever by hand.
        let reaches = view.hearing == Hearing::Connected || binding.danger == Danger::Looks;
        let key = binding.keys.first().map(ToString::to_string)?;
        (here && reaches && role.is_none_or(|role| binding.is_for(role))).then_some((key, binding.label))
    };
    let mut room = usize::from(width);
    let mut hints: Vec<Hint> = Vec::new();
    let mut add = |spans: Vec<Span<'static>>, action| {
        let hint = Hint { spans, action };
        if hint.width() <= room {
            room -= hint.width();
            hints.push(hint);
        }
        room
    };
    let mut left = usize::from(width);
    if let Some((key, label)) = offered(&Action::Rollback) {
        left = add(vec![Span::styled(format!(" {key} {label} "), theme.rollback)], Some(Action::Rollback));
    }
    if let Some(notice) = &view.notice {
        let (glyph, style) = words::tone(notice.tone, theme);
        let said = text::cut(&format!(" {glyph} {} ", notice.text), left, theme.glyphs.ellipsis);
        add(vec![Span::styled(said, style)], None);
    }
    for action in matters(state, view) {
        if let Some((key, label)) = offered(&action) {
            add(vec![Span::styled(format!(" {key} "), theme.key), Span::styled(format!("{label} "), theme.hint)], Some(action));
        }
    }
    hints
}

/// Keys in the order of their worth at this moment.
fn matters(state: &State, view: &View) -> Vec<Action> {
    let route = words::route(state, view.route);
    let known = route.and_then(|route| state.routes.get(&route.id));
    let mut actions = Vec::new();
    if view.screen == Screen::Watch {
        actions.extend([Action::Follow, Action::Show(Screen::Main)]);
    } else if view.screen != Screen::Main {
        actions.extend([Action::Drop, Action::Scroll(keymap::Scroll::Down), Action::Filter]);
    }
    if route.is_some_and(|route| view.drafts.contains_key(&route.id)) {
        actions.extend([Action::Ask, Action::Drop]);
    }
    if !state.approvals.is_empty() {
        actions.push(Action::Review);
    }
    if known.is_some_and(|known| known.latch.is_some()) {
        actions.push(Action::Rearm);
    }
    if known.is_some_and(|known| known.drift.is_some()) {
        actions.push(Action::AdoptDrift);
    }
    let mine = view.me.as_ref().map(|me| me.client);
    if state.controls.holder.as_ref().map(|holder| holder.client) != mine || !state.controls.asked_by.is_empty() {
        actions.push(Action::Controls);
    }
    if view.focus == Pane::Checklist {
        actions.push(Action::Sign);
    }
    let always = [
        Action::Draft(10),
        Action::Ladder(keymap::Way::Forward),
        Action::Focus(keymap::Way::Forward),
        Action::Show(Screen::Metrics),
        Action::Help,
        Action::Palette,
        Action::Show(Screen::Journal),
        Action::Themes,
    ];
    actions.extend(always);
    if state.opened.as_ref().is_some_and(|opened| matches!(opened.world, WorldKind::Demo { .. })) {
        actions.push(Action::Stir);
    }
    actions.push(Action::Quit);
    actions
}
