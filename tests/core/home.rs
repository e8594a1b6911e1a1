//! Whether users are home: accepted and seen, with strangers and whatever else stands between weights and users.

use cutover::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        event::Event,
        fails::{exchange, stranded},
        follows::follows,
        has::{Writes, writes},
        home::{Home, is_home_now, wants_a_hand},
        news::{News, Settling},
        outlook::{Attention, Outlook, against_home, attention, outlook},
        reason::{Mover, Need, Objection, Obstacle},
        replication::Writers,
        state::{Motion, Proof},
    },
    domain::{
        answer::Answers,
        fact::{Fact, Probed},
        fault::{Fault, FaultKind, Outcome},
        hindrance::Hindrance,
        metric::Metric,
        time::Millis,
        weight::PerMille,
    },
    plan::model::{Database, DatabaseMode, Plan},
    words::{self, Names, state_line::state_line},
};

use crate::session::{SECOND, Session, ana, ben, plan, refused, route, run, split};

fn per_mille(share: u16) -> PerMille {
    PerMille::new(share).unwrap()
}

fn news(session: &Session) -> Vec<News> {
    session.decisions.iter().flat_map(|decision| decision.news.clone()).collect()
}

fn hotfix(share: u16) -> Hindrance {
    Hindrance::Stranger { backend: "hotfix".parse().unwrap(), name: "frontend-hotfix".into(), share: per_mille(share) }
}

#[test]
fn home_is_accepted_first_and_seen_when_requests_exclude_the_old_share() {
    let mut session = Session::at_a_quarter();
    assert_eq!(session.home(), Home::Away { given: per_mille(250) });
    session.rollback(&ana());
    assert!(matches!(session.home(), Home::Going { attempts: 0, why: Obstacle::Underway, .. }), "{:?}", session.home());
    let accepted = session.write_done();
    assert!(accepted.news.iter().any(|news| matches!(news, News::HomeAccepted { .. })), "{accepted:?}");
    // No sample is not seen yet, and what was before may still be met.
    assert!(
        matches!(session.home(), Home::Accepted { elsewhere: None, at_most, due, .. } if at_most == per_mille(250) && session.now < due)
    );
    session.serve(5, 5);
    let Home::Accepted { elsewhere: Some(share), at_most, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert!((share.fraction - 0.25).abs() < 1e-9 && at_most >= per_mille(250), "{share:?} {at_most}");
    assert!(!news(&session).iter().any(|news| matches!(news, News::HomeSeen { .. })));
    // A minute later the window holds nothing but home.
    session.serve(66, 0);
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
    let seen = news(&session).iter().filter(|news| matches!(news, News::HomeSeen { .. })).count();
    assert_eq!((seen, &session.route().motion), (1, &Motion::Settled));
}

#[test]
fn where_nobody_asks_home_is_accepted_and_not_seen() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    session.write_done();
    session.calm(59);
    assert!(matches!(session.home(), Home::Accepted { elsewhere: None, .. }), "{:?}", session.home());
    session.calm(2);
    assert!(matches!(session.home(), Home::Unasked { .. }), "{:?}", session.home());
    assert!(news(&session).iter().any(|news| matches!(news, News::HomeNotSeen { how: Settling::Unconfirmed { .. }, .. })));
    assert!(session.home().is_reached());
}

/// However short the time was before it: the rate that the promise rests on is not forgotten with what was counted.
#[test]
fn what_is_promised_right_after_a_step_is_promised_of_its_way_home_too() {
    let mut session = Session::at(0);
    session.serve_at(4, 0);
    session.serve_at(4, 0);
    session.serve_at(4, 0);
    session.shift(0, 10);
    session.write_done();
    (0..20).for_each(|second| a_second_at_one_percent(&mut session, second, 10));
    let promised = session.route().readiness.takes;
    session.rollback(&ana());
    assert!(session.route().readiness.takes <= promised, "{promised} and then {}", session.route().readiness.takes);
    session.write_done();
    let Home::Accepted { due, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert!(due.since(session.now) <= promised, "{promised} and then {}", due.since(session.now));
}

/// From the acceptance on, as the sentence says, and not from the key.
#[test]
fn that_home_is_seen_late_is_counted_from_its_acceptance() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    session.calm(40);
    session.write_done();
    let accepted = session.now;
    session.calm(70);
    assert!(session.route().motion == Motion::Settled && session.route().latch.is_some());
    session.serve(80, 0);
    let seen = news(&session);
    let after = seen.iter().find_map(|news| if let News::HomeSeen { after, .. } = news { Some(*after) } else { None });
    let after = after.unwrap_or_else(|| panic!("{:?}", session.home()));
    assert!(after >= Millis::from_secs(70) && after <= session.now.since(accepted), "{after}");
}

