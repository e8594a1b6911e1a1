//! What happens by itself first of all that was found, and for which of it: a time without its cause is read as that of another.

use super::{Attention, Outlook, Then};
use crate::{
    core::unjudged::Patience,
    domain::{
        id::{BackendId, TriggerId},
        time::Timestamp,
    },
};

/// What happens by itself, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Soonest<'a> {
    pub of: &'a Attention,
    pub by: Actor<'a>,
    pub leads: Leads<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Leads<'a> {
    /// As this says.
    Outlook(&'a Outlook),
    /// It is not blind yet; if it goes on seeing nothing, it goes home at that time.
    IfUnseen { acts_at: Timestamp },
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
    let (by, leads) = acting(first)?;
    Some(Soonest { of: first, by, leads })
}

pub(super) fn due(found: &Attention) -> Due {
    let outlook = match acting(found) {
        Some((_, Leads::Outlook(outlook))) => Some(outlook),
        Some((_, Leads::IfUnseen { acts_at })) => return Due::GoesHome(acts_at),
        None => None,
    };
    match outlook {
        Some(Outlook::Running { acts_at, then, .. } | Outlook::Blind { acts_at, then, .. }) => match then {
            Then::GoesHome => Due::GoesHome(*acts_at),
            Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } => Due::Holds(*acts_at),
            // Nothing more follows.
            Then::NobodyThere | Then::Done => Due::Never,
        },
        Some(Outlook::Unproven { uncleared, .. }) => Due::Unproven(uncleared.last),
        Some(Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::Fired { .. } | Outlook::GoingHome) | None => Due::Never,
    }
}

fn acting(found: &Attention) -> Option<(Actor<'_>, Leads<'_>)> {
    match found {
        Attention::Breach { trigger, outlook, .. } => Some((Actor::Trigger(trigger), Leads::Outlook(outlook))),
        Attention::Blind { trigger, outlook, .. } => Some((Actor::Blindness(trigger), Leads::Outlook(outlook))),
        Attention::AtDoor { breach, .. } => Some((Actor::FrontDoor(&breach.backend), Leads::Outlook(&breach.outlook))),
        // What would lead home if it went on has its time before it is blindness.
        Attention::Unjudged { trigger, why } => match &why.patience {
            Patience::Burns { acts_at, then: Then::GoesHome, .. } => {
                Some((Actor::Blindness(trigger), Leads::IfUnseen { acts_at: *acts_at }))
            }
            Patience::Burns {
                then:
                    Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done,
                ..
            }
            | Patience::Fills { .. }
            | Patience::Excused => None,
        },
        Attention::NotHome { .. }
        | Attention::RecordBroken { .. }
        | Attention::RecordHangs { .. }
        | Attention::RecordLow { .. }
        | Attention::RecordSlow { .. }
        | Attention::SupervisorGone { .. }
        | Attention::MoveLost { .. }
        | Attention::RecordMissing { .. }
        | Attention::NeedsHuman { .. }
        | Attention::TakenOver { .. }
        | Attention::SteeredElsewhere { .. }
        | Attention::ClaimLost { .. }
        | Attention::Drifted { .. }
        | Attention::RollingBack { .. }
        | Attention::HomeNotSeen { .. }
        | Attention::FailingForNobody { .. }
        | Attention::AnswersUnmarked { .. }
        | Attention::ConnectionsDropped { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::WeightsUnread { .. }
        | Attention::RequestsDisagree { .. }
        | Attention::WritesAtRisk { .. }
        | Attention::ReplicaUnsound { .. }
        | Attention::Hindered { .. }
        | Attention::HomeNotReady { .. }
        | Attention::Unresolved { .. }
        | Attention::Unread { .. }
        | Attention::SourceSilent { .. }
        | Attention::ItemFailing { .. }
        | Attention::Latched { .. }
        | Attention::Held { .. }
        | Attention::StepApprovalOpen { .. }
        | Attention::StepTrouble { .. }
        | Attention::ApprovalOpen { .. } => None,
    }
}
