//! A backend that fails its users at the front door: an error rate of its own kind, taken on our own requests.
//!
//! It is independent of what a backend counts of itself, so it sees what those counters can't: an answer that the load balancer gave in
//! a backend's stead, a page that stands still, health checks that dilute a rate. It is judged on counts against the route's error
//! threshold: beyond it when even the lower end of the failing share lies above. That stops every advance; where a trigger of the plan
//! watches the error rate of that backend and rolls back, it goes home once it has lasted for as long as that trigger says.

use crate::{
    core::{
        at_door,
        door::{ANSWERS_TELL, Finding, Met, Proof},
        news::News,
        reason::DoorRule,
        sight::Sight,
        state::Share,
        turn::Turn,
    },
    domain::{id::BackendId, metric::Metric},
    plan::model::{Route, Trigger, TriggerAction},
};

/// Where no trigger of the plan says how many errors are too many.
const ERRORS_MAX: f64 = 0.05;
/// Two failed requests happen on any day.
const FAILED_MIN: u64 = 3;
/// With fewer answers a failing share proves nothing good.
const ANSWERS_MIN: u64 = 20;

fn watching<'a>(sight: &Sight<'a>, route: &Route) -> impl Iterator<Item = &'a Trigger> {
    sight.plan.triggers.iter().filter(|trigger| trigger.route == route.id && trigger.metric == Metric::ErrorRate)
}

/// The share of failing requests that the route tolerates.
pub(super) fn limit(sight: &Sight, route: &Route) -> f64 {
    watching(sight, route).map(|trigger| trigger.limit).reduce(f64::min).unwrap_or(ERRORS_MAX)
}

/// The trigger by which a failing backend goes home: the one that waits the least.
pub(super) fn trigger<'a>(sight: &Sight<'a>, route: &Route, backend: &BackendId) -> Option<&'a Trigger> {
    let rolls_back = |trigger: &&Trigger| trigger.backend == *backend && trigger.action == TriggerAction::Rollback;
    watching(sight, route).filter(rolls_back).min_by_key(|trigger| trigger.lasting)
}

pub(super) fn is_beyond(sight: &Sight, route: &Route, failed: u64, share: Share) -> bool {
    is_above(limit(sight, route), failed, share)
}

/// Whether counts prove more failures than `limit`.
pub(super) fn is_above(limit: f64, failed: u64, share: Share) -> bool {
    failed >= FAILED_MIN && share.low > limit
}

pub(super) fn find(sight: &Sight, route: &Route, met: &Met) -> Finding<()> {
    if is_beyond(sight, route, met.failed, met.share) {
        Finding::Breach(())
    } else if (met.answers >= ANSWERS_MIN && met.share.fraction <= limit(sight, route)) || (met.failed == 0 && met.answers >= ANSWERS_TELL)
    {
        Finding::Clear
    } else {
        Finding::Unknown
    }
}

/// Says that it began, or that it is over.
pub(super) fn tell(turn: &mut Turn, route: &Route, backend: &BackendId, met: &Met, was: Option<Proof>) {
    match (was, met.failing) {
        (None, Some(_)) => {
            let (failed, answers, limit) = (met.failed, met.answers, limit(&turn.sight(), route));
            let acts_in = at_door::acts_in(&turn.sight(), route, backend, DoorRule::Failing);
            turn.tell(News::FailingAtDoor { route: route.id.clone(), backend: backend.clone(), failed, answers, limit, acts_in });
        }
        (Some(_), None) => turn.tell(News::AnswersAtDoor { route: route.id.clone(), backend: backend.clone() }),
        (None, None) | (Some(_), Some(_)) => {}
    }
}
