//! The HTTPRoute driver against an API server that answers as a test tells it to, and its command by hand on what `kubectl` prints.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use cutover::{
    adapter::{
        Patience,
        http_route::{Backend, Config, HttpRouteDriver, Place},
        kubernetes::{Access, Way},
    },
    domain::{
        by_hand::Kubectl,
        fault::{FaultKind, Outcome, Version},
        http_route::{RefKind, Rule},
        weight::PerMille,
    },
    port::{Change, Driver, Taken},
};
use serde_json::{Value, json};

use super::{
    id, intent,
    server::{Asked, Reaction, Server},
    split,
};

pub(super) fn driver(server: &Server) -> HttpRouteDriver {
    driver_by(Way::Known(Access::loopback(&server.url("/")).unwrap()))
}

pub(super) fn driver_by(way: Way) -> HttpRouteDriver {
    let backend = |id: &str, name: &str| Backend { id: super::id(id), kind: RefKind::Service, name: name.to_owned() };
    let place = |text: &str| text.to_owned();
    let config = Config {
        route: "shop".parse().unwrap(),
        place: Place { project: place("p"), region: place("r"), cluster: place("c") },
        kubectl: Kubectl::Context { name: "c".into() },
        namespace: "shop".to_owned(),
        http_route: "shop".to_owned(),
        rule: Rule::Only,
        backends: vec![backend("run", "blue"), backend("gke", "green")],
        shared_with: vec![],
        host: None,
        path: "/".to_owned(),
        patience: Patience { first: Duration::from_millis(5), most: Duration::from_millis(20), total: Duration::from_millis(300) },
    };
    HttpRouteDriver::new(config, way)
}

/// As an API server tells it: defaults filled in, a generation for each change of the spec.
pub(super) fn route(green: u16, version: u32, generation: u32, observed: u32) -> Value {
    let entry = |name: &str, weight: u16| json!({"group": "", "kind": "Service", "name": name, "port": 80, "weight": weight});
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": "2026-11-23T21:00:00Z", "observedGeneration": observed});
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": "shop", "uid": "4f1c", "resourceVersion": version.to_string(), "generation": generation,
            "creationTimestamp": "2026-11-01T08:00:00Z", "annotations": {"team": "shop"}},
        "spec": {"hostnames": ["shop.example.com"], "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [entry("blue", 1000 - green), entry("green", green)]}]},
        "status": {"parents": [{"parentRef": {"name": "g"}, "controllerName": "networking.gke.io/gateway",
            "conditions": [condition("Accepted"), condition("ResolvedRefs")]}]},
    })
}

fn status(code: u16, reason: &str, message: &str) -> Reaction {
    Reaction::json(
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}),
    )
}

fn modified() -> Reaction {
    let why = "Operation cannot be fulfilled on httproutes.gateway.networking.k8s.io \"shop\": the object has been modified; please apply \
               your changes to the latest version and try again";
    status(409, "Conflict", why)
}

/// A server whose object is what `reads` holds, the last of it for ever; `patched` says what it makes of each patch.
async fn server(reads: Vec<Value>, patched: impl Fn(usize) -> Reaction + Send + Sync + 'static) -> Server {
    let (reads, patches) = (Mutex::new(reads), Arc::new(Mutex::new(0)));
    Server::start(move |asked, _| match asked.method.as_str() {
        "PATCH" => {
            let mut patches = patches.lock().unwrap();
            *patches += 1;
            patched(*patches - 1)
        }
        "POST" => Reaction::json(201, json!({"status": {"allowed": true}})),
        _ => {
            let mut reads = reads.lock().unwrap();
            let now = if reads.len() > 1 { reads.remove(0) } else { reads[0].clone() };
            Reaction::json(200, now)
        }
    })
    .await
}

async fn write(server: &Server) -> Outcome {
    let driver = driver(server);
    let version = driver.read().await.unwrap().version;
    driver.write(Change::Split { to: &split(250), claim: None }, &version, &intent(), Taken::told().0).await.outcome
}

fn sent(server: &Server, method: &str) -> Vec<Asked> {
    server.asked().into_iter().filter(|asked| asked.method == method).collect()
}

