//! What somebody should know of, each by its kind.

use crate::{
    core::{
        decision::Cause,
        door::Difference,
        follows::Follows,
        loss::Loss,
        lost::Lost,
        newest::Newest,
        outlook::{Outlook, Then},
        reason::{Mover, Need, Objection, Obstacle},
        record::RecordNumber,
        replication::DatabaseStanding,
        revisions::Beside,
        runbook::Act,
        state::Otherwise,
        unjudged::Unjudged,
    },
    domain::{
        claim::Claim,
        digest::Digest,
        fault::Fault,
        hindrance::Hindrance,
        id::{BackendId, InstanceId, ItemId, OperatorId, RouteId, SourceId, StepId, TriggerId},
        shown::Shown,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::Plan,
};

/// Something that somebody should know of, worst first.
#[derive(Debug, Clone, PartialEq)]
pub enum Attention {
    /// The route should be home and is not, for longer than a rollback takes.
    NotHome {
        route: RouteId,
        since: Timestamp,
        attempts: u32,
        why: Obstacle,
    },
    /// Nothing is recorded any more, so nothing leaves but what brings users home.
    RecordBroken {
        why: Shown,
        kept: RecordNumber,
        since: Timestamp,
        place: Shown,
    },
    /// The disk of the record does not answer, so nothing leaves but what brings users home.
    RecordHangs {
        kept: RecordNumber,
        since: Timestamp,
        place: Shown,
    },
    /// The disk gives the record no more room: what is left is for looking and going home.
    RecordLow {
        bytes: u64,
        since: Timestamp,
        place: Shown,
    },
    /// The disk of the record lets it wait now and then, and answers in between.
    RecordSlow {
        since: Timestamp,
        times: u32,
        longest: Millis,
        place: Shown,
    },
    /// Nobody would start the host again if it died; until then this process would have.
    SupervisorGone {
        process: u32,
        since: Timestamp,
    },
    /// A host went on for a while without a record, and nobody has looked at the route since.
    RecordMissing {
        route: RouteId,
        since: Timestamp,
        kept: RecordNumber,
    },
    /// A step that was asked for was not made, and the route has not gone on since.
    MoveLost {
        route: RouteId,
        lost: Box<Lost>,
    },
    /// A trigger's clock runs, or it has run out and is not cured.
    Breach {
        trigger: TriggerId,
        outlook: Outlook,
    },
    /// What our own requests through the front door meet is beyond what the plan tolerates, or not home's site.
    AtDoor {
        route: RouteId,
        breach: DoorBreach,
    },
    /// Requests through the front door fail, and no answer says whose they are.
    FailingForNobody {
        route: RouteId,
        failed: u64,
        answers: u64,
    },
    /// Good answers through the front door say nobody's name, so whose they are is not known, and what the others show is not all.
    AnswersUnmarked {
        route: RouteId,
        unmarked: u64,
        answers: u64,
    },
    /// Users lose connections before they are answered: who counts how many.
    ConnectionsDropped {
        route: RouteId,
        losses: Vec<Loss>,
    },
    /// Direct requests to a backend that users are sent to fail, whatever they meet themselves.
    ProbeFails {
        route: RouteId,
        backend: BackendId,
        failed: u64,
        sent: u64,
    },
    /// Users of a backend are on a revision that the plan does not tell from the others.
    OtherRevision {
        route: RouteId,
        backend: BackendId,
        beside: Beside,
    },
    /// The session can't go on with the route by itself.
    NeedsHuman {
        route: RouteId,
        why: Need,
    },
    /// The session was taken up by a version that decides otherwise, and the route is held since. Where that leaves it elsewhere than this version
    /// would have had it, that is no change by anybody.
    TakenOver {
        route: RouteId,
        since: Timestamp,
        otherwise: Otherwise,
        apart: Option<Apart>,
    },
    /// Another session steers the route's object, so this one moves it nowhere but home.
    SteeredElsewhere {
        route: RouteId,
        claim: Box<Claim>,
        since: Timestamp,
    },
    /// This session's claim has gone from the object: another may have steered it, and nothing advances before somebody has looked.
    ClaimLost {
        route: RouteId,
        since: Timestamp,
    },
    /// Somebody else changed the weights.
    Drifted {
        route: RouteId,
        by: Mover,
        found: Weights,
        expected: Weights,
        /// Users are following it by themselves.
        follows: Option<Follows>,
    },
    /// A rollback is under way, whose write has failed so often.
    RollingBack {
        route: RouteId,
        since: Timestamp,
        attempts: u32,
        why: Obstacle,
    },
    /// Home is accepted after a rollback, and requests have not shown yet that everybody is there.
    HomeNotSeen {
        route: RouteId,
        since: Timestamp,
        at_most: PerMille,
        /// When requests should have shown it.
        due: Timestamp,
    },
    /// Something stands between the route's weights and its users.
    Hindered {
        route: RouteId,
        why: Hindrance,
    },
    /// Requests meet something else than what is accepted.
    RequestsDisagree {
        route: RouteId,
        since: Timestamp,
    },
    /// Nobody has read the weights for too long to go by them: what they are now is not known, and going back is not assured.
    WeightsUnread {
        route: RouteId,
        since: Timestamp,
    },
    /// Users are away from home, and going back is not assured.
    HomeNotReady {
        route: RouteId,
        why: Objection,
    },
    /// The plan's primary does not serve or is none, or a replica is a primary of its own: writes fail or go apart.
    WritesAtRisk {
        instance: InstanceId,
        standing: DatabaseStanding,
    },
    /// A trigger can't see.
    Blind {
        trigger: TriggerId,
        outlook: Outlook,
    },
    /// A trigger can't tell, and is not blind for that, or not yet.
    Unjudged {
        trigger: TriggerId,
        why: Unjudged,
    },
    /// A write whose outcome is not known.
    Unresolved {
        route: RouteId,
    },
    /// The weights were never read; why, where a look has failed.
    Unread {
        route: RouteId,
        why: Option<Fault>,
    },
    /// A replica that does not follow as it should.
    ReplicaUnsound {
        instance: InstanceId,
        standing: DatabaseStanding,
    },
    SourceSilent {
        source: SourceId,
        silence: Silence,
    },
    ItemFailing {
        item: ItemId,
    },
    /// A rollback is over, and nothing advances until somebody re-arms.
    Latched {
        route: RouteId,
        at: Timestamp,
        cause: Cause,
        /// Nothing of it was rolled back.
        was_home: bool,
    },
    /// A person holds the route: nothing advances until somebody resumes it.
    Held {
        route: RouteId,
        by: OperatorId,
        since: Timestamp,
    },
    /// A request waits for a second person, until its time is over.
    ApprovalOpen {
        digest: Digest,
        by: OperatorId,
        route: RouteId,
        from: Weights,
        to: Weights,
        until: Timestamp,
    },
    /// The same, of an act on a step.
    StepApprovalOpen {
        digest: Digest,
        by: OperatorId,
        step: StepId,
        act: Act,
        until: Timestamp,
    },
    /// A step of the plan does not come to its end.
    StepTrouble {
        step: StepId,
        trouble: Trouble,
    },
}

/// What keeps a step from its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The newest act was not done.
    NotDone { why: Fault },
    /// Nobody knows whether the newest act was accepted.
    Unknown { since: Timestamp },
    /// It is under way for longer than the plan has patience.
    TakesLong { since: Timestamp },
    /// Something else stands there, or it is in a state from which no act leads on.
    Foreign { why: Shown },
    /// The newest act was asked for, and looks see nothing of it.
    DidNotHappen,
}

