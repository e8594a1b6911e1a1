//! The rules of a shift: who may move how much from where, and what waits for what.
//!
//! A shift is a compare-and-set twice over: against where the session stands (a draft that began elsewhere is refused, and says who
//! moved first), and against the object's version. One move at a time; of those that wait, the last request wins, and it is examined
//! again from the beginning when its turn comes. Moving towards home asks only for the controls; moving away from it asks for
//! everything: no latch, no hold, no drift, no breach, no blindness, answers that say who gave them, a way back, a database that accepts
//! writes, a step that the plan allows, and what it wants done first.

use std::collections::BTreeMap;

use crate::{
    core::{
        approval, at_door, controls,
        decision::{Cause, Effect, Refusal, Verdict},
        event::Asker,
        gate,
        news::News,
        outlook::Preview,
        readiness,
        reason::{Drop, Missing, Mover, Void},
        record, replication, settle,
        sight::Sight,
        standing,
        state::{Held, Motion, PendingShift, RouteState},
        steer, trigger,
        turn::Turn,
        unmarked,
    },
    domain::{
        id::{AskId, OperatorId, RouteId},
        weight::{PerMille, Weights},
    },
    plan::model::Route,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    TowardsHome,
    Advance,
}

/// No backend but home gets more than it has.
fn direction(route: &Route, now: &Weights, to: &Weights) -> Direction {
    let others = route.backend_ids().filter(|backend| **backend != route.home);
    if others.into_iter().all(|backend| to.of(backend) <= now.of(backend)) { Direction::TowardsHome } else { Direction::Advance }
}

pub(super) fn shift(turn: &mut Turn, by: &Asker, ask: AskId, id: &RouteId, (from, to): (&Weights, &Weights)) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    controls::held_by(turn, by)?;
    let from = completed(route, from);
    let to = named(route, to)?;
    let stands = stands(turn.route(route))?;
    check_from(turn, route, &from)?;
    if to == stands {
        return withdraw_queued(turn, route);
    }
    let pending = PendingShift { by: by.clone(), from: stands, to, at: turn.now, epoch: turn.state.controls.epoch };
    match admit(&turn.sight(), route, &pending.to)? {
        Admission::SecondPerson => approval::request(turn, route, pending, ask),
        Admission::Now(direction) => move_or_queue(turn, route, pending, direction, None),
    }
}

/// What the rules make of a move that its asker may make.
enum Admission {
    Now(Direction),
    /// Larger than one person alone may move.
    SecondPerson,
}

/// The rules of a move to `to`, from where the route stands.
fn admit(sight: &Sight, route: &Route, to: &Weights) -> Result<Admission, Refusal> {
    let stands = stands(sight.route(route))?;
    steer::may_steer(sight.route(route))?;
    let direction = direction(route, &stands, to);
    if direction == Direction::Advance {
        may_advance(sight, route, &stands, to)?;
        if is_large(route, &stands, to) {
            return Ok(Admission::SecondPerson);
        }
    }
    Ok(Admission::Now(direction))
}

/// What would be answered now to whoever has the controls.
pub(super) fn examine(sight: &Sight, route: &Route, to: &Weights) -> Result<Preview, Refusal> {
    record::kept(sight.state)?;
    let to = named(route, to)?;
    let state = sight.route(route);
    if to == stands(state)? && state.queued.is_none() {
        return Err(Refusal::StandsThere);
    }
    match admit(sight, route, &to)? {
        Admission::SecondPerson if !matches!(state.motion, Motion::Settled) || !standing::is_fresh(state) => Err(Refusal::Unsettled),
        Admission::SecondPerson => Ok(Preview::SecondPerson),
        Admission::Now(direction) if may_write(state, direction) => Ok(Preview::Moves),
        Admission::Now(_) => Ok(Preview::Waits),
    }
}

