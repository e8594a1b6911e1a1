//! Cloud Run Admin API v2: what the product speaks. Services, revisions and operations.
//!
//! Clients that ask for `enum-encoding=int` get numbers for enums, and everybody may send either. Of a
//! service only `traffic`, `template`, its fewest instances and its annotations can be changed here.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, REGION, listing, page, page_at_most, uid_for},
    http::{Answer, Call, Reply},
    projects,
    router::not_found,
    run_template,
};
use crate::sim::{
    faults::Api,
    world::{
        World,
        audit::Mutation,
        cloud_run::{Desired, Refusal, Revision, Service, Target},
        operations::Operation,
        stamp,
    },
};

/// Answers one call.
pub fn handle(world: &mut World, call: &Call) -> Answer {
    let parts = call.parts();
    let ["v2", "projects", PROJECT, "locations", REGION, rest @ ..] = parts.as_slice() else { return not_found(call).into() };
    let answer = match (&call.method, rest) {
        (&Method::GET, ["services"]) => services(world, call),
        (&Method::GET, ["services", name]) => {
            read(world, name).map_or_else(|refusal| refused(&refusal), |service| Reply::ok(&service_json(service)))
        }
        (&Method::PATCH, ["services", name]) => patch(world, call, name),
        (&Method::POST, ["services", name]) if name.ends_with(":testIamPermissions") => projects::held(world, call),
        (&Method::GET, ["services", name, "revisions"]) => revisions(world, call, name),
        (&Method::GET, ["services", name, "revisions", revision]) => one_revision(world, name, revision),
        (&Method::GET, ["operations"]) => {
            let all = world.cloud_run.operations.all().iter().rev().map(|operation| operation_json(world, operation)).collect();
            paged(call, "operations", all)
        }
        (&Method::GET, ["operations", id]) => {
            operation(world, id).map_or_else(|reply| reply, |found| Reply::ok(&operation_json(world, &found)))
        }
        (&Method::POST, ["operations", id]) if id.ends_with(":wait") => return wait(world, call, id.trim_end_matches(":wait")),
        _ => not_found(call),
    };
    encoded(call, answer).into()
}

/// A service as it is read now.
pub fn read<'a>(world: &'a World, name: &str) -> Result<&'a Service, Refusal> {
    world.cloud_run.service_as_of(name, world.conditions.read_as_of(world.now_ms, Api::Run))
}

fn services(world: &World, call: &Call) -> Reply {
    let all = world.cloud_run.services().iter().map(service_json).collect();
    let page = page_at_most(call, all, 100, world.conditions.page_max);
    page.map_or_else(|| Reply::error(400, "INVALID_ARGUMENT", "The page token is invalid."), |page| Reply::ok(&listing("services", page)))
}

fn revisions(world: &World, call: &Call, name: &str) -> Reply {
    match world.cloud_run.service(name) {
        Ok(service) => paged(call, "revisions", service.revisions.iter().rev().map(|revision| revision_json(service, revision)).collect()),
        Err(refusal) => refused(&refusal),
    }
}

fn one_revision(world: &World, name: &str, wanted: &str) -> Reply {
    let service = match world.cloud_run.service(name) {
        Ok(service) => service,
        Err(refusal) => return refused(&refusal),
    };
    let found = service.revisions.iter().find(|revision| revision.name == wanted);
    found.map_or_else(|| missing(&format!("Revision '{wanted}' was not found.")), |revision| Reply::ok(&revision_json(service, revision)))
}

fn paged(call: &Call, field: &str, items: Vec<Value>) -> Reply {
    page(call, items, 100)
        .map_or_else(|| Reply::error(400, "INVALID_ARGUMENT", "The page token is invalid."), |page| Reply::ok(&listing(field, page)))
}

