//! Somebody else changed the weights: seen, said, and never silently overwritten.
//!
//! What the API says is compared with what this session last asked for, as soon as no move of ours explains a difference. Then nothing
//! advances until a human adopts what was found or rolls back. A rollback in the minutes after which a provider or a robot puts the old
//! split back is repeated once; whoever insists is not fought, but shown. Three changes by others within five minutes are a contest.

use crate::{
    core::{
        controls,
        decision::{Cause, Effect, Refusal, Verdict},
        event::Asker,
        exposure,
        news::News,
        reason::{Missing, Mover, Need},
        rollback, settle, standing,
        state::{Drift, Goal, Motion, RouteState},
        turn::Turn,
    },
    domain::{
        id::RouteId,
        shown::Shown,
        weight::{PerMille, Weights},
    },
    plan::model::Route,
};

/// Flips kept; more than make a contest, so that the screen can count them.
const FLIPS_KEPT: usize = 32;

/// Compares what is accepted with what is wanted.
pub(super) fn watch(turn: &mut Turn, route: &Route) {
    forget_flips(turn, route);
    let state = turn.route(route);
    let explained = matches!(state.motion, Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_));
    if explained || !standing::is_fresh(state) {
        return;
    }
    let Some(accepted) = &state.accepted else { return };
    let is_as_wanted = state.drift.is_none() && state.wanted.as_ref() == Some(&accepted.weights);
    let unrecorded = turn.state.record.read_anew(&route.id);
    if is_as_wanted {
        return;
    }
    let Some(accepted) = turn.route(route).accepted.clone() else { return };
    if follows_the_steerer(turn, route) {
        return;
    }
    let Some(wanted) = turn.route(route).wanted.clone() else {
        turn.route_mut(route).wanted = Some(accepted.weights.clone());
        turn.tell(News::Stands { route: route.id.clone(), at: accepted.weights });
        return;
    };
    if accepted.weights == wanted {
        if turn.route_mut(route).drift.take().is_some() {
            flip(turn, route);
            let by = Mover::Foreign { actor: accepted.actor };
            turn.route_mut(route).moved_by = Some(by.clone());
            turn.tell(News::BackAgain { route: route.id.clone(), at: wanted, by });
        }
        return;
    }
    if turn.route(route).drift.as_ref().is_some_and(|drift| drift.found == accepted.weights) {
        name(turn, route, accepted.actor);
        return;
    }
    if goes_home_again(turn, route, &accepted.weights) {
        return;
    }
    let steerer = turn.route(route).steering.another().cloned();
    let by = match (is_ours(turn, route, &accepted.weights), unrecorded) {
        (true, _) => Mover::OurLateWrite,
        (false, true) => Mover::Unrecorded { actor: accepted.actor },
        (false, false) => Mover::Foreign { actor: accepted.actor },
    };
    let by = steerer.map_or(by, |claim| Mover::Steerer { claim: Box::new(claim) });
    drifted(turn, route, wanted, accepted.weights, by);
}

/// What moves where another session steers is that one's doing. Only a route that this session has brought home is told to be elsewhere.
fn follows_the_steerer(turn: &mut Turn, route: &Route) -> bool {
    let state = turn.route(route);
    let (Some(claim), Some(at), None) = (state.steering.another().cloned(), state.accepted.as_ref(), &state.latch) else { return false };
    let (at, claim) = (at.weights.clone(), Box::new(claim));
    let was_known = state.wanted.is_some();
    let state = turn.route_mut(route);
    (state.wanted, state.drift, state.moved_by) = (Some(at.clone()), None, Some(Mover::Steerer { claim: claim.clone() }));
    state.flips.clear();
    match state.motion {
        Motion::Propagating { .. } | Motion::NeedsHuman { .. } => state.motion = Motion::Settled,
        Motion::Unread | Motion::Settled | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) => {}
    }
    let route = route.id.clone();
    turn.tell(if was_known { News::MovedElsewhere { route, at, claim } } else { News::Stands { route, at } });
    true
}

/// After a rollback, what undoes it is undone once more: always if it was a late write of ours, else once.
fn goes_home_again(turn: &mut Turn, route: &Route, found: &Weights) -> bool {
    let state = turn.route(route);
    // A person has taken the object over, and knows who went home.
    let Some(latch) = state.latch.clone().filter(|_| state.steering.another().is_none()) else { return false };
    let ours = is_ours(turn, route, found);
    let propagating = matches!(state.motion, Motion::Propagating { goal: Goal::Rollback, .. });
    if ours {
        turn.tell(News::LateWriteLanded { route: route.id.clone(), found: found.clone() });
        turn.route_mut(route).unresolved.retain(|unresolved| unresolved.to != *found);
    } else if propagating && state.flips.is_empty() {
        flip(turn, route);
        turn.tell(News::RollbackUndone { route: route.id.clone(), found: found.clone() });
    } else {
        return false;
    }
    rollback::set_out(turn, route, latch.cause);
    true
}

