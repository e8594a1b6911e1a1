//! What controllers have to look at after a span of changes.
//!
//! Controllers are level-triggered, so looking too often is harmless but costs time; a world that runs
//! thousands of migrations cannot look at everything after each change. A change concerns the object itself
//! and its owners, up to the deployment. When the history does not reach back, everything is concerned.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    document::{self, labels_match, list, text},
    resource::Resource,
    store::{Change, Key, Store},
};

/// The objects that controllers have to look at.
#[derive(Debug, Default)]
pub(super) struct Affected {
    pub deployments: BTreeSet<Key>,
    pub sets: BTreeSet<Key>,
    pub services: BTreeSet<Key>,
}

impl Affected {
    /// What is concerned by the changes after this version.
    pub(super) fn since(store: &Store, version: u64) -> Self {
        let mut affected = Self::default();
        match store.changes_after(version) {
            Ok(changes) => changes.for_each(|change| affected.add(store, change)),
            Err(_) => {
                let keys = |resource| store.list(resource, "").map(move |object| Key::of(resource, object)).collect();
                affected.deployments = keys(Resource::Deployment);
                affected.sets = keys(Resource::ReplicaSet);
                affected.services = keys(Resource::Service);
            }
        }
        affected
    }

    /// True when there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.deployments.is_empty() && self.sets.is_empty() && self.services.is_empty()
    }

    fn add(&mut self, store: &Store, change: &Change) {
        match change.key.resource {
            Resource::Deployment => drop(self.deployments.insert(change.key.clone())),
            Resource::ReplicaSet => self.add_set(&change.key, &change.object),
            Resource::Pod => {
                if let Some(set) = owner(&change.object, Resource::ReplicaSet) {
                    match store.get(&set) {
                        Some(object) => self.add_set(&set, object),
                        None => drop(self.sets.insert(set)),
                    }
                }
                let pods = || change.previous.iter().chain([&change.object]);
                let selects =
                    |service: &Value| pods().any(|pod| labels_match(service["spec"].get("selector"), pod["metadata"].get("labels")));
                let services = store.list(Resource::Service, &change.key.namespace).filter(|service| selects(service));
                self.services.extend(services.map(|service| Key::of(Resource::Service, service)));
            }
            Resource::Service => drop(self.services.insert(change.key.clone())),
            Resource::Namespace
            | Resource::Node
            | Resource::Event
            | Resource::ConfigMap
            | Resource::EndpointSlice
            | Resource::Lease
            | Resource::HttpRoute => {}
        }
    }

    fn add_set(&mut self, key: &Key, object: &Value) {
        self.sets.insert(key.clone());
        self.deployments.extend(owner(object, Resource::Deployment));
    }
}

/// The owner of this kind that controls the object.
fn owner(object: &Value, resource: Resource) -> Option<Key> {
    let kind = resource.names().kind;
    let reference = list(object, "/metadata/ownerReferences").iter().find(|reference| reference["kind"] == kind)?;
    Some(Key::new(resource, document::namespace(object), text(reference, "/name")))
}
