//! What the plan wants done before a rung of the ladder is climbed to.
//!
//! A gate belongs to the whole way from the rung below it: whoever may not go to 25 % may not go to 24 % instead. Every gate that a move
//! passes counts. A line whose evidence is old or unknown is not done.

use crate::{
    core::{
        decision::Refusal,
        reason::Undone,
        state::{ItemStatus, State},
    },
    domain::{id::ItemId, weight::PerMille},
    plan::model::Route,
};

/// Why `away` of the route's traffic may not leave home.
pub(super) fn forbids(state: &State, route: &Route, away: PerMille) -> Option<Refusal> {
    let mut most = None;
    let mut open: Vec<(ItemId, Undone)> = Vec::new();
    for gate in route.gates.iter().filter(|gate| gate.above < away) {
        for line in gate.needs.iter().filter_map(|item| Some((item.clone(), undone(state, item)?))) {
            most = most.or(Some(gate.above));
            if !open.contains(&line) {
                open.push(line);
            }
        }
    }
    most.map(|most| Refusal::LinesOpen { most, open })
}

fn undone(state: &State, item: &ItemId) -> Option<Undone> {
    match state.checklist.get(item).map_or(ItemStatus::Open, |known| known.status) {
        ItemStatus::Done => None,
        ItemStatus::Open => Some(Undone::Open),
        ItemStatus::Failing => Some(Undone::Failing),
        ItemStatus::Unknown => Some(Undone::Unknown),
        ItemStatus::Expired => Some(Undone::Expired),
    }
}
