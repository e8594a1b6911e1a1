//! What the watches have shown so far, keyed by uid, so that any number of changes to one object takes the room of one.

use std::collections::BTreeMap;

use kube::runtime::watcher::Event;

use super::{
    pod::SlimPod,
    wire::{SlimDeployment, SlimEvent},
};
use crate::domain::{
    fact::Fact,
    id::BackendId,
    platform::{Happening, Pod, Readiness, Workload},
    shown::Shown,
    time::Timestamp,
};

/// Pods that are told one by one; the counts are of all of them.
const PODS_TOLD_MAX: usize = 200;
/// Events told in one look; of more the newest.
const HAPPENINGS_MAX: usize = 50;
/// Events remembered as told; above that the memory is emptied and old ones may be told once more.
const TOLD_MAX: usize = 10_000;

/// One step of one watch.
pub enum Change {
    Deployment(Event<SlimDeployment>),
    Pod(Event<SlimPod>),
    Event(Event<SlimEvent>),
}

/// Whether a step changed anything that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Yes,
    No,
}

pub struct Store {
    name: String,
    deployment: Option<SlimDeployment>,
    pods: BTreeMap<String, SlimPod>,
    /// A list in progress; it replaces `pods` when it is whole, so that half a list never looks like an outage.
    listing: BTreeMap<String, SlimPod>,
    listed: bool,
    /// Uid and count of the events that were told.
    told: BTreeMap<String, u32>,
    fresh: Vec<Happening>,
}

impl Store {
    pub fn new(name: String) -> Store {
        Store {
            name,
            deployment: None,
            pods: BTreeMap::new(),
            listing: BTreeMap::new(),
            listed: false,
            told: BTreeMap::new(),
            fresh: Vec::new(),
        }
    }

    /// Drops what was seen, but not which events were told.
    pub fn forget(&mut self) {
        (self.deployment, self.listed) = (None, false);
        self.pods.clear();
        self.listing.clear();
    }

    /// The Deployment is known and the pods were listed whole.
    pub fn is_complete(&self) -> bool {
        self.deployment.is_some() && self.listed
    }

    /// The Deployment's version that was seen last.
    pub fn version(&self) -> Option<&str> {
        self.deployment.as_ref().map(|deployment| deployment.version.as_str())
    }

    pub fn take_in(&mut self, change: Change) -> Changed {
        match change {
            Change::Deployment(Event::Apply(deployment) | Event::InitApply(deployment)) => {
                self.deployment = Some(deployment);
                Changed::Yes
            }
            // One that was deleted, or is missing in a list, is not believed gone; the next read says what is true.
            Change::Deployment(Event::Delete(_) | Event::Init | Event::InitDone) => Changed::No,
            Change::Pod(event) => self.take_in_pod(event),
            Change::Event(Event::Apply(event) | Event::InitApply(event)) => self.take_in_event(event),
            Change::Event(Event::Delete(event)) => {
                self.told.remove(&event.uid);
                Changed::No
            }
            Change::Event(Event::Init | Event::InitDone) => Changed::No,
        }
    }

    fn take_in_pod(&mut self, event: Event<SlimPod>) -> Changed {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(pod) => {
                self.listing.insert(pod.uid.clone(), pod);
            }
            Event::InitDone => {
                self.pods = std::mem::take(&mut self.listing);
                self.listed = true;
                return Changed::Yes;
            }
            Event::Apply(pod) => {
                self.pods.insert(pod.uid.clone(), pod);
                return Changed::Yes;
            }
            Event::Delete(pod) => {
                self.pods.remove(&pod.uid);
                return Changed::Yes;
            }
        }
        Changed::No
    }

    fn take_in_event(&mut self, event: SlimEvent) -> Changed {
        if !self.is_ours(&event) || self.told.get(&event.uid) == Some(&event.count) {
            return Changed::No;
        }
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        self.told.insert(event.uid, event.count);
        let Some(at) = event.at else { return Changed::No };
        self.fresh.push(Happening {
            at: Timestamp(at.as_millisecond()),
            kind: Shown::new(&event.kind),
            reason: Shown::new(&event.reason),
            object: Shown::new(&format!("{}/{}", event.object_kind.to_ascii_lowercase(), event.object_name)),
            message: Shown::new(&event.message),
            count: event.count,
        });
        Changed::Yes
    }

    /// The Deployment itself, its ReplicaSets (`NAME-HASH`) and its pods (`NAME-HASH-RANDOM`); another one's name may begin alike.
    fn is_ours(&self, event: &SlimEvent) -> bool {
        let tail = event.object_name.strip_prefix(&self.name).unwrap_or("?");
        let dashes = tail.matches('-').count();
        match event.object_kind.as_str() {
            "Deployment" | "HorizontalPodAutoscaler" => tail.is_empty(),
            "ReplicaSet" => tail.starts_with('-') && dashes == 1,
            "Pod" => tail.starts_with('-') && dashes == 2,
            _ => false,
        }
    }

    /// The state as it is, and the events since the last time.
    pub fn tell(&mut self, backend: &BackendId) -> Vec<Fact> {
        let Some(deployment) = &self.deployment else { return Vec::new() };
        let mut pods: Vec<&SlimPod> = self.pods.values().collect();
        // What is wrong comes first, should there be more than are told.
        pods.sort_by(|a, b| (a.ready, &a.name).cmp(&(b.ready, &b.name)));
        let trouble = deployment.trouble.clone().or_else(|| pods_trouble(&pods));
        let workload = Workload {
            desired: deployment.desired,
            ready: deployment.ready,
            restarts: pods.iter().map(|pod| pod.restarts).sum(),
            version: Shown::new(tag(&deployment.image)),
            trouble: trouble.map(|text| Shown::new(&text)),
            pods: pods.into_iter().take(PODS_TOLD_MAX).map(told_pod).collect(),
        };
        let mut facts = vec![Fact::Workload { backend: backend.clone(), workload }];
        let mut happenings = std::mem::take(&mut self.fresh);
        if !happenings.is_empty() {
            happenings.sort_by_key(|happening| happening.at);
            let happenings = happenings.split_off(happenings.len().saturating_sub(HAPPENINGS_MAX));
            facts.push(Fact::Happened { backend: backend.clone(), happenings });
        }
        facts
    }
}

