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

/// So many of the newest entries are looked at: those of refused changes and of operations' ends are no changes.
const ENTRIES: u8 = 10;

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
    operation: Option<Operation>,
}

impl Entry {
    /// A change that takes time has a second entry at its end, which tells nothing of why it was asked for, and may come behind the next change.
    fn is_an_end(&self) -> bool {
        self.operation.as_ref().is_some_and(|operation| operation.last && !operation.first)
    }
    /// What whoever made the change gave as the reason.
    fn reason(&self) -> Option<&str> {
        self.proto_payload.as_ref()?.request_metadata.as_ref()?.request_attributes.as_ref()?.reason.as_deref()
    }
    fn is_refused(&self) -> bool {
        self.proto_payload.as_ref().and_then(|payload| payload.status.as_ref()).is_some_and(|status| status.code != 0)
    }
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    first: bool,
    #[serde(default)]
    last: bool,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    authentication_info: Option<Authentication>,
    request_metadata: Option<Metadata>,
    status: Option<Status>,
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

/// Which object of which project is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought<'a> {
    pub project: &'a str,
    /// As the log names it.
    pub resource: &'a str,
}

/// Who changed the object last, but for changes whose reason `is_beside` the question.
pub(super) async fn last_author(logging: &Client, sought: Sought<'_>, is_beside: impl Fn(Option<&str>) -> bool) -> Option<Author> {
    let quoted = |text: &str| text.replace(['"', '\\'], "");
    let body = json!({
        "resourceNames": [format!("projects/{}", sought.project)],
        "filter": format!(
            "protoPayload.serviceName=\"compute.googleapis.com\" AND protoPayload.resourceName=\"{}\" \
             AND protoPayload.methodName:\"urlMaps\" AND severity>=NOTICE",
            quoted(sought.resource)
        ),
        "orderBy": "timestamp desc",
        "pageSize": ENTRIES,
    });
    let ask = Ask::post(logging.at(&["v2", "entries:list"]), &body, Limits::READ.within(DEADLINE));
    let entries: Entries = logging.send(ask).await.ok()?.json().ok()?;
    let changes = entries.entries.into_iter().filter(|entry| !entry.is_an_end() && !entry.is_refused());
    let entry = changes.into_iter().find(|entry| !is_beside(entry.reason()))?;
    let reason = entry.reason().map(str::to_owned);
    let who = entry.proto_payload?.authentication_info?.principal_email?;
    let at = entry.timestamp.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Some(Author { id: entry.insert_id, who: Shown::new(&who), at: at.map(|at| Timestamp(at.as_millisecond())), reason })
}
