//! Lists over all places at once: what each scope has, and a warning in those that have nothing, page by page.
//!
//! A page holds so many resources, whatever their scopes; a scope whose resources stand on another page is empty on this one. Filters, orders
//! and partial successes are not served.

use serde_json::{Map, Value, json};

use crate::sim::{
    server::{
        google::{PROJECT, REGION, page_at_most},
        http::{Call, Reply},
    },
    world::{World, load_balancer::LINK},
};

/// The zones of the world.
pub(super) const ZONES: [&str; 3] = ["us-central1-a", "us-central1-b", "us-central1-c"];

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// The collection as paths name it.
    pub(super) name: &'static str,
    /// The kind of the whole answer.
    pub(super) kind: &'static str,
    /// Whether zones can have any.
    pub(super) zonal: bool,
}

/// Answers with one page of these resources, each of which says by its link where it is.
#[must_use]
pub(super) fn list(world: &World, call: &Call, of: List, items: Vec<Value>) -> Reply {
    let List { name, kind, zonal } = of;
    let Some(page) = page_at_most(call, items, 500, world.conditions.page_max) else {
        return super::failed(400, "invalid", "Invalid value for field 'pageToken'.");
    };
    let mut scopes = Map::new();
    let zones = ZONES.iter().filter(|_| zonal).map(|zone| format!("zones/{zone}"));
    for scope in ["global".to_owned(), format!("regions/{REGION}")].into_iter().chain(zones) {
        let here: Vec<&Value> = page.items.iter().filter(|item| is_in(item, &scope)).collect();
        let listed = if here.is_empty() {
            let message = format!("There are no results for scope '{scope}' on this page.");
            json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": message, "data": [{"key": "scope", "value": scope}]}})
        } else {
            json!({ name: here })
        };
        scopes.insert(scope, listed);
    }
    let mut body = json!({
        "kind": kind,
        "id": format!("projects/{PROJECT}/aggregated/{name}"),
        "items": scopes,
        "selfLink": format!("{LINK}/aggregated/{name}"),
    });
    if let Some(next) = page.next {
        body["nextPageToken"] = json!(next);
    }
    Reply::ok(&body)
}

fn is_in(item: &Value, scope: &str) -> bool {
    item["selfLink"].as_str().is_some_and(|link| link.starts_with(&format!("{LINK}/{scope}/")))
}
