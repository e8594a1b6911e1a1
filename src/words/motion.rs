//! Where a route is between wish and deed, in a few words.

use crate::{
    core::state::{Motion, Return, ReturnStage},
    domain::time::Timestamp,
    words::need,
};

pub fn motion(motion: &Motion, now: Timestamp) -> String {
    match motion {
        Motion::Unread => "not read yet".to_owned(),
        Motion::Settled => "settled".to_owned(),
        Motion::Writing { since, .. } => format!("being written for {}", now.since(*since)),
        Motion::Resolving { since, .. } => format!("outcome unknown, reading it back for {}", now.since(*since)),
        Motion::Returning(back) => returning(back, now),
        Motion::Propagating { until, .. } if now < *until => format!("accepted, spreading, {} left", until.since(now)),
        Motion::Propagating { .. } => "accepted, waiting for requests to show it".to_owned(),
        Motion::NeedsHuman { why, .. } => need(why),
    }
}

/// A rollback that has not been accepted yet.
fn returning(back: &Return, now: Timestamp) -> String {
    let why = back.fault.as_ref().map_or_else(String::new, |fault| format!(" ({fault})"));
    match &back.stage {
        ReturnStage::Look => "going home, reading the weights first".to_owned(),
        ReturnStage::Write { since, .. } => format!("going home, being written for {}", now.since(*since)),
        ReturnStage::Resolve { since } => format!("going home, outcome unknown, reading it back for {}{why}", now.since(*since)),
        ReturnStage::Retry { .. } => format!("going home, {} attempts failed, trying again{why}", back.failures),
    }
}
