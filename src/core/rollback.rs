//! Going back: what begins it, what drives it until it is done, and what takes the latch off.
//!
//! A rollback waits for nothing. It leaves beside a running advance, against the version that both know, so that one of the two must
//! fail; it cancels what is queued; it is tried again every two seconds at most, each time from a fresh look at the world; and it ends
//! only when the API has said that everything is home. What arrives late after that, by our own doing, sends it home again.
//! What a write of ours has just made needs no look: a way home leaves against the version that it named.
//! Where no look can be had, the write that left is repeated as it was: same request id, same version, so that a copy can do nothing that
//! the first has not done, and reads that fail keep nobody away from home. Where none has left yet, one leaves after a second against the newest
//! version that is known, however old. I8 forbids writes that rest on what was seen before the newest outcome, since they would undo what they
//! don't know of; a compare-and-set home can't: it is done where nothing has changed since, which is what the look would have found, and takes
//! the ground from whatever of ours is still on its way; or the API refuses it, and says so without changing anything. What the API has refused
//! by that very version is not written against again before a look.
//! It asks for no second person and no controls. It does not judge whether it is deserved; triggers and people do.

use crate::{
    core::{
        approval,
        decision::{Cause, Effect, Refusal, Verdict},
        drift,
        event::{Alarm, Asker},
        home,
        news::News,
        reason::{Drop, Missing, Mover, Void},
        standing,
        state::{Goal, Latch, Motion, Return, ReturnStage, RouteState, SentHome},
        steer,
        turn::Turn,
    },
    domain::{
        fault::{Fault, FaultKind},
        id::{EffectId, RouteId},
        shown::Shown,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
};

/// Longest wait before a rollback write is tried again.
const RETRY_MAX: Millis = Millis::from_secs(2);
const RETRY_FIRST: Millis = Millis::from_secs(1);
/// Conflicts in a row that are answered at once; beyond that somebody writes as fast as we do.
const CONFLICTS_AT_ONCE: u32 = 3;
/// A rollback that takes longer than this raises the alarm that a human should use the second lever.
pub(super) const ESCALATE_AFTER: Millis = Millis::from_secs(30);
/// Causes kept beside the first; more add nothing.
const JOINED_MAX: usize = 16;

/// In the order of what is left to do: of several routes the one that has the most left to do speaks for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Begun {
    /// One has brought everything home already: the cause is recorded with it.
    HomeAlready,
    /// One was running already: the cause is recorded with it.
    Joined,
    Started,
}

/// A rollback of one route or of all, asked for by a person.
pub(super) fn asked(turn: &mut Turn, by: &Asker, route: Option<&RouteId>, reason: Option<&Shown>) -> Result<Verdict, Refusal> {
    let routes: Vec<&Route> = match route {
        Some(id) => vec![turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?],
        None => turn.plan.routes.iter().collect(),
    };
    let cause = Cause::Operator { who: by.who.clone(), reason: reason.cloned(), approved_by: None };
    let begun: Vec<Begun> = routes.into_iter().map(|route| begin(turn, route, cause.clone())).collect();
    Ok(match begun.iter().max() {
        Some(Begun::Started) => Verdict::Accepted,
        Some(Begun::Joined) => Verdict::Joined,
        Some(Begun::HomeAlready) | None => Verdict::HomeAlready,
    })
}

