//! A Kubernetes cluster in virtual time: objects, controllers that chase them, nodes that run pods.
//!
//! Objects live as documents in a versioned [`store`]; the controllers below are level-triggered as the real
//! ones are: they look at what is there and make the next small write. Everything that takes time has a due
//! moment and [`Kubernetes::tick`] goes from one moment to the next, so one long tick and many short ones
//! give the same cluster. There is no clock, no I/O and no chance outside the seed. Not modelled: networking,
//! real containers, authorization, quotas, and controllers other than those of deployments, replica sets,
//! endpoint slices and events.

pub mod admission;
mod affected;
pub mod deployment;
pub mod document;
mod ended;
pub mod endpoints;
pub mod event;
pub mod fault;
mod http_route;
pub mod kubelet;
pub mod logs;
pub mod replicaset;
pub mod resource;
pub mod rollout;
pub mod scheduler;
pub mod seed;
pub mod status;
pub mod store;
pub mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use self::{
    affected::Affected,
    document::number,
    fault::{EmptyLists, WatchFault},
    kubelet::{Runs, Stage},
    resource::Resource,
    store::{Key, Store},
};
use super::{pods::Running, random::Random};

/// The namespace of the product's workloads.
pub const NAMESPACE: &str = "hexproperty";

/// How long a controller takes to see a change.
const REACTION_MS: i64 = 40;

/// The cluster.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    clock_ms: i64,
    random: Random,
    store: Store,
    seen: u64,
    runs: Runs,
    pulled: BTreeSet<(String, String)>,
    controllers_due: Option<i64>,
    deadline_due: Option<i64>,
    sweep_due: Option<i64>,
    bad: BTreeMap<String, f64>,
    telling: event::Telling,
    traffic: BTreeMap<String, Vec<logs::Rate>>,
    watch_fault: WatchFault,
    /// Since when watches behave so.
    watch_fault_ms: i64,
    storm: Option<fault::Storm>,
    expiries: u64,
    /// Kinds that nobody may read.
    forbidden: BTreeSet<Resource>,
    /// Nobody may have a request passed on to a pod.
    pages_forbidden: bool,
    /// Kinds of which a policy refuses every change by a person or a program of theirs.
    guarded: BTreeSet<Resource>,
    empty_lists: EmptyLists,
    /// Deployments that somebody pauses once so many pods have the newest template.
    pauses: BTreeMap<String, i64>,
    /// Templates as they were before somebody changed them as a fault.
    released: BTreeMap<String, Value>,
}

impl Kubernetes {
    /// A calm cluster at this virtual time (milliseconds since the Unix epoch), with some days of history.
    #[must_use]
    pub fn new(now_ms: i64, seed: u64) -> Self {
        let mut random = Random::named(seed, "kubernetes");
        let first_version = 41_000_000 + random.bits() % 1_000_000;
        let mut cluster = Self {
            clock_ms: now_ms,
            random,
            store: Store::new(first_version),
            seen: first_version,
            runs: Runs::default(),
            pulled: BTreeSet::new(),
            controllers_due: None,
            deadline_due: None,
            sweep_due: None,
            bad: BTreeMap::new(),
            telling: event::Telling::Silent,
            traffic: BTreeMap::new(),
            watch_fault: WatchFault::Honest,
            watch_fault_ms: now_ms,
            storm: None,
            expiries: 0,
            forbidden: BTreeSet::new(),
            pages_forbidden: false,
            guarded: BTreeSet::new(),
            empty_lists: EmptyLists::Lists,
            pauses: BTreeMap::new(),
            released: BTreeMap::new(),
        };
        seed::furnish(&mut cluster, now_ms);
        cluster.tick(now_ms);
        cluster.store.forget();
        cluster.telling = event::Telling::Aloud;
        cluster
    }

    /// The same cluster with the same history, to which from now on something else happens by chance. Its Services are in no network endpoint
    /// groups: the names of those are the project's, and taken.
    #[must_use]
    pub fn fated(&self, seed: u64) -> Self {
        let mut twin = Self { random: Random::named(seed, "kubernetes"), ..self.clone() };
        let services: Vec<Value> = twin.store.list(Resource::Service, "").map(|service| (**service).clone()).collect();
        for mut service in services {
            if let Some(metadata) = service["metadata"].as_object_mut().filter(|metadata| metadata.contains_key("annotations")) {
                metadata.remove("annotations");
                twin.store.put(Key::of(Resource::Service, &service), service);
            }
        }
        twin.store.forget();
        twin
    }

    /// Moves the cluster to this virtual time; earlier times change nothing.
    pub fn tick(&mut self, now_ms: i64) {
        while let Some(due) = self.due_ms().filter(|due| *due <= now_ms) {
            self.clock_ms = self.clock_ms.max(due);
            self.act();
        }
        self.clock_ms = self.clock_ms.max(now_ms);
    }

