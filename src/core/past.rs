//! A figure over the hours: what the charts keep of a flight when its five-second columns have gone.
//!
//! A column holds the least and the most of its span, so a peak of ten seconds is still there two days later. Every ring is bounded, and
//! a span in which nothing was known is a column of its own: a gap, never the neighbour's value.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    core::state::{HISTORY_EVERY, HISTORY_POINTS_MAX},
    domain::time::{Millis, Timestamp},
};

/// The least and the most of one column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range(#[serde(deserialize_with = "bounded")] f32, #[serde(deserialize_with = "bounded")] f32);

/// What was beyond every number of this size was written as `null` once.
fn bounded<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f32::MAX))
}

impl Range {
    /// A figure that is beyond every number of this size is the greatest of them: it has to be written and read again.
    pub fn of(value: f64) -> Range {
        let value = value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        Range(value, value)
    }
    pub fn low(self) -> f64 {
        f64::from(self.0)
    }
    pub fn high(self) -> f64 {
        f64::from(self.1)
    }
    fn and(self, other: Range) -> Range {
        Range(self.0.min(other.0), self.1.max(other.1))
    }
}

/// How many five-second columns make one of a ring, and how many of those it keeps.
#[derive(Debug, Clone, Copy)]
struct Grain {
    of: usize,
    kept: usize,
}

/// Four hours by the minute.
const MINUTES: Grain = Grain { of: 12, kept: 240 };
/// Two days by the quarter of an hour.
const QUARTERS: Grain = Grain { of: 180, kept: 192 };

/// The longest span that is remembered.
pub const REMEMBERED: Millis = Millis::from_secs(5 * (QUARTERS.of * QUARTERS.kept) as u64);

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Ring {
    columns: VecDeque<Option<Range>>,
    /// What the column that is still open holds, and of how many.
    open: Option<Range>,
    taken: usize,
}

impl Ring {
    fn push(&mut self, grain: Grain, value: Option<Range>) {
        self.open = match (self.open, value) {
            (Some(open), Some(value)) => Some(open.and(value)),
            (open, value) => open.or(value),
        };
        self.taken += 1;
        if self.taken >= grain.of {
            self.close(grain);
        }
    }

    /// So many columns of five seconds in which nothing was known.
    fn skip(&mut self, grain: Grain, mut missed: usize) {
        missed = missed.min(grain.of * (grain.kept + 1));
        while missed > 0 && self.taken > 0 {
            self.push(grain, None);
            missed -= 1;
        }
        while missed >= grain.of {
            self.close(grain);
            missed -= grain.of;
        }
        self.taken += missed;
    }

    fn close(&mut self, grain: Grain) {
        self.columns.push_back(self.open.take());
        self.taken = 0;
        if self.columns.len() > grain.kept {
            self.columns.pop_front();
        }
    }
}

/// What is kept of one figure beyond its newest columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Past {
    minutes: Ring,
    quarters: Ring,
}

impl Past {
    /// The newest column of five seconds, after as many that were missed.
    pub(super) fn push(&mut self, missed: usize, value: Option<f64>) {
        let value = value.filter(|value| value.is_finite()).map(Range::of);
        for (ring, grain) in [(&mut self.minutes, MINUTES), (&mut self.quarters, QUARTERS)] {
            ring.skip(grain, missed);
            ring.push(grain, value);
        }
    }
}

/// A figure whose newest columns are kept here too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Track {
    /// When the newest column began.
    pub at: Option<Timestamp>,
    pub recent: VecDeque<Option<f64>>,
    pub past: Past,
}

/// One grain of a figure: columns of the same length, the newest ending at `end`.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub every: Millis,
    pub end: Timestamp,
    pub ranges: Vec<Option<Range>>,
}

