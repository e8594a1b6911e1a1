//! What can be made to go wrong in the cluster: sick pods, dishonest watches, too many changes, huge objects.
//!
//! Sickness is spread over the pods that exist at any moment, so a replaced pod does not cure a deployment.
//! Faults of the network and of the API as a whole are not here; a server or a proxy in front can add them.

use serde_json::{Value, json};

use super::{
    Kubernetes, NAMESPACE,
    document::{self, set},
    ended,
    kubelet::{self, Stage},
    resource::Resource,
    store::Key,
};

/// The annotation that makes a deployment huge.
const BALLAST: &str = "hexproperty.com/ballast";

/// How a pod is ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sickness {
    /// It runs, but its readiness probe fails.
    NotReady,
    /// Its container exits with an error soon after each start.
    Crashes,
}

/// How a list without items is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyLists {
    /// As a list without items.
    Lists,
    /// As `null`, as some servers and proxies do it.
    Nulls,
}

/// How watches behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFault {
    /// As they should.
    Honest,
    /// Open streams end without an error, and new ones end after their first quiet second.
    Closes,
    /// Streams stay open and nothing ever comes: no event, no bookmark.
    Mute,
    /// Streams that are open now stay open and nothing ever comes, as behind a connection that died without a word; new ones are honest.
    Freezes,
    /// Bookmarks carry a version from before the last event.
    BookmarksRegress,
}

/// What open watches tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    version: u64,
    expiries: u64,
    fault: WatchFault,
    fault_ms: i64,
}

impl Kubernetes {
    /// Makes this share (`0.0..=1.0`) of the deployment's pods ill, at least one unless it is zero; about half of
    /// them fail their readiness probe, the others crash. Zero heals.
    pub fn set_bad_pods(&mut self, deployment: &str, fraction: f64) {
        self.bad.insert(deployment.to_owned(), fraction.clamp(0.0, 1.0));
        spread(self);
    }

    /// Sets how watches behave from now on.
    pub fn set_watch_fault(&mut self, fault: WatchFault) {
        self.watch_fault = fault;
        self.watch_fault_ms = self.clock_ms;
    }

    /// Whether a stream that was opened then says nothing now.
    #[must_use]
    pub fn is_silent(&self, opened_ms: i64) -> bool {
        match self.watch_fault {
            WatchFault::Mute => true,
            WatchFault::Freezes => opened_ms <= self.watch_fault_ms,
            WatchFault::Honest | WatchFault::Closes | WatchFault::BookmarksRegress => false,
        }
    }

    /// What open watches tell of, time aside: one that has told of this has nothing new to tell until it differs.
    #[must_use]
    pub fn watched(&self) -> Watched {
        Watched { version: self.store.version(), expiries: self.expiries, fault: self.watch_fault, fault_ms: self.watch_fault_ms }
    }

    /// Takes the right to read a kind from everybody.
    pub fn forbid(&mut self, resource: Resource) {
        self.forbidden.insert(resource);
    }

    /// Whether objects of a kind may be read.
    #[must_use]
    pub fn may_read(&self, resource: Resource) -> bool {
        !self.forbidden.contains(&resource)
    }

    /// Takes the right to `pods/proxy` from everybody.
    pub fn forbid_pages(&mut self) {
        self.pages_forbidden = true;
    }

