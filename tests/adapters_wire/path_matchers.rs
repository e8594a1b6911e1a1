//! A URL map that several services share: each route has its own place in it, and nothing beside that place changes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cutover::{
    adapter::{
        Patience,
        url_map::{Beside, Book, Config, UrlMapDriver},
    },
    domain::{
        claim::{Claim, Claimed},
        fault::{Fault, FaultKind, Outcome, Version},
        hindrance::{Hindrance, Way},
        id::{EffectId, Seq},
        position::Position,
        weight::Weights,
    },
    port::{Change, Driver, Intent, Taken},
};
use serde_json::{Value, json};

use super::{
    client, id, intent,
    server::{Reaction, Server},
};

pub(super) const CLAIM: &str = "[cutover claim/1 night 00000001 epoch 1 since 1795900000 on ops-1 by ada steers]";
const OTHER: &str = "[cutover claim/1 night 00000001 epoch 7 since 1795900000 on ops-1 by ada steers]";

fn matcher(name: &str) -> Position {
    Position::PathMatcher { name: name.into() }
}

fn host(host: &str) -> Position {
    Position::Host { host: host.into() }
}

/// The driver of a route of this name, whose backend services begin with its name.
pub(super) fn config(route: &str, position: Position) -> Config {
    Config {
        route: route.parse().unwrap(),
        project: "hexproperty".to_owned(),
        region: None,
        url_map: "hexproperty-lb".to_owned(),
        position,
        beside: vec![],
        backends: vec![(id("run"), format!("{route}-run").as_str().into()), (id("gke"), format!("{route}-gke").as_str().into())],
        host: Some(format!("{route}.hexproperty.com")),
        path: "/".to_owned(),
        patience: Patience { first: Duration::from_millis(5), most: Duration::from_millis(20), total: Duration::from_millis(200) },
    }
}

pub(super) fn link(name: &str) -> String {
    format!("https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices/{name}")
}

pub(super) fn action(route: &str, gke: u64) -> Value {
    json!({"faultInjectionPolicy": {"abort": {"percentage": 0.1, "httpStatus": 503}}, "weightedBackendServices": [
        {"backendService": link(&format!("{route}-run")), "weight": 1000 - gke, "headerAction": {"requestHeadersToRemove": ["x-a"]}},
        {"backendService": link(&format!("{route}-gke")), "weight": gke}]})
}

/// Three services: the frontend on the default route, the shop and the pay desk each in a matcher; and fields that no program of ours knows.
fn map() -> Value {
    json!({"kind": "compute#urlMap", "id": "42", "name": "hexproperty-lb", "description": format!("all of it {OTHER}"),
        "defaultRouteAction": action("frontend", 250),
        "hostRules": [
            {"hosts": ["shop.hexproperty.com", "*.shop.hexproperty.com"], "pathMatcher": "shop"},
            {"description": "money", "hosts": ["pay.hexproperty.com"], "pathMatcher": "pay"}],
        "pathMatchers": [
            {"zeta": {"b": 1, "a": [1.50, 2e-7, 12345678901234567u64]}, "name": "shop", "description": "the shop",
                "defaultRouteAction": action("shop", 0), "headerAction": {"responseHeadersToRemove": ["server"]},
                "pathRules": [{"paths": ["/static/*"], "service": link("static")}]},
            {"name": "pay", "defaultService": link("pay-run"), "futureField": [[null, 0.30000000000000004]],
                "defaultCustomErrorResponsePolicy": {"errorService": link("errors")}}],
        "tests": [{"host": "shop.hexproperty.com", "path": "/", "service": link("shop-run")}]})
}

/// An API that holds one map as the real one does: merge patches, a fingerprint that each of them changes, and a log of who did it.
#[derive(Clone)]
pub(super) struct Held(Arc<Mutex<(Value, u64, Vec<Value>)>>);

fn fingerprint(version: u64) -> String {
    format!("v{version}")
}

