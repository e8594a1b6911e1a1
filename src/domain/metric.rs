//! What is measured of a backend, and what a measurement may be: a number with its proof, or a gap with its reason.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::domain::{
    fault::FaultKind,
    time::{Millis, Timestamp},
};

/// The measurements that triggers, evidence and charts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests a second.
    RequestRate,
    /// Failed requests over all requests, 0.0 to 1.0.
    ErrorRate,
    /// Latency quantiles in milliseconds.
    P50Latency,
    P95Latency,
    P99Latency,
    /// Connections dropped a second.
    DropRate,
}

impl Metric {
    pub const ALL: [Metric; Metric::COUNT] =
        [Metric::RequestRate, Metric::ErrorRate, Metric::P50Latency, Metric::P95Latency, Metric::P99Latency, Metric::DropRate];

    /// The name as the plan file spells it; people read the words of `Display`.
    pub fn name(self) -> &'static str {
        match self {
            Metric::RequestRate => "request_rate",
            Metric::ErrorRate => "error_rate",
            Metric::P50Latency => "p50_latency",
            Metric::P95Latency => "p95_latency",
            Metric::P99Latency => "p99_latency",
            Metric::DropRate => "drop_rate",
        }
    }
    pub fn unit(self) -> Unit {
        match self {
            Metric::RequestRate | Metric::DropRate => Unit::PerSecond,
            Metric::ErrorRate => Unit::Fraction,
            Metric::P50Latency | Metric::P95Latency | Metric::P99Latency => Unit::Milliseconds,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    /// 0.0 to 1.0, shown as percent.
    Fraction,
    Milliseconds,
}

impl Unit {
    /// The value as a person reads it: `2.4 %`, `180 ms`, `1.25 s`, `118/s`.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::PerSecond if value >= 1e7 => format!("{value:.0e}/s"),
            Unit::PerSecond if value >= 10.0 => format!("{value:.0}/s"),
            Unit::PerSecond => format!("{value:.1}/s"),
            Unit::Fraction => format!("{:.2}%", value * 100.0),
            Unit::Milliseconds if value >= 1000.0 => format!("{:.2}s", value / 1000.0),
            Unit::Milliseconds => format!("{value:.0}ms"),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Metric::RequestRate => "request rate",
            Metric::ErrorRate => "error rate",
            Metric::P50Latency => "p50 latency",
            Metric::P95Latency => "p95 latency",
            Metric::P99Latency => "p99 latency",
            Metric::DropRate => "drop rate",
        })
    }
}

/// A number with what it rests on. `value` is finite; `requests` is how many requests it was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub value: f64,
    pub requests: u64,
    /// The source's own time of the newest data in it, not the time of receipt.
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Basis::is_exact")]
    pub basis: Basis,
}

/// What stands behind a sample's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The value as it was measured or told.
    #[default]
    Exact,
    /// The truth is the value or more: a quantile beyond the top finite bucket.
    AtLeast,
    /// A share of counted requests, of which so many failed.
    Counted { failed: u64 },
}

impl Basis {
    fn is_exact(&self) -> bool {
        *self == Basis::Exact
    }
}

impl Sample {
    pub fn exact(value: f64, requests: u64, at: Timestamp) -> Sample {
        Sample { value, requests, at, basis: Basis::Exact }
    }
    /// A value of which only the lower end is known.
    pub fn at_least(value: f64, requests: u64, at: Timestamp) -> Sample {
        Sample { value, requests, at, basis: Basis::AtLeast }
    }
}

/// Over how much of a source's time rates and quantiles are taken when it is looked at each `every`: 30 s, or four looks where they are
/// further apart, since fewer samples make no rate.
pub fn window(every: Millis) -> Millis {
    WINDOW_LEAST.max(Millis(every.0.saturating_mul(WINDOW_LOOKS)))
}

const WINDOW_LEAST: Millis = Millis::from_secs(30);
const WINDOW_LOOKS: u64 = 4;

