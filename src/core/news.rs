//! What a session tells people: a closed list of what can happen, with its facts and without a word of prose.
//!
//! News stand in the record, so they outlive the program: `words` says them in English, and may say them better tomorrow without a
//! journal of yesterday becoming unreadable. Nothing in the program recognises a state by what is said of it.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        decision::{Cause, Refusal},
        door::Difference,
        event::TurnedAway,
        loss::Witness,
        reason::{Drop, Evidence, Mover, Need, Objection, Obstacle, Void},
        record::RecordChange,
        replication::DatabaseStanding,
        roster::Changed,
        runbook::StepNews,
    },
    domain::{
        claim::Claim,
        credentials::Credentials,
        digest::Digest,
        fault::Fault,
        hindrance::Hindrance,
        id::{BackendId, InstanceId, ItemId, OperatorId, RouteId, SourceId, StepId, TriggerId},
        metric::Gap,
        platform::{Part, Scale},
        role::Role,
        shown::Shown,
        time::Millis,
        weight::Weights,
    },
};

mod tone;

/// How much a piece of news matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Alarm,
}

/// Closed on purpose: whoever adds one is led by the compiler to its tone and its words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    SessionOpened,
    HostReturned,
    /// Nobody starts the host again any more; until now this process would have.
    SupervisorGone {
        process: u32,
    },
    /// The host was stopped, or its machine slept, and goes on.
    StoodStill {
        lasted: Millis,
    },
    /// The session was ended; `abandoned` are the routes that were left although nobody watches over them now.
    Stopped {
        by: OperatorId,
        abandoned: Vec<RouteId>,
        /// Those of them whose weights were never read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unread: Vec<RouteId>,
    },
    /// Another version of the fold took the journal up and decides otherwise; every route is held.
    TakenOver {
        from: u32,
        to: u32,
    },
    Record(RecordChange),
    Joined {
        who: OperatorId,
        role: Role,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<Box<Credentials>>,
    },
    Left {
        who: OperatorId,
    },
    /// The first roster that the record knows.
    RosterRead {
        digest: Option<Digest>,
        people: u32,
    },
    /// Who may come in is otherwise now; without a change of anybody, its text is.
    RosterChanged {
        digest: Option<Digest>,
        changed: Vec<Changed>,
    },
    TurnedAway(TurnedAway),
    Said {
        by: OperatorId,
        text: Shown,
    },
    LookHere {
        by: OperatorId,
        pane: Shown,
    },
    FaultInjected {
        fault: Shown,
    },
    FaultNotInjected {
        fault: Shown,
        why: Fault,
    },

    /// Another session steers the object, by the object's own word; this one did, until then.
    SteeredElsewhere {
        route: RouteId,
        claim: Box<Claim>,
        before: Option<Box<Claim>>,
    },
    /// The session that steers the object has moved it.
    MovedElsewhere {
        route: RouteId,
        at: Weights,
        claim: Box<Claim>,
    },
    /// This session's claim has gone from the object, and no other stands there.
    ClaimLost {
        route: RouteId,
    },
    /// The session that steered the object has ended, or somebody took its claim away.
    NobodySteers {
        route: RouteId,
        before: Box<Claim>,
    },
    /// This session steers the object from here on, in the place of another or of nobody.
    Steers {
        route: RouteId,
        claim: Box<Claim>,
        before: Option<Box<Claim>>,
    },
    ClaimNotWritten {
        route: RouteId,
        why: Fault,
        fate: Fate,
    },
    /// The session has ended and steers nothing any more.
    LetGo {
        route: RouteId,
    },
    /// What happened with a step of the plan.
    Step {
        step: StepId,
        what: StepNews,
    },
    /// The first reading of a route's weights.
    Stands {
        route: RouteId,
        at: Weights,
    },
    Moving {
        route: RouteId,
        from: Weights,
        to: Weights,
        cause: Cause,
    },
    Accepted {
        route: RouteId,
        to: Weights,
    },
    NotMoved {
        route: RouteId,
        at: Weights,
        why: Fault,
    },
    OutcomeUnknown {
        route: RouteId,
        to: Weights,
        why: Fault,
    },
    DidHappen {
        route: RouteId,
        to: Weights,
    },
    DidNotHappen {
        route: RouteId,
        to: Weights,
        fate: Fate,
    },
    /// A write that a rollback overtook has ended.
    OvertakenEnded {
        route: RouteId,
        to: Weights,
        fate: Fate,
    },
    Queued {
        route: RouteId,
        to: Weights,
    },
    QueuedDropped {
        route: RouteId,
        to: Weights,
        why: Drop,
    },
    Settled {
        route: RouteId,
        how: Settling,
    },
    NeedsHuman {
        route: RouteId,
        why: Need,
    },
    AgreesAgain {
        route: RouteId,
    },
    /// Something stands between the route's weights and its users.
    Hindered {
        route: RouteId,
        why: Hindrance,
    },
    HindranceGone {
        route: RouteId,
        why: Hindrance,
    },

    RollbackBegan {
        route: RouteId,
        cause: Cause,
    },
    RollbackJoined {
        route: RouteId,
        cause: Cause,
    },
    HomeAlready {
        route: RouteId,
    },
    /// The rollback goes on all the same.
    HomeNotProven {
        route: RouteId,
        why: Objection,
    },
    /// Users are away, and going back has not been assured for some seconds.
    WayHomeDoubted {
        route: RouteId,
        why: Objection,
    },
    WayHomeAssured {
        route: RouteId,
    },
    /// The API has taken it; users follow.
    HomeAccepted {
        route: RouteId,
        after: Millis,
    },
    /// Requests meet home alone, and exclude what was before.
    HomeSeen {
        route: RouteId,
        after: Millis,
    },
    /// The plan's time is over, and requests could not show it.
    HomeNotSeen {
        route: RouteId,
        after: Millis,
        how: Settling,
    },
    WayHomeFailed {
        route: RouteId,
        why: Fault,
        attempt: u32,
    },
    NotHome {
        route: RouteId,
        after: Millis,
        why: Obstacle,
    },
    Rearmed {
        route: RouteId,
        reason: Shown,
    },
    Held {
        route: RouteId,
        by: OperatorId,
    },
    Resumed {
        route: RouteId,
        by: OperatorId,
    },

    Drifted {
        route: RouteId,
        expected: Weights,
        found: Weights,
        by: Mover,
    },
    DriftNamed {
        route: RouteId,
        found: Weights,
        by: Shown,
    },
    BackAgain {
        route: RouteId,
        at: Weights,
        by: Mover,
    },
    LateWriteLanded {
        route: RouteId,
        found: Weights,
    },
    /// What is read is still what a write of this session has replaced.
    OldRead {
        route: RouteId,
        found: Weights,
    },
    /// The write home met a newer version: what came first, and whose it is.
    CameFirst {
        route: RouteId,
        found: Weights,
        by: Mover,
    },
    RollbackUndone {
        route: RouteId,
        found: Weights,
    },
    Adopted {
        route: RouteId,
        found: Weights,
        by: OperatorId,
    },

    /// It can't see still, and that is what was to be expected: it counts as blind no more, and nothing follows from it.
    BlindExcused {
        trigger: TriggerId,
        gap: Gap,
    },
    /// A breach is in doubt: its source answers, and has proven nothing for too long. The clock begins anew with the next sample that does.
    NotProvenAnyMore {
        trigger: TriggerId,
        gap: Option<Gap>,
    },
    /// Beyond its limit; it acts after `acts_in` unless it clears, or `None` where its end brings nothing that is not under way already.
    Breached {
        trigger: TriggerId,
        value: f64,
        acts_in: Option<Millis>,
    },
    Cleared {
        trigger: TriggerId,
        value: f64,
    },
    Blind {
        trigger: TriggerId,
        gap: Option<Gap>,
    },
    SeesAgain {
        trigger: TriggerId,
    },
    /// A trigger that holds and does not roll back.
    Fired {
        trigger: TriggerId,
    },
    /// It would roll back, but home answers nobody.
    Withheld {
        trigger: TriggerId,
        home: BackendId,
    },
    /// Too many of our own requests fail; it goes home after `acts_in`, if it does.
    FailingAtDoor {
        route: RouteId,
        backend: BackendId,
        failed: u64,
        answers: u64,
        limit: f64,
        acts_in: Option<Millis>,
    },
    AnswersAtDoor {
        route: RouteId,
        backend: BackendId,
    },
    /// A breach that was seen at the front door is none any more, for nothing was answered there since: nothing is known.
    NotMetAnyMore {
        route: RouteId,
        backend: BackendId,
        after: Millis,
    },
    /// It answers otherwise than home; it goes home after `acts_in`, if it does.
    UnlikeHome {
        route: RouteId,
        backend: BackendId,
        difference: Difference,
        acts_in: Option<Millis>,
    },
    LikeHomeAgain {
        route: RouteId,
        backend: BackendId,
    },
    /// It would go home for what the front door meets, but home answers nobody.
    WithheldAtDoor {
        route: RouteId,
        backend: BackendId,
        home: BackendId,
    },
    /// Blind for as long as `on_blind` waits, and not rolled back.
    BlindHeld {
        trigger: TriggerId,
        gap: Option<Gap>,
        home_unproven: bool,
    },

    ApprovalAsked {
        by: OperatorId,
        route: RouteId,
        from: Weights,
        to: Weights,
        within: Millis,
    },
    Approved {
        by: OperatorId,
        asked_by: OperatorId,
        route: RouteId,
        from: Weights,
        to: Weights,
        /// Who stands behind the two names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approver: Option<Box<Credentials>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asker: Option<Box<Credentials>>,
    },
    ApprovedNotStarted {
        by: OperatorId,
        why: Box<Refusal>,
    },
    Denied {
        by: OperatorId,
        asked_by: OperatorId,
        reason: Option<Shown>,
    },
    Withdrawn {
        by: OperatorId,
    },
    RequestVoid {
        asked_by: OperatorId,
        why: Void,
    },

    ControlsTaken {
        by: OperatorId,
        how: Taking,
    },
    ControlsAsked {
        by: OperatorId,
    },
    ControlsHanded {
        from: OperatorId,
        to: OperatorId,
    },
    ControlsFree {
        from: OperatorId,
        why: Freed,
    },

    Signed {
        item: ItemId,
        by: OperatorId,
        note: Shown,
    },
    Unsigned {
        item: ItemId,
        by: OperatorId,
    },
    SignatureExpired {
        item: ItemId,
    },
    ItemFailing {
        item: ItemId,
        evidence: Evidence,
    },
    ItemProven {
        item: ItemId,
        evidence: Evidence,
    },

    SourceSilent {
        source: SourceId,
        why: Fault,
        last: Option<Millis>,
    },
    SourceAnswers {
        source: SourceId,
    },
    /// Nobody has read the weights for so long that nothing goes by them.
    WeightsUnread {
        route: RouteId,
        ago: Millis,
    },
    WeightsReadAgain {
        route: RouteId,
    },
    /// Connections were dropped before an answer came: so many of all.
    ConnectionsDropped {
        witness: Witness,
        dropped: u64,
        of: u64,
    },
    /// None for a whole minute, after they had been for `lasted`.
    ConnectionsKept {
        witness: Witness,
        lasted: Millis,
    },

    WorkloadTroubled {
        backend: BackendId,
        why: Shown,
        scale: Scale,
    },
    WorkloadWell {
        backend: BackendId,
        scale: Scale,
    },
    /// `restarts` in all; `more` of them since it was last said, or before `over` was counted.
    ContainersRestarted {
        backend: BackendId,
        restarts: u32,
        more: u32,
        over: Option<Millis>,
    },
    /// A part of what a platform tells that this session may not read.
    PartUnread {
        backend: BackendId,
        part: Part,
        why: Fault,
    },
    PartRead {
        backend: BackendId,
        part: Part,
    },
    VersionChanged {
        backend: BackendId,
        version: Shown,
    },
    /// An instance of the plan's database stands otherwise than was last said.
    DatabaseStands {
        instance: InstanceId,
        standing: DatabaseStanding,
    },
}

/// What became of a write whose outcome was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    NotDone,
    /// Not done, or done and overwritten by others: nobody can tell.
    NotDoneOrOverwritten,
    MayBeDone,
}

/// How it is known that traffic has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settling {
    /// Requests agree, and exclude what was before.
    Proven { after: Millis },
    /// Requests agree; so would they with what was before.
    Fits,
    /// The plan's time is over, and too few requests were sent to confirm it.
    Unconfirmed { after: Millis },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taking {
    WereFree,
    /// The same person at another terminal.
    OtherTerminal,
    /// A pilot took them from somebody.
    From(OperatorId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freed {
    GivenUp,
    HolderLeft,
    HolderSilent { after: Millis },
}
