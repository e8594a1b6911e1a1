//! Each row is a pod as an API server describes it, and the cells that the server prints for it.

use serde_json::{Value, json};

use super::*;

fn pod(spec: Value, status: Value) -> SlimPod {
    let metadata = json!({"name": "frontend-7d9-x1", "uid": "u1", "managedFields": [{"fieldsV1": {"f:spec": {}}}]});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
}

fn leaving(status: Value) -> SlimPod {
    let metadata = json!({"name": "frontend-7d9-x1", "uid": "u1", "deletionTimestamp": "2026-11-23T22:00:00Z"});
    serde_json::from_value(json!({"metadata": metadata, "spec": web(), "status": status})).unwrap()
}

fn web() -> Value {
    json!({"nodeName": "n1", "containers": [{"name": "web"}]})
}

/// READY, STATUS and RESTARTS.
fn cells(pod: &SlimPod) -> (String, &str, u32) {
    (pod.containers.to_string(), &pod.status, pod.restarts)
}

fn row(ready: &str, status: &'static str, restarts: u32) -> (String, &'static str, u32) {
    (ready.to_owned(), status, restarts)
}

fn ready(yes: &str) -> Value {
    json!([{"type": "Ready", "status": yes}, {"type": "Initialized", "status": "True"}])
}

fn running() -> Value {
    json!({"name": "web", "ready": true, "started": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-23T22:00:00Z"}}})
}

#[test]
fn a_running_pod_is_running() {
    let pod = pod(web(), json!({"phase": "Running", "conditions": ready("True"), "containerStatuses": [running()]}));
    assert_eq!(cells(&pod), row("1/1", "Running", 0));
    assert_eq!((pod.ready, pod.life, &pod.reason), (Readiness::Ready, Life::Usual, &None));
}

#[test]
fn what_a_container_waits_for_or_ended_with_comes_before_the_phase() {
    let with = |state: Value| {
        pod(
            web(),
            json!({"phase": "Running", "conditions": ready("False"), "containerStatuses": [{"name": "web", "restartCount": 4, "state": state}]}),
        )
    };
    let crash = with(json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}));
    assert_eq!(cells(&crash), row("0/1", "CrashLoopBackOff", 4));
    assert_eq!((crash.life, crash.reason.as_deref()), (Life::Troubled, Some("web: back-off 40s restarting failed container")));
    assert_eq!(with(json!({"waiting": {"reason": "ImagePullBackOff"}})).status, "ImagePullBackOff");
    assert_eq!(with(json!({"waiting": {"reason": "ContainerCreating"}})).life, Life::Usual);
    assert_eq!(with(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})).status, "OOMKilled");
    assert_eq!(with(json!({"terminated": {"exitCode": 3}})).status, "ExitCode:3");
    assert_eq!(with(json!({"terminated": {"exitCode": 137, "signal": 9}})).status, "Signal:9");
    assert_eq!(with(json!({})).status, "Running");
}