/// Why a source has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It was asked.
    Asked,
    /// The host did not run when the answer was due, and nobody has asked since.
    StoodStill,
}

/// Where a route stands, and where it was meant to.
#[derive(Debug, Clone, PartialEq)]
pub struct Apart {
    pub found: Weights,
    pub expected: Weights,
}

/// A breach at the front door, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorBreach {
    pub backend: BackendId,
    /// As the verdict counts them: over up to five minutes.
    pub failed: u64,
    pub answers: u64,
    /// What users meet now, where good answers of before stand among those.
    pub newest: Option<Newest>,
    /// The site is not home's; without it, too many requests fail.
    pub unlike: Option<Difference>,
    /// Without answers that are young enough it is no breach any more but unproven: nothing is known.
    pub outlook: Outlook,
}

impl DoorBreach {
    /// How many answers are bad by the newest that tell.
    pub fn failed_now(&self) -> u64 {
        self.newest.map_or(self.failed, |newest| newest.failed)
    }
    /// Of so many.
    pub fn answers_now(&self) -> u64 {
        self.newest.map_or(self.answers, |newest| newest.answers)
    }
    /// Whether a breach was seen, and nothing is known of it any more.
    pub fn is_unknown(&self) -> bool {
        matches!(self.outlook, Outlook::Unproven { .. })
    }
}

