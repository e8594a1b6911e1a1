//! The default route of a URL map as a split of the plan's backends, and back.

use std::collections::BTreeMap;

use super::wire::{Patch, RouteAction, UrlMap, WeightedBackendService, last_segment};
use crate::{
    adapter::share::scaled,
    domain::{
        fault::{Fault, FaultKind},
        id::BackendId,
        shown::Shown,
        weight::Weights,
    },
};

/// What the map says of the plan's backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    pub weights: Weights,
    pub trouble: Option<Shown>,
}

/// The plan's share of the map's traffic. Weights on another scale are brought to 1000 by largest remainder.
/// # Errors
/// If none of the plan's backends receives anything: there is no split to speak of.
pub fn split(map: &UrlMap, backends: &[(BackendId, String)]) -> Result<Split, Fault> {
    let entries = map.default_route_action.as_ref().map_or(&[][..], |action| &action.weighted_backend_services);
    let of_service = |name: &str| backends.iter().find(|(_, service)| service == name).map(|(id, _)| id);
    let mut troubles = Vec::new();
    let mut held: BTreeMap<BackendId, u32> = BTreeMap::new();
    for entry in entries {
        match of_service(entry.name()) {
            Some(id) => *held.entry(id.clone()).or_default() += entry.weight,
            None => troubles.push(format!("{} is in the split with weight {} and not in the plan", entry.name(), entry.weight)),
        }
    }
    if entries.is_empty()
        && let Some(service) = &map.default_service
    {
        troubles.push(format!("there is no split: everything goes to the default service {}", last_segment(service)));
        held.extend(of_service(last_segment(service)).map(|id| (id.clone(), 1)));
    }
    for (id, service) in backends {
        if !held.contains_key(id) {
            held.insert(id.clone(), 0);
            troubles.push(format!("{service} has no entry in the split"));
        }
    }
    for matcher in &map.path_matchers {
        let text = serde_json::to_string(&matcher.rest).unwrap_or_default();
        if let Some((_, service)) = backends.iter().find(|(_, service)| text.contains(&format!("/{service}\""))) {
            troubles.push(format!("path matcher {} also routes to {service}, past this split", matcher.name));
        }
    }
    let trouble = (!troubles.is_empty()).then(|| Shown::new(&troubles.join("; ")));
    Ok(Split { weights: scaled(&held)?, trouble })
}

