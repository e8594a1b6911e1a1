//! How a journal file comes to be and is opened: private, locked, never through a link, never on a network disk unasked.
//!
//! A new journal is written under another name and renamed when its first record is durable, so whatever has the journal's
//! name has a whole first record. The lock is the kernel's (`flock`), so a dead holder never keeps it; the `.lock` file
//! beside is only the note that lets the refusal name somebody.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::journal::error::JournalError;
use crate::journal::{checkpoint, held};

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);
const NEVER_THROUGH_A_LINK: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

/// A path taken apart into its directory, held open, and the name in it.
pub(super) struct Spot<'a> {
    pub path: &'a Path,
    pub directory: OwnedFd,
    pub name: OsString,
}

impl<'a> Spot<'a> {
    /// A network file system may lose what it acknowledged and may not know locks, so it is refused.
    pub(super) fn find(path: &'a Path) -> Result<Self, JournalError> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput).map_err(|kind| failed("name", path)(kind.into()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(parent, flags, Mode::empty()).map_err(|e| failed("open the directory of", path)(e.into()))?;
        let facts = rustix::fs::fstatfs(&directory).map_err(|e| failed("ask for the disk of", path)(e.into()))?;
        match network_disk(facts.f_type) {
            Some(kind) => Err(JournalError::NetworkDisk { path: path.to_owned(), kind }),
            None => Ok(Self { path, directory, name: name.to_owned() }),
        }
    }

    pub(super) fn failed(&self, act: &'static str) -> impl FnOnce(io::Error) -> JournalError {
        failed(act, self.path)
    }

    /// A new, locked file under a name of this process; [`Spot::publish`] gives it the journal's.
    pub(super) fn begin(&self) -> Result<(File, OsString), JournalError> {
        let fresh = beside(&self.name, &format!(".new-{}", rustix::process::getpid().as_raw_pid()));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::APPEND | NEVER_THROUGH_A_LINK;
        let mut opened = rustix::fs::openat(&self.directory, &fresh, flags, PRIVATE);
        if opened.as_ref().err() == Some(&Errno::EXIST) {
            // Left behind by a dead process that had our id: no living one can have it.
            rustix::fs::unlinkat(&self.directory, &fresh, rustix::fs::AtFlags::empty())
                .map_err(|e| self.failed("clear the way for")(e.into()))?;
            opened = rustix::fs::openat(&self.directory, &fresh, flags, PRIVATE);
        }
        let file = File::from(opened.map_err(|e| self.failed("create")(e.into()))?);
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|e| self.failed("lock")(e.into()))?;
        Ok((file, fresh))
    }

    /// Gives the finished file its name, unless something has it, and makes that durable.
    pub(super) fn publish(&self, fresh: &OsStr) -> Result<(), JournalError> {
        match rustix::fs::renameat_with(&self.directory, fresh, &self.directory, &self.name, RenameFlags::NOREPLACE) {
            Ok(()) => self.sync_directory(),
            Err(error) => {
                self.discard(fresh);
                match error {
                    Errno::EXIST => Err(JournalError::Exists { path: self.path.to_owned() }),
                    other => Err(self.failed("give its name to")(other.into())),
                }
            }
        }
    }

    /// Removes a file that never became a journal. That it may stay is harmless: nothing reads it.
    pub(super) fn discard(&self, fresh: &OsStr) {
        let _stays = rustix::fs::unlinkat(&self.directory, fresh, rustix::fs::AtFlags::empty());
    }

    /// Refuses to begin a journal where a checkpoint says that one was: it may have been moved away, and would be contradicted.
    pub(super) fn require_untaken(&self) -> Result<(), JournalError> {
        match checkpoint::of_journal(self.path) {
            Some(mark) => Err(JournalError::Missing { path: self.path.to_owned(), mark: Box::new(mark) }),
            None => Ok(()),
        }
    }

    pub(super) fn sync_directory(&self) -> Result<(), JournalError> {
        rustix::fs::fsync(&self.directory).map_err(|e| self.failed("make durable the name of")(e.into()))
    }

    /// The existing journal, locked and proved private.
    pub(super) fn open(&self) -> Result<File, JournalError> {
        // NONBLOCK, because a pipe in the journal's place would let us wait forever; a regular file ignores it.
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NONBLOCK | NEVER_THROUGH_A_LINK;
        let file = rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty());
        let file = File::from(file.map_err(|e| self.failed("open")(e.into()))?);
        self.require_private(&file)?;
        self.lock(&file)?;
        Ok(file)
    }

    /// The folder of an existing journal, locked and proved private.
    pub(super) fn open_folder(&self) -> Result<OwnedFd, JournalError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | NEVER_THROUGH_A_LINK;
        let folder = rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty()).map_err(|e| self.failed("open")(e.into()))?;
        self.require_own(&rustix::fs::fstat(&folder).map_err(|e| self.failed("look at")(e.into()))?)?;
        self.lock(&folder)?;
        Ok(folder)
    }

    /// Takes the lock of an open file or folder, or says who has it.
    pub(super) fn lock(&self, file: impl AsFd) -> Result<(), JournalError> {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(()),
            Err(Errno::WOULDBLOCK) => Err(JournalError::InUse { path: self.path.to_owned(), holder: self.read_holder() }),
            Err(error) => Err(self.failed("lock")(error.into())),
        }
    }

    /// The journal once more, to read only.
    pub(super) fn open_again(&self) -> Result<File, JournalError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | NEVER_THROUGH_A_LINK;
        let file = rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty());
        file.map(File::from).map_err(|e| self.failed("open")(e.into()))
    }

    fn require_private(&self, file: &File) -> Result<(), JournalError> {
        let facts = rustix::fs::fstat(file).map_err(|e| self.failed("look at")(e.into()))?;
        if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
            return Err(JournalError::NotPrivate { path: self.path.to_owned(), what: "it is no regular file".to_owned() });
        }
        self.require_own(&facts)
    }

    fn require_own(&self, facts: &Stat) -> Result<(), JournalError> {
        let refused = |what: String| Err(JournalError::NotPrivate { path: self.path.to_owned(), what });
        if facts.st_uid != rustix::process::geteuid().as_raw() {
            return refused(format!("it belongs to user {}", facts.st_uid));
        }
        if facts.st_mode & 0o077 != 0 {
            return refused(format!("its mode is {:04o}", facts.st_mode & 0o7777));
        }
        Ok(())
    }

    fn read_holder(&self) -> String {
        holder_of(self.path, &line_of(self.path))
    }
}

