//! Good answers that say nobody's name: whose they are is said to be unknown, whether one backend's entry lacks its mark or all do.

use cutover::{
    core::{
        decision::{Refusal, Verdict},
        fails::stranded,
        home::Home,
        news::News,
        outlook::{self, Attention, at_door, attention},
    },
    domain::hindrance::Hindrance,
    words::{self, Names},
};

use crate::{
    door::{NOTHING, SITE, latched, look},
    session::{SECOND, Session, ana, gke, refused, route, run, split, told},
};

/// Successes bear nobody's mark, as where no load balancer can tell a service's revisions apart.
#[test]
fn failures_without_a_mark_are_nobody_s_where_good_answers_bear_none_either() {
    let mut session = Session::at(1000);
    for _ in 0..9 {
        look(&mut session, 4, NOTHING, NOTHING, &[(SITE, 20)]);
        look(&mut session, 1, NOTHING, NOTHING, &[(SITE, 19), ("500 text/plain", 1)]);
    }
    assert_eq!((latched(&session), session.writes().len()), (None, 0));
    assert_eq!(at_door(&session.state, &route()), []);
    let attention = attention(&session.state);
    let unmarked = attention.iter().find(|found| matches!(found, Attention::AnswersUnmarked { .. })).expect("that is said");
    let said = words::attention(unmarked, session.state.now, Names::of(&session.state));
    assert!(said.contains("say nobody's name") && said.contains("x-served-by"), "{said}");
}

/// The entry of the one backend that gets one percent bears no mark.
#[test]
fn a_few_good_answers_without_a_mark_are_said() {
    let mut session = Session::at(10);
    look(&mut session, 12, &[(SITE, 20)], NOTHING, NOTHING);
    assert!(!attention(&session.state).iter().any(|found| matches!(found, Attention::AnswersUnmarked { .. })));
    look(&mut session, 3, &[(SITE, 19)], NOTHING, &[(SITE, 1)]);
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::AnswersUnmarked { unmarked: 3, .. })), "{found:?}");
}

/// Nobody would see whom the next users meet. Back is never refused, and on it goes once a minute of answers says who gave them.
#[test]
fn nothing_advances_while_answers_say_nobody_s_name() {
    let mut session = Session::at(10);
    look(&mut session, 12, &[(SITE, 20)], NOTHING, NOTHING);
    look(&mut session, 3, &[(SITE, 19)], NOTHING, &[(SITE, 1)]);
    assert!(matches!(refused(session.shift(10, 20)), Refusal::AnswersUnmarked { unmarked: 3, .. }));
    assert_eq!(outlook::refusals(&session.state, &route(), &split(20)).len(), 1);
    look(&mut session, 14, &[(SITE, 20)], NOTHING, NOTHING);
    assert_eq!(session.shift(10, 20), Verdict::Accepted);
    session.settle();
    look(&mut session, 3, &[(SITE, 19)], NOTHING, &[(SITE, 1)]);
    assert_eq!(session.shift(20, 10), Verdict::Accepted);
}

/// Somebody makes the target's answers say home's name: they are nobody's while the split says so, and home is not seen by them.
#[test]
fn answers_that_are_made_to_say_another_name_prove_nothing() {
    let mut session = Session::at(10);
    session.serve(60, 0);
    let lies = Hindrance::FalseMark { backend: gke(), says: "run".into() };
    let said = session.split(&[("run", 990), ("gke", 10)], vec![lies.clone()]);
    assert!(told(&said).contains(&News::Hindered { route: route(), why: lies.clone() }));
    assert_eq!(refused(session.shift(10, 20)), Refusal::Hindered { why: lies.clone() });
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    session.write_done();
    for _ in 0..240 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        session.split(&[("run", 1000), ("gke", 0)], vec![lies.clone()]);
        session.met(&[(SITE, 20)], &[], &[]);
    }
    assert!(matches!(session.home(), Home::Accepted { .. }), "answers come, and nobody knows whose they are: {:?}", session.home());
    for _ in 0..120 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        session.split(&[("run", 1000), ("gke", 0)], Vec::new());
        session.met(&[(SITE, 20)], &[], &[]);
    }
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
}

/// What is read first across the room says that requests agree, and for as many as bear no name nobody can say that.
#[test]
fn requests_do_not_agree_by_answers_that_say_nobody_s_name() {
    let mut session = Session::at(500);
    let said = |session: &Session| {
        let plan = session.state.opened.as_ref().unwrap().plan.clone();
        words::figure(&session.state, &plan.routes[0], session.route()).sentence
    };
    look(&mut session, 20, &[(SITE, 10)], &[(SITE, 10)], NOTHING);
    assert!(said(&session).ends_with("requests agree."), "{}", said(&session));
    look(&mut session, 3, &[(SITE, 10)], &[(SITE, 9)], &[(SITE, 1)]);
    assert!(said(&session).ends_with("by the answers that say who gave them; others say nobody's name."), "{}", said(&session));
}

/// Home is seen by the answers that say who gave them. Where most say nobody's name, that is not said of all requests.
#[test]
fn a_home_that_is_seen_by_some_answers_is_not_said_to_be_met_by_all() {
    let mut session = Session::at(0);
    let said = |session: &Session| {
        let plan = session.state.opened.as_ref().unwrap().plan.clone();
        let (stands, now) = (session.home(), session.state.now);
        assert!(matches!(stands, Home::Seen { .. }), "{stands:?}");
        (words::home(&stands, &session.state, &plan.routes[0], now), words::state_line::state_line(&session.state, &plan.routes[0], now))
    };
    look(&mut session, 30, &[(SITE, 20)], NOTHING, NOTHING);
    let (sentence, line) = said(&session);
    assert!(sentence.contains("requests meet run alone") && line.place.long.contains("accepted and seen"), "{sentence} {line:?}");
    look(&mut session, 15, &[(SITE, 4)], NOTHING, &[(SITE, 16)]);
    let (sentence, line) = said(&session);
    assert!(sentence.contains("say nobody's name") && !sentence.contains("requests meet run alone"), "{sentence}");
    assert!(line.place.long.contains("nobody's name") && !line.place.long.contains("seen"), "{line:?}");
}

/// A load balancer's own errors bear no mark. Where everybody is at home they are home's users', and the way out by hand is theirs too.
#[test]
fn failures_that_nobody_marks_are_homes_where_everybody_is_home() {
    let planned = |session: &Session| session.state.opened.as_ref().unwrap().plan.routes[0].clone();
    let failing: &[(&str, u64)] = &[(SITE, 5), ("502 text/html", 15)];
    let mut session = Session::at(0);
    look(&mut session, 20, NOTHING, NOTHING, &[(SITE, 20)]);
    assert_eq!(stranded(&session.state, &planned(&session)), None);
    look(&mut session, 20, NOTHING, NOTHING, failing);
    assert!(
        attention(&session.state).iter().any(|found| matches!(found, Attention::FailingForNobody { .. })),
        "{:?}",
        attention(&session.state)
    );
    let route = planned(&session);
    let found = stranded(&session.state, &route).expect("nothing speaks against the target");
    assert_eq!((found.home, found.target), (&run(), &gke()));
    // Where some are on the target, nobody knows whose they are.
    let mut session = Session::at(10);
    look(&mut session, 20, NOTHING, NOTHING, &[(SITE, 20)]);
    look(&mut session, 20, NOTHING, NOTHING, failing);
    assert_eq!(stranded(&session.state, &planned(&session)), None);
}
