//! Whether so many failures of so many requests prove a failing share above a limit.
//!
//! Judged by the exact (Clopper-Pearson) interval, one-sided, at 95 %: the limit is exceeded when so many failures or more would come by
//! chance in less than one window of twenty if the true share were at the limit. The exact interval and not Wilson's, because a trigger
//! has to hold its promise for the few requests of a first step, where Wilson's is too short: one failure of twelve would be above 1 %.
//!
//! The tail of the binomial distribution is summed from ratios of neighbouring terms, which takes the four operations that every machine
//! rounds alike: the same entries give the same decision everywhere.

/// The odds against a chance below 5 %, and a hair more: at exactly 5 %, one failure of one would be judged by how a machine rounds.
const ODDS: f64 = 0.95 / 0.05 * (1.0 + 1e-9);
/// Terms smaller than this part of their sum no longer change it.
const NEGLIGIBLE: f64 = 1e-12;

/// Whether the lower end of the interval of `failed` in `requests` lies above `limit`, a fraction.
pub(super) fn proven_above(failed: u64, requests: u64, limit: f64) -> bool {
    let (failed_f, requests_f) = (failed as f64, requests as f64);
    if failed > requests || limit >= 1.0 || failed_f <= requests_f * limit {
        return false;
    }
    if limit <= 0.0 {
        return true;
    }
    let odds = limit / (1.0 - limit);
    // Both sums are in units of the chance of exactly `failed`.
    let (mut term, mut upper) = (1.0, 1.0);
    let mut count = failed_f;
    while count < requests_f && term > upper * NEGLIGIBLE {
        term *= (requests_f - count) / (count + 1.0) * odds;
        upper += term;
        count += 1.0;
    }
    let (mut term, mut lower) = (1.0, 0.0);
    let mut count = failed_f;
    while count > 0.0 && lower <= ODDS * upper && (term > lower * NEGLIGIBLE || count > requests_f * limit) {
        term *= count / (requests_f - count + 1.0) / odds;
        lower += term;
        count -= 1.0;
    }
    lower > ODDS * upper
}

/// The fewest failures of `requests` that prove a share above `limit`; `None` if not even all of them do.
pub(super) fn least_proof(requests: u64, limit: f64) -> Option<u64> {
    let (mut low, mut high) = (0, requests);
    if !proven_above(high, requests, limit) {
        return None;
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if proven_above(middle, requests, limit) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_requests_prove_a_disaster_and_no_accident() {
        assert!(proven_above(12, 12, 0.01));
        assert!(!proven_above(1, 12, 0.01));
        assert!(proven_above(2, 12, 0.01));
        assert!(proven_above(12, 12, 0.5) && !proven_above(8, 12, 0.5));
        assert!(!proven_above(0, 0, 0.05) && !proven_above(0, 1000, 0.05) && !proven_above(1, 1, 0.05));
    }

    /// Tails from a table of the binomial distribution.
    #[test]
    fn the_bound_is_the_exact_one() {
        // P(X >= 10 | 100, 0.05) = 0.0282, P(X >= 9 | 100, 0.05) = 0.0631.
        assert_eq!(least_proof(100, 0.05), Some(10));
        // P(X >= 5 | 36, 0.05) = 0.0341, P(X >= 4 | 36, 0.05) = 0.1059.
        assert_eq!(least_proof(36, 0.05), Some(5));
        // P(X >= 4 | 500, 0.002) = 0.0189, P(X >= 3 | 500, 0.002) = 0.0802.
        assert_eq!(least_proof(500, 0.002), Some(4));
        assert_eq!((least_proof(1, 0.05), least_proof(2, 0.05), least_proof(0, 0.05)), (None, Some(2), None));
    }

    #[test]
    fn many_requests_are_judged_in_no_time() {
        let least = least_proof(10_000_000, 0.05).unwrap();
        assert!((501_000..501_300).contains(&least), "{least}");
        assert!(proven_above(10_000_000, 10_000_000, 0.05));
    }

    proptest::proptest! {
        #[test]
        fn more_failures_never_prove_less(requests in 1u64..3000, failed in 0u64..3000, limit in 0.001f64..0.9) {
            let failed = failed.min(requests);
            if proven_above(failed, requests, limit) {
                proptest::prop_assert!(failed == requests || proven_above(failed + 1, requests, limit));
                proptest::prop_assert!(failed as f64 / requests as f64 > limit);
                proptest::prop_assert!(proven_above(failed, requests, limit / 2.0));
            }
        }

        /// What is proven at 95 % is wrong in at most one window of twenty: the tail, summed plainly.
        #[test]
        fn the_tail_is_below_one_in_twenty(requests in 1u64..200, limit in 0.005f64..0.5) {
            let chance = |from: u64| -> f64 {
                let mut term = (1.0 - limit).powi(requests as i32);
                let mut tail = 0.0;
                for count in 0..=requests {
                    if count >= from {
                        tail += term;
                    }
                    term *= (requests - count) as f64 / (count + 1) as f64 * limit / (1.0 - limit);
                }
                tail
            };
            match least_proof(requests, limit) {
                Some(least) => proptest::prop_assert!(chance(least) < 0.05 + 1e-9 && chance(least - 1) > 0.05 - 1e-9),
                None => proptest::prop_assert!(chance(requests) > 0.05 - 1e-9),
            }
        }
    }
}
