//! Kubernetes' JSON, cut down to what a screen and a check need.
//!
//! The typed objects of the API crates are hundreds of times larger than these records and slower to parse, because of fields that nobody
//! here looks at; what is not named below is skipped while parsing. Some servers and proxies write `null` where nothing is: everywhere
//! below that is the same as leaving it out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use crate::adapter::lenient;

/// A kind of object that can be listed and watched.
pub(super) trait Kind: DeserializeOwned + Clone + Send + 'static {
    /// Its name in sentences.
    const PLURAL: &'static str;
    /// Where it lies, before and after the namespace.
    const PATH: (&'static str, &'static str);
    fn version(&self) -> &str;
}

/// One page of a list.
#[derive(Deserialize)]
#[serde(bound = "K: Kind")]
pub(super) struct Page<K> {
    pub metadata: PageMeta,
    #[serde(default, deserialize_with = "lenient")]
    pub items: Vec<K>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMeta {
    pub resource_version: String,
    #[serde(rename = "continue", default, deserialize_with = "lenient")]
    pub next: String,
}

/// The part of an object's metadata that is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub uid: String,
    #[serde(default, deserialize_with = "lenient")]
    pub resource_version: String,
    #[serde(default, deserialize_with = "lenient")]
    pub generation: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub annotations: Annotations,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Annotations {
    #[serde(rename = "deployment.kubernetes.io/revision")]
    pub revision: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(from = "DeploymentWire")]
pub(super) struct SlimDeployment {
    pub version: String,
    pub desired: u32,
    pub ready: u32,
    pub rollout: SlimRollout,
    /// Image of the first container.
    pub image: String,
    /// Which pods are its own, as a label selector.
    pub selector: String,
    /// What keeps it from making or replacing pods.
    pub trouble: Option<String>,
    /// That it has fewer available pods than it must; which are missing the pods say better.
    pub shortage: Option<String>,
}

/// What `kubectl rollout status` decides by.
#[derive(Debug, Clone)]
pub(super) struct SlimRollout {
    pub revision: Option<u64>,
    pub updated: u32,
    pub available: u32,
    pub total: u32,
    pub is_observed: bool,
    pub is_paused: bool,
    pub is_late: bool,
}

impl Kind for SlimDeployment {
    const PLURAL: &'static str = "deployments";
    const PATH: (&'static str, &'static str) = ("/apis/apps/v1/namespaces/", "/deployments");
    fn version(&self) -> &str {
        &self.version
    }
}

#[derive(Deserialize)]
struct DeploymentWire {
    metadata: Meta,
    spec: DeploymentSpec,
    #[serde(default, deserialize_with = "lenient")]
    status: DeploymentStatus,
}

#[derive(Deserialize)]
struct DeploymentSpec {
    replicas: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    paused: bool,
    #[serde(default, deserialize_with = "lenient")]
    selector: Selector,
    template: Template,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default, deserialize_with = "lenient")]
    match_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "lenient")]
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default, deserialize_with = "lenient")]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct Template {
    spec: TemplateSpec,
}

