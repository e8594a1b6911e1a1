//! What a call needs, and what Google says to those who lack it: each API in the form of its own.
//!
//! The bodies are those of the real services: Compute and Cloud SQL name the reason in `errors[]`, the newer ones a canonical status, and
//! the gate before all of them tells of a disabled API or a strange token in the same words everywhere.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::PROJECT_NUMBER,
    http::{Call, Reply},
};
use crate::sim::{
    faults::Api,
    world::{World, setup::Refused},
};

/// What the gate says before an API is reached, if it lets nobody in.
#[must_use]
pub fn gate(world: &World, api: Api) -> Option<Reply> {
    let (service, title) = named(api);
    Some(match world.conditions.project.refuses(api)? {
        Refused::Disabled => disabled(service, title),
        Refused::SignedOut => signed_out(service),
        Refused::QuotaUsedUp => quota(api, service),
    })
}

/// What the API says to a call whose caller lacks what it needs.
#[must_use]
pub fn denied(world: &World, call: &Call, api: Api) -> Option<Reply> {
    let permission = needed(call, api)?;
    world.conditions.project.lacks(permission).then(|| forbidden(call, api, permission))
}

/// A service's name and its title.
fn named(api: Api) -> (&'static str, &'static str) {
    match api {
        Api::Run => ("run.googleapis.com", "Cloud Run Admin API"),
        Api::Compute | Api::Every => ("compute.googleapis.com", "Compute Engine API"),
        Api::Monitoring => ("monitoring.googleapis.com", "Cloud Monitoring API"),
        // A cluster's own server is in no project; GKE is what leads to it.
        Api::Container | Api::Kubernetes => ("container.googleapis.com", "Kubernetes Engine API"),
        Api::Sql => ("sqladmin.googleapis.com", "Cloud SQL Admin API"),
        Api::Logging => ("logging.googleapis.com", "Cloud Logging API"),
    }
}

/// The API that Service Usage calls so.
#[must_use]
pub fn called(service: &str) -> Option<Api> {
    let all = [Api::Run, Api::Compute, Api::Monitoring, Api::Container, Api::Sql, Api::Logging];
    all.into_iter().find(|api| named(*api).0 == service)
}

fn disabled(service: &str, title: &str) -> Reply {
    let url = format!("https://console.developers.google.com/apis/api/{service}/overview?project={PROJECT_NUMBER}");
    let message = format!(
        "{title} has not been used in project {PROJECT_NUMBER} before or it is disabled. Enable it by visiting {url} then retry. If you \
         enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
    );
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": service, "serviceTitle": title, "consumer": format!("projects/{PROJECT_NUMBER}"), "containerInfo": PROJECT_NUMBER, "activationUrl": url},
    });
    let help = json!({
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [{"description": "Google developers console API activation", "url": url}],
    });
    let localized = json!({"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message});
    let errors = json!([{"message": message, "domain": "usageLimits", "reason": "accessNotConfigured", "extendedHelp": "https://console.developers.google.com"}]);
    let error =
        json!({"code": 403, "message": message, "errors": errors, "status": "PERMISSION_DENIED", "details": [info, localized, help]});
    Reply::json(403, &json!({"error": error}))
}

fn signed_out(service: &str) -> Reply {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication \
                   credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_EXPIRED",
        "domain": "googleapis.com",
        "metadata": {"service": service},
    });
    let errors = json!([{"message": "Invalid Credentials", "domain": "global", "reason": "authError", "location": "Authorization", "locationType": "header"}]);
    let error = json!({"code": 401, "message": message, "errors": errors, "status": "UNAUTHENTICATED", "details": [info]});
    Reply::json(401, &json!({"error": error}))
        .header("www-authenticate", "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"")
}