    /// Virtual milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock_ms
    }

    /// How many pods of the deployment are ready; zero for one that does not exist.
    #[must_use]
    pub fn ready_pods(&self, deployment: &str) -> u32 {
        self.count(deployment, "/status/readyReplicas")
    }

    /// How many pods the deployment asks for; zero for one that does not exist.
    #[must_use]
    pub fn desired(&self, deployment: &str) -> u32 {
        self.count(deployment, "/spec/replicas")
    }

    /// Ready pods over desired pods, `0.0..=1.0`; zero when none are desired.
    #[must_use]
    pub fn ready_fraction(&self, deployment: &str) -> f64 {
        match self.desired(deployment) {
            0 => 0.0,
            desired => (f64::from(self.ready_pods(deployment)) / f64::from(desired)).min(1.0),
        }
    }

    /// The pods of the deployment whose container runs.
    #[must_use]
    pub fn running(&self, deployment: &str) -> Vec<Running> {
        let begins = format!("{deployment}-");
        let of_deployment = self.runs.all().filter(|(key, _)| key.namespace == NAMESPACE && key.name.starts_with(&begins));
        let running = of_deployment.filter_map(|(key, run)| {
            let is_ready = run.stage == Stage::Ready;
            Some(Running { name: key.name.clone(), started_ms: run.started_ms?, is_ready })
        });
        running.collect()
    }

    /// Asks for this many pods, as somebody with `kubectl scale` would. Unknown deployments are left alone.
    pub fn scale(&mut self, deployment: &str, replicas: u32) {
        let key = Key::new(Resource::Deployment, NAMESPACE, deployment);
        if let Some(found) = self.store.get(&key) {
            let mut wanted = Value::clone(found);
            wanted["spec"]["replicas"] = json!(replicas);
            self.replace_spec(key, wanted);
        }
    }

    /// The objects and their history.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn count(&self, deployment: &str, pointer: &str) -> u32 {
        let key = Key::new(Resource::Deployment, NAMESPACE, deployment);
        self.store.get(&key).map_or(0, |found| u32::try_from(number(found, pointer)).unwrap_or(0))
    }

    /// When something happens next by itself, virtual milliseconds since the Unix epoch.
    #[must_use]
    pub fn due_ms(&self) -> Option<i64> {
        let storm = self.storm.map(|storm| storm.due_ms);
        [self.controllers_due, self.deadline_due, self.sweep_due, storm, self.runs.due_ms()].into_iter().flatten().min()
    }

    /// Does the one thing that is due; pods before controllers, so that controllers see the newest state.
    fn act(&mut self) {
        let now = self.clock_ms;
        let is_due = |due: Option<i64>| due.is_some_and(|due| due <= now);
        if let Some(key) = self.runs.due(now).cloned() {
            kubelet::advance(self, &key);
        } else if is_due(self.controllers_due) {
            self.controllers_due = None;
            self.reconcile();
        } else if is_due(self.deadline_due) {
            self.deadline_due = None;
            for key in self.keys(Resource::Deployment) {
                rollout::write_status(self, &key);
            }
        } else if is_due(self.sweep_due) {
            event::sweep(self);
        } else if is_due(self.storm.map(|storm| storm.due_ms)) {
            fault::blow(self);
        }
    }

    /// Lets each controller look at what changed since it looked last; what they write is for the next time.
    fn reconcile(&mut self) {
        let start = self.store.version();
        for key in Affected::since(&self.store, self.seen).deployments {
            deployment::reconcile(self, &key);
        }
        for key in Affected::since(&self.store, self.seen).sets {
            replicaset::reconcile(self, &key);
        }
        fault::spread(self);
        for key in Affected::since(&self.store, self.seen).services {
            endpoints::reconcile(self, &key);
        }
        self.seen = start;
        if !Affected::since(&self.store, start).is_empty() {
            self.touch();
        }
    }

    /// Lets the controllers look again shortly.
    fn touch(&mut self) {
        let soon = self.clock_ms + REACTION_MS;
        self.controllers_due = Some(self.controllers_due.map_or(soon, |due| due.min(soon)));
    }

    fn keys(&self, resource: Resource) -> Vec<Key> {
        self.store.list(resource, "").map(|object| Key::of(resource, object)).collect()
    }

    /// Writes a document whose spec somebody changed: the generation counts it, and the controllers look.
    fn replace_spec(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        let changed = self.store.get(&key).is_some_and(|old| old["spec"] != object["spec"]);
        if changed && object["metadata"]["generation"].is_i64() {
            object["metadata"]["generation"] = json!(number(&object, "/metadata/generation") + 1);
        }
        self.touch();
        self.store.put(key, object)
    }

    fn new_uid(&mut self) -> String {
        self.random.uuid()
    }

    /// A random suffix as Kubernetes makes them: no vowels, nothing that reads like another sign.
    fn new_suffix(&mut self, length: usize) -> String {
        const SIGNS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(SIGNS[self.random.index(SIGNS.len())])).collect()
    }
}