/// The finest grain that still remembers `from`; `at` is when the newest column began.
pub fn columns(recent: &VecDeque<Option<f64>>, past: &Past, at: Timestamp, from: Timestamp) -> Columns {
    let end = at + HISTORY_EVERY;
    let finest = Columns { every: HISTORY_EVERY, end, ranges: recent.iter().map(|value| value.map(Range::of)).collect() };
    if recent.len() < HISTORY_POINTS_MAX || reaches(&finest, from) {
        return finest;
    }
    let minutes = of_ring(&past.minutes, MINUTES, end);
    if past.minutes.columns.len() < MINUTES.kept || reaches(&minutes, from) {
        return minutes;
    }
    of_ring(&past.quarters, QUARTERS, end)
}

fn reaches(columns: &Columns, from: Timestamp) -> bool {
    columns.end.before(Millis(columns.every.0 * columns.ranges.len() as u64)) <= from
}

/// The closed columns, and the open one as far as it has come.
fn of_ring(ring: &Ring, grain: Grain, end: Timestamp) -> Columns {
    let every = Millis(HISTORY_EVERY.0 * grain.of as u64);
    let closed = end.before(Millis(HISTORY_EVERY.0 * ring.taken as u64));
    let mut ranges: Vec<Option<Range>> = ring.columns.iter().copied().collect();
    if ring.taken == 0 {
        return Columns { every, end: closed, ranges };
    }
    ranges.push(ring.open);
    Columns { every, end: closed + every, ranges }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_000_000_000);

    #[test]
    fn a_figure_beyond_all_bounds_is_written_and_read_again() {
        let mut past = Past::default();
        past.push(0, Some(1e300));
        let written = serde_json::to_string(&past).unwrap();
        assert!(!written.contains("[null,null]"), "{written}");
        assert_eq!(serde_json::from_str::<Past>(&written).unwrap(), past);
        let before: Range = serde_json::from_str("[0.5,null]").unwrap();
        assert_eq!((before.low(), before.high()), (0.5, f64::from(f32::MAX)));
    }

    /// A figure with one column each five seconds, the newest last.
    fn flown(values: impl IntoIterator<Item = Option<f64>>) -> (VecDeque<Option<f64>>, Past) {
        let (mut recent, mut past) = (VecDeque::new(), Past::default());
        for value in values {
            past.push(0, value);
            recent.push_back(value);
            let surplus = recent.len().saturating_sub(HISTORY_POINTS_MAX);
            recent.drain(..surplus);
        }
        (recent, past)
    }

    #[test]
    fn a_peak_of_five_seconds_is_still_there_two_hours_later() {
        let calm = std::iter::repeat_n(Some(0.01), 1440);
        let (recent, past) = flown(calm.clone().take(6).chain([Some(0.9)]).chain(calm));
        let seen = columns(&recent, &past, AT, AT.before(Millis::from_mins(121)));
        assert_eq!(seen.every, Millis::from_mins(1));
        let peaks: Vec<usize> =
            (0..seen.ranges.len()).filter(|place| seen.ranges[*place].is_some_and(|range| range.high() > 0.8)).collect();
        assert_eq!(peaks, [0]);
        assert!(seen.ranges[0].is_some_and(|range| range.low() < 0.02));
    }

    #[test]
    fn a_silence_is_a_gap_at_every_grain_and_nothing_grows_without_bound() {
        let mut past = Past::default();
        past.push(0, Some(1.0));
        past.push(719, Some(1.0));
        let recent = VecDeque::from(vec![None; HISTORY_POINTS_MAX]);
        let minutes = columns(&recent, &past, AT, AT.before(Millis::from_mins(60)));
        assert_eq!(minutes.ranges.iter().filter(|range| range.is_none()).count(), minutes.ranges.len() - 2);
        for _ in 0..5 {
            past.push(usize::MAX, None);
        }
        assert_eq!((past.minutes.columns.len(), past.quarters.columns.len()), (MINUTES.kept, QUARTERS.kept));
    }

    #[test]
    fn the_finest_grain_that_reaches_back_is_taken() {
        let (recent, past) = flown(std::iter::repeat_n(Some(1.0), 4000));
        let every = |back: u64| columns(&recent, &past, AT, AT.before(Millis::from_mins(back))).every;
        assert_eq!([5, 15, 60, 230, 300].map(every), [5_000, 5_000, 60_000, 60_000, 900_000].map(Millis));
    }
}
