//! What happens by itself first of all that was found, and for which of it: a time without its cause is read as that of another.

use super::{Attention, Outlook, Then};
use crate::domain::{
    id::{BackendId, TriggerId},
    time::Timestamp,
};

/// What happens by itself, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Soonest<'a> {
    pub of: &'a Attention,
    pub by: Actor<'a>,
    pub outlook: &'a Outlook,
}

/// What it is that has a clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Actor<'a> {
    Trigger(&'a TriggerId),
    /// A trigger that can't see.
    Blindness(&'a TriggerId),
    FrontDoor(&'a BackendId),
}

/// When something that was found acts by itself: going home before what only holds, and both before what has no time yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    GoesHome(Timestamp),
    Holds(Timestamp),
    Unproven(Timestamp),
    Never,
}

/// What happens by itself first of all that was found: what goes home before what only holds.
pub fn soonest(found: &[Attention]) -> Option<Soonest<'_>> {
    let acts = found.iter().filter(|found| due(found) != Due::Never);
    let first = acts.min_by_key(|found| due(found))?;
    let (by, outlook) = acting(first)?;
    Some(Soonest { of: first, by, outlook })
}

pub(super) fn due(found: &Attention) -> Due {
    match acting(found).map(|(_, outlook)| outlook) {
        Some(Outlook::Running { acts_at, then, .. } | Outlook::Blind { acts_at, then, .. }) => match then {
            Then::GoesHome => Due::GoesHome(*acts_at),
            Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } => Due::Holds(*acts_at),
            // Nothing more follows.
            Then::NobodyThere | Then::Done => Due::Never,
        },
        Some(Outlook::Unproven { since, .. }) => Due::Unproven(*since),
        Some(Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::Fired { .. } | Outlook::GoingHome) | None => Due::Never,
    }
}

fn acting(found: &Attention) -> Option<(Actor<'_>, &Outlook)> {
    match found {
        Attention::Breach { trigger, outlook, .. } => Some((Actor::Trigger(trigger), outlook)),
        Attention::Blind { trigger, outlook, .. } => Some((Actor::Blindness(trigger), outlook)),
        Attention::AtDoor { breach, .. } => Some((Actor::FrontDoor(&breach.backend), &breach.outlook)),
        Attention::NotHome { .. }
        | Attention::RecordBroken { .. }
        | Attention::RecordHangs { .. }
        | Attention::RecordLow { .. }
        | Attention::RecordSlow { .. }
        | Attention::RecordMissing { .. }
        | Attention::NeedsHuman { .. }
        | Attention::TakenOver { .. }
        | Attention::SteeredElsewhere { .. }
        | Attention::ClaimLost { .. }
        | Attention::Drifted { .. }
        | Attention::RollingBack { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::FailingForNobody { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::WeightsUnread { .. }
        | Attention::RequestsDisagree { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::Hindered { .. }
        | Attention::HomeNotReady { .. }
        | Attention::Unjudged { .. }
        | Attention::Unresolved { .. }
        | Attention::Unread { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Latched { .. }
        | Attention::ApprovalOpen { .. } => None,
    }
}
