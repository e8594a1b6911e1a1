//! Where traffic is: the route under the slider as a rail with all its weights, every other route on one line.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        fails::{Fails, Gravity, Site, fails},
        has::{has, strangers},
        home::{Home, home},
        outlook::{self, Attention},
        state::{Motion, Proof, RouteState, State},
    },
    domain::{
        id::BackendId,
        weight::{PerMille, WHOLE},
    },
    plan::model::Route,
    tui::{
        panes::{draft, frame, message::message, words},
        scene::Scene,
        theme::Theme,
        view::{Pane, View},
        widgets::{
            big,
            ghosts::{self, Ghost},
            rail::{self, Band, Failing, Freshness, Leg},
            text,
        },
    },
    words::share,
};

/// Columns kept free at the right for the big figure, where there is room for it.
const FIGURE_COLUMNS: u16 = 24;
/// From this width on the figure has room.
const WIDE: u16 = 120;

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(route) = words::route(state, view.route) else {
        let title = frame::title("Traffic", view.focus == Pane::Traffic, theme);
        frame::frame(Pane::Traffic, title, Line::default(), scene, area, buf);
        return;
    };
    let unread = RouteState::default();
    let known = state.routes.get(&route.id).unwrap_or(&unread);
    let mut title = frame::title("Traffic", view.focus == Pane::Traffic, theme);
    title.push(Span::styled(format!(" {} {}", theme.glyphs.dot, route.title), theme.text));
    if let Some(share) = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target)) {
        let dot = theme.glyphs.dot;
        let on = if known.is_seen() { "on" } else { "to" };
        title.push(Span::styled(format!(" {dot} {share} {on} {}", words::place(route, &route.target)), theme.figure));
    }
    if let Some(failing) = failing(&fails(state, route, &route.target), theme).filter(|failing| failing.share > 0.0) {
        title.push(Span::styled(format!(" {} {}", theme.glyphs.dot, failing.short), failing.style));
    }
    let worst = worst(state, route);
    frame::frame(Pane::Traffic, title, status(scene, route, known, worst.as_ref()), scene, area, buf);
    if let Some(style) = worst.as_ref().and_then(|worst| edge(worst, theme)) {
        frame::light(area, style, theme, buf);
    }
    for (place, rows) in rows(scene, area) {
        let Some(route) = words::plan(state).and_then(|plan| plan.routes.get(place)) else { continue };
        let known = state.routes.get(&route.id).unwrap_or(&unread);
        let legs = legs(scene, known, route);
        let freshness = freshness(state, known, view);
        match rows {
            Rows::Small(row) => small(scene, known, route, (&legs, freshness), row, buf),
            Rows::Full { rail, message: below_rail, below, figure } => {
                rail::draw(&legs, freshness, theme, rail, buf);
                ghosts::draw(&ghosts(state, route, view), &legs, theme, rail, buf);
                say(message(scene, known, route, below_rail.width), theme, below_rail, buf);
                draft::draw(scene, route, below, buf);
                if let Some(figure) = figure {
                    let style = if freshness == Freshness::Stale { theme.stale } else { words::backend_style(route, &route.target, theme) };
                    largest(&crate::words::figure(state, route, known), style, theme, figure, buf);
                }
            }
        }
    }
}

/// The figure that is read first, and below it what it is a share of and what is given instead.
fn largest(told: &crate::words::Figure, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let fits = big::width(&told.share) <= area.width;
    let whole = told.share.split_once('.').map_or_else(|| told.share.clone(), |(whole, _)| format!("{whole}%"));
    big::draw(if fits { &told.share } else { &whole }, style, theme, area, buf);
    let below = Rect { y: area.y + big::ROWS, height: 1, ..area };
    let given = told.given.as_ref().map_or_else(String::new, |given| format!(", {given}"));
    let whole = format!("{}{given}", told.label);
    let room = usize::from(area.width);
    let words = if text::width(&whole) <= room { &whole } else { told.given.as_ref().unwrap_or(&told.label) };
    text::put(buf, below, 0, &text::cut(words, room, theme.glyphs.ellipsis), theme.dim);
}

