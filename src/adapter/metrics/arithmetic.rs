//! Prometheus' arithmetic over counters: `rate` with its extrapolation, and `histogram_quantile`.
//!
//! Pure functions, checked against the real program in `tests/real_prometheus.rs`. Counter resets don't occur here; the window has
//! dealt with them.

use crate::domain::metric::Gap;

/// When samples were taken, for a window that ends with the newest; milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// How long before the window's end the oldest sample was taken.
    pub covered_ms: f64,
    pub window_ms: f64,
    /// Number of samples, at least two.
    pub samples: usize,
}

/// Increase a second of one counter that grew from `first` by `increase`.
///
/// The samples rarely span the window exactly; as Prometheus does, the growth is extended to the window's edge when the edge is near, but
/// never to before the counter would have been zero.
pub(super) fn rate(first: f64, increase: f64, span: Span) -> f64 {
    let between = span.covered_ms / (span.samples - 1) as f64;
    let mut to_start = span.window_ms - span.covered_ms;
    if increase > 0.0 && first >= 0.0 {
        to_start = to_start.min(span.covered_ms * (first / increase));
    }
    let extended = span.covered_ms + if to_start < between * 1.1 { to_start } else { between / 2.0 };
    increase * (extended / span.covered_ms) / (span.window_ms / 1000.0)
}

/// A bucket's upper bound in seconds and its cumulative rate.
pub(super) type Bucket = (f64, f64);

/// What a histogram tells of a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantile {
    Within(f64),
    /// Above the highest finite bound. Prometheus would answer with that bound, which reads like a measurement and is only a lower end.
    Beyond(f64),
}

/// The `q`-quantile in the buckets' unit, by linear interpolation within the bucket that holds it.
/// # Errors
/// [`Gap::Missing`] without a `+Inf` bucket or with fewer than two, [`Gap::LowVolume`] with no observation.
pub(super) fn histogram_quantile(q: f64, buckets: &[Bucket]) -> Result<Quantile, Gap> {
    let last = buckets.len().checked_sub(1).filter(|last| *last >= 1).ok_or(Gap::Missing)?;
    if buckets[last].0 != f64::INFINITY {
        return Err(Gap::Missing);
    }
    // Rounding of the rates can make a cumulative count dip; it can't in truth.
    let mut highest = 0.0_f64;
    let cumulative: Vec<f64> = buckets
        .iter()
        .map(|(_, count)| {
            highest = highest.max(*count);
            highest
        })
        .collect();
    if cumulative[last] <= 0.0 {
        return Err(Gap::LowVolume);
    }
    let rank = q * cumulative[last];
    let place = cumulative.iter().position(|count| *count >= rank).unwrap_or(last);
    if place == last {
        return Ok(Quantile::Beyond(buckets[last - 1].0));
    }
    let upper = buckets[place].0;
    if place == 0 && upper <= 0.0 {
        return Ok(Quantile::Within(upper));
    }
    let (lower, below) = if place == 0 { (0.0, 0.0) } else { (buckets[place - 1].0, cumulative[place - 1]) };
    Ok(Quantile::Within(lower + (upper - lower) * ((rank - below) / (cumulative[place] - below))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covered_to_its_edge_gives_the_plain_rate() {
        let span = Span { covered_ms: 30_000.0, window_ms: 30_000.0, samples: 7 };
        assert_eq!(rate(1000.0, 300.0, span), 10.0);
    }

    #[test]
    fn growth_is_extended_to_a_near_edge_but_not_before_zero() {
        let near = Span { covered_ms: 28_000.0, window_ms: 30_000.0, samples: 8 };
        assert!((rate(1000.0, 280.0, near) - 10.0).abs() < 1e-9);
        assert!((rate(0.0, 280.0, near) - 280.0 / 30.0).abs() < 1e-9);
    }

    #[test]
    fn quantiles_interpolate_within_their_bucket() {
        let buckets = [(0.1, 50.0), (0.2, 90.0), (0.4, 100.0), (f64::INFINITY, 100.0)];
        for (q, wanted) in [(0.5, 0.1), (0.95, 0.3), (0.25, 0.05)] {
            let Ok(Quantile::Within(value)) = histogram_quantile(q, &buckets) else { panic!("{q}") };
            assert!((value - wanted).abs() < 1e-12, "{q}: {value}");
        }
    }

    #[test]
    fn what_no_bucket_can_tell_is_a_gap_or_a_lower_end() {
        let capped = [(0.1, 50.0), (f64::INFINITY, 100.0)];
        assert_eq!(histogram_quantile(0.95, &capped), Ok(Quantile::Beyond(0.1)));
        assert_eq!(histogram_quantile(0.95, &[(0.1, 0.0), (f64::INFINITY, 0.0)]), Err(Gap::LowVolume));
        assert_eq!(histogram_quantile(0.95, &[(0.1, 5.0), (0.2, 5.0)]), Err(Gap::Missing));
        assert_eq!(histogram_quantile(0.95, &[]), Err(Gap::Missing));
    }

    proptest::proptest! {
        #[test]
        fn a_higher_quantile_is_never_lower(counts in proptest::collection::vec(0.0f64..100.0, 2..12), low in 0.0f64..1.0, high in 0.0f64..1.0) {
            let mut sum = 0.0;
            let mut buckets: Vec<Bucket> = counts.iter().enumerate().map(|(place, count)| { sum += count; ((place + 1) as f64, sum) }).collect();
            buckets.push((f64::INFINITY, sum));
            if let (Ok(Quantile::Within(a)), Ok(Quantile::Within(b))) = (histogram_quantile(low.min(high), &buckets), histogram_quantile(low.max(high), &buckets)) {
                proptest::prop_assert!(a <= b + 1e-9 && a.is_finite() && b <= counts.len() as f64);
            }
        }
    }
}