#[tokio::test]
async fn a_write_is_one_merge_patch_of_a_version_that_names_its_manager_and_its_intent() {
    let server = server(vec![route(0, 41, 3, 3), route(250, 43, 4, 4)], |_| Reaction::json(200, route(250, 42, 4, 3))).await;
    let Outcome::Done(receipt) = write(&server).await else { panic!("it was followed") };
    assert_eq!(receipt.version, Some(Version("43".to_owned())), "the one at which the gateway had followed");
    assert_eq!(receipt.operation.unwrap().as_str(), "generation 4");
    let patches = sent(&server, "PATCH");
    let [patch] = patches.as_slice() else { panic!("{patches:?}") };
    assert_eq!(patch.path, "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop?fieldManager=cutover");
    assert_eq!(patch.header("content-type"), Some("application/merge-patch+json"));
    assert!(
        patch.header("user-agent").unwrap().starts_with("cutover/")
            && patch.header("user-agent").unwrap().ends_with(" (cutover night-1/17.0/ab12)")
    );
    let rules = route(250, 0, 0, 0)["spec"]["rules"].clone();
    assert_eq!(patch.json(), json!({"metadata": {"uid": "4f1c", "resourceVersion": "41"}, "spec": {"rules": rules}}));
    let [review] = &sent(&server, "POST")[..] else { panic!("the right to write is asked for once") };
    let attributes =
        json!({"namespace": "shop", "verb": "patch", "group": "gateway.networking.k8s.io", "resource": "httproutes", "name": "shop"});
    assert_eq!(review.json()["spec"]["resourceAttributes"], attributes);
}

#[tokio::test]
async fn a_gateway_that_says_nothing_or_no_leaves_what_is_stored_unknown() {
    let silent = server(vec![route(0, 41, 3, 3), route(250, 42, 4, 3)], |_| Reaction::json(200, route(250, 42, 4, 3))).await;
    let outcome = write(&silent).await;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::TimedOut), "{outcome:?}");
    let mut refused = route(250, 43, 4, 4);
    refused["status"]["parents"][0]["conditions"][0]["status"] = json!("False");
    refused["status"]["parents"][0]["conditions"][0]["reason"] = json!("NotAllowedByListeners");
    let refusing = server(vec![route(0, 41, 3, 3), refused], |_| Reaction::json(200, route(250, 42, 4, 3))).await;
    let outcome = write(&refusing).await;
    let Outcome::Unknown(fault) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.message.as_str().ends_with("gateway g: Accepted is False, NotAllowedByListeners"), "{}", fault.message);
    // Somebody else's write that came behind ours is no end of ours.
    let overtaken = server(vec![route(0, 41, 3, 3), route(990, 44, 5, 5)], |_| Reaction::json(200, route(250, 42, 4, 3))).await;
    let outcome = write(&overtaken).await;
    assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
}

#[tokio::test]
async fn a_version_that_somebody_moved_is_not_followed_and_one_that_a_gateway_moved_is_at_once() {
    let moved = server(vec![route(0, 41, 3, 3), route(100, 42, 4, 4)], |_| modified()).await;
    let outcome = write(&moved).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(sent(&moved, "PATCH").len(), 1);
    let reads = vec![route(0, 41, 3, 2), route(0, 42, 3, 3)];
    let by_status = server(reads, |before| if before == 0 { modified() } else { Reaction::json(200, route(250, 43, 4, 4)) }).await;
    assert!(matches!(write(&by_status).await, Outcome::Done(_)));
    let patches = sent(&by_status, "PATCH");
    let [by_version, by_content] = patches.as_slice() else { panic!("{patches:?}") };
    assert_eq!(by_version.json()["metadata"]["resourceVersion"], "41");
    assert_eq!(by_content.header("content-type"), Some("application/json-patch+json"));
    assert_eq!(by_content.path, by_version.path);
    let entries = route(250, 0, 0, 0)["spec"]["rules"][0]["backendRefs"].clone();
    let steps = json!([
        {"op": "test", "path": "/metadata/uid", "value": "4f1c"},
        {"op": "test", "path": "/metadata/generation", "value": 3},
        {"op": "test", "path": "/metadata/annotations/cutover-claim", "value": null},
        {"op": "add", "path": "/spec/rules/0/backendRefs", "value": entries},
    ]);
    assert_eq!(by_content.json(), steps);
}

