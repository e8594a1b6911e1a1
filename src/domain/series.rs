//! A figure that a plan declares by itself: a queue's depth, open connections, how full something is.
//!
//! Its name, its unit and its bad side stand with every value in the record, as one text. So a value means what it meant when it was recorded,
//! whatever a plan of later declares, and in which order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::EnumCount;

use crate::domain::{as_text, metric::Unit};

/// A declared series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    name: Name,
    pub unit: Unit,
    pub bad: Bad,
}

/// On which side of its limit a figure is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bad {
    Above,
    Below,
}

/// How several values make one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    Sum,
    Max,
    Min,
    Mean,
}

/// Longest name, in characters: beside it a chart still has room for its figure.
pub const NAME_CHARS_MAX: usize = 24;

/// A name's letters, and zeros behind them; no name holds a zero, so names order as their texts do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name([u8; NAME_CHARS_MAX]);

/// Why a text is no declared series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    #[error("a series' name is 1 to {NAME_CHARS_MAX} of a-z 0-9 -, beginning with a letter and not ending with -")]
    Name,
    #[error("a series is written NAME:UNIT:SIDE, such as queue-depth:count:above")]
    Form,
}

impl Series {
    /// # Errors
    /// If `name` is no name.
    pub fn new(name: &str, unit: Unit, bad: Bad) -> Result<Series, SeriesError> {
        let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) && !name.ends_with('-');
        if name.len() > NAME_CHARS_MAX || !plain || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(SeriesError::Name);
        }
        let mut letters = [0; NAME_CHARS_MAX];
        letters[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Series { name: Name(letters), unit, bad })
    }

    /// As the plan spells it.
    pub fn name(&self) -> &str {
        let end = self.name.0.iter().position(|letter| *letter == 0).unwrap_or(NAME_CHARS_MAX);
        std::str::from_utf8(&self.name.0[..end]).expect("a name is ASCII")
    }
}

impl Bad {
    pub const ALL: [Bad; 2] = [Bad::Above, Bad::Below];

    /// As the plan spells it, and as people say it.
    pub fn name(self) -> &'static str {
        match self {
            Bad::Above => "above",
            Bad::Below => "below",
        }
    }

    /// Whether `value` lies on the bad side of `limit`; at the limit it does not.
    pub fn is_beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Bad::Above => value > limit,
            Bad::Below => value < limit,
        }
    }

    /// Of two limits the one that is met first.
    pub fn nearer(self, one: f64, other: f64) -> f64 {
        match self {
            Bad::Above => one.min(other),
            Bad::Below => one.max(other),
        }
    }
}

impl Over {
    /// As the plan spells it.
    pub fn name(self) -> &'static str {
        match self {
            Over::Sum => "sum",
            Over::Max => "max",
            Over::Min => "min",
            Over::Mean => "mean",
        }
    }

    /// What `values` come to; `None` of none.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let sum = || values.iter().sum::<f64>();
        match self {
            Over::Sum => (!values.is_empty()).then(sum),
            Over::Max => values.iter().copied().reduce(f64::max),
            Over::Min => values.iter().copied().reduce(f64::min),
            Over::Mean => (!values.is_empty()).then(|| sum() / values.len() as f64),
        }
    }
}

/// What the record holds.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name(), self.unit.name(), self.bad.name())
    }
}

impl FromStr for Series {
    type Err = SeriesError;

    fn from_str(text: &str) -> Result<Series, SeriesError> {
        let mut parts = text.split(':');
        let (Some(name), Some(unit), Some(bad), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(SeriesError::Form);
        };
        let unit = Unit::ALL.into_iter().find(|known| known.name() == unit).ok_or(SeriesError::Form)?;
        let bad = Bad::ALL.into_iter().find(|known| known.name() == bad).ok_or(SeriesError::Form)?;
        Series::new(name, unit, bad)
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Series, D::Error> {
        as_text::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_read_back_from_its_text_whatever_its_unit_and_side() {
        for unit in Unit::ALL {
            for bad in Bad::ALL {
                let series = Series::new("queue-depth", unit, bad).unwrap();
                assert_eq!(series.to_string().parse(), Ok(series));
                assert_eq!(series.name(), "queue-depth");
            }
        }
        let longest = "a".repeat(NAME_CHARS_MAX);
        assert_eq!(Series::new(&longest, Unit::Count, Bad::Above).unwrap().name(), longest);
    }

    #[test]
    fn what_is_no_name_or_no_series_is_refused() {
        for name in ["", "Queue", "1st", "a_b", "queue-", "a:b", "é", &"a".repeat(NAME_CHARS_MAX + 1)] {
            assert_eq!(Series::new(name, Unit::Count, Bad::Above), Err(SeriesError::Name), "{name}");
        }
        for text in ["queue-depth", "queue-depth:count", "queue-depth:count:above:x", "queue-depth:tons:above", "queue-depth:count:beside"]
        {
            assert_eq!(text.parse::<Series>(), Err(SeriesError::Form), "{text}");
        }
    }

    #[test]
    fn the_bad_side_begins_behind_the_limit() {
        assert_eq!([7.9, 8.0, 8.1].map(|value| Bad::Above.is_beyond(value, 8.0)), [false, false, true]);
        assert_eq!([7.9, 8.0, 8.1].map(|value| Bad::Below.is_beyond(value, 8.0)), [true, false, false]);
        assert_eq!([Bad::Above.nearer(5.0, 8.0), Bad::Below.nearer(5.0, 8.0)], [5.0, 8.0]);
    }
}
