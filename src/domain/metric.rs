//! What is measured of a backend, and what a measurement may be: a number with its proof, or a gap with its reason.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{
    as_text,
    fault::FaultKind,
    series::{Bad, Series, SeriesError},
    time::{Millis, Timestamp},
};

/// The measurements that triggers, evidence and charts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// What the plan declares beside them; never negative.
    Declared(Series),
}

impl Metric {
    /// Those that every backend is asked for. What a plan declares is in the plan.
    pub const STANDARD: [Metric; 6] =
        [Metric::RequestRate, Metric::ErrorRate, Metric::P50Latency, Metric::P95Latency, Metric::P99Latency, Metric::DropRate];

    /// The name as the plan file spells it; people read the words of `Display`.
    pub fn name(&self) -> &str {
        match self {
            Metric::RequestRate => "request_rate",
            Metric::ErrorRate => "error_rate",
            Metric::P50Latency => "p50_latency",
            Metric::P95Latency => "p95_latency",
            Metric::P99Latency => "p99_latency",
            Metric::DropRate => "drop_rate",
            Metric::Declared(series) => series.name(),
        }
    }
    pub fn unit(self) -> Unit {
        match self {
            Metric::RequestRate | Metric::DropRate => Unit::PerSecond,
            Metric::ErrorRate => Unit::Fraction,
            Metric::P50Latency | Metric::P95Latency | Metric::P99Latency => Unit::Milliseconds,
            Metric::Declared(series) => series.unit,
        }
    }
    /// On which side of a limit it is bad.
    pub fn bad(self) -> Bad {
        match self {
            Metric::RequestRate | Metric::ErrorRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => {
                Bad::Above
            }
            Metric::Declared(series) => series.bad,
        }
    }
    /// Whether a limit that is meant for one backend says something of another, whatever share of the users each has. Much of what a plan
    /// declares is more where more users are.
    pub fn is_comparable(self) -> bool {
        match self {
            Metric::RequestRate | Metric::ErrorRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => {
                true
            }
            Metric::Declared(series) => match series.unit {
                Unit::Fraction | Unit::Milliseconds | Unit::Seconds => true,
                Unit::Count | Unit::Bytes | Unit::PerSecond => false,
            },
        }
    }
    /// Its place among the standard ones.
    /// # Errors
    /// The series, if it is one that a plan declares.
    pub fn place(self) -> Result<usize, Series> {
        match self {
            Metric::RequestRate => Ok(0),
            Metric::ErrorRate => Ok(1),
            Metric::P50Latency => Ok(2),
            Metric::P95Latency => Ok(3),
            Metric::P99Latency => Ok(4),
            Metric::DropRate => Ok(5),
            Metric::Declared(series) => Err(series),
        }
    }
}

/// What a declared series begins with in the record, where it stands among the others.
const DECLARED: &str = "series:";

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.place() {
            Ok(_) => serializer.serialize_str(self.name()),
            Err(series) => serializer.collect_str(&format_args!("{DECLARED}{series}")),
        }
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Metric, MetricError> {
        match text.strip_prefix(DECLARED) {
            Some(series) => Ok(Metric::Declared(series.parse()?)),
            None => Metric::STANDARD.into_iter().find(|metric| metric.name() == text).ok_or(MetricError::Unknown),
        }
    }
}

