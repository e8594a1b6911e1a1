//! The same load balancer as a regional one, external or internal: its URL map, backend services and operations are in the region, and
//! nowhere else.
//!
//! The world keeps one set of documents, whose links are global; what comes and goes is put into the region's words here.

use serde_json::{Value, json};

use super::{
    google::REGION,
    http::{Answer, Call, Reply},
    service_project,
};
use crate::sim::world::{
    World,
    load_balancer::{Kind, LINK},
};

/// What a load balancer has where it is.
const COLLECTIONS: [&str; 4] = ["urlMaps", "backendServices", "operations", "healthChecks"];

/// Whether a call is for something of a regional load balancer, which this world has.
#[must_use]
pub fn is_asked(world: &World, call: &Call) -> bool {
    let parts = call.parts();
    let is_ours = |place: usize| {
        parts[place..].starts_with(&["regions", REGION]) && parts.get(place + 2).is_some_and(|kind| COLLECTIONS.contains(kind))
    };
    world.load_balancer.kind != Kind::GlobalExternal && (0..parts.len()).any(is_ours)
}

/// Whether it is for what this world has in its region alone.
#[must_use]
pub fn is_elsewhere(world: &World, call: &Call) -> bool {
    let parts = call.parts();
    let is_global = |pair: &[&str]| pair[0] == "global" && COLLECTIONS.contains(&pair[1]);
    world.load_balancer.kind != Kind::GlobalExternal && parts.windows(2).any(is_global)
}

/// Answers it as the region does.
pub fn answer(world: &mut World, call: &Call, first: impl FnOnce(&mut World, &Call) -> Answer) -> Answer {
    if call.body.to_string().contains("/global/backendServices/") {
        let message = "Invalid value for field 'resource': a regional URL map leads to backend services of its region.";
        return Reply::json(
            400,
            &json!({"error": {"code": 400, "message": message, "errors": [{"message": message, "domain": "global", "reason": "invalid"}]}}),
        )
        .into();
    }
    let here = format!("regions/{REGION}/");
    let (mut segments, path) = (call.segments.clone(), call.path.replacen(&here, "global/", 1));
    if let Some(at) = segments.iter().position(|segment| segment == "regions") {
        segments.splice(at..at + 2, ["global".to_owned()]);
    }
    let body = serde_json::from_str(&call.body.to_string().replace(&format!("{here}backendServices/"), "global/backendServices/"))
        .unwrap_or_default();
    let asked = Call { path, segments, body, ..call.clone() };
    first(world, &asked).map(told)
}

/// What is not here.
#[must_use]
pub fn missing(call: &Call) -> Reply {
    service_project::missing(call)
}

/// A resource as the region has it, where the load balancer is a regional one.
#[must_use]
pub fn resource(world: &World, resource: Value) -> Value {
    if world.load_balancer.kind == Kind::GlobalExternal { resource } else { placed(resource) }
}

fn told(reply: Reply) -> Reply {
    match serde_json::from_str(&reply.body) {
        Ok(body) => Reply { body: placed(body).to_string(), ..reply },
        Err(_) => reply,
    }
}

fn placed(resource: Value) -> Value {
    let text = COLLECTIONS
        .iter()
        .fold(resource.to_string(), |text, kind| text.replace(&format!("global/{kind}"), &format!("regions/{REGION}/{kind}")));
    let mut placed: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_resource = placed.get("selfLink").is_some() && placed.get("items").is_none();
    if let Some(fields) = placed.as_object_mut().filter(|_| is_resource) {
        fields.insert("region".to_owned(), json!(format!("{LINK}/regions/{REGION}")));
    }
    placed
}
