//! The proof of a breach: samples beyond a limit that span a duration.
//!
//! It begins with the source's own time of the first sample and is cleared by a newer one within the limit, and by nothing else. What
//! can't be known in between neither clears it nor counts. But isolated samples are no proof: once a living source, or an absent host, has
//! left more than half of the duration without one, the proof begins anew with the next. A source that is dead is another matter, since a
//! crashing pod takes its own metrics with it: then the clock runs on.

use serde::{Deserialize, Serialize};

use crate::{
    core::state::TriggerState,
    domain::time::{Millis, Timestamp},
    plan::model::Trigger,
};

/// Fewest samples in breach, with different source times, that a trigger fires on.
const SAMPLES_MIN: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BreachProof {
    /// Time of the first sample.
    pub since: Option<Timestamp>,
    /// Samples with different source times.
    pub samples: u32,
    pub newest: Option<Timestamp>,
    /// How long since the newest of them nobody has proven anything, though the source was alive or the host was away.
    pub unproven: Millis,
}

/// What a sample did to a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// It begins, for the first time or anew.
    Began,
    Cleared,
}

impl BreachProof {
    /// Time in which nothing was proven.
    pub(super) fn idle(&mut self, span: Millis) {
        if self.since.is_some() {
            self.unproven = Millis(self.unproven.0.saturating_add(span.0));
        }
    }

    /// A sample beyond the limit, which could be seen from then on.
    pub(super) fn beyond(&mut self, at: Timestamp, seen_from: Timestamp, lasting: Millis) -> Change {
        let newer = self.is_newer(at);
        let began = self.since.is_none() || (newer && self.is_interrupted(lasting));
        if began {
            self.since = Some(seen_from);
            self.samples = 0;
        }
        if newer {
            self.samples = self.samples.saturating_add(1);
            self.newest = Some(at);
            self.unproven = Millis(0);
        }
        if began { Change::Began } else { Change::Nothing }
    }

    /// A sample within the limit. An echo of something older than the breach can't end it.
    pub(super) fn within(&mut self, at: Timestamp) -> Change {
        if !self.is_newer(at) {
            return Change::Nothing;
        }
        let cleared = self.since.is_some();
        *self = BreachProof { newest: self.newest, ..BreachProof::default() };
        if cleared { Change::Cleared } else { Change::Nothing }
    }

    pub(super) fn is_newer(&self, at: Timestamp) -> bool {
        self.newest.is_none_or(|newest| at > newest)
    }

    /// Whether too much of the duration has passed without a word for the samples to belong together.
    fn is_interrupted(&self, lasting: Millis) -> bool {
        self.unproven.0.saturating_mul(2) > lasting.0
    }

    /// How much longer nothing may be proven before the samples don't belong together any more.
    fn lasts(&self, lasting: Millis) -> Millis {
        Millis((lasting.0 / 2).saturating_sub(self.unproven.0))
    }

    /// When the proof is complete if the source says nothing else, or dies; `None` where another sample is needed first.
    fn complete_at(&self, lasting: Millis) -> Option<Timestamp> {
        let since = self.since.filter(|_| self.samples > 0 && !self.is_interrupted(lasting))?;
        Some(since + lasting)
    }

    pub(super) fn is_complete(&self, lasting: Millis, now: Timestamp) -> bool {
        self.samples >= SAMPLES_MIN && self.complete_at(lasting).is_some_and(|at| now >= at)
    }
}

impl TriggerState {
    /// The proof against the trigger's own limit.
    pub fn proof(&self) -> BreachProof {
        BreachProof { since: self.pending_since, samples: self.breaches, newest: self.last_breach_at, unproven: self.unproven }
    }

    /// Nothing is breached any more; what has been seen stays seen.
    pub(super) fn begin_anew(&mut self) {
        self.set_proof(BreachProof { newest: self.last_breach_at, ..BreachProof::default() });
        self.disaster = BreachProof { newest: self.disaster.newest, ..BreachProof::default() };
        (self.withheld_since, self.gathered) = (None, None);
    }

    pub(super) fn set_proof(&mut self, proof: BreachProof) {
        self.pending_since = proof.since;
        self.breaches = proof.samples;
        self.last_breach_at = proof.newest;
        self.unproven = proof.unproven;
    }

    /// When the trigger fires if nothing else is heard: by its own limit or as a disaster, whichever comes first.
    pub fn fires_at(&self, trigger: &Trigger) -> Option<Timestamp> {
        let disaster = trigger.at_once.and_then(|at_once| self.disaster.complete_at(at_once.lasting));
        self.proof().complete_at(trigger.lasting).into_iter().chain(disaster).min()
    }