/// From which age what a source said is stale, when it is looked at each `every`: one missed look is an accident, two are silence.
pub fn stale_after(every: Millis) -> Millis {
    Millis(every.0.saturating_mul(2))
}

/// Series on one metrics page of the families that are read. With a dozen buckets that is some 1,500 label sets, far more than a service
/// has; beyond, a page is one that grows without a bound, and so would this process.
pub const PAGE_SERIES_MAX: usize = 20_000;
/// Longest line of such a family, in bytes.
pub const PAGE_LINE_BYTES_MAX: usize = 16 << 10;
/// Longest metrics page, in bytes, as sent and as unpacked. Nothing is held of most of them: they are the time that is spent on other
/// people's families.
pub const PAGE_BYTES_MAX: usize = 64 << 20;

/// Why there is no number. Absence of data is never health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The answer held no such series.
    Missing,
    NotANumber,
    Infinite,
    /// More than one series where one was expected.
    Ambiguous,
    /// The answer could not be understood.
    Unreadable,
    /// The source did not answer, or with an error.
    Unreachable,
    TimedOut,
    /// The source warned that its answer is partial.
    Partial,
    /// Older than the source's bound.
    Stale,
    /// The source's clock is more than 5 s ahead of ours.
    FromTheFuture,
    /// Too few requests to say anything.
    LowVolume,
    /// The quantile lies above the highest finite bucket.
    Capped,
    /// A counter fell, and nothing tells why: the next look shows whether a process has restarted or another one answered.
    Restarted,
    /// The window is not full yet.
    TooEarly,
    /// The page does not tell in digits how its requests ended, so failures can't be counted.
    StatusNotTold,
    /// The page tells in two labels how a request ended, and they disagree.
    StatusAmbiguous,
    /// The page is given by several processes in turn, each with counters of its own: what grows between them is no rate.
    SeveralProcesses,
    /// The histogram's highest finite bucket lies below what has to be told.
    TopBucketLow,
    /// The page has more series of what is counted than [`PAGE_SERIES_MAX`], or others with each look.
    TooManySeries,
    /// A line of what is counted is longer than [`PAGE_LINE_BYTES_MAX`].
    LineTooLong,
    /// The page, unpacked, is longer than [`PAGE_BYTES_MAX`].
    PageTooLong,
    /// The counters stand still although the front door gets answers from this backend.
    StandsStill,
    /// Far fewer requests are counted than this backend's share of the traffic must bring.
    BelowShare,
    /// A share above the limit, of too few requests to prove it.
    Undecided,
}

impl Gap {
    pub const ALL: [Gap; Gap::Undecided as usize + 1] = [
        Gap::Missing,
        Gap::NotANumber,
        Gap::Infinite,
        Gap::Ambiguous,
        Gap::Unreadable,
        Gap::Unreachable,
        Gap::TimedOut,
        Gap::Partial,
        Gap::Stale,
        Gap::FromTheFuture,
        Gap::LowVolume,
        Gap::Capped,
        Gap::Restarted,
        Gap::TooEarly,
        Gap::StatusNotTold,
        Gap::StatusAmbiguous,
        Gap::SeveralProcesses,
        Gap::TopBucketLow,
        Gap::TooManySeries,
        Gap::LineTooLong,
        Gap::PageTooLong,
        Gap::StandsStill,
        Gap::BelowShare,
        Gap::Undecided,
    ];

    /// Whether the source itself is gone, as it is when the process behind it has crashed. Every other gap is a source that speaks and
    /// says too little, or nonsense.
    pub fn is_dead_source(self) -> bool {
        match self {
            Gap::Missing | Gap::Unreachable | Gap::TimedOut | Gap::Stale => true,
            Gap::NotANumber
            | Gap::Infinite
            | Gap::Ambiguous
            | Gap::Unreadable
            | Gap::Partial
            | Gap::FromTheFuture
            | Gap::LowVolume
            | Gap::Capped
            | Gap::Restarted
            | Gap::TooEarly
            | Gap::StatusNotTold
            | Gap::StatusAmbiguous
            | Gap::SeveralProcesses
            | Gap::TopBucketLow
            | Gap::TooManySeries
            | Gap::LineTooLong
            | Gap::PageTooLong
            | Gap::StandsStill
            | Gap::BelowShare
            | Gap::Undecided => false,
        }
    }

