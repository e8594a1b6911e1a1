//! What a request to the Cloud SQL Admin API asks for.

use serde_json::Value;

use super::answer::Failure;
use crate::sim::{
    server::http::Call,
    world::sql::request::{Promotion, Request},
};

/// Which version of the API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `v1`.
    V1,
    /// `sql/v1beta4`, or `v1beta4`.
    V1Beta4,
}

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The version.
    pub version: Version,
    /// The project.
    pub project: String,
    /// What follows the project.
    pub parts: Vec<String>,
}

impl Path {
    /// Reads a path; `None` when it is not one of this API.
    #[must_use]
    pub fn of(parts: &[&str]) -> Option<Self> {
        let (version, project, rest) = match parts {
            ["v1", "projects", project, rest @ ..] => (Version::V1, project, rest),
            ["sql", "v1beta4", "projects", project, rest @ ..] | ["v1beta4", "projects", project, rest @ ..] => {
                (Version::V1Beta4, project, rest)
            }
            _ => return None,
        };
        if !matches!(rest.first(), Some(&("instances" | "operations"))) {
            return None;
        }
        let parts = rest.iter().map(|part| (*part).to_owned()).collect();
        Some(Self { version, project: (*project).to_owned(), parts })
    }
}

/// A new instance: whom it follows, and the request.
///
/// # Errors
/// 400 for an instance that follows nobody: this world makes no empty databases.
pub fn create(body: &Value) -> Result<(String, Request), Failure> {
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    // The primary may be named with its project, as the API itself answers it.
    let primary = text("masterInstanceName");
    let primary = primary.rsplit(':').next().unwrap_or_default().to_owned();
    if primary.is_empty() || text("name").is_empty() {
        return Err(Failure::bad("Missing parameter: name and masterInstanceName; only read replicas can be created here"));
    }
    let region = if text("region").is_empty() { "us-central1".to_owned() } else { text("region") };
    let mut settings = body["settings"].clone();
    if settings.is_null() {
        settings = Value::Object(serde_json::Map::new());
    }
    Ok((primary, Request::CreateReplica { name: text("name"), region, settings }))
}

/// What a request to an instance asks for.
///
/// # Errors
/// 400 for a body that cannot be read or lacks what it needs, 404 for verbs that are not served.
pub fn request(call: &Call, rest: &[&str]) -> Result<Request, Failure> {
    let document = &call.body;
    match (call.method.as_str(), rest) {
        ("PATCH", []) => Ok(patch(document)),
        ("PUT", []) => {
            let request = patch(document);
            if matches!(request, Request::Patch { settings_version: None, .. }) {
                return Err(Failure::bad("Missing parameter: settings.settingsVersion"));
            }
            Ok(request)
        }
        ("DELETE", []) => Ok(Request::Delete),
        ("POST", ["promoteReplica"]) => {
            let failover = call.switch("failover");
            Ok(Request::Promote(if failover { Promotion::Failover } else { Promotion::LeavesOldPrimary }))
        }
        ("POST", ["switchover"]) => Ok(Request::Switchover),
        ("POST", ["failover"]) => Ok(Request::Failover { settings_version: whole(&document["failoverContext"]["settingsVersion"]) }),
        ("POST", ["startReplica"]) => Ok(Request::StartReplica),
        ("POST", ["stopReplica"]) => Ok(Request::StopReplica),
        ("POST", ["restart"]) => Ok(Request::Restart),
        ("POST", ["backupRuns"]) => Ok(Request::Backup { description: document["description"].as_str().map(str::to_owned) }),
        _ => Err(Failure::no_such_method()),
    }
}

fn patch(document: &Value) -> Request {
    let mut settings = document["settings"].clone();
    let settings_version = whole(&settings["settingsVersion"]);
    match settings.as_object_mut() {
        Some(fields) => drop(fields.shift_remove("settingsVersion")),
        None => settings = Value::Object(serde_json::Map::new()),
    }
    Request::Patch { settings, settings_version }
}

/// A whole number that may be written as a text, as Google writes large ones.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
