//! What a question would be answered before anybody asks it: each reason against a move, and whether re-arming would end anything.
//!
//! It is said by the functions that answer, so that nothing is offered which would be refused, and nobody reads the reasons one by one.

use crate::{
    core::{decision::Refusal, latch, reason::Missing, sight::Sight, state::State, traffic},
    domain::{id::RouteId, weight::Weights},
};

/// Each reason for which a move of `route` to `to` would be refused now, as far as the route itself is concerned; the first is the one that
/// the answer would name.
pub fn refusals(state: &State, route: &RouteId, to: &Weights) -> Vec<Refusal> {
    let Some(sight) = Sight::of(state) else { return vec![Refusal::NotOpen] };
    sight.planned(route).map_or_else(Vec::new, |route| traffic::refusals(&sight, route, to))
}

/// Whether re-arming `route` would do something.
/// # Errors
/// Why it would not.
pub fn may_rearm(state: &State, route: &RouteId) -> Result<(), Refusal> {
    let sight = Sight::of(state).ok_or(Refusal::NotOpen)?;
    latch::may(&sight, sight.planned(route).ok_or(Refusal::Missing(Missing::Route))?)
}
