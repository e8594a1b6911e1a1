//! What requests through the front door met, counted since the last change, with the doubt that a sample leaves.
//!
//! Requests that were sent before the last change say nothing of the split that holds now. A backend that has not answered within the
//! window is bounded by all answers since its last one, so that even a share of one percent is excluded some day. An answer that says
//! nobody's name is nobody's, unless a backend outside the plan has a share, or was met: its answers bear no name of ours.

use crate::{
    core::{
        pace, settle,
        state::{Look, Observed, RouteState, Share},
        window::Window,
    },
    domain::{
        id::BackendId,
        table::Table,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::Route,
};

/// The observed shares rest on the looks of the last minute, or since the last change.
pub(super) const WINDOW: Millis = Millis::from_secs(60);
/// Fewest answers before a split can be told from another.
pub(super) const ANSWERS_MIN: u64 = 20;
/// Three standard errors: one false alarm in 370 looks.
pub(super) const ERRORS: f64 = 3.0;

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

/// How far `count` of `total` is from the share that it should have, in squares of the error that a sample of that size has; 0.0 where it is just
/// that share, and where there is no sample.
pub(super) fn misfit(count: u64, total: u64, share: PerMille) -> f64 {
    let (n, share) = (total as f64, share.fraction());
    let (off, variance) = (count as f64 - n * share, n * share * (1.0 - share));
    if off == 0.0 { 0.0 } else { off * off / variance }
}

/// So many answers of others in a row exclude the share `fraction`, 0.0 to 1.0: where [`share`] of none of them ends below it.
pub(super) fn silence_for(fraction: f64) -> f64 {
    if fraction > 0.0 { ERRORS * ERRORS * (1.0 - fraction) / fraction } else { 0.0 }
}

/// Takes up one look; `None` for one whose requests began before the last change.
pub(super) fn look(route: &Route, state: &mut RouteState, now: Timestamp, look: Option<Look>) {
    let Observed { mut window, mut silence, shares, .. } = state.observed.take().unwrap_or_default();
    let stranger = stranger(route, state, &shares).cloned();
    if let Some(look) = look {
        let marks = if window.has_answers(|id| route.backend(id).is_some()) { Marks::Borne } else { marks(route, &look) };
        let mut counts = Table::default();
        attribute(&mut counts, route, stranger.as_ref(), &look, marks);
        let total = sum(&counts);
        for (id, count) in counts {
            let silent = silence.get_or_insert_with(&id, u64::default);
            *silent = if count > 0 { 0 } else { silent.saturating_add(total) };
        }
        window.push(look);
    }
    window.let_go(|at| now.since(at) >= WINDOW);
    let observed = observed(route, stranger.as_ref(), now, window, silence);
    exclude(state, &observed);
    state.observed = Some(observed);
    pace::note_rate(state);
}

fn observed(route: &Route, stranger: Option<&BackendId>, now: Timestamp, window: Window, silence: Table<BackendId, u64>) -> Observed {
    let mut counts = Table::default();
    let whole = window.whole(now);
    let Look { failed, dropped, .. } = whole;
    attribute(&mut counts, route, stranger, &whole, marks(route, &whole));
    let requests = sum(&counts);
    let band = |id: &BackendId, count: u64| {
        let silent = silence.get(id).copied().unwrap_or(0);
        if count == 0 { share(0, requests.max(silent)) } else { share(count, requests) }
    };
    // No sample is no share, and never nothing.
    counts.retain(|_, _| requests > 0);
    let shares = counts.into_iter().map(|(id, count)| (id.clone(), band(&id, count))).collect();
    Observed { at: now, requests, failed, dropped, shares, window, silence }
}

/// Whether answers bear marks here at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marks {
    Borne,
    /// None named a backend of the plan, so an answer without a mark says nothing of anybody.
    Missing,
}

fn marks(route: &Route, look: &Look) -> Marks {
    let named = look.by_backend.iter().any(|(id, count)| *count > 0 && route.backend(id).is_some());
    if named { Marks::Borne } else { Marks::Missing }
}

/// The backend outside the plan that has the largest share, if any has one; else the one that was `met` last. The API may not name it any
/// more and requests still meet it: those are its own until the window holds none of them.
fn stranger<'a>(route: &Route, state: &'a RouteState, met: &'a Table<BackendId, Share>) -> Option<&'a BackendId> {
    let accepted = state.accepted.iter().flat_map(|accepted| accepted.weights.iter());
    let shares = accepted.chain(state.fading.iter().map(|(id, share)| (id, *share)));
    let strangers = shares.filter(|(id, share)| *share > PerMille::ZERO && route.backend(id).is_none());
    let met = met.iter().filter(|(id, share)| share.fraction > 0.0 && route.backend(id).is_none());
    let met = || met.max_by(|(_, one), (_, other)| one.fraction.total_cmp(&other.fraction));
    strangers.max_by_key(|(_, share)| *share).map(|(id, _)| id).or_else(|| met().map(|(id, _)| id))
}

/// Adds the answers of one look to those who gave them.
fn attribute(counts: &mut Table<BackendId, u64>, route: &Route, stranger: Option<&BackendId>, look: &Look, marks: Marks) {
    let mut add = |id: &BackendId, count: u64| {
        let known = counts.get_or_insert_with(id, u64::default);
        *known = known.saturating_add(count);
    };
    route.backend_ids().for_each(|id| add(id, 0));
    let mut nameless = match marks {
        Marks::Borne => look.unmarked,
        Marks::Missing => 0,
    };
    for (id, count) in &look.by_backend {
        match stranger {
            Some(_) if route.backend(id).is_none() => nameless = nameless.saturating_add(*count),
            Some(_) | None => add(id, *count),
        }
    }
    if let Some(id) = stranger {
        add(id, nameless);
    }
}

fn sum(counts: &Table<BackendId, u64>) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// What was before and is no more: the upper end of what is seen lies below it.
fn exclude(state: &mut RouteState, observed: &Observed) {
    if observed.requests < ANSWERS_MIN || settle::still_spreads(state, observed.at) {
        return;
    }
    let given = state.accepted.as_ref().map(|accepted| accepted.weights.clone());
    state.fading.retain(|id, old| {
        let falls = given.as_ref().is_none_or(|given| given.of(id) < *old);
        falls && observed.shares.get(id).is_none_or(|share| share.high >= old.fraction())
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_without_a_mark_is_a_strangers_only_where_marks_are_borne() {
        let plan: Route = serde_json::from_value(serde_json::json!({
            "id": "r", "title": "r", "driver": {"cloud-run-revisions": {"service": "s"}}, "home": "old", "target": "new", "ladder": [1000],
            "step_max": 500, "settle": 1000, "front_door": null, "backends": [{
                "id": "old", "title": "old", "platform": "cloud-run", "target": "old", "workload": {"cloud-run-service": {"service": "s"}},
                "metrics_url": null, "probe_url": null}]}))
        .unwrap();
        let mut state = RouteState { fading: BTreeMap::from([("wow".parse().unwrap(), PerMille::ALL)]), ..RouteState::default() };
        let seen = |old: u64, unmarked| {
            let by_backend = Table::from([("old".parse().unwrap(), old)]);
            Some(Look { at: Timestamp(0), by_backend, failed: 0, dropped: 0, unmarked })
        };
        look(&plan, &mut state, Timestamp(0), seen(0, 40));
        assert!(state.observed.as_ref().unwrap().shares.is_empty());
        look(&plan, &mut state, Timestamp(0), seen(20, 40));
        assert_eq!(state.observed.as_ref().unwrap().requests, 100);
    }

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
}
