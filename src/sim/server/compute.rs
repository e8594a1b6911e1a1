//! Compute Engine v1, as far as a load balancer needs it: URL maps, backend services, groups of endpoints, operations.
//!
//! URL maps can be read and written; all else only read. A regional load balancer's come here by way of `regional`; there are no other
//! resources at all.

pub mod addresses;
mod aggregated;
mod groups;

use hyper::Method;
use serde_json::{Value, json};

use aggregated::List;

use super::{
    compute_setup,
    google::{PROJECT, listing, number_for},
    http::{Answer, Call, Reply},
    projects, regional,
    router::not_found,
};
use crate::sim::{
    faults::Api,
    world::{
        Leg, World,
        audit::Denied,
        kubernetes::resource::Resource,
        load_balancer::{Accepted, HOTFIX, Kind, LINK, Refusal, URL_MAP, Write, leg_of},
        neighbours::NEIGHBOURS,
        operations::Operation,
        stamp, url_map, url_map_tests,
    },
};

/// What a classic load balancer says to weights.
const CLASSIC: &str = "Route actions other than urlRewrite are not supported for the load balancing scheme EXTERNAL.";

/// Answers one call.
pub fn handle(world: &mut World, call: &Call) -> Answer {
    let parts = call.parts();
    let path = parts.strip_prefix(&["compute", "v1"][..]).unwrap_or(&parts);
    let ["projects", PROJECT, rest @ ..] = path else { return not_found(call).into() };
    if let Some(reply) = groups::handle(world, call, rest) {
        return reply.into();
    }
    let reply = match (&call.method, rest) {
        (&Method::GET, ["global", "urlMaps"]) => list("urlMaps", "compute#urlMapList", vec![read(world)]),
        (&Method::GET, ["aggregated", "urlMaps"]) => {
            let of = List { name: "urlMaps", kind: "compute#urlMapsAggregatedList", zonal: false };
            aggregated::list(world, call, of, vec![regional::resource(world, read(world))])
        }
        (&Method::GET, ["global", "urlMaps", URL_MAP]) if world.conditions.null_fields => Reply::ok(&url_map::with_nulls(read(world))),
        (&Method::GET, ["global", "urlMaps", URL_MAP]) => Reply::ok(&read(world)),
        (&Method::PATCH, ["global", "urlMaps", URL_MAP]) => write(world, call, Write::Patch),
        (&Method::PUT, ["global", "urlMaps", URL_MAP]) => write(world, call, Write::Replace),
        (&Method::POST, ["global", "urlMaps", URL_MAP, "validate"]) => validate(world, call),
        (&Method::GET, ["zones" | "regions", place, "networkEndpointGroups", name]) => {
            let group = compute_setup::group(place, name);
            group.map_or_else(|| missing(&rest.join("/")), |found| Reply::ok(&found))
        }
        (&Method::POST, ["global", "backendServices", name, "testIamPermissions"]) if backend(world, name).is_some() => {
            projects::held(world, call)
        }
        (&Method::GET, ["global", "backendServices"]) => list("backendServices", "compute#backendServiceList", backends(world)),
        (&Method::GET, ["aggregated", "backendServices"]) => {
            let of = List { name: "backendServices", kind: "compute#backendServiceAggregatedList", zonal: false };
            let all = backends(world).into_iter().map(|service| regional::resource(world, service));
            aggregated::list(world, call, of, all.collect())
        }
        (&Method::GET, ["global", "backendServices", name]) => {
            backend(world, name).map_or_else(|| missing(&format!("global/backendServices/{name}")), |found| Reply::ok(&found))
        }
        (&Method::POST, ["global", "backendServices", name, "getHealth"]) => health(world, call, name),
        (&Method::GET, ["global", "operations"]) => operations(world, call),
        (&Method::GET, ["global", "operations", name]) => {
            operation(world, name).map_or_else(|reply| reply, |found| Reply::ok(&operation_json(world, &found)))
        }
        (&Method::POST, ["global", "operations", name, "wait"]) => return wait(world, name),
        (&Method::GET, ["global" | "regions" | "zones", ..]) => missing(&rest.join("/")),
        _ => not_found(call),
    };
    reply.into()
}

/// The URL map as it is read now.
fn read(world: &World) -> Value {
    world.load_balancer.url_map_as_of(world.conditions.read_as_of(world.now_ms, Api::Compute)).clone()
}

