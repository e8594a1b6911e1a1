//! What the load balancer itself counts of each backend service, as the cloud's monitoring keeps it: sums of one minute each, which can be
//! read some minutes later.
//!
//! It counts what users were answered, its own errors among it, and how long the backends took. Who asks a backend past the load balancer
//! is not counted, and a backend that nobody asks has no point at all, not a zero.

use std::collections::VecDeque;

use super::{
    Leg,
    meter::Code,
    neighbours::NEIGHBOURS,
    random::Random,
    traffic::{Answerer, BASELINE, Served, latency_ms},
};

/// Virtual milliseconds between samples.
pub const SAMPLE_MS: i64 = 60_000;
/// Virtual milliseconds from the end of a minute until it can be read: the most that is documented.
const VISIBLE_AFTER_MS: i64 = 210_000;
/// Minutes that are kept.
const KEPT: usize = 45;
/// Minutes that exist when the world begins.
const HISTORY: i64 = 10;
/// Upper bounds of the latency buckets that are not infinite: powers of 1.4, in milliseconds.
pub const BOUNDS: usize = 67;
const GROWTH: f64 = 1.4;
/// Its natural logarithm.
const LN_GROWTH: f64 = 0.336_472_236_621_212_9;

/// The upper bound of a bucket, milliseconds.
#[must_use]
pub fn bound_ms(bucket: usize) -> f64 {
    GROWTH.powi(bucket as i32)
}

/// A backend service, by the service that it is a leg of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balanced {
    /// The service.
    pub service: &'static str,
    /// Which leg.
    pub leg: Leg,
}

impl Balanced {
    /// Its name in the URL map.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}-{}", self.service, self.leg.label())
    }
}

/// How long a backend took for answers of one code.
#[derive(Debug, Clone, PartialEq)]
pub struct Latencies {
    /// Answers per bucket, not cumulative; the last one is beyond every bound.
    pub buckets: [u64; BOUNDS + 1],
    /// All of them together, milliseconds.
    pub sum_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: [0; BOUNDS + 1], sum_ms: 0.0 }
    }
}

/// So many requests that ended alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// What the client was answered with, if with anything.
    pub answered: Option<Code>,
    /// What the backend said, if it did.
    pub said: Option<Code>,
    /// How many.
    pub count: u64,
}

/// What was counted of one backend service in a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Whose.
    pub of: Balanced,
    /// Its requests by how they ended.
    pub requests: Vec<Requests>,
    /// The backend's latencies by what it said.
    pub latencies: Vec<(Code, Latencies)>,
}

/// One minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Minute {
    /// Its end, virtual milliseconds.
    pub end_ms: i64,
    /// By backend service; none that nobody asked.
    pub counts: Vec<Counts>,
}

/// All minutes, oldest first.
#[derive(Debug)]
pub struct BalancerBook {
    kept: VecDeque<Minute>,
    open: Vec<Counts>,
    visible_after_ms: i64,
}

