//! Where a plan's text speaks of something: line and column of the value behind some keys.

use crate::{
    domain::{
        id::{BackendId, InstanceId, RouteId, StepId, TriggerId},
        shown::Shown,
    },
    plan::{
        document::{self, Node, Place, Value},
        model::Plan,
    },
};

/// A plan with its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spots<'a> {
    plan: &'a Plan,
    text: &'a str,
}

enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> Spots<'a> {
    /// `text` is what `plan` was read from; without it nothing has a place.
    pub(super) fn new(plan: &'a Plan, text: &'a str) -> Spots<'a> {
        Spots { plan, text }
    }

    /// A key of a route, such as `driver`; the route itself where it is not there.
    pub(super) fn route(&self, id: &RouteId, key: &str) -> Option<Place> {
        let at = self.plan.routes.iter().position(|route| route.id == *id)?;
        self.find(&[Step::Key("routes"), Step::Item(at), Step::Key(key)])
    }

    /// The same of a backend.
    pub(super) fn backend(&self, id: &BackendId, key: &str) -> Option<Place> {
        let found = self.plan.routes.iter().enumerate().find_map(|(route, of)| {
            let backend = of.backends.iter().position(|backend| backend.id == *id)?;
            Some((route, backend))
        });
        let (route, backend) = found?;
        self.find(&[Step::Key("routes"), Step::Item(route), Step::Key("backends"), Step::Item(backend), Step::Key(key)])
    }

    /// A key of what the plan says of a cluster.
    pub(super) fn cluster(&self, name: &Shown, key: &str) -> Option<Place> {
        self.find(&[Step::Key("clusters"), Step::Key(name.as_str()), Step::Key(key)])
    }

    /// The same of a trigger.
    pub(super) fn trigger(&self, id: &TriggerId, key: &str) -> Option<Place> {
        let at = self.plan.triggers.iter().position(|trigger| trigger.id == *id)?;
        self.find(&[Step::Key("triggers"), Step::Item(at), Step::Key(key)])
    }

    pub(super) fn instance(&self, id: &InstanceId) -> Option<Place> {
        let database = self.plan.database.as_ref()?;
        match database.replicas.iter().position(|replica| replica == id) {
            Some(at) => self.find(&[Step::Key("database"), Step::Key("replicas"), Step::Item(at)]),
            None => self.find(&[Step::Key("database"), Step::Key("primary")]),
        }
    }

    /// A step of a phase.
    pub(super) fn step(&self, id: &StepId) -> Option<Place> {
        let found = self.plan.phases.iter().enumerate().find_map(|(phase, of)| {
            let step = of.steps.iter().position(|step| step.id == *id)?;
            Some((phase, step))
        });
        let (phase, step) = found?;
        self.find(&[Step::Key("phases"), Step::Item(phase), Step::Key("steps"), Step::Item(step)])
    }

    pub(super) fn project(&self) -> Option<Place> {
        self.find(&[Step::Key("project")])
    }

    /// The value as deep as the steps lead; nothing where the text is none.
    fn find(&self, steps: &[Step<'_>]) -> Option<Place> {
        let root = document::read(self.text).ok()?;
        let mut node: &Node = &root;
        for (done, step) in steps.iter().enumerate() {
            let next = match (step, &node.value) {
                (Step::Key(key), Value::Map(entries)) => entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.value),
                (Step::Item(at), Value::List(items)) => items.get(*at),
                (Step::Key(_) | Step::Item(_), _) => None,
            };
            match next {
                Some(next) => node = next,
                None if done == 0 => return None,
                None => break,
            }
        }
        Some(document::locate(self.text, node.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn what_a_plan_names_is_found_in_its_text() {
        let text = include_str!("../../../plans/hexproperty.yaml");
        let (plan, _) = plan::read(text.as_bytes()).unwrap();
        let spots = Spots::new(&plan, text);
        let line = |place: Option<Place>| text.lines().nth(place.unwrap().line - 1).unwrap().trim();
        assert_eq!(line(spots.route(&"frontend".parse().unwrap(), "front_door")), "front_door: https://api.hexproperty.com/");
        let probe = spots.backend(&"gke".parse().unwrap(), "probe");
        assert_eq!(line(probe), "probe: https://frontend-gke.hexproperty.com/health");
        assert_eq!(line(spots.trigger(&"p95-latency".parse().unwrap(), "metric")), "metric: p95_latency");
        assert_eq!(line(spots.instance(&"hexproperty-replica".parse().unwrap())), "replicas: [hexproperty-replica]");
        assert_eq!(line(spots.backend(&"gke".parse().unwrap(), "readings")), "- name: gke", "the backend, where it has no such key");
        assert_eq!(Spots::new(&plan, "").route(&"frontend".parse().unwrap(), "driver"), None);
    }
}