fn patch(world: &mut World, call: &Call, name: &str) -> Reply {
    let desired = match wished(world, call, name) {
        Ok(desired) => desired,
        Err(refusal) => return refused(&refusal),
    };
    let sent = call.body.get("etag").and_then(Value::as_str).filter(|etag| !etag.is_empty()).map(str::to_owned);
    let holds = move |service: &Service| match &sent {
        Some(sent) if *sent != service.etag() => Err(Refusal::Stale(service.name.clone(), sent.clone(), service.etag())),
        _ => Ok(()),
    };
    if call.switch("validateOnly") {
        let checked = world.cloud_run.service(name).and_then(holds);
        return checked.map_or_else(|refusal| refused(&refusal), |()| Reply::ok(&json!({"name": operation_name(0), "done": true})));
    }
    match world.cloud_run.write(world.now_ms, name, desired, holds, &call.actor) {
        Ok(operation) => {
            note(world, call, "google.cloud.run.v2.Services.UpdateService", name, operation.id);
            Reply::ok(&operation_json(world, &operation))
        }
        Err(refusal) => refused(&refusal),
    }
}

/// Writes a change of a service into the audit log.
pub fn note(world: &mut World, call: &Call, method: &'static str, name: &str, operation: u64) {
    let wished = world.cloud_run.service(name).map(|service| service.traffic.clone()).unwrap_or_default();
    let became = wished
        .iter()
        .map(|target| format!("{}={}", target.revision.as_deref().unwrap_or("LATEST"), target.percent))
        .collect::<Vec<_>>()
        .join(" ");
    world.audit.note(Mutation {
        at_ms: world.now_ms,
        service: "run.googleapis.com",
        method,
        resource: format!("projects/{PROJECT}/locations/{REGION}/services/{name}"),
        actor: call.actor.clone(),
        became,
        operation,
    });
}

fn wished(world: &World, call: &Call, name: &str) -> Result<Desired, Refusal> {
    let current = world.cloud_run.service(name)?;
    let mask: Vec<&str> = call.parameter("updateMask").map(|mask| mask.split(',').collect()).unwrap_or_default();
    if let Some(other) =
        mask.iter().find(|path| !matches!(**path, "traffic" | "template" | "annotations" | "scaling" | "scaling.minInstanceCount" | "*"))
    {
        return Err(Refusal::Invalid(format!("updateMask: this world's services can't change '{other}'.")));
    }
    // No mask replaces the whole object, and a body without traffic then means everything to the newest revision.
    let covers = |path: &str| mask.is_empty() || mask.contains(&path) || mask.contains(&"*");
    let traffic = if covers("traffic") { targets(&call.body)? } else { current.traffic.clone() };
    let template =
        call.body.get("template").filter(|_| covers("template")).map(|template| run_template::from_v2(template, &current.template));
    let notes = if covers("annotations") { Some(notes(call.body.get("annotations"))?) } else { None };
    let scales = covers("scaling") || covers("scaling.minInstanceCount");
    let least = if scales { Some(floor(&call.body)?) } else { None };
    Ok(Desired { traffic, template, notes, least })
}

/// The fewest instances of a service; none where it says nothing.
fn floor(body: &Value) -> Result<u32, Refusal> {
    let sent = body.pointer("/scaling/minInstanceCount").map_or(Some(0), Value::as_u64).and_then(|least| u32::try_from(least).ok());
    sent.ok_or_else(|| Refusal::Invalid("scaling.min_instance_count: must be greater or equal than 0.".to_owned()))
}

/// The annotations that a client sends; without any, it wants none.
pub fn notes(sent: Option<&Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let fields = sent.and_then(Value::as_object).into_iter().flatten();
    let text = |(name, value): (&String, &Value)| {
        let value = value.as_str().ok_or_else(|| Refusal::Invalid(format!("annotations: the value of '{name}' must be a string.")))?;
        Ok((name.clone(), value.to_owned()))
    };
    fields.map(text).collect()
}

