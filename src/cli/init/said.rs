//! A value of a plan in the making: found, with the place where it was found, or open, with what there is to choose from.

use crate::domain::shown::Shown;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Found {
        value: String,
        from: String,
    },
    /// Nobody here can know it. What is proposed stands in the file as a comment, so that whoever takes it has decided.
    Open {
        ask: String,
        propose: String,
    },
}

impl Said {
    pub(super) fn found(value: &Shown, from: impl Into<String>) -> Said {
        Said::Found { value: value.to_string(), from: from.into() }
    }
    pub(super) fn open(ask: impl Into<String>, propose: impl Into<String>) -> Said {
        Said::Open { ask: ask.into(), propose: propose.into() }
    }
    pub(super) fn value(&self) -> Option<&str> {
        match self {
            Said::Found { value, .. } => Some(value),
            Said::Open { .. } => None,
        }
    }
}

/// The names of a few things, for a sentence; what it says instead where there are none.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a Shown>, none: &str) -> String {
    let names: Vec<&str> = names.map(Shown::as_str).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}
