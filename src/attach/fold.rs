//! A client's copy of the state: the host's snapshot, folded onwards by the same core.
//!
//! Each transition carries what the host decided on it. The client steps its own copy and compares; another decision means that the copy can't
//! be trusted any more, whatever the cause, and the only cure is a new snapshot. Until it comes the copy stands still: an old truth is
//! better than a new guess.

use std::sync::Arc;

use crate::core::{decision::Transition, state::State, step::step};

#[derive(Debug)]
pub struct Fold {
    state: Arc<State>,
    trust: Trust,
    disagreements: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Agreeing,
    /// Waiting for a snapshot.
    Lost,
}

/// What came of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    Newer,
    /// It is part of the snapshot already, or the copy stands still.
    Skipped,
    /// A snapshot is needed from now on.
    Disagreed,
}

impl Fold {
    pub fn new(state: State) -> Fold {
        Fold { state: Arc::new(state), trust: Trust::Agreeing, disagreements: 0 }
    }

    /// The newest state that the host agrees with; `None` while waiting for a snapshot.
    pub fn state(&self) -> Option<&Arc<State>> {
        (self.trust == Trust::Agreeing).then_some(&self.state)
    }
    pub fn disagreements(&self) -> u64 {
        self.disagreements
    }

    /// The host's word takes the place of whatever was held.
    pub fn replace(&mut self, state: State) {
        self.state = Arc::new(state);
        self.trust = Trust::Agreeing;
    }

    pub fn apply(&mut self, transition: &Transition) -> Folded {
        if self.trust == Trust::Lost || transition.entry.seq <= self.state.seq {
            return Folded::Skipped;
        }
        let follows = transition.entry.seq.0 == self.state.seq.0 + 1;
        // In place: a copy is made only while a cockpit still draws from the old one, so a burst of transitions costs one copy.
        if follows && step(Arc::make_mut(&mut self.state), &transition.entry).does_as(&transition.decision) {
            return Folded::Newer;
        }
        self.trust = Trust::Lost;
        self.disagreements += 1;
        Folded::Disagreed
    }
}
