//! Why something is so: reasons with their facts, for refusals, objections, evidence and news.
//!
//! Each is a closed list. `words` says them; nothing compares what was said.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        decision::{Cause, Refusal},
        door::Difference,
        replication::DatabaseStanding,
        unjudged::Counted,
    },
    domain::{
        claim::Claim,
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        id::{BackendId, InstanceId, OperatorId, RouteId, SourceId, StepId, TriggerId},
        metric::{Gap, Metric},
        shown::Shown,
        standing::{Change, Known},
        time::Millis,
        weight::PerMille,
    },
};

/// Who moved a route last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mover {
    /// This session, for a reason.
    Us(Cause),
    /// Somebody adopted what others had written.
    Adopted { by: OperatorId },
    /// A write of ours whose outcome nobody knew.
    OurLateWrite,
    /// Somebody else, by the name that the cloud gives; `None` where it gives none.
    Foreign { actor: Option<Shown> },
    /// The session that steers the object, by the object's own word.
    Steerer { claim: Box<Claim> },
    /// This session while it had no record, or somebody else: nobody knows.
    Unrecorded { actor: Option<Shown> },
}

/// Why a queued move was dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drop {
    TakenBack,
    RollbackBegan,
    Held,
    ControlsPassed,
    HostRestarted,
    Refused(Box<Refusal>),
}

/// Why the session can't go on with a route by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Requests don't follow the accepted weights, so long after they were accepted.
    RequestsDisagree { after: Millis },
    /// Others keep changing the weights.
    Contended,
}

impl Need {
    /// The same so long after it was told.
    pub fn later(&self, by: Millis) -> Need {
        match self {
            Need::RequestsDisagree { after } => Need::RequestsDisagree { after: Millis(after.0.saturating_add(by.0)) },
            Need::Contended => Need::Contended,
        }
    }
}

/// What stands against going home. Empty is assured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objection {
    HomeUnknown,
    TooFewReady {
        home: BackendId,
        ready: u32,
        needed: u32,
    },
    SwitchedOff {
        home: BackendId,
    },
    /// Its platform doesn't count instances, and nothing of the last half minute shows that it answers.
    NotShown {
        home: BackendId,
    },
    /// Without a request it keeps no instance; everybody would wait for one to start. `told` is what the platform says it keeps.
    NothingKept {
        home: BackendId,
        told: Option<u32>,
    },
    NotSeen {
        home: BackendId,
        ago: Millis,
    },
    NeverSeen {
        home: BackendId,
    },
    /// None of the direct requests is answered as expected, and nothing else shows that it answers.
    ProbesFail {
        home: BackendId,
        failed: u64,
        sent: u64,
    },
    AnswersNoRequest {
        home: BackendId,
    },
    BeyondLimit {
        home: BackendId,
        metric: Metric,
        value: f64,
        limit: f64,
    },
    WeightsOld {
        ago: Millis,
    },
    /// A rollback would not be done, or would not bring users home.
    Hindered {
        why: Hindrance,
    },
    Promoted {
        instance: InstanceId,
    },
}

/// The rules about what is met at the front door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoorRule {
    Failing,
    Unlike,
}

/// Why a route is not home although it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// Nothing has come of it yet.
    Underway,
    /// The newest write left so long ago, and nobody has answered it: copies of it leave until somebody does.
    NoOutcome { after: Millis },
    /// The API has taken the newest write so long ago, and what came of it has not been seen: its work goes on, or looks are refused.
    NotSeenYet { taken: Millis, operation: Shown, unread: Option<Unread> },
    /// The newest write failed.
    WriteFailed { why: Fault },
    /// The newest write met a change that came first; it goes home from there.
    ChangedFirst { by: Mover },
    /// Nobody knows what came of the newest write; it is repeated as it was.
    OutcomeUnknown {
        why: Option<Fault>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread: Option<Unread>,
    },
    /// The weights can't be read, and nothing is written against what nobody has seen.
    Unread {
        why: Option<Fault>,
        #[serde(default)]
        looks: Looks,
    },
    /// Users would not be brought home by it.
    Hindered { why: Hindrance },
    /// Somebody else moved it back out.
    MovedAway { by: Mover },
    /// Others keep changing the weights, and we have stopped writing.
    Contended,
    /// Home is accepted, and requests still meet something else.
    RequestsDisagree { after: Millis },
}

