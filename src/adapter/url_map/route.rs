//! The steered place of a URL map as a split, and back.
//!
//! Every entry counts, whoever it belongs to: weights are proportions of their sum, one backend may stand there twice, and a backend
//! service outside the plan has its share under its own name. A write sets the whole split, so it takes strangers' shares away too.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{
    Service,
    link::Link,
    mark,
    position::{Edit, Part, Place},
    rules,
    wire::{Patch, RouteAction, UrlMap, WeightedBackendService},
};
use crate::{
    adapter::{claim, share::scaled, vendor_name},
    domain::{
        claim::Claimed,
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        id::{BackendId, RouteId},
        position::Position,
        shown::Shown,
        weight::{PerMille, Weights},
    },
    port::Change,
};

/// Who has the share of requests that no entry's weight sends anywhere.
const NOBODY: &str = "nobody";
/// Who has the share of requests that are sent elsewhere.
const REDIRECT: &str = "redirect";

/// What of the plan a map is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Each backend of the route with its backend service.
    pub backends: &'a [(BackendId, Service)],
    /// The host that the route's users ask for, where the plan names it.
    pub host: Option<&'a str>,
    /// What they ask for there, with its query if it has one.
    pub path: &'a str,
    /// Where the map is, and the plan's backend services but for those that say another; one of the same name elsewhere is a stranger.
    pub project: &'a str,
    /// `None` for a global map, whose backend services are global too.
    pub region: Option<&'a str>,
    pub url_map: &'a str,
    pub position: &'a Position,
    /// What the plan's other routes steer of this map.
    pub beside: &'a [(RouteId, Position)],
}

impl Known<'_> {
    /// Where the split stands.
    /// # Errors
    /// [`FaultKind::NotFound`] if the map has no such place.
    fn place(&self, map: &UrlMap) -> Result<Place, Fault> {
        Place::find(map, self.url_map, self.position)
    }
    pub(super) fn backend(&self, link: &str) -> Option<&BackendId> {
        let link = Link::of(link);
        self.backends.iter().find(|(_, service)| link.is_to(service.link(self.project, self.region))).map(|(id, _)| id)
    }
    /// What a link outside the plan leads to: its name, and where that is one of the plan's own, whose and where it is as well.
    fn called<'l>(&self, link: &'l str) -> &'l str {
        let Link { name, resource, .. } = Link::of(link);
        let is_namesake = self.backends.iter().any(|(_, service)| service.name == name);
        if is_namesake { resource } else { name }
    }
    /// The same for our own use: a namesake by its project and name, so that neither is taken for the plan's.
    fn stranger(&self, called: &str) -> BackendId {
        let link = Link::of(called);
        let short = link.project.map_or_else(|| called.to_owned(), |project| format!("{project}/{}", link.name));
        vendor_name::stranger(&short, self.backends.iter().map(|(id, _)| id))
    }
}

/// What the map says of the route's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub weights: Weights,
    pub hindrances: Vec<Hindrance>,
}

/// The whole split, strangers included. Weights on another scale are brought to 1000 by largest remainder.
/// # Errors
/// [`FaultKind::Unsupported`] if the steered place does not say where its traffic goes; [`FaultKind::NotFound`] if there is none.
pub(super) fn split(map: &UrlMap, known: Known<'_>) -> Result<Split, Fault> {
    let place = known.place(map)?;
    let part = place.read(map, known.position)?;
    let mut hindrances = Vec::new();
    let mut held: BTreeMap<BackendId, u32> = known.backends.iter().map(|(id, _)| (id.clone(), 0)).collect();
    let entries = part.action.as_ref().map_or(&[][..], |action| &action.weighted_backend_services);
    let mut strangers: BTreeMap<BackendId, Shown> = BTreeMap::new();
    for entry in entries {
        let id = known.backend(&entry.backend_service).cloned().unwrap_or_else(|| {
            let called = known.called(&entry.backend_service);
            let id = known.stranger(called);
            strangers.insert(id.clone(), Shown::new(called));
            id
        });
        let weight = held.entry(id).or_default();
        *weight = weight.saturating_add(entry.weight);
    }
    if entries.is_empty() {
        without_split(&part, known, &mut held, &mut strangers, &mut hindrances);
    } else {
        if held.values().all(|weight| *weight == 0) {
            hindrances.push(Hindrance::AllZero);
            held.insert(known.stranger(NOBODY), 1);
        }
        let missing = known.backends.iter().filter(|(id, _)| entries.iter().all(|entry| known.backend(&entry.backend_service) != Some(id)));
        hindrances.extend(missing.map(|(id, service)| Hindrance::NoEntry { backend: id.clone(), name: Shown::new(&service.name) }));
    }
    held.retain(|id, weight| *weight > 0 || !strangers.contains_key(id));
    let weights = scaled(&held)?;
    let shares = strangers.into_iter().map(|(id, name)| (weights.of(&id), id, name)).filter(|(share, _, _)| *share > PerMille::ZERO);
    hindrances.extend(shares.map(|(share, backend, name)| Hindrance::Stranger { backend, name, share }));
    hindrances.extend(mark::false_ones(entries, known));
    hindrances.extend(rules::hindrances(map, known, place));
    hindrances.extend(part.text.no_room());
    hindrances.sort();
    Ok(Split { weights, hindrances })
}

