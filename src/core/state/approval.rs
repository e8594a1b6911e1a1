//! What waits for a second person, and what became of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    core::{decision::Refusal, event::Asker, reason::Void, roster::Barred, runbook::StepTerms},
    domain::{
        digest::Digest,
        fault::Version,
        id::{AskId, BackendId, InstanceId, OperatorId, RouteId},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::Weights,
    },
};

/// A request for a second person's approval, bound to exactly this action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub digest: Digest,
    pub by: Asker,
    pub ask: AskId,
    /// What the digest covers, for the dialog.
    pub terms: Terms,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// How long of its time the host did not run, so that nobody could act on it.
    #[serde(default, skip_serializing_if = "Millis::is_zero")]
    pub stood_still: Millis,
    /// Who stands otherwise in the roster since it was opened: none of them can be its second person.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub barred: BTreeMap<OperatorId, Barred>,
}

/// What an approval is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Terms {
    Shift(ShiftTerms),
    Step(StepTerms),
}

impl Terms {
    /// Of the controls under which it was asked.
    pub fn epoch(&self) -> u64 {
        match self {
            Terms::Shift(terms) => terms.epoch,
            Terms::Step(terms) => terms.epoch,
        }
    }
    pub fn shift(&self) -> Option<&ShiftTerms> {
        match self {
            Terms::Shift(terms) => Some(terms),
            Terms::Step(_) => None,
        }
    }
}

/// A move of traffic; field names and order are part of its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftTerms {
    pub route: RouteId,
    pub target: BackendId,
    pub from: Weights,
    pub to: Weights,
    pub version: Version,
    /// Each instance of the plan's database and how it stands; not the figure of the second, which never stands still.
    pub replication: Vec<(InstanceId, ReplicaTerm)>,
    pub plan: Digest,
    /// Of the controls under which it was asked.
    pub epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaTerm {
    /// The plan's primary, up.
    AcceptsWrites,
    WithinBounds,
    Behind,
    Stopped,
    Broken,
    /// The instance does not serve.
    Down,
    /// A replica that is a primary of its own.
    Primary,
    /// A primary that is none.
    NoPrimary,
    OfAnotherPrimary,
    Unknown,
}

/// A request that is no longer open, so that both sides can be told what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub digest: Digest,
    pub by: Asker,
    pub terms: Terms,
    pub how: Ending,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Approved {
        by: OperatorId,
    },
    /// Approved, and refused when it was examined once more.
    NotStarted {
        by: OperatorId,
        why: Box<Refusal>,
    },
    Denied {
        by: OperatorId,
        reason: Option<Shown>,
    },
    Withdrawn,
    Void {
        why: Void,
    },
}
