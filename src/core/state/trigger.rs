//! What is known of a trigger: its reading, its proofs, and since when it sees nothing.

use serde::{Deserialize, Serialize};

use crate::{
    core::proof::BreachProof,
    domain::{
        metric::Gap,
        time::{Millis, Timestamp},
    },
};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TriggerState {
    pub reading: Reading,
    /// Since when the condition has been breached without an Ok in between.
    pub pending_since: Option<Timestamp>,
    /// Breach samples with distinct source times within the pending window.
    pub breaches: u32,
    pub last_breach_at: Option<Timestamp>,
    /// How long since the last of them nothing was proven, see [`BreachProof::unproven`].
    #[serde(default)]
    pub unproven: Millis,
    /// The same against the limit of `at_once`.
    #[serde(default)]
    pub disaster: BreachProof,
    /// When this was last brought up to date.
    #[serde(default)]
    pub read_at: Option<Timestamp>,
    /// Since when it has had no usable sample.
    pub blind_since: Option<Timestamp>,
    /// What it lacked since then, and for how long each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacked: Vec<Lacked>,
    /// When that was said; a window that is only filling after a move is no news.
    #[serde(default)]
    pub blind_said_at: Option<Timestamp>,
    /// What was counted since a breach that no window alone can show to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<Gathered>,
    /// When it last fired.
    pub fired_at: Option<Timestamp>,
    /// When it was last within its limit. Nothing that was seen before the split changed speaks for the split that stands.
    pub within_at: Option<Timestamp>,
    /// Since when it would fire, but home is proven dead.
    pub withheld_since: Option<Timestamp>,
    /// Value of the newest sample, proven or not.
    pub value: Option<f64>,
    pub value_at: Option<Timestamp>,
}

/// A gap, and how long of a blindness it was the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacked {
    pub gap: Gap,
    pub lasted: Millis,
}

impl TriggerState {
    /// Why it is blind: what it lacked for the longest time since it is, which is what the clock ran for, and not what happens to be lacking now.
    pub fn blind_for(&self) -> Option<Gap> {
        let longest = self.lacked.iter().rev().max_by_key(|lacked| lacked.lasted).map(|lacked| lacked.gap);
        longest.or_else(|| self.reading.gap())
    }

    /// It has seen nothing for another `span`, for `gap`.
    pub(in crate::core) fn lacks(&mut self, gap: Gap, span: Millis) {
        match self.lacked.iter_mut().find(|lacked| lacked.gap == gap) {
            Some(lacked) => lacked.lasted = Millis(lacked.lasted.0.saturating_add(span.0)),
            None => self.lacked.push(Lacked { gap, lasted: span }),
        }
    }

    /// It sees, or nobody can expect it to.
    pub(in crate::core) fn is_not_blind(&mut self) {
        self.blind_since = None;
        self.lacked.clear();
    }
}

/// Windows that don't overlap, counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// Where the first of them begins and the newest ends, in the source's own time.
    pub since: Timestamp,
    pub until: Timestamp,
    pub requests: u64,
    pub failed: u64,
}

/// Three-valued; only `Ok` clears anything.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// No sample has come yet.
    #[default]
    None,
    Ok,
    Breach,
    Unknown {
        gap: Gap,
    },
}

impl Reading {
    /// Why there is no sample; `None` where there is one, or where none was ever expected to come.
    pub fn gap(&self) -> Option<Gap> {
        match self {
            Reading::Unknown { gap } => Some(*gap),
            Reading::None | Reading::Ok | Reading::Breach => None,
        }
    }
}
