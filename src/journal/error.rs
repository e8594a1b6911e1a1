//! What can go wrong with a journal, each as its own case, each saying what still holds and what to do next.
//!
//! [`JournalError::Lost`] and [`JournalError::Latched`] are the two that end a session: something that was to be recorded may
//! not be on the disk. All others leave the journal as it was.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::journal::broken::Break;
use crate::journal::checkpoint::Mark;
use crate::journal::line::DraftError;

/// A journal that could not be read to its end.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the journal at byte {offset}: {source}; what was read before holds; check the disk and read again")]
    Io { offset: u64, source: io::Error },
    #[error(transparent)]
    Broken(#[from] Break),
    #[error(
        "record {seq} at byte {offset} is proved but this program does not understand its body: {source}; \
         nothing is damaged; use the version of the program that wrote it"
    )]
    Payload { seq: u64, offset: u64, source: serde_json::Error },
}

/// A journal that could not be created, opened, or written.
#[derive(Debug, Error)]
pub enum JournalError {
    #[error("cannot {act} {}: {source}; nothing was recorded; correct this and try again", .path.display())]
    File { act: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "there was a journal at {} (its checkpoint remembers {mark}) and it is not there; nothing was begun in its place and its checkpoint \
         was kept; put the journal back where it was, or begin another session with --new",
        .path.display()
    )]
    Missing { path: PathBuf, mark: Box<Mark> },
    #[error("{} exists already; it was not touched; open it, or choose another name", .path.display())]
    Exists { path: PathBuf },
    #[error("{} is in use by {holder}; nothing was changed; attach to that session, or end it first", .path.display())]
    InUse { path: PathBuf, holder: String },
    #[error("{} lies on {kind}, which can't promise that a record is kept; nothing was written; use a local disk", .path.display())]
    NetworkDisk { path: PathBuf, kind: &'static str },
    #[error("{} is not a private file of this user ({what}); nothing was written; it must belong to its user alone: a folder with mode 0700, files with mode 0600", .path.display())]
    NotPrivate { path: PathBuf, what: String },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the record was refused, {0}; nothing was recorded and the journal goes on; this is a defect of the caller")]
    Refused(#[from] DraftError),
    #[error("a group of {bytes} bytes is more than one write may hold; nothing was recorded; append fewer records at once")]
    GroupTooLarge { bytes: usize },
    #[error(
        "{0}; the disk confirmed every record before it, and of it and later ones is kept what is found in the file when it is opened again"
    )]
    Lost(Loss),
    #[error(
        "the journal takes no more records since {first}; the disk confirmed every record before it; it takes more when it is opened again"
    )]
    Latched { first: Loss },
}

impl JournalError {
    /// Whether the writer has latched: nothing may leave the process any more.
    pub const fn is_loss(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Latched { .. })
    }
}

/// The first moment at which a record may not have reached the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The first record that is not known to be kept. Its outcome is unknown: it may be found on the disk after all.
    pub seq: u64,
    pub act: Act,
    pub cause: Cause,
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "record {} is the first that is not known to be kept, {} failed: {}", self.seq, self.act, self.cause)
    }
}

/// What the writer was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Inspect,
    Write,
    Sync,
    /// Making a journal that was found the writer's own.
    TakeUp,
}

impl fmt::Display for Act {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Inspect => "looking at the file",
            Self::Write => "writing it",
            Self::Sync => "making it durable",
            Self::TakeUp => "making ready the journal that was found",
        })
    }
}

/// Why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The system's own words.
    Os { kind: io::ErrorKind, text: String },
    /// The file is no longer at its path.
    Gone,
    /// Another file stands at its path.
    Replaced,
    /// The file does not have the length that this writer gave it: somebody else cut it or wrote to it.
    Length { expected: u64, found: u64 },
    /// The disk took no byte without saying why.
    NoProgress,
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Os { kind: error.kind(), text: error.to_string() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os { text, .. } => out.write_str(text),
            Self::Gone => out.write_str("the file was deleted or renamed, and with it every record"),
            Self::Replaced => out.write_str("another file stands in its place, and the records are not in that"),
            Self::Length { expected, found } => write!(
                out,
                "the file has {found} bytes instead of {expected}, somebody else changed it; `cutover audit verify` says which records are left"
            ),
            Self::NoProgress => out.write_str("the disk accepted no byte"),
        }
    }
}
