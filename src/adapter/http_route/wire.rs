//! The HTTPRoute of `gateway.networking.k8s.io/v1`, as far as it is looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    adapter::lenient,
    domain::fault::{Fault, FaultKind},
};

/// One as the server told it. Its spec is kept whole, so that what we don't know of it goes back as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct HttpRoute {
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "lenient")]
    pub spec: Map<String, Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub uid: String,
    pub resource_version: String,
    /// Counts changes of the spec.
    #[serde(default)]
    pub generation: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "lenient")]
    pub managed_fields: Vec<Managed>,
}

/// Which fields somebody owns, as the server keeps book of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Managed {
    #[serde(default)]
    pub manager: String,
    /// `Apply` or `Update`.
    #[serde(default)]
    pub operation: String,
    pub time: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub subresource: String,
    #[serde(default, rename = "fieldsV1")]
    pub fields: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Status {
    /// What each gateway that is to follow it says.
    #[serde(default, deserialize_with = "lenient")]
    pub parents: Vec<Parent>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parent {
    #[serde(default, deserialize_with = "lenient")]
    pub parent_ref: ParentRef,
    #[serde(default, deserialize_with = "lenient")]
    pub conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ParentRef {
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub message: String,
    pub observed_generation: Option<i64>,
}

impl HttpRoute {
    pub(super) fn rules(&self) -> &[Value] {
        self.spec.get("rules").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn hostnames(&self) -> impl Iterator<Item = &str> {
        self.spec.get("hostnames").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// One rule, as far as it is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub backend_refs: Vec<Entry>,
    #[serde(default, deserialize_with = "lenient")]
    pub matches: Vec<Match>,
    #[serde(default, deserialize_with = "lenient")]
    pub filters: Vec<Filter>,
}

/// Where a rule leads; what is left out is what the schema says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    #[serde(default, deserialize_with = "lenient")]
    pub group: String,
    #[serde(default)]
    pub kind: Option<String>,
    pub name: String,
    /// That of the HTTPRoute, where it is left out.
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    weight: Option<u32>,
}

impl Entry {
    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Service")
    }
    /// 0 to 1,000,000; a part of the sum of all.
    pub(super) fn weight(&self) -> u32 {
        self.weight.unwrap_or(1)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Match {
    pub path: Option<Path>,
    #[serde(default, deserialize_with = "lenient")]
    pub headers: Vec<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub query_params: Vec<Value>,
    pub method: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Path {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub request_redirect: Redirect,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Redirect {
    #[serde(default)]
    pub hostname: Option<String>,
}

impl Rule {
    /// # Errors
    /// [`FaultKind::Unreadable`] if what stands there is no rule.
    pub(super) fn read(rules: &[Value], at: usize) -> Result<Rule, Fault> {
        let found = rules.get(at).map(Rule::deserialize).transpose();
        found.map(Option::unwrap_or_default).map_err(|error| {
            Fault::new(FaultKind::Unreadable, format!("rules[{at}] of the HTTPRoute can't be read: {error}; nothing was written"))
        })
    }
}

/// What a write sends: a merge patch, in which a list replaces the whole list.
#[derive(Debug, Serialize)]
pub(super) struct Patch {
    pub metadata: PatchedMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<PatchedSpec>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PatchedMetadata {
    /// Both must be those of the object, or the server does nothing.
    pub uid: String,
    pub resource_version: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
pub(super) struct PatchedSpec {
    pub rules: Vec<Value>,
}

/// One step of a JSON patch (RFC 6902): all are done, or none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Step {
    /// What stands at `path` has to be this.
    Test { path: String, value: Value },
    /// Puts it there, in the place of what stands there.
    Add { path: String, value: Value },
}

/// The question whether we may do something, and its answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Review<'a> {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub spec: ReviewSpec<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewSpec<'a> {
    pub resource_attributes: Attributes<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attributes<'a> {
    pub namespace: &'a str,
    pub verb: &'static str,
    pub group: &'static str,
    pub resource: &'static str,
    pub name: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reviewed {
    pub status: ReviewedStatus,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReviewedStatus {
    #[serde(default)]
    pub allowed: bool,
}
