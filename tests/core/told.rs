//! What is said of a way home and of what leads to it: what is known, for how long, and nothing that can't be kept.

use cutover::{
    core::{
        command::Command,
        decision::{Cause, Verdict},
        event::Event,
        home::{Home, home},
        news::News,
        outlook::{Attention, Awaited, Outlook, Then, at_door, attention, outlook},
        reason::{Looks, Obstacle, Unread},
    },
    domain::{
        fault::{Fault, FaultKind, Outcome},
        id::TriggerId,
        metric::{Gap, Metric},
        shown::Shown,
        time::Millis,
    },
    words::{self, Names},
};

use crate::{
    door::{HOME, Kinds, NOTHING, look},
    session::{SECOND, Session, ana, refused, route, writes},
};

/// A write home that tells nothing is not told as one that is just on its way.
#[test]
fn a_write_home_without_an_outcome_is_an_obstacle() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let plan_route = session.state.opened.as_ref().unwrap().plan.routes[0].clone();
    let mut stood = Vec::new();
    for _ in 0..40 {
        session.now = session.now + SECOND;
        session.beats();
        stood.push(home(&session.state, &plan_route));
    }
    assert!(matches!(&stood[5], Home::Going { why: Obstacle::Underway, .. }), "{:?}", stood[5]);
    let Home::Going { why: why @ Obstacle::NoOutcome { .. }, .. } = &stood[15] else { panic!("{:?}", stood[15]) };
    assert!(why.keeps_away() && why.is_met_by_writing());
    assert!(matches!(&stood[28], Home::Going { why: Obstacle::NoOutcome { .. }, .. }), "{:?}", stood[28]);
    // Nobody waits for its answer any more, so nothing is sent again either.
    assert!(matches!(&stood[39], Home::NotHome { why: Obstacle::OutcomeUnknown { .. }, .. }), "{:?}", stood[39]);
}

/// The API has taken the write home and refuses every read: nothing is sent again, and why nobody sees what came of it is told.
#[test]
fn a_write_home_that_was_taken_while_reads_are_refused_is_not_told_as_one_that_is_sent_again() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    session.step(Event::Taken { effect, operation: Shown::new("operation-7") });
    let read_at = session.now;
    let refused = Fault::new(FaultKind::Unavailable, "GET the map answered 429: Quota exceeded");
    let mut sent = 0;
    for _ in 0..15 {
        session.now = session.now + SECOND;
        session.beats();
        sent += writes(&session.see_since("weights/frontend", session.now, Err(refused.clone()))).len();
    }
    let Home::Going { why: why @ Obstacle::NotSeenYet { taken, unread: Some(unread), .. }, .. } = &session.home() else {
        panic!("{:?}", session.home())
    };
    let looks = Looks { last: Some(session.now.since(read_at)), next: Some(session.state.opened.as_ref().unwrap().plan.limits.read_every) };
    assert_eq!((*taken, unread), (session.now.since(read_at), &Unread { why: refused, looks }));
    assert_eq!((sent, why.is_tried(), why.keeps_away()), (0, false, true));
    let said = cutover::words::obstacle(why, Names::of(&session.state));
    assert!(said.contains("took the write 15s ago as operation-7") && said.contains("answered 429: Quota exceeded"), "{said}");
    assert!(!said.contains("sent again"), "{said}");
    session.write_done();
    assert!(matches!(session.home(), Home::Accepted { .. }), "{:?}", session.home());
}

/// The record names what the clock ran for, as the screens did all along, and not what happened to be lacking at its end.
#[test]
fn the_cause_of_a_blind_rollback_is_what_it_was_blind_for() {
    let mut session = Session::at_a_quarter();
    let id: TriggerId = "error-rate".parse().unwrap();
    for second in 0..302 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        session.weights_by(250, None);
        session.gap(Metric::ErrorRate, if second < 250 { Gap::StandsStill } else { Gap::BelowShare });
        if let Some(Outlook::Blind { gap, .. }) = outlook(&session.state, &id) {
            assert_eq!(gap, Some(Gap::StandsStill), "at {second}");
        }
    }
    let cause = &session.route().latch.as_ref().unwrap().cause;
    assert_eq!(*cause, Cause::Blind { trigger: id, gap: Some(Gap::StandsStill) });
}

