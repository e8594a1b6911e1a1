//! Creates a journal, and takes one up again after whatever happened to its writer.
//!
//! Taking up again proves the whole chain first. A torn tail is moved to a file beside the journal, never thrown away, and the
//! next record tells of it. Anything else that does not hold is refused and left untouched: a writer that mends history would
//! be the best tool to forge it with. Doing this twice, or being killed in the midst of it, ends in the same chain.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::journal::WRITE_BYTES_MAX;
use crate::journal::chain::{Hash, Witness};
use crate::journal::disk::RealDisk;
use crate::journal::error::{JournalError, ReadError};
use crate::journal::files::{NetworkDisk, Spot, beside, read_checkpoint_beside};
use crate::journal::reader::{Records, Tail};
use crate::journal::record::{Genesis, Recovered, TornShape};
use crate::journal::verify::{Proof, Verdict, verify};
use crate::journal::writer::{Cadence, Start, Writer};

/// Torn tails that one journal may have beside it; more means that something else is wrong.
const SIDE_FILES_MAX: u32 = 10_000;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    pub cadence: Cadence,
    pub network: NetworkDisk,
    /// A name for whoever writes, shown to those who are refused; best a user's name.
    pub holder: String,
    /// A record that the caller remembers from outside the file and that has to be in it.
    pub witness: Option<Witness>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cadence: Cadence::default(), network: NetworkDisk::Refuse, holder: String::new(), witness: None }
    }
}

/// What was found in a journal that was taken up again.
#[derive(Debug)]
pub struct Replay {
    /// What is proved of it.
    pub proof: Proof,
    /// The torn tail that was set aside, if there was one.
    pub recovered: Option<Recovered>,
    /// What the checkpoint file beside the journal remembered; it agrees, or the journal would have been refused. `None` if there
    /// is none that can be read: it is not synced, so a power cut may take it.
    pub remembered: Option<Witness>,
    file: File,
    bytes: u64,
}

impl Replay {
    /// The records as they were found, to be folded into a state. Each call starts anew.
    ///
    /// # Errors
    /// If the file can't be read a second time.
    pub fn records<P: DeserializeOwned>(&self) -> Result<Records<impl Read + use<P>, P>, ReadError> {
        let file = self.file.try_clone().map_err(|source| ReadError::Io { offset: 0, source })?;
        Ok(Records::new(Span { file, at: 0, end: self.bytes }))
    }
}

