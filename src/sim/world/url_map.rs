//! What a URL map document says: its weights for a host, its faults, and how writes change it.
//!
//! Only what this world's load balancer carries out is interpreted: a default per map or per path matcher,
//! as a service or as weighted services. Path rules, redirects and `tests` are kept but not carried out.

use serde_json::{Map, Value, json};

use super::{
    Leg,
    load_balancer::{LINK, NAMESAKE, URL_MAP, is_known, leg_of},
    neighbours::{NEIGHBOURS, Name},
    propagation::Split,
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
    let hosts = NEIGHBOURS.iter().map(|Name { service, host }| json!({"hosts": [host], "pathMatcher": service}));
    let docs = json!({"description": "developer pages", "hosts": ["docs.hexproperty.com", "*.docs.hexproperty.com"], "pathMatcher": DOCS});
    let matchers = NEIGHBOURS.iter().map(|Name { service, host }| {
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
    let known = weighted(document);
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
    default_problems(document, "urlMap", &mut found);
    for matcher in list(document, "pathMatchers") {
        default_problems(matcher, &format!("pathMatcher '{}'", text(matcher, "name")), &mut found);
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

/// What a host's split stands at, wherever in the map that is.
#[must_use]
pub fn became(document: &Value, host: &str) -> String {
    weights(document, host).iter().map(|(name, weight)| format!("{name}={weight}")).collect::<Vec<_>>().join(" ")
}

/// The weights for a host, per backend service name, in document order.
#[must_use]
pub fn weights(document: &Value, host: &str) -> Vec<(String, u32)> {
    let holder = holder(document, host);
    // One of another project keeps its whole link, for its name may be another's.
    let name = |link: &str| if link == NAMESAKE { link } else { link.rsplit('/').next().unwrap_or_default() }.to_owned();
    if let Some(service) = holder.get("defaultService").and_then(Value::as_str) {
        return vec![(name(service), 1000)];
    }
    weighted(holder).iter().map(|entry| (name(text(entry, "backendService")), weight(entry).unwrap_or(0))).collect()
}

/// The shares that follow from the weights for a host.
#[must_use]
pub fn split(document: &Value, host: &str) -> Split {
    let weights = weights(document, host);
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

/// What the map adds to the leg's answers for a host under this header, by the entry's own `headerAction`.
#[must_use]
pub fn mark(document: &Value, host: &str, leg: Leg, header: &str) -> Option<String> {
    let entries = weighted(holder(document, host));
    let entry = entries.iter().find(|entry| leg_of(text(entry, "backendService")) == Some(leg))?;
    let added = entry.get("headerAction").map_or(&[][..], |action| list(action, "responseHeadersToAdd"));
    let found = added.iter().find(|added| text(added, "headerName").eq_ignore_ascii_case(header))?;
    Some(text(found, "headerValue").to_owned())
}

/// The pages for developers, by the name of their matcher and of their backend service.
pub const DOCS: &str = "docs";

/// The service that a host's requests end at beside the two legs, if all of them do.
#[must_use]
pub fn whole(document: &Value, host: &str) -> Option<String> {
    let service = holder(document, host).get("defaultService").and_then(Value::as_str)?;
    service.rsplit('/').next().map(str::to_owned)
}

fn default_problems(holder: &Value, place: &str, found: &mut Vec<String>) {
    let service = holder.get("defaultService").filter(|value| !value.is_null());
    let redirect = holder.get("defaultUrlRedirect").filter(|value| !value.is_null());
    let entries = weighted(holder);
    let given = usize::from(service.is_some()) + usize::from(redirect.is_some()) + usize::from(!entries.is_empty());
    if given != 1 {
        found.push(format!(
            "{place} must have exactly one of defaultService, defaultUrlRedirect and defaultRouteAction.weightedBackendServices; it has {given}."
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

/// The part of the document that decides for a host: its path matcher, or the map itself.
fn holder<'a>(document: &'a Value, host: &str) -> &'a Value {
    // An exact pattern goes before the longest that ends alike, and every other before `*`.
    let strength = |pattern: &str| match pattern.strip_prefix('*') {
        Some(ending) => host.ends_with(ending).then_some(ending.len()),
        None => (pattern == host).then_some(usize::MAX),
    };
    let strongest = |rule: &&Value| list(rule, "hosts").iter().filter_map(Value::as_str).filter_map(strength).max();
    let rules = list(document, "hostRules").iter().filter(|rule| strongest(rule).is_some());
    let rule = rules.max_by_key(strongest);
    rule.and_then(|rule| list(document, "pathMatchers").iter().find(|matcher| text(matcher, "name") == text(rule, "pathMatcher")))
        .unwrap_or(document)
}

/// The entries of a holder's split.
pub(super) fn weighted(holder: &Value) -> &[Value] {
    holder.get("defaultRouteAction").map_or(&[], |action| list(action, "weightedBackendServices"))
}

/// An absent weight counts as zero, as a default in the interface does; a wrong one is `None`.
fn weight(entry: &Value) -> Option<u32> {
    match entry.get("weight") {
        None | Some(Value::Null) => Some(0),
        Some(value) => value.as_u64().and_then(|weight| u32::try_from(weight).ok()),
    }
}

fn list<'a>(holder: &'a Value, name: &str) -> &'a [Value] {
    holder.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(holder: &'a Value, name: &str) -> &'a str {
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
