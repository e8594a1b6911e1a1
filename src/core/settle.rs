//! When traffic has followed: observed shares against accepted weights.
//!
//! A load balancer accepts a change at once and applies it over minutes. A move has settled when answers that were sent after it agree
//! with it, are enough to see a change of that size, and exclude what was before; or when the plan's settling time is over and nothing
//! speaks against it. If it is over and the requests do speak against it, that is said, and nothing advances. A split that nobody has
//! moved is held to the same: until requests agree it is unproven, and when they disagree for long a person is called.

use crate::{
    core::{
        door::Among,
        evidence, exposure, follows,
        news::{News, Settling},
        pace,
        reason::Need,
        seen::{self, ANSWERS_MIN, ERRORS},
        standing,
        state::{Goal, Motion, Observed, Proof, RouteState},
        turn::Turn,
    },
    domain::{
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::Route,
};

/// The data plane is given at least this much longer than the plan's settling time before a human is called.
const OVERTIME: Millis = Millis::from_secs(60);
/// Requests that disagree for so long are no chance of one look.
const DISAGREES_AFTER: Millis = Millis::from_secs(10);
/// More answers than the prober sends in a window are asked for by no move, however small.
const ANSWERS_MOST: f64 = 240.0;

/// What the observed shares say of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too few answers, or none at all.
    CannotTell,
    /// It fits, but so would what was before, or what lies between.
    Fits,
    /// It fits, and what was before does not.
    Proven,
    /// It does not fit.
    Against,
}

/// What the newest minute of requests says of what is accepted; nothing, if nobody has sent any lately.
pub(super) fn verdict(state: &RouteState, now: Timestamp) -> Verdict {
    match (&state.observed, &state.accepted) {
        (Some(observed), Some(accepted)) if now.since(observed.at) <= evidence::FRESH => compare(observed, &accepted.weights, state),
        (_, _) => Verdict::CannotTell,
    }
}

fn compare(observed: &Observed, wanted: &Weights, state: &RouteState) -> Verdict {
    if observed.requests < ANSWERS_MIN {
        return Verdict::CannotTell;
    }
    let fits = observed.shares.iter().all(|(backend, band)| (band.low..=band.high).contains(&wanted.of(backend).fraction()));
    if !fits {
        if may_fit(state, wanted, observed.at) { Verdict::Fits } else { Verdict::Against }
    } else if state.fading.is_empty() && !still_spreads(state, observed.at) && tells(observed, wanted, state.before.as_ref()) {
        Verdict::Proven
    } else {
        Verdict::Fits
    }
}

/// Whether the shares would fit if answers without a mark were whose they have to be. A load balancer that can't reach a backend answers in its
/// stead and marks nothing: requests that meet that have followed the weights, and none of the backend's own says so.
fn may_fit(state: &RouteState, wanted: &Weights, now: Timestamp) -> bool {
    // This is asked at every entry for as long as the shares don't fit, and where every answer bears a mark there is nothing to walk for.
    if state.front_door.marks_all() {
        return false;
    }
    let since = state.changed_at.unwrap_or(Timestamp(0));
    let given: Vec<_> = wanted.iter().map(|(id, share)| (share.fraction(), state.front_door.met_since(id, since, now))).collect();
    let fits = |share: f64, Among { own, unmarked, all }: Among| {
        (seen::share(own, all).low..=seen::share(own.saturating_add(unmarked), all).high).contains(&share)
    };
    given.iter().any(|(_, among)| among.unmarked > 0) && given.iter().all(|(share, among)| fits(*share, *among))
}

/// Whether the answers tell the split from what may have been before: of one that was found and of which nobody knows since when it has been so,
/// everybody who is given any has to be met.
fn tells(observed: &Observed, wanted: &Weights, before: Option<&Weights>) -> bool {
    let is_met = |backend| observed.shares.get(backend).is_some_and(|share| share.fraction > 0.0);
    match before {
        Some(_) => is_enough(observed.requests, wanted, before),
        None => wanted.iter().all(|(backend, share)| share == PerMille::ZERO || is_met(backend)),
    }
}