/// Starts what `by` has approved, after everything has been examined once more.
pub(super) fn approved(turn: &mut Turn, pending: PendingShift, route: &RouteId, by: &Asker) -> Result<Verdict, Refusal> {
    let route = turn.planned(route).ok_or(Refusal::ApprovalVoid { why: Void::Gone })?;
    controls::held_by(turn, &pending.by)?;
    check_from(turn, route, &pending.from)?;
    let stands = stands(turn.route(route))?;
    steer::may_steer(turn.route(route))?;
    let direction = direction(route, &stands, &pending.to);
    if direction == Direction::Advance {
        may_advance(&turn.sight(), route, &stands, &pending.to)?;
    }
    move_or_queue(turn, route, pending, direction, Some(by.who.clone()))
}

/// The same split with every backend of the route named; where a draft began may hold strangers too.
fn completed(route: &Route, weights: &Weights) -> Weights {
    let mut shares: BTreeMap<_, _> = weights.clone().into();
    for id in route.backend_ids() {
        shares.entry(id.clone()).or_default();
    }
    Weights::new(shares).unwrap_or_else(|_| weights.clone())
}

/// The same, if it is one that this route can have.
fn named(route: &Route, weights: &Weights) -> Result<Weights, Refusal> {
    if weights.iter().any(|(id, share)| share.get() > 0 && route.backend(id).is_none()) {
        return Err(Refusal::Stranger);
    }
    let shares: BTreeMap<_, _> = route.backend_ids().map(|id| (id.clone(), weights.of(id))).collect();
    Weights::new(shares).map_err(|_| Refusal::Stranger)
}

/// Where the next draft begins: at what the session wants, or where somebody else left it.
pub(super) fn stands(state: &RouteState) -> Result<Weights, Refusal> {
    let (Some(accepted), Some(wanted)) = (&state.accepted, &state.wanted) else { return Err(Refusal::NotKnown) };
    if state.motion.is_returning() {
        return Err(Refusal::RollingBack);
    }
    Ok(if state.drift.is_some() { accepted.weights.clone() } else { wanted.clone() })
}

fn check_from(turn: &Turn, route: &Route, from: &Weights) -> Result<(), Refusal> {
    let state = turn.route(route);
    let stands = stands(state)?;
    let queued = state.queued.as_ref().is_some_and(|pending| pending.to == *from);
    if *from == stands || queued {
        return Ok(());
    }
    Err(Refusal::Moved { now: stands, by: state.moved_by.clone() })
}

/// Asking for where the route stands takes back what waits.
fn withdraw_queued(turn: &mut Turn, route: &Route) -> Result<Verdict, Refusal> {
    match turn.route_mut(route).queued.take() {
        Some(pending) => {
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::TakenBack });
            Ok(Verdict::Accepted)
        }
        None => Err(Refusal::StandsThere),
    }
}

/// Each reason why the route can't advance to `to` now. The first is the one that it is refused for.
fn forbids(sight: &Sight, route: &Route, to: &Weights) -> Vec<Refusal> {
    let state = sight.route(route);
    let mut against: Vec<Refusal> = record::forbids(sight.state).into_iter().chain(stopped(sight, state)).collect();
    let hindrances = state.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    let barring = hindrances.filter(|found| found.bars_advance(&route.home));
    against.extend(barring.map(|why| Refusal::Hindered { why: why.clone() }));
    // Answers that bear nobody's mark are missing from a backend's share; what they say comes before that they are missing.
    against.extend(at_door::forbids(sight, route));
    against.extend(unmarked::forbids(sight, route));
    if let (Motion::Settled, Some(since)) = (&state.motion, state.against_since.filter(|since| settle::is_no_chance(*since, sight.now))) {
        against.push(Refusal::RequestsDisagree { since });
    }
    against.extend(trigger::forbids(sight, route));
    // The last of home's traffic may leave only if something stays there without any.
    let last = (to.of(&route.home) == PerMille::ZERO).then(|| readiness::nothing_kept(sight.state, route)).flatten();
    let last = last.filter(|why| !state.readiness.against.contains(why));
    against.extend(state.readiness.against.iter().cloned().chain(last).map(|why| Refusal::NotReady { why }));
    against.extend(replication::forbids(sight));
    against
}

