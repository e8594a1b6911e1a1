//! Whole decisions of the core on readings: what a breach is, what no reading is, and what either forbids.

use cutover::{
    core::{
        decision::{Cause, Refusal, Verdict},
        event::Event,
        news::News,
        outlook::{Outlook, outlook},
        reason::Blindness,
        state::{Reading, TriggerState},
        unjudged::Unjudged,
    },
    domain::{
        fact::Fact,
        metric::{Basis, Gap, Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    plan::model::{AtOnce, Plan},
    words,
};

use crate::session::{SECOND, Session, gke, refused, route, run, split, writes};

/// A second in which all is well but what is measured of GKE.
fn second(session: &mut Session) {
    second_at(session, 250);
}

/// The same with so much on GKE.
fn second_at(session: &mut Session, share: u16) {
    session.now = session.now + SECOND;
    session.home_healthy();
    session.workload(gke(), 6);
    session.probe(gke(), 0);
    session.beats();
    session.weights(share);
}

#[test]
fn two_triggers_in_one_tick_are_one_rollback_with_both_causes() {
    let mut session = Session::at_a_quarter();
    // One is breached 180 s before the other, so that both are full in the same second.
    for at in 0..=300 {
        let before = session.writes().len();
        second(&mut session);
        let errors = if at >= 180 { 0.08 } else { 0.002 };
        let fine = |value| Ok(Sample::exact(value, 500, session.now));
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
    for gap in Gap::ALL {
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

fn errors(failed: u64, requests: u64, at: Timestamp) -> Measured {
    Ok(Sample { value: failed as f64 / requests as f64, requests, at, basis: Basis::Counted { failed } })
}

/// The seed's plan with an error rate of 1 %.
fn strict() -> Plan {
    let mut plan = crate::session::plan();
    plan.triggers[0].limit = 0.01;
    plan
}

fn error_rate(session: &Session) -> &TriggerState {
    &session.state.triggers[&"error-rate".parse().unwrap()]
}

#[test]
fn twelve_of_twelve_go_home_though_a_hundred_are_asked_for() {
    let mut session = Session::with(strict(), 10);
    for at in 0..=120 {
        second_at(&mut session, 10);
        session.measured(Metric::ErrorRate, errors(12, 12, session.now));
        assert_eq!(session.route().latch.is_some(), at == 120, "second {at}");
    }
}

#[test]
fn one_of_twelve_is_no_breach_and_no_health_and_holds() {
    let mut session = Session::with(strict(), 10);
    for _ in 0..=360 {
        second_at(&mut session, 10);
        let values = [(Metric::ErrorRate, errors(1, 12, session.now)), (Metric::P95Latency, Ok(Sample::exact(150.0, 500, session.now)))];
        session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values: values.into() }]);
    }
    let known = error_rate(&session);
    assert_eq!((&known.reading, known.pending_since, known.blind_since), (&Reading::Unknown { gap: Gap::Undecided }, None, None));
    assert_eq!(session.route().latch, None);
    let refusal = refused(session.shift(10, 50));
    assert!(matches!(refusal, Refusal::Blind { why: Blindness::Gap(Gap::Undecided), .. }), "{refusal:?}");
}

#[test]
fn three_isolated_figures_are_no_two_minutes() {
    let mut session = Session::at_a_quarter();
    for at in 0..=300 {
        second(&mut session);
        // A window that fills at last, once in 65 s, and says nothing in between.
        let measured = if at % 65 == 0 { errors(100, 200, session.now) } else { Err(Gap::SeveralProcesses) };
        session.measured(Metric::ErrorRate, measured);
    }
    assert_eq!(session.route().latch, None);
    assert!(error_rate(&session).pending_since.is_some(), "it is not clear either");
    // The same figures from a source that was dead in between are the proof of a crash.
    let mut session = Session::at_a_quarter();
    for at in 0..=130 {
        second(&mut session);
        let measured = if at % 65 == 0 { errors(100, 200, session.now) } else { Err(Gap::Missing) };
        session.measured(Metric::ErrorRate, measured);
    }
    assert!(session.route().latch.is_some());
}

#[test]
fn a_disaster_goes_home_sooner_where_the_plan_says_so() {
    let mut plan = crate::session::plan();
    plan.triggers[0].at_once = Some(AtOnce { limit: 0.5, lasting: Millis::from_secs(10) });
    for (failed, fires) in [(400, 10), (100, 120)] {
        let mut session = Session::with(plan.clone(), 250);
        for at in 0..=120 {
            second(&mut session);
            session.measured(Metric::ErrorRate, errors(failed, 500, session.now));
            if at == 1 {
                let left = error_rate(&session).fires_at(&plan.triggers[0]).map(|at| at.since(session.now));
                assert_eq!(left, Some(Millis::from_secs(fires - 1)), "what is said is what happens");
            }
            assert_eq!(session.route().latch.is_some(), at >= fires, "{failed} of 500, second {at}");
        }
    }
}

#[test]
fn the_worse_the_latency_the_surer_the_breach() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=300 {
        second(&mut session);
        session.measured(Metric::P95Latency, Ok(Sample::at_least(10_000.0, 500, session.now)));
    }
    assert!(session.route().latch.is_some());
    let mut session = Session::at_a_quarter();
    for _ in 0..=40 {
        second(&mut session);
        session.measured(Metric::P95Latency, Ok(Sample::at_least(250.0, 500, session.now)));
    }
    let known = &session.state.triggers[&"p95-latency".parse().unwrap()];
    assert_eq!(known.reading, Reading::Unknown { gap: Gap::Capped }, "more than 250 ms may be more than a second");
    assert!(known.blind_since.is_some());
}

/// Home counts `home` requests in its window, GKE `gke`, at 5 % on GKE that has stood for minutes.
fn thin(home: u64, counted: u64) -> Session {
    let mut session = Session::at(10);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    session.settle();
    for _ in 0..=70 {
        second_at(&mut session, 50);
        let rate = |requests: u64| Ok(Sample::exact(requests as f64 / 30.0, requests, session.now));
        let (of_home, of_gke) = (rate(home), rate(counted));
        let few = if counted == 0 { Err(Gap::LowVolume) } else { errors(0, counted, session.now) };
        session.see("scrape/run", vec![Fact::Measured { backend: run(), values: [(Metric::RequestRate, of_home)].into() }]);
        let values = [(Metric::RequestRate, of_gke), (Metric::ErrorRate, few), (Metric::P95Latency, few)];
        session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values: values.into() }]);
    }
    session
}

