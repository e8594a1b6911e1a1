//! From a state and a view to a frame.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::tui::{
    keymap::Action,
    panes::{checklist, header, journal, log, metrics, platforms, replication, rollback, traffic, triggers, words, workloads, zoom},
    scene::Scene,
    theme::glyphs,
    view::{Pane, Screen, Zoom},
    widgets::text,
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
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    everything(scene, area, buf);
    glyphs::fit(buf, scene.theme.glyphs.charset);
}

fn everything(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    buf.set_style(area, theme.base);
    if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
        tiny(scene, area, buf);
        return;
    }
    let places = places(scene, area);
    header::draw(scene, places.header, buf);
    state_line::draw(scene, places.state_line, buf);
    match view.screen {
        Screen::Main => {
            rollback::draw(scene, places.way_home, buf);
            for (kind, at) in &places.panes {
                pane(*kind, scene, *at, buf);
            }
        }
        Screen::Watch => watch::draw(scene, places.body, buf),
        Screen::Metrics => metrics::draw(scene, places.body, buf),
        Screen::Journal => journal::draw(scene, places.body, buf),
        Screen::Kubernetes => workloads::draw(scene, places.body, buf),
        Screen::Log => log::draw(scene, places.body, buf),
    }
    toasts::draw(scene, places.toasts, buf);
    lost::draw(scene, places.body, buf);
    above::banner(scene, places.banner, buf);
    footer::notice(view, theme, places.notice, buf);
    footer::draw(scene, places.footer, buf);
    above::overlay(scene, places.above(area), buf);
}

/// Too small for panes: where traffic is, and the way home.
fn tiny(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let shares = state.routes.iter().map(|(id, known)| match &known.accepted {
        Some(accepted) => Line::styled(format!("{id}: {}", accepted.weights), theme.text),
        None => Line::styled(format!("{id}: not known"), theme.unknown),
    });
    let home = Line::styled(format!("{} rolls back", words::key(view, Action::Rollback)), theme.rollback);
    let small = Line::styled(format!("too small, {COLUMNS_MIN}x{ROWS_MIN} shows more"), theme.dim);
    text::rows(buf, area, shares.chain([home, small]));
}

fn pane(pane: Pane, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    if scene.view.zoomed == Zoom::Focused {
        return zoom::draw(pane, scene, area, buf);
    }
    match pane {
        Pane::Traffic => traffic::draw(scene, area, buf),
        Pane::Platforms => platforms::draw(scene, area, buf),
        Pane::Triggers => triggers::draw(scene, area, buf),
        Pane::Replication => replication::draw(scene, area, buf),
        Pane::Checklist => checklist::draw(scene, area, buf),
        Pane::Journal => journal::draw(scene, area, buf),
        Pane::Log => log::draw(scene, area, buf),
    }
}
