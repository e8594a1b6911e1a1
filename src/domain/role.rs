//! Who may do what. A role is given by the host from the kernel's word on who is connected, never by the client's own.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::EnumCount;

/// Roles from least to most. `Pilot` and `Operator` differ only in who may take the controls unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything, can have no effect.
    Watcher,
    /// A watcher who may approve or deny what somebody else asks for.
    Approver,
    /// May hold the controls, and may roll back at any time with or without them.
    Operator,
    /// An operator who may also take the controls from somebody else.
    Pilot,
}

impl Role {
    pub const ALL: [Role; Role::COUNT] = [Role::Watcher, Role::Approver, Role::Operator, Role::Pilot];

    pub fn may_steer(self) -> bool {
        self >= Role::Operator
    }
    pub fn may_approve(self) -> bool {
        self >= Role::Approver
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Watcher => "watcher",
            Role::Approver => "approver",
            Role::Operator => "operator",
            Role::Pilot => "pilot",
        })
    }
}
