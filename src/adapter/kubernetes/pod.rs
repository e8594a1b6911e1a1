//! One pod, cut down to a row of a table, in the words of `kubectl get pods`.
//!
//! The rules are those by which the API server itself prints a pod. Containers that are to run once come before the others: the first that
//! hasn't done so names the pod's status. A container among them that is restarted whenever it ends, a native sidecar, holds nobody up
//! once it has started, and is counted with the others from then on.

use jiff::Timestamp;
use serde::Deserialize;

use super::wire::{Condition, Kind, Meta};
use crate::adapter::lenient;
use crate::domain::{
    platform::{Containers, Pod, Readiness},
    shown::Shown,
    time,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "PodWire")]
pub(super) struct SlimPod {
    pub version: String,
    pub uid: String,
    pub name: String,
    /// The column STATUS.
    pub status: String,
    /// It gets traffic: its condition says ready, and nobody has asked it to go.
    pub ready: Readiness,
    /// The column READY.
    pub containers: Containers,
    pub restarts: u32,
    pub restarted_at: Option<Timestamp>,
    pub life: Life,
    pub node: String,
    pub created_at: Option<Timestamp>,
    /// Why it is not as it should be.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// On the way or running, and nothing is known to be wrong.
    Usual,
    /// It should run, and something keeps it from that.
    Troubled,
    /// It has run to its end, or was ended; it never comes back.
    Ended,
}

impl Kind for SlimPod {
    const PLURAL: &'static str = "pods";
    const PATH: (&'static str, &'static str) = ("/api/v1/namespaces/", "/pods");
    fn version(&self) -> &str {
        &self.version
    }
}

impl SlimPod {
    pub(super) fn told(&self) -> Pod {
        let at = |at: Timestamp| time::Timestamp(at.as_millisecond());
        Pod {
            name: Shown::new(&self.name),
            status: Shown::new(&self.status),
            ready: self.ready,
            containers: self.containers,
            restarts: self.restarts,
            restarted_at: self.restarted_at.map(at),
            node: Shown::new(&self.node),
            created_at: self.created_at.map(at),
            reason: self.reason.as_deref().map(Shown::new),
        }
    }
}

#[derive(Deserialize)]
struct PodWire {
    metadata: Meta,
    #[serde(default, deserialize_with = "lenient")]
    spec: PodSpec,
    #[serde(default, deserialize_with = "lenient")]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default, deserialize_with = "lenient")]
    node_name: String,
    #[serde(default, deserialize_with = "lenient")]
    init_containers: Vec<Container>,
    #[serde(default, deserialize_with = "lenient")]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default, deserialize_with = "lenient")]
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    restart_policy: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default, deserialize_with = "lenient")]
    phase: String,
    #[serde(default, deserialize_with = "lenient")]
    reason: String,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
    #[serde(default, deserialize_with = "lenient")]
    conditions: Vec<Condition>,
    #[serde(default, deserialize_with = "lenient")]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default, deserialize_with = "lenient")]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    #[serde(default, deserialize_with = "lenient")]
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    ready: bool,
    #[serde(default, deserialize_with = "lenient")]
    started: bool,
    #[serde(default, deserialize_with = "lenient")]
    restart_count: u32,
    #[serde(default, deserialize_with = "lenient")]
    state: ContainerState,
    #[serde(default, deserialize_with = "lenient")]
    last_state: ContainerState,
}

#[derive(Default, Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default, deserialize_with = "lenient")]
    reason: String,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
}

#[derive(Deserialize)]
struct Running {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    #[serde(default, deserialize_with = "lenient")]
    reason: String,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
    #[serde(default, deserialize_with = "lenient")]
    exit_code: i32,
    #[serde(default, deserialize_with = "lenient")]
    signal: i32,
    finished_at: Option<Timestamp>,
}

impl From<PodWire> for SlimPod {
    fn from(wire: PodWire) -> Self {
        let printed = Printed::of(&wire);
        let ready = wire.status.is_true("Ready") && wire.metadata.deletion_timestamp.is_none();
        let life = life(&wire, &printed.status);
        SlimPod {
            reason: if ready && life == Life::Usual { None } else { reason(&wire.status) },
            life,
            status: printed.status,
            ready: if ready { Readiness::Ready } else { Readiness::NotReady },
            containers: printed.containers,
            restarts: printed.restarts.count,
            restarted_at: printed.restarts.last,
            node: wire.spec.node_name,
            created_at: wire.metadata.creation_timestamp,
            uid: wire.metadata.uid,
            name: wire.metadata.name,
            version: wire.metadata.resource_version,
        }
    }
}

/// What the API server prints of a pod.
struct Printed {
    status: String,
    containers: Containers,
    restarts: Restarts,
}

#[derive(Clone, Copy, Default)]
struct Restarts {
    count: u32,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count = self.count.saturating_add(container.restart_count);
        self.last = self.last.max(container.last_state.terminated.as_ref().and_then(|end| end.finished_at));
    }
}

/// What the containers that run before the others came to.
struct Initial {
    /// The word of the first that has neither ended well nor stays as a sidecar.
    holds_up: Option<String>,
    ready: u32,
    all: Restarts,
    sidecars: Restarts,
}

