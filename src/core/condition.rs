//! How a backend is, as long as it is given or gets anything: what its triggers read, what its own probe meets, and what nobody can say.
//!
//! A platform may call a workload healthy while its users are not served, so this is asked first, and good is only what was seen to be.

use crate::{
    core::{
        evidence,
        has::has,
        loss::{self, Losing},
        outlook::{DoorBreach, Outlook, at_door, outlook},
        readiness,
        state::{Reading, State},
        unjudged::{Unjudged, lacks},
    },
    domain::{
        id::{BackendId, TriggerId},
        metric::Metric,
    },
    plan::model::{Route, Trigger},
};

/// Worst first.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// What a trigger on it reads is beyond its limit.
    Breached { trigger: TriggerId },
    /// Requests through the front door that it answers fail, or its site is not home's.
    FailsAtDoor { breach: Box<DoorBreach> },
    /// It is home, and its own figure is beyond what the plan tolerates of the target.
    HomeBeyond { metric: Metric, value: f64, limit: f64 },
    /// Connections to it are dropped.
    Drops { losing: Losing },
    /// Direct requests to it fail.
    ProbeFails { failed: u64, sent: u64 },
    /// A trigger on it has not been able to see for too long.
    Blind { trigger: TriggerId },
    /// A trigger on it can't tell.
    Unjudged { trigger: TriggerId, why: Unjudged },
    /// It failed its users at the front door, and nothing that it answered since is young enough to speak of now.
    NotMet { breach: Box<DoorBreach> },
    /// No trigger watches it, and no figure is told.
    Untold,
    /// Nobody is sent there, and nobody is seen there.
    Idle,
    /// Everything that is read of it is within its limits.
    Well,
}

pub fn condition(state: &State, route: &Route, backend: &BackendId) -> Condition {
    let plan = state.opened.as_ref().map(|opened| &opened.plan);
    let triggers = || plan.into_iter().flat_map(|plan| &plan.triggers).filter(|trigger| trigger.backend == *backend);
    let reading = |id: &TriggerId| state.triggers.get(id).map_or(&Reading::None, |known| &known.reading);
    let nobody = has(state, &route.id, backend).is_nothing();
    if let Some(trigger) = triggers().find(|trigger| !nobody && *reading(&trigger.id) == Reading::Breach) {
        return Condition::Breached { trigger: trigger.id.clone() };
    }
    let door = at_door(state, &route.id).into_iter().find(|breach| !nobody && breach.backend == *backend);
    let (not_met, breach) = if door.as_ref().is_some_and(DoorBreach::is_unknown) { (door, None) } else { (None, door) };
    if let Some(breach) = breach {
        return Condition::FailsAtDoor { breach: Box::new(breach) };
    }
    let over = plan.filter(|_| !nobody && *backend == route.home).and_then(|plan| readiness::beyond(plan, state, route).next());
    if let Some(over) = over {
        return Condition::HomeBeyond { metric: over.metric, value: over.value, limit: over.limit };
    }
    let losing = loss::loss_of(state, &route.id, backend);
    if let Some(loss) = losing {
        return Condition::Drops { losing: loss.losing };
    }
    let known = state.backends.get(backend);
    if let Some((failed, sent)) = known.and_then(|known| evidence::failing_probe(known, state.now)) {
        return Condition::ProbeFails { failed, sent };
    }
    if let Some(trigger) = triggers().find(|trigger| matches!(outlook(state, &trigger.id), Some(Outlook::Blind { .. }))) {
        return Condition::Blind { trigger: trigger.id.clone() };
    }
    if nobody {
        return Condition::Idle;
    }
    if let Some(breach) = not_met {
        return Condition::NotMet { breach: Box::new(breach) };
    }
    let unjudged = |trigger: &Trigger| Some(Condition::Unjudged { trigger: trigger.id.clone(), why: lacks(state, trigger)? });
    if let Some(unjudged) = triggers().find_map(unjudged) {
        return unjudged;
    }
    let figures = known.filter(|known| known.values_at.is_some_and(|at| state.now.since(at) <= evidence::FRESH));
    match figures.map(|known| known.values.values().any(Result::is_ok)) {
        Some(true) => Condition::Well,
        Some(false) | None => Condition::Untold,
    }
}
