//! The scrapes of one family over the last while, and how much its counters grew.
//!
//! A counter that falls belongs to a process that has restarted: as with Prometheus, what it shows afterwards counts from zero, so a crash
//! loop has a rate. A series that appears beside known ones was never counted before and counts from zero as well. Both hold only if one
//! process is behind the page. So a fall is believed at once only when the process says that it began anew; any other fall is held back
//! until the next scrape has shown whether the counters go on from there, or are back where they were, as they are when several
//! processes answer in turn. A scrape that fails or holds nothing is a gap by itself but costs no window, so that a source of which every
//! other scrape fails can still prove a breach.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    arithmetic::{Span, rate},
    exposition::Counters,
    memory::pairs,
};
use crate::domain::{
    metric::{Gap, PAGE_SERIES_MAX},
    time::{Millis, Timestamp},
};

/// A series that was absent for so many windows is forgotten.
const WINDOWS_KEPT: u64 = 10;
/// Series that are known at one time of everything that one page is counted by, those of the last scrapes that are absent now included.
pub(super) const SERIES_MAX: usize = 2 * PAGE_SERIES_MAX;
/// More scrapes than this are never kept, whatever the window.
const SCRAPES_MAX: usize = 4096;

/// What the process behind a page says of its own beginning, compared with the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// It says nothing, or said nothing before.
    Untold,
    Same,
    Later,
    /// A process can't have begun earlier than it did: this is another one.
    Earlier,
}

/// What a scrape's counters say of whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Kinship {
    /// Nothing speaks against one process, restarted or not.
    Possible,
    /// They go back and forth: another process has answered in between.
    Broken,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "K: Serialize", deserialize = "K: Deserialize<'de> + Ord"))]
pub(super) struct Window<K> {
    longest: Millis,
    /// How long a fall that nothing explained is remembered.
    memory: Millis,
    #[serde(with = "pairs")]
    series: BTreeMap<K, Series>,
    scrapes: VecDeque<Timestamp>,
    /// A scrape whose counters fell without a word, until the next one shows what it was.
    held: Option<Held<K>>,
    /// The newest fall that was taken for a restart without the process' own word.
    fallen: Option<Fallen<K>>,
    /// Why the newest scrape says nothing, if so.
    gap: Option<Gap>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Series {
    samples: VecDeque<(Timestamp, f64)>,
    /// The scrape before its first, if it counted from zero then.
    zero_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "K: Serialize", deserialize = "K: Deserialize<'de> + Ord"))]
struct Held<K> {
    at: Timestamp,
    #[serde(with = "pairs")]
    counters: BTreeMap<K, f64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "K: Serialize", deserialize = "K: Deserialize<'de> + Ord"))]
struct Fallen<K> {
    at: Timestamp,
    /// From where each counter fell, and how far.
    #[serde(with = "pairs")]
    from: BTreeMap<K, (f64, f64)>,
}

/// Where a series that was never seen before counts from.
#[derive(Debug, Clone, Copy)]
enum Newcomers {
    FromZero,
    /// They replace all that was known, so they may have counted for long.
    FromWhatTheyShow,
}

impl<K: Ord + Clone> Window<K> {
    pub(super) fn new(longest: Millis, memory: Millis) -> Window<K> {
        Window { longest, memory, series: BTreeMap::new(), scrapes: VecDeque::new(), held: None, fallen: None, gap: None }
    }

