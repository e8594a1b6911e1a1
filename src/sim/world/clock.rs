//! Virtual time: where it starts and how fast it runs against the machine's own clock.
//!
//! A copy of the clock can be handed to anyone; it holds no state but its origin. It never goes backwards,
//! because it rests on the monotonic clock.

use std::time::{Duration, Instant};

/// Turns the machine's monotonic time into virtual milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    start_ms: i64,
    speed: f64,
}

impl Clock {
    /// A clock that reads `start_ms` now and advances `speed` virtual seconds in each real second.
    #[must_use]
    pub fn new(start_ms: i64, speed: f64) -> Self {
        Self { origin: Instant::now(), start_ms, speed: if speed.is_finite() { speed.clamp(0.01, 1000.0) } else { 1.0 } }
    }

    /// Virtual milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.start_ms + (self.origin.elapsed().as_secs_f64() * 1000.0 * self.speed) as i64
    }

    /// Virtual seconds in one real second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// How long a virtual span takes on the machine's own clock.
    #[must_use]
    pub fn real(&self, virtual_ms: f64) -> Duration {
        Duration::from_secs_f64((virtual_ms.max(0.0) / 1000.0 / self.speed).min(3600.0))
    }
}