/// Whether so many answers tell a split from one that has come only half of the way: the band is narrower than half of the move.
fn is_enough(requests: u64, wanted: &Weights, before: Option<&Weights>) -> bool {
    let needed = wanted.iter().filter_map(|(backend, share)| {
        let (share, moved) = (share.fraction(), share.get().abs_diff(before?.of(backend).get()));
        let half = f64::from(moved) / 2000.0;
        (moved > 0).then(|| (ERRORS / half).powi(2) * share * (1.0 - share))
    });
    requests as f64 >= needed.fold(0.0, f64::max).min(ANSWERS_MOST)
}

/// Until when a change that nobody has seen arrive may still arrive; the edge may follow changes in any order, so after the next one too.
pub(super) fn pending_until(state: &RouteState, settle: Millis) -> Option<Timestamp> {
    match (state.proof, state.changed_at, &state.before) {
        (Proof::Unproven, Some(changed), Some(_)) => state.spreads_until.max(Some(changed + settle)),
        (Proof::Unproven | Proof::Fits | Proof::Proven { .. } | Proof::Unasked, ..) => None,
    }
}

/// From here on, what requests meet is counted anew; what was until now may still be met.
pub(super) fn begin_anew(state: &mut RouteState, route: &Route, now: Timestamp, before: Option<&Weights>) {
    state.spreads_until = pending_until(state, route.settle).map_or(state.spreads_until, |until| Some(until).filter(|until| *until > now));
    for (backend, share) in before.into_iter().flat_map(Weights::iter).filter(|(_, share)| *share > PerMille::ZERO) {
        let fading = state.fading.entry(backend.clone()).or_default();
        *fading = share.max(*fading);
    }
    let met = keep_met(state, before);
    if let Some(before) = before {
        let away = PerMille::ALL.saturating_sub(before.of(&route.home).get()).saturating_add(met.get());
        let earlier = state.away_max.filter(|_| still_spreads(state, now));
        state.away_max = Some(earlier.map_or(away, |earlier| earlier.max(away)));
    }
    state.before = before.cloned();
    state.changed_at = Some(now);
    state.proof = Proof::Unproven;
    state.against_since = None;
    pace::keep_rate(state);
    if let Some(observed) = &mut state.observed {
        observed.window.clear();
        observed.silence.clear();
        observed.shares.clear();
        (observed.requests, observed.failed, observed.dropped) = (0, 0, 0);
    }
}

/// Whom requests met though nobody gives it any, it may still be met by as many, whatever has changed since; how many those are together.
fn keep_met(state: &mut RouteState, before: Option<&Weights>) -> PerMille {
    let weights = || before.into_iter().chain(state.accepted.as_ref().map(|accepted| &accepted.weights));
    let met = state.observed.iter().flat_map(|observed| &observed.shares).filter(|(_, share)| share.fraction > 0.0);
    let met = met.filter(|(id, _)| weights().all(|weights| weights.of(id) == PerMille::ZERO));
    let met: Vec<_> = met.map(|(id, share)| (id.clone(), exposure::upper(share))).collect();
    let mut sum = PerMille::ZERO;
    for (id, share) in met {
        let fading = state.fading.entry(id).or_default();
        *fading = share.max(*fading);
        sum = sum.saturating_add(share.get());
    }
    sum
}

/// What was proven before a silence of the host must be proven again; nobody has moved anything.
pub(super) fn ask_for_fresh_proof(state: &mut RouteState, route: &Route, now: Timestamp) {
    let before = state.before.take();
    begin_anew(state, route, now, None);
    state.before = before;
}

/// Whether a change before the newest may still arrive at the edge.
pub(super) fn still_spreads(state: &RouteState, now: Timestamp) -> bool {
    state.spreads_until.is_some_and(|until| now < until)
}

/// Whether requests have disagreed for longer than one look may by chance.
pub(super) fn is_no_chance(since: Timestamp, now: Timestamp) -> bool {
    now.since(since) >= DISAGREES_AFTER
}

