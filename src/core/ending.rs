//! The end of a session: what nobody would watch over any more, and who ended it all the same.
//!
//! Stopping has no effect on the world and a great one on who watches it. So it is refused while traffic moves, is split, is not seen at
//! home or was never read, unless each such route is named; and it is recorded like everything else that a person asks for.

use crate::{
    core::{
        decision::{Refusal, Verdict},
        event::Asker,
        home::{Home, home},
        news::News,
        requests::{Requests, requests},
        state::{Motion, RouteState, State, Stopped},
        steer,
        turn::Turn,
    },
    domain::{id::RouteId, weight::Weights},
};

/// Why a route must not be left alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Unwatched {
    /// Where its traffic is was never read, so nobody knows what would be left.
    Unread,
    Moving,
    Split(Weights),
    /// Home is accepted, and requests have not shown yet that everybody is there.
    HomeNotSeen,
}

/// The routes that nobody would watch over if the session ended now.
pub fn unwatched(state: &State) -> Vec<(RouteId, Unwatched)> {
    let why = |(id, route): (&RouteId, &RouteState)| why(state, id, route).map(|why| (id.clone(), why));
    state.routes.iter().filter_map(why).collect()
}

/// Those of them of which nobody knows where their traffic is.
pub fn never_read(unwatched: &[(RouteId, Unwatched)]) -> Vec<RouteId> {
    unwatched.iter().filter(|(_, why)| *why == Unwatched::Unread).map(|(id, _)| id.clone()).collect()
}

fn why(state: &State, id: &RouteId, route: &RouteState) -> Option<Unwatched> {
    if !matches!(route.motion, Motion::Settled | Motion::Unread) || !route.unresolved.is_empty() {
        return Some(Unwatched::Moving);
    }
    let Some(accepted) = &route.accepted else { return Some(Unwatched::Unread) };
    if accepted.weights.iter().filter(|(_, share)| share.get() > 0).count() > 1 {
        return Some(Unwatched::Split(accepted.weights.clone()));
    }
    let planned = state.opened.iter().flat_map(|opened| &opened.plan.routes).find(|planned| planned.id == *id)?;
    let is_elsewhere = match home(state, planned) {
        Home::NotHome { .. } | Home::Going { .. } => true,
        Home::Accepted { .. } => matches!(requests(route), Requests::Disagree { .. }) || route.latch.is_some(),
        Home::Unread | Home::Away { .. } | Home::Unasked { .. } | Home::Seen { .. } => false,
    };
    is_elsewhere.then_some(Unwatched::HomeNotSeen)
}

/// Ends the session, unless something that was not named would be left alone.
pub(super) fn stop(turn: &mut Turn, by: &Asker, abandon: &[RouteId]) -> Result<Verdict, Refusal> {
    let unwatched = unwatched(turn.state);
    let unread = never_read(&unwatched);
    let left: Vec<RouteId> = unwatched.into_iter().map(|(id, _)| id).collect();
    let routes: Vec<RouteId> = left.iter().filter(|id| !abandon.contains(id)).cloned().collect();
    if !routes.is_empty() {
        return Err(Refusal::Unwatched { routes });
    }
    turn.state.stopped = Some(Stopped { by: by.who.clone(), at: turn.now });
    steer::let_go(turn, &by.who);
    turn.tell(News::Stopped { by: by.who.clone(), abandoned: left, unread });
    Ok(Verdict::Accepted)
}
