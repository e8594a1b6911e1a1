//! Sums over the looks through a front door, carried on from look to look instead of being counted anew at each.
//!
//! They say nothing that the looks don't, so they are neither written nor compared, and whoever reads a state counts once. The sums hold every
//! kind of answer; where there are more than one [`Answers`] tells apart, they can't say what a count from the looks would, and don't.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    core::door::{Among, DoorLook, KEPT, WINDOW},
    domain::{
        answer::{AnswerKind, Answers, KINDS_MAX},
        id::BackendId,
        table::Table,
        time::Timestamp,
    },
};

#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Of all looks that are kept.
    kept: Table<BackendId, Kinds>,
    /// Of those of the last minute.
    minute: Table<BackendId, Kinds>,
    unmarked: Kinds,
    unmarked_kept: Kinds,
    /// How many looks are counted, and how many of them for the minute: the newest.
    counted: usize,
    young: usize,
}

/// Two states that have seen the same are the same, however each came to know it.
impl PartialEq for Tally {
    fn eq(&self, _: &Tally) -> bool {
        true
    }
}

impl Tally {
    /// Counts the newest look, and lets go what is too old by now, here and there. Times never fall from one look to the next.
    pub(super) fn follow(&mut self, looks: &mut VecDeque<Arc<DoorLook>>, now: Timestamp) {
        if self.counted + 1 != looks.len() {
            *self = Tally::default();
        }
        while let Some(look) = looks.get(self.counted) {
            add_all(&mut self.kept, look);
            add_all(&mut self.minute, look);
            self.unmarked.add_all(&look.unmarked);
            self.unmarked_kept.add_all(&look.unmarked);
            (self.counted, self.young) = (self.counted + 1, self.young + 1);
        }
        let oldest = |young: usize, looks: &VecDeque<Arc<DoorLook>>| looks.get(looks.len() - young).cloned();
        while let Some(look) = oldest(self.young, looks).filter(|look| now.since(look.at) > WINDOW) {
            take_all(&mut self.minute, &look);
            self.unmarked.take_all(&look.unmarked);
            self.young -= 1;
        }
        while looks.front().is_some_and(|look| now.since(look.at) > KEPT) {
            if let Some(look) = looks.pop_front() {
                take_all(&mut self.kept, &look);
                self.unmarked_kept.take_all(&look.unmarked);
            }
            self.counted -= 1;
        }
    }

    /// A backend's answers of the last minute, and older ones as long as there are fewer than `wanted`; `None` where only the looks tell.
    pub(super) fn recent(&self, backend: &BackendId, wanted: u64) -> Option<Answers> {
        let all = self.all(backend)?;
        let minute = self.minute.get(backend).map_or_else(Answers::default, Kinds::answers);
        match (minute.total(), all.total()) {
            (young, kept) if young >= wanted || young == kept => Some(minute),
            (_, kept) if kept <= wanted => Some(all),
            (_, _) => None,
        }
    }

    /// All of a backend's answers that are kept; `None` where only the looks tell.
    pub(super) fn all(&self, backend: &BackendId) -> Option<Answers> {
        let kinds = self.kept.get(backend);
        let told = self.counted > 0 && kinds.is_none_or(|kinds| kinds.0.len() <= KINDS_MAX);
        told.then(|| kinds.map_or_else(Answers::default, Kinds::answers))
    }

    /// Whether nothing that is kept bears nobody's mark and is of such a kind; `false` where only the looks tell.
    pub(super) fn holds_no_unmarked(&self, wanted: impl Fn(&AnswerKind) -> bool) -> bool {
        self.counted > 0 && self.unmarked_kept.count(wanted) == 0
    }

