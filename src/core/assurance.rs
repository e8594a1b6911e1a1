//! What a session may rely on, told where it ends and where it is so again: that the weights are read, and that going back is assured.
//!
//! Both are weighed anew at every entry. They are told once they have lasted, since one late answer is no news, and neither counts while
//! nothing hangs on it: with everybody at home nobody needs the way there.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        evidence, exposure,
        news::News,
        reason::Objection,
        state::{RouteState, State},
        turn::Turn,
    },
    domain::{
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::Route,
};

/// Shorter than this is told by the screens alone.
const LASTS: Millis = Millis::from_secs(5);

/// Since when each can't be relied upon, and whether that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Doubts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Doubt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_home: Option<Doubt>,
}

impl Doubts {
    pub fn is_none(&self) -> bool {
        *self == Doubts::default()
    }
    pub(super) fn rebase(&mut self, back: Millis) {
        for doubt in self.weights.iter_mut().chain(&mut self.way_home) {
            doubt.since = doubt.since.before(back);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    pub since: Timestamp,
    pub told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    Yes,
    No,
}

/// For how long nobody has read a route's weights, where that is too long to go by them.
pub fn unread_for(known: &RouteState, now: Timestamp) -> Option<Millis> {
    known.accepted_at.map(|at| now.since(at)).filter(|age| *age > evidence::FRESH)
}

/// What stands against going home: what forbids an advance, and a doubt that forbids nothing, for it proves nothing.
pub fn against_home(state: &State, route: &Route) -> Vec<Objection> {
    let Some(known) = state.routes.get(&route.id) else { return Vec::new() };
    let doubt = evidence::every_probe_fails(state, route, &route.home, state.now).map(|(failed, sent)| Objection::ProbesFail {
        home: route.home.clone(),
        failed,
        sent,
    });
    known.readiness.against.iter().cloned().chain(doubt).collect()
}

/// Whether users are, or may be, on others than home.
pub(super) fn is_away(state: &State, route: &Route) -> bool {
    route.backend_ids().any(|backend| *backend != route.home && exposure::has(state, &route.id, backend) > PerMille::ZERO)
}

/// What became of a doubt at this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It has lasted for long enough to be told.
    Lasts,
    /// It is over, and had been told.
    Over,
    Nothing,
}

pub(super) fn watch(turn: &mut Turn, route: &Route) {
    let (now, id) = (turn.now, || route.id.clone());
    let state = turn.route(route);
    let unread = unread_for(state, now);
    let away = is_away(turn.state, route) && state.accepted.is_some();
    let why = if away { against_home(turn.state, route).into_iter().next() } else { None };
    let doubts = &mut turn.route_mut(route).doubts;
    let weights = went_on(&mut doubts.weights, unread.as_ref(), now);
    let way_home = went_on(&mut doubts.way_home, why.as_ref(), now);
    match (weights, unread) {
        (Change::Lasts, Some(ago)) => turn.tell(News::WeightsUnread { route: id(), ago }),
        (Change::Over, _) => turn.tell(News::WeightsReadAgain { route: id() }),
        (Change::Lasts | Change::Nothing, _) => {}
    }
    match (way_home, why) {
        (Change::Lasts, Some(why)) => turn.tell(News::WayHomeDoubted { route: id(), why }),
        (Change::Over, _) if away => turn.tell(News::WayHomeAssured { route: id() }),
        (Change::Lasts | Change::Over | Change::Nothing, _) => {}
    }
}

/// `why` is nothing while there is nothing to doubt.
fn went_on<T>(doubt: &mut Option<Doubt>, why: Option<&T>, now: Timestamp) -> Change {
    if why.is_none() {
        return match doubt.take() {
            Some(Doubt { told: Told::Yes, .. }) => Change::Over,
            Some(Doubt { told: Told::No, .. }) | None => Change::Nothing,
        };
    }
    let known = doubt.get_or_insert(Doubt { since: now, told: Told::No });
    if known.told == Told::Yes || now.since(known.since) < LASTS {
        return Change::Nothing;
    }
    known.told = Told::Yes;
    Change::Lasts
}
