//! One steerer of one object (I7): what a claim that a look finds forbids, who may take over, and what a rollback does with it.

use cutover::{
    core::{
        command::Command,
        decision::{Effect, Refusal, Verdict},
        event::{Event, Hosted},
        news::News,
        outlook::{Attention, attention},
        steer::{Order, Steers},
    },
    domain::{
        claim::{Claim, Claimed, Claims, Machine, Token},
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::EffectId,
        role::Role,
        shown::Shown,
    },
};

use crate::session::{Session, ana, ben, person, plan, refused, route, split};

fn claim(epoch: u64) -> Claim {
    format!("[cutover claim/1 other 0badcafe epoch {epoch} since 1800000000 on ops-2 by eve steers]").parse().unwrap()
}
fn by(claim: Claim) -> Claimed {
    Claimed::By(Box::new(claim))
}
fn hosted(takes_over: Option<Order>) -> Event {
    Event::Hosted(Hosted { machine: Machine::new("ops-1"), token: Token::new(1), takes_over })
}

/// Opened on a machine, the route home, all well, ana at the controls, and the object as it is said.
fn session(claimed: Claimed) -> Session {
    let mut session = Session::with(plan(), 0);
    session.step(hosted(None));
    session.claimed = claimed;
    session.weights(0);
    session
}

