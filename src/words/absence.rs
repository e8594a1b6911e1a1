//! What can be said of a session while its host is gone: where its traffic was when that was known last. Everything is told with its time,
//! and nothing is promised: without a host nothing happens by itself.

use std::fmt;

use crate::{
    core::{
        event::WorldKind,
        state::{Motion, ReturnStage, Share, State},
        unresolved,
    },
    domain::{id::BackendId, time::Timestamp, weight::Weights},
    plan::model::{Plan, Route},
    words::{Names, share},
};

/// Where `route` stood when it was seen last, and where a write that was on its way may have put it since.
pub fn stood(state: &State, route: &Route, names: Names) -> String {
    let known = state.routes.get(&route.id);
    let accepted = known.and_then(|known| known.accepted.as_ref());
    let (Some(known), Some(accepted)) = (known, accepted) else { return "not known: its weights were never read".to_owned() };
    let seen = known.observed.as_ref().filter(|observed| observed.requests > 0).map(|observed| {
        // Of few requests the share alone would tell more than anybody knows.
        let is_told = |id: &BackendId, share: f64| *id != route.home && (share > 0.0 || accepted.weights.of(id).get() > 0);
        let away = observed.shares.iter().filter(|(id, share)| is_told(id, share.fraction));
        let one = |(id, of): (&BackendId, &Share)| format!("{} {} ({})", names.backend(id), share::share(of.fraction), share::band(of));
        let mut met: Vec<String> = away.map(one).collect();
        if met.is_empty() {
            met.push(format!("{} alone", names.backend(&route.home)));
        }
        format!(", {} requests met {}", observed.requests, met.join(" and "))
    });
    let may_be = may_be(state, route, names);
    let or = if may_be.is_empty() { String::new() } else { format!(" or {may_be}, which a write of ours may have made of it") };
    let latched = if known.latch.is_some() { ", latched after a rollback" } else { "" };
    let read = known.accepted_at.map_or_else(String::new, |at| format!(", read at {}", moment(at)));
    format!("{}{or}{latched}{}{read}", names.split(&route.id, &accepted.weights), seen.unwrap_or_default())
}

/// The splits that writes of ours may have made of `route`, without a known outcome; empty where there is none.
pub fn may_be(state: &State, route: &Route, names: Names) -> String {
    let splits = unresolved::may_be(state, &route.id).into_iter().map(|to| names.split(&route.id, to));
    splits.collect::<Vec<_>>().join(" or ")
}

/// What had been begun with it and was not known to be over; it may have happened or not.
pub fn begun(state: &State, route: &Route, names: Names) -> Vec<String> {
    let Some(known) = state.routes.get(&route.id) else { return Vec::new() };
    let may_be = unresolved::may_be(state, &route.id);
    let may = |to: &&Weights| format!("a write to {} was on its way: it may have happened or not", names.split(&route.id, to));
    let mut told: Vec<String> = may_be.iter().map(may).collect();
    match &known.motion {
        Motion::Returning(back) if may_be.contains(&&back.to) => {}
        Motion::Returning(back) => told.push(match back.stage {
            ReturnStage::Write { .. } | ReturnStage::Resolve { .. } => {
                "it was to go home, and whether its write happened is not known".to_owned()
            }
            ReturnStage::Look | ReturnStage::Retry { .. } => "it was to go home, and no write had brought it there yet".to_owned(),
        }),
        Motion::Propagating { .. } => told.push("users were still following the last change".to_owned()),
        Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => {}
    }
    told
}

/// What stands above the command that brings `route` home without us. The plan names the real project, also where a simulated world is steered.
pub fn by_hand(route: &dyn fmt::Display, world: Option<WorldKind>) -> String {
    let caution = caution(world).map_or_else(String::new, |caution| format!(" ({caution})"));
    format!("to bring {route} home by hand{caution}:")
}

/// Of the command by hand, in a simulated world.
const STEERS_THE_REAL: &str = "it steers the real project, and not this simulated world";

/// What has to be said beside the command by hand.
pub fn caution(world: Option<WorldKind>) -> Option<&'static str> {
    match world {
        Some(WorldKind::Demo { .. }) => Some(STEERS_THE_REAL),
        Some(WorldKind::Live) | None => None,
    }
}

/// The command that brings everybody of `route` to `to` without us. In a simulated world it is a comment: pasted into a shell it would move
/// real traffic, and the simulated stays where it is.
pub fn command(plan: &Plan, route: &Route, to: &BackendId, world: Option<WorldKind>) -> String {
    let command = plan.all_by_hand(route, to);
    match world {
        Some(WorldKind::Demo { .. }) => format!("# {command}"),
        Some(WorldKind::Live) | None => command,
    }
}

/// The command that brings everybody of `route` home without us.
pub fn command_home(plan: &Plan, route: &Route, world: Option<WorldKind>) -> String {
    command(plan, route, &route.home, world)
}

/// A moment for people of any time zone.
pub fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| format!("{} ms", at.0), |at| format!("{at:.0}"))
}