/// What people, others or a move under way have stopped it with.
fn stopped(sight: &Sight, state: &RouteState) -> Vec<Refusal> {
    let latched = state.latch.as_ref().map(|latch| Refusal::Latched { cause: latch.cause.clone() });
    let held = state.hold.as_ref().map(|hold| Refusal::Held { by: hold.by.clone(), otherwise: hold.otherwise });
    let contended = standing::is_contended(state, sight.now).then_some(Refusal::Contended);
    let drifted = state.drift.as_ref().map(|drift| Refusal::Drifted { found: drift.found.clone() });
    let moving = match &state.motion {
        Motion::Unread => Some(Refusal::NotKnown),
        Motion::Resolving { .. } => Some(Refusal::Unresolved),
        Motion::Returning(_) => Some(Refusal::RollingBack),
        Motion::NeedsHuman { why, since } => Some(Refusal::NeedsHuman { why: why.later(sight.now.since(*since)) }),
        Motion::Settled | Motion::Writing { .. } | Motion::Propagating { .. } => None,
    };
    [latched, held, contended, drifted, moving].into_iter().flatten().collect()
}

/// Each reason why the route may not go on from where it stands to `to`, the one that it is refused for first.
fn against_advance(sight: &Sight, route: &Route, stands: &Weights, to: &Weights) -> Vec<Refusal> {
    let mut against: Vec<Refusal> = steer::may_steer(sight.route(route)).err().into_iter().collect();
    against.extend(forbids(sight, route, to));
    let away = PerMille::ALL.get() - to.of(&route.home).get();
    let most = route.first_step_max();
    // Nobody knows yet how the target does with users, whatever a second person thinks of it.
    if *stands == standing::home(route) && away > most.get() {
        against.push(Refusal::FirstStep { most });
    }
    against.extend(gate::forbids(sight.state, route, PerMille::ZERO.saturating_add(away)));
    against
}

/// Whether the route may go on from where it stands to `to`.
fn may_advance(sight: &Sight, route: &Route, stands: &Weights, to: &Weights) -> Result<(), Refusal> {
    against_advance(sight, route, stands, to).into_iter().next().map_or(Ok(()), Err)
}

/// Each reason for which a move to `to` would be refused now, whoever has the controls.
pub(super) fn refusals(sight: &Sight, route: &Route, to: &Weights) -> Vec<Refusal> {
    if let Err(why) = record::kept(sight.state) {
        return vec![why];
    }
    match (named(route, to), stands(sight.route(route))) {
        (Ok(to), Ok(stands)) if direction(route, &stands, &to) == Direction::Advance => against_advance(sight, route, &stands, &to),
        (Ok(_), Ok(_)) => steer::may_steer(sight.route(route)).err().into_iter().collect(),
        (Err(why), _) | (_, Err(why)) => vec![why],
    }
}

fn is_large(route: &Route, stands: &Weights, to: &Weights) -> bool {
    let gained = |backend| to.of(backend).get().saturating_sub(stands.of(backend).get());
    route.backend_ids().filter(|backend| **backend != route.home).any(|backend| gained(backend) > route.step_max.get())
}

/// Whether nothing that runs stands in the way of a write now.
fn may_write(state: &RouteState, direction: Direction) -> bool {
    let free = match (&state.motion, direction) {
        (Motion::Settled | Motion::NeedsHuman { .. }, _) | (Motion::Propagating { .. }, Direction::TowardsHome) => true,
        (Motion::Propagating { .. }, Direction::Advance)
        | (Motion::Unread | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_), _) => false,
    };
    free && state.steering.writing.is_none() && standing::is_fresh(state)
}

fn move_or_queue(
    turn: &mut Turn,
    route: &Route,
    pending: PendingShift,
    direction: Direction,
    approved_by: Option<OperatorId>,
) -> Result<Verdict, Refusal> {
    if may_write(turn.route(route), direction) {
        turn.route_mut(route).queued = None;
        write(turn, route, pending, approved_by);
        return Ok(Verdict::Accepted);
    }
    if approved_by.is_some() {
        return Err(Refusal::Unsettled);
    }
    let known = turn.route_mut(route).queued.replace(pending.clone());
    if known.is_none_or(|known| known.to != pending.to) {
        turn.tell(News::Queued { route: route.id.clone(), to: pending.to });
    }
    Ok(Verdict::Queued)
}