#[test]
fn a_small_old_share_is_excluded_only_by_many_answers_and_home_is_seen_then() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.settle();
    session.rollback(&ana());
    session.write_done();
    session.serve(40, 0);
    assert!(matches!(session.home(), Home::Accepted { .. }), "800 answers don't exclude 1 %: {:?}", session.home());
    session.serve(30, 0);
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
}

/// One request of four a second reaches GKE every 25 s, as a share of one percent makes it.
fn a_second_at_one_percent(session: &mut Session, second: u64, share: u16) {
    session.now = session.now + SECOND;
    session.healthy();
    session.beats();
    session.weights(share);
    let from_gke = u64::from(second.is_multiple_of(25));
    session.served(4 - from_gke, from_gke);
}

#[test]
fn what_a_rollback_promises_is_what_was_promised_before_it_and_is_kept() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.write_done();
    (0..180).for_each(|second| a_second_at_one_percent(&mut session, second, 10));
    assert_eq!(session.route().motion, Motion::Settled);
    let promised = session.route().readiness.takes;
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    let drafted = cutover::core::forecast::forecast(&session.state, &plan.routes[0], &split(10)).unwrap().home_takes.unwrap();
    assert!(promised.0.abs_diff(drafted.0) <= 1_000, "{promised} and {drafted}");
    let began = session.now;
    session.rollback(&ana());
    session.write_done();
    let mut last = promised;
    for second in 0..600 {
        let share_follows = second >= 30;
        if share_follows {
            session.serve_at(4, 0)
        } else {
            a_second_at_one_percent(&mut session, second, 0)
        }
        let passed = session.now.since(began);
        match session.home() {
            Home::Accepted { due, .. } => {
                assert!(session.now < due, "the promise is not over before it is kept");
                let left = due.since(session.now);
                let whole = Millis(passed.0 + left.0);
                assert!(whole.0 <= last.0 + 3_000, "{whole} after {passed}, and it was {last}");
                assert!(whole.0 + 30_000 >= promised.0, "{whole} is far less than {promised}, and nothing is better");
                last = whole;
            }
            Home::Seen { .. } => {
                assert!(passed <= promised, "{passed} of {promised}");
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("home was never seen");
}

#[test]
fn a_backend_is_judged_while_users_still_meet_it() {
    let mut session = Session::at_a_quarter();
    session.shift(250, 0);
    session.write_done();
    // The slider is home, its users are not: the trigger's window fills all the same.
    for _ in 0..=121 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        session.weights(0);
        session.served(18, 2);
        session.sample(Metric::ErrorRate, 0.08);
    }
    assert!(session.route().latch.is_some(), "a breach is a breach as long as anybody meets it");
}

#[test]
fn a_strangers_share_is_never_home_bars_an_advance_and_is_taken_home() {
    let mut session = Session::open(plan());
    session.split(&[("run", 600), ("gke", 0), ("hotfix", 400)], vec![hotfix(400)]);
    session.healthy();
    session.ask(&ana(), Command::Controls(ControlsCommand::Take));
    assert_eq!(session.home(), Home::Away { given: per_mille(400) });
    assert!(news(&session).iter().any(|news| matches!(news, News::Hindered { why: Hindrance::Stranger { .. }, .. })));
    let stands = session.route().accepted.as_ref().unwrap().weights.clone();
    let shift = |to| Command::Shift { route: route(), from: stands.clone(), to };
    assert_eq!(refused(session.ask(&ana(), shift(split(10)))), Refusal::Hindered { why: hotfix(400) });
    assert_eq!(session.route().readiness.against, [], "a write brings a stranger home, so going back is possible");
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    assert_eq!(session.last_write().1, split(0));
    session.write_done();
    assert!(matches!(session.home(), Home::Accepted { at_most, .. } if at_most == per_mille(400)), "{:?}", session.home());
    session.serve(3, 0);
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
}

/// Two others have a part while the change that gave it spreads: what may be away is the sum of both, and no more than any split gave away.
#[test]
fn what_may_still_be_away_is_the_sum_of_all_others() {
    let mut session = Session::at_a_quarter();
    session.serve(20, 5);
    session.split(&[("run", 450), ("gke", 150), ("hotfix", 400)], vec![hotfix(400)]);
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    session.write_done();
    assert!(matches!(session.home(), Home::Accepted { at_most, .. } if at_most == per_mille(550)), "{:?}", session.home());
    session.now = session.now + Millis::from_secs(5);
    session.weights(0);
    let site = |count| [("200 text/html", count)];
    session.met(&site(10), &site(3), &site(7));
    let Home::Accepted { elsewhere: Some(met), at_most, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert!((met.fraction - 0.5).abs() < 1e-9 && at_most == per_mille(550), "{met:?} {at_most}");
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    let said = state_line(&session.state, &plan.routes[0], session.now);
    assert!(said.place.long.starts_with("home accepted; 50% still elsewhere: hotfix 35%, gke 15%"), "{:?}", said.place);
}

/// Somebody else's change spreads by itself as ours do: every face says who, to what and for how long at most, and nothing calls it a fault.
#[test]
fn users_who_follow_somebody_elses_change_are_told_of() {
    let mut session = Session::at_a_quarter();
    session.serve(20, 5);
    session.foreign(500);
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    let route = &plan.routes[0];
    let since = session.now;
    let left = |session: &Session| follows(&session.state, route).map(|follows| follows.left(session.now));
    for second in 0..15 {
        session.serve(1, 5 + second % 2);
        assert!(!attention(&session.state).iter().any(|found| matches!(found, Attention::RequestsDisagree { .. })), "it only spreads");
    }
    let known = follows(&session.state, route).expect("they follow");
    assert_eq!((known.since, known.until, &known.to), (since, since + route.settle, &split(500)));
    assert!(matches!(&known.by, Some(Mover::Foreign { actor: Some(who) }) if who.as_str() == "terraform@ci"), "{known:?}");
    let next = state_line(&session.state, route, session.now).next.expect("something happens by itself");
    assert_eq!(next.said.long, format!("users follow terraform@ci to 50% on gke, within {}", left(&session).unwrap()));
    let told: Vec<String> =
        attention(&session.state).iter().map(|found| words::attention(found, session.now, Names::of(&session.state))).collect();
    assert!(told.iter().any(|told| told.contains("users follow it for")), "{told:?}");
    assert!(words::following(session.route(), &session.home(), session.now).contains("not seen by requests yet"));
    session.serve(60, 10);
    assert_eq!(left(&session), None, "they have followed");
    assert!(session.route().against_since.is_none());
}

#[test]
fn who_meets_a_stranger_that_the_weights_name_no_more_is_counted_and_home_is_not_seen() {
    let mut session = Session::open(plan());
    session.split(&[("run", 600), ("gke", 0), ("hotfix", 400)], vec![hotfix(400)]);
    session.healthy();
    session.rollback(&ben());
    session.write_done();
    let serve = |session: &mut Session, seconds: u64, nameless: u64| {
        for _ in 0..seconds {
            session.now = session.now + SECOND;
            session.healthy();
            session.beats();
            session.weights(0);
            session.met(&[("200 text/html", 20 - nameless)], &[], &[("200 text/html", nameless)]);
        }
    };
    serve(&mut session, 30, 2);
    let observed = session.route().observed.as_ref().unwrap();
    assert!(!observed.window.is_empty() && session.route().fading.is_empty(), "a tenth excludes that it is still two fifths");
    assert_eq!(observed.requests, 20 * observed.window.len() as u64);
    assert!((observed.shares[&"hotfix".parse().unwrap()].fraction - 0.1).abs() < 1e-9, "{observed:?}");
    assert!(matches!(session.home(), Home::Accepted { elsewhere: Some(share), .. } if share.fraction > 0.09), "{:?}", session.home());
    let shared = Database { mode: DatabaseMode::Shared, primary: "prod".parse().unwrap(), replicas: vec![], lag_max: SECOND };
    let planned = Plan { database: Some(shared), ..plan() };
    let mut state = session.state.clone();
    state.opened.as_mut().unwrap().plan = planned.clone().into();
    assert_eq!(writes(&state, &planned.routes[0]), Writes::Stranger(&"hotfix".parse().unwrap()));
    // Its last answers leave the window.
    serve(&mut session, 50, 0);
    assert!(matches!(session.home(), Home::Accepted { .. }), "{:?}", session.home());
    serve(&mut session, 15, 0);
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
    state.routes.clone_from(&session.state.routes);
    assert_eq!(writes(&state, &planned.routes[0]), Writes::Doubtful(Writers::Unknown), "nobody has asked this database");
}

#[test]
fn a_stranger_that_comes_later_is_drift_and_away() {
    let mut session = Session::at_a_quarter();
    session.split(&[("run", 450), ("gke", 250), ("hotfix", 300)], vec![hotfix(300)]);
    assert!(session.route().drift.is_some());
    assert_eq!(session.home(), Home::Away { given: per_mille(550) });
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    assert_eq!(session.last_write().1, split(0));
}

#[test]
fn what_bars_the_way_home_is_an_objection_before_the_first_advance_and_not_home_afterwards() {
    let rule = Hindrance::HostRule { host: "api.hexproperty.com".into(), matcher: "api".into() };
    let mut session = Session::at(0);
    session.split(&[("run", 1000), ("gke", 0)], vec![rule.clone()]);
    assert_eq!(session.route().readiness.against, [Objection::Hindered { why: rule.clone() }]);
    assert_eq!(refused(session.shift(0, 10)), Refusal::Hindered { why: rule.clone() });
    assert!(matches!(session.home(), Home::NotHome { why: Obstacle::Hindered { .. }, .. }), "{:?}", session.home());
    session.split(&[("run", 1000), ("gke", 0)], vec![]);
    assert!(news(&session).iter().any(|news| *news == News::HindranceGone { route: route(), why: rule.clone() }));
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
}

#[test]
fn a_refused_way_home_is_not_home_after_half_a_minute_with_the_apis_own_words() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    let denied = Fault::new(FaultKind::Forbidden, "Required 'compute.urlMaps.update' permission");
    for _ in 0..31 {
        let (effect, _) = session.last_write();
        session.finish(effect, Outcome::NotDone(denied.clone()));
        session.end_reads();
        session.now = session.now + Millis::from_secs(1);
        session.weights(250);
        session.beats();
    }
    let Home::NotHome { attempts, why, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert!(attempts >= 10, "{attempts}");
    assert_eq!(why, Obstacle::WriteFailed { why: denied.clone() });
    let said: Vec<News> = news(&session).into_iter().filter(|news| matches!(news, News::NotHome { .. })).collect();
    assert!(matches!(said.as_slice(), [News::NotHome { why: Obstacle::WriteFailed { why }, .. }] if *why == denied), "{said:?}");
}

#[test]
fn a_refused_way_home_names_the_permission_as_soon_as_it_is_known() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Forbidden, "permission was denied")));
    session.end_reads();
    let missing = Hindrance::Forbidden { permission: "compute.urlMaps.update".into(), why: Some("permission was denied".into()) };
    session.split(&[("run", 750), ("gke", 250)], vec![missing.clone()]);
    let Home::Going { why, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert_eq!(why, Obstacle::Hindered { why: missing });
}

