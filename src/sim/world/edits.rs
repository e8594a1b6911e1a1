//! What somebody may do to the URL map beside moving its weights: strangers, twins, matchers.

use serde_json::{Value, json};

use super::{
    load_balancer::{HOST, HOTFIX, LINK, NAMESAKE, SERVICES},
    url_map::{self, DOCS, link},
    url_map_routing::DEFAULTS,
};
use crate::sim::faults::Edit;

/// What somebody calls the matcher that he puts there.
const MATCHER: &str = "api-users";

/// How an edit reaches the map.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// As a merge patch, which the interface takes like any other.
    Patch(Value),
    /// As a whole document that the interface would not take.
    Dictate(Value),
}

/// The change that an edit makes of this document.
#[must_use]
pub fn change(document: &Value, edit: Edit) -> Change {
    match edit {
        Edit::Stranger { per_mille } => split(document, &with_stranger(entries(document), &link(HOTFIX), "hotfix", per_mille.min(999))),
        Edit::Namesake { per_mille } => split(document, &with_stranger(entries(document), NAMESAKE, "staging", per_mille.min(999))),
        Edit::Twin => split(document, &with_twin(entries(document))),
        Edit::AllZero => {
            let mut next = document.clone();
            let entries = entries(document).iter().map(|entry| weighing(entry, 0)).collect::<Vec<_>>();
            next["defaultRouteAction"]["weightedBackendServices"] = json!(entries);
            Change::Dictate(next)
        }
        Edit::OtherSession => Change::Patch(json!({"description": steered_by_another(description(document))})),
        Edit::Unclaimed => Change::Patch(json!({"description": description(document).split(" [cutover").next()})),
        Edit::Unmarked => split(document, &with_mark(entries(document), None)),
        Edit::SameMark => split(document, &with_mark(entries(document), Some("run"))),
        Edit::StrangeMark => split(document, &with_mark(entries(document), Some("gke-blue"))),
        Edit::FailingTest => {
            let mut next = document.clone();
            next["tests"] = json!([{"description": "the hotfix", "host": HOST, "path": "/", "service": link(HOTFIX)}]);
            Change::Dictate(next)
        }
        Edit::Shared => Change::Patch(json!({"pathMatchers": shared(document)})),
        Edit::Rules => Change::Patch(json!({"pathMatchers": ruled(document)})),
        Edit::Matcher { gke_per_mille } => Change::Patch(matcher(document, gke_per_mille.min(1000))),
    }
}

/// The entries of the map's own split.
fn entries(document: &Value) -> &[Value] {
    url_map::weighted(document, &DEFAULTS)
}

