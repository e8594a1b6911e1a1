//! Which of two things that somebody should know of comes first: what users meet before what may become of them, and that before the rest.

use super::Attention;
use crate::{
    core::{exposure, fails, figures, sight::Sight},
    domain::{id::BackendId, weight::WHOLE},
    plan::model::Route,
};

/// How many users meet errors at the backend that this tells of, larger is worse, so that the few of a first step never hide those of everybody.
/// Halvings of all users: what differs by less than that, and what is of one backend, is ordered by what acts first.
pub(super) fn harm(sight: &Sight, attention: &Attention) -> u32 {
    let of = if let Attention::AtDoor { route, breach } = attention {
        sight.planned(route).map(|route| (route, &breach.backend))
    } else if let Attention::Breach { trigger, .. } = attention {
        let trigger = sight.plan.triggers.iter().find(|one| one.id == *trigger);
        trigger.and_then(|trigger| Some((sight.planned(&trigger.route)?, &trigger.backend)))
    } else {
        None
    };
    let met =
        of.map_or(0.0, |(route, backend)| users(sight, route, backend) * fails::failing_share(sight.state, route, backend).unwrap_or(0.0));
    ((met * f64::from(WHOLE)) as u32).checked_ilog2().map_or(0, |halvings| halvings + 1)
}

/// The share of a route's users that `backend` has: as requests show, else by the weights.
fn users(sight: &Sight, route: &Route, backend: &BackendId) -> f64 {
    let known = sight.route(route);
    let gets = figures::observed(known, sight.now).and_then(|observed| observed.shares.get(backend));
    let given = || exposure::accepted(known, backend).fraction();
    gets.map_or_else(given, |gets| gets.fraction)
}

/// Lower is worse, and what can't wait is lower than all that can.
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
        Attention::Latched { .. } => 12,
        Attention::StepTrouble { .. } => 10,
        Attention::ApprovalOpen { .. } | Attention::StepApprovalOpen { .. } | Attention::MoveLost { .. } => 13,
        Attention::ReplicaUnsound { .. }
        | Attention::AnswersUnmarked { .. }
        | Attention::ProbeFails { .. }
        | Attention::OtherRevision { .. }
        | Attention::RecordSlow { .. }
        | Attention::SupervisorGone { .. } => 14,
        Attention::Held { .. } => 15,
        Attention::SourceSilent { .. } => 16,
        Attention::ItemFailing { .. } => 17,
        Attention::Unjudged { .. } => 18,
    }
}
