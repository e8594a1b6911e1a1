//! Cloud Logging v2: the admin activity audit log, which is where the author of a URL map change is found.
//!
//! Of the filter language only comparisons with a quoted value on the fields below are read; a filter with
//! anything else in it is answered as if that were not there, so callers must check what they get.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, page, uid_for},
    http::{Answer, Call, Reply},
    router::not_found,
};
use crate::sim::world::{World, audit::Mutation, stamp};

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
    let wanted = world.audit.visible(world.now_ms).filter(|mutation| matches(filter, mutation));
    let entries: Vec<Value> =
        if text("orderBy").ends_with(" desc") { wanted.rev().map(entry).collect() } else { wanted.map(entry).collect() };
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

fn entry(mutation: &Mutation) -> Value {
    let at = stamp(mutation.at_ms);
    let mut metadata =
        json!({"callerIp": "203.0.113.24", "callerSuppliedUserAgent": mutation.actor.agent, "requestAttributes": {"time": at}});
    if let Some(reason) = &mutation.actor.reason {
        metadata["requestAttributes"]["reason"] = json!(reason);
    }
    json!({
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "status": {},
            "authenticationInfo": {"principalEmail": mutation.actor.principal},
            "requestMetadata": metadata,
            "serviceName": mutation.service,
            "methodName": mutation.method,
            "resourceName": mutation.resource,
        },
        "insertId": uid_for(&format!("{} {} {}", mutation.at_ms, mutation.method, mutation.operation)),
        "resource": {"type": kind(mutation), "labels": {"project_id": PROJECT}},
        "timestamp": at,
        "severity": "NOTICE",
        "logName": format!("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"),
        "receiveTimestamp": at,
    })
}

/// The kind of resource under which the log files a change.
fn kind(mutation: &Mutation) -> &'static str {
    match mutation.service {
        "compute.googleapis.com" => "gce_url_map",
        "cloudsql.googleapis.com" => "cloudsql_database",
        _ => "cloud_run_revision",
    }
}

fn matches(filter: &str, mutation: &Mutation) -> bool {
    let fields = [
        ("protoPayload.resourceName", mutation.resource.clone()),
        ("protoPayload.methodName", mutation.method.to_owned()),
        ("protoPayload.serviceName", mutation.service.to_owned()),
        ("protoPayload.authenticationInfo.principalEmail", mutation.actor.principal.clone()),
        ("timestamp", stamp(mutation.at_ms)),
    ];
    fields.iter().all(|(name, value)| conditions(filter, name).all(|(operator, wanted)| holds(operator, wanted, value)))
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
        ":" => value.contains(wanted),
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
