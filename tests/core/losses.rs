//! What users lose and what a session can't rely on: told for as long as it is so, and in the journal where it begins and where it ends.

use std::collections::BTreeMap;

use cutover::{
    core::{
        assurance::unread_for,
        command::Command,
        condition::{Condition, condition},
        decision::{Refusal, Verdict},
        fails::{Exchange, exchange, stranded},
        home::Home,
        loss::Witness,
        news::News,
        outlook::{self, Attention, Outlook, Then, attention, may_rearm, outlook, refusals, unassured},
        reason::Objection,
    },
    domain::{
        answer::Answers,
        fact::{Fact, Served},
        id::BackendId,
        metric::{Metric, Sample},
        table::Table,
        time::Millis,
        weight::PerMille,
    },
    plan::model::Route,
    words::{self, Names},
};

use crate::session::{SECOND, Session, ana, gke, refused, route, run, split};

fn planned(session: &Session) -> Route {
    session.state.opened.as_ref().unwrap().plan.routes[0].clone()
}

fn news(session: &Session) -> Vec<News> {
    session.decisions.iter().flat_map(|decision| decision.news.clone()).collect()
}

/// One second in which `backend` counts so many dropped connections each second beside 30 requests.
fn counts(session: &mut Session, share: u16, backend: &BackendId, dropped_each_second: f64) {
    session.now = session.now + SECOND;
    session.healthy();
    session.beats();
    session.weights(share);
    let values = BTreeMap::from([(Metric::DropRate, Ok(Sample::exact(dropped_each_second, 900, session.now)))]);
    session.see(&format!("drops/{backend}"), vec![Fact::Measured { backend: backend.clone(), values }]);
}

/// What requests through the front door met in a second, some of them with nobody at the other end.
fn met(session: &mut Session, dropped: u64) {
    session.now = session.now + SECOND;
    session.healthy();
    session.beats();
    session.weights(250);
    let by_backend = Table::from([(run(), 15), (gke(), 5)]);
    let (answers, unmarked_answers) = (Table::default(), Answers::default());
    let served = Served { route: route(), span: SECOND, by_backend, failed: 0, dropped, unmarked: 0, answers, unmarked_answers };
    session.see("probe/frontend", vec![Fact::Served(served)]);
}

fn losses(session: &Session) -> Vec<(Witness, u64)> {
    let found = attention(&session.state).into_iter().find_map(|found| match found {
        Attention::ConnectionsDropped { losses, .. } => Some(losses),
        _ => None,
    });
    found.into_iter().flatten().map(|loss| (loss.witness, loss.losing.dropped)).collect()
}

#[test]
fn connections_that_a_backend_drops_are_told_until_a_minute_had_none() {
    let mut session = Session::at_a_quarter();
    counts(&mut session, 250, &gke(), 1.5);
    assert_eq!(losses(&session), [(Witness::Backend(gke()), 45)], "1.5 a second for the 30 s of a window");
    let condition = condition(&session.state, &planned(&session), &gke());
    assert!(matches!(condition, Condition::Drops { .. }), "it is not well: {condition:?}");
    let urgent = attention(&session.state).into_iter().find(|found| matches!(found, Attention::ConnectionsDropped { .. }));
    let told = words::attention(&urgent.clone().unwrap(), session.now, Names::of(&session.state));
    assert!(urgent.unwrap().is_urgent() && told.starts_with("gke drops 45 of 945 connections (4.76%)"), "{told}");
    // The next second begins with what is known so far, so a minute without one ends a second later.
    for _ in 0..60 {
        counts(&mut session, 250, &gke(), 0.0);
        assert_eq!(losses(&session).len(), 1);
    }
    counts(&mut session, 250, &gke(), 0.0);
    assert_eq!(losses(&session), []);
    let told = news(&session).into_iter().filter(|news| matches!(news, News::ConnectionsDropped { .. } | News::ConnectionsKept { .. }));
    let kinds: Vec<bool> = told.map(|news| matches!(news, News::ConnectionsDropped { .. })).collect();
    assert_eq!(kinds, [true, false], "each is told once");
}

