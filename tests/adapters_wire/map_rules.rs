//! Rules of a path matcher: a route rule by its priority, a path rule by one of its paths, each steered by itself, and all else of the map as
//! it was.

use cutover::{
    adapter::url_map::{Beside, Config, Service, UrlMapDriver},
    domain::{
        claim::Claimed,
        fault::{FaultKind, Outcome, Version},
        hindrance::{Hindrance, Way},
        position::{MapRule, Matcher, Position},
    },
    port::{Change, Driver, Taken},
};
use serde_json::{Value, json};

use super::{
    client, id, intent,
    path_matchers::{CLAIM, Held, action, config, link, read, write},
    split,
};

fn route_rule(priority: u32) -> Position {
    Position::Rule { of: Matcher::Name { name: "shop".into() }, rule: MapRule::Route { priority } }
}

fn path_rule(path: &str) -> Position {
    Position::Rule { of: Matcher::Host { host: "pay.hexproperty.com".into() }, rule: MapRule::Path { path: path.into() } }
}

/// A matcher with route rules and one with path rules, with fields that no program of ours knows in each.
fn map() -> Value {
    json!({"kind": "compute#urlMap", "name": "hexproperty-lb", "description": "all of it", "defaultService": link("static"),
        "hostRules": [{"hosts": ["shop.hexproperty.com"], "pathMatcher": "shop"}, {"hosts": ["pay.hexproperty.com"], "pathMatcher": "pay"}],
        "pathMatchers": [
            {"name": "shop", "description": "the shop", "defaultService": link("static"), "routeRules": [
                {"zeta": [2e-7, null], "priority": 20, "description": "the cart", "matchRules": [{"prefixMatch": "/cart", "metadataFilters": []}],
                    "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/"}, "weightedBackendServices": action("shop", 0)["weightedBackendServices"]}},
                {"priority": 7, "matchRules": [{"prefixMatch": "/cart", "headerMatches": [{"headerName": "x-old", "presentMatch": true}]}],
                    "service": link("shop-old"), "headerAction": {"requestHeadersToRemove": ["x-old"]}},
                {"priority": 30, "matchRules": [{"fullPathMatch": "/pay"}], "urlRedirect": {"hostRedirect": "pay.hexproperty.com"}}]},
            {"name": "pay", "description": "the pay desk", "defaultService": link("static"), "futureField": {"b": 1, "a": 0.30000000000000004}, "pathRules": [
                {"paths": ["/v1/*", "/v1"], "service": link("pay-run"), "customErrorResponsePolicy": {"errorService": link("errors")}},
                {"paths": ["/v2/*"], "routeAction": action("pay", 250)}]}]})
}

fn at(route: &str, position: Position, path: &str) -> Config {
    Config { path: path.to_owned(), ..config(route, position) }
}

#[tokio::test]
async fn a_route_rule_is_written_with_its_claim_and_all_else_goes_back_bit_for_bit() {
    let held = Held::new(map());
    let server = held.serve().await;
    let driver = UrlMapDriver::new(at("shop", route_rule(20), "/cart/7"), client(&server), Beside::default());
    let before = driver.read().await.unwrap();
    assert_eq!((before.weights, before.claimed, before.hindrances), (split(0), Claimed::Nobody, vec![]));
    assert!(matches!(write(&driver, 250, &before.version, &intent()).await, Outcome::Done(_)));
    let mut wanted = map();
    let rule = &mut wanted["pathMatchers"][0]["routeRules"][0];
    rule["routeAction"]["weightedBackendServices"][0]["weight"] = json!(750);
    rule["routeAction"]["weightedBackendServices"][1]["weight"] = json!(250);
    rule["description"] = json!(format!("the cart {CLAIM}"));
    assert_eq!(held.map(), wanted);
    let text = |map: &Value| {
        let mut map = map.clone();
        map["pathMatchers"][0]["routeRules"][0]["routeAction"].take();
        map.to_string()
    };
    assert_eq!(text(&held.map()), text(&wanted), "numbers and the order of keys too");
    let after = driver.read().await.unwrap();
    assert_eq!((after.weights, after.claimed), (split(250), Claimed::By(Box::new(CLAIM.parse().unwrap()))));
}

