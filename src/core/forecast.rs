//! What a move would bring, said before it is asked for: shares, requests a second, how long it takes to settle and to undo.
//!
//! Figures are computed from what is measured now, and only where all of it is: a sum with a hole in it is no sum.

use crate::{
    core::{
        evidence, readiness, standing,
        state::{ItemStatus, State},
    },
    domain::{
        id::{BackendId, ItemId},
        metric::Metric,
        time::Millis,
        weight::{PerMille, Weights},
    },
    plan::model::{Route, Stage},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// In the plan's order.
    pub legs: Vec<Leg>,
    /// Expected time until requests agree, once it is accepted.
    pub settles: Millis,
    /// Expected time until the last request is home again, from the moment of a rollback; `None` for a move that is home.
    pub home_takes: Option<Millis>,
    /// Lines of the checklist that belong before any move and are not done.
    pub open_before: Vec<ItemId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    pub backend: BackendId,
    pub from: PerMille,
    pub to: PerMille,
    /// Requests a second, now and afterwards; `None` where that is not measured whole.
    pub rate: Option<Change>,
    /// The same for each ready instance.
    pub per_instance: Option<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub now: f64,
    pub then: f64,
}

/// What moving `route` to `to` would bring; `None` while its weights were never read.
pub fn forecast(state: &State, route: &Route, to: &Weights) -> Option<Forecast> {
    let known = state.routes.get(&route.id)?;
    let from = &known.accepted.as_ref()?.weights;
    let total = total_rate(state, route, from);
    let leg = |id: &BackendId| {
        let (from, to) = (from.of(id), to.of(id));
        let rate = total.map(|total| Change { now: total * from.fraction(), then: total * to.fraction() });
        let ready = state.backends.get(id).and_then(|known| evidence::ready(known, state.now)).filter(|ready| *ready > 0).map(f64::from);
        let each = |rate: Change, ready: f64| Change { now: rate.now / ready, then: rate.then / ready };
        let per_instance = rate.zip(ready).map(|(rate, ready)| each(rate, ready));
        Leg { backend: id.clone(), from, to, rate, per_instance }
    };
    Some(Forecast {
        legs: route.backend_ids().map(leg).collect(),
        settles: if *to == standing::home(route) {
            readiness::takes(route, known, state.now)
        } else {
            known.followed_in.unwrap_or(route.settle)
        },
        home_takes: readiness::takes_from(route, known, to),
        open_before: open_before(state),
    })
}

/// Lines of the checklist that belong before any move and are not done.
pub fn open_before(state: &State) -> Vec<ItemId> {
    let items = state.opened.iter().flat_map(|opened| &opened.plan.checklist);
    let done = |id: &ItemId| state.checklist.get(id).is_some_and(|known| known.status == ItemStatus::Done);
    items.filter(|item| item.stage == Stage::PreMigration && !done(&item.id)).map(|item| item.id.clone()).collect()
}

/// Requests a second of the whole route now; `None` where that is not measured whole.
pub fn rate(state: &State, route: &Route) -> Option<f64> {
    total_rate(state, route, &state.routes.get(&route.id)?.accepted.as_ref()?.weights)
}

/// Backends that serve other routes too are not told apart, so there is no sum then.
fn total_rate(state: &State, route: &Route, from: &Weights) -> Option<f64> {
    let others = || state.opened.iter().flat_map(|opened| &opened.plan.routes).filter(|other| other.id != route.id);
    if others().any(|other| route.backend_ids().any(|backend| other.backend(backend).is_some())) {
        return None;
    }
    let serving = from.iter().filter(|(_, share)| *share > PerMille::ZERO);
    serving.map(|(backend, _)| Some(evidence::measured(state, state.now, backend, Metric::RequestRate)?.ok()?.value)).sum()
}
