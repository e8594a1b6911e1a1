//! How far the primary has written and how far the replica has followed, as functions of time.
//!
//! Lag jumps up at once when told to and comes back at a finite speed; the applied position never goes back.
//! What the monitoring reports is a second thing: it can lie while replication itself is fine.

use crate::sim::world::random::Random;

/// Log that an ordinary day writes, in bytes a second.
pub(super) const RATE_DEFAULT: f64 = 180_000.0;
/// Lag of a healthy replica in seconds.
pub(super) const LAG_CALM_S: f64 = 0.08;
/// Seconds of log that a replica applies in one second when it catches up.
const CATCH_UP: f64 = 8.0;

/// What the monitoring says about the lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LagReading {
    /// The truth.
    Honest,
    /// Not a number.
    NotANumber,
    /// Minus one, as broken clocks give it.
    Negative,
    /// Always the value that it had when the fault began.
    Frozen,
    /// Zero, even when replication has stopped: the most dangerous of all.
    Zero,
}

/// Where primary and replica stand.
#[derive(Debug, Clone)]
pub struct Replication {
    written_before: f64,
    rate_since_ms: i64,
    rate: f64,
    lag_start_s: f64,
    lag_target_s: f64,
    lag_since_ms: i64,
    stopped_since_ms: Option<i64>,
    applied_floor: u64,
    wobble_phase: f64,
    /// What the lag was last multiplied with, and when: it is asked for again and again at one instant, and takes longer than all the rest.
    wobbled: Option<(i64, f64)>,
    reading: LagReading,
    frozen_s: f64,
}

impl Replication {
    pub(super) fn new(now_ms: i64, random: &mut Random) -> Self {
        Self {
            written_before: random.between(4.0e11, 6.0e11).floor(),
            rate_since_ms: now_ms,
            rate: RATE_DEFAULT,
            lag_start_s: LAG_CALM_S,
            lag_target_s: LAG_CALM_S,
            lag_since_ms: now_ms,
            stopped_since_ms: None,
            applied_floor: 0,
            wobble_phase: random.between(0.0, std::f64::consts::TAU),
            wobbled: None,
            reading: LagReading::Honest,
            frozen_s: 0.0,
        }
    }

    /// Bytes that the primary had written at this time.
    pub(super) fn written(&self, at_ms: i64) -> u64 {
        let seconds = (at_ms - self.rate_since_ms) as f64 / 1000.0;
        (self.written_before + self.rate * seconds).max(0.0) as u64
    }

    /// Bytes that the replica has applied.
    pub(super) fn applied(&self, now_ms: i64) -> u64 {
        let reached = match self.stopped_since_ms {
            Some(_) => 0,
            None => self.written(now_ms - (self.lag(now_ms) * 1000.0) as i64),
        };
        reached.max(self.applied_floor).min(self.written(now_ms))
    }

    /// Remembers how far the replica has come, so that a later jump of the lag cannot undo it.
    pub(super) fn settle(&mut self, now_ms: i64) {
        self.wobbled = Some((now_ms, self.wobble(now_ms)));
        self.applied_floor = self.applied(now_ms);
    }

    pub(super) fn reported_lag(&self, now_ms: i64, runs: bool) -> Option<f64> {
        match self.reading {
            LagReading::Zero => Some(0.0),
            LagReading::NotANumber => Some(f64::NAN),
            LagReading::Negative => Some(-1.0),
            LagReading::Frozen => Some(self.frozen_s),
            LagReading::Honest => runs.then(|| self.lag(now_ms)),
        }
    }

    /// What the monitoring says of the way there; a lie about the lag is a lie about this part of it, too.
    pub(super) fn network_lag(&self, now_ms: i64, runs: bool) -> Option<f64> {
        match self.reading {
            LagReading::Zero => Some(0.0),
            LagReading::NotANumber | LagReading::Negative | LagReading::Frozen | LagReading::Honest => {
                runs.then(|| (self.lag(now_ms) * 0.2).min(0.5))
            }
        }
    }

    pub(super) fn set_rate(&mut self, now_ms: i64, rate: f64) {
        self.settle(now_ms);
        self.written_before = self.written(now_ms) as f64;
        self.rate_since_ms = now_ms;
        self.rate = rate.max(0.0);
    }

    pub(super) fn set_lag(&mut self, now_ms: i64, seconds: f64) {
        self.settle(now_ms);
        self.lag_start_s = self.lag(now_ms).max(seconds);
        self.lag_target_s = seconds.max(LAG_CALM_S);
        self.lag_since_ms = now_ms;
    }

    pub(super) fn set_reading(&mut self, now_ms: i64, reading: LagReading) {
        self.frozen_s = self.lag(now_ms);
        self.reading = reading;
    }

    pub(super) fn stop(&mut self, now_ms: i64) {
        self.settle(now_ms);
        self.stopped_since_ms.get_or_insert(now_ms);
    }

    /// Replication runs again and has to make up for the time that it stood.
    pub(super) fn resume(&mut self, now_ms: i64) {
        if self.stopped_since_ms.is_some() {
            let behind = self.lag(now_ms);
            self.stopped_since_ms = None;
            self.lag_start_s = behind;
            self.lag_since_ms = now_ms;
        }
    }

    /// A new replica begins where its primary stands.
    pub(super) fn restart(&mut self, now_ms: i64) {
        self.stopped_since_ms = None;
        self.lag_start_s = LAG_CALM_S;
        self.lag_target_s = LAG_CALM_S;
        self.lag_since_ms = now_ms;
    }

    pub(super) fn calm(&mut self, now_ms: i64) {
        self.reading = LagReading::Honest;
        self.set_lag(now_ms, 0.0);
    }

    fn wobble(&self, now_ms: i64) -> f64 {
        match self.wobbled {
            Some((at_ms, known)) if at_ms == now_ms => known,
            Some(_) | None => 1.0 + 0.3 * (now_ms as f64 / 7000.0 + self.wobble_phase).sin(),
        }
    }

    /// The true lag in seconds.
    fn lag(&self, now_ms: i64) -> f64 {
        let since_s = (now_ms - self.lag_since_ms) as f64 / 1000.0;
        let wobble = self.wobble(now_ms);
        let caught_up = (self.lag_start_s - CATCH_UP * since_s).max(self.lag_target_s);
        let base = if caught_up <= LAG_CALM_S { LAG_CALM_S * wobble } else { caught_up };
        let stood = self.stopped_since_ms.map_or(0.0, |since_ms| (now_ms - since_ms) as f64 / 1000.0);
        base + stood
    }
}
