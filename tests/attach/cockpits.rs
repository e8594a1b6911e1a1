//! The link that a cockpit holds: questions, answers, a host that dies and comes back, a fold that disagrees.

use cutover::{
    attach::{
        client::{self, Connection, Link, Reply, ToHost},
        dial::Dial,
        protocol::{Then, Wants},
        roster::Roster,
    },
    core::{
        command::{Command, ControlsCommand},
        decision::{Refusal, Verdict},
        event::TerminalSize,
    },
    domain::{
        id::{AskId, ClientId},
        role::Role,
    },
    door::{OnRecord, Presence, Wanted},
};
use std::sync::Arc;
use tokio::{net::UnixListener, sync::watch};

use crate::{
    doorstep::tempfolder,
    engine::{Session, identity, stays},
};

fn say(ask: u64) -> ToHost {
    ToHost::Ask { ask: AskId(ask), key: None, command: Command::Say { text: "hello".into() } }
}

async fn in_process(session: &Session, role: Role, wants: Wants) -> Link {
    let (host, close) = session.host(1);
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        host.serve_stream(theirs, identity("anna", role)).await;
        drop(close);
    });
    client::connect(Dial::once(ours), wants, Some(TerminalSize { columns: 120, rows: 40 })).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cockpit_of_the_hosts_own_process_follows_the_session() {
    let mut session = Session::start();
    let mut link = in_process(&session, Role::Pilot, Wants::Cockpit).await;
    assert_eq!(link.view.borrow().connection, Connection::Connected);
    session.ticks(3000).await;
    let state = session.state().await;
    let view = link.view.wait_for(|view| view.state.seq == state.seq).await.unwrap().clone();
    assert_eq!((&*view.state, view.disagreements), (&state, 0));
    link.asks.send(say(7)).await.unwrap();
    let request = session.requests.recv().await.unwrap();
    assert_eq!((request.by.who.as_str(), request.by.role), ("anna", Role::Pilot));
    assert!(matches!(request.what, Wanted::Ask { ask: AskId(7), command: Command::Say { .. } }));
    drop(link);
    loop {
        if matches!(session.presences.recv().await.unwrap(), Presence::Left { client: ClientId(1) }) {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_gets_the_answer_of_the_core() {
    let session = Session::start();
    let mut link = in_process(&session, Role::Pilot, Wants::Cockpit).await;
    let command = Command::Controls(ControlsCommand::Take);
    link.asks.send(ToHost::Ask { ask: AskId(9), key: None, command }).await.unwrap();
    assert_eq!(
        tokio::time::timeout(std::time::Duration::from_secs(60), link.replies.recv()).await.unwrap(),
        Some(Reply::Answered { ask: AskId(9), verdict: Verdict::Accepted, on_record: OnRecord::Yes })
    );
    assert_eq!(link.view.borrow().disagreements, 0);
}

#[tokio::test(start_paused = true)]
async fn a_watchers_link_refuses_to_ask_before_anything_is_sent() {
    let mut session = Session::start();
    let mut link = in_process(&session, Role::Pilot, Wants::Watch).await;
    link.asks.send(say(1)).await.unwrap();
    let verdict = Verdict::Refused(Refusal::Role { role: Role::Watcher });
    assert_eq!(
        tokio::time::timeout(std::time::Duration::from_secs(60), link.replies.recv()).await.unwrap(),
        Some(Reply::Answered { ask: AskId(1), verdict, on_record: OnRecord::Yes })
    );
    session.state().await;
    assert!(session.requests.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_fold_that_disagrees_is_replaced_by_the_hosts_state() {
    let session = Session::start();
    let mut link = in_process(&session, Role::Pilot, Wants::Cockpit).await;
    session.lie().await;
    link.view.wait_for(|view| view.disagreements == 1).await.unwrap();
    session.ticks(5).await;
    let state = session.state().await;
    link.view.wait_for(|view| view.state.seq >= state.seq).await.unwrap();
    let view = link.view.borrow().clone();
    assert_eq!((&*view.state, view.disagreements), (&session.state().await, 1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_over_one_line_costs_no_connection() {
    let session = Session::start();
    let link = in_process(&session, Role::Pilot, Wants::Cockpit).await;
    for _ in 0..60 {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(link.view.borrow().connection, Connection::Connected);
    }
    assert_eq!(session.state().await.people.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_is_shown_as_silent() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let session = Session::start();
    let (host, _close) = session.host(1);
    let (middle_host, host_side) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { host.serve_stream(host_side, identity("anna", Role::Pilot)).await });
    let (hang, hanging) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut a, mut b) = (theirs, middle_host);
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut a, &mut b) => {}
            _ = hanging => {}
        }
        // Both ends stay open, and nothing passes any more.
        std::future::pending::<()>().await;
    });
    let mut link = client::connect(Dial::once(ours), Wants::Cockpit, None).await.unwrap();
    hang.send(()).unwrap();
    let hangs = tokio::time::Instant::now();
    let view = link.view.wait_for(|view| view.connection != Connection::Connected).await.unwrap().clone();
    assert!(matches!(view.connection, Connection::Silent { .. }), "{:?}", view.connection);
    assert!(hangs.elapsed() <= std::time::Duration::from_secs(3), "three beats of the host: {:?}", hangs.elapsed());
}

#[tokio::test]
async fn a_link_comes_back_by_itself_and_reports_what_was_lost() {
    let owner = rustix::process::geteuid().as_raw();
    let roster = || watch::channel(Arc::new(Roster::of_owner(owner, "")));
    let path = tempfolder("reconnect").join("s.sock");
    let session = Session::start();
    let (host, _close) = session.host(1);
    let listener = UnixListener::bind(&path).unwrap();
    let (_kept, rostered) = roster();
    let serving = tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
    let mut link = client::connect(Dial::Path { path: path.clone(), owner }, Wants::Cockpit, None).await.unwrap();
    assert_eq!(link.view.borrow().me.client, ClientId(1));

    serving.abort();
    link.view.wait_for(|view| matches!(view.connection, Connection::Reconnecting { .. })).await.unwrap();
    link.asks.send(say(3)).await.unwrap();
    assert!(matches!(
        tokio::time::timeout(std::time::Duration::from_secs(60), link.replies.recv()).await.unwrap(),
        Some(Reply::NotSent { ask: AskId(3), .. })
    ));

    std::fs::remove_file(&path).unwrap();
    let (host, close) = session.host(50);
    let listener = UnixListener::bind(&path).unwrap();
    let (_kept, rostered) = roster();
    tokio::spawn(async move { host.serve(listener, stays(), rostered).await });
    let view = link.view.wait_for(|view| view.connection == Connection::Connected).await.unwrap().clone();
    assert_eq!(view.me.client, ClientId(50), "a new greeting, a new number");
    session.ticks(2).await;
    let state = session.state().await;
    link.view.wait_for(|view| *view.state == state).await.unwrap();

    close.send_replace(Some(cutover::attach::connection::Farewell::new("it is over", Then::StayAway)));
    let view = link.view.wait_for(|view| view.connection != Connection::Connected).await.unwrap().clone();
    assert_eq!(view.connection, Connection::Closed { why: "it is over".into() });
}
