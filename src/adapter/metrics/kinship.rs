//! Whether one process stands behind a page, or several that answer in turn.
//!
//! Counters of several processes can't be told from those of one that restarts by a single look: both fall. They are told apart by what a
//! process can't do: begin earlier than it did, or be back where it was before it fell. Once that is seen, nothing is computed for a
//! while, since a rate over two processes' counters is an invention that looks like any other rate.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    exposition::{Counters, Page},
    window::Start,
};
use crate::domain::time::{Millis, Timestamp};

/// The start of a process is reckoned from the kernel's, which moves by a second when the clock is set.
pub(super) const SAME_START_S: f64 = 1.0;
/// One step back and forth may be a restart of a process that had hardly counted; two are none.
const DOUBTS: usize = 2;
const MEMORY_LEAST: Millis = Millis::from_mins(2);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kin {
    memory: Millis,
    started: Option<f64>,
    doubts: VecDeque<Timestamp>,
    disproved_at: Option<Timestamp>,
}

impl Kin {
    /// What is remembered outlives the window, so that no figure mixes what was seen before and after.
    pub(super) fn new(window: Millis) -> Kin {
        let memory = MEMORY_LEAST.max(Millis(window.0.saturating_mul(2)));
        Kin { memory, started: None, doubts: VecDeque::new(), disproved_at: None }
    }

    pub(super) fn memory(&self) -> Millis {
        self.memory
    }

    /// Takes in what the page says of its process' beginning.
    pub(super) fn start(&mut self, started: Option<f64>, at: Timestamp) -> Start {
        let start = compared(self.started, started);
        if start == Start::Earlier {
            self.disprove(at);
        }
        self.started = started.or(self.started);
        start
    }

    /// Counters went back and forth.
    pub(super) fn doubt(&mut self, at: Timestamp) {
        self.doubts.push_back(at);
    }

    /// Two processes were met for certain.
    pub(super) fn disprove(&mut self, at: Timestamp) {
        self.disproved_at = Some(at);
    }

    pub(super) fn is_several(&mut self, at: Timestamp) -> bool {
        self.doubts.retain(|doubt| at.since(*doubt) <= self.memory);
        if self.doubts.len() >= DOUBTS {
            self.disproved_at = self.disproved_at.max(self.doubts.back().copied());
        }
        self.disproved_at.is_some_and(|disproved| at.since(disproved) <= self.memory)
    }
}

fn compared(before: Option<f64>, now: Option<f64>) -> Start {
    match (before, now) {
        (Some(before), Some(now)) if now < before - SAME_START_S => Start::Earlier,
        (Some(before), Some(now)) if now > before + SAME_START_S => Start::Later,
        (Some(_), Some(_)) => Start::Same,
        (None, _) | (_, None) => Start::Untold,
    }
}

/// Whether two looks within a moment are of different processes: they began at different times, or a counter fell.
pub(super) fn contradict(first: &Page, second: &Page) -> bool {
    let other_start = match compared(first.started, second.started) {
        Start::Earlier | Start::Later => true,
        Start::Same | Start::Untold => false,
    };
    other_start || fell(&first.requests, &second.requests) || fell(&first.buckets, &second.buckets) || fell(&first.dropped, &second.dropped)
}

fn fell<K: Ord>(first: &Counters<K>, second: &Counters<K>) -> bool {
    let (Ok(first), Ok(second)) = (first, second) else { return false };
    let lower = |(key, value): (&K, &f64)| second.get(key).is_some_and(|second| second < value);
    BTreeMap::iter(first).any(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Millis = Millis::from_secs(30);

    #[test]
    fn a_start_that_goes_back_is_another_process_and_one_that_goes_on_a_restart() {
        let mut kin = Kin::new(WINDOW);
        let at = |seconds: i64| Timestamp(seconds * 1000);
        assert_eq!(kin.start(Some(100.0), at(0)), Start::Untold);
        assert_eq!(kin.start(Some(100.4), at(5)), Start::Same);
        assert_eq!(kin.start(None, at(10)), Start::Untold);
        assert_eq!(kin.start(Some(200.0), at(15)), Start::Later);
        assert!(!kin.is_several(at(15)));
        assert_eq!(kin.start(Some(100.0), at(20)), Start::Earlier);
        assert!(kin.is_several(at(20)) && kin.is_several(at(140)) && !kin.is_several(at(141)));
    }

    #[test]
    fn one_doubt_is_none() {
        let mut kin = Kin::new(WINDOW);
        kin.doubt(Timestamp(0));
        assert!(!kin.is_several(Timestamp(0)));
        kin.doubt(Timestamp(130_000));
        assert!(!kin.is_several(Timestamp(130_000)), "the first is forgotten");
        kin.doubt(Timestamp(140_000));
        assert!(kin.is_several(Timestamp(140_000)));
    }
}
