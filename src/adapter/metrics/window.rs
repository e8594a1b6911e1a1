//! The scrapes of one family over the last while, and how much its counters grew.
//!
//! A counter that falls, a series that disappears or a new one that is not just another status of a known one means that the processes
//! behind the page have changed: all that was collected is dropped, and until one window has passed the figure is a gap. So no rate is
//! ever negative, and a restart can't look like calm. A scrape that fails or holds nothing is a gap by itself but costs no window, so that a
//! source of which every other scrape fails can still prove a breach.

use std::collections::{BTreeMap, VecDeque};

use super::{
    arithmetic::{Span, rate},
    exposition::{BucketKey, Counters, Labels, RequestKey},
};
use crate::domain::{
    metric::Gap,
    time::{Millis, Timestamp},
};

/// More scrapes than this are never kept, whatever the window.
const SCRAPES_MAX: usize = 4096;

/// What tells the counters of a family apart.
pub trait Key: Ord + Clone {
    /// Whether this series may appear among `known` ones without anything having restarted.
    fn may_join(&self, known: &BTreeMap<Self, f64>) -> bool;
}

impl Key for RequestKey {
    /// A first 500 adds a status to a series that we know; that is news, not a restart.
    fn may_join(&self, known: &BTreeMap<Self, f64>) -> bool {
        known.keys().any(|key| key.series == self.series)
    }
}
impl Key for BucketKey {
    fn may_join(&self, _known: &BTreeMap<Self, f64>) -> bool {
        false
    }
}
impl Key for Labels {
    fn may_join(&self, _known: &BTreeMap<Self, f64>) -> bool {
        false
    }
}

#[derive(Debug)]
pub struct Window<K> {
    longest: Millis,
    scrapes: VecDeque<(Timestamp, BTreeMap<K, f64>)>,
    /// When the collection was last begun anew.
    restarted_at: Option<Timestamp>,
    /// Why the newest scrape says nothing, if so.
    gap: Option<Gap>,
}

impl<K: Key> Window<K> {
    pub fn new(longest: Millis) -> Window<K> {
        Window { longest, scrapes: VecDeque::new(), restarted_at: None, gap: None }
    }

    /// Takes in a scrape. One that is not newer than the last is ignored, for a time that stands still has no rate.
    pub fn push(&mut self, at: Timestamp, counters: Counters<K>) {
        self.gap = counters.as_ref().err().copied();
        let Ok(counters) = counters else { return };
        if let Some((newest, before)) = self.scrapes.back() {
            if at <= *newest {
                return;
            }
            if is_restart(before, &counters) {
                self.scrapes.clear();
                self.restarted_at = Some(at);
            }
        }
        self.scrapes.push_back((at, counters));
        let oldest = at.before(self.longest);
        while self.scrapes.front().is_some_and(|(time, _)| *time < oldest) || self.scrapes.len() > SCRAPES_MAX {
            self.scrapes.pop_front();
        }
    }

    /// Growth over the newest `window`.
    /// # Errors
    /// The newest scrape's own gap, or [`Gap::TooEarly`] or [`Gap::Restarted`] until the window is full.
    pub fn grown(&self, window: Millis) -> Result<Grown<K>, Gap> {
        if let Some(gap) = self.gap {
            return Err(gap);
        }
        let (newest, last) = self.scrapes.back().ok_or(Gap::TooEarly)?;
        let start = newest.before(window);
        let inside = self.scrapes.iter().filter(|(at, _)| *at >= start).count();
        let (oldest, first) = &self.scrapes[self.scrapes.len() - inside];
        let covered = newest.since(*oldest);
        let between = covered.0.checked_div(inside as u64 - 1).unwrap_or(0);
        // The window is full when one more scrape would not fit in before its first.
        if inside < 2 || covered.0 + between + between / 10 < window.0 {
            let restarted = self.restarted_at.is_some_and(|at| newest.since(at) < window);
            return Err(if restarted { Gap::Restarted } else { Gap::TooEarly });
        }
        let span = Span { covered_ms: covered.0 as f64, window_ms: window.0 as f64, samples: inside };
        let growth = |(key, now): (&K, &f64)| {
            let then = first.get(key).copied().unwrap_or(0.0);
            (key.clone(), Growth { rate: rate(then, now - then, span), count: now - then })
        };
        Ok(Grown(last.iter().map(growth).collect()))
    }
}

