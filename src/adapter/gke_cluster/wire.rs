//! Clusters and operations of the GKE API v1, as far as a step needs them.

use serde::Deserialize;

use crate::{
    adapter::lenient,
    domain::{
        fault::{Fault, FaultKind},
        shown::Shown,
        standing::{Failed, Underway},
        time::Timestamp,
        weight::PerMille,
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cluster {
    pub status: String,
    /// Of old; what GKE says instead today are conditions.
    pub status_message: String,
    pub conditions: Vec<Condition>,
    pub etag: String,
    pub create_time: String,
    pub current_master_version: String,
    pub locations: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub autopilot: Autopilot,
    #[serde(deserialize_with = "lenient")]
    pub release_channel: Channel,
    #[serde(deserialize_with = "lenient")]
    pub workload_identity_config: WorkloadIdentity,
    pub node_pools: Vec<Pool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Autopilot {
    pub enabled: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub channel: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WorkloadIdentity {
    pub workload_pool: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pool {
    pub name: String,
    pub status: String,
    pub status_message: String,
    pub conditions: Vec<Condition>,
    pub locations: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub autoscaling: Scaling,
    #[serde(deserialize_with = "lenient")]
    pub config: NodeConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeConfig {
    pub machine_type: String,
    #[serde(deserialize_with = "lenient")]
    pub workload_metadata_config: WorkloadMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WorkloadMetadata {
    /// Empty where GKE leaves it out.
    pub mode: String,
}

/// A bound that is nought is left out.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Scaling {
    pub enabled: bool,
    pub min_node_count: u32,
    pub max_node_count: u32,
    pub total_min_node_count: u32,
    pub total_max_node_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    pub code: String,
    pub canonical_code: String,
    pub message: String,
}

impl Condition {
    fn told(&self) -> String {
        let code = if self.code.is_empty() { &self.canonical_code } else { &self.code };
        if code.is_empty() { self.message.clone() } else { format!("{code}: {}", self.message) }
    }
}

/// What GKE says of a state, and else the older text.
pub(super) fn why(conditions: &[Condition], older: &str) -> String {
    if conditions.is_empty() { older.to_owned() } else { conditions.iter().map(Condition::told).collect::<Vec<_>>().join("; ") }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Operations {
    #[serde(default)]
    pub operations: Vec<Operation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Operation {
    pub name: String,
    pub operation_type: String,
    pub status: String,
    pub status_message: String,
    pub detail: String,
    /// Names the project by its number, or by its id.
    pub target_link: String,
    pub start_time: Option<jiff::Timestamp>,
    pub cluster_conditions: Vec<Condition>,
    pub error: Option<Status>,
    #[serde(deserialize_with = "lenient")]
    pub progress: Progress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub code: i32,
    pub message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    pub metrics: Vec<Metric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metric {
    pub name: String,
    /// A whole number, written as a text.
    pub int_value: Option<String>,
    pub double_value: Option<f64>,
}

/// How a creation goes. A stage is told of once it begins, so what is done of those that are told is not what is done of all.
const STAGES: [&str; 3] = ["CLUSTER_CONFIGURING", "CLUSTER_DEPLOYING", "CLUSTER_HEALTHCHECKING"];

impl Operation {
    pub(super) fn is_open(&self) -> bool {
        self.status != "DONE"
    }

    /// Whether it works on the cluster of this name, or on a part of it.
    pub(super) fn is_of(&self, cluster: &str) -> bool {
        let mut parts = self.target_link.split('/').skip_while(|part| *part != "clusters");
        parts.nth(1) == Some(cluster)
    }

    pub(super) fn underway(&self) -> Underway {
        let stage = STAGES.into_iter().rev().find_map(|name| Some(format!("{name} {}/{}", self.figure(name)?, self.figure(&total(name))?)));
        let more = stage.or_else(|| (!self.detail.is_empty()).then(|| self.detail.clone()));
        let doing = more.map_or_else(|| self.operation_type.clone(), |more| format!("{}: {more}", self.operation_type));
        Underway {
            operation: Shown::new(&self.name),
            since: self.start_time.map(|at| Timestamp(at.as_millisecond())),
            progress: self.done(),
            doing: Some(Shown::new(&doing)),
        }
    }

    /// Why it did not do what was asked for.
    pub(super) fn failed(&self) -> Option<Box<Failed>> {
        let told = self.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
        let told =
            [told.to_owned(), self.status_message.clone(), why(&self.cluster_conditions, "")].into_iter().find(|told| !told.is_empty());
        let is_failed = !self.is_open() && (self.error.as_ref().is_some_and(|error| error.code != 0) || told.is_some());
        let why = Fault::new(FaultKind::Rejected, told.unwrap_or_else(|| format!("{} failed without a word", self.operation_type)));
        is_failed.then(|| Box::new(Failed { operation: Shown::new(&self.name), why }))
    }

    /// How much of it is done, as far as its figures tell.
    fn done(&self) -> Option<PerMille> {
        let ratio = |done: f64, all: f64| (all > 0.0).then(|| (done / all).clamp(0.0, 1.0));
        let of_stage = |name: &str| ratio(self.figure(name)?, self.figure(&total(name))?);
        let share = if STAGES.into_iter().any(|name| self.figure(name).is_some()) {
            STAGES.into_iter().filter_map(of_stage).sum::<f64>() / STAGES.len() as f64
        } else {
            ["nodes done", "progress"].into_iter().find_map(of_stage)?
        };
        // Clamped to one, so it fits.
        PerMille::new((share * 1000.0).floor() as u16).ok()
    }

    fn figure(&self, name: &str) -> Option<f64> {
        let metric = self.progress.metrics.iter().find(|metric| metric.name == name)?;
        metric.double_value.or_else(|| metric.int_value.as_deref()?.parse().ok()).filter(|figure: &f64| figure.is_finite())
    }
}

/// Of how much a figure tells the part that is done.
fn total(name: &str) -> String {
    match name {
        "nodes done" => "nodes total".to_owned(),
        "progress" => "progress scale".to_owned(),
        stage => format!("{stage}_TOTAL"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(document: serde_json::Value) -> Operation {
        serde_json::from_value(document).unwrap()
    }

    /// The figures are those of a real creation.
    #[test]
    fn a_creation_is_as_far_as_its_three_stages_are() {
        let metric = |name: &str, value: u32| json!({"name": name, "intValue": value.to_string()});
        let of = |metrics: Vec<serde_json::Value>| {
            operation(json!({"operationType": "CREATE_CLUSTER", "progress": {"metrics": metrics}})).done()
        };
        let first = vec![metric("CLUSTER_CONFIGURING", 9), metric("CLUSTER_CONFIGURING_TOTAL", 9)];
        assert_eq!(of(vec![]), None, "nothing is told yet");
        assert_eq!(of(first.clone()), PerMille::new(333).ok(), "one stage of three is not all");
        let second = [first, vec![metric("CLUSTER_DEPLOYING", 11), metric("CLUSTER_DEPLOYING_TOTAL", 11)]].concat();
        let third = [second.clone(), vec![metric("CLUSTER_HEALTHCHECKING", 1), metric("CLUSTER_HEALTHCHECKING_TOTAL", 2)]].concat();
        assert_eq!([of(second), of(third)], [PerMille::new(666).ok(), PerMille::new(833).ok()]);
        assert_eq!(of(vec![metric("nodes done", 15), metric("nodes total", 32)]), PerMille::new(468).ok());
        assert_eq!(of(vec![metric("nodes done", 15), metric("nodes total", 0)]), None, "no share of nothing");
    }

    #[test]
    fn an_operation_is_of_the_cluster_that_its_target_names() {
        let of = |link: &str| operation(json!({"targetLink": link})).is_of("prod");
        let begins = "https://container.googleapis.com/v1/projects/764460891170/locations/us-central1/clusters";
        assert!(of(&format!("{begins}/prod")));
        assert!(of(&format!("{begins}/prod/nodePools/default-pool")));
        assert!(!of(&format!("{begins}/prod-2")) && !of(&format!("{begins}/other/nodePools/prod")) && !of(""));
    }
}
