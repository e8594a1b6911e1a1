//! Writes by people and tools: create, update, delete, each against a version if the writer names one.
//!
//! These are the only doors for writers outside the cluster's own controllers. They keep what no writer may
//! change (identity, birth, the part that the path does not mean) and answer with typed refusals that a server
//! turns into its status documents. Removing an owner removes what it owns; orphaning is possible,
//! foreground order and finalizers are not modelled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Kubernetes, admission,
    admission::Flaw,
    document::{self, owned_by, set, stamp, text},
    kubelet,
    resource::{Resource, Scope},
    status,
    store::Key,
};

/// Why a write was not done. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such object.
    #[error("{} \"{}\" not found", .0.resource.qualified(), .0.name)]
    NotFound(Key),
    /// The name is taken.
    #[error("{} \"{}\" already exists", .0.resource.qualified(), .0.name)]
    AlreadyExists(Key),
    /// The object is not the one, or not the version, that the writer read.
    #[error("Operation cannot be fulfilled on {} \"{}\": {reason}", key.resource.qualified(), key.name)]
    Conflict {
        /// The object.
        key: Key,
        /// What does not fit.
        reason: String,
    },
    /// The document is not acceptable.
    #[error("{} \"{}\" is invalid: {}", .key.resource.names().kind, .key.name, admission::summary(.flaws))]
    Invalid {
        /// The object.
        key: Key,
        /// Every flaw that was found.
        flaws: Vec<Flaw>,
    },
}

/// Which part of an object a write means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Metadata and spec; the status stays.
    Main,
    /// The status; everything else stays.
    Status,
}

/// What a deletion does with owned objects, and what it insists on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Seconds that pods get to stop; their own setting if absent.
    pub grace_s: Option<i64>,
    /// What becomes of owned objects.
    pub owned: Owned,
    /// The identity that the writer means, if it said one.
    pub uid: Option<String>,
    /// The version that the writer means, if it said one.
    pub version: Option<String>,
}

/// What becomes of the objects that a deleted one owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owned {
    /// They go as well.
    Removed,
    /// They stay, without an owner.
    Orphaned,
}

impl Kubernetes {
    /// Creates an object.
    ///
    /// # Errors
    /// [`Refusal`] when the name is taken, the namespace is missing or the document is not acceptable.
    pub fn create(&mut self, resource: Resource, namespace: &str, mut object: Value) -> Result<Arc<Value>, Refusal> {
        if document::name(&object).is_empty() && !text(&object, "/metadata/generateName").is_empty() {
            let name = format!("{}{}", text(&object, "/metadata/generateName"), self.new_suffix(5));
            set(&mut object, &["metadata", "name"], json!(name));
        }
        let key = Key::new(resource, namespace, document::name(&object));
        if resource.names().scope == Scope::Namespaced {
            let home = Key::new(Resource::Namespace, "", namespace);
            if self.store.get(&home).is_none() {
                return Err(Refusal::NotFound(home));
            }
            set(&mut object, &["metadata", "namespace"], json!(namespace));
        }
        if self.store.get(&key).is_some() {
            return Err(Refusal::AlreadyExists(key));
        }
        admission::fill(resource, &mut object);
        admission::check(&key, &object, None)?;
        set(&mut object, &["apiVersion"], json!(resource.api_version()));
        set(&mut object, &["kind"], json!(resource.names().kind));
        set(&mut object, &["metadata", "uid"], json!(self.new_uid()));
        set(&mut object, &["metadata", "creationTimestamp"], stamp(self.clock_ms));
        if counts_generations(resource) {
            set(&mut object, &["metadata", "generation"], json!(1));
        }
        if resource == Resource::Service {
            self.give_cluster_address(&mut object);
        }
        self.touch();
        if resource == Resource::Pod {
            set(&mut object, &["status"], json!({"phase": "Pending"}));
            kubelet::admit(self, object);
            return self.store.get(&key).cloned().ok_or(Refusal::NotFound(key));
        }
        Ok(self.store.put(key, object))
    }

