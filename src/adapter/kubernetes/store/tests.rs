//! What is told of objects as an API server describes them.

use serde_json::{Value, json};

use super::*;
use crate::domain::platform::Happening;

fn pod(uid: &str, phase: &str) -> SlimPod {
    described(uid, json!({"phase": phase}))
}

fn described(uid: &str, status: Value) -> SlimPod {
    let metadata = json!({"name": format!("frontend-7d9-{uid}"), "uid": uid, "creationTimestamp": "2026-11-20T01:00:00Z"});
    serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
}

fn event(kind: &str, name: &str, count: u32) -> SlimEvent {
    serde_json::from_value(
        json!({"metadata": {"name": "e", "uid": name}, "involvedObject": {"kind": kind, "name": name}, "reason": "BackOff",
        "type": "Warning", "message": "restarting", "count": count, "lastTimestamp": "2026-11-23T22:00:00Z"}),
    )
    .unwrap()
}

fn deployment(paused: bool, status: Value) -> SlimDeployment {
    let metadata =
        json!({"name": "frontend", "resourceVersion": "7", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "4"}});
    let spec = json!({"replicas": 2, "paused": paused, "template": {"spec": {"containers": [{"image": "reg:5000/web/frontend:1.42.0"}]}}});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
}

fn counts(replicas: u32, updated: u32, available: u32) -> Value {
    json!({"observedGeneration": 3, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": available, "availableReplicas": available})
}

fn store() -> Store {
    let mut store = Store::new("frontend".to_owned());
    store.take_in(Change::Deployment(Seen::All(vec![deployment(false, counts(2, 2, 2))])));
    store
}

fn told(store: &mut Store) -> (Workload, Vec<Happening>) {
    let mut facts = store.tell(&"gke".parse().unwrap()).into_iter();
    let Some(Fact::Workload { workload, .. }) = facts.next() else { panic!("a workload comes first") };
    let Some(Fact::Happened { happenings, .. }) = facts.next() else { return (workload, Vec::new()) };
    (workload, happenings)
}

fn forbidden() -> Fault {
    Fault::new(FaultKind::Forbidden, "events is forbidden")
}

#[test]
fn nothing_is_complete_before_the_pods_were_listed() {
    let mut store = store();
    assert!(!store.is_complete());
    store.take_in(Change::Pod(Seen::All(vec![pod("a", "Running"), pod("b", "Running")])));
    assert!(store.is_complete());
    assert_eq!(told(&mut store).0.pods.len(), 2);
    store.take_in(Change::Pod(Seen::All(vec![pod("a", "Running")])));
    assert_eq!(told(&mut store).0.pods.len(), 1);
}

#[test]
fn an_event_is_told_once_and_again_when_it_counts_up() {
    let mut store = store();
    store.take_in(Change::Event(Seen::All(vec![event("Pod", "frontend-7d9-a", 1), event("Pod", "frontend-7d9-a", 1)])));
    assert_eq!(told(&mut store).1.len(), 1);
    assert_eq!(told(&mut store).1.len(), 0);
    store.take_in(Change::Event(Seen::Applied(event("Pod", "frontend-7d9-a", 2))));
    assert_eq!(told(&mut store).1[0].count, 2);
}

#[test]
fn events_of_others_are_left_alone() {
    let mut store = store();
    for (kind, name) in [("Pod", "backend-7d9-a"), ("Deployment", "frontend-v2"), ("ReplicaSet", "frontend-v2-7d9"), ("Node", "n1")] {
        assert_eq!(store.take_in(Change::Event(Seen::Applied(event(kind, name, 1)))), Worth::Nothing, "{name}");
    }
    assert_eq!(store.take_in(Change::Event(Seen::Applied(event("ReplicaSet", "frontend-7d9", 1)))), Worth::News);
}

#[test]
fn what_is_wrong_with_pods_is_trouble() {
    let mut store = store();
    let crash = json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    store.take_in(Change::Pod(Seen::All(vec![pod("a", "Running"), described("b", crash)])));
    let workload = told(&mut store).0;
    assert_eq!(workload.trouble.unwrap().as_str(), "1 of 2 pods CrashLoopBackOff");
    assert_eq!((workload.version.as_str(), workload.scale), ("1.42.0", Scale::Counted { ready: 2, desired: 2 }));
}

#[test]
fn pods_that_ended_long_ago_are_one_line_and_no_trouble() {
    let mut store = store();
    let evicted = |uid: &str| {
        described(
            uid,
            json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.",
            "containerStatuses": [{"restartCount": 9, "state": {}}]}),
        )
    };
    let dead = (0..37).map(|number| evicted(&format!("dead{number}")));
    store.take_in(Change::Pod(Seen::All(dead.chain([pod("a", "Running"), pod("b", "Running")]).collect())));
    let workload = told(&mut store).0;
    assert_eq!((workload.pods.len(), workload.restarts, &workload.trouble), (2, 0, &None));
    let [ended] = &workload.ended[..] else { panic!("{:?}", workload.ended) };
    assert_eq!((ended.status.as_str(), ended.count), ("Evicted", 37));
    assert_eq!(ended.reason.as_ref().unwrap().as_str(), "The node was low on resource: memory.");
}

