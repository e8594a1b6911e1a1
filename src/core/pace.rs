//! How long it takes until users have followed a change, and until requests have shown it.
//!
//! The edge takes its time, at most what the plan says of it. Then the last answer from where users were must leave the window that the
//! shares rest on, and enough answers in a row must come from elsewhere to exclude the share that was there: the smaller it was, the more.

use crate::{
    core::{
        seen,
        state::{Observed, RouteState},
    },
    domain::{time::Millis, weight::PerMille},
    plan::model::Route,
};

/// How long the edge takes to follow: what was measured last, and no longer than the plan allows.
pub(super) fn spreads_in(route: &Route, state: &RouteState) -> Millis {
    state.followed_in.map_or(route.settle, |followed| followed.min(route.settle))
}

/// How long, after the edge has followed, until requests have excluded `share`, at the rate at which they are answered now.
pub(super) fn seen_in(state: &RouteState, share: Option<PerMille>) -> Millis {
    let needed = share.map_or(0.0, |share| seen::silence_for(share.fraction()));
    let rate = state.observed.as_ref().and_then(rate);
    let counted = rate.map_or(Millis(0), |rate| Millis((needed / rate * 1000.0).ceil() as u64));
    counted.max(seen::WINDOW)
}

/// Answers a second in the newest window.
fn rate(observed: &Observed) -> Option<f64> {
    let first = observed.window.front()?;
    let span = observed.at.since(first.at);
    (span.0 > 0 && observed.requests > 0).then(|| observed.requests as f64 / (span.0 as f64 / 1000.0))
}
