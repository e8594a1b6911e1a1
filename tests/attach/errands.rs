//! A command line asks for the way home and for nothing else, and is nobody's presence.

use cutover::{
    attach::{
        protocol::{FromCockpit, FromHost, Wants},
        roster::Identity,
    },
    core::command::Command,
    domain::{
        id::{AskId, ClientId},
        role::Role,
    },
    door::{Presence, Wanted},
};

use crate::{
    engine::{Raw, Session, identity},
    operator,
};

#[tokio::test(start_paused = true)]
async fn the_way_home_is_asked_for_and_nobody_is_told_that_somebody_came() {
    let mut session = Session::start();
    let (host, _close) = session.host(7);
    let (mut raw, welcome) = Raw::join(&host, identity("anna", Role::Operator), Wants::Errand, 64 * 1024).await;
    assert_eq!((welcome.client, welcome.role), (ClientId(7), Role::Operator));
    let home = Command::Rollback { route: None, reason: None };
    raw.say(&FromCockpit::Ask { ask: AskId(1), key: None, command: home.clone() }).await;
    let request = session.requests.recv().await.unwrap();
    assert_eq!((request.by.who.as_str(), request.what), ("anna", Wanted::Ask { ask: AskId(1), command: home }));
    raw.say(&FromCockpit::Bye).await;
    raw.serving.await.unwrap();
    assert!(session.presences.try_recv().is_err(), "it joined and left nothing");
    assert!(session.state().await.people.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_else_gets_past_an_errand_and_a_watcher_has_none() {
    for role in [Role::Pilot, Role::Watcher] {
        for frame in operator::frames() {
            let is_home = matches!(&frame, FromCockpit::Ask { command: Command::Rollback { .. }, .. });
            if is_home && role == Role::Pilot {
                continue;
            }
            let mut session = Session::start();
            let (host, _close) = session.host(1);
            let (mut raw, _) = Raw::join(&host, identity("sue", role), Wants::Errand, 64 * 1024).await;
            raw.say(&frame).await;
            raw.say(&FromCockpit::Bye).await;
            raw.serving.await.unwrap();
            assert!(session.requests.try_recv().is_err(), "{frame:?} became a request");
            while let Ok(presence) = session.presences.try_recv() {
                assert!(matches!(presence, Presence::TurnedAway(_)), "{frame:?} became {presence:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_sessions_end_is_for_the_hosts_own_account_to_ask() {
    let own = cutover::attach::peer::own_uid();
    for (uid, passes) in [(own, true), (own + 1, false)] {
        let mut session = Session::start();
        let (host, _close) = session.host(1);
        let who = Identity { uid, ..identity("anna", Role::Pilot) };
        let (mut raw, _) = Raw::join(&host, who, Wants::Errand, 64 * 1024).await;
        let stop = Command::Stop { abandon: Vec::new() };
        raw.say(&FromCockpit::Ask { ask: AskId(1), key: None, command: stop.clone() }).await;
        raw.say(&FromCockpit::Bye).await;
        raw.serving.await.unwrap();
        let asked = session.requests.try_recv().ok().map(|request| (request.by.who.to_string(), request.what));
        let expected = passes.then(|| ("anna".to_owned(), Wanted::Ask { ask: AskId(1), command: stop }));
        assert_eq!(asked, expected, "{uid}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_cockpit_ends_a_session() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let who = Identity { uid: cutover::attach::peer::own_uid(), ..identity("anna", Role::Pilot) };
    let (mut raw, _) = Raw::join(&host, who, Wants::Cockpit, 64 * 1024).await;
    raw.say(&FromCockpit::Ask { ask: AskId(1), key: None, command: Command::Stop { abandon: Vec::new() } }).await;
    raw.serving.await.unwrap();
    assert!(session.requests.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_more_is_told_why_he_is_cut() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Errand, 64 * 1024).await;
    raw.say(&FromCockpit::Ask { ask: AskId(1), key: None, command: Command::Say { text: "hello".into() } }).await;
    loop {
        match raw.frames.next::<FromHost>().await.unwrap().expect("a goodbye comes first") {
            FromHost::Bye { why, .. } => return assert!(why.as_str().contains("the way home and for nothing else"), "{why}"),
            FromHost::Snapshot { .. } | FromHost::Transition(_) | FromHost::Unrecorded(_) | FromHost::Beat | FromHost::Head(_) => {}
        }
    }
}
