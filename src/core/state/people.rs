//! Who is here, who steers, and what people say to each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    core::event::TerminalSize,
    domain::{
        credentials::Credentials,
        id::{ClientId, OperatorId, RouteId, Seq},
        role::Role,
        shown::Shown,
        time::Timestamp,
        weight::Weights,
    },
};

/// One operator at a time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Controls {
    pub holder: Option<Holder>,
    /// Rises with each grant; an intent of an older epoch is refused.
    pub epoch: u64,
    /// Who asked for them, oldest first.
    pub asked_by: Vec<OperatorId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub client: ClientId,
    pub who: OperatorId,
    pub since: Timestamp,
    pub beat_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    pub who: OperatorId,
    pub role: Role,
    pub joined_at: Timestamp,
    pub active_at: Timestamp,
    pub terminal: Option<TerminalSize>,
    /// Who stood behind the name when he came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// The pane that he looks at.
    pub focus: Option<Shown>,
    pub drafts: BTreeMap<RouteId, Weights>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookHere {
    pub by: OperatorId,
    pub pane: Shown,
    pub at: Timestamp,
}

/// A line of the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub seq: Seq,
    pub client: ClientId,
    pub by: OperatorId,
    pub text: Shown,
    pub at: Timestamp,
}
