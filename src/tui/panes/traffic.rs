//! Where traffic is: the route under the slider as a rail with all its weights, every other route on one line.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::state::{Motion, RouteState, State},
    domain::weight::PerMille,
    plan::model::{Route, TriggerAction},
    tui::{
        keymap::{Action, Way},
        panes::{frame, words},
        theme::Theme,
        view::{Pane, View},
        widgets::{
            big,
            ghosts::{self, Ghost},
            rail::{self, Band, Freshness, Leg},
            text,
        },
    },
    words::Names,
};

/// Columns kept free at the right for the big figure, where there is room for it.
const FIGURE_COLUMNS: u16 = 22;

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(route) = words::route(state, view.route) else {
        let title = frame::title("Traffic", view.focus == Pane::Traffic, theme);
        frame::frame(Pane::Traffic, title, Line::default(), state, view, theme, area, buf);
        return;
    };
    let unread = RouteState::default();
    let known = state.routes.get(&route.id).unwrap_or(&unread);
    let mut title = frame::title("Traffic", view.focus == Pane::Traffic, theme);
    title.push(Span::styled(format!(" {} {}", theme.glyphs.dot, route.title), theme.text));
    if let Some(share) = words::carries(state, &route.id, &route.target) {
        let dot = theme.glyphs.dot;
        title.push(Span::styled(format!(" {dot} {share} on {}", words::place(route, &route.target)), theme.figure));
    }
    let threatened = words::threat(state, &route.target).is_some();
    frame::frame(Pane::Traffic, title, status(known, threatened, view, theme), state, view, theme, area, buf);
    if threatened || matches!(known.motion, Motion::NeedsHuman { .. }) {
        frame::light(area, theme.alarm, theme, buf);
    } else if known.drift.is_some() {
        frame::light(area, theme.warn, theme, buf);
    } else if words::blind_on(state, &route.target, view.now).is_some() {
        frame::light(area, theme.unknown, theme, buf);
    }
    for (place, rows) in rows(state, view, area) {
        let Some(route) = words::plan(state).and_then(|plan| plan.routes.get(place)) else { continue };
        let known = state.routes.get(&route.id).unwrap_or(&unread);
        let legs = legs(known, route, view, theme);
        let freshness = freshness(state, known, view);
        match rows {
            Rows::Small(row) => small(known, route, &legs, freshness, view, theme, row, buf),
            Rows::Full { rail, message, figure } => {
                rail::draw(&legs, freshness, theme, rail, buf);
                ghosts::draw(&ghosts(state, route, view), &legs, theme, rail, buf);
                say(message_line(state, known, route, view, theme, message.width), theme, message, buf);
                if let Some(figure) = figure {
                    let below = Rect { y: figure.y + big::ROWS, height: 1, ..figure };
                    text::put(buf, below, 0, &format!("on {}", words::place(route, &route.target)), theme.dim);
                    let share = legs.first().and_then(|leg| leg.accepted).map_or_else(|| "?".to_owned(), rail::percent);
                    let style = if freshness == Freshness::Stale { theme.stale } else { words::backend_style(route, &route.target, theme) };
                    big::draw(&share, style, theme, figure, buf);
                }
            }
        }
    }
}

/// Where the route is between wish and deed; a check mark would lie while a clock runs.
fn status(known: &RouteState, threatened: bool, view: &View, theme: &Theme) -> Line<'static> {
    if known.drift.is_some() {
        return Line::styled(format!("{} DRIFT, nothing of ours", theme.glyphs.warn), theme.warn);
    }
    if threatened && known.motion == Motion::Settled {
        return Line::styled(format!("{} BREACH", theme.glyphs.breach), theme.breach);
    }
    Line::from(words::motion(&known.motion, view.now, theme))
}

/// What most wants to be said under the bar, as a band across the pane if it is an alarm.
fn say(line: Line<'static>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if line.style == theme.latch {
        buf.set_style(area.intersection(buf.area), theme.latch);
    }
    text::rows(buf, area, [line]);
}