fn write(world: &mut World, call: &Call, how: Write) -> Reply {
    if !call.body.is_object() {
        return failed(400, "required", "Required field 'resource' not specified");
    }
    let method = match how {
        Write::Patch => world.load_balancer.kind.method("patch"),
        Write::Replace => world.load_balancer.kind.method("update"),
    };
    if world.conditions.classic && call.body.to_string().contains("weightedBackendServices") {
        return failed(400, "invalid", CLASSIC);
    }
    let request_id = call.parameter("requestId");
    match world.load_balancer.write(world.now_ms, how, &call.body, request_id, &call.actor) {
        Ok(Accepted::Fresh(operation)) => {
            world.note_url_map(method, &call.actor, operation.id);
            Reply::ok(&operation_json(world, &operation))
        }
        Ok(Accepted::Repeated(operation)) => Reply::ok(&operation_json(world, &operation)),
        Err(refusal) => {
            let (status, code, reason) = match &refusal {
                Refusal::Fingerprint => (412, 9, "conditionNotMet"),
                Refusal::Invalid(_) => (400, 3, "invalid"),
            };
            world.audit.deny(Denied {
                at_ms: world.now_ms,
                service: "compute.googleapis.com",
                method,
                resource: format!("projects/{PROJECT}/{}/urlMaps/{URL_MAP}", world.load_balancer.kind.place()),
                actor: call.actor.clone(),
                code,
                message: refusal.to_string(),
            });
            failed(status, reason, &refusal.to_string())
        }
    }
}

fn validate(world: &World, call: &Call) -> Reply {
    let Some(resource) = call.body.get("resource") else { return failed(400, "required", "Required field 'resource' not specified") };
    let mut problems = world.load_balancer.problems(resource);
    let schemes = call.body.get("loadBalancingSchemes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if schemes.iter().any(|scheme| scheme == "EXTERNAL") {
        problems.push(CLASSIC.to_owned());
    }
    let failures = url_map_tests::failures(resource);
    // What a test says is told of the test, and not as an error of loading.
    problems.retain(|problem| failures.is_empty() || !problem.contains("tests failed"));
    let mut result = json!({"loadSucceeded": problems.is_empty(), "testPassed": problems.is_empty() && failures.is_empty()});
    if !failures.is_empty() {
        result["testFailures"] = json!(failures);
    }
    if !problems.is_empty() {
        result["loadErrors"] = json!(problems);
    }
    Reply::ok(&json!({"result": result}))
}

fn health(world: &World, call: &Call, name: &str) -> Reply {
    let group = call.body.get("group").and_then(Value::as_str).unwrap_or_default();
    let Some(found) = backend(world, name) else { return missing(&format!("global/backendServices/{name}")) };
    let groups: Vec<&str> =
        found["backends"].as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|backend| backend["group"].as_str()).collect();
    let tail = |link: &str| link.rsplit("/projects/").next().unwrap_or_default().to_owned();
    let Some(place) = groups.iter().position(|known| tail(known) == tail(group)) else {
        return failed(
            400,
            "invalid",
            &format!("Invalid value for field 'resource.group': '{group}'. The group is not a backend of '{name}'."),
        );
    };
    if leg_of(name) != Some(Leg::Gke) {
        return failed(400, "invalid", "Health checks are not supported for serverless network endpoint groups.");
    }
    if name == "frontend-gke" && compute_setup::is_empty(world) {
        return Reply::ok(&json!({"kind": "compute#backendServiceGroupHealth"}));
    }
    let zone = tail(groups[place]).split('/').nth(2).unwrap_or_default().to_owned();
    Reply::ok(&json!({"kind": "compute#backendServiceGroupHealth", "healthStatus": pods_in(world, name.trim_end_matches("-gke"), &zone)}))
}

/// The endpoints of one zone's group are the ready and unready pods there, as the cluster itself says.
fn pods_in(world: &World, service: &str, zone: &str) -> Vec<Value> {
    let slices = world.kubernetes.store().list(Resource::EndpointSlice, "hexproperty");
    let ours = slices.filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service);
    let endpoints = ours.flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    let here = endpoints.filter(|endpoint| endpoint["zone"] == zone && endpoint["conditions"]["terminating"] != true);
    let health = |endpoint: Value| {
        let state = if endpoint["conditions"]["ready"] == true { "HEALTHY" } else { "UNHEALTHY" };
        json!({"ipAddress": endpoint["addresses"][0], "port": 8080, "healthState": state})
    };
    here.map(health).collect()
}

fn backends(world: &World) -> Vec<Value> {
    names().filter_map(|name| backend(world, &name)).collect()
}

/// Every backend service of the project.
fn names() -> impl Iterator<Item = String> {
    let beside = NEIGHBOURS.iter().flat_map(|neighbour| ["run", "gke"].map(|leg| format!("{}-{leg}", neighbour.service)));
    ["frontend-run", "frontend-gke", HOTFIX].map(str::to_owned).into_iter().chain(beside).chain([url_map::DOCS.to_owned()])
}

