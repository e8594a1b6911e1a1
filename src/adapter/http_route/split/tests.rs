//! Rules of a route as a split, and back: strangers and namesakes, other scales, what leads past, and who else declares it.

use serde_json::{Value, json};

use super::*;
use crate::domain::{hindrance::Way, http_route::RefKind, weight::WHOLE};

fn backends() -> Vec<Backend> {
    let backend = |id: &str, name: &str| Backend { id: id.parse().unwrap(), kind: RefKind::ServiceImport, name: name.to_owned() };
    vec![backend("one", "api-1"), backend("two", "api-2")]
}

fn entry(name: &str, weight: Value) -> Value {
    let mut entry = json!({"group": "net.gke.io", "kind": "ServiceImport", "name": name, "port": 8080});
    if !weight.is_null() {
        entry["weight"] = weight;
    }
    entry
}

fn followed() -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": 7});
    json!({"parents": [{"parentRef": {"name": "g"}, "controllerName": "c", "conditions": [condition("Accepted"), condition("ResolvedRefs")]}]})
}

fn with_rules(rules: Value) -> HttpRoute {
    let metadata = json!({"name": "api", "uid": "u-1", "resourceVersion": "41", "generation": 7});
    let spec = json!({"parentRefs": [{"name": "g"}], "hostnames": ["api.example.com"], "rules": rules});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": followed()})).unwrap()
}

fn route(entries: Value) -> HttpRoute {
    with_rules(json!([{"backendRefs": entries, "timeouts": {"request": "30s"}}]))
}

fn known<'a>(backends: &'a [Backend], rule: &'a http_route::Rule) -> Known<'a> {
    let host = Some("api.example.com");
    Known { name: "api", namespace: "shop", rule, backends, host, path: "/", shared_with: &[] }
}

fn read(route: &HttpRoute) -> Split {
    split(route, known(&backends(), &http_route::Rule::Only)).unwrap()
}

fn weights(shares: &[(&str, u16)]) -> Weights {
    Weights::new(shares.iter().map(|(id, share)| (id.parse().unwrap(), PerMille::new(*share).unwrap())).collect()).unwrap()
}

fn home() -> Weights {
    weights(&[("one", 1000), ("two", 0)])
}

/// The rules that a write of `to` sends.
fn written(route: &HttpRoute, to: &Weights) -> Result<Value, Fault> {
    let rule = http_route::Rule::Only;
    let patch = changed(route, known(&backends(), &rule), Change::Split { to, claim: None })?;
    Ok(serde_json::to_value(patch).unwrap()["spec"]["rules"].clone())
}

#[test]
fn weights_are_parts_of_their_sum_and_one_that_is_left_out_is_one() {
    assert_eq!(
        read(&route(json!([entry("api-1", json!(90)), entry("api-2", json!(10))]))),
        Split { weights: weights(&[("one", 900), ("two", 100)]), hindrances: vec![] }
    );
    assert_eq!(
        read(&route(json!([entry("api-1", json!(3)), entry("api-2", Value::Null)]))).weights,
        weights(&[("one", 750), ("two", 250)])
    );
    assert_eq!(
        read(&route(json!([entry("api-1", Value::Null), entry("api-2", Value::Null)]))).weights,
        weights(&[("one", 500), ("two", 500)])
    );
    let millions = route(json!([entry("api-1", json!(1_000_000)), entry("api-2", json!(1))]));
    assert_eq!(read(&millions).weights, weights(&[("one", 999), ("two", 1)]), "one in a million is seen");
}