pub(super) fn follow(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    if !standing::is_fresh(state) {
        return;
    }
    let verdict = verdict(state, turn.now);
    remember(turn, route, verdict);
    let state = turn.route(route);
    if state.drift.is_some() {
        return;
    }
    match &state.motion {
        Motion::Propagating { to, since, until, goal, .. } if state.accepted.as_ref().is_some_and(|accepted| accepted.weights == *to) => {
            let (since, until, goal) = (*since, *until, *goal);
            propagate(turn, route, verdict, (since, until), goal);
        }
        Motion::Settled => doubt(turn, route),
        Motion::NeedsHuman { .. } if matches!(verdict, Verdict::Fits | Verdict::Proven) => {
            turn.route_mut(route).motion = Motion::Settled;
            turn.tell(News::AgreesAgain { route: route.id.clone() });
        }
        Motion::Propagating { .. }
        | Motion::NeedsHuman { .. }
        | Motion::Unread
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Returning(_) => {}
    }
}

/// Keeps what requests have said of the split that is accepted.
fn remember(turn: &mut Turn, route: &Route, verdict: Verdict) {
    let now = turn.now;
    let state = turn.route_mut(route);
    match verdict {
        Verdict::Proven => {
            state.against_since = None;
            let late = matches!(state.proof, Proof::Fits | Proof::Unasked) && state.motion == Motion::Settled;
            if !matches!(state.proof, Proof::Proven { .. }) {
                state.proof = Proof::Proven { at: now };
            }
            let at_home = late && standing::rests_at(state, &standing::home(route));
            // Somebody may have re-armed it meanwhile; that everybody is home is told all the same.
            let returned = state.changed_at.filter(|_| at_home).map(|accepted| now.since(accepted));
            if let Some(after) = returned {
                turn.tell(News::HomeSeen { route: route.id.clone(), after });
            }
        }
        // That users have not followed yet what somebody else has set is what was to be expected, as it is of a step of ours.
        Verdict::Against if follows::until(state, route).is_some_and(|until| now < until) => state.against_since = None,
        Verdict::Against => {
            let since = *state.against_since.get_or_insert(now);
            if is_no_chance(since, now) {
                state.proof = Proof::Unproven;
            }
        }
        Verdict::Fits | Verdict::CannotTell => {
            state.against_since = None;
            let over = state.changed_at.is_some_and(|changed| now.since(changed) >= route.settle);
            if over
                && state.proof == Proof::Unproven
                && state.motion == Motion::Settled
                && !(verdict == Verdict::CannotTell && hides(state))
            {
                state.proof = if verdict == Verdict::Fits { Proof::Fits } else { Proof::Unasked };
                // Nobody asks, so nothing will ever exclude what was before; its time is over all the same.
                if verdict == Verdict::CannotTell {
                    state.fading.clear();
                }
            }
        }
    }
}

/// Whether requests are answered and the answers don't say by whom: that nobody asks is not so then, and whoever was met before may still be.
fn hides(state: &RouteState) -> bool {
    state.observed.as_ref().is_some_and(|observed| observed.window.unmarked() > 0)
}

/// A split that had settled, or that nobody has moved, and that requests contradict.
fn doubt(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let state = turn.route_mut(route);
    let (Some(since), Some(changed)) = (state.against_since, state.changed_at) else { return };
    if now.since(since) >= OVERTIME && now.since(changed) >= Millis(route.settle.0.saturating_add(OVERTIME.0)) {
        let why = Need::RequestsDisagree { after: now.since(changed) };
        state.motion = Motion::NeedsHuman { since: now, why: why.clone() };
        turn.tell(News::NeedsHuman { route: route.id.clone(), why });
    }
}

