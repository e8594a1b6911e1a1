//! Why so few requests are counted of a backend: because few come, or because its source doesn't count them.
//!
//! Too little traffic excuses a trigger that sees nothing at a small share, so it is believed only as far as other evidence allows. What
//! home counts tells how many requests the backend's share must bring, and the front door tells that it answers.

use crate::{
    core::{
        evidence, exposure,
        sight::Sight,
        state::{Motion, RouteState},
    },
    domain::{
        id::BackendId,
        metric::{Gap, Metric, Sample},
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{Route, Trigger},
};

/// With fewer expected, none at all may be chance: of twelve, a quarter or less comes once in 900 windows.
const EXPECTED_MIN: f64 = 12.0;
/// Counting less than this part of what must come is no accident.
const PART_MIN: f64 = 0.25;
/// The window of every source is longer than this, so what the front door got within it must have been counted.
const STILL_SPAN: Millis = Millis::from_secs(20);
const ANSWERS_MIN: u64 = 3;

/// The gap that too few requests of `trigger`'s backend really are.
pub(super) fn why_few(sight: &Sight, trigger: &Trigger) -> Gap {
    let Some((route, known)) = sight.route_of(trigger) else { return Gap::LowVolume };
    let rate = |backend: &BackendId| evidence::measured(sight.state, sight.now, backend, Metric::RequestRate).and_then(Result::ok);
    let Some(counted) = rate(&trigger.backend) else { return Gap::LowVolume };
    if counted.requests == 0 && answers(known, &trigger.backend, counted.at) >= ANSWERS_MIN {
        return Gap::StandsStill;
    }
    let steady = is_steady(sight, known, filled_after(sight, route));
    let expected = if steady { expected(sight, route, &trigger.backend, rate(&route.home)) } else { None };
    match expected {
        Some(expected) if expected >= EXPECTED_MIN && (counted.requests as f64) < expected * PART_MIN => Gap::BelowShare,
        Some(_) | None => Gap::LowVolume,
    }
}

/// Answers through the front door that `backend` gave shortly before `at`.
fn answers(route: &RouteState, backend: &BackendId, at: Timestamp) -> u64 {
    let looks = route.observed.iter().flat_map(|observed| observed.window.iter());
    let of_span = looks.filter(|look| look.at <= at && at.since(look.at) < STILL_SPAN);
    of_span.filter_map(|look| look.by_backend.get(backend)).sum()
}

/// How long after a change the windows of all backends hold nothing from before it.
fn filled_after(sight: &Sight, route: &Route) -> Millis {
    let each = route.backend_ids().map(|id| sight.plan.cadence(id));
    each.map(|cadence| Millis(cadence.window.0.saturating_add(cadence.lateness.0))).max().unwrap_or_default()
}

/// Whether the split has stood for a whole window, so that counts of both sides belong to it.
fn is_steady(sight: &Sight, route: &RouteState, window: Millis) -> bool {
    let settled = match route.motion {
        Motion::Settled => true,
        Motion::Unread
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Returning(_)
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => false,
    };
    let filled = |changed: Timestamp| sight.now.since(changed) >= window;
    let stood = route.changed_at.is_none_or(filled);
    settled && stood
}

/// How many requests the share must bring within a window, by what home counted in one.
fn expected(sight: &Sight, route: &Route, backend: &BackendId, home: Option<Sample>) -> Option<f64> {
    let home = home.filter(|_| *backend != route.home)?;
    let least = exposure::possible(sight.state, &route.id).map(|weights| weights.of(backend)).min()?;
    let at_home = exposure::has(sight.state, &route.id, &route.home);
    (at_home > PerMille::ZERO).then(|| home.requests as f64 * f64::from(least.get()) / f64::from(at_home.get()))
}
