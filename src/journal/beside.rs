//! Notes beside a journal: what whoever comes next may know, and what is no record. Each is one file of JSON, this account's alone. It outlives
//! the process and need not outlive the machine; whoever finds none, or half a one, goes on without it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use serde::{Serialize, de::DeserializeOwned};

/// The note that is called `ending`.
pub fn note_of(journal: &Path, ending: &str) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    PathBuf::from(name)
}

/// Puts a note in place of the one before, whole or not at all.
///
/// # Errors
/// The disk refuses; the one before stays.
pub fn keep<T: Serialize>(note: &Path, what: &T) -> io::Result<()> {
    let mut draft = note.as_os_str().to_owned();
    draft.push("-new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&serde_json::to_vec(what)?)?;
    fs::rename(draft, note)
}

/// What a note of at most `most` bytes says; `None` where there is none that can be read.
pub fn read<T: DeserializeOwned>(note: &Path, most: u64) -> Option<T> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(note).ok()?;
    let mut json = Vec::new();
    file.take(most).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}