fn propagate(turn: &mut Turn, route: &Route, verdict: Verdict, (since, until): (Timestamp, Timestamp), goal: Goal) {
    let now = turn.now;
    let (over, after) = (now >= until, now.since(since));
    let state = turn.route_mut(route);
    let how = match (verdict, over) {
        (Verdict::Proven, _) => {
            state.followed_in = Some(after);
            Settling::Proven { after }
        }
        (Verdict::Fits, true) => {
            state.proof = Proof::Fits;
            Settling::Fits
        }
        (Verdict::CannotTell, true) => {
            if !hides(state) {
                state.proof = Proof::Unasked;
                state.fading.clear();
            }
            Settling::Unconfirmed { after: route.settle }
        }
        (Verdict::Against, true) if now.since(until) >= OVERTIME => {
            let why = Need::RequestsDisagree { after };
            state.motion = Motion::NeedsHuman { since: now, why: why.clone() };
            turn.tell(News::NeedsHuman { route: route.id.clone(), why });
            return;
        }
        (Verdict::Fits | Verdict::CannotTell, false) | (Verdict::Against, _) => return,
    };
    state.motion = Motion::Settled;
    let id = route.id.clone();
    turn.tell(match (goal, how) {
        (Goal::Rollback, Settling::Proven { after }) => News::HomeSeen { route: id, after },
        (Goal::Rollback, Settling::Fits | Settling::Unconfirmed { .. }) => News::HomeNotSeen { route: id, after, how },
        (Goal::Advance, _) => News::Settled { route: id, how },
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::seen::share;

    fn weights(gke: u16) -> Weights {
        serde_json::from_value(serde_json::json!({ "gke": gke, "run": 1000 - gke })).unwrap()
    }

    /// What so many answers of each say of `wanted` after a change from `before`.
    fn said(gke: u64, run: u64, wanted: u16, before: u16) -> Verdict {
        let mut state = RouteState::default();
        let route = serde_json::from_value(serde_json::json!({
            "id": "r", "title": "r", "driver": {"cloud-run-revisions": {"service": "s"}}, "home": "run", "target": "gke", "ladder": [1000],
            "step_max": 500, "settle": 120_000, "front_door": null, "backends": []}))
        .unwrap();
        begin_anew(&mut state, &route, Timestamp(0), Some(&weights(before)));
        let shares = [("gke", gke), ("run", run)].into_iter().map(|(id, count)| (id.parse().unwrap(), share(count, gke + run))).collect();
        let observed = Observed { at: Timestamp(0), requests: gke + run, failed: 0, dropped: 0, shares, ..Observed::default() };
        let wanted = weights(wanted);
        state.fading.retain(|id, old| wanted.of(id) < *old && observed.shares[id].high >= old.fraction());
        compare(&observed, &wanted, &state)
    }

    #[test]
    fn twenty_answers_without_one_from_the_target_prove_nothing_of_a_step_to_one_percent() {
        assert_eq!(said(0, 20, 10, 0), Verdict::Fits);
        assert_eq!(said(1, 19, 10, 0), Verdict::Fits);
        assert_eq!(said(3, 297, 10, 0), Verdict::Proven);
        assert_eq!(said(0, 20, 500, 0), Verdict::Against);
        assert_eq!(said(0, 19, 10, 0), Verdict::CannotTell);
    }

    /// Nobody knows since when a split has been so that was found; only who was met shows that it has arrived.
    #[test]
    fn what_was_found_is_shown_by_everybody_who_is_given_any() {
        let found = |gke: u64, run: u64, wanted: u16| {
            let shares =
                [("gke", gke), ("run", run)].into_iter().map(|(id, count)| (id.parse().unwrap(), share(count, gke + run))).collect();
            let observed = Observed { at: Timestamp(0), requests: gke + run, failed: 0, dropped: 0, shares, ..Observed::default() };
            compare(&observed, &weights(wanted), &RouteState::default())
        };
        assert_eq!(found(0, 20, 10), Verdict::Fits);
        assert_eq!(found(0, 260, 10), Verdict::Fits);
        assert_eq!(found(1, 40, 10), Verdict::Proven);
        assert_eq!(found(0, 20, 0), Verdict::Proven);
        assert_eq!(found(20, 0, 1000), Verdict::Proven);
    }

    #[test]
    fn half_of_the_way_is_no_arrival() {
        assert_eq!(said(2, 18, 250, 0), Verdict::Fits);
        assert_eq!(said(25, 75, 250, 0), Verdict::Fits);
        assert_eq!(said(38, 112, 250, 0), Verdict::Proven);
        assert_eq!(said(38, 262, 250, 0), Verdict::Against);
    }

    #[test]
    fn home_is_proven_when_the_old_share_is_excluded() {
        assert_eq!(said(0, 20, 0, 250), Verdict::Fits);
        assert_eq!(said(0, 40, 0, 250), Verdict::Proven);
        assert_eq!(said(0, 300, 0, 10), Verdict::Fits);
        assert_eq!(said(0, 900, 0, 10), Verdict::Proven);
    }
}