/// Who mistypes a route's name is told which there are.
#[test]
fn a_route_that_is_not_in_the_plan_is_refused_with_those_that_are() {
    let mut session = Session::at(250);
    let verdict = session.ask(&ana(), Command::Rollback { route: Some("nosuch".parse().unwrap()), reason: None });
    let said = words::refusal(&refused(verdict), Names::of(&session.state));
    assert!(said.contains("no such route in the plan; its routes are frontend"), "{said}");
}

/// A breach at the door is proven by answers alone, and at a small share they are seldom: no time is counted down that nobody can keep.
#[test]
fn a_breach_whose_next_answer_is_seldom_counts_no_time_down() {
    let outlooks = |share: u16, from_run: Kinds, from_gke: Kinds| {
        let mut session = Session::at(share);
        look(&mut session, 20, from_run, from_gke, NOTHING);
        let found = at_door(&session.state, &route());
        let said: Vec<String> = found.iter().map(|breach| words::at_door(breach, session.now, Names::of(&session.state))).collect();
        (found.into_iter().map(|breach| breach.outlook).collect::<Vec<_>>(), said.join("; "))
    };
    let (seldom, said) = outlooks(10, HOME, &[("500 text/html", 1)]);
    assert!(
        matches!(&seldom[..], [Outlook::Running { then: Then::GoesHome, awaits: Awaited::FailingAnswer { every }, .. }] if *every > Millis::from_secs(5)),
        "{seldom:?}"
    );
    assert!(said.contains("with the first failing answer after") && !said.contains("; in "), "{said}");
    let (often, said) = outlooks(250, HOME, &[("500 text/html", 6)]);
    assert!(matches!(&often[..], [Outlook::Running { awaits: Awaited::Nothing, .. }]), "{often:?}");
    assert!(said.contains("; in "), "{said}");
}

/// Who asked for it is answered in a message of her own; everybody else, and whoever only asks how it stands, has to be told as well.
#[test]
fn a_step_that_was_lost_is_told_to_everybody_until_the_route_goes_on() {
    let lost = |session: &Session| attention(&session.state).into_iter().find(|found| matches!(found, Attention::MoveLost { .. }));
    let said = |session: &Session| lost(session).map(|found| words::attention(&found, session.state.now, Names::of(&session.state)));
    let mut session = Session::at(10);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    assert_eq!(lost(&session), None);
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "PATCH the map answered 412")));
    session.weights(10);
    session.end_reads();
    session.calm(20);
    let told = said(&session).expect("it was lost");
    for part in ["to 5% on gke that ana asked for was not made, 20s ago", "was changed since it was read", "ask again"] {
        assert!(told.contains(part), "{told}");
    }
    let found = lost(&session).unwrap();
    assert!(!found.is_urgent() && found.counts() && found.route(&session.state.opened.as_ref().unwrap().plan) == Some(&route()));
    // Asked again, it is under way, and what was lost before is over.
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    assert_eq!(lost(&session), None);
    let (effect, _) = session.last_write();
    session
        .finish(effect, Outcome::NotDone(Fault::new(FaultKind::Denied, "answered 403: admission webhook \"frozen\" denied the request")));
    assert!(said(&session).is_some_and(|told| told.contains("refused by a policy: answered 403")), "{:?}", said(&session));
    session.rollback(&ana());
    assert_eq!(lost(&session), None, "a way home is another course");

    // Nor is it told for ever.
    let mut session = Session::at(10);
    session.shift(10, 50);
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Rejected, "400")));
    session.calm(599);
    assert!(lost(&session).is_some());
    session.calm(2);
    assert_eq!(lost(&session), None);
}

#[test]
fn a_host_that_nobody_would_start_again_says_so_until_another_one_is_there() {
    let mut session = Session::at(10);
    let alone = |session: &Session| attention(&session.state).into_iter().find(|found| matches!(found, Attention::SupervisorGone { .. }));
    let decision = session.step(Event::SupervisorGone { process: 4711 });
    assert_eq!(decision.news, [News::SupervisorGone { process: 4711 }]);
    assert_eq!(decision.effects, []);
    session.calm(40);
    let found = alone(&session).expect("nobody would start it again");
    let said = words::attention(&found, session.state.now, Names::of(&session.state));
    assert!(said.contains("for 40s") && said.contains("process 4711") && found.counts() && !found.is_urgent(), "{said}");
    assert_eq!(session.shift(10, 50), Verdict::Accepted, "nothing is forbidden for it");
    session.step(Event::Restarted);
    assert_eq!(alone(&session), None);
}