#[test]
fn a_way_home_that_a_policy_refuses_names_the_policy_and_no_permission() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    let word = "admission webhook \"frozen\" denied the request: until Monday";
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Denied, word)));
    session.end_reads();
    // Both are read of it: what was missing before is not what refused.
    let missing = Hindrance::Forbidden { permission: "patch httproutes.gateway.networking.k8s.io".into(), why: None };
    let denied = Hindrance::Denied { why: word.into() };
    session.split(&[("run", 750), ("gke", 250)], vec![missing, denied.clone()]);
    let Home::Going { why, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert_eq!(why, Obstacle::Hindered { why: denied.clone() });
    let said = cutover::words::hindrance(&denied, cutover::words::Names::of(&session.state));
    assert!(said.contains("a policy refuses writes") && said.contains(word) && !said.contains("lacks"), "{said}");
}

#[test]
fn weights_that_cannot_be_read_are_why_a_route_is_not_home() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    let away = Fault::new(FaultKind::Unavailable, "503");
    for _ in 0..31 {
        session.now = session.now + SECOND;
        session.see_since("weights/frontend", session.now, Err(away.clone()));
        session.end_reads();
    }
    assert!(
        matches!(session.home(), Home::NotHome { why: Obstacle::Unread { why: Some(why), .. }, .. } if why == away),
        "{:?}",
        session.home()
    );
}