#[test]
fn a_write_sends_the_rules_as_they_were_but_for_the_weights() {
    let filters = json!([{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "api-2"}}}]);
    let strange = json!({"backendRefs": [{"name": "docs", "port": 80}], "matches": [{"path": {"type": "Exact", "value": "/docs"}}], "unknown": {"b": 1, "a": [1.50]}});
    let steered = |first: u32, second: u32| {
        let mut one = entry("api-1", json!(first));
        one["filters"] = filters.clone();
        json!({"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [one, entry("api-2", json!(second))], "name": "main"})
    };
    let route = with_rules(json!([strange, steered(90, 10)]));
    let rule = http_route::Rule::Named { name: "main".into() };
    let to = weights(&[("one", 250), ("two", 750)]);
    let patch = changed(&route, known(&backends(), &rule), Change::Split { to: &to, claim: None }).unwrap();
    let wanted = json!({"metadata": {"uid": "u-1", "resourceVersion": "41"}, "spec": {"rules": [strange, steered(250, 750)]}});
    assert_eq!(serde_json::to_string(&patch).unwrap(), wanted.to_string());
}

/// Somebody renames the rule that the plan means, or puts another before it: users are where its weights say, and can be brought home.
#[test]
fn the_only_rule_that_leads_to_the_backends_is_followed_wherever_it_has_gone() {
    let docs = json!({"backendRefs": [{"name": "docs", "port": 80}], "matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}]});
    let old = json!({"backendRefs": [entry("api-1", json!(1))], "matches": [{"path": {"type": "PathPrefix", "value": "/old"}}]});
    let main = json!({"backendRefs": [entry("api-1", json!(30)), entry("api-2", json!(70))], "name": "renamed"});
    let named = http_route::Rule::Named { name: "main".into() };
    let at = |index| http_route::Rule::At { index };
    // What the plan means, what there is, and where that is followed; nothing where two could be meant.
    let cases = [
        (&named, json!([docs, main]), Some(1)),
        (&at(0), json!([docs, main]), Some(1)),
        (&at(5), json!([docs, main]), Some(1)),
        (&http_route::Rule::Only, json!([docs, main]), Some(1)),
        // What now stands in its place leads home, and says nothing of where users are.
        (&at(0), json!([old, main]), Some(1)),
        (&named, json!([old, docs]), Some(0)),
        (&named, json!([main, docs, main]), None),
        (&named, json!([docs]), None),
        (&http_route::Rule::Only, json!([old, old]), None),
    ];
    for (rule, rules, followed) in cases {
        let route = with_rules(rules);
        let read = split(&route, known(&backends(), rule));
        let Some(followed) = followed else {
            let fault = read.unwrap_err();
            assert!(fault.kind == FaultKind::NotFound && fault.message.as_str().contains("; it has 0"), "{}", fault.message);
            continue;
        };
        let read = read.unwrap();
        let moved = read.hindrances.iter().find(|found| matches!(found, Hindrance::RuleMoved { .. })).expect("it is said");
        let home: BackendId = "one".parse().unwrap();
        assert!(moved.bars_advance(&home) && !moved.bars_home(&home) && !moved.leads_past(&home), "{moved:?}");
        let patch = changed(&route, known(&backends(), rule), Change::Split { to: &self::home(), claim: None }).unwrap();
        let sent = serde_json::to_value(&patch).unwrap()["spec"]["rules"].clone();
        assert_eq!(sent[followed]["backendRefs"][0]["weight"], 1000, "{rule}");
        let others = (0..sent.as_array().unwrap().len()).filter(|at| *at != followed);
        others.for_each(|at| assert_eq!(sent[at], route.rules()[at], "{rule}: every other rule is as it was"));
    }
    // Who is meant and there is nobody's doubt.
    let both = with_rules(json!([old, {"backendRefs": main["backendRefs"], "name": "main"}]));
    for rule in [named, at(1)] {
        let hindrances = split(&both, known(&backends(), &rule)).unwrap().hindrances;
        assert!(!hindrances.iter().any(|found| matches!(found, Hindrance::RuleMoved { .. })), "{hindrances:?}");
    }
}

#[test]
fn what_is_written_beside_the_rules_changes_nothing_of_what_a_write_rests_on() {
    let (backends, rule) = (backends(), http_route::Rule::Only);
    let known = known(&backends, &rule);
    let base = route(json!([entry("api-1", json!(1)), entry("api-2", json!(1))]));
    type Made = fn(&mut HttpRoute);
    let changed = |change: Made| {
        let mut newer = base.clone();
        newer.metadata.resource_version = "42".to_owned();
        change(&mut newer);
        stands(&newer, &base, known)
    };
    assert!(changed(|newer| drop(newer.metadata.annotations.insert("a".to_owned(), "1".to_owned()))));
    assert!(changed(|newer| newer.status.parents.clear()));
    assert!(!changed(|newer| newer.metadata.generation = 8), "it was another meanwhile, though it reads the same");
    assert!(!changed(|newer| newer.metadata.uid = "u-2".to_owned()));
    assert!(!changed(|newer| drop(newer.metadata.annotations.insert(annotation::NAME.to_owned(), "x".to_owned()))));
    assert!(!changed(|newer| {
        let owner = json!([{"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:rules": {}}}}]);
        newer.metadata.managed_fields = serde_json::from_value(owner).unwrap();
    }));
}

#[test]
fn whoever_is_not_planned_is_a_stranger_whatever_its_name() {
    type Made = fn(&mut Value);
    let elsewhere = |change: Made| {
        let mut other = entry("api-2", json!(10));
        change(&mut other);
        route(json!([entry("api-1", json!(90)), other]))
    };
    let cases: [(Made, &str); 3] = [
        (|entry| entry["name"] = json!("api-3"), "api-3"),
        (|entry| entry["namespace"] = json!("staging"), "staging/api-2"),
        (|entry| (entry["group"], entry["kind"]) = (json!(""), json!("Service")), "Service/api-2"),
    ];
    for (change, called) in cases {
        let route = elsewhere(change);
        let split = read(&route);
        let stranger = split.hindrances.iter().find_map(|found| match found {
            Hindrance::Stranger { name, share, .. } => Some((name.as_str(), share.get())),
            _ => None,
        });
        assert_eq!(stranger, Some((called, 100)));
        let entries = written(&route, &home()).unwrap()[0]["backendRefs"].clone();
        assert_eq!([&entries[0]["weight"], &entries[1]["weight"]], [1000, 0], "{called}");
        // Going there gives it an entry of its own, with the port of its sibling.
        let there = written(&route, &weights(&[("one", 0), ("two", 1000)])).unwrap();
        assert_eq!(
            there[0]["backendRefs"][2],
            json!({"group": "net.gke.io", "kind": "ServiceImport", "name": "api-2", "port": 8080, "weight": 1000})
        );
    }
    let here = elsewhere(|entry| entry["namespace"] = json!("shop"));
    assert_eq!(read(&here).hindrances, [], "its own namespace, written out");
}

#[test]
fn what_no_weight_can_set_right_is_not_sent() {
    let none = route(json!([]));
    assert_eq!(read(&none).weights, weights(&[("one", 0), ("two", 0), ("nobody", 1000)]));
    assert_eq!(written(&none, &home()).unwrap_err().kind, FaultKind::Unsupported, "nothing tells the port");
    // Somebody has put a rule before the one that was meant: this one leads to none of ours, and loses none of its own.
    let another = route(json!([entry("docs", json!(1))]));
    assert_eq!(written(&another, &home()).unwrap_err().kind, FaultKind::Unsupported);
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {"hostname": "login.example.com"}});
    let away = with_rules(json!([{"filters": [redirect]}]));
    assert_eq!(read(&away).weights, weights(&[("one", 0), ("two", 0), ("redirect", 1000)]));
    assert!(read(&away).hindrances.contains(&Hindrance::Redirect { to: "login.example.com".into() }));
    assert_eq!(written(&away, &home()).unwrap_err().kind, FaultKind::Unsupported);
    let zero = route(json!([entry("api-1", json!(0)), entry("api-2", json!(0))]));
    assert_eq!(read(&zero).hindrances, [Hindrance::AllZero]);
    assert_eq!(written(&zero, &home()).unwrap()[0]["backendRefs"][0]["weight"], 1000);
    assert_eq!(written(&zero, &weights(&[("one", 0), ("hotfix", 1000)])).unwrap_err().kind, FaultKind::Unsupported);
}

