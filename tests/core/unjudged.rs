//! What can't be judged is told as that: never as within its limit, and with what it lacks.

use cutover::{
    core::{
        command::Command,
        condition::{Condition, condition},
        decision::{Cause, Refusal, Verdict},
        fails::{Site, fails},
        news::News,
        outlook::{Attention, Leads, Outlook, Then, attention, goes_blind, outlook, soonest, would},
        reason::Blindness,
        state::Motion,
        unjudged::{Counted, Patience, Unjudged},
    },
    domain::{
        metric::{Basis, Gap, Metric, Sample},
        time::{Millis, Timestamp},
    },
    words::{self, Names},
};

use crate::session::{SECOND, Session, ana, gke, plan, told};

fn second(session: &mut Session, share: u16, error_rate: Sample) {
    session.now = session.now + SECOND;
    session.home_healthy();
    session.workload(gke(), 6);
    session.probe(gke(), 0);
    session.beats();
    session.weights(share);
    session.measured(Metric::ErrorRate, Ok(Sample { at: session.now, ..error_rate }));
}

fn counted(failed: u64, requests: u64, session: &Session) -> Sample {
    Sample { value: failed as f64 / requests as f64, requests, at: session.now, basis: Basis::Counted { failed } }
}

fn stands(session: &Session) -> Outlook {
    outlook(&session.state, &"error-rate".parse().unwrap()).unwrap()
}

fn unjudged(session: &Session) -> Unjudged {
    match stands(session) {
        Outlook::Unjudged(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn from_the_first_look_that_fails_nobody_says_that_all_is_settled() {
    let mut session = Session::at_a_quarter();
    assert!(!goes_blind(&session.state));
    session.gap(Metric::ErrorRate, Gap::Unreachable);
    assert!(goes_blind(&session.state) && matches!(unjudged(&session).patience, Patience::Burns { .. }));
    assert!(!attention(&session.state).iter().any(Attention::is_urgent), "nobody is called for one look");
    session.calm(1);
    assert!(!goes_blind(&session.state));
}

#[test]
fn too_few_requests_at_a_small_share_are_excused_and_never_within_the_limit() {
    let mut session = Session::at(10);
    for _ in 0..40 {
        let few = counted(0, 34, &session);
        second(&mut session, 10, few);
    }
    let why = unjudged(&session);
    assert_eq!(
        (why.gap, why.counted, why.patience),
        (Some(Gap::LowVolume), Some(Counted { requests: 34, needed: 100 }), Patience::Excused)
    );
    let id = "error-rate".parse().unwrap();
    let said = words::outlook(&stands(&session), &id, session.now, Names::of(&session.state));
    assert!(said.starts_with("the error rate of gke can't be judged yet: too few requests, 34 of 100"), "{said}");
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::Unjudged { trigger, .. } if *trigger == id)), "{found:?}");
    assert!(found.iter().all(|found| !found.is_urgent()), "it is excused: {found:?}");
    let route = &session.state.opened.as_ref().unwrap().plan.routes[0];
    assert!(matches!(condition(&session.state, route, &gke()), Condition::Unjudged { .. }));
}

#[test]
fn what_is_not_excused_says_when_it_is_blindness() {
    let mut session = Session::at_a_quarter();
    let few = counted(0, 34, &session);
    second(&mut session, 250, few);
    let since = session.now;
    let why = unjudged(&session);
    let Patience::Fills { blind_at: at } = why.patience else { panic!("{why:?}") };
    assert!(at > since, "{why:?}");
    for _ in 0..29 {
        let few = counted(0, 34, &session);
        second(&mut session, 250, few);
        unjudged(&session);
    }
    let few = counted(0, 34, &session);
    while session.now < at {
        second(&mut session, 250, few);
    }
    assert!(matches!(stands(&session), Outlook::Blind { .. }), "{:?}", stands(&session));
}

/// Requests follow a step in a minute or two; few of them meanwhile are no alarm, and are one where the step should have arrived.
#[test]
fn while_a_step_spreads_few_requests_are_no_blindness() {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.shift(250, 500), Verdict::Accepted);
    session.write_done();
    let Motion::Propagating { until, .. } = session.route().motion else { panic!("{:?}", session.route().motion) };
    let mut judged = Vec::new();
    while session.now < until {
        let few = counted(0, 34, &session);
        second(&mut session, 500, few);
        judged.push((session.now, stands(&session)));
    }
    let unjudged = |(at, outlook): &(Timestamp, Outlook)| match outlook {
        Outlook::Unjudged(why) => *at < until && !matches!(why.patience, Patience::Burns { .. }),
        _ => *at >= until,
    };
    assert!(judged.len() > 40 && judged.iter().all(unjudged), "{judged:?}");
    assert!(matches!(judged.last(), Some((_, Outlook::Blind { .. }))), "{judged:?}");
}

