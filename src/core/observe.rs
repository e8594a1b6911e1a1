//! What sensors saw, put where the rules look for it.
//!
//! Each fact lands in one place with its time. Nothing is judged here, and what is older than what we know is not believed.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    core::{
        evidence, front_door,
        news::News,
        replaced, replication, runbook, seen, settle, standing,
        state::{Look, ProbeState, ReplicationState, RouteState, SourceState, Watched},
        steer, thin,
        turn::Turn,
        workload,
    },
    domain::{
        fact::{Accepted, Fact, Observation, Probed, Replication, Served},
        fault::Fault,
        hindrance::Hindrance,
        id::{BackendId, SourceId},
        metric::{Measured, Metric},
        shown::Shown,
        time::Timestamp,
        weight::Weights,
    },
    plan::model::Route,
};

/// Failures in a row after which a source's silence is said.
const FAILURES_SAID: u32 = 3;

pub(super) fn observed(turn: &mut Turn, observation: &Observation) {
    note_source(turn, observation);
    let Ok(facts) = &observation.result else { return };
    for fact in facts {
        // What was recorded thin was thinned against this very state.
        let Some(fact) = thin::whole(turn.state, fact) else { continue };
        match fact.as_ref() {
            Fact::Accepted(seen) => accepted(turn, observation.asked_at, seen),
            Fact::Served(seen) => served(turn, observation, seen),
            Fact::Probed(seen) => probed(turn, &observation.source, seen),
            Fact::Measured { backend, values } => measured(turn, &observation.source, backend, values),
            Fact::Filling { backend, full_at } => filling(turn, backend, *full_at),
            Fact::Workload { backend, workload: seen } => workload::observed(turn, backend, seen),
            Fact::Happened { backend, happenings } => workload::happened(turn, backend, happenings),
            Fact::Replication(seen) => replication(turn, seen),
            Fact::Step { step, standing } => runbook::observed(turn, observation.asked_at, step, standing),
            // None of them is whole.
            Fact::Same(_) | Fact::PodsChanged(_) => {}
        }
    }
}

fn note_source(turn: &mut Turn, observation: &Observation) {
    let now = turn.now;
    let fresh = || SourceState { asked_at: now, ok_at: None, fault: None, stale_after: observation.stale_after, failures: 0 };
    let source = turn.state.sources.get_or_insert_with(&observation.source, fresh);
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
/// one that seems to begin after it ended: it began before the clock went back, and would make every later look seem older. One that tells
/// what a write of ours has replaced puts in doubt what is known, and changes nothing of it.
fn accepted(turn: &mut Turn, asked_at: Timestamp, seen: &Accepted) {
    let Some(route) = turn.planned(&seen.route) else { return };
    let (at, now, seq) = (turn.at, turn.now, turn.seq);
    let state = turn.route_mut(route);
    let newest = state.accepted_at.max(state.outcome_at);
    if newest.is_some_and(|newest| asked_at < newest) || asked_at > at {
        return;
    }
    let seen = complete(route, seen);
    let was_in_doubt = !standing::is_fresh(state) && state.versions.old_read_seq > state.outcome_seq;
    if replaced::is_old_read(state, &seen.version, now, seq) {
        if !was_in_doubt {
            turn.tell(News::OldRead { route: route.id.clone(), found: seen.weights });
        }
        return;
    }
    let known = state.accepted.take();
    if known.as_ref().map(|known| &known.weights) != Some(&seen.weights) {
        settle::begin_anew(state, route, now, known.as_ref().map(|known| &known.weights));
    }
    let (hindered, hindrances) = (known.map(|known| known.hindrances).unwrap_or_default(), seen.hindrances.clone());
    state.accepted_at = Some(asked_at);
    state.accepted_seq = Some(seq);
    state.accepted = Some(seen);
    replaced::left_behind(state, now);
    steer::seen(turn, route);
    for why in hindrances.iter().filter(|found| !hindered.iter().any(|known| known.is_like(found))) {
        turn.tell(News::Hindered { route: route.id.clone(), why: why.clone() });
    }
    for why in hindered.into_iter().filter(|known| !hindrances.iter().any(|found| found.is_like(known))) {
        turn.tell(News::HindranceGone { route: route.id.clone(), why });
    }
}

/// Every backend of the plan named, so that splits can be compared. A backend outside the plan is named where it has a share.
fn complete(route: &Route, seen: &Accepted) -> Accepted {
    let mut shares: BTreeMap<_, _> = seen.weights.clone().into();
    shares.retain(|id, share| share.get() > 0 || route.backend(id).is_some());
    for id in route.backend_ids() {
        shares.entry(id.clone()).or_default();
    }
    let weights = Weights::new(shares).unwrap_or_else(|_| seen.weights.clone());
    let mut hindrances = seen.hindrances.clone();
    let told = |id: &BackendId| hindrances.iter().any(|found| matches!(found, Hindrance::Stranger { backend, .. } if backend == id));
    let untold = weights.iter().filter(|(id, _)| route.backend(id).is_none() && !told(id)).map(|(id, share)| Hindrance::Stranger {
        backend: id.clone(),
        name: Shown::new(id.as_str()),
        share,
    });
    let untold: Vec<_> = untold.collect();
    hindrances.extend(untold);
    Accepted { weights, hindrances, ..seen.clone() }
}

fn served(turn: &mut Turn, observation: &Observation, seen: &Served) {
    let Some(route) = turn.planned(&seen.route) else { return };
    let now = turn.now;
    let sent = seen.by_backend.values().sum::<u64>() + seen.failed + seen.dropped + seen.unmarked;
    watch_drops(turn, &observation.source, sent, seen.dropped);
    let believed = believed(turn.route(route), seen);
    let seen = believed.as_ref();
    front_door::served(turn, route, seen);
    let Served { by_backend, failed, dropped, unmarked, .. } = seen;
    let (by_backend, failed, dropped, unmarked) = (by_backend.clone(), *failed, *dropped, *unmarked);
    let state = turn.route_mut(route);
    // Requests that were sent before the last change say nothing of the split that holds now.
    let began = observation.asked_at.min(now.before(seen.span));
    let counts = state.changed_at.is_none_or(|changed| began >= changed);
    seen::look(route, state, now, counts.then_some(Look { at: now, by_backend, failed, dropped, unmarked }));
}

/// The same without the names that somebody makes answers say falsely: those answers say nobody's.
fn believed<'a>(state: &RouteState, seen: &'a Served) -> Cow<'a, Served> {
    let hindrances = state.accepted.iter().flat_map(|accepted| &accepted.hindrances);
    let said = hindrances
        .filter_map(|found| if let Hindrance::FalseMark { says, .. } = found { says.as_str().parse::<BackendId>().ok() } else { None });
    let mut seen = Cow::Borrowed(seen);
    for backend in said.filter(|backend| seen.by_backend.get(backend).is_some()).collect::<Vec<_>>() {
        let seen = seen.to_mut();
        seen.unmarked = seen.unmarked.saturating_add(seen.by_backend.remove(&backend).unwrap_or(0));
        if let Some(answers) = seen.answers.remove(&backend) {
            seen.unmarked_answers.add_all(&answers);
        }
    }
    seen
}