/// Where the mouse finds the bars.
pub fn bars(state: &State, view: &View, theme: &Theme, area: Rect) -> Vec<(usize, Rect)> {
    let unread = RouteState::default();
    let bar = |(place, rows): (usize, Rows)| {
        let route = words::plan(state)?.routes.get(place)?;
        let legs = legs(state.routes.get(&route.id).unwrap_or(&unread), route, view, theme);
        let area = match rows {
            Rows::Small(row) => small_rail(row),
            Rows::Full { rail, .. } => rail,
        };
        Some((place, rail::bar_area(&legs, area)))
    };
    rows(state, view, area).into_iter().filter_map(bar).collect()
}

enum Rows {
    Full { rail: Rect, message: Rect, figure: Option<Rect> },
    Small(Rect),
}

/// The room of each route, in the plan's order, inside the pane's frame.
fn rows(state: &State, view: &View, area: Rect) -> Vec<(usize, Rows)> {
    let routes = words::plan(state).map_or(0, |plan| plan.routes.len());
    let chosen = view.route.min(routes.saturating_sub(1));
    let mut inner = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2));
    inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let others = (routes.saturating_sub(1) as u16).min(inner.height.saturating_sub(3));
    let full = inner.height.saturating_sub(others).min(5);
    let mut y = inner.y;
    let mut found = Vec::new();
    for place in 0..routes {
        let height = if place == chosen { full } else { 1 };
        if y + height > inner.bottom() {
            continue;
        }
        let room = Rect { y, height, ..inner };
        y += height;
        found.push((place, if place == chosen { split(room) } else { Rows::Small(room) }));
    }
    found
}

fn split(room: Rect) -> Rows {
    let wide = room.width >= 120 && room.height >= big::ROWS;
    let rail_width = if wide { room.width - FIGURE_COLUMNS } else { room.width };
    // The message gives way last but one: without it the bar still says where traffic is.
    let message_rows = u16::from(room.height >= 2);
    let rail = Rect { width: rail_width, height: room.height - message_rows, ..room };
    let message = Rect { y: room.bottom() - message_rows, height: message_rows, width: rail_width, ..room };
    let figure = wide.then(|| Rect {
        x: room.right() - FIGURE_COLUMNS + 3,
        y: room.y + (room.height - big::ROWS) / 2,
        width: FIGURE_COLUMNS - 4,
        height: big::ROWS,
    });
    Rows::Full { rail, message, figure }
}

fn small_rail(row: Rect) -> Rect {
    let x = (row.x + 14).min(row.right());
    Rect { x, width: (row.right() - x) * 3 / 5, ..row }
}

fn small(known: &RouteState, route: &Route, legs: &[Leg], freshness: Freshness, view: &View, theme: &Theme, row: Rect, buf: &mut Buffer) {
    text::put(buf, row, 0, &text::cut(route.title.as_str(), 13, theme.glyphs.ellipsis), theme.dim);
    let rail = small_rail(row);
    rail::draw(legs, freshness, theme, rail, buf);
    let behind = Rect { x: rail.right(), width: row.right().saturating_sub(rail.right()), ..row };
    let mut line = vec![Span::raw("  ")];
    if known.latch.is_some() {
        line.push(Span::styled(format!("{} latched ", theme.glyphs.latch), theme.latch));
    }
    line.extend(words::motion(&known.motion, view.now, theme));
    text::rows(buf, behind, [Line::from(line)]);
}

/// The legs of a route in the order of the bar: target first, home last.
pub fn legs(known: &RouteState, route: &Route, view: &View, theme: &Theme) -> Vec<Leg> {
    let draft = view.drafts.get(&route.id);
    words::legs(route)
        .into_iter()
        .map(|backend| Leg {
            name: backend.title.to_string(),
            style: words::backend_style(route, &backend.id, theme),
            accepted: known.accepted.as_ref().map(|accepted| accepted.weights.of(&backend.id).get()),
            wanted: known.wanted.as_ref().map(|wanted| wanted.of(&backend.id).get()),
            draft: draft.map(|draft| draft.of(&backend.id).get()),
            observed: known.observed.as_ref().and_then(|observed| observed.shares.get(&backend.id)).map(|share| Band {
                at: share.fraction,
                low: share.low,
                high: share.high,
            }),
        })
        .collect()
}

