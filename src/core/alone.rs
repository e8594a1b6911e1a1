//! A host that nobody would start again: the process that stands by for that is gone, and the host lives on without it.
//!
//! Nothing of the session changes by it, and nothing is forbidden for it: triggers watch and the way home is open, for as long as the host lives.
//! So it is told, and a person decides when the host can be ended and begun anew under another such process.

use serde::{Deserialize, Serialize};

use crate::{
    core::{news::News, turn::Turn},
    domain::time::Timestamp,
};

/// Who would have started the host again, and since when nobody would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    pub process: u32,
    pub since: Timestamp,
}

pub(super) fn supervisor_gone(turn: &mut Turn, process: u32) {
    turn.state.alone = Some(Alone { process, since: turn.now });
    turn.tell(News::SupervisorGone { process });
}
