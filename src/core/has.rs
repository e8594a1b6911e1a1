//! What a backend has of a route's traffic, for faces: given by the weights, got as requests show, and the most that it may have.

use crate::{
    core::{
        evidence, exposure,
        state::{RouteState, Share, State},
    },
    domain::{
        id::{BackendId, RouteId},
        weight::PerMille,
    },
    plan::model::Route,
};

/// Three answers to "how much", which agree only once a move is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Has {
    /// What the API says; `None` while it was never read.
    pub given: Option<PerMille>,
    /// What requests show, with its band; `None` while there is no sample.
    pub gets: Option<Share>,
    /// The most that it may have, given or got.
    pub at_most: PerMille,
}

impl Has {
    /// Whether nobody can be there.
    pub fn is_nothing(&self) -> bool {
        self.at_most == PerMille::ZERO
    }
}

pub fn has(state: &State, route: &RouteId, backend: &BackendId) -> Has {
    let Some(known) = state.routes.get(route) else { return Has { given: None, gets: None, at_most: PerMille::ALL } };
    let seen = known.observed.as_ref().filter(|observed| observed.requests > 0 && state.now.since(observed.at) <= evidence::FRESH);
    Has {
        given: known.accepted.as_ref().map(|accepted| accepted.weights.of(backend)),
        gets: seen.and_then(|observed| observed.shares.get(backend)).copied(),
        at_most: exposure::has(known, state.now, backend),
    }
}

/// Everybody who is given or gets something and is not of the plan, by the name that the driver gives.
pub fn strangers<'a>(known: &'a RouteState, planned: &Route) -> Vec<&'a BackendId> {
    let given = known.accepted.iter().flat_map(|accepted| accepted.weights.iter()).filter(|(_, share)| *share > PerMille::ZERO);
    let given = given.map(|(id, _)| id);
    let got = known.observed.iter().flat_map(|observed| &observed.shares).filter(|(_, share)| share.fraction > 0.0).map(|(id, _)| id);
    let mut found: Vec<&BackendId> = given.chain(got).filter(|id| planned.backend(id).is_none()).collect();
    found.sort();
    found.dedup();
    found
}
