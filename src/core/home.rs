//! Whether a route's users are home: accepted by the API, and seen by requests.
//!
//! One answer for every face and exit code. Home is said only of what is accepted *and* seen; where nobody asks through the front door it
//! is accepted and not seen, and that is said too. A backend outside the plan that has a share is never home. What stands in the way is
//! told with it, in the API's own words.

use std::collections::BTreeSet;

use crate::{
    core::{
        assurance, exposure, figures, pace,
        reason::{Looks, Mover, Need, Obstacle, Unread},
        record,
        rollback::ESCALATE_AFTER,
        standing,
        state::{Motion, Proof, Return, ReturnStage, RouteState, Share, SourceState, State, Taken},
        unresolved,
    },
    domain::{
        fault::{ANSWER_WITHIN, FaultKind},
        hindrance::Hindrance,
        id::{BackendId, SourceId},
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::Route,
};

/// A write that has told nothing for so long keeps users from home for all that anybody knows.
const NO_OUTCOME_AFTER: Millis = Millis::from_secs(10);

/// Where a route's users are, as far as home goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Home {
    /// The weights have not been read yet.
    Unread,
    /// Somebody else is given traffic, or is about to be, and nobody has asked for it to be otherwise.
    Away { given: PerMille },
    /// A rollback is on its way to the API, for no longer than half a minute.
    Going { since: Timestamp, attempts: u32, why: Obstacle },
    /// The API has accepted home; requests have not shown it yet.
    Accepted {
        since: Timestamp,
        /// What requests meet elsewhere, with its band; `None` while there is no sample.
        elsewhere: Option<Share>,
        /// The most that users may still meet elsewhere.
        at_most: PerMille,
        /// When the last of them should have followed, and requests have shown it, by the plan or by what it took last. An edge that is slow
        /// to follow lets that pass.
        due: Timestamp,
    },
    /// Accepted, and the plan's time to settle is over; too few requests were sent to see it.
    Unasked { since: Timestamp },
    /// Accepted and seen.
    Seen { since: Timestamp },
    /// It should be home and is not.
    NotHome { since: Timestamp, attempts: u32, why: Obstacle },
}

impl Home {
    /// Whether everybody is where a rollback would bring them, as far as anybody can know.
    pub fn is_reached(&self) -> bool {
        match self {
            Home::Seen { .. } | Home::Unasked { .. } => true,
            Home::Unread | Home::Away { .. } | Home::Going { .. } | Home::Accepted { .. } | Home::NotHome { .. } => false,
        }
    }
}

