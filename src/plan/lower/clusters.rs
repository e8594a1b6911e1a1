//! Ways to clusters, by the clusters' names.

use std::collections::BTreeMap;

use strum::EnumCount;

use crate::{
    domain::{platform::Endpoint, shown::Shown},
    plan::{
        document::Value,
        lower::{address, name},
        model::{Backend, Driver, Route, WorkloadRef, clusters::ClusterWay},
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] = &["endpoint", "project", "location", "proxy", "kubeconfig"];
const KUBECONFIG_KEYS: &[&str] = &["context"];
const ENDPOINTS: &[(&str, Endpoint); Endpoint::COUNT] =
    &[("public", Endpoint::Public), ("private", Endpoint::Private), ("dns", Endpoint::Dns)];

/// Every cluster of which the plan says how it is reached.
pub(super) fn clusters(problems: &mut Problems, at: &At<'_>) -> Option<BTreeMap<Shown, ClusterWay>> {
    let Value::Map(entries) = &at.node.value else {
        let message = format!("expected a mapping of cluster names, found {}", at.node.value.kind());
        problems.at(at, message).allowed("`CLUSTER: { endpoint: dns }` for each cluster").error();
        return None;
    };
    let mut found = BTreeMap::new();
    let mut is_whole = true;
    for entry in entries {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        let (name, way) = (name::resource_called(problems, &at, &entry.key, name::CLUSTER), way(problems, at));
        match (name, way) {
            (Some(name), Some(way)) => drop(found.insert(name, way)),
            (None, _) | (_, None) => is_whole = false,
        }
    }
    is_whole.then_some(found)
}

/// Says at its own place that nothing runs on a cluster.
pub(super) fn remark_on_unused(problems: &mut Problems, at: &At<'_>, routes: &[Route]) {
    let Value::Map(entries) = &at.node.value else { return };
    let named = |name: &str| {
        routes.iter().any(|route| {
            let holds = matches!(&route.driver, Driver::HttpRoute(part) if part.cluster.as_str() == name);
            let runs = |backend: &Backend| matches!(&backend.workload, WorkloadRef::Deployment { cluster, .. } if cluster.as_str() == name);
            holds || route.backends.iter().any(runs)
        })
    };
    for entry in entries.iter().filter(|entry| !named(&entry.key)) {
        let at = At { node: &entry.value, path: reader::join(&at.path, &entry.key) };
        problems
            .at(&at, format!("no backend runs on the cluster `{}`, and no HTTPRoute of the plan is there", entry.key))
            .help("remove it, or correct its name")
            .warning();
    }
}

fn way(problems: &mut Problems, at: At<'_>) -> Option<ClusterWay> {
    let fields = Fields::open(problems, at, KEYS)?;
    if let Some(at) = fields.optional(problems, "proxy") {
        let why = "means nothing where a proxy on this machine is asked: it knows its cluster";
        alone(problems, &fields, &["endpoint", "project", "location", "kubeconfig"], why);
        return Some(ClusterWay::Proxy { url: proxy(problems, &at)? });
    }
    if let Some(at) = fields.optional(problems, "kubeconfig") {
        alone(problems, &fields, &["endpoint", "project", "location"], "means nothing beside a kubeconfig: its context knows the cluster");
        let fields = Fields::open(problems, at, KUBECONFIG_KEYS)?;
        let context = fields.required(problems, "context", "my-context").and_then(|at| name::context(problems, &at));
        return Some(ClusterWay::Kubeconfig { context: context? });
    }
    let endpoint = match fields.optional(problems, "endpoint") {
        Some(at) => reader::word(problems, &at, ENDPOINTS),
        None => Some(Endpoint::Public),
    };
    let project = match fields.optional(problems, "project") {
        Some(at) => name::project(problems, &at).map(Some),
        None => Some(None),
    };
    let location = match fields.optional(problems, "location") {
        Some(at) => name::location(problems, &at).map(Some),
        None => Some(None),
    };
    Some(ClusterWay::Gke { endpoint: endpoint?, project: project?, location: location? })
}

/// Where one key says all, none of the others may stand beside it.
fn alone(problems: &mut Problems, fields: &Fields<'_>, others: &[&'static str], why: &str) {
    for key in others {
        if let Some(at) = fields.optional(problems, key) {
            problems.at(&at, format!("`{key}` {why}")).help("remove the line").error();
        }
    }
}

/// Only plain HTTP on this machine: a credential that the host would send is not the plan's to direct.
fn proxy(problems: &mut Problems, at: &At<'_>) -> Option<Shown> {
    let url = address(problems, at)?;
    if url.as_str().starts_with("http://") {
        return Some(url);
    }
    let message = "a proxy to a cluster listens on this machine, and brings its own credentials";
    problems.at(at, message).allowed("http://127.0.0.1:8001, as `kubectl proxy` listens").error();
    None
}
