//! From a state and a view to a frame.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::tui::{
    panes::{checklist, header, journal, log, metrics, platforms, replication, rollback, steps, traffic, triggers, workloads, zoom},
    scene::Scene,
    theme::glyphs,
    view::{Hearing, Pane, Screen, View, Zoom},
};

mod above;
pub mod footer;
mod lost;
pub mod people;
pub mod places;
mod review;
mod state_line;
mod step;
mod tiny;
mod toasts;
pub mod watch;

use places::places;

/// The whole frame, in characters that the terminal has.
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    everything(scene, area, buf);
    glyphs::fit(buf, scene.theme.glyphs.charset);
}

fn everything(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    buf.set_style(area, theme.base);
    if places::is_too_small(area) {
        tiny::draw(scene, area, buf);
        return;
    }
    let places = places(scene, area);
    header::draw(scene, places.header, buf);
    // Without a host nobody watches, and no clock of ours may count what it would do: all below is as of when it was last heard.
    let last_heard = match view.hearing {
        Hearing::Connected => None,
        Hearing::Lost { .. } => Some(View { now: state.now, ..view.clone() }),
    };
    let view = last_heard.as_ref().unwrap_or(view);
    let scene = Scene { state, view, theme };
    state_line::draw(scene, places.state_line, buf);
    match view.screen {
        Screen::Main => {
            rollback::draw(scene, places.way_home, buf);
            steps::draw_line(scene, places.next_steps, buf);
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
        Pane::Steps => steps::draw(scene, area, buf),
    }
}