/// Starts a rollback of `route`, or joins the one that runs.
pub(super) fn begin(turn: &mut Turn, route: &Route, cause: Cause) -> Begun {
    let home = standing::home(route);
    let now = turn.now;
    let state = turn.route(route);
    let at_home = standing::rests_at(state, &home) && !standing::writes_under_way(turn, route) && state.steering.another().is_none();
    let state = turn.route_mut(route);
    if let Some(latch) = &mut state.latch {
        if latch.cause != cause && !latch.joined.contains(&cause) && latch.joined.len() < JOINED_MAX {
            latch.joined.push(cause.clone());
        }
        if state.motion.is_returning() || at_home && matches!(state.motion, Motion::Propagating { .. }) {
            turn.tell(News::RollbackJoined { route: route.id.clone(), cause });
            return Begun::Joined;
        }
        if at_home {
            turn.tell(News::HomeAlready { route: route.id.clone() });
            return Begun::HomeAlready;
        }
    }
    // One that begins anew is this one's: its cause, its time. What has fired before still counts as fired.
    let earlier = state.latch.take().map(|latch| [latch.cause].into_iter().chain(latch.joined));
    let earlier = earlier.into_iter().flatten().filter(|before| *before != cause);
    state.latch = Some(Latch { cause: cause.clone(), at: now, was_home: at_home, joined: earlier.take(JOINED_MAX).collect() });
    state.wanted = Some(home.clone());
    state.drift = None;
    let dropped = state.queued.take();
    if let Some(pending) = dropped {
        turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::RollbackBegan });
    }
    approval::void_route(turn, route, Void::RollbackBegan);
    if at_home {
        turn.tell(News::HomeAlready { route: route.id.clone() });
        return Begun::Started;
    }
    turn.tell(News::RollbackBegan { route: route.id.clone(), cause: cause.clone() });
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
    let state = turn.route_mut(route);
    // The claim that it takes away.
    let fences = state.steering.another().cloned().map(Box::new);
    match &mut state.motion {
        Motion::Returning(back) => {
            back.cause = cause;
            back.stage = ReturnStage::Look;
        }
        motion @ (Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. }) => {
            let (to, stage) = (standing::home(route), ReturnStage::Look);
            *motion = Motion::Returning(Return {
                to,
                since: now,
                cause,
                writes: 0,
                failures: 0,
                fault: None,
                came_first: None,
                fences,
                escalated_at: None,
                sent: None,
                stage,
            });
        }
    }
    state.read_again_at = None;
    drive(turn, route);
}

/// One turn of a rollback: arrive, write, or wait for what the next step needs.
pub(super) fn drive(turn: &mut Turn, route: &Route) {
    escalate(turn, route);
    let state = turn.route(route);
    let Motion::Returning(back) = &state.motion else { return };
    let due = match back.stage {
        ReturnStage::Write { .. } => return,
        ReturnStage::Look => true,
        ReturnStage::Retry { at } => turn.now >= at,
        ReturnStage::Resolve { since } => turn.now.since(since) >= RETRY_FIRST,
    };
    if !standing::is_fresh(state) {
        let is_away = state.accepted.as_ref().is_some_and(|accepted| accepted.weights != back.to);
        if due && is_away && standing::is_good_for_home(state) {
            write(turn, route);
        } else if is_worth_repeating(back, turn.now) {
            repeat(turn, route);
        } else if due && is_away && is_worth_a_try(state, back, turn.now) {
            write(turn, route);
        }
        return;
    }
    tell_who_came_first(turn, route);
    let state = turn.route(route);
    let Motion::Returning(back) = &state.motion else { return };
    let is_over = back.writes > 0 || !standing::writes_under_way(turn, route);
    if standing::rests_at(state, &back.to) && is_over && !reads_what_was_refused(state, back) && !steer::is_to_be_fenced(state) {
        arrive(turn, route);
    } else if due {
        write(turn, route);
    }
}

/// Whether a look has been waited for in vain. A refusal by version is told by looks alone: the same version is refused again.
fn is_worth_repeating(back: &Return, now: Timestamp) -> bool {
    let refused = back.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Conflict);
    let waited = match back.stage {
        ReturnStage::Look | ReturnStage::Write { .. } => false,
        ReturnStage::Retry { at } => now.since(at) >= RETRY_FIRST,
        ReturnStage::Resolve { since } => now.since(since) >= RETRY_MAX,
    };
    waited && !refused
}

/// Whether a way home that sets out has waited in vain for a look since it was wanted, or since the newest outcome, and what is known may still be so.
fn is_worth_a_try(state: &RouteState, back: &Return, now: Timestamp) -> bool {
    let wanted = state.outcome_at.map_or(back.since, |outcome| back.since.max(outcome));
    back.stage == ReturnStage::Look && now.since(wanted) >= RETRY_FIRST && !state.versions.is_refused(state.accepted.as_ref())
}

/// Whether a write was refused because the object has a newer version than the one that is read still: an old read, or a refusal that was
/// wrong. Either way it proves nothing, and the next write tells.
fn reads_what_was_refused(state: &RouteState, back: &Return) -> bool {
    let refused = back.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Conflict);
    let (Some(sent), Some(accepted)) = (&back.sent, &state.accepted) else { return false };
    refused && sent.version == accepted.version
}

