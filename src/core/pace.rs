//! How long it takes until users have followed a change, and until requests have shown it.
//!
//! The edge takes its time, at most what the plan says of it. Then the last answer from where users were must leave the window that the
//! shares rest on, and enough answers in a row must come from elsewhere to exclude the share that was there: the smaller it was, the more.
//!
//! What is said before a rollback and after it is one promise: it rests on how fast requests were answered before, for right after a change
//! nothing was counted yet, and a rate that is learned anew would make the promise jump.

use crate::{
    core::{
        seen, settle,
        state::{Observed, RouteState},
    },
    domain::{
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::Route,
};

/// How long the edge takes to follow: what was measured last, and no longer than the plan allows.
pub(super) fn spreads_in(route: &Route, state: &RouteState) -> Millis {
    state.followed_in.map_or(route.settle, |followed| followed.min(route.settle))
}

/// How long the edge takes to follow a change that is made at `now`: one before it that nobody has seen arrive may arrive after it.
pub(super) fn would_spread_in(route: &Route, state: &RouteState, now: Timestamp) -> Millis {
    let pending = settle::pending_until(state, route.settle).map_or(Millis(0), |until| until.since(now));
    spreads_in(route, state).max(pending)
}

/// How long, after the edge has followed, until requests have excluded `share`, at the rate at which they are answered now.
pub(super) fn seen_in(state: &RouteState, share: Option<PerMille>) -> Millis {
    let needed = share.map_or(0.0, |share| seen::silence_for(share.fraction()));
    let counted = answers_per_second(state).map_or(Millis(0), |rate| Millis((needed / rate * 1000.0).ceil() as u64));
    counted.max(seen::WINDOW)
}

/// How fast requests are answered, as far as it is known.
pub(super) fn answers_per_second(state: &RouteState) -> Option<f64> {
    state.answers_per_second.or_else(|| state.observed.as_ref().and_then(rate))
}

/// Before what was counted is forgotten: what a promise rests on stays, however short its time was, where nothing better is known.
pub(super) fn keep_rate(state: &mut RouteState) {
    state.answers_per_second = answers_per_second(state);
}

/// A window shorter than this tells no rate that a promise may be changed for.
const TELLING: Millis = Millis::from_secs(50);
/// A rate that differs by no more than this part is the same.
const SAME_RATE: f64 = 0.25;

/// Remembers how fast requests are answered.
pub(super) fn note_rate(state: &mut RouteState) {
    let Some(observed) = state.observed.as_ref().filter(|observed| span(observed).is_some_and(|span| span >= TELLING)) else { return };
    let Some(newest) = rate(observed) else { return };
    if state.answers_per_second.is_none_or(|known| (newest - known).abs() > known * SAME_RATE) {
        state.answers_per_second = Some(newest);
    }
}

fn span(observed: &Observed) -> Option<Millis> {
    observed.window.oldest().map(|first| observed.at.since(first.at))
}

/// Answers a second in the newest window; those of its first look came before it began.
fn rate(observed: &Observed) -> Option<f64> {
    let span = span(observed).filter(|span| span.0 > 0)?;
    let first: u64 = observed.window.oldest()?.by_backend.values().sum();
    let answers = observed.window.marked().saturating_sub(first);
    (answers > 0).then(|| answers as f64 / (span.0 as f64 / 1000.0))
}