/// Why a text of the record is no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    #[error("this version of cutover knows no such metric")]
    Unknown,
    #[error(transparent)]
    Series(#[from] SeriesError),
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Metric, D::Error> {
        as_text::parsed(deserializer)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    PerSecond,
    /// 0.0 to 1.0, shown as percent; a declared one may be more than all.
    Fraction,
    Milliseconds,
    Seconds,
    Count,
    Bytes,
}

/// What bytes are counted by, the largest last.
const BYTES: [(&str, f64); 4] = [("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0), ("TiB", 1_099_511_627_776.0)];

impl Unit {
    pub const ALL: [Unit; 6] = [Unit::Count, Unit::Fraction, Unit::Milliseconds, Unit::Seconds, Unit::Bytes, Unit::PerSecond];

    /// As the plan spells it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Fraction => "ratio",
            Unit::Milliseconds => "milliseconds",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::PerSecond => "per_second",
        }
    }

    /// The greatest figure that is one: what lies beyond is a unit that is another, a counter that ran over, or no measurement at all.
    fn most(self) -> f64 {
        /// Ten years, in seconds: what is longer is a point in time.
        const LONGEST_S: f64 = 10.0 * 365.0 * 86_400.0;
        match self {
            Unit::PerSecond => 1e12,
            Unit::Fraction => 1e3,
            Unit::Milliseconds => LONGEST_S * 1e3,
            Unit::Seconds => LONGEST_S,
            Unit::Count => 1e15,
            // All that 63 bits count.
            Unit::Bytes => 9.3e18,
        }
    }

    /// A figure that somebody tells in this unit.
    /// # Errors
    /// [`Gap::NotANumber`], [`Gap::Infinite`], or [`Gap::Unreadable`] if it is less than nothing or more than there can be of it.
    pub fn figure(self, value: f64) -> Result<f64, Gap> {
        match value {
            value if value.is_nan() => Err(Gap::NotANumber),
            value if value.is_infinite() => Err(Gap::Infinite),
            value if value < 0.0 || value > self.most() => Err(Gap::Unreadable),
            value => Ok(value),
        }
    }

    /// The value as a person reads it: `2.4 %`, `180 ms`, `1.25 s`, `118/s`, `42`, `1.5 GiB`.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::PerSecond if value >= 1e7 => format!("{value:.0e}/s"),
            Unit::PerSecond if value >= 10.0 => format!("{value:.0}/s"),
            Unit::PerSecond => format!("{value:.1}/s"),
            Unit::Fraction => format!("{:.2}%", value * 100.0),
            Unit::Milliseconds if value >= 1000.0 => format!("{:.2}s", value / 1000.0),
            Unit::Milliseconds => format!("{value:.0}ms"),
            Unit::Seconds if value >= 600.0 => format!("{:.0}m", value / 60.0),
            Unit::Seconds if value >= 10.0 => format!("{value:.0}s"),
            Unit::Seconds if value >= 1.0 => format!("{value:.1}s"),
            Unit::Seconds => format!("{:.0}ms", value * 1000.0),
            Unit::Count if value >= 1e7 => format!("{value:.0e}"),
            Unit::Count if value >= 10.0 || value.fract() == 0.0 => format!("{value:.0}"),
            Unit::Count => format!("{value:.1}"),
            Unit::Bytes => match BYTES.iter().rev().find(|(_, size)| value >= *size) {
                Some((unit, size)) if value / size >= 10.0 => format!("{:.0}{unit}", value / size),
                Some((unit, size)) => format!("{:.1}{unit}", value / size),
                None => format!("{value:.0}B"),
            },
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
            Metric::Declared(series) => return f.pad(&series.name().replace('-', " ")),
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
            | FaultKind::Denied
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
        assert_eq!([0.0, 7.0, 7.5, 240.0].map(|value| Unit::Count.show(value)), ["0", "7", "7.5", "240"]);
        assert_eq!([0.25, 2.5, 45.0, 1800.0].map(|value| Unit::Seconds.show(value)), ["250ms", "2.5s", "45s", "30m"]);
        assert_eq!([512.0, 1536.0, 64e6, 5e12].map(|value| Unit::Bytes.show(value)), ["512B", "1.5KiB", "61MiB", "4.5TiB"]);
    }

    #[test]
    fn a_metric_is_recorded_by_its_name_and_a_declared_one_by_all_that_it_means() {
        let depth = Metric::Declared(Series::new("queue-depth", Unit::Count, Bad::Above).unwrap());
        for (metric, text) in [(Metric::P95Latency, "p95_latency"), (depth, "series:queue-depth:count:above")] {
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Metric>(&format!("\"{text}\"")).unwrap(), metric);
            let key = std::collections::BTreeMap::from([(metric, 1)]);
            let map = format!("{{\"{text}\":1}}");
            assert_eq!(serde_json::to_string(&key).unwrap(), map);
            assert_eq!(serde_json::from_str::<std::collections::BTreeMap<Metric, i32>>(&map).unwrap(), key);
        }
        assert_eq!((depth.to_string(), depth.name()), ("queue depth".to_owned(), "queue-depth"));
        for text in ["queue-depth", "series:queue-depth", "p42_latency", "series:error_rate:ratio:above"] {
            assert!(serde_json::from_str::<Metric>(&format!("\"{text}\"")).is_err(), "{text}");
        }
    }

    #[test]
    fn each_standard_metric_has_a_place_of_its_own() {
        let places = Metric::STANDARD.map(Metric::place);
        assert_eq!(places, std::array::from_fn(Ok));
    }
}