fn description(document: &Value) -> &str {
    document.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// What the description says once another session has taken the map over: its own line in the place of the one that stood there.
fn steered_by_another(text: &str) -> String {
    let (before, line) = text.split_once(" [cutover").unwrap_or((text, ""));
    let after = line.split_once(']').map_or("", |(_, after)| after);
    let epoch = line.split(" epoch ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) + 1;
    format!("{before} [cutover claim/1 hexproperty-second 0badcafe epoch {epoch} since 1795900000 on ops-2 by dana.ops steers]{after}")
}

fn split(document: &Value, entries: &[Value]) -> Change {
    let mut action = document.get("defaultRouteAction").cloned().unwrap_or_else(|| json!({}));
    action["weightedBackendServices"] = json!(entries);
    Change::Patch(json!({"defaultRouteAction": action}))
}

fn weighing(entry: &Value, weight: u64) -> Value {
    let mut entry = entry.clone();
    entry["weight"] = json!(weight);
    entry
}

fn weight(entry: &Value) -> u64 {
    entry.get("weight").and_then(Value::as_u64).unwrap_or(0)
}

fn is_of(entry: &Value, name: &str) -> bool {
    entry.get("backendService").and_then(Value::as_str) == Some(&link(name))
}

fn with_stranger(entries: &[Value], stranger: &str, label: &str, per_mille: u32) -> Vec<Value> {
    let share = u64::from(per_mille);
    let others = entries.iter().filter(|entry| entry.get("backendService").and_then(Value::as_str) != Some(stranger));
    let held: u64 = others.clone().map(weight).sum::<u64>().max(1);
    let mark = json!({"responseHeadersToAdd": [{"headerName": "x-served-by", "headerValue": label, "replace": true}]});
    let stranger = json!({"backendService": stranger, "weight": share, "headerAction": mark});
    others.map(|entry| weighing(entry, weight(entry) * (1000 - share) / held)).chain([stranger]).collect()
}

fn with_twin(entries: &[Value]) -> Vec<Value> {
    let halves = |entry: &Value| {
        let half = weight(entry) / 2;
        vec![weighing(entry, half), weighing(entry, weight(entry) - half)]
    };
    entries.iter().flat_map(|entry| if is_of(entry, "frontend-gke") { halves(entry) } else { vec![entry.clone()] }).collect()
}

/// GKE's entries with this mark in their answers, or with none.
fn with_mark(entries: &[Value], mark: Option<&str>) -> Vec<Value> {
    let marked = |entry: &Value| {
        let mut entry = entry.clone();
        if is_of(&entry, "frontend-gke")
            && let Some(fields) = entry.as_object_mut()
        {
            fields.shift_remove("headerAction");
            if let Some(mark) = mark {
                let added = json!([{"headerName": "x-served-by", "headerValue": mark, "replace": true}]);
                fields.insert("headerAction".to_owned(), json!({"responseHeadersToAdd": added}));
            }
        }
        entry
    };
    entries.iter().map(marked).collect()
}

/// The path matchers with the partners' API in the other project.
fn shared(document: &Value) -> Value {
    let text = document.get("pathMatchers").map(Value::to_string).unwrap_or_default();
    let own = LINK.rsplit('/').next().unwrap_or_default();
    let moved =
        text.replace(&format!("projects/{own}/global/backendServices/api-"), &format!("projects/{SERVICES}/global/backendServices/api-"));
    serde_json::from_str(&moved).unwrap_or_default()
}

/// The path matchers with the splits of the services beside the frontend in rules, and the pages for developers where no rule leads.
fn ruled(document: &Value) -> Vec<Value> {
    let matchers = document.get("pathMatchers").and_then(Value::as_array).cloned().unwrap_or_default();
    let with_rules = |mut matcher: Value| {
        let name = url_map::text(&matcher, "name").to_owned();
        let Some(fields) = matcher.as_object_mut() else { return matcher };
        let rules = |action: Value| match name.as_str() {
            // Only this one's rules look at more than the path.
            "backend" => {
                let tries = json!([{"headerName": "x-try", "exactMatch": "docs"}]);
                let first = json!({"priority": 10, "description": "whoever tries the new pages", "matchRules": [{"prefixMatch": "/", "headerMatches": tries}],
                    "service": link(DOCS)});
                let all = json!({"priority": 20, "description": "everybody else", "matchRules": [{"prefixMatch": "/", "ignoreCase": true}],
                    "routeAction": action, "headerAction": {"responseHeadersToRemove": ["server"]}});
                Some(("routeRules", json!([all, first])))
            }
            "api" => Some((
                "pathRules",
                json!([{"paths": ["/static/*"], "service": link(DOCS)}, {"paths": ["/v2/*", "/v2"], "routeAction": action}]),
            )),
            _ => None,
        };
        let made = fields.get("defaultRouteAction").cloned().and_then(rules);
        if let Some((kind, rules)) = made {
            fields.shift_remove("defaultRouteAction");
            fields.insert("defaultService".to_owned(), json!(link(DOCS)));
            fields.insert(kind.to_owned(), rules);
        }
        matcher
    };
    matchers.into_iter().map(with_rules).collect()
}

/// A rule for the frontend's host with a matcher of its own, beside those that there are.
fn matcher(document: &Value, gke: u32) -> Value {
    let entry = |name: &str, weight: u32| json!({"backendService": link(name), "weight": weight});
    let action = json!({"weightedBackendServices": [entry("frontend-run", 1000 - gke), entry("frontend-gke", gke)]});
    let with = |key: &str, added: Value| {
        let known = document.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        known.iter().filter(|known| known["name"] != MATCHER && known["pathMatcher"] != MATCHER).cloned().chain([added]).collect::<Vec<_>>()
    };
    json!({
        "hostRules": with("hostRules", json!({"hosts": [HOST], "pathMatcher": MATCHER})),
        "pathMatchers": with("pathMatchers", json!({"name": MATCHER, "defaultRouteAction": action})),
    })
}