#[test]
fn a_session_that_begins_is_unproven_until_requests_agree() {
    let mut session = Session::at(250);
    assert_eq!((&session.route().motion, session.route().proof), (&Motion::Settled, Proof::Unproven));
    session.serve(1, 5);
    assert!(matches!(session.route().proof, Proof::Proven { .. }), "{:?}", session.route().proof);
    session.step(Event::Restarted);
    assert_eq!(session.route().proof, Proof::Unproven);
}

#[test]
fn requests_that_contradict_a_settled_route_stop_the_advance_and_call_a_person() {
    let mut session = Session::at(250);
    session.serve(2, 5);
    session.serve(70, 0);
    assert!(session.route().against_since.is_some());
    assert!(matches!(refused(session.shift(250, 260)), Refusal::RequestsDisagree { .. }));
    session.serve(120, 0);
    assert!(matches!(session.route().motion, Motion::NeedsHuman { why: Need::RequestsDisagree { .. }, .. }));
}

/// Every weight is home and users are not: no key and no command brings them there, so none is offered.
#[test]
fn users_who_stay_away_from_an_accepted_home_are_told_without_a_write_that_would_not_help() {
    let mut session = Session::at(250);
    session.serve(2, 5);
    let began = session.now;
    session.rollback(&ana());
    session.write_done();
    session.serve(400, 2);
    let Home::NotHome { since, why, .. } = session.home() else { panic!("{:?}", session.home()) };
    assert!(matches!(why, Obstacle::RequestsDisagree { .. }), "{why:?}");
    assert!(since.since(began) < Millis::from_secs(5), "since home was accepted, and not since it was noticed");
    let plan = session.state.opened.as_ref().unwrap().plan.clone();
    assert!(!wants_a_hand(&session.state, &plan.routes[0]));
    let line = state_line(&session.state, &plan.routes[0], session.now);
    assert_eq!(line.home, None, "a key that would write nothing takes no time");
    assert!(line.worst.long.contains("no write helps"), "{line:?}");
}

