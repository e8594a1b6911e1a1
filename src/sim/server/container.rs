//! Google Kubernetes Engine v1: that the one cluster exists, and where its API server listens.
//!
//! Read only: making or changing clusters is no part of this world.

use std::net::SocketAddr;

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, REGION, uid_for},
    http::{Answer, Call, Reply},
    router::not_found,
};
use crate::sim::world::{World, load_balancer::base64};

const CLUSTER: &str = "hexproperty-prod";

/// Answers one call; `kubernetes` is where the cluster's API server listens.
pub fn handle(_: &World, call: &Call, kubernetes: SocketAddr) -> Answer {
    let reply = match (&call.method, call.parts().as_slice()) {
        (&Method::GET, ["v1", "projects", PROJECT, "locations" | "zones", REGION | "-", "clusters"]) => {
            Reply::ok(&json!({"clusters": [cluster(kubernetes)]}))
        }
        (&Method::GET, ["v1", "projects", PROJECT, "locations" | "zones", REGION, "clusters", CLUSTER]) => Reply::ok(&cluster(kubernetes)),
        (&Method::GET, ["v1", "projects", _, "locations" | "zones", place, "clusters", name]) => {
            Reply::error(404, "NOT_FOUND", &format!("Not found: projects/{PROJECT}/locations/{place}/clusters/{name}."))
        }
        _ => not_found(call),
    };
    reply.into()
}

fn cluster(kubernetes: SocketAddr) -> Value {
    let zones = ["us-central1-a", "us-central1-b", "us-central1-c"];
    json!({
        "name": CLUSTER,
        "id": uid_for(CLUSTER),
        "location": REGION,
        "zone": REGION,
        "locations": zones,
        "status": "RUNNING",
        "endpoint": kubernetes.to_string(),
        "masterAuth": {"clusterCaCertificate": base64(b"no certificate: this API server speaks plain HTTP on loopback\n")},
        "currentMasterVersion": "1.33.4-gke.1245000",
        "currentNodeVersion": "1.33.4-gke.1245000",
        "currentNodeCount": 6,
        "releaseChannel": {"channel": "REGULAR"},
        "network": "default",
        "subnetwork": "default",
        "clusterIpv4Cidr": "10.8.0.0/14",
        "servicesIpv4Cidr": "10.12.0.0/20",
        "selfLink": format!("https://container.googleapis.com/v1/projects/{PROJECT}/locations/{REGION}/clusters/{CLUSTER}"),
        "createTime": "2026-10-28T08:03:11+00:00",
        "etag": "4b7c1f20",
        "nodePools": [{
            "name": "default-pool",
            "status": "RUNNING",
            "initialNodeCount": 2,
            "locations": zones,
            "version": "1.33.4-gke.1245000",
            "autoscaling": {"enabled": true, "minNodeCount": 1, "maxNodeCount": 4},
            "config": {"machineType": "e2-standard-4", "diskSizeGb": 100, "diskType": "pd-balanced"},
            "management": {"autoUpgrade": true, "autoRepair": true},
        }],
        "workloadIdentityConfig": {"workloadPool": "hexproperty.svc.id.goog"},
    })
}
