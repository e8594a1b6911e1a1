//! Going back: what begins it, what drives it until it is done, and what takes the latch off.
//!
//! A rollback waits for nothing. It leaves beside a running advance, against the version that both know, so that one of the two must
//! fail; it cancels what is queued; it is tried again every two seconds at most, each time from a fresh look at the world; and it ends
//! only when the API has said that everything is home. What arrives late after that, by our own doing, sends it home again.
//! It asks for no second person and no controls. It does not judge whether it is deserved; triggers and people do.

use crate::{
    core::{
        approval,
        decision::{Cause, Deal, Refusal, Verdict},
        event::{Alarm, Asker},
        motion,
        news::News,
        reason::{Drop, Missing, Mover, Void},
        state::{Goal, Homeward, Latch, Motion, RouteState},
        trigger,
        turn::Turn,
    },
    domain::{
        fault::{Fault, FaultKind},
        id::RouteId,
        shown::Shown,
        time::Millis,
        weight::Weights,
    },
    plan::model::Route,
};

/// Longest wait before a rollback write is tried again.
const RETRY_MAX: Millis = Millis::from_secs(2);
const RETRY_FIRST: Millis = Millis::from_secs(1);
/// Conflicts in a row that are answered at once; beyond that somebody writes as fast as we do.
const CONFLICTS_AT_ONCE: u32 = 3;
/// A rollback that takes longer than this raises the alarm that a human should use the second lever.
const ESCALATE_AFTER: Millis = Millis::from_secs(30);
/// Causes kept beside the first; more add nothing.
const JOINED_MAX: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Started,
    /// One was running already, or has just brought everything home: the cause is recorded with it.
    Joined,
}

pub(super) fn home(route: &Route) -> Weights {
    Weights::all_on(&route.home, route.backend_ids())
}

/// A rollback of one route or of all, asked for by a person.
pub(super) fn asked(turn: &mut Turn, by: &Asker, route: Option<&RouteId>, reason: Option<&Shown>) -> Result<Verdict, Refusal> {
    let routes: Vec<&Route> = match route {
        Some(id) => vec![turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?],
        None => turn.plan.routes.iter().collect(),
    };
    let cause = Cause::Operator { who: by.who.clone(), reason: reason.cloned(), approved_by: None };
    let mut verdict = Verdict::Joined;
    for route in routes {
        if begin(turn, route, cause.clone()) == Begun::Started {
            verdict = Verdict::Accepted;
        }
    }
    Ok(verdict)
}

/// Starts a rollback of `route`, or joins the one that runs.
pub(super) fn begin(turn: &mut Turn, route: &Route, cause: Cause) -> Begun {
    let home = home(route);
    let now = turn.now;
    let state = turn.route_mut(route);
    let at_home = rests_at(state, &home) && !writes_under_way(turn, route);
    let state = turn.route_mut(route);
    if let Some(latch) = &mut state.latch {
        if latch.cause != cause && !latch.joined.contains(&cause) && latch.joined.len() < JOINED_MAX {
            latch.joined.push(cause.clone());
        }
        if state.homeward.is_some() || at_home {
            turn.tell(News::RollbackJoined { route: route.id.clone(), cause });
            return Begun::Joined;
        }
    } else {
        state.latch = Some(Latch { cause: cause.clone(), at: now, joined: Vec::new() });
    }
    state.wanted = Some(home.clone());
    state.drift = None;
    let dropped = state.queued.take();
    if let Some(wish) = dropped {
        turn.tell(News::QueuedDropped { route: route.id.clone(), to: wish.to, why: Drop::RollbackBegan });
    }
    approval::void_route(turn, route, Void::RollbackBegan);
    turn.tell(News::RollbackBegan { route: route.id.clone(), cause: cause.clone() });
    if at_home {
        turn.tell(News::HomeAlready { route: route.id.clone() });
        return Begun::Started;
    }
    let against = turn.route(route).readiness.against.first().cloned();
    if let Some(why) = against {
        turn.tell(News::HomeNotProven { route: route.id.clone(), why });
    }
    set_out(turn, route, cause);
    Begun::Started
}

/// Begins, or begins again, to bring the route home; writes at once if it can.
pub(super) fn set_out(turn: &mut Turn, route: &Route, cause: Cause) {
    let now = turn.now;
    let to = home(route);
    let state = turn.route_mut(route);
    let since = state.homeward.get_or_insert(Homeward { since: now, ..Homeward::default() }).since;
    let fault = Fault::new(FaultKind::Unreadable, "the weights have to be read first");
    state.motion = Motion::Retrying { to, since, cause, attempts: 0, again_at: now, fault };
    state.read_again_at = None;
    drive(turn, route);
}

