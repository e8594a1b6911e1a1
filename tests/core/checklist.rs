//! Lines that prove themselves count what sees now, not what is listed or once saw.

use std::collections::BTreeMap;

use cutover::{
    core::{
        reason::Evidence,
        state::{ItemState, ItemStatus},
    },
    domain::{
        fact::{Fact, Probed},
        metric::{Metric, Sample},
        time::Millis,
    },
    plan::model::{Check, Item, Plan, Proof, Stage},
};

use crate::session::{Session, gke, plan, run};

fn with_line(check: Check) -> Plan {
    let mut plan = plan();
    let proof = Proof::Collected(check);
    let expires = Millis::from_mins(5);
    plan.checklist = vec![Item { id: "line".parse().unwrap(), stage: Stage::DuringMigration, title: "line".into(), proof, expires }];
    plan
}

fn line(session: &Session) -> &ItemState {
    session.state.checklist.values().next().unwrap()
}

/// Both backends' probers report for so many seconds, or home's alone.
fn probed(session: &mut Session, seconds: u64, target_too: bool) {
    for _ in 0..seconds {
        session.wait(Millis::from_secs(1));
        session.probe(run(), 0);
        if target_too {
            session.probe(gke(), 0);
        }
    }
}

#[test]
fn a_prober_that_has_stopped_watches_no_connections() {
    let mut session = Session::with(with_line(Check::NoDroppedConnections(Millis::from_secs(60))), 10);
    probed(&mut session, 61, true);
    // Neither counts what it drops, so the probers' word is all that the line rests on, and it says so.
    let evidence = Evidence::NoDrops { span: Millis::from_secs(60), probers: 2, uncounted: vec![gke(), run()] };
    assert_eq!((line(&session).status, &line(&session).evidence), (ItemStatus::Done, &evidence));
    let said = cutover::words::evidence(&evidence, cutover::words::Names::of(&session.state));
    assert!(said.contains("none in 1m00s by 2 probers; nobody counts those of "), "{said}");
    probed(&mut session, 32, false);
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 1, of: 2 });
    assert_ne!(line(&session).status, ItemStatus::Done, "half of those who look are not enough");
    // Back again, it has its time still before it.
    probed(&mut session, 30, true);
    assert_eq!(line(&session).status, ItemStatus::Open, "{:?}", line(&session));
    probed(&mut session, 32, true);
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
}

#[test]
fn a_prober_that_sends_nothing_watches_nothing() {
    let mut session = Session::with(with_line(Check::NoDroppedConnections(Millis::from_secs(60))), 10);
    for _ in 0..70 {
        session.wait(Millis::from_secs(1));
        session.probe(run(), 0);
        let idle = Probed { backend: gke(), sent: 0, failed: 0, dropped: 0, answers: Default::default(), slowest_ms: None };
        session.see("probe/gke", vec![Fact::Probed(idle)]);
    }
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 1, of: 2 });
}

/// The plan lists two probers and a front door, and one of them has never said a word.
#[test]
fn a_prober_that_never_reported_is_missed() {
    let mut plan = with_line(Check::NoDroppedConnections(Millis::from_secs(10)));
    plan.routes[0].front_door = Some("https://www.example.com/".into());
    plan.routes[0].backends.iter_mut().for_each(|backend| backend.probe_url = Some("https://www.example.com/health".into()));
    let mut session = Session::with(plan, 10);
    probed(&mut session, 12, true);
    assert_eq!(line(&session).evidence, Evidence::FewerWatch { watching: 2, of: 3 });
    for _ in 0..12 {
        probed(&mut session, 1, true);
        session.served(99, 1);
    }
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
}

const SITE: &str = "200 text/html";

/// Looks through the front door, one each four seconds, while both backends count nothing amiss of themselves.
fn met(session: &mut Session, looks: u64, from_run: &[(&str, u64)], from_gke: &[(&str, u64)], unmarked: &[(&str, u64)]) {
    for _ in 0..looks {
        session.calm(4);
        let well = |value| Ok(Sample::exact(value, 500, session.now));
        let values = BTreeMap::from([(Metric::ErrorRate, well(0.002)), (Metric::P95Latency, well(150.0))]);
        session.see("scrape/run", vec![Fact::Measured { backend: run(), values }]);
        session.met(from_run, from_gke, unmarked);
    }
}