    /// Keeps an object that was made elsewhere under this identity, as an API server keeps it whose writer drew no chance of this cluster's.
    pub fn admit(&mut self, resource: Resource, namespace: &str, uid: &str, mut object: Value) {
        admission::fill(resource, &mut object);
        set(&mut object, &["apiVersion"], json!(resource.api_version()));
        set(&mut object, &["kind"], json!(resource.names().kind));
        set(&mut object, &["metadata", "uid"], json!(uid));
        set(&mut object, &["metadata", "creationTimestamp"], stamp(self.clock_ms));
        set(&mut object, &["metadata", "generation"], json!(1));
        self.store.put(Key::new(resource, namespace, document::name(&object)), object);
    }

    /// Writes what a controller outside of the cluster says of an object; one that is gone has no status.
    pub fn tell_status(&mut self, key: &Key, status: Value) {
        if let Some(found) = self.store.get(key) {
            let mut next = Value::clone(found);
            next["status"] = status;
            self.store.put(key.clone(), next);
        }
    }

    /// Replaces one part of an object. A `resourceVersion` in the document has to be the present one.
    ///
    /// # Errors
    /// [`Refusal`] when the object is missing, has moved on, or the document is not acceptable.
    pub fn update(&mut self, key: &Key, mut object: Value, part: Part) -> Result<Arc<Value>, Refusal> {
        let Some(old) = self.store.get(key).cloned() else {
            return Err(Refusal::NotFound(key.clone()));
        };
        expect_version(key, &old, text(&object, "/metadata/resourceVersion"))?;
        let uid = document::uid(&object);
        if !uid.is_empty() && uid != document::uid(&old) {
            return Err(wrong_uid(key, uid, document::uid(&old)));
        }
        if part == Part::Status {
            let mut next = Value::clone(&old);
            next["status"] = object["status"].take();
            self.touch();
            return Ok(self.store.put(key.clone(), next));
        }
        for field in ["uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp"] {
            match old["metadata"].get(field) {
                Some(kept) => set(&mut object, &["metadata", field], kept.clone()),
                None => document::remove(&mut object, "/metadata", field),
            }
        }
        match old.get("status") {
            Some(status) => object["status"] = status.clone(),
            None => document::remove(&mut object, "", "status"),
        }
        set(&mut object, &["apiVersion"], json!(key.resource.api_version()));
        set(&mut object, &["kind"], json!(key.resource.names().kind));
        admission::fill(key.resource, &mut object);
        admission::check(key, &object, Some(&old))?;
        let written = self.replace_spec(key.clone(), object);
        if key.resource == Resource::Pod {
            status::write(self, key);
        }
        Ok(self.store.get(key).cloned().unwrap_or(written))
    }

    /// Deletes an object. The answer is its last state; a pod that stops first is still there for a while.
    ///
    /// # Errors
    /// [`Refusal`] when the object is missing or is not the one that the writer means.
    pub fn delete(&mut self, key: &Key, deletion: &Deletion) -> Result<Arc<Value>, Refusal> {
        let Some(old) = self.store.get(key).cloned() else {
            return Err(Refusal::NotFound(key.clone()));
        };
        if let Some(uid) = deletion.uid.as_deref().filter(|uid| *uid != document::uid(&old)) {
            return Err(wrong_uid(key, uid, document::uid(&old)));
        }
        expect_version(key, &old, deletion.version.as_deref().unwrap_or_default())?;
        self.touch();
        if key.resource == Resource::Pod {
            stop_pod(self, key, deletion.grace_s);
            return Ok(self.store.get(key).cloned().unwrap_or(old));
        }
        let last = self.store.remove(key).unwrap_or_else(|| Arc::clone(&old));
        match (deletion.owned, key.resource) {
            (Owned::Removed, Resource::Namespace) => self.empty_namespace(&key.name),
            (Owned::Removed, _) => self.remove_owned(&old, &key.namespace),
            (Owned::Orphaned, _) => self.orphan_owned(&old, &key.namespace),
        }
        Ok(last)
    }

