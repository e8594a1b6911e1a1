//! The two platforms of the migration, and what each of them tells of the workload behind a backend.
//!
//! Platforms differ in what they tell: Kubernetes counts pods, Cloud Run names bounds and never a count. What isn't told stays untold
//! here, so that nobody can mistake a setting for an instance that answers.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::domain::{fault::Fault, shown::Shown, time::Timestamp, weight::PerMille};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    CloudRun,
    Gke,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Platform::CloudRun => "Cloud Run",
            Platform::Gke => "GKE",
        })
    }
}

/// Which of a GKE control plane's addresses is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Its IP address on the internet; of a cluster that has none, the one that GKE names in its stead.
    Public,
    /// Its IP address within the network.
    Private,
    /// Its name, which IAM alone guards and whose certificate a public authority has signed.
    Dns,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Endpoint::Public => "public",
            Endpoint::Private => "private",
            Endpoint::Dns => "DNS",
        })
    }
}

/// How many instances a platform keeps, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Pods, counted one by one.
    Counted { ready: u32, desired: u32 },
    /// The platform starts and stops instances by itself and doesn't tell how many there are.
    Automatic {
        /// Instances that stay although no request comes.
        min: u32,
        max: Option<u32>,
    },
    /// A person has set the number; how many of them are ready isn't told.
    Manual { instances: u32 },
    /// Switched off by a person: no instance, and none is started for a request.
    Off,
    #[default]
    Untold,
}

impl Scale {
    /// Ready instances, where somebody has counted them.
    pub fn ready(self) -> Option<u32> {
        match self {
            Scale::Counted { ready, .. } => Some(ready),
            Scale::Off => Some(0),
            Scale::Automatic { .. } | Scale::Manual { .. } | Scale::Untold => None,
        }
    }

    /// Instances that stay although no request comes; `None` where that isn't told.
    pub fn kept(self) -> Option<u32> {
        match self {
            Scale::Counted { desired, .. } => Some(desired),
            Scale::Automatic { min, .. } => Some(min),
            Scale::Manual { instances } => Some(instances),
            Scale::Off => Some(0),
            Scale::Untold => None,
        }
    }
}

/// What a platform says of the workload behind a backend.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Recorded")]
pub struct Workload {
    pub scale: Scale,
    /// Container restarts summed over the living pods; 0 where the platform does not tell.
    pub restarts: u32,
    /// The deployed version as the platform names it: a revision, an image tag.
    pub version: Shown,
    /// The platform's own word for what is wrong; `None` when it says that all is well.
    pub trouble: Option<Shown>,
    /// Living pods by name, at most [`Workload::PODS_MAX`]; of more, those that aren't ready are told first.
    pub pods: Vec<Pod>,
    /// Living pods that are counted and not told one by one.
    #[serde(skip_serializing_if = "is_zero")]
    pub pods_more: u32,
    /// Pods that have ended and that nobody has cleaned up, folded by what they ended with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Ended>,
    /// How far a Deployment is with its newest template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Revisions of a Cloud Run service that get traffic or are meant by the plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// What could not be read; the rest was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Workload {
    pub const PODS_MAX: usize = 200;

    /// Pods of one version, all of them counted and nothing else told.
    pub fn counted(ready: u32, desired: u32, version: &str) -> Workload {
        Workload { scale: Scale::Counted { ready, desired }, version: Shown::new(version), ..Workload::default() }
    }
}

/// A workload as journals hold it; the older ones have two counts and nothing else of its scale.
#[derive(Deserialize)]
struct Recorded {
    scale: Option<Scale>,
    ready: Option<u32>,
    desired: Option<u32>,
    #[serde(default)]
    restarts: u32,
    #[serde(default)]
    version: Shown,
    trouble: Option<Shown>,
    #[serde(default)]
    pods: Vec<Pod>,
    #[serde(default)]
    pods_more: u32,
    #[serde(default)]
    ended: Vec<Ended>,
    rollout: Option<Rollout>,
    #[serde(default)]
    revisions: Vec<Revision>,
    #[serde(default)]
    unread: Vec<Unread>,
}

impl From<Recorded> for Workload {
    fn from(recorded: Recorded) -> Workload {
        let Recorded { scale, ready, desired, restarts, version, trouble, pods, pods_more, ended, rollout, revisions, unread } = recorded;
        let counted = ready.zip(desired).map(|(ready, desired)| Scale::Counted { ready, desired });
        let scale = scale.or(counted).unwrap_or_default();
        Workload { scale, restarts, version, trouble, pods, pods_more, ended, rollout, revisions, unread }
    }
}