#[test]
fn a_share_above_the_limit_of_too_few_is_neither_quiet_nor_blind() {
    let mut session = Session::at_a_quarter();
    for _ in 0..60 {
        let some = counted(6, 100, &session);
        second(&mut session, 250, some);
    }
    let why = unjudged(&session);
    assert_eq!((why.gap, &why.patience), (Some(Gap::Undecided), &Patience::Excused));
    assert!(why.bars.is_some(), "nothing advances on it: {why:?}");
}

#[test]
fn a_breach_that_a_person_re_armed_is_not_within_its_limit_before_something_says_so() {
    let mut session = Session::at_a_quarter();
    let bad = counted(40, 500, &session);
    second(&mut session, 250, bad);
    let Outlook::Running { then: Then::GoesHome, .. } = stands(&session) else { panic!("{:?}", stands(&session)) };
    assert!(soonest(&attention(&session.state)).is_some());
    let known = session.state.triggers.get_mut(&"error-rate".parse().unwrap()).unwrap();
    known.pending_since = None;
    assert!(matches!(stands(&session), Outlook::Unproven { .. }), "{:?}", stands(&session));
}

/// On the way home the few requests that are left there prove nothing, and that is nobody's alarm: it can't change where the route goes.
#[test]
fn on_the_way_home_a_trigger_that_cant_see_is_no_alarm() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    let few = |session: &Session| counted(0, 12, session);
    let write = few(&session);
    session.measured(Metric::ErrorRate, Ok(write));
    assert_eq!(stands(&session), Outlook::GoingHome, "while it is written");
    session.write_done();
    for _ in 0..40 {
        session.serve(1, 5);
        let sample = few(&session);
        session.measured(Metric::ErrorRate, Ok(sample));
    }
    assert_eq!(stands(&session), Outlook::GoingHome, "while it spreads");
    let found = attention(&session.state);
    assert!(
        !found.iter().any(|found| matches!(found, Attention::Blind { .. } | Attention::Unjudged { .. } | Attention::Breach { .. })),
        "{found:?}"
    );
    assert!(soonest(&found).is_none(), "{found:?}");
}

/// A breach at 1 %, and then nothing but good answers, of which no window ever holds enough for a verdict.
fn over_at_one_percent(requests: u64, seconds: u64) -> (Session, Vec<(Millis, Outlook)>) {
    let mut alone = plan();
    alone.triggers.truncate(1);
    let mut session = Session::with(alone, 10);
    for _ in 0..20 {
        let bad = counted(6, requests, &session);
        second(&mut session, 10, bad);
    }
    let (ended, mut stood) = (session.now, Vec::new());
    for _ in 0..seconds {
        let good = counted(0, requests, &session);
        second(&mut session, 10, good);
        stood.push((session.now.since(ended), stands(&session)));
    }
    (session, stood)
}

#[test]
fn a_breach_at_one_percent_is_over_once_enough_requests_came_however_many_windows_that_takes() {
    let (mut session, stood) = over_at_one_percent(36, 120);
    let over = stood.iter().position(|(_, outlook)| matches!(outlook, Outlook::Unjudged(_))).unwrap();
    // Three windows of 36: the first when the fault ended, the others 30 s apart.
    assert_eq!(stood[over].0, Millis::from_secs(61));
    assert!(stood[over..].iter().all(|(_, outlook)| matches!(outlook, Outlook::Unjudged(_))), "{:?}", stood.last());
    assert!(stood[..over].iter().all(|(_, outlook)| matches!(outlook, Outlook::Running { .. } | Outlook::Blind { .. })), "{stood:?}");
    assert_eq!(session.route().latch, None);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
}

/// What few samples proved is not promised on as if it still were: it is said until when it has to be proven again, and when that is over.
#[test]
fn a_clock_that_nothing_proves_on_says_when_it_stops_and_that_it_did() {
    let (session, stood) = over_at_one_percent(8, 100);
    let (_, first) = stood.iter().find(|(_, stands)| matches!(stands, Outlook::Running { .. })).unwrap();
    let Outlook::Running { then: Then::GoesHome, lapses_at: Some(lapses_at), acts_at, .. } = first else { panic!("{first:?}") };
    assert!(lapses_at < acts_at);
    let id = "error-rate".parse().unwrap();
    let said = words::outlook(first, &id, session.now, Names::of(&session.state));
    assert!(said.contains("by itself if proven again within "), "{said}");
    let stopped = session.decisions.iter().flat_map(told).filter(|news| matches!(news, News::NotProvenAnyMore { .. })).count();
    assert_eq!(stopped, 1);
}

