//! Whole decisions of the core on what platforms tell: a setting is no count, and a storm of restarts is told like one.

use cutover::{
    core::{
        decision::{Refusal, Verdict},
        news::News,
        outlook::{Attention, attention},
        reason::Objection,
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Metric, Sample},
        platform::{Part, Revision, RevisionState, Scale, Unread, Workload},
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    words::state_line::state_line,
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

fn served_by_home(session: &mut Session) {
    session.served(10, 0);
}

/// From `from`, with home told as `scale` and answering through the front door alone.
fn advance(scale: Scale, from: u16, to: u16) -> Verdict {
    let mut session = Session::at(from);
    for _ in 0..90 {
        second(&mut session, scale, from);
        session.served(u64::from(1000 - from) / 50, u64::from(from) / 50);
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
        served_by_home(&mut session);
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

fn revisions(session: &mut Session, shares: &[(&str, u16, Option<Timestamp>)]) {
    let one = |(name, share, created_at): &(&str, u16, Option<Timestamp>)| Revision {
        name: (*name).into(),
        share: PerMille::new(*share).unwrap(),
        state: RevisionState::Ready,
        why: None,
        min: None,
        max: None,
        created_at: *created_at,
    };
    let workload = Workload { revisions: shares.iter().map(one).collect(), version: shares[0].0.into(), ..Workload::default() };
    session.see("platform/run", vec![Fact::Workload { backend: run(), workload }]);
}

fn beside_at_home(session: &Session) -> Vec<(String, u16, bool)> {
    let told = |found: Attention| match found {
        Attention::OtherRevision { backend, beside, .. } if backend == run() => {
            Some((beside.name.to_string(), beside.share.get(), beside.is_new))
        }
        _ => None,
    };
    attention(&session.state).into_iter().filter_map(told).collect()
}

/// The plan knows one service; its owner may send users to whatever revision of it.
#[test]
fn users_whom_home_sends_to_another_revision_are_named_where_users_are() {
    let mut session = Session::at(250);
    let (before, since) = (session.now.before(Millis::from_mins(60)), session.now + SECOND);
    revisions(&mut session, &[("r41", 1000, Some(before)), ("r40", 0, Some(before))]);
    assert_eq!(beside_at_home(&session), [], "one revision has everybody");
    session.now = session.now + Millis::from_secs(5);
    revisions(&mut session, &[("r42", 600, Some(since)), ("r41", 400, Some(before))]);
    assert_eq!(beside_at_home(&session), [("r42".to_owned(), 600, true)], "the new one, although it has more");
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    let line = state_line(&session.state, &plan.routes[0], session.now);
    assert!(line.worst.long.contains("60% of run is on r42, new since the session began"), "{line:?}");
    revisions(&mut session, &[("r41", 900, Some(before)), ("r40", 100, Some(before))]);
    assert_eq!(beside_at_home(&session), [("r40".to_owned(), 100, false)]);
    // It is the version of home then; that it is another is news, and nothing to look at again and again.
    revisions(&mut session, &[("r42", 1000, Some(since))]);
    assert_eq!(beside_at_home(&session), []);
    revisions(&mut session, &[("r42", 600, Some(since)), ("r41", 400, Some(before))]);
    session.now = session.now + Millis::from_secs(40);
    session.beats();
    assert_eq!(beside_at_home(&session), [], "what the platform said long ago is no word of now");
}
