//! From one GKE cluster to another by an HTTPRoute: the ladder, a breach and the way home, and everything of the route that is not ours.

use cutover::{
    core::{
        command::Command,
        decision::{Cause, Verdict},
        home::home,
        news::News,
        state::{Motion, Reading, State},
        steer::Steers,
    },
    domain::{
        fault::Outcome,
        hindrance::Hindrance,
        weight::{PerMille, Weights},
    },
    sim::world::{
        gateway::{self, Gateway},
        kubernetes::{resource::Resource, store::Key, write::Part},
    },
};
use serde_json::{Value, json};

use crate::session::{CLUSTERS, Session, Sky, backend};

fn split(share: u16) -> Weights {
    let all = Weights::all_on(&backend("cluster-1"), &[backend("cluster-1"), backend("cluster-2")]);
    all.with(&backend("cluster-2"), PerMille::new(share).unwrap()).unwrap()
}

fn stands_at(share: u16) -> impl Fn(&State) -> bool {
    let to = split(share);
    move |state| {
        let route = &state.routes[&"api".parse().unwrap()];
        route.motion == Motion::Settled && route.accepted.as_ref().is_some_and(|known| known.weights == to)
    }
}

/// Asks for a share until it is taken, and waits until requests agree.
async fn fly_to(session: &mut Session, share: u16) {
    session.advance_of(&"api".parse().unwrap(), split(share)).await;
    session.until(&format!("settled at {share} per mille"), stands_at(share)).await;
}

fn route(session: &Session) -> Value {
    session.control().with(|world| Gateway::route(&world.kubernetes).unwrap().clone())
}

/// The route without what we write and what is counted.
fn without_ours(mut route: Value) -> String {
    for entry in route["spec"]["rules"][1]["backendRefs"].as_array_mut().unwrap() {
        entry["weight"] = 0.into();
    }
    route["metadata"]["annotations"].as_object_mut().unwrap().shift_remove("cutover-claim");
    for counted in ["resourceVersion", "generation", "managedFields"] {
        route["metadata"].as_object_mut().unwrap().shift_remove(counted);
    }
    route.as_object_mut().unwrap().shift_remove("status");
    route.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_cluster_gives_its_users_to_another_and_has_them_back_when_that_fails() {
    let sky = Sky { text: CLUSTERS, ..Sky::calm("clusters") };
    let mut session = Session::begin(sky).await;
    let state = session.until("the route was read", stands_at(0)).await;
    let known = state.routes[&"api".parse().unwrap()].accepted.clone().unwrap();
    assert_eq!(known.hindrances, []);
    let before = without_ours(route(&session));

    for share in [10, 50, 100, 500] {
        fly_to(&mut session, share).await;
        let weights = session.control().with(|world| Gateway::weights(&world.kubernetes));
        assert_eq!(weights, [("api-1".to_owned(), 1000 - u32::from(share)), ("api-2".to_owned(), u32::from(share))]);
    }
    let state = session.state();
    assert!(matches!(state.routes[&"api".parse().unwrap()].steering.stands, Steers::Us { .. }));
    let claim = route(&session)["metadata"]["annotations"]["cutover-claim"].as_str().unwrap().to_owned();
    assert!(claim.starts_with("[cutover claim/1 story-clusters ") && claim.ends_with(" steers]"), "{claim}");
    assert_eq!(without_ours(route(&session)), before, "rules, filters, matches and whatever else stands there");
    let propagated = session.control().with(|world| world.gateway.as_ref().unwrap().edge.split());
    // Requests agree a moment before the last of the data plane follows.
    assert!((propagated.gke - 0.5).abs() < 0.05, "the data plane obeys: {propagated:?}");

    // The second cluster fails, and its own trigger brings everybody home once.
    assert_eq!(session.ask(Command::Inject { inject: "gke-errors".into() }).await, Verdict::Accepted);
    let errors = "api-errors".parse().unwrap();
    session.until("a breach", |state| state.triggers[&errors].reading == Reading::Breach).await;
    let latched = |state: &State| state.routes[&"api".parse().unwrap()].latch.is_some();
    let state = session.until("a rollback", latched).await;
    let Cause::Triggers(fired) = state.routes[&"api".parse().unwrap()].latch.clone().unwrap().cause else { panic!("{}", session.story()) };
    assert!(fired.len() == 1 && fired[0].trigger == errors, "{fired:?}");
    let at_home = |state: &State| home(state, &state.opened.as_ref().unwrap().plan.routes[0]).is_reached();
    session.until("everybody is home and seen there", at_home).await;
    assert_eq!(without_ours(route(&session)), before);

    let landed = session.land().await;
    let homeward: Vec<_> = landed.writes().into_iter().filter(|write| write.to == split(0)).collect();
    assert!(matches!(homeward.as_slice(), [only] if matches!(only.outcome, Some(Outcome::Done(_)))), "{homeward:?}");
    assert_eq!(
        landed.told(|news| matches!(news, News::Drifted { .. } | News::SteeredElsewhere { .. })),
        0,
        "a gateway's status is nobody's move"
    );
    assert_eq!(landed.ours().len(), 5, "four steps and the way home");
}

/// A person edits the route in the middle of a flight, and a program declares it: the first is a drift with his program's name, the second
/// stands against every advance; the way home goes on over both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_who_write_the_route_are_named_and_take_no_way_home_away() {
    let sky = Sky { text: CLUSTERS, ..Sky::calm("owners") };
    let mut session = Session::begin(sky).await;
    session.until("the route was read", stands_at(0)).await;
    fly_to(&mut session, 10).await;
    session.control().with(|world| {
        let key = Key::new(Resource::HttpRoute, "hexproperty", gateway::ROUTE);
        let mut next = Value::clone(world.kubernetes.store().get(&key).unwrap());
        next["spec"]["rules"][1]["backendRefs"] = json!([
            {"group": "net.gke.io", "kind": "ServiceImport", "name": "api-1", "port": 8080, "weight": 7},
            {"group": "net.gke.io", "kind": "ServiceImport", "name": "api-2", "port": 8080, "weight": 3},
        ]);
        let fields = json!({"f:spec": {"f:rules": {}}});
        next["metadata"]["managedFields"] = json!([
            {"manager": "argocd-controller", "operation": "Apply", "apiVersion": "gateway.networking.k8s.io/v1",
                "time": "2026-11-28T21:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields},
        ]);
        world.kubernetes.update(&key, next, Part::Main).unwrap();
    });
    let drifted = |state: &State| state.routes[&"api".parse().unwrap()].drift.is_some();
    let state = session.until("a drift", drifted).await;
    let known = &state.routes[&"api".parse().unwrap()];
    assert_eq!(known.drift.as_ref().unwrap().found, split(300));
    assert!(known.accepted.as_ref().unwrap().hindrances.contains(&Hindrance::Managed { by: "argocd-controller".into() }));
    let request = session.shift_of(&"api".parse().unwrap(), split(400));
    let refused = session.ask(request).await;
    assert!(matches!(refused, Verdict::Refused(_)), "{refused:?}");
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    session.until("home", stands_at(0)).await;
    let weights = session.control().with(|world| Gateway::weights(&world.kubernetes));
    assert_eq!(weights, [("api-1".to_owned(), 1000), ("api-2".to_owned(), 0)]);
    session.leave().await;
}
