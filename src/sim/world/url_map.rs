//! What a URL map document says: its weights for a host, its faults, and how writes change it.
//!
//! Only what this world's load balancer carries out is interpreted: a default per map or per path matcher, and its rules, each as a
//! service or as weighted services. Redirects are kept but not carried out.

use serde_json::{Map, Value, json};

use super::{
    Leg,
    load_balancer::{LINK, NAMESAKE, URL_MAP, is_known, leg_of},
    neighbours::{NEIGHBOURS, Name},
    propagation::Split,
    url_map_routing::{self, Held, Names, Request, held},
    url_map_tests,
};

/// Fields that belong to the server; what a client sends for them is ignored.
const OUTPUT_ONLY: [&str; 5] = ["id", "kind", "creationTimestamp", "selfLink", "fingerprint"];

/// The document that the migration starts with: the frontend on the default route, each neighbour behind a matcher of its own, and the
/// pages for developers, which nobody moves.
#[must_use]
pub fn initial(created_ms: i64) -> Value {
    let entry = |name: &str, weight: u32, label: &str| {
        json!({
            "backendService": link(name),
            "weight": weight,
            "headerAction": {"responseHeadersToAdd": [{"headerName": "x-served-by", "headerValue": label, "replace": true}]},
        })
    };
    let hosts = NEIGHBOURS.iter().map(|Name { service, host, .. }| json!({"hosts": [host], "pathMatcher": service}));
    let docs = json!({"description": "developer pages", "hosts": ["docs.hexproperty.com", "*.docs.hexproperty.com"], "pathMatcher": DOCS});
    let matchers = NEIGHBOURS.iter().map(|Name { service, host, .. }| {
        let legs = [(Leg::Run, 1000), (Leg::Gke, 0)].map(|(leg, weight)| {
            let name = format!("{service}-{}", leg.label());
            entry(&name, weight, &name)
        });
        json!({
            "name": service,
            "description": format!("{service}, asked for at {host}"),
            "defaultRouteAction": {"timeout": {"seconds": "30"}, "weightedBackendServices": legs},
            "headerAction": {"responseHeadersToRemove": ["server"]},
        })
    });
    let pages = json!({
        "name": DOCS,
        "defaultService": link(DOCS),
        "pathRules": [{"paths": ["/v1/*", "/v1"], "routeAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 410, "percentage": 0.1}}}, "service": link(DOCS)}],
    });
    json!({
        "kind": "compute#urlMap",
        "id": "4721093344516200813",
        "creationTimestamp": super::stamp(created_ms),
        "name": URL_MAP,
        "description": "api.hexproperty.com",
        "selfLink": format!("{LINK}/global/urlMaps/{URL_MAP}"),
        "defaultRouteAction": {"weightedBackendServices": [entry("frontend-run", 1000, "run"), entry("frontend-gke", 0, "gke")]},
        "hostRules": hosts.chain([docs]).collect::<Vec<_>>(),
        "pathMatchers": matchers.chain([pages]).collect::<Vec<_>>(),
    })
}

/// The document after a JSON merge patch: `null` removes, objects merge, everything else replaces.
#[must_use]
pub fn merged(document: &Value, patch: &Value) -> Value {
    let mut next = document.clone();
    merge(&mut next, patch);
    keep_output_only(document, next)
}

/// The document after a replacement.
#[must_use]
pub fn replaced(document: &Value, body: &Value) -> Value {
    keep_output_only(document, body.clone())
}

/// A patch that moves the map's default to these weights and keeps what else the two entries carry.
#[must_use]
pub fn reweighted(document: &Value, run: u32, gke: u32) -> Value {
    let known = weighted(document, &url_map_routing::DEFAULTS);
    let entry = |name: &str, weight: u32| {
        let found = known.iter().find(|entry| text(entry, "backendService").ends_with(&format!("/{name}")));
        let mut entry = found.cloned().unwrap_or_else(|| json!({"backendService": link(name)}));
        entry["weight"] = json!(weight);
        entry
    };
    json!({"defaultService": null, "defaultRouteAction": {"weightedBackendServices": [entry("frontend-run", run), entry("frontend-gke", gke)]}})
}

/// The document as a proxy shows it that writes `null` for whatever is left out or nothing.
#[must_use]
pub fn with_nulls(mut document: Value) -> Value {
    for name in ["defaultService", "defaultUrlRedirect", "hostRules", "pathMatchers", "tests", "headerAction"] {
        document.as_object_mut().map(|fields| fields.entry(name).or_insert(Value::Null));
    }
    let entries = document.pointer_mut("/defaultRouteAction/weightedBackendServices").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter(|entry| weight(entry) == Some(0)) {
        entry["weight"] = Value::Null;
    }
    document
}

/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 2_048;

/// Everything that is wrong with a document, in the API's manner; empty when it is valid.
#[must_use]
pub fn problems(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if document.get("name").and_then(Value::as_str) != Some(URL_MAP) {
        found.push("The resource name cannot be changed.".to_owned());
    }
    if text(document, "description").chars().count() > DESCRIPTION_MAX {
        found.push(format!("Invalid value for field 'resource.description': must be at most {DESCRIPTION_MAX} characters."));
    }
    part_problems(document, &url_map_routing::DEFAULTS, "urlMap", &mut found);
    for matcher in list(document, "pathMatchers") {
        let place = format!("pathMatcher '{}'", text(matcher, "name"));
        part_problems(matcher, &url_map_routing::DEFAULTS, &place, &mut found);
        for kind in ["pathRules", "routeRules"] {
            for rule in list(matcher, kind) {
                part_problems(rule, &url_map_routing::RULES, &format!("{kind} of {place}"), &mut found);
            }
        }
        url_map_routing::problems(matcher, &mut found);
    }
    for rule in list(document, "hostRules") {
        let wanted = text(rule, "pathMatcher");
        if !list(document, "pathMatchers").iter().any(|matcher| text(matcher, "name") == wanted) {
            found.push(format!("hostRule refers to pathMatcher '{wanted}', which does not exist."));
        }
    }
    let failed = url_map_tests::failures(document).len();
    if failed > 0 {
        found.push(format!("{failed} of the URL map's tests failed."));
    }
    found
}

/// What the split of a request stands at, wherever in the map that is.
#[must_use]
pub fn became<'r>(document: &Value, request: impl Into<Request<'r>>) -> String {
    weights(document, request).iter().map(|(name, weight)| format!("{name}={weight}")).collect::<Vec<_>>().join(" ")
}

/// The weights for a request, or for a host's first page, per backend service name, in document order.
#[must_use]
pub fn weights<'r>(document: &Value, request: impl Into<Request<'r>>) -> Vec<(String, u32)> {
    weights_in(&held(document, request.into()))
}