fn write(turn: &mut Turn, route: &Route, pending: PendingShift, approved_by: Option<OperatorId>) {
    let Some(accepted) = turn.route(route).accepted.clone() else { return };
    let claim = steer::claim(turn, route, Some(&pending.by.who));
    let cause = Cause::Operator { who: pending.by.who, reason: None, approved_by };
    let (from, to, version) = (accepted.weights, pending.to, accepted.version);
    let effect = turn.send(Effect::Write {
        route: route.id.clone(),
        from: from.clone(),
        to: to.clone(),
        version,
        cause: cause.clone(),
        again: None,
        claim,
    });
    turn.tell(News::Moving { route: route.id.clone(), from, to: to.clone(), cause: cause.clone() });
    let now = turn.now;
    let state = turn.route_mut(route);
    state.moved_by = Some(Mover::Us(cause.clone()));
    state.wanted = Some(to.clone());
    state.drift = None;
    state.motion = Motion::Writing { effect, to, since: now, cause };
}

/// The turn of what waits, if it has come; everything that was examined when it was asked for is examined again.
pub(super) fn start_queued(turn: &mut Turn, route: &Route) {
    let Some(pending) = turn.route(route).queued.clone() else { return };
    match again(turn, route, &pending) {
        Ok(direction) if may_write(turn.route(route), direction) => {
            turn.route_mut(route).queued = None;
            turn.who = Some(pending.by.who.clone());
            write(turn, route, pending, None);
        }
        Ok(_) => {}
        // A disk that is only slow answers before what waits for it is given up.
        Err(Refusal::RecordHangs { .. }) => {}
        // While the move in flight is not over, what forbids the next one may pass.
        Err(
            Refusal::Blind { .. }
            | Refusal::NotReady { .. }
            | Refusal::AnswersUnmarked { .. }
            | Refusal::Writers { .. }
            | Refusal::LinesOpen { .. }
            | Refusal::Unresolved,
        ) if !is_idle(turn.route(route)) => {}
        Err(refusal) => {
            turn.route_mut(route).queued = None;
            turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::Refused(Box::new(refusal)) });
        }
    }
}

fn is_idle(state: &RouteState) -> bool {
    matches!(state.motion, Motion::Settled | Motion::NeedsHuman { .. }) && standing::is_fresh(state)
}

/// What waits is examined again from the beginning when its turn comes.
fn again(turn: &Turn, route: &Route, pending: &PendingShift) -> Result<Direction, Refusal> {
    record::kept(turn.state)?;
    steer::may_steer(turn.route(route))?;
    controls::held_by(turn, &pending.by)?;
    if pending.epoch != turn.state.controls.epoch {
        return Err(Refusal::ControlsFree);
    }
    let stands = stands(turn.route(route))?;
    if stands != pending.from {
        return Err(Refusal::Moved { now: stands, by: turn.route(route).moved_by.clone() });
    }
    let direction = direction(route, &stands, &pending.to);
    if direction == Direction::Advance {
        may_advance(&turn.sight(), route, &stands, &pending.to)?;
    }
    Ok(direction)
}

/// Stops all advance until somebody resumes; asks for no controls, since it only makes things safer.
pub(super) fn hold(turn: &mut Turn, by: &Asker, id: &RouteId) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    let held = Held { by: by.who.clone(), at: turn.now, otherwise: None };
    let state = turn.route_mut(route);
    if let Some(hold) = &state.hold {
        return Err(Refusal::Held { by: hold.by.clone(), otherwise: hold.otherwise });
    }
    state.hold = Some(held);
    if let Some(pending) = state.queued.take() {
        turn.tell(News::QueuedDropped { route: route.id.clone(), to: pending.to, why: Drop::Held });
    }
    approval::void_route(turn, route, Void::Held);
    turn.tell(News::Held { route: route.id.clone(), by: by.who.clone() });
    Ok(Verdict::Accepted)
}

pub(super) fn resume(turn: &mut Turn, by: &Asker, id: &RouteId) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    controls::held_by(turn, by)?;
    if turn.route_mut(route).hold.take().is_none() {
        return Err(Refusal::NotHeld);
    }
    turn.state.record.resumed(&route.id);
    turn.tell(News::Resumed { route: route.id.clone(), by: by.who.clone() });
    Ok(Verdict::Accepted)
}
