//! What the watches have shown so far, keyed by uid, so that any number of changes to one object takes the room of one.
//!
//! The Deployment is what everything rests on: while it can't be read, nothing is told. Pods and events are parts; one that can't be read is
//! named with its fault, and the rest is told.

use std::collections::BTreeMap;

use super::{
    fold::Folds,
    part::Seen,
    pod::{Life, SlimPod},
    wire::{SlimDeployment, SlimEvent, SlimRollout},
};
use crate::domain::{
    fact::Fact,
    fault::{Fault, FaultKind},
    id::BackendId,
    platform::{Ended, Part, Readiness, Rollout, RolloutStage, Scale, Unread, Workload},
    shown::Shown,
    time::Timestamp,
};

/// One step of one watch.
pub(super) enum Change {
    Deployment(Seen<SlimDeployment>),
    Pod(Seen<SlimPod>),
    Event(Seen<SlimEvent>),
}

/// What a step is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It changes what is told.
    News,
    /// It proves that what was told still holds.
    Proof,
    Nothing,
}

#[derive(Default)]
pub(super) struct Store {
    name: String,
    deployment: Option<SlimDeployment>,
    pods: Option<BTreeMap<String, SlimPod>>,
    folds: Folds,
    /// Why the Deployment can't be followed, if it can't.
    fault: Option<Fault>,
    unread: BTreeMap<Part, Fault>,
}

impl Store {
    pub(super) fn new(name: String) -> Store {
        Store { name, ..Store::default() }
    }

    /// Drops what was seen, but not which events were counted.
    pub(super) fn forget(&mut self) {
        (self.deployment, self.pods, self.fault) = (None, None, None);
        self.unread.clear();
    }

    /// The Deployment is known, and the pods were listed or can't be.
    pub(super) fn is_complete(&self) -> bool {
        self.deployment.is_some() && (self.pods.is_some() || self.unread.contains_key(&Part::Pods))
    }

    /// Why nothing can be told.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    pub(super) fn take_in(&mut self, change: Change) -> Worth {
        match change {
            Change::Deployment(seen) => self.take_in_deployment(seen),
            Change::Pod(seen) => self.take_in_pod(seen),
            Change::Event(seen) => self.take_in_event(seen),
        }
    }

    fn take_in_deployment(&mut self, seen: Seen<SlimDeployment>) -> Worth {
        let missing = || Fault::new(FaultKind::NotFound, format!("there is no deployment {} in its namespace", self.name));
        match seen {
            Seen::All(all) => match all.into_iter().next() {
                Some(deployment) => {
                    (self.deployment, self.fault) = (Some(deployment), None);
                    Worth::News
                }
                None => {
                    self.fault = Some(missing());
                    Worth::Nothing
                }
            },
            Seen::Applied(deployment) => {
                (self.deployment, self.fault) = (Some(deployment), None);
                Worth::News
            }
            Seen::Deleted(_) => {
                self.fault = Some(missing());
                Worth::Nothing
            }
            Seen::Alive if self.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::NotFound) => Worth::Nothing,
            Seen::Alive => {
                self.fault = None;
                Worth::Proof
            }
            Seen::Failed(fault) => {
                self.fault = Some(fault);
                Worth::Nothing
            }
        }
    }

    fn take_in_pod(&mut self, seen: Seen<SlimPod>) -> Worth {
        if !matches!(seen, Seen::Failed(_)) {
            self.unread.remove(&Part::Pods);
        }
        let pods = self.pods.get_or_insert_default();
        match seen {
            Seen::All(all) => *pods = all.into_iter().map(|pod| (pod.uid.clone(), pod)).collect(),
            Seen::Applied(pod) => {
                pods.insert(pod.uid.clone(), pod);
            }
            Seen::Deleted(pod) => {
                pods.remove(&pod.uid);
            }
            Seen::Alive => return Worth::Proof,
            Seen::Failed(fault) => {
                // Pods that may no longer be looked at are no longer known; others may be as they were a moment ago.
                if matches!(fault.kind, FaultKind::Forbidden | FaultKind::Denied) || pods.is_empty() {
                    self.pods = None;
                }
                return self.missed(Part::Pods, fault);
            }
        }
        Worth::News
    }

    fn take_in_event(&mut self, seen: Seen<SlimEvent>) -> Worth {
        if let Seen::Failed(fault) = seen {
            return self.missed(Part::Events, fault);
        }
        let healed = self.unread.remove(&Part::Events).is_some();
        let fresh = match seen {
            // Every event is counted, fresh or not.
            Seen::All(all) => all.into_iter().map(|event| self.counts(event)).filter(|fresh| *fresh).count() > 0,
            Seen::Applied(event) => self.counts(event),
            Seen::Deleted(event) => {
                self.folds.forget(&event.uid);
                return Worth::Nothing;
            }
            Seen::Alive => return if healed { Worth::News } else { Worth::Proof },
            Seen::Failed(_) => false,
        };
        if fresh || healed { Worth::News } else { Worth::Nothing }
    }

    fn missed(&mut self, part: Part, fault: Fault) -> Worth {
        let known = self.unread.insert(part.clone(), fault);
        if known.as_ref() == self.unread.get(&part) { Worth::Nothing } else { Worth::News }
    }

    fn counts(&mut self, event: SlimEvent) -> bool {
        self.is_ours(&event) && self.folds.take_in(event)
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

    /// The state as it is, and what has happened since the last time.
    pub(super) fn tell(&mut self, backend: &BackendId) -> Vec<Fact> {
        let Some(deployment) = &self.deployment else { return Vec::new() };
        let all = self.pods.iter().flat_map(BTreeMap::values);
        let (ended, mut living): (Vec<&SlimPod>, Vec<&SlimPod>) = all.partition(|pod| pod.life == Life::Ended);
        // What is wrong comes first, should there be more than are told.
        living.sort_by(|a, b| (a.ready == Readiness::Ready, &a.name).cmp(&(b.ready == Readiness::Ready, &b.name)));
        let rollout = rollout(deployment);
        let trouble = deployment.trouble.clone().or_else(|| half_done(deployment, &rollout));
        let trouble = trouble.or_else(|| pods_trouble(&living)).or_else(|| deployment.shortage.clone());
        let restarts = living.iter().fold(0_u32, |sum, pod| sum.saturating_add(pod.restarts));
        let (told, more) = living.split_at(living.len().min(Workload::PODS_MAX));
        let mut told = told.to_vec();
        told.sort_by(|a, b| a.name.cmp(&b.name));
        let workload = Workload {
            scale: Scale::Counted { ready: deployment.ready, desired: deployment.desired },
            restarts,
            version: Shown::new(tag(&deployment.image)),
            trouble: trouble.map(|text| Shown::new(&text)),
            pods: told.into_iter().map(SlimPod::told).collect(),
            pods_more: u32::try_from(more.len()).unwrap_or(u32::MAX),
            ended: folded(&ended),
            rollout: Some(rollout),
            revisions: Vec::new(),
            unread: self.unread.iter().map(|(part, fault)| Unread { part: part.clone(), fault: fault.clone() }).collect(),
        };
        let mut facts = vec![Fact::Workload { backend: backend.clone(), workload }];
        let happenings = self.folds.tell();
        if !happenings.is_empty() {
            facts.push(Fact::Happened { backend: backend.clone(), happenings });
        }
        facts
    }
}

