//! Users who follow somebody else's change: it is accepted, and the edge takes its minutes as with a step of ours.
//!
//! Nobody has asked the session for it, so no motion of the route tells of it; all the same users move by themselves, and every face has to
//! say so. It is over once requests exclude what was before, or the plan's time to settle is.

use crate::{
    core::{
        reason::Mover,
        settle,
        state::{Motion, RouteState, State},
    },
    domain::{
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

/// Whose change users follow, to what, since when, and for how long at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Follows {
    /// As far as that is known.
    pub by: Option<Mover>,
    pub to: Weights,
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Follows {
    pub fn left(&self, now: Timestamp) -> Millis {
        self.until.since(now)
    }
}

/// The change that the users of `route` are following now, if they do and it is not the session's own move.
pub fn follows(state: &State, route: &Route) -> Option<Follows> {
    let known = state.routes.get(&route.id)?;
    let until = until(known, route).filter(|until| state.now < *until)?;
    Some(Follows { by: known.moved_by.clone(), to: known.accepted.as_ref()?.weights.clone(), since: known.changed_at?, until })
}

/// Until when users may still follow a change that no motion of the session tells of.
pub(super) fn until(known: &RouteState, route: &Route) -> Option<Timestamp> {
    let at_rest = match known.motion {
        Motion::Settled | Motion::NeedsHuman { .. } => true,
        Motion::Unread | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) | Motion::Propagating { .. } => false,
    };
    // Where nobody can be left where users were before, nobody follows anything.
    let given = known.accepted.as_ref().map(|accepted| &accepted.weights)?;
    let falls = known.fading.iter().any(|(id, old)| given.of(id) < *old);
    settle::pending_until(known, route.settle).filter(|_| at_rest && falls)
}