#[test]
fn too_little_traffic_is_believed_as_far_as_the_share_allows() {
    // 114 requests a second at home mean 6 a second at 5 %: 180 in a window, and 90 of them are too few to judge.
    let mut starved = thin(3420, 90);
    assert_eq!(error_rate(&starved).reading, Reading::Unknown { gap: Gap::LowVolume });
    assert_eq!((error_rate(&starved).blind_since, starved.shift(50, 250)), (None, Verdict::Accepted));
    // None of them, or next to none, is a source that doesn't count.
    for counted in [0, 40] {
        let mut broken = thin(3420, counted);
        assert_eq!(error_rate(&broken).reading, Reading::Unknown { gap: Gap::BelowShare }, "{counted}");
        let refusal = refused(broken.shift(50, 250));
        assert!(matches!(refusal, Refusal::Blind { why: Blindness::Gap(Gap::BelowShare), .. }), "{refusal:?}");
    }
    // Hardly anybody comes at all: then none may be chance.
    assert_eq!(error_rate(&thin(150, 0)).reading, Reading::Unknown { gap: Gap::LowVolume });
}

#[test]
fn counters_that_stand_still_while_the_front_door_gets_answers_are_a_broken_source() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=40 {
        second(&mut session);
        session.served(3, 1);
        let still = Ok(Sample::exact(0.0, 0, session.now));
        let values = [(Metric::RequestRate, still), (Metric::ErrorRate, Err(Gap::LowVolume))];
        session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values: values.into() }]);
    }
    assert_eq!(error_rate(&session).reading, Reading::Unknown { gap: Gap::StandsStill });
    assert!(matches!(refused(session.shift(250, 300)), Refusal::Blind { .. }));
}

#[test]
fn blindness_does_not_run_while_the_host_is_away() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=10 {
        second(&mut session);
        session.scrape_fails();
    }
    // Dead for an hour, and everything else is well when it comes back.
    session.now = session.now + Millis::from_mins(60);
    session.step(Event::Restarted);
    let mut fired_after = None;
    for at in 0..=300 {
        second(&mut session);
        session.scrape_fails();
        session.end_reads();
        if fired_after.is_none() && session.route().latch.is_some() {
            fired_after = Some(at);
        }
    }
    // Half a minute of the absence counts, for that much forbids an advance; the rest must be watched.
    assert_eq!(fired_after, Some(269));
}

#[test]
fn a_breach_is_not_proven_by_an_absence_of_the_host() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=50 {
        second(&mut session);
        session.sample(Metric::ErrorRate, 0.08);
    }
    session.now = session.now + Millis::from_secs(65);
    session.step(Event::Restarted);
    for at in 0..=120 {
        second(&mut session);
        session.sample(Metric::ErrorRate, 0.08);
        session.end_reads();
        assert_eq!(session.route().latch.is_some(), at == 120, "second {at}");
    }
}

fn said_blind(session: &Session) -> usize {
    let news = session.decisions.iter().flat_map(|decision| &decision.news);
    news.filter(|news| matches!(news, News::Blind { .. } | News::SeesAgain { .. })).count()
}

