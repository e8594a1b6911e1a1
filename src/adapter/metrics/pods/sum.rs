//! What many pods count together: how much each one's counters grew since its last page, summed.
//!
//! Growth is taken pod by pod and then added, so a pod that comes, goes or restarts is no reset of the sum. Whatever a pod had counted when
//! it was first seen is its past and counts for nothing. A process that says it began anew counts from zero, and so does a counter that
//! falls: a pod is asked by its name, and what answers there is what replaced it. Only where counters go back and forth, or a process is
//! older than the one before, do several processes answer within one pod, and then nothing is told for a while.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::{
    exposition::{Bound, BucketKey, Counters, Page, RequestKey, Status},
    kinship::SAME_START_S,
    line::Labels,
};
use crate::domain::{
    metric::{Gap, PAGE_SERIES_MAX},
    time::{Millis, Timestamp},
};

/// What was counted between two looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Grown {
    pub all: f64,
    pub failed: f64,
    pub buckets: BTreeMap<Bound, f64>,
    pub dropped: f64,
}

impl Grown {
    fn add(&mut self, other: &Grown) {
        self.all += other.all;
        self.failed += other.failed;
        self.dropped += other.dropped;
        for (bound, count) in &other.buckets {
            *self.buckets.entry(*bound).or_default() += count;
        }
    }
}

/// Why figures can't be had of the newest look, each by what it is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    pub requests: Option<Gap>,
    pub status: Option<Gap>,
    pub buckets: Option<Gap>,
    pub dropped: Option<Gap>,
}

/// Counters of one pod as they were seen last; `None` for a family that was never seen whole.
#[derive(Debug, Default)]
struct Known {
    requests: Option<BTreeMap<RequestKey, f64>>,
    buckets: Option<BTreeMap<BucketKey, f64>>,
    dropped: Option<BTreeMap<Labels, f64>>,
    started: Option<f64>,
    /// From where requests fell without a word, and to where: going back there is another process.
    fallen: BTreeMap<RequestKey, (f64, f64)>,
    fallen_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
}

/// A look, and when the one before it was.
#[derive(Debug)]
struct Look {
    from: Timestamp,
    grown: Grown,
}

/// The growth of a window, and over how much of its time it was seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Total {
    pub grown: Grown,
    pub covered: Millis,
}

#[derive(Debug)]
pub(super) struct Sum {
    window: Millis,
    pods: BTreeMap<String, Known>,
    looks: VecDeque<Look>,
    newest: Option<Timestamp>,
    gaps: Gaps,
    /// The highest finite bound that any pod has.
    top: Option<Bound>,
    several_at: Option<Timestamp>,
}

impl Sum {
    pub(super) fn new(window: Millis) -> Sum {
        let (pods, looks) = (BTreeMap::new(), VecDeque::new());
        Sum { window, pods, looks, newest: None, gaps: Gaps::default(), top: None, several_at: None }
    }

    /// Takes in what the pods of `ready` showed at `at`, by their uids; those that are left out showed nothing.
    pub(super) fn take(&mut self, at: Timestamp, ready: &BTreeSet<String>, pages: BTreeMap<String, Page>) {
        if self.newest.is_some_and(|newest| at <= newest) {
            return;
        }
        let series: usize = pages.values().map(series).sum();
        if series > PAGE_SERIES_MAX {
            *self = Sum::new(self.window);
            let gap = Some(Gap::TooManySeries);
            self.gaps = Gaps { requests: gap, status: None, buckets: gap, dropped: gap };
            return;
        }
        // A pod that is not ready for a while and comes back goes on counting; one that is gone never does.
        let forgotten = at.before(Millis(self.window.0.saturating_mul(2)));
        self.pods.retain(|uid, known| ready.contains(uid) || known.seen_at.is_some_and(|seen| seen >= forgotten));
        self.gaps = told(&pages);
        self.top = pages.values().filter_map(top).max();
        let mut grown = Grown::default();
        for (uid, page) in pages {
            let known = self.pods.entry(uid).or_default();
            // What grew over more than a window can't be said to have grown within it.
            let fresh = known.seen_at.is_some_and(|seen| at.since(seen) <= self.window);
            match known.grow(page, at, self.window) {
                Ok((own, gaps)) => {
                    self.gaps = self.gaps.or(gaps);
                    if fresh {
                        grown.add(&own);
                    }
                }
                Err(Several) => self.several_at = Some(at),
            }
        }
        if let Some(from) = self.newest {
            self.looks.push_back(Look { from, grown });
        }
        self.newest = Some(at);
        let start = at.before(self.window);
        self.looks.retain(|look| look.from >= start);
    }

