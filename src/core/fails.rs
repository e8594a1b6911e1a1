//! How much of what a backend answers fails, for faces, by each witness: its own count and what is met at the front door.

use crate::{
    core::{
        condition::{Condition, condition},
        evidence,
        has::has,
        state::{Share, State},
    },
    domain::{
        id::BackendId,
        metric::{Metric, Sample},
    },
    plan::model::Route,
};

/// Both count different requests and may disagree, so neither is told without saying whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fails {
    /// What our own requests through the front door meet.
    pub at_door: Option<MetAtDoor>,
    /// The error rate that it counts itself.
    pub own: Option<Sample>,
    pub gravity: Gravity,
}

/// Fewer failures happen on any day, and a small count has not met them.
const FAILED_MIN: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetAtDoor {
    pub failed: u64,
    pub answers: u64,
    pub share: Share,
    pub site: Site,
}

/// Whether the answers at the front door are of home's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    LikeHome,
    UnlikeHome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// Nothing says that it is more than the plan tolerates.
    Tolerated,
    Beyond,
}

impl Fails {
    /// What is met at the front door, where it tells of failures that the backend's own count does not.
    pub fn unlike_own(&self) -> Option<MetAtDoor> {
        let counted = |met: &MetAtDoor| self.own.is_some_and(|own| own.value >= met.share.low);
        let told = |met: &MetAtDoor| match (met.site, self.gravity) {
            (Site::UnlikeHome, _) => true,
            (Site::LikeHome, Gravity::Beyond) => met.failed > 0,
            (Site::LikeHome, Gravity::Tolerated) => met.failed >= FAILED_MIN && !counted(met),
        };
        self.at_door.filter(told)
    }
}

/// What fails of `backend` now; nothing where nobody is, and nothing that was seen longer than half a minute ago.
pub fn fails(state: &State, route: &Route, backend: &BackendId) -> Fails {
    if has(state, &route.id, backend).is_nothing() {
        return Fails { at_door: None, own: None, gravity: Gravity::Tolerated };
    }
    let met = state.routes.get(&route.id).and_then(|known| known.front_door.met.get(backend));
    let met = met.filter(|met| met.answers > 0 && state.now.since(met.at) <= evidence::FRESH);
    let site = |is_unlike| if is_unlike { Site::UnlikeHome } else { Site::LikeHome };
    Fails {
        at_door: met.map(|met| MetAtDoor { failed: met.failed, answers: met.answers, share: met.share, site: site(met.unlike.is_some()) }),
        own: evidence::measured(state, state.now, backend, Metric::ErrorRate).and_then(Result::ok),
        gravity: match condition(state, route, backend) {
            Condition::Breached { .. } | Condition::FailsAtDoor { .. } => Gravity::Beyond,
            Condition::ProbeFails { .. }
            | Condition::Blind { .. }
            | Condition::Unjudged { .. }
            | Condition::Untold
            | Condition::Idle
            | Condition::Well => Gravity::Tolerated,
        },
    }
}
