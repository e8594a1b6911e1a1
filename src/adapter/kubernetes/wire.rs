//! Kubernetes' JSON, cut down to what a screen and a check need.
//!
//! The typed objects of the API crates are hundreds of times larger than these records and slower to parse, because of fields that nobody
//! here looks at; what is not named below is skipped while parsing.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use kube::{
    Resource,
    core::{NamespaceResourceScope, ObjectMeta},
};
use serde::Deserialize;

use super::pod::SlimPod;

/// Makes a record known to the client: which resource it is and where its metadata lies.
macro_rules! resource {
    ($name:ident, $group:literal, $version:literal, $kind:literal, $plural:literal) => {
        impl Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;
            fn kind(_: &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group(_: &()) -> Cow<'_, str> {
                $group.into()
            }
            fn version(_: &()) -> Cow<'_, str> {
                $version.into()
            }
            fn plural(_: &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

resource!(SlimDeployment, "apps", "v1", "Deployment", "deployments");
resource!(SlimPod, "", "v1", "Pod", "pods");
resource!(SlimEvent, "", "v1", "Event", "events");

/// The part of an object's metadata that is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    #[serde(default)]
    pub name: String,
    pub namespace: Option<String>,
    #[serde(default)]
    pub uid: String,
    pub resource_version: Option<String>,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
}

impl Meta {
    /// What the watcher itself needs.
    pub fn thin(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.name.clone()),
            namespace: self.namespace.clone(),
            uid: Some(self.uid.clone()),
            resource_version: self.resource_version.clone(),
            ..ObjectMeta::default()
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "DeploymentWire")]
pub struct SlimDeployment {
    metadata: ObjectMeta,
    pub version: String,
    pub desired: u32,
    pub ready: u32,
    /// Image of the first container.
    pub image: String,
    /// Which pods are its own, as a label selector.
    pub selector: String,
    /// The first condition that speaks of something wrong.
    pub trouble: Option<String>,
}

#[derive(Deserialize)]
struct DeploymentWire {
    metadata: Meta,
    spec: DeploymentSpec,
    #[serde(default)]
    status: DeploymentStatus,
}

#[derive(Deserialize)]
struct DeploymentSpec {
    replicas: Option<u32>,
    #[serde(default)]
    selector: Selector,
    template: Template,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
    #[serde(default)]
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct Template {
    spec: TemplateSpec,
}

#[derive(Deserialize)]
struct TemplateSpec {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStatus {
    #[serde(default)]
    ready_replicas: u32,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl From<DeploymentWire> for SlimDeployment {
    fn from(wire: DeploymentWire) -> Self {
        let wrong = |condition: &&Condition| match condition.kind.as_str() {
            "Available" | "Progressing" => condition.status == "False",
            "ReplicaFailure" => condition.status == "True",
            _ => false,
        };
        let trouble = wire.status.conditions.iter().find(wrong);
        SlimDeployment {
            metadata: wire.metadata.thin(),
            version: wire.metadata.resource_version.clone().unwrap_or_default(),
            desired: wire.spec.replicas.unwrap_or(1),
            ready: wire.status.ready_replicas,
            image: wire.spec.template.spec.containers.into_iter().next().map(|container| container.image).unwrap_or_default(),
            selector: wire.spec.selector.text(),
            trouble: trouble.map(|condition| format!("{}: {}", condition.reason, condition.message)),
        }
    }
}

impl Selector {
    fn text(&self) -> String {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let expressions = self.match_expressions.iter().map(|Expression { key, operator, values }| match operator.as_str() {
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            _ => format!("{key} in ({})", values.join(",")),
        });
        labels.chain(expressions).collect::<Vec<_>>().join(",")
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "EventWire")]
pub struct SlimEvent {
    metadata: ObjectMeta,
    pub uid: String,
    pub at: Option<Timestamp>,
    pub kind: String,
    pub reason: String,
    pub object_kind: String,
    pub object_name: String,
    pub message: String,
    pub count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventWire {
    metadata: Meta,
    #[serde(default)]
    involved_object: Involved,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "type")]
    kind: String,
    count: Option<u32>,
    event_time: Option<Timestamp>,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
    series: Option<Series>,
}

#[derive(Default, Deserialize)]
struct Involved {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    count: Option<u32>,
    last_observed_time: Option<Timestamp>,
}

impl From<EventWire> for SlimEvent {
    fn from(wire: EventWire) -> Self {
        let series = wire.series.as_ref();
        let times = [series.and_then(|series| series.last_observed_time), wire.last_timestamp, wire.event_time, wire.first_timestamp];
        SlimEvent {
            metadata: wire.metadata.thin(),
            at: times.into_iter().flatten().next().or(wire.metadata.creation_timestamp),
            count: series.and_then(|series| series.count).or(wire.count).unwrap_or(1),
            kind: wire.kind,
            reason: wire.reason,
            object_kind: wire.involved_object.kind,
            object_name: wire.involved_object.name,
            message: wire.message,
            uid: wire.metadata.uid,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_keeps_all_its_terms() {
        let wire = json!({"metadata": {"name": "frontend"}, "spec": {"replicas": 6,
            "selector": {"matchLabels": {"app": "frontend"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a", "b"]}, {"key": "x", "operator": "Exists"}]},
            "template": {"spec": {"containers": [{"name": "web", "image": "r/web:1"}]}}},
            "status": {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}});
        let deployment: SlimDeployment = serde_json::from_value(wire).unwrap();
        assert_eq!(deployment.selector, "app=frontend,tier notin (a,b),x");
        assert_eq!(deployment.trouble.as_deref(), Some("ProgressDeadlineExceeded: timed out"));
    }
}
