//! Google Kubernetes Engine v1: which clusters exist, and where their API servers listen.
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
/// The second one, and where it is.
const NEXT: (&str, &str) = ("hexproperty-next", "us-east1");

/// Where the clusters are, and whom to trust about them.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where the API server of the first one listens.
    pub address: SocketAddr,
    /// Where that of the second one does, if there is one.
    pub next: Option<SocketAddr>,
    /// Who signed their certificates.
    pub authority: Authority,
}

/// Answers one call.
pub fn handle(call: &Call, known: &Cluster) -> Answer {
    let reply = match (&call.method, call.parts().as_slice()) {
        (&Method::GET, ["v1", "projects", PROJECT, "locations" | "zones", place, "clusters"]) => {
            let here: Vec<Value> = clusters(known).into_iter().filter(|cluster| *place == "-" || cluster["location"] == *place).collect();
            // The interface leaves an empty list out.
            Reply::ok(&if here.is_empty() { json!({}) } else { json!({"clusters": here}) })
        }
        (&Method::GET, ["v1", "projects", project, "locations" | "zones", place, "clusters", name]) => {
            let found = clusters(known).into_iter().find(|cluster| cluster["location"] == *place && cluster["name"] == *name);
            let missing = || Reply::error(404, "NOT_FOUND", &format!("Not found: projects/{PROJECT}/locations/{place}/clusters/{name}."));
            found.filter(|_| *project == PROJECT).map_or_else(missing, |found| Reply::ok(&found))
        }
        _ => not_found(call),
    };
    reply.into()
}

fn clusters(known: &Cluster) -> Vec<Value> {
    let first = cluster(known, NAME, REGION, known.address);
    let second = known.next.map(|address| cluster(known, NEXT.0, NEXT.1, address));
    std::iter::once(first).chain(second).collect()
}

fn cluster(known: &Cluster, name: &str, region: &str, address: SocketAddr) -> Value {
    let zones = ["a", "b", "c"].map(|zone| format!("{region}-{zone}"));
    json!({
        "name": name,
        "id": uid_for(name),
        "location": region,
        "zone": region,
        "locations": zones,
        "status": "RUNNING",
        "endpoint": address.to_string(),
        "privateClusterConfig": {"privateEndpoint": address.to_string(), "publicEndpoint": address.to_string()},
        "controlPlaneEndpointsConfig": {
            "ipEndpointsConfig": {
                "enabled": true,
                "enablePublicEndpoint": true,
                "publicEndpoint": address.to_string(),
                "privateEndpoint": address.to_string(),
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
        "selfLink": format!("https://container.googleapis.com/v1/projects/{PROJECT}/locations/{region}/clusters/{name}"),
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
