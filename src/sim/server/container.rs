//! Google Kubernetes Engine v1: which clusters exist, where their API servers listen, and how clusters are made, changed and taken away.
//!
//! Node pools are parts of a cluster's document and have no address of their own here. The API servers of the two first clusters are the
//! world's; a cluster that somebody makes has none, and its endpoint leads nowhere.

use std::net::SocketAddr;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{
    google::{PROJECT, PROJECT_NUMBER, uid_for},
    http::{Answer, Call, Reply},
    router::not_found,
    tls::Authority,
};
use crate::sim::world::{
    World,
    audit::Mutation,
    clusters::{self, Condition, FIRST, Operation, Refusal, SECOND, Status, Work},
    load_balancer::base64,
    stamp,
};

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

const VERSION: &str = "1.33.4-gke.1245000";
/// A network for examples, where nobody listens.
const NOWHERE: &str = "203.0.113.77";
/// The stages of a creation, with their figures at the end as a real one tells them.
const STAGES: [(&str, u32, u32); 3] = [("CLUSTER_CONFIGURING", 9, 9), ("CLUSTER_DEPLOYING", 11, 11), ("CLUSTER_HEALTHCHECKING", 1, 2)];

/// Answers one call.
pub fn handle(world: &mut World, call: &Call, known: &Cluster) -> Answer {
    let parts = call.parts();
    let ["v1", "projects", project, "locations" | "zones", place, rest @ ..] = parts.as_slice() else { return not_found(call).into() };
    let reply = match (&call.method, rest) {
        _ if *project != PROJECT && *project != PROJECT_NUMBER => missing(place, rest),
        (&Method::GET, ["clusters"]) => {
            let here = visible(world, known).filter(|cluster| *place == "-" || cluster.location == *place);
            let here: Vec<Value> = here.map(|cluster| document(known, cluster)).collect();
            // The interface leaves an empty list out.
            Reply::ok(&if here.is_empty() { json!({}) } else { json!({"clusters": here}) })
        }
        (&Method::GET, ["clusters", name]) => {
            let found = visible(world, known).find(|cluster| cluster.location == *place && cluster.name == *name);
            found.map_or_else(|| missing(place, rest), |found| Reply::ok(&document(known, found)))
        }
        (&Method::GET, ["operations"]) => {
            let here = world.clusters.operations().iter().rev().filter(|operation| *place == "-" || operation.location == *place);
            let here: Vec<Value> = here.map(|operation| operation_json(operation, world.now_ms)).collect();
            Reply::ok(&if here.is_empty() { json!({}) } else { json!({"operations": here}) })
        }
        (&Method::GET, ["operations", name]) => {
            let found = world.clusters.operations().iter().find(|operation| operation.location == *place && operation.name() == *name);
            found.map_or_else(|| missing(place, rest), |found| Reply::ok(&operation_json(found, world.now_ms)))
        }
        (&Method::POST, ["clusters"]) => {
            let begun = world.clusters.create(place, &call.body["cluster"], &call.actor);
            accepted(world, call, "google.container.v1.ClusterManager.CreateCluster", begun)
        }
        (&Method::PUT, ["clusters", name]) => match update(world, (*place, *name), &call.body["update"]) {
            Ok(fields) => {
                let etag = call.body["update"]["etag"].as_str();
                let begun = world.clusters.update((*place, *name), fields, etag, &call.actor);
                accepted(world, call, "google.container.v1.ClusterManager.UpdateCluster", begun)
            }
            Err(refusal) => refused(&refusal),
        },
        (&Method::DELETE, ["clusters", name]) => {
            let begun = world.clusters.delete((*place, *name), &call.actor);
            accepted(world, call, "google.container.v1.ClusterManager.DeleteCluster", begun)
        }
        _ => not_found(call),
    };
    reply.into()
}

/// All clusters, but for the second one in a world that has no server for it.
fn visible<'a>(world: &'a World, known: &Cluster) -> impl Iterator<Item = &'a clusters::Cluster> {
    let has_second = known.next.is_some();
    world.clusters.all().iter().filter(move |cluster| has_second || (cluster.name.as_str(), cluster.location.as_str()) != SECOND)
}

fn missing(place: &str, rest: &[&str]) -> Reply {
    Reply::error(404, "NOT_FOUND", &format!("Not found: projects/{PROJECT}/locations/{place}/{}.", rest.join("/")))
}

