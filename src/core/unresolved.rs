//! Writes of the session's own whose outcome is not known: what they may make of a route yet, or have made of it already.
//!
//! A write that a rollback has overtaken is among them until its end is known, and so is one that a host had sent when it died. Each was
//! written against one version of the object: once that has another, it has happened or never will, and a look tells which.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        decision::Effect,
        state::{InFlight, State},
    },
    domain::{
        fault::Version,
        id::{BackendId, RouteId},
        time::Timestamp,
        weight::{PerMille, Weights},
    },
};

/// A write of ours that may still happen, because its outcome is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnresolvedWrite {
    pub from: Weights,
    pub to: Weights,
    /// What it was written against. Once the object has another version, the unresolved can't happen any more.
    pub version: Version,
    pub since: Timestamp,
}

/// The splits beside the one that is accepted that `route` may have, the newest last.
pub fn may_be<'a>(state: &'a State, route: &RouteId) -> Vec<&'a Weights> {
    let Some(known) = state.routes.get(route) else { return Vec::new() };
    let accepted = known.accepted.as_ref();
    let may_happen = |version: &Version| accepted.is_none_or(|accepted| accepted.version == *version);
    let wrote = |flight: &'a InFlight| match &flight.deal {
        Effect::Write { route: of, to, version, .. } if of == route => Some((to, version)),
        Effect::Write { .. }
        | Effect::Claim { .. }
        | Effect::Act { .. }
        | Effect::Read { .. }
        | Effect::Inject { .. }
        | Effect::Wake { .. } => None,
    };
    let unresolved = known.unresolved.iter().map(|write| (&write.to, &write.version));
    let writes = unresolved.chain(state.in_flight.values().filter_map(wrote));
    let mut found: Vec<&Weights> = Vec::new();
    for (to, version) in writes {
        if may_happen(version) && accepted.is_none_or(|accepted| accepted.weights != *to) && !found.contains(&to) {
            found.push(to);
        }
    }
    found
}

/// The most that `backend` may be given by such a write, where that is another share than the accepted one.
pub(super) fn may_be_given(state: &State, route: &RouteId, backend: &BackendId) -> Option<PerMille> {
    let accepted = state.routes.get(route)?.accepted.as_ref().map(|accepted| accepted.weights.of(backend));
    may_be(state, route).into_iter().map(|weights| weights.of(backend)).filter(|share| Some(*share) != accepted).max()
}
