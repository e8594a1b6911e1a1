//! Growth of many pods, by pages of one or two counters.

use super::*;

const EVERY: Millis = Millis::from_secs(5);
const WINDOW: Millis = Millis::from_secs(30);

/// A page of `200`s and `500`s by a process that began then; a bucket for all, and one for half.
fn page(fine: f64, failed: f64, started: Option<f64>) -> Page {
    let key = |class: u8| RequestKey { series: [class; 16], status: Status::Told { class } };
    let bucket = |bound: f64| BucketKey { series: [0; 16], bound: Bound(bound) };
    Page {
        requests: Ok(BTreeMap::from([(key(2), fine), (key(5), failed)])),
        buckets: Ok(BTreeMap::from([(bucket(0.1), (fine + failed) / 2.0), (bucket(f64::INFINITY), fine + failed)])),
        dropped: Err(Gap::Missing),
        gauges: Vec::new(),
        stamped_at: None,
        started,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp(second * 1000)
}

/// One look at these pods.
fn look(sum: &mut Sum, second: i64, pods: &[(&str, Page)]) {
    let ready = pods.iter().map(|(uid, _)| (*uid).to_owned()).collect();
    let pages = pods.iter().map(|(uid, page)| ((*uid).to_owned(), page.clone())).collect();
    sum.take(at(second), &ready, pages);
}

fn counted(sum: &Sum) -> Result<(f64, f64), Gap> {
    sum.total(EVERY).map(|total| (total.grown.all, total.grown.failed))
}

/// Two pods, each with ten requests in five seconds and one failure, and with a long past of nothing but failures.
fn steady(seconds: i64) -> Sum {
    let mut sum = Sum::new(WINDOW);
    for second in (0..=seconds).step_by(5) {
        let grown = second as f64 / 5.0;
        let pod = || page(9.0 * grown, 1_000_000.0 + grown, Some(1.0));
        look(&mut sum, second, &[("a", pod()), ("b", pod())]);
    }
    sum
}

#[test]
fn what_was_counted_before_the_first_look_counts_for_nothing() {
    assert_eq!(counted(&steady(20)), Err(Gap::TooEarly));
    assert_eq!(counted(&steady(25)), Ok((100.0, 10.0)));
    assert_eq!(steady(25).total(EVERY).unwrap().covered, Millis::from_secs(25));
    assert_eq!(counted(&steady(300)), Ok((120.0, 12.0)), "half a minute of two pods");
    assert_eq!(steady(10).full_at(EVERY), Some(at(25)), "as the window says when it comes");
}

#[test]
fn a_pod_that_comes_or_goes_is_no_reset_of_the_sum() {
    let mut sum = steady(60);
    let a = |second: i64| ("a", page(9.0 * second as f64 / 5.0, 1_000_000.0 + second as f64 / 5.0, Some(1.0)));
    look(&mut sum, 65, &[a(65)]);
    assert_eq!(counted(&sum), Ok((110.0, 11.0)), "what the pod had counted is kept");
    look(&mut sum, 70, &[a(70), ("c", page(50_000.0, 50_000.0, Some(65.0)))]);
    assert_eq!(counted(&sum), Ok((100.0, 10.0)), "a newcomer brings its past with it");
    look(&mut sum, 75, &[a(75), ("c", page(50_010.0, 50_005.0, Some(65.0)))]);
    assert_eq!(counted(&sum), Ok((90.0 + 15.0, 9.0 + 5.0)));
}

#[test]
fn a_restart_counts_from_zero_whether_the_process_says_so_or_not() {
    for (started, later) in [(Some(1.0), Some(63.0)), (None, None)] {
        let mut sum = Sum::new(WINDOW);
        for second in (0..=60).step_by(5) {
            look(&mut sum, second, &[("a", page(second as f64, 0.0, started))]);
        }
        look(&mut sum, 65, &[("a", page(3.0, 2.0, later))]);
        assert_eq!(counted(&sum), Ok((25.0 + 5.0, 2.0)), "{started:?}");
        look(&mut sum, 70, &[("a", page(5.0, 2.0, later))]);
        assert_eq!(counted(&sum), Ok((20.0 + 7.0, 2.0)), "{started:?}");
    }
}

#[test]
fn a_look_that_a_pod_missed_is_made_up_for_by_the_next() {
    let mut sum = steady(60);
    let pod = |second: i64| page(9.0 * second as f64 / 5.0, 1_000_000.0 + second as f64 / 5.0, Some(1.0));
    let ready: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
    sum.take(at(65), &ready, BTreeMap::from([("a".to_owned(), pod(65))]));
    assert_eq!(sum.unseen(&ready, at(60)), 0);
    sum.take(at(70), &ready, BTreeMap::from([("a".to_owned(), pod(70))]));
    assert_eq!(sum.unseen(&ready, at(65)), 1, "two looks without it");
    look(&mut sum, 75, &[("a", pod(75)), ("b", pod(75))]);
    assert_eq!(counted(&sum), Ok((120.0, 12.0)));
    // Longer than a window it may have done anything when.
    for second in [80, 85, 90, 95, 100, 105, 110, 115] {
        sum.take(at(second), &ready, BTreeMap::from([("a".to_owned(), pod(second))]));
    }
    look(&mut sum, 120, &[("a", pod(120)), ("b", pod(120))]);
    assert_eq!(counted(&sum), Ok((60.0, 6.0)));
}

#[test]
fn several_processes_behind_one_pod_are_told_by_what_one_can_t_do() {
    let mut older = steady(60);
    look(&mut older, 65, &[("a", page(1.0, 1.0, Some(-100.0)))]);
    assert_eq!(counted(&older), Err(Gap::SeveralProcesses));
    // Back and forth between two that don't say when they began.
    let mut sum = Sum::new(WINDOW);
    for second in (0..=60).step_by(5) {
        look(&mut sum, second, &[("a", page(1000.0 + second as f64, 0.0, None))]);
    }
    look(&mut sum, 65, &[("a", page(400.0, 0.0, None))]);
    look(&mut sum, 70, &[("a", page(1070.0, 0.0, None))]);
    assert_eq!(counted(&sum), Err(Gap::SeveralProcesses));
    for second in (75..=200).step_by(5) {
        look(&mut sum, second, &[("a", page(1000.0 + second as f64, 0.0, None))]);
    }
    assert_eq!(counted(&sum), Ok((30.0, 0.0)), "for two windows nothing of it is told, and then none of it is left");
}

#[test]
fn what_no_page_has_and_what_one_page_lost_are_missing() {
    let mut sum = steady(60);
    assert_eq!(sum.gaps(), Gaps { dropped: Some(Gap::Missing), ..Gaps::default() });
    let empty = || Page {
        requests: Err(Gap::Missing),
        buckets: Err(Gap::Missing),
        dropped: Err(Gap::Missing),
        gauges: Vec::new(),
        stamped_at: None,
        started: None,
    };
    let a = page(9.0 * 13.0, 1_000_013.0, Some(1.0));
    look(&mut sum, 65, &[("a", a), ("b", empty())]);
    assert_eq!((sum.gaps().requests, sum.gaps().buckets), (Some(Gap::Missing), Some(Gap::Missing)), "it has shown them once");
    // A pod that was asked nothing yet has no series of requests, and counts from zero when it has.
    let mut fresh = Sum::new(WINDOW);
    for second in (0..=30).step_by(5) {
        look(&mut fresh, second, &[("a", page(second as f64, 0.0, None)), ("b", empty())]);
    }
    assert_eq!(fresh.gaps().requests, None);
    look(&mut fresh, 35, &[("a", page(35.0, 0.0, None)), ("b", page(7.0, 1.0, None))]);
    assert_eq!(counted(&fresh), Ok((30.0 + 8.0, 1.0)));
    let spoilt = Page { requests: Err(Gap::NotANumber), ..page(0.0, 0.0, None) };
    look(&mut fresh, 40, &[("a", page(40.0, 0.0, None)), ("b", spoilt)]);
    assert_eq!(fresh.gaps().requests, Some(Gap::NotANumber));
}

#[test]
fn a_series_that_is_absent_for_a_look_is_not_counted_anew() {
    let mut sum = steady(60);
    let mut only_fine = page(9.0 * 13.0, 0.0, Some(1.0));
    only_fine.requests = only_fine.requests.map(|requests| requests.into_iter().filter(|(key, _)| !key.is_failure()).collect());
    let whole = |grown: f64| page(9.0 * grown, 1_000_000.0 + grown, Some(1.0));
    look(&mut sum, 65, &[("a", only_fine), ("b", whole(13.0))]);
    look(&mut sum, 70, &[("a", whole(14.0)), ("b", whole(14.0))]);
    assert_eq!(counted(&sum), Ok((120.0, 12.0)));
}

#[test]
fn more_series_than_one_page_may_have_are_told_of_none() {
    let mut sum = steady(60);
    let mut wide = page(0.0, 0.0, None);
    let key = |place: usize| RequestKey { series: std::array::from_fn(|byte| (place >> (byte % 8 * 2)) as u8), status: Status::NotTold };
    wide.requests = Ok((0..PAGE_SERIES_MAX).map(|place| (key(place), 1.0)).collect());
    look(&mut sum, 65, &[("a", wide), ("b", page(1.0, 1.0, None))]);
    assert_eq!((sum.gaps().requests, counted(&sum)), (Some(Gap::TooManySeries), Err(Gap::TooEarly)));
}
