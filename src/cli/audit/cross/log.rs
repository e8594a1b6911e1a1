//! The cloud's own audit log as `gcloud logging read --format=json` exports it: which changes of which objects it tells of, and whose.
//!
//! Of an operation that takes time the log has two entries, at its beginning and at its end; both are one change here. Only the log of admin
//! activity tells of changes, and nobody can switch it off; entries of other logs are passed over.

use std::{collections::BTreeMap, io};

use serde::Deserialize;
use serde_json::Value;

use super::compare::in_cluster;
use crate::{
    adapter::lenient,
    domain::{shown::Shown, time::Timestamp},
};

/// One change that somebody asked an API for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::audit) struct Entry {
    /// The log's own id of it.
    pub id: Shown,
    pub at: Option<Timestamp>,
    pub who: Shown,
    pub method: Shown,
    pub resource: String,
    /// What was given as the reason; ours names the intent.
    pub reason: Option<Reason>,
    /// Why it was refused, or failed later.
    pub refused: Option<Shown>,
}

/// The reason that a write of this program gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::audit) struct Reason {
    pub session: String,
    /// `None`: it is called after a session and is not of the form that ours have.
    pub effect: Option<String>,
    pub head: String,
}

impl Reason {
    /// `cutover SESSION/EFFECT/HASH`; `None` for anybody else's words.
    fn parse(text: &str) -> Option<Reason> {
        let mut parts = text.strip_prefix("cutover ")?.splitn(3, '/').map(str::to_owned);
        Some(Reason { session: parts.next()?, effect: parts.next(), head: parts.next().unwrap_or_default() })
    }

    /// As a write gives it, or as it names its program to an API that keeps no reasons: `cutover/1.0 (cutover SESSION/EFFECT/HASH)`.
    fn of(metadata: &Metadata) -> Option<Reason> {
        let named = || metadata.caller_supplied_user_agent.split_once('(')?.1.strip_suffix(')');
        Reason::parse(&metadata.request_attributes.reason).or_else(|| Reason::parse(named()?))
    }
}

#[derive(Debug, Default)]
pub(in crate::cli::audit) struct Log {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Entries that are no change, or could not be understood as one.
    pub passed_over: usize,
}

/// Reads an array of entries, an answer of `entries:list`, or entries one behind the other.
///
/// # Errors
/// It is no JSON, or holds none of a log: whoever has no changes to tell of says `[]`.
pub(in crate::cli::audit) fn read(bytes: &[u8]) -> io::Result<Log> {
    if bytes.trim_ascii().is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty, and an export without any entry is `[]`"));
    }
    let mut log = Log::default();
    let mut operations: BTreeMap<String, Entry> = BTreeMap::new();
    let (mut is_any, mut is_of_log) = (false, false);
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        for entry in entries_of(value?) {
            (is_any, is_of_log) = (true, is_of_log || ENTRY_KEYS.iter().any(|key| entry.get(key).is_some()));
            let Some(wire) = serde_json::from_value::<Wire>(entry).ok().filter(Wire::is_of_activity) else {
                log.passed_over += 1;
                continue;
            };
            match (wire.operation.clone(), wire.change()) {
                (_, None) => log.passed_over += 1,
                (Some(Operation { id, first, .. }), Some(entry)) if !id.is_empty() => {
                    let whole = match operations.remove(&id) {
                        Some(other) if first => both(entry, other),
                        Some(other) => both(other, entry),
                        None => entry,
                    };
                    operations.insert(id, whole);
                }
                (Some(_) | None, Some(entry)) => log.entries.push(entry),
            }
        }
    }
    if is_any && !is_of_log {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is JSON and holds no entry of a log"));
    }
    log.entries.extend(operations.into_values());
    log.entries.sort_by_key(|entry| entry.at);
    Ok(log)
}

fn entries_of(value: Value) -> Vec<Value> {
    match value {
        Value::Array(entries) => entries,
        Value::Object(mut page) => match page.remove("entries") {
            Some(Value::Array(entries)) => entries,
            Some(_) => Vec::new(),
            // The answer of an API that has none.
            None if page.is_empty() => Vec::new(),
            None => vec![Value::Object(page)],
        },
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => vec![other],
    }
}

