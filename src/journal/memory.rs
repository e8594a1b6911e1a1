//! A journal without a disk, and a disk that fails when told to.
//!
//! The simulation runs whole migrations with it, thousands a second, and lets the disk fail in every way of the fault catalogue;
//! the writer is the real one. Written and durable are two things here as they are on a disk: a power cut keeps what was
//! synced and as much of the rest as the test says. It does not know directories, locks or links.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::journal::chain::{Hash, Witness};
use crate::journal::checkpoint::Mark;
use crate::journal::disk::{Disk, Facts, Place};
use crate::journal::error::{JournalError, ReadError};
use crate::journal::reader::Tail;
use crate::journal::record::{Genesis, Recovered};
use crate::journal::verify::{Proof, Verdict, verify};
use crate::journal::writer::{Cadence, Start, Writer};

/// What a disk can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Facts,
    Reserve,
    Write,
    Sync,
    Remember,
}

/// How an answer can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done and an error is returned.
    Error(io::ErrorKind),
    /// So many bytes are written and that is returned.
    Short(usize),
    /// So many bytes are written and an error is returned.
    Torn(usize, io::ErrorKind),
}

/// Room that a journal begins with here: one of a whole night grows once at most.
const BEGUN_BYTES: usize = 2 * 1024 * 1024;

/// The bytes behind a writer. Clones are the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<(Mutex<Bytes>, Condvar)>);

#[derive(Debug, Default)]
struct Bytes {
    written: Vec<u8>,
    durable: usize,
    syncs: u64,
    remembered: Option<Witness>,
    /// Answers that go wrong, in order; others before them go well.
    faults: VecDeque<(Asked, Fault)>,
    place: Option<Place>,
    /// Whether a sync waits until somebody lets it go on.
    hangs: bool,
}

impl Memory {
    /// Everything that was written.
    pub fn written(&self) -> Vec<u8> {
        self.read(<[u8]>::to_vec)
    }

    /// What `look` makes of everything that was written. Nobody writes meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.bytes().written)
    }

    /// What would be left if the power went now and nothing unsynced came through.
    pub fn durable(&self) -> Vec<u8> {
        self.durable_behind(0, <[u8]>::to_vec)
    }

    /// What `look` makes of the part of it behind the first `bytes` bytes.
    pub fn durable_behind<T>(&self, bytes: usize, look: impl FnOnce(&[u8]) -> T) -> T {
        let kept = self.bytes();
        look(&kept.written[bytes.min(kept.durable)..kept.durable])
    }

    /// Number of syncs that succeeded.
    pub fn syncs(&self) -> u64 {
        self.bytes().syncs
    }

    /// What the checkpoint file would hold.
    pub fn remembered(&self) -> Option<Witness> {
        self.bytes().remembered
    }

    /// Lets the next answer to `asked` go wrong. Several faults happen in the order in which they were asked for.
    pub fn fail(&self, asked: Asked, fault: Fault) {
        self.bytes().faults.push_back((asked, fault));
    }

    /// From now on a sync does not return, until [`Memory::answer`].
    pub fn hang(&self) {
        self.bytes().hangs = true;
    }

    /// Whatever waits goes on.
    pub fn answer(&self) {
        self.bytes().hangs = false;
        self.0.1.notify_all();
    }

    /// The file is gone from its path: deleted, or renamed.
    pub fn unlink(&self) {
        self.bytes().place = Some(Place::Nothing);
    }

    /// Another file stands at the path.
    pub fn replace(&self) {
        self.bytes().place = Some(Place::Another);
    }

    /// Somebody else changes the file under the writer.
    pub fn tamper(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.bytes();
        change(&mut bytes.written);
        bytes.durable = bytes.durable.min(bytes.written.len());
    }

    /// The power goes: what was synced stays, and the first `unsynced` bytes of what was not.
    pub fn power_cut(&self, unsynced: usize) {
        let mut bytes = self.bytes();
        let kept = bytes.written.len().min(bytes.durable + unsynced);
        bytes.written.truncate(kept);
        bytes.durable = kept;
        bytes.faults.clear();
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        // Nothing here leaves the bytes half changed, so a panic elsewhere does not spoil them.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bytes {
    fn fault(&mut self, asked: Asked) -> Option<Fault> {
        let next = self.faults.iter().position(|(of, _)| *of == asked)?;
        self.faults.remove(next).map(|(_, fault)| fault)
    }

    fn refused(&mut self, asked: Asked) -> io::Result<()> {
        match self.fault(asked) {
            Some(Fault::Error(kind) | Fault::Torn(_, kind)) => Err(kind.into()),
            Some(Fault::Short(_)) | None => Ok(()),
        }
    }
}