    /// Pods of `ready` of which nothing was seen since `since`.
    pub(super) fn unseen(&self, ready: &BTreeSet<String>, since: Timestamp) -> usize {
        let seen = |uid: &String| self.pods.get(uid).and_then(|known| known.seen_at).is_some_and(|seen| seen >= since);
        ready.iter().filter(|uid| !seen(uid)).count()
    }

    pub(super) fn gaps(&self) -> Gaps {
        self.gaps
    }

    pub(super) fn top(&self) -> Option<Bound> {
        self.top
    }

    /// # Errors
    /// [`Gap::TooEarly`] until looks fill the window, [`Gap::SeveralProcesses`] as long as one may hold what two have counted.
    pub(super) fn total(&self, every: Millis) -> Result<Total, Gap> {
        let newest = self.newest.ok_or(Gap::TooEarly)?;
        let memory = Millis(self.window.0.saturating_mul(2));
        if self.several_at.is_some_and(|several| newest.since(several) <= memory) {
            return Err(Gap::SeveralProcesses);
        }
        let first = self.looks.front().ok_or(Gap::TooEarly)?;
        let covered = newest.since(first.from);
        // Full when one more look would not fit in before its first.
        if covered.0 + every.0 + every.0 / 10 < self.window.0 {
            return Err(Gap::TooEarly);
        }
        let mut grown = Grown::default();
        self.looks.iter().for_each(|look| grown.add(&look.grown));
        Ok(Total { grown, covered })
    }

    /// From when on a look fills the window, if one comes each `every`.
    pub(super) fn full_at(&self, every: Millis) -> Option<Timestamp> {
        let oldest = self.looks.front().map(|look| look.from).or(self.newest)?;
        let needed = self.window.0.saturating_sub(every.0 + every.0 / 10).div_ceil(every.0.max(1)).max(1);
        Some(oldest + Millis(needed * every.0))
    }
}

/// Two processes answer under one pod's name.
struct Several;

impl Known {
    fn grow(&mut self, page: Page, at: Timestamp, window: Millis) -> Result<(Grown, Gaps), Several> {
        let (before, now) = (self.started, page.started);
        self.started = now.or(before);
        let begun = before.zip(now).is_some_and(|(before, now)| now > before + SAME_START_S);
        if before.zip(now).is_some_and(|(before, now)| now < before - SAME_START_S) {
            return Err(Several);
        }
        self.seen_at = Some(at);
        let fell = !begun && self.falls(page.requests.as_ref().ok(), at, window)?;
        let (requests, requests_gap) = growth(&mut self.requests, page.requests, begun || fell);
        let (buckets, buckets_gap) = growth(&mut self.buckets, page.buckets, begun || fell);
        let (dropped, dropped_gap) = growth(&mut self.dropped, page.dropped, begun || fell);
        let mut grown = Grown { dropped: dropped.values().sum(), ..Grown::default() };
        for (key, count) in requests {
            grown.all += count;
            grown.failed += if key.is_failure() { count } else { 0.0 };
        }
        for (key, count) in buckets {
            *grown.buckets.entry(key.bound).or_default() += count;
        }
        Ok((grown, Gaps { requests: requests_gap, status: None, buckets: buckets_gap, dropped: dropped_gap }))
    }

