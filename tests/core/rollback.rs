//! Whole decisions of the core on going back: what begins it, what it overtakes, and what it survives.

use crate::session::{SECOND, Session, ana, ben, gke, reads, refused, route, run, split, told, writes};
use cutover::core::{
    has::has,
    news::News,
    outlook::{Attention, Outlook, Then, attention, outlook, would},
    reason::{Drop, Mover},
    unresolved,
};
use cutover::words::{absence, state_line::state_line};
use cutover::{
    core::{
        command::Command,
        decision::{Cause, Effect, Refusal, Verdict},
        event::Event,
        state::{Goal, Motion},
    },
    domain::{
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::EffectId,
        metric::{Gap, Metric},
        time::Millis,
        weight::Weights,
    },
    words::{self, Names},
};

/// One second of errors on GKE; what was written in it.
fn errors(session: &mut Session) -> Vec<(EffectId, Weights)> {
    let before = session.writes().len();
    session.now = session.now + SECOND;
    session.home_healthy();
    session.beats();
    session.sample(Metric::ErrorRate, 0.08);
    session.writes().split_off(before)
}

#[test]
fn a_breach_for_its_whole_time_rolls_back_exactly_once() {
    let mut session = Session::at_a_quarter();
    let mut written = Vec::new();
    for second in 0..=119 {
        assert_eq!(errors(&mut session), [], "second {second}");
    }
    written.extend(errors(&mut session));
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].1, split(0));
    let latch = session.route().latch.clone().unwrap();
    assert!(matches!(&latch.cause, Cause::Triggers(fired) if fired[0].trigger.as_str() == "error-rate"), "{latch:?}");
    // Until its write is given up; what is repeated then is the same one.
    for _ in 0..119 {
        assert_eq!(errors(&mut session), []);
    }
}

#[test]
fn one_ok_sample_begins_the_window_anew() {
    let mut session = Session::at_a_quarter();
    for _ in 0..110 {
        errors(&mut session);
    }
    session.now = session.now + SECOND;
    session.sample(Metric::ErrorRate, 0.01);
    for _ in 0..=119 {
        assert_eq!(errors(&mut session), []);
    }
    assert_eq!(errors(&mut session).len(), 1);
}

#[test]
fn every_other_scrape_failing_does_not_disarm() {
    let mut session = Session::at_a_quarter();
    for second in 0..=120 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        if second % 2 == 0 {
            session.sample(Metric::ErrorRate, 0.08);
        } else {
            session.scrape_fails();
        }
    }
    assert_eq!(session.last_write().1, split(0));
}

#[test]
fn a_crash_that_takes_the_metrics_with_it_still_goes_home() {
    let mut session = Session::at_a_quarter();
    errors(&mut session);
    errors(&mut session);
    for _ in 0..119 {
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
        session.gap(Metric::ErrorRate, Gap::Missing);
    }
    assert_eq!(session.last_write().1, split(0));
}

#[test]
fn one_sample_repeated_is_one_sample() {
    let mut session = Session::at_a_quarter();
    session.now = session.now + SECOND;
    let at = session.now;
    for _ in 0..140 {
        let stuck = Ok(cutover::domain::metric::Sample::exact(0.5, 500, at));
        session.measured(Metric::ErrorRate, stuck);
        session.now = session.now + SECOND;
        session.home_healthy();
        session.beats();
    }
    assert_eq!(session.writes().len(), 1, "only the shift itself");
}

#[test]
fn a_rollback_overtakes_a_running_advance() {
    let mut session = Session::at(250);
    session.shift(250, 500);
    let (advance, _) = session.last_write();
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    let (home, to) = session.last_write();
    assert_eq!((home == advance, to), (false, split(0)));
    // The rollback was first; the advance fails on its version.
    session.write_done();
    let conflict = Outcome::NotDone(Fault::new(FaultKind::Conflict, "412"));
    session.finish(advance, conflict);
    session.weights(0);
    session.calm(61);
    assert_eq!((session.writes().len(), &session.route().motion), (2, &Motion::Settled));
    assert_eq!(session.route().wanted, Some(split(0)));
}

#[test]
fn an_overtaken_advance_that_lands_late_is_undone() {
    let mut session = Session::at(10);
    session.shift(10, 250);
    let (advance, _) = session.last_write();
    session.rollback(&ben());
    assert_eq!(session.last_write().1, split(0), "written besides, to be the first of the two");
    session.write_done();
    session.now = session.now + SECOND;
    session.finish(advance, Outcome::Done(Receipt::default()));
    session.foreign(250);
    assert_eq!(session.writes().len(), 3);
    assert_eq!(session.last_write().1, split(0));
}

