//! When faults have stopped: everything agrees, or the state says what it waits for a human with (I19).

use cutover::core::state::{Motion, RouteState, State};
use cutover::domain::weight::Weights;

use super::{Check, require};

/// Whether `state` may rest like this, given what the object that holds the weights of each route really says.
pub(crate) fn settled(state: &State, truth: impl Fn(&str) -> Weights) -> Check {
    require(state.in_flight.is_empty(), "I19", || format!("still under way: {:?}", state.in_flight))?;
    for (id, route) in &state.routes {
        let told = |what: &str| format!("{id} {what} after the calm: {route:?}");
        let accepted = route.accepted.as_ref().map(|accepted| &accepted.weights);
        let truth = truth(id.as_str());
        require(accepted == Some(&truth), "I19", || told(&format!("believes {accepted:?} and stands at {truth}")))?;
        require(!route.motion.is_returning(), "I19", || told("is still on its way home"))?;
        require(route.unresolved.len() < 32, "I19", || told("has too many unresolved"))?;
        agrees_or_says_why(route, &told)?;
    }
    for (id, source) in &state.sources {
        require(source.fault.is_none(), "I19", || format!("{id} answers and is held for silent: {source:?}"))?;
    }
    Ok(())
}

fn agrees_or_says_why(route: &RouteState, told: &impl Fn(&str) -> String) -> Check {
    let accepted = route.accepted.as_ref().map(|accepted| &accepted.weights);
    if let Some(drift) = &route.drift {
        let at_odds = accepted == Some(&drift.found) && Some(&drift.expected) == route.wanted.as_ref();
        return require(at_odds, "I19", || told("tells of a drift that is none"));
    }
    match &route.motion {
        Motion::NeedsHuman { .. } => Ok(()),
        Motion::Settled => require(accepted == route.wanted.as_ref(), "I19", || told("is settled and not where it should be")),
        Motion::Unread | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) | Motion::Propagating { .. } => {
            require(false, "I19", || told("is neither settled nor says why"))
        }
    }
}