/// What any entry of a log has some of, whatever it is of.
const ENTRY_KEYS: [&str; 6] = ["insertId", "logName", "timestamp", "protoPayload", "jsonPayload", "textPayload"];

/// One operation: who asked and why stands at its beginning, what came of it at its end.
fn both(first: Entry, last: Entry) -> Entry {
    Entry { refused: first.refused.or(last.refused), reason: first.reason.or(last.reason), ..first }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default, deserialize_with = "lenient")]
    insert_id: String,
    #[serde(default, deserialize_with = "lenient")]
    log_name: String,
    timestamp: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    proto_payload: Payload,
    operation: Option<Operation>,
    #[serde(default, deserialize_with = "lenient")]
    resource: Monitored,
}

#[derive(Clone, Deserialize)]
struct Operation {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    first: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload {
    #[serde(deserialize_with = "lenient")]
    authentication_info: Authentication,
    #[serde(deserialize_with = "lenient")]
    request_metadata: Metadata,
    #[serde(deserialize_with = "lenient")]
    method_name: String,
    #[serde(deserialize_with = "lenient")]
    resource_name: String,
    #[serde(deserialize_with = "lenient")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Authentication {
    #[serde(deserialize_with = "lenient")]
    principal_email: String,
    #[serde(deserialize_with = "lenient")]
    principal_subject: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    /// What the program that asked says of itself.
    #[serde(deserialize_with = "lenient")]
    caller_supplied_user_agent: String,
    #[serde(deserialize_with = "lenient")]
    request_attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "lenient")]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "lenient")]
    code: i64,
    #[serde(deserialize_with = "lenient")]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Monitored {
    #[serde(deserialize_with = "lenient")]
    labels: BTreeMap<String, String>,
}

impl Wire {
    /// Reads and system events are of other logs.
    fn is_of_activity(&self) -> bool {
        self.log_name.is_empty() || self.log_name.ends_with("%2Factivity") || self.log_name.ends_with("/activity")
    }

    fn change(self) -> Option<Entry> {
        let Payload { authentication_info: who, request_metadata, method_name, resource_name, status } = self.proto_payload;
        if method_name.is_empty() {
            return None;
        }
        let who = if who.principal_email.is_empty() { who.principal_subject } else { who.principal_email };
        let refused = match (status.code, status.message.as_str()) {
            (0, "") => None,
            (code, "") => Some(Shown::new(&format!("code {code}"))),
            (_, message) => Some(Shown::new(message)),
        };
        Some(Entry {
            id: Shown::new(&self.insert_id),
            at: self.timestamp.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(|at| Timestamp(at.as_millisecond())),
            who: Shown::new(if who.is_empty() { "somebody whom the log does not name" } else { &who }),
            method: Shown::new(&method_name),
            resource: placed(resource_name, &self.resource.labels),
            reason: Reason::of(&request_metadata),
            refused,
        })
    }
}

