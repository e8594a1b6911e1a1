//! The first line: what this is, how real it is, which phase, who steers, who is here, and the time.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::{
        event::WorldKind,
        has::has,
        runbook,
        state::{HOLD_LASTS, RouteState, State},
    },
    domain::{
        role::Role,
        time::Millis,
        weight::{PerMille, WHOLE},
    },
    tui::{
        keymap::Action,
        panes::words,
        scene::Scene,
        view::{Follow, Hearing, View},
        widgets::text,
    },
};

/// One missed beat is nothing; from here on it is said.
const SILENT: Millis = Millis::from_secs(8);

/// One row.
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    buf.set_style(area, scene.theme.base);
    let right = right(scene, area.width);
    // What says that all of this is old gets the room of everything else.
    let urgent: usize = badge(scene).iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(right.width() + 1);
    let crowded = urgent > room;
    left(scene, if crowded { area.width.into() } else { room }).render(area, buf);
    if !crowded {
        right.right_aligned().render(area, buf);
    }
}

fn left(scene: Scene<'_>, room: usize) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let mut spans = badge(scene);
    if let Some(plan) = words::plan(state) {
        let used: usize = spans.iter().map(Span::width).sum();
        let name = text::cut(plan.name.as_str(), room.saturating_sub(used + 1), theme.glyphs.ellipsis);
        spans.push(Span::styled(format!(" {name}"), theme.figure));
    }
    let phase = phase(state, view);
    let with_phase = spans.iter().map(Span::width).sum::<usize>() + phase.len() + 3;
    if !phase.is_empty() && with_phase <= room {
        spans.push(Span::styled(format!(" {} {phase}", theme.glyphs.dot), theme.dim));
    }
    Line::from(spans)
}

/// LIVE, DEMO or WATCH, and whether what is shown is old.
pub fn badge(scene: Scene<'_>) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    let (word, style): (String, Style) = match state.opened.as_ref().map(|opened| opened.world) {
        Some(WorldKind::Live) => (" LIVE ".to_owned(), theme.live),
        Some(WorldKind::Demo { .. }) if view.speed != 1.0 => (format!(" DEMO {}{} ", theme.glyphs.times, view.speed), theme.demo),
        Some(WorldKind::Demo { .. }) => (" DEMO ".to_owned(), theme.demo),
        None => (" ... ".to_owned(), theme.unknown),
    };
    let mut spans = vec![Span::styled(word, style)];
    if view.me.as_ref().is_some_and(|me| me.role == Role::Watcher) {
        let word = if view.follow == Follow::Yes { " WATCH, FOLLOWING " } else { " WATCH " };
        spans.push(Span::styled(word, theme.watch));
    }
    if let Hearing::Lost { gone, .. } = &view.hearing {
        spans.push(Span::styled(format!(" {} NOT CONNECTED for {gone} ", theme.glyphs.stale), theme.breach));
    }
    spans
}

/// The share of the target by which a phase is told. While users have not followed, the phase is the one that they are in.
pub fn share(state: &State, view: &View) -> Option<PerMille> {
    let route = words::route(state, view.route)?;
    let of_target = has(state, &route.id, &route.target);
    let given = of_target.given?;
    let seen = state.routes.get(&route.id).is_some_and(RouteState::is_seen);
    let got =
        of_target.gets.filter(|_| !seen).map(|share| PerMille::ZERO.saturating_add((share.fraction * f64::from(WHOLE)).round() as u16));
    Some(got.unwrap_or(given))
}

fn phase(state: &State, view: &View) -> String {
    let Some((plan, share)) = words::plan(state).zip(share(state, view)) else { return String::new() };
    // Where the plan has steps, a phase is over when they are done, and not before.
    let place = runbook::phase(state, share).or_else(|| plan.phase(share));
    place.map_or(String::new(), |place| format!("phase {} of {}: {}", place + 1, plan.phases.len(), plan.phases[place].title))
}

fn right(scene: Scene<'_>, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let holder = state.controls.holder.as_ref().map(|holder| holder.client);
    let names: Vec<String> =
        state.people.iter().filter(|(client, _)| Some(**client) != holder).map(|(_, person)| person.who.to_string()).collect();
    let here = match state.people.len() {
        0 | 1 => String::new(),
        // The holder is named already.
        more if width >= 110 && names.len() <= 4 && names.len() < more => format!(" {} with {}", theme.glyphs.dot, names.join(" ")),
        more => format!(" {} {more} here", theme.glyphs.dot),
    };
    Line::from(vec![
        controls(scene),
        Span::styled(here, theme.dim),
        Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint),
        Span::styled(format!("{}Z ", words::clock(view.now)), theme.text),
    ])
}

fn controls(scene: Scene<'_>) -> Span<'static> {
    let Scene { state, view, theme } = scene;
    let mine = view.me.as_ref().map(|me| me.client);
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    let Some(holder) = &state.controls.holder else {
        let how = if may { format!(" ({} takes)", words::key(view, Action::Controls)) } else { String::new() };
        return Span::styled(format!("controls: free{how}"), theme.dim);
    };
    let silent = Millis((view.age(holder.beat_at).0 as f64 / view.speed.max(1.0)) as u64);
    if Some(holder.client) == mine {
        Span::styled(format!("{} controls: you", theme.glyphs.focus), theme.focus)
    } else if silent > SILENT && view.hearing == Hearing::Connected {
        let left = Millis(HOLD_LASTS.0.saturating_sub(silent.0));
        Span::styled(format!("controls: {}, silent {silent}, free in {left}", holder.who), theme.warn)
    } else {
        Span::styled(format!("controls: {}", holder.who), if may { theme.warn } else { theme.text })
    }
}
