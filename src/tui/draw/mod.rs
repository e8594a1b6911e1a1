//! From a state and a view to a frame.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::{
    core::state::State,
    tui::{
        keymap::Action,
        panes::{checklist, header, journal, log, metrics, platforms, replication, rollback, traffic, triggers, words, workloads, zoom},
        theme::{Theme, glyphs},
        view::{Pane, Screen, View, Zoom},
        widgets::text,
    },
};

mod above;
pub mod footer;
mod lost;
pub mod people;
pub mod places;
mod review;
mod state_line;
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
    state_line::draw(state, view, theme, places.state_line, buf);
    match view.screen {
        Screen::Main => {
            rollback::draw(state, view, theme, places.way_home, buf);
            for (kind, at) in &places.panes {
                pane(*kind, state, view, theme, *at, buf);
            }
        }
        Screen::Watch => watch::draw(state, view, theme, places.body, buf),
        Screen::Metrics => metrics::draw(state, view, theme, places.body, buf),
        Screen::Journal => journal::draw(state, view, theme, places.body, buf),
        Screen::Kubernetes => workloads::draw(state, view, theme, places.body, buf),
        Screen::Log => log::draw(state, view, theme, places.body, buf),
    }
    toasts::draw(state, view, theme, places.toasts, buf);
    lost::draw(state, view, theme, places.body, buf);
    above::banner(state, view, theme, places.banner, buf);
    footer::notice(view, theme, places.notice, buf);
    footer::draw(state, view, theme, places.footer, buf);
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
    if view.zoomed == Zoom::Focused {
        return zoom::draw(pane, state, view, theme, area, buf);
    }
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
