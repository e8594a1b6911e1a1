//! What sensors saw, put where the rules look for it.
//!
//! Each fact lands in one place with its time. Nothing is judged here, and what is older than what we know is not believed.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    core::{
        evidence, front_door,
        news::News,
        settle,
        state::{Look, Observed, ProbeState, ReplicationState, SourceState},
        turn::Turn,
    },
    domain::{
        fact::{Accepted, Fact, Observation, Probed, Replication, Served},
        fault::Fault,
        id::{BackendId, SourceId},
        metric::{Measured, Metric},
        platform::{Happening, Workload},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

/// The observed shares rest on the looks of the last minute, or since the last change.
const WINDOW: Millis = Millis::from_secs(60);
const HAPPENINGS_MAX: usize = 64;
/// Failures in a row after which a source's silence is said.
const FAILURES_SAID: u32 = 3;

pub(super) fn observed(turn: &mut Turn, observation: &Observation) {
    note_source(turn, observation);
    let Ok(facts) = &observation.result else { return };
    for fact in facts {
        match fact {
            Fact::Accepted(seen) => accepted(turn, observation.asked_at, seen),
            Fact::Served(seen) => served(turn, observation.asked_at, seen),
            Fact::Probed(seen) => probed(turn, seen),
            Fact::Measured { backend, values } => measured(turn, &observation.source, backend, values),
            Fact::Workload { backend, workload: seen } => workload(turn, backend, seen),
            Fact::Happened { backend, happenings } => happened(turn, backend, happenings),
            Fact::Replication(seen) => replication(turn, seen),
        }
    }
}

fn note_source(turn: &mut Turn, observation: &Observation) {
    let now = turn.now;
    let fresh = || SourceState { asked_at: now, ok_at: None, fault: None, stale_after: observation.stale_after, failures: 0 };
    let source = turn.state.sources.entry(observation.source.clone()).or_insert_with(fresh);
    let failures = source.failures;
    source.asked_at = observation.asked_at.min(now);
    source.stale_after = observation.stale_after;
    match &observation.result {
        Ok(_) => {
            source.ok_at = Some(now);
            source.fault = None;
            source.failures = 0;
            if failures >= FAILURES_SAID {
                turn.tell(News::SourceAnswers { source: observation.source.clone() });
            }
        }
        Err(fault) => silent(turn, &observation.source, fault),
    }
}

fn silent(turn: &mut Turn, id: &SourceId, fault: &Fault) {
    let now = turn.now;
    let Some(source) = turn.state.sources.get_mut(id) else { return };
    source.fault = Some(fault.clone());
    source.failures = source.failures.saturating_add(1);
    let last = source.ok_at.map(|ok| now.since(ok));
    if source.failures == FAILURES_SAID {
        turn.tell(News::SourceSilent { source: id.clone(), why: fault.clone(), last });
    }
}

/// The split as the API tells it. A look that began before the newest outcome, or before a look that we have, is no news. Neither is
/// one that seems to begin after it ended: it began before the clock went back, and would make every later look seem older.
fn accepted(turn: &mut Turn, asked_at: Timestamp, seen: &Accepted) {
    let Some(route) = turn.planned(&seen.route) else { return };
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let state = turn.route_mut(route);
    let newest = state.accepted_at.max(state.outcome_at);
    if newest.is_some_and(|newest| asked_at < newest) || asked_at > at {
        return;
    }
    let seen = complete(route, seen);
    let known = state.accepted.as_ref().map(|known| known.weights.clone());
    let trouble = state.accepted.as_ref().and_then(|known| known.trouble.clone());
    if known.as_ref() != Some(&seen.weights) {
        state.before = known;
        settle::begin_anew(state, now);
    }
    let news = seen.trouble.clone().filter(|_| seen.trouble != trouble);
    state.accepted_at = Some(asked_at);
    state.accepted_seq = Some(seq);
    state.accepted = Some(seen);
    if let Some(why) = news {
        turn.tell(News::Hindered { route: route.id.clone(), why });
    }
}

/// Every backend of the plan named, so that splits can be compared; a backend that the plan doesn't know is trouble.
fn complete(route: &Route, seen: &Accepted) -> Accepted {
    let mut shares: BTreeMap<_, _> = seen.weights.clone().into();
    let stranger = shares.iter().find(|(id, share)| share.get() > 0 && route.backend(id).is_none()).map(|(id, _)| id.clone());
    shares.retain(|id, share| share.get() > 0 || route.backend(id).is_some());
    for id in route.backend_ids() {
        shares.entry(id.clone()).or_default();
    }
    let weights = Weights::new(shares).unwrap_or_else(|_| seen.weights.clone());
    let trouble = seen.trouble.clone().or_else(|| stranger.map(|id| Shown::new(&format!("{id} has traffic and is not in the plan"))));
    Accepted { weights, trouble, ..seen.clone() }
}

fn served(turn: &mut Turn, asked_at: Timestamp, seen: &Served) {
    let Some(route) = turn.planned(&seen.route) else { return };
    let now = turn.now;
    watch_drops(turn, seen.dropped);
    front_door::served(turn, route, seen);
    let state = turn.route_mut(route);
    let window = state.observed.take().map_or_else(VecDeque::new, |observed| observed.window);
    let look = Look { at: now, by_backend: seen.by_backend.clone(), failed: seen.failed, dropped: seen.dropped };
    let mut observed = Observed { at: now, requests: 0, failed: 0, dropped: 0, shares: BTreeMap::new(), window };
    // Requests that were sent before the last change say nothing of the split that holds now.
    let began = asked_at.min(now.before(seen.span));
    if state.changed_at.is_none_or(|changed| began >= changed) {
        observed.window.push_back(look);
    }
    observed.window.retain(|look| now.since(look.at) < WINDOW);
    sum(route, &mut observed);
    state.observed = Some(observed);
}

fn sum(route: &Route, observed: &mut Observed) {
    let mut counts: BTreeMap<BackendId, u64> = route.backend_ids().map(|id| (id.clone(), 0)).collect();
    for look in &observed.window {
        observed.failed = observed.failed.saturating_add(look.failed);
        observed.dropped = observed.dropped.saturating_add(look.dropped);
        for (id, count) in &look.by_backend {
            let known = counts.entry(id.clone()).or_default();
            *known = known.saturating_add(*count);
        }
    }
    observed.requests = counts.values().fold(0, |sum, count| sum.saturating_add(*count));
    observed.shares = counts.into_iter().map(|(id, count)| (id, settle::share(count, observed.requests))).collect();
}

fn probed(turn: &mut Turn, seen: &Probed) {
    let now = turn.now;
    watch_drops(turn, seen.dropped);
    let Some(backend) = turn.state.backends.get_mut(&seen.backend) else { return };
    let Probed { sent, failed, dropped, slowest_ms, .. } = *seen;
    backend.probe = Some(ProbeState { at: now, sent, failed, dropped, answers: seen.answers.clone(), slowest_ms });
    if dropped > 0 {
        backend.dropped_at = Some(now);
    }
}

/// Somebody looked for dropped connections, and found so many.
fn watch_drops(turn: &mut Turn, dropped: u64) {
    let now = turn.now;
    let watch = &mut turn.state.drops;
    if watch.seen_at.is_none_or(|seen| now.since(seen) > evidence::FRESH) {
        watch.since = Some(now);
    }
    watch.seen_at = Some(now);
    if dropped > 0 {
        watch.last_at = Some(now);
    }
}

fn measured(turn: &mut Turn, source: &SourceId, id: &BackendId, values: &BTreeMap<Metric, Measured>) {
    let now = turn.now;
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    backend.values_at = Some(now);
    let mut dropping = false;
    for (metric, measured) in values {
        backend.values.insert(*metric, *measured);
        if backend.sources.get(metric) != Some(source) {
            backend.sources.insert(*metric, source.clone());
        }
        if let Ok(sample) = measured
            && sample.value.is_finite()
            && sample.value >= 0.0
            && sample.at.since(now) <= evidence::AHEAD_MAX
        {
            backend.usable.insert(*metric, *sample);
            dropping |= *metric == Metric::DropRate && sample.value > 0.0;
        }
    }
    if dropping {
        backend.dropped_at = Some(now);
        turn.state.drops.last_at = Some(now);
    }
}

fn workload(turn: &mut Turn, id: &BackendId, seen: &Workload) {
    let now = turn.now;
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    let known = backend.workload.replace(seen.clone());
    backend.workload_at = Some(now);
    backend.ready_most = backend.ready_most.max(seen.ready);
    if let Some(news) = workload_news(id, known.as_ref(), seen) {
        turn.tell(news);
    }
}

fn workload_news(id: &BackendId, known: Option<&Workload>, seen: &Workload) -> Option<News> {
    let trouble = known.and_then(|known| known.trouble.as_ref());
    let (backend, ready, desired) = (id.clone(), seen.ready, seen.desired);
    if let Some(why) = &seen.trouble
        && trouble != Some(why)
    {
        return Some(News::WorkloadTroubled { backend, why: why.clone(), ready, desired });
    }
    if trouble.is_some() && seen.trouble.is_none() {
        return Some(News::WorkloadWell { backend, ready, desired });
    }
    let known = known?;
    if seen.restarts > known.restarts {
        return Some(News::ContainersRestarted { backend, restarts: seen.restarts });
    }
    (seen.version != known.version).then(|| News::VersionChanged { backend, version: seen.version.clone() })
}

fn happened(turn: &mut Turn, id: &BackendId, happenings: &[Happening]) {
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    backend.happenings.extend(happenings.iter().cloned());
    let surplus = backend.happenings.len().saturating_sub(HAPPENINGS_MAX);
    backend.happenings.drain(..surplus);
}

fn replication(turn: &mut Turn, seen: &Replication) {
    let now = turn.now;
    let known = turn.state.replication.remove(&seen.instance);
    if let Some(known) = &known
        && known.now.state != seen.state
    {
        turn.tell(News::ReplicaChanged { instance: seen.instance.clone(), from: known.now.state, to: seen.state });
    }
    let (history, history_at) = known.map_or((VecDeque::new(), None), |known| (known.history, known.history_at));
    let state = ReplicationState { now: seen.clone(), seen_at: now, history, history_at };
    turn.state.replication.insert(seen.instance.clone(), state);
}
