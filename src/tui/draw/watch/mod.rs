//! The watcher's face: large, calm, and nothing on it that could be pressed in vain.
//!
//! It answers five questions in words and figures that can be read from the back of a room: where is traffic, is it safe, what happens by
//! itself and when, how does it go home, who steers. A watcher who follows is shown what matters by itself: a breach brings its chart, a
//! rollback its cause and how far it is. What is so, and what follows, it is told by the core. Reading order: `matter` (what matters),
//! `headline`, `parts`, this file.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::{
    core::state::{RouteState, State},
    domain::id::{RouteId, TriggerId},
    plan::model::{Route, Trigger},
    tui::{
        panes::{charts, traffic, words},
        scene::Scene,
        widgets::{rail, text},
    },
};

mod headline;
pub mod matter;
mod parts;

pub use matter::Matter;
use parts::Page;

/// What a page is drawn from, and the route that it is about.
#[derive(Clone, Copy)]
pub struct Face<'a> {
    scene: Scene<'a>,
    route: &'a Route,
    known: &'a RouteState,
}

/// Draws into the room between header and footer.
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    buf.set_style(area.intersection(buf.area), theme.base);
    let margin = if area.width >= 100 { 4 } else { 1 };
    let room = Rect { x: area.x + margin, width: area.width.saturating_sub(2 * margin), ..area };
    let mut page = Page::new(room);
    let unread = RouteState::default();
    let shown = match &view.matter {
        Matter::Calm => words::route(state, view.route).map(|chosen| words::told_of(state, chosen)),
        Matter::Breach(id) => trigger(state, id).and_then(|trigger| route(state, &trigger.route)),
        Matter::Move(id) | Matter::Door(id, _) | Matter::Rollback(id) => route(state, id),
    };
    let Some(route) = shown.or_else(|| words::route(state, view.route)) else {
        return text::rows(buf, page.rest(), [Line::styled("The session has not told its plan yet.", theme.dim)]);
    };
    let face = Face { scene, route, known: state.routes.get(&route.id).unwrap_or(&unread) };
    match &view.matter {
        Matter::Breach(id) => match trigger(state, id) {
            Some(trigger) => breach(&face, trigger, &mut page, buf),
            None => story(&face, headline::traffic(&face), &mut page, buf),
        },
        Matter::Door(_, backend) => {
            let headline = headline::door(&face, backend).unwrap_or_else(|| headline::traffic(&face));
            story(&face, headline, &mut page, buf);
        }
        Matter::Calm | Matter::Move(_) | Matter::Rollback(_) => story(&face, headline::traffic(&face), &mut page, buf),
    }
}

fn route<'a>(state: &'a State, id: &RouteId) -> Option<&'a Route> {
    words::plan(state)?.routes.iter().find(|route| route.id == *id)
}

fn trigger<'a>(state: &'a State, id: &TriggerId) -> Option<&'a Trigger> {
    words::plan(state)?.triggers.iter().find(|trigger| trigger.id == *id)
}

/// Where traffic is, whether that is safe, and what follows; then what the guards read, and what happened last.
fn story(face: &Face<'_>, headline: headline::Headline, page: &mut Page, buf: &mut Buffer) {
    let tall = page.rest().height >= 30;
    page.air(1, tall);
    headline::draw(headline, face.scene.theme, page, buf);
    page.air(1, true);
    rails(face, page, buf);
    page.air(1, tall);
    // The answers below, a command by hand among them, come before what is only said at length.
    let rows = page.rest().height.saturating_sub(9).clamp(2, 6);
    verdicts(face, rows.into(), page, buf);
    page.air(1, tall);
    parts::by_itself(face, page, buf);
    parts::way_home(face, page, buf);
    parts::crew(face, page, buf);
    parts::runbook(face, page, buf);
    page.air(1, true);
    parts::guards(face, page, buf);
    page.air(1, true);
    charts_or_tail(face, page, buf);
}