fn accepted(world: &mut World, call: &Call, method: &'static str, begun: Result<Operation, Refusal>) -> Reply {
    match begun {
        Ok(operation) => {
            world.audit.note(Mutation {
                at_ms: world.now_ms,
                service: "container.googleapis.com",
                method,
                resource: clusters::path(&operation.location, &operation.cluster),
                actor: call.actor.clone(),
                became: kind(&operation.work).to_owned(),
                operation: operation.id,
            });
            Reply::ok(&operation_json(&operation, world.now_ms))
        }
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Reply {
    let (code, status) = match refusal {
        Refusal::Exists(_) => (409, "ALREADY_EXISTS"),
        Refusal::Missing(_) => (404, "NOT_FOUND"),
        Refusal::Invalid(_) => (400, "INVALID_ARGUMENT"),
        Refusal::Quota(_) => (403, "PERMISSION_DENIED"),
        Refusal::Busy(_) => (400, "FAILED_PRECONDITION"),
        Refusal::Stale => (409, "ABORTED"),
    };
    Reply::error(code, status, &refusal.to_string())
}

/// What an update makes of the cluster's document: one field a request, as the interface wants it.
fn update(world: &World, (place, name): (&str, &str), wanted: &Value) -> Result<Value, Refusal> {
    let invalid = |message: &str| Refusal::Invalid(message.to_owned());
    let found = world.clusters.find(place, name).ok_or_else(|| Refusal::Missing(clusters::path(place, name)))?;
    let empty = Map::new();
    let beside = ["etag", "desiredNodePoolId"];
    let asked: Vec<(&String, &Value)> =
        wanted.as_object().unwrap_or(&empty).iter().filter(|(field, _)| !beside.contains(&field.as_str())).collect();
    let [(field, value)] = asked.as_slice() else { return Err(invalid("Must specify exactly one field to update.")) };
    let mut pools = found.spec["nodePools"].clone();
    match field.as_str() {
        "desiredLocations" => {
            pools.as_array_mut().into_iter().flatten().for_each(|pool| pool["locations"] = (*value).clone());
            Ok(json!({"locations": value, "nodePools": pools}))
        }
        "desiredReleaseChannel" => Ok(json!({"releaseChannel": value})),
        "desiredWorkloadIdentityConfig" => Ok(json!({"workloadIdentityConfig": value})),
        "desiredNodePoolAutoscaling" => {
            let count = pools.as_array().map_or(0, Vec::len);
            let named = wanted["desiredNodePoolId"].as_str();
            let pool = pools.as_array_mut().into_iter().flatten().find(|pool| named.map_or(count == 1, |named| pool["name"] == named));
            pool.ok_or_else(|| invalid("Node pool not found."))?["autoscaling"] = (*value).clone();
            Ok(json!({ "nodePools": pools }))
        }
        other => Err(invalid(&format!("{other} is not served here."))),
    }
}

fn kind(work: &Work) -> &'static str {
    match work {
        Work::Create => "CREATE_CLUSTER",
        Work::Update(_) => "UPDATE_CLUSTER",
        Work::Delete => "DELETE_CLUSTER",
        Work::UpgradeMaster => "UPGRADE_MASTER",
    }
}

fn operation_json(operation: &Operation, now_ms: i64) -> Value {
    let Operation { work, cluster, location, started_ms, ends_ms, is_done, failure, .. } = operation;
    let begins = format!("https://container.googleapis.com/v1/projects/{PROJECT_NUMBER}/locations/{location}");
    let name = operation.name();
    let mut told = json!({
        "name": name,
        "zone": location,
        "operationType": kind(work),
        "status": if *is_done { "DONE" } else { "RUNNING" },
        "startTime": stamp(*started_ms),
        "selfLink": format!("{begins}/operations/{name}"),
        "targetLink": format!("{begins}/clusters/{cluster}"),
    });
    if *work == Work::Create {
        told["progress"] = json!({"metrics": metrics(if *is_done && failure.is_none() { 1.0 } else { operation.elapsed(now_ms) })});
    }
    if let Some(ends_ms) = ends_ms.filter(|_| *is_done) {
        told["endTime"] = json!(stamp(ends_ms));
        if let Some(failure) = failure {
            told["statusMessage"] = json!(failure.message);
            told["detail"] = json!(failure.message);
            told["clusterConditions"] = json!([condition(failure)]);
            told["error"] = json!({"code": failure.number, "message": failure.message});
        }
    }
    told
}

/// A stage is told once it begins.
fn metrics(elapsed: f64) -> Vec<Value> {
    let metric = |name: String, value: u32| json!({"name": name, "intValue": value.to_string()});
    let of_stage = |(place, (name, most, total)): (usize, (&str, u32, u32))| {
        let share = (elapsed * STAGES.len() as f64 - place as f64).clamp(0.0, 1.0);
        let done = (share * f64::from(most)).floor() as u32;
        let begun = place == 0 || share > 0.0;
        if begun { vec![metric(name.to_owned(), done), metric(format!("{name}_TOTAL"), total)] } else { Vec::new() }
    };
    STAGES.into_iter().enumerate().flat_map(of_stage).collect()
}

fn condition(condition: &Condition) -> Value {
    let mut told = json!({"canonicalCode": condition.canonical_code, "message": condition.message});
    if let Some(code) = condition.code {
        told["code"] = json!(code);
    }
    told
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Provisioning => "PROVISIONING",
        Status::Running => "RUNNING",
        Status::Reconciling => "RECONCILING",
        Status::Stopping => "STOPPING",
        Status::Error => "ERROR",
        Status::Degraded => "DEGRADED",
    }
}

