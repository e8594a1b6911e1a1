//! What may be believed of a backend at this instant: a sample, or the reason why there is none.
//!
//! The newest value of a source counts only while the source answers and the value is young by the source's own clock. Nothing here
//! turns a gap into a number.

use crate::{
    core::state::{BackendState, State},
    domain::{
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
    /// Some failed.
    Faulty,
    /// None was answered as it should.
    Dead,
}

pub(super) fn probing(backend: &BackendState, now: Timestamp) -> Probing {
    match &backend.probe {
        Some(probe) if now.since(probe.at) <= FRESH && probe.sent > 0 => match probe.failed.saturating_add(probe.dropped) {
            0 => Probing::Clean,
            bad if bad >= probe.sent => Probing::Dead,
            _ => Probing::Faulty,
        },
        Some(_) | None => Probing::Silent,
    }
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
        let mut looks = observed.into_iter().flat_map(|observed| &observed.window).filter(|look| now.since(look.at) <= FRESH);
        looks.any(|look| look.failed == 0 && look.dropped == 0 && look.by_backend.get(id).is_some_and(|count| *count > 0))
    };
    clean || counted || through()
}

/// Fresh evidence that a backend answers nobody: no instance ready, or every direct request failed.
pub(super) fn proven_dead(backend: &BackendState, now: Timestamp) -> bool {
    ready(backend, now) == Some(0) || probing(backend, now) == Probing::Dead
}
