//! Where traffic is: the route under the slider as a rail with all its weights, every other route on one line.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        decision::Refusal,
        fails::{Fails, Gravity, Site, fails, stranded},
        has::{has, strangers},
        home::{Home, home},
        outlook::{self, Attention, Outlook, Then},
        state::{Drift, Motion, Observed, Proof, RouteState, State},
    },
    domain::{
        id::BackendId,
        weight::{PerMille, WHOLE, Weights},
    },
    plan::model::{Route, Trigger},
    tui::{
        keymap::{Action, Way},
        panes::{draft, frame, rollback, words},
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
    words::{Names, share},
};

/// Columns kept free at the right for the big figure, where there is room for it.
const FIGURE_COLUMNS: u16 = 24;

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
        title.push(Span::styled(format!(" {dot} {share} on {}", words::place(route, &route.target)), theme.figure));
    }
    if let Some(failing) = failing(&fails(state, route, &route.target), theme).filter(|failing| failing.share > 0.0) {
        title.push(Span::styled(format!(" {} {}", theme.glyphs.dot, failing.short), failing.style));
    }
    let worst = worst(state, route);
    frame::frame(Pane::Traffic, title, status(scene, route, known, worst.as_ref()), scene, area, buf);
    if let Some(style) = worst.as_ref().and_then(|worst| edge(worst, theme)) {
        frame::light(area, style, theme, buf);
    }
    for (place, rows) in rows(state, view, area) {
        let Some(route) = words::plan(state).and_then(|plan| plan.routes.get(place)) else { continue };
        let known = state.routes.get(&route.id).unwrap_or(&unread);
        let legs = legs(scene, known, route);
        let freshness = freshness(state, known, view);
        match rows {
            Rows::Small(row) => small(scene, known, route, (&legs, freshness), row, buf),
            Rows::Full { rail, message, below, figure } => {
                rail::draw(&legs, freshness, theme, rail, buf);
                ghosts::draw(&ghosts(state, route, view), &legs, theme, rail, buf);
                say(message_line(scene, known, route, message.width), theme, message, buf);
                draft::draw(scene, route, below, buf);
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

/// The colour of the frame around what wants to be looked at.
fn edge(worst: &Attention, theme: &Theme) -> Option<Style> {
    match worst {
        Attention::NotHome { .. }
        | Attention::RecordBroken { .. }
        | Attention::Breach { .. }
        | Attention::AtDoor { .. }
        | Attention::FailingForNobody { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::NeedsHuman { .. } => Some(theme.alarm),
        Attention::TakenOver { .. }
        | Attention::RecordLow { .. }
        | Attention::RecordMissing { .. }
        | Attention::Drifted { .. }
        | Attention::Hindered { .. }
        | Attention::RequestsDisagree { .. } => Some(theme.warn),
        Attention::Blind { .. } | Attention::Unresolved { .. } | Attention::Unread { .. } | Attention::WeightsUnread { .. } => {
            Some(theme.unknown)
        }
        Attention::RollingBack { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::ProbeFails { .. }
        | Attention::HomeNotReady { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Unjudged { .. }
        | Attention::Latched { .. }
        | Attention::ApprovalOpen { .. } => None,
    }
}

/// The worst that is true of this route or of a trigger that guards it; that a trigger can't judge yet is told in its own pane.
fn worst(state: &State, route: &Route) -> Option<Attention> {
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
        Some(Attention::TakenOver { .. }) => Line::styled(format!("{} HELD, another version decided", theme.glyphs.warn), theme.warn),
        Some(Attention::Drifted { .. }) => Line::styled(format!("{} DRIFT, nothing of ours", theme.glyphs.warn), theme.warn),
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
fn say(line: Line<'static>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if line.style == theme.latch {
        buf.set_style(area.intersection(buf.area), theme.latch);
    }
    text::rows(buf, area, [line]);
}

/// Where the mouse finds the bars.
pub fn bars(scene: Scene<'_>, area: Rect) -> Vec<(usize, Rect)> {
    let Scene { state, view, .. } = scene;
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
    rows(state, view, area).into_iter().filter_map(bar).collect()
}

enum Rows {
    Full { rail: Rect, message: Rect, below: Rect, figure: Option<Rect> },
    Small(Rect),
}

/// The room of each route, in the plan's order, inside the pane's frame.
fn rows(state: &State, view: &View, area: Rect) -> Vec<(usize, Rows)> {
    let routes = words::plan(state).map_or(0, |plan| plan.routes.len());
    let chosen = view.route.min(routes.saturating_sub(1));
    let mut inner = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2));
    inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let others = (routes.saturating_sub(1) as u16).min(inner.height.saturating_sub(3));
    let below = inner.height.saturating_sub(others + 4).min(draft::most(state, view));
    let full = inner.height.saturating_sub(others).min(5 + below);
    let mut y = inner.y;
    let mut found = Vec::new();
    for place in 0..routes {
        let height = if place == chosen { full } else { 1 };
        if y + height > inner.bottom() {
            continue;
        }
        let room = Rect { y, height, ..inner };
        y += height;
        found.push((place, if place == chosen { split(room, below) } else { Rows::Small(room) }));
    }
    found
}

fn split(room: Rect, below_rows: u16) -> Rows {
    let below = Rect { y: room.bottom() - below_rows, height: below_rows, ..room };
    let room = Rect { height: room.height - below_rows, ..room };
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
    let leg = |id: &BackendId, name: String, style: Style| Leg {
        name,
        style,
        accepted: known.accepted.as_ref().map(|accepted| accepted.weights.of(id).get()),
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

/// What of a leg's requests is seen to fail.
fn failing(fails: &Fails, theme: &Theme) -> Option<Failing> {
    let said = crate::words::fails(fails)?;
    let door = fails.at_door.map_or(0.0, |met| if met.site == Site::UnlikeHome { 1.0 } else { met.share.fraction });
    let own = fails.own.map_or(0.0, |sample| sample.value);
    let (share, style) = match fails.gravity {
        Gravity::Beyond => (door.max(own).max(fails.losing.map_or(0.0, |losing| losing.share())), theme.breach),
        Gravity::Tolerated => (0.0, theme.dim),
    };
    Some(Failing { share, words: said.long, short: said.short, style })
}

/// What requests show; nothing while there is no sample.
fn observed(known: &RouteState) -> Option<&Observed> {
    known.observed.as_ref().filter(|observed| observed.requests > 0)
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

/// What most wants to be said under the bar.
fn message_line(scene: Scene<'_>, known: &RouteState, route: &Route, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let glyphs = &theme.glyphs;
    let needs_human = match &known.motion {
        Motion::NeedsHuman { why, .. } => Some(why),
        Motion::Unread | Motion::Settled | Motion::Writing { .. } | Motion::Resolving { .. } => None,
        Motion::Returning(_) | Motion::Propagating { .. } => None,
    };
    let (text, style) = if let Some(threat) = threat(scene, route) {
        threat
    } else if let Some(breach) = at_door(scene, route) {
        breach
    } else if let Some(drafted) = view.drafts.get(&route.id) {
        draft::told(scene, known, route, drafted)
    } else if let Some(drift) = &known.drift {
        drifted(state, route, drift, view, theme, width)
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
    } else if let Some(blind) = blind(scene, route) {
        blind
    } else if let Some(pending) = &known.queued {
        (format!("{} queued by {}: {}", glyphs.busy, pending.by.who, pending.to), theme.busy)
    } else if let Some(hold) = &known.hold {
        (format!("{} held by {} for {}; {} resumes", glyphs.latch, hold.by, view.age(hold.at), words::key(view, Action::Hold)), theme.warn)
    } else if let Some(Ghost { share, name }) = ghosts(state, route, view).first() {
        (format!("{} {name} drafts {}", glyphs.ghost, rail::percent(*share)), theme.people)
    } else {
        return resting(scene, known, route, width.into());
    };
    Line::styled(text::cut(&text, width.into(), glyphs.ellipsis), style)
}

/// Somebody else's change and the ways on; what was expected where there is room for it.
fn drifted(state: &State, route: &Route, drift: &Drift, view: &View, theme: &Theme, width: u16) -> (String, Style) {
    let names = Names::of(state);
    // One figure tells a split of two; with a stranger in it, or with nobody, it takes them all.
    let planned = drift.found.of(&route.home).get() + drift.found.of(&route.target).get();
    let told = |weights: &Weights| match planned {
        0..WHOLE => names.split(&route.id, weights),
        _ => weights.of(&route.target).to_string(),
    };
    let head = format!("{} DRIFT: {} set {}", theme.glyphs.warn, crate::words::mover_name(&drift.by, names), told(&drift.found));
    let expected = format!(", expected {}", told(&drift.expected));
    let adopts =
        if outlook::is_adoptable(state, route) { format!("{} adopts, ", words::key(view, Action::AdoptDrift)) } else { String::new() };
    let ways = format!("; {adopts}{} home", words::key(view, Action::Rollback));
    let whole = format!("{head}{expected}{ways}");
    (if text::width(&whole) <= width.into() { whole } else { format!("{head}{ways}") }, theme.warn)
}

/// What is met at the front door is beyond what the plan tolerates, or not home's site.
fn at_door(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let breach = outlook::attention(state).into_iter().find_map(|found| {
        if let Attention::AtDoor { route: id, breach } = found
            && id == route.id
        {
            Some(breach)
        } else {
            None
        }
    })?;
    let what = crate::words::at_door(&breach, view.now, Names::of(state));
    if stranded(state, route).is_some_and(|stranded| *stranded.home == breach.backend) {
        let copies = words::key(view, Action::CopyAwayByHand);
        let there = words::place(route, &route.target);
        let (home, failed, of) = (words::place(route, &route.home), breach.failed, breach.answers);
        let told = format!(
            " {} {home} fails {failed} of {of}: restore it; {copies} copies the way to {there} by hand, past what cutover does",
            theme.glyphs.breach
        );
        return Some((told, theme.latch));
    }
    Some((format!(" {} {what}{}", theme.glyphs.breach, way_home(state, route, view)), theme.latch))
}

/// A trigger of this route whose clock is running, the one that acts first.
fn threat(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let names = Names::of(state);
    let running = guards(state, route).filter_map(|trigger| match outlook::outlook(state, &trigger.id)? {
        // Of what has led home already the way home tells.
        Outlook::Running { then: Then::NobodyThere | Then::Done, .. } => None,
        Outlook::Running { acts_at, then, .. } => Some((trigger, acts_at, then)),
        Outlook::Quiet
        | Outlook::Idle
        | Outlook::Unjudged(_)
        | Outlook::Unproven { .. }
        | Outlook::Blind { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    });
    let (trigger, acts_at, then) = running.min_by_key(|(_, acts_at, then)| (*then != Then::GoesHome, *acts_at))?;
    let value = state.triggers.get(&trigger.id).and_then(|seen| seen.value);
    let value = value.map_or_else(String::new, |value| format!(" {}", trigger.metric.unit().show(value)));
    let what = names.watched_short(&trigger.id);
    let follows = match then {
        Then::GoesHome => format!("rolls back by itself in {}", acts_at.since(view.now)),
        Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done => {
            crate::words::short::then(&then, names)
        }
    };
    Some((format!(" {} {what}{value}: {follows}{}", theme.glyphs.breach, way_home(state, route, view)), theme.latch))
}

/// The key that goes home, where that helps: not where everybody is home or on the way, nor where home is in no state to take them.
fn way_home(state: &State, route: &Route, view: &View) -> String {
    let assured = outlook::against_home(state, route).is_empty();
    match home(state, route) {
        Home::Away { .. } | Home::NotHome { .. } if assured => format!("; {} goes home now", words::key(view, Action::Rollback)),
        Home::Away { .. } | Home::NotHome { .. } => String::new(),
        Home::Unread | Home::Going { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => String::new(),
    }
}

/// The triggers that watch this route.
fn guards<'a>(state: &'a State, route: &'a Route) -> impl Iterator<Item = &'a Trigger> {
    words::plan(state).into_iter().flat_map(|plan| &plan.triggers).filter(|trigger| trigger.route == route.id)
}

/// A trigger of this route that can't see, why, and what follows from it.
fn blind(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let blind = guards(state, route).filter_map(|trigger| match outlook::outlook(state, &trigger.id)? {
        Outlook::Blind { since, gap, acts_at, then } => Some((trigger, since, gap, acts_at, then)),
        Outlook::Quiet
        | Outlook::Idle
        | Outlook::Unjudged(_)
        | Outlook::Running { .. }
        | Outlook::Unproven { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    });
    let (trigger, _, gap, acts_at, then) = blind.min_by_key(|(_, since, ..)| *since)?;
    let why = gap.map_or_else(|| "no reading yet".to_owned(), crate::words::gap);
    let follows = match then {
        Then::GoesHome => format!("rolls back by itself in {}", acts_at.since(view.now)),
        Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done => {
            format!("nothing advances{}", way_home(state, route, view))
        }
    };
    let place = words::place(route, &trigger.backend);
    Some((format!("{} {place} can't be judged: {follows} ({why})", theme.glyphs.unknown), theme.unknown))
}

/// Nothing special: what comes next and how to ask for it, then how fresh all this is and what it rests on.
fn resting(scene: Scene<'_>, known: &RouteState, route: &Route, room: usize) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let mut facts = Vec::new();
    match known.accepted_at {
        Some(at) => facts.push(format!("weights read {}", words::age(view.age(at)))),
        None => facts.push("weights not read yet".to_owned()),
    }
    facts.push(match observed(known) {
        Some(seen) => format!("{} requests seen", seen.requests),
        None => "no request seen yet".to_owned(),
    });
    facts.extend(known.moved_by.as_ref().map(|by| format!("moved by {}", crate::words::mover(by, Names::of(state)))));
    let first = next_step(scene, known, route, room);
    let between = format!(" {} ", theme.glyphs.dot);
    let alone = first.is_empty();
    let facts = facts.into_iter().enumerate().map(|(place, fact)| {
        let gap = if place == 0 && alone { "" } else { &between };
        Span::styled(format!("{gap}{fact}"), theme.dim)
    });
    text::with_what_fits(first, facts, room)
}

/// How this person goes on from here: the next step of the ladder, or whose turn it is.
fn next_step(scene: Scene<'_>, known: &RouteState, route: &Route, room: usize) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    let Some(share) = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target)) else { return Vec::new() };
    if known.motion.is_returning() {
        return Vec::new();
    }
    if known.motion != Motion::Settled {
        return following(state, known, route, share, theme);
    }
    if known.latch.is_some() || view.me.as_ref().is_none_or(|me| !me.role.may_steer()) {
        return Vec::new();
    }
    let plain = |words: String| Span::styled(words, theme.text);
    let key = |action| Span::styled(words::key(view, action), theme.key);
    let Some(next) = route.ladder.iter().find(|step| **step > share) else {
        let seen = matches!(known.proof, Proof::Proven { .. } | Proof::Fits) && known.against_since.is_none();
        let all = format!("all traffic is given to {}", words::place(route, &route.target));
        return vec![if seen {
            Span::styled(format!("{} {all}", theme.glyphs.ok), theme.ok)
        } else {
            Span::styled(format!("{} {all}, not seen by requests yet", theme.glyphs.unknown), theme.unknown)
        }];
    };
    let mine = view.me.as_ref().map(|me| me.client);
    // Nobody is invited to go on while something is wrong, nor to what would be refused.
    if worst(state, route).is_some_and(|worst| matches!(worst, Attention::ConnectionsDropped { .. })) {
        return vec![Span::styled(format!("{} find out who drops connections before you go on", theme.glyphs.warn), theme.warn)];
    }
    if let Some(why) = refused(state, known, route, *next) {
        let told = format!("{} {next} would be refused now: {}", theme.glyphs.latch, crate::words::why_refused(&why, Names::of(state)));
        return vec![Span::styled(text::cut(&told, room, theme.glyphs.ellipsis), theme.warn)];
    }
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

/// Why the target would not be given `share` now.
fn refused(state: &State, known: &RouteState, route: &Route, share: PerMille) -> Option<Refusal> {
    let to = route.planned(&known.accepted.as_ref()?.weights).with(&route.target, share).ok()?;
    outlook::refusals(state, &route.id, &to).into_iter().next()
}

/// While a move is under way the next one has time: how far requests have followed.
fn following(state: &State, known: &RouteState, route: &Route, given: PerMille, theme: &Theme) -> Vec<Span<'static>> {
    if let stands @ Home::Accepted { .. } = home(state, route) {
        // After a rollback the way home tells it, one row below.
        return match known.latch {
            Some(_) => Vec::new(),
            None => vec![Span::styled(
                format!("{} {}", theme.glyphs.busy, rollback::whereabouts(&stands, &words::place(route, &route.home))),
                theme.busy,
            )],
        };
    }
    let place = words::place(route, &route.target);
    if let Motion::Writing { to, .. } | Motion::Resolving { to, .. } = &known.motion {
        let told = format!("{} {} is being written", theme.glyphs.busy, Names::of(state).split(&route.id, to));
        return vec![Span::styled(told, theme.busy)];
    }
    let head = format!("{} {given} on {place} is accepted", theme.glyphs.busy);
    let told = match observed(known).and_then(|observed| observed.shares.get(&route.target)) {
        Some(seen) => format!("{head}, requests show {} so far", share(seen.fraction)),
        None => format!("{head}, not seen by requests yet"),
    };
    vec![Span::styled(told, theme.busy)]
}
