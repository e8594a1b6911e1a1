//! Who is at the other end of a connection, and how the host knows: the account that the kernel named, and the key that signed where one did.
//!
//! A name is what a roster calls somebody. This is what stood behind the name when he came: two names with one account, or one key, can be
//! told from two persons by whoever reads the record later.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::shown::Shown;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Credentials {
    /// The account, as the kernel noted it.
    pub uid: u32,
    /// What the host's own list of accounts calls it; a directory service may know names that the host does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Shown>,
    pub proven: Proven,
}

/// By what the person was told from the others of his account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proven {
    /// By the account alone: whoever may act as it is this person.
    Account,
    /// He signed a fresh text with this key.
    Key(Fingerprint),
    /// By a signal, which the kernel lets this account send, and root: it does not say which of them it was.
    Signal,
}

/// A public key's fingerprint, as `ssh-keygen -l` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no fingerprint; write it as ssh-keygen -l prints it, SHA256: and 43 characters")]
pub struct FingerprintError(String);

const PREFIX: &str = "SHA256:";
/// A SHA-256 hash in base64 without padding.
const CHARS: usize = 43;
/// Enough to tell the keys of one team apart on a screen.
const SHORT: usize = 8;

impl Fingerprint {
    pub fn short(&self) -> String {
        self.0.chars().take(PREFIX.len() + SHORT).collect::<String>() + ".."
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let is_one = text.strip_prefix(PREFIX).is_some_and(|hash| {
            hash.len() == CHARS && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        });
        if is_one { Ok(Fingerprint(text.to_owned())) } else { Err(FingerprintError(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;
    fn try_from(text: String) -> Result<Fingerprint, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_prints_and_nothing_else() {
        let text = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!((fingerprint.to_string().as_str(), fingerprint.short().as_str()), (text, "SHA256:47DEQpj8.."));
        for wrong in ["", "SHA256:", "MD5:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", &format!("{text}="), &text.replace('+', "\u{1b}")] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong:?}");
        }
    }
}
