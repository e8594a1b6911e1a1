//! Cloud Logging v2: the admin activity audit log, which is where the author of a URL map change is found.
//!
//! Of the filter language only comparisons with a quoted value on the fields below are read; a filter with
//! anything else in it is answered as if that were not there, so callers must check what they get.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, REGION, page, uid_for},
    http::{Answer, Call, Reply},
    router::not_found,
};
use crate::sim::world::{
    World,
    actor::Actor,
    audit::{Denied, Mutation, VISIBLE_AFTER_MS},
    stamp,
};

/// Answers one call.
pub fn handle(world: &World, call: &Call) -> Answer {
    match (&call.method, call.parts().as_slice()) {
        (&Method::POST, ["v2", "entries:list"]) => entries(world, call).into(),
        _ => not_found(call).into(),
    }
}

fn entries(world: &World, call: &Call) -> Reply {
    let text = |name: &str| call.body.get(name).and_then(Value::as_str).unwrap_or_default();
    let filter = text("filter");
    let mut entries: Vec<Value> = all(world, world.now_ms).into_iter().filter(|entry| matches(filter, entry)).collect();
    if text("orderBy").ends_with(" desc") {
        entries.reverse();
    }
    // This API takes its page fields from the body.
    let mut query = call.query.clone();
    for name in ["pageSize", "pageToken"] {
        match call.body.get(name) {
            Some(Value::String(text)) => drop(query.insert(name.to_owned(), text.clone())),
            Some(Value::Number(number)) => drop(query.insert(name.to_owned(), number.to_string())),
            _ => {}
        }
    }
    let paged = Call { query, ..call.clone() };
    match page(&paged, entries, 50) {
        None => Reply::error(400, "INVALID_ARGUMENT", "page_token is invalid"),
        Some(page) => {
            let mut body = json!({});
            if !page.items.is_empty() {
                body["entries"] = json!(page.items);
            }
            if let Some(next) = page.next {
                body["nextPageToken"] = json!(next);
            }
            Reply::ok(&body)
        }
    }
}

/// Everything that a reader sees at this virtual time, oldest first.
#[must_use]
pub fn all(world: &World, now_ms: i64) -> Vec<Value> {
    let begun = world.audit.visible(now_ms).map(|mutation| (mutation.at_ms, entry(mutation)));
    let ended = world.audit.visible(now_ms).filter_map(|mutation| end(world, mutation, now_ms));
    let denied = world.audit.visibly_denied(now_ms).enumerate().map(|(place, denied)| (denied.at_ms, refusal(place, denied)));
    let mut entries: Vec<(i64, Value)> = begun.chain(ended).chain(denied).collect();
    entries.sort_by_key(|(at_ms, _)| *at_ms);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn entry(mutation: &Mutation) -> Value {
    let Mutation { at_ms, service, method, resource, actor, operation, .. } = mutation;
    let id = uid_for(&format!("{at_ms} {method} {operation}"));
    let mut entry = about(&id, *at_ms, service, method, resource, actor);
    entry["severity"] = json!("NOTICE");
    if is_long(service) {
        entry["operation"] = json!({"id": operation_id(*operation), "producer": service, "first": true});
    }
    entry
}

/// A change that takes time has an entry of its own at its end, which tells who asked but neither when nor why he did.
fn end(world: &World, mutation: &Mutation, now_ms: i64) -> Option<(i64, Value)> {
    let Mutation { service, method, resource, actor, operation, .. } = mutation;
    let of_it = world.load_balancer.operations.find(*operation).filter(|_| is_long(service))?;
    let at_ms = of_it.ends_ms;
    if !of_it.done(now_ms - VISIBLE_AFTER_MS) {
        return None;
    }
    let mut entry = about(&uid_for(&format!("end {at_ms} {operation}")), at_ms, service, method, resource, actor);
    entry["protoPayload"]["requestMetadata"] = json!({"callerIp": CALLER, "callerSuppliedUserAgent": actor.agent});
    entry["severity"] = json!("NOTICE");
    if let Some(failure) = &of_it.failure {
        entry["severity"] = json!("ERROR");
        entry["protoPayload"]["status"] = json!({"code": 13, "message": failure});
    }
    entry["operation"] = json!({"id": operation_id(*operation), "producer": service, "last": true});
    Some((at_ms, entry))
}

fn refusal(place: usize, denied: &Denied) -> Value {
    let Denied { at_ms, service, method, resource, actor, code, message } = denied;
    let mut entry = about(&uid_for(&format!("denied {place} {at_ms} {method}")), *at_ms, service, method, resource, actor);
    entry["severity"] = json!("ERROR");
    entry["protoPayload"]["status"] = json!({"code": code, "message": message});
    entry
}

const CALLER: &str = "203.0.113.24";

/// Whether a service's changes are operations with a beginning and an end in the log.
fn is_long(service: &str) -> bool {
    service == "compute.googleapis.com"
}

fn operation_id(operation: u64) -> String {
    format!("operation-{operation:013x}")
}

fn about(id: &str, at_ms: i64, service: &str, method: &str, resource: &str, actor: &Actor) -> Value {
    let at = stamp(at_ms);
    let mut metadata = json!({"callerIp": CALLER, "callerSuppliedUserAgent": actor.agent, "requestAttributes": {"time": at}});
    // A cluster's API server knows no reasons.
    if let Some(reason) = actor.reason.as_ref().filter(|_| service != CLUSTER) {
        metadata["requestAttributes"]["reason"] = json!(reason);
    }
    json!({
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "status": {},
            "authenticationInfo": {"principalEmail": actor.principal},
            "requestMetadata": metadata,
            "serviceName": service,
            "methodName": method,
            "resourceName": resource,
        },
        "insertId": id,
        "resource": {"type": kind(service, resource), "labels": labels(service)},
        "timestamp": at,
        "logName": format!("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"),
        "receiveTimestamp": at,
    })
}

