//! Whole decisions of the core on people: who steers, whose word still counts, and who approves.

use cutover::domain::digest::Digest;
use cutover::{
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        event::{Alarm, Asker, Event, Listed, Roster},
        news::News,
        reason::Void,
        roster::{Change, Changed},
        state::{Ending, Motion},
    },
    domain::{
        id::{ClientId, RouteId},
        role::Role,
        time::Millis,
    },
    words::Names,
};

use crate::session::{Session, ana, ben, person, plan, refused, route, split};

fn cat() -> Asker {
    person(3, "cat", Role::Approver)
}

fn holder(session: &Session) -> Option<ClientId> {
    session.state.controls.holder.as_ref().map(|holder| holder.client)
}

/// At 1 %, with a request for 60 % that waits for its second person.
fn waiting() -> (Session, Digest) {
    let mut session = Session::at(10);
    match session.shift(10, 600) {
        Verdict::NeedsApproval { digest } => (session, digest),
        other => panic!("a step of 59 % is larger than the plan allows, and was answered {other:?}"),
    }
}

fn approve(session: &mut Session, by: &Asker, digest: &Digest) -> Verdict {
    session.ask(by, Command::Approve { digest: *digest })
}

#[test]
fn a_word_after_a_long_silence_does_not_revive_the_hold() {
    let mut session = Session::at(0);
    // The first entry after it is the holder's own request.
    session.now = session.now + Millis::from_secs(90);
    assert_eq!(refused(session.shift(0, 10)), Refusal::ControlsFree);
    let mut session = Session::at(0);
    session.now = session.now + Millis::from_secs(15);
    session.step(Event::Beat { client: ana().client });
    assert_eq!(holder(&session), None);
}

#[test]
fn a_silence_of_the_host_is_no_silence_of_a_client() {
    let mut session = Session::at(0);
    let since = session.now;
    session.now = session.now + Millis::from_secs(43);
    let decision = session.step(Event::StoodStill { since });
    assert!(decision.news.contains(&News::StoodStill { lasted: Millis::from_secs(43) }), "{:?}", decision.news);
    assert!(!decision.news.iter().any(|news| matches!(news, News::ControlsFree { .. })), "{:?}", decision.news);
    assert_eq!(holder(&session), Some(ana().client));
    let still = session.state.stood_still.expect("it is known");
    assert_eq!((still.since, still.until), (since, session.now));
    // What the host hears from then on counts again.
    session.wait(Millis::from_secs(14));
    assert_eq!(holder(&session), Some(ana().client));
    session.wait(Millis::from_secs(1));
    assert_eq!(holder(&session), None);
}

#[test]
fn a_request_whose_time_ran_out_while_the_host_stood_still_is_said_to_have_and_another_keeps_its_time() {
    let (mut session, digest) = waiting();
    session.calm(120);
    let since = session.now;
    session.now = session.now + Millis::from_mins(4);
    let decision = session.step(Event::StoodStill { since });
    assert!(decision.news.contains(&News::RequestVoid { asked_by: ana().who, why: Void::StoodStill }), "{:?}", decision.news);
    assert!(matches!(&session.state.ended.back().unwrap().how, Ending::Void { why: Void::StoodStill }));
    assert!(matches!(refused(approve(&mut session, &ben(), &digest)), Refusal::ApprovalVoid { .. }));

    // It is not given back: who approves must judge what is so now, and the request is as old as it is.
    let (mut session, digest) = waiting();
    let since = session.now;
    session.now = session.now + Millis::from_mins(4);
    session.step(Event::StoodStill { since });
    assert_eq!(session.state.approvals[&digest].stood_still, Millis::from_mins(4));
    session.calm(60);
    assert!(matches!(&session.state.ended.back().unwrap().how, Ending::Void { why: Void::InTime }), "{:?}", session.state.ended);
}