/// The name by which Cloud Run's newer API knows a service that the older one calls `namespaces/PROJECT/services/NAME`; of a cluster's
/// object, with the cluster.
fn placed(resource: String, labels: &BTreeMap<String, String>) -> String {
    if let Some(cluster) = labels.get("cluster_name") {
        return in_cluster(cluster, &resource);
    }
    let older: Vec<&str> = resource.split('/').collect();
    match (older.as_slice(), labels.get("location")) {
        (["namespaces", project, "services", name], Some(location)) => format!("projects/{project}/locations/{location}/services/{name}"),
        _ => resource,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_one_change_whose_reason_stands_at_its_beginning_and_whose_failure_at_its_end() {
        let entry = |id: &str, operation: &str, more: &str| {
            format!(
                r#"{{"insertId":"{id}","timestamp":"2026-11-28T21:00:00Z","logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity",
                "operation":{operation},"protoPayload":{{"methodName":"v1.compute.urlMaps.patch","resourceName":"projects/p/global/urlMaps/m",
                "authenticationInfo":{{"principalEmail":"a@p"}}{more}}}}}"#
            )
        };
        let last = entry("b", r#"{"id":"op","last":true}"#, r#","status":{"code":13,"message":"INTERNAL"}"#);
        let first =
            entry("a", r#"{"id":"op","first":true}"#, r#","requestMetadata":{"requestAttributes":{"reason":"cutover night/7.0/ab"}}"#);
        let log = read(format!("[{last},{first}]").as_bytes()).unwrap();
        let [only] = log.entries.as_slice() else { panic!("{log:?}") };
        assert_eq!((only.id.as_str(), only.refused.as_ref().map(Shown::as_str)), ("a", Some("INTERNAL")));
        let reason = Reason { session: "night".to_owned(), effect: Some("7.0".to_owned()), head: "ab".to_owned() };
        assert_eq!(only.reason, Some(reason));
    }

    /// A pipe from which nothing came is no proof that nothing happened.
    #[test]
    fn nothing_at_all_is_no_export_and_an_export_of_nothing_is_one() {
        for empty in ["", " \n"] {
            assert!(read(empty.as_bytes()).unwrap_err().to_string().contains("it is empty"), "{empty:?}");
        }
        for other in ["null", "[1,2,3]", "{\"a\":1}", "\"text\""] {
            assert!(read(other.as_bytes()).unwrap_err().to_string().contains("no entry of a log"), "{other}");
        }
        for none in ["[]", "{}", "{\"entries\":[]}"] {
            assert!(read(none.as_bytes()).unwrap().entries.is_empty(), "{none}");
        }
    }

    /// A cluster's API server keeps no reasons, and other clusters have objects of the same name.
    #[test]
    fn an_entry_of_a_cluster_is_of_that_cluster_and_names_its_intent_by_its_program() {
        let entry = r#"[{"insertId":"a","timestamp":"2026-11-28T21:00:00Z","logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity",
            "protoPayload":{"serviceName":"k8s.io","methodName":"io.k8s.networking.gateway.v1.httproutes.patch",
                "resourceName":"gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop","authenticationInfo":{"principalEmail":"a@p"},
                "requestMetadata":{"callerSuppliedUserAgent":"cutover/1.0 (cutover night/7.0/ab)"}},
            "resource":{"type":"k8s_cluster","labels":{"cluster_name":"c","location":"us-central1","project_id":"p"}}}]"#;
        let read = |text: &str| read(text.as_bytes()).unwrap().entries.remove(0);
        let found = read(entry);
        assert_eq!(found.resource, "clusters/c/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop");
        let reason = Reason { session: "night".to_owned(), effect: Some("7.0".to_owned()), head: "ab".to_owned() };
        assert_eq!(found.reason, Some(reason));
        assert_eq!(read(&entry.replace("cutover/1.0 (cutover night/7.0/ab)", "kubectl/v1.32 (linux/amd64) kubernetes/abc")).reason, None);
    }

    #[test]
    fn each_form_of_an_export_is_read_and_other_logs_are_passed_over() {
        let entry = r#"{"timestamp":"2026-11-28T21:00:00Z","protoPayload":{"methodName":"google.cloud.run.v1.Services.ReplaceService",
            "resourceName":"namespaces/p/services/s","status":null},"resource":{"labels":{"location":"us-central1"}}}"#;
        for text in [format!("[{entry}]"), format!("{{\"entries\":[{entry}]}}"), entry.to_owned(), format!("{entry}\n{entry}")] {
            let log = read(text.as_bytes()).unwrap();
            assert_eq!(log.entries[0].resource, "projects/p/locations/us-central1/services/s", "{text}");
        }
        let access = r#"[{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Fdata_access","protoPayload":{"methodName":"x.get"}}, 7]"#;
        let log = read(access.as_bytes()).unwrap();
        assert_eq!((log.entries.len(), log.passed_over), (0, 2));
        assert!(read(b"ERROR: (gcloud.logging.read) PERMISSION_DENIED").is_err());
    }
}
