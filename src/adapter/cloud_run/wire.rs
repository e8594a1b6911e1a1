//! Cloud Run's JSON, as far as it is looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::adapter::lenient;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    #[serde(default)]
    pub etag: String,
    #[serde(default, deserialize_with = "lenient")]
    pub annotations: BTreeMap<String, String>,
    /// 64-bit numbers are text in JSON.
    #[serde(default)]
    pub generation: String,
    #[serde(default)]
    pub observed_generation: String,
    #[serde(default)]
    pub reconciling: bool,
    #[serde(default)]
    pub traffic: Vec<Target>,
    #[serde(default)]
    pub traffic_statuses: Vec<Target>,
    pub terminal_condition: Option<Condition>,
    #[serde(default)]
    pub conditions: Vec<Condition>,
    #[serde(default)]
    pub latest_ready_revision: String,
    #[serde(default)]
    pub latest_created_revision: String,
    pub last_modifier: Option<String>,
    pub client: Option<String>,
    pub update_time: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub message: String,
}

impl Condition {
    pub(super) fn is_failed(&self) -> bool {
        self.state == "CONDITION_FAILED"
    }
}

pub(super) const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
pub(super) const REVISION: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";

/// One entry of the traffic list; of `trafficStatuses` too, whose `uri` is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
    #[serde(default)]
    pub percent: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
}

impl Service {
    /// The revision that an entry leads to; the newest ready one for `LATEST`.
    pub(super) fn revision_of<'a>(&'a self, target: &'a Target) -> &'a str {
        last_segment(if target.kind == LATEST { &self.latest_ready_revision } else { &target.revision })
    }

    /// The service does what its configuration says, and requests go where the list sends them.
    pub(super) fn is_settled(&self) -> bool {
        let succeeded = self.terminal_condition.as_ref().is_some_and(|condition| condition.state == "CONDITION_SUCCEEDED");
        let shares = |targets: &[Target]| -> BTreeMap<String, u32> {
            let mut shares = BTreeMap::new();
            for target in targets.iter().filter(|target| target.percent > 0) {
                *shares.entry(self.revision_of(target).to_owned()).or_default() += target.percent;
            }
            shares
        };
        let served = self.traffic_statuses.is_empty() || shares(&self.traffic_statuses) == shares(&self.traffic);
        !self.reconciling && self.observed_generation == self.generation && succeeded && served
    }

    /// The name of what an entry leads to, where it is not known which revision that is.
    pub(super) fn name_of<'a>(&'a self, target: &'a Target) -> &'a str {
        let revision = self.revision_of(target);
        if revision.is_empty() { "latest" } else { revision }
    }

    /// The words of the condition that says that it failed.
    pub(super) fn failure(&self) -> Option<&str> {
        let failed = self.terminal_condition.iter().chain(&self.conditions).find(|condition| condition.is_failed())?;
        Some(if failed.message.is_empty() { "a condition failed" } else { &failed.message })
    }
}

/// One revision of a service.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Revision {
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl Revision {
    /// Why it can't serve, if it says so itself.
    pub(super) fn failure(&self) -> Option<&str> {
        let ready = self.conditions.iter().find(|condition| condition.kind == "Ready" && condition.is_failed())?;
        Some(if ready.message.is_empty() { "it is not ready" } else { &ready.message })
    }
}

pub(super) fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What a PATCH sends, under a mask that names what is there. Annotations are replaced as a whole.
#[derive(Debug, Serialize)]
pub(super) struct Patch {
    pub etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Vec<Target>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Patch {
    pub(super) fn mask(&self) -> &'static str {
        match (&self.traffic, &self.annotations) {
            (Some(_), Some(_)) => "traffic,annotations",
            (_, None) => "traffic",
            (None, Some(_)) => "annotations",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Operation {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub done: bool,
    pub error: Option<Status>,
}

/// A `google.rpc.Status`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub code: i32,
    #[serde(default)]
    pub message: String,
}

impl Status {
    /// The HTTP status that Google maps the code to.
    pub(super) fn http(&self) -> u16 {
        match self.code {
            3 | 9 | 11 => 400,
            4 => 504,
            5 => 404,
            6 | 10 => 409,
            7 => 403,
            8 => 429,
            16 => 401,
            _ => 500,
        }
    }
}
