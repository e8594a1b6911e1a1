//! The command that brings a route home without us, and those that do a step, from the plan alone: it can be shown while nothing answers, also from a journal.

use crate::{
    domain::{
        by_hand::{self, Leg, Lever, command},
        id::BackendId,
        shown::Shown,
        standing::Act,
        weight::PerMille,
    },
    plan::model::{
        Driver, Plan, Route,
        steps::{Desired, Step},
    },
};

impl Plan {
    /// One line for a shell that gives everything of `route` to its home.
    pub fn home_by_hand(&self, route: &Route) -> String {
        self.all_by_hand(route, &route.home)
    }

    /// The same for any backend of the route.
    pub fn all_by_hand(&self, route: &Route, to: &BackendId) -> String {
        let kubectl;
        let lever = match &route.driver {
            Driver::UrlMap(part) => Lever::UrlMap {
                project: self.project_of_map(part).as_str(),
                region: part.region.as_ref().map(Shown::as_str),
                url_map: part.url_map.as_str(),
                position: &part.position,
            },
            Driver::CloudRunRevisions { service } => {
                Lever::CloudRunRevisions { project: self.project.as_str(), region: self.region.as_str(), service: service.as_str() }
            }
            Driver::HttpRoute(part) => {
                kubectl = self.kubectl(&part.cluster);
                let (namespace, http_route) = (part.namespace.as_str(), part.http_route.as_str());
                Lever::HttpRoute { kubectl: &kubectl, namespace, http_route, rule: &part.rule }
            }
        };
        let share = |all| if all { PerMille::ALL } else { PerMille::ZERO };
        let legs = route.backends.iter().map(|backend| Leg { name: backend.target.as_str(), share: share(backend.id == *to) });
        let legs: Vec<Leg<'_>> = legs.collect();
        command(lever, &legs)
    }

    /// One line for a shell that does a step, or takes it back; nothing where no command does.
    pub fn step_by_hand(&self, step: &Step, act: Act) -> Option<String> {
        let project = self.project.as_str();
        match (&step.desired, act) {
            (Desired::SqlBackup { instance, .. }, Act::Run) => Some(by_hand::sql_backup(project, instance.as_str())),
            (Desired::SqlBackup { .. }, Act::Undo) => None,
            (Desired::SqlHighAvailability { instance }, act) => {
                Some(by_hand::sql_availability(project, instance.as_str(), act == Act::Run))
            }
            (Desired::SqlReplica { instance, primary, region, tier }, Act::Run) => {
                let region = region.as_ref().unwrap_or(&self.region);
                let names = (instance.as_str(), primary.as_str());
                Some(by_hand::sql_replica(project, names, region.as_str(), tier.as_ref().map(Shown::as_str)))
            }
            (Desired::GkeCluster(wanted), Act::Run) => Some(by_hand::gke_cluster(project, wanted)),
            (Desired::GkeCluster(_), Act::Undo) => None,
            (Desired::Address { name, region }, act) => {
                Some(by_hand::address(project, name.as_str(), region.as_ref().map(Shown::as_str), act == Act::Run))
            }
            (Desired::HomeFloor { service, region, instances, afterwards }, act) => {
                let region = region.as_ref().unwrap_or(&self.region);
                let floor = if act == Act::Run { *instances } else { *afterwards };
                Some(by_hand::run_floor(project, (service.as_str(), region.as_str()), floor))
            }
            (Desired::SqlReplica { instance, .. }, Act::Undo) => Some(by_hand::sql_delete(project, instance.as_str())),
        }
    }
}
