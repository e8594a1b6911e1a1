//! Can we go back, and what would it cost now?
//!
//! While the target has traffic, home must be shown able to take everything: enough instances ready, told within the last half minute,
//! no direct request to it failing altogether, and its own figures within the limits that the route's triggers set for the target. A
//! platform need not tell how many instances it really has; users who meet errors there do. And a write home must be able to bring them
//! there: what bars it is an objection before the first advance. If any of that lapses, nothing advances. Going back is never refused for
//! it, only warned of.

use crate::{
    core::{
        evidence::{self, Probing},
        exposure,
        reason::Objection,
        state::{Readiness, RouteState, State},
        turn::Turn,
    },
    domain::{fact::ReplicaState, id::InstanceId, time::Millis, weight::PerMille},
    plan::model::{DatabaseMode, Plan, Route},
};

/// A write through an API and its operation, before the data plane begins to follow.
const WRITE_TAKES: Millis = Millis::from_secs(3);

pub(super) fn weigh(turn: &mut Turn, route: &Route) {
    let against = against(turn, route);
    let state = turn.route(route);
    let home = turn.state.backends.get(&route.home);
    let takes = takes(route, state);
    let moves = state.accepted.as_ref().map_or(0.0, |accepted| 1.0 - accepted.weights.of(&route.home).fraction());
    let readiness = Readiness {
        against,
        home_ready: home.and_then(|home| home.workload.as_ref()).map(|workload| workload.ready),
        takes: if moves > 0.0 { takes } else { Millis(0) },
        moves,
        seen_at: home.and_then(|home| home.workload_at),
    };
    turn.route_mut(route).readiness = readiness;
}

/// Expected time from the beginning of a rollback until the last request is home.
pub(super) fn takes(route: &Route, state: &RouteState) -> Millis {
    Millis(WRITE_TAKES.0 + state.followed_in.map_or(route.settle, |followed| followed.max(WRITE_TAKES)).0)
}

fn against(turn: &Turn, route: &Route) -> Vec<Objection> {
    let mut against = Vec::new();
    let home = || route.home.clone();
    let Some(known) = turn.state.backends.get(&route.home) else { return vec![Objection::HomeUnknown] };
    let needed = needed(turn.plan, known.ready_most);
    match (evidence::ready(known, turn.now), known.workload_at) {
        (Some(ready), _) if ready >= needed => {}
        (Some(ready), _) => against.push(Objection::TooFewReady { home: home(), ready, needed }),
        (None, Some(at)) => against.push(Objection::NotSeen { home: home(), ago: turn.now.since(at) }),
        (None, None) => against.push(Objection::NeverSeen { home: home() }),
    }
    match evidence::probing(known, turn.now) {
        Probing::Dead => against.push(Objection::AnswersNoRequest { home: home() }),
        Probing::Silent | Probing::Clean | Probing::Faulty => {}
    }
    against.extend(failing(turn, route));
    let state = turn.route(route);
    if let Some(seen) = state.accepted_at
        && turn.now.since(seen) > evidence::FRESH
    {
        against.push(Objection::WeightsOld { ago: turn.now.since(seen) });
    }
    let hindrances = state.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    against.extend(hindrances.filter(|found| found.bars_home(&route.home)).map(|why| Objection::Hindered { why: why.clone() }));
    if exposure::accepted(state, &route.target) < PerMille::ALL
        && let Some(instance) = disarmed(turn.plan, turn.state)
    {
        against.push(Objection::Promoted { instance });
    }
    against
}

/// Home's own figures, where they rest on enough requests and are beyond what the route's triggers tolerate of the target.
fn failing(turn: &Turn, route: &Route) -> Vec<Objection> {
    let of_route = turn.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    let beyond = of_route.filter_map(|trigger| {
        let sample = evidence::measured(turn.state, turn.now, &route.home, trigger.metric)?.ok()?;
        let failing = sample.requests >= trigger.requests_min && sample.value > trigger.above;
        let (home, metric) = (route.home.clone(), trigger.metric);
        failing.then_some(Objection::BeyondLimit { home, metric, value: sample.value, limit: trigger.above })
    });
    beyond.collect()
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
    let primary = |instance: &&InstanceId| state.replication.get(*instance).is_some_and(|known| known.now.state == ReplicaState::Primary);
    database.replicas.iter().find(primary).cloned()
}
