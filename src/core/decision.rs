//! What follows from an entry: an answer to the asker, effects on the world, and why.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        door::Difference,
        event::{Alarm, Entry},
        news::News,
        reason::{Blindness, Missing, Mover, Need, Objection, Undone, Void},
        record::RecordNumber,
        replication::Writers,
        roster::Change,
        runbook::{Act, StepRefusal},
        state::Otherwise,
    },
    domain::{
        claim::Claim,
        digest::Digest,
        fault::Version,
        hindrance::Hindrance,
        id::{AskId, BackendId, ClientId, EffectId, ItemId, OperatorId, RouteId, StepId, TriggerId},
        metric::Gap,
        role::Role,
        shown::Shown,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Decision {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<IssuedEffect>,
    /// What a person should be told, in the order in which it came about. Shown in the feed. Recovery does not compare it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
}

impl Decision {
    /// Whether both answer and do the same, whatever they tell.
    pub fn does_as(&self, other: &Decision) -> bool {
        self.answer == other.answer && self.effects == other.effects
    }
}

/// One line of the journal's payload: the entry and what was decided on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
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
    /// Nothing to do: a rollback has brought everything home already, and that is accepted.
    HomeAlready,
    /// Waits for another person's approval of this digest.
    NeedsApproval {
        digest: Digest,
    },
    Refused(Refusal),
}

/// Why not, with the facts that `words` needs to say what failed, what still holds and what to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    Role {
        role: Role,
    },
    NoControls {
        holder: OperatorId,
    },
    ControlsFree,
    ControlsHeld {
        who: OperatorId,
    },
    /// The route no longer stands where the draft began; `by` moved it, where that is known.
    Moved {
        now: Weights,
        by: Option<Mover>,
    },
    NotKnown,
    /// The route stands there already.
    StandsThere,
    /// What is asked for is so already.
    NoChange,
    /// Nothing was written.
    Empty,
    /// Nobody would watch over these any more, and they were not named.
    Unwatched {
        routes: Vec<RouteId>,
    },
    Latched {
        cause: Cause,
    },
    Held {
        by: OperatorId,
        /// Nobody's hold, or not only somebody's: the program that took the session up decides otherwise than the one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<Otherwise>,
    },
    Breached {
        trigger: TriggerId,
    },
    Blind {
        trigger: TriggerId,
        why: Blindness,
    },
    /// Too many of our own requests failed; without a backend nobody's mark is on them.
    FailingAtDoor {
        backend: Option<BackendId>,
        failed: u64,
        answers: u64,
    },
    /// Good answers do not say who gave them, so nobody sees whom users meet.
    AnswersUnmarked {
        unmarked: u64,
        answers: u64,
    },
    UnlikeHome {
        backend: BackendId,
        difference: Box<Difference>,
    },
    /// It was breached at the front door when it was last met, and that is too long ago to say anything of now.
    NotMetAnyMore {
        backend: BackendId,
        ago: Millis,
    },
    /// A first step away from home ends here.
    FirstStep {
        most: PerMille,
    },
    /// Beyond `most` the plan needs lines of the checklist that are not done.
    LinesOpen {
        most: PerMille,
        open: Vec<(ItemId, Undone)>,
    },
    NotReady {
        why: Objection,
    },
    /// The plan's database accepts writes nowhere, or in several places.
    Writers {
        writers: Writers,
    },
    Drifted {
        found: Weights,
    },
    Unresolved,
    RollingBack,
    /// The split names a backend that this route does not have.
    Stranger,
    Missing(Missing),
    NotSignable,
    ReasonMissing,
    NotLatched,
    NotHeld,
    OwnRequest,
    /// Who wants to approve stands otherwise in the roster since the request was opened.
    Barred {
        who: OperatorId,
        how: Change,
        after: Millis,
    },
    ApprovalVoid {
        why: Void,
    },
    NotADemo,
    Contended,
    NeedsHuman {
        why: Need,
    },
    /// What stands between the route's weights and its users.
    Hindered {
        why: Hindrance,
    },
    /// Requests meet something else than what is accepted.
    RequestsDisagree {
        since: Timestamp,
    },
    Unsettled,
    /// Another session steers the object, by the object's own word.
    SteeredElsewhere {
        claim: Box<Claim>,
    },
    /// This session's claim has gone from the object, and another may have steered since.
    ClaimLost,
    /// So many bytes are left for the record, and nothing but looking and going home may use them.
    RecordLow {
        bytes: u64,
        since: Timestamp,
        place: Shown,
    },
    /// The disk of the record does not answer, so nothing may follow from what happens but going home.
    RecordHangs {
        since: Timestamp,
        kept: RecordNumber,
    },
    /// What happens is not recorded any more, so nothing may follow from it but going home.
    RecordBroken {
        since: Timestamp,
        kept: RecordNumber,
    },
    /// A trigger is blind, so nobody signs that something holds.
    CannotSign {
        trigger: TriggerId,
    },
    /// A step of the plan can't be run, taken back or skipped now.
    Step(Box<StepRefusal>),
    NotOpen,
}