/// Where a journal of several segments lies.
pub(super) struct Home {
    pub parent: OwnedFd,
    pub name: OsString,
}

impl Home {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { parent: self.parent.try_clone()?, name: self.name.clone() })
    }
}

/// Opens a journal to read it: a regular file, not through a link.
///
/// # Errors
/// If there is no such file, it can't be read, or it is something else than a regular file.
pub fn open_to_read(path: &Path) -> Result<File, JournalError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | NEVER_THROUGH_A_LINK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed("open", path)(e.into()))?;
    let facts = rustix::fs::fstat(&file).map_err(|e| failed("look at", path)(e.into()))?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(failed("read", path)(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    Ok(file.into())
}

/// Whether somebody writes to the journal at `path`.
pub fn is_in_use(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | NEVER_THROUGH_A_LINK;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    opened.is_ok_and(|file| rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK))
}

/// What is known of whoever wrote to a journal last. The lock tells of the living, a note beside the journal of the others; neither is part of
/// what is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastWriter {
    /// Somebody writes to it now.
    Writing { by: String },
    /// Its writer closed it.
    Closed { by: String },
    /// Its writer is gone and did not close it.
    Lost { by: String },
    /// Its writer went on without it since then, behind record `kept`, and is gone.
    WithoutRecord { by: String, kept: u64, since_ms: u64 },
    /// No note lies beside it, as beside a copy.
    Unknown,
}

/// Who wrote to the journal at `path` last, and how that ended.
pub fn last_writer(path: &Path) -> LastWriter {
    let line = line_of(path);
    match (is_in_use(path), line.strip_prefix(CLOSED_BY), without_record(&line)) {
        (true, ..) => LastWriter::Writing { by: holder_of(path, &line) },
        (false, Some(by), _) => LastWriter::Closed { by: by.escape_debug().to_string() },
        (false, None, Some(Without { by, kept, since_ms })) => LastWriter::WithoutRecord { by, kept, since_ms },
        (false, None, None) if line.is_empty() => LastWriter::Unknown,
        (false, None, None) => LastWriter::Lost { by: line.escape_debug().to_string() },
    }
}

/// Who has the journal at `path` now, beside which `line` was noted. A note that names another process than the kernel does is of one before.
fn holder_of(path: &Path, line: &str) -> String {
    let noted = match (line.strip_prefix(CLOSED_BY), without_record(line)) {
        (Some(_), _) => None,
        // Whoever goes on without it holds it all the same.
        (None, Some(without)) => Some(without.by),
        (None, None) => Some(line.escape_debug().to_string()).filter(|line| !line.is_empty()),
    };
    let by = held::locked_by(path).filter(|pid| *pid > 0).map(|pid| format!("process {pid}"));
    let is_of = |noted: &String| by.as_ref().is_none_or(|by| noted.strip_prefix(by).is_some_and(|rest| rest.starts_with(' ')));
    let unnoted = by.as_ref().map_or(NO_NOTE.to_owned(), |by| format!("{by} that left no note"));
    noted.filter(is_of).unwrap_or(unnoted)
}

