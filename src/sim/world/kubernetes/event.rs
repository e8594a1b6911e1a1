//! Events: what the cluster tells about an object, counted when it repeats, forgotten after an hour.
//!
//! The wording follows the real components, because people and tools read it. Events about events, and the
//! newer series form, are not modelled.

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, number, stamp, text},
    resource::Resource,
    store::Key,
};

/// How long an event is kept.
const KEPT_MS: i64 = 3_600_000;
/// How often old events are looked for.
const SWEEP_MS: i64 = 60_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As expected.
    Normal,
    /// Worth a look.
    Warning,
}

/// Which component tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Teller {
    /// The deployment controller.
    Deployments,
    /// The replica set controller.
    ReplicaSets,
    /// The scheduler.
    Scheduler,
    /// The agent on a node.
    Kubelet {
        /// The node's name.
        node: String,
    },
}

/// Whether events are recorded at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// The past is being furnished; nobody would ever read its events.
    Silent,
    /// As always.
    Aloud,
}

/// What is told.
#[derive(Debug, Clone)]
pub struct Note {
    /// How bad it is.
    pub weight: Weight,
    /// One word in camel case.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// Who tells.
    pub teller: Teller,
    /// The part of the object that is meant, such as one container; empty for the whole.
    pub field: String,
}

/// Records a note about the object at `key`; a note that was told before is counted instead of repeated.
pub(super) fn record(cluster: &mut Kubernetes, key: &Key, note: Note) {
    if cluster.telling == Telling::Silent {
        return;
    }
    let Some(object) = cluster.store.get(key).cloned() else {
        return;
    };
    let now = cluster.clock_ms;
    let told = cluster.store.list(Resource::Event, &key.namespace).find(|event| {
        text(event, "/involvedObject/uid") == document::uid(&object)
            && text(event, "/reason") == note.reason
            && text(event, "/message") == note.message
    });
    if let Some(told) = told {
        let mut event = Value::clone(told);
        event["count"] = json!(number(&event, "/count") + 1);
        event["lastTimestamp"] = stamp(now);
        cluster.store.put(Key::of(Resource::Event, &event), event);
        return;
    }
    let unique = (now as u64).wrapping_mul(1_000_000) + cluster.random.bits() % 1_000_000;
    let event = document(cluster, key, &object, note, &format!("{}.{unique:x}", key.name));
    cluster.store.put(Key::of(Resource::Event, &event), event);
    cluster.sweep_due.get_or_insert(now + SWEEP_MS);
}

fn document(cluster: &mut Kubernetes, key: &Key, object: &Value, note: Note, name: &str) -> Value {
    let now = cluster.clock_ms;
    let (component, node) = match note.teller {
        Teller::Deployments => ("deployment-controller", String::new()),
        Teller::ReplicaSets => ("replicaset-controller", String::new()),
        Teller::Scheduler => ("default-scheduler", String::new()),
        Teller::Kubelet { node } => ("kubelet", node),
    };
    let mut involved = json!({
        "kind": key.resource.names().kind,
        "namespace": key.namespace,
        "name": key.name,
        "uid": document::uid(object),
        "apiVersion": key.resource.api_version(),
        "resourceVersion": text(object, "/metadata/resourceVersion"),
    });
    if !note.field.is_empty() {
        involved["fieldPath"] = json!(note.field);
    }
    let mut source = json!({"component": component});
    if !node.is_empty() {
        source["host"] = json!(node);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": name,
            "namespace": if key.namespace.is_empty() { "default" } else { &key.namespace },
            "uid": cluster.new_uid(),
            "creationTimestamp": stamp(now),
        },
        "involvedObject": involved,
        "reason": note.reason,
        "message": note.message,
        "source": source,
        "firstTimestamp": stamp(now),
        "lastTimestamp": stamp(now),
        "count": 1,
        "type": match note.weight { Weight::Normal => "Normal", Weight::Warning => "Warning" },
        "eventTime": null,
        "reportingComponent": component,
        "reportingInstance": node,
    })
}

/// Forgets the events that were last told an hour ago.
pub(super) fn sweep(cluster: &mut Kubernetes) {
    let oldest = stamp(cluster.clock_ms - KEPT_MS);
    let old: Vec<Key> = cluster
        .store
        .list(Resource::Event, "")
        .filter(|event| text(event, "/lastTimestamp") < oldest.as_str().unwrap_or_default())
        .map(|event| Key::of(Resource::Event, event))
        .collect();
    for key in &old {
        cluster.store.remove(key);
    }
    let any_left = cluster.store.list(Resource::Event, "").next().is_some();
    cluster.sweep_due = any_left.then_some(cluster.clock_ms + SWEEP_MS);
}
