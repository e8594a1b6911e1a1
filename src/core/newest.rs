//! The newest answers of a backend, from where most of them went bad: what its users meet now.
//!
//! A verdict rests on up to five minutes, so that few answers are enough; good ones from before a fault then stand beside the bad ones, and
//! their share says less than what everybody meets. Of all runs that end with the newest look this is the one in which bad answers outnumber
//! good ones the most. It judges nothing.

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
    let is_charged = door.charge(route, state).to == Some(backend);
    // So few bad ones make no run, whichever looks they are of.
    let may_be_run = |failed: u64| i128::from(failed) >= EXCESS_MIN;
    if !is_charged && door.tally.kept(backend, &is_bad).is_some_and(|failed| !may_be_run(failed)) {
        return None;
    }
    let bad_unmarked = |look: &DoorLook| if is_charged { look.unmarked.count(|kind| !door.accepts(route, kind)) } else { 0 };
    let (mut failed, mut answers, mut best, mut most) = (0_u64, 0_u64, None, EXCESS_MIN);
    for look in door.looks.iter().rev() {
        let own = look.answers.get(backend);
        let unmarked = bad_unmarked(look);
        failed += own.map_or(0, |own| own.count(&is_bad)) + unmarked;
        answers += own.map_or(0, Answers::total) + unmarked;
        let excess = 2 * i128::from(failed) - i128::from(answers);
        // What adds nothing makes no longer run.
        if excess >= most && best.is_none_or(|best: Newest| best.answers < answers) {
            (most, best) = (excess, Some(Newest { failed, answers, since: look.at }));
        }
    }
    best.filter(|best| best.answers < answers)
}

/// The same of answers that are not what one comes for.
pub(super) fn failing(state: &State, route: &Route, backend: &BackendId) -> Option<Newest> {
    let door = &state.routes.get(&route.id)?.front_door;
    newest(state, route, backend, |kind| !door.accepts(route, kind))
}
