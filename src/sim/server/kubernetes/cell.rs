//! The columns of each kind's table and the cells of one object.
//!
//! Names, order, priorities (1 is for wide output) and the wording of cells are those that the real printers
//! use; ages are measured in virtual time.

use serde_json::{Value, json};

use super::pod_cell;
use crate::sim::world::kubernetes::{
    document::{self, list, number, text},
    resource::Resource,
};

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its title.
    pub name: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// 0 for always, 1 for wide output.
    pub priority: i32,
}

const fn shown(name: &'static str) -> Column {
    Column { name, kind: "string", priority: 0 }
}

const fn count(name: &'static str) -> Column {
    Column { name, kind: "integer", priority: 0 }
}

const fn wide(name: &'static str) -> Column {
    Column { name, kind: "string", priority: 1 }
}

const NAMESPACE: &[Column] = &[shown("Name"), shown("Status"), shown("Age")];
const NODE: &[Column] = &[
    shown("Name"),
    shown("Status"),
    shown("Roles"),
    shown("Age"),
    shown("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];
const SERVICE: &[Column] =
    &[shown("Name"), shown("Type"), shown("Cluster-IP"), shown("External-IP"), shown("Port(s)"), shown("Age"), wide("Selector")];
const EVENT: &[Column] = &[
    shown("Last Seen"),
    shown("Type"),
    shown("Reason"),
    shown("Object"),
    wide("Subobject"),
    wide("Source"),
    shown("Message"),
    wide("First Seen"),
    wide("Count"),
    wide("Name"),
];
const POD: &[Column] = &[
    shown("Name"),
    shown("Ready"),
    shown("Status"),
    shown("Restarts"),
    shown("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];
const DEPLOYMENT: &[Column] = &[
    shown("Name"),
    shown("Ready"),
    count("Up-to-date"),
    count("Available"),
    shown("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];
const REPLICA_SET: &[Column] = &[
    shown("Name"),
    count("Desired"),
    count("Current"),
    count("Ready"),
    shown("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];
const ENDPOINT_SLICE: &[Column] = &[shown("Name"), shown("AddressType"), shown("Ports"), shown("Endpoints"), shown("Age")];
const CONFIG_MAP: &[Column] = &[shown("Name"), count("Data"), shown("Age")];
const LEASE: &[Column] = &[shown("Name"), shown("Holder"), shown("Age")];
const HTTP_ROUTE: &[Column] = &[shown("Name"), shown("Hostnames"), shown("Age")];

/// The columns of a kind.
#[must_use]
pub fn columns(resource: Resource) -> &'static [Column] {
    match resource {
        Resource::Namespace => NAMESPACE,
        Resource::Node => NODE,
        Resource::Service => SERVICE,
        Resource::Event => EVENT,
        Resource::Pod => POD,
        Resource::Deployment => DEPLOYMENT,
        Resource::ReplicaSet => REPLICA_SET,
        Resource::EndpointSlice => ENDPOINT_SLICE,
        Resource::ConfigMap => CONFIG_MAP,
        Resource::Lease => LEASE,
        Resource::HttpRoute => HTTP_ROUTE,
    }
}

/// The cells of one object, one for each column.
#[must_use]
pub fn cells(resource: Resource, object: &Value, now_ms: i64) -> Vec<Value> {
    let name = json!(document::name(object));
    let age = json!(since(text(object, "/metadata/creationTimestamp"), now_ms));
    match resource {
        Resource::Namespace => vec![name, object["status"]["phase"].clone(), age],
        Resource::Node => node(object, name, age),
        Resource::Service => service(object, name, age),
        Resource::Event => event(object, now_ms),
        Resource::Pod => pod_cell::cells(object, name, age, now_ms),
        Resource::Deployment => {
            let status = |count: &str| number(object, &format!("/status/{count}"));
            let ready = format!("{}/{}", status("readyReplicas"), number(object, "/spec/replicas"));
            let mut cells = vec![name, json!(ready), json!(status("updatedReplicas")), json!(status("availableReplicas")), age];
            cells.extend(template(object));
            cells
        }
        Resource::ReplicaSet => {
            let mut cells = vec![name, json!(number(object, "/spec/replicas")), json!(number(object, "/status/replicas"))];
            cells.extend([json!(number(object, "/status/readyReplicas")), age]);
            cells.extend(template(object));
            cells
        }
        Resource::EndpointSlice => {
            let ports: Vec<String> = list(object, "/ports").iter().map(|port| port["port"].to_string()).collect();
            let addresses: Vec<&str> =
                list(object, "/endpoints").iter().flat_map(|endpoint| list(endpoint, "/addresses")).filter_map(Value::as_str).collect();
            vec![name, object["addressType"].clone(), json!(or_unset(&ports.join(","))), json!(first_three(&addresses)), age]
        }
        Resource::ConfigMap => vec![name, json!(object["data"].as_object().map_or(0, serde_json::Map::len)), age],
        Resource::Lease => vec![name, json!(text(object, "/spec/holderIdentity")), age],
        Resource::HttpRoute => vec![name, json!(object["spec"].get("hostnames").unwrap_or(&json!([])).to_string()), age],
    }
}

fn node(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let ready = if document::condition(object, "Ready") == "True" { "Ready" } else { "NotReady" };
    let status = if object["spec"]["unschedulable"] == true { format!("{ready},SchedulingDisabled") } else { ready.to_owned() };
    let address = |kind: &str| {
        let found = list(object, "/status/addresses").iter().find(|address| address["type"] == kind);
        json!(found.map_or("<none>", |address| text(address, "/address")))
    };
    let info = |field: &str| json!(text(object, &format!("/status/nodeInfo/{field}")));
    vec![
        name,
        json!(status),
        json!("<none>"),
        age,
        info("kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn service(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let ports: Vec<String> = list(object, "/spec/ports")
        .iter()
        .map(|port| match port["nodePort"].as_i64() {
            Some(node_port) => format!("{}:{node_port}/{}", port["port"], text(port, "/protocol")),
            None => format!("{}/{}", port["port"], text(port, "/protocol")),
        })
        .collect();
    let external = text(object, "/status/loadBalancer/ingress/0/ip");
    let external = if external.is_empty() { "<none>" } else { external };
    vec![
        name,
        object["spec"]["type"].clone(),
        object["spec"]["clusterIP"].clone(),
        json!(external),
        json!(or_none(&ports.join(","))),
        age,
        json!(or_none(&pairs(&object["spec"]["selector"]))),
    ]
}

fn event(object: &Value, now_ms: i64) -> Vec<Value> {
    let involved = format!("{}/{}", text(object, "/involvedObject/kind").to_lowercase(), text(object, "/involvedObject/name"));
    let source = match (text(object, "/source/component"), text(object, "/source/host")) {
        (component, "") => component.to_owned(),
        (component, host) => format!("{component}, {host}"),
    };
    vec![
        json!(since(text(object, "/lastTimestamp"), now_ms)),
        object["type"].clone(),
        object["reason"].clone(),
        json!(involved),
        json!(text(object, "/involvedObject/fieldPath")),
        json!(source),
        json!(text(object, "/message").trim()),
        json!(since(text(object, "/firstTimestamp"), now_ms)),
        json!(number(object, "/count").to_string()),
        json!(document::name(object)),
    ]
}

/// Containers, images and selector of a workload.
fn template(object: &Value) -> [Value; 3] {
    let join = |field: &str| {
        let containers = list(object, "/spec/template/spec/containers");
        containers.iter().map(|container| text(container, field)).collect::<Vec<_>>().join(",")
    };
    [json!(join("/name")), json!(join("/image")), json!(pairs(&object["spec"]["selector"]["matchLabels"]))]
}

fn pairs(labels: &Value) -> String {
    let mut pairs: Vec<String> =
        labels.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.sort();
    pairs.join(",")
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

fn first_three(addresses: &[&str]) -> String {
    match addresses {
        [] => "<unset>".to_owned(),
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a},{b},{c} + {} more...", rest.len()),
        few => few.join(","),
    }
}

/// The time since a stamp, in the short form that people know: `45s`, `3m12s`, `5h`, `2d3h`, `12d`.
#[must_use]
pub fn since(stamp: &str, now_ms: i64) -> String {
    let Ok(then) = stamp.parse::<jiff::Timestamp>() else {
        return "<unknown>".to_owned();
    };
    let seconds = (now_ms - then.as_millisecond()).div_euclid(1000).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |whole: i64, unit: &str, part: i64, part_unit: &str| match part {
        0 => format!("{whole}{unit}"),
        part => format!("{whole}{unit}{part}{part_unit}"),
    };
    match (minutes, hours, days) {
        (0..=1, _, _) => format!("{seconds}s"),
        (2..=9, _, _) => two(minutes, "m", seconds % 60, "s"),
        (10..=179, _, _) => format!("{minutes}m"),
        (_, 3..=7, _) => two(hours, "h", minutes % 60, "m"),
        (_, 8..=47, _) => format!("{hours}h"),
        (_, _, 2..=7) => two(days, "d", hours % 24, "h"),
        (_, _, 8..=729) => format!("{days}d"),
        (_, _, _) => two(days / 365, "y", days % 365, "d"),
    }
}
