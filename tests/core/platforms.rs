//! Whole decisions of the core on what platforms tell: a setting is no count, and a storm of restarts is told like one.

use cutover::{
    core::{
        decision::{Refusal, Verdict},
        news::News,
        reason::Objection,
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Metric, Sample},
        platform::{Part, Scale, Unread, Workload},
        time::Millis,
    },
};

use crate::session::{SECOND, Session, gke, refused, run, told};

/// A second in which all is well, and home's platform tells `scale` and nothing else.
fn second(session: &mut Session, scale: Scale, share: u16) {
    session.now = session.now + SECOND;
    session.workload(gke(), 6);
    session.probe(gke(), 0);
    let fine = |value| Ok(Sample { value, requests: 500, at: session.now, basis: Basis::Exact });
    let values = [(Metric::ErrorRate, fine(0.002)), (Metric::P95Latency, fine(150.0))].into();
    session.see("scrape/gke", vec![Fact::Measured { backend: gke(), values }]);
    home(session, scale);
    session.beats();
    session.weights(share);
}

fn home(session: &mut Session, scale: Scale) {
    let workload = Workload { scale, version: "frontend-00042-bim".into(), ..Workload::default() };
    session.see("platform/run", vec![Fact::Workload { backend: run(), workload }]);
}

/// The front door, as the split has it.
fn served(session: &mut Session, share: u16) {
    let target = u64::from(share) * 20 / 1000;
    session.served(20 - target, target);
}

/// From `from`, with home told as `scale` and answering through the front door alone.
fn advance(scale: Scale, from: u16, to: u16) -> Verdict {
    let mut session = Session::at(from);
    for _ in 0..90 {
        second(&mut session, scale, from);
        served(&mut session, from);
    }
    session.shift(from, to)
}

#[test]
fn where_nobody_counts_instances_home_is_shown_by_its_answers() {
    let automatic = Scale::Automatic { min: 0, max: Some(20) };
    assert_eq!(advance(automatic, 0, 10), Verdict::Accepted);
    assert_eq!(advance(Scale::Untold, 0, 10), Verdict::Accepted);
    let mut silent = Session::at(0);
    for _ in 0..90 {
        second(&mut silent, automatic, 0);
    }
    let why = Objection::NotShown { home: run() };
    assert_eq!(refused(silent.shift(0, 10)), Refusal::NotReady { why });
}

#[test]
fn home_that_is_switched_off_is_no_way_back() {
    let why = Objection::SwitchedOff { home: run() };
    assert_eq!(refused(advance(Scale::Off, 0, 10)), Refusal::NotReady { why });
}

#[test]
fn the_last_of_home_s_traffic_leaves_only_if_something_stays_there_without_any() {
    let cold = Scale::Automatic { min: 0, max: Some(20) };
    let why = Objection::NothingKept { home: run(), told: Some(0) };
    assert_eq!(refused(advance(cold, 750, 1000)), Refusal::NotReady { why });
    assert_eq!(advance(cold, 750, 990), Verdict::Accepted);
    assert_eq!(advance(Scale::Automatic { min: 2, max: Some(20) }, 750, 1000), Verdict::Accepted);
    assert_eq!(advance(Scale::Manual { instances: 3 }, 750, 1000), Verdict::Accepted);
    let why = Objection::NothingKept { home: run(), told: None };
    assert_eq!(refused(advance(Scale::Untold, 750, 1000)), Refusal::NotReady { why });
}

#[test]
fn home_without_traffic_is_ready_by_what_it_keeps() {
    let against = |scale: Scale| {
        let mut session = Session::at(1000);
        for _ in 0..90 {
            second(&mut session, scale, 1000);
        }
        session.route().readiness.against.clone()
    };
    assert_eq!(against(Scale::Automatic { min: 1, max: None }), []);
    assert_eq!(against(Scale::Automatic { min: 0, max: None }), [Objection::NothingKept { home: run(), told: Some(0) }]);
}

#[test]
fn a_platform_that_falls_silent_is_no_objection_while_home_answers() {
    let mut session = Session::at(0);
    second(&mut session, Scale::Automatic { min: 2, max: None }, 0);
    for _ in 0..60 {
        session.now = session.now + SECOND;
        served(&mut session, 0);
        session.weights(0);
    }
    assert_eq!(session.route().readiness.against, []);
    session.now = session.now + Millis::from_secs(31);
    session.weights(0);
    assert!(matches!(session.route().readiness.against[..], [Objection::NotSeen { .. }]), "{:?}", session.route().readiness);
}

#[test]
fn restarts_are_told_at_once_and_then_at_growing_intervals() {
    let mut session = Session::at(0);
    let mut times = Vec::new();
    for quarter in 0..1200_u32 {
        session.now = session.now + Millis(250);
        let workload = Workload { restarts: quarter, ..Workload::counted(4, 6, "1.42.0") };
        let decision = session.see("platform/gke", vec![Fact::Workload { backend: gke(), workload }]);
        times.extend(told(&decision).iter().filter_map(|news| match news {
            News::ContainersRestarted { more, .. } => Some((quarter / 4, *more)),
            _ => None,
        }));
    }
    assert_eq!(times, [(0, 1), (60, 240), (180, 480)]);
}

#[test]
fn a_right_that_is_missing_is_told_once_by_the_part_that_is_missing() {
    let mut session = Session::at(0);
    let fault = Fault::new(FaultKind::Forbidden, "events is forbidden");
    let without = Workload { unread: vec![Unread { part: Part::Events, fault: fault.clone() }], ..Workload::counted(6, 6, "1.42.0") };
    let see = |session: &mut Session, workload: Workload| session.see("platform/gke", vec![Fact::Workload { backend: gke(), workload }]);
    let first = see(&mut session, without.clone());
    assert_eq!(told(&first), [News::PartUnread { backend: gke(), part: Part::Events, why: fault }]);
    assert_eq!(told(&see(&mut session, without)), []);
    let again = see(&mut session, Workload::counted(6, 6, "1.42.0"));
    assert_eq!(told(&again), [News::PartRead { backend: gke(), part: Part::Events }]);
}
