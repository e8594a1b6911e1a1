//! Old reads: what an API that is read from several places still serves of before a write of this session.
//!
//! A write that was done names the version that it made, and so proves that the one it was written against is no more. A look that bears
//! such a version afterwards tells how it was, not how it is: it is unknown, and is asked for again. It is nobody's change, it proves no
//! home, and a way home does not wait for a better one: it leaves against the version that the write made. Any other version is what it
//! says. Whether somebody has put back exactly what stood before, under the very same version, can't be told from an old read at once;
//! `SERVED_MAX` after the write it can, and then it is believed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    core::state::RouteState,
    domain::{
        fact::Accepted,
        fault::{Fault, FaultKind, Outcome, Version},
        id::Seq,
        time::{Millis, Timestamp},
    },
};

/// What was replaced longer ago than this is served by no API that is well.
pub(super) const SERVED_MAX: Millis = Millis::from_secs(10);
/// More writes than these are not done within that time.
const KEPT_MAX: usize = 16;

/// What is known of the versions of a route's object by the writes of this session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// Those that have been replaced lately, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Replaced>,
    /// The entry of the newest look that bore one of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_read_seq: Option<Seq>,
    /// What the newest write made, by its own word; no write since then has been refused by it, or may have replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Version>,
    /// What a write was last refused against, because the API had another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Version>,
}

/// A version of which it is known that another has followed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replaced {
    pub version: Version,
    /// When that became known.
    pub at: Timestamp,
}

impl Versions {
    pub fn is_untold(&self) -> bool {
        *self == Versions::default()
    }

    fn is_old(&self, version: &Version, now: Timestamp) -> bool {
        self.replaced.iter().any(|known| known.version == *version && now.since(known.at) < SERVED_MAX)
    }

    /// Whether a write against what is known has been refused by its version.
    pub(super) fn is_refused(&self, known: Option<&Accepted>) -> bool {
        known.is_some_and(|known| self.refused.as_ref() == Some(&known.version))
    }

    fn note(&mut self, version: &Version, now: Timestamp) {
        self.replaced.retain(|known| now.since(known.at) < SERVED_MAX);
        if !self.is_old(version, now) {
            self.replaced.push(Replaced { version: version.clone(), at: now });
        }
        if self.replaced.len() > KEPT_MAX {
            self.replaced.remove(0);
        }
    }

    pub(super) fn moments(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        self.replaced.iter_mut().map(|known| &mut known.at)
    }
}

/// What the end of a write tells. One that was read back under a version that is no more was an old read too, and nobody knows.
pub(super) fn credible<'a>(state: &RouteState, outcome: &'a Outcome, now: Timestamp) -> Cow<'a, Outcome> {
    match outcome {
        Outcome::Done(receipt) if receipt.version.as_ref().is_some_and(|made| state.versions.is_old(made, now)) => {
            let why = "it was read back as it had been before an earlier write";
            Cow::Owned(Outcome::Unknown(Fault::new(FaultKind::Unreadable, why)))
        }
        Outcome::Done(_) | Outcome::NotDone(_) | Outcome::Unknown(_) => Cow::Borrowed(outcome),
    }
}

/// A write against `against` has ended.
pub(super) fn ended(state: &mut RouteState, against: &Version, outcome: &Outcome, now: Timestamp) {
    let versions = &mut state.versions;
    if let Outcome::NotDone(fault) = outcome
        && fault.kind == FaultKind::Conflict
    {
        versions.refused = Some(against.clone());
    }
    match outcome {
        Outcome::Done(receipt) => {
            versions.made.clone_from(&receipt.version);
            if receipt.version.as_ref().is_some_and(|made| made != against) {
                versions.note(against, now);
            }
        }
        // It changed nothing. Whatever refused it may have replaced what it was written against.
        Outcome::NotDone(_) if versions.made.as_ref() != Some(against) => {}
        Outcome::NotDone(_) | Outcome::Unknown(_) => versions.made = None,
    }
}

/// A look found another version than those that writes without an outcome were made against.
pub(super) fn left_behind(state: &mut RouteState, now: Timestamp) {
    let Some(found) = &state.accepted else { return };
    let left = state.unresolved.iter().map(|write| &write.version).filter(|version| **version != found.version);
    left.for_each(|version| state.versions.note(version, now));
}

/// Whether a look that found `version` tells of what a write of ours has replaced. Where it does, what is known is in doubt until another
/// look.
pub(super) fn is_old_read(state: &mut RouteState, version: &Version, now: Timestamp, seq: Seq) -> bool {
    let is_old = state.versions.is_old(version, now);
    if is_old {
        state.versions.old_read_seq = Some(seq);
    }
    is_old
}