#[test]
fn a_failed_way_home_is_tried_again_within_two_seconds_from_a_fresh_look() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    for attempt in 1..=5 {
        let (effect, _) = session.last_write();
        let failed = session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Unavailable, "503")));
        assert_eq!((writes(&failed).len(), reads(&failed)), (0, 1));
        session.now = session.now + Millis::from_secs(2);
        let looked = session.weights(250);
        assert_eq!(writes(&looked).len(), 1, "attempt {attempt}");
        session.end_reads();
    }
    session.write_done();
    assert!(matches!(session.route().motion, Motion::Propagating { goal: Goal::Rollback, .. }));
}

#[test]
fn a_conflict_on_the_way_home_is_re_decided_at_once() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    let looked = session.foreign(300);
    assert_eq!(writes(&looked).len(), 1);
}

/// Somebody has written another place of the same object, as a rollback of several routes on one map does itself.
#[test]
fn a_write_home_that_meets_a_newer_object_with_the_same_split_blames_nobody() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    let looked = session.foreign(250);
    assert_eq!(writes(&looked).len(), 1, "it goes home from there at once");
    assert!(!told(&looked).iter().any(|news| matches!(news, News::CameFirst { .. })), "{:?}", told(&looked));
}

/// The advance that a rollback overtakes lands first: the write home meets a version that we ourselves have made.
#[test]
fn a_write_home_that_meets_our_own_earlier_write_blames_nobody() {
    let conflict = || Outcome::NotDone(Fault::new(FaultKind::Conflict, "412"));
    let first = |session: &Session| {
        let told = session.decisions.iter().flat_map(told);
        told.filter_map(|news| if let News::CameFirst { found, by, .. } = news { Some((found.clone(), by.clone())) } else { None })
            .collect::<Vec<_>>()
    };
    let mut session = Session::at(250);
    session.shift(250, 500);
    let (advance, _) = session.last_write();
    session.rollback(&ben());
    let (back, _) = session.last_write();
    session.finish(advance, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    session.finish(back, conflict());
    session.foreign(500);
    assert_eq!(first(&session), [(split(500), Mover::OurLateWrite)]);
    assert_eq!((session.writes().len(), session.last_write().1), (3, split(0)), "it goes home from there at once");
    let Motion::Returning(back) = &session.route().motion else { panic!("{:?}", session.route().motion) };
    assert_eq!(back.came_first, Some(Mover::OurLateWrite));
    let said: Vec<String> = session.decisions.iter().flat_map(told).map(|news| words::news(news, Names::of(&session.state))).collect();
    assert!(!said.iter().any(|said| said.contains("somebody")), "{said:#?}");
    assert!(said.iter().any(|said| said.contains("an earlier write of this session set frontend to")), "{said:#?}");
    // The write that it lost against was none of ours.
    let mut session = Session::at(250);
    session.rollback(&ben());
    let (back, _) = session.last_write();
    session.finish(back, conflict());
    session.foreign(300);
    assert!(
        matches!(first(&session).as_slice(), [(found, Mover::Foreign { actor: Some(_) })] if *found == split(300)),
        "{:?}",
        first(&session)
    );
}

/// The first write home timed out and landed after all: the second one meets what it was to make.
#[test]
fn a_second_write_home_that_meets_the_first_one_is_home() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let (first, _) = session.last_write();
    session.finish(first, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    session.now = session.now + Millis::from_secs(2);
    session.weights(250);
    let (second, _) = session.last_write();
    assert_ne!(first, second);
    session.finish(second, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    session.foreign(0);
    assert!(matches!(session.route().motion, Motion::Propagating { goal: Goal::Rollback, .. }), "{:?}", session.route().motion);
    assert_eq!((session.writes().len(), session.route().drift.is_none()), (2, true));
}

#[test]
fn an_unknown_way_home_is_resolved_by_looking() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let (effect, _) = session.last_write();
    let unknown = session.finish(effect, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    assert_eq!((writes(&unknown).len(), reads(&unknown)), (0, 1));
    session.now = session.now + SECOND;
    session.foreign(0);
    assert_eq!(session.writes().len(), 1, "it had happened, so it is not repeated");
    assert!(matches!(session.route().motion, Motion::Propagating { .. }));
}

#[test]
fn two_people_and_a_trigger_make_one_rollback() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=119 {
        errors(&mut session);
    }
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    assert_eq!(session.rollback(&ben()), Verdict::Joined);
    assert_eq!(errors(&mut session), []);
    let latch = session.route().latch.clone().unwrap();
    assert_eq!((session.writes().len(), latch.joined.len()), (2, 2), "the shift and one rollback; {latch:?}");
}

#[test]
fn a_latched_route_advances_only_after_re_arming_with_a_reason() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    session.settle();
    assert!(matches!(refused(session.shift(0, 10)), Refusal::Latched { .. }));
    let rearm = |reason: &str| Command::Rearm { route: route(), reason: reason.into() };
    assert_eq!(refused(session.ask(&ana(), rearm("  "))), Refusal::ReasonMissing);
    assert!(matches!(refused(session.ask(&ben(), rearm("fixed"))), Refusal::NoControls { .. }));
    assert_eq!(session.ask(&ana(), rearm("the probe path was wrong")), Verdict::Accepted);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
}

