//! Whether a session's host lives, and where it listens.
//!
//! A host holds its journal as long as it lives, by a lock that the kernel takes back however it dies. So that lock tells the living from the
//! dead for every command alike, wherever a client looks for sockets: another runtime directory, as under cron, sudo or su, says nothing of
//! life. Beside the journal the host notes where it listens. A client that doesn't find it in its own directories looks there, and trusts
//! that directory no more than its own. The note of a journal that nobody holds tells only where its last host was begun.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::{
    attach::{
        peer,
        sessions::{Card, Found, Life, socket_name},
        socket::{Folder, FolderError},
    },
    cli::{
        paths::{self, Paths},
        print,
    },
    domain::time::{Millis, Timestamp},
    journal::{
        beside::{self, note_of},
        files::{LastWriter, is_in_use, last_writer},
    },
};

/// Longest note read, in bytes.
const NOTE_BYTES_MAX: u64 = 64 * 1024;
const ENDING: &str = "host";
const RETURN: &str = "return";
/// A host that was to come and is not there so long after is not waited for.
const COMES_WITHIN: Millis = Millis::from_secs(15);

/// What a host notes beside its journal.
#[derive(Serialize, Deserialize)]
struct Listening {
    /// The directory of its socket.
    folder: PathBuf,
    card: Card,
}

/// Notes where the host of `card` listens.
/// # Errors
/// The disk refuses; who looks in another directory then knows only that the host lives.
pub(super) fn note(folder: &Path, card: &Card) -> io::Result<()> {
    beside::keep(&note_of(&card.journal, ENDING), &Listening { folder: folder.to_owned(), card: card.clone() })
}

/// What the last host of the session of this journal told of it, alive or not.
pub(super) fn noted(journal: &Path) -> Option<Card> {
    read(&note_of(journal, ENDING)).map(|noted| noted.card).filter(|card| card.journal == journal)
}

/// A host that died and is started again: by which process, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Return {
    pub by: u32,
    pub at: Timestamp,
}

/// Says beside the journal that its next host comes.
/// # Errors
/// The disk refuses; it comes all the same.
pub(super) fn promise_return(journal: &Path, promised: Return) -> io::Result<()> {
    beside::keep(&note_of(journal, RETURN), &promised)
}

/// Nobody comes any more.
pub(super) fn withdraw_return(journal: &Path) {
    // Without one it is said already.
    fs::remove_file(note_of(journal, RETURN)).ok();
}

/// The next host of this journal, as long as whoever starts it is there.
pub(super) fn promised_return(journal: &Path, now: Timestamp) -> Option<Return> {
    let promised: Return = beside::read(&note_of(journal, RETURN), NOTE_BYTES_MAX)?;
    (is_there(promised.by) && now.since(promised.at) < COMES_WITHIN).then_some(promised)
}

/// Whether somebody holds the journal at `journal`: its host, or whoever is about to be that. Another account's can't be asked for.
pub(super) fn holds(journal: &Path) -> bool {
    is_in_use(&paths::readable(journal.to_owned()))
}

/// The process that holds the journal, where it left its number.
pub(super) fn holder(journal: &Path) -> Option<u32> {
    match last_writer(&paths::readable(journal.to_owned())) {
        LastWriter::Writing { by } => by.strip_prefix("process ")?.split(' ').next()?.parse().ok(),
        LastWriter::Closed { .. } | LastWriter::Lost { .. } | LastWriter::WithoutRecord { .. } | LastWriter::Unknown => None,
    }
}

/// Those of `found`, told alive or dead by their journals too, and the living ones of this account that listen elsewhere.
pub(super) fn all(found: Vec<Found>) -> Vec<Found> {
    let notes = Paths::find().map(|paths| notes(&paths)).unwrap_or_default();
    let mut told: Vec<Found> = found.into_iter().map(|one| with_its_journal(one, &notes)).collect();
    for noted in notes {
        if !told.iter().any(|one| one.card.journal == noted.card.journal) && is_of_the_holder(&noted) {
            // What can't be trusted is not asked; that its host lives is known all the same.
            match located(noted) {
                Ok(found) => told.push(found),
                Err(error) => print::err(&error.to_string()),
            }
        }
    }
    told.sort_by(|a, b| a.card.session.cmp(&b.card.session));
    told
}

/// Whether whoever holds the journal now wrote the note: the next host holds it for a while before it listens, and writes its own then.
fn is_of_the_holder(noted: &Listening) -> bool {
    let journal = &noted.card.journal;
    holds(journal) && holder(journal) == Some(noted.card.pid) && is_there(noted.card.pid)
}

fn is_there(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// A session without a lease lives if its journal is held: a cleaner took the lease away, or its host listens elsewhere by now.
fn with_its_journal(found: Found, notes: &[Listening]) -> Found {
    if found.life == Life::Running || !holds(&found.card.journal) {
        return found;
    }
    let noted = notes.iter().find(|noted| noted.card.journal == found.card.journal && is_of_the_holder(noted));
    let located = noted.and_then(|noted| located(Listening { folder: noted.folder.clone(), card: noted.card.clone() }).ok());
    located.unwrap_or(Found { life: Life::Running, ..found })
}

/// The living session of a note: what its directory tells of it, or, where nothing is there any more, what the note does.
fn located(noted: Listening) -> Result<Found, FolderError> {
    let own = peer::own_uid();
    let there = match Folder::open(&noted.folder).and_then(|folder| folder.of(own)?.sessions()) {
        Ok(there) => there,
        Err(FolderError::Io { .. }) => Vec::new(),
        Err(error @ FolderError::Unsafe { .. }) => return Err(error),
    };
    let living = there.into_iter().find(|one| one.card.journal == noted.card.journal && one.life == Life::Running);
    let socket = noted.folder.join(socket_name(&noted.card.session));
    Ok(living.unwrap_or(Found { card: noted.card, life: Life::Running, socket, owner: own }))
}

fn notes(paths: &Paths) -> Vec<Listening> {
    let entries = fs::read_dir(paths.journals()).into_iter().flatten().flatten().map(|entry| entry.path());
    let notes = entries.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
    notes.filter_map(|path| read(&path).filter(|noted| note_of(&noted.card.journal, ENDING) == path)).collect()
}

fn read(path: &Path) -> Option<Listening> {
    beside::read(path, NOTE_BYTES_MAX)
}