impl Disk for Memory {
    fn facts(&mut self) -> io::Result<Facts> {
        let mut bytes = self.bytes();
        bytes.refused(Asked::Facts)?;
        Ok(Facts { bytes: bytes.written.len() as u64, place: bytes.place.unwrap_or(Place::Ours) })
    }

    fn reserve(&mut self, _offset: u64, _bytes: u64) -> io::Result<()> {
        self.bytes().refused(Asked::Reserve)
    }

    fn write(&mut self, new: &[u8]) -> io::Result<usize> {
        let mut bytes = self.bytes();
        let (taken, answer) = match bytes.fault(Asked::Write) {
            None => (new.len(), Ok(new.len())),
            Some(Fault::Error(kind)) => (0, Err(kind.into())),
            Some(Fault::Short(length)) => (length.min(new.len()), Ok(length.min(new.len()))),
            Some(Fault::Torn(length, kind)) => (length.min(new.len()), Err(kind.into())),
        };
        bytes.written.extend_from_slice(&new[..taken]);
        answer
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut bytes = self.0.1.wait_while(self.bytes(), |bytes| bytes.hangs).unwrap_or_else(PoisonError::into_inner);
        bytes.refused(Asked::Sync)?;
        bytes.durable = bytes.written.len();
        bytes.syncs += 1;
        Ok(())
    }

    fn remember(&mut self, mark: Mark) -> io::Result<()> {
        let mut bytes = self.bytes();
        bytes.refused(Asked::Remember)?;
        bytes.remembered = Some(mark.witness);
        Ok(())
    }

    fn note_writer(&mut self, _holder: &str) {}

    fn follow(&self, _name: OsString, _file: File) -> io::Result<Box<dyn Disk>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn release(&mut self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Starts a new journal in `memory`, in place of whatever it held.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_in(memory: &Memory, at_ms: u64, genesis: &Genesis, cadence: Cadence) -> Result<Self, JournalError> {
        let faults = std::mem::take(&mut memory.bytes().faults);
        *memory.bytes() = Bytes { faults, written: Vec::with_capacity(BEGUN_BYTES), ..Bytes::default() };
        Self::begin(Box::new(memory.clone()), at_ms, genesis, cadence, None)
    }

    /// Takes up the journal in `memory` as [`Writer::open`] does a file; a torn tail is cut off.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_in(memory: &Memory, cadence: Cadence) -> Result<(Self, Proof), JournalError> {
        let remembered = memory.remembered();
        let proof = match memory.read(|written| verify(written, remembered))? {
            Verdict::Proved(proof) => proof,
            Verdict::Broken { at, .. } => return Err(ReadError::from(at).into()),
        };
        let (end, to_tell) = match proof.tail {
            Tail::Clean { bytes } => (bytes, None),
            Tail::Torn { offset, bytes: length, shape } => {
                let kept = usize::try_from(offset).expect("an offset into memory");
                let sha256 = memory.read(|written| Hash::from_bytes(Sha256::digest(&written[kept..]).into()));
                memory.tamper(|bytes| bytes.truncate(kept));
                (offset, Some(Recovered { bytes: length, shape, side_file: "memory".to_owned(), sha256 }))
            }
        };
        // What was read has to be durable before anybody acts on it.
        let mut disk = memory.clone();
        disk.sync().map_err(|source| ReadError::Io { offset: end, source })?;
        Ok((Self::resume(Box::new(disk), Start::behind(&proof, end, to_tell, None), cadence), proof))
    }
}
