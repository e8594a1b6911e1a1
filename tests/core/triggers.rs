//! Whole decisions of the core on readings: what a breach is, what no reading is, and what either forbids.

use cutover::{
    core::decision::{Cause, Refusal, Verdict},
    domain::{
        metric::{Gap, Metric, Sample},
        time::Millis,
    },
};

use crate::session::{SECOND, Session, gke, refused, route, split, writes};

/// A second in which all is well but what is measured of GKE.
fn second(session: &mut Session) {
    session.now = session.now + SECOND;
    session.home_healthy();
    session.workload(gke(), 6);
    session.probe(gke(), 0);
    session.beats();
    session.weights(250);
}

#[test]
fn two_triggers_in_one_tick_are_one_rollback_with_both_causes() {
    let mut session = Session::at_a_quarter();
    // One is breached 180 s before the other, so that both are full in the same second.
    for at in 0..=300 {
        let before = session.writes().len();
        second(&mut session);
        let errors = if at >= 180 { 0.08 } else { 0.002 };
        let fine = |value| Ok(Sample { value, requests: 500, at: session.now });
        let values = [(Metric::ErrorRate, fine(errors)), (Metric::P95Latency, fine(1500.0))].into();
        session.see("scrape/gke", vec![cutover::domain::fact::Fact::Measured { backend: gke(), values }]);
        assert_eq!(session.writes().len() - before, usize::from(at == 300), "second {at}");
    }
    let latch = session.route().latch.clone().unwrap();
    let Cause::Triggers(fired) = &latch.cause else { panic!("{latch:?}") };
    let fired: Vec<_> = fired.iter().map(|one| (one.trigger.as_str(), one.value)).collect();
    assert_eq!(fired, [("error-rate", Some(0.08)), ("p95-latency", Some(1500.0))]);
    assert_eq!((session.writes().len(), latch.joined.len()), (2, 0));
}

#[test]
fn nothing_but_a_sample_clears_a_breach() {
    let gaps = [
        Gap::Missing,
        Gap::NotANumber,
        Gap::Infinite,
        Gap::Ambiguous,
        Gap::Unreadable,
        Gap::Unreachable,
        Gap::TimedOut,
        Gap::Partial,
        Gap::Stale,
        Gap::FromTheFuture,
        Gap::LowVolume,
        Gap::Capped,
        Gap::Restarted,
        Gap::TooEarly,
    ];
    for gap in gaps {
        let mut session = Session::at_a_quarter();
        second(&mut session);
        session.sample(Metric::ErrorRate, 0.08);
        second(&mut session);
        session.gap(Metric::ErrorRate, gap);
        assert!(session.state.triggers[&"error-rate".parse().unwrap()].pending_since.is_some(), "{gap}");
        assert!(matches!(refused(session.shift(250, 300)), Refusal::Breached { .. }), "{gap}");
    }
}

#[test]
fn numbers_that_are_none_are_no_ok() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5] {
        let mut session = Session::at_a_quarter();
        second(&mut session);
        session.sample(Metric::ErrorRate, 0.08);
        second(&mut session);
        session.sample(Metric::ErrorRate, value);
        assert!(session.state.triggers[&"error-rate".parse().unwrap()].pending_since.is_some(), "{value}");
    }
}

#[test]
fn one_bad_sample_and_then_silence_proves_nothing() {
    let mut session = Session::at_a_quarter();
    second(&mut session);
    session.sample(Metric::ErrorRate, 0.5);
    for _ in 0..290 {
        second(&mut session);
        session.gap(Metric::ErrorRate, Gap::Missing);
    }
    assert_eq!((session.writes().len(), session.route().latch.clone()), (1, None));
}

#[test]
fn blindness_begins_after_thirty_seconds_and_forbids_an_advance() {
    let mut session = Session::at_a_quarter();
    for at in 0..=30 {
        second(&mut session);
        session.scrape_fails();
        let known = &session.state.triggers[&"error-rate".parse().unwrap()];
        assert_eq!(known.blind_since.map(|since| session.now.since(since)), Some(Millis::from_secs(at)));
    }
    assert!(matches!(refused(session.shift(250, 300)), Refusal::Blind { .. }));
    assert_eq!(session.shift(250, 100), Verdict::Accepted, "towards home is no advance");
}

#[test]
fn a_silence_of_the_host_is_blindness_at_once() {
    let mut session = Session::at_a_quarter();
    session.now = session.now + Millis::from_secs(90);
    // Everything is read anew but the figures, which come last.
    session.beats();
    session.home_healthy();
    session.weights(250);
    session.ask(&crate::session::ana(), cutover::core::command::Command::Controls(cutover::core::command::ControlsCommand::Take));
    assert!(matches!(refused(session.shift(250, 300)), Refusal::Blind { .. }));
    session.healthy();
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
}

#[test]
fn a_silence_of_the_host_alone_sends_nobody_home() {
    let mut session = Session::at_a_quarter();
    session.now = session.now + Millis::from_mins(30);
    session.home_healthy();
    session.weights(250);
    assert_eq!((session.writes().len(), session.route().latch.clone()), (1, None));
}

#[test]
fn a_breach_that_lasts_too_short_a_time_by_one_second_does_nothing() {
    let mut session = Session::at_a_quarter();
    for at in 0..120 {
        second(&mut session);
        assert_eq!(writes(&session.sample(Metric::ErrorRate, 0.08)), [], "second {at}");
    }
    session.now = session.now + SECOND;
    session.sample(Metric::ErrorRate, 0.05);
    second(&mut session);
    assert_eq!(session.route().latch, None, "at the threshold is not above it");
    assert_eq!(session.state.routes[&route()].wanted, Some(split(250)));
}
