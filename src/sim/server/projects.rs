//! Cloud Resource Manager v1: which permissions the caller has on the project. Nothing else of it is here.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::PROJECT,
    http::{Answer, Call, Reply},
    iam,
    router::not_found,
};
use crate::sim::{
    faults::{Api, Trouble},
    world::World,
};

/// Answers one call.
pub fn handle(world: &World, call: &Call) -> Answer {
    let parts = call.parts();
    let reply = match (&call.method, parts.as_slice()) {
        (&Method::POST, ["v1", "projects", project]) if *project == format!("{PROJECT}:testIamPermissions") => held(world, call),
        (&Method::POST, ["v1", "projects", project]) if project.ends_with(":testIamPermissions") => {
            Reply::error(403, "PERMISSION_DENIED", "The caller does not have permission")
        }
        _ => not_found(call),
    };
    reply.into()
}

/// Those of the asked permissions that the caller has: all, unless an API takes no writes of his.
pub fn held(world: &World, call: &Call) -> Reply {
    let asked = call.body.get("permissions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let read_only = |api| world.conditions.trouble(world.now_ms, api) == Some(Trouble::ReadOnly);
    let has = |permission: &&Value| {
        let name = permission.as_str().unwrap_or_default();
        let api = match name.split('.').next() {
            Some("compute") => Some(Api::Compute),
            Some("run") => Some(Api::Run),
            Some("cloudsql") => Some(Api::Sql),
            Some("container") => Some(Api::Container),
            _ => None,
        };
        let reads = [".get", ".list"].iter().any(|verb| name.ends_with(verb));
        iam::holds(world, permission) && (reads || api.is_none_or(|api| !read_only(api)))
    };
    let held: Vec<&Value> = asked.iter().filter(has).collect();
    // The interface leaves an empty list out.
    Reply::ok(&if held.is_empty() { json!({}) } else { json!({"permissions": held}) })
}
