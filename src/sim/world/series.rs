//! What the cloud's monitoring has sampled: one point a minute, visible only some minutes later.
//!
//! Kept apart from the meters on purpose. The delay is what makes this source too slow to save anybody, and
//! a replica without replication has no lag points at all.

use std::collections::BTreeMap;

use super::meter::Code;

/// Virtual milliseconds between samples.
pub const SAMPLE_MS: i64 = 60_000;
/// Virtual milliseconds from the end of a sample until it can be read.
pub const VISIBLE_AFTER_MS: i64 = 120_000;
/// Samples that are kept: six hours.
const KEPT: usize = 360;
/// Samples that exist when the world begins.
const HISTORY: i64 = 30;

/// One minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// End of the minute, virtual milliseconds.
    pub end_ms: i64,
    /// Seconds the replica was behind in applying; `None` when replication did not run.
    pub replica_lag_s: Option<f64>,
    /// Seconds the primary's log needed to reach the replica.
    pub network_lag_s: Option<f64>,
    /// Requests to Cloud Run in this minute, by revision and code.
    pub run_requests: BTreeMap<(String, Code), u64>,
}

/// All samples, oldest first.
#[derive(Debug, Clone)]
pub struct Series {
    samples: Vec<Sample>,
    open: BTreeMap<(String, Code), u64>,
}

impl Series {
    /// A calm half hour before `now_ms`, with this many requests per minute to one revision.
    #[must_use]
    pub fn new(now_ms: i64, revision: &str, per_minute: u64) -> Self {
        let last_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        let minute = |back: i64| Sample {
            end_ms: last_ms - back * SAMPLE_MS,
            replica_lag_s: Some(0.1 + 0.02 * (back % 3) as f64),
            network_lag_s: Some(0.02),
            run_requests: BTreeMap::from([((revision.to_owned(), Code::Fine), per_minute + (back * 37 % 90) as u64)]),
        };
        Self { samples: (0..HISTORY).rev().map(minute).collect(), open: BTreeMap::new() }
    }

    /// Counts one request to Cloud Run in the open minute.
    pub fn count(&mut self, revision: &str, code: Code) {
        *self.open.entry((revision.to_owned(), code)).or_default() += 1;
    }

    /// Closes the open minute if it is over.
    pub fn tick(&mut self, now_ms: i64, replica_lag_s: Option<f64>) {
        let due_ms = now_ms - now_ms.rem_euclid(SAMPLE_MS);
        if self.samples.last().is_some_and(|last| due_ms <= last.end_ms) {
            return;
        }
        if self.samples.len() >= KEPT {
            self.samples.remove(0);
        }
        let run_requests = std::mem::take(&mut self.open);
        self.samples.push(Sample { end_ms: due_ms, replica_lag_s, network_lag_s: replica_lag_s.map(|_| 0.02), run_requests });
    }

    /// What a reader sees now of the minutes that end in `from_ms..=to_ms`, newest first.
    pub fn visible(&self, now_ms: i64, from_ms: i64, to_ms: i64) -> impl Iterator<Item = &Sample> {
        let shown = move |sample: &&Sample| sample.end_ms + VISIBLE_AFTER_MS <= now_ms && (from_ms..=to_ms).contains(&sample.end_ms);
        self.samples.iter().rev().filter(shown)
    }
}
