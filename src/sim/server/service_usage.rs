//! Service Usage: says which APIs are enabled, which is all that the command line asks of it.

use serde_json::json;

use super::{
    google::PROJECT_NUMBER,
    http::{Answer, Call, Reply},
    iam,
    router::not_found,
};
use crate::sim::world::{World, setup::Refused};

/// Answers one call.
#[must_use]
pub fn handle(world: &World, call: &Call) -> Answer {
    match call.parts().as_slice() {
        ["v1", "projects", _, "services", service] if !service.contains(':') => {
            let name = format!("projects/{PROJECT_NUMBER}/services/{service}");
            let refused = iam::called(service).and_then(|api| world.conditions.project.refuses(api));
            let state = if refused == Some(Refused::Disabled) { "DISABLED" } else { "ENABLED" };
            Reply::ok(&json!({"name": name, "config": {"name": service}, "state": state, "parent": format!("projects/{PROJECT_NUMBER}")}))
                .into()
        }
        _ => not_found(call).into(),
    }
}