fn told_pod(pod: &SlimPod) -> Pod {
    Pod {
        name: Shown::new(&pod.name),
        status: Shown::new(&pod.status),
        ready: if pod.ready { Readiness::Ready } else { Readiness::NotReady },
        restarts: pod.restarts,
        node: Shown::new(&pod.node),
        started_at: pod.started_at.map(|at| Timestamp(at.as_millisecond())),
    }
}

/// `2 of 6 pods CrashLoopBackOff`, for the first status that no healthy pod passes through.
fn pods_trouble(pods: &[&SlimPod]) -> Option<String> {
    const USUAL: [&str; 7] = ["Running", "Pending", "ContainerCreating", "PodInitializing", "Terminating", "Succeeded", "Completed"];
    let odd = pods.iter().find(|pod| !USUAL.contains(&pod.status.as_str()) && !pod.status.starts_with("Init:"))?;
    let alike = pods.iter().filter(|pod| pod.status == odd.status).count();
    Some(format!("{alike} of {} pods {}", pods.len(), odd.status))
}

/// The tag or digest of an image; the whole name where it has neither.
fn tag(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once('@').or_else(|| last.split_once(':')).map_or(image, |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str, status: &str) -> SlimPod {
        serde_json::from_value(json!({"metadata": {"name": format!("frontend-7d9-{uid}"), "uid": uid}, "status": {"phase": status}}))
            .unwrap()
    }

    fn event(kind: &str, name: &str, count: u32) -> SlimEvent {
        serde_json::from_value(
            json!({"metadata": {"name": "e", "uid": name}, "involvedObject": {"kind": kind, "name": name}, "reason": "BackOff",
            "type": "Warning", "message": "restarting", "count": count, "lastTimestamp": "2026-11-23T22:00:00Z"}),
        )
        .unwrap()
    }

    fn store() -> Store {
        let mut store = Store::new("frontend".to_owned());
        let deployment = json!({"metadata": {"name": "frontend", "resourceVersion": "7"}, "spec": {"replicas": 2,
            "template": {"spec": {"containers": [{"image": "reg:5000/web/frontend:1.42.0"}]}}}, "status": {"readyReplicas": 2}});
        store.take_in(Change::Deployment(Event::Apply(serde_json::from_value(deployment).unwrap())));
        store
    }

    fn told(store: &mut Store) -> (Workload, Vec<Happening>) {
        let mut facts = store.tell(&"gke".parse().unwrap()).into_iter();
        let Some(Fact::Workload { workload, .. }) = facts.next() else { panic!("a workload comes first") };
        let Some(Fact::Happened { happenings, .. }) = facts.next() else { return (workload, Vec::new()) };
        (workload, happenings)
    }

    #[test]
    fn half_a_list_is_not_an_outage() {
        let mut store = store();
        assert!(!store.is_complete());
        for change in [Event::Init, Event::InitApply(pod("a", "Running")), Event::InitApply(pod("b", "Running")), Event::InitDone] {
            store.take_in(Change::Pod(change));
        }
        assert!(store.is_complete());
        store.take_in(Change::Pod(Event::Init));
        store.take_in(Change::Pod(Event::InitApply(pod("a", "Running"))));
        assert_eq!(told(&mut store).0.pods.len(), 2);
        store.take_in(Change::Pod(Event::InitDone));
        assert_eq!(told(&mut store).0.pods.len(), 1);
    }

    #[test]
    fn an_event_is_told_once_and_again_when_it_counts_up() {
        let mut store = store();
        for _ in 0..2 {
            store.take_in(Change::Event(Event::InitApply(event("Pod", "frontend-7d9-a", 1))));
        }
        assert_eq!(told(&mut store).1.len(), 1);
        assert_eq!(told(&mut store).1.len(), 0);
        store.take_in(Change::Event(Event::Apply(event("Pod", "frontend-7d9-a", 2))));
        assert_eq!(told(&mut store).1[0].count, 2);
    }

    #[test]
    fn events_of_others_are_left_alone() {
        let mut store = store();
        for (kind, name) in [("Pod", "backend-7d9-a"), ("Deployment", "frontend-v2"), ("ReplicaSet", "frontend-v2-7d9"), ("Node", "n1")] {
            assert_eq!(store.take_in(Change::Event(Event::Apply(event(kind, name, 1)))), Changed::No, "{name}");
        }
        assert_eq!(store.take_in(Change::Event(Event::Apply(event("ReplicaSet", "frontend-7d9", 1)))), Changed::Yes);
    }

    #[test]
    fn what_is_wrong_with_pods_is_trouble_and_comes_first() {
        let mut store = store();
        for change in [Event::Apply(pod("a", "Running")), Event::Apply(pod("b", "CrashLoopBackOff"))] {
            store.take_in(Change::Pod(change));
        }
        let workload = told(&mut store).0;
        assert_eq!(workload.trouble.unwrap().as_str(), "1 of 2 pods CrashLoopBackOff");
        assert_eq!((workload.version.as_str(), workload.desired, workload.ready), ("1.42.0", 2, 2));
    }
}
