//! What of an HTTPRoute (Gateway API) holds a route's split: which of its rules, and what that rule's entries are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::shown::Shown;

/// Which rule of an HTTPRoute is steered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The only one; an HTTPRoute with several has none that is meant by this.
    #[default]
    Only,
    /// By its place, counted from 0 as `spec.rules[0]` is.
    At { index: u8 },
    /// By its own name.
    Named { name: Shown },
}

/// Most rules of an HTTPRoute, by its schema.
pub const RULES_MAX: u8 = 16;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Only => f.write_str("the only rule"),
            Rule::At { index } => write!(f, "rules[{index}]"),
            Rule::Named { name } => write!(f, "the rule {name}"),
        }
    }
}

/// What kind of object an entry of `backendRefs` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefKind {
    /// A Service of the HTTPRoute's own cluster and namespace.
    Service,
    /// A ServiceImport of Google's group: a Service that some cluster of the fleet exports, for Gateways of several clusters.
    ServiceImport,
}

impl RefKind {
    /// As documents say it.
    pub const fn kind(self) -> &'static str {
        match self {
            RefKind::Service => "Service",
            RefKind::ServiceImport => "ServiceImport",
        }
    }
    /// The API group; empty for the core one.
    pub const fn group(self) -> &'static str {
        match self {
            RefKind::Service => "",
            RefKind::ServiceImport => "net.gke.io",
        }
    }
}