    /// Whether a request may be passed on to a pod, which is another right than to read it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !self.pages_forbidden
    }

    /// Has a policy refuse every change of a kind.
    pub fn guard(&mut self, resource: Resource) {
        self.guarded.insert(resource);
    }

    /// Whether a policy refuses changes of a kind.
    #[must_use]
    pub fn is_guarded(&self, resource: Resource) -> bool {
        self.guarded.contains(&resource)
    }

    /// Sets how lists without items are written.
    pub fn set_empty_lists(&mut self, empty: EmptyLists) {
        self.empty_lists = empty;
    }

    /// How lists without items are written.
    #[must_use]
    pub fn empty_lists(&self) -> EmptyLists {
        self.empty_lists
    }

    /// Gives the deployment's pods a container that starts before the others and is restarted whenever it ends: a native sidecar.
    pub fn add_sidecar(&mut self, deployment: &str) {
        self.retemplate(deployment, |template| {
            let sidecar = json!({
                "name": "cloud-sql-proxy",
                "image": "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.3",
                "restartPolicy": "Always",
            });
            set(template, &["spec", "initContainers"], json!([sidecar]));
        });
    }

    /// Begins a roll-over to a release, which somebody pauses when so many pods have it.
    pub fn pause_rollout(&mut self, deployment: &str, release: &str, updated: i64) {
        self.release(deployment, release);
        self.pauses.insert(deployment.to_owned(), updated);
    }

    /// Begins a roll-over to a release; one that the registry doesn't have gets stuck half-way.
    pub fn release(&mut self, deployment: &str, release: &str) {
        self.retemplate(deployment, |template| {
            let image = document::text(template, "/spec/containers/0/image").to_owned();
            let repository = image.rsplit_once(':').map_or(image.as_str(), |(repository, _)| repository);
            template["spec"]["containers"][0]["image"] = json!(format!("{repository}:{release}"));
        });
    }

    fn retemplate(&mut self, deployment: &str, change: impl FnOnce(&mut Value)) {
        let key = Key::new(Resource::Deployment, NAMESPACE, deployment);
        let Some(found) = self.store.get(&key) else { return };
        let mut next = Value::clone(found);
        self.released.entry(deployment.to_owned()).or_insert_with(|| next["spec"]["template"].clone());
        change(&mut next["spec"]["template"]);
        self.replace_spec(key, next);
    }

    /// How watches behave.
    #[must_use]
    pub fn watch_fault(&self) -> WatchFault {
        self.watch_fault
    }

    /// Forgets the history and tells every open watch that its version is gone: all have to list again.
    pub fn expire_watches(&mut self) {
        self.store.forget();
        self.expiries += 1;
    }

    /// How often watches were expired; a watch that sees this number move has to end with 410.
    #[must_use]
    pub fn expiries(&self) -> u64 {
        self.expiries
    }

    /// Changes pods of the product this often in a second (up to 1000), one after the other and to no effect, as a
    /// controller that has lost its mind does. Zero ends it.
    pub fn set_storm(&mut self, changes_per_second: f64) {
        let calm = changes_per_second <= 0.0;
        self.storm = (!calm).then(|| Storm { every_ms: (1000.0 / changes_per_second.min(1000.0)) as i64, due_ms: self.clock_ms, beat: 0 });
    }

    /// Gives the deployment an annotation of this many bytes, as a careless tool does. Zero takes it away.
    pub fn inflate(&mut self, deployment: &str, bytes: usize) {
        let key = Key::new(Resource::Deployment, NAMESPACE, deployment);
        let Some(found) = self.store.get(&key) else { return };
        let mut next = Value::clone(found);
        match bytes {
            0 => document::remove(&mut next, "/metadata/annotations", BALLAST),
            bytes => set(&mut next, &["metadata", "annotations", BALLAST], json!("x".repeat(bytes))),
        }
        self.store.put(key, next);
    }

    /// Takes every fault away. Pods need their time to recover.
    pub fn calm(&mut self) {
        self.watch_fault = WatchFault::Honest;
        self.storm = None;
        self.forbidden.clear();
        self.pages_forbidden = false;
        self.guarded.clear();
        self.empty_lists = EmptyLists::Lists;
        self.pauses.clear();
        ended::collect(self);
        for (deployment, template) in std::mem::take(&mut self.released) {
            let key = Key::new(Resource::Deployment, NAMESPACE, &deployment);
            let Some(found) = self.store.get(&key) else { continue };
            let mut next = Value::clone(found);
            next["spec"]["template"] = template;
            document::remove(&mut next, "/spec", "paused");
            self.replace_spec(key, next);
        }
        for key in self.keys(Resource::Deployment) {
            self.inflate(&key.name, 0);
        }
        for fraction in self.bad.values_mut() {
            *fraction = 0.0;
        }
        spread(self);
    }
}

/// Changes that keep coming.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storm {
    pub every_ms: i64,
    pub due_ms: i64,
    beat: u64,
}

/// Makes the next change of the storm.
pub(super) fn blow(cluster: &mut Kubernetes) {
    let Some(mut storm) = cluster.storm else { return };
    let pods: Vec<Key> = cluster.store.list(Resource::Pod, NAMESPACE).map(|pod| Key::of(Resource::Pod, pod)).collect();
    if let Some(key) = pods.get(storm.beat as usize % pods.len().max(1))
        && let Some(found) = cluster.store.get(key)
    {
        let mut next = Value::clone(found);
        set(&mut next, &["metadata", "annotations", "hexproperty.com/beat"], json!(storm.beat.to_string()));
        cluster.store.put(key.clone(), next);
    }
    storm.beat += 1;
    storm.due_ms += storm.every_ms.max(1);
    cluster.storm = Some(storm);
}

/// Makes as many pods ill as the faults ask for, and heals the others.
pub(super) fn spread(cluster: &mut Kubernetes) {
    for (deployment, fraction) in cluster.bad.clone() {
        let pods = pods_of(cluster, &deployment);
        let whole = (fraction * pods.len() as f64).round() as usize;
        let wanted = if fraction > 0.0 { whole.max(1) } else { 0 };
        let (sick, well): (Vec<Key>, Vec<Key>) =
            pods.into_iter().partition(|key| cluster.runs.get(key).is_some_and(|run| run.sickness.is_some()));
        for key in sick.iter().skip(wanted) {
            kubelet::heal(cluster, key);
        }
        for (index, key) in well.iter().take(wanted.saturating_sub(sick.len())).enumerate() {
            let sickness = if (sick.len() + index).is_multiple_of(2) { Sickness::NotReady } else { Sickness::Crashes };
            kubelet::infect(cluster, key, sickness);
        }
        if fraction == 0.0 {
            cluster.bad.remove(&deployment);
        }
    }
}

/// The pods of a deployment that are not being stopped. They carry the label `app` of their deployment.
fn pods_of(cluster: &Kubernetes, deployment: &str) -> Vec<Key> {
    cluster
        .store
        .list(Resource::Pod, NAMESPACE)
        .filter(|pod| document::text(pod, "/metadata/labels/app") == deployment)
        .map(|pod| Key::of(Resource::Pod, pod))
        .filter(|key| cluster.runs.get(key).is_some_and(|run| run.stage != Stage::Stopping))
        .collect()
}