#[tokio::test]
async fn a_path_rule_has_its_claim_in_its_matchers_description_beside_those_of_others() {
    let held = Held::new(map());
    let server = held.serve().await;
    let driver = |position, path| UrlMapDriver::new(at("pay", position, path), client(&server), Beside::default());
    let (first, second) = (driver(path_rule("/v1"), "/v1"), driver(path_rule("/v2/*"), "/v2/x"));
    let whole = driver(Position::PathMatcher { name: "pay".into() }, "/");
    let before = first.read().await.unwrap();
    // The other rule of the same matcher leads to the same backends, and nobody steers it here.
    let past = Hindrance::LeadsPast { way: Way::Rules { matcher: "pay".into() }, backends: vec![id("run"), id("gke")] };
    assert_eq!((before.weights, before.hindrances), (split(0), vec![Hindrance::NoSplit { service: "pay-run".into() }, past]));
    assert!(matches!(write(&first, 10, &before.version, &intent()).await, Outcome::Done(_)));
    let tagged = |path: &str| CLAIM.replace("claim/1 ", &format!("claim/1 for {path} "));
    let mut wanted = map();
    let matcher = &mut wanted["pathMatchers"][1];
    matcher["description"] = json!(format!("the pay desk {}", tagged("/v1")));
    let rule = matcher["pathRules"][0].as_object_mut().unwrap();
    rule.shift_remove("service");
    let entry = |name: &str, weight: u32| json!({"backendService": format!("projects/hexproperty/global/backendServices/{name}"), "weight": weight});
    rule.insert("routeAction".to_owned(), json!({"weightedBackendServices": [entry("pay-run", 990), entry("pay-gke", 10)]}));
    assert_eq!(held.map(), wanted);
    assert_eq!(held.map().to_string(), wanted.to_string());
    let mine = Claimed::By(Box::new(CLAIM.parse().unwrap()));
    let claimed = async |driver: &UrlMapDriver| driver.read().await.unwrap().claimed;
    assert_eq!((claimed(&first).await, claimed(&second).await, claimed(&whole).await), (mine.clone(), Claimed::Nobody, Claimed::Nobody));
    assert_eq!(claimed(&driver(path_rule("/v1/*"), "/v1/x")).await, mine, "by whichever of its paths it is named");
    let seen = second.read().await.unwrap();
    assert_eq!(seen.weights, split(250));
    assert!(matches!(write(&second, 500, &seen.version, &intent()).await, Outcome::Done(_)));
    assert_eq!(held.map()["pathMatchers"][1]["description"], json!(format!("the pay desk {} {}", tagged("/v1"), tagged("/v2/*"))));
    assert_eq!(claimed(&first).await, mine);
}

#[tokio::test]
async fn what_takes_the_front_doors_requests_from_the_rule_is_held_against_it() {
    let found = async |map: Value, config: Config| read(map, config).await.unwrap().1;
    let unmet = |from: &str, follows| vec![Hindrance::NotReached { from: format!("shop.hexproperty.com{from}").as_str().into(), follows }];
    let cart = |path: &str| at("shop", route_rule(20), path);
    let rule = |of: &str| Way::Rule { name: format!("the {of} of the path matcher shop").as_str().into() };
    let default = || Way::MatcherDefault { matcher: "shop".into() };
    assert_eq!(found(map(), cart("/")).await, unmet("/", default()));
    assert_eq!(found(map(), cart("/pay")).await, unmet("/pay", rule("route rule 30")));
    let with = |key: &str, value: Value| {
        let mut map = map();
        map["pathMatchers"][0][key] = value;
        map
    };
    let rules = |first: Value| {
        let mut rules = map()["pathMatchers"][0]["routeRules"].clone();
        rules.as_array_mut().unwrap().push(first);
        with("routeRules", rules)
    };
    let to = |name: &str, matched: Value| rules(json!({"priority": 1, "matchRules": [matched], "service": link(name)}));
    assert_eq!(found(to("cdn", json!({"prefixMatch": "/"})), cart("/cart")).await, unmet("/cart", rule("route rule 1")));
    assert_eq!(
        found(to("cdn", json!({"prefixMatch": "/", "queryParameterMatches": [{"name": "a", "exactMatch": "1"}]})), cart("/cart")).await,
        []
    );
    let header = json!({"prefixMatch": "/", "headerMatches": [{"headerName": "x-new", "exactMatch": "1"}]});
    let past = |way| vec![Hindrance::LeadsPast { way, backends: vec![id("gke")] }];
    // People with the header go past the split to the target, whatever its weights are.
    assert_eq!(found(to("shop-gke", header.clone()), cart("/cart")).await, past(Way::Rules { matcher: "shop".into() }));
    assert_eq!(found(with("defaultService", json!(link("shop-gke"))), cart("/cart")).await, past(default()));
    // A rule for a header is no place that the front door's own requests come to; whoever names no front door is asked nothing.
    let own = rules(json!({"priority": 2, "matchRules": [header], "routeAction": action("trial", 0)}));
    let trial = |host: Option<&str>| Config { host: host.map(str::to_owned), ..at("trial", route_rule(2), "/cart") };
    assert_eq!(found(own.clone(), trial(Some("shop.hexproperty.com"))).await, unmet("/cart", rule("route rule 20")));
    assert_eq!(found(own, trial(None)).await, []);
}

