//! What a URL map's API says to a write that is not made: the map as it would be, sent to `validate`, and how each backend's answers are
//! marked in it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{UrlMapDriver, mark, position::Place, route, wire::UrlMap};
use crate::{
    adapter::{
        http::{Ask, Failure, Limits, Progress},
        lenient,
    },
    domain::{fault::Fault, id::BackendId, shown::Shown, weight::Weights},
    port::Change,
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Why the map would not be loaded, or which of its own tests would fail; empty where the write would be taken, and a failure where
    /// nobody said.
    pub objections: Result<Vec<Shown>, Failure>,
    /// What each backend of the route that has an entry adds to its answers under the header that was asked for.
    pub marks: Marks,
    /// Whether the place itself says how long an answer may take, for all of its backends alike.
    pub has_timeout: bool,
}

/// What each backend adds to its answers, if it does.
pub type Marks = BTreeMap<BackendId, Option<Shown>>;

#[derive(Deserialize)]
struct Validated {
    result: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default, deserialize_with = "lenient")]
    load_succeeded: bool,
    #[serde(default, deserialize_with = "lenient")]
    load_errors: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    test_failures: Vec<TestFailure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestFailure {
    #[serde(default, deserialize_with = "lenient")]
    host: String,
    #[serde(default, deserialize_with = "lenient")]
    path: String,
    #[serde(default, deserialize_with = "lenient")]
    expected_service: String,
    #[serde(default, deserialize_with = "lenient")]
    actual_service: String,
}

impl UrlMapDriver {
    /// Asks what the API would say to a split of `to`, for a load balancer of this scheme. Nothing is written.
    /// # Errors
    /// If the map can't be read, or has not the place that is steered.
    pub async fn rehearse(&self, to: &Weights, scheme: &str, header: &str) -> Result<Rehearsal, Failure> {
        let reply = self.compute.send(Ask::get(self.url(), Limits::READ)).await?;
        let (map, raw) = (reply.json::<UrlMap>()?, reply.json::<Value>()?);
        let (marks, has_timeout) = self.told(&map, header).map_err(not_sent)?;
        let objections = self.validated(map, raw, to, scheme).await;
        Ok(Rehearsal { objections, marks, has_timeout })
    }

    fn told(&self, map: &UrlMap, header: &str) -> Result<(Marks, bool), Fault> {
        let position = &self.config.position;
        let part = Place::find(map, &self.config.url_map, position)?.read(map, position)?;
        let action = part.action.unwrap_or_default();
        let mark = |rest: &Map<String, Value>| mark::added(rest, header).map(Shown::new);
        let entries = action.weighted_backend_services.iter();
        let marks = entries.filter_map(|entry| Some((self.config.known().backend(&entry.backend_service)?.clone(), mark(&entry.rest))));
        let has_timeout = action.rest.get("timeout").is_some_and(|timeout| !timeout.is_null());
        Ok((marks.collect(), has_timeout))
    }

    async fn validated(&self, map: UrlMap, raw: Value, to: &Weights, scheme: &str) -> Result<Vec<Shown>, Failure> {
        let patch = route::changed(map, self.config.known(), Change::Split { to, claim: None }).map_err(not_sent)?;
        let patch = serde_json::to_value(&patch).unwrap_or_default();
        let body = json!({"resource": patched(raw, &patch), "loadBalancingSchemes": [scheme]});
        let mut at = self.url();
        at.path_segments_mut().expect("an http URL has a path").push("validate");
        let Validated { result } = self.compute.send(Ask::post(at, &body, Limits::READ)).await?.json()?;
        let failed = result.test_failures.iter().map(|failure| {
            let TestFailure { host, path, expected_service, actual_service } = failure;
            let last = |link: &str| link.rsplit('/').next().unwrap_or_default().to_owned();
            let (expected, actual) = (last(expected_service), last(actual_service));
            format!("the map's own test of {host}{path} expects {expected} and would find {actual}")
        });
        let mut objections: Vec<String> = result.load_errors.clone();
        if !result.load_succeeded && objections.is_empty() {
            objections.push("the map would not load".to_owned());
        }
        Ok(objections.into_iter().chain(failed).map(|text| Shown::new(&text)).collect())
    }
}

/// The document after a merge patch whose objects are complete.
fn patched(mut document: Value, patch: &Value) -> Value {
    if let (Some(fields), Some(changes)) = (document.as_object_mut(), patch.as_object()) {
        for (name, change) in changes {
            if change.is_null() {
                fields.shift_remove(name);
            } else {
                fields.insert(name.clone(), change.clone());
            }
        }
    }
    document
}

fn not_sent(fault: Fault) -> Failure {
    Failure::new(Progress::NeverSent, fault.kind, fault.message.as_str())
}
