//! The replica count of a workload as a document of its own, which is how `kubectl scale` changes it.
//!
//! It shares the version of the workload, so a stale count is refused like any stale write.

use serde_json::{Value, json};

use super::{
    Call,
    answer::{self, Failure, Reply},
    ownership, patch, write,
};
use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{number, text},
    store::Key,
    write::Part,
};

/// Reads or changes the replica count.
///
/// # Errors
/// 404 when there is no such workload, 405 for other verbs, and what the cluster refuses.
pub fn answer(cluster: &mut Kubernetes, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let old = cluster.store().get(key).cloned().ok_or_else(|| Failure::not_found(key))?;
    let wanted = match call.method.as_str() {
        "GET" => return Ok(answer::json(&document(&old))),
        "PUT" => write::read_body(call)?,
        "PATCH" => patch::apply(key, &document(&old), &call.content_type, &call.body)?,
        _ => return Err(Failure::method_not_allowed()),
    };
    let made = write::attempt(cluster, call, |cluster| {
        let mut next = Value::clone(&old);
        next["spec"]["replicas"] = wanted["spec"].get("replicas").cloned().unwrap_or(json!(0));
        next["metadata"]["resourceVersion"] = json!(text(&wanted, "/metadata/resourceVersion"));
        ownership::note(cluster, call, Some(&old), &mut next);
        cluster.update(key, next, Part::Main).map_err(Failure::from)
    })?;
    Ok(answer::json(&document(&made)))
}

fn document(workload: &Value) -> Value {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> =
        labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let metadata = &workload["metadata"];
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": workload["spec"]["replicas"]},
        "status": {"replicas": number(workload, "/status/replicas"), "selector": selector.join(",")},
    })
}
