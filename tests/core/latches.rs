//! What a latch is told as, and what it has nothing to do with.

use cutover::core::{
    command::Command,
    decision::Verdict,
    outlook::{Attention, attention},
};

use crate::session::{Session, ana, route};

/// Who re-arms takes the latch away and nobody's users home.
#[test]
fn a_home_that_is_not_seen_yet_is_said_after_re_arming_too() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    session.write_done();
    session.weights(0);
    let unseen = |session: &Session| attention(&session.state).iter().any(|found| matches!(found, Attention::HomeNotSeen { .. }));
    assert!(unseen(&session));
    let rearm = Command::Rearm { route: route(), reason: "it was a probe".into() };
    assert_eq!(session.ask(&ana(), rearm), Verdict::Accepted);
    assert!(unseen(&session));
    session.settle();
    session.serve(240, 0);
    assert!(!unseen(&session), "{:?}", session.home());
}

/// Of several routes the ones that were home are latched too, and nothing of them was rolled back.
#[test]
fn a_rollback_of_what_is_home_is_told_as_that() {
    for (share, home) in [(0, true), (10, false)] {
        let mut session = Session::at(share);
        session.rollback(&ana());
        if !home {
            session.write_done();
            session.weights(0);
        }
        let found = attention(&session.state);
        assert!(found.iter().any(|found| matches!(found, Attention::Latched { was_home, .. } if *was_home == home)), "{found:?}");
    }
}
