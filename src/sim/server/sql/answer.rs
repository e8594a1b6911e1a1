//! Replies of the Cloud SQL Admin API, in the envelope that Google's clients read.

use serde_json::json;

use crate::sim::{server::http::Reply, world::sql::request::Refusal};

/// A request that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: u16,
    reason: &'static str,
    message: String,
}

impl Failure {
    /// The reply that tells.
    #[must_use]
    pub fn reply(self) -> Reply {
        let mut detail = json!({"message": self.message, "domain": "global", "reason": self.reason});
        if self.code == 412 {
            detail["locationType"] = json!("header");
            detail["location"] = json!("If-Match");
        }
        Reply::json(self.code, &json!({"error": {"code": self.code, "message": self.message, "errors": [detail]}}))
    }

    /// There is no such instance.
    #[must_use]
    pub fn no_instance() -> Self {
        Refusal::NoInstance.into()
    }

    /// There is no such operation.
    #[must_use]
    pub fn no_operation() -> Self {
        Self::new(404, "operationDoesNotExist", "The Cloud SQL operation does not exist.")
    }

    /// There is no such backup.
    #[must_use]
    pub fn no_backup() -> Self {
        Self::new(404, "backupRunDoesNotExist", "The Cloud SQL backup run does not exist.")
    }

    /// The instance keeps no log to recover from.
    #[must_use]
    pub fn no_recovery() -> Self {
        Self::bad("Point-in-time recovery is not enabled for the instance")
    }

    /// The path and verb mean nothing here.
    #[must_use]
    pub fn no_such_method() -> Self {
        Self::new(404, "notFound", "Method not found.")
    }

    /// The project is not ours.
    #[must_use]
    pub fn foreign_project(project: &str) -> Self {
        let message = format!("The client is not authorized to make this request: project {project}.");
        Self::new(403, "notAuthorized", message)
    }

    /// The request cannot be understood.
    #[must_use]
    pub fn bad(message: &str) -> Self {
        Self::new(400, "invalid", format!("Invalid request: {message}."))
    }

    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (code, reason) = match &refusal {
            Refusal::NoInstance => (404, "instanceDoesNotExist"),
            Refusal::NameTaken => (409, "instanceAlreadyExists"),
            Refusal::Busy => (409, "operationInProgress"),
            Refusal::Stale => (412, "staleData"),
            Refusal::Impossible(_) => (400, "invalid"),
        };
        Self::new(code, reason, refusal.to_string())
    }
}
