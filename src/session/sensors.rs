//! Looks at the world, again and again: one task a sensor, each look recorded as an observation or as the fault that kept it from seeing.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

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

/// While a look is under way, how often it is seen that this process goes on.
const PULSE: Duration = Duration::from_millis(250);
/// Between two pulses that are further apart than this the process stood still: it was stopped, or the machine slept.
const STOOD_STILL: Duration = Duration::from_secs(3);

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
        let Some(result) = unbroken(sensor.look()).await else { continue };
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

/// What a look came to; nothing where it failed and this process stood still meanwhile: its deadline passed and nobody was asked in that time,
/// so nothing is known of the source.
async fn unbroken(mut look: Answer<'_, Result<Vec<Fact>, Fault>>) -> Option<Result<Vec<Fact>, Fault>> {
    let (mut pulse, mut stood_still) = (Instant::now(), false);
    let result = loop {
        let result = tokio::select! {
            biased;
            result = &mut look => Some(result),
            () = sleep(PULSE) => None,
        };
        stood_still |= pulse.elapsed() > STOOD_STILL;
        pulse = Instant::now();
        if let Some(result) = result {
            break result;
        }
    };
    (result.is_ok() || !stood_still).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::FaultKind;

    fn fault() -> Fault {
        Fault::new(FaultKind::TimedOut, "no answer within 10 s")
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_does_not_answer_is_told_and_one_that_was_not_asked_is_not() {
        let silent = unbroken(Box::pin(async {
            sleep(Duration::from_secs(10)).await;
            Err(fault())
        }));
        assert_eq!(silent.await, Some(Err(fault())));
        // As when the process is stopped: time passes and nothing of it is polled.
        let stopped = || async {
            tokio::time::advance(Duration::from_secs(20)).await;
        };
        let not_asked = unbroken(Box::pin(async move {
            stopped().await;
            Err(fault())
        }));
        assert_eq!(not_asked.await, None);
        let answered = unbroken(Box::pin(async move {
            stopped().await;
            Ok(Vec::new())
        }));
        assert_eq!(answered.await, Some(Ok(Vec::new())), "an answer is an answer");
    }
}