fn merged(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    fields.shift_remove(name);
                } else {
                    merged(fields.entry(name.as_str()).or_insert(Value::Null), change);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

impl Held {
    pub(super) fn new(map: Value) -> Held {
        Held(Arc::new(Mutex::new((map, 1, vec![]))))
    }

    pub(super) fn map(&self) -> Value {
        self.0.lock().unwrap().0.clone()
    }

    /// Somebody else's change.
    fn edited(&self, edit: impl FnOnce(&mut Value)) {
        let mut held = self.0.lock().unwrap();
        edit(&mut held.0);
        held.1 += 1;
        let entry = entry(held.2.len(), "eve@hexproperty.com", Value::Null);
        held.2.insert(0, entry);
    }

    pub(super) async fn serve(&self) -> Server {
        let held = self.clone();
        let done = json!({"name": "operation-1", "status": "DONE"});
        Server::start(move |asked, _| {
            let mut held = held.0.lock().unwrap();
            match asked.method.as_str() {
                "PATCH" => {
                    let mut patch = asked.json();
                    if patch["fingerprint"] != fingerprint(held.1) {
                        return Reaction::json(412, json!({"error": {"code": 412, "message": "Invalid fingerprint."}}));
                    }
                    patch.as_object_mut().unwrap().shift_remove("fingerprint");
                    merged(&mut held.0, &patch);
                    held.1 += 1;
                    let reason = asked.header("x-goog-request-reason").map_or(Value::Null, |reason| json!(reason));
                    let entry = entry(held.2.len(), "cutover@hexproperty.iam.gserviceaccount.com", reason);
                    held.2.insert(0, entry);
                    Reaction::json(200, done.clone())
                }
                "POST" => Reaction::json(200, json!({"entries": held.2})),
                _ if asked.path.contains("/urlMaps/") => {
                    let mut shown = held.0.clone();
                    shown["fingerprint"] = json!(fingerprint(held.1));
                    Reaction::json(200, shown)
                }
                _ => Reaction::json(404, json!({"error": {"message": "not found"}})),
            }
        })
        .await
    }
}

fn entry(number: usize, who: &str, reason: Value) -> Value {
    json!({"insertId": format!("e{number}"), "timestamp": "2026-11-29T10:00:00Z", "protoPayload": {
        "authenticationInfo": {"principalEmail": who}, "requestMetadata": {"requestAttributes": {"reason": reason}}}})
}

fn split(gke: u16) -> Weights {
    super::split(gke)
}

pub(super) async fn write(driver: &UrlMapDriver, gke: u16, version: &Version, intent: &Intent) -> Outcome {
    let claim: Claim = CLAIM.parse().unwrap();
    driver.write(Change::Split { to: &split(gke), claim: Some(&claim) }, version, intent, Taken::told().0).await.outcome
}

/// What a map of this shape reads as.
pub(super) async fn read(map: Value, config: Config) -> Result<(Weights, Vec<Hindrance>), Fault> {
    let server = Held::new(map).serve().await;
    let found = UrlMapDriver::new(config, client(&server), Beside::default()).read().await?;
    Ok((found.weights, found.hindrances))
}

#[tokio::test]
async fn a_matcher_is_written_with_its_claim_and_all_else_goes_back_bit_for_bit() {
    for position in [matcher("shop"), host("eu.shop.hexproperty.com")] {
        let held = Held::new(map());
        let server = held.serve().await;
        let driver = UrlMapDriver::new(config("shop", position), client(&server), Beside::default());
        let before = driver.read().await.unwrap();
        assert_eq!((before.weights, before.claimed, before.hindrances), (split(0), Claimed::Nobody, vec![]));
        let outcome = write(&driver, 250, &before.version, &intent()).await;
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let sent = server.asked().into_iter().find(|asked| asked.method == "PATCH").unwrap().json();
        let keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["fingerprint", "pathMatchers"], "the default route and its claim are somebody else's");
        let mut wanted = map();
        wanted["pathMatchers"][0]["defaultRouteAction"]["weightedBackendServices"][0]["weight"] = json!(750);
        wanted["pathMatchers"][0]["defaultRouteAction"]["weightedBackendServices"][1]["weight"] = json!(250);
        wanted["pathMatchers"][0]["description"] = json!(format!("the shop {CLAIM}"));
        assert_eq!(held.map(), wanted);
        // Numbers and the order of keys too, but for the action that was written.
        let text = |map: &Value| {
            let mut map = map.clone();
            map["pathMatchers"][0]["defaultRouteAction"].take();
            map.to_string()
        };
        assert_eq!(text(&held.map()), text(&wanted));
        let after = driver.read().await.unwrap();
        assert_eq!((after.weights, after.claimed), (split(250), Claimed::By(Box::new(CLAIM.parse().unwrap()))));
    }
}

