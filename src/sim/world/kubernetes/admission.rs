//! What the API server does to a document before it is stored: fills in defaults, refuses what cannot be.
//!
//! Only defaults that people see and rules that people run into are here; the full schema is not modelled, so
//! a document with an unknown field is stored as it is.

use serde_json::{Value, json};

use super::{
    document::{self, labels_match, list, set, text},
    http_route,
    resource::Resource,
    store::Key,
    write::Refusal,
};

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What kind of flaw, in the words of the API.
    pub kind: FlawKind,
    /// The path of the field.
    pub field: String,
    /// The sentence.
    pub message: String,
}

/// The kinds of flaws that the API tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawKind {
    /// A field has to be there.
    Required,
    /// A value cannot be.
    Invalid,
    /// A value cannot be set, or not any more.
    Forbidden,
}

impl FlawKind {
    /// The word in a status document's causes.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
        }
    }
}

/// All flaws in one sentence, as the API server joins them.
#[must_use]
pub fn summary(flaws: &[Flaw]) -> String {
    let sentences: Vec<String> = flaws.iter().map(|flaw| format!("{}: {}", flaw.field, flaw.message)).collect();
    match sentences.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// Fills in what the writer left out. A null means the same as an absent field.
pub(super) fn fill(resource: Resource, object: &mut Value) {
    prune(object);
    match resource {
        Resource::Deployment => {
            fill_fields(
                object,
                &["spec"],
                &json!({
                    "replicas": 1,
                    "strategy": {"type": "RollingUpdate"},
                    "revisionHistoryLimit": 10,
                    "progressDeadlineSeconds": 600,
                }),
            );
            if object["spec"]["strategy"]["type"] == "RollingUpdate" {
                let quarter = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
                fill_fields(object, &["spec", "strategy", "rollingUpdate"], &quarter);
            }
            fill_pod_spec(object, &["spec", "template", "spec"]);
        }
        Resource::ReplicaSet => {
            fill_fields(object, &["spec"], &json!({"replicas": 1}));
            fill_pod_spec(object, &["spec", "template", "spec"]);
        }
        Resource::Pod => fill_pod_spec(object, &["spec"]),
        Resource::Service => {
            fill_fields(
                object,
                &["spec"],
                &json!({
                    "type": "ClusterIP",
                    "sessionAffinity": "None",
                    "ipFamilies": ["IPv4"],
                    "ipFamilyPolicy": "SingleStack",
                    "internalTrafficPolicy": "Cluster",
                }),
            );
            if let Some(ports) = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut) {
                for port in ports {
                    let target = port["port"].clone();
                    fill_fields(port, &[], &json!({"protocol": "TCP", "targetPort": target}));
                }
            }
        }
        Resource::Namespace => fill_fields(object, &["status"], &json!({"phase": "Active"})),
        Resource::HttpRoute => http_route::fill(object),
        Resource::Node | Resource::Event | Resource::ConfigMap | Resource::EndpointSlice | Resource::Lease => {}
    }
}

fn fill_pod_spec(object: &mut Value, path: &[&str]) {
    let defaults = json!({
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    });
    fill_fields(object, path, &defaults);
    let mut place = object;
    for key in path {
        place = &mut place[*key];
    }
    let Some(containers) = place["containers"].as_array_mut() else {
        return;
    };
    for container in containers {
        let pull = if text(container, "/image").ends_with(":latest") { "Always" } else { "IfNotPresent" };
        let defaults = json!({
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull,
        });
        fill_fields(container, &[], &defaults);
        for probe in ["livenessProbe", "readinessProbe"] {
            if container[probe].is_object() {
                let defaults = json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
                fill_fields(container, &[probe], &defaults);
            }
        }
        if let Some(ports) = container["ports"].as_array_mut() {
            for port in ports {
                fill_fields(port, &[], &json!({"protocol": "TCP"}));
            }
        }
    }
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, field| !field.is_null());
            map.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adds the fields of `defaults` that the object at `path` does not have.
pub(super) fn fill_fields(object: &mut Value, path: &[&str], defaults: &Value) {
    let mut place = object;
    for key in path {
        place = &mut place[*key];
    }
    for (key, value) in defaults.as_object().into_iter().flatten() {
        if place.get(key).is_none_or(Value::is_null) {
            set(place, &[key], value.clone());
        }
    }
}