/// As `kubectl rollout status` decides it, but for a pause, of which that command says nothing.
fn rollout(deployment: &SlimDeployment) -> Rollout {
    let SlimRollout { revision, updated, available, total, is_observed, is_paused, is_late } = deployment.rollout;
    let is_done = updated >= deployment.desired && total <= updated && available >= updated;
    let stage = match () {
        () if is_paused => RolloutStage::Paused,
        () if !is_observed => RolloutStage::Unobserved,
        () if is_late => RolloutStage::DeadlineExceeded,
        () if is_done => RolloutStage::Complete,
        () => RolloutStage::Progressing,
    };
    Rollout { revision, stage, updated, available, total }
}

/// A pause in the middle leaves two versions in front of users, and stays for as long as nobody ends it.
fn half_done(deployment: &SlimDeployment, rollout: &Rollout) -> Option<String> {
    let half = rollout.stage == RolloutStage::Paused && rollout.updated < deployment.desired.max(rollout.total);
    half.then(|| format!("the rollout is paused with {} of {} pods on the newest template", rollout.updated, deployment.desired))
}

/// `2 of 6 pods CrashLoopBackOff`, for what ails most of them.
fn pods_trouble(living: &[&SlimPod]) -> Option<String> {
    let mut counts: BTreeMap<&str, (usize, Option<&str>)> = BTreeMap::new();
    for pod in living.iter().filter(|pod| pod.life == Life::Troubled) {
        let (count, why) = counts.entry(&pod.status).or_default();
        *count += 1;
        *why = why.or(pod.reason.as_deref());
    }
    let (status, (count, why)) = counts.into_iter().max_by_key(|(_, (count, _))| *count)?;
    // A status that says nothing of what is wrong needs the reason.
    let why = why.filter(|_| matches!(status, "Pending" | "Running")).map_or_else(String::new, |why| format!(": {why}"));
    Some(format!("{count} of {} pods {status}{why}", living.len()))
}

/// Pods that ended alike are one line.
fn folded(ended: &[&SlimPod]) -> Vec<Ended> {
    let mut folds: BTreeMap<&str, Ended> = BTreeMap::new();
    for pod in ended {
        let newest_at = pod.created_at.map(|at| Timestamp(at.as_millisecond()));
        let reason = pod.reason.as_deref().map(Shown::new);
        let fold =
            folds.entry(&pod.status).or_insert_with(|| Ended { status: Shown::new(&pod.status), count: 0, reason: None, newest_at: None });
        fold.count = fold.count.saturating_add(1);
        if fold.reason.is_none() || newest_at > fold.newest_at {
            (fold.reason, fold.newest_at) = (reason, newest_at.max(fold.newest_at));
        }
    }
    folds.into_values().collect()
}

/// The tag or digest of an image; the whole name where it has neither.
fn tag(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once('@').or_else(|| last.split_once(':')).map_or(image, |(_, tag)| tag)
}

#[cfg(test)]
mod tests;