#[tokio::test]
async fn a_matcher_that_sends_all_to_one_service_gets_a_split_in_its_place() {
    let held = Held::new(map());
    let server = held.serve().await;
    let driver = UrlMapDriver::new(config("pay", matcher("pay")), client(&server), Beside::default());
    let before = driver.read().await.unwrap();
    assert_eq!((before.weights, before.hindrances), (split(0), vec![Hindrance::NoSplit { service: "pay-run".into() }]));
    assert!(matches!(write(&driver, 10, &before.version, &intent()).await, Outcome::Done(_)));
    let pay = held.map()["pathMatchers"][1].clone();
    assert_eq!(pay.get("defaultService"), None, "only one of the two may stand there");
    assert_eq!((&pay["futureField"], &pay["description"]), (&map()["pathMatchers"][1]["futureField"], &json!(CLAIM)));
    assert_eq!(driver.read().await.unwrap().weights, split(10));
}

#[tokio::test]
async fn routes_of_one_map_move_at_once_each_against_the_fingerprint() {
    let held = Held::new(map());
    let server = held.serve().await;
    let frontend = UrlMapDriver::new(config("frontend", Position::Default), client(&server), Beside::default());
    let shop = UrlMapDriver::new(config("shop", matcher("shop")), client(&server), Beside::default());
    let (one, two) = (frontend.read().await.unwrap(), shop.read().await.unwrap());
    assert_eq!((&one.version, &one.weights, &two.weights), (&two.version, &split(250), &split(0)));
    assert_eq!((one.claimed, two.claimed), (Claimed::By(Box::new(OTHER.parse().unwrap())), Claimed::Nobody));
    let effect = |seq| EffectId { seq: Seq(seq), index: 0 };
    let next = |seq| Intent { effect: effect(seq), first: effect(seq), ..intent() };
    let (ours, theirs) = (next(18), next(19));
    let (first, second) = tokio::join!(write(&frontend, 500, &one.version, &ours), write(&shop, 10, &two.version, &theirs));
    let done = |outcome: &Outcome| matches!(outcome, Outcome::Done(_));
    let conflict = |outcome: &Outcome| matches!(outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Conflict);
    assert!(done(&first) && conflict(&second) || conflict(&first) && done(&second), "{first:?} {second:?}");
    // Whoever was too late looks again, and finds its own place as it was.
    let (driver, to, from) = if done(&first) { (&shop, 10, split(0)) } else { (&frontend, 500, split(250)) };
    let again = driver.read().await.unwrap();
    assert_eq!(again.weights, from);
    assert!(done(&write(driver, to, &again.version, &next(20)).await));
    assert_eq!((frontend.read().await.unwrap().weights, shop.read().await.unwrap().weights), (split(500), split(10)));
    let map = held.map();
    assert_eq!(map["pathMatchers"][1], self::map()["pathMatchers"][1], "the third service's place is as it was");
    assert_eq!(map["pathMatchers"][0]["description"], json!(format!("the shop {CLAIM}")));
    assert_eq!(map["description"], json!(format!("all of it {CLAIM}")), "each place bears the claim of whoever steers it");
}

