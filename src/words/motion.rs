//! How far a route is with what was asked of it, in a few words.

use crate::{
    core::{
        assurance::unread_for,
        home::Home,
        reason::{Mover, Obstacle},
        requests::{Requests, requests},
        state::{Goal, Held, Motion, Otherwise, Return, ReturnStage, RouteState},
    },
    domain::time::Timestamp,
    words::{failed, need},
};

/// The same with what requests say of it: nothing is called settled that they have not agreed with.
pub fn following(route: &RouteState, home: &Home, now: Timestamp) -> String {
    match &route.motion {
        Motion::Settled => match (unread_for(route, now), home) {
            (Some(span), _) => format!("weights not read for {span}"),
            (None, _) if route.drift.is_some() => match requests(route) {
                Requests::Proven => "moved by somebody else".to_owned(),
                Requests::Disagree { .. } | Requests::Spreading | Requests::Unproven | Requests::Fits | Requests::Unasked => {
                    format!("moved by somebody else, {}", settled(route))
                }
            },
            // By the plan's time it is over, and not everybody has been seen there.
            (None, Home::Accepted { .. }) if route.latch.is_some() || requests(route) == Requests::Fits => {
                "home accepted, not seen yet".to_owned()
            }
            (None, _) => settled(route).to_owned(),
        },
        Motion::Returning(back) => match home {
            Home::Going { why: Obstacle::NotSeenYet { taken, .. }, .. } | Home::NotHome { why: Obstacle::NotSeenYet { taken, .. }, .. } => {
                format!("going home, taken by the API {taken} ago, not seen yet")
            }
            Home::Unread
            | Home::Away { .. }
            | Home::Going { .. }
            | Home::Accepted { .. }
            | Home::Unasked { .. }
            | Home::Seen { .. }
            | Home::NotHome { .. } => returning(back, now),
        },
        Motion::Unread | Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Propagating { .. } | Motion::NeedsHuman { .. } => {
            motion(&route.motion, now)
        }
    }
}

pub fn motion(motion: &Motion, now: Timestamp) -> String {
    match motion {
        Motion::Unread => "not read yet".to_owned(),
        Motion::Settled => "settled".to_owned(),
        Motion::Writing { since, .. } => format!("being written for {}", now.since(*since)),
        Motion::Resolving { since, .. } => format!("outcome unknown, reading it back for {}", now.since(*since)),
        Motion::Returning(back) => returning(back, now),
        // How long until home is seen is `core::home`'s to tell, and a second figure beside it would contradict it.
        Motion::Propagating { until, goal: Goal::Rollback, .. } if now < *until => "home accepted, spreading".to_owned(),
        Motion::Propagating { until, goal: Goal::Advance, .. } if now < *until => {
            format!("accepted, spreading, {} left of the plan's time", until.since(now))
        }
        Motion::Propagating { .. } => "accepted, waiting for requests to show it".to_owned(),
        Motion::NeedsHuman { why, since } => need(&why.later(now.since(*since))),
    }
}

/// What requests say of a route that nobody moves.
fn settled(route: &RouteState) -> &'static str {
    match requests(route) {
        Requests::Disagree { .. } => "requests meet something else",
        Requests::Spreading | Requests::Unproven => "not seen by requests yet",
        Requests::Proven => "settled",
        Requests::Fits => "accepted; too few requests to show it yet",
        Requests::Unasked => "accepted; too few requests to see it",
    }
}

/// Who or what holds a route, why and for how long, behind the word `held`.
pub fn held(hold: &Held, now: Timestamp) -> String {
    let span = now.since(hold.at);
    match hold.otherwise {
        Some(Otherwise { from, to }) => {
            format!("for {span}: another version (fold {from}) decided otherwise than this one (fold {to}) would")
        }
        None => format!("by {} for {span}", hold.by),
    }
}

/// A rollback that has not been accepted yet.
fn returning(back: &Return, now: Timestamp) -> String {
    let why = match (&back.came_first, &back.fault) {
        (Some(Mover::OurLateWrite), _) => " (an earlier write of ours came first)".to_owned(),
        (Some(Mover::Steerer { .. }), _) => " (another session's change came first)".to_owned(),
        (Some(Mover::Us(_) | Mover::Adopted { .. } | Mover::Unrecorded { .. } | Mover::Foreign { .. }), _) => {
            " (somebody else's change came first)".to_owned()
        }
        (None, Some(fault)) => format!(" ({fault})"),
        (None, None) => String::new(),
    };
    match &back.stage {
        ReturnStage::Look => "going home, reading the weights first".to_owned(),
        ReturnStage::Write { since, .. } => format!("going home, being written for {}", now.since(*since)),
        ReturnStage::Resolve { since } => format!("going home, outcome unknown, reading it back for {}{why}", now.since(*since)),
        ReturnStage::Retry { .. } => format!("going home, {}, trying again{why}", failed(back.failures)),
    }
}
