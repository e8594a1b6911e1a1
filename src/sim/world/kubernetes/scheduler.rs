//! The scheduler: gives a waiting pod to the node with the most room, or says why it cannot.
//!
//! Only processor requests and the number of pods count. Affinity, taints and preemption are not modelled.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Kubernetes,
    document::{self, list, text},
    ended::has_ended,
    resource::Resource,
};

/// Why no node was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("0/{nodes} nodes are available: {full} Insufficient cpu, {closed} node(s) were unschedulable")]
pub struct NoRoom {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many are too full.
    pub full: usize,
    /// How many take no pods at all.
    pub closed: usize,
}

/// The node that this pod should go to.
///
/// # Errors
/// [`NoRoom`] when every node is full or closed.
pub(super) fn choose(cluster: &Kubernetes, pod: &Value) -> Result<String, NoRoom> {
    let mut used: BTreeMap<&str, (i64, usize)> = BTreeMap::new();
    for other in cluster.store.list(Resource::Pod, "").filter(|pod| !has_ended(pod)) {
        let place = used.entry(text(other, "/spec/nodeName")).or_default();
        place.0 += millicores(other);
        place.1 += usize::from(text(other, "/metadata/labels/app") == text(pod, "/metadata/labels/app"));
    }
    let wanted = millicores(pod);
    let mut no_room = NoRoom { nodes: 0, full: 0, closed: 0 };
    let mut best: Option<(usize, i64, &str)> = None;
    for node in cluster.store.list(Resource::Node, "") {
        no_room.nodes += 1;
        let (taken, same) = used.get(document::name(node)).copied().unwrap_or_default();
        if node["spec"]["unschedulable"] == true || document::condition(node, "Ready") != "True" {
            no_room.closed += 1;
        } else if taken + wanted > quantity_millis(text(node, "/status/allocatable/cpu")) {
            no_room.full += 1;
        } else {
            let rank = (same, taken, document::name(node));
            best = Some(best.map_or(rank, |best| best.min(rank)));
        }
    }
    best.map(|(_, _, name)| name.to_owned()).ok_or(no_room)
}

/// The processor that the pod's containers ask for, in thousandths of a core.
fn millicores(pod: &Value) -> i64 {
    list(pod, "/spec/containers").iter().map(|container| quantity_millis(text(container, "/resources/requests/cpu"))).sum()
}

/// `250m` or `1.5` in thousandths; anything else is zero.
fn quantity_millis(quantity: &str) -> i64 {
    match quantity.strip_suffix('m') {
        Some(millis) => millis.parse().unwrap_or(0),
        None => quantity.parse::<f64>().map_or(0, |whole| (whole * 1000.0) as i64),
    }
}
