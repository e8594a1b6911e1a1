//! Numbers with their units: `1h30m`, `1000ms`, `5%`, `0.05`, `20/s`.
//!
//! A bare number is never given a unit by guess; the error says how it would be written with one. Zero, negative, infinite and NaN are
//! refused here once, so that nothing behind this file has to think of them.

use crate::domain::{time::Millis, weight::PerMille};

/// Why a text is no such quantity, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError {
    pub message: String,
    pub suggestion: Option<String>,
}

/// Longest duration, in days.
const DAYS_MAX: u64 = 366;
pub const SPAN_ALLOWED: &str = "a duration above zero such as 850ms, 15s, 2m, 1h30m or 7d";
pub const SHARE_ALLOWED: &str = "a share from 0% to 100% in steps of 0.1%, such as 5% or 12.5%";
pub const FRACTION_ALLOWED: &str = "a fraction above 0 and below 1, such as 0.05, or the same as 5%";
pub const RATE_ALLOWED: &str = "a rate above zero, such as 20/s";
pub const BYTES_ALLOWED: &str = "an amount above zero, such as 512KiB, 200MiB or 1.5GiB";
pub const NUMBER_ALLOWED: &str = "a number above zero, such as 40";

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// `1h30m`: whole numbers, each with its unit, from the largest unit to the smallest.
/// # Errors
/// With the reason, and a suggestion for bare numbers and decimals.
pub fn span(text: &str) -> Result<Millis, UnitError> {
    let wrong = |message: String| UnitError { message, suggestion: None };
    if let Ok(bare) = text.parse::<f64>() {
        return Err(bare_span(text, bare));
    }
    let mut rest = text;
    let mut units_left = &UNITS[..];
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let letters = rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len() - digits);
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let place = units_left.iter().position(|(name, _)| *name == unit);
        let (Ok(number), Some(place)) = (number.parse::<u64>(), place) else {
            return Err(wrong(format!("`{text}` is no duration")));
        };
        total = total.saturating_add(number.saturating_mul(units_left[place].1));
        units_left = &units_left[place + 1..];
        rest = &rest[digits + letters..];
    }
    match total {
        0 => Err(wrong(format!("`{text}` is no time at all"))),
        long if long > DAYS_MAX * 86_400_000 => Err(wrong(format!("`{text}` is longer than {DAYS_MAX} days"))),
        total => Ok(Millis(total)),
    }
}

/// As [`span`], and `0s` too: for what may be no time at all.
/// # Errors
/// As [`span`].
pub fn span_or_none(text: &str) -> Result<Millis, UnitError> {
    let is_nought = |number: &str| !number.is_empty() && number.bytes().all(|digit| digit == b'0');
    let is_none = ["ms", "s", "m", "h", "d"].into_iter().any(|unit| text.trim_end().strip_suffix(unit).is_some_and(is_nought));
    if is_none { Ok(Millis(0)) } else { span(text) }
}

fn bare_span(text: &str, bare: f64) -> UnitError {
    let whole = bare >= 1.0 && bare.fract() == 0.0;
    let message = if bare > 0.0 && bare.is_finite() { format!("`{text}` has no unit") } else { format!("`{text}` is no length of time") };
    UnitError { message, suggestion: whole.then(|| format!("say which: `{text}ms`, `{text}s` or `{text}m`")) }
}

/// `5%`, `12.5%`.
/// # Errors
/// With the reason, and a suggestion for bare numbers.
pub fn share(text: &str) -> Result<PerMille, UnitError> {
    let Some(percent) = text.strip_suffix('%') else {
        let suggestion = match text.parse::<f64>() {
            Ok(value) if value > 0.0 && value < 1.0 => Some(format!("did you mean `{}%`?", trimmed(value * 100.0))),
            Ok(value) if (0.0..=100.0).contains(&value) => Some(format!("did you mean `{text}%`?")),
            _ => None,
        };
        return Err(UnitError { message: format!("`{text}` has no percent sign"), suggestion });
    };
    let percent = percent.trim_end();
    let per_mille = decimal(percent).map(|value| value * 10.0);
    let whole = per_mille.filter(|value| (0.0..=1000.0).contains(value) && (value - value.round()).abs() < 1e-9);
    // The filter has just bounded it, and rounding a whole number loses nothing.
    whole
        .and_then(|value| PerMille::new(value.round() as u16).ok())
        .ok_or_else(|| UnitError { message: format!("`{text}` is no share"), suggestion: None })
}

/// `0.05` or `5%`, strictly between 0 and 1.
/// # Errors
/// With the reason; a bare number from 1 to 99 was probably meant as percent.
pub fn fraction(text: &str) -> Result<f64, UnitError> {
    let (value, bare) = match text.strip_suffix('%') {
        Some(percent) => (decimal(percent.trim_end()).map(|value| value / 100.0), None),
        None => (text.parse::<f64>().ok(), text.parse::<f64>().ok()),
    };
    match value {
        Some(value) if value > 0.0 && value < 1.0 => Ok(value),
        Some(value) if value >= 1.0 && bare.is_none() => {
            Err(UnitError { message: format!("`{text}` is never exceeded: nothing is more than all"), suggestion: None })
        }
        _ => Err(UnitError {
            message: format!("`{text}` is no fraction between 0 and 1"),
            suggestion: bare.filter(|bare| (1.0..100.0).contains(bare)).map(|_| format!("did you mean `{text}%`?")),
        }),
    }
}

