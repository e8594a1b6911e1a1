//! The hash chain: how one line commits to all lines before it.
//!
//! A line carries the hash of the line before it and its own hash over its exact bytes, so nobody has to agree on a
//! canonical form of JSON: what stands in the file is what is hashed. [`Head`] is where a chain ends, and a head that was
//! shown to somebody else (a [`Witness`]) is what makes a truncation visible.
//! Nothing here reads files, and nothing here keeps a secret: the chain shows edits, it does not say who edited.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// First byte of everything that is hashed as a journal line, so that no other hash of this program can be taken for one.
const LINE_DOMAIN: u8 = 0x01;
/// Largest number that the format allows for `seq` and `at`: the largest integer that every JSON reader keeps exact.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// A SHA-256 hash; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first line names as the hash before it.
    pub const ZERO: Hash = Hash([0; 32]);

    /// A hash from its raw bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of `signed`, which is a line from its first byte up to, not including, `,"hash":`.
    pub fn of_line(signed: &[u8]) -> Self {
        Self(Sha256::new().chain_update([LINE_DOMAIN]).chain_update(signed).finalize().into())
    }

    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// The 64 digits as ASCII bytes, without an allocation.
    pub fn to_hex(self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0F)]];
        }
        text
    }

    /// Reads exactly 64 lower-case digits.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        let text: &[u8; 64] = text.try_into().ok()?;
        let (mut bytes, mut seen) = ([0; 32], 0);
        for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
            let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
            seen |= high | low;
            *byte = high << 4 | low & 0x0F;
        }
        (seen < 16).then_some(Self(bytes))
    }
}

/// What each byte is worth as a digit; more than 15 for one that is none.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_hex().iter().try_for_each(|digit| out.write_char(char::from(*digit)))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl FromStr for Hash {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_hex(text.as_bytes()).ok_or_else(|| WitnessError { text: text.to_owned() })
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A line that somebody outside the file remembers: its sequence number and its hash. Written `seq:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    pub seq: u64,
    pub hash: Hash,
}

impl fmt::Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.seq, self.hash)
    }
}

/// A text that names no hash or no `seq:hash`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not a witness; nothing was checked; write it as SEQ:HASH, a number and 64 lower-case hexadecimal digits", .text.escape_debug())]
pub struct WitnessError {
    pub text: String,
}

impl FromStr for Witness {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || WitnessError { text: text.to_owned() };
        let (seq, hash) = text.trim_end().split_once(':').ok_or_else(refused)?;
        Ok(Self { seq: number(seq.as_bytes()).ok_or_else(refused)?, hash: hash.parse().map_err(|_| refused())? })
    }
}

/// A decimal number as the format writes it: no sign, no leading zero, at most [`NUMBER_MAX`].
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let plain = matches!(text, [b'0'] | [b'1'..=b'9', ..]) && text.len() <= 16;
    if !plain || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = text.iter().fold(0_u64, |value, byte| value * 10 + u64::from(byte - b'0'));
    (value <= NUMBER_MAX).then_some(value)
}

/// Where a chain ends: what the next line has to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the next line; equal to the number of lines so far.
    pub next_seq: u64,
    /// The hash of the last line, or [`Hash::ZERO`] before the first.
    pub hash: Hash,
}

impl Head {
    /// Before the first line.
    pub const START: Head = Head { next_seq: 0, hash: Hash::ZERO };

    /// The last line as a witness; `None` before the first.
    pub fn witness(&self) -> Option<Witness> {
        let seq = self.next_seq.checked_sub(1)?;
        Some(Witness { seq, hash: self.hash })
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, NUMBER_MAX, Witness, number};

    #[test]
    fn a_witness_survives_being_written_down() {
        let witness = Witness { seq: 64, hash: Hash::of_line(b"{}") };
        assert_eq!(witness.to_string().parse(), Ok(witness));
        assert_eq!(format!("{witness}\n").parse(), Ok(witness));
    }

    #[test]
    fn a_witness_in_another_spelling_is_refused() {
        let hash = Hash::of_line(b"{}").to_string();
        for text in [
            String::new(),
            hash.clone(),
            format!("+1:{hash}"),
            format!("01:{hash}"),
            format!("1:{}", hash.to_uppercase().replace('0', "A")),
            format!("1:{}", &hash[1..]),
            format!("1 : {hash}"),
        ] {
            assert!(text.parse::<Witness>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_domain_byte_is_hashed_before_the_line() {
        // printf '\001{}' | sha256sum
        assert_eq!(Hash::of_line(b"{}").to_string(), "e6a9d8dbd2b2941a6b6c47bf7910f0a6ee0b08d47c3462ab727ae2d73bc005da");
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"9007199254740991"), Some(NUMBER_MAX));
        for text in [&b""[..], b"00", b"01", b"-1", b"1.0", b"1e3", b" 1", b"9007199254740992", b"99999999999999999"] {
            assert_eq!(number(text), None);
        }
    }
}
