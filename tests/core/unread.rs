//! Going home while reads of the weights fail: what leaves without a look, against which version, and what only a look can tell.

use crate::session::{SECOND, Session, ben, split};
use cutover::{
    core::{decision::Verdict, event::Event, state::Motion},
    domain::{
        fault::{Fault, FaultKind, Outcome},
        id::EffectId,
        weight::Weights,
    },
};

/// An advance that nobody knows the end of, and reads that fail from then on.
fn lost_its_way(outcome: Outcome) -> Session {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.shift(250, 500), Verdict::Accepted);
    let (advance, _) = session.last_write();
    session.finish(advance, outcome);
    session
}

/// Nothing is told for so many seconds but that a look at the weights fails; what left meanwhile.
fn unread(session: &mut Session, seconds: u64) -> Vec<(EffectId, Weights)> {
    let before = session.writes().len();
    for _ in 0..seconds {
        session.see_since("weights/frontend", session.now, Err(Fault::new(FaultKind::Unavailable, "503")));
        session.end_reads();
        session.wait(SECOND);
    }
    session.writes().split_off(before)
}

/// A compare-and-set against the newest version that is known undoes nothing that is not known: it is done where nothing changed, or refused.
#[test]
fn a_way_home_leaves_against_the_newest_known_version_when_no_look_comes() {
    for ends in [Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")), Outcome::NotDone(Fault::new(FaultKind::Unavailable, "503"))] {
        let mut session = lost_its_way(ends.clone());
        let version = session.version();
        assert_eq!(session.rollback(&ben()), Verdict::Accepted);
        let left = unread(&mut session, 3);
        assert_eq!(left.iter().map(|(_, to)| to.clone()).collect::<Vec<_>>(), [split(0)], "{ends:?}");
        let sent = session.route().motion.clone();
        let Motion::Returning(back) = &sent else { panic!("{sent:?}") };
        assert_eq!(back.sent.as_ref().map(|sent| sent.version.clone()), Some(version), "{ends:?}");
        // What it met is newer: that was the advance. From here on a look has to tell, however long none comes.
        session.finish(left[0].0, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
        assert_eq!(unread(&mut session, 30), [], "{ends:?}");
        let before = session.writes().len();
        session.foreign(500);
        session.wait(SECOND);
        let after: Vec<Weights> = session.writes().split_off(before).into_iter().map(|(_, to)| to).collect();
        assert_eq!(after, [split(0)], "{ends:?}");
    }
}

#[test]
fn what_a_version_was_refused_for_is_not_written_against_before_a_look() {
    let mut session = lost_its_way(Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    assert_eq!(unread(&mut session, 30), []);
}

#[test]
fn a_host_that_comes_back_and_reads_nothing_goes_home_by_its_journal() {
    let mut session = Session::at_a_quarter();
    session.step(Event::Restarted);
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    let left = unread(&mut session, 3);
    assert_eq!(left.iter().map(|(_, to)| to.clone()).collect::<Vec<_>>(), [split(0)]);
}
