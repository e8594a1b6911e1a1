//! Whether the first share of a ladder brings a trigger the requests that it needs, before any plan is flown.
//!
//! A probe that is answered well stands in for users up to 5 %, beyond which no first step leads; without one, too few requests are blindness from the start, and what the
//! plan says of that happens while nothing is wrong. It is the same reckoning as in a session, with a rate that somebody says.

use crate::{
    domain::weight::{PerMille, WHOLE},
    plan::model::{Route, Trigger, readings::Cadence},
};

/// What a trigger lacks at the first share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Starved {
    pub share: PerMille,
    /// Requests that come to the backend within a window.
    pub requests: u64,
    pub needed: u64,
    /// Requests a second on the whole route that would be enough.
    pub enough: f64,
}

/// With `rate` requests a second on the whole route; nothing where enough come, or where a probe of the plan stands in.
pub fn starved(route: &Route, trigger: &Trigger, cadence: Cadence, rate: f64) -> Option<Starved> {
    let share = route.first_step_max();
    let is_probed = route.backend(&trigger.backend).is_some_and(|backend| backend.probe_url.is_some());
    // Whoever is at home comes there in any case.
    if trigger.backend == route.home || is_probed || share == PerMille::ZERO {
        return None;
    }
    let part = f64::from(share.get()) / f64::from(WHOLE) * cadence.window.as_secs_f64();
    let (requests, needed) = ((rate * part).floor().max(0.0) as u64, trigger.requests_min);
    (requests < needed).then(|| Starved { share, requests, needed, enough: (needed as f64 / part).ceil() })
}
