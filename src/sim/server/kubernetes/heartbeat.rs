//! The signs of life of nodes, drawn at the moment of reading.
//!
//! A real node renews its lease every ten seconds and its conditions every five minutes. Written for real, that
//! would be most of all writes of this world and would push what matters out of the history, so the times are
//! made up to date when such an object is read. The version of the object does not move with them.

use serde_json::Value;

use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{self, micro_stamp, stamp},
    resource::Resource,
};

const LEASE_MS: i64 = 10_000;
const CONDITIONS_MS: i64 = 300_000;

/// The object as it is sent: unchanged, unless it carries a sign of life.
#[must_use]
pub fn freshen(cluster: &Kubernetes, resource: Resource, object: &Value) -> Value {
    let mut fresh = object.clone();
    let now_ms = cluster.now_ms();
    if resource == Resource::Lease && document::namespace(object) == "kube-node-lease" {
        fresh["spec"]["renewTime"] = micro_stamp(now_ms - now_ms.rem_euclid(LEASE_MS));
    }
    if resource == Resource::Node
        && let Some(conditions) = fresh["status"]["conditions"].as_array_mut()
    {
        for condition in conditions {
            condition["lastHeartbeatTime"] = stamp(now_ms - now_ms.rem_euclid(CONDITIONS_MS));
        }
    }
    fresh
}
