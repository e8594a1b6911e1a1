//! What a rule looks at without being able to change it: the plan, the state, and the session's time.
//!
//! What acts and what foretells ask the same functions; both hand them this.

use crate::{
    core::state::{RouteState, State},
    domain::{id::RouteId, time::Timestamp},
    plan::model::{Plan, Route, Trigger},
};

#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub plan: &'a Plan,
    pub state: &'a State,
    pub now: Timestamp,
}

impl<'a> Sight<'a> {
    /// `None` before the session has opened.
    pub(super) fn of(state: &'a State) -> Option<Sight<'a>> {
        Some(Sight { plan: &state.opened.as_ref()?.plan, state, now: state.now })
    }
    pub(super) fn planned(&self, id: &RouteId) -> Option<&'a Route> {
        self.plan.routes.iter().find(|route| route.id == *id)
    }
    pub(super) fn route(&self, route: &Route) -> &'a RouteState {
        self.state.routes.get(&route.id).expect("each route of the plan has a state since the session opened")
    }
    /// The route that a trigger guards, and where it stands.
    pub(super) fn route_of(&self, trigger: &Trigger) -> Option<(&'a Route, &'a RouteState)> {
        let route = self.planned(&trigger.route)?;
        Some((route, self.state.routes.get(&route.id)?))
    }
}
