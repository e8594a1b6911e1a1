//! Splits in rules of path matchers: a route rule and a path rule are steered, each by itself, and users whom other rules take meet nothing of it.

use cutover::{
    core::{
        command::Command,
        decision::Verdict,
        state::{Motion, State},
    },
    domain::weight::{PerMille, Weights},
    sim::world::url_map,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::session::{Session, Sky, all_home, backend};

const RULES: &str = include_str!("../../plans/rules.yaml");

/// Who answers a request at the front door, with its mark.
async fn answered(session: &Session, host: &str, path: &str, header: &str) -> (String, String) {
    let mut stream = TcpStream::connect(session.world.endpoints().front_door).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mark = head.lines().find_map(|line| line.strip_prefix("x-served-by: ")).unwrap_or("nobody");
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (body["served_by"].as_str().unwrap_or("nobody").to_owned(), mark.to_owned())
}

async fn moved(session: &mut Session, name: &str, [home, target]: [&str; 2], share: u16) {
    let all = Weights::all_on(&backend(home), &[backend(home), backend(target)]);
    let to = all.with(&backend(target), PerMille::new(share).unwrap()).unwrap();
    let route = name.parse().unwrap();
    session.advance_of(&route, to.clone()).await;
    session
        .until(&format!("{name} stands at {share}"), |state| {
            let known = &state.routes[&route];
            known.motion == Motion::Settled && known.accepted.as_ref().is_some_and(|accepted| accepted.weights == to)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_rule_and_a_path_rule_are_flown_and_come_home_and_no_other_rule_moves() {
    let mut session = Session::begin(Sky { text: RULES, ..Sky::calm("rules") }).await;
    let is_ready = |state: &State| {
        state
            .routes
            .values()
            .all(|route| route.motion == Motion::Settled && route.accepted.as_ref().is_some_and(|accepted| accepted.hindrances.is_empty()))
    };
    session.until("every rule was read", is_ready).await;
    let map = |session: &Session| session.control().with(|world| world.load_balancer.url_map().clone());
    let before = map(&session);
    moved(&mut session, "backend", ["backend-run", "backend-gke"], 10).await;
    moved(&mut session, "api", ["api-run", "api-gke"], 10).await;
    moved(&mut session, "backend", ["backend-run", "backend-gke"], 50).await;

    let after = map(&session);
    let weights = |place: &str| after.pointer(&format!("{place}/routeAction/weightedBackendServices")).unwrap().clone();
    let stands = |place: &str| [0, 1].map(|at| weights(place)[at]["weight"].as_u64().unwrap());
    assert_eq!((stands("/pathMatchers/0/routeRules/0"), stands("/pathMatchers/1/pathRules/1")), ([950, 50], [990, 10]));
    for place in ["/pathMatchers/0/routeRules/1", "/pathMatchers/1/pathRules/0", "/pathMatchers/2", "/hostRules", "/description"] {
        assert_eq!(after.pointer(place).map(Value::to_string), before.pointer(place).map(Value::to_string), "{place}");
    }
    let text = |place: &str| after.pointer(place).unwrap().as_str().unwrap().to_owned();
    assert!(text("/pathMatchers/0/routeRules/0/description").starts_with("everybody else [cutover claim/1 story-rules "));
    assert!(text("/pathMatchers/1/description").contains(" [cutover claim/1 for /v2/* story-rules "));
    assert!(!text("/pathMatchers/0/description").contains("cutover"));
    assert_eq!(url_map::weights(&after, "backend.hexproperty.com"), [("backend-run".to_owned(), 950), ("backend-gke".to_owned(), 50)]);

    // Who answers is decided by priority, header and path, at the door that users ask.
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        seen.insert(answered(&session, "backend.hexproperty.com", "/any/page", "").await);
    }
    let both = ["backend-run", "backend-gke"].map(|name| (name.to_owned(), name.to_owned()));
    assert!(both.iter().all(|answer| seen.contains(answer)), "{seen:?}");
    let docs = |found: (String, String)| assert_eq!(found.0, "docs");
    docs(answered(&session, "backend.hexproperty.com", "/any/page", "X-Try: docs\r\n").await);
    docs(answered(&session, "partners.hexproperty.com", "/static/logo.svg", "").await);
    docs(answered(&session, "partners.hexproperty.com", "/", "").await);
    let orders = answered(&session, "partners.hexproperty.com", "/v2/orders", "").await.0;
    assert!(["api-run", "api-gke", "nobody"].contains(&orders.as_str()), "{orders}");

    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("all are home", all_home).await;
    let home_again = map(&session);
    let entries = home_again.pointer("/pathMatchers/0/routeRules/0/routeAction/weightedBackendServices").unwrap();
    assert_eq!([&entries[0]["weight"], &entries[1]["weight"]], [1000, 0]);
    session.land().await;
}