#[test]
fn what_its_users_follow_instead_and_what_leads_past_it_is_said() {
    let rule = |path: &str, kind: &str, name: &str| json!({"matches": [{"path": {"type": kind, "value": path}}], "backendRefs": [entry(name, json!(1))]});
    let steered = json!({"backendRefs": [entry("api-1", json!(1)), entry("api-2", json!(0))]});
    let at = |other: Value, path: &'static str| {
        let (backends, rule) = (backends(), http_route::Rule::At { index: 1 });
        let known = Known { path, ..known(&backends, &rule) };
        reach::hindrances(&with_rules(json!([other, steered])), known, 1)
    };
    let named = |text: &str| Way::Rule { name: text.into() };
    let past = Hindrance::LeadsPast { way: named("rules[0] of the HTTPRoute"), backends: vec!["two".parse().unwrap()] };
    assert_eq!(at(rule("/v2", "PathPrefix", "api-2"), "/"), std::slice::from_ref(&past));
    let instead = |from: &str| Hindrance::NotReached { from: from.into(), follows: named("rules[0] of the HTTPRoute") };
    assert_eq!(at(rule("/v2", "PathPrefix", "api-2"), "/v2/x"), [instead("api.example.com/v2/x"), past.clone()]);
    assert_eq!(at(rule("/v2", "PathPrefix", "docs"), "/v20"), [], "a prefix ends where an element does");
    assert_eq!(at(rule("/", "Exact", "docs"), "/"), [instead("api.example.com/")]);
    // Of two that are as strong the first is followed.
    assert_eq!(at(json!({"backendRefs": [entry("docs", json!(1))]}), "/"), [instead("api.example.com/")]);
    let by_header = json!({"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "x-env", "value": "canary"}]}],
        "backendRefs": [entry("api-2", json!(1))]});
    assert_eq!(at(by_header, "/"), [past]);
    let (backends, rule) = (backends(), http_route::Rule::Only);
    let elsewhere = Known { host: Some("www.example.com"), ..known(&backends, &rule) };
    let unmet = Hindrance::NotReached { from: "www.example.com".into(), follows: Way::AnotherRoute };
    assert_eq!(reach::hindrances(&route(json!([entry("api-1", json!(1))])), elsewhere, 0), [unmet]);
}