/// Why looks at the weights tell nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unread {
    pub why: Fault,
    #[serde(default)]
    pub looks: Looks,
}

/// When somebody looks at the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Looks {
    /// How long ago a look told something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Millis>,
    /// In how long the next one begins; `None` where it is under way, or due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Millis>,
}

impl Obstacle {
    /// Whether it keeps a rollback from home that would be on its way otherwise: from here on people are told how to go by hand.
    pub fn keeps_away(&self) -> bool {
        match self {
            Obstacle::Underway | Obstacle::Unread { why: None, .. } => false,
            Obstacle::NoOutcome { .. }
            | Obstacle::NotSeenYet { .. }
            | Obstacle::WriteFailed { .. }
            | Obstacle::ChangedFirst { .. }
            | Obstacle::OutcomeUnknown { .. }
            | Obstacle::Unread { why: Some(_), .. }
            | Obstacle::Hindered { .. }
            | Obstacle::MovedAway { .. }
            | Obstacle::Contended
            | Obstacle::RequestsDisagree { .. } => true,
        }
    }

    /// Whether anything is sent for it now, or will be: what the API works on is waited for.
    pub fn is_tried(&self) -> bool {
        match self {
            Obstacle::NotSeenYet { .. } => false,
            Obstacle::Underway
            | Obstacle::NoOutcome { .. }
            | Obstacle::WriteFailed { .. }
            | Obstacle::ChangedFirst { .. }
            | Obstacle::OutcomeUnknown { .. }
            | Obstacle::Unread { .. }
            | Obstacle::Hindered { .. }
            | Obstacle::MovedAway { .. }
            | Obstacle::Contended
            | Obstacle::RequestsDisagree { .. } => true,
        }
    }

    /// Whether writing the weights would help. What is home already by every weight that could be written is not brought home by another.
    pub fn is_met_by_writing(&self) -> bool {
        match self {
            Obstacle::RequestsDisagree { .. } => false,
            Obstacle::Underway
            | Obstacle::NoOutcome { .. }
            | Obstacle::NotSeenYet { .. }
            | Obstacle::WriteFailed { .. }
            | Obstacle::ChangedFirst { .. }
            | Obstacle::OutcomeUnknown { .. }
            | Obstacle::Unread { .. }
            | Obstacle::Hindered { .. }
            | Obstacle::MovedAway { .. }
            | Obstacle::Contended => true,
        }
    }
}

/// Why a request for a second person's approval is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Void {
    Replaced,
    InTime,
    /// Its time ran out while the host did not run, so nobody could have approved it.
    StoodStill,
    TermsChanged,
    RollbackBegan,
    Held,
    ControlsPassed,
    HostRestarted,
    RecordBroken,
    RecordHangs,
    AskerLeft,
    /// It asks for nothing that can be approved.
    Empty,
    /// It is not open any more, for one of the other reasons.
    Gone,
}

/// What a name that is not there would have named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    Step,
    Route,
    Item,
    OwnRequest,
    OperatorHere,
}

/// Why a trigger can't be relied upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blindness {
    NoReadingYet,
    Gap(Gap),
    /// The small share has not stood for long enough yet.
    StandsTooShort {
        gap: Gap,
        share: PerMille,
        left: Millis,
    },
    /// It was beyond its limit so long ago, and nothing has shown since that this is over; where it is for want of requests, how many of those
    /// that can show it came since.
    NotCleared {
        ago: Millis,
        gap: Option<Gap>,
        counted: Option<Counted>,
    },
    /// The backend has no traffic, and nothing proves that it answers.
    NoSignOfLife {
        backend: BackendId,
    },
}

