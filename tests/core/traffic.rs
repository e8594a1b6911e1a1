//! Whole decisions of the core on moving traffic forward: what is started, what waits, what is refused and why.

use crate::session::{Session, ana, ben, reads, refused, route, split, writes};
use cutover::{
    core::{
        command::Command,
        decision::{Cause, Refusal, Verdict},
        event::Event,
        reason::Mover,
        requests::{Requests, requests},
        state::{Motion, Otherwise},
    },
    domain::{
        digest::Digest,
        fault::{Fault, FaultKind, Outcome},
        time::Millis,
    },
    words::{self, Names},
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
    assert_eq!(reads(&done), 1, "{done:?}");
    assert!(matches!(session.route().motion, Motion::Propagating { .. }));
    session.calm(61);
    assert_eq!(session.route().motion, Motion::Settled);
}

#[test]
fn who_has_no_controls_moves_nothing() {
    let mut session = Session::at(0);
    let verdict = session.ask(&ben(), Command::Shift { route: route(), from: split(0), to: split(10) });
    assert_eq!(refused(verdict), Refusal::NoControls { holder: ana().who });
    assert_eq!(session.writes(), []);
}

#[test]
fn a_draft_that_began_elsewhere_is_refused_with_who_moved_first() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.settle();
    assert_eq!(
        refused(session.shift(0, 50)),
        Refusal::Moved { now: split(10), by: Some(Mover::Us(Cause::Operator { who: ana().who, reason: None, approved_by: None })) }
    );
    session.now = session.now + Millis::from_secs(1);
    session.foreign(200);
    assert_eq!(
        refused(session.shift(10, 50)),
        Refusal::Moved { now: split(200), by: Some(Mover::Foreign { actor: Some("terraform@ci".into()) }) }
    );
    assert_eq!(session.writes().len(), 1);
}

#[test]
fn of_those_that_wait_the_last_wish_wins() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    assert_eq!([session.shift(10, 50), session.shift(10, 80), session.shift(80, 100)], [Verdict::Queued, Verdict::Queued, Verdict::Queued]);
    session.write_done();
    session.calm(61);
    assert_eq!(session.writes().iter().map(|(_, to)| to.clone()).collect::<Vec<_>>(), [split(10), split(100)]);
}

#[test]
fn asking_for_where_it_stands_takes_back_what_waits() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.shift(10, 50);
    assert_eq!(session.shift(10, 10), Verdict::Accepted);
    session.settle();
    assert_eq!(session.writes().len(), 1);
    assert_eq!(refused(session.shift(10, 10)), Refusal::StandsThere);
}

#[test]
fn a_conflict_is_never_repeated_but_shown() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    let (effect, _) = session.last_write();
    let failed = session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    assert_eq!((writes(&failed).len(), reads(&failed)), (0, 1));
    session.now = session.now + Millis::from_secs(1);
    session.foreign(30);
    session.calm(30);
    assert_eq!(session.writes().len(), 1);
    assert_eq!(session.route().drift.as_ref().map(|drift| drift.found.clone()), Some(split(30)));
    assert!(matches!(refused(session.shift(30, 50)), Refusal::Drifted { .. }));
}

#[test]
fn an_advance_whose_outcome_nobody_knows_is_read_back_and_not_sent_twice() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    assert_eq!(refused(session.shift(10, 50)), Refusal::Unresolved);
    session.now = session.now + Millis::from_secs(1);
    session.foreign(10);
    session.calm(61);
    assert_eq!((session.writes().len(), &session.route().motion), (1, &Motion::Settled));
}

#[test]
fn held_means_no_advance_until_it_is_resumed() {
    let mut session = Session::at(10);
    session.ask(&ben(), Command::Hold { route: route() });
    assert_eq!(refused(session.shift(10, 50)), Refusal::Held { by: ben().who, otherwise: None });
    assert_eq!(session.ask(&ana(), Command::Resume { route: route() }), Verdict::Accepted);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
}

#[test]
fn a_route_that_another_version_left_is_held_by_nobody_and_says_why() {
    let mut session = Session::at(10);
    let digest = Digest::of(b"another");
    session.step(Event::TakenOver { from: 1, to: 2, digest });
    let why = refused(session.shift(10, 50));
    assert!(matches!(why, Refusal::Held { otherwise: Some(Otherwise { from: 1, to: 2 }), .. }), "{why:?}");
    let said = words::refusal(&why, Names::of(&session.state));
    assert!(said.contains("another version of cutover (fold 1) decided otherwise") && !said.contains("cutover holds"), "{said}");
    assert!(said.contains("resume it"), "{said}");
}

#[test]
fn requests_that_meet_the_old_split_while_a_step_spreads_contradict_nothing() {
    let mut session = Session::at_a_quarter();
    session.serve(10, 5);
    session.shift(250, 500);
    session.write_done();
    session.serve(10, 5);
    assert!(session.route().against_since.is_some(), "they do meet something else");
    assert_eq!(requests(session.route()), Requests::Spreading);
    session.serve(70, 10);
    assert_eq!((&session.route().motion, requests(session.route()).agree()), (&Motion::Settled, true));
    session.serve(10, 1);
    assert!(matches!(requests(session.route()), Requests::Disagree { .. }), "{:?}", requests(session.route()));
}

#[test]
fn three_changes_by_others_within_five_minutes_are_a_contest() {
    let mut session = Session::at(0);
    for share in [100, 200, 300] {
        session.calm(20);
        session.now = session.now + Millis::from_secs(1);
        session.foreign(share);
    }
    assert!(matches!(session.route().motion, Motion::NeedsHuman { .. }));
    assert_eq!(session.writes(), []);
    session.calm(3);
    assert_eq!(refused(session.shift(300, 310)), Refusal::Contended);
    assert_eq!(session.rollback(&ben()), Verdict::Accepted, "going back is never a contest");
}
