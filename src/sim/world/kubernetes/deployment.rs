//! The deployment controller: one replica set per template, rolled over within surge and unavailability.
//!
//! The arithmetic is that of the real controller: the new set grows while the total stays within the surge,
//! old sets shrink while enough pods stay available. Proportional scaling in the middle of a roll-over is left
//! out; the two rules above bring it to the same end.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, number, owned_by, set, stamp},
    event::{self, Note, Teller, Weight},
    resource::Resource,
    rollout,
    store::Key,
    write,
};

/// The annotation that counts templates.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";
const TEMPLATE_HASH: &str = "pod-template-hash";

/// Makes the next small step from what is there to what the deployment asks for.
pub(super) fn reconcile(cluster: &mut Kubernetes, key: &Key) {
    let Some(deployment) = cluster.store.get(key).cloned() else {
        return;
    };
    if pause_if_due(cluster, key, &deployment) || deployment["spec"]["paused"] == true {
        rollout::write_status(cluster, key);
        return;
    }
    let new = match find_new(cluster, &deployment) {
        Some(new) => new,
        None => create_new(cluster, key, &deployment),
    };
    stamp_revision(cluster, key, &new);
    resize(cluster, key, &new);
    rollout::write_status(cluster, key);
    forget_old(cluster, key, &new);
}

/// Pauses a roll-over that somebody means to pause, once it is as far as he wants it.
fn pause_if_due(cluster: &mut Kubernetes, key: &Key, deployment: &Value) -> bool {
    let Some(wanted) = cluster.pauses.get(&key.name).copied() else { return false };
    let new = find_new(cluster, deployment).and_then(|new| cluster.store.get(&new).cloned());
    if new.is_none_or(|new| available(&new) < wanted) {
        return false;
    }
    cluster.pauses.remove(&key.name);
    let mut paused = deployment.clone();
    set(&mut paused, &["spec", "paused"], json!(true));
    cluster.replace_spec(key.clone(), paused);
    true
}

/// The replica sets of a deployment.
pub(super) fn sets_of(cluster: &Kubernetes, deployment: &Value) -> Vec<Arc<Value>> {
    cluster
        .store
        .list(Resource::ReplicaSet, document::namespace(deployment))
        .filter(|set| owned_by(set, document::uid(deployment)))
        .cloned()
        .collect()
}

/// The replica set that has the deployment's present template.
pub(super) fn find_new(cluster: &Kubernetes, deployment: &Value) -> Option<Key> {
    sets_of(cluster, deployment)
        .iter()
        .find(|set| same_template(&set["spec"]["template"], &deployment["spec"]["template"]))
        .map(|set| Key::of(Resource::ReplicaSet, set))
}

/// True when a replica set's template is the deployment's, but for the label that the controller added.
fn same_template(of_set: &Value, of_deployment: &Value) -> bool {
    if of_set["spec"] != of_deployment["spec"] {
        return false;
    }
    let mut metadata = of_set["metadata"].clone();
    document::remove(&mut metadata, "/labels", TEMPLATE_HASH);
    metadata == of_deployment["metadata"]
}