fn targets(body: &Value) -> Result<Vec<Target>, Refusal> {
    let list = body.get("traffic").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let invalid = |message: String| Refusal::Invalid(message);
    let one = |entry: &Value| {
        let revision = entry
            .get("revision")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
            .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
        let kind = entry.get("type").cloned().unwrap_or(Value::Null);
        let latest = match (kind.as_str(), kind.as_i64()) {
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"), _) | (_, Some(1)) => true,
            (Some("TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"), _) | (_, Some(2)) => false,
            _ => return Err(invalid("traffic.type: must be LATEST or REVISION.".to_owned())),
        };
        if latest == revision.is_some() {
            return Err(invalid("traffic.revision: must be set for type REVISION, and only for it.".to_owned()));
        }
        let percent = entry.get("percent").map_or(Some(0), Value::as_u64).and_then(|percent| u32::try_from(percent).ok());
        let percent = percent.ok_or_else(|| invalid("traffic.percent: must be an integer between 0 and 100.".to_owned()))?;
        let tag = entry.get("tag").and_then(Value::as_str).filter(|tag| !tag.is_empty()).map(str::to_owned);
        Ok(Target { revision, percent, tag })
    };
    list.iter().map(one).collect()
}

fn wait(world: &World, call: &Call, id: &str) -> Answer {
    match operation(world, id) {
        Err(reply) => reply.into(),
        Ok(found) => {
            let reply = encoded(call, Reply::ok(&operation_json(world, &found)));
            if found.done(world.now_ms) { Answer::Now(reply) } else { Answer::Pending(reply) }
        }
    }
}

fn operation(world: &World, id: &str) -> Result<Operation, Reply> {
    let number = id.strip_prefix("update-").and_then(|id| u64::from_str_radix(id, 16).ok());
    number.and_then(|id| world.cloud_run.operations.find(id)).cloned().ok_or_else(|| missing(&format!("Operation '{id}' was not found.")))
}

fn operation_name(id: u64) -> String {
    format!("projects/{PROJECT}/locations/{REGION}/operations/update-{id:08x}")
}

fn operation_json(world: &World, operation: &Operation) -> Value {
    let service = world.cloud_run.service(&operation.target).map(|service| typed(service_json(service))).unwrap_or(Value::Null);
    let mut body = json!({"name": operation_name(operation.id), "metadata": service});
    if operation.done(world.now_ms) {
        body["done"] = json!(true);
        match &operation.failure {
            Some(failure) => body["error"] = json!({"code": 9, "message": failure}),
            None => body["response"] = body["metadata"].clone(),
        }
    }
    body
}

fn typed(mut service: Value) -> Value {
    if let Value::Object(fields) = &mut service {
        fields.shift_insert(0, "@type".to_owned(), json!("type.googleapis.com/google.cloud.run.v2.Service"));
    }
    service
}

fn full_name(service: &str) -> String {
    format!("projects/{PROJECT}/locations/{REGION}/services/{service}")
}

fn service_json(service: &Service) -> Value {
    let name = full_name(&service.name);
    let ready = condition(service, "Ready");
    let mut body = json!({
        "name": name,
        "uid": uid_for(&name),
        "generation": service.generation.to_string(),
        "labels": {"app": service.name},
        "createTime": stamp(service.created_ms),
        "updateTime": stamp(service.updated_ms),
        "creator": "deployer@hexproperty.iam.gserviceaccount.com",
        "lastModifier": service.modifier,
        "client": service.client,
        "ingress": "INGRESS_TRAFFIC_ALL",
        "launchStage": "GA",
        "scaling": scaling_json(service),
        "template": run_template::to_v2(&service.template),
        "traffic": service.traffic.iter().map(target_json).collect::<Vec<_>>(),
        "observedGeneration": service.observed.to_string(),
        "terminalCondition": ready,
        "conditions": [condition(service, "RoutesReady"), condition(service, "ConfigurationsReady")],
        "latestReadyRevision": format!("{name}/revisions/{}", service.latest()),
        "latestCreatedRevision": format!("{name}/revisions/{}", service.latest()),
        "trafficStatuses": service.serving.iter().map(|target| status_json(service, target)).collect::<Vec<_>>(),
        "uri": run_template::uri(&service.name, None),
        "urls": [run_template::uri(&service.name, None)],
        "etag": service.etag(),
    });
    if !service.notes.is_empty() {
        body["annotations"] = json!(service.notes);
    }
    if service.reconciling() {
        body["reconciling"] = json!(true);
    }
    body
}