#[tokio::test]
async fn routes_of_one_matcher_lead_nobody_past_each_other_and_two_of_one_rule_are_said() {
    let beside = |position| Config { beside: vec![("other".parse().unwrap(), position)], ..at("pay", path_rule("/v1"), "/v1") };
    let found = async |config| read(map(), config).await.unwrap().1;
    assert_eq!(found(beside(path_rule("/v2/*"))).await, [Hindrance::NoSplit { service: "pay-run".into() }]);
    let twice = Hindrance::SteeredTwice { route: "other".parse().unwrap() };
    assert!(found(beside(path_rule("/v1/*"))).await.contains(&twice), "two paths of one rule are one place");
}

#[tokio::test]
async fn a_rule_that_is_not_there_is_said_with_those_that_are_and_nothing_is_sent() {
    let fault = async |position| read(map(), at("shop", position, "/")).await.unwrap_err();
    let unknown = fault(route_rule(21)).await;
    assert_eq!(unknown.kind, FaultKind::NotFound);
    let has = "it has route rule 20; route rule 7; route rule 30";
    assert_eq!(unknown.message.as_str(), format!("path matcher shop in URL map hexproperty-lb has no route rule 21; {has}"));
    let other = Position::Rule { of: Matcher::Name { name: "shop".into() }, rule: MapRule::Path { path: "/cart".into() } };
    assert_eq!(fault(other).await.message.as_str(), format!("path matcher shop in URL map hexproperty-lb has no path rule /cart; {has}"));
    let mut twice = map();
    twice["pathMatchers"][0]["routeRules"][1]["priority"] = json!(20);
    let held = Held::new(twice);
    let server = held.serve().await;
    let driver = UrlMapDriver::new(at("shop", route_rule(20), "/cart"), client(&server), Beside::default());
    let change = Change::Split { to: &split(250), claim: None };
    let outcome = driver.write(change, &Version("v1".to_owned()), &intent(), Taken::told().0).await.outcome;
    assert!(matches!(&outcome, Outcome::NotDone(fault) if fault.kind == FaultKind::Unsupported), "{outcome:?}");
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn a_backend_service_of_a_service_project_is_asked_for_and_written_there() {
    let shared = |name: &str| json!(format!("https://www.googleapis.com/compute/v1/projects/shop-service/global/backendServices/{name}"));
    let mut map = map();
    let rule = &mut map["pathMatchers"][0]["routeRules"][0]["routeAction"]["weightedBackendServices"];
    *rule = json!([{"backendService": shared("shop-run"), "weight": 1000}, {"backendService": link("shop-gke"), "weight": 0}]);
    map["pathMatchers"][0]["routeRules"].as_array_mut().unwrap().remove(1);
    let held = Held::new(map);
    let server = held.serve().await;
    let own = |name: &str| Service { name: name.to_owned(), project: Some("shop-service".to_owned()) };
    let config =
        Config { backends: vec![(id("run"), own("shop-run")), (id("gke"), own("shop-gke"))], ..at("shop", route_rule(20), "/cart") };
    let driver = UrlMapDriver::new(config, client(&server), Beside::default());
    let before = driver.read().await.unwrap();
    assert_eq!(
        before.hindrances,
        [Hindrance::NoEntry { backend: id("gke"), name: "shop-gke".into() }],
        "the namesake is the host project's"
    );
    assert!(matches!(write(&driver, 10, &before.version, &intent()).await, Outcome::Done(_)));
    let entries = held.map()["pathMatchers"][0]["routeRules"][0]["routeAction"]["weightedBackendServices"].clone();
    let weights: Vec<_> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["backendService"].as_str().unwrap().to_owned(), entry["weight"].clone()))
        .collect();
    let wanted = [
        (shared("shop-run").as_str().unwrap().to_owned(), json!(990)),
        (link("shop-gke"), json!(0)),
        ("projects/shop-service/global/backendServices/shop-gke".to_owned(), json!(10)),
    ];
    assert_eq!(weights, wanted);
    let schemes: Vec<String> =
        server.asked().into_iter().filter(|asked| asked.path.contains("/backendServices/")).map(|asked| asked.path).collect();
    assert!(
        schemes.iter().all(|path| path.starts_with("/compute/v1/projects/shop-service/global/backendServices/shop-"))
            && !schemes.is_empty(),
        "{schemes:?}"
    );
    assert!(driver.by_hand(&split(0)).contains("--project=hexproperty"), "the map itself is the host project's");
}
