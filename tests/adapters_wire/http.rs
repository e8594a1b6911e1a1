//! The one way out: deadlines, caps, redirects, credentials, and what a failure proves.

use std::time::Duration;

use cutover::{
    adapter::http::{Ask, Client, Failure, Limits, Origin, Progress, Reach, Reply},
    domain::{
        fault::{FaultKind, Outcome},
        time::Millis,
    },
};

use super::{
    client,
    server::{Reaction, Server},
};

const SHORT: Limits = Limits::READ.within(Duration::from_millis(300));

async fn get(server: &Server, limits: Limits) -> Result<Reply, Failure> {
    let client = client(server);
    client.send(Ask::get(client.at(&["x"]), limits)).await
}

async fn fails(reaction: Reaction, limits: Limits) -> Failure {
    let server = Server::start(move |_, _| reaction.clone()).await;
    get(&server, limits).await.expect_err("the server misbehaves")
}

#[tokio::test]
async fn silence_and_dripping_end_at_the_deadline_and_prove_nothing() {
    for reaction in [Reaction::Silence, Reaction::Drip] {
        let failure = fails(reaction.clone(), SHORT).await;
        assert_eq!((failure.fault.kind, failure.progress), (FaultKind::TimedOut, Progress::Open), "{reaction:?}");
        assert!(matches!(failure.outcome(), Outcome::Unknown(_)));
    }
}

#[tokio::test]
async fn a_flood_is_cut_at_the_cap() {
    let failure = fails(Reaction::Flood { mebibytes: 100 }, Limits::METRICS).await;
    assert_eq!(failure.fault.kind, FaultKind::Unreadable, "{failure:?}");
    assert!(failure.fault.message.as_str().contains("8388608"));
}

#[tokio::test]
async fn an_answer_that_never_came_or_is_cut_short_is_broken() {
    for reaction in [Reaction::Close, Reaction::CutShort] {
        let failure = fails(reaction.clone(), Limits::READ).await;
        assert_eq!((failure.fault.kind, failure.progress), (FaultKind::Broken, Progress::Open), "{reaction:?} {failure:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let server = Server::start(|_, _| Reaction::Close).await;
    let client = client(&server);
    drop(server);
    // The port is free again once the server's task has ended.
    for _ in 0..100 {
        let failure = client.send(Ask::patch(client.at(&["x"]), &"body", Limits::WRITE)).await.expect_err("nobody listens");
        if failure.fault.kind == FaultKind::Unreachable {
            assert!(matches!(failure.outcome(), Outcome::NotDone(_)));
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the port stayed open");
}

#[tokio::test]
async fn a_redirect_is_refused_and_the_credential_goes_nowhere_else() {
    let elsewhere = Server::start(|_, _| Reaction::text(200, "text/plain", "thanks")).await;
    let target = elsewhere.url("/steal");
    for status in [301, 302, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_, _| Reaction::text(status, "text/plain", "").with("location", &target)).await;
        let failure = get(&server, Limits::READ).await.expect_err("it is a redirect");
        assert_eq!(failure.fault.kind, FaultKind::Refused);
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_url_outside_of_the_origin_is_not_asked() {
    let (server, elsewhere) = (Server::start(|_, _| Reaction::Close).await, Server::start(|_, _| Reaction::Close).await);
    let url = Origin::split(&elsewhere.url("/x"), Reach::Loopback).unwrap().1;
    let failure = client(&server).send(Ask::get(url, Limits::READ)).await.expect_err("it is another origin");
    assert_eq!((failure.fault.kind, failure.progress), (FaultKind::Refused, Progress::NeverSent));
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    let failure = fails(Reaction::text(503, "text/plain", "busy").with("retry-after", "9999999"), Limits::READ).await;
    assert_eq!((failure.fault.kind, failure.fault.retry_after), (FaultKind::Unavailable, Some(Millis::from_secs(60))));
    let failure = fails(Reaction::text(429, "text/plain", "slow down").with("retry-after", "2"), Limits::READ).await;
    assert_eq!(failure.fault.retry_after, Some(Millis::from_secs(2)));
}

#[tokio::test]
async fn an_error_that_echoes_the_token_does_not_show_it() {
    let echo = |asked: &super::server::Asked, _| {
        Reaction::text(401, "text/plain", &format!("bad token {}", asked.header("authorization").unwrap()))
    };
    let server = Server::start(echo).await;
    let failure = get(&server, Limits::READ).await.expect_err("it is a 401");
    assert!(server.asked()[0].header("authorization").unwrap().ends_with("canary-7421"));
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    assert_eq!(failure.fault.kind, FaultKind::Forbidden);
}

#[tokio::test]
async fn escapes_in_an_error_are_made_visible() {
    let failure = fails(Reaction::text(500, "text/plain", "\u{1b}]0;owned\u{7}\u{202e}"), Limits::READ).await;
    assert!(failure.fault.message.as_str().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{failure:?}");
}

#[tokio::test]
async fn nothing_is_repeated() {
    let server = Server::start(|_, _| Reaction::text(503, "text/plain", "busy")).await;
    let client = client(&server);
    let _ = client.send(Ask::patch(client.at(&["x"]), &"body", Limits::WRITE)).await;
    let _ = client.send(Ask::get(client.at(&["x"]), Limits::READ)).await;
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_prober_s_client_opens_a_connection_for_each_request() {
    let server = Server::start(|_, _| Reaction::text(200, "text/plain", "ok")).await;
    let client = Client::fresh(super::origin(&server)).unwrap();
    for _ in 0..3 {
        client.send(Ask::get(client.at(&["x"]), Limits::READ)).await.unwrap();
    }
    assert_eq!(server.asked().len(), 3);
    assert!(server.asked().iter().all(|asked| asked.header("authorization").is_none()));
}
