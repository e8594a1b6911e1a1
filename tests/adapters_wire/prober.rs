//! The probers when answers are missing, unmarked, broken, or not what a user came for.

use std::collections::BTreeMap;

use cutover::{
    adapter::{
        http::{Client, Origin, Reach},
        prober::{BackendConfig, BackendProber, FrontDoorConfig, FrontDoorProber, Pace},
    },
    domain::{
        answer::{AnswerClass, Answers, Expect, KINDS_MAX, Statuses},
        fact::{Fact, Probed, Served},
        fault::{Fault, FaultKind},
        table::Table,
        time::Millis,
    },
    port::Sensor,
};

use super::{
    at_night, id, origin,
    server::{Reaction, Server},
};

async fn knock(server: &Server, requests: usize, text: Option<&str>) -> Result<Served, Fault> {
    let config = FrontDoorConfig {
        source: "prober/frontend".parse().unwrap(),
        route: "frontend".parse().unwrap(),
        url: Origin::split(&server.url("/"), Reach::Loopback).unwrap().1,
        served_by: "x-served-by".parse().unwrap(),
        marks: BTreeMap::from([("run".to_owned(), id("run")), ("gke".to_owned(), id("gke"))]),
        text: text.map(Into::into),
        pace: Pace { every: Millis::from_secs(2), requests, concurrency: 4 },
        now: at_night(),
    };
    let facts = FrontDoorProber::new(config, Client::fresh(origin(server)).unwrap()).look().await?;
    let [Fact::Served(served)] = facts.as_slice() else { panic!("{facts:?}") };
    Ok(served.clone())
}

async fn probe(server: &Server, expect: Expect) -> Probed {
    let config = BackendConfig {
        source: "probe/run".parse().unwrap(),
        backend: id("run"),
        url: Origin::split(&server.url("/ready"), Reach::Loopback).unwrap().1,
        expect,
        pace: Pace { every: Millis::from_secs(2), requests: 4, concurrency: 2 },
    };
    let facts = BackendProber::new(config, Client::fresh(origin(server)).unwrap()).look().await.unwrap();
    let [Fact::Probed(probed)] = facts.as_slice() else { panic!("{facts:?}") };
    probed.clone()
}

fn answers(kinds: &[(&str, u64)]) -> Answers {
    kinds.iter().map(|(kind, count)| (kind.parse().unwrap(), *count)).collect()
}

#[tokio::test]
async fn every_request_is_counted_once_and_by_what_became_of_it() {
    let server = Server::start(|_, place| match place % 5 {
        0 => Reaction::text(200, "text/plain", "ok").with("x-served-by", "run"),
        1 => Reaction::text(503, "text/plain", "no").with("x-served-by", "gke"),
        2 => Reaction::Close,
        3 => Reaction::text(502, "Text/HTML; charset=UTF-8", "server error"),
        _ => Reaction::text(302, "text/plain", "").with("x-served-by", "strange").with("location", "http://127.0.0.1:1/"),
    })
    .await;
    let served = knock(&server, 20, None).await.unwrap();
    assert_eq!(served.by_backend, Table::from([(id("run"), 4), (id("gke"), 4)]));
    let told = Table::from([(id("run"), answers(&[("200 text/plain", 4)])), (id("gke"), answers(&[("503 text/plain", 4)]))]);
    assert_eq!(served.answers, told);
    assert_eq!((served.failed, served.dropped, served.unmarked), (8, 4, 8));
    assert_eq!(served.unmarked_answers, answers(&[("502 text/html", 4), ("302 text/plain >", 4)]));
    assert_eq!(server.asked().len(), 20, "nothing is asked twice, and no redirect is followed");
}