/// One turn of a rollback: arrive, write, or wait for what the next step needs.
pub(super) fn drive(turn: &mut Turn, route: &Route) {
    let Some(homeward) = turn.route(route).homeward.clone() else { return };
    escalate(turn, route, &homeward);
    let state = turn.route(route);
    let home = home(route);
    let (cause, due) = match &state.motion {
        // The write home is on its way.
        Motion::Writing { goal: Goal::Rollback, .. } => return,
        Motion::Retrying { cause, again_at, .. } => (cause.clone(), turn.now >= *again_at),
        Motion::Resolving { cause, since, .. } => (cause.clone(), turn.now.since(*since) >= RETRY_FIRST),
        Motion::Writing { cause, .. } | Motion::Propagating { cause, .. } => (cause.clone(), true),
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => match &state.latch {
            Some(latch) => (latch.cause.clone(), true),
            None => return,
        },
    };
    if !motion::is_fresh(state) {
        return;
    }
    if rests_at(state, &home) && (homeward.writes > 0 || !writes_under_way(turn, route)) {
        arrive(turn, route, cause);
    } else if due {
        write(turn, route, home, cause);
    }
}

fn write(turn: &mut Turn, route: &Route, to: Weights, cause: Cause) {
    let Some(accepted) = turn.route(route).accepted.clone() else { return };
    let from = accepted.weights;
    let deal = Deal::Write { route: route.id.clone(), from, to: to.clone(), version: accepted.version, cause: cause.clone() };
    let effect = turn.send(deal);
    let now = turn.now;
    let state = turn.route_mut(route);
    state.moved_by = Some(Mover::Us(cause.clone()));
    state.motion = Motion::Writing { effect, to, since: now, cause, goal: Goal::Rollback };
    if let Some(homeward) = &mut state.homeward {
        homeward.writes = homeward.writes.saturating_add(1);
    }
}

/// Home is accepted; the data plane follows. The latch stays.
fn arrive(turn: &mut Turn, route: &Route, cause: Cause) {
    let now = turn.now;
    let to = home(route);
    let until = now + route.settle;
    let state = turn.route_mut(route);
    let took = state.homeward.take().map_or(Millis(0), |homeward| now.since(homeward.since));
    state.motion = Motion::Propagating { to, since: now, until, cause, goal: Goal::Rollback };
    turn.tell(News::HomeAccepted { route: route.id.clone(), after: took });
}

/// A write home failed. The next one starts from a fresh look, at once after a conflict, else within two seconds.
pub(super) fn failed(turn: &mut Turn, route: &Route, cause: Cause, fault: &Fault) {
    let now = turn.now;
    let to = home(route);
    let state = turn.route_mut(route);
    let homeward = state.homeward.get_or_insert(Homeward { since: now, ..Homeward::default() });
    homeward.attempts = homeward.attempts.saturating_add(1);
    let (attempts, since) = (homeward.attempts, homeward.since);
    let wait = match (fault.kind, attempts) {
        (FaultKind::Conflict, ..=CONFLICTS_AT_ONCE) => Millis(0),
        (_, 1) => RETRY_FIRST,
        (_, _) => RETRY_MAX,
    };
    let again_at = now + wait;
    state.motion = Motion::Retrying { to, since, cause, attempts, again_at, fault: fault.clone() };
    if wait > Millis(0) {
        turn.send(Deal::Wake { at: again_at, alarm: Alarm::Retry { route: route.id.clone() } });
    }
    // Each attempt has a record of its own; the feed would drown in them.
    if attempts == 1 || attempts.is_multiple_of(10) {
        turn.tell(News::WayHomeFailed { route: route.id.clone(), why: fault.clone(), attempt: attempts });
    }
}

fn escalate(turn: &mut Turn, route: &Route, homeward: &Homeward) {
    if homeward.escalated_at.is_some() || turn.now.since(homeward.since) < ESCALATE_AFTER {
        return;
    }
    let now = turn.now;
    if let Some(homeward) = &mut turn.route_mut(route).homeward {
        homeward.escalated_at = Some(now);
    }
    turn.tell(News::NotHome { route: route.id.clone(), after: ESCALATE_AFTER });
}

/// Takes the latch off, and begins the triggers' windows anew. Traffic stays where it is.
pub(super) fn rearm(turn: &mut Turn, by: &Asker, id: &RouteId, reason: &Shown) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    super::controls::held_by(turn, by)?;
    if reason.as_str().trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    if turn.route(route).homeward.is_some() {
        return Err(Refusal::RollingBack);
    }
    // A breach that no traffic can clear any more needs a human's word too.
    let pending = turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    let pending = pending.filter_map(|trigger| turn.state.triggers.get(&trigger.id)).any(|known| known.pending_since.is_some());
    if turn.route(route).latch.is_none() && !pending {
        return Err(Refusal::NotLatched);
    }
    turn.route_mut(route).latch = None;
    trigger::rearm(turn, route);
    turn.tell(News::Rearmed { route: route.id.clone(), reason: reason.clone() });
    Ok(Verdict::Accepted)
}

/// Accepted where it should be, with nothing left that may still move it elsewhere.
fn rests_at(state: &RouteState, home: &Weights) -> bool {
    motion::is_fresh(state) && state.accepted.as_ref().is_some_and(|accepted| accepted.weights == *home)
}

fn writes_under_way(turn: &Turn, route: &Route) -> bool {
    let of_route = |flight: &&super::state::InFlight| flight.route.as_ref() == Some(&route.id);
    let writing = turn.state.in_flight.values().filter(of_route).any(|flight| matches!(flight.deal, Deal::Write { .. }));
    writing || !turn.route(route).strays.is_empty()
}