/// Every route's rail, with its name where there are several; where there is no room for all, how many are left out.
fn rails(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let routes = words::plan(face.scene.state).map(|plan| plan.routes.as_slice()).unwrap_or_default();
    let each = if page.rest().height >= 26 && routes.len() == 1 { 4 } else { 3 };
    let unread = RouteState::default();
    for (place, route) in routes.iter().enumerate() {
        if page.rest().height < each + 8 {
            if routes.len() > 1 {
                let left = routes.len() - place;
                let more = format!("and {left} more {}", if left == 1 { "route" } else { "routes" });
                text::rows(buf, page.take(1), [Line::styled(more, face.scene.theme.dim)]);
            }
            return;
        }
        let mut room = page.take(each);
        if routes.len() > 1 {
            text::put(
                buf,
                room,
                0,
                &text::cut(route.title.as_str(), room.width.into(), face.scene.theme.glyphs.ellipsis),
                face.scene.theme.text,
            );
            room = Rect { y: room.y + 1, height: room.height - 1, ..room };
        }
        let known = face.scene.state.routes.get(&route.id).unwrap_or(&unread);
        let legs = traffic::legs(face.scene, known, route);
        rail::draw(&legs, traffic::freshness(face.scene.state, known, face.scene.view), face.scene.theme, room, buf);
    }
}

/// What is to be said of safety, worst first, in at most so many rows; what had no room is counted.
fn verdicts(face: &Face<'_>, rows: usize, page: &mut Page, buf: &mut Buffer) {
    let told = matter::verdicts(face);
    let room = usize::from(page.rest().width.saturating_sub(2));
    let mut left = rows;
    for (place, verdict) in told.iter().enumerate() {
        let lines = text::wrap(&verdict.text, room);
        // The worst is said as far as it goes; of the others each wholly or not at all.
        if place > 0 && lines.len() + usize::from(place + 1 < told.len()) > left {
            let more = format!("  and {} more", told.len() - place);
            return text::rows(buf, page.take(1), [Line::styled(more, face.scene.theme.dim)]);
        }
        for (row, line) in lines.into_iter().take(left).enumerate() {
            let mark = if row == 0 { verdict.glyph } else { " " };
            text::rows(buf, page.take(1), [Line::styled(format!("{mark} {line}"), verdict.style)]);
            left -= 1;
        }
    }
}

/// What is left: charts of the guarded figures where they have room, else the newest remarks.
fn charts_or_tail(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let rest = page.rest();
    let triggers: Vec<&Trigger> = parts::by_weight(face.scene.state).into_iter().map(|(trigger, _)| trigger).take(2).collect();
    if rest.height >= 13 && rest.width >= 100 && !triggers.is_empty() {
        let room = page.take(rest.height - 5);
        let each = room.width / triggers.len() as u16;
        for (place, trigger) in triggers.into_iter().enumerate() {
            let room = Rect { x: room.x + place as u16 * each, width: each.saturating_sub(2), ..room };
            text::put(buf, room, 0, &parts::watched(face, trigger), face.scene.theme.title);
            chart(face, trigger, Rect { y: room.y + 1, height: room.height - 1, ..room }, buf);
        }
        page.air(1, true);
    }
    parts::tail(face, page.rest(), buf);
}

fn chart(face: &Face<'_>, trigger: &Trigger, area: Rect, buf: &mut Buffer) {
    if let Some(route) = route(face.scene.state, &trigger.route) {
        charts::plot_of(face.scene.state, route, trigger, face.scene.theme, area, buf);
    }
}

/// A bound is crossed: its figure, its clock, its chart as large as it gets.
fn breach(face: &Face<'_>, trigger: &Trigger, page: &mut Page, buf: &mut Buffer) {
    let tall = page.rest().height >= 30;
    page.air(1, tall);
    headline::draw(headline::breach(face, trigger), face.scene.theme, page, buf);
    page.air(1, true);
    rails(face, page, buf);
    page.air(1, tall);
    parts::by_itself(face, page, buf);
    parts::way_home(face, page, buf);
    page.air(1, tall);
    let below = if tall { 8 } else { 2 };
    chart(face, trigger, page.take(page.rest().height.saturating_sub(below)), buf);
    page.air(1, tall);
    parts::tail(face, page.rest(), buf);
}