    /// When the newest scrape that it knows was made.
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.held.as_ref().map(|held| held.at).max(self.scrapes.back().copied())
    }

    /// How many series it would know with this scrape; those of one that is held back are in memory as well.
    pub(super) fn with(&self, counters: &Counters<K>) -> usize {
        let newcomers = |counters: &BTreeMap<K, f64>| counters.keys().filter(|key| !self.series.contains_key(key)).count();
        let held = self.held.as_ref().map_or(0, |held| held.counters.len());
        self.series.len() + held + counters.as_ref().map_or(0, newcomers)
    }

    /// Lets go of all that it knows, and says why.
    pub(super) fn give_up(&mut self, why: Gap) {
        *self = Window { gap: Some(why), ..Window::new(self.longest, self.memory) };
    }

    /// Takes in a scrape. One that is not newer than the last is ignored, for a time that stands still has no rate.
    pub(super) fn push(&mut self, at: Timestamp, start: Start, counters: Counters<K>) -> Kinship {
        self.gap = counters.as_ref().err().copied();
        let Ok(counters) = counters else { return Kinship::Possible };
        let newest = self.newest();
        if newest.is_some_and(|newest| at <= newest) {
            if self.held.is_some() {
                self.gap = Some(Gap::Restarted);
            }
            return Kinship::Possible;
        }
        let begun = start == Start::Later;
        let broken = self.breaks(&counters);
        let Some(held) = self.held.take() else {
            if broken && !begun {
                return self.hold(at, counters, Kinship::Possible);
            }
            return self.accept_checked(at, counters, begun);
        };
        if !broken && !begun {
            // The counters are back where they were: whoever gave the scrape in between was another.
            let _ = self.accept_checked(at, counters, begun);
            return Kinship::Broken;
        }
        let falls_again = !begun && fell(|key| held.counters.get(key).copied(), &counters);
        self.believe(held);
        if falls_again { self.hold(at, counters, Kinship::Broken) } else { self.accept_checked(at, counters, begun) }
    }

    fn hold(&mut self, at: Timestamp, counters: BTreeMap<K, f64>, kinship: Kinship) -> Kinship {
        self.held = Some(Held { at, counters });
        self.gap = Some(Gap::Restarted);
        kinship
    }

    /// The fall was a restart, as far as one can see; it is remembered in case the counters come back after all.
    fn believe(&mut self, held: Held<K>) {
        let fall = |(key, now): (&K, &f64)| {
            let before = self.last(key).filter(|before| now < before)?;
            Some((key.clone(), (before, before - now)))
        };
        let from = held.counters.iter().filter_map(fall).collect();
        self.fallen = Some(Fallen { at: held.at, from });
        let newcomers = if self.replaces_all(&held.counters) { Newcomers::FromWhatTheyShow } else { Newcomers::FromZero };
        self.accept(held.at, held.counters, newcomers);
    }

    fn accept_checked(&mut self, at: Timestamp, counters: BTreeMap<K, f64>, begun: bool) -> Kinship {
        let kinship = if begun { Kinship::Possible } else { self.came_back(at, &counters) };
        let newcomers = if !begun && self.replaces_all(&counters) { Newcomers::FromWhatTheyShow } else { Newcomers::FromZero };
        self.accept(at, counters, newcomers);
        kinship
    }

    /// A counter that rises to where it had fallen from, in one leap, never fell: what was seen in between is dropped.
    fn came_back(&mut self, at: Timestamp, counters: &BTreeMap<K, f64>) -> Kinship {
        let Some(fallen) = self.fallen.take() else { return Kinship::Possible };
        if at.since(fallen.at) > self.memory {
            return Kinship::Possible;
        }
        if !leaps(&self.series, &fallen, counters) {
            self.fallen = Some(fallen);
            return Kinship::Possible;
        }
        self.scrapes.retain(|time| *time < fallen.at);
        self.series.retain(|_, series| {
            series.samples.retain(|(time, _)| *time < fallen.at);
            !series.samples.is_empty()
        });
        Kinship::Broken
    }

    fn accept(&mut self, at: Timestamp, counters: BTreeMap<K, f64>, newcomers: Newcomers) {
        let before = self.scrapes.back().copied();
        for (key, value) in counters {
            let zero_at = match newcomers {
                Newcomers::FromZero => before,
                Newcomers::FromWhatTheyShow => None,
            };
            let series = self.series.entry(key).or_insert_with(|| Series { samples: VecDeque::new(), zero_at });
            series.samples.push_back((at, value));
        }
        self.scrapes.push_back(at);
        let oldest = at.before(self.longest);
        while self.scrapes.front().is_some_and(|time| *time < oldest) || self.scrapes.len() > SCRAPES_MAX {
            self.scrapes.pop_front();
        }
        let forgotten = at.before(Millis(self.longest.0.saturating_mul(WINDOWS_KEPT)));
        self.series.retain(|_, series| {
            // The newest stays, however old, so that a series that comes back is not taken for a new one.
            while series.samples.len() > 1 && series.samples.front().is_some_and(|(time, _)| *time < oldest) {
                series.samples.pop_front();
            }
            series.samples.back().is_some_and(|(time, _)| *time >= forgotten)
        });
    }

    /// Growth over the newest `window`.
    /// # Errors
    /// The newest scrape's own gap, or [`Gap::TooEarly`] until the window is full.
    pub(super) fn grown(&self, window: Millis) -> Result<Grown<'_, K>, Gap> {
        if let Some(gap) = self.gap {
            return Err(gap);
        }
        let newest = *self.scrapes.back().ok_or(Gap::TooEarly)?;
        let start = newest.before(window);
        let inside = self.scrapes.iter().filter(|at| **at >= start).count();
        let oldest = self.scrapes[self.scrapes.len() - inside];
        let covered = newest.since(oldest);
        let between = covered.0.checked_div(inside as u64 - 1).unwrap_or(0);
        // The window is full when one more scrape would not fit in before its first.
        if inside < 2 || covered.0 + between + between / 10 < window.0 {
            return Err(Gap::TooEarly);
        }
        let span = Span { covered_ms: covered.0 as f64, window_ms: window.0 as f64, samples: inside };
        Ok(Grown(self.series.iter().filter_map(|(key, series)| Some((key, series.growth(oldest, span)?))).collect()))
    }

    /// From when on a look fills the window, if one comes each `every`; `None` where it is full, or where nothing was seen yet.
    pub(super) fn full_at(&self, window: Millis, every: Millis) -> Option<Timestamp> {
        let start = self.scrapes.back()?.before(window);
        let inside: Vec<_> = self.scrapes.iter().filter(|at| **at >= start).collect();
        let (oldest, newest) = (**inside.first()?, **inside.last()?);
        let steps = inside.len() as u64 - 1;
        let between = newest.since(oldest).0.checked_div(steps).unwrap_or(every.0).max(1);
        // As `grown` has it.
        let needed = window.0.saturating_sub(between + between / 10).div_ceil(between);
        (steps < needed.max(1)).then(|| oldest + Millis(needed.max(1) * between))
    }

    fn last(&self, key: &K) -> Option<f64> {
        self.series.get(key).and_then(Series::last)
    }

    /// Whether a counter fell, or every series of the newest scrape gave way to others.
    fn breaks(&self, counters: &BTreeMap<K, f64>) -> bool {
        fell(|key| self.last(key), counters) || self.replaces_all(counters)
    }

    fn replaces_all(&self, counters: &BTreeMap<K, f64>) -> bool {
        let Some(newest) = self.scrapes.back() else { return false };
        let mut known = self.series.iter().filter(|(_, series)| series.samples.back().is_some_and(|(at, _)| at == newest)).peekable();
        known.peek().is_some() && !counters.is_empty() && known.all(|(key, _)| !counters.contains_key(key))
    }
}