/// The colour of the frame around what wants to be looked at.
fn edge(worst: &Attention, theme: &Theme) -> Option<Style> {
    match worst {
        Attention::AtDoor { breach, .. } if breach.is_unknown() => Some(theme.unknown),
        Attention::RollingBack { why, .. } if why.keeps_away() => Some(theme.alarm),
        Attention::NotHome { .. }
        | Attention::RecordBroken { .. }
        | Attention::RecordHangs { .. }
        | Attention::Breach { .. }
        | Attention::AtDoor { .. }
        | Attention::FailingForNobody { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::NeedsHuman { .. } => Some(theme.alarm),
        Attention::TakenOver { .. }
        | Attention::SteeredElsewhere { .. }
        | Attention::ClaimLost { .. }
        | Attention::RecordLow { .. }
        | Attention::RecordMissing { .. }
        | Attention::Drifted { .. }
        | Attention::Hindered { .. }
        | Attention::RequestsDisagree { .. } => Some(theme.warn),
        Attention::Blind { .. } | Attention::Unresolved { .. } | Attention::Unread { .. } | Attention::WeightsUnread { .. } => {
            Some(theme.unknown)
        }
        Attention::RollingBack { .. }
        | Attention::RecordSlow { .. }
        | Attention::SupervisorGone { .. }
        | Attention::MoveLost { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::AnswersUnmarked { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::HomeNotReady { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Unjudged { .. }
        | Attention::Latched { .. }
        | Attention::Held { .. }
        | Attention::StepApprovalOpen { .. }
        | Attention::StepTrouble { .. }
        | Attention::ApprovalOpen { .. } => None,
    }
}

/// The worst that is true of this route or of a trigger that guards it; that a trigger can't judge yet is told in its own pane.
pub(super) fn worst(state: &State, route: &Route) -> Option<Attention> {
    let plan = words::plan(state)?;
    let tells = |found: &Attention| !matches!(found, Attention::Unjudged { .. }) && found.route(plan) == Some(&route.id);
    outlook::attention(state).into_iter().find(tells)
}

/// Where the route is on its way from what was asked to what is; a check mark would lie while a clock runs or while nobody sees.
fn status(scene: Scene<'_>, route: &Route, known: &RouteState, worst: Option<&Attention>) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let resting = known.motion == Motion::Settled;
    match worst {
        Some(Attention::NotHome { .. }) => Line::styled(format!("{} NOT HOME", theme.glyphs.breach), theme.breach),
        Some(Attention::RollingBack { attempts, why, .. }) if why.keeps_away() => {
            let failed = crate::words::kept_away_in_short(why, *attempts);
            Line::styled(format!("{} GOING HOME, {failed}", theme.glyphs.breach), theme.breach)
        }
        Some(Attention::TakenOver { .. }) => Line::styled(format!("{} HELD, another version decided", theme.glyphs.warn), theme.warn),
        Some(Attention::Drifted { .. }) => Line::styled(format!("{} DRIFT, nothing of ours", theme.glyphs.warn), theme.warn),
        Some(Attention::AtDoor { breach, .. }) if resting && breach.is_unknown() => {
            Line::styled(format!("{} NOT KNOWN", theme.glyphs.unknown), theme.unknown)
        }
        Some(Attention::Breach { .. } | Attention::AtDoor { .. }) if resting => {
            Line::styled(format!("{} BREACH", theme.glyphs.breach), theme.breach)
        }
        Some(Attention::ConnectionsDropped { .. }) if resting => {
            Line::styled(format!("{} CONNECTIONS LOST", theme.glyphs.breach), theme.breach)
        }
        Some(Attention::Blind { .. }) if resting => Line::styled(format!("{} BLIND", theme.glyphs.unknown), theme.unknown),
        Some(_) | None => {
            let mut spans = words::course(known, &home(state, route), view.now, theme);
            spans.extend(progress(state, route, known, theme));
            Line::from(spans)
        }
    }
}

/// How far requests have followed, as long as they are not known to agree: `17% of 25%`.
fn progress(state: &State, route: &Route, known: &RouteState, theme: &Theme) -> Option<Span<'static>> {
    // On the way home it counts who is still anywhere else, a stranger among them.
    if let Home::Accepted { elsewhere: Some(seen), .. } = home(state, route) {
        return (seen.fraction > 0.0).then(|| Span::styled(format!(" ({} still elsewhere)", share(seen.fraction)), theme.observed));
    }
    let has = has(state, &route.id, &route.target);
    let open = matches!(known.motion, Motion::Propagating { .. }) || (known.motion == Motion::Settled && known.proof == Proof::Unproven);
    let gets = has.gets.filter(|_| open)?;
    let (given, shown) = (has.given?, share(gets.fraction));
    // Away from it, what counts is how much is still there.
    let told = if gets.fraction > given.fraction() && given == PerMille::ZERO {
        format!(" ({shown} still there)")
    } else {
        format!(" ({shown} of {given})")
    };
    Some(Span::styled(told, theme.observed))
}

/// What most wants to be said under the bar, as a band across the pane if it is an alarm.
fn say(lines: Vec<Line<'static>>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = Rect { height: area.height.min(lines.len() as u16), ..area };
    if lines.first().is_some_and(|line| line.style == theme.latch) {
        buf.set_style(area.intersection(buf.area), theme.latch);
    }
    text::rows(buf, area, lines);
}

/// Where the mouse finds the bars.
pub fn bars(scene: Scene<'_>, area: Rect) -> Vec<(usize, Rect)> {
    let Scene { state, .. } = scene;
    let unread = RouteState::default();
    let bar = |(place, rows): (usize, Rows)| {
        let route = words::plan(state)?.routes.get(place)?;
        let legs = legs(scene, state.routes.get(&route.id).unwrap_or(&unread), route);
        let area = match rows {
            Rows::Small(row) => small_rail(row),
            Rows::Full { rail, .. } => rail,
        };
        Some((place, rail::bar_area(&legs, area)))
    };
    rows(scene, area).into_iter().filter_map(bar).collect()
}

enum Rows {
    Full { rail: Rect, message: Rect, below: Rect, figure: Option<Rect> },
    Small(Rect),
}

/// The room of each route, in the plan's order, inside the pane's frame.
fn rows(scene: Scene<'_>, area: Rect) -> Vec<(usize, Rows)> {
    let Scene { state, view, .. } = scene;
    let routes = words::plan(state).map_or(0, |plan| plan.routes.len());
    let chosen = view.route.min(routes.saturating_sub(1));
    let mut inner = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2));
    inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let others = (routes.saturating_sub(1) as u16).min(inner.height.saturating_sub(3));
    let told = message_rows(scene, area.width);
    let below = inner.height.saturating_sub(others + 3 + told).min(draft::most(state, view, inner.width));
    let full = inner.height.saturating_sub(others).min(4 + told + below);
    let mut y = inner.y;
    let mut found = Vec::new();
    for place in 0..routes {
        let height = if place == chosen { full } else { 1 };
        if y + height > inner.bottom() {
            continue;
        }
        let room = Rect { y, height, ..inner };
        y += height;
        found.push((place, if place == chosen { split(room, below, told) } else { Rows::Small(room) }));
    }
    found
}

/// Rows of the message in a pane of `width`: a reason is never cut at what to do about it.
pub fn message_rows(scene: Scene<'_>, width: u16) -> u16 {
    let inner = width.saturating_sub(4);
    let room = if inner >= WIDE { inner - FIGURE_COLUMNS } else { inner };
    let unread = RouteState::default();
    let route = words::route(scene.state, scene.view.route);
    route.map_or(1, |route| message(scene, scene.state.routes.get(&route.id).unwrap_or(&unread), route, room).len() as u16)
}

fn split(room: Rect, below_rows: u16, told: u16) -> Rows {
    let below = Rect { y: room.bottom() - below_rows, height: below_rows, ..room };
    let room = Rect { height: room.height - below_rows, ..room };
    let wide = room.width >= WIDE && room.height >= big::ROWS;
    let rail_width = if wide { room.width - FIGURE_COLUMNS } else { room.width };
    // The message gives way last but one: without it the bar still says where traffic is.
    let message_rows = told.min(room.height.saturating_sub(1));
    let rail = Rect { width: rail_width, height: room.height - message_rows, ..room };
    let message = Rect { y: room.bottom() - message_rows, height: message_rows, width: rail_width, ..room };
    let figure = wide.then(|| Rect {
        x: room.right() - FIGURE_COLUMNS + 3,
        y: room.y + (room.height - big::ROWS) / 2,
        width: FIGURE_COLUMNS - 4,
        height: big::ROWS,
    });
    Rows::Full { rail, message, below, figure }
}

fn small_rail(row: Rect) -> Rect {
    let x = (row.x + 14).min(row.right());
    Rect { x, width: (row.right() - x) * 3 / 5, ..row }
}

fn small(scene: Scene<'_>, known: &RouteState, route: &Route, (legs, freshness): (&[Leg], Freshness), row: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    text::put(buf, row, 0, &text::cut(route.title.as_str(), 13, theme.glyphs.ellipsis), theme.dim);
    let rail = small_rail(row);
    rail::draw(legs, freshness, theme, rail, buf);
    let behind = Rect { x: rail.right(), width: row.right().saturating_sub(rail.right()), ..row };
    let mut line = vec![Span::raw("  ")];
    // Where the bar has no room for the figures at its ends, the target's stands behind it.
    if let (true, Some(target)) = (rail::bar_area(legs, rail).x == rail.x, legs.first()) {
        let share = target.accepted.map_or_else(|| "?".to_owned(), rail::percent);
        line.push(Span::styled(format!("{share:>4} "), theme.figure));
    }
    if known.latch.is_some() {
        line.push(Span::styled(format!("{} latched ", theme.glyphs.latch), theme.latch));
    }
    line.extend(words::course(known, &home(scene.state, route), view.now, theme));
    text::rows(buf, behind, [Line::from(line)]);
}

/// The legs of a route in the order of the bar: target first, then whoever is outside the plan, home last.
pub fn legs(scene: Scene<'_>, known: &RouteState, route: &Route) -> Vec<Leg> {
    let Scene { state, view, theme } = scene;
    let draft = view.drafts.get(&route.id);
    let met = met(state, known, route);
    let leg = |id: &BackendId, name: String, style: Style| Leg {
        name,
        style,
        accepted: known.accepted.as_ref().map(|accepted| accepted.weights.of(id).get()),
        fills: met.then(|| has(state, &route.id, id).gets.map_or(0, |share| (share.fraction * f64::from(WHOLE)).round() as u16)),
        wanted: known.wanted.as_ref().map(|wanted| wanted.of(id).get()),
        draft: draft.map(|draft| draft.of(id).get()),
        observed: has(state, &route.id, id).gets.map(|share| Band { at: share.fraction, low: share.low, high: share.high }),
        failing: failing(&fails(state, route, id), theme),
    };
    let planned = words::legs(route);
    let mut legs: Vec<Leg> = planned
        .iter()
        .map(|backend| leg(&backend.id, backend.title.to_string(), words::backend_style(route, &backend.id, theme)))
        .collect();
    let home = legs.pop();
    legs.extend(strangers(known, route).into_iter().map(|id| leg(id, id.to_string(), theme.warn)));
    legs.extend(home);
    legs
}

/// Whether the bar shows what requests meet: they are known, and they don't agree with what is given.
fn met(state: &State, known: &RouteState, route: &Route) -> bool {
    !known.is_seen() && route.backend_ids().any(|id| has(state, &route.id, id).gets.is_some())
}

/// What of a leg's requests is seen to fail.
fn failing(fails: &Fails, theme: &Theme) -> Option<Failing> {
    let said = crate::words::fails(fails)?;
    let door = fails.at_door.map_or(0.0, |met| if met.site == Site::UnlikeHome { 1.0 } else { met.share_now() });
    let own = fails.own.map_or(0.0, |sample| sample.value);
    let (share, style) = match fails.gravity {
        Gravity::Beyond => (door.max(own).max(fails.losing.map_or(0.0, |losing| losing.share())), theme.breach),
        Gravity::Tolerated => (0.0, theme.dim),
    };
    Some(Failing { share, words: said.long, short: said.short, style })
}

/// The others' drafts for this route; whoever holds the controls first.
pub(super) fn ghosts(state: &State, route: &Route, view: &View) -> Vec<Ghost> {
    let me = view.me.as_ref().map(|me| me.client);
    let holder = state.controls.holder.as_ref().map(|holder| holder.client);
    let mut others: Vec<_> = state.people.iter().filter(|(client, _)| Some(**client) != me).collect();
    others.sort_by_key(|(client, _)| Some(**client) != holder);
    let drafts = others.into_iter().filter_map(|(_, person)| Some((person, person.drafts.get(&route.id)?)));
    drafts.map(|(person, draft)| Ghost { share: draft.of(&route.target).get(), name: person.who.to_string() }).collect()
}

/// A split that nobody has read for longer than its source's bound is drawn as a memory.
pub fn freshness(state: &State, known: &RouteState, view: &View) -> Freshness {
    let source = known.accepted.as_ref().and_then(|accepted| format!("weights/{}", accepted.route).parse().ok());
    match source {
        Some(source) if words::is_stale(state, &source, view.now) => Freshness::Stale,
        Some(_) | None => Freshness::Fresh,
    }
}