/// A line after users have met `from_gke` and `unmarked`, at a split in which all was well before.
fn line_after(check: Check, from_gke: &[(&str, u64)], unmarked: &[(&str, u64)]) -> ItemState {
    let home = [(SITE, 15)];
    let mut session = Session::with(with_line(check), 250);
    met(&mut session, 6, &home, &[(SITE, 5)], &[]);
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
    met(&mut session, 5, &home, from_gke, unmarked);
    session.wait(Millis::from_secs(1));
    line(&session).clone()
}

#[test]
fn what_users_meet_outranks_what_a_backend_counts_of_itself() {
    let errors = || Check::ErrorRatesBelow(0.01);
    for kind in ["404 text/plain", "302 - >login.example.com", "500 text/plain"] {
        let line = line_after(errors(), &[(kind, 5)], &[]);
        assert_eq!(line.status, ItemStatus::Failing, "{kind}: {line:?}");
        let Evidence::AtDoor { backend, .. } = &line.evidence else { panic!("{kind}: {line:?}") };
        assert_eq!(*backend, Some(gke()), "{kind}");
    }
    // Below what brings users home, and above what this line calls normal.
    let few = line_after(errors(), &[(SITE, 4), ("500 text/plain", 1)], &[]);
    assert_eq!(few.status, ItemStatus::Failing, "{few:?}");
    let well = line_after(errors(), &[(SITE, 5)], &[]);
    assert_eq!(well.status, ItemStatus::Done, "{well:?}");
}

#[test]
fn failures_that_no_answer_lays_at_a_door_are_no_normal_error_rate() {
    let odd = [("502 text/html", 10)];
    let mut session = Session::with(with_line(Check::ErrorRatesBelow(0.01)), 50);
    met(&mut session, 5, &[(SITE, 19)], &[(SITE, 1)], &[]);
    met(&mut session, 20, &[(SITE, 9)], &[(SITE, 1)], &odd);
    session.wait(Millis::from_secs(1));
    let line = line(&session);
    assert!(matches!(line.evidence, Evidence::AtDoor { backend: None, .. }) && line.status == ItemStatus::Failing, "{line:?}");
}

#[test]
fn a_latency_of_answers_that_nobody_comes_for_proves_nothing() {
    let line = line_after(Check::LatencyBelow(1000.0), &[("404 text/plain", 5)], &[]);
    assert_eq!(line.status, ItemStatus::Unknown, "a 404 is fast: {line:?}");
    assert_eq!(line.evidence, Evidence::CountsWrongAnswers { metric: Metric::P95Latency, backend: gke() });
}

#[test]
fn nothing_is_stable_that_fails_its_users() {
    let mut session = Session::with(with_line(Check::StableFor(Millis::from_secs(10))), 1000);
    met(&mut session, 8, &[], &[(SITE, 20)], &[]);
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
    met(&mut session, 2, &[], &[("500 text/plain", 20)], &[]);
    session.wait(Millis::from_secs(1));
    assert_eq!(line(&session).status, ItemStatus::Failing, "{:?}", line(&session));
}

/// Sources that are scraped once a minute tell no younger figure, and that is no fault of theirs.
#[test]
fn a_line_waits_for_a_source_as_long_as_the_plan_lets_it() {
    let mut plan = with_line(Check::ErrorRatesBelow(0.01));
    plan.limits.scrape_every = Millis::from_secs(60);
    let mut session = Session::with(plan, 1000);
    session.wait(Millis::from_secs(1));
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
    session.now = session.now + Millis::from_secs(50);
    session.beats();
    session.wait(Millis::from_secs(1));
    assert_eq!(line(&session).status, ItemStatus::Done, "{:?}", line(&session));
}

/// Whatever was before and whatever is after: in between nobody looked.
#[test]
fn nothing_was_stable_while_the_host_stood_still() {
    let mut session = Session::with(with_line(Check::StableFor(Millis::from_mins(30))), 1000);
    met(&mut session, 8, &[], &[(SITE, 20)], &[]);
    session.now = session.now + Millis::from_mins(60);
    // What a scrape finds after it, before anything else is heard.
    let well = |value| Ok(Sample::exact(value, 500, session.now));
    let values = BTreeMap::from([(Metric::ErrorRate, well(0.002)), (Metric::P95Latency, well(150.0))]);
    session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values }]);
    met(&mut session, 2, &[], &[(SITE, 20)], &[]);
    session.wait(Millis::from_secs(1));
    let line = line(&session);
    assert!(matches!(line.evidence, Evidence::StableSoFar { lasted, .. } if lasted < Millis::from_mins(1)), "{line:?}");
}
