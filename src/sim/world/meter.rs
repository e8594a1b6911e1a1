//! What a backend counts about itself, as its `/metrics` page shows it.
//!
//! Counters belong to processes: when those restart, they begin at zero again, and only the start time tells.

use strum::EnumCount;

use super::traffic::STEP_MS;

/// Upper bounds of the latency buckets, in seconds. They lie close around the thresholds that plans use.
pub const BOUNDS_S: [f64; 12] = [0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0];
/// Mean length of a user's session, in seconds of requests.
const SESSION_S: f64 = 40.0;

/// The status codes that the world's backends answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumCount)]
pub enum Code {
    /// 200.
    Fine,
    /// 302.
    Found,
    /// 404.
    NotFound,
    /// 500.
    Broken,
    /// 502, which only a load balancer gives.
    BadGateway,
    /// 503.
    Unavailable,
}

impl Code {
    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [Self::Fine, Self::Found, Self::NotFound, Self::Broken, Self::BadGateway, Self::Unavailable];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Fine => 200,
            Self::Found => 302,
            Self::NotFound => 404,
            Self::Broken => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
        }
    }

    /// Whether it is a server's error.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.number() >= 500
    }
}

/// The numbers of one backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    /// Requests by code, in the order of [`Code::ALL`].
    pub requests: [u64; Code::ALL.len()],
    /// Requests per bucket, not cumulative; the last one is beyond every bound.
    pub buckets: [u64; BOUNDS_S.len() + 1],
    /// Sum of all latencies, seconds.
    pub sum_s: f64,
    /// Connections that ended without an answer.
    pub dropped: u64,
    /// Sessions with recent requests.
    pub sessions: f64,
    /// When the oldest process began, virtual milliseconds.
    pub started_ms: i64,
    /// Requests that are being answered: how long each of them still takes, virtual milliseconds.
    pub under_way_ms: Vec<f64>,
}

impl Meter {
    /// A meter of processes that have just begun.
    #[must_use]
    pub fn new(started_ms: i64) -> Self {
        let (requests, buckets) = ([0; Code::ALL.len()], [0; BOUNDS_S.len() + 1]);
        Self { requests, buckets, sum_s: 0.0, dropped: 0, sessions: 0.0, started_ms, under_way_ms: Vec::new() }
    }

    /// Counts one answered request.
    pub fn count(&mut self, code: Code, latency_ms: f64) {
        let seconds = latency_ms / 1000.0;
        self.requests[code as usize] += 1;
        // All bounds are asked: which one it is can't be foreseen, and a night has hundreds of thousands of answers.
        let bucket = BOUNDS_S.iter().filter(|bound| **bound < seconds).count();
        self.buckets[bucket] += 1;
        self.sum_s += seconds;
        // Requests of a step come all over it, evenly: by the golden section, which draws from nobody's chance.
        let comes_ms = (self.total() as f64 * 0.618_033_988_749_895).fract() * STEP_MS as f64;
        self.under_way_ms.push(comes_ms + latency_ms);
    }

    /// Lets a step pass for the requests that are being answered.
    pub fn pass(&mut self, step_ms: i64) {
        self.under_way_ms.iter_mut().for_each(|left_ms| *left_ms -= step_ms as f64);
        self.under_way_ms.retain(|left_ms| *left_ms > 0.0);
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.under_way_ms.len()
    }

    /// Follows the number of sessions that this many requests in a step belong to.
    pub fn follow_sessions(&mut self, requests: u32, step_ms: i64) {
        let step_s = step_ms as f64 / 1000.0;
        let weight = (step_s / SESSION_S).min(1.0);
        self.sessions += (f64::from(requests) / step_s * SESSION_S / 4.0 - self.sessions) * weight;
    }

    /// All answered requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little's law: as many are under way as come a second, times how long each takes.
    #[test]
    fn as_many_requests_are_in_flight_as_come_while_one_is_answered() {
        for (each_step, latency_ms) in [(12_u32, 66.0), (12, 1_320.0), (1, 250.0)] {
            let mut meter = Meter::new(0);
            let (mut seen, mut steps) = (0.0, 0.0);
            for step in 0..2_000 {
                (0..each_step).for_each(|_| meter.count(Code::Fine, latency_ms));
                meter.pass(STEP_MS);
                if step >= 100 {
                    seen += meter.in_flight() as f64;
                    steps += 1.0;
                }
            }
            let wanted = f64::from(each_step) * latency_ms / STEP_MS as f64;
            assert!((seen / steps - wanted).abs() < wanted * 0.02 + 0.05, "{} for {wanted}", seen / steps);
        }
    }

    #[test]
    fn nothing_is_in_flight_when_the_last_request_is_answered() {
        let mut meter = Meter::new(0);
        meter.count(Code::Fine, 950.0);
        let seen: Vec<usize> = (0..12)
            .map(|_| {
                meter.pass(STEP_MS);
                meter.in_flight()
            })
            .collect();
        assert_eq!((seen[0], seen[8], seen[11]), (1, 1, 0));
    }
}
