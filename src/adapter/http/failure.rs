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

/// A fault together with what it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub fault: Fault,
    pub progress: Progress,
}

impl Failure {
    pub fn new(progress: Progress, kind: FaultKind, message: impl AsRef<str>) -> Failure {
        Failure { fault: Fault::new(kind, message), progress }
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
        let (kind, progress) = judged(status);
        let words = error_words(body);
        let message = if words.is_empty() { format!("{about} answered {status}") } else { format!("{about} answered {status}: {words}") };
        let fault = Fault { kind, message: Shown::new(&message), retry_after: retry_after(headers) };
        Failure { fault, progress }
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

    #[test]
    fn error_words_come_from_the_envelope_or_the_text() {
        assert_eq!(error_words(br#"{"error":{"code":412,"message":"Invalid fingerprint."}}"#), "Invalid fingerprint.");
        assert_eq!(error_words(br#"{"kind":"Status","message":"pods is forbidden"}"#), "pods is forbidden");
        assert_eq!(error_words(br#"{"status":"error","error":"parse error"}"#), "parse error");
        assert_eq!(error_words(b"<html>Bad gateway</html>"), "<html>Bad gateway</html>");
    }
}