impl Attention {
    /// The route whose way home it tells of, if it does.
    pub fn way_home(&self) -> Option<&RouteId> {
        match self {
            Attention::NotHome { route, .. } | Attention::RollingBack { route, .. } | Attention::HomeNotSeen { route, .. } => Some(route),
            Attention::Breach { .. }
            | Attention::RecordBroken { .. }
            | Attention::RecordHangs { .. }
            | Attention::RecordLow { .. }
            | Attention::RecordSlow { .. }
            | Attention::SupervisorGone { .. }
            | Attention::RecordMissing { .. }
            | Attention::AtDoor { .. }
            | Attention::Latched { .. }
            | Attention::FailingForNobody { .. }
            | Attention::AnswersUnmarked { .. }
            | Attention::ConnectionsDropped { .. }
            | Attention::ProbeFails { .. }
            | Attention::OtherRevision { .. }
            | Attention::WeightsUnread { .. }
            | Attention::NeedsHuman { .. }
            | Attention::TakenOver { .. }
            | Attention::SteeredElsewhere { .. }
            | Attention::ClaimLost { .. }
            | Attention::Drifted { .. }
            | Attention::Hindered { .. }
            | Attention::RequestsDisagree { .. }
            | Attention::HomeNotReady { .. }
            | Attention::WritesAtRisk { .. }
            | Attention::Blind { .. }
            | Attention::Unjudged { .. }
            | Attention::Unresolved { .. }
            | Attention::Unread { .. }
            | Attention::ReplicaUnsound { .. }
            | Attention::SourceSilent { .. }
            | Attention::ItemFailing { .. }
            | Attention::Held { .. }
            | Attention::StepApprovalOpen { .. }
            | Attention::StepTrouble { .. }
            | Attention::MoveLost { .. }
            | Attention::ApprovalOpen { .. } => None,
        }
    }

    /// The route that it tells of, or that the trigger guards which it tells of.
    pub fn route<'a>(&'a self, plan: &'a Plan) -> Option<&'a RouteId> {
        match self {
            Attention::NotHome { route, .. }
            | Attention::AtDoor { route, .. }
            | Attention::FailingForNobody { route, .. }
            | Attention::AnswersUnmarked { route, .. }
            | Attention::ConnectionsDropped { route, .. }
            | Attention::ProbeFails { route, .. }
            | Attention::OtherRevision { route, .. }
            | Attention::WeightsUnread { route, .. }
            | Attention::NeedsHuman { route, .. }
            | Attention::TakenOver { route, .. }
            | Attention::RecordMissing { route, .. }
            | Attention::SteeredElsewhere { route, .. }
            | Attention::ClaimLost { route, .. }
            | Attention::Drifted { route, .. }
            | Attention::RollingBack { route, .. }
            | Attention::HomeNotSeen { route, .. }
            | Attention::Hindered { route, .. }
            | Attention::RequestsDisagree { route, .. }
            | Attention::HomeNotReady { route, .. }
            | Attention::Unresolved { route }
            | Attention::Unread { route, .. }
            | Attention::Latched { route, .. }
            | Attention::Held { route, .. }
            | Attention::MoveLost { route, .. }
            | Attention::ApprovalOpen { route, .. } => Some(route),
            Attention::Breach { trigger, .. } | Attention::Blind { trigger, .. } | Attention::Unjudged { trigger, .. } => {
                plan.triggers.iter().find(|one| one.id == *trigger).map(|one| &one.route)
            }
            Attention::WritesAtRisk { .. }
            | Attention::RecordBroken { .. }
            | Attention::RecordHangs { .. }
            | Attention::RecordLow { .. }
            | Attention::RecordSlow { .. }
            | Attention::SupervisorGone { .. }
            | Attention::ReplicaUnsound { .. }
            | Attention::SourceSilent { .. }
            | Attention::ItemFailing { .. }
            | Attention::StepApprovalOpen { .. }
            | Attention::StepTrouble { .. } => None,
        }
    }

