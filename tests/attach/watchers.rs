//! A watcher can't have an effect, whatever bytes he sends.

use cutover::{
    attach::protocol::{FromCockpit, FromHost, FromWatcher, Wants},
    core::event::{AtTheDoor, Intrusion, TerminalSize, TurnedAway},
    domain::role::Role,
    door::Presence,
};
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use crate::{
    engine::{Raw, Session, identity},
    operator,
};

/// What the session has heard once the connection is over: presences alone can be left.
async fn only_presence_was_heard(mut session: Session, serving: tokio::task::JoinHandle<()>) -> Vec<Presence> {
    serving.await.unwrap();
    let state = session.state().await;
    assert!(session.requests.try_recv().is_err(), "a watcher's bytes became a request");
    let mut heard = Vec::new();
    while let Ok(presence) = session.presences.try_recv() {
        heard.push(presence);
    }
    assert!(matches!(heard.first(), Some(Presence::Joined { role: Role::Watcher, .. })), "{heard:?}");
    assert!(matches!(heard.last(), Some(Presence::Left { .. })), "{heard:?}");
    let within = &heard[1..heard.len() - 1];
    assert!(within.iter().all(|one| matches!(one, Presence::Resized { .. } | Presence::TurnedAway(_))), "{heard:?}");
    assert_eq!(state.people.len(), 0);
    heard
}

#[tokio::test(start_paused = true)]
async fn no_frame_of_an_operator_gets_past_a_watchers_connection() {
    for (wants, role) in [(Wants::Watch, Role::Pilot), (Wants::Cockpit, Role::Watcher), (Wants::Watch, Role::Watcher)] {
        for frame in operator::frames() {
            let session = Session::start();
            let (host, _close) = session.host(1);
            let (mut raw, welcome) = Raw::join(&host, identity("sue", role), wants, 64 * 1024).await;
            assert_eq!(welcome.role, Role::Watcher);
            raw.say(&frame).await;
            let words = raw.last_words().await.expect("the watcher is told why it is cut");
            assert!(words.contains("protocol"), "{words}");
            let heard = only_presence_was_heard(session, raw.serving).await;
            let asked = AtTheDoor { what: Intrusion::WatcherAsked, times: 1, who: Some("sue".parse().unwrap()) };
            let turned = Presence::TurnedAway(TurnedAway { uid: Some(1000), login: None, refused: vec![asked] });
            let is_told = |one: &Presence| match (one, &turned) {
                (Presence::TurnedAway(one), Presence::TurnedAway(turned)) => (one.uid, &one.refused) == (turned.uid, &turned.refused),
                _ => false,
            };
            assert_eq!(heard.iter().filter(|one| is_told(one)).count(), 1, "it is on record that he asked: {heard:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_may_resize_and_beat_and_that_is_all_that_is_seen_of_him() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    let (mut raw, _) = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, 64 * 1024).await;
    for columns in 1..=300 {
        raw.say(&FromWatcher::Resize { terminal: TerminalSize { columns, rows: 24 } }).await;
        raw.say(&FromWatcher::Beat).await;
    }
    raw.say(&FromWatcher::Bye).await;
    raw.last_words().await;
    only_presence_was_heard(session, raw.serving).await;
}

/// Nobody looks at a screen that stands still because there is no session behind it any more.
#[tokio::test(start_paused = true)]
async fn everybody_hears_it_when_the_engine_ends_though_nobody_asks_anything() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    let mut lines = Vec::new();
    for (name, wants, role) in [("sue", Wants::Watch, Role::Watcher), ("anna", Wants::Cockpit, Role::Pilot)] {
        lines.push(Raw::join(&host, identity(name, role), wants, 64 * 1024).await.0);
    }
    drop(session);
    for mut raw in lines {
        let words = raw.last_words().await.expect("the client is told");
        assert!(words.contains("engine has stopped"), "{words}");
    }
    let mut late = Raw::join(&host, identity("ben", Role::Pilot), Wants::Cockpit, 64 * 1024).await.0;
    assert!(late.last_words().await.is_some_and(|words| words.contains("engine has stopped")));
}

#[tokio::test(start_paused = true)]
async fn who_only_glances_sees_the_state_and_is_seen_by_nobody() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let (mut raw, welcome) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Glance, 64 * 1024).await;
    assert_eq!(welcome.role, Role::Watcher);
    let now = session.state().await;
    assert!(matches!(raw.hear().await, Some(FromHost::Snapshot { state, .. }) if *state == now));
    assert_eq!(raw.hear().await, None, "and the line is closed");
    raw.serving.await.unwrap();
    session.state().await;
    assert!(session.presences.try_recv().is_err() && session.requests.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn of_a_resize_storm_the_session_hears_a_few_and_the_last() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
    for columns in 1..=1000 {
        raw.say(&FromCockpit::Resize { terminal: TerminalSize { columns, rows: 24 } }).await;
    }
    let mut sizes = Vec::new();
    while sizes.last() != Some(&1000) {
        match session.presences.recv().await.unwrap() {
            Presence::Resized { terminal, .. } => sizes.push(terminal.columns),
            Presence::Joined { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(sizes.len() <= 20, "{} resizes of 1000 were passed on", sizes.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    /// Raw bytes, and bytes in valid frames, and valid JSON that is nothing.
    #[test]
    fn random_bytes_of_a_watcher_never_become_a_request(
        raw_bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        framed in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8),
        frame in 0usize..21,
        order in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let session = Session::start();
            let (host, _close) = session.host(1);
            let (mut raw, _) = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, 1 << 20).await;
            let mut bytes = Vec::new();
            for payload in &framed {
                bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
                bytes.extend_from_slice(payload);
            }
            let known = serde_json::to_vec(&operator::frames()[frame]).unwrap();
            bytes.extend_from_slice(&(known.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&known);
            let parts = if order { [raw_bytes, bytes] } else { [bytes, raw_bytes] };
            raw.writer.write_all(&parts.concat()).await.ok();
            raw.writer.shutdown().await.ok();
            raw.last_words().await;
            only_presence_was_heard(session, raw.serving).await;
        });
    }
}
