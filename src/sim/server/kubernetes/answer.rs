//! Replies and the status documents of what did not work.
//!
//! Codes, reasons and sentences are those of the real server, because clients decide by code and reason and
//! people read the sentence.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

use super::apply::Conflict;
use crate::sim::world::kubernetes::{
    document,
    resource::Resource,
    store::{Expired, Key},
    write::Refusal,
};

/// A reply; its body may be a stream without an end.
pub type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// A request that did not work.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    code: u16,
    reason: &'static str,
    message: String,
    details: Value,
}

/// A document with code 200.
#[must_use]
pub fn json(document: &Value) -> Reply {
    document_with(StatusCode::OK, document)
}

/// A document with code 201.
#[must_use]
pub fn created(document: &Value) -> Reply {
    document_with(StatusCode::CREATED, document)
}

/// Plain text with code 200.
#[must_use]
pub fn text(text: impl Into<Bytes>) -> Reply {
    with_body(StatusCode::OK, "text/plain", Full::new(text.into()).boxed_unsync())
}

/// Any body with a type.
#[must_use]
pub fn with_body(code: StatusCode, kind: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = code;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn document_with(code: StatusCode, document: &Value) -> Reply {
    let mut bytes = document.to_string().into_bytes();
    bytes.push(b'\n');
    with_body(code, "application/json", Full::new(bytes.into()).boxed_unsync())
}

impl Failure {
    /// The status document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if self.details.is_object() {
            status["details"] = self.details.clone();
        }
        status
    }

    /// The reply that carries the status document.
    #[must_use]
    pub fn reply(self) -> Reply {
        document_with(StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &self.document())
    }

    /// The path means nothing here.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with(json!({}))
    }

    /// The object does not exist.
    #[must_use]
    pub fn not_found(key: &Key) -> Self {
        Refusal::NotFound(key.clone()).into()
    }

    /// A pod can't be reached at a port.
    #[must_use]
    pub fn unreachable(why: &str) -> Self {
        Self::new(503, "ServiceUnavailable", format!("error trying to reach service: {why}"))
    }

    /// The caller has no right to it.
    #[must_use]
    pub fn forbidden(resource: Resource, namespace: &str, verb: &str) -> Self {
        let names = resource.names();
        let (plural, group) = (names.plural, names.group);
        let message = format!(
            "{plural} is forbidden: User \"cutover\" cannot {verb} resource \"{plural}\" in API group \"{group}\" in the namespace \"{namespace}\""
        );
        Self::new(403, "Forbidden", message).with(json!({"kind": plural}))
    }

    /// The caller has no right to have a request passed on to a pod.
    #[must_use]
    pub fn may_not_pass(pod: &Key, port: Option<&str>) -> Self {
        let name = port.map_or_else(|| pod.name.clone(), |port| format!("{}:{port}", pod.name));
        let message = format!(
            "pods \"{name}\" is forbidden: User \"cutover\" cannot get resource \"pods/proxy\" in API group \"\" in the namespace \"{}\"",
            pod.namespace
        );
        Self::new(403, "Forbidden", message).with(json!({"name": name, "kind": "pods"}))
    }

    /// A policy refuses the change.
    #[must_use]
    pub fn denied(webhook: &str, why: &str) -> Self {
        Self::new(403, "Forbidden", format!("admission webhook \"{webhook}\" denied the request: {why}"))
    }

    /// The server can't answer just now.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    }

    /// The caller asks too often.
    #[must_use]
    pub fn too_many_requests() -> Self {
        let message = "the server has received too many requests and has asked us to try again later";
        Self::new(429, "TooManyRequests", message).with(json!({"retryAfterSeconds": 1}))
    }

    /// The verb does not go with the path.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource").with(json!({}))
    }

    /// The request cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The body is too long.
    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {most}"))
    }

    /// The body is of a type that cannot be read.
    #[must_use]
    pub fn unsupported(types: &str) -> Self {
        let message = format!("the body of the request was in an unknown format - accepted media types include: {types}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The document cannot be worked on as asked.
    #[must_use]
    pub fn unprocessable(key: &Key, message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message).with(details(key.resource, &key.name))
    }

    /// Somebody else owns fields that are to be applied with other values.
    #[must_use]
    pub fn field_conflicts(key: &Key, conflicts: &[Conflict]) -> Self {
        let version = key.resource.api_version();
        let with = |conflict: &Conflict| format!("conflict with \"{}\" using {version}", conflict.owner);
        let message = match conflicts {
            [one] => format!("Apply failed with 1 conflict: {}: {}", with(one), one.field()),
            many => {
                let mut message = format!("Apply failed with {} conflicts:", many.len());
                let mut owner = "";
                for conflict in many {
                    if conflict.owner != owner {
                        owner = &conflict.owner;
                        message.push_str(&format!(" conflicts with \"{owner}\" using {version}:"));
                    }
                    message.push_str(&format!("\n- {}", conflict.field()));
                }
                message
            }
        };
        let causes = conflicts
            .iter()
            .map(|conflict| json!({"reason": "FieldManagerConflict", "message": with(conflict), "field": conflict.field()}));
        let causes: Vec<Value> = causes.collect();
        Self::new(409, "Conflict", message).with(json!({"causes": causes}))
    }

    /// The caller knows a version that this server has not reached.
    #[must_use]
    pub fn too_new(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let causes = json!([{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]);
        Self::new(504, "Timeout", message).with(json!({"causes": causes, "retryAfterSeconds": 1}))
    }

    /// A page of a list was asked for too late.
    #[must_use]
    pub fn stale_page() -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                       without the continue parameter.";
        Self::new(410, "Expired", message)
    }

    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null }
    }

    fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

impl From<Expired> for Failure {
    fn from(expired: Expired) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {} ({})", expired.asked, expired.oldest))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotFound(key) => Self::new(404, "NotFound", message).with(details(key.resource, &key.name)),
            Refusal::AlreadyExists(key) => Self::new(409, "AlreadyExists", message).with(details(key.resource, &key.name)),
            Refusal::Conflict { key, .. } => Self::new(409, "Conflict", message).with(details(key.resource, &key.name)),
            Refusal::Invalid { key, flaws } => {
                let names = key.resource.names();
                let kind = if names.group.is_empty() { names.kind.to_owned() } else { format!("{}.{}", names.kind, names.group) };
                let rest = message.strip_prefix(names.kind).unwrap_or(&message);
                let causes = flaws.iter().map(|flaw| json!({"reason": flaw.kind.reason(), "message": flaw.message, "field": flaw.field}));
                let causes: Vec<Value> = causes.collect();
                let mut about = details(key.resource, &key.name);
                about["kind"] = json!(names.kind);
                about["causes"] = Value::Array(causes);
                Self::new(422, "Invalid", format!("{kind}{rest}")).with(about)
            }
        }
    }
}

/// What a status document says about the object that is meant.
#[must_use]
pub fn details(resource: Resource, name: &str) -> Value {
    let names = resource.names();
    let mut details = json!({"name": name});
    if !names.group.is_empty() {
        details["group"] = json!(names.group);
    }
    details["kind"] = json!(names.plural);
    details
}

/// The status document of a deletion that left nothing behind.
#[must_use]
pub fn success(resource: Resource, last: &Value) -> Value {
    let mut details = details(resource, document::name(last));
    details["uid"] = json!(document::uid(last));
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