/// Each read is older than the next word that a controller writes into an annotation; the server's own try at it is not.
#[tokio::test]
async fn a_storm_of_annotations_keeps_nobody_from_going_home_and_a_change_of_weights_beneath_it_does() {
    let annotated = |version: u32, green, generation: u32| {
        let mut route = route(green, version, generation, generation);
        route["metadata"]["annotations"]["health.example.com/seen"] = version.to_string().into();
        route
    };
    let failed = || status(422, "Invalid", "the server rejected our request due to an error in our request");
    let reads = |moved: u16, generation| vec![annotated(41, 0, 3), annotated(42, 0, 3), annotated(43, moved, generation)];
    let answers = move |before| match before {
        0 => modified(),
        1 => failed(),
        _ => Reaction::json(200, route(250, 44, 4, 4)),
    };
    let stormy = server(reads(0, 3), answers).await;
    assert!(matches!(write(&stormy).await, Outcome::Done(_)));
    let moved = server(reads(900, 4), answers).await;
    let outcome = write(&moved).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict), "{outcome:?}");
    assert_eq!(sent(&moved, "PATCH").len(), 2, "and nobody's weights are written over");
}

#[tokio::test]
async fn what_a_server_refuses_is_told_in_its_words() {
    let words = "HTTPRoute.gateway.networking.k8s.io \"shop\" is invalid: spec.rules[0].backendRefs[0].weight: Invalid value";
    let invalid = server(vec![route(0, 41, 3, 3)], move |_| status(422, "Invalid", words)).await;
    let Outcome::NotDone(fault) = write(&invalid).await else { panic!("it was refused") };
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.message.as_str().contains(words), "{}", fault.message);
    let lost = server(vec![route(0, 41, 3, 3), route(250, 42, 4, 4)], |_| Reaction::Close).await;
    let outcome = write(&lost).await;
    assert!(matches!(outcome, Outcome::Done(_)), "it was done, as the object says: {outcome:?}");
    let gone = Server::start(|_, _| status(404, "NotFound", "httproutes.gateway.networking.k8s.io \"shop\" not found")).await;
    assert_eq!(driver(&gone).read().await.unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(id("gke").as_str(), "gke");
}

/// As the API server tells it, every default there.
const STORED: &str = include_str!("http_route.yaml");

/// What the command's template makes of it: each entry with its places, its name, its weight and its rule's name, as `kubectl` prints a field that is
/// not there.
fn listed(route: &Value) -> String {
    let mut lines = String::new();
    for (at, rule) in route["spec"]["rules"].as_array().unwrap().iter().enumerate() {
        for (place, entry) in rule["backendRefs"].as_array().unwrap().iter().enumerate() {
            let (name, rule) = (entry["name"].as_str().unwrap(), rule["name"].as_str().unwrap_or("<no value>"));
            lines.push_str(&format!("{at} {place} {name} {} {rule}\n", entry["weight"]));
        }
    }
    lines
}

/// What an API server makes of the object by this patch, as far as the command writes one.
fn patched(mut route: Value, patch: &str) -> Value {
    for step in serde_json::from_str::<Vec<Value>>(patch).unwrap() {
        let place = route.pointer_mut(step["path"].as_str().unwrap()).unwrap();
        match step["op"].as_str().unwrap() {
            "test" => assert_eq!(*place, step["value"]),
            "replace" => *place = step["value"].clone(),
            other => panic!("{other}"),
        }
    }
    route
}