/// Compute refuses with 403 what the others refuse with 429.
fn quota(api: Api, service: &str) -> Reply {
    let message = format!(
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service '{service}' for consumer \
         'project_number:{PROJECT_NUMBER}'."
    );
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {"service": service, "consumer": format!("projects/{PROJECT_NUMBER}"), "quota_location": "global"},
    });
    let errors = json!([{"message": message, "domain": "usageLimits", "reason": "rateLimitExceeded"}]);
    let (code, status) = if api == Api::Compute { (403, "PERMISSION_DENIED") } else { (429, "RESOURCE_EXHAUSTED") };
    Reply::json(code, &json!({"error": {"code": code, "message": message, "errors": errors, "status": status, "details": [info]}}))
}

/// The permission that a call needs first, as the methods' own pages say it.
fn needed(call: &Call, api: Api) -> Option<&'static str> {
    let parts = call.parts();
    let reads = call.method == Method::GET;
    match api {
        Api::Compute => address(call, &parts).or_else(|| compute(&parts, reads)),
        Api::Run => match parts.as_slice() {
            ["v2", "projects", _, "locations", _, "services", _, "revisions", ..] => Some("run.revisions.get"),
            [.., last] if last.ends_with(":testIamPermissions") => None,
            ["v2", "projects", _, "locations", _, "operations"] => Some("run.operations.list"),
            ["v2", "projects", _, "locations", _, "services", _] => Some(if reads { "run.services.get" } else { "run.services.update" }),
            _ => None,
        },
        Api::Monitoring => Some("monitoring.timeSeries.list"),
        Api::Container => Some(match (&call.method, parts.as_slice()) {
            (&Method::POST, _) => "container.clusters.create",
            (&Method::PUT, _) => "container.clusters.update",
            (&Method::DELETE, _) => "container.clusters.delete",
            (_, [.., "operations"]) => "container.operations.list",
            (_, [.., "operations", _]) => "container.operations.get",
            (_, [.., "clusters"]) => "container.clusters.list",
            (_, _) => "container.clusters.get",
        }),
        Api::Sql => sql(&parts, &call.method),
        Api::Logging => Some("logging.logEntries.list"),
        Api::Every | Api::Kubernetes => None,
    }
}

/// Of addresses each verb is a permission of its own.
fn address(call: &Call, parts: &[&str]) -> Option<&'static str> {
    let rest = parts.strip_prefix(&["compute", "v1"][..]).unwrap_or(parts);
    let (is_global, one) = match rest {
        ["projects", _, "global", "addresses", one @ ..] => (true, one),
        ["projects", _, "regions", _, "addresses", one @ ..] => (false, one),
        _ => return None,
    };
    Some(match (&call.method, one, is_global) {
        (&Method::POST, _, true) => "compute.globalAddresses.create",
        (&Method::POST, _, false) => "compute.addresses.create",
        (&Method::DELETE, _, true) => "compute.globalAddresses.delete",
        (&Method::DELETE, _, false) => "compute.addresses.delete",
        (_, [], true) => "compute.globalAddresses.list",
        (_, [], false) => "compute.addresses.list",
        (_, _, true) => "compute.globalAddresses.get",
        (_, _, false) => "compute.addresses.get",
    })
}

