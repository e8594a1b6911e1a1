//! What may be told of a backend as it is now: a figure while it is young enough, else why there is none. What is older than its own limit
//! says its age or is a gap, on every face alike.

use crate::{
    core::{
        evidence,
        state::{Observed, RouteState, State},
    },
    domain::{
        id::BackendId,
        metric::{Measured, Metric},
        time::Timestamp,
    },
};

/// The newest measurement as far as it is believed at `now`; `None` if there never was one.
pub fn measured(state: &State, now: Timestamp, backend: &BackendId, metric: Metric) -> Option<Measured> {
    evidence::measured(state, now, backend, metric)
}

/// Whether what a prober or a platform said at `at` says nothing of `now` any more.
pub fn is_old(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) > evidence::FRESH
}

/// What requests show of the split now; nothing while there is no sample or none that is young enough.
pub fn observed(known: &RouteState, now: Timestamp) -> Option<&Observed> {
    known.observed.as_ref().filter(|observed| observed.requests > 0 && !is_old(answered_at(observed), now))
}

/// When the newest answer came of what requests met. That somebody has looked since, and nothing answered, makes it no younger.
pub fn answered_at(observed: &Observed) -> Timestamp {
    observed.window.answered_at().unwrap_or(observed.at)
}