#[test]
fn a_rollback_drops_what_waits() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    assert_eq!(session.shift(10, 50), Verdict::Queued);
    session.rollback(&ben());
    assert_eq!(session.route().queued, None);
    let told = told(session.decisions.last().unwrap());
    assert!(told.contains(&News::QueuedDropped { route: route(), to: split(50), why: Drop::RollbackBegan }), "{told:?}");
}

#[test]
fn blindness_with_users_on_both_sides_goes_home_after_five_minutes() {
    let mut session = Session::at_a_quarter();
    let blind_for = |session: &mut Session, seconds: u64| {
        for _ in 0..seconds {
            session.now = session.now + SECOND;
            session.home_healthy();
            session.beats();
            session.weights_by(250, None);
            session.scrape_fails();
        }
    };
    let before = session.writes().len();
    blind_for(&mut session, 31);
    assert!(matches!(refused(session.shift(250, 300)), Refusal::Blind { .. }));
    blind_for(&mut session, 269);
    assert_eq!(session.writes().len(), before);
    blind_for(&mut session, 2);
    assert_eq!(session.last_write().1, split(0));
    assert!(matches!(session.route().latch.as_ref().unwrap().cause, Cause::Blind { .. }));
    let Cause::Blind { trigger, .. } = &session.route().latch.as_ref().unwrap().cause else { panic!("it was blind") };
    let fired = session.state.triggers.get(trigger).and_then(|known| known.fired_at);
    assert_eq!(
        fired,
        Some(session.route().latch.as_ref().unwrap().at),
        "who brought it home has fired, whether it saw too much or nothing"
    );
}

#[test]
fn nobody_is_sent_to_a_home_that_is_proven_dead() {
    let mut session = Session::at_a_quarter();
    let home_dead = |session: &mut Session| {
        session.now = session.now + SECOND;
        session.workload(run(), 0);
        session.workload(gke(), 6);
        session.beats();
        session.sample(Metric::ErrorRate, 0.08)
    };
    for _ in 0..=125 {
        assert_eq!(writes(&home_dead(&mut session)), []);
    }
    let said = session.state.feed.iter().filter(|line| matches!(line.news, News::Withheld { .. }));
    assert_eq!(said.count(), 1);
    session.now = session.now + SECOND;
    assert_eq!(writes(&session.workload(run(), 6)).len(), 1, "as soon as home lives again");
}

#[test]
fn a_rollback_under_way_survives_the_host() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    let back = session.step(Event::Restarted);
    assert_eq!((writes(&back).len(), reads(&back)), (0, 1), "first a look");
    session.now = session.now + SECOND;
    let looked = session.weights(250);
    assert_eq!(writes(&looked).len(), 1);
}

#[test]
fn a_restart_in_the_middle_of_an_advance_advances_nothing() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.shift(10, 50);
    for _ in 0..3 {
        session.step(Event::Restarted);
        session.now = session.now + SECOND;
    }
    assert!(matches!(session.route().motion, Motion::Resolving { .. }));
    assert_eq!((session.route().queued.clone(), session.state.controls.holder.clone()), (None, None));
    session.foreign(10);
    session.calm(100);
    assert_eq!((session.writes().len(), &session.route().motion), (1, &Motion::Settled));
    assert_eq!(session.route().wanted, Some(split(10)), "it had happened");
}

#[test]
fn who_changed_the_weights_may_be_learned_after_the_change() {
    let mut session = Session::at(0);
    session.weights_by(100, None);
    let by = |session: &Session| session.route().drift.as_ref().unwrap().by.clone();
    assert_eq!(by(&session), Mover::Foreign { actor: None });
    let named = session.weights_by(100, Some("terraform@ci"));
    assert_eq!(told(&named), [News::DriftNamed { route: route(), found: split(100), by: "terraform@ci".into() }]);
    let foreign = Mover::Foreign { actor: Some("terraform@ci".into()) };
    assert_eq!(by(&session), foreign);
    assert_eq!(told(&session.weights_by(100, Some("terraform@ci"))), [], "said once");
    assert_eq!(session.shift(0, 10), Verdict::Refused(Refusal::Moved { now: split(100), by: Some(foreign) }));
}

