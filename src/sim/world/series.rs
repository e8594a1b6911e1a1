//! What the cloud's monitoring has sampled: one point a minute, visible only some minutes later.
//!
//! Kept apart from the meters on purpose. The delay is what makes this source too slow to save anybody, and
//! a replica without replication has no lag points at all.

use std::collections::BTreeMap;

use super::{Leg, balanced::Latencies, meter::Code, random::Random, sql::monitored::Monitored, traffic::latency_ms};

/// Virtual milliseconds between samples.
pub const SAMPLE_MS: i64 = 60_000;
/// Virtual milliseconds from the end of a sample until it can be read.
pub const VISIBLE_AFTER_MS: i64 = 120_000;
/// The same of Cloud Run's requests, as it is documented of them.
const RUN_VISIBLE_AFTER_MS: i64 = 180_000;
/// Samples that are kept: six hours.
const KEPT: usize = 360;
/// Samples that exist when the world begins.
const HISTORY: i64 = 30;
/// Bytes of log that the primary wrote in each of those.
const LOG_PER_MINUTE: u64 = 10_800_000;

/// One minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// End of the minute, virtual milliseconds.
    pub end_ms: i64,
    /// The replication at the end of it.
    pub database: Monitored,
    /// Bytes of log that the primary wrote in it.
    pub written: u64,
    /// Bytes of log that the replica applied in it.
    pub applied: u64,
    /// Requests to Cloud Run in this minute, by revision and code.
    pub run_requests: BTreeMap<(String, Code), u64>,
    /// How long they took.
    pub run_latencies: BTreeMap<(String, Code), Latencies>,
}

/// All samples, oldest first.
#[derive(Debug, Clone)]
pub struct Series {
    samples: Vec<Sample>,
    open: Vec<((String, Code), Latencies)>,
    run_visible_after_ms: i64,
}

impl Series {
    /// A calm half hour before `now_ms`, with this many requests per minute to one revision and a database as it is now.
    #[must_use]
    pub fn new(now_ms: i64, revision: &str, per_minute: u64, database: &Monitored) -> Self {
        let last_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        let (mut random, mut calm) = (Random::named(0, "minutes of a revision"), Latencies::default());
        (0..per_minute).for_each(|_| calm.add(latency_ms(Some(Leg::Run), &mut random)));
        // One of those minutes was hardly busier than another.
        let latencies = |more: u64| {
            let mut latencies = calm.clone();
            (0..more).for_each(|_| latencies.add(80.0));
            latencies
        };
        let minute = |back: i64| {
            let missing = LOG_PER_MINUTE * back.unsigned_abs();
            let then = Monitored {
                written: database.written.saturating_sub(missing),
                applied: database.applied.saturating_sub(missing),
                ..database.clone()
            };
            Sample {
                end_ms: last_ms - back * SAMPLE_MS,
                database: then,
                written: LOG_PER_MINUTE,
                applied: LOG_PER_MINUTE,
                run_requests: BTreeMap::from([((revision.to_owned(), Code::Fine), per_minute + (back * 37 % 90) as u64)]),
                run_latencies: BTreeMap::from([((revision.to_owned(), Code::Fine), latencies((back * 37 % 90) as u64))]),
            }
        };
        Self { samples: (0..HISTORY).rev().map(minute).collect(), open: Vec::new(), run_visible_after_ms: RUN_VISIBLE_AFTER_MS }
    }

    /// Counts one request to Cloud Run in the open minute.
    pub fn count(&mut self, revision: &str, code: Code, latency_ms: f64) {
        // This is done for every request, and there are few revisions: no name is made to find that it is there.
        match self.open.iter_mut().find(|((known, of), _)| *of == code && known == revision) {
            Some((_, latencies)) => latencies.add(latency_ms),
            None => {
                let mut latencies = Latencies::default();
                latencies.add(latency_ms);
                self.open.push(((revision.to_owned(), code), latencies));
            }
        }
    }

    /// The minute that is over and not closed yet, if one is.
    #[must_use]
    pub fn due(&self, now_ms: i64) -> Option<i64> {
        let due_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        self.samples.last().is_none_or(|last| due_ms > last.end_ms).then_some(due_ms)
    }

    /// Closes the minute that ends at `due_ms`.
    pub fn close(&mut self, due_ms: i64, database: Monitored) {
        if self.samples.len() >= KEPT {
            self.samples.remove(0);
        }
        let grown =
            |now: u64, before: fn(&Monitored) -> u64| self.samples.last().map_or(0, |last| now.saturating_sub(before(&last.database)));
        let (written, applied) = (grown(database.written, |then| then.written), grown(database.applied, |then| then.applied));
        let run_latencies: BTreeMap<(String, Code), Latencies> = self.open.drain(..).collect();
        let all = |latencies: &Latencies| latencies.buckets.iter().sum();
        let run_requests = run_latencies.iter().map(|(key, latencies)| (key.clone(), all(latencies))).collect();
        self.samples.push(Sample { end_ms: due_ms, database, written, applied, run_requests, run_latencies });
    }

    /// The minutes of Cloud Run's requests that a reader sees now, oldest first.
    pub fn visible_of_run(&self, now_ms: i64) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.end_ms + self.run_visible_after_ms <= now_ms)
    }

    /// Lets those be seen so much later; `None` for as usual.
    pub fn delay_run(&mut self, delay_ms: Option<i64>) {
        self.run_visible_after_ms = delay_ms.unwrap_or(RUN_VISIBLE_AFTER_MS);
    }

    /// What a reader sees now of the minutes that end in `from_ms..=to_ms`, newest first.
    pub fn visible(&self, now_ms: i64, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Sample> {
        let shown = move |sample: &&Sample| sample.end_ms + VISIBLE_AFTER_MS <= now_ms && (from_ms..=to_ms).contains(&sample.end_ms);
        self.samples.iter().rev().filter(shown)
    }
}