    /// When the clock that fires first stops, if the source goes on answering and proves nothing: before it fires, and not while the newest figure
    /// is beyond the limit.
    pub(super) fn lapses_at(&self, trigger: &Trigger, now: Timestamp) -> Option<Timestamp> {
        let proves_nothing = self.reading.gap().is_some_and(|gap| !gap.is_dead_source());
        let disaster = trigger.at_once.map(|at_once| (self.disaster, at_once.lasting));
        let proofs = [(self.proof(), trigger.lasting)].into_iter().chain(disaster);
        let (fires_at, proof, lasting) =
            proofs.filter_map(|(proof, lasting)| Some((proof.complete_at(lasting)?, proof, lasting))).min_by_key(|(at, ..)| *at)?;
        Some(now + proof.lasts(lasting)).filter(|at| proves_nothing && *at < fires_at)
    }

    /// Whether too little was proven for too long.
    pub(super) fn is_lapsed(&self, trigger: &Trigger) -> bool {
        self.pending_since.is_some() && self.fires_at(trigger).is_none()
    }

    pub(super) fn is_due(&self, trigger: &Trigger, now: Timestamp) -> bool {
        let disaster = trigger.at_once.is_some_and(|at_once| self.disaster.is_complete(at_once.lasting, now));
        disaster || self.proof().is_complete(trigger.lasting, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTING: Millis = Millis::from_mins(2);

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1000)
    }

    /// A sample beyond the limit each `every` seconds from 0 to 120, with a living source that says nothing in between.
    fn each(every: u64) -> BreachProof {
        let mut proof = BreachProof::default();
        for second in (0..=120).step_by(every as usize) {
            proof.beyond(at(second), at(second), LASTING);
            proof.idle(Millis::from_secs(every - 1));
        }
        proof
    }

    #[test]
    fn samples_that_span_the_duration_prove_it_and_isolated_ones_do_not() {
        assert!(each(5).is_complete(LASTING, at(120)));
        assert!(each(60).is_complete(LASTING, at(120)));
        let isolated = each(62);
        assert_eq!((isolated.since, isolated.samples), (Some(at(62)), 1), "it began anew");
        assert!(!isolated.is_complete(LASTING, at(240)));
    }

    #[test]
    fn a_dead_source_lets_the_clock_run_and_a_mute_one_does_not() {
        let mut proof = BreachProof::default();
        for second in [0, 5] {
            proof.beyond(at(second), at(second), LASTING);
        }
        assert!(!proof.is_complete(LASTING, at(119)) && proof.is_complete(LASTING, at(120)));
        proof.idle(Millis::from_secs(61));
        assert_eq!((proof.complete_at(LASTING), proof.is_complete(LASTING, at(300))), (None, false));
        assert_eq!(proof.since, Some(at(0)), "it is not cleared either");
        assert_eq!(proof.beyond(at(90), at(90), LASTING), Change::Began);
        assert_eq!(proof.complete_at(LASTING), Some(at(210)));
    }

    #[test]
    fn only_a_newer_sample_within_the_limit_clears() {
        let mut proof = BreachProof::default();
        proof.beyond(at(10), at(10), LASTING);
        assert_eq!(proof.within(at(9)), Change::Nothing);
        assert_eq!(proof.within(at(15)), Change::Cleared);
        assert_eq!((proof.since, proof.samples), (None, 0));
        // What came before the newest breach never begins another.
        assert_eq!((proof.beyond(at(10), at(16), LASTING), proof.samples), (Change::Began, 0));
    }

    proptest::proptest! {
        /// Whatever is heard: complete means that every stretch without a sample, while the source lived, was at most half of the duration.
        #[test]
        fn a_complete_proof_has_no_hole(steps in proptest::collection::vec((1u64..40, 0u8..4), 1..60)) {
            let (mut proof, mut now) = (BreachProof::default(), at(0));
            // Kept apart: how long the source has been alive and mute since the last sample that counts.
            let (mut mute, mut first, mut count) = (0, None, 0);
            for (seconds, what) in steps {
                now = now + Millis::from_secs(seconds);
                match what {
                    0 | 1 => {
                        if mute > 60 { (first, count) = (None, 0); }
                        first = first.or(Some(now));
                        (mute, count) = (0, count + 1);
                        proof.beyond(now, now, LASTING);
                    }
                    2 => {
                        mute += if first.is_some() { seconds } else { 0 };
                        proof.idle(Millis::from_secs(seconds));
                    }
                    // A dead source.
                    _ => {}
                }
                let wanted = mute <= 60 && count >= 2 && first.is_some_and(|first| now.since(first) >= LASTING);
                proptest::prop_assert_eq!(proof.is_complete(LASTING, now), wanted);
            }
        }
    }
}
