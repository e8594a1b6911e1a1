//! Cloud Run Admin API v1, the Knative form: what `gcloud run` speaks. The same services as v2.
//!
//! A write is a replacement of the whole service and conflicts by `resourceVersion`. Of what it contains only
//! the traffic, the template and the annotations are taken.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, PROJECT_NUMBER, REGION, uid_for},
    http::{Answer, Call, Reply},
    router::not_found,
    run_template, run_v2,
};
use crate::sim::world::{
    World,
    cloud_run::{Desired, Refusal, Revision, Service, Target},
    load_balancer::base64,
    stamp,
};

/// Which annotation holds how many instances the service itself keeps.
const FLOOR: &str = "run.googleapis.com/minScale";

/// Answers one call.
pub fn handle(world: &mut World, call: &Call) -> Answer {
    let parts = call.parts();
    let rest = match parts.as_slice() {
        ["apis", "serving.knative.dev", "v1", "namespaces", PROJECT | PROJECT_NUMBER, rest @ ..] => rest,
        ["v1", "projects", PROJECT | PROJECT_NUMBER, "locations", "-" | REGION, rest @ ..] => rest,
        _ => return not_found(call).into(),
    };
    let reply = match (&call.method, rest) {
        (&Method::GET, ["services"]) => Reply::ok(&list("ServiceList", world.cloud_run.services().iter().map(service_json).collect())),
        (&Method::GET, ["services", name]) => {
            run_v2::read(world, name).map_or_else(|refusal| refused(&refusal), |service| Reply::ok(&service_json(service)))
        }
        (&Method::PUT, ["services", name]) => replace(world, call, name),
        (&Method::GET, ["revisions"]) => revisions(world, call),
        (&Method::GET, ["revisions", name]) => one_revision(world, name),
        _ => not_found(call),
    };
    reply.into()
}

fn replace(world: &mut World, call: &Call, name: &str) -> Reply {
    let sent = call.body.pointer("/metadata/resourceVersion").and_then(Value::as_str).filter(|sent| !sent.is_empty()).map(str::to_owned);
    let holds = move |service: &Service| match &sent {
        Some(sent) if *sent != resource_version(service) => {
            Err(Refusal::Stale(service.name.clone(), sent.clone(), resource_version(service)))
        }
        _ => Ok(()),
    };
    let desired = match targets(&call.body) {
        Ok(traffic) => traffic,
        Err(refusal) => return refused(&refusal),
    };
    let desired = match notes(&call.body) {
        Ok(notes) => Desired {
            traffic: desired,
            template: call.body.pointer("/spec/template").cloned(),
            notes: Some(notes),
            least: Some(floor(&call.body)),
        },
        Err(refusal) => return refused(&refusal),
    };
    match world.cloud_run.write(world.now_ms, name, desired, holds, &call.actor) {
        Ok(operation) => {
            run_v2::note(world, call, "google.cloud.run.v1.Services.ReplaceService", name, operation.id);
            world.cloud_run.service(name).map_or_else(|refusal| refused(&refusal), |service| Reply::ok(&service_json(service)))
        }
        Err(refusal) => refused(&refusal),
    }
}

/// The fewest instances of the service itself, which is an annotation here.
fn floor(body: &Value) -> u32 {
    let told = body.pointer("/metadata/annotations").and_then(|notes| notes.get(FLOOR)).and_then(Value::as_str);
    told.and_then(|least| least.parse().ok()).unwrap_or(0)
}

/// A replacement keeps of the annotations what it sends; those of the system come back as they were read and are not the client's to change.
fn notes(body: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let mut notes = run_v2::notes(body.pointer("/metadata/annotations"))?;
    notes.retain(|name, _| !name.contains("googleapis.com/") && !name.contains("knative.dev/"));
    Ok(notes)
}

fn targets(body: &Value) -> Result<Vec<Target>, Refusal> {
    let list = body.pointer("/spec/traffic").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let one = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let latest = entry.get("latestRevision").and_then(Value::as_bool).unwrap_or(false);
        let revision = text("revisionName");
        if latest == revision.is_some() {
            return Err(Refusal::Invalid("spec.traffic: each target needs either revisionName or latestRevision.".to_owned()));
        }
        let percent = entry.get("percent").map_or(Some(0), Value::as_u64).and_then(|percent| u32::try_from(percent).ok());
        let percent = percent.ok_or_else(|| Refusal::Invalid("spec.traffic.percent: must be an integer between 0 and 100.".to_owned()))?;
        Ok(Target { revision, percent, tag: text("tag") })
    };
    list.iter().map(one).collect()
}

fn revisions(world: &World, call: &Call) -> Reply {
    let wanted = call.parameter("labelSelector").and_then(|selector| selector.split_once('=')).map(|(_, value)| value.trim().to_owned());
    let services = world.cloud_run.services().iter().filter(|service| wanted.as_ref().is_none_or(|name| *name == service.name));
    let items = services.flat_map(|service| service.revisions.iter().rev().map(move |revision| revision_json(service, revision)));
    Reply::ok(&list("RevisionList", items.collect()))
}

fn one_revision(world: &World, name: &str) -> Reply {
    let found = world
        .cloud_run
        .services()
        .iter()
        .find_map(|service| Some((service, service.revisions.iter().find(|revision| revision.name == name)?)));
    match found {
        Some((service, revision)) => Reply::ok(&revision_json(service, revision)),
        None => Reply::error(
            404,
            "NOT_FOUND",
            &format!("Resource '{name}' of kind 'REVISION' in region '{REGION}' in project '{PROJECT}' does not exist."),
        ),
    }
}