#[test]
fn what_a_host_that_died_left_open_is_void_for_that_however_long_it_was_away() {
    let (mut session, _) = waiting();
    session.now = session.now + Millis::from_mins(9);
    let decision = session.step(Event::Restarted);
    assert!(decision.news.contains(&News::RequestVoid { asked_by: ana().who, why: Void::HostRestarted }), "{:?}", decision.news);
}

#[test]
fn what_the_world_did_is_credited_to_nobody_who_asked_for_something_else() {
    let mut session = Session::at_a_quarter();
    session.now = session.now + Millis::from_secs(60);
    session.ask(&ben(), Command::Say { text: "how is it?".into() });
    let told = session.state.feed.iter().filter(|line| line.seq == session.state.seq);
    let (said, world): (Vec<_>, Vec<_>) = told.partition(|line| matches!(line.news, News::Said { .. }));
    assert!(said.iter().all(|line| line.who == Some(ben().who)) && said.len() == 1, "{said:?}");
    assert!(world.iter().all(|line| line.who.is_none()) && !world.is_empty(), "{world:?}");
}

#[test]
fn who_joins_in_another_role_is_another_line() {
    let mut session = Session::at(0);
    let eve =
        |client, role| Event::Joined { client: ClientId(client), who: "eve".parse().unwrap(), role, terminal: None, credentials: None };
    for (client, role) in [(7, Role::Pilot), (8, Role::Watcher), (9, Role::Watcher)] {
        session.step(eve(client, role));
    }
    let joined = session.state.feed.iter().filter_map(|line| match &line.news {
        News::Joined { who, role, .. } if who.as_str() == "eve" => Some((*role, line.repeats.map_or(1, |repeats| repeats.times))),
        _ => None,
    });
    assert_eq!(joined.collect::<Vec<_>>(), [(Role::Pilot, 1), (Role::Watcher, 2)]);
}

#[test]
fn a_beat_in_time_keeps_the_hold() {
    let mut session = Session::at(0);
    for _ in 0..10 {
        session.now = session.now + Millis::from_secs(14);
        session.step(Event::Beat { client: ana().client });
    }
    assert_eq!(holder(&session), Some(ana().client));
}

#[test]
fn each_grant_has_a_number_and_an_older_one_moves_nothing() {
    let mut session = Session::at(0);
    let epoch = session.state.controls.epoch;
    assert_eq!(session.shift(0, 10), Verdict::Accepted);
    assert_eq!(session.shift(10, 50), Verdict::Queued);
    assert_eq!(session.ask(&ana(), Command::Controls(ControlsCommand::HandTo(ben().who))), Verdict::Accepted);
    assert_eq!((session.state.controls.epoch, session.route().queued.clone()), (epoch + 1, None));
    session.settle();
    assert_eq!(session.writes().len(), 1, "the request of the one who steered before has gone with his grant");
    assert_eq!(refused(session.shift(10, 50)), Refusal::NoControls { holder: ben().who });
}

#[test]
fn an_operator_takes_free_controls_and_a_pilot_takes_them_from_him() {
    let mut session = Session::at(0);
    let take = Command::Controls(ControlsCommand::Take);
    assert_eq!(refused(session.ask(&ben(), take.clone())), Refusal::ControlsHeld { who: ana().who });
    assert_eq!(session.ask(&ana(), Command::Controls(ControlsCommand::GiveUp)), Verdict::Accepted);
    assert_eq!(session.ask(&ben(), take.clone()), Verdict::Accepted);
    assert_eq!(session.ask(&ana(), take), Verdict::Accepted);
    assert_eq!(holder(&session), Some(ana().client));
}

#[test]
fn silence_of_the_holder_does_not_stop_a_rollback() {
    let mut session = Session::at(250);
    session.rollback(&ana());
    session.step(Event::Left { client: ana().client });
    session.now = session.now + Millis::from_mins(2);
    session.step(Event::Rang(Alarm::Tick));
    assert_eq!(holder(&session), None);
    assert!(session.route().motion.is_returning());
}