/// A note that its writer went on without the journal.
struct Without {
    by: String,
    kept: u64,
    since_ms: u64,
}

fn without_record(line: &str) -> Option<Without> {
    let mut parts = line.strip_prefix(WITHOUT_RECORD)?.splitn(3, ' ');
    let (kept, since_ms) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Without { by: parts.next()?.escape_debug().to_string(), kept, since_ms })
}

/// Since when, in milliseconds, and behind which record the last writer of the journal at `path` went on without it, if it did. For whoever
/// has its lock, and has noted nothing yet.
pub fn went_on_without(path: &Path) -> Option<(u64, u64)> {
    let Without { kept, since_ms, .. } = without_record(&line_of(path))?;
    Some((since_ms, kept))
}

/// What is noted beside the journal at `path`; empty where nothing is.
pub(super) fn line_of(path: &Path) -> String {
    let Some(name) = path.file_name() else { return String::new() };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | NEVER_THROUGH_A_LINK;
    let mut note = Vec::new();
    let opened = rustix::fs::open(path.with_file_name(beside(name, ".lock")), flags, Mode::empty());
    // Half of one says no less than none.
    let _half = opened.map(|fd| File::from(fd).take(NOTE_BYTES as u64).read_to_end(&mut note));
    String::from_utf8_lossy(&note).lines().next().unwrap_or_default().trim_end().to_owned()
}

/// Notes who writes the journal called `name` in `directory`, for whoever is refused; a note that can't be written changes nothing else.
pub(super) fn note_writer(directory: &OwnedFd, name: &OsStr, holder: &str) {
    let opened = rustix::fs::openat(directory, beside(name, ".lock"), NOTE, PRIVATE);
    let _without_a_note = opened.map(|fd| write_note(&fd.into(), &ourselves(holder)));
}

/// That the journal was closed by this process, as its owner calls it.
pub(super) fn named_closed(holder: &str) -> String {
    format!("{CLOSED_BY}{}", ourselves(holder))
}

/// That this process goes on without it, since so many milliseconds, behind record `kept`.
pub(super) fn named_without_record(kept: u64, since_ms: u64) -> String {
    format!("{WITHOUT_RECORD}{kept} {since_ms} {}", ourselves(""))
}

pub(super) fn write_line(path: &Path, note: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let opened = rustix::fs::open(path.with_file_name(beside(name, ".lock")), NOTE, PRIVATE)?;
    write_note(&opened.into(), note)
}

/// Always as long, and over what stands there: what was written once has its room, and needs none on a disk that is full.
fn write_note(file: &File, note: &str) -> io::Result<()> {
    let mut line = note.as_bytes().to_vec();
    line.resize(NOTE_BYTES - 1, b' ');
    line.push(b'\n');
    std::os::unix::fs::FileExt::write_all_at(file, &line, 0)?;
    file.set_len(NOTE_BYTES as u64)
}

const NOTE: OFlags = OFlags::CREATE.union(OFlags::WRONLY).union(NEVER_THROUGH_A_LINK);
/// A note is one line and is filled up to this length.
const NOTE_BYTES: usize = 256;
const WITHOUT_RECORD: &str = "without a record behind ";
const CLOSED_BY: &str = "closed by ";
const NO_NOTE: &str = "another process that left no note";

/// This process, for a note; `more` is what its owner calls it, where that says more than its number.
pub(super) fn ourselves(more: &str) -> String {
    let (process, user) = (rustix::process::getpid().as_raw_pid(), rustix::process::geteuid().as_raw());
    let more = if more.is_empty() || more == format!("process {process}") { String::new() } else { format!(", {more}") };
    format!("process {process} of user {user}{more}")
}

/// `name` with `suffix` behind it.
pub(super) fn beside(name: &OsStr, suffix: &str) -> OsString {
    let mut whole = name.to_owned();
    whole.push(suffix);
    whole
}

pub(super) fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::File { act, path, source }
}

/// The name of a file system that another machine keeps; the numbers are those of `statfs(2)`.
fn network_disk(magic: rustix::fs::FsWord) -> Option<&'static str> {
    // The field's type differs between machines and may be signed; the numbers have 32 bits.
    match magic as u32 {
        0x6969 => Some("NFS"),
        0x517B | 0xFE53_4D42 | 0xFF53_4D42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x00C3_6400 => Some("Ceph"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x0BD0_0BD0 => Some("Lustre"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::network_disk;

    #[test]
    fn disks_of_other_machines_are_known_by_their_numbers() {
        // The numbers as statfs(2) lists them: NFS, SMB2, ext4, tmpfs.
        assert_eq!(network_disk(0x6969), Some("NFS"));
        assert_eq!(network_disk(0xFE53_4D42_u32 as rustix::fs::FsWord), Some("SMB"));
        assert_eq!(network_disk(0xEF53), None);
        assert_eq!(network_disk(0x0102_1994), None);
    }
}
