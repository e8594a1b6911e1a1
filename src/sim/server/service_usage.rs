//! Service Usage: says that every API is enabled, which is all that the command line asks of it.

use serde_json::json;

use super::{
    google::PROJECT_NUMBER,
    http::{Answer, Call, Reply},
    router::not_found,
};

/// Answers one call.
#[must_use]
pub fn handle(call: &Call) -> Answer {
    match call.parts().as_slice() {
        ["v1", "projects", _, "services", service] if !service.contains(':') => {
            let name = format!("projects/{PROJECT_NUMBER}/services/{service}");
            Reply::ok(
                &json!({"name": name, "config": {"name": service}, "state": "ENABLED", "parent": format!("projects/{PROJECT_NUMBER}")}),
            )
            .into()
        }
        _ => not_found(call).into(),
    }
}
