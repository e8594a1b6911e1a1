//! How much of a route's traffic a backend has, or may have at any moment.
//!
//! Accepted weights are not the whole truth while a write is on its way or its outcome is unknown. Rules that protect users ask for the
//! largest share that is possible; they never wait for certainty.

use crate::{
    core::state::{Motion, RouteState},
    domain::{
        id::BackendId,
        weight::{PerMille, Weights},
    },
};

/// The splits that may be in force now or soon by our own doing: accepted, on its way, or written without a known outcome.
pub(super) fn possible(route: &RouteState) -> impl Iterator<Item = &Weights> {
    let under_way = match &route.motion {
        Motion::Writing { to, .. } | Motion::Resolving { to, .. } | Motion::Propagating { to, .. } => Some(to),
        Motion::Returning(back) => Some(&back.to),
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => None,
    };
    let accepted = route.accepted.iter().map(|accepted| &accepted.weights);
    accepted.chain(under_way).chain(route.strays.iter().map(|stray| &stray.to))
}

/// The largest share that `backend` may have. Everything, while nothing was ever read.
pub(super) fn most(route: &RouteState, backend: &BackendId) -> PerMille {
    if route.accepted.is_none() {
        return PerMille::ALL;
    }
    possible(route).map(|weights| weights.of(backend)).max().unwrap_or(PerMille::ALL)
}

/// The share that the API says `backend` has.
pub(super) fn accepted(route: &RouteState, backend: &BackendId) -> PerMille {
    route.accepted.as_ref().map_or(PerMille::ZERO, |accepted| accepted.weights.of(backend))
}
