//! The watcher's face: large, calm, and nothing on it that could be pressed in vain.
//!
//! It answers four questions in words and figures that can be read from the back of a room: where is traffic, is it safe, can it go back,
//! who steers. A watcher who follows is shown what matters by itself: a breach brings its chart, a move its three weights, a rollback its
//! cause and how far it is. Reading order: `matter` (what matters), `parts`, this file.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::{
    core::state::{RouteState, State},
    domain::id::RouteId,
    plan::model::{Route, Trigger},
    tui::{
        panes::{charts, traffic, words},
        theme::Theme,
        view::View,
        widgets::{
            gauge::{Gauge, Scale},
            rail, spark, text,
        },
    },
};

pub mod matter;
mod parts;

pub use matter::Matter;

/// Draws into the room between header and footer.
pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    buf.set_style(area.intersection(buf.area), theme.base);
    let margin = if area.width >= 100 { 4 } else { 1 };
    let room = Rect { x: area.x + margin, width: area.width.saturating_sub(2 * margin), ..area };
    let mut page = parts::Page::new(room);
    let shown = match &view.matter {
        Matter::Calm => None,
        Matter::Breach(id) => trigger(state, id).and_then(|trigger| Some((route(state, &trigger.route)?, Some(trigger)))),
        Matter::Move(id) | Matter::Rollback(id) => route(state, id).map(|route| (route, None)),
    };
    let unread = RouteState::default();
    let known = |route: &Route| state.routes.get(&route.id).unwrap_or(&unread);
    match shown {
        Some((route, Some(trigger))) => breach(state, route, trigger, view, theme, &mut page, buf),
        Some((route, None)) => moving(state, route, known(route), view, theme, &mut page, buf),
        None => match words::route(state, view.route) {
            Some(route) => calm(state, route, known(route), view, theme, &mut page, buf),
            None => text::rows(buf, page.rest(), [Line::styled("The session has not told its plan yet.", theme.dim)]),
        },
    }
}

fn route<'a>(state: &'a State, id: &RouteId) -> Option<&'a Route> {
    words::plan(state)?.routes.iter().find(|route| route.id == *id)
}

fn trigger<'a>(state: &'a State, id: &crate::domain::id::TriggerId) -> Option<&'a Trigger> {
    words::plan(state)?.triggers.iter().find(|trigger| trigger.id == *id)
}

/// Nothing calls for attention more than anything else.
fn calm(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    let tall = page.rest().height >= 30;
    page.air(1, tall);
    let share = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target).get());
    let figure = share.map_or_else(|| "?".to_owned(), rail::percent);
    parts::headline(
        &figure,
        words::backend_style(route, &route.target, theme),
        parts::where_is(state, route, known, view, theme),
        theme,
        page,
        buf,
    );
    page.air(1, true);
    rails(state, view, theme, page, buf);
    page.air(1, true);
    let verdict = matter::verdict(state, view, theme);
    let lines = text::wrap(&verdict.text, usize::from(page.rest().width.saturating_sub(2)));
    for (place, line) in lines.into_iter().take(2).enumerate() {
        let mark = if place == 0 { verdict.glyph } else { " " };
        text::rows(buf, page.take(1), [Line::styled(format!("{mark} {line}"), verdict.style)]);
    }
    page.air(1, tall);
    guards(state, theme, page, buf);
    page.air(1, tall);
    text::rows(buf, page.take(1), [parts::way_home(state, route, known, theme)]);
    text::rows(buf, page.take(1), [parts::company(state, theme)]);
    page.air(1, tall);
    charts_or_tail(state, view, theme, page, buf);
}

/// Every route's rail; the first ones where there is no room for all.
fn rails(state: &State, view: &View, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    let routes = words::plan(state).map(|plan| plan.routes.as_slice()).unwrap_or_default();
    let each = if page.rest().height >= 26 && routes.len() == 1 { 4 } else { 3 };
    let unread = RouteState::default();
    for route in routes {
        if page.rest().height < each + 8 {
            return;
        }
        let known = state.routes.get(&route.id).unwrap_or(&unread);
        let legs = traffic::legs(known, route, view, theme);
        rail::draw(&legs, traffic::freshness(state, known, view), theme, page.take(each), buf);
    }
}