/// What the commonest faults of such a migration look like from outside.
#[tokio::test]
async fn a_site_that_is_not_there_is_not_a_good_answer() {
    let server = Server::start(|_, place| {
        match place {
            0 => Reaction::text(404, "text/plain", "not found"),
            1 => Reaction::text(302, "text/html", "").with("location", "https://accounts.example.com/login?next=/"),
            2 => Reaction::text(302, "text/html", "").with("location", "/home"),
            3 => Reaction::text(301, "text/html", "").with("location", "https://127.0.0.1/"),
            4 => Reaction::text(307, "text/html", "").with("location", "//evil.example.com/"),
            5 => Reaction::text(302, "text/html", "").with("location", "http://[broken/"),
            6 => Reaction::text(200, "text/html", "<title>Sign in</title>"),
            _ => Reaction::text(200, "text/html", "<title>Shop</title>"),
        }
        .with("x-served-by", "gke")
    })
    .await;
    let told = knock(&server, 8, Some("<title>Shop")).await.unwrap().answers.remove(&id("gke")).unwrap();
    let wanted = answers(&[
        ("404 text/plain -text", 1),
        ("302 text/html >accounts.example.com -text", 1),
        ("302 text/html > -text", 1),
        ("301 text/html > -text", 1),
        ("307 text/html >evil.example.com -text", 1),
        ("302 text/html >? -text", 1),
        ("200 text/html -text", 1),
        ("200 text/html +text", 1),
    ]);
    assert_eq!(told, wanted);
    assert_eq!((told.of_class(AnswerClass::Elsewhere), told.of_class(AnswerClass::ClientError)), (3, 1));
}

#[tokio::test]
async fn a_door_that_leads_everywhere_fills_no_journal() {
    let server = Server::start(|_, place| {
        let host = format!("https://login-{place}.{}.example.com/", "x".repeat(200 * (place % 2)));
        Reaction::text(302, "text/html", "").with("location", &host).with("x-served-by", "gke")
    })
    .await;
    let served = knock(&server, 64, None).await.unwrap();
    let told = &served.answers[&id("gke")];
    assert_eq!((told.total(), served.by_backend[&id("gke")]), (64, 64));
    assert!(told.iter().count() <= KINDS_MAX + 1, "{told:?}");
    assert!(serde_json::to_string(&served).unwrap().len() < 1_500);
}

/// `/ready` that isn't there proves neither life nor death, and a plan may expect something else.
#[tokio::test]
async fn a_probe_is_answered_by_what_the_plan_expects() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        "/ready" => Reaction::text(404, "text/plain", "not found"),
        _ => Reaction::Close,
    })
    .await;
    let probed = probe(&server, Expect::success()).await;
    assert_eq!((probed.sent, probed.failed, probed.dropped), (4, 4, 0));
    assert_eq!(probed.answers, answers(&[("404 text/plain", 4)]));
    let expect = Expect { statuses: vec![Statuses::Hundred(2), Statuses::One(404)], text: None };
    assert_eq!(probe(&server, expect.clone()).await.failed, 0);
    let expect = Expect { text: Some("found".into()), ..expect };
    assert_eq!(probe(&server, expect).await.failed, 0);
    let elsewhere = Server::start(|_, _| Reaction::text(302, "-", "").with("location", "https://login.example.com/")).await;
    let expect = Expect { statuses: vec![Statuses::Hundred(3)], text: None };
    assert_eq!(probe(&elsewhere, expect).await.failed, 4, "another host is never what was asked");
    assert_eq!(elsewhere.asked().len(), 4, "and nobody goes there");
}

#[tokio::test]
async fn a_door_that_nobody_opens_is_a_fault() {
    let server = Server::start(|_, _| Reaction::Close).await;
    let served = knock(&server, 3, None).await.unwrap();
    assert_eq!(served.dropped, 3);
    let address = server.url("/");
    drop(server);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(address.trim_start_matches("http://").trim_end_matches('/')).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let config = FrontDoorConfig {
        source: "prober/frontend".parse().unwrap(),
        route: "frontend".parse().unwrap(),
        url: Origin::split(&address, Reach::Loopback).unwrap().1,
        served_by: "x-served-by".parse().unwrap(),
        marks: BTreeMap::new(),
        text: None,
        pace: Pace { every: Millis::from_secs(2), requests: 3, concurrency: 4 },
        now: at_night(),
    };
    let client = Client::fresh(Origin::new(&address, Reach::Loopback).unwrap()).unwrap();
    assert_eq!(FrontDoorProber::new(config, client).look().await.unwrap_err().kind, FaultKind::Unreachable);
}
