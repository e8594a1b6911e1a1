//! Tells a hand from everything that only looks like one: a paste without brackets, a stuck key, a line that stalled.
//!
//! More than eight keys within 20 ms are no typing, and neither are two or more within 2 ms that end in Enter: that is a line of text, and
//! its end would ask for something. Input that waited longer than two seconds was meant for another screen. Such keys may move the
//! cursor, but what has an effect on others doesn't happen; the person is told so. The chord that goes home is never doubted, whatever its
//! age and whatever came around it: going home is always the safe direction, and the machine is busiest when it is needed most.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// This many keys within [`BURST_WINDOW`] are still a hand.
const BURST_KEYS: usize = 8;
pub const BURST_WINDOW: Duration = Duration::from_millis(20);
/// Keys that follow each other so closely came out of one write.
const AT_ONCE: Duration = Duration::from_millis(2);
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
    /// Enter, or the line feed that a pasted line may end with.
    LineEnd,
    Other,
}

/// Keys that came together, from the first to the last.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Instant,
    last: Instant,
}

/// What no hand has typed, as long as it may still be asked for.
#[derive(Debug, Default)]
struct Spans(VecDeque<Span>);

impl Spans {
    fn add(&mut self, span: Span) {
        while self.0.front().is_some_and(|old| span.last.duration_since(old.last) > OLD) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some(newest) if span.first.saturating_duration_since(newest.last) <= BURST_WINDOW => newest.last = span.last,
            Some(_) | None => self.0.push_back(span),
        }
    }

    fn hold(&self, at: Instant) -> bool {
        self.0.iter().any(|span| (span.first..=span.last).contains(&at))
    }
}

/// Keys out of one write.
#[derive(Debug, Clone, Copy)]
struct Chain {
    span: Span,
    keys: usize,
    /// Line ends among them that had something before them.
    lines: usize,
}

#[derive(Debug, Default)]
pub struct Guard {
    recent: VecDeque<Instant>,
    chain: Option<Chain>,
    bursts: Spans,
    lines: Spans,
}

impl Guard {
    /// Notes a key that arrived at `at`. Keys are noted in the order of their arrival.
    pub fn saw(&mut self, at: Instant, meaning: Meaning) {
        self.saw_burst(at);
        self.saw_line(at, meaning);
    }

