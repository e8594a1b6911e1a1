//! The newest answers of a backend, from where most of them went bad: what its users meet now.
//!
//! A verdict rests on up to five minutes, so that few answers are enough; good ones from before a fault then stand beside the bad ones, and
//! their share says less than what everybody meets. Of all runs that end with the newest look this is the one in which bad answers outnumber
//! good ones the most. It judges nothing.

use std::cell::RefCell;

use crate::{
    core::{door::DoorLook, state::State},
    domain::{
        answer::{AnswerKind, Answers},
        id::BackendId,
        time::Timestamp,
    },
    plan::model::Route,
};

/// Bad answers beyond the good ones that make a run: two may come together on any day.
const EXCESS_MIN: i128 = 3;

/// So many of a backend's newest answers are bad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Newest {
    pub failed: u64,
    pub answers: u64,
    /// When the first of them was met.
    pub since: Timestamp,
}

impl Newest {
    pub fn share(&self) -> f64 {
        self.failed as f64 / self.answers.max(1) as f64
    }
}

/// The run of `backend`'s newest answers in which most are bad; nothing where there is none, or where it is all that is remembered.
pub(super) fn newest(state: &State, route: &Route, backend: &BackendId, is_bad: impl Fn(&AnswerKind) -> bool) -> Option<Newest> {
    let door = &state.routes.get(&route.id)?.front_door;
    // Where every answer bears a mark there is nothing to be charged with.
    let is_charged = !door.marks_all() && door.charge(route, state).to == Some(backend);
    // So few bad ones make no run, whichever looks they are of.
    let may_be_run = |failed: u64| i128::from(failed) >= EXCESS_MIN;
    if !is_charged && door.tally.kept(backend, &is_bad).is_some_and(|failed| !may_be_run(failed)) {
        return None;
    }
    // Hundreds of looks have met the same few kinds of answers.
    let is_bad = judged_once(is_bad);
    let is_bad_unmarked = judged_once(|kind: &AnswerKind| !door.accepts(route, kind));
    let unmarked = |look: &DoorLook| if is_charged { look.unmarked.count(&is_bad_unmarked) } else { 0 };
    let met = door.looks.iter().rev().map(|look| {
        let (own, unmarked) = (look.answers.get(backend), unmarked(look));
        let failed = own.map_or(0, |own| own.count(&is_bad)) + unmarked;
        Met { at: look.at, failed, answers: own.map_or(0, Answers::total) + unmarked }
    });
    let unmarked = if is_charged { door.tally.unmarked_kept(&is_bad_unmarked) } else { 0 };
    let of_all = |wanted: &dyn Fn(&AnswerKind) -> bool| Some(door.tally.kept(backend, wanted)? + unmarked);
    worst_run(met, of_all(&is_bad).zip(of_all(&|_| true)))
}

/// What of one look counts.
#[derive(Debug, Clone, Copy)]
struct Met {
    at: Timestamp,
    failed: u64,
    answers: u64,
}

/// Of all runs that begin with the newest look, which is the first, the one in which bad answers outnumber good ones the most. `of_all`: how many
/// of all that is remembered are bad, and how many there are, where somebody has counted: behind the last bad one no run gets worse, nor where
/// those that are left are too few for it.
fn worst_run(looks: impl Iterator<Item = Met>, of_all: Option<(u64, u64)>) -> Option<Newest> {
    let (mut failed, mut answers, mut best, mut most) = (0_u64, 0_u64, None, EXCESS_MIN);
    for look in looks {
        failed += look.failed;
        answers += look.answers;
        let excess = 2 * i128::from(failed) - i128::from(answers);
        // What adds nothing makes no longer run.
        if excess >= most && best.is_none_or(|best: Newest| best.answers < answers) {
            (most, best) = (excess, Some(Newest { failed, answers, since: look.at }));
        }
        // A longer run holds all bad ones at most, and as many answers more as it holds bad ones more.
        let no_worse = |all_failed: u64| i128::from(all_failed) + i128::from(failed) - i128::from(answers) < most;
        if of_all.is_some_and(|(all_failed, _)| failed == all_failed || no_worse(all_failed)) {
            break;
        }
    }
    let answers = of_all.map_or(answers, |(_, all)| all);
    best.filter(|best| best.answers < answers)
}

/// The same judgment, which is passed once on each kind.
fn judged_once(judge: impl Fn(&AnswerKind) -> bool) -> impl Fn(&AnswerKind) -> bool {
    let known: RefCell<Vec<(AnswerKind, bool)>> = RefCell::default();
    move |kind| {
        let found = known.borrow().iter().find(|(one, _)| one == kind).map(|(_, is_bad)| *is_bad);
        found.unwrap_or_else(|| {
            let is_bad = judge(kind);
            known.borrow_mut().push((kind.clone(), is_bad));
            is_bad
        })
    }
}

/// The same of answers that are not what one comes for.
pub(super) fn failing(state: &State, route: &Route, backend: &BackendId) -> Option<Newest> {
    let door = &state.routes.get(&route.id)?.front_door;
    newest(state, route, backend, |kind| !door.accepts(route, kind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whoever knows the sums walks less far and finds the same run.
        #[test]
        fn the_sums_end_the_walk_and_change_nothing(looks in proptest::collection::vec((0_u64..5, 0_u64..5), 0..60)) {
            let met = || looks.iter().zip(0..).map(|(&(failed, good), at)| Met { at: Timestamp(-at), failed, answers: failed + good });
            let of_all = met().fold((0, 0), |(failed, answers), look| (failed + look.failed, answers + look.answers));
            prop_assert_eq!(worst_run(met(), Some(of_all)), worst_run(met(), None));
        }
    }
}
