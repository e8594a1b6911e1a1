//! The window against what Prometheus would say, or against what is true where Prometheus does not know it.

use super::*;

const WINDOW: Millis = Millis::from_secs(30);
const MEMORY: Millis = Millis::from_mins(2);

fn page(pairs: &[(&str, f64)]) -> Counters<String> {
    Ok(pairs.iter().map(|(series, value)| ((*series).to_owned(), *value)).collect())
}

struct Scraped {
    window: Window<String>,
    place: i64,
    broken: usize,
}

impl Scraped {
    fn new() -> Scraped {
        Scraped { window: Window::new(WINDOW, MEMORY), place: 0, broken: 0 }
    }
    /// A scrape 5 s after the last.
    fn push(&mut self, start: Start, pairs: &[(&str, f64)]) -> Result<Growth, Gap> {
        let kinship = self.window.push(Timestamp(self.place * 5000), start, page(pairs));
        self.broken += usize::from(kinship == Kinship::Broken);
        self.place += 1;
        self.window.grown(WINDOW).map(|grown| grown.sum(|_| true))
    }
    /// One series, without a word of its process.
    fn values(values: &[f64]) -> (Scraped, Vec<Result<Growth, Gap>>) {
        let mut scraped = Scraped::new();
        let seen = values.iter().map(|value| scraped.push(Start::Untold, &[("a", *value)])).collect();
        (scraped, seen)
    }
}

#[test]
fn a_window_that_is_not_full_says_nothing() {
    let (scraped, seen) = Scraped::values(&[0.0, 50.0, 100.0, 150.0]);
    assert_eq!((scraped.broken, seen), (0, vec![Err(Gap::TooEarly); 4]));
}