#[test]
fn a_large_step_waits_for_somebody_else() {
    let (mut session, digest) = waiting();
    assert_eq!(session.writes(), []);
    assert_eq!(refused(approve(&mut session, &ana(), &digest)), Refusal::OwnRequest);
    assert_eq!(approve(&mut session, &cat(), &digest), Verdict::Accepted);
    assert_eq!(session.last_write().1, split(600));
    assert!(matches!(refused(approve(&mut session, &cat(), &digest)), Refusal::ApprovalVoid { .. }), "once is all");
    assert!(matches!(session.route().motion, Motion::Writing { .. }));
}

fn roster(people: &[(&str, Role, u32)]) -> Event {
    let listed = |&(who, role, uid): &(&str, Role, u32)| Listed { who: who.parse().unwrap(), role, uid, login: None, key: None };
    let text = format!("{people:?}");
    Event::Roster(Roster { digest: Some(Digest::of(text.as_bytes())), people: people.iter().map(listed).collect() })
}

/// A second account of the one who asks, a role or an account that was given for the answer: none is the second person that was asked for.
#[test]
fn who_was_made_a_second_person_after_the_question_is_none() {
    let before = [("ana", Role::Pilot, 1), ("ben", Role::Operator, 2), ("cat", Role::Watcher, 3)];
    let others = [
        ([before[0], before[1], ("cat", Role::Approver, 3)], Change::Role { from: Role::Watcher, to: Role::Approver }),
        ([before[0], before[1], ("cat", Role::Watcher, 1)], Change::Account { uid: 1, login: None }),
    ];
    for (others, how) in others {
        let mut session = Session::at(10);
        session.step(roster(&before));
        let Verdict::NeedsApproval { digest } = session.shift(10, 600) else { panic!("a large step needs a second person") };
        session.now = session.now + Millis::from_secs(4);
        session.step(roster(&others));
        let after = Millis::from_secs(4);
        assert_eq!(refused(approve(&mut session, &cat(), &digest)), Refusal::Barred { who: cat().who, how, after });
        assert_eq!(session.writes().len(), 0);
        assert_eq!(approve(&mut session, &ben(), &digest), Verdict::Accepted, "whoever was there may");
    }
}

#[test]
fn who_is_new_in_the_roster_is_told_to_everybody_and_approves_what_is_asked_for_afterwards() {
    let mut session = Session::at(10);
    let alone = [("ana", Role::Pilot, 1)];
    session.step(roster(&alone));
    let Verdict::NeedsApproval { digest } = session.shift(10, 600) else { panic!("a large step needs a second person") };
    session.step(roster(&[alone[0], ("cat", Role::Approver, 3)]));
    let how = Change::Added { role: Role::Approver, uid: 3, login: None };
    let told = session.state.feed.back().map(|line| line.news.clone());
    let changed = vec![Changed { who: cat().who, how: how.clone() }];
    assert!(matches!(told, Some(News::RosterChanged { changed: told, .. }) if told == changed), "{:?}", session.state.feed);
    let words = cutover::words::barred(&cat().who, &how, Millis::from_secs(40));
    assert_eq!(words, "cat was added to the roster 40s after it was asked for");
    assert!(matches!(refused(approve(&mut session, &cat(), &digest)), Refusal::Barred { .. }));
    assert_eq!(session.ask(&ana(), Command::Withdraw { digest }), Verdict::Accepted);
    let Verdict::NeedsApproval { digest } = session.shift(10, 610) else { panic!("a large step needs a second person") };
    assert_eq!(approve(&mut session, &cat(), &digest), Verdict::Accepted);
}

#[test]
fn the_same_person_at_another_terminal_is_the_same_person() {
    let (mut session, digest) = waiting();
    let elsewhere = person(7, "ana", Role::Pilot);
    assert_eq!(refused(approve(&mut session, &elsewhere, &digest)), Refusal::OwnRequest);
}

#[test]
fn a_request_is_void_after_five_minutes() {
    let (mut session, digest) = waiting();
    session.calm(298);
    assert!(session.state.approvals.contains_key(&digest));
    session.calm(2);
    assert!(matches!(refused(approve(&mut session, &cat(), &digest)), Refusal::ApprovalVoid { .. }));
    assert_eq!(session.writes(), []);
}

