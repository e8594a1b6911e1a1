//! How a journal goes on in the next segment without holding anybody up.
//!
//! The slow part, writing the caller's state into a new file and making that durable, is done apart from the writer, by whoever may wait
//! ([`ready`]). The file then has its name and nothing but the state: it is not begun, and a crash leaves it to be cleared away. The writer
//! only adds the snapshot's record, as any other record, and goes on behind it ([`Ready::begin`]). Sealing what lies behind comes last and
//! may fail: a plain segment is as good, only larger.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, RenameFlags};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::journal::STATE_BYTES_MAX;
use crate::journal::chain::Hash;
use crate::journal::encode::append_json;
use crate::journal::error::JournalError;
use crate::journal::record::Sealed;
use crate::journal::scan::check_body;
use crate::journal::sealed;
use crate::journal::segment::{self, Form, Piece};
use crate::journal::writer::{NextSegment, Seals, Writer};

/// Why the next segment could not be made ready; the journal goes on in the one that it has.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    #[error("the next segment of the journal could not be made ready: {0}; the journal goes on in the one that it has")]
    Io(#[from] io::Error),
    #[error("the state could not be written as JSON: {0}; the journal goes on in the segment that it has")]
    Json(#[from] serde_json::Error),
    #[error("the state takes {0} bytes, at most {STATE_BYTES_MAX} are allowed; the journal goes on in the segment that it has")]
    TooLong(usize),
}

/// A segment that is made ready and not begun.
pub struct Ready {
    next: NextSegment,
    path: PathBuf,
    seals: Seals,
}

impl Ready {
    /// The newest sealed segment that the chain will name then.
    pub const fn sealed_to(&self) -> u64 {
        self.seals.to
    }

    /// Length of the state.
    pub const fn bytes(&self) -> u64 {
        self.next.bytes
    }

    /// Clears it away again: it will not be begun.
    ///
    /// # Errors
    /// It can't be removed; then no other of its number can be made ready.
    pub fn discard(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }

    /// Lets `writer` go on in this segment. `since` are the caller's records behind the state that it begins with.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn begin(self, writer: &mut Writer, at_ms: u64, since: Vec<Value>) -> Result<(), JournalError> {
        writer.roll(at_ms, self.next, since, self.seals)
    }
}

/// Writes `state` as the first line of segment `number` of the journal in `folder`, durable under its name. `named` is the newest sealed
/// segment that the chain names already.
///
/// # Errors
/// No such segment is there then.
pub fn ready<S: Serialize>(folder: &Path, number: u64, named: u64, state: &S) -> Result<Ready, ReadyError> {
    let mut line = Vec::new();
    append_json(&mut line, state)?;
    check_body(&line).map_err(|fault| io::Error::other(fault.to_string()))?;
    if line.len() >= STATE_BYTES_MAX {
        return Err(ReadyError::TooLong(line.len()));
    }
    let hash = Hash::from_bytes(Sha256::digest(&line).into());
    line.push(b'\n');
    let path = folder.join(segment::name(number, Form::Plain));
    let fresh = fresh_name(&path);
    let file = written(&fresh, &line, &path).inspect_err(|_| {
        // Room that a half made file takes is missing elsewhere; one that can't be removed is cleared away by the next host.
        let _stays = fs::remove_file(&fresh);
    })?;
    File::open(folder)?.sync_all()?;
    let next = NextSegment { number, file, state: hash, bytes: line.len() as u64 };
    let sealed = unnamed(folder, named)?;
    let to = sealed.last().map_or(named, |newest| newest.segment);
    Ok(Ready { next, path, seals: Seals { sealed, to } })
}

/// A new file with `line` in it, durable, under the name `path`.
fn written(fresh: &Path, line: &[u8], path: &Path) -> io::Result<File> {
    let mut file = fs::OpenOptions::new().create_new(true).append(true).read(true).mode(0o600).open(fresh)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    file.write_all(line)?;
    file.sync_all()?;
    let nowhere = rustix::fs::CWD;
    rustix::fs::renameat_with(nowhere, fresh, nowhere, path, RenameFlags::NOREPLACE)?;
    Ok(file)
}

/// The sealed segments behind `named`, as far as none is still plain.
fn unnamed(folder: &Path, named: u64) -> io::Result<Vec<Sealed>> {
    let pieces = segment::list(folder)?;
    let sealed = pieces.iter().filter(|piece| piece.number > named).take_while(|piece| piece.form == Form::Sealed);
    sealed.map(sealed::facts).collect()
}

/// The segments that could be sealed: plain ones that are not the newest.
///
/// # Errors
/// The folder can't be read.
pub fn unsealed(folder: &Path) -> io::Result<Vec<u64>> {
    let mut pieces = segment::list(folder)?;
    pieces.pop();
    Ok(pieces.into_iter().filter(|piece| piece.form == Form::Plain).map(|piece: Piece| piece.number).collect())
}

/// The name under which a file is made; nobody else makes one under it.
pub(super) fn fresh_name(path: &Path) -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let (pid, count) = (rustix::process::getpid().as_raw_pid(), MADE.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(crate::journal::files::beside(path.file_name().unwrap_or_default(), &format!("{FRESH}{pid}-{count}")))
}

/// Stands in the name of what is being made.
const FRESH: &str = ".new-";

/// Clears away what a killed host was making under other names.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains(".jsonl") && name.contains(FRESH) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