/// A write home that met a newer version has met a write of ours that came late, if what is read now is what that one was to make; only what
/// nobody of ours has written is somebody else's.
fn tell_who_came_first(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    let (Motion::Returning(back), Some(accepted)) = (&state.motion, &state.accepted) else { return };
    let met_newer = back.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Conflict);
    if !met_newer || back.came_first.is_some() || reads_what_was_refused(state, back) {
        return;
    }
    let (found, home, actor) = (accepted.weights.clone(), back.to.clone(), accepted.actor.clone());
    // The object has changed in another of its places, and this route stands where the write found it.
    if back.sent.as_ref().is_some_and(|sent| sent.from == found) {
        return;
    }
    let by = match state.steering.another() {
        Some(claim) => Mover::Steerer { claim: Box::new(claim.clone()) },
        None if found == home || drift::is_ours(turn, route, &found) => Mover::OurLateWrite,
        None => Mover::Foreign { actor },
    };
    if found != home {
        turn.tell(News::CameFirst { route: route.id.clone(), found, by: by.clone() });
    }
    if let Motion::Returning(back) = &mut turn.route_mut(route).motion {
        back.came_first = Some(by);
    }
}

fn write(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    let (Some(accepted), Motion::Returning(back)) = (state.accepted.clone(), &state.motion) else { return };
    let (to, cause) = (back.to.clone(), back.cause.clone());
    let moved_by = Some(Mover::Us(cause.clone()));
    let (from, version) = (accepted.weights, accepted.version);
    let claim = steer::claim(turn, route, cause.person());
    let sent = |effect| SentHome { effect, from: from.clone(), version: version.clone(), claim: claim.clone() };
    let deal = Effect::Write {
        from: from.clone(),
        version: version.clone(),
        claim: claim.clone(),
        route: route.id.clone(),
        to,
        cause,
        again: None,
    };
    let effect = turn.send(deal);
    turn.route_mut(route).moved_by = moved_by;
    left(turn, route, effect, Box::new(sent(effect)));
}

/// The same write once more.
fn repeat(turn: &mut Turn, route: &Route) {
    let Motion::Returning(back) = &turn.route(route).motion else { return };
    let Some(sent) = back.sent.clone() else { return };
    let (to, cause, again) = (back.to.clone(), back.cause.clone(), Some(sent.effect));
    let (from, version, claim) = (sent.from.clone(), sent.version.clone(), sent.claim.clone());
    let effect = turn.send(Effect::Write { route: route.id.clone(), from, to, version, cause, again, claim });
    left(turn, route, effect, sent);
}

fn left(turn: &mut Turn, route: &Route, effect: EffectId, sent: Box<SentHome>) {
    let since = turn.now;
    if let Motion::Returning(back) = &mut turn.route_mut(route).motion {
        back.writes = back.writes.saturating_add(1);
        back.sent = Some(sent);
        back.stage = ReturnStage::Write { effect, since };
    }
}

/// Home is accepted; the data plane follows. The latch stays.
pub(super) fn arrive(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let state = turn.route_mut(route);
    let Motion::Returning(back) = &state.motion else { return };
    let (to, cause, after) = (back.to.clone(), back.cause.clone(), now.since(back.since));
    state.motion = Motion::Propagating { to, since: now, until: now + route.settle, cause, goal: Goal::Rollback };
    turn.tell(News::HomeAccepted { route: route.id.clone(), after });
}

/// A write home failed. The next one starts from a fresh look, at once after a conflict, else within two seconds.
pub(super) fn failed(turn: &mut Turn, route: &Route, fault: &Fault) {
    let now = turn.now;
    let Motion::Returning(back) = &mut turn.route_mut(route).motion else { return };
    back.failures = back.failures.saturating_add(1);
    let attempt = back.failures;
    let wait = match (fault.kind, attempt) {
        (FaultKind::Conflict, ..=CONFLICTS_AT_ONCE) => Millis(0),
        (_, 1) => RETRY_FIRST,
        (_, _) => RETRY_MAX,
    };
    let at = now + wait;
    back.fault = Some(fault.clone());
    back.came_first = None;
    back.stage = ReturnStage::Retry { at };
    if wait > Millis(0) {
        turn.send(Effect::Wake { at, alarm: Alarm::Retry { route: route.id.clone() } });
    }
    // Each attempt has a record of its own; the feed would drown in them.
    if attempt == 1 || attempt.is_multiple_of(10) {
        turn.tell(News::WayHomeFailed { route: route.id.clone(), why: fault.clone(), attempt });
    }
}

fn escalate(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let Motion::Returning(back) = &mut turn.route_mut(route).motion else { return };
    if back.escalated_at.is_some() || now.since(back.since) < ESCALATE_AFTER {
        return;
    }
    back.escalated_at = Some(now);
    let why = home::obstacle(turn.state, route);
    turn.tell(News::NotHome { route: route.id.clone(), after: ESCALATE_AFTER, why });
}