/// Finds every flaw of a document; `old` is what it replaces.
///
/// # Errors
/// [`Refusal::Invalid`] with all flaws at once.
pub(super) fn check(key: &Key, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let mut flaws = Vec::new();
    check_name(document::name(object), &mut flaws);
    match key.resource {
        Resource::Deployment => check_workload(object, old, &mut flaws),
        Resource::ReplicaSet => check_workload(object, old, &mut flaws),
        Resource::Pod => check_pod(object, old, &mut flaws),
        Resource::Service if list(object, "/spec/ports").is_empty() => flaws.push(flaw(FlawKind::Required, "spec.ports", "Required value")),
        Resource::HttpRoute => http_route::check(object, &mut flaws),
        Resource::Service
        | Resource::Namespace
        | Resource::Node
        | Resource::Event
        | Resource::ConfigMap
        | Resource::EndpointSlice
        | Resource::Lease => {}
    }
    if flaws.is_empty() { Ok(()) } else { Err(Refusal::Invalid { key: key.clone(), flaws }) }
}

pub(super) fn flaw(kind: FlawKind, field: &str, message: impl Into<String>) -> Flaw {
    Flaw { kind, field: field.to_owned(), message: message.into() }
}

fn check_name(name: &str, flaws: &mut Vec<Flaw>) {
    let sound = |part: &str| {
        let ends_well = |edge: Option<char>| edge.is_some_and(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit());
        ends_well(part.chars().next())
            && ends_well(part.chars().last())
            && part.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-')
    };
    if name.is_empty() {
        flaws.push(flaw(FlawKind::Required, "metadata.name", "Required value: name or generateName is required"));
    } else if name.len() > 253 || !name.split('.').all(sound) {
        let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                    start and end with an alphanumeric character";
        flaws.push(flaw(FlawKind::Invalid, "metadata.name", format!("Invalid value: \"{name}\": {rule}")));
    }
}

fn check_workload(object: &Value, old: Option<&Value>, flaws: &mut Vec<Flaw>) {
    let replicas = &object["spec"]["replicas"];
    if replicas.as_i64().is_none_or(|count| count < 0) {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        flaws.push(flaw(FlawKind::Invalid, "spec.replicas", message));
    }
    if let Some(old) = old
        && old["spec"]["selector"] != object["spec"]["selector"]
    {
        let message = format!("Invalid value: {}: field is immutable", object["spec"]["selector"]);
        flaws.push(flaw(FlawKind::Invalid, "spec.selector", message));
    }
    let labels = object.pointer("/spec/template/metadata/labels");
    if !labels_match(object.pointer("/spec/selector/matchLabels"), labels) {
        let shown = labels.unwrap_or(&Value::Null);
        let message = format!("Invalid value: {shown}: `selector` does not match template `labels`");
        flaws.push(flaw(FlawKind::Invalid, "spec.template.metadata.labels", message));
    }
    check_containers(object, "/spec/template/spec/containers", "spec.template.spec.containers", flaws);
}

fn check_pod(object: &Value, old: Option<&Value>, flaws: &mut Vec<Flaw>) {
    check_containers(object, "/spec/containers", "spec.containers", flaws);
    let Some(old) = old else { return };
    let mut allowed = object["spec"].clone();
    for (index, container) in list(old, "/spec/containers").iter().enumerate() {
        if allowed["containers"][index].is_object() {
            allowed["containers"][index]["image"] = container["image"].clone();
        }
    }
    if allowed != old["spec"] {
        let message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`";
        flaws.push(flaw(FlawKind::Forbidden, "spec", message));
    }
}

fn check_containers(object: &Value, pointer: &str, field: &str, flaws: &mut Vec<Flaw>) {
    let containers = list(object, pointer);
    if containers.is_empty() {
        flaws.push(flaw(FlawKind::Required, field, "Required value"));
    }
    for (index, container) in containers.iter().enumerate() {
        for part in ["name", "image"] {
            if text(container, &format!("/{part}")).is_empty() {
                flaws.push(flaw(FlawKind::Required, &format!("{field}[{index}].{part}"), "Required value"));
            }
        }
    }
}