/// Each claim that left, with its effect and whether it left alone.
fn claims(session: &Session) -> Vec<(EffectId, Claim)> {
    let effects = session.decisions.iter().flat_map(|decision| &decision.effects);
    let claim = |effect: &cutover::core::decision::IssuedEffect| match &effect.what {
        Effect::Write { claim: Some(claim), .. } | Effect::Claim { claim, .. } => Some((effect.id, (**claim).clone())),
        Effect::Write { claim: None, .. } | Effect::Act { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => None,
    };
    effects.filter_map(claim).collect()
}
fn done(session: &mut Session, version: &str) {
    let (effect, claim) = claims(session).pop().unwrap();
    session.finish(effect, Outcome::Done(Receipt { version: Some(Version(version.to_owned())), operation: None }));
    session.claimed = by(claim);
    session.version = version[1..].parse().unwrap();
}
fn take_over(session: &mut Session, from: Option<Claim>, reason: &str) -> Verdict {
    session.ask(&ana(), Command::TakeOver { route: route(), from: from.map(Box::new), reason: Shown::new(reason) })
}

#[test]
fn the_first_write_claims_what_is_nobodys_and_the_next_one_goes_on() {
    let mut session = session(Claimed::Nobody);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let (_, first) = claims(&session).pop().unwrap();
    assert_eq!((first.epoch.get(), first.person.as_ref().map(ToString::to_string)), (1, Some("ana".to_owned())));
    session.claimed = by(first.clone());
    session.settle();
    assert_eq!(session.route().steering.stands, Steers::Us { claim: Box::new(first.clone()) });
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    assert_eq!(claims(&session).pop().unwrap().1, first, "the same epoch");
}

#[test]
fn anothers_claim_refuses_every_move_but_a_rollback_and_is_said() {
    let mut session = session(by(claim(4)));
    let another = Refusal::SteeredElsewhere { claim: Box::new(claim(4)) };
    assert_eq!(refused(session.shift(0, 10)), another);
    let told = attention(&session.state);
    assert!(
        told.iter()
            .any(|found| matches!(found, Attention::SteeredElsewhere { claim: found, .. } if **found == claim(4)) && found.is_urgent())
    );
    assert!(session.writes().is_empty());
    // It moves what it steers, and that is no drift.
    session.weights_by(250, Some("somebody@else"));
    assert_eq!((session.route().drift.clone(), session.route().wanted.clone()), (None, Some(split(250))));
    assert_eq!(refused(session.shift(250, 0)), another, "not even back, but by a rollback");
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    let (_, fences) = claims(&session).pop().unwrap();
    assert_eq!((fences.epoch.get(), session.last_write().1), (5, split(0)));
}

#[test]
fn a_person_with_the_controls_takes_over_with_a_reason_and_what_he_saw() {
    let mut session = session(by(claim(4)));
    let eve = person(9, "eve", Role::Operator);
    let asked = Command::TakeOver { route: route(), from: Some(Box::new(claim(4))), reason: "it is gone".into() };
    assert!(matches!(refused(session.ask(&eve, asked)), Refusal::NoControls { .. }));
    assert_eq!(refused(take_over(&mut session, Some(claim(4)), " ")), Refusal::ReasonMissing);
    assert_eq!(refused(take_over(&mut session, Some(claim(3)), "so")), Refusal::SteeredElsewhere { claim: Box::new(claim(4)) });
    assert_eq!(take_over(&mut session, Some(claim(4)), "ops-2 is gone"), Verdict::Accepted);
    assert_eq!(refused(take_over(&mut session, Some(claim(4)), "again")), Refusal::NoChange, "it is on its way");
    let (_, taken) = claims(&session).pop().unwrap();
    assert_eq!((taken.epoch.get(), taken.claims), (5, Claims::Steers));
    assert!(matches!(refused(session.shift(0, 10)), Refusal::SteeredElsewhere { .. }), "not before it stands there");
    done(&mut session, "v1");
    assert!(session.decisions.last().unwrap().news.iter().any(|news| matches!(news, News::Steers { before: Some(_), .. })));
    session.calm(2);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(claims(&session).pop().unwrap().1, taken);
}

#[test]
fn a_taking_over_that_came_too_late_changes_nothing() {
    let mut session = session(by(claim(4)));
    take_over(&mut session, Some(claim(4)), "ops-2 is gone");
    let (effect, _) = claims(&session).pop().unwrap();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    session.claimed = by(claim(5));
    session.calm(2);
    assert_eq!(session.route().steering.another(), Some(&claim(5)));
    assert!(matches!(refused(session.shift(0, 10)), Refusal::SteeredElsewhere { .. }));
}

#[test]
fn a_host_that_finds_a_newer_epoch_of_its_own_session_is_a_stranger_to_it() {
    let mut session = session(Claimed::Nobody);
    session.shift(0, 10);
    let (_, ours) = claims(&session).pop().unwrap();
    session.claimed = by(ours.clone());
    session.settle();
    // Somebody goes on with a copy of its journal.
    let copy = Claim { epoch: ours.epoch.next(), ..ours };
    session.claimed = by(copy.clone());
    session.calm(1);
    assert_eq!(refused(session.shift(10, 50)), Refusal::SteeredElsewhere { claim: Box::new(copy) });
}

/// Two hosts on copies of one journal begin the same epoch; the one whose write came second knows the claim that it finds as another's.
#[test]
fn the_same_epoch_from_another_machine_is_anothers() {
    let mut session = session(Claimed::Nobody);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    let (effect, mut winner) = claims(&session).pop().unwrap();
    winner.by.machine = Machine::new("ops-9");
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    session.claimed = by(winner.clone());
    session.weights(10);
    assert!(
        matches!(&session.route().steering.stands, Steers::Another { claim, .. } if **claim == winner),
        "{:?}",
        session.route().steering
    );
}

/// Who took over has ended again while this host was paused: what it did is for a person to look at.
#[test]
fn a_taking_over_that_has_ended_meanwhile_asks_for_a_persons_word() {
    let mut session = session(Claimed::Nobody);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    done(&mut session, "v2");
    session.weights(10);
    assert!(matches!(session.route().steering.stands, Steers::Us { .. }));
    session.claimed = by(Claim { claims: Claims::Ended, ..claim(7) });
    session.weights(10);
    assert!(matches!(session.route().steering.stands, Steers::Lost { .. }), "{:?}", session.route().steering);
    assert!(session.decisions.iter().flat_map(|decision| &decision.news).any(|news| matches!(news, News::ClaimLost { .. })));
}

#[test]
fn a_host_that_comes_back_begins_another_epoch_with_its_next_write() {
    let mut session = session(Claimed::Nobody);
    session.shift(0, 10);
    session.claimed = by(claims(&session).pop().unwrap().1);
    session.settle();
    session.step(Event::Restarted);
    session.step(hosted(None));
    session.calm(70);
    session.ask(&ana(), Command::Controls(cutover::core::command::ControlsCommand::Take));
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    assert_eq!(claims(&session).pop().unwrap().1.epoch.get(), 2);
}

#[test]
fn a_claim_that_is_taken_away_asks_for_a_persons_word_and_no_weight_has_drifted() {
    let mut session = session(Claimed::Nobody);
    session.shift(0, 10);
    session.claimed = by(claims(&session).pop().unwrap().1);
    session.settle();
    session.claimed = Claimed::Nobody;
    session.calm(1);
    assert_eq!((refused(session.shift(10, 50)), session.route().drift.clone()), (Refusal::ClaimLost, None));
    assert_eq!(take_over(&mut session, None, "terraform took it away"), Verdict::Accepted);
    done(&mut session, "v2");
    session.calm(2);
    assert_eq!(session.shift(10, 50), Verdict::Accepted);
    assert_eq!(claims(&session).pop().unwrap().1.epoch.get(), 2);
}

#[test]
fn weights_that_somebody_changes_beside_our_claim_have_drifted_as_ever() {
    let mut session = session(Claimed::Nobody);
    session.shift(0, 10);
    session.claimed = by(claims(&session).pop().unwrap().1);
    session.settle();
    session.weights_by(500, Some("dana"));
    assert_eq!(refused(session.shift(500, 510)), Refusal::Drifted { found: split(500) });
}

#[test]
fn a_rollback_takes_the_claim_away_that_it_found_even_at_home_and_no_other() {
    let mut session = session(by(claim(4)));
    assert_eq!(session.rollback(&ben()), Verdict::Accepted);
    let (effect, fences) = claims(&session).pop().unwrap();
    assert_eq!(fences.epoch.get(), 5);
    // Another host has rolled back at the same time, and was first.
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Conflict, "412")));
    (session.claimed, session.version) = (by(claim(5)), 2);
    session.calm(3);
    assert!(!session.route().motion.is_returning(), "{:?}", session.route().motion);
    assert_eq!(claims(&session).len(), 1, "it is home, and nobody is fought");
    assert_eq!(session.rollback(&ben()), Verdict::Accepted, "a second one means the other host");
    assert_eq!(claims(&session).pop().unwrap().1.epoch.get(), 6);
}

