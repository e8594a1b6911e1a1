//! When the host did not run: it was stopped, or its machine slept. Nothing was watched then, and nobody was heard: the silence of a client in
//! that time is the host's own.

use serde::{Deserialize, Serialize};

use crate::{
    core::{news::News, state::State, turn::Turn},
    domain::time::Timestamp,
};

/// The newest time in which the host did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standstill {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Standstill {
    pub(super) fn moments(&mut self) -> [&mut Timestamp; 2] {
        [&mut self.since, &mut self.until]
    }
}

/// The time since `since` counts for nobody's silence.
pub(super) fn discount(state: &mut State, since: Timestamp) {
    let now = state.now;
    if let Some(holder) = &mut state.controls.holder {
        holder.beat_at = (holder.beat_at + now.since(since)).min(now);
    }
}

pub(super) fn is_over(turn: &mut Turn, since: Timestamp) {
    let until = turn.now;
    turn.state.stood_still = Some(Standstill { since: since.min(until), until });
    turn.tell(News::StoodStill { lasted: until.since(since) });
}