impl Printed {
    fn of(pod: &PodWire) -> Printed {
        let PodStatus { phase, reason, conditions, container_statuses, .. } = &pod.status;
        let mut status = if reason.is_empty() { phase.clone() } else { reason.clone() };
        if conditions.iter().any(|condition| condition.kind == "PodScheduled" && condition.reason == "SchedulingGated") {
            "SchedulingGated".clone_into(&mut status);
        }
        let sidecars = pod.spec.init_containers.iter().filter(|container| container.is_sidecar()).count();
        let total = u32::try_from(pod.spec.containers.len() + sidecars).unwrap_or(u32::MAX);
        let initial = Initial::of(pod);
        let (mut ready, mut restarts) = (initial.ready, initial.all);
        let begun = initial.holds_up.is_none() || pod.status.is_true("Initialized");
        if let Some(word) = initial.holds_up {
            status = word;
        }
        if begun {
            restarts = initial.sidecars;
            let mut running = 0;
            // The first container's word is the one that stays.
            for container in container_statuses.iter().rev() {
                restarts.add(container);
                if let Some(word) = container.state.word() {
                    status = word;
                } else if container.ready && container.state.running.is_some() {
                    running += 1;
                }
            }
            ready += running;
            if status == "Completed" && running > 0 {
                status = if pod.status.is_true("Ready") { "Running" } else { "NotReady" }.to_owned();
            }
        }
        if pod.metadata.deletion_timestamp.is_some() {
            if reason == "NodeLost" {
                "Unknown".clone_into(&mut status);
            } else if !is_over(phase) {
                "Terminating".clone_into(&mut status);
            }
        }
        Printed { status, containers: Containers { ready, total }, restarts }
    }
}

impl Initial {
    fn of(pod: &PodWire) -> Initial {
        let all = &pod.spec.init_containers;
        let mut initial = Initial { holds_up: None, ready: 0, all: Restarts::default(), sidecars: Restarts::default() };
        for (place, container) in pod.status.init_container_statuses.iter().enumerate() {
            let is_sidecar = all.iter().any(|spec| spec.name == container.name && spec.is_sidecar());
            initial.all.add(container);
            if is_sidecar {
                initial.sidecars.add(container);
            }
            match &container.state {
                ContainerState { terminated: Some(end), .. } if end.exit_code == 0 => {}
                _ if is_sidecar && container.started => initial.ready += u32::from(container.ready),
                state => {
                    let word = state.word().filter(|word| word != "PodInitializing");
                    initial.holds_up = Some(word.map_or_else(|| format!("Init:{place}/{}", all.len()), |word| format!("Init:{word}")));
                    break;
                }
            }
        }
        initial
    }
}

impl Container {
    fn is_sidecar(&self) -> bool {
        self.restart_policy == "Always"
    }
}

impl PodStatus {
    fn is_true(&self, kind: &str) -> bool {
        self.conditions.iter().any(|condition| condition.kind == kind && condition.status == "True")
    }
}

impl ContainerState {
    /// Why it waits, or how it ended.
    fn word(&self) -> Option<String> {
        match (&self.waiting, &self.terminated) {
            (Some(waiting), _) if !waiting.reason.is_empty() => Some(waiting.reason.clone()),
            (_, Some(end)) if !end.reason.is_empty() => Some(end.reason.clone()),
            (_, Some(end)) if end.signal != 0 => Some(format!("Signal:{}", end.signal)),
            (_, Some(end)) => Some(format!("ExitCode:{}", end.exit_code)),
            (_, None) => None,
        }
    }
}

fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

fn life(pod: &PodWire, status: &str) -> Life {
    const USUAL: [&str; 7] = ["Running", "Pending", "ContainerCreating", "PodInitializing", "Terminating", "SchedulingGated", "Completed"];
    if is_over(&pod.status.phase) {
        return Life::Ended;
    }
    let initial = status.strip_prefix("Init:").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    if unscheduled(&pod.status).is_some() || !(USUAL.contains(&status) || initial) { Life::Troubled } else { Life::Usual }
}

/// Why no node takes it.
fn unscheduled(status: &PodStatus) -> Option<&str> {
    let scheduled = status.conditions.iter().find(|condition| condition.kind == "PodScheduled")?;
    (scheduled.status == "False" && scheduled.reason == "Unschedulable").then_some(scheduled.message.as_str())
}

/// The most exact word on what is wrong: a container's, else the pod's own, else that of the condition that isn't met.
fn reason(status: &PodStatus) -> Option<String> {
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    let exact = containers.filter_map(|container| {
        let told = match (&container.state.waiting, &container.state.terminated) {
            (Some(waiting), _) if !waiting.message.is_empty() => Some(waiting.message.clone()),
            (_, Some(end)) if end.exit_code != 0 => Some(ended(end)),
            (_, _) => None,
        };
        let before = container.last_state.terminated.as_ref().filter(|_| container.state.running.is_none()).map(ended);
        match (told, before) {
            (Some(told), Some(before)) => Some(format!("{told}; before that, {before}")),
            (told, before) => told.or(before),
        }
        .map(|text| if container.name.is_empty() { text } else { format!("{}: {text}", container.name) })
    });
    let own = (!status.message.is_empty()).then(|| status.message.clone());
    let unmet = status.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status == "False");
    let unmet = unmet.filter(|condition| !condition.message.is_empty()).map(|condition| condition.message.clone());
    let mut exact = exact;
    exact.next().or(own).or_else(|| unscheduled(status).filter(|text| !text.is_empty()).map(str::to_owned)).or(unmet)
}

fn ended(end: &Terminated) -> String {
    let how = if end.signal == 0 { format!("exit code {}", end.exit_code) } else { format!("signal {}", end.signal) };
    let reason = if end.reason.is_empty() { String::new() } else { format!("{}, ", end.reason) };
    let message = if end.message.is_empty() { String::new() } else { format!(": {}", end.message.trim()) };
    format!("{reason}{how}{message}")
}

#[cfg(test)]
mod tests;
