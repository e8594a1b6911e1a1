//! The charts' columns: one each five seconds, and a gap where nothing was known.
//!
//! Columns are kept in the state so that every cockpit draws the same ones, also one that joined a minute ago. A silence of the host
//! becomes as many gaps as it lasted, never a line drawn across.

use std::collections::VecDeque;

use crate::{
    core::{
        evidence, replication,
        state::{HISTORY_EVERY, HISTORY_POINTS_MAX},
        turn::Turn,
    },
    domain::{
        id::BackendId,
        metric::Metric,
        time::{Millis, Timestamp},
    },
};

pub(super) fn record(turn: &mut Turn) {
    for route in &turn.plan.routes {
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
            push(&mut known.history, missed, lag.map(|sample| sample.value));
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
    for metric in Metric::ALL {
        let value = evidence::measured(turn.state, now, id, metric).and_then(Result::ok).map(|sample| sample.value);
        if let Some(backend) = turn.state.backends.get_mut(id) {
            push(backend.history.entry(metric).or_default(), missed, value);
        }
    }
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
    usize::try_from(due).unwrap_or(usize::MAX).min(HISTORY_POINTS_MAX)
}

/// The newest column has the value; those that were missed are gaps.
fn push(history: &mut VecDeque<Option<f64>>, columns: usize, value: Option<f64>) {
    history.extend(std::iter::repeat_n(None, columns.saturating_sub(1)));
    history.push_back(value);
    let surplus = history.len().saturating_sub(HISTORY_POINTS_MAX);
    history.drain(..surplus);
}