/// The patch that sets `to`, with everything else of the route's action as the map has it.
/// # Errors
/// [`FaultKind::Unsupported`] if the map's route holds not exactly the plan's backends; nothing is sent then.
pub fn patched(map: UrlMap, backends: &[(BackendId, String)], to: &Weights) -> Result<Patch, Fault> {
    let unsupported =
        |why: String| Fault::new(FaultKind::Unsupported, format!("{why}; nothing was written, set the split up by hand first"));
    let action = map.default_route_action.ok_or_else(|| unsupported("the URL map's default route has no weights".to_owned()))?;
    let mut named = Vec::new();
    let mut entries = Vec::new();
    for entry in action.weighted_backend_services {
        let (id, _) = backends
            .iter()
            .find(|(_, service)| service == entry.name())
            .ok_or_else(|| unsupported(format!("{} is in the split and not in the plan", entry.name())))?;
        if named.contains(&id) {
            return Err(unsupported(format!("{} stands in the split twice", entry.name())));
        }
        named.push(id);
        entries.push(WeightedBackendService { weight: to.of(id).get().into(), ..entry });
    }
    if let Some((_, service)) = backends.iter().find(|(id, _)| !named.contains(&id)) {
        return Err(unsupported(format!("{service} has no entry in the split")));
    }
    if let Some((stranger, _)) = to.iter().find(|(id, _)| !named.contains(id)) {
        return Err(unsupported(format!("{stranger} is no backend of this route")));
    }
    let default_route_action = RouteAction { weighted_backend_services: entries, rest: action.rest };
    Ok(Patch { fingerprint: map.fingerprint, default_route_action })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::weight::{PerMille, WHOLE};

    fn backends() -> Vec<(BackendId, String)> {
        vec![("run".parse().unwrap(), "frontend-run".to_owned()), ("gke".parse().unwrap(), "frontend-gke".to_owned())]
    }

    fn map(entries: serde_json::Value) -> UrlMap {
        let action = json!({"weightedBackendServices": entries, "timeout": {"seconds": "30"}, "retryPolicy": {"numRetries": 1}});
        serde_json::from_value(json!({"name": "hexproperty-lb", "fingerprint": "abcd1234", "defaultRouteAction": action})).unwrap()
    }

    fn entry(name: &str, weight: u32) -> serde_json::Value {
        json!({"backendService": format!("https://www.googleapis.com/compute/v1/projects/p/global/backendServices/{name}"), "weight": weight,
            "headerAction": {"responseHeadersToAdd": [{"headerName": "x-served-by", "headerValue": name}]}})
    }

    fn weights(run: u16) -> Weights {
        let shares = [("run", run), ("gke", 1000 - run)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap()));
        Weights::new(shares.into()).unwrap()
    }

    #[test]
    fn a_plain_split_reads_without_trouble() {
        let split = split(&map(json!([entry("frontend-run", 750), entry("frontend-gke", 250)])), &backends()).unwrap();
        assert_eq!(split, Split { weights: weights(750), trouble: None });
    }

    #[test]
    fn weights_on_another_scale_keep_their_proportion() {
        let split = split(&map(json!([entry("frontend-run", 2), entry("frontend-gke", 1)])), &backends()).unwrap();
        assert_eq!(split.weights, weights(667));
    }

    #[test]
    fn a_backend_that_the_plan_does_not_know_is_trouble_and_stops_writes() {
        let map = map(json!([entry("frontend-run", 500), entry("frontend-gke", 300), entry("mystery", 200)]));
        let trouble = split(&map, &backends()).unwrap().trouble.unwrap();
        assert!(trouble.as_str().contains("mystery"), "{trouble}");
        assert_eq!(patched(map, &backends(), &weights(0)).unwrap_err().kind, FaultKind::Unsupported);
    }

    #[test]
    fn another_route_to_the_same_backend_is_trouble() {
        let mut map = map(json!([entry("frontend-run", 1000), entry("frontend-gke", 0)]));
        let matcher = json!([{"name": "api", "defaultService": "https://x/global/backendServices/frontend-gke"}]);
        map.path_matchers = serde_json::from_value(matcher).unwrap();
        assert!(split(&map, &backends()).unwrap().trouble.unwrap().as_str().contains("path matcher api"));
    }

    #[test]
    fn a_map_without_split_says_so() {
        let whole = json!({"fingerprint": "a", "defaultService": "https://x/global/backendServices/frontend-run"});
        let map: UrlMap = serde_json::from_value(whole).unwrap();
        let split = split(&map, &backends()).unwrap();
        assert_eq!(split.weights, weights(1000));
        assert!(split.trouble.unwrap().as_str().contains("no split"));
        assert!(patched(map, &backends(), &weights(0)).is_err());
    }

    #[test]
    fn a_patch_changes_the_weights_and_nothing_else() {
        let map = map(json!([entry("frontend-run", 1000), entry("frontend-gke", 0)]));
        let sent = serde_json::to_value(patched(map, &backends(), &weights(900)).unwrap()).unwrap();
        let action = json!({"weightedBackendServices": [entry("frontend-run", 900), entry("frontend-gke", 100)],
            "timeout": {"seconds": "30"}, "retryPolicy": {"numRetries": 1}});
        assert_eq!(sent, json!({"fingerprint": "abcd1234", "defaultRouteAction": action}));
    }

    proptest::proptest! {
        #[test]
        fn any_weights_become_a_whole(run in 0u32..=1000, gke in 0u32..=1000) {
            let read = split(&map(json!([entry("frontend-run", run), entry("frontend-gke", gke)])), &backends());
            match read {
                Ok(split) => proptest::prop_assert_eq!(split.weights.iter().map(|(_, share)| share.get()).sum::<u16>(), WHOLE),
                Err(_) => proptest::prop_assert_eq!(run + gke, 0),
            }
        }
    }
}
