//! What came of something we tried: done, not done, or nobody knows.
//!
//! A timeout on a write is [`Outcome::Unknown`], never [`Outcome::NotDone`]: the write may still take effect later. Only an answer that
//! proves that nothing happened is `NotDone`. What follows an unknown is a read of the world, never a repetition.

use serde::{Deserialize, Serialize};

use crate::domain::{shown::Shown, time::Millis};

/// Why a call to the outside failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Fault {
    pub kind: FaultKind,
    /// The other side's words, sanitised.
    pub message: Shown,
    /// How long the other side asks us to stay away, already clamped to 60 s.
    pub retry_after: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// No connection: refused, DNS, TLS.
    Unreachable,
    /// The deadline passed.
    TimedOut,
    /// The connection broke before the answer was whole.
    Broken,
    /// 5xx or 429.
    Unavailable,
    /// 401 or 403: who we are was not believed, or may not do this.
    Forbidden,
    /// A policy refuses it, whoever asks: an admission webhook or policy of the cluster, or an organisation's perimeter. No permission is missing.
    Denied,
    /// 404.
    NotFound,
    /// 409 or 412: it was changed since it was read; by whom, a look tells.
    Conflict,
    /// Any other 4xx: the request itself is wrong.
    Rejected,
    /// The answer was too large, malformed or not what the API promises.
    Unreadable,
    /// It points somewhere it must not: a redirect, another host.
    Refused,
    /// Our own side can't do this, for example a weight that Cloud Run can't express.
    Unsupported,
    /// It could not be recorded before, so it was not sent.
    Unrecorded,
}

impl FaultKind {
    /// Whether it says nothing of what was asked for: the same may be answered otherwise the next time.
    pub fn is_passing(self) -> bool {
        match self {
            FaultKind::Unreachable | FaultKind::TimedOut | FaultKind::Broken | FaultKind::Unavailable | FaultKind::Unreadable => true,
            FaultKind::Forbidden
            | FaultKind::Denied
            | FaultKind::NotFound
            | FaultKind::Conflict
            | FaultKind::Rejected
            | FaultKind::Refused
            | FaultKind::Unsupported
            | FaultKind::Unrecorded => false,
        }
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            FaultKind::Unreachable => "unreachable",
            FaultKind::TimedOut => "timed out",
            FaultKind::Broken => "connection broke",
            FaultKind::Unavailable => "unavailable",
            FaultKind::Forbidden => "not allowed",
            FaultKind::Denied => "refused by a policy",
            FaultKind::NotFound => "not found",
            FaultKind::Conflict => "changed since it was read",
            FaultKind::Rejected => "rejected",
            FaultKind::Unreadable => "unreadable answer",
            FaultKind::Refused => "refused by cutover",
            FaultKind::Unsupported => "not supported",
            FaultKind::Unrecorded => "not recorded",
        })
    }
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl AsRef<str>) -> Fault {
        Fault { kind, message: Shown::new(message.as_ref()), retry_after: None }
    }
}

/// The other side's word that it was done: the version that the object has now, where it told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    pub version: Option<Version>,
    /// The name of the long-running operation, for the operator's own `describe`.
    pub operation: Option<Shown>,
}

/// How long a write is sent again and again while nobody answers it; after that nobody waits for its answer any more.
pub const ANSWER_WITHIN: Millis = Millis::from_secs(30);

/// When a copy of a write left, since its first one did, and how long its answer could take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub after: Millis,
    pub within: Millis,
}

/// What came of a write, and how often it was sent for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub outcome: Outcome,
    /// Every copy that left; the first one on a connection that was kept, the others on fresh ones.
    pub attempts: Vec<Attempt>,
}

impl From<Outcome> for Written {
    fn from(outcome: Outcome) -> Written {
        Written { outcome, attempts: Vec::new() }
    }
}

/// An opaque concurrency token: an etag, a fingerprint, a resourceVersion. Compared, sent back, never read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The other side said that it is done.
    Done(Receipt),
    /// The other side said that it is not, or we never sent it.
    NotDone(Fault),
    /// No word, or an ambiguous one. It may have happened, or may still happen.
    Unknown(Fault),
}