/// `512KiB`, `200MiB`, `1.5GiB`, above zero.
/// # Errors
/// With the reason, and a suggestion for bare numbers.
pub fn bytes(text: &str) -> Result<f64, UnitError> {
    let sizes = [("KiB", 1u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];
    let read = sizes.into_iter().find_map(|(unit, size)| Some(decimal(text.strip_suffix(unit)?.trim_end())? * size as f64));
    match read {
        Some(value) if value > 0.0 => Ok(value),
        _ => Err(UnitError {
            message: format!("`{text}` is no amount of bytes"),
            suggestion: decimal(text).filter(|value| *value > 0.0).map(|_| format!("say which: `{text}B`, `{text}KiB` or `{text}MiB`")),
        }),
    }
}

/// `40`, above zero.
/// # Errors
/// With the reason.
pub fn number(text: &str) -> Result<f64, UnitError> {
    decimal(text)
        .filter(|value| *value > 0.0)
        .ok_or_else(|| UnitError { message: format!("`{text}` is no number above zero"), suggestion: None })
}

/// `20/s`, above zero.
/// # Errors
/// With the reason, and a suggestion for bare numbers.
pub fn rate(text: &str) -> Result<f64, UnitError> {
    let value = text.strip_suffix("/s").and_then(|number| decimal(number.trim_end()));
    match value {
        Some(value) if value > 0.0 => Ok(value),
        _ => Err(UnitError {
            message: format!("`{text}` is no rate"),
            suggestion: decimal(text).filter(|value| *value > 0.0).map(|_| format!("did you mean `{text}/s`?")),
        }),
    }
}

/// A rate of requests as it is read: two digits of a small one, and no nought that says nothing.
pub fn per_second(rate: f64) -> String {
    let digits = if rate < 10.0 && rate > 0.0 { (1.0 - rate.log10().floor()).max(0.0) as usize } else { 0 };
    let figure = format!("{rate:.digits$}");
    let figure = if figure.contains('.') { figure.trim_end_matches('0').trim_end_matches('.') } else { &figure };
    format!("{figure} requests/s")
}

/// Digits with at most one point; unlike the standard parser it takes no exponents, signs or names of infinity.
fn decimal(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.len() <= 20 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if plain { text.parse().ok() } else { None }
}

fn trimmed(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rate_is_not_rounded_to_nothing() {
        assert_eq!(
            [0.01, 0.5, 1.0, 10.0, 120.0, 1500.4].map(per_second),
            ["0.01", "0.5", "1", "10", "120", "1500"].map(|n| format!("{n} requests/s"))
        );
    }

    #[test]
    fn durations_add_their_parts_from_large_to_small() {
        let read = ["2m", "15s", "1000ms", "1h30m", "7d", "1d2h3m4s5ms"].map(|text| span(text).unwrap().0);
        assert_eq!(read, [120_000, 15_000, 1000, 5_400_000, 604_800_000, 93_784_005]);
    }

    #[test]
    fn durations_without_unit_order_or_length_are_refused() {
        for text in ["", "m", "0s", "-2m", "2m2m", "30s1m", "1.5h", "2 m", "367d", "99999999999999999999d", "5x", "\u{ff15}s", "nan", "inf"]
        {
            assert!(span(text).is_err(), "{text}");
        }
        assert!(span("120").unwrap_err().suggestion.unwrap().contains("`120s`"));
    }

    #[test]
    fn shares_go_in_tenths_of_a_percent() {
        assert_eq!(share("12.5%").map(PerMille::get), Ok(125));
        assert_eq!(share("100%").map(PerMille::get), Ok(1000));
        assert_eq!(share("5").unwrap_err().suggestion.as_deref(), Some("did you mean `5%`?"));
        assert_eq!(share("0.05").unwrap_err().suggestion.as_deref(), Some("did you mean `5%`?"));
        for text in ["101%", "-1%", "1e1%", "0.05%", "%", "inf%", "NaN%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fractions_and_rates_know_their_bounds() {
        assert_eq!(fraction("0.05"), Ok(0.05));
        assert_eq!(fraction("5%"), Ok(0.05));
        assert_eq!(fraction("5").unwrap_err().suggestion.as_deref(), Some("did you mean `5%`?"));
        for text in ["0", "1", "-0.1", "NaN", "inf", "100%", "x"] {
            assert!(fraction(text).is_err(), "{text}");
        }
        assert_eq!(rate("20/s"), Ok(20.0));
        assert_eq!(rate("20").unwrap_err().suggestion.as_deref(), Some("did you mean `20/s`?"));
        assert!(rate("0/s").is_err());
        assert_eq!((bytes("1.5GiB"), bytes("200MiB"), bytes("7B")), (Ok(1_610_612_736.0), Ok(209_715_200.0), Ok(7.0)));
        assert!(bytes("512").unwrap_err().suggestion.unwrap().contains("`512KiB`"));
        for text in ["0MiB", "MiB", "-1KiB", "1MB", "1e3B"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!((number("40"), number("0.5")), (Ok(40.0), Ok(0.5)));
        for text in ["0", "-1", "40/s", "NaN", "1e9"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