/// The weights of one part of the map.
#[must_use]
pub fn weights_in(Held { part, names, .. }: &Held<'_>) -> Vec<(String, u32)> {
    // One of another project keeps its whole link, for its name may be another's.
    let name = |link: &str| if link == NAMESAKE { link } else { link.rsplit('/').next().unwrap_or_default() }.to_owned();
    if let Some(service) = part.get(names.service).and_then(Value::as_str) {
        return vec![(name(service), 1000)];
    }
    weighted(part, names).iter().map(|entry| (name(text(entry, "backendService")), weight(entry).unwrap_or(0))).collect()
}

/// The shares that follow from the weights for a request.
#[must_use]
pub fn split<'r>(document: &Value, request: impl Into<Request<'r>>) -> Split {
    let weights = weights(document, request);
    let sum = |leg| weights.iter().filter(|(name, _)| leg_of(name) == leg).map(|(_, weight)| f64::from(*weight)).sum::<f64>();
    let (run, gke, other) = (sum(Some(Leg::Run)), sum(Some(Leg::Gke)), sum(None));
    let total = (run + gke + other).max(f64::MIN_POSITIVE);
    Split { run: run / total, gke: gke / total, other: other / total }
}

/// The full link of a backend service.
#[must_use]
pub fn link(name: &str) -> String {
    format!("{LINK}/global/backendServices/{name}")
}

/// What the map adds to the answers of a backend service to a request under this header, by the entry's own `headerAction`.
#[must_use]
pub fn mark<'r>(document: &Value, request: impl Into<Request<'r>>, header: &str, is_it: impl Fn(&str) -> bool) -> Option<String> {
    let Held { part, names, .. } = held(document, request.into());
    let entry = weighted(part, names).iter().find(|entry| is_it(text(entry, "backendService")))?;
    let added = entry.get("headerAction").map_or(&[][..], |action| list(action, "responseHeadersToAdd"));
    let found = added.iter().find(|added| text(added, "headerName").eq_ignore_ascii_case(header))?;
    Some(text(found, "headerValue").to_owned())
}

