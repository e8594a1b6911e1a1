//! A backend service of a load balancer: how it is set, which groups are attached to it, and whether their endpoints are well.
//!
//! A serverless group stands for a whole service and has no endpoints of its own, so nobody can be asked for its health.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::{
    adapter::{
        http::{Ask, Client, Failure, Limits},
        lenient,
    },
    domain::shown::Shown,
};

/// Where backend services are: of a project, and of a region where their load balancer is regional.
#[derive(Debug, Clone, Copy)]
pub struct Locus<'a> {
    pub project: &'a str,
    pub region: Option<&'a str>,
}

impl Locus<'_> {
    fn at(self, client: &Client, rest: &[&str]) -> Url {
        let within = self.region.map_or_else(|| vec!["global"], |region| vec!["regions", region]);
        let path: Vec<&str> = ["compute", "v1", "projects", self.project].into_iter().chain(within).chain(rest.iter().copied()).collect();
        client.at(&path)
    }

    /// Where the service of this name tells which permissions its caller holds.
    pub fn permissions_at(self, client: &Client, service: &str) -> Url {
        self.at(client, &["backendServices", service, "testIamPermissions"])
    }
}

/// A backend service, as far as it decides over a split.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendService {
    #[serde(default, deserialize_with = "lenient")]
    pub load_balancing_scheme: String,
    /// `NONE` where users are kept nowhere; empty where nothing is said, which means the same.
    #[serde(default, deserialize_with = "lenient")]
    pub session_affinity: String,
    /// Seconds that an answer may take; 30 where nothing is said. Of a serverless backend it means nothing.
    pub timeout_sec: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    pub connection_draining: Draining,
    #[serde(default, deserialize_with = "lenient")]
    pub log_config: Logging,
    #[serde(default, deserialize_with = "lenient")]
    pub health_checks: Vec<String>,
    /// There where the load balancer takes endpoints out that fail.
    pub outlier_detection: Option<serde_json::Value>,
    #[serde(default, rename = "backends", deserialize_with = "lenient")]
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draining {
    /// Seconds that requests of an endpoint which goes may still take.
    #[serde(default, deserialize_with = "lenient")]
    pub draining_timeout_sec: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logging {
    #[serde(default, deserialize_with = "lenient")]
    pub enable: bool,
    /// Which part of the requests is logged, 0 to 1; all of them where nothing is said.
    pub sample_rate: Option<f64>,
}

/// What is attached to a backend service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its full link.
    #[serde(default, rename = "group", deserialize_with = "lenient")]
    pub link: String,
    /// 0 where it takes nothing.
    pub capacity_scaler: Option<f64>,
}

impl Group {
    pub fn name(&self) -> Shown {
        Shown::new(self.link.rsplit('/').next().unwrap_or_default())
    }
    /// Kind of place, place, kind and name, as commands want them: `zones/us-central1-a/networkEndpointGroups/web`.
    pub fn place(&self) -> Shown {
        let segments: Vec<&str> = self.link.split('/').collect();
        Shown::new(&segments[segments.len().saturating_sub(4)..].join("/"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// A service of Cloud Run, App Engine or Cloud Functions.
    Serverless,
    /// Machines or pods, each by itself.
    Endpoints,
    /// Whatever else, whose health is not asked for here.
    Other,
}

/// # Errors
/// Whatever Compute says.
pub async fn read(client: &Client, locus: Locus<'_>, service: &str) -> Result<BackendService, Failure> {
    client.send(Ask::get(locus.at(client, &["backendServices", service]), Limits::READ)).await?.json()
}

/// What a group is. One that is no network endpoint group is an instance group, and so has endpoints.
/// # Errors
/// Whatever Compute says.
pub async fn kind_of_group(client: &Client, group: &Group) -> Result<GroupKind, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Neg {
        #[serde(default)]
        network_endpoint_type: String,
    }
    if !group.link.contains("/networkEndpointGroups/") {
        return Ok(GroupKind::Endpoints);
    }
    let place = group.link.find("projects/").map_or(group.link.as_str(), |at| &group.link[at..]);
    let path: Vec<&str> = ["compute", "v1"].into_iter().chain(place.split('/')).collect();
    let neg: Neg = client.send(Ask::get(client.at(&path), Limits::READ)).await?.json()?;
    Ok(match neg.network_endpoint_type.as_str() {
        "SERVERLESS" => GroupKind::Serverless,
        "GCE_VM_IP" | "GCE_VM_IP_PORT" | "NON_GCP_PRIVATE_IP_PORT" => GroupKind::Endpoints,
        _ => GroupKind::Other,
    })
}

/// How many endpoints of a group are well and how many are not, as the load balancer's own health check sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    pub healthy: usize,
    pub unhealthy: usize,
}

impl Health {
    pub fn and(self, other: Health) -> Health {
        Health { healthy: self.healthy + other.healthy, unhealthy: self.unhealthy + other.unhealthy }
    }
}

/// # Errors
/// Whatever Compute says.
pub async fn health(client: &Client, locus: Locus<'_>, service: &str, group: &Group) -> Result<Health, Failure> {
    #[derive(Serialize)]
    struct Of<'a> {
        group: &'a str,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        #[serde(default, deserialize_with = "lenient")]
        health_status: Vec<Endpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Endpoint {
        #[serde(default, deserialize_with = "lenient")]
        health_state: String,
    }
    let at = locus.at(client, &["backendServices", service, "getHealth"]);
    let told: Told = client.send(Ask::post(at, &Of { group: &group.link }, Limits::READ)).await?.json()?;
    let healthy = told.health_status.iter().filter(|endpoint| endpoint.health_state == "HEALTHY").count();
    Ok(Health { healthy, unhealthy: told.health_status.len() - healthy })
}
