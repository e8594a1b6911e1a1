//! The evidence behind each collected line of the checklist, in words that say what was found and where.
//!
//! A figure counts while it is younger than the item's own bound and than the half minute after which a reading is blind. Too few
//! requests, a silent source and a stopped replica are never a good sign.

use crate::{
    core::{
        blind::BLIND_AFTER,
        checklist::Finding,
        evidence, exposure, history, motion,
        settle::{self, Verdict},
        state::Motion,
        turn::Turn,
    },
    domain::{
        fact::ReplicaState,
        id::BackendId,
        metric::{Metric, Sample},
        time::Millis,
        weight::PerMille,
    },
    plan::model::{Check, Proof, Route},
};

/// The 95th percentile of fewer is just the maximum.
const REQUESTS_MIN: u64 = 20;
/// Bounds of stability where the plan's checklist names none: the seed's own.
const ERRORS_MAX: f64 = 0.01;
const P95_MAX_MS: f64 = 1000.0;

pub(super) fn look(turn: &Turn, wanted: &Check, expires: Millis) -> Finding {
    match wanted {
        Check::MonitoringInPlace => monitoring(turn),
        Check::ErrorRatesBelow(limit) => below(turn, Metric::ErrorRate, *limit, expires),
        Check::LatencyBelow(limit) => below(turn, Metric::P95Latency, *limit, expires),
        Check::ReplicationLagBelow(limit) => lag_below(turn, *limit),
        Check::NoDroppedConnections(span) => no_drops(turn, *span),
        Check::AllTrafficOnTarget => all_on_target(turn),
        Check::StableFor(span) => stable(turn, *span),
    }
}

fn monitoring(turn: &Turn) -> Finding {
    let now = turn.now;
    let silent = turn.state.sources.iter().find(|(_, source)| source.fault.is_some() || now.since(source.asked_at) > source.stale_after);
    if let Some((id, source)) = silent {
        let why = source.fault.as_ref().map_or_else(|| "stale".to_owned(), |fault| fault.kind.to_string());
        return Finding::Against { text: format!("{id}: {why}") };
    }
    let blind = turn.state.triggers.iter().find(|(_, known)| known.blind_since.is_some_and(|since| now.since(since) >= BLIND_AFTER));
    if let Some((id, _)) = blind {
        return Finding::Against { text: format!("trigger {id} is blind") };
    }
    let unread = turn.plan.routes.iter().find(|route| !motion::is_fresh(turn.route(route)));
    if let Some(route) = unread {
        return Finding::Unknown { text: format!("the weights of {} are not read", route.id) };
    }
    let (sources, triggers) = (turn.state.sources.len(), turn.state.triggers.len());
    if sources == 0 {
        return Finding::Unknown { text: "no source has answered yet".to_owned() };
    }
    Finding::Holds { seen_at: now, text: format!("{sources} sources answer, {triggers} triggers see") }
}

/// What a sample must be to speak for or against a limit.
#[derive(Clone, Copy)]
struct Limit {
    metric: Metric,
    below: f64,
    age_max: Millis,
}

impl Limit {
    /// Of so few that one failed request alone breaks the limit, a rate proves nothing.
    fn requests_min(self) -> u64 {
        match self.metric {
            Metric::ErrorRate => REQUESTS_MIN.max((1.0 / self.below.max(f64::EPSILON)).floor() as u64 + 1),
            Metric::RequestRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => REQUESTS_MIN,
        }
    }

    /// The newest sample of a backend, if it is young enough and rests on enough requests; else what is wrong with it.
    fn usable(self, turn: &Turn, backend: &BackendId) -> Result<Sample, String> {
        let known = turn.state.backends.get(backend).and_then(|known| known.usable.get(&self.metric));
        match known.filter(|sample| turn.now.since(sample.at) <= self.age_max) {
            None => Err(format!("{backend}: no usable sample within {}", self.age_max)),
            Some(sample) if sample.requests < self.requests_min() => {
                Err(format!("{backend}: {} requests are too few, {} are needed", sample.requests, self.requests_min()))
            }
            Some(sample) => Ok(*sample),
        }
    }
}

/// Backends that take traffic, once each.
fn serving<'a>(turn: &Turn<'a>) -> Vec<&'a BackendId> {
    let of_route = |route: &'a Route| route.backend_ids().map(move |backend| (route, backend));
    let all = turn.plan.routes.iter().flat_map(of_route);
    let mut serving: Vec<_> =
        all.filter(|(route, id)| exposure::accepted(turn.route(route), id) > PerMille::ZERO).map(|(_, id)| id).collect();
    serving.sort();
    serving.dedup();
    serving
}

fn below(turn: &Turn, metric: Metric, limit: f64, expires: Millis) -> Finding {
    let serving = serving(turn);
    if serving.is_empty() {
        return Finding::Unknown { text: "no backend is known to take traffic".to_owned() };
    }
    let unit = metric.unit();
    let wanted = Limit { metric, below: limit, age_max: evidence::FRESH.min(expires) };
    let (mut found, mut oldest, mut missing) = (Vec::new(), turn.now, None);
    for backend in serving {
        match wanted.usable(turn, backend) {
            Ok(sample) if sample.value >= limit => {
                return Finding::Against { text: format!("{} on {backend}, the limit is {}", unit.show(sample.value), unit.show(limit)) };
            }
            Ok(sample) => {
                oldest = oldest.min(sample.at);
                found.push(format!("{backend} {}", unit.show(sample.value)));
            }
            Err(why) => missing = Some(why),
        }
    }
    match missing {
        Some(text) => Finding::Unknown { text },
        None => Finding::Holds { seen_at: oldest, text: found.join(", ") },
    }
}

