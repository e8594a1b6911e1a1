//! Taking the latch off after a rollback: one person's word, with a reason. Traffic stays where it is.

use crate::{
    core::{
        controls,
        decision::{Refusal, Verdict},
        event::Asker,
        front_door,
        news::News,
        reason::Missing,
        record,
        sight::Sight,
        trigger,
        turn::Turn,
    },
    domain::{id::RouteId, shown::Shown},
    plan::model::Route,
};

/// Takes the latch off, and begins the triggers' windows anew.
pub(super) fn rearm(turn: &mut Turn, by: &Asker, id: &RouteId, reason: &Shown) -> Result<Verdict, Refusal> {
    let route = turn.planned(id).ok_or(Refusal::Missing(Missing::Route))?;
    controls::held_by(turn, by)?;
    if reason.as_str().trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    may(&turn.sight(), route)?;
    turn.route_mut(route).latch = None;
    trigger::rearm(turn, route);
    front_door::rearm(turn, route);
    turn.tell(News::Rearmed { route: route.id.clone(), reason: reason.clone() });
    Ok(Verdict::Accepted)
}

/// Whether there is something that re-arming would end.
pub(super) fn may(sight: &Sight, route: &Route) -> Result<(), Refusal> {
    record::kept(sight.state)?;
    let state = sight.route(route);
    if state.motion.is_returning() {
        return Err(Refusal::RollingBack);
    }
    // A breach that no traffic can clear any more needs a human's word too.
    let of_route = sight.plan.triggers.iter().filter(|trigger| trigger.route == route.id);
    let pending = of_route.filter_map(|trigger| sight.state.triggers.get(&trigger.id)).any(|known| known.pending_since.is_some());
    if state.latch.is_none() && !pending && !state.front_door.is_pending() {
        return Err(Refusal::NotLatched);
    }
    Ok(())
}
