//! Where a journal ends: the number and the hash of its last record. Whoever keeps one can prove later that everything before it is as it was.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::digest::Digest;

/// A record that somebody outside the journal remembers, written `SEQ:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Head {
    pub seq: u64,
    pub hash: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no head of a journal; write SEQ:HASH, a number and 64 lower-case hexadecimal digits")]
pub struct HeadError(String);

impl Head {
    /// Enough to compare two screens by eye.
    pub fn short(&self) -> String {
        format!("{}:{}", self.seq, self.hash.short())
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Head, HeadError> {
        let wrong = || HeadError(text.chars().take(100).collect());
        let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Head { seq: seq.parse().map_err(|_| wrong())?, hash: hash.parse().map_err(|_| wrong())? })
    }
}

impl TryFrom<String> for Head {
    type Error = HeadError;
    fn try_from(text: String) -> Result<Head, HeadError> {
        text.parse()
    }
}

impl From<Head> for String {
    fn from(head: Head) -> String {
        head.to_string()
    }
}
