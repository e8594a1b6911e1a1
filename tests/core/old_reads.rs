//! Reads that lag behind a write of this session: unknown, asked for again, nobody's change and no proof of home.

use crate::session::{SECOND, Session, ben, reads, route, split, told, writes};
use cutover::{
    core::{
        decision::{Decision, Effect, Verdict},
        event::Event,
        home::Home,
        news::News,
        reason::Mover,
        state::Motion,
    },
    domain::{
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::EffectId,
        time::Millis,
        weight::PerMille,
    },
};

/// The newest write is done, and nobody has looked since.
fn done(session: &mut Session) -> Decision {
    let (effect, _) = session.last_write();
    session.version += 1;
    let version = Some(session.version());
    session.finish(effect, Outcome::Done(Receipt { version, operation: None }))
}

/// A look finds `share` under the version that the object had so many changes ago.
fn read_old(session: &mut Session, share: u16, changes_ago: u64) -> Decision {
    session.version -= changes_ago;
    let decision = session.weights(share);
    session.version += changes_ago;
    decision
}

/// From a quarter to a half by a write that was done a moment ago.
fn moved_to_a_half() -> Session {
    let mut session = Session::at_a_quarter();
    session.calm(40);
    assert_eq!(session.shift(250, 500), Verdict::Accepted);
    done(&mut session);
    session
}

fn is_told_old(decision: &Decision) -> bool {
    matches!(told(decision), [News::OldRead { .. }])
}

fn against(session: &Session, effect: EffectId) -> Version {
    match &session.state.in_flight[&effect].deal {
        Effect::Write { version, .. } => version.clone(),
        other => panic!("no write: {other:?}"),
    }
}

#[test]
fn what_a_write_has_replaced_is_no_change_and_is_asked_for_again_until_it_is_gone() {
    let mut session = moved_to_a_half();
    // In the very millisecond of the outcome too: a look that began before it may be stamped like one that began after.
    assert!(is_told_old(&read_old(&mut session, 250, 1)));
    for _ in 0..8 {
        session.end_reads();
        session.now = session.now + SECOND;
        let decision = read_old(&mut session, 250, 1);
        assert_eq!((told(&decision), reads(&decision)), (&[][..], 1), "told once, asked for each second");
        assert_eq!(session.route().accepted.as_ref().unwrap().weights, split(500));
        assert_eq!(session.route().drift, None);
    }
    let decision = session.weights(500);
    assert_eq!(told(&decision), []);
    assert_eq!(session.route().wanted, Some(split(500)));
    assert!(matches!(session.route().motion, Motion::Propagating { .. }));
    // Another place of the API may still lag behind.
    session.now = session.now + SECOND;
    assert!(is_told_old(&read_old(&mut session, 250, 1)));
    assert_eq!(session.route().drift, None);
}

#[test]
fn what_stood_before_is_believed_when_it_stands_there_for_longer_than_an_old_read_can() {
    let mut session = moved_to_a_half();
    read_old(&mut session, 250, 1);
    session.now = session.now + Millis(9_999);
    assert_eq!(told(&read_old(&mut session, 250, 1)), []);
    session.now = session.now + Millis(1);
    let decision = read_old(&mut session, 250, 1);
    let foreign = Mover::Foreign { actor: None };
    assert_eq!(told(&decision), [News::Drifted { route: route(), expected: split(500), found: split(250), by: foreign }]);
}

#[test]
fn a_version_that_is_neither_ours_nor_the_one_before_is_somebody_elses_at_once() {
    let mut session = moved_to_a_half();
    read_old(&mut session, 250, 1);
    // With the very weights that stood before: by its version it is another change.
    let decision = session.foreign(250);
    assert!(matches!(told(&decision), [News::Drifted { by: Mover::Foreign { actor: Some(_) }, .. }]), "{:?}", told(&decision));
    // And what was before both is still an old read, and takes nothing of that back.
    session.now = session.now + SECOND;
    assert!(is_told_old(&read_old(&mut session, 250, 2)));
    assert!(session.route().drift.is_some());
}

#[test]
fn a_rollback_waits_for_no_look_after_a_write_that_named_its_version() {
    for old_reads in [0, 1, 5] {
        let mut session = moved_to_a_half();
        for _ in 0..old_reads {
            session.now = session.now + SECOND;
            read_old(&mut session, 250, 1);
        }
        let before = session.writes().len();
        assert_eq!(session.rollback(&ben()), Verdict::Accepted);
        let (effect, to) = session.last_write();
        assert_eq!((session.writes().len(), to), (before + 1, split(0)));
        assert_eq!(against(&session, effect), session.version());
        done(&mut session);
        for changes_ago in [1, 2] {
            assert_eq!(writes(&read_old(&mut session, [500, 250][changes_ago as usize - 1], changes_ago)), [], "nobody undid it");
        }
        assert!(matches!(session.home(), Home::Accepted { .. }), "{:?}", session.home());
        assert_eq!((session.route().drift.clone(), session.route().flips.len()), (None, 0));
        session.weights(0);
        assert!(matches!(session.route().motion, Motion::Propagating { .. }));
    }
}

#[test]
fn home_as_it_was_before_a_step_is_no_proof_of_home_after_it() {
    let mut session = Session::at(0);
    session.calm(40);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    done(&mut session);
    read_old(&mut session, 0, 1);
    assert_eq!(session.home(), Home::Away { given: PerMille::new(10).unwrap() });
    let before = session.writes().len();
    session.rollback(&ben());
    assert_eq!(session.writes().len(), before + 1, "home is written and not found");
    read_old(&mut session, 0, 1);
    assert!(session.route().motion.is_returning(), "{:?}", session.route().motion);
}

