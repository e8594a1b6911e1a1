//! How much each piece of news matters.

use crate::core::{
    news::{Fate, Freed, News, Settling, Tone},
    reason::Drop,
};

impl News {
    #[expect(clippy::too_many_lines, reason = "a list of a closed enum's cases is read like a table")]
    pub fn tone(&self) -> Tone {
        match self {
            News::SessionOpened
            | News::Joined { .. }
            | News::Left { .. }
            | News::RosterRead { .. }
            | News::Said { .. }
            | News::LookHere { .. }
            | News::Stands { .. }
            | News::MovedElsewhere { .. }
            | News::NobodySteers { .. }
            | News::LetGo { .. }
            | News::Moving { .. }
            | News::Accepted { .. }
            // Nothing speaks against it, and nothing shows it.
            | News::Settled { how: Settling::Fits | Settling::Unconfirmed { .. }, .. }
            | News::DidHappen { .. }
            | News::OvertakenEnded { fate: Fate::NotDone | Fate::NotDoneOrOverwritten, .. }
            | News::Queued { .. }
            | News::OldRead { .. }
            | News::QueuedDropped { why: Drop::TakenBack, .. }
            | News::HomeAccepted { .. }
            | News::RollbackJoined { .. }
            | News::HomeAlready { .. }
            | News::Approved { .. }
            | News::Withdrawn { .. }
            | News::ControlsTaken { .. }
            | News::ControlsHanded { .. }
            | News::ControlsFree { why: Freed::GivenUp, .. } => Tone::Plain,
            News::Step { what, .. } => what.tone(),
            News::Settled { how: Settling::Proven { .. }, .. }
            | News::AgreesAgain { .. }
            | News::HomeSeen { .. }
            | News::HindranceGone { .. }
            | News::Rearmed { .. }
            | News::Resumed { .. }
            | News::BackAgain { .. }
            | News::Adopted { .. }
            | News::Cleared { .. }
            | News::SeesAgain { .. }
            | News::AnswersAtDoor { .. }
            | News::LikeHomeAgain { .. }
            | News::Signed { .. }
            | News::ItemProven { .. }
            | News::SourceAnswers { .. }
            | News::WeightsReadAgain { .. }
            | News::WayHomeAssured { .. }
            | News::ConnectionsKept { .. }
            | News::PartRead { .. }
            | News::WorkloadWell { .. } => Tone::Good,
            News::FaultInjected { .. }
            | News::FaultNotInjected { .. }
            | News::StoodStill { .. }
            | News::SupervisorGone { .. }
            | News::NotMoved { .. }
            | News::Steers { .. }
            | News::ClaimNotWritten { .. }
            | News::OutcomeUnknown { .. }
            | News::DidNotHappen { .. }
            | News::OvertakenEnded { fate: Fate::MayBeDone, .. }
            | News::QueuedDropped {
                why: Drop::RollbackBegan | Drop::Held | Drop::ControlsPassed | Drop::HostRestarted | Drop::Refused(_),
                ..
            }
            | News::HomeNotProven { .. }
            | News::HomeNotSeen { .. }
            | News::WayHomeFailed { .. }
            | News::Held { .. }
            | News::DriftNamed { .. }
            | News::LateWriteLanded { .. }
            | News::CameFirst { .. }
            | News::NotMetAnyMore { .. }
            | News::Breached { .. }
            | News::NotProvenAnyMore { .. }
            | News::BlindExcused { .. }
            | News::FailingAtDoor { .. }
            | News::UnlikeHome { .. }
            | News::Blind { .. }
            | News::ApprovalAsked { .. }
            | News::ApprovedNotStarted { .. }
            | News::Denied { .. }
            | News::RequestVoid { .. }
            | News::RosterChanged { .. }
            | News::TurnedAway(_)
            | News::ControlsAsked { .. }
            | News::ControlsFree { why: Freed::HolderLeft | Freed::HolderSilent { .. }, .. }
            | News::Unsigned { .. }
            | News::SignatureExpired { .. }
            | News::ItemFailing { .. }
            | News::SourceSilent { .. }
            | News::WeightsUnread { .. }
            | News::WayHomeDoubted { .. }
            | News::WorkloadTroubled { .. }
            | News::ContainersRestarted { .. }
            | News::PartUnread { .. }
            | News::VersionChanged { .. } => Tone::Warning,
            News::HostReturned
            | News::Stopped { .. }
            | News::TakenOver { .. }
            | News::SteeredElsewhere { .. }
            | News::ClaimLost { .. }
            | News::NeedsHuman { .. }
            | News::Hindered { .. }
            | News::RollbackBegan { .. }
            | News::NotHome { .. }
            | News::Drifted { .. }
            | News::RollbackUndone { .. }
            | News::Fired { .. }
            | News::Withheld { .. }
            | News::WithheldAtDoor { .. }
            | News::ConnectionsDropped { .. }
            | News::BlindHeld { .. } => Tone::Alarm,
            News::Record(change) => change.tone(),
            News::DatabaseStands { standing, .. } => standing.tone(),
        }
    }
}
