//! Whole decisions of the core on moving traffic forward: what is started, what waits, what is refused and why.

#[path = "common/core.rs"]
mod common;

use common::{Session, ana, ben, notes, reads, refused, split, writes};
use cutover::core::{
    decision::{Refusal, Verdict},
    state::Motion,
};

#[test]
fn a_shift_is_one_write_against_the_version_that_was_seen() {
    let mut session = Session::at(0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let decision = session.decisions.last().unwrap();
    assert_eq!(writes(decision).len(), 1);
    assert_eq!(session.last_write().1, split(10));
    assert!(matches!(session.route().motion, Motion::Writing { .. }));
    let done = session.write_done();
    assert_eq!(reads(&done), 1, "{}", notes(&done));
    assert!(matches!(session.route().motion, Motion::Propagating { .. }));
    session.calm(61);
    assert_eq!(session.route().motion, Motion::Settled);
}

#[test]
fn who_has_no_controls_moves_nothing() {
    let mut session = Session::at(0);
    let verdict = session.ask(&ben(), cutover::core::command::Command::Shift { route: common::route(), from: split(0), to: split(10) });
    assert_eq!(refused(verdict), Refusal::NoControls { holder: ana().who });
    assert_eq!(session.writes(), []);
}
