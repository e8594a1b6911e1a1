//! Tells a hand from everything that only looks like one: a paste without brackets, a stuck key, a line that stalled.
//!
//! More than eight keys within 20 ms are no typing. Input that waited longer than two seconds was meant for another screen. Such keys may
//! move the cursor, but what has an effect on others doesn't happen; the person is told so. One exception leads home: a burst that is
//! nothing but the rollback chord is an insistent hand after a stall, and counts.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// This many keys within [`BURST_WINDOW`] are still a hand.
const BURST_KEYS: usize = 8;
pub const BURST_WINDOW: Duration = Duration::from_millis(20);
/// Input older than this was meant for another screen.
const OLD: Duration = Duration::from_secs(2);

/// Why a key must not act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    Burst,
    Old,
}

/// What kind of key it was, as far as the guard cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Rollback,
    Other,
}

#[derive(Debug, Default)]
pub struct Guard {
    recent: VecDeque<(Instant, Meaning)>,
    /// First and last key of the newest burst.
    burst: Option<(Instant, Instant)>,
}

impl Guard {
    /// Notes a key that arrived at `at`. Keys are noted in the order of their arrival.
    pub fn saw(&mut self, at: Instant, meaning: Meaning) {
        while self.recent.front().is_some_and(|(first, _)| at.duration_since(*first) > BURST_WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back((at, meaning));
        let insistent = self.recent.iter().all(|(_, meaning)| *meaning == Meaning::Rollback);
        if self.recent.len() > BURST_KEYS && !insistent {
            let first = self.recent[0].0;
            self.burst = match self.burst {
                Some((since, last)) if first <= last => Some((since, at)),
                Some(_) | None => Some((first, at)),
            };
        }
        // A flood needs no more than the window's proof.
        self.recent.truncate(4 * BURST_KEYS);
    }

    /// Whether the key that arrived at `at` may act at `now`. Ask when [`BURST_WINDOW`] has passed since `at`, or a burst that the key
    /// began is not known yet.
    pub fn doubt(&self, at: Instant, now: Instant) -> Option<Doubt> {
        if now.duration_since(at) > OLD {
            return Some(Doubt::Old);
        }
        self.burst.filter(|(first, last)| (*first..=*last).contains(&at)).map(|_| Doubt::Burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_keys_at_once_are_no_hand_the_first_one_included() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for _ in 0..9 {
            guard.saw(now, Meaning::Other);
        }
        assert_eq!(guard.doubt(now, now + BURST_WINDOW), Some(Doubt::Burst));
        let later = now + Duration::from_millis(30);
        guard.saw(later, Meaning::Other);
        assert_eq!(guard.doubt(later, later), None);
    }

    #[test]
    fn a_fast_hand_is_a_hand() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for index in 0..50 {
            let at = now + Duration::from_millis(5 * index);
            guard.saw(at, Meaning::Other);
            assert_eq!(guard.doubt(at, at + BURST_WINDOW), None);
        }
    }

    #[test]
    fn a_flood_of_a_megabyte_is_one_burst_from_first_to_last() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        let mut last = now;
        for index in 0..100_000u64 {
            last = now + Duration::from_micros(index * 10);
            guard.saw(last, if index == 70_000 { Meaning::Rollback } else { Meaning::Other });
        }
        assert_eq!(guard.doubt(now, last), Some(Doubt::Burst));
        assert_eq!(guard.doubt(last, last), Some(Doubt::Burst));
        assert!(guard.recent.len() <= 4 * BURST_KEYS);
    }

    #[test]
    fn an_insistent_rollback_counts() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for _ in 0..20 {
            guard.saw(now, Meaning::Rollback);
        }
        assert_eq!(guard.doubt(now, now), None);
    }

    #[test]
    fn what_waited_too_long_does_not_act() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        guard.saw(now, Meaning::Other);
        assert_eq!(guard.doubt(now, now + Duration::from_millis(2_001)), Some(Doubt::Old));
    }
}
