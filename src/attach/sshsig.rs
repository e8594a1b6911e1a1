//! Signatures as `ssh-keygen -Y sign` makes them, checked here without starting a program.
//!
//! A person's key tells him apart from others on the same account. The namespace keeps a signature for one purpose from being used for
//! another: what was signed to attach approves nothing, and a signed git commit does neither. Ed25519 alone is taken; it is what
//! `ssh-keygen` makes by default, and one algorithm is less to get wrong.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256, Sha512};

use crate::domain::credentials::Fingerprint;

const ALGORITHM: &[u8] = b"ssh-ed25519";
const MAGIC: &[u8] = b"SSHSIG";
/// Longest signature read, in bytes; they have about three hundred.
const SIGNATURE_BYTES_MAX: usize = 4096;

/// What is signed to prove who is attaching.
pub const TO_ATTACH: &str = "cutover-attach";
/// What is signed to approve an action: its digest.
pub const TO_APPROVE: &str = "cutover-approval";

/// A person's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    ed25519: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("that is no line of a .pub file; give one whole, as in \"ssh-ed25519 AAAA... comment\"")]
    Unreadable,
    #[error("{0} keys are not taken; make one with `ssh-keygen -t ed25519`")]
    Algorithm(String),
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("that is no signature of `ssh-keygen -Y sign`")]
    Unreadable,
    #[error("the signature was made for another purpose")]
    Namespace,
    #[error("the signature is of another key than the roster's")]
    Key,
    #[error("the signature is not of this text")]
    Text,
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<PublicKey, KeyError> {
        let mut words = line.split_whitespace();
        let (algorithm, blob) = (words.next().ok_or(KeyError::Unreadable)?, words.next().ok_or(KeyError::Unreadable)?);
        if algorithm.as_bytes() != ALGORITHM {
            return Err(KeyError::Algorithm(algorithm.chars().take(40).filter(char::is_ascii_graphic).collect()));
        }
        let blob = BASE64_STANDARD.decode(blob).map_err(|_| KeyError::Unreadable)?;
        PublicKey::of_blob(&blob).ok_or(KeyError::Unreadable)
    }
}

impl fmt::Display for PublicKey {
    /// The fingerprint, as `ssh-keygen -l` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = BASE64_STANDARD.encode(Sha256::digest(self.blob()));
        write!(f, "SHA256:{}", hash.trim_end_matches('='))
    }
}

impl PublicKey {
    pub fn fingerprint(&self) -> Fingerprint {
        self.to_string().parse().expect("a hash in base64 without padding is a fingerprint")
    }

    fn of_blob(blob: &[u8]) -> Option<PublicKey> {
        let mut fields = Fields(blob);
        if fields.string()? != ALGORITHM {
            return None;
        }
        let ed25519 = fields.string()?.try_into().ok()?;
        fields.0.is_empty().then_some(PublicKey { ed25519 })
    }

    fn blob(&self) -> Vec<u8> {
        [string(ALGORITHM), string(&self.ed25519)].concat()
    }

    /// Whether `armored` is this key's signature of `text` for the purpose `namespace`.
    ///
    /// # Errors
    /// Why it isn't.
    pub fn verify(&self, namespace: &str, text: &[u8], armored: &str) -> Result<(), SignatureError> {
        let blob = dearmor(armored).ok_or(SignatureError::Unreadable)?;
        let Signature { key, namespace: signed_for, hash, signature } = Signature::of(&blob).ok_or(SignatureError::Unreadable)?;
        if signed_for != namespace.as_bytes() {
            return Err(SignatureError::Namespace);
        }
        if PublicKey::of_blob(key).as_ref() != Some(self) {
            return Err(SignatureError::Key);
        }
        let digest = match hash {
            b"sha512" => Sha512::digest(text).to_vec(),
            b"sha256" => Sha256::digest(text).to_vec(),
            _ => return Err(SignatureError::Unreadable),
        };
        let signed = [MAGIC.to_vec(), string(signed_for), string(b""), string(hash), string(&digest)].concat();
        UnparsedPublicKey::new(&ED25519, self.ed25519).verify(&signed, signature).map_err(|_| SignatureError::Text)
    }
}

/// The parts of a signature file, after OpenSSH's PROTOCOL.sshsig.
struct Signature<'a> {
    key: &'a [u8],
    namespace: &'a [u8],
    hash: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signature<'a> {
    fn of(blob: &'a [u8]) -> Option<Signature<'a>> {
        let mut fields = Fields(blob.strip_prefix(MAGIC)?.strip_prefix(&1u32.to_be_bytes())?);
        let (key, namespace, _reserved, hash) = (fields.string()?, fields.string()?, fields.string()?, fields.string()?);
        let mut inner = Fields(fields.string()?);
        let signature = (inner.string()? == ALGORITHM).then(|| inner.string())??;
        (fields.0.is_empty() && inner.0.is_empty()).then_some(Signature { key, namespace, hash, signature })
    }
}

fn dearmor(armored: &str) -> Option<Vec<u8>> {
    if armored.len() > SIGNATURE_BYTES_MAX {
        return None;
    }
    let body = armored.trim().strip_prefix("-----BEGIN SSH SIGNATURE-----")?.strip_suffix("-----END SSH SIGNATURE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

/// Fields of the wire format: each a length of four bytes, big end first, and that many bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(field)
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a field of a signature is short");
    [&length.to_be_bytes()[..], bytes].concat()
}