    /// Whether it says that something is wrong or can't be judged, and forbids no move.
    pub fn is_doubt(&self) -> bool {
        match self {
            Attention::ConnectionsDropped { .. }
            | Attention::AnswersUnmarked { .. }
            | Attention::Unjudged { .. }
            | Attention::Blind { .. }
            | Attention::ProbeFails { .. }
            | Attention::OtherRevision { .. }
            | Attention::ReplicaUnsound { .. }
            | Attention::WritesAtRisk { .. } => true,
            Attention::NotHome { .. }
            | Attention::RecordBroken { .. }
            | Attention::RecordHangs { .. }
            | Attention::RecordLow { .. }
            | Attention::RecordSlow { .. }
            | Attention::SupervisorGone { .. }
            | Attention::RecordMissing { .. }
            | Attention::Breach { .. }
            | Attention::AtDoor { .. }
            | Attention::FailingForNobody { .. }
            | Attention::WeightsUnread { .. }
            | Attention::NeedsHuman { .. }
            | Attention::TakenOver { .. }
            | Attention::SteeredElsewhere { .. }
            | Attention::ClaimLost { .. }
            | Attention::Drifted { .. }
            | Attention::RollingBack { .. }
            | Attention::HomeNotSeen { .. }
            | Attention::Hindered { .. }
            | Attention::RequestsDisagree { .. }
            | Attention::HomeNotReady { .. }
            | Attention::Unresolved { .. }
            | Attention::Unread { .. }
            | Attention::SourceSilent { .. }
            | Attention::ItemFailing { .. }
            | Attention::Latched { .. }
            | Attention::Held { .. }
            | Attention::StepApprovalOpen { .. }
            | Attention::StepTrouble { .. }
            | Attention::MoveLost { .. }
            | Attention::ApprovalOpen { .. } => false,
        }
    }

    /// Whether a line that names only the worst counts it as one more.
    pub fn counts(&self) -> bool {
        match self.urgency() {
            Urgency::Now | Urgency::Counted => true,
            Urgency::Told => false,
        }
    }

    /// Whether somebody has to look, now: what `status` and `rollback` end with 8 for.
    pub fn is_urgent(&self) -> bool {
        self.urgency() == Urgency::Now
    }

    fn urgency(&self) -> Urgency {
        match self {
            // Whether its source is broken or has nothing to count is one: nobody is harmed, and the first step is refused for it.
            Attention::Blind { outlook: Outlook::Blind { then: Then::NobodyThere, .. }, .. } => Urgency::Counted,
            Attention::NotHome { .. }
            | Attention::RecordBroken { .. }
            | Attention::RecordHangs { .. }
            | Attention::RecordLow { .. }
            | Attention::RecordMissing { .. }
            | Attention::Breach { .. }
            | Attention::AtDoor { .. }
            | Attention::FailingForNobody { .. }
            | Attention::ConnectionsDropped { .. }
            | Attention::WeightsUnread { .. }
            | Attention::NeedsHuman { .. }
            | Attention::TakenOver { .. }
            | Attention::SteeredElsewhere { .. }
            | Attention::ClaimLost { .. }
            | Attention::Drifted { .. }
            | Attention::RollingBack { .. }
            | Attention::HomeNotSeen { .. }
            | Attention::Hindered { .. }
            | Attention::RequestsDisagree { .. }
            | Attention::HomeNotReady { .. }
            | Attention::WritesAtRisk { .. }
            | Attention::Blind { .. }
            | Attention::Unresolved { .. }
            | Attention::Unread { .. }
            | Attention::Latched { .. }
            | Attention::StepApprovalOpen { .. }
            | Attention::StepTrouble { .. }
            | Attention::ApprovalOpen { .. } => Urgency::Now,
            Attention::ReplicaUnsound { .. }
            | Attention::AnswersUnmarked { .. }
            | Attention::ProbeFails { .. }
            | Attention::OtherRevision { .. }
            | Attention::RecordSlow { .. }
            | Attention::SupervisorGone { .. }
            | Attention::MoveLost { .. } => Urgency::Counted,
            Attention::Held { .. } | Attention::SourceSilent { .. } | Attention::ItemFailing { .. } | Attention::Unjudged { .. } => {
                Urgency::Told
            }
        }
    }
}

/// How much of somebody's time it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// Somebody has to look, now.
    Now,
    /// Nobody has to, and a line that names only the worst counts it all the same.
    Counted,
    Told,
}