/// The revision number in an object's annotations.
#[must_use]
pub fn revision(document: &Value) -> i64 {
    document["metadata"]["annotations"][REVISION].as_str().and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

fn create_new(cluster: &mut Kubernetes, key: &Key, deployment: &Value) -> Key {
    let hash = template_hash(&deployment["spec"]["template"]);
    let name = format!("{}-{hash}", key.name);
    let mut template = deployment["spec"]["template"].clone();
    set(&mut template, &["metadata", "labels", TEMPLATE_HASH], json!(hash));
    let mut selector = deployment["spec"]["selector"].clone();
    set(&mut selector, &["matchLabels", TEMPLATE_HASH], json!(hash));
    let document = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": key.namespace,
            "uid": cluster.new_uid(),
            "generation": 1,
            "creationTimestamp": stamp(cluster.clock_ms),
            "labels": template["metadata"]["labels"],
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": number(deployment, "/spec/replicas").to_string(),
                "deployment.kubernetes.io/max-replicas": (number(deployment, "/spec/replicas") + surge(deployment)).to_string(),
            },
            "ownerReferences": [write::owner_reference(Resource::Deployment, deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    let new = Key::new(Resource::ReplicaSet, &key.namespace, &name);
    cluster.store.put(new.clone(), document);
    new
}

/// A template that comes back gets the newest number again, as `rollout undo` expects.
fn stamp_revision(cluster: &mut Kubernetes, key: &Key, new: &Key) {
    let (Some(deployment), Some(found)) = (cluster.store.get(key).cloned(), cluster.store.get(new).cloned()) else {
        return;
    };
    let others = sets_of(cluster, &deployment);
    let highest = others.iter().filter(|set| document::name(set) != new.name).map(|set| revision(set)).max().unwrap_or(0);
    let wanted = if revision(&found) > highest { revision(&found) } else { highest + 1 }.to_string();
    let cause = deployment["metadata"]["annotations"].get(CAUSE);
    let says = |document: &Value| document["metadata"]["annotations"][REVISION] == wanted;
    // Nearly always it is stamped already, and two documents need not be made to find that out.
    if says(&found) && says(&deployment) && cause.is_none_or(|cause| found["metadata"]["annotations"][CAUSE] == *cause) {
        return;
    }
    let mut stamped = Value::clone(&found);
    set(&mut stamped, &["metadata", "annotations", REVISION], json!(wanted));
    if let Some(cause) = cause {
        set(&mut stamped, &["metadata", "annotations", CAUSE], cause.clone());
    }
    cluster.store.put(new.clone(), stamped);
    let mut counted = Value::clone(&deployment);
    set(&mut counted, &["metadata", "annotations", REVISION], json!(wanted));
    cluster.store.put(key.clone(), counted);
}

fn resize(cluster: &mut Kubernetes, key: &Key, new: &Key) {
    let (Some(deployment), Some(new_set)) = (cluster.store.get(key).cloned(), cluster.store.get(new).cloned()) else {
        return;
    };
    let desired = number(&deployment, "/spec/replicas");
    let sets = sets_of(cluster, &deployment);
    let old: Vec<&Arc<Value>> = sets.iter().filter(|set| document::name(set) != new.name && asked(set) > 0).collect();
    let recreate = deployment["spec"]["strategy"]["type"] == "Recreate";
    let total: i64 = sets.iter().map(|set| asked(set)).sum();
    let has = asked(&new_set);
    if has > desired || (old.is_empty() && has != desired) {
        scale(cluster, key, new, desired);
    } else if recreate {
        for set in &old {
            scale(cluster, key, &Key::of(Resource::ReplicaSet, set), 0);
        }
        let stopped = sets.iter().filter(|set| document::name(set) != new.name).all(|set| number(set, "/status/replicas") == 0);
        if old.is_empty() && stopped {
            scale(cluster, key, new, desired);
        }
    } else if has < desired {
        let room = (desired + surge(&deployment) - total).max(0);
        scale(cluster, key, new, has + room.min(desired - has));
    }
    if !recreate {
        shrink_old(cluster, key, new, &deployment);
    }
}

/// Old sets give up first the pods that are not available, then as many available ones as can be spared.
fn shrink_old(cluster: &mut Kubernetes, key: &Key, new: &Key, deployment: &Value) {
    let sets = sets_of(cluster, deployment);
    let is_new = |set: &Value| document::name(set) == new.name;
    let desired = number(deployment, "/spec/replicas");
    let floor = desired - unavailable(deployment);
    let total: i64 = sets.iter().map(|set| asked(set)).sum();
    let new_missing: i64 = sets.iter().filter(|set| is_new(set)).map(|set| asked(set) - available(set)).sum();
    let mut spare = total - floor - new_missing.max(0);
    for set in sets.iter().filter(|set| !is_new(set) && asked(set) > 0) {
        let broken = (asked(set) - available(set)).max(0).min(spare.max(0));
        if broken > 0 {
            spare -= broken;
            scale(cluster, key, &Key::of(Resource::ReplicaSet, set), asked(set) - broken);
        }
    }
    let sets = sets_of(cluster, deployment);
    let mut spare = sets.iter().map(|set| available(set)).sum::<i64>() - floor;
    for set in sets.iter().filter(|set| !is_new(set) && asked(set) > 0) {
        let fewer = spare.max(0).min(asked(set));
        if fewer > 0 {
            spare -= fewer;
            scale(cluster, key, &Key::of(Resource::ReplicaSet, set), asked(set) - fewer);
        }
    }
}

fn scale(cluster: &mut Kubernetes, key: &Key, set_key: &Key, replicas: i64) {
    let (Some(found), Some(deployment)) = (cluster.store.get(set_key).cloned(), cluster.store.get(key).cloned()) else {
        return;
    };
    let from = asked(&found);
    if from == replicas {
        return;
    }
    let mut scaled = Value::clone(&found);
    scaled["spec"]["replicas"] = json!(replicas);
    let desired = number(&deployment, "/spec/replicas");
    set(&mut scaled, &["metadata", "annotations", "deployment.kubernetes.io/desired-replicas"], json!(desired.to_string()));
    let most = (desired + surge(&deployment)).to_string();
    set(&mut scaled, &["metadata", "annotations", "deployment.kubernetes.io/max-replicas"], json!(most));
    cluster.replace_spec(set_key.clone(), scaled);
    let direction = if replicas > from { "up" } else { "down" };
    let message = format!("Scaled {direction} replica set {} from {from} to {replicas}", set_key.name);
    let note = Note { weight: Weight::Normal, reason: "ScalingReplicaSet", message, teller: Teller::Deployments, field: String::new() };
    event::record(cluster, key, note);
}

/// Empty sets beyond the history limit are removed, oldest revision first.
fn forget_old(cluster: &mut Kubernetes, key: &Key, new: &Key) {
    let Some(deployment) = cluster.store.get(key).cloned() else {
        return;
    };
    let limit = deployment["spec"]["revisionHistoryLimit"].as_u64().unwrap_or(10) as usize;
    let mut empty: Vec<Arc<Value>> = sets_of(cluster, &deployment)
        .into_iter()
        .filter(|set| document::name(set) != new.name && asked(set) == 0 && number(set, "/status/replicas") == 0)
        .collect();
    empty.sort_by_key(|set| revision(set));
    let surplus = empty.len().saturating_sub(limit);
    for set in &empty[..surplus] {
        cluster.store.remove(&Key::of(Resource::ReplicaSet, set));
    }
}

fn asked(set: &Value) -> i64 {
    number(set, "/spec/replicas")
}

fn available(set: &Value) -> i64 {
    number(set, "/status/availableReplicas")
}

fn surge(deployment: &Value) -> i64 {
    share(&deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"], deployment, f64::ceil)
}

/// At least one of surge and unavailability has to be more than zero, or nothing could ever move.
pub(super) fn unavailable(deployment: &Value) -> i64 {
    let unavailable = share(&deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], deployment, f64::floor);
    if surge(deployment) == 0 { unavailable.max(1) } else { unavailable }
}

/// A number of pods, or a percentage of the desired ones.
fn share(value: &Value, deployment: &Value, round: fn(f64) -> f64) -> i64 {
    if let Some(count) = value.as_i64() {
        return count;
    }
    let percent: f64 = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse().ok()).unwrap_or(25.0);
    round(number(deployment, "/spec/replicas") as f64 * percent / 100.0) as i64
}

/// Ten signs that depend on the template alone.
fn template_hash(template: &Value) -> String {
    const SIGNS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let hash =
        template.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..10).map(|place| char::from(SIGNS[((hash >> (place * 6)) % SIGNS.len() as u64) as usize])).collect()
}