    fn remove_owned(&mut self, owner: &Value, namespace: &str) {
        for key in self.owned(owner, namespace) {
            if key.resource == Resource::Pod {
                stop_pod(self, &key, None);
            } else if let Some(gone) = self.store.remove(&key) {
                self.remove_owned(&gone, namespace);
            }
        }
    }

    fn orphan_owned(&mut self, owner: &Value, namespace: &str) {
        for key in self.owned(owner, namespace) {
            let Some(found) = self.store.get(&key) else {
                continue;
            };
            let mut orphan = Value::clone(found);
            document::remove(&mut orphan, "/metadata", "ownerReferences");
            self.store.put(key, orphan);
        }
    }

    fn owned(&self, owner: &Value, namespace: &str) -> Vec<Key> {
        let uid = document::uid(owner);
        Resource::ALL
            .into_iter()
            .flat_map(|resource| self.store.list(resource, namespace).map(move |object| (resource, object)))
            .filter(|(_, object)| owned_by(object, uid))
            .map(|(resource, object)| Key::of(resource, object))
            .collect()
    }

    fn empty_namespace(&mut self, namespace: &str) {
        let inside: Vec<Key> = Resource::ALL
            .into_iter()
            .filter(|resource| resource.names().scope == Scope::Namespaced)
            .flat_map(|resource| self.store.list(resource, namespace).map(move |object| Key::of(resource, object)))
            .collect();
        for key in inside {
            self.runs.remove(&key);
            self.store.remove(&key);
        }
    }

    fn give_cluster_address(&mut self, service: &mut Value) {
        if !text(service, "/spec/clusterIP").is_empty() {
            return;
        }
        let address = format!("34.118.{}.{}", 224 + self.random.index(16), 2 + self.random.index(250));
        set(service, &["spec", "clusterIP"], json!(address));
        set(service, &["spec", "clusterIPs"], json!([address]));
    }
}

/// Marks a pod as stopping and tells its node; without a grace period it is gone at once.
pub(super) fn stop_pod(cluster: &mut Kubernetes, key: &Key, grace_s: Option<i64>) {
    let Some(pod) = cluster.store.get(key).cloned() else {
        return;
    };
    let grace_s = grace_s.unwrap_or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30));
    cluster.touch();
    if grace_s <= 0 {
        cluster.runs.remove(key);
        cluster.store.remove(key);
        return;
    }
    if pod["metadata"].get("deletionTimestamp").is_some() {
        return;
    }
    let mut marked = Value::clone(&pod);
    set(&mut marked, &["metadata", "deletionTimestamp"], stamp(cluster.clock_ms + grace_s * 1000));
    set(&mut marked, &["metadata", "deletionGracePeriodSeconds"], json!(grace_s));
    cluster.store.put(key.clone(), marked);
    kubelet::stop(cluster, key, grace_s * 1000);
}

/// How an owned object names the owner that controls it.
pub(super) fn owner_reference(resource: Resource, owner: &Value) -> Value {
    json!({
        "apiVersion": resource.api_version(),
        "kind": resource.names().kind,
        "name": document::name(owner),
        "uid": document::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

fn counts_generations(resource: Resource) -> bool {
    match resource {
        Resource::Deployment | Resource::ReplicaSet | Resource::EndpointSlice | Resource::HttpRoute => true,
        Resource::Namespace
        | Resource::Node
        | Resource::Service
        | Resource::Event
        | Resource::Pod
        | Resource::ConfigMap
        | Resource::Lease => false,
    }
}

fn expect_version(key: &Key, old: &Value, wanted: &str) -> Result<(), Refusal> {
    if wanted.is_empty() || wanted == text(old, "/metadata/resourceVersion") {
        return Ok(());
    }
    let reason = "the object has been modified; please apply your changes to the latest version and try again";
    Err(Refusal::Conflict { key: key.clone(), reason: reason.to_owned() })
}

fn wrong_uid(key: &Key, wanted: &str, found: &str) -> Refusal {
    let reason = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}");
    Refusal::Conflict { key: key.clone(), reason }
}