/// A cluster as it is shown.
fn document(known: &Cluster, cluster: &clusters::Cluster) -> Value {
    let clusters::Cluster { name, location, spec, conditions, created_ms, .. } = cluster;
    let mut shown = json!({
        "name": name,
        "id": uid_for(name),
        "location": location,
        "zone": location,
        "status": status(cluster.status),
        "currentMasterVersion": VERSION,
        "currentNodeVersion": VERSION,
        "network": "default",
        "subnetwork": "default",
        "clusterIpv4Cidr": "10.8.0.0/14",
        "servicesIpv4Cidr": "10.12.0.0/20",
        "selfLink": format!("https://container.googleapis.com/v1/projects/{PROJECT}/locations/{location}/clusters/{name}"),
        "createTime": stamp(*created_ms).replace(".000Z", "+00:00"),
        "etag": clusters::tag(cluster),
        "monitoringConfig": {
            "componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS"]},
            "managedPrometheusConfig": {"enabled": true},
        },
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        shown[field] = value.clone();
    }
    let is_made = !matches!(cluster.status, Status::Provisioning | Status::Error);
    let state = if is_made { "RUNNING" } else { status(cluster.status) };
    let zones = spec["locations"].clone();
    let mut nodes = 0;
    for pool in shown["nodePools"].as_array_mut().into_iter().flatten() {
        let fields = pool.as_object_mut();
        let Some(fields) = fields else { continue };
        fields.entry("locations").or_insert_with(|| zones.clone());
        fields.insert("status".to_owned(), json!(state));
        fields.insert("version".to_owned(), json!(VERSION));
        let in_each = fields.get("initialNodeCount").and_then(Value::as_u64).unwrap_or(0);
        nodes += in_each * fields.get("locations").and_then(Value::as_array).map_or(1, Vec::len) as u64;
    }
    if is_made {
        shown["currentNodeCount"] = json!(nodes);
        reach(&mut shown, known, cluster);
    }
    if !conditions.is_empty() {
        shown["conditions"] = conditions.iter().map(condition).collect();
        shown["statusMessage"] = json!(conditions.iter().map(|condition| condition.message.as_str()).collect::<Vec<_>>().join("\n"));
    }
    shown
}

/// Where its API server listens; nothing is told of it before there is one.
fn reach(shown: &mut Value, known: &Cluster, cluster: &clusters::Cluster) {
    let address = match (cluster.name.as_str(), known.next) {
        (FIRST, _) => known.address.to_string(),
        (name, Some(next)) if name == SECOND.0 => next.to_string(),
        (_, _) => NOWHERE.to_owned(),
    };
    shown["endpoint"] = json!(address);
    shown["privateClusterConfig"] = json!({"privateEndpoint": address, "publicEndpoint": address});
    shown["controlPlaneEndpointsConfig"] = json!({
        "ipEndpointsConfig": {
            "enabled": true,
            "enablePublicEndpoint": true,
            "publicEndpoint": address,
            "privateEndpoint": address,
        },
        // Without `allowExternalTraffic`, which is how a cluster is made: nobody comes in by its name.
        "dnsEndpointConfig": {"endpoint": "gke-4b7c1f20a9e34d5c8f11-482913370577.us-central1.gke.goog", "allowExternalTraffic": false},
    });
    shown["masterAuth"] = json!({"clusterCaCertificate": base64(known.authority.pem().as_bytes())});
}
