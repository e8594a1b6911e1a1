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
}

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
        }
    }
}
