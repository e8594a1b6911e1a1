//! A second project, as a shared VPC has them: once somebody has moved the partners' API there, its backend services, its groups and its Cloud
//! Run service are in this project, and the URL map of the first one leads to them across.
//!
//! Who moved it is told by the map alone, whose links name the project. What the project has is answered as the first one answered it, under
//! this project's name; nothing else is here.

use hyper::Method;

use super::http::{Answer, Call, Reply};
use crate::sim::world::{World, load_balancer::SERVICES};

/// The service that moves.
const SERVICE: &str = "api";

/// Whether a call is for something of this project.
#[must_use]
pub fn is_asked(call: &Call) -> bool {
    project(call) == Some(SERVICES)
}

/// Whether it is for something that the first project had before.
#[must_use]
pub fn has_left(world: &World, call: &Call) -> bool {
    world.load_balancer.is_shared() && project(call) != Some(SERVICES) && is_of_service(call)
}

/// What this project says: that of the first one, where it is about what has moved here.
pub fn answer(world: &mut World, call: &Call, first: impl FnOnce(&mut World, &Call) -> Answer) -> Answer {
    let asks_rights = call.method == Method::POST && call.path.ends_with(":testIamPermissions");
    if !world.load_balancer.is_shared() || !(is_of_service(call) || asks_rights) {
        return missing(call).into();
    }
    let own = |text: &str| text.replace(SERVICES, FIRST);
    let asked = Call {
        path: own(&call.path),
        segments: call.segments.iter().map(|segment| own(segment)).collect(),
        body: own_body(&call.body),
        ..call.clone()
    };
    let renamed =
        |reply: Reply| Reply { body: reply.body.replace(&format!("projects/{FIRST}/"), &format!("projects/{SERVICES}/")), ..reply };
    first(world, &asked).map(renamed)
}

/// What both say of something that is not theirs.
#[must_use]
pub fn missing(call: &Call) -> Reply {
    let resource = call.path.split_once("/projects/").map_or("", |(_, rest)| rest);
    Reply::error(404, "NOT_FOUND", &format!("The resource 'projects/{resource}' was not found"))
}

const FIRST: &str = super::google::PROJECT;

/// A group in a body is named by its link.
fn own_body(body: &serde_json::Value) -> serde_json::Value {
    serde_json::from_str(&body.to_string().replace(&format!("projects/{SERVICES}/"), &format!("projects/{FIRST}/"))).unwrap_or_default()
}

fn project(call: &Call) -> Option<&str> {
    let parts = call.parts();
    let named = parts.iter().position(|part| *part == "projects").and_then(|at| call.segments.get(at + 1))?;
    Some(named.split(':').next().unwrap_or(named))
}

/// Whether it is about a backend service, a group or the Cloud Run service of the one that moves.
fn is_of_service(call: &Call) -> bool {
    let parts = call.parts();
    let after = |kind: &str| parts.iter().position(|part| *part == kind).and_then(|at| parts.get(at + 1));
    let of = |name: &&str| **name == *SERVICE || name.strip_prefix(SERVICE).is_some_and(|rest| rest.starts_with(['-', ':']));
    ["backendServices", "networkEndpointGroups", "services"].iter().any(|kind| after(kind).is_some_and(of))
}