#[test]
fn a_provider_that_undoes_the_rollback_is_fought_once() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    session.write_done();
    session.now = session.now + SECOND;
    assert_eq!(writes(&session.foreign(250)).len(), 1);
    session.write_done();
    session.now = session.now + SECOND;
    assert_eq!(writes(&session.foreign(250)).len(), 0);
    assert!(session.route().drift.is_some());
}

#[test]
fn a_late_write_of_ours_is_known_as_ours_before_its_outcome_is() {
    let mut session = Session::at(10);
    session.shift(10, 250);
    let (advance, _) = session.last_write();
    session.rollback(&ben());
    let (home, _) = session.last_write();
    session.finish(home, Outcome::NotDone(Fault::new(FaultKind::Unavailable, "503")));
    session.weights(0);
    session.end_reads();
    assert!(!session.route().motion.is_returning(), "home it is, as far as anybody can see");
    session.now = session.now + SECOND;
    // The advance has taken effect, and a look finds it before its own answer comes.
    let seen = session.foreign(250);
    assert_eq!(writes(&seen).len(), 1);
    assert!(told(&seen).iter().any(|news| matches!(news, News::LateWriteLanded { .. })), "{seen:?}");
    assert!(session.route().flips.is_empty(), "nobody else was at it");
    session.finish(advance, Outcome::Done(Receipt::default()));
}

#[test]
fn an_advance_whose_host_was_away_for_long_is_resolved_all_the_same() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    session.now = session.now + Millis::from_mins(15);
    session.step(Event::Restarted);
    assert!(matches!(session.route().motion, Motion::Resolving { .. }));
    session.now = session.now + SECOND;
    session.foreign(10);
    session.calm(130);
    assert_eq!((&session.route().motion, session.route().wanted.clone()), (&Motion::Settled, Some(split(10))));
}

#[test]
fn an_advance_whose_api_was_away_for_long_is_resolved_all_the_same() {
    let mut session = Session::at(0);
    session.shift(0, 10);
    let (advance, _) = session.last_write();
    session.finish(advance, Outcome::Unknown(Fault::new(FaultKind::TimedOut, "30 s")));
    for _ in 0..15 {
        session.wait(Millis::from_mins(1));
    }
    session.weights(0);
    session.calm(5);
    assert_eq!((&session.route().motion, session.route().wanted.clone()), (&Motion::Settled, Some(split(0))));
}

#[test]
fn a_trigger_that_fired_once_protects_those_whom_somebody_else_sent_back_out() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=120 {
        errors(&mut session);
    }
    session.settle();
    let before = session.writes().len();
    session.now = session.now + SECOND;
    session.foreign(400);
    assert!(session.route().drift.is_some());
    let id = "error-rate".parse().unwrap();
    let stands = outlook(&session.state, &id);
    assert!(!matches!(stands, Some(Outlook::Running { .. })), "what was read before they were there again starts no clock: {stands:?}");
    for second in 0..120 {
        assert_eq!(errors(&mut session), [], "it has to be proven anew, second {second}");
        let stands = outlook(&session.state, &id);
        assert!(matches!(stands, Some(Outlook::Running { then: Then::GoesHome, .. })), "{stands:?}");
    }
    errors(&mut session);
    assert_eq!((session.writes().len(), session.last_write().1), (before + 1, split(0)));
}

/// The next rollback of a route that is latched has its own cause and its own time; what fired before still counts as fired.
#[test]
fn a_rollback_that_begins_anew_is_told_as_itself() {
    let mut session = Session::at_a_quarter();
    for _ in 0..=120 {
        errors(&mut session);
    }
    session.settle();
    let first = session.route().latch.clone().unwrap();
    session.now = session.now + Millis::from_mins(40);
    session.foreign(400);
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    let latch = session.route().latch.clone().unwrap();
    assert!(matches!(&latch.cause, Cause::Operator { who, .. } if *who == ana().who), "{latch:?}");
    assert_eq!((latch.at, latch.joined), (session.now, vec![first.cause]));
    let Motion::Returning(back) = &session.route().motion else { panic!("{:?}", session.route().motion) };
    assert_eq!((&back.cause, back.since), (&latch.cause, session.now));
}