fn compute(parts: &[&str], reads: bool) -> Option<&'static str> {
    let rest = parts.strip_prefix(&["compute", "v1"][..]).unwrap_or(parts);
    match rest {
        ["projects", _, "global", _, _, "testIamPermissions"] => None,
        ["projects", _, "global", "urlMaps", _, "validate"] => Some("compute.urlMaps.validate"),
        ["projects", _, "global", "urlMaps", _] => Some(if reads { "compute.urlMaps.get" } else { "compute.urlMaps.update" }),
        ["projects", _, "global", "backendServices", _] if reads => Some("compute.backendServices.get"),
        ["projects", _, "global", "backendServices", _, "getHealth"] => Some("compute.backendServices.get"),
        ["projects", _, "global", "operations"] => Some("compute.globalOperations.list"),
        ["projects", _, "regions", _, "operations"] => Some("compute.regionOperations.list"),
        ["projects", _, "global", "operations", ..] => Some("compute.globalOperations.get"),
        ["projects", _, "zones" | "regions", _, "networkEndpointGroups", _] => Some("compute.networkEndpointGroups.get"),
        ["projects", _, "regions", _, _, _, "testIamPermissions"] => None,
        ["projects", _, "regions", _, "urlMaps", _, "validate"] => Some("compute.regionUrlMaps.validate"),
        ["projects", _, "regions", _, "urlMaps", _] => {
            Some(if reads { "compute.regionUrlMaps.get" } else { "compute.regionUrlMaps.update" })
        }
        ["projects", _, "regions", _, "backendServices", _] if reads => Some("compute.regionBackendServices.get"),
        ["projects", _, "regions", _, "backendServices", _, "getHealth"] => Some("compute.regionBackendServices.get"),
        ["projects", _, "regions", _, "operations", ..] => Some("compute.regionOperations.get"),
        _ => None,
    }
}

fn sql(parts: &[&str], method: &Method) -> Option<&'static str> {
    let project = parts.iter().position(|part| *part == "projects")?;
    Some(match (method.as_str(), parts.get(project + 2..)?) {
        ("GET", ["instances"]) => "cloudsql.instances.list",
        ("GET", ["instances", _, "backupRuns"]) => "cloudsql.backupRuns.list",
        ("GET", ["instances", _, "backupRuns", _]) => "cloudsql.backupRuns.get",
        ("GET", _) => "cloudsql.instances.get",
        ("POST", ["instances"]) => "cloudsql.instances.create",
        ("PATCH" | "PUT", ["instances", _]) => "cloudsql.instances.update",
        ("DELETE", ["instances", _]) => "cloudsql.instances.delete",
        ("POST", ["instances", _, "backupRuns"]) => "cloudsql.backupRuns.create",
        ("POST", ["instances", _, "promoteReplica"]) => "cloudsql.instances.promoteReplica",
        ("POST", ["instances", _, "switchover"]) => "cloudsql.instances.switchover",
        ("POST", ["instances", _, "failover"]) => "cloudsql.instances.failover",
        ("POST", ["instances", _, "startReplica"]) => "cloudsql.instances.startReplica",
        ("POST", ["instances", _, "stopReplica"]) => "cloudsql.instances.stopReplica",
        ("POST", ["instances", _, "restart"]) => "cloudsql.instances.restart",
        _ => return None,
    })
}

fn forbidden(call: &Call, api: Api, permission: &str) -> Reply {
    let parts = call.parts();
    let resource = parts.iter().position(|part| *part == "projects").map_or_else(String::new, |at| parts[at..].join("/"));
    let errors = |message: &str, reason: &str| json!([{"message": message, "domain": "global", "reason": reason}]);
    let plain = |message: &str| Reply::error(403, "PERMISSION_DENIED", message);
    match api {
        Api::Compute | Api::Every => {
            let message = format!("Required '{permission}' permission for '{resource}'");
            Reply::json(403, &json!({"error": {"code": 403, "message": message, "errors": errors(&message, "forbidden")}}))
        }
        Api::Sql => {
            let message = "The client is not authorized to make this request.";
            Reply::json(403, &json!({"error": {"code": 403, "message": message, "errors": errors(message, "notAuthorized")}}))
        }
        Api::Run => plain(&format!("Permission '{permission}' denied on resource '{resource}' (or resource may not exist).")),
        Api::Container | Api::Kubernetes => plain(&format!("Required \"{permission}\" permission(s) for \"{resource}\".")),
        Api::Monitoring => plain(&format!("Permission {permission} denied (or the resource may not exist).")),
        Api::Logging => plain("Permission denied for all log views"),
    }
}

/// Whether a name is that of a permission which the product's account holds, as far as the project decides it.
#[must_use]
pub fn holds(world: &World, permission: &Value) -> bool {
    !world.conditions.project.lacks(permission.as_str().unwrap_or_default())
}
