//! The few things that the writer asks of a disk, as a trait, so that tests can let each of them fail.
//!
//! The real one is an open file, its directory and its name. It keeps the directory open, so that a renamed parent does not
//! confuse it, and compares the inode at its name with its own before each write, because a file that somebody deleted still
//! accepts writes and forgets them all. It never retries: what a failure means, the writer decides.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::journal::chain::Witness;
use crate::journal::files;

/// What the writer needs of a disk.
pub(super) trait Disk: Send {
    /// How the file stands now.
    fn facts(&mut self) -> io::Result<Facts>;
    /// Promises room for `bytes` bytes from `offset` on, without changing the file's length.
    fn reserve(&mut self, offset: u64, bytes: u64) -> io::Result<()>;
    /// Appends some of `bytes` and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Returns when everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Replaces the checkpoint file beside the journal.
    fn remember(&mut self, witness: Witness) -> io::Result<()>;
    /// Gives back the room beyond the first `bytes` bytes.
    fn release(&mut self, bytes: u64) -> io::Result<()>;
}

/// How a journal file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub bytes: u64,
    pub place: Place,
}

/// What stands at the journal's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Ours,
    Nothing,
    Another,
}

/// A file on a real disk.
pub(super) struct RealDisk {
    pub directory: OwnedFd,
    pub name: OsString,
    pub file: File,
}

impl Disk for RealDisk {
    fn facts(&mut self) -> io::Result<Facts> {
        let ours = rustix::fs::fstat(&self.file)?;
        let place = match rustix::fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino) => Place::Ours,
            Ok(_) => Place::Another,
            Err(Errno::NOENT) => Place::Nothing,
            Err(error) => return Err(error.into()),
        };
        Ok(Facts { bytes: u64::try_from(ours.st_size).unwrap_or(0), place })
    }

    fn reserve(&mut self, offset: u64, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, offset, bytes)?)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.file)?)
    }

    fn remember(&mut self, witness: Witness) -> io::Result<()> {
        // Not synced: an old checkpoint is still a true one, and a missing one is only not there.
        let fresh = files::beside(&self.name, ".checkpoint.new");
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.directory, &fresh, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(fd).write_all(format!("{witness}\n").as_bytes())?;
        Ok(rustix::fs::renameat(&self.directory, &fresh, &self.directory, files::beside(&self.name, files::CHECKPOINT_SUFFIX))?)
    }

    fn release(&mut self, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(&self.file, bytes)?)
    }
}
