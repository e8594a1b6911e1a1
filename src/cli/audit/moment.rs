//! A moment as people type it: a time with its zone, a time in UTC, a day, or how long ago.

use jiff::{Span, Timestamp, civil, tz::TimeZone};

/// Milliseconds since 1970-01-01 UTC.
///
/// # Errors
/// What is typed is none of those.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let at = absolute(text).or_else(|| ago(text, Timestamp::now()));
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.ok_or_else(|| format!("{text:?} is no time; write 2026-11-25T03:00Z, 2026-11-25 03:00 (UTC), 2026-11-25, or 90m for so long ago"))
}

fn absolute(text: &str) -> Option<Timestamp> {
    let utc = |at: civil::DateTime| at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(|| text.parse().ok().and_then(utc))
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    now.to_zoned(TimeZone::UTC).checked_sub(span).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{ago, parse};

    #[test]
    fn a_moment_is_read_in_each_of_its_forms() {
        let three = 1_795_575_600_000;
        for text in ["2026-11-25T03:00:00Z", "2026-11-25T03:00Z", "2026-11-25T04:00:00+01:00", "2026-11-25 03:00", "2026-11-25T03:00"] {
            assert_eq!(parse(text), Ok(three), "{text}");
        }
        assert_eq!(parse("2026-11-25"), Ok(three - 3 * 3_600_000));
        let now = jiff::Timestamp::from_millisecond(three as i64).unwrap();
        assert_eq!(ago("90m", now).unwrap().as_millisecond(), three as i64 - 90 * 60_000);
        assert!(parse("yesterday").is_err());
    }
}
