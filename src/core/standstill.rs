//! When the host did not run: it was stopped, or its machine slept. Nothing was watched then, and nobody was heard: the silence of a client in
//! that time is the host's own.

use serde::{Deserialize, Serialize};

use crate::{
    core::{news::News, state::State, trigger, turn::Turn},
    domain::time::{Millis, Timestamp},
};

/// The newest time in which the host did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standstill {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Standstill {
    /// Whether `at` fell into it.
    pub(super) fn covers(&self, at: Timestamp) -> bool {
        self.since < at && at <= self.until
    }

    pub(super) fn moments(&mut self) -> [&mut Timestamp; 2] {
        [&mut self.since, &mut self.until]
    }
}

/// The time since `since` counts for nobody's silence. It does count for what expires: a request that nobody could act on is as old as any.
pub(super) fn discount(state: &mut State, since: Timestamp) {
    let now = state.now;
    state.stood_still = Some(Standstill { since: since.min(now), until: now });
    for open in state.approvals.values_mut() {
        let stood = now.since(since.max(open.at));
        open.stood_still = Millis(open.stood_still.0.saturating_add(stood.0));
    }
    if let Some(holder) = &mut state.controls.holder {
        holder.beat_at = (holder.beat_at + now.since(since)).min(now);
    }
}

pub(super) fn is_over(turn: &mut Turn, since: Timestamp) {
    let until = turn.now;
    turn.tell(News::StoodStill { lasted: until.since(since) });
    // What was seen before it and what is seen after it say nothing of the time between.
    trigger::ask_for_fresh_proof(turn);
}
