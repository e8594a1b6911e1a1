//! What is particular to an HTTPRoute: who else declares it, gateways that follow later than the server stores, and versions that only
//! their status moves.

use cutover::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        claim::Claimed,
        fault::{FaultKind, Outcome},
        hindrance::{Hindrance, Way},
        http_route::Rule,
    },
    port::{Change, Driver, Taken},
    sim::{
        faults::{Cluster, Fault, gateway::GatewayFault},
        simulation::{Config, Simulation},
        world::{gateway::Gateway, kubernetes::document::number},
    },
};
use serde_json::{Value, json};

use super::{
    conformance::{claim, http_route, rerouted},
    id, intent, to, world,
};

const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/hexproperty/httproutes/api";

fn share(of_second: u16) -> cutover::domain::weight::Weights {
    let all = cutover::domain::weight::Weights::all_on(&id("cluster-1"), &[id("cluster-1"), id("cluster-2")]);
    all.with(&id("cluster-2"), cutover::domain::weight::PerMille::new(of_second).unwrap()).unwrap()
}

/// Somebody applies the rules as they are, or with these weights, under this name; never forced.
async fn applied(world: &Simulation, manager: &str, weights: Option<[u32; 2]>) -> (u16, Value) {
    let mut route = world.control().with(|world| Gateway::route(&world.kubernetes).unwrap().clone());
    for (place, weight) in weights.into_iter().flatten().enumerate() {
        route["spec"]["rules"][1]["backendRefs"][place]["weight"] = weight.into();
    }
    let body = json!({"apiVersion": route["apiVersion"], "kind": route["kind"], "metadata": {"name": "api"}, "spec": {"rules": route["spec"]["rules"]}});
    let url = format!("http://{}{ROUTE}?fieldManager={manager}", world.endpoints().kubernetes);
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let request = client.patch(url).header("content-type", "application/apply-patch+yaml").body(body.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn whoever_declares_the_rules_is_named_before_anything_is_written_and_meets_our_name_after() {
    let world = world().await;
    let driver = http_route(&world);
    assert_eq!(driver.read().await.unwrap().hindrances, []);
    assert_eq!(applied(&world, "argocd-controller", None).await.0, 200);
    let declared = driver.read().await.unwrap();
    assert_eq!(declared.hindrances, [Hindrance::Managed { by: "argocd-controller".into() }]);
    // The way home, and whoever was told to go on, write all the same: nothing is forced, for the version says that nobody came between.
    let outcome = driver.write(to(&share(100)), &declared.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let ours = driver.read().await.unwrap();
    assert_eq!((ours.hindrances, ours.actor.unwrap().as_str()), (vec![], "cutover"));
    // An apply that is not forced is refused with our name, and changes nothing.
    let (code, refused) = applied(&world, "argocd-controller", Some([100, 0])).await;
    assert_eq!((code, refused["reason"].as_str()), (409, Some("Conflict")));
    let cause = &refused["details"]["causes"][0];
    assert_eq!((cause["reason"].as_str(), cause["field"].as_str()), (Some("FieldManagerConflict"), Some(".spec.rules")));
    assert!(cause["message"].as_str().unwrap().contains("\"cutover\""), "{refused}");
    assert_eq!(driver.read().await.unwrap().weights, share(100));
    world.stop().await;
}

/// The server says 403 and `Forbidden` to it, as to a right that is missing; who may write is another matter.
#[tokio::test]
async fn a_policy_that_refuses_a_write_is_told_as_that_and_no_permission_is_called_missing() {
    let world = world().await;
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    world.control().inject(&Fault::Cluster(Cluster::RoutesGuarded));
    assert_eq!(driver.read().await.unwrap().hindrances, [], "it may write, and has not met the policy");
    let outcome = driver.write(to(&share(100)), &before.version, &intent(1), Taken::told().0).await.outcome;
    let Outcome::NotDone(fault) = &outcome else { panic!("{outcome:?}") };
    let word = "admission webhook \"validation.gatekeeper.sh\" denied the request";
    assert!(fault.kind == FaultKind::Denied && fault.message.as_str().contains(word), "{fault}");
    let met = driver.read().await.unwrap();
    assert_eq!(met.hindrances, [Hindrance::Denied { why: fault.message.clone() }]);
    assert!(met.hindrances[0].bars_home(&id("cluster-1")), "nobody knows whether it would let the way home through");
    world.control().calm();
    let outcome = driver.write(to(&share(100)), &met.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(driver.read().await.unwrap().hindrances, []);
    world.stop().await;
}

#[tokio::test]
async fn a_write_is_done_when_the_gateway_follows_and_not_when_it_is_stored() {
    let world = Simulation::start(Config { speed: 4.0, ..Config::default() }).await.unwrap();
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    let (taken, told) = Taken::told();
    let (fifth, first) = (share(200), intent(1));
    let writes = driver.write(to(&fifth), &before.version, &first, taken);
    tokio::pin!(writes);
    let stored = tokio::select! {
        told = told => told.unwrap(),
        written = &mut writes => panic!("the gateway takes a second at least: {written:?}"),
    };
    assert_eq!(stored.as_str(), "generation 2");
    let observed = || {
        world
            .control()
            .with(|world| number(Gateway::route(&world.kubernetes).unwrap(), "/status/parents/0/conditions/0/observedGeneration"))
    };
    assert_eq!(observed(), 1, "it is stored, and nobody follows");
    let outcome = writes.await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(observed(), 2);
    world.stop().await;
}

/// A gateway's word moves the version of the whole object; who has decided on the one before goes on, for nothing else is different.
#[tokio::test]
async fn a_version_that_only_status_has_moved_is_followed_and_one_that_somebody_has_moved_is_not() {
    let world = world().await;
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    world.control().with(|world| {
        let mut status = Gateway::route(&world.kubernetes).unwrap()["status"].clone();
        status["parents"][0]["conditions"][0]["message"] = json!("looked again");
        let key = cutover::sim::world::kubernetes::store::Key::new(
            cutover::sim::world::kubernetes::resource::Resource::HttpRoute,
            "hexproperty",
            "api",
        );
        world.kubernetes.tell_status(&key, status);
    });
    let written = driver.write(to(&share(100)), &before.version, &intent(1), Taken::told().0).await;
    assert!(matches!(written.outcome, Outcome::Done(_)), "{written:?}");
    assert_eq!(written.attempts.len(), 2, "one that was refused, and one that was not");
    let met = driver.read().await.unwrap();
    rerouted(&world, |route| route["spec"]["rules"][1]["backendRefs"][1]["weight"] = json!(101));
    let outcome = driver.write(to(&share(500)), &met.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(driver.read().await.unwrap().weights, share(101));
    world.stop().await;
}

/// Between any read and any write a controller has written what it saw: no version that was read is ever the newest.
#[tokio::test]
async fn nobody_who_writes_beside_the_rules_keeps_users_from_going_home() {
    let world = world().await;
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    let outcome = driver.write(to(&share(500)), &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    world.control().inject(&Fault::Gateway(GatewayFault::Annotated { per_s: 1_000.0 }));
    let met = driver.read().await.unwrap();
    let ours = claim(1);
    let home = Change::Split { to: &share(0), claim: Some(&ours) };
    let written = driver.write(home, &met.version, &intent(2), Taken::told().0).await;
    assert!(matches!(written.outcome, Outcome::Done(_)), "{written:?}");
    assert!(written.attempts.len() > 1, "the version that was read was never the newest");
    assert_eq!(driver.read().await.unwrap().claimed, Claimed::By(Box::new(ours)));
    let seen = world.control().with(|world| Gateway::route(&world.kubernetes).unwrap()["metadata"]["annotations"].clone());
    assert_eq!((driver.read().await.unwrap().weights, seen.get("health.example.com/seen").is_some()), (share(0), true), "{seen}");
    world.stop().await;
}

/// A rule is put before the one that the plan counts, and that one is renamed: users go home from where they are, and nothing goes on.
#[tokio::test]
async fn a_rule_that_somebody_moves_is_followed_home_and_no_further() {
    let world = world().await;
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    let outcome = driver.write(to(&share(500)), &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    world.control().inject(&Fault::Gateway(GatewayFault::RuleBefore));
    world.control().inject(&Fault::Gateway(GatewayFault::RuleRenamed));
    let met = driver.read().await.unwrap();
    let moved = Hindrance::RuleMoved { meant: "rules[1]".into(), found: "rules[2], named renamed".into() };
    assert_eq!((met.weights, met.hindrances), (share(500), vec![moved]));
    let outcome = driver.write(to(&share(0)), &met.version, &intent(2), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let weights = world.control().with(|world| Gateway::weights(&world.kubernetes));
    assert_eq!(weights, [("api-1".to_owned(), 1000), ("api-2".to_owned(), 0)]);
    world.stop().await;
}

#[tokio::test]
async fn what_a_gateway_cannot_do_is_said_in_its_words_and_a_rule_that_is_gone_is_named() {
    let world = world().await;
    let driver = http_route(&world);
    let before = driver.read().await.unwrap();
    let back = world.control().with(|world| Gateway::route(&world.kubernetes).unwrap()["spec"].clone());
    rerouted(&world, |route| route["spec"]["rules"][1]["backendRefs"][1]["name"] = json!("api-3"));
    let seen = loop {
        let seen = driver.read().await.unwrap();
        if seen.hindrances.iter().any(|found| matches!(found, Hindrance::Failing { .. })) {
            break seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let failing = seen.hindrances.iter().find_map(|found| match found {
        Hindrance::Failing { why } => Some(why.to_string()),
        _ => None,
    });
    assert!(failing.unwrap().contains("gateway internal-http: ResolvedRefs is False, BackendNotFound: backend \"api-3\" not found"));
    let two = id("cluster-2");
    assert!(seen.hindrances.contains(&Hindrance::NoEntry { backend: two, name: "api-2".into() }), "{:?}", seen.hindrances);
    rerouted(&world, |route| route["spec"] = back.clone());
    rerouted(&world, |route| route["spec"]["hostnames"] = json!(["*.example.com"]));
    let unmet = Hindrance::NotReached { from: "api.internal.hexproperty.com".into(), follows: Way::AnotherRoute };
    assert!(driver.read().await.unwrap().hindrances.contains(&unmet));
    rerouted(&world, |route| drop(route["spec"]["rules"].as_array_mut().unwrap().remove(1)));
    let fault = driver.read().await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::NotFound, "HTTPRoute api has no rules[1]; it has 0"));
    let outcome = driver.write(to(&share(0)), &before.version, &intent(1), Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::NotDone(_)), "{outcome:?}");
    assert_eq!(Rule::At { index: 1 }.to_string(), "rules[1]");
    world.stop().await;
}

/// Both clusters, each by its name from the Container API, over TLS, as `check --live` and a session reach them.
#[tokio::test]
async fn each_cluster_is_found_where_it_is_and_is_another_one() {
    let world = world().await;
    let google: Client = super::google(&world);
    let listed: Value = google
        .send(Ask::get(google.at(&["v1", "projects", "hexproperty", "locations", "-", "clusters"]), Limits::READ))
        .await
        .unwrap()
        .json()
        .unwrap();
    let named: Vec<(&str, &str)> = listed["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| (cluster["name"].as_str().unwrap(), cluster["location"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("hexproperty-prod", "us-central1"), ("hexproperty-next", "us-east1")]);
    assert_ne!(listed["clusters"][0]["endpoint"], listed["clusters"][1]["endpoint"]);
    assert_eq!(listed["clusters"][1]["endpoint"], world.second_cluster().to_string());
    world.stop().await;
}
