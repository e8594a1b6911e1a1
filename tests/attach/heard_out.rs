//! What reached the host's socket is asked for, whatever has become of whoever asked.

use cutover::{
    attach::{
        frame::{self, FROM_HOST_BYTES_MAX, Frames, Outgoing},
        protocol::{FromCockpit, FromHost, Greeting, Wants},
    },
    core::command::Command,
    domain::{id::AskId, role::Role},
    door::Wanted,
};
use tokio::net::UnixStream;

use crate::engine::{Session, hello, identity};

/// A client over a real socket that asks, and has closed before the host does anything at all. Nothing of what the host shows was read.
async fn asked_and_gone(wants: Wants, asks: &[FromCockpit]) -> (Session, tokio::task::JoinHandle<()>) {
    let session = Session::start();
    let (host, close) = session.host(7);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let serving = tokio::spawn(async move {
        host.serve_stream(theirs, identity("anna", Role::Pilot)).await;
        drop(close);
    });
    let (reader, mut writer) = ours.into_split();
    let mut frames = Frames::new(reader, FROM_HOST_BYTES_MAX);
    frame::write(&mut writer, &[Outgoing::of(&hello(wants))]).await.unwrap();
    assert!(matches!(frames.next::<Greeting>().await.unwrap(), Some(Greeting::Welcome(_))));
    assert!(matches!(frames.next::<FromHost>().await.unwrap(), Some(FromHost::Snapshot { .. })));
    session.state().await;
    // There is room in the kernel for all of it, so the host has not run when the line closes.
    let asks: Vec<Outgoing> = asks.iter().map(Outgoing::of).collect();
    frame::write(&mut writer, &asks).await.unwrap();
    drop((frames, writer));
    // Now there is also more to show than can be shown.
    session.ticks(50).await;
    (session, serving)
}

fn home(ask: u64) -> FromCockpit {
    FromCockpit::Ask { ask: AskId(ask), key: Some("F9".into()), command: Command::Rollback { route: None, reason: None } }
}

fn says(ask: u64) -> FromCockpit {
    FromCockpit::Ask { ask: AskId(ask), key: None, command: Command::Say { text: "hello".into() } }
}

async fn heard(session: &mut Session) -> Vec<u64> {
    session.state().await;
    let mut heard = Vec::new();
    while let Ok(request) = session.requests.try_recv() {
        if let Wanted::Ask { ask, .. } = request.what {
            heard.push(ask.0);
        }
    }
    heard
}

#[tokio::test]
async fn a_cockpit_that_has_gone_is_heard_to_the_end_of_what_it_sent() {
    let asks: Vec<FromCockpit> = (1..=40).map(|ask| if ask == 30 { home(ask) } else { says(ask) }).collect();
    let (mut session, serving) = asked_and_gone(Wants::Cockpit, &asks).await;
    serving.await.unwrap();
    assert_eq!(heard(&mut session).await, (1..=40).collect::<Vec<u64>>());
    assert!(session.state().await.people.is_empty(), "and then it has left");
}

#[tokio::test]
async fn a_command_line_that_was_killed_has_asked_all_the_same() {
    let (mut session, serving) = asked_and_gone(Wants::Errand, &[home(1)]).await;
    serving.await.unwrap();
    assert_eq!(heard(&mut session).await, [1]);
}

#[tokio::test]
async fn half_a_question_is_none() {
    let session = Session::start();
    let (host, _close) = session.host(7);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let serving = tokio::spawn(async move { host.serve_stream(theirs, identity("anna", Role::Pilot)).await });
    let (reader, mut writer) = ours.into_split();
    let mut frames = Frames::new(reader, FROM_HOST_BYTES_MAX);
    frame::write(&mut writer, &[Outgoing::of(&hello(Wants::Cockpit))]).await.unwrap();
    assert!(matches!(frames.next::<Greeting>().await.unwrap(), Some(Greeting::Welcome(_))));
    let whole = [Outgoing::of(&says(1)).into_bytes(), Outgoing::of(&home(2)).into_bytes()].concat();
    tokio::io::AsyncWriteExt::write_all(&mut writer, &whole[..whole.len() - 3]).await.unwrap();
    drop((frames, writer));
    serving.await.unwrap();
    let mut session = session;
    assert_eq!(heard(&mut session).await, [1]);
}
