//! Revisions behind one backend that a plan does not tell apart: a Cloud Run service sends its requests to whichever its owner says.
//!
//! Users who are home may be on a revision that somebody deployed beside it, and a rollback takes everybody else there too. Where the split of
//! a route is that of the revisions themselves, a revision outside the plan is a stranger, and is told as one.

use crate::{
    core::{
        exposure, figures,
        state::{BackendState, State},
    },
    domain::{id::BackendId, platform::Revision, shown::Shown, weight::PerMille},
    plan::model::{Driver, Route},
};

/// A revision that gets some of a backend's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    pub name: Shown,
    pub share: PerMille,
    /// It was deployed after the session had begun.
    pub is_new: bool,
}

/// Those that get requests beside the backend's main one, the largest first, as its platform said within the last half minute: what was
/// deployed since the session began, or else all but the largest. One that has everybody is told if it is new.
pub fn beside(state: &State, route: &Route, backend: &BackendId) -> Vec<Beside> {
    let Some(serving) = serving(state, route, backend) else { return Vec::new() };
    let opened = state.opened.as_ref().map(|opened| opened.at);
    let is_new = |revision: &Revision| revision.created_at.zip(opened).is_some_and(|(created, opened)| created > opened);
    let told = |revision: &Revision| Beside { name: revision.name.clone(), share: revision.share, is_new: is_new(revision) };
    let (new, old): (Vec<Beside>, Vec<Beside>) = serving.into_iter().map(told).partition(|one| one.is_new);
    match (new.is_empty(), old.is_empty()) {
        (true, _) => old.into_iter().skip(1).collect(),
        (false, true) if new.len() > 1 => new.into_iter().skip(1).collect(),
        (false, _) => new,
    }
}

/// Every revision with a share, the largest first, of a backend that users may be on.
fn serving<'a>(state: &'a State, route: &Route, backend: &BackendId) -> Option<Vec<&'a Revision>> {
    if matches!(route.driver, Driver::CloudRunRevisions { .. }) || exposure::has(state, &route.id, backend) == PerMille::ZERO {
        return None;
    }
    let known: &BackendState = state.backends.get(backend)?;
    let workload = known.workload.as_ref().filter(|_| known.workload_at.is_some_and(|at| !figures::is_old(at, state.now)))?;
    let mut serving: Vec<&Revision> = workload.revisions.iter().filter(|revision| revision.share > PerMille::ZERO).collect();
    serving.sort_by(|one, other| other.share.cmp(&one.share).then_with(|| one.name.as_str().cmp(other.name.as_str())));
    Some(serving)
}