fn list(kind: &str, items: Vec<Value>) -> Value {
    json!({"apiVersion": "serving.knative.dev/v1", "kind": kind, "metadata": {}, "items": items})
}

fn resource_version(service: &Service) -> String {
    base64(&service.version.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[..6])
}

fn service_json(service: &Service) -> Value {
    let mut body = json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": service.name,
            "namespace": PROJECT_NUMBER,
            "selfLink": format!("/apis/serving.knative.dev/v1/namespaces/{PROJECT_NUMBER}/services/{}", service.name),
            "uid": uid_for(&service.name),
            "resourceVersion": resource_version(service),
            "generation": service.generation,
            "creationTimestamp": stamp(service.created_ms),
            "labels": {"cloud.googleapis.com/location": REGION, "app": service.name},
            "annotations": {
                "serving.knative.dev/creator": "deployer@hexproperty.iam.gserviceaccount.com",
                "serving.knative.dev/lastModifier": service.modifier,
                "run.googleapis.com/client-name": service.client,
                "run.googleapis.com/ingress": "all",
                "run.googleapis.com/ingress-status": "all",
                "run.googleapis.com/urls": json!([run_template::uri(&service.name, None)]).to_string(),
            },
        },
        "spec": {"template": service.template, "traffic": service.traffic.iter().map(|target| target_json(service, target)).collect::<Vec<_>>()},
        "status": {
            "observedGeneration": service.observed,
            "conditions": [condition(service, "Ready"), condition(service, "ConfigurationsReady"), condition(service, "RoutesReady")],
            "latestReadyRevisionName": service.latest(),
            "latestCreatedRevisionName": service.latest(),
            "traffic": service.serving.iter().map(|target| status_json(service, target)).collect::<Vec<_>>(),
            "url": run_template::uri(&service.name, None),
            "address": {"url": run_template::uri(&service.name, None)},
        },
    });
    if let Some(least) = service.least {
        body["metadata"]["annotations"][FLOOR] = json!(least.to_string());
    }
    for (name, value) in &service.notes {
        body["metadata"]["annotations"][name] = json!(value);
    }
    body
}

fn condition(service: &Service, kind: &str) -> Value {
    let concerns_routes = kind != "ConfigurationsReady";
    let at = stamp(if service.reconciling() { service.updated_ms } else { service.settles_ms });
    match &service.failure {
        _ if service.reconciling() && concerns_routes => json!({"type": kind, "status": "Unknown", "lastTransitionTime": at}),
        Some(failure) if concerns_routes => {
            json!({"type": kind, "status": "False", "reason": "RevisionMissing", "message": failure, "lastTransitionTime": at})
        }
        _ => json!({"type": kind, "status": "True", "lastTransitionTime": at}),
    }
}

fn target_json(service: &Service, target: &Target) -> Value {
    let mut body = match &target.revision {
        Some(revision) => json!({"revisionName": revision}),
        None => json!({"latestRevision": true}),
    };
    if target.percent > 0 {
        body["percent"] = json!(target.percent);
    }
    if let Some(tag) = &target.tag {
        body["tag"] = json!(tag);
        body["url"] = json!(run_template::uri(&service.name, Some(tag)));
    }
    body
}

fn status_json(service: &Service, target: &Target) -> Value {
    let mut body = target_json(service, target);
    let follows = service.traffic.iter().any(|wished| wished.revision.is_none() && wished.tag == target.tag)
        && target.revision.as_deref() == Some(service.latest());
    if follows {
        body["latestRevision"] = json!(true);
    }
    body
}

fn revision_json(service: &Service, revision: &Revision) -> Value {
    let percent: u32 = service
        .serving
        .iter()
        .filter(|target| target.revision.as_deref() == Some(revision.name.as_str()))
        .map(|target| target.percent)
        .sum();
    let serves = if percent > 0 { "True" } else { "False" };
    let at = stamp(revision.created_ms);
    let ready = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": at});
    json!({
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "metadata": {
            "name": revision.name,
            "namespace": PROJECT_NUMBER,
            "uid": uid_for(&revision.name),
            "resourceVersion": base64(&revision.created_ms.to_be_bytes()[2..]),
            "generation": 1,
            "creationTimestamp": at,
            "labels": {"serving.knative.dev/service": service.name, "serving.knative.dev/configuration": service.name, "cloud.googleapis.com/location": REGION},
            "annotations": {"serving.knative.dev/creator": "deployer@hexproperty.iam.gserviceaccount.com"},
        },
        "spec": revision.template["spec"],
        "status": {
            "observedGeneration": 1,
            "conditions": [ready("Ready", "True"), ready("Active", serves), ready("ContainerHealthy", "True"), ready("ResourcesAvailable", "True")],
            "logUrl": "",
            "serviceName": service.name,
        },
    })
}

fn refused(refusal: &Refusal) -> Reply {
    let message = refusal.to_string();
    match refusal {
        Refusal::Missing(_) => Reply::error(404, "NOT_FOUND", &message),
        Refusal::Stale(..) => Reply::error(409, "ABORTED", &message),
        Refusal::Invalid(_) => Reply::error(400, "INVALID_ARGUMENT", &message),
    }
}
