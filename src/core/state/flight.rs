//! What has left for the world and has no outcome yet.

use serde::{Deserialize, Serialize};

use crate::{
    core::decision::Effect,
    domain::{id::RouteId, shown::Shown, time::Timestamp},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    pub route: Option<RouteId>,
    pub since: Timestamp,
    /// What left. A `Wake` is never listed: it ends with its alarm.
    pub deal: Effect,
    /// The API has answered it, and works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// A write that the API has answered, and whose outcome is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub at: Timestamp,
    /// What the API calls its work on it.
    pub operation: Shown,
}