/// A part that sends everything to one place has a split all the same: all of it there.
fn without_split(
    part: &Part,
    known: Known<'_>,
    held: &mut BTreeMap<BackendId, u32>,
    strangers: &mut BTreeMap<BackendId, Shown>,
    hindrances: &mut Vec<Hindrance>,
) {
    if let Some(link) = part.service.as_deref() {
        let service = Link::of(link).name;
        hindrances.push(Hindrance::NoSplit { service: Shown::new(service) });
        let id = known.backend(link).cloned().unwrap_or_else(|| {
            let called = known.called(link);
            let id = known.stranger(called);
            strangers.insert(id.clone(), Shown::new(called));
            id
        });
        held.insert(id, 1);
    } else if let Some(redirect) = &part.redirect {
        let to = redirect.get("hostRedirect").and_then(serde_json::Value::as_str).unwrap_or("elsewhere");
        hindrances.push(Hindrance::Redirect { to: Shown::new(to) });
        held.insert(known.stranger(REDIRECT), 1);
    }
}

/// Whose claim the steered place bears.
pub(super) fn claimed(map: &UrlMap, known: Known<'_>) -> Claimed {
    let part = known.place(map).and_then(|place| place.read(map, known.position));
    part.map_or(Claimed::Untold, |part| part.text.claimed())
}

/// The patch that makes `change` of the map.
/// # Errors
/// [`FaultKind::Unsupported`] if it gives something to a backend that the route does not have, or if there is no room for a claim that was
/// to be written alone; [`FaultKind::NotFound`] if the map has not the steered place. Nothing is sent then.
pub(super) fn changed(map: UrlMap, known: Known<'_>, change: Change<'_>) -> Result<Patch, Fault> {
    let place = known.place(&map)?;
    let part = place.read(&map, known.position)?;
    let text = change.claim().and_then(|claim| part.text.beside(claim));
    let action = match change {
        Change::Split { to, .. } => Some(reweighted(part.action.unwrap_or_default(), known, to)?),
        Change::Claim(_) if text.is_none() => {
            let message = format!("{} leaves no room for the claim; nothing was written", part.text.called());
            return Err(Fault::new(FaultKind::Unsupported, message));
        }
        Change::Claim(_) => None,
    };
    Ok(place.patch(map, Edit { text, action }))
}

/// Whether the map reads as `change` was to make it.
pub(super) fn reads_as(map: &UrlMap, known: Known<'_>, change: Change<'_>) -> bool {
    let Ok(place) = known.place(map) else { return false };
    let Ok(part) = place.read(map, known.position) else { return false };
    let splits = match change {
        Change::Split { to, .. } => split(map, known).is_ok_and(|split| split.weights == *to),
        Change::Claim(_) => true,
    };
    splits && claim::bears(&part.text.claimed(), change, part.text.no_room())
}

