//! What this server serves, as clients ask it before anything else.
//!
//! The pages come from the one table of kinds. Aggregated discovery is not served; clients fall back to these.
//! Schemas name kinds and say that fields are checked by the server, without describing the fields.

use serde_json::{Value, json};

use super::route::Page;
use crate::sim::world::kubernetes::resource::{Names, Resource, Scope, Subresource};

/// The version that this server says it is.
const MINOR: &str = "32";
const GIT_VERSION: &str = "v1.32.4-gke.1415000";

/// One page of discovery.
#[must_use]
pub fn page(page: &Page) -> Value {
    match page {
        Page::Root => json!({"paths": paths()}),
        Page::Version => version(),
        Page::Core => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        Page::Groups => {
            let groups: Vec<Value> = groups().into_iter().map(|(name, version)| group(name, version)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        Page::Group(name) => {
            let version = groups().into_iter().find(|(group, _)| group == name).map_or("v1", |(_, version)| version);
            let mut document = group(name, version);
            document["kind"] = json!("APIGroup");
            document["apiVersion"] = json!("v1");
            document
        }
        Page::Resources { group, version } => resources(group, version),
        Page::Schemas => schemas(),
        Page::Schema { group, version } => schema(group, version),
    }
}

fn paths() -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (name, version) in groups() {
        paths.push(format!("/apis/{name}"));
        paths.push(format!("/apis/{name}/{version}"));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    paths
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": MINOR,
        "gitVersion": GIT_VERSION,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2025-05-05T09:12:34Z",
        "goVersion": "go1.23.6",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// The named groups with their versions, each once, in the order of the table.
fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups = Vec::new();
    for names in Resource::ALL.map(Resource::names) {
        let pair = (names.group, names.version);
        if !names.group.is_empty() && !groups.contains(&pair) {
            groups.push(pair);
        }
    }
    groups
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn served(group: &str, version: &str) -> impl Iterator<Item = Names> {
    Resource::ALL.into_iter().map(Resource::names).filter(move |names| names.group == group && names.version == version)
}

fn resources(group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for names in served(group, version) {
        let namespaced = names.scope == Scope::Namespaced;
        let mut entry = json!({
            "name": names.plural,
            "singularName": names.singular,
            "namespaced": namespaced,
            "kind": names.kind,
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        });
        if !names.short.is_empty() {
            entry["shortNames"] = json!(names.short);
        }
        if names.in_all {
            entry["categories"] = json!(["all"]);
        }
        resources.push(entry);
        for part in names.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", names.plural, part.path()),
                "singularName": "",
                "namespaced": namespaced,
                "kind": names.kind,
            });
            let (of_kind, verbs) = match part {
                Subresource::Status => (None, json!(["get", "patch", "update"])),
                Subresource::Scale => (Some(("autoscaling", "Scale")), json!(["get", "patch", "update"])),
                Subresource::Log => (None, json!(["get"])),
                Subresource::Eviction => (Some(("policy", "Eviction")), json!(["create"])),
                Subresource::Proxy => (Some(("", "PodProxyOptions")), json!(["create", "delete", "get", "patch", "update"])),
            };
            if let Some((group, kind)) = of_kind {
                entry["kind"] = json!(kind);
                if !group.is_empty() {
                    entry["group"] = json!(group);
                    entry["version"] = json!("v1");
                }
            }
            entry["verbs"] = verbs;
            resources.push(entry);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources})
}

fn schemas() -> Value {
    let mut paths = json!({"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}});
    for (name, version) in groups() {
        let path = format!("apis/{name}/{version}");
        paths[&path] = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
    }
    json!({"paths": paths})
}

/// Enough for a client to see that the server checks fields itself on `PATCH`.
fn schema(group: &str, version: &str) -> Value {
    let mut paths = json!({});
    for names in served(group, version) {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let path = match names.scope {
            Scope::Namespaced => {
                format!("{root}/namespaces/{{namespace}}/{}/{{name}}", names.plural)
            }
            Scope::Cluster => format!("{root}/{}/{{name}}", names.plural),
        };
        let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"]
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}));
        paths[&path] = json!({"patch": {
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": names.kind},
        }});
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths,
        "components": {"schemas": {}},
    })
}
