//! The first entry of a session, and the return of a host that had died.
//!
//! After a restart nothing advances by itself: what was queued and what was asked for is dropped, every write without an outcome is
//! read back, and a rollback that was under way goes on. Any number of restarts in a row leads to the same state.

use std::sync::Arc;

use crate::{
    core::{
        approval,
        decision::Effect,
        event::WorldKind,
        front_door,
        news::News,
        reason::{Drop, Void},
        record, runbook, settle,
        state::{BackendState, Held, InFlight, ItemState, Motion, Opened, Otherwise, ReturnStage, RouteState, State, TriggerState},
        steer, trigger,
        turn::Turn,
        unresolved::UnresolvedWrite,
    },
    domain::id::{EffectId, OperatorId, SessionId},
    plan::model::{Plan, Route},
};

/// Fills a new state with everything that the plan names.
pub(super) fn open(state: &mut State, session: &SessionId, plan: &Plan, world: WorldKind) {
    let at = state.now;
    state.opened = Some(Opened { session: session.clone(), plan: Arc::new(plan.clone()), world, at, restarts: 0 });
    for route in &plan.routes {
        state.routes.insert(route.id.clone(), RouteState::default());
        for backend in route.backend_ids() {
            state.backends.get_or_insert_with(backend, BackendState::default);
        }
    }
    for trigger in &plan.triggers {
        state.triggers.insert(trigger.id.clone(), TriggerState { blind_since: Some(at), ..TriggerState::default() });
    }
    for item in &plan.checklist {
        state.checklist.insert(item.id.clone(), ItemState::default());
    }
    state.steps = runbook::opened(plan).collect();
}

pub(super) fn restarted(turn: &mut Turn) {
    turn.tell(News::HostReturned);
    // Whoever takes up a session that was ended goes on with it.
    turn.state.stopped = None;
    // This host says itself if nobody would start it again.
    turn.state.alone = None;
    record::returned(turn);
    turn.state.people.clear();
    turn.state.controls.holder = None;
    turn.state.controls.asked_by.clear();
    trigger::ask_for_fresh_proof(turn);
    // Sensors begin anew, and say themselves what they lack.
    turn.state.backends.values_mut().for_each(|backend| backend.full_at = None);
    front_door::ask_for_fresh_proof(turn);
    let lost: Vec<(EffectId, InFlight)> = std::mem::take(&mut turn.state.in_flight).into_iter().collect();
    let (at, seq) = (turn.at, turn.seq);
    for route in &turn.plan.routes {
        if let Some(pending) = turn.route_mut(route).queued.take() {
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::HostRestarted });
        }
        let state = turn.route_mut(route);
        settle::ask_for_fresh_proof(state, route, at);
        state.read_again_at = None;
        steer::restarted(state);
        // Nothing that was seen before is written against, but by a way home that has waited for a look in vain.
        state.outcome_at = Some(at);
        state.outcome_seq = Some(seq);
        state.versions.made = None;
    }
    for (_, flight) in lost {
        if let Effect::Write { route, from, to, version, .. } = flight.deal
            && let Some(route) = turn.planned(&route)
        {
            turn.route_mut(route).unresolved.push(UnresolvedWrite { from, to, version, since: flight.since });
        }
    }
    turn.plan.routes.iter().for_each(|route| resume(turn, route));
    runbook::restarted(turn);
}

/// Another version of the fold decides from here on. What the one before would have done next is not known, so nothing goes further out
/// before a person has looked; the way home stays open.
pub(super) fn taken_over(turn: &mut Turn, from: u32, to: u32) {
    turn.tell(News::TakenOver { from, to });
    let now = turn.now;
    for route in &turn.plan.routes {
        let state = turn.route_mut(route);
        match &mut state.hold {
            None => state.hold = Some(Held { by: taker(), at: now, otherwise: Some(Otherwise { from, to }) }),
            // A person's hold stays that person's, and is taken off by whoever has looked at both.
            Some(held) => held.otherwise = Some(Otherwise { from, to }),
        }
        if let Some(pending) = state.queued.take() {
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::Held });
        }
    }
    approval::void_all(turn, Void::Held);
}

/// Who holds the routes then.
pub(super) fn taker() -> OperatorId {
    "cutover".parse().expect("the program's name is a name")
}

fn resume(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let state = turn.route_mut(route);
    match &mut state.motion {
        Motion::Writing { to, cause, .. } => {
            state.motion = Motion::Resolving { to: to.clone(), since: now, cause: cause.clone() };
        }
        Motion::Returning(back) => match back.stage {
            // Nothing leaves again before this host has looked, or has waited for that in vain.
            ReturnStage::Write { .. } | ReturnStage::Resolve { .. } => back.stage = ReturnStage::Resolve { since: now },
            ReturnStage::Retry { .. } => back.stage = ReturnStage::Retry { at: now },
            ReturnStage::Look => {}
        },
        Motion::Resolving { .. } | Motion::Unread | Motion::Settled | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => {}
    }
}