/// What a line that rests on a step has to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEvidence {
    /// A look has seen it as the plan wants it.
    Reached {
        known: Vec<Known>,
    },
    Apart {
        changes: Vec<Change>,
    },
    Underway,
    Foreign {
        why: Shown,
    },
    /// A person said that it is not to be done, which shows nothing.
    Skipped {
        by: OperatorId,
    },
    /// Nobody has looked at it, or not lately.
    Unseen,
}

/// What a line of the checklist rests on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    #[default]
    None,
    /// What the person wrote who signed it.
    Note(Shown),
    /// `why` is `None` for one that is stale.
    SourceSilent {
        source: SourceId,
        why: Option<FaultKind>,
    },
    TriggerBlind {
        trigger: TriggerId,
    },
    WeightsUnread {
        route: RouteId,
    },
    NoSourceYet,
    Monitored {
        /// Sources that answer.
        sources: u32,
        /// Triggers that see.
        triggers: u32,
        /// Triggers of the plan.
        #[serde(default)]
        of: u32,
    },
    NobodyServes,
    NoSample {
        backend: BackendId,
        within: Millis,
    },
    TooFewRequests {
        backend: BackendId,
        requests: u64,
        needed: u64,
    },
    BeyondLimit {
        metric: Metric,
        backend: BackendId,
        value: f64,
        limit: f64,
    },
    WithinLimit {
        metric: Metric,
        values: Vec<(BackendId, f64)>,
    },
    /// What is answered through the front door speaks against it, whatever it counts itself; without a backend nobody's mark is on it.
    AtDoor {
        backend: Option<BackendId>,
        failed: u64,
        answers: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unlike: Option<Box<Difference>>,
    },
    /// A figure counts answers that nobody comes for, so it proves nothing.
    CountsWrongAnswers {
        metric: Metric,
        backend: BackendId,
    },
    /// It was breached at the front door when it was last met, so long ago.
    NotMetAnyMore {
        backend: BackendId,
        ago: Millis,
    },
    NoDatabase,
    NoReplica,
    /// An instance of the database that is not as it should be, or not known to be.
    Instance {
        instance: InstanceId,
        standing: DatabaseStanding,
    },
    LagBeyond {
        instance: InstanceId,
        seconds: f64,
        limit: Millis,
        /// Of the figure itself.
        #[serde(default)]
        age: Millis,
    },
    /// The newest figure is older than the line holds for.
    LagOld {
        instance: InstanceId,
        age: Millis,
        holds: Millis,
    },
    LagWithin {
        seconds: Vec<(InstanceId, f64)>,
    },
    Dropped {
        ago: Millis,
    },
    /// Whoever sends requests has met none; with them, which of the backends that have users count none of their own. 0 probers in journals of
    /// before that was recorded.
    NoDrops {
        span: Millis,
        #[serde(default, skip_serializing_if = "is_none_of_them")]
        probers: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncounted: Vec<BackendId>,
    },
    NoDropsSoFar {
        watched: Millis,
        needed: Millis,
    },
    NobodyWatches,
    /// Only so many of those who send requests report now.
    FewerWatch {
        watching: u32,
        of: u32,
    },
    NotAllOnTarget {
        route: RouteId,
        target: BackendId,
        share: PerMille,
    },
    RequestsElsewhere {
        route: RouteId,
    },
    RequestsTooFew {
        route: RouteId,
    },
    AcceptedNotSeen {
        route: RouteId,
    },
    AllOnTarget,
    StabilityLater {
        route: RouteId,
        target: BackendId,
    },
    NotShownStable {
        target: BackendId,
    },
    StableSoFar {
        lasted: Millis,
        needed: Millis,
    },
    StableFor {
        span: Millis,
    },
    Step {
        step: StepId,
        how: StepEvidence,
    },
}

/// How a line of the checklist is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undone {
    /// Nobody signed, or its hour has not come.
    Open,
    /// The evidence speaks against it.
    Failing,
    /// There is no evidence either way.
    Unknown,
    /// It was done, and the evidence is too old now.
    Expired,
}

fn is_none_of_them(count: &u32) -> bool {
    *count == 0
}
