//! What this session wrote to a map, so that an entry of ours in the cloud's log is never taken for somebody else's change.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{id::RouteId, weight::Weights},
    port::{Change, Intent},
};

/// Writes that are remembered, of all routes of a map together; the log's newest entry is seldom older than two of them.
const WRITES_MAX: usize = 64;

/// The newest writes to one map, of every route that has its split there.
#[derive(Debug, Default)]
pub struct Book(Mutex<VecDeque<Write>>);

#[derive(Debug)]
struct Write {
    route: RouteId,
    /// The reason that it gave.
    reason: String,
    /// Without one it made no split.
    to: Option<Weights>,
}

impl Book {
    pub(super) fn note(&self, route: &RouteId, change: Change<'_>, intent: &Intent) {
        let to = match change {
            Change::Split { to, .. } => Some(to.clone()),
            Change::Claim(_) => None,
        };
        let mut writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writes.push_back(Write { route: route.clone(), reason: intent.reason(), to });
        if writes.len() > WRITES_MAX {
            writes.pop_front();
        }
    }

    /// Whether an entry of the log with this reason is of a write of ours to another place of the map.
    pub(super) fn is_of_another_route(&self, reason: Option<&str>, route: &RouteId) -> bool {
        self.any(reason, |write| write.route != *route)
    }

    /// Whether it is of a write of ours that made another split than this one.
    pub(super) fn is_of_another_split(&self, reason: Option<&str>, weights: &Weights) -> bool {
        self.any(reason, |write| write.to.as_ref() != Some(weights))
    }

    fn any(&self, reason: Option<&str>, is: impl Fn(&Write) -> bool) -> bool {
        let writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reason.is_some_and(|reason| writes.iter().any(|write| write.reason == reason && is(write)))
    }
}