/// One pod, slim: what a row of a table needs, in the words of `kubectl get pods`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub name: Shown,
    /// `Running`, `Pending`, `CrashLoopBackOff` ...: the column STATUS.
    pub status: Shown,
    /// Whether it gets traffic.
    pub ready: Readiness,
    /// The column READY.
    #[serde(default)]
    pub containers: Containers,
    pub restarts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<Timestamp>,
    pub node: Shown,
    /// The column AGE counts from here.
    #[serde(alias = "started_at")]
    pub created_at: Option<Timestamp>,
    /// Why it is not as it should be, in the platform's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Shown>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    Ready,
    NotReady,
}

/// Ready containers of all that are to run for as long as the pod does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Containers {
    pub ready: u32,
    pub total: u32,
}

impl fmt::Display for Containers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.ready, self.total))
    }
}

/// Pods that ended alike: evicted, out of disk, completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// As `kubectl get pods` shows each of them.
    pub status: Shown,
    pub count: u32,
    /// What the platform says of the youngest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Shown>,
    /// When the youngest of them was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_at: Option<Timestamp>,
}

/// How far a Deployment is with its newest template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The template's number, as `kubectl rollout history` counts them.
    pub revision: Option<u64>,
    pub stage: RolloutStage,
    /// Pods of the newest template.
    pub updated: u32,
    /// Pods that have been ready for long enough, of any template.
    pub available: u32,
    /// Pods of all templates.
    pub total: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutStage {
    /// Every pod has the newest template and is available.
    Complete,
    /// The controller hasn't looked at the newest template yet.
    Unobserved,
    Progressing,
    /// A person has paused it.
    Paused,
    /// It has not moved for longer than its deadline allows.
    DeadlineExceeded,
}

/// One revision of a Cloud Run service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub name: Shown,
    /// What the service says that it sends there.
    pub share: PerMille,
    pub state: RevisionState,
    /// The words of the condition that isn't met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Shown>,
    /// Set at the revision itself; `None` where that isn't told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionState {
    Ready,
    Pending,
    Failed,
    Untold,
}

/// A part of what a platform could tell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    pub part: Part,
    pub fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Pods,
    Events,
    Revision(Shown),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Pods => f.write_str("pods"),
            Part::Events => f.write_str("events"),
            Part::Revision(name) => write!(f, "revision {name}"),
        }
    }
}

/// Events of the platform that say the same, as `kubectl get events` shows them, folded into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The newest time.
    pub at: Timestamp,
    /// `Warning` or `Normal`.
    pub kind: Shown,
    pub reason: Shown,
    /// The object that was meant last.
    pub object: Shown,
    /// As it was said last.
    pub message: Shown,
    /// How often in all since the source was first asked.
    pub count: u32,
    /// What is the same in all of them: the message without names and numbers. Empty in older journals, where nothing is folded.
    #[serde(default, skip_serializing_if = "Shown::is_empty")]
    pub shape: Shown,
    /// How many objects were meant; 0 where that isn't told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub objects: u32,
}

impl Happening {
    /// Whether both tell of the same kind of event: kind of object, reason and message but for names and numbers.
    pub fn is_like(&self, other: &Happening) -> bool {
        let object = |happening: &Happening| happening.object.as_str().split('/').next().unwrap_or_default().to_owned();
        !self.shape.is_empty()
            && (&self.kind, &self.reason, &self.shape) == (&other.kind, &other.reason, &other.shape)
            && object(self) == object(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_counts_of_an_older_journal_are_read() {
        let old = json!({"desired": 6, "ready": 5, "restarts": 1, "version": "1.42.0", "trouble": null, "pods": [
            {"name": "web-1", "status": "Running", "ready": "ready", "restarts": 1, "node": "n1", "started_at": 7}]});
        let workload: Workload = serde_json::from_value(old).unwrap();
        assert_eq!(workload.scale, Scale::Counted { ready: 5, desired: 6 });
        assert_eq!(workload.pods[0].created_at, Some(Timestamp(7)));
        let again: Workload = serde_json::from_value(serde_json::to_value(&workload).unwrap()).unwrap();
        assert_eq!(again, workload);
    }

    #[test]
    fn a_setting_is_no_count() {
        assert_eq!(Scale::Automatic { min: 2, max: Some(20) }.ready(), None);
        assert_eq!(Scale::Manual { instances: 3 }.ready(), None);
        assert_eq!((Scale::Off.ready(), Scale::Off.kept()), (Some(0), Some(0)));
        assert_eq!((Scale::Untold.ready(), Scale::Untold.kept()), (None, None));
    }
}
