//! Where a journal stops being one, and what differs there.
//!
//! A break is named so that a human can look at the place (byte offset), a program can branch on it ([`Why::code`]) and a
//! second verifier can be compared with this one. The checks of a line run in the order in which [`Why`] lists them and the
//! first that fails is the break. What comes after a break is never judged: nothing holds it.

use thiserror::Error;

use crate::journal::chain::{Hash, Witness};
use crate::journal::scan::BodyFault;

/// The first place at which a journal does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the journal is broken at record {seq}, byte {offset}{}: {why}; the records before it are proved, it and what follows are not; \
     keep the file as it is and compare it with a copy or a witness", .file.as_ref().map_or_else(String::new, |file| format!(" of {file}"))
)]
pub struct Break {
    /// The sequence number that belongs at this place. For a witness that does not fit, the record it is about.
    pub seq: u64,
    /// Where the line at fault starts in the file.
    pub offset: u64,
    pub why: Why,
    /// Which file of the journal it is, where it has several.
    pub file: Option<String>,
}

impl Break {
    pub(super) const fn new(seq: u64, offset: u64, why: Why) -> Self {
        Self { seq, offset, why, file: None }
    }

    pub(super) fn in_file(mut self, file: Option<String>) -> Self {
        self.file = self.file.or(file);
        self
    }
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Why {
    #[error("there is no complete first record")]
    Empty,
    #[error("the line is longer than {} bytes", super::LINE_BYTES_MAX)]
    TooLong,
    #[error("the line does not have the form of a record, `{expected}` was expected at its byte {at}")]
    Grammar { expected: &'static str, at: usize },
    #[error("the sequence number is {found}")]
    Seq { found: u64 },
    #[error("the previous hash is {found}, the record before has {expected}")]
    Prev { expected: Hash, found: Hash },
    #[error("the body's checksum is {found:08x} but the line says {expected:08x}: damaged, or changed without care")]
    Crc { expected: u32, found: u32 },
    #[error("the line's hash is {found} but the line says {expected}: changed after it was written")]
    Hash { expected: Hash, found: Hash },
    #[error(
        "a record of kind `{found}` can't stand here: a journal begins with its genesis, each further segment with a snapshot, and no other record is one"
    )]
    Kind { found: String },
    #[error("the body is not acceptable, {0}")]
    Body(#[from] BodyFault),
    #[error("the body does not fit its kind: {0}")]
    Meaning(Misfit),
    #[error("the witness remembers hash {expected}, this record has {found}: history was rewritten")]
    WitnessDiffers { expected: Hash, found: Hash },
    #[error("the witness remembers record {}, what holds of the journal ends before it: the rest was cut off or damaged", .0.seq)]
    WitnessMissing(Witness),
    #[error("segment {number} is not there: {}", super::segment::name(*.number, super::segment::Form::Plain))]
    SegmentMissing { number: u64 },
    #[error("the segment ends with something that is no record, although another segment follows: it was cut or damaged")]
    SegmentUnfinished,
    #[error("what holds of the segment ends at byte {found}, its checkpoint remembers {expected} bytes: the rest was cut off or damaged")]
    SegmentShorter { expected: u64, found: u64 },
    #[error("the sealed segment is not one that was written here: {0}")]
    Sealed(String),
    #[error("sealed segment {segment} is not the file that was recorded when it was sealed")]
    SealDiffers { segment: u64 },
}

/// How the body of one of the journal's own records can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Misfit {
    #[error("its fields are not those of the kind")]
    Fields,
    #[error("format {found} is not known here; use the version of the program that wrote it")]
    Format { found: u32 },
    #[error("it does not name the chain before it")]
    Head,
    #[error("it belongs to segment {found}")]
    Segment { found: u64 },
    #[error("the state before it is not the one that it names")]
    State,
}

impl Why {
    /// One word for programs; stable within a format version.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too-long",
            Self::Grammar { .. } => "grammar",
            Self::Seq { .. } => "seq",
            Self::Prev { .. } => "prev",
            Self::Crc { .. } => "crc",
            Self::Hash { .. } => "hash",
            Self::Kind { .. } => "kind",
            Self::Body(_) => "body",
            Self::Meaning(_) => "meaning",
            Self::WitnessDiffers { .. } => "witness-differs",
            Self::WitnessMissing(_) => "witness-missing",
            Self::SegmentMissing { .. } => "segment-missing",
            Self::SegmentUnfinished => "segment-unfinished",
            Self::SegmentShorter { .. } => "segment-shorter",
            Self::Sealed(_) => "sealed",
            Self::SealDiffers { .. } => "seal-differs",
        }
    }
}
