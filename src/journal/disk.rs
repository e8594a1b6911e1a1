//! The few things that the writer asks of a disk, as a trait, so that tests can let each of them fail.
//!
//! The real one is an open file, its directory and its name. It keeps the directory open, so that a renamed parent does not
//! confuse it, and compares the inode at its name with its own before each write, because a file that somebody deleted still
//! accepts writes and forgets them all. It never retries: what a failure means, the writer decides.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FallocateFlags, Stat};
use rustix::io::Errno;

use crate::journal::checkpoint::{self, Mark};
use crate::journal::files::{Home, note_writer};

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
    /// Replaces the checkpoint files in the journal and beside it.
    fn remember(&mut self, mark: Mark) -> io::Result<()>;
    /// Notes beside the journal who writes it from now on.
    fn note_writer(&mut self, holder: &str);
    /// Gives back the room beyond the first `bytes` bytes.
    fn release(&mut self, bytes: u64) -> io::Result<()>;
    /// The same place with the file of the next segment, called `name`.
    fn follow(&self, name: OsString, file: File) -> io::Result<Box<dyn Disk>>;
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
    /// The folder of the journal, where it has several segments.
    pub home: Option<Home>,
}

impl Disk for RealDisk {
    fn facts(&mut self) -> io::Result<Facts> {
        let ours = rustix::fs::fstat(&self.file)?;
        let mut place = place(&self.directory, &self.name, &ours)?;
        if let (Place::Ours, Some(home)) = (place, &self.home) {
            place = self::place(&home.parent, &home.name, &rustix::fs::fstat(&self.directory)?)?;
        }
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

    fn remember(&mut self, mark: Mark) -> io::Result<()> {
        match &self.home {
            None => mark.keep(&self.directory, &checkpoint::beside(&self.name)),
            Some(home) => {
                mark.keep(&self.directory, checkpoint::INSIDE.as_ref())?;
                mark.keep(&home.parent, &checkpoint::beside(&home.name))
            }
        }
    }

    fn note_writer(&mut self, holder: &str) {
        match &self.home {
            None => note_writer(&self.directory, &self.name, holder),
            Some(home) => note_writer(&home.parent, &home.name, holder),
        }
    }

    fn release(&mut self, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(&self.file, bytes)?)
    }

    fn follow(&self, name: OsString, file: File) -> io::Result<Box<dyn Disk>> {
        let home = self.home.as_ref().map(Home::try_clone).transpose()?;
        Ok(Box::new(Self { directory: self.directory.try_clone()?, name, file, home }))
    }
}

/// What stands at `name` of `directory`, for whoever holds the file that `ours` describes.
fn place(directory: &OwnedFd, name: &OsStr, ours: &Stat) -> io::Result<Place> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(there) if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino) => Ok(Place::Ours),
        Ok(_) => Ok(Place::Another),
        Err(Errno::NOENT) => Ok(Place::Nothing),
        Err(error) => Err(error.into()),
    }
}
