//! A backend that fails its users at the front door: an error rate of its own kind, taken on our own requests.
//!
//! It is independent of what a backend counts of itself, so it sees what those counters can't: an answer that the load balancer gave in
//! a backend's stead, a page that stands still, health checks that dilute a rate. It is judged on counts against the route's error
//! threshold: beyond it when even the lower end of the failing share lies above. That stops every advance; where a trigger of the plan
//! watches the error rate of that backend and rolls back, it goes home once it has lasted for as long as that trigger says.

use crate::{
    core::{
        decision::{Cause, Refusal},
        door::{Finding, Met, Proof},
        evidence, exposure,
        news::News,
        readiness,
        reason::DoorRule,
        rollback, standing,
        state::Share,
        turn::Turn,
    },
    domain::{id::BackendId, metric::Metric, time::Millis, weight::PerMille},
    plan::model::{Route, Trigger, TriggerAction},
};

/// Where no trigger of the plan says how many errors are too many.
const ERRORS_MAX: f64 = 0.05;
/// Two failed requests happen on any day.
const FAILED_MIN: u64 = 3;
/// With fewer answers a failing share proves nothing good.
const ANSWERS_MIN: u64 = 20;

fn watching<'a>(turn: &Turn<'a>, route: &'a Route) -> impl Iterator<Item = &'a Trigger> {
    turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id && trigger.metric == Metric::ErrorRate)
}

/// The share of failing requests that the route tolerates.
fn limit(turn: &Turn, route: &Route) -> f64 {
    watching(turn, route).map(|trigger| trigger.above).reduce(f64::min).unwrap_or(ERRORS_MAX)
}

/// The trigger by which a failing backend goes home: the one that waits the least.
fn trigger<'a>(turn: &Turn<'a>, route: &'a Route, backend: &BackendId) -> Option<&'a Trigger> {
    let rolls_back = |trigger: &&Trigger| trigger.backend == *backend && trigger.action == TriggerAction::Rollback;
    watching(turn, route).filter(rolls_back).min_by_key(|trigger| trigger.lasting)
}

pub(super) fn is_beyond(turn: &Turn, route: &Route, failed: u64, share: Share) -> bool {
    failed >= FAILED_MIN && share.low > limit(turn, route)
}

pub(super) fn find(turn: &Turn, route: &Route, met: &Met) -> Finding<()> {
    if is_beyond(turn, route, met.failed, met.share) {
        Finding::Breach(())
    } else if (met.answers >= ANSWERS_MIN && met.share.fraction <= limit(turn, route)) || (met.failed == 0 && met.answers >= FAILED_MIN) {
        Finding::Clear
    } else {
        Finding::Unknown
    }
}

/// Says that it began, or that it is over.
pub(super) fn tell(turn: &mut Turn, route: &Route, backend: &BackendId, met: &Met, was: Option<Proof>) {
    match (was, met.failing) {
        (None, Some(_)) => {
            let (failed, answers, limit) = (met.failed, met.answers, limit(turn, route));
            let acts_in = acts_after(turn, route, backend);
            turn.tell(News::FailingAtDoor { route: route.id.clone(), backend: backend.clone(), failed, answers, limit, acts_in });
        }
        (Some(_), None) => turn.tell(News::AnswersAtDoor { route: route.id.clone(), backend: backend.clone() }),
        (None, None) | (Some(_), Some(_)) => {}
    }
}

/// After how long it goes home by itself, if it does.
pub(super) fn acts_after(turn: &Turn, route: &Route, backend: &BackendId) -> Option<Millis> {
    let exposed = exposure::most(turn.route(route), backend) > PerMille::ZERO;
    let may = *backend != route.home && exposed && readiness::disarmed(turn).is_none();
    trigger(turn, route, backend).filter(|_| may).map(|trigger| trigger.lasting)
}

/// Why what is met at the front door forbids an advance.
pub(super) fn forbids(turn: &Turn, route: &Route) -> Option<Refusal> {
    let door = &turn.route(route).front_door;
    let of_backends = door.met.iter().map(|(backend, met)| (Some(backend), met));
    let mut all = of_backends.chain(door.nobodys.iter().map(|met| (None, met)));
    let (backend, met) = all.find(|(_, met)| met.failing.is_some())?;
    Some(Refusal::FailingAtDoor { backend: backend.cloned(), failed: met.failed, answers: met.answers })
}

/// Sends home what has failed its users for long enough, once.
pub(super) fn fire(turn: &mut Turn, route: &Route) {
    let met = &turn.route(route).front_door.met;
    let due = met.iter().filter_map(|(backend, met)| {
        let (proof, lasting) = (met.failing?, acts_after(turn, route, backend)?);
        let due = proof.spans(lasting) && !told(turn, route, backend, DoorRule::Failing, &proof, lasting);
        due.then(|| Cause::FailingAtDoor { backend: backend.clone(), failed: met.failed, answers: met.answers })
    });
    let Some(cause) = due.collect::<Vec<_>>().into_iter().next() else { return };
    let Cause::FailingAtDoor { backend, .. } = &cause else { return };
    if evidence::keeps_away_from_home(turn, route, backend) {
        let backend = backend.clone();
        withhold(turn, route, &backend, DoorRule::Failing);
        return;
    }
    rollback::begin(turn, route, cause);
}

/// Whether the route has been brought home for this already, and nobody has proven it anew since others moved the traffic back out.
pub(super) fn told(turn: &Turn, route: &Route, backend: &BackendId, rule: DoorRule, proof: &Proof, lasting: Millis) -> bool {
    let state = turn.route(route);
    let named = state.latch.as_ref().is_some_and(|latch| standing::names_at_door(latch, backend, rule));
    let drift = state.drift.as_ref().filter(|_| !standing::is_contended(state, turn.now));
    let anew = drift.is_some_and(|drift| turn.now.since(drift.since) >= lasting && proof.last > drift.since);
    named && !anew
}

/// Everybody's traffic is not sent to a home that is proven dead. Said once, tried again at each entry.
pub(super) fn withhold(turn: &mut Turn, route: &Route, backend: &BackendId, rule: DoorRule) {
    let now = turn.now;
    let Some(met) = turn.route_mut(route).front_door.met.get_mut(backend) else { return };
    let proof = match rule {
        DoorRule::Failing => met.failing.as_mut(),
        DoorRule::Unlike => met.unlike.as_mut().map(|unlike| &mut unlike.proof),
    };
    if let Some(proof) = proof.filter(|proof| proof.withheld_since.is_none()) {
        proof.withheld_since = Some(now);
        turn.tell(News::WithheldAtDoor { route: route.id.clone(), backend: backend.clone(), home: route.home.clone() });
    }
}