#[test]
fn a_step_that_was_done_after_a_rollback_overtook_it_is_gone_back_from_though_reads_say_home() {
    let mut session = Session::at(0);
    session.calm(40);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let (step, _) = session.last_write();
    session.rollback(&ben());
    let (home, _) = session.last_write();
    session.version += 1;
    let version = Some(session.version());
    session.finish(step, Outcome::Done(Receipt { version, operation: None }));
    let decision = session.finish(home, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    let [(effect, to)] = &writes(&decision)[..] else { panic!("{decision:?}") };
    assert_eq!((to, against(&session, *effect)), (&split(0), session.version()), "at once, against what the step made");
    read_old(&mut session, 0, 1);
    assert!(session.route().motion.is_returning(), "{:?}", session.route().motion);
}

#[test]
fn a_read_of_what_the_api_has_just_refused_accuses_nobody_and_is_no_arrival() {
    let mut session = Session::at_a_quarter();
    session.calm(40);
    session.rollback(&ben());
    let conflict = || Outcome::NotDone(Fault::new(FaultKind::Conflict, "412"));
    for attempt in 1..=6 {
        let (effect, _) = session.last_write();
        session.finish(effect, conflict());
        session.now = session.now + Millis::from_secs(2);
        let before = session.writes().len();
        let decision = session.weights(250);
        assert!(!told(&decision).iter().any(|news| matches!(news, News::CameFirst { .. })), "{:?}", told(&decision));
        assert_eq!(session.writes().len(), before + 1, "attempt {attempt} is followed by the next one");
        session.end_reads();
    }
    let (effect, _) = session.last_write();
    session.finish(effect, conflict());
    let decision = session.foreign(300);
    assert!(matches!(told(&decision), [News::CameFirst { by: Mover::Foreign { .. }, .. }]), "{:?}", told(&decision));
}

#[test]
fn home_that_is_read_under_the_version_that_was_refused_is_not_home() {
    let mut session = Session::at(0);
    session.calm(40);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let (step, _) = session.last_write();
    session.finish(step, Outcome::Unknown(Fault::new(FaultKind::Broken, "reset")));
    session.now = session.now + SECOND;
    session.weights(0);
    session.rollback(&ben());
    let (home, _) = session.last_write();
    session.finish(home, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    session.weights(0);
    assert!(session.route().motion.is_returning(), "the API has just said that it is elsewhere");
    let (again, _) = session.last_write();
    session.finish(again, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    session.version += 1;
    let decision = session.weights(10);
    assert!(matches!(told(&decision), [News::CameFirst { by: Mover::OurLateWrite, .. }, ..]), "{:?}", told(&decision));
}

#[test]
fn a_write_that_a_look_has_found_done_makes_what_was_before_it_old() {
    let mut session = Session::at_a_quarter();
    session.calm(40);
    assert_eq!(session.shift(250, 500), Verdict::Accepted);
    let (step, _) = session.last_write();
    session.finish(step, Outcome::Unknown(Fault::new(FaultKind::Broken, "reset")));
    session.now = session.now + SECOND;
    read_old(&mut session, 250, 0);
    session.version += 1;
    session.now = session.now + SECOND;
    let decision = session.weights(500);
    assert_eq!(told(&decision), [News::DidHappen { route: route(), to: split(500) }]);
    session.now = session.now + SECOND;
    assert!(is_told_old(&read_old(&mut session, 250, 1)));
    assert_eq!((session.route().wanted.clone(), session.route().drift.clone()), (Some(split(500)), None));
    // Nor does it keep a rollback waiting.
    session.rollback(&ben());
    let (effect, _) = session.last_write();
    assert_eq!(against(&session, effect), session.version());
}

#[test]
fn a_write_that_changed_nothing_makes_nothing_old() {
    let mut session = Session::at_a_quarter();
    session.calm(40);
    assert_eq!(session.shift(250, 500), Verdict::Accepted);
    let (effect, _) = session.last_write();
    // The API says that it is done, and under which version: the same one.
    let version = Some(session.version());
    session.finish(effect, Outcome::Done(Receipt { version, operation: None }));
    let decision = session.weights(250);
    assert!(matches!(told(&decision), [News::Drifted { .. }]), "{:?}", told(&decision));
}

#[test]
fn a_host_that_comes_back_knows_what_its_writes_have_replaced() {
    let mut session = moved_to_a_half();
    session.now = session.now + SECOND;
    session.step(Event::Restarted);
    assert!(is_told_old(&read_old(&mut session, 250, 1)));
    session.weights(500);
    assert_eq!(session.route().drift, None);
}

#[test]
fn a_write_that_was_read_back_as_it_had_been_before_an_earlier_one_is_not_known_to_be_done() {
    let mut session = Session::at(0);
    session.calm(40);
    let before = session.version();
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    done(&mut session);
    session.weights(10);
    session.rollback(&ben());
    // Nobody answered the write home, and a place that lags behind reads as wanted: home, as it was before the step.
    let (home, _) = session.last_write();
    let decision = session.finish(home, Outcome::Done(Receipt { version: Some(before), operation: None }));
    assert!(matches!(told(&decision), [News::OutcomeUnknown { .. }]), "{:?}", told(&decision));
    assert!(session.route().motion.is_returning());
    read_old(&mut session, 0, 1);
    assert!(session.route().motion.is_returning());
    session.now = session.now + SECOND;
    assert_eq!(writes(&session.weights(10)).len(), 1, "it is written again");
}
