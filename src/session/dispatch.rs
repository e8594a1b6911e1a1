//! From effects to tasks: each effect that the core decided on runs here, when the engine lets it leave, and brings back exactly one outcome.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    core::{
        decision::{Effect, IssuedEffect},
        event::Event,
    },
    domain::{
        fact::{Fact, Observation},
        fault::{Fault, FaultKind, Outcome, Receipt, Version, Written},
        id::{EffectId, RouteId, StepId},
        standing::Act,
        time::Millis,
    },
    port::{Change, Driver, FaultInjector, Intent, Reconciler, Taken},
    session::{
        clock::Clock,
        sensors::{weights_source, weights_stale_after},
    },
};

/// What a session can do to the world.
#[derive(Clone)]
pub struct Executors {
    pub drivers: BTreeMap<RouteId, Arc<dyn Driver>>,
    pub reconcilers: BTreeMap<StepId, Arc<dyn Reconciler>>,
    pub fault_injector: Option<Arc<dyn FaultInjector>>,
    /// Between two reads of the weights; bounds the age of what a read brings.
    pub read_every: Millis,
}

/// Runs `effect` in a task of its own. What it brings comes through `events`, the outcome last.
pub fn dispatch(
    effect: IssuedEffect,
    intent: Intent,
    executors: &Executors,
    clock: Clock,
    events: &mpsc::Sender<Event>,
    tasks: &mut JoinSet<()>,
) {
    let (executors, events) = (executors.clone(), events.clone());
    tasks.spawn(async move {
        for event in carry_out(effect.id, effect.what, &intent, &executors, (clock, &events)).await {
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
}

/// `told`: the clock, and where to say what becomes known before the end.
async fn carry_out(id: EffectId, what: Effect, intent: &Intent, executors: &Executors, told: (Clock, &mpsc::Sender<Event>)) -> Vec<Event> {
    let (clock, events) = told;
    let finished = |outcome| Event::Finished { effect: id, outcome, attempts: Vec::new() };
    match what {
        Effect::Write { route, to, version, claim, .. } => {
            let change = Change::Split { to: &to, claim: claim.as_deref() };
            vec![written(id, &route, change, &version, intent, executors, events).await]
        }
        Effect::Claim { route, version, claim, .. } => {
            vec![written(id, &route, Change::Claim(&claim), &version, intent, executors, events).await]
        }
        Effect::Act { step, act, version, .. } => vec![finished(acted(id, &step, act, &version, intent, executors).await)],
        Effect::Read { route } => match executors.drivers.get(&route) {
            Some(driver) => {
                let asked_at = clock.now();
                let result = driver.read().await;
                let outcome = match &result {
                    Ok(accepted) => Outcome::Done(Receipt { version: Some(accepted.version.clone()), operation: None }),
                    Err(fault) => Outcome::NotDone(fault.clone()),
                };
                let seen = Observation {
                    source: weights_source(&route),
                    asked_at,
                    stale_after: weights_stale_after(executors.read_every),
                    result: result.map(|accepted| vec![Fact::Accepted(accepted)]),
                };
                vec![Event::Observed(seen), finished(outcome)]
            }
            None => vec![finished(Outcome::NotDone(no_driver(&route)))],
        },
        Effect::Inject { inject } => {
            let injected = match &executors.fault_injector {
                Some(fault_injector) => fault_injector.inject(inject.as_str()),
                None => Err(Fault::new(FaultKind::Unsupported, "this world can't be injected")),
            };
            let outcome = injected.map_or_else(Outcome::NotDone, |()| Outcome::Done(Receipt::default()));
            vec![finished(outcome)]
        }
        // The engine keeps alarms itself; they never get here.
        Effect::Wake { .. } => Vec::new(),
    }
}

async fn written(
    id: EffectId,
    route: &RouteId,
    change: Change<'_>,
    version: &Version,
    intent: &Intent,
    executors: &Executors,
    events: &mpsc::Sender<Event>,
) -> Event {
    let Some(driver) = executors.drivers.get(route) else {
        return Event::Finished { effect: id, outcome: Outcome::NotDone(no_driver(route)), attempts: Vec::new() };
    };
    match change {
        Change::Split { to, .. } => tracing::info!(%route, %to, effect = %id, "writing weights"),
        Change::Claim(claim) => tracing::info!(%route, %claim, effect = %id, "writing who steers"),
    }
    let (taken, told) = Taken::told();
    let mut write = driver.write(change, version, intent, taken);
    let ended = tokio::select! {
        biased;
        written = &mut write => Some(written),
        Ok(operation) = told => {
            tracing::info!(%route, effect = %id, %operation, "write taken");
            // Whoever doesn't take it is not there for the outcome either.
            let _session_is_over = events.send(Event::Taken { effect: id, operation }).await;
            None
        }
        else => None,
    };
    let Written { outcome, attempts } = match ended {
        Some(written) => written,
        None => write.await,
    };
    match &outcome {
        Outcome::Done(_) => tracing::info!(%route, effect = %id, "write done"),
        Outcome::NotDone(fault) => tracing::warn!(%route, effect = %id, %fault, "write not done"),
        Outcome::Unknown(fault) => tracing::warn!(%route, effect = %id, %fault, "nobody knows whether the write was done"),
    }
    // A write that went out once, as each does, has nothing to tell of it.
    let attempts = if attempts.len() > 1 { attempts } else { Vec::new() };
    Event::Finished { effect: id, outcome, attempts }
}

async fn acted(id: EffectId, step: &StepId, act: Act, version: &Version, intent: &Intent, executors: &Executors) -> Outcome {
    let Some(reconciler) = executors.reconcilers.get(step) else {
        return Outcome::NotDone(Fault::new(FaultKind::Unsupported, format!("nothing acts on the step {step}")));
    };
    tracing::info!(%step, ?act, effect = %id, "acting");
    let outcome = reconciler.act(act, version, intent).await;
    match &outcome {
        Outcome::Done(_) => tracing::info!(%step, effect = %id, "act accepted"),
        Outcome::NotDone(fault) => tracing::warn!(%step, effect = %id, %fault, "act not done"),
        Outcome::Unknown(fault) => tracing::warn!(%step, effect = %id, %fault, "nobody knows whether the act was accepted"),
    }
    outcome
}

fn no_driver(route: &RouteId) -> Fault {
    Fault::new(FaultKind::Unsupported, format!("nothing drives the route {route}"))
}