#[test]
fn what_a_rollback_may_not_write_at_home_keeps_nobody_from_home() {
    let mut session = session(by(claim(4)));
    session.rollback(&ben());
    let (effect, _) = claims(&session).pop().unwrap();
    session.finish(effect, Outcome::NotDone(Fault::new(FaultKind::Forbidden, "403")));
    session.calm(3);
    assert!(!session.route().motion.is_returning(), "{:?}", session.route().motion);
}

#[test]
fn who_starts_a_host_takes_over_once_what_it_finds_first() {
    let mut session = Session::with(plan(), 0);
    session.step(hosted(Some(Order { by: "root".parse().unwrap(), reason: "ops-2 is gone".into() })));
    session.claimed = by(claim(4));
    session.weights(0);
    let (_, taken) = claims(&session).pop().unwrap();
    assert_eq!((taken.epoch.get(), taken.person.as_ref().map(ToString::to_string)), (5, Some("root".to_owned())));
    done(&mut session, "v1");
    session.claimed = by(claim(6));
    session.calm(5);
    assert_eq!(claims(&session).len(), 1, "once");
    assert!(matches!(refused(session.shift(0, 10)), Refusal::SteeredElsewhere { .. }));
}

#[test]
fn a_session_that_is_stopped_says_that_nobody_steers() {
    let mut session = session(Claimed::Nobody);
    session.shift(0, 10);
    session.claimed = by(claims(&session).pop().unwrap().1);
    session.settle();
    assert_eq!(session.ask(&ana(), Command::Stop { abandon: vec![route()] }), Verdict::Accepted);
    let (_, ended) = claims(&session).pop().unwrap();
    assert_eq!((ended.epoch.get(), ended.claims), (2, Claims::Ended));
    // Whoever comes next goes on from there.
    let mut next = Session::with(plan(), 0);
    next.step(Event::Hosted(Hosted { machine: Machine::new("ops-3"), token: Token::new(3), takes_over: None }));
    next.claimed = by(ended);
    next.weights(0);
    assert_eq!(next.shift(0, 10), Verdict::Accepted);
    assert_eq!(claims(&next).pop().unwrap().1.epoch.get(), 3);
}

#[test]
fn an_older_journal_knows_no_host_and_claims_nothing() {
    let mut session = Session::at(0);
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(claims(&session), []);
}