/// Whose changes are a cluster's.
const CLUSTER: &str = "k8s.io";

fn labels(service: &str) -> Value {
    match service {
        CLUSTER => json!({"project_id": PROJECT, "location": REGION, "cluster_name": "hexproperty-prod"}),
        _ => json!({"project_id": PROJECT}),
    }
}

/// The kind of resource under which the log files a change.
fn kind(service: &str, resource: &str) -> &'static str {
    match service {
        "compute.googleapis.com" if resource.contains("/addresses/") => "gce_reserved_address",
        "compute.googleapis.com" => "gce_url_map",
        "container.googleapis.com" => "gke_cluster",
        "cloudsql.googleapis.com" => "cloudsql_database",
        CLUSTER => "k8s_cluster",
        _ => "cloud_run_revision",
    }
}

/// Several equalities of one field can only be alternatives; everything else has to hold together.
fn matches(filter: &str, entry: &Value) -> bool {
    let fields = [
        ("protoPayload.resourceName", &entry["protoPayload"]["resourceName"]),
        ("protoPayload.methodName", &entry["protoPayload"]["methodName"]),
        ("protoPayload.serviceName", &entry["protoPayload"]["serviceName"]),
        ("protoPayload.authenticationInfo.principalEmail", &entry["protoPayload"]["authenticationInfo"]["principalEmail"]),
        ("resource.labels.cluster_name", &entry["resource"]["labels"]["cluster_name"]),
        ("timestamp", &entry["timestamp"]),
        ("logName", &entry["logName"]),
    ];
    let holds_for = |name: &str, value: &str| {
        let all = || conditions(filter, name);
        let are_alternatives = all().count() > 1 && all().all(|(operator, _)| operator == "=");
        let mut held = all().map(|(operator, wanted)| holds(operator, wanted, value));
        if are_alternatives { held.any(|held| held) } else { held.all(|held| held) }
    };
    fields.iter().all(|(name, value)| holds_for(name, value.as_str().unwrap_or_default()))
}

/// Every `name OPERATOR "value"` of a filter.
fn conditions<'a>(filter: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    filter.match_indices(name).filter_map(move |(start, _)| {
        let after = filter[start + name.len()..].trim_start();
        let (operator, value) = after.split_once('"')?;
        Some((operator.trim(), value.split('"').next()?))
    })
}

fn holds(operator: &str, wanted: &str, value: &str) -> bool {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match operator {
        "=" => value == wanted,
        // In whatever case, as the language has it.
        ":" => value.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()),
        "!=" => value != wanted,
        ">=" => at(value) >= at(wanted),
        ">" => at(value) > at(wanted),
        "<=" => at(value) <= at(wanted),
        "<" => at(value) < at(wanted),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{conditions, holds};

    #[test]
    fn conditions_of_a_filter_are_found() {
        let filter =
            "protoPayload.resourceName:\"urlMaps/x\" AND timestamp >= \"2026-11-23T00:00:00Z\" AND timestamp<\"2026-11-24T00:00:00Z\"";
        assert_eq!(conditions(filter, "timestamp").collect::<Vec<_>>(), [(">=", "2026-11-23T00:00:00Z"), ("<", "2026-11-24T00:00:00Z")]);
        assert!(holds(">=", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00.000Z"));
        assert!(!holds(":", "urlMaps/x", "urlMaps/y"));
    }
}