#[test]
fn what_is_dropped_where_nobody_is_is_nobodys_loss() {
    let mut session = Session::at(0);
    counts(&mut session, 0, &gke(), 1.5);
    assert_eq!(losses(&session), []);
}

#[test]
fn our_own_requests_that_are_dropped_are_told_without_a_name() {
    let mut session = Session::at_a_quarter();
    met(&mut session, 2);
    assert_eq!(losses(&session), [], "two happen on any day");
    met(&mut session, 1);
    assert_eq!(losses(&session), [(Witness::FrontDoor(route()), 3)]);
    assert!(session.route().latch.is_none(), "nothing goes home for it");
}

#[test]
fn weights_that_nobody_reads_are_unknown_and_said_so_where_it_begins_and_ends() {
    let mut session = Session::at_a_quarter();
    for _ in 0..45 {
        session.now = session.now + SECOND;
        session.healthy();
        session.beats();
    }
    assert_eq!(unread_for(session.route(), session.now), Some(Millis::from_secs(45)));
    assert!(words::following(session.route(), &session.home(), session.now).starts_with("weights not read for 45"));
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::WeightsUnread { .. }) && found.is_urgent()), "{found:?}");
    let trigger = "error-rate".parse().unwrap();
    assert!(matches!(unassured(&session.state, &trigger), Some(Objection::WeightsOld { .. })), "what it would do is not assured");
    assert!(matches!(refusals(&session.state, &route(), &split(500))[..], [Refusal::NotReady { .. }]));
    session.weights(250);
    let told = news(&session);
    let place = |wanted: fn(&News) -> bool| told.iter().position(wanted).unwrap_or_else(|| panic!("{told:?}"));
    assert!(place(|news| matches!(news, News::WeightsUnread { .. })) < place(|news| matches!(news, News::WeightsReadAgain { .. })));
    assert!(place(|news| matches!(news, News::WayHomeDoubted { .. })) < place(|news| matches!(news, News::WayHomeAssured { .. })));
    assert_eq!(told.iter().filter(|news| matches!(news, News::WayHomeDoubted { .. })).count(), 1);
}

#[test]
fn with_everybody_at_home_nobody_is_told_of_the_way_there() {
    let mut session = Session::at(0);
    for _ in 0..60 {
        session.now = session.now + SECOND;
        session.beats();
        session.weights(0);
    }
    assert!(!news(&session).iter().any(|news| matches!(news, News::WayHomeDoubted { .. })));
}

/// A second in which home fails so many of its requests by its own count, and nothing else does.
fn home_fails(session: &mut Session, share: u16, error_rate: f64) {
    session.now = session.now + SECOND;
    session.healthy();
    session.beats();
    session.weights(share);
    let values = BTreeMap::from([(Metric::ErrorRate, Ok(Sample::exact(error_rate, 500, session.now)))]);
    session.see("scrape/run", vec![Fact::Measured { backend: run(), values }]);
}

#[test]
fn a_home_that_fails_is_not_well_and_what_going_there_brings_is_known() {
    let mut session = Session::at_a_quarter();
    home_fails(&mut session, 250, 0.8);
    let route = planned(&session);
    assert!(matches!(condition(&session.state, &route, &run()), Condition::HomeBeyond { metric: Metric::ErrorRate, .. }));
    let wanted = Exchange { moves: PerMille::new(250).unwrap(), here: Some(0.002), there: 0.8 };
    assert_eq!(exchange(&session.state, &route), Some(wanted));
    assert_eq!(words::exchange(&wanted, "F9"), "F9 takes 25% of users from 0.20% errors to 80.00% errors");
    let stranded = stranded(&session.state, &route).expect("nothing speaks against the target");
    assert_eq!((stranded.home, stranded.target), (&run(), &gke()));
    // Nothing leaves a home that fails: that is refused, and the way by hand is another command than the one home.
    assert!(matches!(refused(session.shift(250, 500)), Refusal::NotReady { .. }));
    let plan = &session.state.opened.as_ref().unwrap().plan;
    assert_ne!(plan.all_by_hand(&route, &gke()), plan.home_by_hand(&route));
}

