//! How far the gateways are with an HTTPRoute: what its status says of the generation that is wanted now.
//!
//! A server that has stored a route has moved nobody. Each gateway's controller says of which generation it speaks; what it says of an older
//! one says nothing of this.

use super::wire::{Condition, HttpRoute, Parent};

/// What gateways make of the newest generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Following {
    /// Each has taken it over.
    Follows,
    /// Some have not said anything of it yet.
    Behind,
    /// No gateway has ever taken the route up.
    Nobody,
    /// One can't do what it says, in its own words.
    Refuses(String),
}

/// What has to be true of a route, where its gateway says it at all; the last two are Google's and others' own.
const GOOD: [&str; 4] = ["Accepted", "ResolvedRefs", "Programmed", "Reconciled"];
/// What must not be.
const BAD: &str = "PartiallyInvalid";

pub(super) fn following(route: &HttpRoute) -> Following {
    let generation = route.metadata.generation;
    let told: Vec<Following> = route.status.parents.iter().map(|parent| of_one(parent, generation)).collect();
    if let Some(refusal) = told.iter().find(|told| matches!(told, Following::Refuses(_))) {
        return refusal.clone();
    }
    match told.as_slice() {
        [] => Following::Nobody,
        told if told.contains(&Following::Behind) => Following::Behind,
        _ => Following::Follows,
    }
}

fn of_one(parent: &Parent, generation: i64) -> Following {
    // Whoever does not count speaks of what he sees.
    let is_current = |condition: &&Condition| condition.observed_generation.is_none_or(|observed| observed == 0 || observed >= generation);
    let wrong = |condition: &&Condition| {
        (GOOD.contains(&condition.kind.as_str()) && condition.status == "False") || (condition.kind == BAD && condition.status == "True")
    };
    if let Some(Condition { kind, status, reason, message, .. }) = parent.conditions.iter().filter(is_current).find(wrong) {
        let words = if message.is_empty() { String::new() } else { format!(": {message}") };
        return Following::Refuses(format!("gateway {}: {kind} is {status}, {reason}{words}", parent.parent_ref.name));
    }
    let has = |kind: &str| parent.conditions.iter().find(|condition| condition.kind == kind);
    let accepted = has("Accepted").filter(is_current).is_some_and(|condition| condition.status == "True");
    let is_behind = GOOD.iter().filter_map(|kind| has(kind)).any(|condition| !is_current(&condition));
    if accepted && !is_behind { Following::Follows } else { Following::Behind }
}