/// The others' drafts for this route; whoever holds the controls first.
fn ghosts(state: &State, route: &Route, view: &View) -> Vec<Ghost> {
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

/// What most wants to be said under the bar.
fn message_line(state: &State, known: &RouteState, route: &Route, view: &View, theme: &Theme, width: u16) -> Line<'static> {
    let glyphs = &theme.glyphs;
    let needs_human = match &known.motion {
        Motion::NeedsHuman { why, .. } => Some(why),
        Motion::Unread | Motion::Settled | Motion::Writing { .. } | Motion::Resolving { .. } => None,
        Motion::Returning(_) | Motion::Propagating { .. } => None,
    };
    let (text, style) = if let Some(threat) = threat(state, route, view, theme) {
        threat
    } else if let Some(draft) = view.drafts.get(&route.id) {
        let step = known
            .accepted
            .as_ref()
            .map_or(0, |accepted| draft.of(&route.target).get().saturating_sub(accepted.weights.of(&route.target).get()));
        let large = if step > route.step_max.get() { format!("; over {} needs a second person", route.step_max) } else { String::new() };
        let keys = (words::key(view, Action::Ask), words::key(view, Action::Drop));
        let others: String =
            ghosts(state, route, view).iter().map(|ghost| format!("; {} drafts {}", ghost.name, rail::percent(ghost.share))).collect();
        (format!("{} draft {}: {} asks, {} drops it{large}{others}", glyphs.draft, draft.of(&route.target), keys.0, keys.1), theme.draft)
    } else if let Some(drift) = &known.drift {
        let actor = crate::words::mover_name(&drift.by, Names::of(state));
        let keys = (words::key(view, Action::AdoptDrift), words::key(view, Action::Rollback));
        let (found, expected) = (drift.found.of(&route.target), drift.expected.of(&route.target));
        (format!("{} DRIFT: {actor} set {found}, expected {expected}; {} adopts, {} home", glyphs.warn, keys.0, keys.1), theme.warn)
    } else if let Some(why) = needs_human {
        let keys = (words::key(view, Action::Ladder(Way::Back)), words::key(view, Action::Rollback));
        (
            format!(
                " {} A HUMAN MUST LOOK: {}; {} drafts less, {} brings all home",
                glyphs.breach,
                crate::words::need(why),
                keys.0,
                keys.1
            ),
            theme.latch,
        )
    } else if let Some(blind) = blind(state, route, view, theme) {
        blind
    } else if let Some(wish) = &known.queued {
        (format!("{} queued by {}: {}", glyphs.busy, wish.by.who, wish.to), theme.busy)
    } else if let Some(hold) = &known.hold {
        (format!("{} held by {} for {}; {} resumes", glyphs.latch, hold.by, view.age(hold.at), words::key(view, Action::Hold)), theme.warn)
    } else if let Some(Ghost { share, name }) = ghosts(state, route, view).first() {
        (format!("{} {name} drafts {}", glyphs.ghost, rail::percent(*share)), theme.observed)
    } else {
        return resting(state, known, route, view, theme, width.into());
    };
    Line::styled(text::cut(&text, width.into(), glyphs.ellipsis), style)
}

/// A trigger of this route whose clock is running.
fn threat(state: &State, route: &Route, view: &View, theme: &Theme) -> Option<(String, Style)> {
    let running = route.backends.iter().filter_map(|backend| words::threat(state, &backend.id));
    let (trigger, seen, since) = running.min_by_key(|(trigger, _, since)| *since + trigger.lasting)?;
    let then = match trigger.action {
        TriggerAction::Rollback => "rolls back by itself",
        TriggerAction::Hold => "holds the route",
    };
    let value = seen.value.map_or_else(String::new, |value| format!(" {}", trigger.metric.unit().show(value)));
    let left = (since + trigger.lasting).since(view.now);
    let what = format!("{} {}", words::place(route, &trigger.backend), words::metric(trigger.metric));
    let home = words::key(view, Action::Rollback);
    Some((format!(" {} {what}{value}: {then} in {left}; {home} goes home now", theme.glyphs.breach), theme.latch))
}

