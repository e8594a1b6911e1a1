//! What a failed call proves: that nothing was sent, that it was refused, or nothing at all.
//!
//! The difference decides between [`Outcome::NotDone`] and [`Outcome::Unknown`], so it is made in one place and from evidence only.

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::domain::{
    fault::{Fault, FaultKind, Outcome},
    shown::Shown,
    time::Millis,
};

/// The longest that anybody may ask us to stay away.
const RETRY_AFTER_MAX: Millis = Millis::from_secs(60);

/// How far a request is known to have got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No byte of it left: the world is as it was.
    NeverSent,
    /// The other side answered that it did not do it.
    TurnedDown,
    /// It may have been done, or may still be.
    Open,
}

/// What somebody would have to mend, as far as a failure tells it by more than its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing but its kind.
    Untold,
    /// The API is not enabled in the project.
    ServiceDisabled,
    /// Who we are was not believed, or we had nothing to show.
    SignedOut,
    /// Too much was asked of it. Some APIs say so with 403.
    QuotaUsedUp,
    /// A policy refuses it, whoever asks; mostly with 403, too.
    Policy,
    /// The host's name leads nowhere.
    NameUnknown,
    /// The certificate is not for that name, not of an authority that is trusted here, or not valid today.
    Certificate,
}

/// A fault together with what it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub fault: Fault,
    pub progress: Progress,
    pub reason: Reason,
}

impl Failure {
    pub fn new(progress: Progress, kind: FaultKind, message: impl AsRef<str>) -> Failure {
        Failure { fault: Fault::new(kind, message), progress, reason: Reason::Untold }
    }

    /// An answer that should name the work that it began, and does not: whether it did begin, nobody knows.
    pub(in crate::adapter) fn unnamed(about: &str) -> Failure {
        Failure::new(Progress::Open, FaultKind::Unreadable, format!("the answer about {about} names no operation"))
    }

    pub(super) fn because(self, reason: Reason) -> Failure {
        Failure { reason, ..self }
    }

    /// The outcome of a write that ended so.
    pub fn outcome(self) -> Outcome {
        match self.progress {
            Progress::NeverSent | Progress::TurnedDown => Outcome::NotDone(self.fault),
            Progress::Open => Outcome::Unknown(self.fault),
        }
    }