    /// Whether requests fell since the last page; coming back to where they were is no restart.
    fn falls(&mut self, now: Option<&BTreeMap<RequestKey, f64>>, at: Timestamp, window: Millis) -> Result<bool, Several> {
        let (Some(now), Some(before)) = (now, &self.requests) else { return Ok(false) };
        if self.fallen_at.is_some_and(|fallen| at.since(fallen) > Millis(window.0.saturating_mul(2))) {
            self.fallen.clear();
        }
        let back = self.fallen.iter().any(|(key, (from, to))| {
            let leap = now.get(key).zip(before.get(key)).map(|(now, before)| (*now, now - before));
            leap.is_some_and(|(now, step)| now >= *from && step >= (from - to) / 2.0)
        });
        if back {
            self.fallen.clear();
            self.requests = Some(now.clone());
            return Err(Several);
        }
        let fell =
            |(key, now): (&RequestKey, &f64)| before.get(key).filter(|before| now < before).map(|before| (key.clone(), (*before, *now)));
        let fallen: BTreeMap<_, _> = now.iter().filter_map(fell).collect();
        if fallen.is_empty() {
            return Ok(false);
        }
        (self.fallen, self.fallen_at) = (fallen, Some(at));
        Ok(true)
    }
}

/// How much each counter of a family grew, and what keeps it from being known. A family that a pod never had counts from zero once it has.
fn growth<K: Ord + Clone>(known: &mut Option<BTreeMap<K, f64>>, now: Counters<K>, begun: bool) -> (BTreeMap<K, f64>, Option<Gap>) {
    let now = match now {
        Ok(now) => now,
        Err(Gap::Missing) => {
            // What it has shown once it has to show again; of a new process nothing was asked yet.
            let gone = known.as_ref().is_some_and(|known| !known.is_empty()) && !begun;
            if !gone {
                *known = Some(BTreeMap::new());
            }
            return (BTreeMap::new(), gone.then_some(Gap::Missing));
        }
        Err(gap) => return (BTreeMap::new(), Some(gap)),
    };
    let Some(before) = known.replace(now.clone()) else { return (BTreeMap::new(), None) };
    let grew = |(key, now): (&K, &f64)| {
        let before = before.get(key).copied().filter(|before| !begun && before <= now).unwrap_or(0.0);
        (key.clone(), now - before)
    };
    let grown = now.iter().map(grew).collect();
    // A series that is absent for a while and comes back was counted before.
    let kept = known.get_or_insert_default();
    if !begun {
        before.into_iter().for_each(|(key, count)| _ = kept.entry(key).or_insert(count));
    }
    if kept.len() > PAGE_SERIES_MAX {
        *known = None;
        return (BTreeMap::new(), Some(Gap::TooManySeries));
    }
    (grown, None)
}

/// What the pages together don't have at all, or tell in a way that can't be counted.
fn told(pages: &BTreeMap<String, Page>) -> Gaps {
    let lacks = |has: fn(&Page) -> bool| (!pages.values().any(has)).then_some(Gap::Missing);
    let statuses = || pages.values().filter_map(|page| page.requests.as_ref().ok()).flat_map(BTreeMap::keys).map(|key| key.status);
    let status = if statuses().any(|status| status == Status::Ambiguous) {
        Some(Gap::StatusAmbiguous)
    } else {
        statuses().any(|status| status == Status::NotTold).then_some(Gap::StatusNotTold)
    };
    // A page that has a family and can't tell it says so by itself.
    Gaps {
        requests: lacks(|page| page.requests.as_ref().err() != Some(&Gap::Missing)),
        status,
        buckets: lacks(|page| page.buckets.as_ref().err() != Some(&Gap::Missing)),
        dropped: lacks(|page| page.dropped.as_ref().err() != Some(&Gap::Missing)),
    }
}

impl Gaps {
    fn or(self, other: Gaps) -> Gaps {
        Gaps {
            requests: self.requests.or(other.requests),
            status: self.status.or(other.status),
            buckets: self.buckets.or(other.buckets),
            dropped: self.dropped.or(other.dropped),
        }
    }
}

fn series(page: &Page) -> usize {
    let (requests, buckets) = (page.requests.as_ref().map_or(0, BTreeMap::len), page.buckets.as_ref().map_or(0, BTreeMap::len));
    requests + buckets + page.dropped.as_ref().map_or(0, BTreeMap::len)
}

fn top(page: &Page) -> Option<Bound> {
    let bounds = page.buckets.iter().flat_map(BTreeMap::keys).map(|key| key.bound);
    bounds.filter(|bound| bound.0.is_finite()).max()
}

#[cfg(test)]
mod tests;