#[test]
fn a_part_that_may_not_be_read_is_named_and_the_rest_is_told() {
    let mut store = store();
    store.take_in(Change::Event(Seen::Failed(forbidden())));
    store.take_in(Change::Pod(Seen::All(vec![pod("a", "Running")])));
    let workload = told(&mut store).0;
    assert_eq!((workload.pods.len(), workload.unread.clone()), (1, vec![Unread { part: Part::Events, fault: forbidden() }]));
    assert_eq!(store.take_in(Change::Event(Seen::Failed(forbidden()))), Worth::Nothing);
    assert_eq!(store.take_in(Change::Event(Seen::All(Vec::new()))), Worth::News);
    assert_eq!(told(&mut store).0.unread, []);
    store.take_in(Change::Pod(Seen::Failed(forbidden())));
    assert!(store.is_complete());
    assert_eq!(told(&mut store).0.pods, []);
}

#[test]
fn a_rollout_is_as_far_as_kubectl_says() {
    let stage = |paused: bool, status: Value| {
        let mut store = store();
        store.take_in(Change::Deployment(Seen::Applied(deployment(paused, status))));
        let workload = told(&mut store).0;
        (workload.rollout.unwrap().stage, workload.trouble.map(|trouble| trouble.to_string()))
    };
    assert_eq!(stage(false, counts(2, 2, 2)), (RolloutStage::Complete, None));
    assert_eq!(stage(false, counts(3, 1, 2)), (RolloutStage::Progressing, None));
    assert_eq!(stage(false, counts(3, 2, 2)), (RolloutStage::Progressing, None));
    assert_eq!(stage(false, counts(2, 2, 1)), (RolloutStage::Progressing, None));
    assert_eq!(stage(false, json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2})).0, RolloutStage::Unobserved);
    assert_eq!(stage(true, counts(2, 2, 2)), (RolloutStage::Paused, None));
    let half = "the rollout is paused with 1 of 2 pods on the newest template".to_owned();
    assert_eq!(stage(true, counts(2, 1, 2)), (RolloutStage::Paused, Some(half)));
    let mut late = counts(3, 1, 2);
    late["conditions"] =
        json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "it timed out"}]);
    assert_eq!(stage(false, late), (RolloutStage::DeadlineExceeded, Some("ProgressDeadlineExceeded: it timed out".to_owned())));
}

#[test]
fn a_deployment_that_is_gone_is_a_fault_until_it_is_seen_again() {
    let mut store = store();
    store.take_in(Change::Deployment(Seen::Deleted(deployment(false, counts(2, 2, 2)))));
    store.take_in(Change::Deployment(Seen::Alive));
    assert_eq!(store.fault().unwrap().kind, FaultKind::NotFound);
    store.take_in(Change::Deployment(Seen::Applied(deployment(false, counts(2, 2, 2)))));
    assert_eq!(store.fault(), None);
}
