//! From a write that left to traffic that has settled: outcomes, reading back, and following the data plane.
//!
//! Three answers to a write are possible, and `Unknown` is one of them: it is never taken for a failure and never repeated blindly, but
//! resolved by a look that began after it. No version that was seen before the newest outcome is ever written against but by a way home for which
//! no look comes; that is what `standing::is_fresh` stands for. When to move and where to is not decided here.

use crate::{
    core::{
        decision::{Cause, Effect},
        news::{Fate, News},
        replaced, rollback, runbook, settle, standing,
        state::{Goal, InFlight, Motion, ReturnStage, Taken},
        steer,
        turn::Turn,
        unresolved::UnresolvedWrite,
    },
    domain::{
        claim::Claim,
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::{EffectId, RouteId},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

/// Between two extra reads of one route.
const READ_AGAIN: Millis = Millis::from_secs(1);
/// A read that has not ended after this is given up; drivers end theirs after 10 s.
const READ_LOST: Millis = Millis::from_secs(15);
/// A write that has not ended after this is taken as unknown; drivers end theirs sooner.
const WRITE_LOST: Millis = Millis::from_secs(120);
/// How long a write without an outcome may still take effect before it counts as not done.
const LATE_MAX: Millis = Millis::from_secs(30);
/// For this long after an unknown outcome the weights are read every second.
const LATE_WATCHED: Millis = Millis::from_secs(60);
const STRAY_FORGOTTEN: Millis = Millis::from_mins(10);

/// The parts of a write that left.
struct Written {
    route: RouteId,
    from: Weights,
    to: Weights,
    version: Version,
    cause: Cause,
    claim: Option<Box<Claim>>,
}

pub(super) fn finished(turn: &mut Turn, effect: EffectId, outcome: &Outcome) {
    // An effect that was resolved otherwise, by a restart for example, has no one waiting for its late word.
    let Some(flight) = turn.state.in_flight.remove(&effect) else { return };
    let known = flight.route.as_ref().and_then(|route| turn.state.routes.get(route));
    let told = known.map(|known| replaced::credible(known, outcome, turn.now));
    let outcome = told.as_deref().unwrap_or(outcome);
    match flight.deal {
        Effect::Read { route } => read_ended(turn, &route),
        Effect::Inject { inject } => {
            if let Outcome::NotDone(fault) | Outcome::Unknown(fault) = outcome {
                turn.tell(News::FaultNotInjected { fault: inject, why: fault.clone() });
            }
        }
        Effect::Wake { .. } => {}
        Effect::Act { step, .. } => runbook::finished(turn, effect, &step, outcome),
        Effect::Claim { route, version, claim, .. } => steer::ended(turn, &route, (&claim, &version), outcome),
        Effect::Write { route, from, to, version, cause, again: _, claim } => {
            written(turn, effect, Written { route, from, to, version, cause, claim }, outcome);
        }
    }
}

/// The API works on a write that is still waited for.
pub(super) fn taken(turn: &mut Turn, effect: EffectId, operation: &Shown) {
    let at = turn.now;
    if let Some(flight) = turn.state.in_flight.get_mut(&effect) {
        flight.taken = Some(Taken { at, operation: operation.clone() });
    }
}

fn read_ended(turn: &mut Turn, id: &RouteId) {
    let again_at = turn.now + READ_AGAIN;
    if let Some(route) = turn.planned(id) {
        turn.route_mut(route).read_again_at = Some(again_at);
    }
}

fn written(turn: &mut Turn, effect: EffectId, written: Written, outcome: &Outcome) {
    let Some(route) = turn.planned(&written.route) else { return };
    if let Outcome::Done(_) = outcome {
        steer::landed(turn, route, written.claim.as_deref());
    }
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let state = turn.route_mut(route);
    state.outcome_at = Some(at);
    state.outcome_seq = Some(seq);
    state.read_again_at = None;
    replaced::ended(state, &written.version, outcome, now);
    let goal = match &state.motion {
        Motion::Writing { effect: current, .. } if *current == effect => Some(Goal::Advance),
        Motion::Returning(back) => match back.stage {
            ReturnStage::Write { effect: current, .. } if current == effect => Some(Goal::Rollback),
            ReturnStage::Write { .. } | ReturnStage::Look | ReturnStage::Resolve { .. } | ReturnStage::Retry { .. } => None,
        },
        Motion::Writing { .. }
        | Motion::Unread
        | Motion::Settled
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => None,
    };
    match (goal, outcome) {
        (None, outcome) => overtaken(turn, route, written, outcome),
        (Some(goal), Outcome::Done(receipt)) => done(turn, route, written, receipt, goal),
        (Some(Goal::Advance), Outcome::NotDone(fault)) => not_done(turn, route, &written, fault),
        (Some(Goal::Rollback), Outcome::NotDone(fault)) => rollback::failed(turn, route, fault),
        (Some(goal), Outcome::Unknown(fault)) => unknown(turn, route, written, fault, goal),
    }
}

/// The end of a write that a rollback overtook. If it was done after all, it is one of ours to be undone.
fn overtaken(turn: &mut Turn, route: &Route, written: Written, outcome: &Outcome) {
    match outcome {
        Outcome::NotDone(_) => {
            turn.tell(News::OvertakenEnded { route: route.id.clone(), to: written.to, fate: Fate::NotDone });
        }
        Outcome::Done(_) | Outcome::Unknown(_) => {
            turn.tell(News::OvertakenEnded { route: route.id.clone(), to: written.to.clone(), fate: Fate::MayBeDone });
            stands_on_it(turn, route, &written, outcome);
            unresolved(turn, route, written);
        }
    }
}

/// What a write that was done made of the object, where nothing newer than what it was written against is known.
fn stands_on_it(turn: &mut Turn, route: &Route, written: &Written, outcome: &Outcome) {
    let now = turn.now;
    let state = turn.route_mut(route);
    let (Some(accepted), Outcome::Done(Receipt { version: Some(version), .. })) = (&mut state.accepted, outcome) else { return };
    if accepted.version == written.version {
        (accepted.weights, accepted.version) = (written.to.clone(), version.clone());
        settle::begin_anew(state, route, now, Some(&written.from));
    }
}

fn unresolved(turn: &mut Turn, route: &Route, written: Written) {
    let since = turn.now;
    let unresolved = UnresolvedWrite { from: written.from, to: written.to, version: written.version, since };
    turn.route_mut(route).unresolved.push(unresolved);
}

fn done(turn: &mut Turn, route: &Route, written: Written, receipt: &Receipt, goal: Goal) {
    let now = turn.now;
    let until = now + route.settle;
    let state = turn.route_mut(route);
    if let Some(accepted) = &mut state.accepted {
        accepted.weights = written.to.clone();
        if let Some(version) = &receipt.version {
            accepted.version = version.clone();
        }
    }
    settle::begin_anew(state, route, now, Some(&written.from));
    match goal {
        Goal::Rollback => rollback::arrive(turn, route),
        Goal::Advance => {
            state.motion = Motion::Propagating { to: written.to.clone(), since: now, until, cause: written.cause, goal };
            turn.tell(News::Accepted { route: route.id.clone(), to: written.to });
        }
    }
}

fn not_done(turn: &mut Turn, route: &Route, written: &Written, fault: &Fault) {
    let state = turn.route_mut(route);
    state.motion = Motion::Settled;
    state.wanted = Some(written.from.clone());
    turn.tell(News::NotMoved { route: route.id.clone(), at: written.from.clone(), why: fault.clone() });
}

fn unknown(turn: &mut Turn, route: &Route, written: Written, fault: &Fault, goal: Goal) {
    let (to, cause, since) = (written.to.clone(), written.cause.clone(), turn.now);
    turn.tell(News::OutcomeUnknown { route: route.id.clone(), to: to.clone(), why: fault.clone() });
    unresolved(turn, route, written);
    match (goal, &mut turn.route_mut(route).motion) {
        (Goal::Rollback, Motion::Returning(back)) => {
            back.fault = Some(fault.clone());
            back.came_first = None;
            back.stage = ReturnStage::Resolve { since };
        }
        (_, motion) => *motion = Motion::Resolving { to, since, cause },
    }
}

/// What a look at the weights, or time alone, makes of the route's motion.
pub(super) fn follow(turn: &mut Turn, route: &Route) {
    lose_what_never_ends(turn, route);
    match &turn.route(route).motion {
        Motion::Unread => {
            let state = turn.route_mut(route);
            if state.accepted.is_some() {
                state.motion = Motion::Settled;
            }
        }
        Motion::Resolving { to, since, cause } => {
            let (to, since, cause) = (to.clone(), *since, cause.clone());
            resolve(turn, route, &to, since, cause);
        }
        Motion::Settled | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => settle::follow(turn, route),
        // The rollback drives these.
        Motion::Returning(_) => {}
        Motion::Writing { .. } => {}
    }
    prune_strays(turn, route);
}

fn resolve(turn: &mut Turn, route: &Route, to: &Weights, since: Timestamp, cause: Cause) {
    let now = turn.now;
    let state = turn.route(route);
    let (Some(accepted), true) = (&state.accepted, standing::is_fresh(state)) else { return };
    let Some(unresolved) = state.unresolved.iter().rev().find(|unresolved| unresolved.to == *to).cloned() else { return };
    if accepted.weights == *to {
        let until = now + route.settle;
        let state = turn.route_mut(route);
        settle::begin_anew(state, route, now, Some(&unresolved.from));
        state.unresolved.retain(|unresolved| unresolved.to != *to);
        state.motion = Motion::Propagating { to: to.clone(), since: now, until, cause, goal: Goal::Advance };
        turn.tell(News::DidHappen { route: route.id.clone(), to: to.clone() });
    } else if accepted.version != unresolved.version || now.since(since) >= LATE_MAX {
        // Others' weights may stand upon ours: then nobody can say whether ours ever stood.
        let fate = if accepted.weights == unresolved.from { Fate::NotDone } else { Fate::NotDoneOrOverwritten };
        let state = turn.route_mut(route);
        state.wanted = Some(unresolved.from);
        state.motion = Motion::Settled;
        turn.tell(News::DidNotHappen { route: route.id.clone(), to: to.clone(), fate });
    }
}

fn is_resolving(motion: &Motion) -> bool {
    match motion {
        Motion::Resolving { .. } => true,
        Motion::Returning(back) => matches!(back.stage, ReturnStage::Resolve { .. }),
        Motion::Unread | Motion::Settled | Motion::Writing { .. } | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => false,
    }
}

/// A unresolved's compare-and-set can't succeed any more once the object has moved on, and no request lives for ever.
fn prune_strays(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let state = turn.route_mut(route);
    // What is being resolved is remembered for as long as that takes: the API, or the host, may have been away for longer.
    if state.unresolved.is_empty() || is_resolving(&state.motion) {
        return;
    }
    state.unresolved.retain(|unresolved| now.since(unresolved.since) < STRAY_FORGOTTEN);
    if !standing::is_fresh(state) {
        return;
    }
    if let Some(accepted) = &state.accepted {
        state.unresolved.retain(|unresolved| unresolved.version == accepted.version);
    }
}

fn lose_what_never_ends(turn: &mut Turn, route: &Route) {
    let lost = |flight: &InFlight| match flight.deal {
        Effect::Read { .. } => turn.now.since(flight.since) >= READ_LOST,
        Effect::Write { .. } | Effect::Claim { .. } => turn.now.since(flight.since) >= WRITE_LOST,
        Effect::Act { .. } | Effect::Wake { .. } | Effect::Inject { .. } => false,
    };
    let of_route = turn.state.in_flight.iter().filter(|(_, flight)| flight.route.as_ref() == Some(&route.id) && lost(flight));
    let lost: Vec<EffectId> = of_route.map(|(id, _)| *id).collect();
    for effect in lost {
        finished(turn, effect, &Outcome::Unknown(Fault::new(FaultKind::TimedOut, "no outcome came")));
    }
}

/// Asks for an extra look where the next one of the sensor would be too late: after an outcome, and while something is unresolved.
pub(super) fn read_if_due(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    let late = state.unresolved.iter().any(|unresolved| turn.now.since(unresolved.since) < LATE_WATCHED);
    let unresolved = is_resolving(&state.motion) || late;
    let waiting = (state.outcome_at.is_some() || state.motion.is_returning()) && !standing::is_fresh(state);
    if !(waiting || unresolved) || state.read_again_at.is_some_and(|again| turn.now < again) {
        return;
    }
    let reads = |flight: &InFlight| matches!(&flight.deal, Effect::Read { route: read } if *read == route.id);
    if !turn.state.in_flight.values().any(reads) {
        turn.send(Effect::Read { route: route.id.clone() });
    }
}
