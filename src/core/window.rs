//! The looks that observed shares rest on, and what all of them come to.
//!
//! A window takes a look every second and is asked for its sums at every entry, so these are carried on and not counted anew. Looks come
//! and go through this file alone, so the sums are theirs.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    core::state::Look,
    domain::{id::BackendId, table::Table, time::Timestamp},
};

/// Oldest first. Written as the list of its looks; copies of a state share them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    looks: VecDeque<Arc<Look>>,
    sums: Sums,
}

/// Wide enough never to be cut off at the top, so that what was added can be taken away again.
#[derive(Debug, Clone, PartialEq, Default)]
struct Sums {
    by_backend: Table<BackendId, Named>,
    failed: u128,
    dropped: u128,
    unmarked: u128,
}

/// In how many looks a backend is named, and with how many answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Named {
    looks: usize,
    answers: u128,
}

impl Window {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Look> {
        self.looks.iter().map(Arc::as_ref)
    }
    pub fn is_empty(&self) -> bool {
        self.looks.is_empty()
    }
    pub fn len(&self) -> usize {
        self.looks.len()
    }
    pub(super) fn oldest(&self) -> Option<&Look> {
        self.looks.front().map(Arc::as_ref)
    }

    /// When the newest answer came: a look that met none says nothing of what requests meet.
    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        let answers = |look: &&Look| look.unmarked > 0 || look.by_backend.values().any(|count| *count > 0);
        self.iter().rev().find(answers).map(|look| look.at)
    }

    pub(super) fn push(&mut self, look: Look) {
        let Sums { by_backend, failed, dropped, unmarked } = &mut self.sums;
        for (id, answers) in &look.by_backend {
            let named = by_backend.get_or_insert_with(id, Named::default);
            *named = Named { looks: named.looks + 1, answers: named.answers + u128::from(*answers) };
        }
        *failed += u128::from(look.failed);
        *dropped += u128::from(look.dropped);
        *unmarked += u128::from(look.unmarked);
        self.looks.push_back(Arc::new(look));
    }

    /// Lets go the oldest looks as long as they are from so long ago.
    pub(super) fn let_go(&mut self, is_old: impl Fn(Timestamp) -> bool) {
        while self.looks.front().is_some_and(|look| is_old(look.at)) {
            let Some(look) = self.looks.pop_front() else { return };
            let Sums { by_backend, failed, dropped, unmarked } = &mut self.sums;
            for (id, answers) in &look.by_backend {
                match by_backend.get_mut(id) {
                    Some(named) if named.looks > 1 => {
                        *named = Named { looks: named.looks - 1, answers: named.answers - u128::from(*answers) };
                    }
                    Some(_) | None => drop(by_backend.remove(id)),
                }
            }
            *failed -= u128::from(look.failed);
            *dropped -= u128::from(look.dropped);
            *unmarked -= u128::from(look.unmarked);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Window::default();
    }

    /// Moves the time of every look.
    pub(super) fn shift(&mut self, shift: impl Fn(&mut Timestamp)) {
        self.looks.iter_mut().for_each(|look| shift(&mut Arc::make_mut(look).at));
    }

    /// All looks as one: the sums of what each met.
    pub(super) fn whole(&self, at: Timestamp) -> Look {
        let Sums { by_backend, failed, dropped, unmarked } = &self.sums;
        let by_backend = by_backend.iter().map(|(id, named)| (id.clone(), bounded(named.answers))).collect();
        Look { at, by_backend, failed: bounded(*failed), dropped: bounded(*dropped), unmarked: bounded(*unmarked) }
    }

    /// Whether anybody of such answered.
    pub(super) fn has_answers(&self, of: impl Fn(&BackendId) -> bool) -> bool {
        self.sums.by_backend.iter().any(|(id, named)| named.answers > 0 && of(id))
    }

    /// Answers that bore somebody's mark.
    pub(super) fn marked(&self) -> u64 {
        bounded(self.sums.by_backend.values().map(|named| named.answers).sum())
    }

    /// Those that bore nobody's.
    pub(super) fn unmarked(&self) -> u64 {
        bounded(self.sums.unmarked)
    }
}

fn bounded(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut window = Window::default();
        Vec::<Look>::deserialize(deserializer)?.into_iter().for_each(|look| window.push(look));
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKENDS: [&str; 3] = ["run", "gke", "frontend-hotfix"];

    fn look(at: i64, named: &[(usize, u64)], rest: (u64, u64, u64)) -> Look {
        let by_backend = named.iter().map(|(place, count)| (BACKENDS[*place].parse().unwrap(), *count)).collect();
        Look { at: Timestamp(at), by_backend, failed: rest.0, dropped: rest.1, unmarked: rest.2 }
    }

    proptest! {
        /// Whatever comes and goes: a window is the one that its looks alone would make, and its sums are those of counting them.
        #[test]
        fn the_sums_are_those_of_the_looks(
            looks in proptest::collection::vec(
                (proptest::collection::vec((0_usize..3, 0_u64..9), 0..4), (0_u64..9, 0_u64..9, 0_u64..9), 0_i64..4), 1..40),
        ) {
            let mut window = Window::default();
            for (at, (named, rest, kept)) in looks.into_iter().enumerate() {
                window.push(look(at as i64, &named, rest));
                window.let_go(|old| old.0 < at as i64 - kept);
                let read: Window = serde_json::from_str(&serde_json::to_string(&window).unwrap()).unwrap();
                prop_assert_eq!(&read, &window);
                let whole = window.whole(Timestamp(0));
                for (id, count) in &whole.by_backend {
                    let named = window.iter().filter_map(|look| look.by_backend.get(id));
                    prop_assert_eq!(named.sum::<u64>(), *count);
                }
                prop_assert_eq!(window.iter().map(|look| look.failed).sum::<u64>(), whole.failed);
                prop_assert_eq!(window.iter().flat_map(|look| look.by_backend.values()).sum::<u64>(), window.marked());
            }
        }
    }
}