#[test]
fn what_gateways_say_of_another_generation_says_nothing_of_this_one() {
    let mut route = route(json!([entry("api-1", json!(1)), entry("api-2", json!(0))]));
    assert_eq!(following(&route), Following::Follows);
    route.metadata.generation = 8;
    assert_eq!((following(&route), read(&route).hindrances), (Following::Behind, vec![]));
    let conditions = &mut route.status.parents[0].conditions;
    (conditions[1].status, conditions[1].reason) = ("False".to_owned(), "BackendNotFound".to_owned());
    assert_eq!(following(&route), Following::Behind, "that was of the older one");
    route.status.parents[0].conditions[1].observed_generation = Some(8);
    assert_eq!(following(&route), Following::Refuses("gateway g: ResolvedRefs is False, BackendNotFound".to_owned()));
    assert!(matches!(read(&route).hindrances.as_slice(), [Hindrance::Failing { .. }]));
    route.status.parents.clear();
    assert_eq!(following(&route), Following::Nobody);
    assert!(matches!(read(&route).hindrances.as_slice(), [Hindrance::Failing { .. }]));
}

#[test]
fn whoever_declares_the_rules_stands_against_an_advance_and_whoever_edited_them_once_does_not() {
    let owner = |manager: &str, operation: &str, subresource: &str, at: &str, fields: Value| json!({"manager": manager, "operation": operation, "subresource": subresource, "time": at, "fieldsV1": fields});
    let rules = json!({"f:spec": {"f:rules": {}}});
    let mut route = route(json!([entry("api-1", json!(1)), entry("api-2", json!(0))]));
    route.metadata.managed_fields = serde_json::from_value(json!([
        owner("argocd-controller", "Apply", "", "2026-11-28T20:00:00Z", rules.clone()),
        owner("kubectl-client-side-apply", "Update", "", "2026-11-28T19:00:00Z", rules.clone()),
        owner("kubectl-edit", "Update", "", "2026-11-28T21:00:00Z", rules.clone()),
        owner("gateway", "Update", "status", "2026-11-28T22:00:00Z", json!({"f:status": {}})),
        owner("labeller", "Apply", "", "2026-11-28T22:00:00Z", json!({"f:metadata": {"f:labels": {"f:a": {}}}})),
        owner(managers::OURS, "Apply", "", "2026-11-28T18:00:00Z", rules),
    ]))
    .unwrap();
    let found = |shared_with: &[String]| {
        let by = |found: Hindrance| match found {
            Hindrance::Managed { by } => by.to_string(),
            other => panic!("{other:?}"),
        };
        managers::declarers(&route, shared_with).into_iter().map(by).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), ["argocd-controller", "kubectl-client-side-apply"]);
    assert_eq!(found(&["argocd-controller".to_owned()]), ["kubectl-client-side-apply"]);
    assert_eq!(managers::author(&route).unwrap().0.as_str(), "kubectl-edit");
    let managed = Hindrance::Managed { by: "argocd-controller".into() };
    let home: BackendId = "one".parse().unwrap();
    assert!(managed.bars_advance(&home) && !managed.bars_home(&home) && !managed.bars_claim());
}

proptest::proptest! {
    #[test]
    fn any_entries_become_a_whole_and_one_write_brings_them_home(entries in proptest::collection::vec((0usize..3, proptest::option::of(0u32..=1_000_000)), 1..8)) {
        let names = ["api-1", "api-2", "hotfix"];
        let entries: Vec<Value> = entries.iter().map(|(name, weight)| entry(names[*name], json!(weight))).collect();
        let is_known = entries.iter().any(|entry| entry["name"] != "hotfix");
        let route = route(json!(entries));
        proptest::prop_assert_eq!(read(&route).weights.iter().map(|(_, share)| share.get()).sum::<u16>(), WHOLE);
        if is_known {
            let mut after = route.clone();
            after.spec.insert("rules".to_owned(), written(&route, &home()).unwrap());
            proptest::prop_assert_eq!(read(&after).weights, home());
        }
    }
}
