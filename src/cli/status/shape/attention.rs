//! The word for machines of whatever somebody should look at.

use crate::core::outlook::{Attention, Silence, Trouble};

/// Its word, from a closed list, and what it is about.
pub(super) fn kind(what: &Attention) -> (&'static str, Option<String>) {
    let about = |id: &dyn ToString| Some(id.to_string());
    match what {
        Attention::NotHome { route, .. } => ("not-home", about(route)),
        Attention::RecordBroken { .. } => ("record-broken", None),
        Attention::RecordHangs { .. } => ("record-hangs", None),
        Attention::RecordLow { .. } => ("record-low", None),
        Attention::RecordSlow { .. } => ("record-slow", None),
        Attention::SupervisorGone { .. } => ("supervisor-gone", None),
        Attention::MoveLost { route, .. } => ("move-lost", about(route)),
        Attention::RecordMissing { route, .. } => ("record-missing", about(route)),
        Attention::Breach { trigger, .. } => ("breach", about(trigger)),
        Attention::AtDoor { route, breach } if breach.unlike.is_some() => ("unlike-home", about(route)),
        Attention::AtDoor { route, breach } if breach.is_unknown() => ("not-met-at-front-door", about(route)),
        Attention::AtDoor { route, .. } => ("failing-at-front-door", about(route)),
        Attention::FailingForNobody { route, .. } => ("failing-unmarked", about(route)),
        Attention::AnswersUnmarked { route, .. } => ("answers-unmarked", about(route)),
        Attention::ConnectionsDropped { route, .. } => ("connections-dropped", about(route)),
        Attention::ProbeFails { backend, .. } => ("probe-fails", about(backend)),
        Attention::OtherRevision { backend, .. } => ("other-revision", about(backend)),
        Attention::WeightsUnread { route, .. } => ("weights-unread", about(route)),
        Attention::NeedsHuman { route, .. } => ("needs-human", about(route)),
        Attention::TakenOver { route, .. } => ("taken-over", about(route)),
        Attention::SteeredElsewhere { route, .. } => ("steered-elsewhere", about(route)),
        Attention::ClaimLost { route, .. } => ("claim-lost", about(route)),
        Attention::Drifted { route, .. } => ("drift", about(route)),
        Attention::RollingBack { route, .. } => ("rolling-back", about(route)),
        Attention::HomeNotSeen { route, .. } => ("home-not-seen", about(route)),
        Attention::Hindered { route, .. } => ("hindered", about(route)),
        Attention::RequestsDisagree { route, .. } => ("requests-disagree", about(route)),
        Attention::HomeNotReady { route, .. } => ("home-not-ready", about(route)),
        Attention::WritesAtRisk { instance, .. } => ("writes-at-risk", about(instance)),
        Attention::Blind { trigger, .. } => ("blind", about(trigger)),
        Attention::Unjudged { trigger, .. } => ("unjudged", about(trigger)),
        Attention::Unresolved { route } => ("unresolved-write", about(route)),
        Attention::Unread { route, .. } => ("unread", about(route)),
        Attention::ReplicaUnsound { instance, .. } => ("replica-unsound", about(instance)),
        Attention::SourceSilent { source, silence: Silence::Asked } => ("source-silent", about(source)),
        Attention::SourceSilent { source, silence: Silence::StoodStill } => ("source-not-asked", about(source)),
        Attention::ItemFailing { item } => ("item-failing", about(item)),
        Attention::Latched { route, .. } => ("latched", about(route)),
        Attention::Held { route, .. } => ("held", about(route)),
        Attention::ApprovalOpen { by, .. } | Attention::StepApprovalOpen { by, .. } => ("approval-open", about(by)),
        Attention::StepTrouble { step, trouble: Trouble::NotDone { .. } } => ("step-not-done", about(step)),
        Attention::StepTrouble { step, trouble: Trouble::Unknown { .. } } => ("step-unknown", about(step)),
        Attention::StepTrouble { step, trouble: Trouble::TakesLong { .. } } => ("step-takes-long", about(step)),
        Attention::StepTrouble { step, trouble: Trouble::Foreign { .. } } => ("step-foreign", about(step)),
    }
}
