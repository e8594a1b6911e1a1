//! Can we go back, and what would it cost now?
//!
//! While the target has traffic, home must be shown able to take everything, by what was told within the last half minute. Where its
//! platform counts instances, enough of them are ready. Where it doesn't, home is shown by its own answers under the load that it has;
//! and before the last of its traffic leaves, and for as long as it has none, by the instances that it keeps without any. In either case
//! no direct request to it fails altogether, and its own figures are within the limits that the route's triggers set for the target. And a
//! write home must be able to bring users there: what bars it is an objection before the first advance. If any of that lapses, nothing
//! advances. Going back is never refused for it, only warned of.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        assurance, evidence, exposure, pace,
        reason::Objection,
        replication::DatabaseStanding,
        standing,
        state::{BackendState, RouteState, State},
        turn::Turn,
        verdict::{self, Side},
    },
    domain::{
        fact::ReplicaState,
        id::InstanceId,
        metric::Metric,
        platform::Scale,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::{DatabaseMode, Plan, Route},
};

/// Can we go back?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Readiness {
    /// Empty when going back is assured; else each reason against it.
    pub against: Vec<Objection>,
    /// How many instances home keeps, as far as its platform tells.
    #[serde(default)]
    pub home_scale: Scale,
    /// Expected time until the last request has left the target, from now.
    pub takes: Millis,
    /// Share of users that would change platform.
    pub moves: f64,
    /// When the evidence behind this was seen.
    pub seen_at: Option<Timestamp>,
}

/// A write through an API and its operation, before the data plane begins to follow.
const WRITE_TAKES: Millis = Millis::from_secs(3);

pub(super) fn weigh(turn: &mut Turn, route: &Route) {
    let against = against(turn, route);
    let state = turn.route(route);
    let home = turn.state.backends.get(&route.home);
    let takes = takes(route, state, turn.now);
    let moved = |weights: &Weights| 1.0 - weights.of(&route.home).fraction();
    let given = state.accepted.as_ref().map_or(0.0, |accepted| moved(&accepted.weights));
    let moves = given.max(standing::may_be(state).map_or(0.0, moved));
    let readiness = Readiness {
        against,
        home_scale: home.and_then(|home| home.workload.as_ref()).map_or(Scale::Untold, |workload| workload.scale),
        takes: if moves > 0.0 { takes } else { Millis(0) },
        moves,
        seen_at: home.and_then(|home| home.workload_at),
    };
    turn.route_mut(route).readiness = readiness;
}

/// Expected time from the beginning of a rollback at `now` until the last request is seen at home.
pub(super) fn takes(route: &Route, state: &RouteState, now: Timestamp) -> Millis {
    let given = state.accepted.iter().map(|accepted| &accepted.weights).chain(standing::may_be(state));
    let away = given.flat_map(|weights| weights.iter()).filter(|(id, _)| **id != route.home);
    let away = away.map(|(_, share)| share).chain(state.fading.iter().filter(|(id, _)| **id != route.home).map(|(_, share)| *share));
    let least = away.filter(|share| *share > PerMille::ZERO).min();
    Millis(WRITE_TAKES.0 + pace::would_spread_in(route, state, now).0 + pace::seen_in(state, least).0)
}

/// The same of a rollback that begins once `to` is accepted and seen; nothing where `to` is home.
pub(super) fn takes_from(route: &Route, state: &RouteState, to: &Weights) -> Option<Millis> {
    let least = to.iter().filter(|(id, share)| **id != route.home && *share > PerMille::ZERO).map(|(_, share)| share).min()?;
    Some(Millis(WRITE_TAKES.0 + pace::spreads_in(route, state).0 + pace::seen_in(state, Some(least)).0))
}

fn against(turn: &Turn, route: &Route) -> Vec<Objection> {
    let home = || route.home.clone();
    let Some(known) = turn.state.backends.get(&route.home) else { return vec![Objection::HomeUnknown] };
    let mut against: Vec<Objection> = unable(turn, route, known).into_iter().collect();
    if evidence::answers_no_probe(turn.state, route, &route.home, turn.now) {
        against.push(Objection::AnswersNoRequest { home: home() });
    }
    let beyond = beyond(turn.plan, turn.state, route);
    against.extend(beyond.map(|over| Objection::BeyondLimit { home: home(), metric: over.metric, value: over.value, limit: over.limit }));
    let state = turn.route(route);
    against.extend(assurance::unread_for(state, turn.now).map(|ago| Objection::WeightsOld { ago }));
    let hindrances = state.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    against.extend(hindrances.filter(|found| found.bars_home(&route.home)).map(|why| Objection::Hindered { why: why.clone() }));
    if exposure::accepted(state, &route.target) < PerMille::ALL
        && let Some(instance) = disarmed(turn.plan, turn.state)
    {
        against.push(Objection::Promoted { instance });
    }
    against
}