#[test]
fn half_of_the_way_is_not_settled() {
    let mut session = Session::at(10);
    session.serve(2, 0);
    session.shift(10, 250);
    session.write_done();
    session.serve(5, 4);
    assert!(matches!(session.route().motion, Motion::Propagating { .. }), "17 of 25 % by a hundred answers");
    session.serve(30, 5);
    assert_eq!(session.route().motion, Motion::Settled);
}

/// What a write may have made so already counts: going back from there is neither free nor done at once.
#[test]
fn while_the_first_step_is_written_going_back_takes_its_time() {
    let mut session = Session::at(0);
    assert_eq!(session.route().readiness.takes, Millis(0));
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    session.weights(0);
    assert!(matches!(session.route().motion, Motion::Writing { .. }), "{:?}", session.route().motion);
    let ready = &session.route().readiness;
    assert!(ready.takes > Millis::from_secs(3) && (ready.moves - 0.01).abs() < 1e-9, "{ready:?}");
    assert!(matches!(session.home(), Home::Away { given } if given == per_mille(10)));
}

/// With nobody at home a direct request is all that could show that it answers; that every one of them fails forbids nothing and is told.
#[test]
fn a_home_without_users_whose_probes_all_fail_is_doubted_everywhere() {
    let mut session = Session::at(1000);
    session.healthy();
    let planned = session.state.opened.as_ref().unwrap().plan.routes[0].clone();
    assert!(against_home(&session.state, &planned).is_empty(), "{:?}", against_home(&session.state, &planned));
    let forbidden = Answers::from_iter([("403 text/html".parse().unwrap(), 5)]);
    let probed = Probed { backend: run(), sent: 5, failed: 5, dropped: 0, answers: forbidden, slowest_ms: Some(80.0) };
    for _ in 0..7 {
        session.now = session.now + SECOND;
        session.beats();
        session.see("probe/run", vec![Fact::Probed(probed.clone())]);
    }
    let doubted = |news: &News| matches!(news, News::WayHomeDoubted { why: Objection::ProbesFail { .. }, .. });
    assert_eq!(news(&session).iter().filter(|news| doubted(news)).count(), 1, "the journal says it once");
    let against = against_home(&session.state, &planned);
    assert!(matches!(against[..], [Objection::ProbesFail { failed: 5, sent: 5, .. }]), "{against:?}");
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::HomeNotReady { .. }) && found.is_urgent()), "{found:?}");
    assert!(session.route().readiness.against.is_empty(), "it proves nothing, so it forbids nothing");
    assert_eq!(exchange(&session.state, &planned), None, "what refuses a probe may serve every user");
}