/// The bytes of a file up to an end, read by position: the file's own position belongs to nobody.
struct Span {
    file: File,
    at: u64,
    end: u64,
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Writer {
    /// Starts a new journal at `path`, which must not exist; its first record is durable when this returns.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if there is something at `path`; others if the disk refuses. No journal exists then.
    pub fn create(path: &Path, at_ms: u64, genesis: &Genesis, options: &Options) -> Result<Self, JournalError> {
        let spot = Spot::find(path, options.network)?;
        let (file, fresh) = spot.begin()?;
        let begun = (|| {
            let directory = spot.directory.try_clone().map_err(spot.failed("open the directory of"))?;
            let inspected = file.try_clone().map_err(spot.failed("create"))?;
            let disk = RealDisk { directory, name: fresh.clone(), file };
            Ok((Self::begin(Box::new(disk), at_ms, genesis, options.cadence)?, inspected))
        })();
        let (writer, file) = begun.inspect_err(|_: &JournalError| spot.discard(&fresh))?;
        spot.clear_remembered();
        spot.publish(&fresh)?;
        spot.note_holder(&options.holder);
        let directory = spot.directory.try_clone().map_err(spot.failed("open the directory of"))?;
        Ok(writer.moved_to(Box::new(RealDisk { directory, name: spot.name, file })))
    }

    /// Takes up the journal at `path`: locks it, proves it, sets a torn tail aside, and goes on behind the last whole record.
    ///
    /// # Errors
    /// [`JournalError::InUse`] if another writer has it, [`JournalError::Read`] if it is broken or contradicts a witness;
    /// the file is then as it was.
    pub fn open(path: &Path, options: &Options) -> Result<(Self, Replay), JournalError> {
        let spot = Spot::find(path, options.network)?;
        let file = spot.open()?;
        let remembered = read_checkpoint_beside(path);
        let proof = prove(&file, options.witness.into_iter().chain(remembered))?;
        let (bytes, recovered) = match proof.tail {
            Tail::Clean { bytes } => (bytes, None),
            Tail::Torn { offset, shape, .. } => (offset, Some(set_aside(&spot, &file, offset, shape)?)),
        };
        settle(&file, bytes).map_err(spot.failed("make durable what was found in"))?;
        spot.note_holder(&options.holder);
        // Its own open file: a dup would keep the lock when the writer is gone.
        let kept = spot.open_again()?;
        let directory = spot.directory.try_clone().map_err(spot.failed("open the directory of"))?;
        let start = Start::behind(&proof, bytes, recovered.clone());
        let writer = Self::resume(Box::new(RealDisk { directory, name: spot.name, file }), start, options.cadence);
        Ok((writer, Replay { proof, recovered, remembered, file: kept, bytes }))
    }
}

fn prove(file: &File, witnesses: impl IntoIterator<Item = Witness>) -> Result<Proof, JournalError> {
    let input = file.try_clone().map_err(|source| ReadError::Io { offset: 0, source })?;
    match verify(Span { file: input, at: 0, end: u64::MAX }, witnesses)? {
        Verdict::Proved(proof) => Ok(proof),
        Verdict::Broken { at, .. } => Err(ReadError::from(at).into()),
    }
}

/// Makes durable what was read, before anybody acts on it.
///
/// After a crash of the process alone the last write may stand in the page cache only; and after a failed sync the kernel may
/// call pages clean that never reached the disk. So what the last write can have been is written once more, as it is, and synced.
fn settle(file: &File, end: u64) -> io::Result<()> {
    let start = end.saturating_sub(WRITE_BYTES_MAX as u64);
    let mut last_write = Vec::new();
    Span { file: file.try_clone()?, at: start, end }.read_to_end(&mut last_write)?;
    let flags = rustix::fs::fcntl_getfl(file)?;
    // A positioned write to a file that is open for append would go to its end.
    rustix::fs::fcntl_setfl(file, flags - OFlags::APPEND)?;
    let written = file.write_all_at(&last_write, start);
    rustix::fs::fcntl_setfl(file, flags)?;
    written?;
    file.sync_all()
}

/// Moves everything from `offset` on into a new file beside the journal. The bytes are durable there before they leave here.
fn set_aside(spot: &Spot<'_>, file: &File, offset: u64, shape: TornShape) -> Result<Recovered, JournalError> {
    let failed = || spot.failed("set the torn tail aside of");
    let (mut side, name) = new_side_file(spot)?;
    let mut tail = Span { file: file.try_clone().map_err(failed())?, at: offset, end: u64::MAX };
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = tail.read(&mut buffer).map_err(failed())?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        side.write_all(&buffer[..read]).map_err(failed())?;
        bytes += read as u64;
    }
    side.sync_all().map_err(failed())?;
    spot.sync_directory()?;
    file.set_len(offset).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    let side_file = name.to_string_lossy().into_owned();
    Ok(Recovered { bytes, shape, side_file, sha256: Hash::from_bytes(sha256.finalize().into()) })
}

fn new_side_file(spot: &Spot<'_>) -> Result<(File, OsString), JournalError> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for number in 1..=SIDE_FILES_MAX {
        let name = beside(&spot.name, &format!(".torn-{number}"));
        match rustix::fs::openat(&spot.directory, &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => return Ok((fd.into(), name)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(spot.failed("set the torn tail aside of")(error.into())),
        }
    }
    Err(spot.failed("find a free name to set the torn tail aside of")(io::ErrorKind::AlreadyExists.into()))
}