impl BalancerBook {
    /// Some calm minutes before `now_ms`, with all users on Cloud Run: so many requests a second to the frontend and to each of the others.
    #[must_use]
    pub fn new(now_ms: i64, seed: u64, frontend: &'static str, rates: [f64; 2]) -> Self {
        let mut book = Self { kept: VecDeque::new(), open: Vec::new(), visible_after_ms: VISIBLE_AFTER_MS };
        let mut random = Random::named(seed, "minutes before");
        let last_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        let beside = NEIGHBOURS.iter().map(|neighbour| (neighbour.service, rates[1]));
        let services: Vec<(&'static str, f64)> = std::iter::once((frontend, rates[0])).chain(beside).collect();
        book.draw(&services, SAMPLE_MS, &mut random);
        // One of those minutes was as calm as another.
        let counts = std::mem::take(&mut book.open);
        let minute = |back: i64| Minute { end_ms: last_ms - back * SAMPLE_MS, counts: counts.clone() };
        book.kept = (0..HISTORY).rev().map(minute).collect();
        // The minute in which the world begins has begun before it.
        book.draw(&services, now_ms - last_ms, &mut random);
        book
    }

    /// Counts what calm services are asked in so many milliseconds, with all users on Cloud Run.
    fn draw(&mut self, services: &[(&'static str, f64)], during_ms: i64, random: &mut Random) {
        for (service, rate) in services {
            for _ in 0..random.poisson(rate * during_ms as f64 / 1000.0) {
                let latency_ms = latency_ms(Some(Leg::Run), random);
                let code = if random.chance(BASELINE) { Code::Broken } else { Code::Fine };
                self.count(service, &Served { leg: Some(Leg::Run), code: Some(code), by: Answerer::Leg, revision: None, latency_ms });
            }
        }
    }

    /// Counts one request that came through the load balancer.
    pub fn count(&mut self, service: &'static str, served: &Served) {
        let Some(leg) = served.leg else { return };
        let of = Balanced { service, leg };
        let place = match self.open.iter().position(|counts| counts.of == of) {
            Some(place) => place,
            None => {
                self.open.push(Counts { of, requests: Vec::new(), latencies: Vec::new() });
                self.open.len() - 1
            }
        };
        let counts = &mut self.open[place];
        let said = served.code.filter(|_| served.by == Answerer::Leg);
        match counts.requests.iter_mut().find(|known| (known.answered, known.said) == (served.code, said)) {
            Some(known) => known.count += 1,
            None => counts.requests.push(Requests { answered: served.code, said, count: 1 }),
        }
        let Some(code) = said else { return };
        match counts.latencies.iter_mut().find(|(known, _)| *known == code) {
            Some((_, latencies)) => latencies.add(served.latency_ms),
            None => {
                let mut latencies = Latencies::default();
                latencies.add(served.latency_ms);
                counts.latencies.push((code, latencies));
            }
        }
    }

    /// Closes the minute that is over, if one is.
    pub fn tick(&mut self, now_ms: i64) {
        let due_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        if self.kept.back().is_none_or(|last| due_ms > last.end_ms) {
            self.close(due_ms);
        }
    }

    fn close(&mut self, end_ms: i64) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Minute { end_ms, counts: std::mem::take(&mut self.open) });
    }

    /// Lets minutes be seen so much later; `None` for as usual.
    pub fn delay(&mut self, delay_ms: Option<i64>) {
        self.visible_after_ms = delay_ms.unwrap_or(VISIBLE_AFTER_MS);
    }

    /// What can be seen now, oldest first.
    pub fn visible(&self, now_ms: i64) -> impl DoubleEndedIterator<Item = &Minute> {
        self.kept.iter().filter(move |minute| minute.end_ms + self.visible_after_ms <= now_ms)
    }
}

impl Latencies {
    /// Counts one answer.
    pub(super) fn add(&mut self, latency_ms: f64) {
        // The bounds are powers of one number, so its logarithm finds the bucket.
        let bucket = (latency_ms.max(1.0).ln() / LN_GROWTH).ceil().min(BOUNDS as f64) as usize;
        self.buckets[bucket] += 1;
        self.sum_ms += latency_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(leg: Leg, code: Option<Code>, by: Answerer, latency_ms: f64) -> Served {
        Served { leg: Some(leg), code, by, revision: None, latency_ms }
    }

    #[test]
    fn each_latency_lies_in_the_bucket_whose_bounds_hold_it() {
        let mut book = BalancerBook::new(0, 1, "frontend", [0.0, 0.0]);
        for latency_ms in [0.3, 1.0, 1.1, 1.4, 79.0, 30_000.0] {
            book.open.clear();
            book.count("frontend", &served(Leg::Run, Some(Code::Fine), Answerer::Leg, latency_ms));
            let bucket = book.open[0].latencies[0].1.buckets.iter().position(|count| *count == 1).unwrap();
            let below = if bucket == 0 { 0.0 } else { bound_ms(bucket - 1) };
            assert!(below < latency_ms && latency_ms <= bound_ms(bucket) + 1e-9, "{latency_ms} in {below}..{}", bound_ms(bucket));
        }
    }

    #[test]
    fn the_minute_in_which_the_world_begins_is_no_hole() {
        let count = |minute: &Minute| minute.counts.iter().flat_map(|counts| &counts.requests).map(|requests| requests.count).sum::<u64>();
        for elapsed_ms in [0, 45_000] {
            let mut book = BalancerBook::new(600_000 + elapsed_ms, 1, "frontend", [100.0, 0.0]);
            let open: u64 = book.open.iter().flat_map(|counts| &counts.requests).map(|requests| requests.count).sum();
            let wanted = 100 * elapsed_ms.unsigned_abs() / 1000;
            assert!(open.abs_diff(wanted) < 400, "{open} of about {wanted}");
            book.tick(660_000);
            assert_eq!(book.kept.back().map(count), Some(open));
        }
    }

    #[test]
    fn what_the_balancer_answers_itself_is_an_answer_of_no_backend() {
        let mut book = BalancerBook::new(0, 1, "frontend", [0.0, 0.0]);
        book.count("frontend", &served(Leg::Gke, Some(Code::BadGateway), Answerer::LoadBalancer, 2.0));
        book.count("frontend", &served(Leg::Gke, None, Answerer::Leg, 1.0));
        let one = |answered| Requests { answered, said: None, count: 1 };
        assert_eq!(book.open[0].requests, [one(Some(Code::BadGateway)), one(None)]);
        assert_eq!(book.open[0].latencies, []);
    }

    #[test]
    fn a_minute_is_seen_three_and_a_half_minutes_after_its_end() {
        let mut book = BalancerBook::new(30_000, 1, "frontend", [1.0, 0.0]);
        book.tick(60_000);
        let newest = |book: &BalancerBook, now_ms| book.visible(now_ms).next_back().map(|minute| minute.end_ms);
        assert_eq!(newest(&book, 269_999), Some(0));
        assert_eq!(newest(&book, 270_000), Some(60_000));
        book.delay(Some(600_000));
        assert_eq!(newest(&book, 599_999), Some(-60_000));
    }
}
