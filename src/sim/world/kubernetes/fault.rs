//! What can be made to go wrong in the cluster: sick pods, dishonest watches, too many changes, huge objects.
//!
//! Sickness is spread over the pods that exist at any moment, so a replaced pod does not cure a deployment.
//! Faults of the network and of the API as a whole are not here; a server or a proxy in front can add them.

use serde_json::{Value, json};

use super::{
    Kubernetes, NAMESPACE,
    document::{self, set},
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

/// How watches behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFault {
    /// As they should.
    Honest,
    /// Open streams end without an error, and new ones end after their first quiet second.
    Closes,
    /// Streams stay open and nothing ever comes: no event, no bookmark.
    Mute,
    /// Bookmarks carry a version from before the last event.
    BookmarksRegress,
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
