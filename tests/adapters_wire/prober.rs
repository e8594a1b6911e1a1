//! The probers when answers are missing, unmarked or broken.

use std::collections::BTreeMap;

use cutover::{
    adapter::{
        http::{Client, Origin, Reach},
        prober::{FrontDoorConfig, FrontDoorProber, Pace},
    },
    domain::{
        fact::{Fact, Served},
        fault::{Fault, FaultKind},
        time::Millis,
    },
    port::Sensor,
};

use super::{
    at_night, id, origin,
    server::{Deed, Server},
};

async fn knock(server: &Server, requests: usize) -> Result<Served, Fault> {
    let config = FrontDoorConfig {
        source: "prober/frontend".parse().unwrap(),
        route: "frontend".parse().unwrap(),
        url: Origin::split(&server.url("/"), Reach::Loopback).unwrap().1,
        served_by: "x-served-by".parse().unwrap(),
        marks: BTreeMap::from([("run".to_owned(), id("run")), ("gke".to_owned(), id("gke"))]),
        pace: Pace { every: Millis::from_secs(2), requests, concurrency: 4 },
        now: at_night(),
    };
    let facts = FrontDoorProber::new(config, Client::fresh(origin(server)).unwrap()).look().await?;
    let [Fact::Served(served)] = facts.as_slice() else { panic!("{facts:?}") };
    Ok(served.clone())
}

#[tokio::test]
async fn every_request_is_counted_once_and_by_what_became_of_it() {
    let server = Server::start(|_, place| match place % 5 {
        0 => Deed::text(200, "text/plain", "ok").with("x-served-by", "run"),
        1 => Deed::text(503, "text/plain", "no").with("x-served-by", "gke"),
        2 => Deed::Close,
        3 => Deed::text(200, "text/plain", "ok"),
        _ => Deed::text(302, "text/plain", "").with("x-served-by", "strange").with("location", "http://127.0.0.1:1/"),
    })
    .await;
    let served = knock(&server, 20).await.unwrap();
    assert_eq!(served.by_backend, BTreeMap::from([(id("run"), 4), (id("gke"), 4)]));
    assert_eq!((served.failed, served.dropped, served.unmarked), (4, 4, 8));
    assert_eq!(server.asked().len(), 20, "nothing is asked twice");
}

#[tokio::test]
async fn a_door_that_nobody_opens_is_a_fault() {
    let server = Server::start(|_, _| Deed::Close).await;
    let served = knock(&server, 3).await.unwrap();
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
        pace: Pace { every: Millis::from_secs(2), requests: 3, concurrency: 4 },
        now: at_night(),
    };
    let client = Client::fresh(Origin::new(&address, Reach::Loopback).unwrap()).unwrap();
    assert_eq!(FrontDoorProber::new(config, client).look().await.unwrap_err().kind, FaultKind::Unreachable);
}
