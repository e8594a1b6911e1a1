//! Those who don't get in, or don't stay: each is told why, and the session hears nothing of it.

use std::{sync::Arc, time::Duration};

use cutover::{
    attach::{
        client::{self, ConnectError, ToHost},
        dial::Dial,
        entrance::{ERRANDS_OF_AN_ACCOUNT_MAX, OF_AN_ACCOUNT_MAX},
        frame::FROM_CLIENT_BYTES_MAX,
        protocol::{FromHost, Greeting, Refused, Then, VERSION, Wants},
        roster::Roster,
    },
    core::command::Command,
    domain::{id::AskId, role::Role},
    door::Wanted,
};
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    sync::watch,
};

use crate::engine::{Raw, Session, identity, stays};

async fn refusal(raw: &mut Raw) -> Refused {
    match raw.frames.next::<Greeting>().await.unwrap() {
        Some(Greeting::Refused(refused)) => refused,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test(start_paused = true)]
async fn another_version_is_refused_with_both_numbers() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    for hello in [
        serde_json::json!({"version": VERSION + 1, "wants": "something-new"}),
        serde_json::json!({"version": "1"}),
        serde_json::json!(["hello"]),
    ] {
        let mut raw = Raw::dial(&host, identity("anna", Role::Pilot), 4096);
        raw.say(&hello).await;
        let Refused { why, then } = refusal(&mut raw).await;
        assert!(why.as_str().contains(&format!("version {VERSION} ")), "{why}");
        assert_eq!(then, Then::StayAway);
        raw.serving.await.unwrap();
    }
    session.state().await;
    assert!(session.presences.try_recv().is_err(), "nobody has joined");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_a_hello_is_cut_after_a_while() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    for start in [&b""[..], b"\0\0", b"\0\0\0\x40{\"version\":1,"] {
        let mut raw = Raw::dial(&host, identity("anna", Role::Pilot), 4096);
        raw.writer.write_all(start).await.unwrap();
        assert_eq!(refusal(&mut raw).await.then, Then::ComeBack);
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_costs_its_sender_the_line_and_nobody_else_anything() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
    raw.writer.write_all(b"\0\0\0\xff{\"ask\":{").await.unwrap();
    let words = raw.last_words().await.unwrap();
    assert!(words.contains("30 s"), "{words}");
    raw.serving.await.unwrap();
    assert!(session.requests.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_frame_above_the_cap_is_cut_at_its_length() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    for length in [FROM_CLIENT_BYTES_MAX as u32 + 1, 1 << 30, u32::MAX] {
        let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
        raw.writer.write_all(&length.to_be_bytes()).await.unwrap();
        let words = raw.last_words().await.unwrap();
        assert!(words.contains("longer than"), "{words}");
        raw.serving.await.unwrap();
        // The rest of the gigabyte finds nobody.
        let mut sent = 0;
        while raw.writer.write_all(&[b' '; 4096]).await.is_ok() {
            sent += 4096;
            assert!(sent <= 128 * 1024, "the host still takes bytes after it has cut the line");
        }
    }
    assert!(session.requests.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_is_none_never_reaches_the_session() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    for digest in ["", "\\u001b[31m", "zz", &"0".repeat(129)] {
        let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
        let frame = format!(r#"{{"ask":{{"ask":1,"key":null,"command":{{"approve":{{"digest":"{digest}"}}}}}}}}"#);
        raw.say(&serde_json::from_str::<serde_json::Value>(&frame).unwrap()).await;
        assert!(raw.last_words().await.is_some());
        raw.serving.await.unwrap();
    }
    assert!(session.requests.try_recv().is_err());
}

#[tokio::test]
async fn an_account_outside_the_roster_is_closed_before_it_has_said_a_word() {
    let mut session = Session::start();
    let (host, _close) = session.host(1);
    let folder = tempfolder("strangers");
    let path = folder.join("s.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let strangers = Arc::new(Roster::parse("[[person]]\nname = \"bob\"\nuid = 4242\nrole = \"pilot\"", "").unwrap());
    let (_roster, roster) = watch::channel(strangers);
    tokio::spawn(async move { host.serve(listener, stays(), roster).await });
    let owner = rustix::process::geteuid().as_raw();
    if owner == 0 {
        // Root is a watcher where it isn't listed.
        let link = client::connect(Dial::Path { path, owner }, Wants::Cockpit, None).await.unwrap();
        assert_eq!(link.view.borrow().me.role, Role::Watcher);
        return;
    }
    match client::connect(Dial::Path { path, owner }, Wants::Cockpit, None).await {
        Err(ConnectError::Refused(Refused { why, then: Then::StayAway })) => assert!(why.as_str().contains("roster"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(session.presences.try_recv().is_err());
}

/// A session that its own account holds so many silent connections to, how it is dialled, and what has to last meanwhile.
async fn crowded(name: &str, connections: usize) -> (Session, impl Fn() -> Dial, impl Sized) {
    let session = Session::start();
    let (host, close) = session.host(1);
    let path = tempfolder(name).join("s.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let (keeper, roster) = watch::channel(Arc::new(Roster::of_owner(owner, "")));
    tokio::spawn(async move { host.serve(listener, stays(), roster).await });
    let mut idle = Vec::new();
    for _ in 0..connections {
        idle.push(UnixStream::connect(&path).await.unwrap());
    }
    (session, move || Dial::Path { path: path.clone(), owner }, (idle, keeper, close))
}

#[tokio::test]
async fn a_session_that_one_account_has_filled_keeps_a_place_for_the_way_home() {
    let (mut session, dial, _crowd) = crowded("full", OF_AN_ACCOUNT_MAX).await;
    for wants in [Wants::Cockpit, Wants::Watch] {
        match client::connect(dial(), wants, None).await {
            Err(ConnectError::Refused(Refused { why, then: Then::ComeBack })) => assert!(why.as_str().contains("full"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let link = client::connect(dial(), Wants::Errand, None).await.expect("a place is kept");
    let command = Command::Rollback { route: None, reason: None };
    link.asks.send(ToHost::Ask { ask: AskId(1), key: None, command: command.clone() }).await.unwrap();
    let request = session.requests.recv().await.unwrap();
    assert_eq!(request.what, Wanted::Ask { ask: AskId(1), command });
}

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_of_its_account_from_the_way_home() {
    let (mut session, dial, _crowd) = crowded("crowd", OF_AN_ACCOUNT_MAX + 100).await;
    let mut asking = Vec::new();
    for _ in 0..ERRANDS_OF_AN_ACCOUNT_MAX {
        let link = client::connect(dial(), Wants::Errand, None).await.expect("who speaks is heard");
        link.asks.send(ToHost::Ask { ask: AskId(1), key: None, command: Command::Rollback { route: None, reason: None } }).await.unwrap();
        session.requests.recv().await.expect("it was asked for");
        asking.push(link);
    }
    match client::connect(dial(), Wants::Errand, None).await {
        Err(ConnectError::Refused(Refused { then: Then::ComeBack, .. })) => {}
        other => panic!("{other:?} although so many ask already"),
    }
    asking.pop();
    let freed = async { while client::connect(dial(), Wants::Errand, None).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), freed).await.expect("a place that is free is given again");
}

#[tokio::test]
async fn a_change_of_the_roster_reaches_those_inside() {
    let session = Session::start();
    let (host, _close) = session.host(1);
    let folder = tempfolder("roster-change");
    let path = folder.join("s.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let listed = |role: &str| {
        let text = format!("[[person]]\nname = \"anna\"\nuid = {owner}\nrole = \"{role}\"");
        Arc::new(Roster::parse(&text, "").unwrap())
    };
    let (roster, rostered) = watch::channel(listed("pilot"));
    tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
    let mut link = client::connect(Dial::Path { path, owner }, Wants::Cockpit, None).await.unwrap();
    assert_eq!(link.view.borrow().me.role, Role::Pilot);
    roster.send_replace(listed("watcher"));
    link.view.wait_for(|view| view.me.role == Role::Watcher).await.expect("the link came back as what it is now");
}

#[tokio::test(start_paused = true)]
async fn a_closing_host_says_so_to_everybody() {
    let session = Session::start();
    let (host, close) = session.host(1);
    let (mut raw, _) = Raw::join(&host, identity("anna", Role::Pilot), Wants::Cockpit, 64 * 1024).await;
    let words = cutover::attach::connection::Farewell::new("stopped by its owner", Then::StayAway);
    close.send_replace(Some(words));
    loop {
        match raw.hear().await.expect("a goodbye comes before the end") {
            FromHost::Bye { why, then } => break assert_eq!((why.as_str(), then), ("stopped by its owner", Then::StayAway)),
            FromHost::Snapshot { .. } | FromHost::Transition(_) | FromHost::Unrecorded(_) | FromHost::Beat | FromHost::Head(_) => {}
        }
    }
    tokio::time::timeout(Duration::from_secs(1), raw.serving).await.unwrap().unwrap();
}

/// A new directory of this test's own.
pub(crate) fn tempfolder(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("cutover-attach-{}-{name}", std::process::id()));
    std::fs::remove_dir_all(&path).ok();
    std::fs::create_dir_all(&path).unwrap();
    path
}
