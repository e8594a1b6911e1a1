//! How much of a route's traffic a backend has, or may have at any moment.
//!
//! Accepted weights are not the whole truth: a write may be on its way, one that a rollback has overtaken or that a host had sent when it died
//! among them, and users may still meet what was before, for minutes after a change was accepted. A backend is *given* the largest share that is possible by the weights, and *gets* what requests show, with the
//! doubt that a sample leaves; nothing seen right after a change is what was before it. Rules that protect users ask for the larger of
//! the two; they never wait for certainty.

use crate::{
    core::{
        evidence,
        state::{Motion, RouteState, Share, State},
        unresolved,
    },
    domain::{
        id::{BackendId, RouteId},
        time::Timestamp,
        weight::{PerMille, WHOLE, Weights},
    },
};

/// The splits that may be in force now or soon by our own doing: accepted, on its way, or written without a known outcome.
pub(super) fn possible<'a>(state: &'a State, route: &RouteId) -> impl Iterator<Item = &'a Weights> {
    let known = state.routes.get(route);
    let under_way = known.and_then(|known| match &known.motion {
        Motion::Writing { to, .. } | Motion::Resolving { to, .. } | Motion::Propagating { to, .. } => Some(to),
        Motion::Returning(back) => Some(&back.to),
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => None,
    });
    let accepted = known.and_then(|known| known.accepted.as_ref()).map(|accepted| &accepted.weights);
    accepted.into_iter().chain(under_way).chain(unresolved::may_be(state, route))
}

/// The largest share that `backend` may be given. Everything, while nothing was ever read.
pub(super) fn given(state: &State, route: &RouteId, backend: &BackendId) -> PerMille {
    if state.routes.get(route).is_none_or(|known| known.accepted.is_none()) {
        return PerMille::ALL;
    }
    possible(state, route).map(|weights| weights.of(backend)).max().unwrap_or(PerMille::ALL)
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
pub(super) fn has(state: &State, route: &RouteId, backend: &BackendId) -> PerMille {
    let gets = state.routes.get(route).map_or(PerMille::ALL, |known| gets(known, state.now, backend));
    given(state, route, backend).max(gets)
}

/// Whether `backend` has no more than `most` per mille, as far as weights and requests can tell: one answer of thirty may be chance.
pub(super) fn is_within(state: &State, route: &RouteId, backend: &BackendId, most: u16) -> bool {
    let Some(known) = state.routes.get(route) else { return false };
    let fading = known.fading.get(backend).copied().unwrap_or(PerMille::ZERO);
    let seen = known.observed.as_ref().filter(|observed| state.now.since(observed.at) <= evidence::FRESH);
    let more = seen.and_then(|observed| observed.shares.get(backend)).is_some_and(|share| share.low * f64::from(WHOLE) > f64::from(most));
    given(state, route, backend).max(fading).get() <= most && !more
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