fn fell<K: Ord>(before: impl Fn(&K) -> Option<f64>, now: &BTreeMap<K, f64>) -> bool {
    now.iter().any(|(key, value)| before(key).is_some_and(|before| *value < before))
}

/// Whether a counter stands at or above the height from which it had fallen, and most of the way there is this one step.
fn leaps<K: Ord>(series: &BTreeMap<K, Series>, fallen: &Fallen<K>, now: &BTreeMap<K, f64>) -> bool {
    fallen.from.iter().any(|(key, (from, by))| {
        let step = now.get(key).zip(series.get(key).and_then(Series::last)).map(|(now, before)| (*now, now - before));
        step.is_some_and(|(now, step)| now >= *from && step >= by / 2.0)
    })
}

impl Series {
    fn last(&self) -> Option<f64> {
        self.samples.back().map(|(_, value)| *value)
    }

    /// `None` if nothing was seen of it since `oldest`, the window's first scrape.
    fn growth(&self, oldest: Timestamp, span: Span) -> Option<Growth> {
        let mut inside = self.samples.iter().filter(|(at, _)| *at >= oldest).map(|(_, value)| *value).peekable();
        let first = *inside.peek()?;
        let begins_at = if self.zero_at.is_some_and(|at| at >= oldest) { 0.0 } else { first };
        let (mut before, mut count) = (begins_at, 0.0);
        for value in inside {
            count += if value >= before { value - before } else { value };
            before = value;
        }
        Some(Growth { rate: rate(begins_at, count, span), count })
    }
}

/// How one counter grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    /// A second.
    pub rate: f64,
    /// In all, as counted.
    pub count: f64,
}

/// How each counter of a family grew.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grown<'w, K>(pub Vec<(&'w K, Growth)>);

impl<K> Grown<'_, K> {
    /// Rate and count of the counters that `is_meant`, summed.
    pub(super) fn sum(&self, is_meant: impl Fn(&K) -> bool) -> Growth {
        let meant = self.0.iter().filter(|(key, _)| is_meant(key));
        meant.fold(Growth { rate: 0.0, count: 0.0 }, |sum, (_, growth)| Growth {
            rate: sum.rate + growth.rate,
            count: sum.count + growth.count,
        })
    }
}

#[cfg(test)]
mod tests;