#[test]
fn a_home_that_fails_everybody_who_is_there_is_no_good_end() {
    let mut session = Session::at(0);
    session.met(&[("200 text/html", 20)], &[], &[]);
    home_fails(&mut session, 0, 0.002);
    let route = planned(&session);
    assert!(!cutover::core::fails::home_fails(&session.state, &route));
    for _ in 0..4 {
        session.now = session.now + SECOND;
        session.met(&[("200 text/html", 2), ("500 text/plain", 18)], &[], &[]);
    }
    assert!(cutover::core::fails::home_fails(&session.state, &route));
    let said = words::home_failing(&session.state, &route, Names::of(&session.state));
    assert!(said.starts_with("72 of 100 requests through the front door fail on") && said.contains("a rollback cures nothing"), "{said}");
}

/// The prober goes on looking, and every connection is dropped: what requests met is as old as the newest answer.
#[test]
fn looks_that_nobody_answers_make_what_was_met_no_younger() {
    let mut session = Session::at_a_quarter();
    (0..20).for_each(|_| met(&mut session, 0));
    let answered = session.now;
    let has = |session: &Session| cutover::core::has::has(&session.state, &route(), &gke());
    assert!(has(&session).gets.is_some());
    for _ in 0..39 {
        session.now = session.now + SECOND;
        session.healthy();
        session.beats();
        session.weights(250);
        let nobody = Served {
            route: route(),
            span: SECOND,
            by_backend: Table::from([(run(), 0), (gke(), 0)]),
            failed: 0,
            dropped: 20,
            unmarked: 0,
            answers: Table::default(),
            unmarked_answers: Answers::default(),
        };
        session.see("probe/frontend", vec![Fact::Served(nobody)]);
    }
    let observed = session.route().observed.as_ref().unwrap();
    assert_eq!((observed.at, cutover::core::figures::answered_at(observed)), (session.now, answered));
    assert_eq!((has(&session).gets, has(&session).unseen_for), (None, Some(Millis::from_secs(39))));
}

#[test]
fn a_home_that_is_well_strands_nobody() {
    let mut session = Session::at_a_quarter();
    home_fails(&mut session, 250, 0.001);
    let route = planned(&session);
    assert_eq!((exchange(&session.state, &route), stranded(&session.state, &route)), (None, None));
}

#[test]
fn every_reason_is_told_at_once_and_the_first_is_the_answer() {
    let mut session = Session::at_a_quarter();
    home_fails(&mut session, 250, 0.8);
    session.ask(&ana(), Command::Hold { route: route() });
    let all = refusals(&session.state, &route(), &split(500));
    assert!(matches!(all[..], [Refusal::Held { .. }, Refusal::NotReady { .. }]), "{all:?}");
    assert_eq!(refused(session.shift(250, 500)), all[0]);
    assert_eq!(refusals(&session.state, &route(), &split(100)), [], "towards home nothing is asked for");
}

#[test]
fn re_arming_is_offered_where_it_would_do_something() {
    let mut session = Session::at_a_quarter();
    assert_eq!(may_rearm(&session.state, &route()), Err(Refusal::NotLatched));
    session.rollback(&ana());
    assert_eq!(may_rearm(&session.state, &route()), Err(Refusal::RollingBack));
    session.write_done();
    assert_eq!(may_rearm(&session.state, &route()), Ok(()));
}

#[test]
fn a_first_step_that_is_being_written_is_on_its_way_out_and_not_home() {
    let mut session = Session::at(0);
    session.serve(30, 0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(session.home(), Home::Away { given: PerMille::new(10).unwrap() });
}

#[test]
fn no_clock_promises_a_rollback_that_is_on_its_way() {
    let mut session = Session::at_a_quarter();
    for _ in 0..4 {
        session.calm(2);
        session.sample(Metric::ErrorRate, 0.2);
    }
    let id = "error-rate".parse().unwrap();
    assert!(matches!(outlook(&session.state, &id), Some(Outlook::Running { then: Then::GoesHome, .. })));
    session.rollback(&ana());
    assert_eq!(outlook(&session.state, &id), Some(Outlook::GoingHome));
    let soonest = attention(&session.state);
    assert_eq!(outlook::soonest(&soonest), None, "{soonest:?}");
}
