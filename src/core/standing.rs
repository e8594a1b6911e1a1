//! Where one route stands: questions about it that several rules ask, answered once.
//!
//! Nothing here changes the state, and nothing here asks another rule, so every rule may ask here.

use crate::{
    core::{
        decision::{Cause, Effect},
        reason::DoorRule,
        state::{Goal, InFlight, Latch, Motion, RouteState},
        turn::Turn,
    },
    domain::{
        id::{BackendId, TriggerId},
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

/// Changes by others within this span count towards a contest.
pub(super) const FLIPS_WITHIN: Millis = Millis::from_mins(5);
/// So many of them are a contest.
const FLIPS_MAX: usize = 3;

/// Whether what we know of the route was looked at after the newest write had ended, and no old read has put it in doubt since. Nothing older
/// is written against.
pub(super) fn is_fresh(state: &RouteState) -> bool {
    is_seen_since(state) && state.versions.old_read_seq <= state.accepted_seq
}

fn is_seen_since(state: &RouteState) -> bool {
    let (Some(seen_at), Some(seen_seq)) = (state.accepted_at, state.accepted_seq) else { return false };
    let later = state.outcome_at.is_none_or(|outcome| seen_at >= outcome);
    later && state.outcome_seq.is_none_or(|outcome| seen_seq > outcome)
}

/// Whether a way home may be written against what we know: what was seen since the newest outcome, or what that outcome itself has made.
/// The API refuses it where that has changed, so nothing is won by waiting for a look.
pub(super) fn is_good_for_home(state: &RouteState) -> bool {
    let made = || state.accepted.as_ref().is_some_and(|accepted| state.versions.made.as_ref() == Some(&accepted.version));
    is_seen_since(state) || made()
}

/// Where a rollback of the route leads.
pub(super) fn home(route: &Route) -> Weights {
    Weights::all_on(&route.home, route.backend_ids())
}

/// Whether a fresh look found the route at `weights`.
pub(super) fn rests_at(state: &RouteState, weights: &Weights) -> bool {
    is_fresh(state) && state.accepted.as_ref().is_some_and(|accepted| accepted.weights == *weights)
}

/// Whether a write of ours has left and may still happen.
pub(super) fn writes_under_way(turn: &Turn, route: &Route) -> bool {
    let of_route = |flight: &&InFlight| flight.route.as_ref() == Some(&route.id);
    let writing = turn.state.in_flight.values().filter(of_route).any(|flight| matches!(flight.deal, Effect::Write { .. }));
    writing || !turn.route(route).unresolved.is_empty()
}

/// Whether others keep changing the weights.
pub(super) fn is_contended(state: &RouteState, now: Timestamp) -> bool {
    state.flips.iter().filter(|flip| now.since(**flip) < FLIPS_WITHIN).count() >= FLIPS_MAX
}

/// Whether `trigger` is among the causes of a latch.
pub(super) fn names(latch: &Latch, trigger: &TriggerId) -> bool {
    std::iter::once(&latch.cause).chain(&latch.joined).any(|cause| match cause {
        Cause::Triggers(fired) => fired.iter().any(|fired| fired.trigger == *trigger),
        Cause::Blind { trigger: blind, .. } => blind == trigger,
        Cause::Operator { .. } | Cause::Adopted { .. } | Cause::FailingAtDoor { .. } | Cause::UnlikeHome { .. } => false,
    })
}

/// Whether `rule` on what was met of `backend` at the front door is among the causes of a latch.
pub(super) fn names_at_door(latch: &Latch, backend: &BackendId, rule: DoorRule) -> bool {
    std::iter::once(&latch.cause).chain(&latch.joined).any(|cause| match (cause, rule) {
        (Cause::FailingAtDoor { backend: named, .. }, DoorRule::Failing) => named == backend,
        (Cause::UnlikeHome { backend: named, .. }, DoorRule::Unlike) => named == backend,
        (Cause::FailingAtDoor { .. }, DoorRule::Unlike) | (Cause::UnlikeHome { .. }, DoorRule::Failing) => false,
        (Cause::Operator { .. } | Cause::Adopted { .. } | Cause::Triggers(_) | Cause::Blind { .. }, _) => false,
    })
}

/// What a write of the session's own may have made of the split already, though its outcome has not been told.
pub(super) fn may_be(state: &RouteState) -> Option<&Weights> {
    match &state.motion {
        Motion::Writing { to, .. } | Motion::Resolving { to, .. } => Some(to),
        Motion::Unread | Motion::Settled | Motion::Returning(_) | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => None,
    }
}

/// Until when requests can't be expected to have followed the step that spreads.
pub(super) fn step_spreads_until(state: &RouteState) -> Option<Timestamp> {
    match state.motion {
        Motion::Propagating { until, goal: Goal::Advance, .. } => Some(until),
        Motion::Propagating { goal: Goal::Rollback, .. }
        | Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Returning(_)
        | Motion::NeedsHuman { .. } => None,
    }
}

/// Whether a rollback has brought home what the API holds, so that those who are still elsewhere follow.
pub(super) fn goes_home(route: &Route, state: &RouteState) -> bool {
    state.latch.is_some() && rests_at(state, &home(route))
}