#[test]
fn a_full_window_gives_the_rate() {
    let (_, seen) = Scraped::values(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
    assert_eq!(seen[6], Ok(Growth { rate: 10.0, count: 300.0 }));
}

#[test]
fn a_restart_that_the_process_tells_counts_what_it_shows_from_zero_at_once() {
    let (mut scraped, _) = Scraped::values(&[1000.0, 1050.0, 1100.0, 1150.0, 1200.0, 1250.0, 1300.0]);
    let seen = scraped.push(Start::Later, &[("a", 20.0)]).unwrap();
    // From 1050 to 1300, and 20 since: what was counted between the last scrape and the crash nobody knows.
    assert_eq!((seen.count, scraped.broken), (270.0, 0));
}

#[test]
fn a_fall_without_a_word_waits_for_one_more_look() {
    let (mut scraped, _) = Scraped::values(&[1000.0, 1050.0, 1100.0, 1150.0, 1200.0, 1250.0, 1300.0]);
    assert_eq!(scraped.push(Start::Untold, &[("a", 20.0)]), Err(Gap::Restarted));
    let seen = scraped.push(Start::Untold, &[("a", 70.0)]).unwrap();
    assert_eq!((seen.count, scraped.broken), (200.0 + 70.0, 0));
}

/// 30 requests a second, and a crash every 25 s: as much as Prometheus makes of it, and never a gap when the process tells its start.
#[test]
fn a_crash_loop_has_a_rate() {
    let mut scraped = Scraped::new();
    for place in 0..40_u32 {
        let life = place % 5;
        let start = if life == 0 && place > 0 { Start::Later } else { Start::Same };
        let seen = scraped.push(start, &[("a", 60.0 + 150.0 * f64::from(life))]);
        if place >= 6 {
            let rate = seen.unwrap().rate;
            assert!((20.0..=30.0).contains(&rate), "{place}: {rate}");
        }
    }
    assert_eq!(scraped.broken, 0);
}

#[test]
fn a_crash_loop_that_tells_nothing_has_a_gap_at_each_fall_and_a_rate_otherwise() {
    let values: Vec<f64> = (0..40).map(|place| 60.0 + 150.0 * f64::from(place % 5)).collect();
    let (scraped, seen) = Scraped::values(&values);
    for (place, seen) in seen.iter().enumerate().skip(7) {
        assert_eq!(*seen == Err(Gap::Restarted), place % 5 == 0, "{place}: {seen:?}");
    }
    assert_eq!(scraped.broken, 0);
}

#[test]
fn a_series_that_appears_counts_from_zero_at_once() {
    let (mut scraped, _) = Scraped::values(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
    scraped.push(Start::Untold, &[("a", 340.0), ("failed", 10.0)]).unwrap();
    let failed = scraped.window.grown(WINDOW).unwrap().sum(|key| key == "failed");
    assert_eq!(failed.count, 10.0);
    assert!(failed.rate > 0.3, "{failed:?}");
}

/// A path label with a new value at each scrape: every request is counted, none twice.
#[test]
fn new_series_at_each_scrape_cost_no_window() {
    let mut scraped = Scraped::new();
    let mut paths: Vec<(String, f64)> = vec![("/".to_owned(), 1000.0)];
    for place in 0..20 {
        paths[0].1 += 100.0;
        paths.push((format!("/items/{place}"), 1.0));
        let pairs: Vec<(&str, f64)> = paths.iter().map(|(path, value)| (path.as_str(), *value)).collect();
        let seen = scraped.push(Start::Untold, &pairs);
        if place >= 6 {
            assert_eq!(seen.unwrap().count, 606.0, "{place}");
        }
    }
}

#[test]
fn a_series_that_comes_back_is_not_counted_anew() {
    let (mut scraped, _) = Scraped::values(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
    scraped.push(Start::Untold, &[("a", 350.0), ("b", 5.0)]).unwrap();
    scraped.push(Start::Untold, &[("a", 400.0)]).unwrap();
    let seen = scraped.push(Start::Untold, &[("a", 450.0), ("b", 9.0)]).unwrap();
    assert_eq!(seen.count, 300.0 + 9.0);
}

#[test]
fn a_page_that_is_all_others_counters_begins_from_what_they_show() {
    let (mut scraped, _) = Scraped::values(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
    assert_eq!(scraped.push(Start::Untold, &[("b", 9000.0)]), Err(Gap::Restarted));
    let seen = scraped.push(Start::Untold, &[("b", 9050.0)]).unwrap();
    assert_eq!(seen.count, 200.0 + 50.0);
    assert_eq!(scraped.broken, 0);
}

/// Two processes in turn, in every order: their difference is never taken for growth.
#[test]
fn counters_that_go_back_and_forth_are_several_processes() {
    for pattern in [[0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1], [1, 0, 0, 1, 0, 1, 1, 0]] {
        let mut scraped = Scraped::new();
        for round in 0..3 {
            for (place, who) in pattern.into_iter().enumerate() {
                let base = [10_000.0, 500.0][who];
                let seen = scraped.push(Start::Untold, &[("a", base + 50.0 * (round * 8 + place) as f64)]);
                assert!(seen.is_err() || scraped.broken > 0 || seen.unwrap().count < 2000.0, "{pattern:?}: {seen:?}");
            }
        }
        assert!(scraped.broken >= 3, "{pattern:?}: {}", scraped.broken);
    }
}

#[test]
fn processes_with_nearly_the_same_counters_are_told_apart_by_a_step_back() {
    // Nearly alike, and little traffic: each scrape meets another.
    let ahead = [0.0, 20.0, 7.0, 13.0, 0.0, 20.0, 0.0, 13.0, 0.0, 20.0];
    let values: Vec<f64> = ahead.iter().enumerate().map(|(place, ahead)| 50_000.0 + ahead + 5.0 * place as f64).collect();
    assert!(Scraped::values(&values).0.broken >= 2);
}

#[test]
fn every_other_scrape_failing_leaves_a_figure_every_other_time() {
    let mut window: Window<String> = Window::new(WINDOW, MEMORY);
    for place in 0..12 {
        let even = place % 2 == 0;
        let counters = if even { page(&[("a", 50.0 * place as f64)]) } else { Err(Gap::Missing) };
        assert_eq!(window.push(Timestamp(place * 5000), Start::Untold, counters), Kinship::Possible);
        if place > 7 {
            assert_eq!(window.grown(WINDOW).is_ok(), even, "{place}");
        }
    }
}

#[test]
fn a_slow_interval_fills_its_own_window() {
    let every = Millis::from_secs(30);
    let window_ms = crate::domain::metric::window(every);
    let mut window: Window<String> = Window::new(window_ms, MEMORY);
    let mut full_at = None;
    for place in 0..6 {
        assert_eq!(window.push(Timestamp(place * 30_000), Start::Untold, page(&[("a", 180.0 * place as f64)])), Kinship::Possible);
        if full_at.is_none() && window.grown(window_ms).is_ok() {
            full_at = Some(place);
        }
    }
    assert_eq!(full_at, Some(3), "four samples");
    assert_eq!(window.grown(window_ms).unwrap().sum(|_| true), Growth { rate: 6.0, count: 720.0 });
}

proptest::proptest! {
    #[test]
    fn no_rate_is_ever_negative(values in proptest::collection::vec(0.0f64..1000.0, 1..30)) {
        for seen in Scraped::values(&values).1.into_iter().flatten() {
            proptest::prop_assert!(seen.rate >= 0.0 && seen.count >= 0.0);
        }
    }

    /// However a process restarts, as long as it says so: the growth is the sum of what each scrape adds.
    #[test]
    fn restarts_that_are_told_lose_nothing_that_was_seen(steps in proptest::collection::vec((0u32..100, proptest::bool::weighted(0.2)), 7..30)) {
        let mut scraped = Scraped::new();
        let (mut value, mut added) = (0.0, Vec::new());
        for (step, restarts) in steps {
            let before = value;
            value = if restarts { f64::from(step) } else { value + f64::from(step) };
            // A process that has counted as much as the one before can't be told from it.
            let lost = restarts && value < before;
            // What the first scrape shows was counted before it.
            added.push(if added.is_empty() { 0.0 } else if lost { value } else { value - before });
            let start = if lost { Start::Later } else { Start::Same };
            let seen = scraped.push(start, &[("a", value)]);
            if let Ok(seen) = seen {
                let wanted: f64 = added.iter().rev().take(6).sum();
                proptest::prop_assert!((seen.count - wanted).abs() < 1e-9, "{} is not {}", seen.count, wanted);
            }
        }
        proptest::prop_assert_eq!(scraped.broken, 0);
    }
}
