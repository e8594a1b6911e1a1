//! What a sample says of a limit: within it, beyond it, or not enough to say.
//!
//! A share of failed requests is judged by its counts, see [`proportion`]: it is beyond the limit when that is proven, of however few
//! requests, and within it when enough requests say so. Between the two nothing is known, and what is not known clears nothing. Any
//! other figure needs the plan's number of requests either way, and one that the plan declares needs none and is bad on the side that the
//! plan says. A quantile above the top bucket is beyond every limit up to that bucket's bound, and says nothing of a higher one.

use crate::{
    core::proportion,
    domain::metric::{Basis, Gap, Metric, Sample},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Within,
    Beyond,
}

/// On which side of `limit` a sample of `metric` lies.
/// # Errors
/// The gap that it amounts to where it can't be told.
pub(super) fn side(metric: Metric, sample: &Sample, limit: f64, requests_min: u64) -> Result<Side, Gap> {
    match sample.basis {
        Basis::Counted { failed } if proportion::proven_above(failed, sample.requests, limit) => Ok(Side::Beyond),
        Basis::Counted { .. } if sample.value > limit => Err(Gap::Undecided),
        Basis::Counted { .. } | Basis::Exact | Basis::AtLeast if sample.requests < requests_min => Err(Gap::LowVolume),
        Basis::Counted { .. } => Ok(Side::Within),
        Basis::AtLeast if sample.value >= limit => Ok(Side::Beyond),
        Basis::AtLeast => Err(Gap::Capped),
        Basis::Exact if metric.bad().is_beyond(sample.value, limit) => Ok(Side::Beyond),
        Basis::Exact => Ok(Side::Within),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        metric::Unit,
        series::{Bad, Series},
        time::Timestamp,
    };

    fn counted(failed: u64, requests: u64, limit: f64) -> Result<Side, Gap> {
        let value = failed as f64 / requests as f64;
        side(Metric::ErrorRate, &Sample { value, requests, at: Timestamp(0), basis: Basis::Counted { failed } }, limit, 100)
    }

    #[test]
    fn failures_are_proven_of_few_and_health_only_of_enough() {
        assert_eq!(counted(12, 12, 0.01), Ok(Side::Beyond));
        assert_eq!(counted(1, 12, 0.01), Err(Gap::Undecided));
        assert_eq!(counted(0, 12, 0.01), Err(Gap::LowVolume));
        assert_eq!(counted(0, 100, 0.01), Ok(Side::Within));
        assert_eq!(counted(6, 100, 0.05), Err(Gap::Undecided), "6 % of 100 may be 5 % of all");
        assert_eq!(counted(10, 100, 0.05), Ok(Side::Beyond));
        assert_eq!(counted(5, 100, 0.05), Ok(Side::Within), "at the limit is not above it");
    }

    #[test]
    fn a_quantile_beyond_the_top_bucket_breaches_what_that_bucket_reaches() {
        let top = |value, requests| side(Metric::P95Latency, &Sample::at_least(value, requests, Timestamp(0)), 1000.0, 100);
        assert_eq!(top(2500.0, 500), Ok(Side::Beyond));
        assert_eq!(top(1000.0, 500), Ok(Side::Beyond), "above a bucket that ends at the limit");
        assert_eq!(top(500.0, 500), Err(Gap::Capped));
        assert_eq!(top(2500.0, 99), Err(Gap::LowVolume));
    }

    #[test]
    fn what_the_plan_declares_rests_on_no_requests_and_is_bad_on_its_own_side() {
        let of = |bad, value| {
            let metric = Metric::Declared(Series::new("free-slots", Unit::Count, bad).unwrap());
            side(metric, &Sample::exact(value, 0, Timestamp(0)), 10.0, 0)
        };
        assert_eq!([9.0, 10.0, 11.0].map(|value| of(Bad::Above, value)), [Ok(Side::Within), Ok(Side::Within), Ok(Side::Beyond)]);
        assert_eq!([9.0, 10.0, 11.0].map(|value| of(Bad::Below, value)), [Ok(Side::Beyond), Ok(Side::Within), Ok(Side::Within)]);
    }

    proptest::proptest! {
        /// Nothing is both: with more failures a verdict only goes from within through unknown to beyond.
        #[test]
        fn more_failures_never_look_better(requests in 1u64..400, failed in 0u64..400, limit in 0.002f64..0.5) {
            let rank = |failed| match counted(failed, requests, limit) {
                Ok(Side::Within) => 0,
                Err(_) => 1,
                Ok(Side::Beyond) => 2,
            };
            let failed = failed.min(requests);
            proptest::prop_assert!(failed == 0 || rank(failed - 1) <= rank(failed));
            proptest::prop_assert!(rank(failed) != 0 || requests >= 100);
        }
    }
}