#[test]
fn a_window_that_fills_after_a_move_is_no_news() {
    let mut session = Session::at(10);
    assert_eq!(session.shift(10, 250), Verdict::Accepted);
    session.write_done();
    let before = said_blind(&session);
    for at in 0..=80 {
        second(&mut session);
        let requests = if at < 50 { at } else { 500 };
        session.measured(Metric::ErrorRate, errors(0, requests.max(1), session.now));
        session.measured(Metric::P95Latency, Ok(Sample::exact(150.0, requests, session.now)));
        assert_eq!(error_rate(&session).blind_since.is_some(), at < 50, "it is blind all the same");
    }
    assert_eq!(said_blind(&session), before);
    // A source that breaks is news at once.
    for _ in 0..=31 {
        second(&mut session);
        session.measured(Metric::ErrorRate, Err(Gap::StatusNotTold));
    }
    session.measured(Metric::ErrorRate, errors(0, 500, session.now));
    assert_eq!(said_blind(&session), before + 2);
}

/// A second of a breach; so many of them.
fn breached(session: &mut Session, seconds: u64) {
    for _ in 0..seconds {
        second(session);
        session.sample(Metric::ErrorRate, 0.08);
    }
}

fn stands_still(session: &mut Session, span: Millis) {
    let since = session.now;
    session.now = session.now + span;
    session.step(Event::StoodStill { since });
}

#[test]
fn samples_on_both_sides_of_a_standstill_prove_nothing_of_the_time_between() {
    // One before, one after: more than the whole duration lies between, and nobody watched it.
    let mut session = Session::at_a_quarter();
    breached(&mut session, 1);
    let of_before = session.now;
    stands_still(&mut session, Millis::from_secs(130));
    // What was seen before it is told after it, and does not count as seen after it.
    session.measured(Metric::ErrorRate, Ok(Sample::exact(0.08, 500, of_before)));
    breached(&mut session, 119);
    assert_eq!(session.route().latch, None, "nobody watched for two minutes yet");
    breached(&mut session, 3);
    assert!(session.route().latch.is_some(), "two minutes were watched");
}

#[test]
fn a_short_standstill_costs_a_breach_two_samples_and_not_its_time() {
    let mut session = Session::at_a_quarter();
    breached(&mut session, 100);
    let known = |session: &Session| session.state.triggers[&"error-rate".parse().unwrap()].clone();
    let since = known(&session).pending_since;
    stands_still(&mut session, Millis::from_secs(25));
    assert!((known(&session).pending_since, known(&session).breaches) == (since, 0));
    breached(&mut session, 1);
    assert_eq!(session.route().latch, None, "one sample proves nothing");
    breached(&mut session, 1);
    assert!(session.route().latch.is_some(), "its time is over, and two samples say so");
}

fn filling(session: &mut Session, full_at: Timestamp) {
    let values = [(Metric::ErrorRate, Err(Gap::TooEarly)), (Metric::P95Latency, Err(Gap::TooEarly))].into();
    session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values }, Fact::Filling { backend: gke(), full_at }]);
}

#[test]
fn a_host_that_is_back_says_when_its_triggers_are_armed_and_not_that_they_are_blind() {
    let id = "error-rate".parse().unwrap();
    for away in [Millis::from_secs(2), Millis::from_mins(10)] {
        let mut session = Session::at_a_quarter();
        session.now = session.now + away;
        session.step(Event::Restarted);
        let full_at = session.now + Millis::from_secs(25);
        while session.now + SECOND < full_at + Millis::from_secs(5) {
            second(&mut session);
            filling(&mut session, full_at);
            let Some(Outlook::Unjudged(Unjudged { armed_at: Some(at), .. })) = outlook(&session.state, &id) else {
                panic!("{:?} after {away}", outlook(&session.state, &id));
            };
            assert_eq!(at, full_at);
            let told = words::outlook(&outlook(&session.state, &id).unwrap(), &id, session.now, words::Names::of(&session.state));
            let armed =
                if session.now < at { format!("armed in {}", at.since(session.now)) } else { "armed with the next look".to_owned() };
            assert!(told.contains(&armed), "{told}");
            assert!(session.decisions.last().unwrap().news.iter().all(|news| !matches!(news, News::Blind { .. })));
        }
        session.healthy();
        assert_eq!(outlook(&session.state, &id), Some(Outlook::Quiet));
    }
}

#[test]
fn a_window_that_does_not_fill_is_blindness_after_all() {
    let id = "error-rate".parse().unwrap();
    let mut session = Session::at_a_quarter();
    session.now = session.now + Millis::from_mins(1);
    session.step(Event::Restarted);
    let full_at = session.now + Millis::from_secs(25);
    for _ in 0..41 {
        second(&mut session);
        filling(&mut session, full_at);
    }
    assert!(matches!(outlook(&session.state, &id), Some(Outlook::Blind { .. })), "{:?}", outlook(&session.state, &id));
}