    /// From an answer whose status is not 2xx. `about` is method and place, `body` at most the error cap.
    pub(super) fn from_status(about: &str, status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
        let reason = reason(status, body);
        let (kind, progress) = match (reason, judged(status)) {
            // What is over by the next minute is no lack of permission, and an API that is switched off is no lack of one either.
            (Reason::QuotaUsedUp, (_, progress)) => (FaultKind::Unavailable, progress),
            // Nobody who gives us a right changes what a policy says.
            (Reason::Policy, (_, progress)) => (FaultKind::Denied, progress),
            (_, judged) => judged,
        };
        let words = error_words(body);
        let message = if words.is_empty() { format!("{about} answered {status}") } else { format!("{about} answered {status}: {words}") };
        let fault = Fault { kind, message: Shown::new(&message), retry_after: retry_after(headers) };
        Failure { fault, progress, reason }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Fault {
        failure.fault
    }
}

/// Kind and proof of a status. A 408 or a redirect proves nothing about a write, so it stays open.
fn judged(status: u16) -> (FaultKind, Progress) {
    match status {
        300..=399 => (FaultKind::Refused, Progress::Open),
        401 | 403 => (FaultKind::Forbidden, Progress::TurnedDown),
        404 => (FaultKind::NotFound, Progress::TurnedDown),
        408 => (FaultKind::TimedOut, Progress::Open),
        409 | 412 => (FaultKind::Conflict, Progress::TurnedDown),
        429 => (FaultKind::Unavailable, Progress::TurnedDown),
        400..=499 => (FaultKind::Rejected, Progress::TurnedDown),
        500..=599 => (FaultKind::Unavailable, Progress::Open),
        _ => (FaultKind::Unreadable, Progress::Open),
    }
}

/// What Google's error envelope says beyond the status: an `ErrorInfo` among its details, or the reason of an entry in the older list.
fn reason(status: u16, body: &[u8]) -> Reason {
    #[derive(Default, Deserialize)]
    struct Told {
        #[serde(default)]
        reason: String,
    }
    #[derive(Default, Deserialize)]
    struct Inner {
        #[serde(default)]
        errors: Vec<Told>,
        #[serde(default)]
        details: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Envelope {
        error: Inner,
    }
    let inner = serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.error).unwrap_or_default();
    let says = |wanted: &[&str]| inner.details.iter().chain(&inner.errors).any(|told| wanted.contains(&told.reason.as_str()));
    match status {
        401 => Reason::SignedOut,
        403 if says(&["SERVICE_DISABLED", "accessNotConfigured"]) => Reason::ServiceDisabled,
        403 if says(&["RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"]) => {
            Reason::QuotaUsedUp
        }
        403 if says(&["SECURITY_POLICY_VIOLATED", "vpcServiceControls"]) => Reason::Policy,
        429 => Reason::QuotaUsedUp,
        400 | 403 | 422 if is_denied_admission(status, body) => Reason::Policy,
        _ => Reason::Untold,
    }
}

/// Whether a Kubernetes `Status` tells of an admission that was denied. It has the same status and reason as a right that is missing, so its words
/// decide: a webhook's and a policy's begin alike everywhere, and of the right alone is said which user can't do what.
fn is_denied_admission(status: u16, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Status {
        kind: String,
        #[serde(default)]
        message: String,
    }
    let Ok(Status { kind, message }) = serde_json::from_slice(body) else { return false };
    let by_webhook = message.contains("admission webhook \"") && message.contains("denied the request");
    let by_policy = message.contains("ValidatingAdmissionPolicy '") && message.contains("denied request");
    // A quota or a pod standard: `pods "a" is forbidden: exceeded quota: …`.
    let by_plugin = || status == 403 && message.split_once(" is forbidden: ").is_some_and(|(_, why)| !why.starts_with("User \""));
    kind == "Status" && (by_webhook || by_policy || by_plugin())
}

/// Kind of a status that arrives inside a document, for example of an operation's error.
pub fn kind_of(status: u16) -> FaultKind {
    judged(status).0
}

/// The message of Google's error envelope or of a Kubernetes `Status`, else the beginning of the text.
fn error_words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Envelope {
        error: Option<Inner>,
        message: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Inner {
        Object { message: String },
        Text(String),
    }
    let told = serde_json::from_slice::<Envelope>(body).ok().and_then(|envelope| match envelope.error {
        Some(Inner::Object { message } | Inner::Text(message)) => Some(message),
        None => envelope.message,
    });
    told.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(400)]).trim().chars().take(200).collect())
}