/// The action with the whole split set to `to`. Strangers and second entries of one backend stay in it with nothing, and everything else
/// of it stays as the map has it.
/// # Errors
/// [`FaultKind::Unsupported`] if `to` gives something to a backend that the route does not have.
fn reweighted(action: RouteAction, known: Known<'_>, to: &Weights) -> Result<RouteAction, Fault> {
    if let Some((stranger, _)) = to.iter().find(|(id, share)| *share > PerMille::ZERO && known.backends.iter().all(|(ours, _)| ours != *id))
    {
        return Err(Fault::new(FaultKind::Unsupported, format!("{stranger} is no backend of this route; nothing was written")));
    }
    let mut entries = action.weighted_backend_services;
    let mut given: Vec<&BackendId> = Vec::new();
    for entry in &mut entries {
        let first = known.backend(&entry.backend_service).filter(|id| !given.contains(id));
        entry.weight = first.map_or(0, |id| to.of(id).get().into());
        given.extend(first);
    }
    let missing = known.backends.iter().filter(|(id, _)| !given.contains(&id) && to.of(id) > PerMille::ZERO);
    let fresh = missing.map(|(id, service)| WeightedBackendService {
        backend_service: service.link(known.project, known.region).to_string(),
        weight: to.of(id).get().into(),
        rest: Map::new(),
    });
    let fresh: Vec<_> = fresh.collect();
    entries.extend(fresh);
    Ok(RouteAction { weighted_backend_services: entries, rest: action.rest })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{link::Link, rules::followed, wire::HostRule},
        *,
    };
    use crate::domain::weight::WHOLE;

    fn backends() -> Vec<(BackendId, Service)> {
        vec![("run".parse().unwrap(), "frontend-run".into()), ("gke".parse().unwrap(), "frontend-gke".into())]
    }

    fn map(entries: serde_json::Value) -> UrlMap {
        let action = json!({"weightedBackendServices": entries, "timeout": {"seconds": "30"}, "retryPolicy": {"numRetries": 1}});
        serde_json::from_value(json!({"name": "hexproperty-lb", "fingerprint": "abcd1234", "defaultRouteAction": action})).unwrap()
    }

    fn entry(name: &str, weight: u32) -> serde_json::Value {
        says(name, weight, name.strip_prefix("frontend-").unwrap_or(name))
    }

    fn says(name: &str, weight: u32, mark: &str) -> serde_json::Value {
        json!({"backendService": format!("https://www.googleapis.com/compute/v1/projects/p/global/backendServices/{name}"), "weight": weight,
            "headerAction": {"responseHeadersToAdd": [{"headerName": "X-Served-By", "headerValue": mark}]}})
    }

    fn weights(shares: &[(&str, u16)]) -> Weights {
        Weights::new(shares.iter().map(|(id, share)| (id.parse().unwrap(), PerMille::new(*share).unwrap())).collect()).unwrap()
    }

    fn known<'a>(backends: &'a [(BackendId, Service)], host: Option<&'a str>, position: &'a Position) -> Known<'a> {
        Known { backends, host, path: "/", project: "p", region: None, url_map: "hexproperty-lb", position, beside: &[] }
    }

    fn read(map: &UrlMap) -> Split {
        split(map, known(&backends(), Some("api.hexproperty.com"), &Position::Default)).unwrap()
    }

    fn patched(map: UrlMap, to: &Weights) -> Result<Patch, Fault> {
        changed(map, known(&backends(), None, &Position::Default), Change::Split { to, claim: None })
    }

    /// The weights that a write of `to` leaves behind, in document order.
    fn written(map: UrlMap, to: &Weights) -> Vec<(String, u32)> {
        let patch = patched(map, to).unwrap();
        let entries = patch.default_route_action.unwrap().weighted_backend_services;
        entries.iter().map(|entry| (Link::of(&entry.backend_service).name.to_owned(), entry.weight)).collect()
    }

    fn home() -> Weights {
        weights(&[("run", 1000), ("gke", 0)])
    }

    fn named(list: &[(&str, u32)]) -> Vec<(String, u32)> {
        list.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    #[test]
    fn a_plain_split_reads_without_hindrance() {
        let split = read(&map(json!([entry("frontend-run", 750), entry("frontend-gke", 250)])));
        assert_eq!(split, Split { weights: weights(&[("run", 750), ("gke", 250)]), hindrances: vec![] });
    }

    #[test]
    fn an_entry_whose_answers_say_another_name_is_told() {
        let map = map(json!([entry("frontend-run", 750), says("frontend-gke", 250, "run"), says("frontend-hotfix", 0, "run")]));
        assert_eq!(read(&map).hindrances, [Hindrance::FalseMark { backend: "gke".parse().unwrap(), says: "run".into() }]);
    }

    #[test]
    fn weights_on_another_scale_keep_their_proportion() {
        let split = read(&map(json!([entry("frontend-run", 2), entry("frontend-gke", 1)])));
        assert_eq!(split.weights, weights(&[("run", 667), ("gke", 333)]));
    }

    #[test]
    fn a_stranger_has_its_true_share_and_is_taken_home() {
        let map = map(json!([entry("frontend-run", 600), entry("frontend-gke", 0), entry("frontend-hotfix", 400)]));
        let split = read(&map);
        assert_eq!(split.weights, weights(&[("run", 600), ("gke", 0), ("frontend-hotfix", 400)]));
        let stranger = Hindrance::Stranger {
            backend: "frontend-hotfix".parse().unwrap(),
            name: "frontend-hotfix".into(),
            share: PerMille::new(400).unwrap(),
        };
        assert_eq!(split.hindrances, [stranger]);
        assert_eq!(written(map, &home()), named(&[("frontend-run", 1000), ("frontend-gke", 0), ("frontend-hotfix", 0)]));
    }

    #[test]
    fn a_third_entry_of_nothing_is_nothing_and_stays_so() {
        let map = map(json!([entry("frontend-run", 750), entry("frontend-gke", 250), entry("frontend-hotfix", 0)]));
        assert_eq!(read(&map), Split { weights: weights(&[("run", 750), ("gke", 250)]), hindrances: vec![] });
        assert_eq!(written(map, &home()), named(&[("frontend-run", 1000), ("frontend-gke", 0), ("frontend-hotfix", 0)]));
    }

    #[test]
    fn a_backend_that_stands_there_twice_has_the_sum_and_is_written_once() {
        let map = map(json!([entry("frontend-gke", 125), entry("frontend-run", 750), entry("frontend-gke", 125)]));
        assert_eq!(read(&map).weights, weights(&[("run", 750), ("gke", 250)]));
        let back = weights(&[("run", 500), ("gke", 500)]);
        assert_eq!(written(map.clone(), &back), named(&[("frontend-gke", 500), ("frontend-run", 500), ("frontend-gke", 0)]));
        assert_eq!(written(map, &home()), named(&[("frontend-gke", 0), ("frontend-run", 1000), ("frontend-gke", 0)]));
    }

    #[test]
    fn weights_that_are_all_nothing_are_nobodys_and_can_be_set_right() {
        let map = map(json!([entry("frontend-run", 0), entry("frontend-gke", 0)]));
        let split = read(&map);
        assert_eq!(split.hindrances, [Hindrance::AllZero]);
        assert_eq!(split.weights, weights(&[("run", 0), ("gke", 0), ("nobody", 1000)]));
        assert_eq!(written(map, &home()), named(&[("frontend-run", 1000), ("frontend-gke", 0)]));
    }

    #[test]
    fn a_backend_without_entry_is_said_and_gets_one_when_it_is_needed() {
        let map = map(json!([entry("frontend-gke", 1000)]));
        assert_eq!(read(&map).hindrances, [Hindrance::NoEntry { backend: "run".parse().unwrap(), name: "frontend-run".into() }]);
        assert_eq!(written(map, &home()), named(&[("frontend-gke", 0), ("frontend-run", 1000)]));
    }

    #[test]
    fn a_backend_service_of_another_project_is_a_stranger_whatever_its_name() {
        let elsewhere = |project: &str| {
            let link = format!("https://www.googleapis.com/compute/v1/projects/{project}/global/backendServices/frontend-gke");
            map(json!([entry("frontend-run", 750), {"backendService": link, "weight": 250}]))
        };
        let strange = read(&elsewhere("staging"));
        assert_eq!(strange.weights, weights(&[("run", 750), ("gke", 0), ("staging/frontend-gke", 250)]));
        let named: Vec<&str> = strange
            .hindrances
            .iter()
            .map(|found| match found {
                Hindrance::NoEntry { .. } => "no entry",
                Hindrance::Stranger { name, .. } => name.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(named, ["projects/staging/global/backendServices/frontend-gke", "no entry"]);
        assert_eq!(written(elsewhere("staging"), &home()), self::named(&[("frontend-run", 1000), ("frontend-gke", 0)]));
        assert_eq!(read(&elsewhere("p")).weights, weights(&[("run", 750), ("gke", 250)]));
        assert_eq!(read(&elsewhere("123456789012")).weights, weights(&[("run", 750), ("gke", 250)]), "a number names nobody");
    }

    #[test]
    fn a_backend_service_is_the_plans_where_its_project_and_its_place_are() {
        let shared = |project: &str, scope: &str| {
            let link = format!("https://www.googleapis.com/compute/v1/projects/{project}/{scope}/backendServices/frontend-gke");
            let map = map(json!([entry("frontend-run", 750), {"backendService": link, "weight": 250}]));
            let backends = [
                backends().remove(0),
                ("gke".parse().unwrap(), Service { project: Some("svc".to_owned()), ..Service::from("frontend-gke") }),
            ];
            (split(&map, known(&backends, None, &Position::Default)).unwrap().weights, map)
        };
        assert_eq!(shared("svc", "global").0, weights(&[("run", 750), ("gke", 250)]));
        assert_eq!(
            shared("p", "global").0,
            weights(&[("run", 750), ("gke", 0), ("p/frontend-gke", 250)]),
            "the map's own project is another"
        );
        assert_eq!(shared("svc", "regions/us-east1").0, weights(&[("run", 750), ("gke", 0), ("svc/frontend-gke", 250)]));
        let backends =
            [backends().remove(0), ("gke".parse().unwrap(), Service { project: Some("svc".to_owned()), ..Service::from("frontend-gke") })];
        let to = weights(&[("run", 500), ("gke", 500)]);
        let patch = changed(
            map(json!([entry("frontend-run", 1000)])),
            known(&backends, None, &Position::Default),
            Change::Split { to: &to, claim: None },
        );
        let fresh = &patch.unwrap().default_route_action.unwrap().weighted_backend_services[1];
        assert_eq!(fresh.backend_service, "projects/svc/global/backendServices/frontend-gke");
    }

    #[test]
    fn nulls_are_nothing_and_keep_no_map_from_being_read() {
        let mut nulls = json!({"fingerprint": "a", "defaultService": null, "hostRules": null, "pathMatchers": null,
            "defaultRouteAction": {"weightedBackendServices": [entry("frontend-run", 1000), entry("frontend-gke", 0)]}});
        nulls["defaultRouteAction"]["weightedBackendServices"][1]["weight"] = serde_json::Value::Null;
        let split = read(&serde_json::from_value(nulls.clone()).unwrap());
        assert_eq!(split, Split { weights: home(), hindrances: vec![] });
        nulls["defaultRouteAction"]["weightedBackendServices"] = serde_json::Value::Null;
        nulls["defaultService"] = json!("global/backendServices/frontend-run");
        let whole = read(&serde_json::from_value(nulls).unwrap());
        assert_eq!(whole.hindrances, [Hindrance::NoSplit { service: "frontend-run".into() }]);
    }

    fn ruled(hosts: serde_json::Value, service: &str) -> UrlMap {
        let mut map = map(json!([entry("frontend-run", 1000), entry("frontend-gke", 0)]));
        map.host_rules = serde_json::from_value(json!([{"hosts": hosts, "pathMatcher": "api"}])).unwrap();
        let matcher = json!([{"name": "api", "defaultService": format!("https://x/global/backendServices/{service}")}]);
        map.path_matchers = serde_json::from_value(matcher).unwrap();
        map
    }

    #[test]
    fn a_matcher_of_the_routes_own_host_is_said_and_one_of_another_service_is_not() {
        let matched = |hosts| read(&ruled(hosts, "web-run-v2")).hindrances;
        let rule = Hindrance::HostRule { host: "api.hexproperty.com".into(), matcher: "api".into() };
        assert_eq!(matched(json!(["api.hexproperty.com"])), vec![rule.clone()]);
        assert_eq!(matched(json!(["*.hexproperty.com", "x.y"])), vec![rule.clone()]);
        assert_eq!(matched(json!(["*"])), [rule]);
        assert_eq!(matched(json!(["admin.hexproperty.com"])), []);
        let unknown = split(&ruled(json!(["a.b"]), "web"), known(&backends(), None, &Position::Default)).unwrap();
        assert_eq!(unknown.hindrances, [Hindrance::HostRule { host: "a.b".into(), matcher: "api".into() }]);
    }

    #[test]
    fn another_hosts_way_to_the_same_backend_is_said() {
        let past = Hindrance::PastTheSplit { matcher: "api".into(), backends: vec!["gke".parse().unwrap()] };
        assert_eq!(read(&ruled(json!(["admin.hexproperty.com"]), "frontend-gke")).hindrances, [past]);
    }

    #[test]
    fn an_exact_host_decides_before_a_wildcard() {
        let rules: Vec<HostRule> = serde_json::from_value(json!([
            {"hosts": ["*"], "pathMatcher": "any"}, {"hosts": ["*.b.c"], "pathMatcher": "wild"}, {"hosts": ["A.b.c"], "pathMatcher": "exact"}]))
        .unwrap();
        let matcher = |host| followed(&rules, host).map(|rule| rule.path_matcher.as_str());
        assert_eq!([matcher("a.b.c"), matcher("x.b.c"), matcher("x.y")], [Some("exact"), Some("wild"), Some("any")]);
    }

    fn sent(map: UrlMap, to: &Weights) -> serde_json::Value {
        serde_json::to_value(patched(map, to).unwrap()).unwrap()
    }

    #[test]
    fn a_map_without_split_says_so_and_gets_one_on_the_way_home() {
        let whole = |service: &str| -> UrlMap {
            let link = format!("https://x/global/backendServices/{service}");
            serde_json::from_value(json!({"fingerprint": "a", "defaultService": link})).unwrap()
        };
        let split = read(&whole("frontend-run"));
        assert_eq!(split.weights, home());
        assert_eq!(split.hindrances, [Hindrance::NoSplit { service: "frontend-run".into() }]);
        assert_eq!(read(&whole("web")).weights, weights(&[("run", 0), ("gke", 0), ("web", 1000)]));
        let entries = json!([{"backendService": "projects/p/global/backendServices/frontend-run", "weight": 1000}]);
        let patch = json!({"fingerprint": "a", "defaultService": null, "defaultRouteAction": {"weightedBackendServices": entries}});
        assert_eq!(sent(whole("web"), &home()), patch);
    }

    #[test]
    fn a_redirect_is_nobodys_share_and_is_taken_away_on_the_way_home() {
        let map: UrlMap =
            serde_json::from_value(json!({"fingerprint": "a", "defaultUrlRedirect": {"hostRedirect": "login.example.com"}})).unwrap();
        let split = read(&map);
        assert_eq!(split.weights, weights(&[("run", 0), ("gke", 0), ("redirect", 1000)]));
        assert_eq!(split.hindrances, [Hindrance::Redirect { to: "login.example.com".into() }]);
        assert_eq!(sent(map, &home())["defaultUrlRedirect"], serde_json::Value::Null);
    }

    #[test]
    fn a_patch_changes_the_weights_and_nothing_else() {
        let map = map(json!([entry("frontend-run", 1000), entry("frontend-gke", 0)]));
        let action = json!({"weightedBackendServices": [entry("frontend-run", 900), entry("frontend-gke", 100)],
            "timeout": {"seconds": "30"}, "retryPolicy": {"numRetries": 1}});
        assert_eq!(sent(map, &weights(&[("run", 900), ("gke", 100)])), json!({"fingerprint": "abcd1234", "defaultRouteAction": action}));
    }

    #[test]
    fn nothing_is_given_to_a_stranger() {
        let map = map(json!([entry("frontend-run", 1000), entry("frontend-gke", 0)]));
        let to = weights(&[("run", 500), ("gke", 0), ("hotfix", 500)]);
        assert_eq!(patched(map, &to).unwrap_err().kind, FaultKind::Unsupported);
    }

    proptest::proptest! {
        #[test]
        fn any_entries_become_a_whole_and_one_write_brings_them_home(entries in proptest::collection::vec((0usize..4, 0u32..=1000), 1..8)) {
            let names = ["frontend-run", "frontend-gke", "hotfix", "run"];
            let map = map(entries.iter().map(|(name, weight)| entry(names[*name], *weight)).collect());
            let split = read(&map);
            proptest::prop_assert_eq!(split.weights.iter().map(|(_, share)| share.get()).sum::<u16>(), WHOLE);
            let mut after = map.clone();
            let patch = patched(map, &home()).unwrap();
            after.default_route_action = patch.default_route_action;
            proptest::prop_assert_eq!(read(&after).weights, home());
        }
    }
}