/// A write of ours may have made it so: one whose outcome is not known, or one whose outcome is still on its way to us.
pub(super) fn is_ours(turn: &Turn, route: &Route, found: &Weights) -> bool {
    let unresolved = turn.route(route).unresolved.iter().any(|unresolved| unresolved.to == *found);
    let wrote = |deal: &Effect| matches!(deal, Effect::Write { route: of, to, .. } if *of == route.id && to == found);
    unresolved || turn.state.in_flight.values().any(|flight| wrote(&flight.deal))
}

fn drifted(turn: &mut Turn, route: &Route, expected: Weights, found: Weights, by: Mover) {
    let now = turn.now;
    flip(turn, route);
    let contended = standing::is_contended(turn.route(route), now);
    let state = turn.route_mut(route);
    let since = state.drift.as_ref().map_or(now, |drift| drift.since);
    state.moved_by = Some(by.clone());
    state.drift = Some(Drift { expected: expected.clone(), found: found.clone(), by: by.clone(), since, flips: state.flips.clone() });
    settle::begin_anew(state, route, now, Some(&expected));
    state.motion = Motion::Settled;
    turn.tell(News::Drifted { route: route.id.clone(), expected, found, by });
    if contended {
        let why = Need::Contended;
        turn.tell(News::NeedsHuman { route: route.id.clone(), why: why.clone() });
        turn.route_mut(route).motion = Motion::NeedsHuman { since: now, why };
    }
}

/// The cloud's log tells who it was some seconds after the change itself can be seen.
fn name(turn: &mut Turn, route: &Route, who: Option<Shown>) {
    let state = turn.route_mut(route);
    let (Some(drift), Some(who)) = (&mut state.drift, who) else { return };
    let named = match drift.by {
        Mover::Foreign { actor: None } => Some(Mover::Foreign { actor: Some(who.clone()) }),
        Mover::Unrecorded { actor: None } => Some(Mover::Unrecorded { actor: Some(who.clone()) }),
        Mover::Us(_)
        | Mover::Adopted { .. }
        | Mover::OurLateWrite
        | Mover::Steerer { .. }
        | Mover::Foreign { .. }
        | Mover::Unrecorded { .. } => None,
    };
    if let Some(named) = named {
        drift.by = named;
        state.moved_by = Some(drift.by.clone());
        let found = drift.found.clone();
        turn.tell(News::DriftNamed { route: route.id.clone(), found, by: who });
    }
}

fn flip(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let flips = &mut turn.route_mut(route).flips;
    flips.push_back(now);
    while flips.len() > FLIPS_KEPT {
        flips.pop_front();
    }
}

fn forget_flips(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    turn.route_mut(route).flips.retain(|flip| now.since(*flip) < standing::FLIPS_WITHIN);
}

/// Whether what was found can be taken as the session's own: nothing outside the plan has a part of it, and no latch forbids it.
pub(super) fn adoptable(route: &Route, state: &RouteState) -> Result<(), Refusal> {
    let mut hindrances = state.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    if let Some(why) = hindrances.find(|found| found.bars_advance(&route.home)) {
        return Err(Refusal::Hindered { why: why.clone() });
    }
    let away = route.backend_ids().any(|backend| *backend != route.home && exposure::accepted(state, backend) > PerMille::ZERO);
    match &state.latch {
        Some(latch) if away => Err(Refusal::Latched { cause: latch.cause.clone() }),
        Some(_) | None => Ok(()),
    }
}

/// Takes what was found as the session's own. A latched route can only be adopted at home.
pub(super) fn adopt(turn: &mut Turn, by: &Asker, id: &RouteId, found: &Weights) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    controls::held_by(turn, by)?;
    let now = turn.now;
    let state = turn.route(route);
    let Some(accepted) = state.accepted.clone().filter(|_| state.drift.is_some()) else { return Err(Refusal::NoChange) };
    if accepted.weights != *found {
        return Err(Refusal::Moved { now: accepted.weights, by: Some(Mover::Foreign { actor: accepted.actor }) });
    }
    adoptable(route, state)?;
    let state = turn.route_mut(route);
    state.wanted = Some(accepted.weights);
    state.drift = None;
    state.flips.clear();
    state.unresolved.clear();
    state.queued = None;
    state.moved_by = Some(Mover::Adopted { by: by.who.clone() });
    let cause = Cause::Adopted { by: by.who.clone() };
    state.motion = Motion::Propagating { to: found.clone(), since: now, until: now + route.settle, cause, goal: Goal::Advance };
    turn.tell(News::Adopted { route: route.id.clone(), found: found.clone(), by: by.who.clone() });
    Ok(Verdict::Accepted)
}