fn backend(world: &World, name: &str) -> Option<Value> {
    let leg = leg_of(name);
    let places: &[&str] = match (leg, name) {
        (Some(Leg::Run), _) | (None, HOTFIX | url_map::DOCS) => &["regions/us-central1"],
        (Some(Leg::Gke), _) => &["zones/us-central1-a", "zones/us-central1-b", "zones/us-central1-c"],
        (None, _) => return None,
    };
    let groups: Vec<String> = places.iter().map(|place| format!("{place}/networkEndpointGroups/{name}-neg")).collect();
    let serverless = leg != Some(Leg::Gke);
    let one = |group: &String| {
        let mut backend = json!({"group": format!("{LINK}/{group}"), "capacityScaler": 1.0});
        if !serverless {
            backend["balancingMode"] = json!("RATE");
            backend["maxRatePerEndpoint"] = json!(100.0);
        }
        backend
    };
    let mut found = json!({
        "kind": "compute#backendService",
        "id": number_for(name),
        "creationTimestamp": "2026-10-30T09:12:44.102-07:00",
        "name": name,
        "selfLink": format!("{LINK}/global/backendServices/{name}"),
        "backends": groups.iter().map(one).collect::<Vec<_>>(),
        "loadBalancingScheme": match world.load_balancer.kind {
            _ if world.conditions.classic => "EXTERNAL",
            Kind::GlobalExternal | Kind::RegionalExternal => "EXTERNAL_MANAGED",
            Kind::RegionalInternal => "INTERNAL_MANAGED",
        },
        "protocol": if serverless { "HTTPS" } else { "HTTP" },
        // As long as the revisions of Cloud Run may take; of a serverless backend it says the default and means nothing.
        "timeoutSec": if serverless { 30 } else { 300 },
        "connectionDraining": {"drainingTimeoutSec": if serverless { 0 } else { 60 }},
        "logConfig": {"enable": true, "sampleRate": 1.0},
        "sessionAffinity": "NONE",
        "fingerprint": "kT3Vt1mQ0pA=",
    });
    if !serverless {
        found["healthChecks"] = json!([format!("{LINK}/global/healthChecks/{name}-ready")]);
    }
    if let ("frontend-run" | "frontend-gke", Some(leg)) = (name, leg) {
        compute_setup::spoil(world, leg, &mut found);
    }
    Some(found)
}

fn operations(world: &World, call: &Call) -> Reply {
    let of_map = world.load_balancer.operations.all().iter().rev().map(|operation| operation_json(world, operation));
    let mut all: Vec<Value> = of_map.chain(addresses::of_scope(world, world.load_balancer.kind.place())).collect();
    // The newest first; that is the only order in which they can be had beside that of their names.
    all.sort_by(|one, other| other["insertTime"].as_str().cmp(&one["insertTime"].as_str()));
    let limit = call.parameter("maxResults").and_then(|limit| limit.parse().ok()).unwrap_or(500);
    super::google::page(call, all, limit).map_or_else(
        || failed(400, "invalid", "Invalid value for field 'pageToken'."),
        |page| {
            let mut body = listing("items", page);
            body["kind"] = json!("compute#operationList");
            Reply::ok(&body)
        },
    )
}

fn wait(world: &World, name: &str) -> Answer {
    match operation(world, name) {
        Err(reply) => reply.into(),
        Ok(found) => {
            let reply = Reply::ok(&operation_json(world, &found));
            if found.done(world.now_ms) { Answer::Now(reply) } else { Answer::Pending(reply) }
        }
    }
}

fn operation(world: &World, name: &str) -> Result<Operation, Reply> {
    let number = name.strip_prefix("operation-").and_then(|id| u64::from_str_radix(id, 16).ok());
    let found = number.and_then(|id| world.load_balancer.operations.find(id)).cloned();
    found.ok_or_else(|| missing(&format!("global/operations/{name}")))
}

fn operation_json(world: &World, operation: &Operation) -> Value {
    let name = format!("operation-{:013x}", operation.id);
    let done = operation.done(world.now_ms);
    let mut body = json!({
        "kind": "compute#operation",
        "id": number_for(&name),
        "name": name,
        "operationType": operation.kind,
        "targetLink": format!("{LINK}/global/urlMaps/{}", operation.target),
        "targetId": world.load_balancer.url_map()["id"],
        "status": if done { "DONE" } else { "RUNNING" },
        "user": operation.principal,
        "progress": if done { 100 } else { 0 },
        "insertTime": stamp(operation.started_ms),
        "startTime": stamp(operation.started_ms),
        "selfLink": format!("{LINK}/global/operations/{name}"),
    });
    if done {
        body["endTime"] = json!(stamp(operation.ends_ms));
        if let Some(failure) = &operation.failure {
            body["error"] = json!({"errors": [{"code": "INTERNAL_ERROR", "message": failure}]});
            body["httpErrorStatusCode"] = json!(500);
        }
    }
    body
}

fn list(name: &str, kind: &str, items: Vec<Value>) -> Reply {
    Reply::ok(
        &json!({"kind": kind, "id": format!("projects/{PROJECT}/global/{name}"), "items": items, "selfLink": format!("{LINK}/global/{name}")}),
    )
}

fn missing(resource: &str) -> Reply {
    failed(404, "notFound", &format!("The resource 'projects/{PROJECT}/{resource}' was not found"))
}

/// An error in Compute's own form, which names the reason twice.
fn failed(code: u16, reason: &str, message: &str) -> Reply {
    Reply::json(
        code,
        &json!({"error": {"code": code, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}}),
    )
}