    /// The answers among which a backend's newest are, those without a mark that are of such a kind: where the last minute holds `wanted` of its
    /// own, or all that are kept. `None` where only the looks tell.
    pub(super) fn newest(&self, backend: &BackendId, wanted: u64, good: impl Fn(&AnswerKind) -> bool) -> Option<Among> {
        let (own, kept) = (self.answers_of(backend), self.kept.get(backend).map_or(0, |kinds| saturated(kinds.total())));
        (self.counted > 0 && (own >= wanted || own == kept)).then(|| Among { own, unmarked: self.unmarked(good), all: self.answers() })
    }

    /// A backend's answers of such a kind, of all that are kept; nothing where nobody has counted.
    pub(super) fn kept(&self, backend: &BackendId, wanted: impl Fn(&AnswerKind) -> bool) -> Option<u64> {
        let kinds = self.kept.get(backend);
        (self.counted > 0).then(|| kinds.map_or(0, |kinds| kinds.count(wanted)))
    }

    /// Those of all that are kept that bear nobody's mark and are of such a kind; nothing where nobody has counted.
    pub(super) fn unmarked_kept(&self, wanted: impl Fn(&AnswerKind) -> bool) -> u64 {
        self.unmarked_kept.count(wanted)
    }

    /// Everybody's answers of the last minute, marked or not.
    pub(super) fn answers(&self) -> u64 {
        saturated(self.minute.values().map(Kinds::total).sum::<u128>() + self.unmarked.total())
    }

    /// A backend's answers of the last minute.
    pub(super) fn answers_of(&self, backend: &BackendId) -> u64 {
        self.minute.get(backend).map_or(0, |kinds| saturated(kinds.total()))
    }

    /// Those of the last minute that bear nobody's mark and are of such a kind.
    pub(super) fn unmarked(&self, wanted: impl Fn(&AnswerKind) -> bool) -> u64 {
        self.unmarked.count(wanted)
    }
}

/// Sorted, and none is there without a count. What can be taken away again must not have been cut off at the top.
#[derive(Debug, Clone, Default)]
struct Kinds(Vec<(AnswerKind, u128)>);

impl Kinds {
    fn add_all(&mut self, answers: &Answers) {
        for (kind, count) in answers.iter().filter(|(_, count)| *count > 0) {
            match self.place(kind) {
                Ok(known) => self.0[known].1 += u128::from(count),
                Err(place) => self.0.insert(place, (kind.clone(), u128::from(count))),
            }
        }
    }

    fn take_all(&mut self, answers: &Answers) {
        for (kind, count) in answers.iter() {
            let Ok(known) = self.place(kind) else { continue };
            let left = self.0[known].1.saturating_sub(u128::from(count));
            self.0[known].1 = left;
            if left == 0 {
                self.0.remove(known);
            }
        }
    }

    fn place(&self, kind: &AnswerKind) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(kind))
    }
    fn count(&self, wanted: impl Fn(&AnswerKind) -> bool) -> u64 {
        saturated(self.0.iter().filter(|(kind, _)| wanted(kind)).map(|(_, count)| count).sum())
    }
    fn total(&self) -> u128 {
        self.0.iter().map(|(_, count)| count).sum()
    }
    fn answers(&self) -> Answers {
        self.0.iter().map(|(kind, count)| (kind.clone(), saturated(*count))).collect()
    }
}

fn add_all(counts: &mut Table<BackendId, Kinds>, look: &DoorLook) {
    for (backend, answers) in look.answers.iter().filter(|(_, answers)| answers.total() > 0) {
        counts.get_or_insert_with(backend, Kinds::default).add_all(answers);
    }
}

fn take_all(counts: &mut Table<BackendId, Kinds>, look: &DoorLook) {
    for (backend, answers) in &look.answers {
        let Some(kinds) = counts.get_mut(backend) else { continue };
        kinds.take_all(answers);
        if kinds.0.is_empty() {
            counts.remove(backend);
        }
    }
}

