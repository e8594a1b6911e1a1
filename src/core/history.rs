//! The charts' columns: one each five seconds, and a gap where nothing was known.
//!
//! Columns are kept in the state so that every cockpit draws the same ones, also one that joined a minute ago. A silence of the host
//! becomes as many gaps as it lasted, never a line drawn across.

use std::collections::VecDeque;

use crate::{
    core::{
        evidence, figures,
        past::Past,
        replication,
        state::{HISTORY_EVERY, HISTORY_POINTS_MAX},
        turn::Turn,
    },
    domain::{
        id::BackendId,
        time::{Millis, Timestamp},
    },
    plan::model::Route,
};

/// A split that nobody has read for this long is not known any more.
const SPLIT_FRESH: Millis = Millis::from_secs(60);

pub(super) fn record(turn: &mut Turn) {
    for route in &turn.plan.routes {
        record_route(turn, route);
        for backend in route.backend_ids() {
            record_backend(turn, backend);
        }
    }
    let now = turn.now;
    let Some(database) = &turn.plan.database else { return };
    for (instance, known) in &mut turn.state.replication {
        let missed = columns(&mut known.history_at, now);
        if missed > 0 {
            let lag = replication::standing(database, instance, Some(known), now).lag();
            push(&mut known.history, &mut known.past, missed, lag.map(|sample| sample.value));
        }
    }
}

/// How many of the users are away from home: by the weights, and as requests show.
fn record_route(turn: &mut Turn, route: &Route) {
    let now = turn.now;
    let state = turn.route_mut(route);
    if !is_due(state.given.at, now) && !is_due(state.got.at, now) {
        return;
    }
    let read = state.accepted_at.is_some_and(|at| now.since(at) <= SPLIT_FRESH);
    let given = state.accepted.as_ref().filter(|_| read).map(|accepted| 1.0 - f64::from(accepted.weights.of(&route.home).get()) / 1000.0);
    let seen = figures::observed(state, now);
    let got = seen.map(|observed| 1.0 - observed.shares.get(&route.home).map_or(0.0, |share| share.fraction));
    for (track, value) in [(&mut state.given, given), (&mut state.got, got)] {
        let missed = columns(&mut track.at, now);
        if missed > 0 {
            push(&mut track.recent, &mut track.past, missed, value);
        }
    }
}

fn record_backend(turn: &mut Turn, id: &BackendId) {
    let now = turn.now;
    let Some(backend) = turn.state.backends.get_mut(id) else { return };
    let missed = columns(&mut backend.history_at, now);
    if missed == 0 {
        return;
    }
    for metric in turn.plan.metrics_of(id) {
        let value = evidence::measured(turn.state, now, id, metric).and_then(Result::ok).map(|sample| sample.value);
        if let Some(backend) = turn.state.backends.get_mut(id) {
            let (recent, past) = (backend.history.entry(metric).or_default(), backend.past.entry(metric).or_default());
            push(recent, past, missed, value);
        }
    }
}

/// Whether a column has: at most entries there is none.
fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|at| now.since(at) >= HISTORY_EVERY)
}

/// How many columns have become due; moves their mark on by whole columns.
fn columns(last: &mut Option<Timestamp>, now: Timestamp) -> usize {
    let Some(at) = *last else {
        *last = Some(now);
        return 1;
    };
    let due = now.since(at).0 / HISTORY_EVERY.0;
    if due > 0 {
        *last = Some(at + Millis(due * HISTORY_EVERY.0));
    }
    usize::try_from(due).unwrap_or(usize::MAX)
}

/// The newest column has the value; those that were missed are gaps.
fn push(recent: &mut VecDeque<Option<f64>>, past: &mut Past, columns: usize, value: Option<f64>) {
    let missed = columns.saturating_sub(1);
    past.push(missed, value);
    recent.extend(std::iter::repeat_n(None, missed.min(HISTORY_POINTS_MAX)));
    recent.push_back(value);
    let surplus = recent.len().saturating_sub(HISTORY_POINTS_MAX);
    recent.drain(..surplus);
}
