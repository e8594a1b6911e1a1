//! What a line says, as types: the four kinds that the journal itself writes, and the caller's own.
//!
//! The journal is generic over the caller's payload, so that the pure core can grow without a change here and tests can use
//! payloads of two fields. The kind of a line is a short word that stands in front of the body: a reader can filter by it,
//! with `grep` if need be, without knowing the payload.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::journal::chain::{Hash, Witness};

/// The format that this module writes.
pub const FORMAT: u32 = 2;
/// The format without segments; it is read, proved and continued.
pub const FORMAT_OF_ONE_FILE: u32 = 1;
/// Kind of the first line, and of no other.
pub const KIND_GENESIS: &str = "genesis";
/// Kind of a line that names the chain so far.
pub const KIND_CHECKPOINT: &str = "checkpoint";
/// Kind of a line that tells of a torn tail that was set aside.
pub const KIND_RECOVERED: &str = "recovered";
/// Kind of the first record of every segment but the first.
pub const KIND_SNAPSHOT: &str = "snapshot";
/// Longest kind, in bytes.
pub const KIND_BYTES_MAX: usize = 32;

/// The caller's word for what a record is: 1 to 32 characters of `a-z 0-9 . _ -`, the first a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Box<str>);

impl Kind {
    /// A kind for the caller's own records.
    ///
    /// # Errors
    /// If `text` does not have the form, or is one of the kinds that the journal keeps for itself.
    pub fn new(text: &str) -> Result<Self, KindError> {
        if !kind_has_form(text.as_bytes()) {
            return Err(KindError::Form { text: text.to_owned() });
        }
        if is_reserved(text) {
            return Err(KindError::Reserved { text: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Why a word can't be a kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KindError {
    #[error("`{}` can't be a kind of record; use 1 to 32 of a-z 0-9 . _ - and begin with a letter", .text.escape_debug())]
    Form { text: String },
    #[error("records of kind `{text}` are written by the journal itself; use another word")]
    Reserved { text: String },
}

pub(super) fn kind_has_form(text: &[u8]) -> bool {
    let rest = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    text.len() <= KIND_BYTES_MAX && text.first().is_some_and(u8::is_ascii_lowercase) && text.iter().all(rest)
}

/// Whether a record of this kind is the journal's own, and no payload.
pub fn is_reserved(kind: &str) -> bool {
    matches!(kind, KIND_GENESIS | KIND_CHECKPOINT | KIND_RECOVERED | KIND_SNAPSHOT)
}

/// Body of the first line: which session this is, and under which plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// [`FORMAT`], or [`FORMAT_OF_ONE_FILE`] in a journal that an earlier program began.
    pub format: u32,
    /// The session's own name; whatever the caller made unique.
    pub session: String,
    /// Hash of the plan as it was when the session started; approvals name it too.
    pub plan: Hash,
}

impl Genesis {
    /// The genesis of a new session.
    pub fn new(session: impl Into<String>, plan: Hash) -> Self {
        Self { format: FORMAT, session: session.into(), plan }
    }
}

/// Body of a checkpoint: the chain as it stood just before this line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Number of lines before this one; equal to this line's `seq`.
    pub records: u64,
    /// Hash of the line before; equal to this line's `prev`.
    pub head: Hash,
}

impl Checkpoint {
    /// The line that this checkpoint names.
    pub fn witness(&self) -> Option<Witness> {
        Some(Witness { seq: self.records.checked_sub(1)?, hash: self.head })
    }
}

/// Body of the line that follows a recovery from a torn tail: what was set aside, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovered {
    /// Number of bytes that were set aside.
    pub bytes: u64,
    /// What the tail looked like.
    pub shape: TornShape,
    /// File name, beside the journal, that holds the bytes now.
    pub side_file: String,
    /// SHA-256 of those bytes, without a domain byte, as `sha256sum` prints it.
    pub sha256: Hash,
}

/// Body of the first record of a segment: which segment it is, and from which state reading may begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The segment's number; the first is 1 and has no snapshot.
    pub segment: u64,
    /// Number of records before this one; equal to this record's `seq`.
    pub records: u64,
    /// Hash of the record before; equal to this record's `prev`.
    pub head: Hash,
    /// SHA-256 of the file's first line without its line feed: the caller's state.
    pub state: Hash,
    /// The caller's records that came after that state and stand before this one, oldest first.
    pub since: Vec<Value>,
    /// Segments that were sealed since the snapshot before, oldest first.
    pub sealed: Vec<Sealed>,
    /// Of all that were named so far, in this snapshot or one before, the newest; 0 if none was.
    pub sealed_to: u64,
}

/// A sealed segment as it lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    pub segment: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, as `sha256sum` prints it.
    pub sha256: Hash,
}

/// What the end of a file looks like after a write that did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum TornShape {
    /// The beginning of a line, without its end.
    Partial,
    /// Zero bytes up to the end of the file, perhaps after the beginning of a line.
    Zeros,
    /// Zero bytes where whole sectors of the last write are missing, then the rest of that write.
    Hole,
}

impl TornShape {
    /// The word that stands in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Zeros => "zeros",
            Self::Hole => "hole",
        }
    }
}

impl From<TornShape> for &'static str {
    fn from(shape: TornShape) -> Self {
        shape.as_str()
    }
}

/// A word that names no shape of a torn tail.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is no shape of a torn tail; the shapes are partial, zeros, hole", .0.escape_debug())]
pub struct ShapeError(String);

impl TryFrom<String> for TornShape {
    type Error = ShapeError;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        [Self::Partial, Self::Zeros, Self::Hole].into_iter().find(|shape| shape.as_str() == word).ok_or(ShapeError(word))
    }
}

impl fmt::Display for TornShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Partial => "the beginning of a line",
            Self::Zeros => "zero bytes",
            Self::Hole => "a write with missing sectors",
        })
    }
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body<P> {
    Genesis(Genesis),
    Checkpoint(Checkpoint),
    Recovered(Recovered),
    Snapshot(Snapshot),
    /// The caller's own record.
    Entry {
        kind: Kind,
        payload: P,
    },
}

/// One line, read and proved to continue the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<P> {
    pub seq: u64,
    /// Milliseconds since 1970-01-01 UTC by the writer's caller. Order is by `seq` alone: clocks step back.
    pub at_ms: u64,
    pub prev: Hash,
    pub hash: Hash,
    /// Where the line starts in its file.
    pub offset: u64,
    /// Length of the line with its newline.
    pub bytes: u64,
    pub body: Body<P>,
}

#[cfg(test)]
mod tests {
    use super::{Kind, KindError};

    #[test]
    fn a_kind_is_a_short_plain_word() {
        for text in ["entry", "a", "k8s.event-2_x"] {
            assert_eq!(Kind::new(text).map(|kind| kind.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "Entry", "1st", "two words", "z\u{fc}rich", "a\"", &"a".repeat(33)] {
            assert_eq!(Kind::new(text), Err(KindError::Form { text: text.to_owned() }));
        }
        assert_eq!(Kind::new("checkpoint"), Err(KindError::Reserved { text: "checkpoint".to_owned() }));
    }
}