#[derive(Deserialize)]
struct TemplateSpec {
    #[serde(default, deserialize_with = "lenient")]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default, deserialize_with = "lenient")]
    image: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStatus {
    #[serde(default, deserialize_with = "lenient")]
    observed_generation: i64,
    #[serde(default, deserialize_with = "lenient")]
    replicas: u32,
    #[serde(default, deserialize_with = "lenient")]
    updated_replicas: u32,
    #[serde(default, deserialize_with = "lenient")]
    ready_replicas: u32,
    #[serde(default, deserialize_with = "lenient")]
    available_replicas: u32,
    #[serde(default, deserialize_with = "lenient")]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub status: String,
    #[serde(default, deserialize_with = "lenient")]
    pub reason: String,
    #[serde(default, deserialize_with = "lenient")]
    pub message: String,
}

impl From<DeploymentWire> for SlimDeployment {
    fn from(wire: DeploymentWire) -> Self {
        let DeploymentWire { metadata, spec, status } = wire;
        let told = |kind: &str, value: &str| {
            let found = status.conditions.iter().find(|condition| condition.kind == kind && condition.status == value)?;
            Some(format!("{}: {}", found.reason, found.message))
        };
        let is_late = status.conditions.iter().any(|condition| condition.reason == "ProgressDeadlineExceeded");
        SlimDeployment {
            desired: spec.replicas.unwrap_or(1),
            ready: status.ready_replicas,
            rollout: SlimRollout {
                revision: metadata.annotations.revision.as_deref().and_then(|revision| revision.parse().ok()),
                updated: status.updated_replicas,
                available: status.available_replicas,
                total: status.replicas,
                is_observed: status.observed_generation >= metadata.generation,
                is_paused: spec.paused,
                is_late,
            },
            image: spec.template.spec.containers.into_iter().next().map(|container| container.image).unwrap_or_default(),
            selector: spec.selector.text(),
            trouble: told("ReplicaFailure", "True").or_else(|| told("Progressing", "False")),
            shortage: told("Available", "False"),
            version: metadata.resource_version,
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
pub(super) struct SlimEvent {
    pub version: String,
    pub uid: String,
    pub at: Option<Timestamp>,
    pub kind: String,
    pub reason: String,
    pub object_kind: String,
    pub object_name: String,
    pub message: String,
    pub count: u32,
}

impl Kind for SlimEvent {
    const PLURAL: &'static str = "events";
    const PATH: (&'static str, &'static str) = ("/api/v1/namespaces/", "/events");
    fn version(&self) -> &str {
        &self.version
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventWire {
    metadata: Meta,
    #[serde(default, deserialize_with = "lenient")]
    involved_object: Involved,
    #[serde(default, deserialize_with = "lenient")]
    reason: String,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
    #[serde(default, deserialize_with = "lenient", rename = "type")]
    kind: String,
    count: Option<u32>,
    event_time: Option<Timestamp>,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
    series: Option<Series>,
}

#[derive(Default, Deserialize)]
struct Involved {
    #[serde(default, deserialize_with = "lenient")]
    kind: String,
    #[serde(default, deserialize_with = "lenient")]
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
            at: times.into_iter().flatten().next().or(wire.metadata.creation_timestamp),
            // A count of 0 is what some clients write for the first.
            count: series.and_then(|series| series.count).or(wire.count).unwrap_or(1).max(1),
            kind: wire.kind,
            reason: wire.reason,
            object_kind: wire.involved_object.kind,
            object_name: wire.involved_object.name,
            message: wire.message,
            uid: wire.metadata.uid,
            version: wire.metadata.resource_version,
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
            "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "few"},
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}});
        let deployment: SlimDeployment = serde_json::from_value(wire).unwrap();
        assert_eq!(deployment.selector, "app=frontend,tier notin (a,b),x");
        assert_eq!(
            (deployment.trouble.as_deref(), deployment.shortage.as_deref()),
            (Some("ProgressDeadlineExceeded: timed out"), Some("MinimumReplicasUnavailable: few"))
        );
        assert!(deployment.rollout.is_late);
    }

    #[test]
    fn null_is_nothing_everywhere() {
        let wire = json!({"metadata": {"name": "frontend", "annotations": null, "generation": null}, "spec": {"replicas": null, "paused": null,
            "selector": {"matchLabels": null, "matchExpressions": null}, "template": {"spec": {"containers": null}}}, "status": null});
        let deployment: SlimDeployment = serde_json::from_value(wire).unwrap();
        assert_eq!((deployment.desired, deployment.ready, deployment.selector.as_str()), (1, 0, ""));
        let page: Page<SlimEvent> =
            serde_json::from_value(json!({"kind": "EventList", "metadata": {"resourceVersion": "7", "continue": null}, "items": null}))
                .unwrap();
        assert!(page.items.is_empty() && page.metadata.next.is_empty());
        let event = json!({"metadata": {"uid": "e"}, "involvedObject": null, "reason": null, "message": null, "type": null, "count": null});
        assert_eq!(serde_json::from_value::<SlimEvent>(event).unwrap().count, 1);
    }
}
