//! When traffic has followed: observed shares against accepted weights, with the doubt that a sample leaves.
//!
//! A load balancer accepts a change at once and applies it over minutes. A move has settled when what requests met agrees with it and
//! can be told from what was before; or when the plan's settling time is over and nothing speaks against it. If it is over and the
//! requests do speak against it, that is said, and nothing advances.

use std::collections::BTreeMap;

use crate::{
    core::{
        evidence,
        news::{News, Settling},
        reason::Need,
        standing,
        state::{Motion, Observed, RouteState, Share},
        turn::Turn,
    },
    domain::{
        id::BackendId,
        time::{Millis, Timestamp},
        weight::Weights,
    },
    plan::model::Route,
};

/// Fewest answers before a split can be told from another.
const ANSWERS_MIN: u64 = 20;
/// Three standard errors: one false alarm in 370 looks.
const ERRORS: f64 = 3.0;
/// The data plane is given at least this much longer than the plan's settling time before a human is called.
const OVERTIME: Millis = Millis::from_secs(60);

/// The share `count / total` with its band of three standard errors, by Wilson's interval, which keeps its sense near 0 and 1.
pub(super) fn share(count: u64, total: u64) -> Share {
    if total == 0 {
        return Share { fraction: 0.0, low: 0.0, high: 1.0 };
    }
    let (n, fraction) = (total as f64, count as f64 / total as f64);
    let square = ERRORS * ERRORS;
    let middle = fraction + square / (2.0 * n);
    let spread = ERRORS * (fraction * (1.0 - fraction) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    // At the ends the interval reaches 0 and 1 exactly; rounding must not say that none of twenty disproves nothing at all.
    let low = if count == 0 { 0.0 } else { ((middle - spread) / scale).max(0.0) };
    let high = if count == total { 1.0 } else { ((middle + spread) / scale).min(1.0) };
    Share { fraction, low, high }
}

/// What the observed shares say of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too few answers, or none at all.
    CannotTell,
    /// It fits, but so would what was before.
    Fits,
    /// It fits, and what was before does not.
    Proven,
    /// It does not fit.
    Against,
}

pub(super) fn compare(observed: &Observed, wanted: &Weights, before: Option<&Weights>) -> Verdict {
    let total: u64 = observed.window.iter().flat_map(|look| look.by_backend.values()).sum();
    if total < ANSWERS_MIN {
        return Verdict::CannotTell;
    }
    let mut counts: BTreeMap<&BackendId, u64> = wanted.iter().map(|(backend, _)| (backend, 0)).collect();
    for (backend, count) in observed.window.iter().flat_map(|look| &look.by_backend) {
        *counts.entry(backend).or_default() += count;
    }
    let fits = |weights: &Weights| {
        counts.iter().all(|(backend, count)| {
            let band = share(*count, total);
            (band.low..=band.high).contains(&weights.of(backend).fraction())
        })
    };
    match (fits(wanted), before.is_some_and(|before| before != wanted && !fits(before))) {
        (false, _) => Verdict::Against,
        (true, true) => Verdict::Proven,
        (true, false) => Verdict::Fits,
    }
}

/// What the newest minute of requests says of what is accepted; nothing, if nobody has sent any lately.
pub(super) fn verdict(state: &RouteState, now: Timestamp) -> Verdict {
    match (&state.observed, &state.accepted) {
        (Some(observed), Some(accepted)) if now.since(observed.at) <= evidence::FRESH => {
            compare(observed, &accepted.weights, state.before.as_ref())
        }
        (_, _) => Verdict::CannotTell,
    }
}

/// From here on, what requests meet is counted anew.
pub(super) fn begin_anew(state: &mut RouteState, now: Timestamp) {
    state.changed_at = Some(now);
    if let Some(observed) = &mut state.observed {
        observed.window.clear();
    }
}

pub(super) fn follow(turn: &mut Turn, route: &Route) {
    let state = turn.route(route);
    if !standing::is_fresh(state) || state.drift.is_some() {
        return;
    }
    match state.motion.clone() {
        Motion::Propagating { to, since, until, .. } if state.accepted.as_ref().is_some_and(|accepted| accepted.weights == to) => {
            propagate(turn, route, since, until);
        }
        Motion::NeedsHuman { .. } if matches!(verdict(state, turn.now), Verdict::Fits | Verdict::Proven) => {
            turn.route_mut(route).motion = Motion::Settled;
            turn.tell(News::AgreesAgain { route: route.id.clone() });
        }
        Motion::Propagating { .. }
        | Motion::NeedsHuman { .. }
        | Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Returning(_) => {}
    }
}

fn propagate(turn: &mut Turn, route: &Route, since: Timestamp, until: Timestamp) {
    let now = turn.now;
    let over = now >= until;
    let verdict = verdict(turn.route(route), now);
    let state = turn.route_mut(route);
    let how = match (verdict, over) {
        (Verdict::Proven, _) => {
            state.followed_in = Some(now.since(since));
            Settling::Proven { after: now.since(since) }
        }
        (Verdict::Fits, true) => Settling::Fits,
        (Verdict::CannotTell, true) => Settling::Unconfirmed { after: route.settle },
        (Verdict::Against, true) if now.since(until) >= OVERTIME => {
            let why = Need::RequestsDisagree { after: now.since(since) };
            state.motion = Motion::NeedsHuman { since: now, why: why.clone() };
            turn.tell(News::NeedsHuman { route: route.id.clone(), why });
            return;
        }
        (Verdict::Fits | Verdict::CannotTell, false) | (Verdict::Against, _) => return,
    };
    state.motion = Motion::Settled;
    turn.tell(News::Settled { route: route.id.clone(), how });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_band_holds_its_share_and_reaches_the_ends_where_nothing_or_all_was_met(total in 1_u64..100_000, part in 0.0_f64..=1.0) {
            let count = (total as f64 * part) as u64;
            let share = share(count, total);
            prop_assert!(share.low <= share.fraction && share.fraction <= share.high, "{share:?}");
            prop_assert!(count != 0 || share.low == 0.0);
            prop_assert!(count != total || share.high == 1.0);
        }
    }

    #[test]
    fn twenty_answers_without_one_from_the_target_prove_nothing_of_a_step_to_one_percent() {
        let weights = |gke: u16| -> Weights { serde_json::from_value(serde_json::json!({ "gke": gke, "run": 1000 - gke })).unwrap() };
        let look = |gke: u64, run: u64| crate::core::state::Look {
            at: Timestamp(0),
            by_backend: [("gke", gke), ("run", run)].into_iter().map(|(id, count)| (id.parse().unwrap(), count)).collect(),
            failed: 0,
            dropped: 0,
        };
        let observed = |gke, run| Observed {
            at: Timestamp(0),
            requests: gke + run,
            failed: 0,
            dropped: 0,
            shares: BTreeMap::new(),
            window: vec![look(gke, run)].into(),
        };
        assert_eq!(compare(&observed(0, 20), &weights(10), Some(&weights(0))), Verdict::Fits);
        assert_eq!(compare(&observed(1, 19), &weights(10), Some(&weights(0))), Verdict::Proven);
        assert_eq!(compare(&observed(0, 20), &weights(500), Some(&weights(0))), Verdict::Against);
        assert_eq!(compare(&observed(0, 19), &weights(10), Some(&weights(0))), Verdict::CannotTell);
    }
}
