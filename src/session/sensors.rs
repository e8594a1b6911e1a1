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
        id::{RouteId, SourceId, StepId},
        time::Millis,
    },
    port::{Answer, Driver, Reconciler, Sensor, Unattended},
    session::clock::{Clock, STOOD_STILL, since_boot},
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

/// Looks at the thing of a step at its own interval.
pub struct StepSensor {
    pub step: StepId,
    pub reconciler: Arc<dyn Reconciler>,
    pub every: Millis,
}

impl Sensor for StepSensor {
    fn source(&self) -> SourceId {
        format!("step/{}", self.step)
            .parse()
            .expect("a step's name is a name, and stays one behind a prefix that leaves it under 63 characters")
    }
    fn every(&self) -> Millis {
        self.every
    }
    fn stale_after(&self) -> Millis {
        weights_stale_after(self.every)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(async {
            let standing = self.reconciler.look().await?;
            Ok(vec![Fact::Step { step: self.step.clone(), standing }])
        })
    }
}

/// While a look is under way, how often it is seen that this process goes on.
const PULSE: Duration = Duration::from_millis(250);
/// The same as [`STOOD_STILL`] for a look that takes the time of answers: they are expected within a few seconds.
const STOOD_STILL_TIMED: Duration = Duration::from_secs(1);

/// When this process was last seen to go on, by two clocks: one that a suspended machine stops, and one that it doesn't.
struct Pulse {
    at: Instant,
    since_boot: Duration,
}

impl Pulse {
    fn now() -> Pulse {
        Pulse { at: Instant::now(), since_boot: since_boot() }
    }
    /// For how long nothing went on before `now`.
    fn gap(&self, now: &Pulse) -> Duration {
        now.at.saturating_duration_since(self.at).max(now.since_boot.saturating_sub(self.since_boot))
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
    let unattended = sensor.unattended();
    loop {
        let asked_at = clock.now();
        let Some(result) = attended(sensor.look(), unattended).await else { continue };
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

/// What a look came to; nothing where this process stood still meanwhile and that could have made it what it is: a deadline passed, and nobody
/// was asked in that time, so nothing is known of the source. A look that takes the time of answers is given up with the first standstill.
async fn attended(mut look: Answer<'_, Result<Vec<Fact>, Fault>>, unattended: Unattended) -> Option<Result<Vec<Fact>, Fault>> {
    let (mut pulse, mut stood_still) = (Pulse::now(), false);
    let result = loop {
        let result = tokio::select! {
            biased;
            result = &mut look => Some(result),
            () = sleep(PULSE) => None,
        };
        let now = Pulse::now();
        let gap = pulse.gap(&now);
        pulse = now;
        stood_still |= gap > STOOD_STILL;
        if unattended == Unattended::Void && gap > STOOD_STILL_TIMED {
            return None;
        }
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
        let silent = async {
            sleep(Duration::from_secs(10)).await;
            Err(fault())
        };
        assert_eq!(attended(Box::pin(silent), Unattended::Counts).await, Some(Err(fault())));
        let not_asked = async {
            stopped().await;
            Err(fault())
        };
        assert_eq!(attended(Box::pin(not_asked), Unattended::Counts).await, None);
        let answered = async {
            stopped().await;
            Ok(Vec::new())
        };
        assert_eq!(attended(Box::pin(answered), Unattended::Counts).await, Some(Ok(Vec::new())), "an answer is an answer");
    }

    /// As when the process is stopped: time passes and nothing of it is polled.
    async fn stopped() {
        tokio::time::advance(Duration::from_secs(20)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_the_time_of_answers_says_nothing_of_a_time_in_which_this_process_stood_still() {
        let counted = async {
            stopped().await;
            Ok(Vec::new())
        };
        assert_eq!(attended(Box::pin(counted), Unattended::Void).await, None, "late answers are not slow ones, and drops are none");
        let waits_on = async {
            stopped().await;
            sleep(Duration::from_secs(4)).await;
            Ok(Vec::new())
        };
        let began = Instant::now();
        assert_eq!(attended(Box::pin(waits_on), Unattended::Void).await, None);
        assert!(began.elapsed() < Duration::from_secs(21), "it is asked anew at once");
        let slow = async {
            sleep(Duration::from_secs(4)).await;
            Ok(Vec::new())
        };
        assert_eq!(attended(Box::pin(slow), Unattended::Void).await, Some(Ok(Vec::new())), "an answer that is slow is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_stood_still_by_the_clock_that_goes_on() {
        let before = Pulse::now();
        let woken = Pulse { at: before.at, since_boot: before.since_boot + Duration::from_secs(3_600) };
        assert_eq!(before.gap(&woken), Duration::from_secs(3_600));
    }
}