/// Something to be done in the world by an async task. Each has an intent before it leaves, durable unless the record fails, and an outcome after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssuedEffect {
    pub id: EffectId,
    pub what: Effect,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Compare-and-set: writes `to` only if the object still has `version`.
    Write {
        route: RouteId,
        from: Weights,
        to: Weights,
        version: Version,
        cause: Cause,
        /// The write that this one repeats, under its request id and against the same version; no look has come since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<EffectId>,
        /// Who steers from here on, written with the weights; `None` in records of before there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim: Option<Box<Claim>>,
    },
    /// Compare-and-set of who steers and of nothing else: a person takes over, with a reason, or ends the session.
    Claim {
        route: RouteId,
        version: Version,
        claim: Box<Claim>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Shown>,
    },
    /// Compare-and-set: makes a step's thing what the step wants, or what it was before, only if it still has `version`. Sent once.
    Act {
        step: StepId,
        act: Act,
        version: Version,
        by: OperatorId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<OperatorId>,
    },
    /// Read the route now instead of at the next turn of its sensor; resolves what is unknown. What was read comes as an
    /// `Observed` of the source `weights/<route>`, and then a `Finished` ends the effect: `Done` if it was read, `NotDone` if not.
    Read { route: RouteId },
    /// Ring `alarm` at or after `at`.
    Wake { at: Timestamp, alarm: Alarm },
    /// Demo only.
    Inject { inject: Shown },
}

/// Why traffic was moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Operator {
        who: OperatorId,
        reason: Option<Shown>,
        /// Who approved it, where a second person had to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approved_by: Option<OperatorId>,
    },
    /// One or more triggers in the same instant; all are recorded, one rollback follows.
    Triggers(Vec<Fired>),
    /// A trigger was blind for too long; without a gap no sample ever came.
    Blind { trigger: TriggerId, gap: Option<Gap> },
    /// Our own requests through the front door failed there for too long.
    FailingAtDoor { backend: BackendId, failed: u64, answers: u64 },
    /// A backend answered otherwise than home does through the same door.
    UnlikeHome { backend: BackendId, difference: Box<Difference> },
    /// Somebody took what others had written as the session's own.
    Adopted { by: OperatorId },
}

impl Cause {
    /// The person who asked for it, where one did.
    pub(super) fn person(&self) -> Option<&OperatorId> {
        match self {
            Cause::Operator { who, .. } => Some(who),
            Cause::Adopted { by } => Some(by),
            Cause::Triggers(_) | Cause::Blind { .. } | Cause::FailingAtDoor { .. } | Cause::UnlikeHome { .. } => None,
        }
    }
}

/// A trigger that fired, with the value that it fired on; `None` where its newest sample is not known any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    pub trigger: TriggerId,
    pub value: Option<f64>,
}
