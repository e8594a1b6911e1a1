//! Who changed what, as the cloud's own audit log would tell it.
//!
//! A URL map does not carry its last writer, so this log is the only place where the author of a foreign
//! change can be found.

use super::actor::Actor;

/// Virtual milliseconds until an entry can be read.
pub const VISIBLE_AFTER_MS: i64 = 3_000;

/// One change that an API accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// Virtual milliseconds since the epoch.
    pub at_ms: i64,
    /// The service, such as `compute.googleapis.com`.
    pub service: &'static str,
    /// The method, in the audit log's spelling.
    pub method: &'static str,
    /// The resource, in the audit log's spelling.
    pub resource: String,
    /// Who asked.
    pub actor: Actor,
    /// What it became, for people and tests: `run=900 gke=100`.
    pub became: String,
    /// Id of the operation that carries it out.
    pub operation: u64,
}

/// One change that an API refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Denied {
    /// Virtual milliseconds since the epoch.
    pub at_ms: i64,
    pub service: &'static str,
    pub method: &'static str,
    pub resource: String,
    pub actor: Actor,
    /// As the log spells it: a code of `google.rpc.Code`, and the API's words.
    pub code: i32,
    pub message: String,
}

/// All changes, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    mutations: Vec<Mutation>,
    denied: Vec<Denied>,
}

/// Refusals beyond so many are forgotten.
const DENIED_KEPT: usize = 2_000;

impl Audit {
    /// Writes one down.
    pub fn note(&mut self, mutation: Mutation) {
        self.mutations.push(mutation);
    }

    /// Writes down what was refused.
    pub fn deny(&mut self, denied: Denied) {
        if self.denied.len() >= DENIED_KEPT {
            self.denied.remove(0);
        }
        self.denied.push(denied);
    }

    /// Refusals that a reader of the log sees now, oldest first.
    pub fn visibly_denied(&self, now_ms: i64) -> impl Iterator<Item = &Denied> {
        self.denied.iter().filter(move |denied| denied.at_ms + VISIBLE_AFTER_MS <= now_ms)
    }

    /// Everything, including what the log does not show yet.
    #[must_use]
    pub fn all(&self) -> &[Mutation] {
        &self.mutations
    }

    /// What a reader of the log sees now, oldest first.
    pub fn visible(&self, now_ms: i64) -> impl DoubleEndedIterator<Item = &Mutation> {
        self.mutations.iter().filter(move |mutation| mutation.at_ms + VISIBLE_AFTER_MS <= now_ms)
    }
}