/// A trigger of this route that can't see, why, and what follows from it.
fn blind(state: &State, route: &Route, view: &View, theme: &Theme) -> Option<(String, Style)> {
    let mut blind = route.backends.iter().filter_map(|backend| words::blind_on(state, &backend.id, view.now));
    let (trigger, blind) = blind.next()?;
    let then = match blind.home_at {
        Some(at) => format!("rolls back by itself in {}", at.since(view.now)),
        None => format!("nothing advances; {} still goes home", words::key(view, Action::Rollback)),
    };
    let place = words::place(route, &trigger.backend);
    Some((format!("{} {place} can't be judged: {then} ({})", theme.glyphs.unknown, blind.why), theme.unknown))
}

/// Nothing special: what comes next and how to ask for it, then how fresh all this is and what it rests on.
fn resting(state: &State, known: &RouteState, route: &Route, view: &View, theme: &Theme, room: usize) -> Line<'static> {
    let mut facts = Vec::new();
    match known.accepted_at {
        Some(at) => facts.push(format!("weights read {}", words::age(view.age(at)))),
        None => facts.push("weights not read yet".to_owned()),
    }
    facts.extend(known.observed.as_ref().map(|observed| format!("{} requests seen", observed.requests)));
    facts.extend(known.moved_by.as_ref().map(|by| format!("moved by {}", crate::words::mover(by, Names::of(state)))));
    let first = next_step(state, known, route, view, theme);
    let between = format!(" {} ", theme.glyphs.dot);
    let alone = first.is_empty();
    let facts = facts.into_iter().enumerate().map(|(place, fact)| {
        let gap = if place == 0 && alone { "" } else { &between };
        Span::styled(format!("{gap}{fact}"), theme.dim)
    });
    text::with_what_fits(first, facts, room)
}

/// How this person goes on from here: the next step of the ladder, or whose turn it is.
fn next_step(state: &State, known: &RouteState, route: &Route, view: &View, theme: &Theme) -> Vec<Span<'static>> {
    let Some(share) = words::carries(state, &route.id, &route.target) else { return Vec::new() };
    if known.motion != Motion::Settled {
        return following(known, route, share, theme);
    }
    if known.latch.is_some() || view.me.as_ref().is_none_or(|me| !me.role.may_steer()) {
        return Vec::new();
    }
    let plain = |words: String| Span::styled(words, theme.text);
    let key = |action| Span::styled(words::key(view, action), theme.key);
    let Some(next) = route.ladder.iter().find(|step| **step > share) else {
        let all = format!("{} all traffic is on {}", theme.glyphs.ok, words::place(route, &route.target));
        return vec![Span::styled(all, theme.ok)];
    };
    let mine = view.me.as_ref().map(|me| me.client);
    match &state.controls.holder {
        Some(holder) if Some(holder.client) == mine => {
            vec![key(Action::Ladder(Way::Forward)), plain(format!(" drafts {next}, ")), key(Action::Ask), plain(" asks for it".to_owned())]
        }
        Some(_) => Vec::new(),
        None => vec![
            key(Action::Controls),
            plain(format!(" takes the controls, then {} drafts {next}", words::key(view, Action::Ladder(Way::Forward)))),
        ],
    }
}

/// While a move is under way the next one has time: how far requests have followed.
fn following(known: &RouteState, route: &Route, share: PerMille, theme: &Theme) -> Vec<Span<'static>> {
    let Some(seen) = known.observed.as_ref().and_then(|observed| observed.shares.get(&route.target)) else { return Vec::new() };
    let (place, percent) = (words::place(route, &route.target), seen.fraction * 100.0);
    vec![Span::styled(format!("{} {share} on {place} is accepted, requests show {percent:.1}% so far", theme.glyphs.busy), theme.busy)]
}