/// Once everybody has been seen at home, nothing is on the way there any more.
#[test]
fn at_home_no_trigger_is_on_its_way_home() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    session.write_done();
    session.serve(5, 5);
    session.serve(300, 0);
    assert!(matches!(session.home(), Home::Seen { .. }), "{:?}", session.home());
    for id in session.state.triggers.keys() {
        let stands = outlook(&session.state, id);
        assert!(!matches!(stands, Some(Outlook::GoingHome)), "{id}: {stands:?}");
    }
}

/// What was seen at home says nothing of now once nobody has read the weights for too long.
#[test]
fn home_that_nobody_reads_any_more_is_not_home_now() {
    let mut session = Session::at_a_quarter();
    session.rollback(&ana());
    session.write_done();
    session.serve(300, 0);
    let planned = session.state.opened.as_ref().unwrap().plan.routes[0].clone();
    assert!(is_home_now(&session.state, &planned));
    for _ in 0..45 {
        session.now = session.now + SECOND;
        session.healthy();
        session.beats();
    }
    assert!(session.home().is_reached() && !is_home_now(&session.state, &planned));
    let said = words::home_now(&session.home(), &session.state, &planned, session.now);
    assert!(said.contains("last read 45s ago"), "{said}");
}

/// What users meet outranks a probe: that it is refused is told, and is neither an alarm nor a home that fails.
#[test]
fn a_refused_probe_of_a_home_that_serves_its_users_is_told_and_no_more() {
    let mut session = Session::at_a_quarter();
    session.met(&[("200 text/html", 15)], &[("200 text/html", 5)], &[]);
    let forbidden = Answers::from_iter([("403 text/html".parse().unwrap(), 5)]);
    let probed = Probed { backend: run(), sent: 5, failed: 5, dropped: 0, answers: forbidden, slowest_ms: Some(80.0) };
    session.see("probe/run", vec![Fact::Probed(probed)]);
    let planned = session.state.opened.as_ref().unwrap().plan.routes[0].clone();
    let found = attention(&session.state);
    assert!(found.iter().any(|found| matches!(found, Attention::ProbeFails { failed: 5, sent: 5, .. } if !found.is_urgent())), "{found:?}");
    assert!(exchange(&session.state, &planned).is_none() && stranded(&session.state, &planned).is_none());
    let against = against_home(&session.state, &planned);
    assert!(!against.iter().any(|why| matches!(why, Objection::ProbesFail { .. })), "{against:?}");
}

/// A sample of few requests in which nobody was met says no more than how many there may be.
#[test]
fn that_nobody_was_met_where_some_are_sent_is_not_told_as_nothing() {
    let mut session = Session::at(10);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    session.write_done();
    session.weights(50);
    session.serve(5, 0);
    let told = {
        let planned = &session.state.opened.as_ref().unwrap().plan.routes[0];
        cutover::words::figure(&session.state, planned, session.route())
    };
    assert_eq!(told.share, "0-5%", "{told:?}");
    session.rollback(&ana());
    session.write_done();
    session.weights(0);
    session.serve(5, 0);
    let planned = &session.state.opened.as_ref().unwrap().plan.routes[0];
    let told = cutover::words::figure(&session.state, planned, session.route());
    assert!(told.share.starts_with("0-") && told.sentence.contains("not on run"), "{told:?}");
}
