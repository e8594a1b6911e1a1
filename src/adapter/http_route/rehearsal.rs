//! What the API server says to a write that is not made: the very patch of a step, as a dry run, in which schema, policies and admission
//! webhooks speak as they would to the real one and nothing is stored.

use super::{HttpRouteDriver, managers, split, wire::HttpRoute};
use crate::{
    adapter::http::{Ask, Failure, Limits, Progress},
    domain::{
        fault::{Fault, FaultKind},
        shown::Shown,
        weight::Weights,
    },
    port::Change,
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// It would be stored as it is asked for.
    Taken,
    /// In the server's words, or in ours where it would store something else.
    Refused(Shown),
    /// The route can't be read, or we may not write at all: whoever looks at the route says so, and there is nothing to try.
    Untried,
}

/// What the server says where a webhook would do more than look, and so is not asked.
const NOT_TRIED: &str = "does not support dry run";

impl HttpRouteDriver {
    /// Sends a split of `to` as a dry run, against the route as it is now.
    /// # Errors
    /// Whatever kept the server from being asked, or from asking everybody who has a word in it.
    pub async fn rehearse(&self, to: &Weights) -> Result<Rehearsal, Failure> {
        let Ok(route) = self.fetch().await else { return Ok(Rehearsal::Untried) };
        if self.lacks().await == Some(true) {
            return Ok(Rehearsal::Untried);
        }
        let change = Change::Split { to, claim: None };
        let patch = match split::changed(&route, self.known(), change) {
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Rehearsal::Untried),
            patch => patch.map_err(not_sent)?,
        };
        let client = self.client().await.map_err(not_sent)?;
        let ask = Ask::merge_patch(self.url(&client), &patch, Limits::READ)
            .query("fieldManager", managers::OURS)
            .query("dryRun", "All")
            // A field that the server would drop in silence is a refusal here.
            .query("fieldValidation", "Strict");
        let made: HttpRoute = match client.send(ask).await {
            Ok(reply) => reply.json()?,
            Err(failure) => return objected(failure),
        };
        if split::reads_as(&made, self.known(), change) {
            return Ok(Rehearsal::Taken);
        }
        Ok(Rehearsal::Refused(Shown::new(
            "the server would take it and store other weights: something in the cluster changes what is written",
        )))
    }
}

/// We may write, as the server says; so whatever is refused, is so for what it is.
fn objected(failure: Failure) -> Result<Rehearsal, Failure> {
    let is_refused = matches!(failure.fault.kind, FaultKind::Rejected | FaultKind::Conflict | FaultKind::Forbidden | FaultKind::Denied);
    if is_refused && !failure.fault.message.as_str().contains(NOT_TRIED) {
        return Ok(Rehearsal::Refused(failure.fault.message));
    }
    Err(failure)
}

fn not_sent(fault: Fault) -> Failure {
    Failure::new(Progress::NeverSent, fault.kind, fault.message.as_str())
}