/// Each trigger with its figure against its bound.
fn guards(state: &State, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    for trigger in words::plan(state).into_iter().flat_map(|plan| &plan.triggers) {
        let Some(seen) = state.triggers.get(&trigger.id) else { continue };
        if page.rest().height < 6 {
            return;
        }
        let row = page.take(1);
        let (glyph, word, style) = words::reading(&seen.reading, theme);
        let value = parts::value(trigger, seen);
        let name = format!("{} of {}", trigger.metric.name().replace('_', " "), parts::platform(state, trigger));
        let bound = format!("limit {}", trigger.metric.unit().show(trigger.above));
        let column = text::put(buf, row, 0, &format!("{glyph} "), style);
        let column = text::put(buf, row, column, &format!("{name:<24}"), theme.text);
        let column = text::put(buf, row, column, &format!("{:>9}  ", value.clone().unwrap_or_else(|| "?".to_owned())), theme.figure);
        let column = text::put(buf, row, column, &format!("{bound:<14}"), theme.dim);
        let rest = Rect { x: row.x + column, width: row.width.saturating_sub(column), ..row };
        if value.is_none() {
            text::put(buf, rest, 0, &text::cut(&word, rest.width.into(), theme.glyphs.ellipsis), style);
        } else if rest.width >= 16 {
            let half = Rect { width: (rest.width / 2).min(32), ..rest };
            Gauge { value: seen.value, threshold: trigger.above, scale: Scale::Linear, style }.draw(theme, half, buf);
            let history = state.backends.get(&trigger.backend).and_then(|known| known.history.get(&trigger.metric));
            let behind = Rect { x: half.right() + 2, width: rest.width.saturating_sub(half.width + 2), ..rest };
            if let Some(history) = history {
                spark::draw(history.iter(), trigger.above, theme.chart, theme, behind, buf);
            }
        }
    }
}

/// What is left: charts of the guarded figures where they have room, else the newest remarks.
fn charts_or_tail(state: &State, view: &View, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    let rest = page.rest();
    let triggers: Vec<&Trigger> = words::plan(state).into_iter().flat_map(|plan| &plan.triggers).take(2).collect();
    if rest.height >= 13 && rest.width >= 100 && !triggers.is_empty() {
        let room = page.take(rest.height - 5);
        let each = room.width / triggers.len() as u16;
        for (place, trigger) in triggers.into_iter().enumerate() {
            let room = Rect { x: room.x + place as u16 * each, width: each.saturating_sub(2), ..room };
            let title = format!("{} of {}", trigger.metric.name().replace('_', " "), parts::platform(state, trigger));
            text::put(buf, room, 0, &title, theme.title);
            parts::chart(state, trigger, theme, Rect { y: room.y + 1, height: room.height - 1, ..room }, buf);
        }
        page.air(1, true);
    }
    parts::tail(state, view, theme, page.rest(), buf);
}

/// A bound is crossed: its figure, its clock, its chart as large as it gets.
fn breach(state: &State, route: &Route, trigger: &Trigger, view: &View, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    page.air(1, page.rest().height >= 30);
    let seen = state.triggers.get(&trigger.id);
    let figure = seen.and_then(|seen| parts::value(trigger, seen)).unwrap_or_else(|| "?".to_owned());
    let pending = seen.and_then(|seen| seen.pending_since);
    let style = if pending.is_some() { theme.breach } else { theme.ok };
    parts::headline(&figure, style, parts::threat(state, trigger, view, theme), theme, page, buf);
    page.air(1, true);
    if let Some(since) = pending {
        parts::clock(trigger, since, view, theme, page.take(1), buf);
        page.air(1, page.rest().height >= 16);
    }
    let below = if page.rest().height >= 20 { 6 } else { 2 };
    let room = page.take(page.rest().height.saturating_sub(below));
    charts::plot_of(state, route, trigger, theme, room, buf);
    let unread = RouteState::default();
    let known = state.routes.get(&route.id).unwrap_or(&unread);
    text::rows(buf, page.take(1), [parts::way_home(state, route, known, theme)]);
    page.air(1, page.rest().height >= 4);
    parts::tail(state, view, theme, page.rest(), buf);
}

/// Traffic moves, ahead or home: what was asked for, what the API said, what requests meet, one below the other.
fn moving(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme, page: &mut parts::Page, buf: &mut Buffer) {
    page.air(1, page.rest().height >= 24);
    let observed = known.observed.as_ref().and_then(|observed| observed.shares.get(&route.target));
    let accepted = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target).get());
    let figure = observed.map(|share| format!("{:.0}%", share.fraction * 100.0)).or(accepted.map(rail::percent));
    let style = words::backend_style(route, &route.target, theme);
    parts::headline(&figure.unwrap_or_else(|| "?".to_owned()), style, parts::course(state, route, known, view, theme), theme, page, buf);
    page.air(1, true);
    let wanted = known.wanted.as_ref().map(|wanted| f64::from(wanted.of(&route.target).get()) / 1000.0);
    let rows = [
        ("asked for", theme.wanted, wanted),
        ("accepted", theme.accepted, accepted.map(|share| f64::from(share) / 1000.0)),
        ("requests", theme.observed, observed.map(|share| share.fraction)),
    ];
    let roomy = page.rest().height >= 18;
    for (name, style, share) in rows {
        let rows = if roomy { 2 } else { 1 };
        parts::bar(name, style, share, theme, page.take(rows), buf);
        page.air(1, roomy);
    }
    page.air(1, true);
    if known.latch.is_none() {
        text::rows(buf, page.take(1), [parts::way_home(state, route, known, theme)]);
    }
    text::rows(buf, page.take(1), [parts::company(state, theme)]);
    page.air(1, true);
    charts_or_tail(state, view, theme, page, buf);
}
