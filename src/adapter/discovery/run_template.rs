//! What the instances of a Cloud Run service are made from, in the vendor's own words.
//!
//! Texts are kept letter for letter, since they are what the program there is told: whoever shows or writes them makes them harmless. What this
//! does not name is nothing that an instance could be told apart by elsewhere.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTemplate {
    pub scaling: RunScaling,
    pub vpc_access: Option<VpcAccess>,
    /// Of one request, such as `300s`.
    pub timeout: String,
    pub service_account: String,
    pub containers: Vec<RunContainer>,
    pub volumes: Vec<RunVolume>,
    pub encryption_key: Option<String>,
    /// Requests that one instance has at once, at most; 0 for the default.
    pub max_instance_request_concurrency: u32,
    pub session_affinity: bool,
    pub node_selector: Option<Value>,
    pub service_mesh: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunScaling {
    pub min_instance_count: u32,
    /// 0 for the default.
    pub max_instance_count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VpcAccess {
    pub connector: Option<String>,
    /// `ALL_TRAFFIC` or `PRIVATE_RANGES_ONLY`.
    pub egress: Option<String>,
    pub network_interfaces: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunContainer {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub env: Vec<RunVariable>,
    pub resources: RunResources,
    /// One at most, of the container that takes requests.
    pub ports: Vec<RunPort>,
    pub volume_mounts: Vec<RunMount>,
    pub working_dir: Option<String>,
    /// Probes have the fields of Kubernetes' own.
    pub liveness_probe: Option<Value>,
    pub startup_probe: Option<Value>,
    pub readiness_probe: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunVariable {
    pub name: String,
    pub value: Option<String>,
    pub value_source: Option<RunValueSource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunValueSource {
    pub secret_key_ref: Option<SecretRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretRef {
    /// Its name, or `projects/P/secrets/S`.
    pub secret: String,
    pub version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunResources {
    pub limits: BTreeMap<String, String>,
    /// Whether there is CPU only while a request is answered.
    pub cpu_idle: bool,
    pub startup_cpu_boost: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunPort {
    /// `http1` or `h2c`.
    pub name: String,
    pub container_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunMount {
    pub name: String,
    pub mount_path: String,
}

/// One of its kinds is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunVolume {
    pub name: String,
    pub secret: Option<Value>,
    pub cloud_sql_instance: Option<Value>,
    pub empty_dir: Option<Value>,
    pub nfs: Option<Value>,
    pub gcs: Option<Value>,
}
