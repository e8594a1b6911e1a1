//! What a backend counts about itself, as its `/metrics` page shows it.
//!
//! Counters belong to processes: when those restart, they begin at zero again, and only the start time tells.

use strum::EnumCount;

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
}

impl Meter {
    /// A meter of processes that have just begun.
    #[must_use]
    pub fn new(started_ms: i64) -> Self {
        Self { requests: [0; Code::ALL.len()], buckets: [0; BOUNDS_S.len() + 1], sum_s: 0.0, dropped: 0, sessions: 0.0, started_ms }
    }

    /// Counts one answered request.
    pub fn count(&mut self, code: Code, latency_ms: f64) {
        let seconds = latency_ms / 1000.0;
        self.requests[code as usize] += 1;
        // All bounds are asked: which one it is can't be foreseen, and a night has hundreds of thousands of answers.
        let bucket = BOUNDS_S.iter().filter(|bound| **bound < seconds).count();
        self.buckets[bucket] += 1;
        self.sum_s += seconds;
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