#[tokio::test]
async fn what_the_map_does_not_have_is_said_with_what_it_has() {
    let fault = async |position| read(map(), config("shop", position)).await.unwrap_err();
    let unknown = fault(matcher("shopp")).await;
    assert_eq!(unknown.kind, FaultKind::NotFound);
    assert_eq!(unknown.message.as_str(), "URL map hexproperty-lb has no path matcher shopp; it has shop, pay");
    let unknown = fault(host("shop.example.com")).await;
    assert_eq!(unknown.kind, FaultKind::NotFound);
    assert_eq!(
        unknown.message.as_str(),
        "URL map hexproperty-lb has no host rule for shop.example.com, whose users follow its default route; it has some for \
         shop.hexproperty.com, *.shop.hexproperty.com (to shop); pay.hexproperty.com (to pay)"
    );
    let mut bare = map();
    bare["pathMatchers"] = Value::Null;
    bare["hostRules"] = Value::Null;
    let unknown = read(bare, config("shop", matcher("shop"))).await.unwrap_err();
    assert_eq!(unknown.message.as_str(), "URL map hexproperty-lb has no path matcher shop; it has none");
}

#[tokio::test]
async fn nothing_is_sent_where_the_place_has_gone() {
    let held = Held::new(map());
    let server = held.serve().await;
    let driver = UrlMapDriver::new(config("shop", matcher("shop")), client(&server), Beside::default());
    held.edited(|map| map["pathMatchers"][0]["name"] = json!("store"));
    let outcome = write(&driver, 250, &Version(fingerprint(2)), &intent()).await;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::NotFound), "{outcome:?}");
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn what_leads_users_past_a_matcher_is_held_against_it() {
    let found = async |map: Value, config: Config| read(map, config).await.unwrap().1;
    let shop = || config("shop", matcher("shop"));
    let not_reached = |from: &str, follows| vec![Hindrance::NotReached { from: from.into(), follows }];
    let asking = |host: Option<&str>, path: &str| Config { host: host.map(str::to_owned), path: path.to_owned(), ..shop() };
    let pay = Way::PathMatcher { name: "pay".into() };
    assert_eq!(found(map(), asking(Some("pay.hexproperty.com"), "/")).await, not_reached("pay.hexproperty.com", pay));
    assert_eq!(found(map(), asking(Some("www.example.com"), "/")).await, not_reached("www.example.com", Way::DefaultRoute));
    assert_eq!(found(map(), asking(None, "/")).await, vec![], "some host's users come there");
    let rules = Way::Rules { matcher: "shop".into() };
    let by_path = found(map(), asking(Some("shop.hexproperty.com"), "/static/logo.svg")).await;
    assert_eq!(by_path, not_reached("shop.hexproperty.com/static/logo.svg", rules.clone()));

    let with = |place: &str, key: &str, value: Value| {
        let mut map = map();
        map.pointer_mut(place).unwrap()[key] = value;
        map
    };
    let to = |name: &str, matched: Value| json!([{"priority": 1, "matchRules": [matched], "service": link(name)}]);
    let all = with("/pathMatchers/0", "routeRules", to("cdn", json!({"prefixMatch": "/"})));
    assert_eq!(found(all, shop()).await, not_reached("shop.hexproperty.com/", rules.clone()));
    let some = json!({"prefixMatch": "/", "headerMatches": [{"headerName": "x-canary", "exactMatch": "1"}]});
    assert_eq!(found(with("/pathMatchers/0", "routeRules", to("cdn", some.clone())), shop()).await, vec![]);
    let past = |way| vec![Hindrance::LeadsPast { way, backends: vec![id("gke")] }];
    assert_eq!(found(with("/pathMatchers/0", "routeRules", to("shop-gke", some)), shop()).await, past(rules));
    let default = with("", "defaultRouteAction", json!({"weightedBackendServices": [{"backendService": link("shop-gke"), "weight": 1}]}));
    assert_eq!(found(default, shop()).await, past(Way::DefaultRoute));
    let other = with("/pathMatchers/1", "defaultService", json!(link("shop-gke")));
    assert_eq!(found(other, shop()).await, [Hindrance::PastTheSplit { matcher: "pay".into(), backends: vec![id("gke")] }]);
    let long = with("/pathMatchers/0", "description", json!("x".repeat(2048)));
    let hindrances = found(long, shop()).await;
    let [Hindrance::NoRoom { place, .. }] = hindrances.as_slice() else { panic!("{hindrances:?}") };
    assert_eq!(place.as_str(), "the description of the path matcher shop");
}

