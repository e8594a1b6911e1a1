//! Whether a cluster that is there is the one that is wanted, and what of it would have to change.
//!
//! Only what the plan says is compared. GKE takes one change a request, and so does a step; and what would make every node anew, or is for
//! good, is left to people.

use serde_json::{Value, json};

use super::wire::{Cluster, Pool, Scaling, why};
use crate::domain::{
    cluster::{Autoscaling, ReleaseChannel, WantedCluster},
    shown::Shown,
    standing::{Change, Known},
};

/// How a cluster stands to what is wanted.
#[derive(Debug, PartialEq)]
pub(super) enum Fit {
    Fits(Vec<Known>),
    Differs(Difference),
    /// No change that a step makes would make it fit.
    Foreign(String),
}

/// What one request changes, and how it reads.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    pub change: Change,
    /// Of a `ClusterUpdate`.
    pub update: Value,
}

/// A pool that `gcloud` and the console make has this name.
pub(super) const POOL: &str = "default-pool";

pub(super) fn fit(wanted: &WantedCluster, cluster: &Cluster) -> Fit {
    let pool = match pool(wanted, cluster) {
        Ok(pool) => pool,
        Err(why) => return Fit::Foreign(why),
    };
    let zones = if pool.locations.is_empty() { &cluster.locations } else { &pool.locations };
    let mut differences: Vec<Difference> =
        [of_zones(wanted, zones), of_scaling(wanted, pool, zones.len()), of_channel(wanted, cluster)].into_iter().flatten().collect();
    match (differences.pop(), differences.as_slice()) {
        (None, _) => Fit::Fits(evidence(cluster, pool, zones)),
        (Some(only), []) => Fit::Differs(only),
        (Some(last), others) => {
            let names: Vec<&str> = others.iter().chain([&last]).map(|difference| difference.change.what.as_str()).collect();
            let by_hand = "GKE takes one change a request; make all but one of them by hand";
            Fit::Foreign(format!("it differs in {}, and {by_hand}", names.join(" and ")))
        }
    }
}

/// The pool whose nodes are meant, if it and the cluster can be kept.
fn pool<'a>(wanted: &WantedCluster, cluster: &'a Cluster) -> Result<&'a Pool, String> {
    if cluster.autopilot.enabled {
        return Err("it is an Autopilot cluster, whose nodes are Google's".to_owned());
    }
    let named = cluster.node_pools.iter().find(|pool| pool.name == POOL);
    let pool = match (named, cluster.node_pools.as_slice()) {
        (Some(pool), _) | (None, [pool]) => pool,
        (None, pools) => {
            let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
            return Err(format!("it has no node pool {POOL}, but {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }));
        }
    };
    if !matches!(pool.status.as_str(), "RUNNING" | "RECONCILING" | "PROVISIONING") {
        return Err(format!("its node pool {} is {}: {}", pool.name, pool.status, why(&pool.conditions, &pool.status_message)));
    }
    let machine = &pool.config.machine_type;
    if machine != wanted.machine_type.as_str() {
        let made_anew = "to change it makes every node anew";
        return Err(format!("the nodes of {} are {machine} and not {}; {made_anew}", pool.name, wanted.machine_type));
    }
    if let Some(wanted) = &wanted.workload_pool {
        let found = &cluster.workload_identity_config.workload_pool;
        if found != wanted.as_str() {
            let found = if found.is_empty() { "none" } else { found };
            return Err(format!("its workload pool is {found} and not {wanted}; to change it, nodes have to be made anew too"));
        }
        if pool.config.workload_metadata_config.mode == "GCE_METADATA" {
            return Err(format!("the nodes of {} hide its workload pool from their pods (GCE_METADATA)", pool.name));
        }
    }
    Ok(pool)
}

fn of_zones(wanted: &WantedCluster, zones: &[String]) -> Option<Difference> {
    let mut have: Vec<&str> = zones.iter().map(String::as_str).collect();
    let mut want: Vec<&str> = wanted.zones.iter().map(Shown::as_str).collect();
    have.sort_unstable();
    want.sort_unstable();
    let change = Change { what: "locations".into(), from: Some(told(&have)), to: Some(told(&want)) };
    (have != want).then(|| Difference { change, update: json!({"desiredLocations": want}) })
}

fn told(zones: &[&str]) -> Shown {
    Shown::new(&zones.join(" "))
}

fn of_scaling(wanted: &WantedCluster, pool: &Pool, zones: usize) -> Option<Difference> {
    let autoscaling = wanted.autoscaling?;
    if pool.autoscaling == as_told(autoscaling) {
        return None;
    }
    let from = scaling_told(&pool.autoscaling, zones);
    let to = autoscaling.told(wanted.zones.len());
    let change = Change { what: "autoscaling".into(), from: Some(Shown::new(&from)), to: Some(Shown::new(&to)) };
    let update = json!({"desiredNodePoolId": pool.name, "desiredNodePoolAutoscaling": scaling_of(autoscaling)});
    Some(Difference { change, update })
}

fn as_told(wanted: Autoscaling) -> Scaling {
    match wanted {
        Autoscaling::PerZone { min, max } => Scaling { enabled: true, min_node_count: min, max_node_count: max, ..Scaling::default() },
        Autoscaling::InAll { min, max } => {
            Scaling { enabled: true, total_min_node_count: min, total_max_node_count: max, ..Scaling::default() }
        }
    }
}

fn scaling_told(found: &Scaling, zones: usize) -> String {
    match found {
        Scaling { enabled: false, .. } => "off".to_owned(),
        Scaling { total_max_node_count: 0, min_node_count, max_node_count, .. } => {
            Autoscaling::PerZone { min: *min_node_count, max: *max_node_count }.told(zones)
        }
        Scaling { total_min_node_count, total_max_node_count, .. } => {
            Autoscaling::InAll { min: *total_min_node_count, max: *total_max_node_count }.told(zones)
        }
    }
}

/// As the API takes it.
pub(super) fn scaling_of(wanted: Autoscaling) -> Value {
    match wanted {
        Autoscaling::PerZone { min, max } => json!({"enabled": true, "minNodeCount": min, "maxNodeCount": max}),
        Autoscaling::InAll { min, max } => json!({"enabled": true, "totalMinNodeCount": min, "totalMaxNodeCount": max}),
    }
}

fn of_channel(wanted: &WantedCluster, cluster: &Cluster) -> Option<Difference> {
    let to = wanted.channel.map(ReleaseChannel::word)?;
    let found = cluster.release_channel.channel.as_str();
    // Without a channel people say when it is upgraded, and it is left out.
    let from = if found.is_empty() { "UNSPECIFIED" } else { found };
    let change = Change { what: "releaseChannel".into(), from: Some(from.into()), to: Some(to.into()) };
    (from != to).then(|| Difference { change, update: json!({"desiredReleaseChannel": {"channel": to}}) })
}

fn evidence(cluster: &Cluster, pool: &Pool, zones: &[String]) -> Vec<Known> {
    let known = |what: &str, value: &str| Known { what: Shown::new(what), value: Shown::new(value) };
    let pools: Vec<&str> = cluster.node_pools.iter().map(|pool| pool.name.as_str()).collect();
    let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
    vec![
        known("status", &cluster.status),
        known("createTime", &cluster.create_time),
        known("currentMasterVersion", &cluster.current_master_version),
        known("machineType", &pool.config.machine_type),
        known("autoscaling", &scaling_told(&pool.autoscaling, zones.len())),
        known("locations", &zones.join(" ")),
        known("nodePools", &pools.join(" ")),
    ]
}
