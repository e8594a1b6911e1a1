//! The universe of Google Cloud that a project is in: the domain of which the host names of all its APIs are made. Nearly always it is
//! `googleapis.com`; sovereign clouds have one of their own.
//!
//! The one place that makes such a name. Whoever names a universe leads the credentials there, so they are held to it before anything is
//! sent: credentials say themselves of which universe they are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{address::is_metadata_name, shown::Shown};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Universe(Shown);

/// Longest name of a host.
const CHARS_MAX: usize = 253;
const GOOGLES: &str = "googleapis.com";

/// Why a text is the domain of no universe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a domain in lower case, such as googleapis.com, without scheme, port or path, and no metadata service, which hands out credentials"
)]
pub struct NoUniverse;

impl Universe {
    /// Where a service of Google's answers. Services are called alike in every universe: `compute.googleapis.com`.
    pub fn host(&self, service: &str) -> String {
        let name = service.strip_suffix(GOOGLES).and_then(|name| name.strip_suffix('.')).unwrap_or(service);
        format!("{name}.{self}")
    }

    /// Whether a host is one of its services.
    pub fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(self.0.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for Universe {
    fn default() -> Universe {
        Universe(Shown::new(GOOGLES))
    }
}

impl fmt::Display for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Universe {
    type Err = NoUniverse;

    fn from_str(text: &str) -> Result<Universe, NoUniverse> {
        let fits = |label: &str| {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            (1..=63).contains(&label.len()) && label.chars().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
        };
        // A number at the end is an address for some programs.
        let is_named = text.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()));
        let is_domain = text.len() <= CHARS_MAX && text.contains('.') && text.split('.').all(fits) && is_named;
        if is_domain && !is_metadata_name(text) { Ok(Universe(Shown::new(text))) } else { Err(NoUniverse) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_google_is_made_of_the_universe() {
        let (googles, other): (Universe, Universe) = (Universe::default(), "apis-tpc.example.goog".parse().unwrap());
        assert_eq!(googles.host("compute.googleapis.com"), "compute.googleapis.com");
        assert_eq!(other.host("compute.googleapis.com"), "compute.apis-tpc.example.goog");
        assert!(googles.has("monitoring.googleapis.com") && googles.has("Monitoring.GoogleAPIs.com"));
        assert!(!googles.has("googleapis.com") && !googles.has("evilgoogleapis.com") && !googles.has(".googleapis.com."));
        assert!(other.has("monitoring.apis-tpc.example.goog") && !other.has("monitoring.googleapis.com"));
        for text in [
            "",
            "googleapis",
            "Googleapis.com",
            "https://googleapis.com",
            "googleapis.com/x",
            "a..b",
            "169.254.169.254",
            "metadata.google.internal",
            "x.metadata.google.internal",
            "metadata.goog",
            "-a.com",
            "a.com.",
        ] {
            assert!(text.parse::<Universe>().is_err(), "{text}");
        }
    }
}
