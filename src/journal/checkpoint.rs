//! What a journal's writer notes outside the chain after each sync, and before anything follows from what was synced: the last record on
//! the disk, and how long the newest segment was then. So a journal that ends before what anybody was told, or what left for the world, is
//! missed, however its writer ended. What can still be missing unnoticed after a kill is what was never on the disk: observations of
//! the last second, from which nothing followed. The checkpoint that is a record of the chain itself is another one, and comes seldom.
//!
//! It lies twice: in the journal's folder, so that it goes along with a copy, and beside the folder, so that a journal that was moved away
//! or lost leaves a word behind that one was here. It is on the same disk, so it shows accidents and clumsy edits only. It is not synced:
//! an old one is still a true one, and a missing one is only not there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::str::FromStr;

use rustix::fs::{Mode, OFlags};

use crate::journal::chain::{Witness, WitnessError, number};
use crate::journal::files;

/// The checkpoint's name in a journal's folder.
pub(super) const INSIDE: &str = "checkpoint";
const SUFFIX: &str = ".checkpoint";
const BYTES_MAX: u64 = 160;

/// The checkpoint's name beside a journal.
pub(super) fn beside(journal: &OsStr) -> OsString {
    files::beside(journal, SUFFIX)
}

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub witness: Witness,
    /// The segment that holds the witness, and how long it was; `None` in a journal of one file.
    pub within: Option<Within>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    pub segment: u64,
    pub bytes: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.within {
            None => write!(out, "{}", self.witness),
            Some(Within { segment, bytes }) => write!(out, "{} segment {segment} bytes {bytes}", self.witness),
        }
    }
}

impl FromStr for Mark {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || WitnessError { text: text.to_owned() };
        let mut words = text.trim_end().split(' ');
        let witness = words.next().ok_or_else(refused)?.parse()?;
        let value = |word: Option<&str>| word.and_then(|word| number(word.as_bytes())).ok_or_else(refused);
        let within = match words.next() {
            None => None,
            Some("segment") => {
                let segment = value(words.next())?;
                words.next().filter(|word| *word == "bytes").ok_or_else(refused)?;
                Some(Within { segment, bytes: value(words.next())? })
            }
            Some(_) => return Err(refused()),
        };
        Ok(Self { witness, within })
    }
}

impl Mark {
    /// Puts it in place of the one before, whole or not at all. A full disk has no room for another file; then it is written over the one
    /// before, which lies in one block: a machine that dies in the middle of that may leave none.
    pub(super) fn keep(&self, directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
        match self.replace(directory, name) {
            Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                self.overwrite(directory, name).map_err(|_| error)
            }
            kept => kept,
        }
    }

    fn replace(&self, directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
        let fresh = files::beside(name, ".new");
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(directory, &fresh, flags, Mode::RUSR | Mode::WUSR)?;
        File::from(fd).write_all(self.line().as_bytes())?;
        Ok(rustix::fs::renameat(directory, &fresh, directory, name)?)
    }

    /// Its line is as long as every other.
    fn overwrite(&self, directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
        let fd = rustix::fs::openat(directory, name, OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        File::from(fd).write_all_at(self.line().as_bytes(), 0)
    }

    fn line(&self) -> String {
        format!("{:<width$}\n", self.to_string(), width = BYTES_MAX as usize - 1)
    }
}

fn read(path: &Path) -> Option<Mark> {
    let mut text = String::new();
    files::open_to_read(path).ok()?.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// The newest checkpoint that is noted of the journal at `path`, which need not be there any more; `None` if there is none that can be read.
pub fn of_journal(path: &Path) -> Option<Mark> {
    let beside = path.file_name().and_then(|name| read(&path.with_file_name(beside(name))));
    let inside = read(&path.join(INSIDE));
    beside.into_iter().chain(inside).max_by_key(|mark| mark.witness.seq)
}

#[cfg(test)]
mod tests {
    use super::{Mark, Within};
    use crate::journal::chain::{Hash, Witness};

    #[test]
    fn a_checkpoint_survives_being_written_down_with_and_without_its_segment() {
        let witness = Witness { seq: 64, hash: Hash::of_line(b"{}") };
        for within in [None, Some(Within { segment: 3, bytes: 8_000_000 })] {
            let mark = Mark { witness, within };
            assert_eq!(format!("{mark}\n").parse(), Ok(mark));
        }
        assert!(format!("{witness} segment 3").parse::<Mark>().is_err());
        assert!(format!("{witness} more").parse::<Mark>().is_err());
    }

    #[test]
    fn a_full_disk_has_room_for_the_next_checkpoint_in_the_place_of_the_one_before() {
        let folder = std::env::temp_dir().join(format!("cutover-checkpoint-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let directory: std::os::fd::OwnedFd = std::fs::File::open(&folder).unwrap().into();
        let mark = |seq, within| Mark { witness: Witness { seq, hash: Hash::of_line(b"{}") }, within };
        let most = 999_999_999_999_999;
        let long = mark(most, Some(Within { segment: most, bytes: most }));
        long.replace(&directory, "checkpoint".as_ref()).unwrap();
        let length = std::fs::metadata(folder.join("checkpoint")).unwrap().len();
        for mark in [mark(7, None), long, mark(8, Some(Within { segment: 1, bytes: 9 }))] {
            mark.overwrite(&directory, "checkpoint".as_ref()).unwrap();
            assert_eq!(super::of_journal(&folder), Some(mark));
            assert_eq!(std::fs::metadata(folder.join("checkpoint")).unwrap().len(), length, "no more room than before");
        }
        // Where none was, none is made.
        assert!(long.overwrite(&directory, "another".as_ref()).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
