//! Who changed the map last, from the project's admin activity log. Best effort: a log that is slow or closed to us costs only the name.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{shown::Shown, time::Timestamp},
};

/// A read of the weights may not wait long for a name.
const DEADLINE: Duration = Duration::from_secs(2);

/// The newest change that the log tells of. Two entries are the same if all fields are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    /// The log's own id of the entry.
    id: String,
    pub who: Shown,
    pub at: Option<Timestamp>,
    /// What the author gave as the reason; ours names the intent.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
struct Entries {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    insert_id: String,
    timestamp: Option<String>,
    proto_payload: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    authentication_info: Option<Authentication>,
    request_metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    request_attributes: Option<Attributes>,
}

#[derive(Deserialize)]
struct Attributes {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    principal_email: Option<String>,
}

pub(super) async fn last_author(logging: &Client, project: &str, url_map: &str) -> Option<Author> {
    let quoted = |text: &str| text.replace(['"', '\\'], "");
    let body = json!({
        "resourceNames": [format!("projects/{project}")],
        "filter": format!(
            "protoPayload.serviceName=\"compute.googleapis.com\" AND protoPayload.resourceName=\"projects/{}/global/urlMaps/{}\" \
             AND protoPayload.methodName:\"urlMaps\" AND severity>=NOTICE",
            quoted(project),
            quoted(url_map)
        ),
        "orderBy": "timestamp desc",
        "pageSize": 1,
    });
    let ask = Ask::post(logging.at(&["v2", "entries:list"]), &body, Limits::READ.within(DEADLINE));
    let entries: Entries = logging.send(ask).await.ok()?.json().ok()?;
    let entry = entries.entries.into_iter().next()?;
    let payload = entry.proto_payload?;
    let who = payload.authentication_info?.principal_email?;
    let reason = payload.request_metadata.and_then(|metadata| metadata.request_attributes?.reason);
    let at = entry.timestamp.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Some(Author { id: entry.insert_id, who: Shown::new(&who), at: at.map(|at| Timestamp(at.as_millisecond())), reason })
}
