//! One pod, cut down to a row of a table, with the word that `kubectl get pods` would show for it.

use jiff::Timestamp;
use kube::core::ObjectMeta;
use serde::Deserialize;

use super::wire::{Condition, Meta};

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "PodWire")]
pub struct SlimPod {
    pub(super) metadata: ObjectMeta,
    pub uid: String,
    pub name: String,
    /// As `kubectl get pods` shows it.
    pub status: String,
    pub ready: bool,
    pub restarts: u32,
    pub node: String,
    pub started_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct PodWire {
    metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default)]
    node_name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    phase: String,
    #[serde(default)]
    reason: String,
    start_time: Option<Timestamp>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Default, Deserialize)]
struct ContainerState {
    waiting: Option<Waiting>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    exit_code: i32,
}

impl From<PodWire> for SlimPod {
    fn from(wire: PodWire) -> Self {
        let status = status(&wire);
        let ready = wire.status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True");
        SlimPod {
            metadata: wire.metadata.thin(),
            status,
            ready: ready && wire.metadata.deletion_timestamp.is_none(),
            restarts: wire.status.container_statuses.iter().map(|container| container.restart_count).sum(),
            node: wire.spec.node_name,
            started_at: wire.status.start_time,
            uid: wire.metadata.uid,
            name: wire.metadata.name,
        }
    }
}

/// What `kubectl get pods` says under STATUS: the pod's phase, unless a container or the pod's end says something more exact.
fn status(pod: &PodWire) -> String {
    let PodStatus { phase, reason, init_container_statuses, container_statuses, .. } = &pod.status;
    if pod.metadata.deletion_timestamp.is_some() {
        return if reason == "NodeLost" { "Unknown".to_owned() } else { "Terminating".to_owned() };
    }
    let is_over = |state: &ContainerState| state.terminated.as_ref().is_some_and(|end| end.exit_code == 0);
    if let Some(place) = init_container_statuses.iter().position(|container| !is_over(&container.state)) {
        let container = &init_container_statuses[place].state;
        let word = container.ended_or_waiting().filter(|word| word != "PodInitializing");
        return word.map_or_else(|| format!("Init:{place}/{}", init_container_statuses.len()), |word| format!("Init:{word}"));
    }
    let exact = container_statuses.iter().find_map(|container| container.state.ended_or_waiting());
    exact.unwrap_or_else(|| if reason.is_empty() { phase.clone() } else { reason.clone() })
}

impl ContainerState {
    fn ended_or_waiting(&self) -> Option<String> {
        match (&self.waiting, &self.terminated) {
            (Some(waiting), _) if !waiting.reason.is_empty() => Some(waiting.reason.clone()),
            (_, Some(end)) if !end.reason.is_empty() => Some(end.reason.clone()),
            (_, Some(end)) => Some(format!("ExitCode:{}", end.exit_code)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: serde_json::Value) -> SlimPod {
        let metadata = json!({"name": "frontend-7d9-x1", "uid": "u1", "managedFields": [{"fieldsV1": {"f:spec": {}}}]});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status})).unwrap()
    }

    #[test]
    fn status_reads_as_kubectl_shows_it() {
        let waiting = |reason: &str| json!({"phase": "Running", "containerStatuses": [{"restartCount": 4, "state": {"waiting": {"reason": reason}}}]});
        assert_eq!(pod(waiting("CrashLoopBackOff")).status, "CrashLoopBackOff");
        assert_eq!(pod(waiting("CrashLoopBackOff")).restarts, 4);
        assert_eq!(pod(json!({"phase": "Pending"})).status, "Pending");
        assert_eq!(pod(json!({"phase": "Failed", "reason": "Evicted"})).status, "Evicted");
        let ended = json!({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]});
        assert_eq!(pod(ended).status, "OOMKilled");
        let initial =
            json!({"phase": "Pending", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 0}}}, {"state": {"running": {}}}]});
        assert_eq!(pod(initial).status, "Init:1/2");
        let running = pod(
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"state": {"running": {}}}]}),
        );
        assert_eq!((running.status.as_str(), running.ready), ("Running", true));
    }
}
