//! The session's time: what to do when the clock of the host goes back.
//!
//! A correction of a few seconds just holds the time still until the clock has caught up. A larger step back moves every running span
//! with it, so that what has lasted two minutes still has, and what expires in four still does. Nothing is cleared either way. A step
//! forward needs no rule: spans grow by it, so approvals expire and readings are stale, which is the safe side. Only the silence of a client in
//! a time in which the host did not run is none ([`crate::core::standstill`]).

use crate::{
    core::{
        evidence::AHEAD_MAX,
        runbook::StepState,
        standstill::Standstill,
        state::{Motion, Proof, ReturnStage, RouteState, State, TriggerState},
    },
    domain::time::{Millis, Timestamp},
};

/// A step back of at most this holds the time; a clock that is being disciplined makes steps below it.
const HELD_MAX: Millis = Millis::from_secs(5);

/// Moves the session's time to `at`, or holds it, or takes every span back with it.
pub(super) fn advance(state: &mut State, at: Timestamp) {
    if at >= state.now {
        state.now = at;
        return;
    }
    let back = state.now.since(at);
    if back > HELD_MAX {
        state.now = at;
        rebase(state, back);
    }
}

fn rebase(state: &mut State, back: Millis) {
    let now = state.now;
    let shift = |stamp: &mut Timestamp| *stamp = stamp.before(back);
    let shift_maybe = |stamp: &mut Option<Timestamp>| {
        if let Some(stamp) = stamp {
            shift(stamp);
        }
    };
    for route in state.routes.values_mut() {
        rebase_route(route, back);
    }
    for backend in state.backends.values_mut() {
        [&mut backend.values_at, &mut backend.workload_at, &mut backend.history_at].into_iter().for_each(shift_maybe);
        [&mut backend.dropped_at, &mut backend.stable_since, &mut backend.full_at].into_iter().for_each(shift_maybe);
        backend.usable.values_mut().for_each(|sample| shift(&mut sample.at));
        backend.announced.moments().for_each(shift);
        backend.probe.iter_mut().for_each(|probe| shift(&mut probe.at));
        backend.losing.iter_mut().for_each(|losing| losing.rebase(back));
    }
    state.triggers.values_mut().for_each(|trigger| rebase_trigger(trigger, back, now));
    for source in state.sources.values_mut() {
        shift(&mut source.asked_at);
        shift_maybe(&mut source.ok_at);
    }
    for replica in state.replication.values_mut() {
        shift(&mut replica.seen_at);
        shift_maybe(&mut replica.history_at);
    }
    for item in state.checklist.values_mut() {
        [&mut item.seen_at, &mut item.since, &mut item.expires_at].into_iter().for_each(shift_maybe);
    }
    state.steps.values_mut().flat_map(StepState::moments).for_each(shift);
    if let Some(holder) = &mut state.controls.holder {
        shift(&mut holder.since);
        shift(&mut holder.beat_at);
    }
    for person in state.people.values_mut() {
        shift(&mut person.joined_at);
        shift(&mut person.active_at);
    }
    for approval in state.approvals.values_mut() {
        shift(&mut approval.at);
        shift(&mut approval.expires_at);
    }
    for mark in state.marks.iter_mut() {
        shift(&mut mark.at);
        shift_maybe(&mut mark.until);
    }
    state
        .in_flight
        .values_mut()
        .flat_map(|flight| [&mut flight.since].into_iter().chain(flight.taken.as_mut().map(|taken| &mut taken.at)))
        .for_each(shift);
    state.look_here.iter_mut().for_each(|look| shift(&mut look.at));
    state.ended.iter_mut().for_each(|ended| shift(&mut ended.at));
    state.said.iter_mut().for_each(|said| shift(&mut said.at));
    state.stood_still.iter_mut().flat_map(Standstill::moments).for_each(shift);
    state.record.rebase(shift);
    state.alone.iter_mut().for_each(|alone| shift(&mut alone.since));
    [&mut state.checked_at, &mut state.drops.last_at].into_iter().for_each(shift_maybe);
    state.drops.by.values_mut().for_each(|watched| {
        shift(&mut watched.since);
        shift(&mut watched.seen_at);
    });
}

fn rebase_trigger(trigger: &mut TriggerState, back: Millis, now: Timestamp) {
    let shift_maybe = |stamp: &mut Option<Timestamp>| *stamp = stamp.map(|stamp| stamp.before(back));
    trigger.gathered = None;
    let breach = [&mut trigger.pending_since, &mut trigger.fired_at, &mut trigger.withheld_since, &mut trigger.disaster.since];
    let sight = [&mut trigger.blind_since, &mut trigger.blind_said_at, &mut trigger.within_at, &mut trigger.read_at];
    breach.into_iter().chain(sight).for_each(shift_maybe);
    // A source's own time. If it lies ahead now, the source shares the host's clock and went back with it. What it told by the time before, and may tell
    // again once that comes round, can't be told from what is new: so the samples are counted anew, and the clock of the breach runs on.
    if trigger.last_breach_at.is_some_and(|last| last.since(now) > AHEAD_MAX) {
        shift_maybe(&mut trigger.last_breach_at);
        trigger.breaches = 0;
    }
    if trigger.disaster.newest.is_some_and(|newest| newest.since(now) > AHEAD_MAX) {
        shift_maybe(&mut trigger.disaster.newest);
        trigger.disaster.samples = 0;
    }
}

fn rebase_route(route: &mut RouteState, back: Millis) {
    let shift = |stamp: &mut Timestamp| *stamp = stamp.before(back);
    let shift_maybe = |stamp: &mut Option<Timestamp>| {
        if let Some(stamp) = stamp {
            shift(stamp);
        }
    };
    [&mut route.accepted_at, &mut route.outcome_at, &mut route.changed_at, &mut route.spreads_until].into_iter().for_each(shift_maybe);
    [&mut route.given.at, &mut route.got.at].into_iter().for_each(shift_maybe);
    [&mut route.read_again_at, &mut route.readiness.seen_at, &mut route.against_since].into_iter().for_each(shift_maybe);
    if let Proof::Proven { at } = &mut route.proof {
        shift(at);
    }
    route.unresolved.iter_mut().for_each(|unresolved| shift(&mut unresolved.since));
    route.versions.moments().for_each(shift);
    route.flips.iter_mut().for_each(shift);
    if let Some(observed) = &mut route.observed {
        shift(&mut observed.at);
        observed.window.shift(shift);
    }
    route.front_door.rebase(back);
    route.doubts.rebase(back);
    route.losing.iter_mut().for_each(|losing| losing.rebase(back));
    match &mut route.motion {
        Motion::Unread | Motion::Settled => {}
        Motion::Writing { since, .. } | Motion::Resolving { since, .. } | Motion::NeedsHuman { since, .. } => shift(since),
        Motion::Returning(back) => {
            shift(&mut back.since);
            shift_maybe(&mut back.escalated_at);
            match &mut back.stage {
                ReturnStage::Look => {}
                ReturnStage::Write { since: at, .. } | ReturnStage::Resolve { since: at } | ReturnStage::Retry { at } => shift(at),
            }
        }
        Motion::Propagating { since, until, .. } => {
            shift(since);
            shift(until);
        }
    }
    route.queued.iter_mut().for_each(|pending| shift(&mut pending.at));
    route.latch.iter_mut().for_each(|latch| shift(&mut latch.at));
    route.hold.iter_mut().for_each(|hold| shift(&mut hold.at));
    if let Some(drift) = &mut route.drift {
        shift(&mut drift.since);
        drift.flips.iter_mut().for_each(shift);
    }
}
