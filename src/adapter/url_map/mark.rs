//! What a URL map makes the answers of an entry of a split say of who gave them.

use serde_json::{Map, Value};

use super::{route::Known, wire::WeightedBackendService};
use crate::domain::{answer::SERVED_BY, hindrance::Hindrance, shown::Shown};

/// What an entry, by what it holds beside service and weight, adds to its answers under `header`.
pub(super) fn added<'a>(entry: &'a Map<String, Value>, header: &str) -> Option<&'a str> {
    let added = entry.get("headerAction")?.get("responseHeadersToAdd")?.as_array()?;
    let is_it = |added: &&Value| added.get("headerName").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(header));
    added.iter().find(is_it)?.get("headerValue")?.as_str()
}

/// Entries of the plan's backends whose answers are made to say another name. An entry that says nothing leaves it to the program behind it.
pub(super) fn false_ones(entries: &[WeightedBackendService], known: Known<'_>) -> Vec<Hindrance> {
    let of = |entry: &WeightedBackendService| {
        let (backend, says) = (known.backend(&entry.backend_service)?, added(&entry.rest, SERVED_BY)?);
        (says != backend.as_str()).then(|| Hindrance::FalseMark { backend: backend.clone(), says: Shown::new(says) })
    };
    entries.iter().filter_map(of).collect()
}
