//! How much of a route's traffic a backend has, or may have at any moment.
//!
//! Accepted weights are not the whole truth: a write may be on its way, and users may still meet what was before, for minutes after a
//! change was accepted. A backend is *given* the largest share that is possible by the weights, and *gets* what requests show, with the
//! doubt that a sample leaves; nothing seen right after a change is what was before it. Rules that protect users ask for the larger of
//! the two; they never wait for certainty.

use crate::{
    core::{
        evidence,
        state::{Motion, RouteState, Share},
    },
    domain::{
        id::BackendId,
        time::Timestamp,
        weight::{PerMille, WHOLE, Weights},
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
    accepted.chain(under_way).chain(route.unresolved.iter().map(|unresolved| &unresolved.to))
}

/// The largest share that `backend` may be given. Everything, while nothing was ever read.
pub(super) fn given(route: &RouteState, backend: &BackendId) -> PerMille {
    if route.accepted.is_none() {
        return PerMille::ALL;
    }
    possible(route).map(|weights| weights.of(backend)).max().unwrap_or(PerMille::ALL)
}

/// The largest share that `backend` may get by what is seen: the upper end of the band where it has answered within the newest window,
/// and what it had before the last change until requests have excluded that. Everything, while nothing was ever read.
pub(super) fn gets(route: &RouteState, now: Timestamp, backend: &BackendId) -> PerMille {
    if route.accepted.is_none() {
        return PerMille::ALL;
    }
    let fading = route.fading.get(backend).copied().unwrap_or(PerMille::ZERO);
    let seen = route.observed.as_ref().filter(|observed| now.since(observed.at) <= evidence::FRESH);
    let band = seen.and_then(|observed| observed.shares.get(backend)).filter(|share| share.fraction > 0.0);
    band.map_or(PerMille::ZERO, upper).max(fading)
}

/// The upper end of what is seen.
pub(super) fn upper(seen: &Share) -> PerMille {
    mille(seen.high)
}

/// A fraction in per mille, never rounded down.
pub(super) fn mille(fraction: f64) -> PerMille {
    PerMille::ZERO.saturating_add((fraction * f64::from(WHOLE)).ceil() as u16)
}

/// The largest share that `backend` may have, given or got. Whatever has any is judged.
pub(super) fn has(route: &RouteState, now: Timestamp, backend: &BackendId) -> PerMille {
    given(route, backend).max(gets(route, now, backend))
}

/// Whether `backend` has no more than `most` per mille, as far as weights and requests can tell: one answer of thirty may be chance.
pub(super) fn is_within(route: &RouteState, now: Timestamp, backend: &BackendId, most: u16) -> bool {
    let fading = route.fading.get(backend).copied().unwrap_or(PerMille::ZERO);
    let seen = route.observed.as_ref().filter(|observed| now.since(observed.at) <= evidence::FRESH);
    let more = seen.and_then(|observed| observed.shares.get(backend)).is_some_and(|share| share.low * f64::from(WHOLE) > f64::from(most));
    given(route, backend).max(fading).get() <= most && !more
}

/// The share that the API says `backend` has.
pub(super) fn accepted(route: &RouteState, backend: &BackendId) -> PerMille {
    route.accepted.as_ref().map_or(PerMille::ZERO, |accepted| accepted.weights.of(backend))
}

/// Whether `backend` holds everything and nobody else gets anything any more, in the plan or not.
pub(super) fn holds_all(route: &RouteState, now: Timestamp, backend: &BackendId) -> bool {
    let given = route.accepted.iter().flat_map(|accepted| accepted.weights.iter()).map(|(id, _)| id);
    let met = route.observed.iter().flat_map(|observed| observed.shares.keys());
    let others = given.chain(route.fading.keys()).chain(met);
    accepted(route, backend) == PerMille::ALL && others.filter(|id| *id != backend).all(|id| gets(route, now, id) == PerMille::ZERO)
}