#[test]
fn the_first_container_s_word_is_the_pod_s() {
    let two = json!({"containers": [{"name": "web"}, {"name": "log"}]});
    let waits = |name: &str, reason: &str| json!({"name": name, "state": {"waiting": {"reason": reason}}});
    let both = pod(
        two.clone(),
        json!({"phase": "Pending", "containerStatuses": [waits("web", "ErrImagePull"), waits("log", "CreateContainerError")]}),
    );
    assert_eq!(cells(&both), row("0/2", "ErrImagePull", 0));
    let done = json!({"name": "log", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
    let status = |yes: &str| json!({"phase": "Running", "conditions": ready(yes), "containerStatuses": [running(), done]});
    assert_eq!(cells(&pod(two.clone(), status("True"))), row("1/2", "Running", 0));
    assert_eq!(cells(&pod(two, status("False"))), row("1/2", "NotReady", 0));
}

#[test]
fn a_native_sidecar_that_has_started_counts_and_holds_nobody_up() {
    let spec =
        json!({"initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}], "containers": [{"name": "web"}]});
    let done = json!({"name": "migrate", "restartCount": 2, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}});
    let proxy = json!({"name": "proxy", "ready": true, "started": true, "restartCount": 5, "state": {"running": {}},
        "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-11-23T21:00:00Z"}}});
    let healthy = pod(
        spec.clone(),
        json!({"phase": "Running", "conditions": ready("True"), "initContainerStatuses": [done, proxy], "containerStatuses": [running()]}),
    );
    assert_eq!(cells(&healthy), row("2/2", "Running", 5));
    assert_eq!((healthy.life, healthy.restarted_at.map(|at| at.to_string())), (Life::Usual, Some("2026-11-23T21:00:00Z".to_owned())));
    let starting = json!({"name": "proxy", "started": false, "state": {"running": {}}});
    let waits = json!({"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}});
    let early = pod(spec, json!({"phase": "Pending", "initContainerStatuses": [done, starting], "containerStatuses": [waits]}));
    assert_eq!((cells(&early), early.life), (row("0/2", "Init:1/2", 2), Life::Usual));
}

#[test]
fn initial_containers_name_what_they_wait_for() {
    let spec = json!({"initContainers": [{"name": "a"}, {"name": "b"}], "containers": [{"name": "web"}]});
    let with = |state: Value| {
        let done = json!({"name": "a", "state": {"terminated": {"exitCode": 0}}});
        pod(spec.clone(), json!({"phase": "Pending", "initContainerStatuses": [done, {"name": "b", "restartCount": 3, "state": state}]}))
    };
    assert_eq!(cells(&with(json!({"running": {}}))), row("0/1", "Init:1/2", 3));
    assert_eq!(with(json!({"waiting": {"reason": "PodInitializing"}})).status, "Init:1/2");
    let crash = with(json!({"waiting": {"reason": "CrashLoopBackOff"}}));
    assert_eq!((crash.status.as_str(), crash.life), ("Init:CrashLoopBackOff", Life::Troubled));
    assert_eq!(with(json!({"terminated": {"exitCode": 1, "reason": "Error"}})).status, "Init:Error");
    assert_eq!(with(json!({"terminated": {"exitCode": 2}})).status, "Init:ExitCode:2");
    assert_eq!(with(json!({"terminated": {"exitCode": 2, "signal": 11}})).status, "Init:Signal:11");
}

#[test]
fn the_end_of_a_pod_has_words_of_its_own() {
    let evicted = pod(web(), json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}));
    assert_eq!(cells(&evicted), row("0/1", "Evicted", 0));
    assert_eq!((evicted.life, evicted.reason.as_deref()), (Life::Ended, Some("The node was low on resource: memory.")));
    let completed = pod(
        web(),
        json!({"phase": "Succeeded", "containerStatuses": [{"name": "web", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}),
    );
    assert_eq!((completed.status.as_str(), completed.life), ("Completed", Life::Ended));
    assert_eq!(leaving(json!({"phase": "Running", "containerStatuses": [running()]})).status, "Terminating");
    assert_eq!(
        leaving(json!({"phase": "Running", "conditions": ready("True"), "containerStatuses": [running()]})).ready,
        Readiness::NotReady
    );
    assert_eq!(leaving(json!({"phase": "Running", "reason": "NodeLost"})).status, "Unknown");
    assert_eq!(leaving(json!({"phase": "Failed", "reason": "Evicted"})).status, "Evicted");
}

#[test]
fn a_pod_that_no_node_takes_says_why() {
    let gated =
        pod(web(), json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}));
    assert_eq!((gated.status.as_str(), gated.life), ("SchedulingGated", Life::Usual));
    let message = "0/9 nodes are available: 9 Insufficient cpu.";
    let waiting = pod(
        web(),
        json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}),
    );
    assert_eq!((waiting.status.as_str(), waiting.life, waiting.reason.as_deref()), ("Pending", Life::Troubled, Some(message)));
}

#[test]
fn null_lists_are_empty_lists() {
    let nulls = pod(
        json!({"nodeName": null, "containers": null, "initContainers": null}),
        json!({"phase": "Running", "reason": null, "conditions": null, "containerStatuses": null, "initContainerStatuses": null}),
    );
    assert_eq!(cells(&nulls), row("0/0", "Running", 0));
}