/// Whether the way home by hand is to be told: the session is not home by itself in its time, or something keeps it from there. From the
/// first write that was refused or that nobody answered; and without a record that is kept the session brings nobody further than home, and
/// may not be there for long.
pub fn wants_a_hand(state: &State, route: &Route) -> bool {
    let stands = home(state, route);
    let is_kept_away = match &stands {
        Home::NotHome { why, .. } => why.is_met_by_writing(),
        Home::Going { why, .. } => why.keeps_away(),
        Home::Unread | Home::Away { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => false,
    };
    is_kept_away || !record::is_kept(state) && !stands.is_reached() && is_met_by_writing(&stands)
}

/// Whether what keeps users from home, if anything does, can be met by a write.
pub fn is_met_by_writing(stands: &Home) -> bool {
    match stands {
        Home::NotHome { why, .. } => why.is_met_by_writing(),
        Home::Unread | Home::Away { .. } | Home::Going { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => true,
    }
}

/// Whether everybody is home by what is known now: what nobody has read for too long may have been changed since.
pub fn is_home_now(state: &State, route: &Route) -> bool {
    let read = state.routes.get(&route.id).is_some_and(|known| assurance::unread_for(known, state.now).is_none());
    read && home(state, route).is_reached()
}

/// Where the users of `route` are now.
pub fn home(state: &State, route: &Route) -> Home {
    let now = state.now;
    let Some(known) = state.routes.get(&route.id) else { return Home::Unread };
    if let Motion::Returning(back) = &known.motion {
        let (since, attempts, why) = (back.since, back.failures, returning(state, route, known, back));
        let late = now.since(since) >= ESCALATE_AFTER;
        return if late { Home::NotHome { since, attempts, why } } else { Home::Going { since, attempts, why } };
    }
    let Some(accepted) = &known.accepted else { return Home::Unread };
    let since = known.changed_at.unwrap_or(now);
    let not_home = |since, why| Home::NotHome { since, attempts: 0, why };
    if !accepted.weights.is_all_on(&route.home, route.backend_ids()) {
        let given = accepted.weights.iter().filter(|(id, _)| **id != route.home).map(|(_, share)| share.get()).sum();
        return match (&known.latch, &known.drift) {
            (Some(_), Some(_)) if standing::is_contended(known, now) => not_home(since, Obstacle::Contended),
            (Some(_), Some(drift)) => not_home(drift.since, Obstacle::MovedAway { by: drift.by.clone() }),
            (Some(_), None) => not_home(since, Obstacle::MovedAway { by: Mover::Foreign { actor: accepted.actor.clone() } }),
            (None, _) => Home::Away { given: PerMille::ZERO.saturating_add(given) },
        };
    }
    let may_leave = unresolved::may_be(state, &route.id).into_iter().map(|to| away(route, to)).max().filter(|away| *away > PerMille::ZERO);
    if let Some(given) = leaves(known, route).max(may_leave.filter(|_| known.latch.is_none())) {
        return Home::Away { given };
    }
    if let Some(why) = accepted.hindrances.iter().find(|found| found.leads_past(&route.home)) {
        return not_home(since, Obstacle::Hindered { why: why.clone() });
    }
    // Nobody is called home for good whom a write of ours may still take out again.
    if let (Some(given), Home::Accepted { since, elsewhere, at_most, due }) = (may_leave, accepted_only(known, route, now, since)) {
        return Home::Accepted { since, elsewhere, at_most: at_most.max(given), due };
    }
    match (&known.motion, known.proof) {
        (Motion::NeedsHuman { why: Need::RequestsDisagree { .. }, .. }, _) => {
            not_home(since, Obstacle::RequestsDisagree { after: now.since(since) })
        }
        (Motion::NeedsHuman { why: Need::Contended, since }, _) => not_home(*since, Obstacle::Contended),
        (Motion::Settled, Proof::Unasked) => Home::Unasked { since },
        (Motion::Settled | Motion::Propagating { .. }, Proof::Proven { at })
            if exposure::holds_all(known, now, &route.home) && !was_met_elsewhere(known, route) =>
        {
            Home::Seen { since: at }
        }
        (_, Proof::Unproven | Proof::Fits | Proof::Proven { .. } | Proof::Unasked) => accepted_only(known, route, now, since),
    }
}

/// The share that a write gives to others whose outcome has not been told: it may be so already.
fn leaves(known: &RouteState, route: &Route) -> Option<PerMille> {
    let to = standing::may_be(known)?;
    let away = away(route, to);
    (away > PerMille::ZERO && known.latch.is_none()).then_some(away)
}

fn away(route: &Route, to: &Weights) -> PerMille {
    PerMille::ALL.saturating_sub(to.of(&route.home).get())
}

/// Whether the newest answers came from others too, however long ago that was: that nobody has asked since proves nothing.
fn was_met_elsewhere(known: &RouteState, route: &Route) -> bool {
    known.observed.iter().flat_map(|observed| &observed.shares).any(|(id, share)| *id != route.home && share.fraction > 0.0)
}

fn accepted_only(known: &RouteState, route: &Route, now: Timestamp, since: Timestamp) -> Home {
    let others = || known.accepted.iter().flat_map(|accepted| accepted.weights.iter()).map(|(id, _)| id).chain(known.fading.keys());
    let others = || others().filter(|id| **id != route.home);
    // Each has its own bound. Together they have no more than those, than what home is not seen to have, and than any split that may still hold
    // gave away.
    let others: BTreeSet<&BackendId> = others().collect();
    let sum = others.into_iter().fold(PerMille::ZERO, |sum, id| sum.saturating_add(exposure::gets(known, now, id).get()));
    let band = known.observed.as_ref().and_then(|observed| observed.shares.get(&route.home));
    let elsewhere = band.map(|home| Share { fraction: 1.0 - home.fraction, low: 1.0 - home.high, high: 1.0 - home.low });
    let spread = Some(since + pace::spreads_in(route, known)).max(known.spreads_until).unwrap_or(since);
    let least = known.fading.iter().filter(|(id, share)| **id != route.home && **share > PerMille::ZERO).map(|(_, share)| *share).min();
    let seen = elsewhere.filter(|share| share.fraction > 0.0);
    let not_home = seen.map_or(PerMille::ZERO, |share| exposure::upper(&share));
    let met = seen.map_or(PerMille::ZERO, |share| exposure::mille(share.fraction));
    let most = sum.max(not_home).min(known.away_max.map_or(PerMille::ALL, |away| away.max(met)));
    let elsewhere = elsewhere.filter(|_| figures::observed(known, now).is_some());
    Home::Accepted { since, elsewhere, at_most: most, due: spread + pace::seen_in(known, least) }
}

/// Why a route that is on its way home is not there, as it stands now.
pub(super) fn obstacle(state: &State, route: &Route) -> Obstacle {
    match state.routes.get(&route.id) {
        Some(known) => match &known.motion {
            Motion::Returning(back) => returning(state, route, known, back),
            Motion::Unread
            | Motion::Settled
            | Motion::Writing { .. }
            | Motion::Resolving { .. }
            | Motion::Propagating { .. }
            | Motion::NeedsHuman { .. } => Obstacle::Underway,
        },
        None => Obstacle::Underway,
    }
}

/// What is read to stand behind a write that was refused with `kind`: the permission without which nothing is written, or the policy.
fn behind(known: &RouteState, kind: FaultKind) -> Option<Hindrance> {
    let is_it = |found: &&Hindrance| match found {
        Hindrance::Forbidden { .. } => kind == FaultKind::Forbidden,
        Hindrance::Denied { .. } => kind == FaultKind::Denied,
        Hindrance::Stranger { .. }
        | Hindrance::AllZero
        | Hindrance::NoSplit { .. }
        | Hindrance::Redirect { .. }
        | Hindrance::NoEntry { .. }
        | Hindrance::FalseMark { .. }
        | Hindrance::HostRule { .. }
        | Hindrance::PastTheSplit { .. }
        | Hindrance::NotReached { .. }
        | Hindrance::LeadsPast { .. }
        | Hindrance::SteeredTwice { .. }
        | Hindrance::ClassicLoadBalancer { .. }
        | Hindrance::RevisionGone { .. }
        | Hindrance::RevisionNotReady { .. }
        | Hindrance::Failing { .. }
        | Hindrance::NoRoom { .. }
        | Hindrance::Managed { .. }
        | Hindrance::RuleMoved { .. } => false,
    };
    known.accepted.iter().flat_map(|accepted| &accepted.hindrances).find(is_it).cloned()
}

fn returning(state: &State, route: &Route, known: &RouteState, back: &Return) -> Obstacle {
    let looks = looks(state, route);
    let unread = unread(state, route);
    let why = || unread.clone().map(|unread| unread.why);
    let failed = back.fault.clone().map(|why| match behind(known, why.kind) {
        // What is read of it since names what is missing, and so what to do.
        Some(why) => Obstacle::Hindered { why },
        None => Obstacle::WriteFailed { why },
    });
    let failed = back.came_first.clone().map(|by| Obstacle::ChangedFirst { by }).or(failed);
    if let Some(Taken { at, operation }) = taken(state, back) {
        let taken = state.now.since(*at);
        let is_on_its_way = unread.is_none() && taken < NO_OUTCOME_AFTER;
        return if is_on_its_way { Obstacle::Underway } else { Obstacle::NotSeenYet { taken, operation: operation.clone(), unread } };
    }
    match (&back.stage, failed) {
        (ReturnStage::Resolve { .. }, _) => Obstacle::OutcomeUnknown { why: back.fault.clone(), unread },
        (_, _) if !standing::is_fresh(known) && unread.is_some() => Obstacle::Unread { why: why(), looks },
        (_, Some(failed)) => failed,
        (ReturnStage::Look, None) if !standing::is_fresh(known) => Obstacle::Unread { why: why(), looks },
        (ReturnStage::Write { since, .. }, None) => not_answered(state, *since, unread),
        (ReturnStage::Look | ReturnStage::Retry { .. }, None) => Obstacle::Underway,
    }
}

/// What a write is that nobody has answered: sent again for a while, and then nobody knows what became of it.
fn not_answered(state: &State, since: Timestamp, unread: Option<Unread>) -> Obstacle {
    let after = state.now.since(since);
    let answered_within = state.opened.as_ref().map_or(ANSWER_WITHIN, |opened| opened.world.of_people(ANSWER_WITHIN));
    if after < NO_OUTCOME_AFTER {
        Obstacle::Underway
    } else if after < answered_within {
        Obstacle::NoOutcome { after }
    } else {
        Obstacle::OutcomeUnknown { why: None, unread }
    }
}

/// The newest write home, where the API works on it.
fn taken<'a>(state: &'a State, back: &Return) -> Option<&'a Taken> {
    match back.stage {
        ReturnStage::Write { effect, .. } => state.in_flight.get(&effect)?.taken.as_ref(),
        ReturnStage::Look | ReturnStage::Resolve { .. } | ReturnStage::Retry { .. } => None,
    }
}

/// Why looks at the weights of `route` tell nothing now, if it is so.
pub fn unread(state: &State, route: &Route) -> Option<Unread> {
    let why = weights_source(state, route)?.fault.clone()?;
    Some(Unread { why, looks: looks(state, route) })
}

/// When the weights of `route` are looked at, by what the source has told.
fn looks(state: &State, route: &Route) -> Looks {
    let Some(source) = weights_source(state, route) else { return Looks::default() };
    let every = state.opened.as_ref().map_or(Millis(0), |opened| opened.plan.limits.read_every);
    let stays_away = source.fault.as_ref().and_then(|fault| fault.retry_after).map_or(every, |wait| wait.max(every));
    let next = source.asked_at + stays_away;
    let is_to_come = next > state.now;
    Looks { last: source.ok_at.map(|ok| state.now.since(ok)), next: is_to_come.then(|| next.since(state.now)) }
}

fn weights_source<'a>(state: &'a State, route: &Route) -> Option<&'a SourceState> {
    let source: SourceId = format!("weights/{}", route.id).parse().ok()?;
    state.sources.get(&source)
}
