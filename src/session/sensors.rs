//! Looks at the world, again and again: one task a sensor, each look recorded as an observation or as the fault that kept it from seeing.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use crate::{
    domain::{
        fact::{Fact, Observation},
        fault::Fault,
        id::{RouteId, SourceId},
        time::Millis,
    },
    port::{Answer, Driver, Sensor},
    session::clock::Clock,
};

/// The source's name of a route's weights.
pub fn weights_source(route: &RouteId) -> SourceId {
    format!("weights/{route}").parse().expect("a route's name is a name, and stays one behind a prefix that leaves it under 63 characters")
}

/// Reads a route's weights at its own interval.
pub struct WeightsSensor {
    pub route: RouteId,
    pub driver: Arc<dyn Driver>,
    pub every: Millis,
}

/// A read of the weights is stale after three intervals and the deadline of one read.
pub fn weights_stale_after(every: Millis) -> Millis {
    Millis(every.0.saturating_mul(3).saturating_add(10_000))
}

impl Sensor for WeightsSensor {
    fn source(&self) -> SourceId {
        weights_source(&self.route)
    }
    fn every(&self) -> Millis {
        self.every
    }
    fn stale_after(&self) -> Millis {
        weights_stale_after(self.every)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(async { self.driver.read().await.map(|accepted| vec![Fact::Accepted(accepted)]) })
    }
}

/// Starts one task a sensor. They end when `seen` is closed or `tasks` is dropped.
pub fn start(sensors: Vec<Box<dyn Sensor>>, clock: Clock, seen: &mpsc::Sender<Observation>, tasks: &mut JoinSet<()>) {
    for sensor in sensors {
        tasks.spawn(watch(sensor, clock, seen.clone()));
    }
}

async fn watch(mut sensor: Box<dyn Sensor>, clock: Clock, seen: mpsc::Sender<Observation>) {
    let (source, every, stale_after) = (sensor.source(), sensor.every(), sensor.stale_after());
    loop {
        let asked_at = clock.now();
        let result = sensor.look().await;
        let pause = match &result {
            Ok(_) => every,
            // A source that asks us to stay away is left alone for as long as it says; the adapter has clamped it.
            Err(fault) => fault.retry_after.map_or(every, |wait| wait.max(every)).max(Millis(500)),
        };
        if seen.send(Observation { source: source.clone(), asked_at, stale_after, result }).await.is_err() {
            return;
        }
        sleep(clock.real(pause)).await;
    }
}