/// What the object is after the command by hand, or what is said where the server gets no patch.
fn by_hand(route: &Value, rule: &Rule, home: &str) -> Result<Value, String> {
    use cutover::domain::by_hand::{Leg, Lever, command};
    let kubectl = Kubectl::Context { name: "c".into() };
    let lever = Lever::HttpRoute { kubectl: &kubectl, namespace: "shop", http_route: "shop", rule };
    let legs = [Leg { name: home, share: PerMille::ALL }, Leg { name: "green", share: PerMille::ZERO }];
    let shown = command(lever, &legs);
    let program = shown.split("| awk '").nth(1).and_then(|rest| rest.split("' |").next()).unwrap();
    let mut awk = Command::new("awk").arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    awk.stdin.take().unwrap().write_all(listed(route).as_bytes()).unwrap();
    let out = awk.wait_with_output().unwrap();
    let (patch, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    if !out.status.success() {
        assert_eq!(patch, "{}\n", "no list of steps, which a server refuses");
        return Err(said);
    }
    Ok(patched(route.clone(), &patch))
}

fn stored() -> Value {
    serde_yaml::from_str(STORED).unwrap()
}

/// The object with these weights in one of its rules.
fn weighing(mut route: Value, rule: usize, weights: &[u32]) -> Value {
    for (entry, weight) in route["spec"]["rules"][rule]["backendRefs"].as_array_mut().unwrap().iter_mut().zip(weights) {
        entry["weight"] = (*weight).into();
    }
    route
}

#[test]
fn by_hand_one_rule_is_written_and_nothing_beside_it() {
    let wanted = |rule, weights: &[u32]| Ok(weighing(stored(), rule, weights));
    assert_eq!(by_hand(&stored(), &Rule::At { index: 1 }, "blue"), wanted(1, &[1000, 0, 0]));
    assert_eq!(by_hand(&stored(), &Rule::Named { name: "main".into() }, "blue"), wanted(1, &[1000, 0, 0]));
    for (rule, what) in [(Rule::At { index: 1 }, "rules[1]"), (Rule::Named { name: "x'; rm -rf /; '".into() }, "rule xrm-rf")] {
        assert_eq!(by_hand(&stored(), &rule, "blu"), Err(format!("{what} has no such entry: nothing is changed\n")), "{rule}");
    }
}

/// The rule that the plan means has another name, another place, or a new one beside it; one alone leads to both backends.
#[test]
fn by_hand_the_rule_is_found_that_somebody_has_moved() {
    let wanted = Ok(weighing(stored(), 1, &[1000, 0, 0]));
    for rule in [Rule::At { index: 0 }, Rule::At { index: 2 }, Rule::Named { name: "former".into() }, Rule::Only] {
        assert_eq!(by_hand(&stored(), &rule, "blue"), wanted, "{rule}");
    }
    let mut twice = stored();
    let main = twice["spec"]["rules"][1].clone();
    twice["spec"]["rules"].as_array_mut().unwrap().push(main);
    let none = by_hand(&twice, &Rule::Named { name: "former".into() }, "blue");
    assert_eq!(none, Err("rule former has no such entry: nothing is changed\n".to_owned()), "two lead to both");
}

/// The very patch of a step, and nothing stored by it.
#[tokio::test]
async fn a_first_step_is_tried_as_a_dry_run_and_whatever_the_server_says_to_it_is_told() {
    use cutover::adapter::http_route::Rehearsal;
    let rehearsed = async |answer: Reaction| {
        let server = server(vec![route(0, 41, 3, 3)], move |_| answer.clone()).await;
        let told = driver(&server).rehearse(&split(10)).await;
        (told, sent(&server, "PATCH"))
    };
    let (told, patches) = rehearsed(Reaction::json(200, route(10, 41, 3, 3))).await;
    assert_eq!(told, Ok(Rehearsal::Taken));
    let [patch] = patches.as_slice() else { panic!("{patches:?}") };
    let path = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop?fieldManager=cutover&dryRun=All&fieldValidation=Strict";
    assert_eq!((patch.path.as_str(), patch.header("content-type")), (path, Some("application/merge-patch+json")));
    let rules = route(10, 0, 0, 0)["spec"]["rules"].clone();
    assert_eq!(patch.json(), json!({"metadata": {"uid": "4f1c", "resourceVersion": "41"}, "spec": {"rules": rules}}));

    let (told, _) = rehearsed(Reaction::json(200, route(500, 41, 3, 3))).await;
    assert!(matches!(&told, Ok(Rehearsal::Refused(why)) if why.as_str().contains("store other weights")), "{told:?}");
    for (code, reason, words) in [
        (403, "Forbidden", "admission webhook \"validation.gatekeeper.sh\" denied the request: [frozen] until Monday"),
        (422, "Invalid", "HTTPRoute.gateway.networking.k8s.io \"shop\" is invalid: spec.rules[0].backendRefs[0].weight: Invalid value"),
        (400, "BadRequest", "strict decoding error: unknown field \"spec.rules[0].name\""),
    ] {
        let (told, _) = rehearsed(status(code, reason, words)).await;
        assert!(matches!(&told, Ok(Rehearsal::Refused(why)) if why.as_str().contains(words)), "{told:?}");
    }
    // Where a webhook can't be asked without doing, or nobody answers, nothing is known.
    for answer in
        [status(400, "BadRequest", "admission webhook \"x.example.com\" does not support dry run"), status(500, "InternalError", "x")]
    {
        let (told, _) = rehearsed(answer).await;
        assert!(told.is_err(), "{told:?}");
    }
}

#[tokio::test]
async fn who_may_not_write_tries_nothing() {
    use cutover::adapter::http_route::Rehearsal;
    let server = Server::start(|asked, _| match asked.method.as_str() {
        "POST" => Reaction::json(201, json!({"status": {"allowed": false}})),
        _ => Reaction::json(200, route(0, 41, 3, 3)),
    })
    .await;
    assert_eq!(driver(&server).rehearse(&split(10)).await, Ok(Rehearsal::Untried));
    assert_eq!(sent(&server, "PATCH").len(), 0);
}