/// Seconds or a date; a date counts from the answer's own `Date`, so no clock of ours is needed. What can't be read is no wait.
fn retry_after(headers: &HeaderMap) -> Option<Millis> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Millis::from_secs(seconds),
        Err(_) => {
            let parse = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_millisecond());
            let from = parse(headers.get(DATE)?.to_str().ok()?)?;
            Millis(u64::try_from(parse(text)?.saturating_sub(from)).unwrap_or(0))
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(retry: &str) -> Option<Millis> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        headers.insert(DATE, "Mon, 23 Nov 2026 22:00:00 GMT".parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn a_wish_to_stay_away_is_clamped_and_garbage_is_no_wish() {
        assert_eq!(waits("0"), Some(Millis(0)));
        assert_eq!(waits("7"), Some(Millis::from_secs(7)));
        assert_eq!(waits("315360000"), Some(RETRY_AFTER_MAX));
        assert_eq!(waits("99999999999999999999999"), None);
        assert_eq!(waits("-5"), None);
        assert_eq!(waits("soon"), None);
        assert_eq!(waits("Mon, 23 Nov 2026 22:00:09 GMT"), Some(Millis::from_secs(9)));
        assert_eq!(waits("Mon, 23 Nov 2020 22:00:09 GMT"), Some(Millis(0)));
        assert_eq!(waits("Sun, 23 Nov 2036 22:00:09 GMT"), Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn only_a_clear_no_proves_that_a_write_was_not_done() {
        let outcome = |status| Failure::from_status("PATCH x", status, &HeaderMap::new(), b"").outcome();
        for status in [400, 401, 403, 404, 409, 412, 422, 429] {
            assert!(matches!(outcome(status), Outcome::NotDone(_)), "{status}");
        }
        for status in [301, 303, 307, 408, 500, 502, 503, 504] {
            assert!(matches!(outcome(status), Outcome::Unknown(_)), "{status}");
        }
    }

    /// The bodies are Google's own, cut to what decides.
    #[test]
    fn a_refusal_says_what_would_mend_it() {
        let told = |status, body: &str| {
            let failure = Failure::from_status("GET x", status, &HeaderMap::new(), body.as_bytes());
            (failure.reason, failure.fault.kind)
        };
        let disabled = r#"{"error":{"code":403,"message":"m","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}]}}"#;
        assert_eq!(told(403, disabled), (Reason::ServiceDisabled, FaultKind::Forbidden));
        let older = r#"{"error":{"code":403,"message":"m","errors":[{"domain":"usageLimits","reason":"accessNotConfigured"}]}}"#;
        assert_eq!(told(403, older).0, Reason::ServiceDisabled);
        let rate = r#"{"error":{"code":403,"message":"m","errors":[{"domain":"usageLimits","reason":"rateLimitExceeded"}]}}"#;
        assert_eq!(told(403, rate), (Reason::QuotaUsedUp, FaultKind::Unavailable));
        let lacking = r#"{"error":{"code":403,"message":"m","errors":[{"domain":"global","reason":"forbidden"}]}}"#;
        assert_eq!(told(403, lacking), (Reason::Untold, FaultKind::Forbidden));
        assert_eq!(told(401, ""), (Reason::SignedOut, FaultKind::Forbidden));
        assert_eq!(told(429, "").0, Reason::QuotaUsedUp);
        assert_eq!(told(403, "<html>Forbidden</html>").0, Reason::Untold);
        let perimeter = r#"{"error":{"code":403,"message":"Request is prohibited by organization's policy.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SECURITY_POLICY_VIOLATED","domain":"googleapis.com"}]}}"#;
        assert_eq!(told(403, perimeter), (Reason::Policy, FaultKind::Denied));
    }

    #[test]
    fn an_admission_that_is_denied_is_no_missing_permission() {
        let told = |code: u16, message: &str| {
            let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": "Forbidden", "code": code});
            Failure::from_status("PATCH x", code, &HeaderMap::new(), body.to_string().as_bytes())
        };
        let policy = "httproutes.gateway.networking.k8s.io \"shop\" is forbidden: ValidatingAdmissionPolicy 'frozen' with binding 'frozen' denied request: no";
        for (code, message) in [
            (403, "admission webhook \"validation.gatekeeper.sh\" denied the request: [frozen] routes are frozen until Monday"),
            (400, "admission webhook \"validate.kyverno.svc-fail\" denied the request without explanation"),
            (422, policy),
            (403, policy),
            (403, "httproutes \"shop\" is forbidden: exceeded quota: routes, requested: 1, used: 5, limited: 5"),
        ] {
            let failure = told(code, message);
            assert_eq!((failure.reason, failure.fault.kind), (Reason::Policy, FaultKind::Denied), "{message}");
            assert!(matches!(failure.outcome(), Outcome::NotDone(_)), "{message}");
        }
        for message in [
            "httproutes.gateway.networking.k8s.io \"shop\" is forbidden: User \"ana\" cannot patch resource \"httproutes\" in API group \"gateway.networking.k8s.io\"",
            "pods is forbidden",
        ] {
            assert_eq!(told(403, message).fault.kind, FaultKind::Forbidden, "{message}");
        }
        assert_eq!(told(422, "the server rejected our request due to an error in our request").fault.kind, FaultKind::Rejected);
    }

    #[test]
    fn error_words_come_from_the_envelope_or_the_text() {
        assert_eq!(error_words(br#"{"error":{"code":412,"message":"Invalid fingerprint."}}"#), "Invalid fingerprint.");
        assert_eq!(error_words(br#"{"kind":"Status","message":"pods is forbidden"}"#), "pods is forbidden");
        assert_eq!(error_words(br#"{"status":"error","error":"parse error"}"#), "parse error");
        assert_eq!(error_words(b"<html>Bad gateway</html>"), "<html>Bad gateway</html>");
    }
}