/// The pages for developers, by the name of their matcher and of their backend service.
pub const DOCS: &str = "docs";

fn part_problems(holder: &Value, names: &Names, place: &str, found: &mut Vec<String>) {
    let service = holder.get(names.service).filter(|value| !value.is_null());
    let redirect = holder.get(names.redirect).filter(|value| !value.is_null());
    let entries = weighted(holder, names);
    let given = usize::from(service.is_some()) + usize::from(redirect.is_some()) + usize::from(!entries.is_empty());
    if given != 1 {
        found.push(format!(
            "{place} must have exactly one of {}, {} and {}.weightedBackendServices; it has {given}.",
            names.service, names.redirect, names.action
        ));
    }
    if let Some(link) = service.and_then(Value::as_str).filter(|link| !is_known(link)) {
        found.push(format!("The resource '{link}' was not found."));
    }
    for entry in entries {
        let link = text(entry, "backendService");
        if !is_known(link) {
            found.push(format!("The resource '{link}' was not found."));
        }
        if weight(entry).is_none_or(|weight| weight > 1000) {
            found.push(format!("weight of '{link}' must be an integer between 0 and 1000."));
        }
    }
    if !entries.is_empty() && entries.iter().all(|entry| weight(entry).unwrap_or(0) == 0) {
        found.push(format!("{place} needs at least one weightedBackendService with a weight above 0."));
    }
}

/// The entries of a part's split.
pub(super) fn weighted<'a>(holder: &'a Value, names: &Names) -> &'a [Value] {
    holder.get(names.action).map_or(&[], |action| list(action, "weightedBackendServices"))
}

/// An absent weight counts as zero, as a default in the interface does; a wrong one is `None`.
fn weight(entry: &Value) -> Option<u32> {
    match entry.get("weight") {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_u64().and_then(|weight| u32::try_from(weight).ok()),
    }
}

pub(super) fn list<'a>(holder: &'a Value, name: &str) -> &'a [Value] {
    holder.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(holder: &'a Value, name: &str) -> &'a str {
    holder.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (name, change) in changes {
            if change.is_null() {
                fields.shift_remove(name);
            } else {
                merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
            }
        }
    }
}

fn keep_output_only(document: &Value, mut next: Value) -> Value {
    if let Value::Object(fields) = &mut next {
        fields.retain(|name, value| !OUTPUT_ONLY.contains(&name.as_str()) && !value.is_null());
        for name in OUTPUT_ONLY.iter().filter(|name| **name != "fingerprint") {
            fields.insert((*name).to_owned(), document[*name].clone());
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{initial, merged, problems, split, weights};

    #[test]
    fn a_merge_patch_replaces_arrays_whole_and_null_removes() {
        let start = initial(0);
        let patch = json!({"description": null, "id": "7", "defaultRouteAction": {"weightedBackendServices": [{"backendService": "x/frontend-gke", "weight": 3}]}});
        let next = merged(&start, &patch);
        assert_eq!(next.get("description"), None);
        assert_eq!(next["id"], start["id"]);
        assert_eq!(weights(&next, "api.hexproperty.com"), [("frontend-gke".to_owned(), 3)]);
    }

    #[test]
    fn a_service_beside_weights_is_refused() {
        let next = merged(&initial(0), &json!({"defaultService": "global/backendServices/frontend-run"}));
        assert_eq!(problems(&next).len(), 1, "{:?}", problems(&next));
    }

    #[test]
    fn a_host_rule_decides_before_the_map() {
        let patch = json!({
            "hostRules": [{"hosts": ["api.hexproperty.com"], "pathMatcher": "api"}],
            "pathMatchers": [{"name": "api", "defaultService": "global/backendServices/frontend-gke"}],
        });
        let next = merged(&initial(0), &patch);
        assert_eq!(problems(&next), Vec::<String>::new());
        assert_eq!(split(&next, "api.hexproperty.com").gke, 1.0);
        assert_eq!(split(&next, "other.hexproperty.com").gke, 0.0);
    }
}