fn saturated(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{core::door::FrontDoor, domain::time::Millis};

    const BACKENDS: [&str; 2] = ["run", "gke"];

    fn answers(kinds: &[(u16, u64)]) -> Answers {
        let named = kinds.iter().map(|(status, count)| (format!("{} -", 200 + status).parse().unwrap(), *count));
        named.collect()
    }

    proptest! {
        /// Whatever was met, and however long nobody looked: the sums say what counting the looks says, or nothing.
        #[test]
        fn the_sums_are_those_of_the_looks(
            looks in proptest::collection::vec(
                (1_u64..70_000, proptest::collection::vec((0_usize..3, 0_u16..12, 0_u64..9), 0..4), any::<bool>()), 1..60),
        ) {
            let (mut door, mut now) = (FrontDoor::default(), Timestamp(0));
            for (after, met, is_read_back) in looks {
                // Mostly a few seconds, sometimes longer than a minute.
                now = now + Millis(if after % 7 == 0 { after } else { after % 4_000 });
                let of = |place: usize| {
                    let own: Vec<_> = met.iter().filter(|one| one.0 == place).map(|(_, status, count)| (*status, *count)).collect();
                    answers(&own)
                };
                let marked = (0..2).map(|place| (BACKENDS[place].parse().unwrap(), of(place))).collect();
                door.take_up(DoorLook { at: now, answers: marked, unmarked: of(2) }, now);
                let looks = door.looks.clone();
                let plain = FrontDoor { looks: looks.clone(), ..FrontDoor::default() };
                for backend in BACKENDS.map(|name| name.parse::<BackendId>().unwrap()) {
                    prop_assert_eq!(door.answers(&backend, now), plain.answers(&backend, now));
                    prop_assert_eq!(door.remembered(&backend), plain.remembered(&backend));
                    let young = looks.iter().filter(|look| now.since(look.at) <= WINDOW);
                    prop_assert_eq!(door.tally.answers_of(&backend), young.map(|look| look.answers[&backend].total()).sum::<u64>());
                }
                let good = |kind: &AnswerKind| kind.status() > 205;
                for backend in BACKENDS.map(|name| name.parse::<BackendId>().unwrap()) {
                    let of_all = looks.iter().map(|look| look.answers[&backend].count(good)).sum::<u64>();
                    prop_assert_eq!(door.tally.kept(&backend, good), Some(of_all));
                    // Newest first: all of the last minute, and of those before it as long as too few have answered.
                    let (mut sum, mut among) = (Among::default(), Among::default());
                    for look in looks.iter().rev() {
                        let (is_young, own) = (now.since(look.at) <= WINDOW, look.answers[&backend].total());
                        if !is_young && sum.own >= 5 {
                            break;
                        }
                        sum.own += own;
                        sum.all += look.unmarked.total() + look.answers.values().map(Answers::total).sum::<u64>();
                        sum.unmarked += look.unmarked.count(good);
                        if is_young || own > 0 {
                            among = sum;
                        }
                    }
                    let told = door.tally.newest(&backend, 5, good);
                    prop_assert!(told.is_none_or(|told| told == among), "{told:?} against {among:?}");
                    let young_own = looks.iter().filter(|look| now.since(look.at) <= WINDOW).map(|look| look.answers[&backend].total());
                    prop_assert!(told.is_some() || young_own.sum::<u64>() < 5);
                }
                let young = || looks.iter().filter(|look| now.since(look.at) <= WINDOW);
                let failed = young().map(|look| look.unmarked.count(|kind| kind.status() > 205)).sum::<u64>();
                prop_assert_eq!(door.tally.unmarked(|kind| kind.status() > 205), failed);
                let holds_none = looks.iter().all(|look| look.unmarked.count(good) == 0);
                prop_assert_eq!(door.tally.holds_no_unmarked(good), holds_none);
                let all = young().map(|look| look.unmarked.total() + look.answers.values().map(Answers::total).sum::<u64>());
                prop_assert_eq!(door.tally.answers(), all.sum::<u64>());
                prop_assert!(looks.iter().all(|look| now.since(look.at) <= KEPT));
                if is_read_back {
                    door = FrontDoor { looks, ..FrontDoor::default() };
                }
            }
        }
    }
}
