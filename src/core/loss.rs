//! Connections that were dropped before an answer came, by whoever met it: a backend's own counter, and our own requests at the front door.
//!
//! A request that nobody answered is in no share and in no error rate, so users can be lost while every other figure is well. It is a loss
//! once more were dropped than happens on any day, and it is over when a whole minute had none; until then the newest figures stand. Nothing
//! goes home for it by itself, since what is dropped at the front door is dropped on the way home too; people are told.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        evidence, exposure,
        news::News,
        seen,
        sight::Sight,
        state::{RouteState, State},
        turn::Turn,
    },
    domain::{
        id::{BackendId, RouteId},
        metric::Metric,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::Route,
};

/// Two dropped connections happen on any day.
const DROPPED_MIN: u64 = 3;
/// So do some among very many.
const SHARE_MIN: f64 = 0.001;
/// After so long without one it is over.
const OVER_AFTER: Millis = seen::WINDOW;

/// A loss that has not been seen to end, as one witness counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losing {
    pub since: Timestamp,
    /// When a connection was last found dropped.
    pub last: Timestamp,
    pub dropped: u64,
    /// Of so many, the dropped ones among them.
    pub of: u64,
}

impl Losing {
    pub fn share(&self) -> f64 {
        self.dropped as f64 / self.of.max(1) as f64
    }
    pub(super) fn rebase(&mut self, back: Millis) {
        (self.since, self.last) = (self.since.before(back), self.last.before(back));
    }
}

/// Who met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// Its own counter.
    Backend(BackendId),
    /// Our own requests through this route's front door; they can't say whose it was.
    FrontDoor(RouteId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub witness: Witness,
    pub losing: Losing,
}

/// What one look at a counter says.
#[derive(Debug, Clone, Copy)]
struct Count {
    dropped: u64,
    of: u64,
}

impl Count {
    fn is_loss(self) -> bool {
        self.dropped >= DROPPED_MIN && self.dropped as f64 >= SHARE_MIN * self.of as f64
    }
}

/// Every loss of the users of `route` that has not been seen to end; largest share first.
pub fn losses(state: &State, route: &Route) -> Vec<Loss> {
    let Some(known) = state.routes.get(&route.id) else { return Vec::new() };
    let mut found: Vec<Loss> = route.backend_ids().filter_map(|id| loss_of(state, &route.id, id)).collect();
    found.sort_by(|one, other| other.losing.share().total_cmp(&one.losing.share()));
    found.extend(known.losing.map(|losing| Loss { witness: Witness::FrontDoor(route.id.clone()), losing }));
    found
}

/// The loss that `backend` counts itself; nothing where nobody is.
pub(super) fn loss_of(state: &State, route: &RouteId, backend: &BackendId) -> Option<Loss> {
    let losing = state.backends.get(backend)?.losing.filter(|_| exposure::has(state, route, backend) > PerMille::ZERO)?;
    Some(Loss { witness: Witness::Backend(backend.clone()), losing })
}

/// Keeps what every witness counts, and tells where a loss begins and where it ends.
pub(super) fn watch(turn: &mut Turn) {
    for route in &turn.plan.routes {
        for backend in route.backend_ids() {
            let count = counted(&turn.sight(), backend);
            let known = turn.state.backends.get(backend).and_then(|known| known.losing);
            let next = went_on(known, count, turn.now);
            tell(turn, || Witness::Backend(backend.clone()), known, next);
            if let Some(backend) = turn.state.backends.get_mut(backend) {
                backend.losing = next;
            }
        }
        let state = turn.route(route);
        let (known, count) = (state.losing, met(state, turn.now));
        let next = went_on(known, count, turn.now);
        tell(turn, || Witness::FrontDoor(route.id.clone()), known, next);
        turn.route_mut(route).losing = next;
    }
}

/// By the backend's own counter, within its window.
fn counted(sight: &Sight, backend: &BackendId) -> Option<Count> {
    let sample = evidence::measured(sight.state, sight.now, backend, Metric::DropRate)?.ok()?;
    let seconds = sight.plan.cadence(backend).window.as_secs_f64();
    let dropped = (sample.value * seconds).round() as u64;
    Some(Count { dropped, of: sample.requests.saturating_add(dropped) })
}

/// By our own requests through the front door, within the newest minute.
fn met(state: &RouteState, now: Timestamp) -> Option<Count> {
    let observed = state.observed.as_ref().filter(|observed| now.since(observed.at) <= evidence::FRESH)?;
    let answered = observed.window.marked().saturating_add(observed.window.unmarked());
    Some(Count { dropped: observed.dropped, of: answered.saturating_add(observed.dropped) })
}

/// Without a word of the witness everything stands as it stood.
fn went_on(known: Option<Losing>, count: Option<Count>, now: Timestamp) -> Option<Losing> {
    match (known, count) {
        (None, Some(Count { dropped, of })) if (Count { dropped, of }).is_loss() => Some(Losing { since: now, last: now, dropped, of }),
        (Some(known), Some(Count { dropped: 1.., of })) => Some(Losing { last: now, dropped: count?.dropped, of, ..known }),
        (Some(known), Some(_)) if now.since(known.last) >= OVER_AFTER => None,
        (known, _) => known,
    }
}

fn tell(turn: &mut Turn, witness: impl FnOnce() -> Witness, before: Option<Losing>, now: Option<Losing>) {
    match (before, now) {
        (None, Some(losing)) => {
            turn.tell(News::ConnectionsDropped { witness: witness(), dropped: losing.dropped, of: losing.of });
        }
        (Some(known), None) => {
            let lasted = known.last.since(known.since);
            turn.tell(News::ConnectionsKept { witness: witness(), lasted });
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(counts: &[(i64, u64, u64)]) -> Option<Losing> {
        counts.iter().fold(None, |known, (at, dropped, of)| went_on(known, Some(Count { dropped: *dropped, of: *of }), Timestamp(*at)))
    }

    #[test]
    fn two_of_a_hundred_or_three_of_very_many_happen_on_any_day() {
        assert_eq!(after(&[(0, 2, 100)]), None);
        assert_eq!(after(&[(0, 3, 10_000)]), None);
        assert_eq!(after(&[(0, 3, 100)]).map(|losing| (losing.dropped, losing.of)), Some((3, 100)));
    }

    #[test]
    fn a_loss_stands_until_a_minute_had_none() {
        assert_eq!(after(&[(0, 5, 100), (1_000, 1, 100), (60_000, 0, 100)]).map(|losing| losing.dropped), Some(1));
        assert_eq!(after(&[(0, 5, 100), (1_000, 1, 100), (61_000, 0, 100)]), None);
    }

    #[test]
    fn who_says_nothing_ends_nothing() {
        let known = after(&[(0, 5, 100)]);
        assert_eq!(went_on(known, None, Timestamp(3_600_000)), known);
    }
}
