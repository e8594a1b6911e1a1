//! The session's clock: milliseconds that never run backwards, at the pace of the world that is steered.
//!
//! Live, a second is a second. In the demo the world's time runs `speed` times as fast, and everything that is measured in the world's
//! time (windows, intervals, propagation) follows. The start is the wall clock's; from there on the kernel's boot-time clock counts,
//! which a stepped wall clock doesn't touch and which goes on during a suspend, so a night asleep makes everything stale, as it should.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::domain::time::{Millis, Timestamp};

/// Two moments of something that goes on by itself every second or oftener, further apart than this in real time: the process did not run
/// between them. It was stopped, or the machine slept.
pub(super) const STOOD_STILL: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    started: Duration,
    speed: f64,
}

/// Real time since the machine was started, in which a suspend counts.
pub(super) fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Clock {
    /// Real time from now on.
    pub fn live() -> Clock {
        Clock::paced(Timestamp(jiff::Timestamp::now().as_millisecond()), 1.0)
    }
    /// World time: it is `start` now, and `speed` world seconds pass in each real one. `speed` is positive.
    pub fn paced(start: Timestamp, speed: f64) -> Clock {
        Clock { start, started: since_boot(), speed }
    }
    pub fn now(&self) -> Timestamp {
        let elapsed = since_boot().saturating_sub(self.started).as_secs_f64() * 1000.0 * self.speed;
        self.start + Millis(elapsed as u64)
    }
    /// How long `span` of the world's time takes in real time, at least a tenth of a millisecond so that no loop spins.
    pub fn real(&self, span: Millis) -> Duration {
        Duration::from_secs_f64((span.as_secs_f64() / self.speed).max(0.0001))
    }
    /// Real time until `at`; zero when it has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        let now = self.now();
        if at <= now { Duration::ZERO } else { self.real(at.since(now)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hasty_clock_needs_less_real_time_for_the_same_span() {
        let clock = Clock::paced(Timestamp(1_000), 10.0);
        assert_eq!(clock.real(Millis::from_secs(20)), Duration::from_secs(2));
        assert!(clock.now() >= Timestamp(1_000));
        assert_eq!(clock.until(Timestamp(0)), Duration::ZERO);
    }
}