/// What the platform's word and home's own answers leave open.
fn unable(turn: &Turn, route: &Route, known: &BackendState) -> Option<Objection> {
    let home = || route.home.clone();
    let carries = turn.route(route).accepted.as_ref().is_none_or(|accepted| accepted.weights.of(&route.home) > PerMille::ZERO);
    let shown = |otherwise: Objection| match carries {
        true => (!evidence::answers(turn.state, turn.now, route, &route.home)).then_some(otherwise),
        false => nothing_kept(turn.state, route),
    };
    match (evidence::scale(known, turn.now), known.workload.as_ref().map(|workload| workload.scale), known.workload_at) {
        (Some(Scale::Counted { ready, .. }), _, _) => {
            let needed = needed(turn.plan, known.ready_most);
            (ready < needed).then(|| Objection::TooFewReady { home: home(), ready, needed })
        }
        (Some(Scale::Off), _, _) => Some(Objection::SwitchedOff { home: home() }),
        (Some(Scale::Automatic { .. } | Scale::Manual { .. } | Scale::Untold), _, _) => shown(Objection::NotShown { home: home() }),
        // A setting that was seen holds until it is changed; a count does not.
        (None, Some(Scale::Automatic { .. } | Scale::Manual { .. }), Some(at)) => {
            shown(Objection::NotSeen { home: home(), ago: turn.now.since(at) })
        }
        (None, _, Some(at)) => Some(Objection::NotSeen { home: home(), ago: turn.now.since(at) }),
        (None, _, None) => Some(Objection::NeverSeen { home: home() }),
    }
}

/// Why home could not take anybody at once after the last of its traffic has left.
pub(super) fn nothing_kept(state: &State, route: &Route) -> Option<Objection> {
    let scale = state.backends.get(&route.home)?.workload.as_ref()?.scale;
    let told = scale.kept();
    (told.unwrap_or(0) == 0).then(|| Objection::NothingKept { home: route.home.clone(), told })
}

/// A figure of home's own beyond what the route's triggers tolerate of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Over {
    pub metric: Metric,
    pub value: f64,
    pub limit: f64,
}

/// Home's own figures, where they rest on enough requests and are beyond what the route's triggers tolerate of the target. What is more where
/// more users are is no figure to compare.
pub(super) fn beyond(plan: &Plan, state: &State, route: &Route) -> impl Iterator<Item = Over> {
    let of_route = plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    of_route.filter(|trigger| trigger.metric.is_comparable()).filter_map(|trigger| {
        let sample = evidence::measured(state, state.now, &route.home, trigger.metric)?.ok()?;
        let failing = verdict::side(trigger.metric, &sample, trigger.limit, trigger.requests_min) == Ok(Side::Beyond);
        failing.then_some(Over { metric: trigger.metric, value: sample.value, limit: trigger.limit })
    })
}

/// At least one, and the plan's share of the most that were ever ready.
fn needed(plan: &Plan, ready_most: u32) -> u32 {
    let share = u64::from(plan.limits.home_ready_min.get());
    let needed = (u64::from(ready_most) * share).div_ceil(1000);
    u32::try_from(needed.max(1)).unwrap_or(u32::MAX)
}

/// After a replica has become a primary of its own, home may still write to the old one: then nothing goes home by itself.
pub(super) fn disarmed(plan: &Plan, state: &State) -> Option<InstanceId> {
    let database = plan.database.as_ref()?;
    match database.mode {
        DatabaseMode::Shared => return None,
        DatabaseMode::Switchover | DatabaseMode::Promote => {}
    }
    // It stays promoted while nothing else is known of it.
    let primary = |instance: &&InstanceId| {
        let known = state.replication.get(*instance);
        known.is_some_and(|known| known.now.state == ReplicaState::Primary || known.said == Some(DatabaseStanding::Promoted))
    };
    database.replicas.iter().find(primary).cloned()
}
