//! The instances behind the Cloud Run service: how many are warm, and what a request meets when too few are.
//!
//! Cloud Run scales down what gets no traffic, so going back to it is only quick while it is kept warm. This
//! model is about that and nothing else.

/// Requests per second that one instance takes easily.
const RATE_EACH: f64 = 20.0;
/// Instances that the service keeps without traffic.
pub const INSTANCES_MIN: u32 = 2;
/// Instances that it may grow to.
pub const INSTANCES_MAX: u32 = 20;
/// Virtual milliseconds for an instance to start.
const START_MS: i64 = 6_000;
/// Virtual milliseconds between two instances being let go.
const RELEASE_MS: i64 = 15_000;
/// How far back the measured rate looks, virtual milliseconds.
const MEMORY_MS: f64 = 5_000.0;

/// The instances.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Instances that serve.
    pub warm: u32,
    starting: Vec<i64>,
    rate: f64,
    released_ms: i64,
}

/// How many instances there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Kept without a request.
    pub least: u32,
    /// However many requests come.
    pub most: u32,
}

/// How busy a backend is, for the outcome of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Offered over what the warm part can take.
    pub ratio: f64,
    /// Whether more is on its way.
    pub growing: bool,
}

impl Fleet {
    /// A fleet that fits this rate of requests per second.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            warm: wanted(rate, Bounds { least: INSTANCES_MIN, most: INSTANCES_MAX }),
            starting: Vec::new(),
            rate,
            released_ms: i64::MIN / 2,
        }
    }

    /// Takes note of the requests of the last step, and scales.
    pub fn tick(&mut self, now_ms: i64, step_ms: i64, requests: u32, bounds: Bounds) {
        let weight = (step_ms as f64 / MEMORY_MS).min(1.0);
        let measured = f64::from(requests) * 1000.0 / step_ms as f64;
        self.rate += (measured - self.rate) * weight;
        let ready = self.starting.iter().filter(|at_ms| **at_ms <= now_ms).count();
        self.starting.retain(|at_ms| *at_ms > now_ms);
        self.warm = (self.warm + ready as u32).min(bounds.most);
        let wanted = wanted(self.rate, bounds);
        let coming = self.warm + self.starting.len() as u32;
        for _ in coming..wanted {
            self.starting.push(now_ms + START_MS);
        }
        if self.warm > wanted && now_ms - self.released_ms >= RELEASE_MS {
            self.warm -= 1;
            self.released_ms = now_ms;
        }
    }

    /// Lets every instance go at once.
    pub fn chill(&mut self) {
        self.warm = 0;
        self.starting.clear();
    }

    /// How busy the warm instances are.
    #[must_use]
    pub fn load(&self) -> Load {
        Load { ratio: ratio(self.rate, f64::from(self.warm) * RATE_EACH), growing: !self.starting.is_empty() }
    }
}

/// Offered rate over capacity; a lot when there is no capacity at all.
#[must_use]
pub fn ratio(rate: f64, capacity: f64) -> f64 {
    if capacity <= 0.0 { 1_000.0 } else { rate / capacity }
}

fn wanted(rate: f64, bounds: Bounds) -> u32 {
    ((rate * 1.3 / RATE_EACH).ceil() as u32).clamp(bounds.least.min(bounds.most), bounds.most)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Fleet, INSTANCES_MAX, INSTANCES_MIN};

    const BOUNDS: Bounds = Bounds { least: INSTANCES_MIN, most: INSTANCES_MAX };

    #[test]
    fn an_idle_fleet_shrinks_and_is_overloaded_when_traffic_returns() {
        let mut fleet = Fleet::new(120.0);
        let mut now_ms = 0;
        let mut run = |fleet: &mut Fleet, steps: u32, requests: u32| {
            for _ in 0..steps {
                now_ms += 100;
                fleet.tick(now_ms, 100, requests, BOUNDS);
            }
        };
        run(&mut fleet, 3_000, 0);
        assert_eq!(fleet.warm, 2);
        run(&mut fleet, 40, 12);
        assert!(fleet.load().ratio > 1.0 && fleet.load().growing, "{:?}", fleet.load());
        run(&mut fleet, 300, 12);
        assert!(fleet.load().ratio < 1.0, "{:?}", fleet.load());
    }
}
