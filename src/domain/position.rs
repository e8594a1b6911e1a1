//! Where in a URL map a route's split stands.
//!
//! A map that several services share has a split in more than one place. A route steers one of them, and everything else in the map is
//! somebody else's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::shown::Shown;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// The map's own default route.
    #[default]
    Default,
    /// The default route of this path matcher.
    PathMatcher { name: Shown },
    /// The default route of the path matcher that the map's host rules lead this host to, whichever that is by now.
    Host { host: Shown },
    /// One of a path matcher's rules, which go before its default route.
    Rule { of: Matcher, rule: MapRule },
}

/// Which path matcher has a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matcher {
    Name {
        name: Shown,
    },
    /// The one that the map's host rules lead this host to.
    Host {
        host: Shown,
    },
}

/// A rule of a path matcher, by what no other rule of it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapRule {
    /// Of `routeRules`, the one of this priority.
    Route { priority: u32 },
    /// Of `pathRules`, the one that has this among its `paths`.
    Path { path: Shown },
}

/// Greatest priority of a route rule, by Google's description of it.
pub const PRIORITY_MAX: u32 = 2_147_483_647;

impl Position {
    pub fn is_default(&self) -> bool {
        *self == Position::Default
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Default => f.write_str("the default route"),
            Position::PathMatcher { name } => write!(f, "path matcher {name}"),
            Position::Host { host } => write!(f, "the path matcher of {host}"),
            Position::Rule { of: Matcher::Name { name }, rule } => write!(f, "{rule} of path matcher {name}"),
            Position::Rule { of: Matcher::Host { host }, rule } => write!(f, "{rule} of the path matcher of {host}"),
        }
    }
}

impl fmt::Display for MapRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapRule::Route { priority } => write!(f, "route rule {priority}"),
            MapRule::Path { path } => write!(f, "path rule {path}"),
        }
    }
}
