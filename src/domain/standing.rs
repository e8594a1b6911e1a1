//! How one outside thing stands to what a step of the plan wants of it, as one look at it tells.
//!
//! Done is what the world says, so somebody else can have done it, and somebody else can undo it; both are seen by the next look.

use serde::{Deserialize, Serialize};

use crate::domain::{
    fault::{Fault, Version},
    shown::Shown,
    time::Timestamp,
    weight::PerMille,
};

/// What an act makes of a step's thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// What the step wants.
    Run,
    /// What it was before.
    Undo,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is not as the step wants it. An act is made against `version`, and against no other.
    Apart {
        version: Version,
        /// What an act would change, in the vendor's names. Never empty.
        changes: Vec<Change>,
        /// How the newest work on it ended that was not done, as the vendor tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<Box<Failed>>,
    },
    /// The vendor works on it, whoever asked for that.
    Underway(Underway),
    /// It is as the step wants it.
    Reached { version: Version, evidence: Vec<Known> },
    /// Something else stands where the step's thing would be, or it is in a state from which no act of the step leads on.
    Foreign { why: Shown },
}

/// One property that an act would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub what: Shown,
    /// `None` where there is nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Shown>,
    /// `None` where nothing is left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Shown>,
}

/// A fact that shows that a step's state is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub what: Shown,
    pub value: Shown,
}

/// Work that the vendor has taken up and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underway {
    /// What the vendor calls it, for the operator's own `describe`.
    pub operation: Shown,
    /// By the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// As far as the vendor tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<PerMille>,
    /// What it does now, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<Shown>,
}

/// Work that ended without what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub operation: Shown,
    pub why: Fault,
}

impl Standing {
    /// What an act on what was seen would be made against; nothing where no act is possible.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Standing::Apart { version, .. } | Standing::Reached { version, .. } => Some(version),
            Standing::Underway(_) | Standing::Foreign { .. } => None,
        }
    }
}
