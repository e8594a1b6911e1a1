//! The replica set controller: as many pods as asked, made and removed one by one, and counted.
//!
//! Victims are chosen as the real controller does it: waiting before running, not ready before ready, younger
//! before older. It does not adopt pods that somebody else made.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, list, number, owned_by, set, stamp, text},
    ended::has_ended,
    event::{self, Note, Teller, Weight},
    kubelet,
    resource::Resource,
    store::Key,
    write,
};

/// Makes or removes pods until there are as many as asked, then writes the counts.
pub(super) fn reconcile(cluster: &mut Kubernetes, key: &Key) {
    let Some(set) = cluster.store.get(key).cloned() else {
        return;
    };
    let mut pods = active_pods(cluster, &set);
    let wanted = usize::try_from(number(&set, "/spec/replicas")).unwrap_or(0);
    for _ in pods.len()..wanted {
        create_pod(cluster, key, &set);
    }
    if pods.len() > wanted {
        pods.sort_by_key(|pod| (rank(pod), std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned())));
        for pod in &pods[..pods.len() - wanted] {
            let name = document::name(pod);
            tell(cluster, key, "SuccessfulDelete", format!("Deleted pod: {name}"));
            write::stop_pod(cluster, &Key::of(Resource::Pod, pod), None);
        }
    }
    write_counts(cluster, key);
}

/// The pods of this set that run or are on the way to it.
fn active_pods(cluster: &Kubernetes, set: &Value) -> Vec<Arc<Value>> {
    cluster
        .store
        .list(Resource::Pod, document::namespace(set))
        .filter(|pod| owned_by(pod, document::uid(set)) && pod["metadata"].get("deletionTimestamp").is_none() && !has_ended(pod))
        .cloned()
        .collect()
}

fn rank(pod: &Value) -> u8 {
    match (text(pod, "/spec/nodeName"), text(pod, "/status/phase"), document::condition(pod, "Ready")) {
        ("", _, _) => 0,
        (_, "Pending", _) => 1,
        (_, _, "True") => 3,
        (_, _, _) => 2,
    }
}

fn create_pod(cluster: &mut Kubernetes, key: &Key, set: &Value) {
    let name = format!("{}-{}", key.name, cluster.new_suffix(5));
    let template = &set["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "generateName": format!("{}-", key.name),
            "namespace": key.namespace,
            "uid": cluster.new_uid(),
            "creationTimestamp": stamp(cluster.clock_ms),
            "labels": template["metadata"]["labels"],
            "ownerReferences": [write::owner_reference(Resource::ReplicaSet, set)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    });
    if template["metadata"]["annotations"].is_object() {
        pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
    }
    kubelet::admit(cluster, pod);
    tell(cluster, key, "SuccessfulCreate", format!("Created pod: {name}"));
}

fn tell(cluster: &mut Kubernetes, key: &Key, reason: &'static str, message: String) {
    let note = Note { weight: Weight::Normal, reason, message, teller: Teller::ReplicaSets, field: String::new() };
    event::record(cluster, key, note);
}

fn write_counts(cluster: &mut Kubernetes, key: &Key) {
    let Some(found) = cluster.store.get(key).cloned() else {
        return;
    };
    let pods = active_pods(cluster, &found);
    let ready = pods.iter().filter(|pod| document::condition(pod, "Ready") == "True").count();
    let mut status = json!({"replicas": pods.len(), "observedGeneration": found["metadata"]["generation"]});
    if !pods.is_empty() {
        status["fullyLabeledReplicas"] = json!(pods.len());
    }
    if ready > 0 {
        status["readyReplicas"] = json!(ready);
        status["availableReplicas"] = json!(ready);
    }
    if !list(&found, "/status/conditions").is_empty() {
        status["conditions"] = found["status"]["conditions"].clone();
    }
    if found["status"] != status {
        let mut counted = Value::clone(&found);
        set(&mut counted, &["status"], status);
        cluster.store.put(key.clone(), counted);
    }
}
