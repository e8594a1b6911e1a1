//! What a deployment says about itself: counts, and the conditions that `rollout status` waits for.
//!
//! A roll-over makes progress when a count moves the right way; without progress for the deadline the
//! condition turns, and it turns back as soon as something moves again.

use serde_json::{Value, json};

use super::{
    Kubernetes, deployment,
    document::{self, list, number, set, set_condition, stamp, text},
    store::Key,
};

/// Writes the status of the deployment from its replica sets.
pub(super) fn write_status(cluster: &mut Kubernetes, key: &Key) {
    let Some(found) = cluster.store.get(key).cloned() else {
        return;
    };
    let sets = deployment::sets_of(cluster, &found);
    let new = deployment::find_new(cluster, &found);
    let sum = |pointer: &str| sets.iter().map(|set| number(set, pointer)).sum::<i64>();
    let updated_set = sets.iter().find(|set| new.as_ref().is_some_and(|new| new.name == document::name(set)));
    let updated = updated_set.map_or(0, |set| number(set, "/status/replicas"));
    let desired = number(&found, "/spec/replicas");
    let available = sum("/status/availableReplicas");
    let mut status = json!({"observedGeneration": found["metadata"]["generation"]});
    let counts = [
        ("replicas", sum("/status/replicas")),
        ("updatedReplicas", updated),
        ("readyReplicas", sum("/status/readyReplicas")),
        ("availableReplicas", available),
        ("unavailableReplicas", (sum("/spec/replicas") - available).max(0)),
    ];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[name] = json!(count);
    }
    status["conditions"] = Value::Array(list(&found, "/status/conditions").to_vec());
    let mut next = json!({"status": status});
    let floor = desired - deployment::unavailable(&found);
    write_available(&mut next, cluster.clock_ms, available >= floor);
    let complete = updated == desired
        && number(&next, "/status/replicas") == desired
        && available == desired
        && number(&found, "/status/observedGeneration") == number(&found, "/metadata/generation");
    let set_name = new.map(|new| new.name).unwrap_or_default();
    write_progress(cluster, &found, &mut next, &set_name, complete);
    // Nearly always it says already what it would say, and no document need be made to find that out.
    if next["status"] != found["status"] {
        let mut written = Value::clone(&found);
        set(&mut written, &["status"], next["status"].take());
        cluster.store.put(key.clone(), written);
    }
}

fn write_available(next: &mut Value, now: i64, enough: bool) {
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let news = document::condition(next, "Available") != status;
    set_condition(next, now, "Available", status, reason, message);
    if news {
        stamp_update(next, "Available", now);
    }
}

fn write_progress(cluster: &mut Kubernetes, found: &Value, next: &mut Value, set_name: &str, complete: bool) {
    let now = cluster.clock_ms;
    let old = progressing(found);
    let before = text(&old, "/reason");
    let moved = ["updatedReplicas", "readyReplicas", "availableReplicas", "replicas", "observedGeneration"]
        .iter()
        .any(|count| found["status"][*count] != next["status"][*count]);
    let deadline_ms = found["spec"]["progressDeadlineSeconds"].as_i64().unwrap_or(600) * 1000;
    let last = text(&old, "/lastUpdateTime").parse::<jiff::Timestamp>().map_or(now, |time| time.as_millisecond());
    // A deployment that was complete and lost a pod is not progressing again: its reason stays.
    let was_complete = before == "NewReplicaSetAvailable" && text(&old, "/message").contains(&format!("\"{set_name}\""));
    let (status, reason, message) = if complete {
        ("True", "NewReplicaSetAvailable", format!("ReplicaSet \"{set_name}\" has successfully progressed."))
    } else if was_complete {
        return;
    } else if old.is_null() {
        ("True", "NewReplicaSetCreated", format!("Created new replica set \"{set_name}\""))
    } else if moved || before == "NewReplicaSetAvailable" {
        ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{set_name}\" is progressing."))
    } else if before != "ProgressDeadlineExceeded" && now >= last + deadline_ms {
        ("False", "ProgressDeadlineExceeded", format!("ReplicaSet \"{set_name}\" has timed out progressing."))
    } else {
        if before != "ProgressDeadlineExceeded" {
            wake(cluster, last + deadline_ms);
        }
        return;
    };
    let news = moved || before != reason || text(&old, "/message") != message;
    set_condition(next, now, "Progressing", status, reason, &message);
    if news {
        stamp_update(next, "Progressing", now);
        wake(cluster, now + deadline_ms);
    }
}

fn wake(cluster: &mut Kubernetes, at_ms: i64) {
    // Written times have whole seconds, so the deadline is looked at a second late rather than early.
    let at_ms = at_ms + 1000;
    cluster.deadline_due = Some(cluster.deadline_due.map_or(at_ms, |due| due.min(at_ms)));
}

fn progressing(document: &Value) -> Value {
    list(document, "/status/conditions").iter().find(|condition| condition["type"] == "Progressing").cloned().unwrap_or_default()
}

/// Conditions of deployments also say when they last had news.
fn stamp_update(document: &mut Value, kind: &str, now: i64) {
    let Some(conditions) = document.pointer_mut("/status/conditions").and_then(Value::as_array_mut) else {
        return;
    };
    for condition in conditions.iter_mut().filter(|condition| condition["type"] == kind) {
        condition["lastUpdateTime"] = stamp(now);
    }
}