#[test]
fn a_request_is_void_once_the_world_is_another() {
    let changes: [fn(&mut Session); 4] = [
        // The same weights under another version: somebody changed the object and put it back.
        |session| drop(session.foreign(10)),
        |session| drop(session.foreign(300)),
        |session| assert_eq!(session.ask(&ana(), Command::Controls(ControlsCommand::HandTo(ben().who))), Verdict::Accepted),
        |session| assert_eq!(session.rollback(&ben()), Verdict::Accepted),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let (mut session, digest) = waiting();
        change(&mut session);
        let verdict = approve(&mut session, &cat(), &digest);
        assert!(matches!(refused(verdict), Refusal::ApprovalVoid { .. }), "change {place}");
        assert!(!session.writes().iter().any(|(_, to)| *to == split(600)), "change {place}");
    }
}

#[test]
fn what_is_approved_is_examined_once_more() {
    let (mut session, digest) = waiting();
    session.now = session.now + Millis::from_secs(1);
    session.workload(crate::session::run(), 1);
    assert!(matches!(refused(approve(&mut session, &cat(), &digest)), Refusal::NotReady { .. }));
    assert_eq!(session.writes(), []);
}

#[test]
fn a_watcher_is_refused_whatever_he_asks() {
    let mut session = Session::at(250);
    let dan = person(4, "dan", Role::Watcher);
    let reason = || "because".into();
    let commands = [
        Command::Shift { route: route(), from: split(250), to: split(260) },
        Command::Rollback { route: None, reason: None },
        Command::Hold { route: route() },
        Command::Rearm { route: route(), reason: reason() },
        Command::Controls(ControlsCommand::Take),
        Command::Approve { digest: Digest::of(b"nothing") },
        Command::Say { text: reason() },
        Command::Inject { inject: reason() },
    ];
    let before = session.state.routes.clone();
    for command in commands {
        assert_eq!(refused(session.ask(&dan, command)), Refusal::Role { role: Role::Watcher });
    }
    assert_eq!(session.state.routes, before);
}

#[test]
fn a_session_whose_weights_were_never_read_is_not_ended_as_if_they_were_home() {
    let mut session = Session::open(plan());
    let stop = |abandon: &[RouteId]| Command::Stop { abandon: abandon.to_vec() };
    assert_eq!(refused(session.ask(&ana(), stop(&[]))), Refusal::Unwatched { routes: vec![route()] });
    assert_eq!(session.ask(&ana(), stop(&[route()])), Verdict::Accepted);
    let ended = News::Stopped { by: ana().who, abandoned: vec![route()], unread: vec![route()] };
    let told = session.decisions.last().expect("it was asked").news.clone();
    assert!(told.contains(&ended), "{told:?}");
    let said = cutover::words::news(&ended, Names::of(&session.state));
    assert!(said.contains("was never read") && !said.contains("home"), "{said}");
}

#[test]
fn a_session_ends_only_when_what_it_leaves_alone_is_named_and_says_who_ended_it() {
    let mut session = Session::at(250);
    let unnamed = Command::Stop { abandon: Vec::new() };
    assert_eq!(refused(session.ask(&ana(), unnamed)), Refusal::Unwatched { routes: vec![route()] });
    assert_eq!(session.state.stopped, None);
    let named = Command::Stop { abandon: vec![route()] };
    assert_eq!(session.ask(&person(3, "wim", Role::Watcher), named.clone()), Verdict::Refused(Refusal::Role { role: Role::Watcher }));
    assert_eq!(session.ask(&ben(), named), Verdict::Accepted);
    assert_eq!(session.state.stopped.as_ref().map(|stopped| stopped.by.as_str()), Some("ben"));
    session.step(Event::Restarted);
    assert_eq!(session.state.stopped, None, "who takes it up again goes on with it");
}
