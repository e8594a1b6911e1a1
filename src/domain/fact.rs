//! What a sensor saw of the world: one observation of one source, with its time, or the fault that kept it from seeing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    answer::Answers,
    claim::Claimed,
    database::{Broken, Engine, Movement, Serving},
    fault::{Fault, Version},
    hindrance::Hindrance,
    id::{BackendId, InstanceId, RouteId, SourceId, StepId},
    metric::{Measured, Metric},
    platform::{Happening, Pod, Workload},
    shown::Shown,
    standing::Standing,
    table::Table,
    time::{Millis, Timestamp},
    weight::Weights,
};

/// One look at one source. The absence of an answer is news too, and comes as `Err`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub source: SourceId,
    /// When the look began, so that an answer can't be newer than it is.
    pub asked_at: Timestamp,
    /// Age from which this is stale, as the sensor documents it.
    pub stale_after: Millis,
    pub result: Result<Vec<Fact>, Fault>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// What the API that owns the split says it is.
    Accepted(Accepted),
    /// What requests through the front door really met.
    Served(Served),
    /// Requests sent straight to one backend.
    Probed(Probed),
    /// Figures of one backend.
    Measured {
        backend: BackendId,
        values: BTreeMap<Metric, Measured>,
    },
    /// The window over which a backend's figures are taken is not full: it is with the first look from then on.
    Filling {
        backend: BackendId,
        full_at: Timestamp,
    },
    /// What the platform says of one backend's workload.
    Workload {
        backend: BackendId,
        workload: Workload,
    },
    /// Events of the platform since the last look, oldest first.
    Happened {
        backend: BackendId,
        happenings: Vec<Happening>,
    },
    Replication(Replication),
    /// How the thing of a step of the plan stands.
    Step {
        step: StepId,
        standing: Standing,
    },
    /// What the session knows already, unchanged. Sensors never say it: the record does, to stay small.
    Same(Known),
    /// A workload of which some pods are others than those that the session knows. Said by the record only, as `Same` is.
    PodsChanged(PodsChanged),
}

/// A fact that the session knows already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    Accepted(RouteId),
    Workload(BackendId),
    Replication(InstanceId),
    Step(StepId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PodsChanged {
    pub backend: BackendId,
    /// Everything but the pods.
    pub workload: Workload,
    /// Where those that went, or are others now, stood in the list that is known; ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<u32>,
    /// Those that came, or are others now; ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<Placed>,
}

/// A pod and where it stands in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    pub at: u32,
    pub pod: Pod,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub route: RouteId,
    /// The whole split: a backend that the plan does not know stands in it under its own name, with its true share.
    pub weights: Weights,
    pub version: Version,
    /// Who changed it last, where the API tells.
    pub actor: Option<Shown>,
    pub changed_at: Option<Timestamp>,
    /// What stands against acting on this route, or against its users following it; empty when nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hindrances: Vec<Hindrance>,
    /// Which session steers it, by the object's own word at this version.
    #[serde(default, skip_serializing_if = "Claimed::is_untold")]
    pub claimed: Claimed,
}

impl Accepted {
    /// Whether the object has room for a claim beside what people wrote there.
    pub fn has_room(&self) -> bool {
        !self.hindrances.iter().any(|found| matches!(found, Hindrance::NoRoom { .. }))
    }
}

/// Counts since the last look; the prober keeps no window of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    pub route: RouteId,
    pub span: Millis,
    /// Requests answered by each backend, whatever the status, told by the answer itself.
    pub by_backend: Table<BackendId, u64>,
    /// What those answers were. Older records don't tell.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub answers: Table<BackendId, Answers>,
    /// Answers with a 5xx status, whoever gave them.
    pub failed: u64,
    /// Connections that ended without an answer.
    pub dropped: u64,
    /// Answers that did not say which backend gave them.
    pub unmarked: u64,
    /// What those were: the load balancer's own 502, as a rule.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub unmarked_answers: Answers,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    pub backend: BackendId,
    pub sent: u64,
    /// Answers that are not what the plan expects of this probe.
    pub failed: u64,
    pub dropped: u64,
    /// What all answers were. Older records don't tell; what failed there was a 5xx.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    /// Slowest answer in milliseconds; `None` when nothing was answered.
    pub slowest_ms: Option<f64>,
}

/// State of one database instance, from its own description and from what monitoring says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replication {
    pub instance: InstanceId,
    /// Whom it follows; `project/name` where that lies in another project than the instance.
    pub primary: Option<InstanceId>,
    pub state: ReplicaState,
    /// Whether the instance itself is up.
    #[serde(default)]
    pub serving: Serving,
    #[serde(default)]
    pub engine: Option<Engine>,
    /// Seconds behind the primary in all, as the engine defines it; a gap when it can't be known.
    pub lag: Measured,
    /// Bytes of log that are not applied yet, where the engine tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_bytes: Option<u64>,
    #[serde(default)]
    pub movement: Movement,
    pub writable: Writable,
    /// A running operation on the instance, if any.
    pub operation: Option<Shown>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaState {
    /// A replica that is receiving and applying, by its engine's own word.
    Replicating,
    /// A replica that stands still, because somebody stopped it or its instance is down; its lag means nothing.
    Stopped,
    /// A replica whose engine reports that it can't go on.
    Broken(Broken),
    /// A replica; its engine's word on whether it replicates could not be had.
    Untold,
    /// Not a replica: a primary of its own.
    Primary,
    /// It is not said what it is.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writable {
    AcceptsWrites,
    ReadOnly,
    Unknown,
}