fn condition(service: &Service, kind: &str) -> Value {
    let concerns_routes = kind != "ConfigurationsReady";
    let (state, message) = match &service.failure {
        _ if service.reconciling() && concerns_routes => ("CONDITION_RECONCILING", None),
        Some(failure) if concerns_routes => ("CONDITION_FAILED", Some(failure)),
        _ => ("CONDITION_SUCCEEDED", None),
    };
    let mut body = json!({"type": kind, "state": state, "lastTransitionTime": stamp(service.updated_ms)});
    if let Some(message) = message {
        body["message"] = json!(message);
        body["reason"] = json!("REVISION_MISSING");
    }
    body
}

/// How the service itself scales; the interface leaves out what is zero.
fn scaling_json(service: &Service) -> Value {
    let mut body = json!({});
    if let Some(instances) = service.manual {
        body["scalingMode"] = json!("MANUAL");
        body["manualInstanceCount"] = json!(instances);
    }
    if let Some(least) = service.least {
        body["minInstanceCount"] = json!(least);
    }
    if let Some(most) = service.most {
        body["maxInstanceCount"] = json!(most);
    }
    body
}

fn target_json(target: &Target) -> Value {
    let mut body = match &target.revision {
        Some(revision) => json!({"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": revision}),
        None => json!({"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}),
    };
    // The interface leaves zeros and empty strings out.
    if target.percent > 0 {
        body["percent"] = json!(target.percent);
    }
    if let Some(tag) = &target.tag {
        body["tag"] = json!(tag);
    }
    body
}

fn status_json(service: &Service, target: &Target) -> Value {
    let follows = service.traffic.iter().any(|wished| wished.revision.is_none() && wished.tag == target.tag)
        && target.revision.as_deref() == Some(service.latest());
    let mut body = target_json(target);
    if follows {
        body = target_json(&Target { revision: None, ..target.clone() });
    }
    if let Some(tag) = &target.tag {
        body["uri"] = json!(run_template::uri(&service.name, Some(tag)));
    }
    body
}

fn revision_json(service: &Service, revision: &Revision) -> Value {
    let name = format!("{}/revisions/{}", full_name(&service.name), revision.name);
    let mut body = json!({
        "name": name,
        "uid": uid_for(&name),
        "generation": "1",
        "createTime": stamp(revision.created_ms),
        "updateTime": stamp(revision.created_ms),
        "launchStage": "GA",
        "service": service.name,
        "observedGeneration": "1",
        "conditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": stamp(revision.created_ms)}],
        "etag": format!("\"{}\"", uid_for(&name)),
    });
    if let (Value::Object(fields), Value::Object(template)) = (&mut body, run_template::to_v2(&revision.template)) {
        fields.extend(template);
    }
    body
}

fn refused(refusal: &Refusal) -> Reply {
    let message = refusal.to_string();
    match refusal {
        Refusal::Missing(_) => missing(&message),
        Refusal::Stale(..) => Reply::error(409, "ABORTED", &message),
        Refusal::Invalid(_) => Reply::error(400, "INVALID_ARGUMENT", &message),
    }
}

fn missing(message: &str) -> Reply {
    Reply::error(404, "NOT_FOUND", message)
}

/// The answer with enums as numbers, if the caller wants that.
fn encoded(call: &Call, reply: Reply) -> Reply {
    let wants = call.parameter("$alt").or_else(|| call.parameter("alt")).is_some_and(|alt| alt.contains("enum-encoding=int"));
    if !wants {
        return reply;
    }
    const NUMBERS: [(&str, u8); 10] = [
        ("TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", 1),
        ("TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", 2),
        ("INGRESS_TRAFFIC_ALL", 1),
        ("MANUAL", 2),
        ("GA", 4),
        ("CONDITION_PENDING", 1),
        ("CONDITION_RECONCILING", 2),
        ("CONDITION_FAILED", 3),
        ("CONDITION_SUCCEEDED", 4),
        ("REVISION_MISSING", 0),
    ];
    let body = NUMBERS.iter().fold(reply.body, |body, (name, number)| body.replace(&format!(":\"{name}\""), &format!(":{number}")));
    Reply { body, ..reply }
}