fn is_restart<K: Key>(before: &BTreeMap<K, f64>, now: &BTreeMap<K, f64>) -> bool {
    let fell = before.iter().any(|(key, then)| now.get(key).is_none_or(|value| value < then));
    fell || now.keys().any(|key| !before.contains_key(key) && !key.may_join(before))
}

/// How one counter grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// A second.
    pub rate: f64,
    /// In all, as counted.
    pub count: f64,
}

/// How each counter of a family grew.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown<K>(pub BTreeMap<K, Growth>);

impl<K> Grown<K> {
    /// Rate and count of the counters that `is_meant`, summed.
    pub fn sum(&self, is_meant: impl Fn(&K) -> bool) -> Growth {
        let meant = self.0.iter().filter(|(key, _)| is_meant(key));
        meant.fold(Growth { rate: 0.0, count: 0.0 }, |sum, (_, growth)| Growth {
            rate: sum.rate + growth.rate,
            count: sum.count + growth.count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Millis = Millis::from_secs(30);

    fn page(pairs: &[(&str, f64)]) -> Counters<RequestKey> {
        Ok(pairs.iter().map(|(status, value)| (RequestKey { series: String::new(), status: (*status).to_owned() }, *value)).collect())
    }

    /// A window into which a scrape goes every 5 s; each value is the count of 200s.
    fn filled(values: &[f64]) -> Window<RequestKey> {
        let mut window = Window::new(WINDOW);
        for (place, value) in values.iter().enumerate() {
            window.push(Timestamp(place as i64 * 5000), page(&[("200", *value)]));
        }
        window
    }

    #[test]
    fn a_window_that_is_not_full_says_nothing() {
        assert_eq!(Window::<RequestKey>::new(WINDOW).grown(WINDOW), Err(Gap::TooEarly));
        assert_eq!(filled(&[0.0, 50.0, 100.0, 150.0]).grown(WINDOW), Err(Gap::TooEarly));
    }

    #[test]
    fn a_full_window_gives_the_rate() {
        let growth = filled(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]).grown(WINDOW).unwrap().sum(|_| true);
        assert_eq!(growth, Growth { rate: 10.0, count: 300.0 });
    }

    #[test]
    fn a_reset_is_a_gap_for_one_window_and_never_negative() {
        let mut window = filled(&[0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0, 10.0]);
        for place in 8..13 {
            assert_eq!(window.grown(WINDOW), Err(Gap::Restarted), "{place}");
            window.push(Timestamp(place * 5000), page(&[("200", 10.0 * place as f64)]));
        }
        assert!(window.grown(WINDOW).unwrap().sum(|_| true).rate > 0.0);
    }

    #[test]
    fn a_first_failure_counts_from_zero_at_once() {
        let mut window = filled(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
        window.push(Timestamp(35_000), page(&[("200", 340.0), ("500", 10.0)]));
        let failed = window.grown(WINDOW).unwrap().sum(RequestKey::is_failure);
        assert_eq!(failed.count, 10.0);
        assert!(failed.rate > 0.3, "{failed:?}");
    }

    #[test]
    fn a_series_that_goes_away_or_a_strange_one_begins_anew() {
        let mut window = filled(&[0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
        let renamed = RequestKey { series: "pod=b".to_owned(), status: "200".to_owned() };
        window.push(Timestamp(35_000), Ok(BTreeMap::from([(renamed, 9000.0)])));
        assert_eq!(window.grown(WINDOW), Err(Gap::Restarted));
    }

    #[test]
    fn every_other_scrape_failing_leaves_a_figure_every_other_time() {
        let mut window = filled(&[0.0]);
        for place in 1..12 {
            let even = place % 2 == 0;
            window.push(Timestamp(place * 5000), if even { page(&[("200", 50.0 * place as f64)]) } else { Err(Gap::Missing) });
            if place > 7 {
                assert_eq!(window.grown(WINDOW).is_ok(), even, "{place}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_rate_is_ever_negative(values in proptest::collection::vec(0.0f64..1000.0, 1..30)) {
            if let Ok(grown) = filled(&values).grown(WINDOW) {
                proptest::prop_assert!(grown.sum(|_| true).rate >= 0.0);
            }
        }
    }
}
