//! Titles for people, by the names that the record holds.

use crate::{
    core::state::State,
    domain::{
        id::{BackendId, ItemId, RouteId, StepId, TriggerId},
        metric::Metric,
        weight::Weights,
    },
    plan::model::{Backend, Plan, Route, Trigger},
};

/// Where titles are looked up; without a plan, a name stands for itself.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    plan: Option<&'a Plan>,
}

impl<'a> Names<'a> {
    pub fn of(state: &'a State) -> Names<'a> {
        Names { plan: state.opened.as_ref().map(|opened| &*opened.plan) }
    }
    pub fn in_plan(plan: &'a Plan) -> Names<'a> {
        Names { plan: Some(plan) }
    }
    pub const fn unknown() -> Names<'static> {
        Names { plan: None }
    }

    fn planned(&self, id: &RouteId) -> Option<&'a Route> {
        self.plan?.routes.iter().find(|route| route.id == *id)
    }
    fn backend_planned(&self, id: &BackendId) -> Option<&'a Backend> {
        self.plan?.routes.iter().find_map(|route| route.backend(id))
    }
    pub(super) fn trigger_planned(&self, id: &TriggerId) -> Option<&'a Trigger> {
        self.plan?.triggers.iter().find(|trigger| trigger.id == *id)
    }

    pub fn route(&self, id: &RouteId) -> String {
        self.planned(id).map_or_else(|| id.to_string(), |route| route.title.to_string())
    }
    /// What commands call them.
    pub fn route_ids(&self) -> Vec<&'a str> {
        self.plan.iter().flat_map(|plan| &plan.routes).map(|route| route.id.as_str()).collect()
    }
    pub fn routes(&self, ids: &[RouteId]) -> String {
        ids.iter().map(|id| self.route(id)).collect::<Vec<_>>().join(" and ")
    }
    pub fn backend(&self, id: &BackendId) -> String {
        self.backend_planned(id).map_or_else(|| id.to_string(), |backend| backend.title.to_string())
    }
    pub fn item(&self, id: &ItemId) -> String {
        let item = self.plan.and_then(|plan| plan.checklist.iter().find(|item| item.id == *id));
        item.map_or_else(|| id.to_string(), |item| item.title.to_string())
    }
    pub fn step(&self, id: &StepId) -> String {
        self.plan.and_then(|plan| plan.step(id)).map_or_else(|| id.to_string(), |step| step.title.to_string())
    }
    /// What a trigger watches: `error rate of GKE`.
    pub fn watched(&self, id: &TriggerId) -> String {
        self.trigger_planned(id)
            .map_or_else(|| id.to_string(), |trigger| format!("{} of {}", trigger.metric, self.backend(&trigger.backend)))
    }
    /// The same as a heading: `GKE error rate`.
    pub fn watched_short(&self, id: &TriggerId) -> String {
        self.trigger_planned(id).map_or_else(|| id.to_string(), |trigger| format!("{} {}", self.backend(&trigger.backend), trigger.metric))
    }
    /// The measurement alone: `error rate`.
    pub fn metric(&self, id: &TriggerId) -> String {
        self.trigger_planned(id).map_or_else(|| id.to_string(), |trigger| trigger.metric.to_string())
    }
    /// A value of what a trigger watches, in its unit.
    pub fn value(&self, id: &TriggerId, value: f64) -> String {
        self.trigger_planned(id).map_or_else(|| value.to_string(), |trigger| trigger.metric.unit().show(value))
    }
    pub(super) fn figure(metric: Metric, value: f64) -> String {
        metric.unit().show(value)
    }

    /// Where a route stands, as one says it: the share of its target where it has two legs, else every share.
    pub fn split(&self, route: &RouteId, weights: &Weights) -> String {
        match self.planned(route) {
            Some(planned)
                if weights.iter().any(|(_, share)| share.get() > 0)
                    && weights.iter().all(|(id, share)| share.get() == 0 || *id == planned.home || *id == planned.target) =>
            {
                format!("{} on {}", weights.of(&planned.target), self.backend(&planned.target))
            }
            Some(_) | None => {
                let shares = weights.iter().filter(|(_, share)| share.get() > 0);
                let shares: Vec<_> = shares.map(|(id, share)| format!("{} {share}", self.backend(id))).collect();
                if shares.is_empty() { "every weight 0".to_owned() } else { shares.join(", ") }
            }
        }
    }
    /// Whether the plan of `route` could steer every share of `weights`.
    pub(super) fn is_planned(&self, route: &RouteId, weights: &Weights) -> bool {
        let planned = self.planned(route);
        planned.is_none_or(|planned| weights.iter().all(|(id, share)| share.get() == 0 || planned.backend(id).is_some()))
    }
    /// Whether `weights` give users to a backend that no route of the plan names.
    pub(super) fn has_strangers(&self, weights: &Weights) -> bool {
        self.plan.is_some() && weights.iter().any(|(id, share)| share.get() > 0 && self.backend_planned(id).is_none())
    }
    /// Whether some route has its home there.
    pub(super) fn is_home(&self, id: &BackendId) -> bool {
        self.plan.is_some_and(|plan| plan.routes.iter().any(|route| route.home == *id))
    }
    pub fn home(&self, route: &RouteId) -> String {
        self.planned(route).map_or_else(|| "home".to_owned(), |planned| self.backend(&planned.home))
    }
}