    /// Whether a gap is only for want of traffic: the source answers, and there is too little to measure.
    pub fn is_starved(self) -> bool {
        match self {
            Gap::LowVolume | Gap::TooEarly => true,
            Gap::Missing
            | Gap::NotANumber
            | Gap::Infinite
            | Gap::Ambiguous
            | Gap::Unreadable
            | Gap::Unreachable
            | Gap::TimedOut
            | Gap::Partial
            | Gap::Stale
            | Gap::FromTheFuture
            | Gap::Capped
            | Gap::Restarted
            | Gap::StatusNotTold
            | Gap::StatusAmbiguous
            | Gap::SeveralProcesses
            | Gap::TopBucketLow
            | Gap::TooManySeries
            | Gap::LineTooLong
            | Gap::PageTooLong
            | Gap::StandsStill
            | Gap::BelowShare
            | Gap::Undecided => false,
        }
    }
}

/// What a source's failure means for the values that would have come from it.
impl From<FaultKind> for Gap {
    fn from(kind: FaultKind) -> Gap {
        match kind {
            FaultKind::TimedOut => Gap::TimedOut,
            FaultKind::Unreadable => Gap::Unreadable,
            FaultKind::NotFound => Gap::Missing,
            FaultKind::Unreachable
            | FaultKind::Broken
            | FaultKind::Unavailable
            | FaultKind::Forbidden
            | FaultKind::Conflict
            | FaultKind::Rejected
            | FaultKind::Refused
            | FaultKind::Unsupported
            | FaultKind::Unrecorded => Gap::Unreachable,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Gap::Missing => "no such series",
            Gap::NotANumber => "NaN",
            Gap::Infinite => "infinite",
            Gap::Ambiguous => "more than one series",
            Gap::Unreadable => "unreadable answer",
            Gap::Unreachable => "unreachable",
            Gap::TimedOut => "timed out",
            Gap::Partial => "partial answer",
            Gap::Stale => "stale",
            Gap::FromTheFuture => "clock ahead",
            Gap::LowVolume => "too few requests",
            Gap::Capped => "above the top bucket",
            Gap::Restarted => "counter restarted",
            Gap::TooEarly => "window filling",
            Gap::StatusNotTold => "status not told in digits",
            Gap::StatusAmbiguous => "two labels disagree on the status",
            Gap::SeveralProcesses => "several processes answer here",
            Gap::TopBucketLow => "top bucket below the threshold",
            Gap::TooManySeries => "more than 20,000 series",
            Gap::LineTooLong => "a line of over 16 KiB",
            Gap::PageTooLong => "a page of over 64 MiB",
            Gap::StandsStill => "counters stand still",
            Gap::BelowShare => "fewer requests than its share",
            Gap::Undecided => "above the limit, too few to prove it",
        })
    }
}

/// One measurement: a sample or the reason why there is none.
pub type Measured = Result<Sample, Gap>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_limit_tell_the_limit() {
        let words = [Gap::TooManySeries, Gap::LineTooLong, Gap::PageTooLong].map(|gap| gap.to_string());
        let limits = [
            format!("{},{:03} series", PAGE_SERIES_MAX / 1000, PAGE_SERIES_MAX % 1000),
            format!("{} KiB", PAGE_LINE_BYTES_MAX >> 10),
            format!("{} MiB", PAGE_BYTES_MAX >> 20),
        ];
        for (words, limit) in words.iter().zip(&limits) {
            assert!(words.ends_with(limit), "{words}: {limit}");
        }
    }

    #[test]
    fn values_read_as_a_person_says_them() {
        assert_eq!(Unit::Fraction.show(0.024), "2.40%");
        assert_eq!(Unit::Milliseconds.show(1250.0), "1.25s");
        assert_eq!(Unit::PerSecond.show(117.6), "118/s");
    }
}
