//! The two platforms of the migration, and the health of one workload on one of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{shown::Shown, time::Timestamp};

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

/// What a platform says of the workload behind a backend. Counts are instances (Cloud Run) or pods (GKE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    pub desired: u32,
    pub ready: u32,
    /// Container restarts summed over the living pods; 0 where the platform does not tell.
    pub restarts: u32,
    /// The deployed version as the platform names it: a revision, an image tag.
    pub version: Shown,
    /// The platform's own word for what is wrong; `None` when it says that all is well.
    pub trouble: Option<Shown>,
    pub pods: Vec<Pod>,
}

/// One pod, slim: what a row of a table needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub name: Shown,
    /// `Running`, `Pending`, `CrashLoopBackOff` ...: what `kubectl get pods` shows under STATUS.
    pub status: Shown,
    pub ready: Readiness,
    pub restarts: u32,
    pub node: Shown,
    pub started_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    Ready,
    NotReady,
}

/// An event of the platform, as `kubectl get events` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    pub at: Timestamp,
    /// `Warning` or `Normal`.
    pub kind: Shown,
    pub reason: Shown,
    pub object: Shown,
    pub message: Shown,
    pub count: u32,
}
