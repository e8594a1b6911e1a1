//! Three services behind one load balancer: two of them move at once, each against the map's fingerprint, and nothing else of the map
//! does.

use std::time::{Duration, Instant};

use cutover::{
    core::{
        command::Command,
        decision::{Refusal, Verdict},
        news::News,
        state::{Motion, State},
        steer::Steers,
    },
    domain::{
        fault::{FaultKind, Outcome},
        id::RouteId,
        weight::{PerMille, Weights},
    },
    sim::world::url_map,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::session::{SERVICES, Session, Sky, all_home, backend, passes_by_itself};

/// Real time that a move may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn route(name: &str) -> RouteId {
    name.parse().unwrap()
}

/// So many per mille of a route on its target, by the names of its two backends.
fn split([home, target]: [&str; 2], share: u16) -> Weights {
    let all = Weights::all_on(&backend(home), &[backend(home), backend(target)]);
    all.with(&backend(target), PerMille::new(share).unwrap()).unwrap()
}

fn stands_at(state: &State, name: &str, to: &Weights) -> bool {
    let route = &state.routes[&route(name)];
    route.motion == Motion::Settled && route.accepted.as_ref().is_some_and(|known| known.weights == *to)
}

const FRONTEND: [&str; 2] = ["run", "gke"];
const BACKEND: [&str; 2] = ["backend-run", "backend-gke"];

/// Asks for both moves in one breath, and again for one that came too late for the fingerprint that it was decided on, as its pilot would.
async fn both_to(session: &mut Session, share: u16) {
    let moves = [("frontend", split(FRONTEND, share)), ("backend", split(BACKEND, share))];
    let began = Instant::now();
    loop {
        let state = session.state();
        let open: Vec<_> = moves.iter().filter(|(name, to)| state.routes[&route(name)].wanted.as_ref() != Some(to)).collect();
        let mut sent = Vec::new();
        for (name, to) in open {
            let request = session.shift_of(&route(name), to.clone());
            sent.push(session.send(request).await);
        }
        for sent in sent {
            match session.answer(sent).await {
                Verdict::Accepted | Verdict::Queued => {}
                Verdict::Refused(refusal) if passes_by_itself(&refusal) || matches!(refusal, Refusal::RecordHangs { .. }) => {}
                other => panic!("{share} per mille: {other:?}\n{}", session.story()),
            }
        }
        let state = session.state();
        if moves.iter().all(|(name, to)| stands_at(&state, name, to)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{share} per mille\n{}\n{:#?}", session.story(), state.routes[&route("backend")]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Who answers a user of this host at the front door.
async fn answered_by(session: &Session, host: &str) -> String {
    let mut stream = TcpStream::connect(session.world.endpoints().front_door).await.unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let body: Value = serde_json::from_str(text.rsplit("\r\n\r\n").next().unwrap()).unwrap_or_default();
    body["served_by"].as_str().unwrap_or("nobody").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_of_one_load_balancer_move_at_once_and_no_other_does() {
    let mut session = Session::begin(Sky { text: SERVICES, ..Sky::calm("services") }).await;
    let all_read = |state: &State| state.routes.values().all(|route| matches!(route.motion, Motion::Settled));
    session.until("every route was read", all_read).await;
    let map = |session: &Session| session.control().with(|world| world.load_balancer.url_map().clone());
    let before = map(&session);
    for route in session.state().routes.values() {
        assert_eq!(route.accepted.as_ref().unwrap().hindrances, []);
    }
    both_to(&mut session, 10).await;
    both_to(&mut session, 50).await;

    let after = map(&session);
    let weights = |host: &str| url_map::weights(&after, host);
    let of = |service: &str, gke: u32| vec![(format!("{service}-run"), 1000 - gke), (format!("{service}-gke"), gke)];
    assert_eq!(weights("api.hexproperty.com"), of("frontend", 50));
    assert_eq!(weights("backend.hexproperty.com"), of("backend", 50));
    // The third route's place, and that of somebody who is in no plan, are as they were, letter for letter.
    for place in ["/pathMatchers/1", "/pathMatchers/2", "/hostRules"] {
        assert_eq!(after.pointer(place).unwrap().to_string(), before.pointer(place).unwrap().to_string(), "{place}");
    }
    let claimed = |text: &Value| text.as_str().unwrap().contains("[cutover claim/1 story-services ");
    let places = [&after["description"], &after["pathMatchers"][0]["description"], &after["pathMatchers"][1]["description"]];
    assert_eq!(places.map(claimed), [true, true, false], "each place says itself who steers it");
    let state = session.state();
    let steers = |name: &str| matches!(state.routes[&route(name)].steering.stands, Steers::Us { .. });
    assert_eq!(["frontend", "backend", "api"].map(steers), [true, true, false]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        seen.insert(answered_by(&session, "backend.hexproperty.com").await);
        assert_eq!(answered_by(&session, "docs.hexproperty.com").await, "docs");
        let partners = answered_by(&session, "partners.hexproperty.com").await;
        assert!(["api-run", "nobody"].contains(&partners.as_str()), "{partners}");
    }
    assert!(seen.contains("backend-gke") && seen.contains("backend-run"), "{seen:?}");
    let moved = session.control().with(|world| {
        let counted = world.load_balancer.neighbours.iter().map(|neighbour| neighbour.gke.total() > 0);
        counted.collect::<Vec<_>>()
    });
    assert_eq!(moved, [true, false], "the backend's users are on GKE, the partners are not");

    // Everything home at once: whoever finds the other's write in the way looks again and goes on by itself.
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("all are home", all_home).await;
    let home_again = map(&session);
    assert_eq!(url_map::weights(&home_again, "backend.hexproperty.com"), of("backend", 0));
    let landed = session.land().await;
    let conflict = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::NotDone(fault)) if fault.kind == FaultKind::Conflict);
    for write in landed.writes() {
        assert!(matches!(write.outcome, Some(Outcome::Done(_))) || conflict(&write.outcome), "{write:?}");
    }
    assert_eq!(landed.told(|news| matches!(news, News::Drifted { .. } | News::SteeredElsewhere { .. })), 0, "a sibling is nobody else");
}
