//! What a piece of news is about: its topic, of whom it tells, whether charts mark it, whether it ends what was said before, and whether it
//! repeats an earlier one.
//!
//! Whoever adds news is led here by the compiler, and so to the filter of the journal, the marks of the charts and the folding of repeats.

use serde::{Deserialize, Serialize};

use crate::{
    core::{loss::Witness, news::News, runbook::StepNews},
    domain::id::{BackendId, InstanceId, ItemId, OperatorId, RouteId, SourceId, StepId, TriggerId},
    plan::model::Plan,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Session,
    People,
    Controls,
    Approval,
    Move,
    Rollback,
    Drift,
    Trigger,
    FrontDoor,
    Checklist,
    Source,
    Workload,
    Database,
    Steps,
}

/// Of whom a piece of news tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    Everything,
    Route(&'a RouteId),
    /// What a backend answers at the front door of a route.
    Door(&'a RouteId, &'a BackendId),
    Backend(&'a BackendId),
    Trigger(&'a TriggerId),
    Item(&'a ItemId),
    Source(&'a SourceId),
    Instance(&'a InstanceId),
    Step(&'a StepId),
    Person(&'a OperatorId),
}

/// What charts mark, in the order of its weight where two fall on the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    Restart,
    Resume,
    Rearm,
    Hold,
    Home,
    Move,
    Drift,
    Breach,
    Rollback,
}

/// What a piece of news does to what was said of a route before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// Where the route's weights are is known: an outcome that was not known is, and an older answer says nothing any more.
    Outcome(&'a RouteId),
    /// The route is on another course, or farther on it: an older answer about it says nothing any more.
    Course(&'a RouteId),
    /// Neither.
    Nothing,
}

impl<'a> Told<'a> {
    pub fn route(self) -> Option<&'a RouteId> {
        match self {
            Told::Outcome(route) | Told::Course(route) => Some(route),
            Told::Nothing => None,
        }
    }
}

impl News {
    #[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
    pub fn about(&self) -> (Topic, Of<'_>) {
        match self {
            News::SessionOpened
            | News::HostReturned
            | News::StoodStill { .. }
            | News::SupervisorGone { .. }
            | News::Stopped { .. }
            | News::TakenOver { .. }
            | News::Record(_)
            | News::FaultInjected { .. }
            | News::FaultNotInjected { .. } => (Topic::Session, Of::Everything),
            News::Joined { who: by, .. } | News::Left { who: by } | News::Said { by, .. } | News::LookHere { by, .. } => {
                (Topic::People, Of::Person(by))
            }
            News::RosterRead { .. } | News::RosterChanged { .. } | News::TurnedAway(_) => (Topic::People, Of::Everything),
            News::ControlsTaken { by, .. } | News::ControlsAsked { by } => (Topic::Controls, Of::Person(by)),
            News::ControlsHanded { from, .. } | News::ControlsFree { from, .. } => (Topic::Controls, Of::Person(from)),
            News::Step { step, what: StepNews::ApprovalAsked { .. } | StepNews::Approved { .. } } => (Topic::Approval, Of::Step(step)),
            News::Step { step, .. } => (Topic::Steps, Of::Step(step)),
            News::ApprovalAsked { route, .. } | News::Approved { route, .. } => (Topic::Approval, Of::Route(route)),
            News::ApprovedNotStarted { by, .. }
            | News::Denied { by, .. }
            | News::Withdrawn { by }
            | News::RequestVoid { asked_by: by, .. } => (Topic::Approval, Of::Person(by)),
            News::Stands { route, .. }
            | News::SteeredElsewhere { route, .. }
            | News::MovedElsewhere { route, .. }
            | News::ClaimLost { route }
            | News::NobodySteers { route, .. }
            | News::Steers { route, .. }
            | News::ClaimNotWritten { route, .. }
            | News::LetGo { route }
            | News::Moving { route, .. }
            | News::Accepted { route, .. }
            | News::NotMoved { route, .. }
            | News::OutcomeUnknown { route, .. }
            | News::DidHappen { route, .. }
            | News::DidNotHappen { route, .. }
            | News::OvertakenEnded { route, .. }
            | News::Queued { route, .. }
            | News::OldRead { route, .. }
            | News::QueuedDropped { route, .. }
            | News::Settled { route, .. }
            | News::NeedsHuman { route, .. }
            | News::AgreesAgain { route }
            | News::Hindered { route, .. }
            | News::HindranceGone { route, .. }
            | News::Rearmed { route, .. }
            | News::Held { route, .. }
            | News::Resumed { route, .. } => (Topic::Move, Of::Route(route)),
            News::RollbackBegan { route, .. }
            | News::RollbackJoined { route, .. }
            | News::HomeAlready { route }
            | News::HomeNotProven { route, .. }
            | News::HomeAccepted { route, .. }
            | News::HomeSeen { route, .. }
            | News::HomeNotSeen { route, .. }
            | News::WayHomeFailed { route, .. }
            | News::WayHomeDoubted { route, .. }
            | News::WayHomeAssured { route }
            | News::NotHome { route, .. } => (Topic::Rollback, Of::Route(route)),
            News::Drifted { route, .. }
            | News::DriftNamed { route, .. }
            | News::BackAgain { route, .. }
            | News::LateWriteLanded { route, .. }
            | News::CameFirst { route, .. }
            | News::RollbackUndone { route, .. }
            | News::Adopted { route, .. } => (Topic::Drift, Of::Route(route)),
            News::Breached { trigger, .. }
            | News::NotProvenAnyMore { trigger, .. }
            | News::BlindExcused { trigger, .. }
            | News::Cleared { trigger, .. }
            | News::Blind { trigger, .. }
            | News::SeesAgain { trigger }
            | News::Fired { trigger }
            | News::Withheld { trigger, .. }
            | News::BlindHeld { trigger, .. } => (Topic::Trigger, Of::Trigger(trigger)),
            News::FailingAtDoor { route, backend, .. }
            | News::AnswersAtDoor { route, backend }
            | News::NotMetAnyMore { route, backend, .. }
            | News::UnlikeHome { route, backend, .. }
            | News::LikeHomeAgain { route, backend }
            | News::WithheldAtDoor { route, backend, .. } => (Topic::FrontDoor, Of::Door(route, backend)),
            News::Signed { item, .. }
            | News::Unsigned { item, .. }
            | News::SignatureExpired { item }
            | News::ItemFailing { item, .. }
            | News::ItemProven { item, .. } => (Topic::Checklist, Of::Item(item)),
            News::SourceSilent { source, .. } | News::SourceAnswers { source } => (Topic::Source, Of::Source(source)),
            News::WeightsUnread { route, .. } | News::WeightsReadAgain { route } => (Topic::Source, Of::Route(route)),
            News::ConnectionsDropped { witness, .. } | News::ConnectionsKept { witness, .. } => match witness {
                Witness::Backend(backend) => (Topic::FrontDoor, Of::Backend(backend)),
                Witness::FrontDoor(route) => (Topic::FrontDoor, Of::Route(route)),
            },
            News::WorkloadTroubled { backend, .. }
            | News::WorkloadWell { backend, .. }
            | News::ContainersRestarted { backend, .. }
            | News::PartUnread { backend, .. }
            | News::PartRead { backend, .. }
            | News::VersionChanged { backend, .. } => (Topic::Workload, Of::Backend(backend)),
            News::DatabaseStands { instance, .. } => (Topic::Database, Of::Instance(instance)),
        }
    }

    /// What charts mark of it.
    pub fn milestone(&self) -> Option<Milestone> {
        let (topic, _) = self.about();
        match topic {
            Topic::Move => self.milestone_of_move(),
            Topic::Rollback if matches!(self, News::RollbackBegan { .. }) => Some(Milestone::Rollback),
            Topic::Rollback => matches!(self, News::HomeSeen { .. }).then_some(Milestone::Home),
            Topic::Drift => {
                let drifts = matches!(self, News::Drifted { .. } | News::RollbackUndone { .. } | News::LateWriteLanded { .. });
                drifts.then_some(Milestone::Drift)
            }
            Topic::Trigger | Topic::FrontDoor => {
                let breach = matches!(
                    self,
                    News::Breached { .. } | News::FailingAtDoor { .. } | News::UnlikeHome { .. } | News::ConnectionsDropped { .. }
                );
                breach.then_some(Milestone::Breach)
            }
            Topic::Session => matches!(self, News::HostReturned).then_some(Milestone::Restart),
            Topic::People
            | Topic::Controls
            | Topic::Approval
            | Topic::Checklist
            | Topic::Source
            | Topic::Workload
            | Topic::Database
            | Topic::Steps => None,
        }
    }

    fn milestone_of_move(&self) -> Option<Milestone> {
        if matches!(self, News::Moving { .. }) {
            Some(Milestone::Move)
        } else if matches!(self, News::Held { .. }) {
            Some(Milestone::Hold)
        } else if matches!(self, News::Resumed { .. }) {
            Some(Milestone::Resume)
        } else {
            matches!(self, News::Rearmed { .. }).then_some(Milestone::Rearm)
        }
    }

    /// What it does to what was said of its route before.
    #[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
    pub fn told(&self) -> Told<'_> {
        match self {
            News::Stands { route, .. }
            | News::MovedElsewhere { route, .. }
            | News::Accepted { route, .. }
            | News::NotMoved { route, .. }
            | News::DidHappen { route, .. }
            | News::DidNotHappen { route, .. }
            | News::Settled { route, .. }
            | News::HomeAlready { route }
            | News::HomeAccepted { route, .. }
            | News::HomeSeen { route, .. }
            | News::HomeNotSeen { route, .. }
            | News::Drifted { route, .. }
            | News::BackAgain { route, .. }
            | News::LateWriteLanded { route, .. }
            | News::RollbackUndone { route, .. }
            | News::Adopted { route, .. } => Told::Outcome(route),
            News::SteeredElsewhere { route, .. }
            | News::ClaimLost { route }
            | News::NobodySteers { route, .. }
            | News::Steers { route, .. }
            | News::ClaimNotWritten { route, .. }
            | News::LetGo { route }
            | News::OutcomeUnknown { route, .. }
            | News::OvertakenEnded { route, .. }
            | News::QueuedDropped { route, .. }
            | News::NeedsHuman { route, .. }
            | News::AgreesAgain { route }
            | News::RollbackBegan { route, .. }
            | News::RollbackJoined { route, .. }
            | News::WayHomeFailed { route, .. }
            | News::NotHome { route, .. }
            | News::CameFirst { route, .. }
            | News::Rearmed { route, .. }
            | News::Held { route, .. }
            | News::Resumed { route, .. } => Told::Course(route),
            News::Step { .. } => Told::Nothing,
            // They come with the answer to what was asked, in the same breath.
            News::Moving { .. } | News::Queued { .. } => Told::Nothing,
            // What stands in the way, what is met and what is measured is no course.
            News::OldRead { .. }
            | News::Hindered { .. }
            | News::HindranceGone { .. }
            | News::HomeNotProven { .. }
            | News::WayHomeDoubted { .. }
            | News::WayHomeAssured { .. }
            | News::DriftNamed { .. }
            | News::Breached { .. }
            | News::NotProvenAnyMore { .. }
            | News::BlindExcused { .. }
            | News::Cleared { .. }
            | News::Blind { .. }
            | News::SeesAgain { .. }
            | News::Fired { .. }
            | News::Withheld { .. }
            | News::BlindHeld { .. }
            | News::FailingAtDoor { .. }
            | News::AnswersAtDoor { .. }
            | News::NotMetAnyMore { .. }
            | News::UnlikeHome { .. }
            | News::LikeHomeAgain { .. }
            | News::WithheldAtDoor { .. }
            | News::ConnectionsDropped { .. }
            | News::ConnectionsKept { .. }
            | News::WeightsUnread { .. }
            | News::WeightsReadAgain { .. } => Told::Nothing,
            // Nothing of a route's course.
            News::SessionOpened
            | News::HostReturned
            | News::StoodStill { .. }
            | News::SupervisorGone { .. }
            | News::Stopped { .. }
            | News::TakenOver { .. }
            | News::Record(_)
            | News::Joined { .. }
            | News::Left { .. }
            | News::RosterRead { .. }
            | News::RosterChanged { .. }
            | News::TurnedAway(_)
            | News::Said { .. }
            | News::LookHere { .. }
            | News::FaultInjected { .. }
            | News::FaultNotInjected { .. }
            | News::ApprovalAsked { .. }
            | News::Approved { .. }
            | News::ApprovedNotStarted { .. }
            | News::Denied { .. }
            | News::Withdrawn { .. }
            | News::RequestVoid { .. }
            | News::ControlsTaken { .. }
            | News::ControlsAsked { .. }
            | News::ControlsHanded { .. }
            | News::ControlsFree { .. }
            | News::Signed { .. }
            | News::Unsigned { .. }
            | News::SignatureExpired { .. }
            | News::ItemFailing { .. }
            | News::ItemProven { .. }
            | News::SourceSilent { .. }
            | News::SourceAnswers { .. }
            | News::WorkloadTroubled { .. }
            | News::WorkloadWell { .. }
            | News::ContainersRestarted { .. }
            | News::PartUnread { .. }
            | News::PartRead { .. }
            | News::VersionChanged { .. }
            | News::DatabaseStands { .. } => Told::Nothing,
        }
    }

    /// Whether this says again what `earlier` said: of the same one, whatever the figures are now.
    pub(super) fn repeats(&self, earlier: &News) -> bool {
        if std::mem::discriminant(self) != std::mem::discriminant(earlier) || self.about() != earlier.about() {
            return false;
        }
        let (topic, _) = self.about();
        match topic {
            Topic::Workload => match (self, earlier) {
                (News::WorkloadTroubled { why: now, .. }, News::WorkloadTroubled { why: then, .. }) => now == then,
                (News::ContainersRestarted { .. } | News::WorkloadWell { .. }, _) => true,
                (now, then) => now == then,
            },
            Topic::Trigger | Topic::FrontDoor | Topic::Source | Topic::Checklist => true,
            Topic::People => match (self, earlier) {
                (News::TurnedAway(now), News::TurnedAway(then)) => now.uid == then.uid,
                // In another role, or with another key behind the name, it is another coming.
                (News::Joined { .. }, News::Joined { .. }) => self == earlier,
                (now, _) => matches!(now, News::Left { .. }),
            },
            Topic::Rollback => matches!(self, News::WayHomeDoubted { .. } | News::WayHomeAssured { .. }),
            Topic::Session | Topic::Controls | Topic::Approval | Topic::Move | Topic::Drift | Topic::Database | Topic::Steps => false,
        }
    }
}

/// The route that a piece of news is about, where it is about one.
pub(super) fn route_of(plan: &Plan, news: &News) -> Option<RouteId> {
    match news.about().1 {
        Of::Route(route) | Of::Door(route, _) => Some(route.clone()),
        Of::Trigger(id) => plan.triggers.iter().find(|trigger| trigger.id == *id).map(|trigger| trigger.route.clone()),
        Of::Everything | Of::Backend(_) | Of::Item(_) | Of::Source(_) | Of::Instance(_) | Of::Step(_) | Of::Person(_) => None,
    }
}