    fn saw_burst(&mut self, at: Instant) {
        while self.recent.front().is_some_and(|first| at.duration_since(*first) > BURST_WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        if self.recent.len() > BURST_KEYS {
            self.bursts.add(Span { first: self.recent[0], last: at });
        }
        // A flood needs no more than the window's proof.
        self.recent.truncate(4 * BURST_KEYS);
    }

    fn saw_line(&mut self, at: Instant, meaning: Meaning) {
        let mut chain = match self.chain {
            Some(chain) if at.duration_since(chain.span.last) <= AT_ONCE => chain,
            Some(_) | None => Chain { span: Span { first: at, last: at }, keys: 0, lines: 0 },
        };
        chain.span.last = at;
        chain.keys += 1;
        if meaning == Meaning::LineEnd && chain.keys > 1 {
            chain.lines += 1;
        }
        // What follows the end of a line in the same write is the next line.
        if chain.lines > 0 {
            self.lines.add(chain.span);
        }
        self.chain = Some(chain);
    }

    /// Whether the key that arrived at `at` may act at `now`. Ask when [`BURST_WINDOW`] has passed since `at`, or a burst that the key
    /// began is not known yet.
    pub fn doubt(&self, at: Instant, meaning: Meaning, now: Instant) -> Option<Doubt> {
        match meaning {
            Meaning::Rollback => None,
            Meaning::LineEnd | Meaning::Other if now.duration_since(at) > OLD => Some(Doubt::Old),
            Meaning::LineEnd | Meaning::Other => (self.lines.hold(at) || self.bursts.hold(at)).then_some(Doubt::Burst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Meaning::{LineEnd, Other, Rollback};

    /// Keys at their microseconds, and which of them may act once all are known.
    fn acts(keys: &[(u64, Meaning)]) -> Vec<bool> {
        let (mut guard, start) = (Guard::default(), Instant::now());
        let at = |micros: u64| start + Duration::from_micros(micros);
        keys.iter().for_each(|(micros, meaning)| guard.saw(at(*micros), *meaning));
        let end = keys.last().map_or(start, |(micros, _)| at(*micros)) + BURST_WINDOW;
        keys.iter().map(|(micros, meaning)| guard.doubt(at(*micros), *meaning, end).is_none()).collect()
    }

    #[test]
    fn nine_keys_at_once_are_no_hand_the_first_one_included() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for _ in 0..9 {
            guard.saw(now, Other);
        }
        assert_eq!(guard.doubt(now, Other, now + BURST_WINDOW), Some(Doubt::Burst));
        let later = now + Duration::from_millis(30);
        guard.saw(later, Other);
        assert_eq!(guard.doubt(later, Other, later), None);
    }

    #[test]
    fn two_keys_at_once_that_end_in_enter_are_a_paste() {
        assert_eq!(acts(&[(0, Other), (0, LineEnd)]), [false, false]);
        assert_eq!(acts(&[(0, Other), (1_900, Other), (3_800, LineEnd)]), [false, false, false]);
        assert_eq!(acts(&[(0, LineEnd), (0, LineEnd)]), [false, false]);
        // The second line of a paste is one too, and its rest without an end.
        assert_eq!(acts(&[(0, Other), (0, LineEnd), (0, Other), (900, Other)]), [false; 4]);
        assert_eq!(
            acts(&[(0, Other), (0, LineEnd), (90_000, Other), (90_000, LineEnd), (200_000, Other)]),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn a_hand_with_enter_is_a_hand() {
        assert_eq!(acts(&[(0, LineEnd)]), [true]);
        assert_eq!(acts(&[(0, Other), (5_000, LineEnd), (10_000, Other)]), [true; 3]);
        assert_eq!(acts(&[(0, Other), (0, Other), (0, Other)]), [true; 3]);
        assert_eq!(acts(&[(0, Other), (0, LineEnd), (9_000, Other)]), [false, false, true]);
    }

    #[test]
    fn a_line_does_not_take_the_way_home_along() {
        assert_eq!(acts(&[(0, Other), (0, LineEnd), (0, Rollback)]), [false, false, true]);
        assert_eq!(acts(&[(0, Rollback), (0, LineEnd)]), [true, false]);
    }

    #[test]
    fn a_fast_hand_is_a_hand() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for index in 0..50 {
            let at = now + Duration::from_millis(5 * index);
            guard.saw(at, Other);
            assert_eq!(guard.doubt(at, Other, at + BURST_WINDOW), None);
        }
    }

    #[test]
    fn a_flood_of_a_megabyte_is_one_burst_from_first_to_last() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        let mut last = now;
        for index in 0..100_000u64 {
            last = now + Duration::from_micros(index * 10);
            guard.saw(last, if index == 70_000 { Rollback } else { Other });
        }
        assert_eq!(guard.doubt(now, Other, last), Some(Doubt::Burst));
        assert_eq!(guard.doubt(last, Other, last), Some(Doubt::Burst));
        assert!(guard.recent.len() <= 4 * BURST_KEYS);
    }

    #[test]
    fn the_way_home_is_doubted_neither_for_its_age_nor_for_what_came_around_it() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        for index in 0..40 {
            guard.saw(now, if index % 3 == 0 { Rollback } else { Other });
        }
        assert_eq!(guard.doubt(now, Rollback, now), None);
        assert_eq!(guard.doubt(now, Rollback, now + Duration::from_mins(10)), None);
        assert_eq!(guard.doubt(now, Other, now), Some(Doubt::Burst));
    }

    #[test]
    fn what_waited_too_long_does_not_act() {
        let (mut guard, now) = (Guard::default(), Instant::now());
        guard.saw(now, Other);
        assert_eq!(guard.doubt(now, Other, now + Duration::from_millis(2_001)), Some(Doubt::Old));
    }
}