fn lag_below(turn: &Turn, limit: Millis) -> Finding {
    let Some(database) = &turn.plan.database else { return Finding::Unknown { text: "the plan names no database".to_owned() } };
    let (mut found, mut oldest) = (Vec::new(), turn.now);
    for instance in &database.replicas {
        let Some(known) = turn.state.replication.get(instance) else {
            return Finding::Unknown { text: format!("{instance} has not been seen") };
        };
        match (known.now.state, history::lag(known, turn.now)) {
            (ReplicaState::Stopped, _) => return Finding::Against { text: format!("{instance} has stopped replicating") },
            (ReplicaState::Primary, _) => return Finding::Against { text: format!("{instance} is a primary, not a replica") },
            (ReplicaState::Broken(_), _) => return Finding::Against { text: format!("the replication of {instance} is broken") },
            (ReplicaState::Unknown | ReplicaState::Untold, _) | (ReplicaState::Replicating, None) => {
                return Finding::Unknown { text: format!("the lag of {instance} is not known") };
            }
            (ReplicaState::Replicating, Some(lag)) if lag >= limit.as_secs_f64() => {
                return Finding::Against { text: format!("{instance} is {lag:.1}s behind, the limit is {limit}") };
            }
            (ReplicaState::Replicating, Some(lag)) => {
                oldest = oldest.min(known.seen_at);
                found.push(format!("{instance} {lag:.1}s"));
            }
        }
    }
    if found.is_empty() {
        return Finding::Unknown { text: "the plan names no replica".to_owned() };
    }
    Finding::Holds { seen_at: oldest, text: found.join(", ") }
}

fn no_drops(turn: &Turn, span: Millis) -> Finding {
    let (watch, now) = (&turn.state.drops, turn.now);
    if let Some(last) = watch.last_at.filter(|last| now.since(*last) < span) {
        return Finding::Against { text: format!("a connection was dropped {} ago", now.since(last)) };
    }
    match (watch.since, watch.seen_at) {
        (Some(since), Some(seen_at)) if now.since(seen_at) <= evidence::FRESH => {
            let watched = now.since(since);
            if watched >= span {
                return Finding::Holds { seen_at, text: format!("none in {span}") };
            }
            Finding::NotYet { text: format!("none in the {watched} that were watched, {span} are needed") }
        }
        (_, _) => Finding::Unknown { text: "nobody watches connections".to_owned() },
    }
}

fn all_on_target(turn: &Turn) -> Finding {
    let mut oldest = turn.now;
    for route in &turn.plan.routes {
        let state = turn.route(route);
        let share = exposure::accepted(state, &route.target);
        let Some(seen_at) = state.accepted_at.filter(|seen| turn.now.since(*seen) <= evidence::FRESH) else {
            return Finding::Unknown { text: format!("the weights of {} are not read", route.id) };
        };
        if share < PerMille::ALL {
            return Finding::NotYet { text: format!("{}: {share} on {}", route.id, route.target) };
        }
        match (&state.motion, settle::verdict(state, turn.now)) {
            // On its way that is nothing to warn of.
            (Motion::Settled | Motion::NeedsHuman { .. }, Verdict::Against) => {
                return Finding::Against { text: format!("{}: requests still meet other backends", route.id) };
            }
            (Motion::Settled, Verdict::Fits | Verdict::Proven) => oldest = oldest.min(seen_at),
            (Motion::Settled, Verdict::CannotTell) => {
                return Finding::Unknown { text: format!("{}: too few requests to see it", route.id) };
            }
            (_, _) => return Finding::NotYet { text: format!("{}: accepted, traffic follows", route.id) },
        }
    }
    Finding::Holds { seen_at: oldest, text: "accepted and observed".to_owned() }
}

fn stable(turn: &Turn, span: Millis) -> Finding {
    for route in &turn.plan.routes {
        let target = &route.target;
        if exposure::accepted(turn.route(route), target) < PerMille::ALL {
            return Finding::NotYet { text: format!("counts once everything of {} is on {target}", route.id) };
        }
        let Some(since) = turn.state.backends.get(target).and_then(|known| known.stable_since) else {
            return Finding::Unknown { text: format!("{target} is not shown to be stable") };
        };
        let lasted = turn.now.since(since);
        if lasted < span {
            return Finding::NotYet { text: format!("stable for {lasted}, {span} are needed") };
        }
    }
    Finding::Holds { seen_at: turn.now, text: format!("within bounds for {span} without a break") }
}

/// Keeps count of how long each backend that holds everything has been within bounds; whatever can't be shown is a break.
pub(super) fn watch_stability(turn: &mut Turn) {
    let checks =
        || turn.plan.checklist.iter().filter_map(|item| if let Proof::Collected(check) = &item.proof { Some(check) } else { None });
    let errors = checks().find_map(|check| if let Check::ErrorRatesBelow(limit) = check { Some(*limit) } else { None });
    let p95 = checks().find_map(|check| if let Check::LatencyBelow(limit) = check { Some(*limit) } else { None });
    let (errors, p95) = (errors.unwrap_or(ERRORS_MAX), p95.unwrap_or(P95_MAX_MS));
    let now = turn.now;
    for route in &turn.plan.routes {
        for id in route.backend_ids() {
            let within = |metric, below| {
                let limit = Limit { metric, below, age_max: evidence::FRESH };
                limit.usable(turn, id).is_ok_and(|sample| sample.value < below)
            };
            let holds_all = exposure::accepted(turn.route(route), id) == PerMille::ALL;
            let stable = holds_all && within(Metric::ErrorRate, errors) && within(Metric::P95Latency, p95);
            if let Some(backend) = turn.state.backends.get_mut(id) {
                backend.stable_since = stable.then(|| backend.stable_since.unwrap_or(now));
            }
        }
    }
}
