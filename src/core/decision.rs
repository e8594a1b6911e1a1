//! What follows from an entry: an answer to the asker, effects on the world, and why.

use serde::{Deserialize, Serialize};

use crate::{
    core::event::{Alarm, Entry},
    domain::{
        fault::Version,
        id::{AskId, ClientId, EffectId, OperatorId, RouteId, TriggerId},
        shown::Shown,
        time::Timestamp,
        weight::Weights,
    },
};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Decision {
    pub answer: Option<Answer>,
    pub effects: Vec<Effect>,
    /// What a person should be told, in the order in which it came about. Shown in the feed.
    pub notes: Vec<Note>,
}

/// One line of the journal's payload: the entry and what was decided on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    pub entry: Entry,
    pub decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub client: ClientId,
    pub ask: AskId,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Accepted,
    /// Taken, and will start when the move in flight has settled; replaces an earlier one.
    Queued,
    /// Joined what is already running: a second rollback of the same route.
    Joined,
    /// Waits for another person's approval of this digest.
    NeedsApproval {
        digest: String,
    },
    Refused(Refusal),
}

/// Why not. Each says what failed, what still holds and what to do next through `Display`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    #[error("a {role} can't do that; nothing was changed; ask an operator")]
    Role { role: crate::domain::role::Role },
    #[error("you don't have the controls, {holder} has; nothing was changed; ask for them with the controls key")]
    NoControls { holder: OperatorId },
    #[error("nobody has the controls; nothing was changed; take them first")]
    ControlsFree,
    #[error("{who} has the controls; nothing was changed; only a pilot may take them from somebody")]
    ControlsHeld { who: OperatorId },
    #[error("the route no longer stands where your draft began: it is at {now}, moved by {by}; nothing was changed; look and ask again")]
    Moved { now: Weights, by: Shown },
    #[error("the weights of this route are not known yet; nothing was changed; wait for the first reading")]
    NotKnown,
    #[error("this is where the route stands already; nothing was changed")]
    NoChange,
    #[error("the route is latched; re-arm it with a reason first; traffic stays home since the rollback by {cause}")]
    Latched { cause: Shown },
    #[error("the route is held by {by}; nothing was changed; resume it first")]
    Held { by: OperatorId },
    #[error("trigger {trigger} is breached; traffic was not advanced; wait until it is clear or roll back")]
    Breached { trigger: TriggerId },
    #[error("trigger {trigger} is blind ({why}); traffic was not advanced; going back is still possible")]
    Blind { trigger: TriggerId, why: Shown },
    #[error("going back is not assured: {why}; traffic was not advanced; restore home first")]
    NotReady { why: Shown },
    #[error("somebody else changed this route ({found}); traffic was not advanced; adopt the change or roll back")]
    Drifted { found: Weights },
    #[error("the outcome of the last write is not known; traffic was not advanced; it is being read back")]
    Unresolved,
    #[error("a rollback is running; nothing else moves this route until it is over")]
    RollingBack,
    #[error("the split names a backend that this route does not have; nothing was changed")]
    Stranger,
    #[error("there is no {what} by that name; nothing was changed")]
    NoSuch { what: Shown },
    #[error("this item collects its own evidence and can't be signed; nothing was changed")]
    NotSignable,
    #[error("a reason is needed; nothing was changed")]
    ReasonMissing,
    #[error("nothing here to re-arm or resume; nothing was changed")]
    NotLatched,
    #[error("you asked for this yourself; somebody else must approve it")]
    OwnRequest,
    #[error("that request is no longer open ({why}); nothing was changed; ask again")]
    ApprovalVoid { why: Shown },
    #[error("this is a live session; only the demo's world can be stirred")]
    NotADemo,
    #[error("others keep changing this route; traffic was not advanced; stop them, then adopt what you find or roll back")]
    Contended,
    #[error("this route needs a human: {why}; traffic was not advanced; put it right or roll back")]
    NeedsHuman { why: Shown },
    #[error("acting on this route is not safe: {why}; nothing was changed; put it right by hand first")]
    Trouble { why: Shown },
    #[error("the last move has not settled; nothing was changed; a step this large can be asked for when it has")]
    Unsettled,
    #[error("nobody watches this route well enough: {why}; this item can't be signed now; nothing was changed")]
    CannotSign { why: Shown },
    #[error("the session is not open yet; nothing was changed; try again")]
    NotOpen,
}

/// Something to be done in the world by an async task. Each has a durable intent before it leaves and an outcome after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub id: EffectId,
    pub what: Deal,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deal {
    /// Compare-and-set: writes `to` only if the object still has `version`.
    Write { route: RouteId, from: Weights, to: Weights, version: Version, cause: Cause },
    /// Read the route now instead of at the next turn of its sensor; resolves what is unknown. What was read comes as an
    /// `Observed` of the source `weights/<route>`, and then a `Finished` ends the effect: `Done` if it was read, `NotDone` if not.
    Read { route: RouteId },
    /// Ring `alarm` at or after `at`.
    Wake { at: Timestamp, alarm: Alarm },
    /// Demo only.
    Stir { stir: Shown },
}

/// Why traffic was moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Operator {
        who: OperatorId,
        reason: Option<Shown>,
    },
    /// One or more triggers in the same instant; both are recorded, one rollback follows.
    Triggers {
        triggers: Vec<TriggerId>,
        reading: Shown,
    },
    /// A trigger was blind for too long.
    Blind {
        trigger: TriggerId,
        why: Shown,
    },
}

/// One remark, for the feed and the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub tone: Tone,
    pub text: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Alarm,
}