#[tokio::test]
async fn what_another_route_of_the_plan_steers_leads_nobody_past() {
    let mut shared = map();
    shared["pathMatchers"][1] = json!({"name": "pay", "defaultRouteAction": action("shop", 10)});
    let beside = |position| Config { beside: vec![("pay".parse().unwrap(), position)], ..config("shop", matcher("shop")) };
    let hindrances = |config| read(shared.clone(), config);
    let past = Hindrance::PastTheSplit { matcher: "pay".into(), backends: vec![id("run"), id("gke")] };
    assert_eq!(hindrances(config("shop", matcher("shop"))).await.unwrap().1, [past]);
    assert_eq!(hindrances(beside(matcher("pay"))).await.unwrap().1, []);
    let twice = Hindrance::SteeredTwice { route: "pay".parse().unwrap() };
    let found = hindrances(beside(host("shop.hexproperty.com"))).await.unwrap().1;
    assert!(found.contains(&twice), "{found:?}");
}

#[tokio::test]
async fn a_siblings_write_hides_nobody_who_changed_this_place_before() {
    let held = Held::new(map());
    let server = held.serve().await;
    let book = Arc::new(Book::default());
    let beside = || Beside { logging: Some(client(&server)), projects: None, book: book.clone() };
    let shop = UrlMapDriver::new(config("shop", matcher("shop")), client(&server), beside());
    let frontend = UrlMapDriver::new(config("frontend", Position::Default), client(&server), beside());
    shop.read().await.unwrap();
    held.edited(|map| map["pathMatchers"][0]["defaultRouteAction"] = action("shop", 400));
    let version = frontend.read().await.unwrap().version;
    assert!(matches!(write(&frontend, 500, &version, &intent()).await, Outcome::Done(_)));
    let found = shop.read().await.unwrap();
    assert_eq!((found.weights, found.actor.unwrap().as_str()), (split(400), "eve@hexproperty.com"));
}

#[tokio::test]
async fn a_regional_map_is_asked_for_where_it_is() {
    let mut regional = map();
    regional["pathMatchers"][1]["defaultService"] = json!(link("pay-run").replace("global", "regions/us-central1"));
    let held = Held::new(regional);
    let server = held.serve().await;
    let config = Config { region: Some("us-central1".to_owned()), ..config("pay", matcher("pay")) };
    let beside = Beside { logging: Some(client(&server)), ..Beside::default() };
    let driver = UrlMapDriver::new(config, client(&server), beside);
    let version = driver.read().await.unwrap().version;
    assert!(matches!(write(&driver, 10, &version, &intent()).await, Outcome::Done(_)));
    let asked = server.asked();
    let at = "/compute/v1/projects/hexproperty/regions/us-central1/";
    for asked in asked.iter().filter(|asked| asked.method != "POST") {
        assert!(asked.path.starts_with(at), "{}", asked.path);
    }
    assert!(asked.iter().any(|asked| asked.path == format!("{at}backendServices/pay-run")));
    let filter = asked.iter().find(|asked| asked.method == "POST").unwrap().json()["filter"].to_string();
    assert!(filter.contains("projects/hexproperty/regions/us-central1/urlMaps/hexproperty-lb"), "{filter}");
    let fresh = held.map()["pathMatchers"][1]["defaultRouteAction"]["weightedBackendServices"][1]["backendService"].clone();
    assert_eq!(fresh, json!("projects/hexproperty/regions/us-central1/backendServices/pay-gke"));
}
