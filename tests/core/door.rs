//! What the front door meets: a site that is not home's, failures that no counter sees, and whose word counts about the dead.

use cutover::{
    core::{
        command::Command,
        decision::{Cause, Refusal, Verdict},
        event::Event,
        fails::fails,
        news::News,
        outlook::{Attention, DoorBreach, Outlook, at_door, attention, soonest},
        reason::{Evidence, Need},
        state::ItemStatus,
    },
    domain::{
        answer::{Expect, Statuses},
        fact::{Fact, Probed},
        metric::{Gap, Metric, Sample},
        time::Millis,
        weight::PerMille,
    },
    plan::model::{Check, Item, Plan, Proof, Stage, TriggerAction, UnlikeHome},
    words::{self, Names},
};
use proptest::prelude::*;

use crate::session::{Session, ana, gke, plan, refused, route, run, told};

pub(crate) type Kinds<'a> = &'a [(&'a str, u64)];

pub(crate) const SITE: &str = "200 text/html";
pub(crate) const HOME: Kinds = &[(SITE, 19)];
pub(crate) const NOTHING: Kinds = &[];
const LOGIN: &str = "302 text/html >login.example.com";

/// `looks` looks through the front door, one each four seconds, with every other source as it is when all is well.
pub(crate) fn look(session: &mut Session, looks: u64, from_run: Kinds, from_gke: Kinds, unmarked: Kinds) {
    for _ in 0..looks {
        session.calm(4);
        session.met(from_run, from_gke, unmarked);
    }
}
pub(crate) fn latched(session: &Session) -> Option<Cause> {
    session.route().latch.as_ref().map(|latch| latch.cause.clone())
}
fn is_unlike(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::UnlikeHome { backend, difference } if *backend == gke() && difference.home.to_string() == SITE)
}

#[test]
fn at_the_smallest_rung_another_site_stops_every_advance_and_leaves_the_rest_to_people() {
    for kind in ["404 text/plain", LOGIN, "200 application/json", "401 text/html", "301 text/html >"] {
        let mut session = Session::at(10);
        look(&mut session, 5, HOME, NOTHING, NOTHING);
        // One request in twenty looks meets GKE at 1 %; two of them are enough.
        look(&mut session, 1, HOME, &[(kind, 1)], NOTHING);
        look(&mut session, 4, HOME, NOTHING, NOTHING);
        look(&mut session, 1, HOME, &[(kind, 1)], NOTHING);
        assert!(is_unlike(&refused(session.shift(10, 50))), "{kind}");
        look(&mut session, 20, HOME, &[(kind, 1)], NOTHING);
        assert_eq!((session.writes().len(), latched(&session)), (0, None), "{kind}");
    }
}

#[test]
fn above_the_smallest_rung_another_site_goes_home_once_after_thirty_seconds() {
    let mut session = Session::at(50);
    look(&mut session, 5, HOME, &[(SITE, 1)], NOTHING);
    assert_eq!(session.shift(50, 250), Verdict::Accepted);
    session.settle();
    let wrong: Kinds = &[("404 text/plain", 5)];
    look(&mut session, 1, HOME, wrong, NOTHING);
    let News::UnlikeHome { acts_in, .. } = told(session.decisions.last().unwrap()).last().unwrap().clone() else { panic!("not told") };
    assert_eq!(acts_in, Some(Millis::from_secs(30)));
    look(&mut session, 7, HOME, wrong, NOTHING);
    assert_eq!(session.writes().len(), 1, "28 s are no proof yet");
    look(&mut session, 1, HOME, wrong, NOTHING);
    assert_eq!(session.writes().len(), 2);
    assert!(matches!(latched(&session), Some(Cause::UnlikeHome { backend, .. }) if backend == gke()));
    session.write_done();
    look(&mut session, 5, HOME, wrong, NOTHING);
    look(&mut session, 20, HOME, NOTHING, NOTHING);
    let latch = session.route().latch.clone().unwrap();
    assert_eq!((session.writes().len(), latch.joined.len()), (2, 0), "once, and not again while the data plane follows");
    // Only a person's word begins it anew, and a repaired site is then taken as it is.
    assert!(matches!(refused(session.shift(0, 10)), Refusal::Latched { .. }));
    assert_eq!(session.ask(&ana(), Command::Rearm { route: route(), reason: "host rule put right".into() }), Verdict::Accepted);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    session.settle();
    look(&mut session, 20, &[(SITE, 99)], &[(SITE, 1)], NOTHING);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
}

#[test]
fn a_site_that_is_home_s_again_before_thirty_seconds_goes_nowhere() {
    let mut session = Session::at(250);
    look(&mut session, 5, HOME, &[(SITE, 5)], NOTHING);
    look(&mut session, 5, HOME, &[("404 text/plain", 5)], NOTHING);
    assert!(is_unlike(&refused(session.shift(250, 300))));
    look(&mut session, 20, HOME, &[(SITE, 5)], NOTHING);
    let clear = session.decisions.iter().flat_map(told).filter(|news| matches!(news, News::LikeHomeAgain { .. })).count();
    assert_eq!((clear, session.writes().len()), (1, 0));
    assert_eq!(session.shift(250, 300), Verdict::Accepted);
}

/// What still meets the target on the way home can't send it home once more, and nothing promises that.
#[test]
fn after_a_rollback_no_second_rule_promises_another() {
    let mut session = Session::at(250);
    look(&mut session, 5, HOME, &[(SITE, 5)], NOTHING);
    look(&mut session, 40, HOME, &[("404 text/plain", 5)], NOTHING);
    assert!(latched(&session).is_some());
    assert!(session.route().motion.is_returning());
    let found = attention(&session.state);
    assert!(!found.iter().any(|found| matches!(found, Attention::AtDoor { .. })), "while it is written: {found:?}");
    assert!(!at_door(&session.state, &route()).is_empty(), "what users meet there is told on its card");
    session.write_done();

    look(&mut session, 5, HOME, &[("500 text/plain", 3)], NOTHING);
    look(&mut session, 10, HOME, &[("500 text/plain", 3)], NOTHING);
    assert!(session.route().front_door.met[&gke()].failing.is_some() || session.route().front_door.met[&gke()].unlike.is_some());
    let found = attention(&session.state);
    let promised = soonest(&found);
    assert!(promised.is_none(), "{found:?}");
    // Who goes home is not told of failures that nobody counted.
    look(&mut session, 20, HOME, NOTHING, NOTHING);
    let stood = at_door(&session.state, &route());
    assert!(stood.iter().all(|breach| breach.answers > 0), "{stood:?}");
}

/// Two rules run into the same answers; only the one whose time was over has fired.
#[test]
fn a_rule_whose_time_was_not_over_has_not_fired() {
    let mut session = Session::at(250);
    look(&mut session, 5, HOME, &[(SITE, 5)], NOTHING);
    look(&mut session, 10, HOME, &[("404 text/plain", 5)], NOTHING);
    session.write_done();
    look(&mut session, 2, HOME, &[("404 text/plain", 5)], NOTHING);
    let stood = at_door(&session.state, &route());
    let fired = |breach: &DoorBreach| matches!(breach.outlook, Outlook::Fired { .. });
    assert!(stood.iter().any(|breach| breach.unlike.is_some() && fired(breach)), "{stood:?}");
    assert!(stood.iter().any(|breach| breach.unlike.is_none()), "{stood:?}");
    assert!(stood.iter().all(|breach| breach.unlike.is_some() || !fired(breach)), "{stood:?}");
}

#[test]
fn a_few_of_what_home_has_as_well_is_like_home() {
    let mut session = Session::at(250);
    let odd = [(SITE, 14), ("404 text/plain", 1)];
    look(&mut session, 20, &odd, &[(SITE, 5)], NOTHING);
    look(&mut session, 1, &odd, &[(SITE, 4), ("404 text/plain", 1)], NOTHING);
    look(&mut session, 10, &odd, &[(SITE, 5)], NOTHING);
    assert_eq!((latched(&session), session.shift(250, 300)), (None, Verdict::Accepted));
}

#[test]
fn a_plan_may_say_why_another_site_is_right() {
    let reason = "the new site has another start page";
    for (unlike_home, stops) in [(UnlikeHome::Hold { reason: reason.into() }, true), (UnlikeHome::Ignore { reason: reason.into() }, false)]
    {
        let mut plan = plan();
        plan.routes[0].unlike_home = unlike_home;
        plan.routes[0].expect = Some(Expect { statuses: vec![Statuses::Hundred(2), Statuses::Hundred(4)], text: None });
        let mut session = Session::with(plan, 250);
        look(&mut session, 30, HOME, &[("404 text/plain", 5)], NOTHING);
        assert_eq!((latched(&session), session.writes().len()), (None, 0), "{stops}");
        let answer = session.shift(250, 300);
        assert_eq!(matches!(answer, Verdict::Refused(Refusal::UnlikeHome { .. })), stops, "{answer:?}");
    }
}

#[test]
fn the_load_balancer_s_own_errors_count_against_the_leg_that_it_can_t_reach() {
    let mut session = Session::at(50);
    look(&mut session, 15, HOME, NOTHING, &[("502 text/html", 1)]);
    let Refusal::FailingAtDoor { backend, failed, answers } = refused(session.shift(50, 100)) else { panic!("not refused") };
    assert_eq!((backend, failed, answers), (Some(gke()), 15, 15));
    assert_eq!(session.writes().len(), 0, "the plan's trigger waits two minutes");
    look(&mut session, 20, HOME, NOTHING, &[("502 text/html", 1)]);
    assert_eq!(session.writes().len(), 1);
    assert!(matches!(latched(&session), Some(Cause::FailingAtDoor { backend, .. }) if backend == gke()));
}

/// A backend that the load balancer can't reach is met by its 502s, and so by nobody's name: requests have followed the weights.
#[test]
fn requests_that_meet_the_load_balancer_s_own_errors_follow_the_weights() {
    let disagrees = |session: &Session| {
        let said = attention(&session.state).into_iter().any(|found| match found {
            Attention::RequestsDisagree { .. } => true,
            Attention::NeedsHuman { why, .. } => matches!(why, Need::RequestsDisagree { .. }),
            _ => false,
        });
        said || session.route().against_since.is_some()
    };
    let is_failing = |why: &Refusal| matches!(why, Refusal::FailingAtDoor { backend: Some(backend), .. } if *backend == gke());
    for share in [10, 100, 500] {
        let mut session = Session::at(share);
        let (in_stead, own) = (u64::from(share / 10), u64::from(100 - share / 10));
        for second in 0..600 {
            // A hundredth is met by one request in a hundred, which is every fourth second's.
            let (own, in_stead) = if share == 10 { (25, u64::from(second % 4 == 0)) } else { (own, in_stead) };
            session.calm(1);
            session.met(&[(SITE, own)], NOTHING, &[("502 text/html", in_stead)]);
            assert!(!disagrees(&session), "{share} after {second} s: {:?}", session.route().observed);
        }
        assert!(latched(&session).is_some() || is_failing(&refused(session.shift(share, share + 50))), "{share}");
    }
    // Fewer than the split gives are no excuse for it, nor are those of before its last change.
    for in_stead in [0, 1] {
        let mut session = Session::at(250);
        look(&mut session, 20, &[(SITE, 99)], NOTHING, &[("502 text/html", in_stead)]);
        assert!(disagrees(&session), "{in_stead}");
    }
    let mut session = Session::at(250);
    look(&mut session, 20, &[(SITE, 60)], NOTHING, &[("502 text/html", 20)]);
    session.foreign(300);
    look(&mut session, 60, &[(SITE, 100)], NOTHING, NOTHING);
    assert!(disagrees(&session));
}

#[test]
fn errors_that_meet_everybody_are_nobody_s_and_move_nobody() {
    let mut session = Session::at(50);
    look(&mut session, 5, HOME, &[(SITE, 1)], NOTHING);
    look(&mut session, 40, &[(SITE, 9)], &[(SITE, 1)], &[("502 text/html", 10)]);
    assert!(matches!(refused(session.shift(50, 100)), Refusal::FailingAtDoor { backend: None, .. }));
    assert_eq!((latched(&session), session.writes().len()), (None, 0));
}

/// Half of the answers are GKE's by their weight, and only its failures and nothing good says so.
#[test]
fn good_answers_without_a_mark_may_be_of_whoever_fails() {
    for (own, unmarked) in [(NOTHING, ("502 text/html", 1)), (&[("500 text/plain", 1)][..], (SITE, 1))] {
        let mut session = Session::at(500);
        look(&mut session, 12, &[(SITE, 11)], NOTHING, &[(SITE, 9)]);
        look(&mut session, 3, &[(SITE, 11)], own, &[(SITE, 8), unmarked]);
        assert_eq!(at_door(&session.state, &route()), [], "{own:?}");
        assert!(
            attention(&session.state).iter().any(|found| matches!(found, Attention::AnswersUnmarked { .. })),
            "whose they are is not known"
        );
    }
}

/// A twentieth of the users meets every tenth error, and the others are at a home that is dead.
#[test]
fn what_most_users_meet_comes_first() {
    let mut session = Session::at(50);
    look(&mut session, 6, HOME, &[(SITE, 1)], NOTHING);
    for _ in 0..12 {
        look(&mut session, 1, &[(SITE, 3), ("500 text/plain", 16)], &[(SITE, 1)], NOTHING);
        session.sample(Metric::ErrorRate, 0.0942);
    }
    let found = attention(&session.state);
    let Attention::AtDoor { breach, .. } = &found[0] else { panic!("{found:?}") };
    assert_eq!(breach.backend, run());
    assert!(found.iter().any(|found| matches!(found, Attention::Breach { .. })), "{found:?}");
}

/// Health checks dilute the counter to 2.9 %, and all of the few users fail.
#[test]
fn what_our_own_requests_meet_outweighs_a_diluted_counter() {
    let mut session = Session::at(10);
    look(&mut session, 5, HOME, NOTHING, NOTHING);
    for _ in 0..8 {
        look(&mut session, 4, HOME, NOTHING, NOTHING);
        session.sample(Metric::ErrorRate, 0.0291);
        session.met(HOME, &[("500 text/plain", 1)], NOTHING);
    }
    assert_eq!(latched(&session), None, "the plan's trigger waits two minutes from the third failure on");
    assert!(matches!(refused(session.shift(10, 50)), Refusal::FailingAtDoor { .. }));
    look(&mut session, 11, HOME, &[("500 text/plain", 1)], NOTHING);
    assert!(matches!(latched(&session), Some(Cause::FailingAtDoor { .. })));
    assert_eq!(session.writes().len(), 1);
}

#[test]
fn twelve_failures_of_twelve_are_enough_and_one_of_twelve_is_not() {
    let at = |bad: u64| {
        let mut session = Session::at(250);
        session.met(&[(SITE, 36)], &[(SITE, 12 - bad), ("500 text/plain", bad)], NOTHING);
        session.shift(250, 300)
    };
    assert!(matches!(at(12), Verdict::Refused(Refusal::FailingAtDoor { failed: 12, answers: 12, .. })));
    assert_eq!(at(1), Verdict::Accepted);
}

#[test]
fn a_trigger_that_holds_lets_failures_at_the_door_move_nobody() {
    let mut held = plan();
    held.triggers.iter_mut().for_each(|trigger| trigger.action = TriggerAction::Hold);
    let mut session = Session::with(held, 250);
    look(&mut session, 60, HOME, &[("500 text/plain", 5)], NOTHING);
    assert_eq!((latched(&session), session.writes().len()), (None, 0));
    assert!(matches!(refused(session.shift(250, 300)), Refusal::FailingAtDoor { .. }));
}

#[test]
fn what_nobody_watched_is_proven_anew() {
    let mut session = Session::at(250);
    look(&mut session, 5, HOME, &[(SITE, 5)], NOTHING);
    let wrong: Kinds = &[("404 text/plain", 5)];
    look(&mut session, 4, HOME, wrong, NOTHING);
    session.now = session.now + Millis::from_mins(10);
    session.step(Event::Restarted);
    session.healthy();
    session.weights(250);
    session.met(HOME, wrong, NOTHING);
    assert_eq!(session.writes().len(), 0, "ten minutes of absence prove nothing");
    look(&mut session, 7, HOME, wrong, NOTHING);
    assert_eq!(session.writes().len(), 0);
    look(&mut session, 1, HOME, wrong, NOTHING);
    assert_eq!(session.writes().len(), 1);
}

/// At 1 %, GKE has failed its few users; then for so many looks nobody meets it.
fn failed_and_not_met(looks: u64) -> Session {
    let mut session = Session::at(10);
    look(&mut session, 5, HOME, NOTHING, NOTHING);
    look(&mut session, 1, HOME, &[("500 text/plain", 4)], NOTHING);
    assert!(matches!(refused(session.shift(10, 50)), Refusal::FailingAtDoor { failed: 4, .. }));
    look(&mut session, looks, &[(SITE, 1)], NOTHING, NOTHING);
    session
}

#[test]
fn a_breach_that_nobody_answers_any_more_is_not_known_and_says_when_it_will_be() {
    let mut session = failed_and_not_met(80);
    let why = refused(session.shift(10, 50));
    assert!(matches!(why, Refusal::NotMetAnyMore { ago, .. } if ago >= Millis::from_mins(5)), "{why:?}");
    let names = Names::of(&session.state);
    let said = words::refusal(&why, names);
    assert!(said.contains("no answer of gke has come") && said.contains("known again with its next 3"), "{said}");
    let found = attention(&session.state);
    let door =
        found.iter().find(|found| matches!(found, Attention::AtDoor { breach, .. } if breach.is_unknown())).expect("somebody should know");
    let said = words::attention(door, session.state.now, names);
    assert!(said.contains("nothing advances") && !said.contains("0 of 0"), "{said}");
    let times = session.decisions.iter().flat_map(told).filter(|news| matches!(news, News::NotMetAnyMore { .. }));
    assert_eq!(times.count(), 1);
    assert!(!session.decisions.iter().flat_map(told).any(|news| matches!(news, News::AnswersAtDoor { .. })), "it has not answered");
    // The clock of what was met then is over: two failures are no breach of five minutes.
    look(&mut session, 1, HOME, &[("500 text/plain", 2)], NOTHING);
    look(&mut session, 2, HOME, NOTHING, NOTHING);
    assert_eq!((latched(&session), session.writes().len()), (None, 0));
    look(&mut session, 1, HOME, &[(SITE, 60)], NOTHING);
    look(&mut session, 1, HOME, NOTHING, NOTHING);
    assert!(at_door(&session.state, &route()).is_empty());
}

#[test]
fn three_answers_that_are_in_order_let_it_go_on() {
    let mut session = failed_and_not_met(80);
    look(&mut session, 1, &[(SITE, 1)], &[(SITE, 3)], NOTHING);
    assert!(at_door(&session.state, &route()).is_empty(), "{:?}", at_door(&session.state, &route()));
    assert_ne!(session.shift(10, 50), Verdict::Refused(Refusal::NotMetAnyMore { backend: gke(), ago: Millis(0) }));
}

#[test]
fn what_was_met_before_the_prober_fell_silent_is_not_known_either() {
    let mut session = failed_and_not_met(0);
    session.calm(310);
    assert!(matches!(refused(session.shift(10, 50)), Refusal::NotMetAnyMore { .. }));
    assert!(!attention(&session.state).iter().any(|found| matches!(found, Attention::AtDoor { breach, .. } if !breach.is_unknown())));
}

#[test]
fn where_nobody_is_sent_any_more_there_is_nothing_to_know() {
    let mut session = failed_and_not_met(0);
    assert_eq!(session.shift(10, 0), Verdict::Accepted);
    session.settle();
    look(&mut session, 80, HOME, NOTHING, NOTHING);
    assert!(at_door(&session.state, &route()).is_empty());
    assert_eq!(session.shift(0, 10), Verdict::Accepted, "nobody has to re-arm what has no latch");
}

#[test]
fn a_first_step_ends_at_the_smallest_rung_whatever_a_step_may_be() {
    let share = |share| PerMille::new(share).unwrap();
    let with = |ladder: &[u16]| {
        let mut plan = plan();
        plan.routes[0].ladder = ladder.iter().copied().map(share).collect();
        plan.routes[0].step_max = PerMille::ALL;
        Session::with(plan, 0)
    };
    assert_eq!(refused(with(&[10, 500, 1000]).shift(0, 11)), Refusal::FirstStep { most: share(10) });
    assert_eq!(with(&[10, 500, 1000]).shift(0, 10), Verdict::Accepted);
    assert_eq!(refused(with(&[100, 1000]).shift(0, 100)), Refusal::FirstStep { most: share(50) });
    assert_eq!(refused(with(&[100, 1000]).shift(0, 1000)), Refusal::FirstStep { most: share(50) });
    assert_eq!(with(&[100, 1000]).shift(0, 50), Verdict::Accepted);
}

/// What a probe that finds no page is worth: nothing, in either direction.
#[test]
fn a_probe_that_finds_no_page_is_no_sign_of_life() {
    let mut session = Session::at(0);
    session.gap(Metric::ErrorRate, Gap::LowVolume);
    let answers = [("404 text/plain".parse().unwrap(), 5)].into_iter().collect();
    let probed = Probed { backend: gke(), sent: 5, failed: 5, dropped: 0, answers, slowest_ms: Some(3.0) };
    session.see("probe/gke", vec![Fact::Probed(probed)]);
    assert!(matches!(refused(session.shift(0, 10)), Refusal::Blind { .. }));
}

#[test]
fn two_probes_that_are_turned_away_keep_nobody_from_going_home() {
    for kind in ["404 text/plain", "403 text/html", LOGIN, "502 text/html"] {
        let mut session = Session::at(250);
        for _ in 0..130 {
            session.now = session.now + Millis::from_secs(1);
            session.workload(run(), 6);
            let answers = [(kind.parse().unwrap(), 2)].into_iter().collect();
            let probed = Probed { backend: run(), sent: 2, failed: 2, dropped: 0, answers, slowest_ms: Some(3.0) };
            session.see("probe/run", vec![Fact::Probed(probed)]);
            let sample = Sample::exact(0.0007, 1700, session.now);
            session.see("scrape/run", vec![Fact::Measured { backend: run(), values: [(Metric::ErrorRate, Ok(sample))].into() }]);
            session.sample(Metric::ErrorRate, 1.0);
            session.weights(250);
        }
        assert!(matches!(latched(&session), Some(Cause::Triggers(_))), "{kind}");
        assert_eq!(session.writes().len(), 1, "{kind}");
    }
}

#[test]
fn the_checklist_counts_the_triggers_that_see() {
    let watched = |mut plan: Plan| {
        let (id, title) = ("monitoring".parse().unwrap(), "Monitoring in place".into());
        let proof = Proof::Collected(Check::MonitoringInPlace);
        plan.checklist = vec![Item { id, stage: Stage::PreMigration, title, proof, expires: Millis::from_mins(1) }];
        plan
    };
    let line = |session: &Session| {
        let item = &session.state.checklist[&"monitoring".parse().unwrap()];
        let Evidence::Monitored { triggers, of, .. } = item.evidence else { panic!("{item:?}") };
        (item.status, triggers, of)
    };
    for (share, status) in [(0, ItemStatus::Done), (10, ItemStatus::Unknown)] {
        let mut session = Session::with(watched(plan()), share);
        session.calm(2);
        assert_eq!(line(&session), (ItemStatus::Done, 2, 2));
        session.gap(Metric::P95Latency, Gap::LowVolume);
        session.wait(Millis::from_secs(1));
        assert_eq!(line(&session), (status, 1, 2), "at {share}");
    }
}

/// A quarter on GKE, of whose users one in twenty fails; then a person brings everybody home, and GKE is asked nothing more.
fn failed_and_left(failing: &[(Kinds, u64)]) -> Session {
    let mut session = Session::at(250);
    look(&mut session, 5, HOME, &[(SITE, 5)], NOTHING);
    for (kinds, looks) in failing {
        look(&mut session, *looks, HOME, kinds, NOTHING);
    }
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    session.settle();
    session
}

/// What is said of the front door by news from now on, while nobody is sent to GKE.
fn said_later(session: &mut Session) -> Vec<String> {
    let from = session.decisions.len();
    look(session, 100, HOME, NOTHING, NOTHING);
    let of_door = |news: &&News| {
        matches!(
            news,
            News::FailingAtDoor { .. }
                | News::AnswersAtDoor { .. }
                | News::NotMetAnyMore { .. }
                | News::UnlikeHome { .. }
                | News::LikeHomeAgain { .. }
        )
    };
    let names = Names::of(&session.state);
    session.decisions[from..].iter().flat_map(told).filter(of_door).map(|news| words::news(news, names)).collect()
}

/// Four of 24 answers failed, which is within what chance allows; as the good ones grow old, four of 14 would be beyond it.
#[test]
fn good_answers_that_grow_old_make_no_alarm_of_a_backend_that_nobody_is_sent_to() {
    let failing: &[(Kinds, u64)] = &[(&[(SITE, 5)], 10), (&[(SITE, 1), ("500 text/plain", 1)], 4)];
    let mut session = failed_and_left(failing);
    assert!(session.route().front_door.met[&gke()].failing.is_none());
    assert_eq!(said_later(&mut session), Vec::<String>::new());
    assert!(session.route().front_door.met.get(&gke()).is_none(), "it is history");
}

#[test]
fn bad_answers_that_grow_old_clear_no_backend_that_nobody_is_sent_to() {
    let failing: &[(Kinds, u64)] = &[(&[("500 text/plain", 5)], 6), (&[(SITE, 1)], 4)];
    let mut session = failed_and_left(failing);
    assert!(session.route().front_door.met[&gke()].failing.is_some());
    assert_eq!(said_later(&mut session), Vec::<String>::new(), "it never answered again");
    assert!(session.route().front_door.met.get(&gke()).is_none(), "it is history");
}

/// Twenty-five good answers from before a fault say nothing of what users meet now.
#[test]
fn what_users_meet_now_is_told_beside_what_the_verdict_rests_on() {
    let mut session = Session::at(50);
    look(&mut session, 25, HOME, &[(SITE, 1)], NOTHING);
    let from = session.now;
    look(&mut session, 6, HOME, &[("404 text/plain", 1)], NOTHING);
    let breach = at_door(&session.state, &route()).into_iter().find(|breach| breach.unlike.is_some()).expect("another site");
    let newest = breach.newest.expect("a run of bad answers");
    assert_eq!((newest.failed, newest.answers), (6, 6));
    assert!(newest.since > from && breach.answers > 25, "{breach:?}");
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    let failing = fails(&session.state, &plan.routes[0], &gke());
    assert_eq!(failing.at_door.map(|met| met.share_now()), Some(1.0));
    let said = words::fails(&failing).expect("it fails");
    assert!(said.long.starts_with("100.00% of its newest 6 answers fail at the front door"), "{said:?}");
    assert!(said.short.starts_with("fails 100.00% at the door"), "{said:?}");
    // It answers well again: the run is over once as many good ones have come.
    look(&mut session, 10, HOME, &[(SITE, 1)], NOTHING);
    assert!(at_door(&session.state, &route()).iter().all(|breach| breach.newest.is_none()), "{:?}", at_door(&session.state, &route()));
}

#[test]
fn where_users_still_are_it_is_told_once_that_nothing_is_known_any_more() {
    let mut session = failed_and_not_met(0);
    assert_eq!(said_later(&mut session).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was met: a look without an answer of a backend, and time, change no verdict on it; they only make it unknown, once.
    #[test]
    fn no_verdict_changes_without_an_answer(looks in proptest::collection::vec((0_u64..6, 0_usize..4, 0_u64..120), 5..40)) {
        let kinds = [SITE, "404 text/plain", "500 text/plain", SITE];
        let mut session = Session::at(10);
        look(&mut session, 5, HOME, &[(SITE, 2)], NOTHING);
        for (count, kind, silent) in looks {
            look(&mut session, 1, HOME, &[(kinds[kind], count), (SITE, 1)], NOTHING);
            let met = session.route().front_door.met[&gke()].clone();
            // Too few have come since it became unknown.
            if met.unanswered.is_some() {
                continue;
            }
            for _ in 0..silent {
                look(&mut session, 1, HOME, NOTHING, NOTHING);
                match session.route().front_door.met.get(&gke()).filter(|met| met.unanswered.is_none()) {
                    Some(now) => {
                        prop_assert_eq!((now.failed, now.answers), (met.failed, met.answers));
                        prop_assert_eq!(now.failing.is_some(), met.failing.is_some());
                        prop_assert_eq!(now.unlike.is_some(), met.unlike.is_some());
                    }
                    None => prop_assert!(session.now.since(met.at) > Millis::from_mins(5)),
                }
            }
        }
    }

    /// Whatever the target answers, look by look: at most one rollback follows, and only for what spoke for it over half a minute.
    #[test]
    fn any_mix_of_answers_goes_home_at_most_once(looks in proptest::collection::vec((0_u64..6, 0_usize..5, 0_u64..3), 5..40)) {
        let kinds = [SITE, "404 text/plain", LOGIN, "500 text/plain", "204 -"];
        let mut session = Session::at(250);
        look(&mut session, 5, HOME, &[(SITE, 2)], NOTHING);
        let mut odd_since = None;
        for (count, kind, unmarked) in looks {
            look(&mut session, 1, HOME, &[(kinds[kind], count)], &[("502 text/html", unmarked)]);
            if odd_since.is_none() && (unmarked > 0 || (kind != 0 && count > 0)) {
                odd_since = Some(session.now);
            }
            if let Some(cause) = latched(&session) {
                let least = if matches!(cause, Cause::UnlikeHome { .. }) { 30 } else { 120 };
                prop_assert!(odd_since.is_some_and(|since| session.now.since(since) >= Millis::from_secs(least)), "{cause:?}");
            }
        }
        prop_assert!(session.writes().len() <= 1);
        prop_assert_eq!(session.writes().len() == 1, latched(&session).is_some());
    }

    /// A target that answers as home does is never in the way, however few or many its requests are.
    #[test]
    fn home_s_own_site_is_never_in_the_way(looks in proptest::collection::vec(0_u64..20, 5..40)) {
        let mut session = Session::at(250);
        look(&mut session, 2, HOME, NOTHING, NOTHING);
        for count in looks {
            look(&mut session, 1, HOME, &[(SITE, count)], NOTHING);
        }
        prop_assert_eq!(latched(&session), None);
        let met = &session.route().front_door.met;
        prop_assert!(met.values().all(|met| met.failing.is_none() && met.unlike.is_none()), "{:?}", met);
    }
}
