//! What a backend has of a route's traffic, for faces: given by the weights, got as requests show, and the most that it may have. And what
//! going home does to what users wrote meanwhile.

use crate::{
    core::{
        exposure, figures,
        replication::{Writers, writers},
        state::{RouteState, Share, State},
        unresolved,
    },
    domain::{
        id::{BackendId, RouteId},
        time::Millis,
        weight::PerMille,
    },
    plan::model::{DatabaseMode, Route},
};

/// Three answers to "how much", which agree only once a move is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Has {
    /// What the API says; `None` while it was never read.
    pub given: Option<PerMille>,
    /// What it may be given instead by a write of ours whose outcome is not known.
    pub or_given: Option<PerMille>,
    /// What requests show, with its band; `None` while there is no sample.
    pub gets: Option<Share>,
    /// The most that it may have, given or got.
    pub at_most: PerMille,
    /// For how long nobody has seen what requests show, where that is too long to speak of now.
    pub unseen_for: Option<Millis>,
}

impl Has {
    /// Whether nobody can be there.
    pub fn is_nothing(&self) -> bool {
        self.at_most == PerMille::ZERO
    }
}

pub fn has(state: &State, route: &RouteId, backend: &BackendId) -> Has {
    let Some(known) = state.routes.get(route) else {
        return Has { given: None, or_given: None, gets: None, at_most: PerMille::ALL, unseen_for: None };
    };
    let seen = figures::observed(known, state.now);
    let or_given = unresolved::may_be_given(state, route, backend);
    Has {
        given: known.accepted.as_ref().map(|accepted| accepted.weights.of(backend)),
        gets: seen.and_then(|observed| observed.shares.get(backend)).copied(),
        or_given,
        at_most: exposure::has(state, route, backend),
        unseen_for: known
            .observed
            .as_ref()
            .filter(|old| seen.is_none() && old.requests > 0)
            .map(|old| state.now.since(figures::answered_at(old))),
    }
}

/// Whether users are given to `backend`, or requests show some there: what it answered before neither was so is history.
pub fn is_reached(known: &RouteState, backend: &BackendId) -> bool {
    let given = known.accepted.as_ref().is_none_or(|accepted| accepted.weights.of(backend) > PerMille::ZERO);
    let got = known.observed.as_ref().and_then(|observed| observed.shares.get(backend));
    given || got.is_none_or(|got| got.fraction > 0.0)
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

/// What going home does to what users have written elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writes<'a> {
    /// Both platforms write to one primary, which accepts writes.
    Kept,
    /// They should, and it is not told that this primary, and it alone, accepts writes.
    Doubtful(Writers),
    /// Users may write to a backend that is not of the plan, and nobody knows to which database it does.
    Stranger(&'a BackendId),
    /// There is no database in the plan, or it may be another one at home.
    NotTold,
}

/// What going home does to the writes of the route's users; whom requests may still meet counts as well.
pub fn writes<'a>(state: &'a State, planned: &Route) -> Writes<'a> {
    let database = state.opened.as_ref().and_then(|opened| opened.plan.database.as_ref());
    let Some(known) = state.routes.get(&planned.id) else { return Writes::NotTold };
    let fading = known.fading.keys().find(|id| planned.backend(id).is_none());
    let shared = database.filter(|database| match database.mode {
        DatabaseMode::Shared => true,
        DatabaseMode::Switchover | DatabaseMode::Promote => false,
    });
    match (shared, strangers(known, planned).into_iter().next().or(fading)) {
        (Some(database), None) => match writers(database, state, state.now) {
            Writers::One(instance) if instance == database.primary => Writes::Kept,
            writers @ (Writers::Unknown | Writers::Nobody | Writers::One(_) | Writers::Several(_)) => Writes::Doubtful(writers),
        },
        (Some(_), Some(stranger)) => Writes::Stranger(stranger),
        (None, _) => Writes::NotTold,
    }
}
