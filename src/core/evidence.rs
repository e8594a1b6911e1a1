//! What may be believed of a backend at this instant: a sample, or the reason why there is none.
//!
//! The newest value of a source counts only while the source answers and the value is young by the source's own clock. Nothing here
//! turns a gap into a number.

use crate::{
    core::{
        sight::Sight,
        state::{BackendState, ProbeState, State},
    },
    domain::{
        answer::AnswerClass,
        id::BackendId,
        metric::{Gap, Measured, Metric},
        platform::Scale,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
};

/// A source's clock may be this far ahead of ours.
pub(super) const AHEAD_MAX: Millis = Millis::from_secs(5);
/// Evidence for readiness and for the checklist is good for this long; the same span after which a trigger without data is blind.
pub(super) const FRESH: Millis = Millis::from_secs(30);

/// The newest measurement of `metric`, as it stands at `now`; `None` if there never was one.
pub(super) fn measured(state: &State, now: Timestamp, backend: &BackendId, metric: Metric) -> Option<Measured> {
    let known = state.backends.get(backend)?;
    let measured = *known.values.get(&metric)?;
    let source = known.sources.get(&metric).and_then(|source| state.sources.get(source));
    if let Some(fault) = source.and_then(|source| source.fault.as_ref()) {
        return Some(Err(fault.kind.into()));
    }
    let stale_after = source.map_or(FRESH, |source| source.stale_after);
    Some(measured.and_then(|sample| {
        if !sample.value.is_finite() {
            Err(if sample.value.is_nan() { Gap::NotANumber } else { Gap::Infinite })
        } else if sample.value < 0.0 {
            Err(Gap::Unreadable)
        } else if sample.at.since(now) > AHEAD_MAX {
            Err(Gap::FromTheFuture)
        } else if now.since(sample.at) > stale_after {
            Err(Gap::Stale)
        } else {
            Ok(sample)
        }
    }))
}

/// What direct requests to a backend said of it lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// Nobody asked within the last half minute.
    Silent,
    /// All were answered, none with an error.
    Clean,
    /// Something answers, and not always, or never, as the plan expects.
    Faulty,
    /// Nothing but server errors and broken connections.
    Dead,
}

pub(super) fn probing(backend: &BackendState, now: Timestamp) -> Probing {
    match &backend.probe {
        Some(probe) if now.since(probe.at) <= FRESH && probe.sent > 0 => match probe.failed.saturating_add(probe.dropped) {
            0 => Probing::Clean,
            _ if broken(probe) >= probe.sent => Probing::Dead,
            _ => Probing::Faulty,
        },
        Some(_) | None => Probing::Silent,
    }
}

/// Requests that no process answered for. A 404 or a login page is nobody's sign of health, and proves that something answers.
fn broken(probe: &ProbeState) -> u64 {
    let errors = if probe.answers.is_empty() { probe.failed } else { probe.answers.of_class(AnswerClass::ServerError) };
    errors.saturating_add(probe.dropped)
}

/// How many instances there are, by the platform's word of the last half minute.
pub(super) fn scale(backend: &BackendState, now: Timestamp) -> Option<Scale> {
    let seen_at = backend.workload_at?;
    backend.workload.as_ref().filter(|_| now.since(seen_at) <= FRESH).map(|workload| workload.scale)
}

/// Ready instances, where the platform has counted them within the last half minute.
pub(super) fn ready(backend: &BackendState, now: Timestamp) -> Option<u32> {
    scale(backend, now)?.ready()
}

/// Whether anything of the last half minute shows that a backend of the route answers under the load that it has: requests straight to it,
/// its own counters, or what it answered through the front door. Whether it answers well enough is for the limits of the plan.
pub(super) fn answers(state: &State, now: Timestamp, route: &Route, id: &BackendId) -> bool {
    let clean = state.backends.get(id).is_some_and(|backend| probing(backend, now) == Probing::Clean);
    let counted = matches!(measured(state, now, id, Metric::ErrorRate), Some(Ok(sample)) if sample.requests > 0 && sample.value < 1.0);
    let through = || {
        let observed = state.routes.get(&route.id).and_then(|route| route.observed.as_ref());
        let mut looks = observed.into_iter().flat_map(|observed| observed.window.iter()).filter(|look| now.since(look.at) <= FRESH);
        looks.any(|look| look.failed == 0 && look.dropped == 0 && look.by_backend.get(id).is_some_and(|count| *count > 0))
    };
    clean || counted || front_door(state, route, id, now) == Word::Alive || through()
}

