//! Time as the program reckons it: milliseconds, handed in, never looked up.

use std::{fmt, ops::Add, time::Duration};

use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z. In the demo this is the world's virtual time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Timestamp {
    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The instant `span` before this one, saturating at the calendar's ends.
    pub fn before(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0.min(i64::MAX as u64) as i64))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0.min(i64::MAX as u64) as i64))
    }
}

impl Millis {
    pub const fn from_secs(seconds: u64) -> Millis {
        Millis(seconds.saturating_mul(1000))
    }
    pub const fn from_mins(minutes: u64) -> Millis {
        Millis::from_secs(minutes.saturating_mul(60))
    }
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Prints the two largest units that matter: `850ms`, `12s`, `2m05s`, `3h12m`, `4d02h`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let text = match seconds {
            0 if self.0 > 0 => format!("{}ms", self.0),
            0..60 => format!("{seconds}s"),
            60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
            3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
            _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_their_two_largest_units() {
        let printed = [850, 12_000, 125_000, 11_520_000, 352_800_000].map(|ms| Millis(ms).to_string());
        assert_eq!(printed, ["850ms", "12s", "2m05s", "3h12m", "4d02h"]);
    }

    #[test]
    fn the_future_is_zero_ago() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Millis(0));
        assert_eq!(Timestamp(i64::MAX) + Millis(u64::MAX), Timestamp(i64::MAX));
    }
}
