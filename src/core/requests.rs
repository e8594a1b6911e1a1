//! What requests say of the split that is accepted: one word for panes, texts and scripts.
//!
//! While a change spreads, requests that still meet what was before contradict nothing: that is what was to be expected. They disagree only
//! with a split that nobody moves.

use crate::{
    core::state::{Motion, Proof, RouteState},
    domain::time::Timestamp,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// A change is on its way to them, and they may meet either.
    Spreading,
    /// They have not agreed with it yet.
    Unproven,
    /// They agree with it, and exclude what was before.
    Proven,
    /// The plan's settling time is over, and they contradict neither it nor what was before.
    Fits,
    /// The plan's settling time is over, and too few were sent to say anything.
    Unasked,
    /// They meet something else, since then.
    Disagree { since: Timestamp },
}

impl Requests {
    /// Whether they agree with what is accepted. What would agree as well with what was before shows nothing.
    pub fn agree(self) -> bool {
        match self {
            Requests::Proven => true,
            Requests::Spreading | Requests::Unproven | Requests::Fits | Requests::Unasked | Requests::Disagree { .. } => false,
        }
    }
}

pub fn requests(route: &RouteState) -> Requests {
    let spreads = match &route.motion {
        Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) | Motion::Propagating { .. } => true,
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => false,
    };
    match (route.proof, route.against_since) {
        (Proof::Unproven, _) | (_, Some(_)) if spreads => Requests::Spreading,
        (_, Some(since)) => Requests::Disagree { since },
        (Proof::Unproven, None) => Requests::Unproven,
        (Proof::Proven { .. }, None) => Requests::Proven,
        (Proof::Fits, None) => Requests::Fits,
        (Proof::Unasked, None) => Requests::Unasked,
    }
}