/// What one witness says of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Alive,
    Dead,
    /// It has not been asked, or what it was asked for it did not tell: that proves nothing.
    Silent,
}

/// From this failing share on a backend answers as good as nobody.
const DEAD_SHARE: f64 = 0.9;
/// Fewer answers are nobody's proof.
const ANSWERS_MIN: u64 = 3;

/// Fresh evidence that a backend answers nobody. What users meet speaks first: its own counters and the front door. Only where neither
/// says anything do probe and platform count, and both of them must agree, as far as both say something.
pub(super) fn proven_dead(state: &State, route: &Route, backend: &BackendId, now: Timestamp) -> bool {
    let Some(known) = state.backends.get(backend) else { return false };
    let users = [counters(state, backend, now), front_door(state, route, backend, now)];
    if users.iter().any(|word| *word != Word::Silent) {
        return agreed(users);
    }
    let probe = match probing(known, now) {
        Probing::Silent => Word::Silent,
        Probing::Clean | Probing::Faulty => Word::Alive,
        Probing::Dead => Word::Dead,
    };
    let platform = match ready(known, now) {
        None => Word::Silent,
        Some(0) => Word::Dead,
        Some(_) => Word::Alive,
    };
    agreed([probe, platform])
}

/// Somebody says dead and nobody says alive.
fn agreed(words: [Word; 2]) -> bool {
    words.contains(&Word::Dead) && !words.contains(&Word::Alive)
}

fn counters(state: &State, backend: &BackendId, now: Timestamp) -> Word {
    match measured(state, now, backend, Metric::ErrorRate) {
        Some(Ok(sample)) if sample.requests >= ANSWERS_MIN && sample.value < DEAD_SHARE => Word::Alive,
        Some(Ok(sample)) if sample.requests >= ANSWERS_MIN => Word::Dead,
        Some(Ok(_) | Err(_)) | None => Word::Silent,
    }
}

fn front_door(state: &State, route: &Route, backend: &BackendId, now: Timestamp) -> Word {
    let (good, bad) = state.routes.get(&route.id).map_or((0, 0), |known| known.front_door.freshly_met(route, backend, now));
    match (good, bad) {
        (1.., _) => Word::Alive,
        (0, ANSWERS_MIN..) => Word::Dead,
        (0, _) => Word::Silent,
    }
}

/// No direct request is answered, and no user shows the opposite: too little to prove anything, and enough to let nobody advance.
pub(super) fn answers_no_probe(state: &State, route: &Route, backend: &BackendId, now: Timestamp) -> bool {
    let probed = state.backends.get(backend).map(|known| probing(known, now));
    probed == Some(Probing::Dead) && !users_show_it_alive(state, route, backend, now)
}

fn users_show_it_alive(state: &State, route: &Route, backend: &BackendId, now: Timestamp) -> bool {
    counters(state, backend, now) == Word::Alive || front_door(state, route, backend, now) == Word::Alive
}

/// Direct requests of the last half minute that failed, of how many; none where all were answered as expected.
pub(super) fn failing_probe(backend: &BackendState, now: Timestamp) -> Option<(u64, u64)> {
    let probe = backend.probe.as_ref().filter(|probe| now.since(probe.at) <= FRESH)?;
    let failed = probe.failed.saturating_add(probe.dropped);
    (failed > 0).then_some((failed, probe.sent))
}

/// How many direct requests failed of how many, where all did and something answers them: nobody's proof that a backend is dead, and where
/// it has no users nobody's proof that it would serve them.
pub(super) fn every_probe_fails(state: &State, route: &Route, backend: &BackendId, now: Timestamp) -> Option<(u64, u64)> {
    let known = state.backends.get(backend)?;
    let (failed, sent) = failing_probe(known, now).filter(|_| probing(known, now) == Probing::Faulty)?;
    (failed >= sent && !users_show_it_alive(state, route, backend, now)).then_some((failed, sent))
}

/// Whether going home would send everybody from a backend that still answers some to a home that is proven dead.
pub(super) fn keeps_away_from_home(sight: &Sight, route: &Route, backend: &BackendId) -> bool {
    proven_dead(sight.state, route, &route.home, sight.now) && !proven_dead(sight.state, route, backend, sight.now)
}
