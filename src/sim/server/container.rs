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
    tls::Authority,
};
use crate::sim::world::load_balancer::base64;

const NAME: &str = "hexproperty-prod";

/// Where the one cluster is, and whom to trust about it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where its API server listens.
    pub address: SocketAddr,
    /// Who signed its certificate.
    pub authority: Authority,
}

/// Answers one call.
pub fn handle(call: &Call, known: &Cluster) -> Answer {
    let reply = match (&call.method, call.parts().as_slice()) {
        (&Method::GET, ["v1", "projects", PROJECT, "locations" | "zones", REGION | "-", "clusters"]) => {
            Reply::ok(&json!({"clusters": [cluster(known)]}))
        }
        (&Method::GET, ["v1", "projects", PROJECT, "locations" | "zones", REGION, "clusters", NAME]) => Reply::ok(&cluster(known)),
        (&Method::GET, ["v1", "projects", _, "locations" | "zones", place, "clusters", name]) => {
            Reply::error(404, "NOT_FOUND", &format!("Not found: projects/{PROJECT}/locations/{place}/clusters/{name}."))
        }
        _ => not_found(call),
    };
    reply.into()
}

fn cluster(known: &Cluster) -> Value {
    let zones = ["us-central1-a", "us-central1-b", "us-central1-c"];
    json!({
        "name": NAME,
        "id": uid_for(NAME),
        "location": REGION,
        "zone": REGION,
        "locations": zones,
        "status": "RUNNING",
        "endpoint": known.address.to_string(),
        "privateClusterConfig": {"privateEndpoint": known.address.to_string(), "publicEndpoint": known.address.to_string()},
        "controlPlaneEndpointsConfig": {
            "ipEndpointsConfig": {
                "enabled": true,
                "enablePublicEndpoint": true,
                "publicEndpoint": known.address.to_string(),
                "privateEndpoint": known.address.to_string(),
            },
            // Without `allowExternalTraffic`, which is how a cluster is made: nobody comes in by its name.
            "dnsEndpointConfig": {"endpoint": "gke-4b7c1f20a9e34d5c8f11-482913370577.us-central1.gke.goog", "allowExternalTraffic": false},
        },
        "masterAuth": {"clusterCaCertificate": base64(known.authority.pem().as_bytes())},
        "currentMasterVersion": "1.33.4-gke.1245000",
        "currentNodeVersion": "1.33.4-gke.1245000",
        "currentNodeCount": 6,
        "releaseChannel": {"channel": "REGULAR"},
        "network": "default",
        "subnetwork": "default",
        "clusterIpv4Cidr": "10.8.0.0/14",
        "servicesIpv4Cidr": "10.12.0.0/20",
        "selfLink": format!("https://container.googleapis.com/v1/projects/{PROJECT}/locations/{REGION}/clusters/{NAME}"),
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
        "monitoringConfig": {
            "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]},
            "managedPrometheusConfig": {"enabled": true},
        },
        "workloadIdentityConfig": {"workloadPool": "hexproperty.svc.id.goog"},
    })
}
