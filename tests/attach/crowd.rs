//! Many clients, some of which don't read: nobody holds up anybody, and everybody ends with the host's state.

use std::time::Duration;

use cutover::{
    attach::{
        fold::{Fold, Folded},
        protocol::{FromCockpit, FromHost, FromWatcher, Wants},
    },
    core::command::Command,
    domain::{id::AskId, role::Role},
    door::{Presence, Wanted},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::{Raw, Session, identity};

/// Follows the session by hand until its fold has reached `seq`; how many snapshots it was given on the way.
async fn follow(raw: &mut Raw, fold: &mut Option<Fold>, seq: u64) -> u32 {
    let mut snapshots = 0;
    while fold.as_ref().and_then(Fold::state).is_none_or(|state| state.seq.0 < seq) {
        match raw.hear().await.expect("the host goes on") {
            FromHost::Snapshot { seq, state } => {
                assert_eq!(seq, state.seq);
                snapshots += 1;
                *fold = Some(Fold::new(*state));
            }
            FromHost::Transition(transition) | FromHost::Unrecorded(transition) => {
                let folded = fold.as_mut().expect("a snapshot comes first").apply(&transition);
                assert_eq!(folded, Folded::Newer, "each transition follows the one before");
            }
            FromHost::Beat | FromHost::Head(_) => {}
            FromHost::Bye { why, .. } => panic!("{why}"),
        }
    }
    snapshots
}

#[tokio::test(start_paused = true)]
async fn sixteen_stuck_watchers_of_sixty_four_hold_up_nobody_and_are_dropped() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let mut stuck = Vec::new();
    let mut watching = Vec::new();
    for number in 0..64 {
        let room = if number % 4 == 0 { 256 } else { 64 * 1024 };
        let (raw, _) = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, room).await;
        if number % 4 == 0 { stuck.push(raw) } else { watching.push(raw) }
    }
    let (mut pilot, welcome) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
    let mut folds: Vec<Option<Fold>> = watching.iter().map(|_| None).collect();
    let mut pilots_fold = None;
    for turn in 0..100u64 {
        session.ticks(50).await;
        pilot.say(&FromCockpit::Ask { ask: AskId(turn), key: None, command: Command::Say { text: "steady".into() } }).await;
        let request = session.requests.recv().await.unwrap();
        assert_eq!((request.by.client, matches!(request.what, Wanted::Ask { ask, .. } if ask == AskId(turn))), (welcome.client, true));
        let now = session.state().await.seq.0;
        follow(&mut pilot, &mut pilots_fold, now).await;
        for (raw, fold) in watching.iter_mut().zip(&mut folds) {
            follow(raw, fold, now).await;
        }
    }
    // Nothing but time passes: who has taken nothing for 30 s is dropped. The others go on beating.
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        pilot.say(&FromCockpit::Beat).await;
        for raw in &mut watching {
            raw.say(&FromWatcher::Beat).await;
        }
    }
    let state = session.state().await;
    assert_eq!(state.people.len(), 49, "48 who read, and the pilot");
    let mut left = 0;
    while let Ok(presence) = session.presences.try_recv() {
        left += u32::from(matches!(presence, Presence::Left { .. }));
    }
    assert_eq!(left, 16);
    let now = state.seq.0;
    for (raw, fold) in watching.iter_mut().zip(&mut folds) {
        follow(raw, fold, now).await;
        assert_eq!(**fold.as_ref().unwrap().state().unwrap(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_byte_a_second_is_let_go_and_holds_up_nobody() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    let (mut slow, _) = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, 256).await;
    let (mut pilot, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
    let mut fold = None;
    let mut trickle = slow.frames.into_inner();
    let mut read = 0;
    // As long as it can take: the host gives up on a line that takes nothing whole for half a minute.
    for second in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.ticks(1).await;
        if second % 5 == 0 {
            pilot.say(&FromCockpit::Beat).await;
        }
        let mut byte = [0u8];
        match trickle.read(&mut byte).await {
            Ok(1) => read += 1,
            _ => break,
        }
        let now = session.state().await.seq.0;
        follow(&mut pilot, &mut fold, now).await;
    }
    assert!((1..600).contains(&read), "it was let go after {read} bytes");
    assert!(slow.writer.write_all(b"x").await.is_err() || slow.serving.is_finished());
    assert_eq!(session.state().await.people.len(), 1, "the pilot is still here");
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_is_given_the_newest_state_and_still_agrees() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    // So little room that the host can be far ahead of what was read.
    let (mut slow, _) = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, 512).await;
    let mut fold = None;
    assert_eq!(follow(&mut slow, &mut fold, 1).await, 1);
    session.ticks(5000).await;
    let state = session.state().await;
    let snapshots = follow(&mut slow, &mut fold, state.seq.0).await;
    assert!((1..=3).contains(&snapshots), "{snapshots} snapshots in place of 5000 transitions");
    assert_eq!(**fold.as_ref().unwrap().state().unwrap(), state);
    session.ticks(3).await;
    let state = session.state().await;
    assert_eq!(follow(&mut slow, &mut fold, state.seq.0).await, 0, "after that transitions follow again");
    assert_eq!(**fold.as_ref().unwrap().state().unwrap(), state);
}

#[tokio::test(start_paused = true)]
async fn deeds_between_subscription_and_snapshot_are_seen_exactly_once() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    for _ in 0..50 {
        let joining = Raw::join(&host, identity("sue", Role::Watcher), Wants::Watch, 64 * 1024);
        let ((mut raw, _), ()) = tokio::join!(joining, session.ticks(7));
        let mut fold = None;
        let state = session.state().await;
        follow(&mut raw, &mut fold, state.seq.0).await;
        raw.say(&FromWatcher::Bye).await;
        raw.last_words().await;
    }
}
