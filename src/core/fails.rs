//! How much of what a backend answers fails, for faces, by each witness: its own count and what is met at the front door.

use crate::{
    core::{
        condition::{Condition, condition},
        evidence::{self, Probing},
        exposure, failing,
        has::has,
        loss::{self, Losing},
        newest::{self, Newest},
        sight::Sight,
        state::{RouteState, Share, State},
    },
    domain::{
        id::BackendId,
        metric::{Metric, Sample},
        time::Millis,
        weight::PerMille,
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
    /// Connections that it drops by its own counter.
    pub losing: Option<Losing>,
    pub gravity: Gravity,
}

/// Fewer failures happen on any day, and a small count has not met them.
const FAILED_MIN: u64 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetAtDoor {
    pub failed: u64,
    pub answers: u64,
    pub share: Share,
    /// What users meet now, where good answers of before stand among those.
    pub newest: Option<Newest>,
    pub site: Site,
    /// Since it last answered.
    pub ago: Millis,
    pub meets: Meets,
}

/// Whether requests meet a backend now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    Now,
    /// None of the newest does: what was met there is of before.
    NoMore,
}

impl MetAtDoor {
    /// The failing share by the newest answers that tell.
    pub fn share_now(&self) -> f64 {
        self.newest.map_or(self.share.fraction, |newest| newest.share())
    }
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

/// What going home would exchange, where home is seen to fail: which share of users would move, and what fails here and there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exchange {
    pub moves: PerMille,
    /// Where they are; `None` where nothing of the last half minute tells.
    pub here: Option<f64>,
    pub there: f64,
}

/// What a rollback of `route` would bring users to, where home is seen to fail them.
pub fn exchange(state: &State, route: &Route) -> Option<Exchange> {
    let known = state.routes.get(&route.id)?;
    let there = failing_share(state, route, &route.home)?;
    let most = route.backend_ids().filter(|id| **id != route.home).max_by_key(|id| exposure::has(state, &route.id, id))?;
    let limit = failing::limit(&Sight::of(state)?, route);
    // What has been given home already follows by itself.
    let moves = PerMille::ALL.saturating_sub(exposure::accepted(known, &route.home).get());
    (moves > PerMille::ZERO && there > limit).then(|| Exchange { moves, here: failing_share(state, route, most), there })
}

/// Home fails those who are there, and nothing speaks against the target. Nothing advances from a home that can't take everybody back, so
/// only restoring it helps, or hands that move users past this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranded<'a> {
    pub home: &'a BackendId,
    pub target: &'a BackendId,
}

pub fn stranded<'a>(state: &State, route: &'a Route) -> Option<Stranded<'a>> {
    let known = state.routes.get(&route.id)?;
    let target_does_not = match condition(state, route, &route.target) {
        Condition::Unjudged { .. } | Condition::Untold | Condition::Idle | Condition::Well => true,
        Condition::Breached { .. }
        | Condition::FailsAtDoor { .. }
        | Condition::HomeBeyond { .. }
        | Condition::Drops { .. }
        | Condition::ProbeFails { .. }
        | Condition::NotMet { .. }
        | Condition::Blind { .. } => false,
    };
    let serves = exposure::accepted(known, &route.home) > PerMille::ZERO && !known.motion.is_returning();
    let fails = home_fails(state, route) || nobodys_failures_are_homes(known, route);
    (fails && target_does_not && serves).then_some(Stranded { home: &route.home, target: &route.target })
}

/// Whether too many answers fail that say nobody's name, as a load balancer's own do, while everybody is given to home: whoever gave them stands
/// before home's users.
fn nobodys_failures_are_homes(known: &RouteState, route: &Route) -> bool {
    let fails = known.front_door.nobodys.as_ref().is_some_and(|met| met.failing.is_some());
    let all_home = known.accepted.as_ref().is_some_and(|accepted| accepted.weights.is_all_on(&route.home, route.backend_ids()));
    let follows = known.fading.iter().any(|(id, share)| *id != route.home && *share > PerMille::ZERO);
    fails && all_home && !follows
}

/// Whether home fails those who are there beyond what the plan tolerates. Nobody is helped by going there.
pub fn home_fails(state: &State, route: &Route) -> bool {
    match condition(state, route, &route.home) {
        Condition::Breached { .. } | Condition::FailsAtDoor { .. } | Condition::HomeBeyond { .. } => true,
        Condition::ProbeFails { .. } => evidence::answers_no_probe(state, route, &route.home, state.now),
        Condition::Drops { .. }
        | Condition::NotMet { .. }
        | Condition::Blind { .. }
        | Condition::Unjudged { .. }
        | Condition::Untold
        | Condition::Idle
        | Condition::Well => false,
    }
}

/// The worst that a witness of the last half minute says of a backend: itself, the front door; where neither says anything, a direct
/// request that nobody answers for.
pub(super) fn failing_share(state: &State, route: &Route, backend: &BackendId) -> Option<f64> {
    let own = evidence::measured(state, state.now, backend, Metric::ErrorRate).and_then(Result::ok).map(|sample| sample.value);
    let met = state.routes.get(&route.id).and_then(|known| known.front_door.met.get(backend));
    let newest = || newest::failing(state, route, backend);
    let met = met.filter(|met| met.answers > 0 && state.now.since(met.at) <= evidence::FRESH);
    let met = met.map(|met| newest().map_or(met.share.fraction, |newest| newest.share()));
    // What users meet outranks a probe, and one that is refused proves nothing of them.
    let dead = || state.backends.get(backend).is_some_and(|known| evidence::probing(known, state.now) == Probing::Dead);
    [own, met].into_iter().flatten().reduce(f64::max).or_else(|| dead().then_some(1.0))
}

/// What fails of `backend` now; nothing where nobody is, and nothing that was seen longer than half a minute ago.
pub fn fails(state: &State, route: &Route, backend: &BackendId) -> Fails {
    let has = has(state, &route.id, backend);
    let gets = has.gets;
    if has.is_nothing() {
        return Fails { at_door: None, own: None, losing: None, gravity: Gravity::Tolerated };
    }
    let met = state.routes.get(&route.id).and_then(|known| known.front_door.met.get(backend));
    let met = met.filter(|met| met.answers > 0 && state.now.since(met.at) <= evidence::FRESH);
    let site = |is_unlike| if is_unlike { Site::UnlikeHome } else { Site::LikeHome };
    let loss = loss::loss_of(state, &route.id, backend);
    Fails {
        losing: loss.map(|loss| loss.losing),
        at_door: met.map(|met| MetAtDoor {
            failed: met.failed,
            answers: met.answers,
            share: met.share,
            newest: newest::failing(state, route, backend),
            site: site(met.unlike.is_some()),
            ago: state.now.since(met.answered.unwrap_or(met.at)),
            meets: if gets.is_some_and(|gets| gets.fraction == 0.0) { Meets::NoMore } else { Meets::Now },
        }),
        own: evidence::measured(state, state.now, backend, Metric::ErrorRate).and_then(Result::ok),
        gravity: match condition(state, route, backend) {
            Condition::Breached { .. } | Condition::FailsAtDoor { .. } | Condition::HomeBeyond { .. } | Condition::Drops { .. } => {
                Gravity::Beyond
            }
            Condition::ProbeFails { .. }
            | Condition::NotMet { .. }
            | Condition::Blind { .. }
            | Condition::Unjudged { .. }
            | Condition::Untold
            | Condition::Idle
            | Condition::Well => Gravity::Tolerated,
        },
    }
}