/// No limbo: where not even five minutes bring enough, nobody can tell, and that has a time from half a minute on.
#[test]
fn a_breach_that_nothing_can_show_to_be_over_is_blindness_with_a_time() {
    let (mut session, stood) = over_at_one_percent(8, 100);
    let (_, last) = stood.last().unwrap();
    let Outlook::Blind { acts_at, then: Then::GoesHome, uncleared: Some(uncleared), .. } = last else { panic!("{last:?}") };
    assert_eq!(uncleared.counted, Some(Counted { requests: 32, needed: 100 }));
    let id = "error-rate".parse().unwrap();
    let said = words::outlook(last, &id, session.now, Names::of(&session.state));
    assert_eq!(
        said,
        "the error rate of gke was beyond its limit 1m40s ago and can't be judged since (too few requests; 32 of the 100 came that can clear \
         it); nothing advances; in 3m21s traffic goes home by itself, unless it clears"
    );
    let refused = crate::session::refused(session.shift(10, 50));
    assert!(matches!(refused, Refusal::Blind { why: Blindness::NotCleared { .. }, .. }), "{refused:?}");
    let said = words::why_refused(&refused, Names::of(&session.state));
    assert!(said.contains("wait for 100 requests that show it, re-arm the route with a reason, or roll back"), "{said}");
    assert!(soonest(&attention(&session.state)).is_some());
    while session.now < *acts_at {
        assert_eq!(session.route().latch, None, "{}", session.now.0);
        let good = counted(0, 8, &session);
        second(&mut session, 10, good);
    }
    assert!(matches!(session.route().latch.as_ref().map(|latch| &latch.cause), Some(Cause::Blind { .. })));
}

#[test]
fn a_person_may_re_arm_what_nothing_can_show_to_be_over() {
    let (mut session, _) = over_at_one_percent(8, 100);
    let reason = "looked at its log".into();
    assert_eq!(session.ask(&ana(), Command::Rearm { route: crate::session::route(), reason }), Verdict::Accepted);
    let good = counted(0, 8, &session);
    second(&mut session, 10, good);
    let why = unjudged(&session);
    assert_eq!((why.gap, why.patience), (Some(Gap::LowVolume), Patience::Excused));
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
}

/// What would go home if it went on has its time on every face before it is blindness, and nobody is told that nothing moves by itself.
#[test]
fn what_is_not_blind_yet_has_its_time_already() {
    let mut session = Session::at_a_quarter();
    session.scrape_fails();
    let found = attention(&session.state);
    let first = soonest(&found).map(|soonest| soonest.leads);
    let Some(Leads::IfUnseen { acts_at }) = first else { panic!("{found:?}") };
    let route = &session.state.opened.as_ref().unwrap().plan.routes[0];
    let next = words::state_line::state_line(&session.state, route, session.now).next.unwrap();
    let left = acts_at.since(session.now);
    assert!(next.said.long.starts_with(&format!("home by itself in {left} if nobody can judge until then")), "{next:?}");
}

#[test]
fn a_rule_promises_only_what_would_be_done() {
    let session = Session::at_a_quarter();
    assert_eq!(would(&session.state, &"error-rate".parse().unwrap()), Some(Then::GoesHome));
    assert_eq!(would(&Session::at(0).state, &"error-rate".parse().unwrap()), Some(Then::NobodyThere));
    let mut holding = plan();
    holding.triggers[0].action = cutover::plan::model::TriggerAction::Hold;
    assert_eq!(would(&Session::with(holding, 10).state, &"error-rate".parse().unwrap()), Some(Then::Holds));
}

#[test]
fn what_the_front_door_meets_stands_beside_what_a_backend_counts_itself() {
    let mut session = Session::at_a_quarter();
    for _ in 0..30 {
        let fine = counted(0, 500, &session);
        second(&mut session, 250, fine);
        session.met(&[("200 text/html", 15)], &[("404 text/plain", 5)], &[]);
    }
    let route = &session.state.opened.as_ref().unwrap().plan.routes[0];
    let failing = fails(&session.state, route, &gke());
    let met = failing.unlike_own().expect("the door tells what the count does not");
    assert_eq!((met.failed, met.answers, met.site, failing.own.map(|own| own.value)), (150, 150, Site::UnlikeHome, Some(0.0)));
    let said = words::fails(&failing).expect("something fails").long;
    assert_eq!(said, "100.00% of its 150 answers fail at the front door, 0.00% by its own count");
}

/// Whatever its source lacks: nobody is harmed where nobody is sent, and where everybody is nothing goes home for it.
#[test]
fn blindness_where_nobody_is_calls_nobody_and_where_everybody_is_it_holds() {
    let blind_at = |share: u16| {
        let mut session = Session::at(share);
        for _ in 0..40 {
            session.now = session.now + SECOND;
            session.home_healthy();
            session.beats();
            session.weights_by(share, None);
            session.scrape_fails();
        }
        let found = attention(&session.state);
        found.into_iter().find(|found| matches!(found, Attention::Blind { .. })).expect("it is blind")
    };
    let then = |found: &Attention| match found {
        Attention::Blind { outlook: Outlook::Blind { then, .. }, .. } => then.clone(),
        other => panic!("{other:?}"),
    };
    let (nobody, some, all) = (blind_at(0), blind_at(250), blind_at(1000));
    assert_eq!((then(&nobody), nobody.is_urgent(), nobody.counts()), (Then::NobodyThere, false, true));
    assert_eq!((then(&some), some.is_urgent()), (Then::GoesHome, true));
    assert_eq!((then(&all), all.is_urgent()), (Then::Holds, true));
}
