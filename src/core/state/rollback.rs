//! How far a rollback is on its way.

use serde::{Deserialize, Serialize};

use crate::{
    core::{decision::Cause, reason::Mover},
    domain::{
        claim::Claim,
        fault::{Fault, Version},
        id::EffectId,
        time::Timestamp,
        weight::Weights,
    },
};

/// A rollback from its beginning until home is accepted and nothing of ours is on its way any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Return {
    pub to: Weights,
    pub since: Timestamp,
    pub cause: Cause,
    /// Writes that left so far.
    pub writes: u32,
    /// Writes that failed so far.
    pub failures: u32,
    /// Why the newest write failed.
    pub fault: Option<Fault>,
    /// Whose change came first, where the newest write failed for one and a look has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_first: Option<Mover>,
    /// Another session's claim that stood there when it began: it is taken away, even at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fences: Option<Box<Claim>>,
    /// When the alarm was raised that it takes too long.
    pub escalated_at: Option<Timestamp>,
    /// The newest write that rested on a look; what can't be looked at is written again as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Box<SentHome>>,
    pub stage: ReturnStage,
}

/// A write home, by what a copy of it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentHome {
    pub effect: EffectId,
    pub from: Weights,
    pub version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Box<Claim>>,
}

/// What a rollback waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnStage {
    /// A look at the weights that is fresh enough to be written against.
    Look,
    /// The outcome of its write.
    Write { effect: EffectId, since: Timestamp },
    /// What became of a write whose outcome is not known.
    Resolve { since: Timestamp },
    /// The time of the next attempt.
    Retry { at: Timestamp },
}
