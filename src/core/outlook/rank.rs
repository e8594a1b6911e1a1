//! Which of two things that somebody should know of comes first: what users meet before what may become of them, and that before the rest.

use super::Attention;

/// Lower is worse.
pub(super) fn rank(attention: &Attention) -> u8 {
    match attention {
        Attention::NotHome { .. } => 0,
        Attention::AtDoor { breach, .. } if breach.is_unknown() => 9,
        Attention::Breach { .. } | Attention::AtDoor { .. } => 1,
        Attention::RecordBroken { .. } | Attention::RecordHangs { .. } | Attention::NeedsHuman { .. } => 2,
        Attention::TakenOver { .. }
        | Attention::RecordMissing { .. }
        | Attention::Drifted { .. }
        | Attention::SteeredElsewhere { .. }
        | Attention::ClaimLost { .. } => 3,
        Attention::RollingBack { .. } | Attention::HomeNotSeen { .. } => 4,
        Attention::Hindered { .. } | Attention::RequestsDisagree { .. } => 5,
        Attention::FailingForNobody { .. } | Attention::ConnectionsDropped { .. } => 6,
        Attention::RecordLow { .. } | Attention::WeightsUnread { .. } | Attention::HomeNotReady { .. } => 7,
        Attention::WritesAtRisk { .. } => 8,
        Attention::Blind { .. } => 9,
        Attention::Unresolved { .. } => 10,
        Attention::Unread { .. } => 11,
        Attention::ReplicaUnsound { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::RecordSlow { .. } => 12,
        Attention::Latched { .. } => 13,
        Attention::SourceSilent { .. } => 14,
        Attention::ItemFailing { .. } => 15,
        Attention::ApprovalOpen { .. } => 16,
        Attention::Unjudged { .. } => 17,
    }
}