fn probed(turn: &mut Turn, by: &SourceId, seen: &Probed) {
    let now = turn.now;
    watch_drops(turn, by, seen.sent, seen.dropped);
    let Some(backend) = turn.state.backends.get_mut(&seen.backend) else { return };
    let Probed { sent, failed, dropped, slowest_ms, .. } = *seen;
    backend.probe = Some(ProbeState { at: now, sent, failed, dropped, answers: seen.answers.clone(), slowest_ms });
    if dropped > 0 {
        backend.dropped_at = Some(now);
    }
}

/// Somebody sent so many requests, and so many connections were dropped. Who sent none has watched nothing.
fn watch_drops(turn: &mut Turn, by: &SourceId, sent: u64, dropped: u64) {
    let now = turn.now;
    let watch = &mut turn.state.drops;
    if dropped > 0 {
        watch.last_at = Some(now);
    }
    if sent == 0 {
        return;
    }
    let watched = watch.by.get_or_insert_with(by, || Watched { since: now, seen_at: now });
    if now.since(watched.seen_at) > evidence::FRESH {
        watched.since = now;
    }
    watched.seen_at = now;
}

fn measured(turn: &mut Turn, source: &SourceId, id: &BackendId, values: &BTreeMap<Metric, Measured>) {
    let now = turn.now;
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    // Whoever tells only what the plan declares says nothing of the others' age, nor of their windows.
    if values.is_empty() || values.keys().any(|metric| metric.place().is_ok()) {
        backend.values_at = Some(now);
        backend.full_at = None;
    }
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

fn filling(turn: &mut Turn, id: &BackendId, full_at: Timestamp) {
    if let Some(backend) = turn.state.backends.get_mut(id) {
        backend.full_at = Some(full_at);
    }
}

fn replication(turn: &mut Turn, seen: &Replication) {
    let now = turn.now;
    let known = turn.state.replication.entry(seen.instance.clone()).or_insert_with(|| ReplicationState::seen(seen, now));
    (known.now, known.seen_at) = (seen.clone(), now);
    let Some(database) = &turn.plan.database else { return };
    let standing = replication::standing(database, &seen.instance, Some(known), now);
    if let Some(news) = replication::news(&seen.instance, known, standing) {
        turn.tell(news);
    }
}
