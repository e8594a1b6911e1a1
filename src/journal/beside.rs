//! Notes beside a journal: what whoever comes next may know, and what is no record. Each is one file of JSON, this account's alone. It outlives
//! the process and need not outlive the machine; whoever finds none, or half a one, goes on without it. A disk that is full takes none; whoever
//! keeps one tries again until it does.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
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

/// A short note is filled up to this length: over it the next one can be written where there is no room for another file.
const ROOM: usize = 4096;

/// Puts a note in place of the one before, whole or not at all; a short one over it, where the disk takes no other file.
///
/// # Errors
/// The disk refuses, and the one before stays: it is for the caller to try again.
pub fn keep<T: Serialize>(note: &Path, what: &T) -> io::Result<()> {
    let mut json = serde_json::to_vec(what)?;
    let is_short = json.len() <= ROOM;
    if is_short {
        json.resize(ROOM, b' ');
    }
    let mut draft = note.as_os_str().to_owned();
    draft.push("-new");
    let placed = create(Path::new(&draft), &json).and_then(|()| fs::rename(&draft, note));
    placed.or_else(|error| {
        // An empty draft says nothing, and takes room from what does.
        let _gone = fs::remove_file(&draft);
        if is_short { over(note, &json).map_err(|_| error) } else { Err(error) }
    })
}

fn create(draft: &Path, json: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?.write_all(json)
}

/// Writes over a note that has the room.
fn over(note: &Path, json: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32).open(note)?;
    if file.metadata()?.len() != json.len() as u64 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.write_all_at(json, 0)
}

/// What a note of at most `most` bytes says; `None` where there is none that can be read.
pub fn read<T: DeserializeOwned>(note: &Path, most: u64) -> Option<T> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(note).ok()?;
    let mut json = Vec::new();
    file.take(most).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_other_file_can_be_made_a_short_note_is_written_over_the_one_before_and_a_long_one_stays() {
        let folder = std::env::temp_dir().join(format!("cutover-beside-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let note = note_of(&folder.join("night"), "host");
        let draft = note_of(&folder.join("night"), "host-new");
        let says = || read::<String>(&note, 64 * 1024);
        // A disk without room refuses the draft; so does a folder in its place.
        fs::create_dir(&draft).unwrap();
        assert!(keep(&note, &"first").is_err());
        assert_eq!(says(), None);
        fs::remove_dir(&draft).unwrap();
        keep(&note, &"first").unwrap();
        fs::create_dir(&draft).unwrap();
        keep(&note, &"second").unwrap();
        assert_eq!(says().as_deref(), Some("second"));
        assert!(keep(&note, &"x".repeat(ROOM)).is_err());
        assert_eq!(says().as_deref(), Some("second"), "the one before stays");
        fs::remove_dir(&draft).unwrap();
        // What an earlier program wrote has no room.
        fs::write(&note, b"\"of old\"").unwrap();
        fs::create_dir(&draft).unwrap();
        assert!(keep(&note, &"third").is_err());
        assert_eq!(says().as_deref(), Some("of old"));
        fs::remove_dir(&draft).unwrap();
        keep(&note, &"x".repeat(ROOM)).unwrap();
        assert!(!draft.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