#[test]
fn a_look_from_before_the_clock_went_back_blocks_no_later_one() {
    let mut session = Session::at(250);
    let before = session.now;
    session.now = session.now.before(Millis::from_mins(60));
    session.see_since("weights/frontend", before, Ok(vec![]));
    let old = session.route().accepted.clone().unwrap();
    session.see_since("weights/frontend", before, Ok(vec![cutover::domain::fact::Fact::Accepted(old)]));
    session.now = session.now + SECOND;
    session.foreign(300);
    assert_eq!(session.route().accepted.as_ref().unwrap().weights, split(300));
}

#[test]
fn a_share_that_an_overtaken_write_may_have_given_is_named_until_its_end_is_known() {
    let mut session = Session::at(0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    // The host dies here: a write to 1 % was overtaken, and nobody has heard what became of it.
    let state = session.state.clone();
    let plan = state.opened.as_ref().unwrap().plan.clone();
    let (planned, names) = (&plan.routes[0], Names::of(&state));
    assert_eq!(unresolved::may_be(&state, &route()), [&split(10)]);
    let stood = absence::stood(&state, planned, names);
    assert!(stood.contains("0% on gke or 1% on gke"), "{stood}");
    let begun = absence::begun(&state, planned, names).join("\n");
    assert!(begun.contains("a write to 1% on gke was on its way") && begun.contains("it was to go home"), "{begun}");
    let line = state_line(&state, planned, state.now);
    assert!(line.place.long.contains("gke 0% or 1%"), "{line:?}");
    assert_eq!(has(&state, &route(), &gke()).at_most, split(10).of(&gke()));
    // The object has another version: the write has happened by now, or never will.
    session.foreign(0);
    assert_eq!(unresolved::may_be(&session.state, &route()), Vec::<&Weights>::new());
}

/// The newest write, and the one that it repeats.
fn last_again(session: &Session) -> Option<(EffectId, Version)> {
    let effects = session.decisions.iter().rev().flat_map(|decision| decision.effects.iter().rev());
    effects.map(|effect| &effect.what).find_map(|what| match what {
        Effect::Write { again, version, .. } => Some(again.map(|first| (first, version.clone()))),
        Effect::Claim { .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
    })?
}

#[test]
fn reads_that_fail_keep_nobody_away_from_home() {
    let mut session = Session::at(250);
    let version = session.version();
    session.rollback(&ben());
    let (first, _) = session.last_write();
    let overloaded = || Fault::new(FaultKind::Unavailable, "503");
    session.finish(first, Outcome::Unknown(overloaded()));
    let mut copies = Vec::new();
    for _ in 0..20 {
        session.now = session.now + SECOND;
        let before = session.writes().len();
        session.see_since("weights/frontend", session.now, Err(Fault::new(FaultKind::Unavailable, "429")));
        session.end_reads();
        for (copy, to) in session.writes().split_off(before) {
            assert_eq!((to, last_again(&session)), (split(0), Some((first, version.clone()))));
            session.finish(copy, Outcome::NotDone(overloaded()));
            copies.push(session.now);
        }
    }
    assert!((6..=12).contains(&copies.len()), "{copies:?}");
    // As soon as a look comes, the next one rests on it.
    session.now = session.now + SECOND;
    session.weights(250);
    session.now = session.now + SECOND + SECOND;
    session.weights(250);
    assert_eq!((session.last_write().1, last_again(&session)), (split(0), None));
}

#[test]
fn a_version_that_was_refused_is_not_written_against_again() {
    let mut session = Session::at(250);
    session.rollback(&ben());
    let (first, _) = session.last_write();
    session.finish(first, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    let before = session.writes().len();
    for _ in 0..20 {
        session.now = session.now + SECOND;
        session.see_since("weights/frontend", session.now, Err(Fault::new(FaultKind::Unavailable, "429")));
        session.end_reads();
    }
    assert_eq!(session.writes().len(), before);
}

/// Users may be where it was to bring them, so what fails there fails them.
#[test]
fn where_an_overtaken_write_may_have_brought_users_is_watched_as_if_they_were_there() {
    let mut session = Session::at(0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(session.rollback(&ana()), Verdict::Accepted);
    session.probe(gke(), 5);
    let fails = |session: &Session| {
        let found = attention(&session.state);
        found.iter().any(|found| matches!(found, Attention::ProbeFails { backend, .. } if *backend == gke()))
    };
    assert!(fails(&session), "{:?}", attention(&session.state));
    assert_ne!(would(&session.state, &"error-rate".parse().unwrap()), Some(Then::NobodyThere));
    // The object has another version: the write never was, and never will be.
    session.foreign(0);
    assert!(!fails(&session), "{:?}", attention(&session.state));
    assert_eq!(would(&session.state, &"error-rate".parse().unwrap()), Some(Then::NobodyThere));
}
