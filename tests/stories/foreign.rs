//! Somebody else at the same levers: seen soon, with a name, and never overwritten without a human's word.

use std::collections::BTreeMap;

use cutover::core::reason::Mover;
use cutover::{
    core::{
        command::Command,
        decision::{Refusal, Verdict},
        home::{Home, home},
        state::{Motion, State},
    },
    domain::{
        hindrance::Hindrance,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    sim::{
        faults::{Edit, Fault},
        world::propagation::Span,
    },
};
use serde_json::{Value, json};

use crate::session::{Session, Sky, backend, route_id, route_of, split};

/// Slow enough that half a second of a busy machine is not mistaken for the product's.
fn slowly(name: &'static str) -> Sky {
    let edge = Span { min_ms: 1_000.0, max_ms: 4_000.0 };
    Sky { speed: 3.0, edge, plan: &[("settle: 2m", "settle: 10s")], ..Sky::calm(name) }
}

/// Whose token the command line shows.
const ANA: &str = "ana@hexproperty.com";

/// Drift is seen within this much of the world's time.
const SEEN_WITHIN: Millis = Millis::from_secs(15);

/// What the command line does: reads the map, changes two weights, and patches the route with what it has read.
async fn somebody_moves(session: &Session, gke: u16) {
    let map = format!("http://{}/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb", session.world.endpoints().google);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut read: Value = client.get(&map).bearer_auth("ana").send().await.unwrap().json().await.unwrap();
    let weights = BTreeMap::from([("frontend-run", 1000 - gke), ("frontend-gke", gke)]);
    for leg in read["defaultRouteAction"]["weightedBackendServices"].as_array_mut().unwrap() {
        let name = leg["backendService"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        leg["weight"] = json!(weights[name.as_str()]);
    }
    let patch = json!({"fingerprint": read["fingerprint"], "defaultRouteAction": read["defaultRouteAction"]});
    let answer = client.patch(&map).bearer_auth("ana").json(&patch).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Waits for the drift with its actor, and says how long after the transition each was known.
async fn drift_is_seen(session: &mut Session, gke: u16) {
    let found = split(gke);
    let state = session.until("drift", |state| route_of(state).drift.as_ref().is_some_and(|drift| drift.found == found)).await;
    let drift = route_of(&state).drift.clone().unwrap();
    let truth = session.control().truth();
    let transition = truth.mutations.iter().rfind(|mutation| mutation.actor.principal == ANA).unwrap();
    let took = drift.since.since(Timestamp(transition.at_ms));
    assert!(took <= SEEN_WITHIN, "seen after {took}");
    let state = session
        .until("a name", |state| route_of(state).drift.as_ref().is_some_and(|drift| drift.by == Mover::Foreign { actor: Some(ANA.into()) }))
        .await;
    let took = state.now.since(Timestamp(transition.at_ms));
    assert!(took <= SEEN_WITHIN, "named after {took}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_change_in_mid_flight_is_named_blocks_and_can_be_adopted() {
    let mut session = Session::begin(slowly("adopt")).await;
    session.fly_to(50).await;
    session.advance(250).await;
    session.until("the move under way", |state| matches!(route_of(state).motion, Motion::Propagating { .. })).await;
    somebody_moves(&session, 600).await;
    drift_is_seen(&mut session, 600).await;
    let refused = session.ask(session.shift(1000)).await;
    assert_eq!(refused, Verdict::Refused(Refusal::Drifted { found: split(600) }));
    let stale = Command::AdoptDrift { route: route_id(), found: split(601) };
    assert!(matches!(session.ask(stale).await, Verdict::Refused(Refusal::Moved { .. })));
    assert_eq!(session.ask(Command::AdoptDrift { route: route_id(), found: split(600) }).await, Verdict::Accepted);
    session.settled_at(600).await;
    session.fly_to(1000).await;
    let landed = session.land().await;
    assert_eq!(landed.writes().into_iter().map(|write| write.to).collect::<Vec<_>>(), [split(10), split(50), split(250), split(1000)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_change_can_be_taken_home() {
    let mut session = Session::begin(slowly("foreign-home")).await;
    session.fly_to(50).await;
    somebody_moves(&session, 900).await;
    drift_is_seen(&mut session, 900).await;
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.settled_at(0).await;
    let landed = session.land().await;
    assert!(landed.truth.propagated.gke < 0.001);
    assert_eq!(landed.state.routes[&route_id()].accepted.as_ref().unwrap().weights.of(&backend("run")).get(), 1000);
}

fn is_seen_at_home(state: &State) -> bool {
    matches!(home(state, &state.opened.as_ref().expect("it is open").plan.routes[0]), Home::Seen { .. })
}

fn edits(session: &Session, edit: Edit) {
    session.control().inject(&Fault::Edit { edit, principal: ANA.to_owned() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_in_the_split_is_seen_with_its_share_and_taken_home_with_everybody() {
    let mut session = Session::begin(slowly("stranger")).await;
    session.fly_to(50).await;
    edits(&session, Edit::Stranger { per_mille: 400 });
    let stranger = backend("frontend-hotfix");
    let state = session
        .until("the stranger", |state| {
            route_of(state).accepted.as_ref().is_some_and(|accepted| accepted.weights.of(&stranger).get() == 400)
        })
        .await;
    assert_eq!(home(&state, &state.opened.as_ref().unwrap().plan.routes[0]), Home::Away { given: PerMille::new(430).unwrap() });
    let refused = session.ask(session.shift(250)).await;
    assert!(
        matches!(&refused, Verdict::Refused(Refusal::Hindered { .. } | Refusal::Drifted { .. } | Refusal::Moved { .. })),
        "{refused:?}"
    );
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home is seen", is_seen_at_home).await;
    let landed = session.land().await;
    let propagated = landed.truth.propagated;
    assert!(propagated.other < 0.001 && propagated.gke < 0.001, "{propagated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_entry_and_a_twin_keep_nobody_from_going_home() {
    let mut session = Session::begin(slowly("twin")).await;
    session.fly_to(50).await;
    edits(&session, Edit::Stranger { per_mille: 0 });
    edits(&session, Edit::Twin);
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home is seen", is_seen_at_home).await;
    let landed = session.land().await;
    assert!(landed.truth.propagated.gke < 0.001);
}

/// Its name is that of GKE's backend service, and its users are not GKE's: the share is a stranger's in sums, words and the way home.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namesake_of_another_project_is_a_stranger_and_nulls_keep_nothing_from_being_read() {
    let mut session = Session::begin(slowly("namesake")).await;
    session.control().inject(&Fault::NullFields);
    session.fly_to(50).await;
    edits(&session, Edit::Namesake { per_mille: 400 });
    let stranger = |found: &Hindrance| matches!(found, Hindrance::Stranger { .. });
    let state = session
        .until("the namesake", |state| route_of(state).accepted.as_ref().is_some_and(|accepted| accepted.hindrances.iter().any(stranger)))
        .await;
    assert_eq!(home(&state, &state.opened.as_ref().unwrap().plan.routes[0]), Home::Away { given: PerMille::new(430).unwrap() });
    let route = route_of(&state);
    assert_eq!(route.accepted.as_ref().unwrap().weights.of(&backend("gke")).get(), 30, "what it takes is not GKE's");
    let found = route.accepted.as_ref().unwrap().hindrances.iter().find(|found| stranger(found)).unwrap();
    let said = cutover::words::hindrance(found, cutover::words::Names::of(&state));
    assert!(said.contains("projects/hexproperty-staging/global/backendServices/frontend-gke has 40%"), "{said}");
    assert!(said.ends_with("another object than the plan's frontend-gke"), "{said}");
    assert_eq!(route.accepted.as_ref().unwrap().weights.of(&backend("hexproperty-staging/frontend-gke")).get(), 400);
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home is seen", is_seen_at_home).await;
    let propagated = session.land().await.truth.propagated;
    assert!(propagated.other < 0.001 && propagated.gke < 0.001, "{propagated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_rule_of_its_own_is_said_before_anything_moves() {
    let mut session = Session::begin(slowly("matcher")).await;
    edits(&session, Edit::Matcher { gke_per_mille: 0 });
    let rule = |found: &Hindrance| matches!(found, Hindrance::HostRule { .. });
    session.until("the rule", |state| route_of(state).accepted.as_ref().is_some_and(|accepted| accepted.hindrances.iter().any(rule))).await;
    let refused = session.ask(session.shift(10)).await;
    assert!(matches!(&refused, Verdict::Refused(Refusal::Hindered { why }) if rule(why)), "{refused:?}");
    session.land().await;
}
