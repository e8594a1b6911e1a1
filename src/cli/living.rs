//! Whether a session's host lives, and where it listens.
//!
//! A host holds its journal as long as it lives, by a lock that the kernel takes back however it dies. So that lock tells the living from the
//! dead for every command alike, wherever a client looks for sockets: another runtime directory, as under cron, sudo or su, says nothing of
//! life. Beside the journal the host notes where it listens. A client that doesn't find it in its own directories looks there, and, as a full disk
//! takes no note, where the kernel says that a socket of its name is; it trusts neither directory more than its own. The note of a journal that nobody
//! holds tells only where its last host was begun.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
        silence::Pid,
    },
    domain::{
        id::SessionId,
        time::{Millis, Timestamp},
    },
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
pub(super) const COMES_WITHIN: Millis = Millis::from_secs(15);

/// What a host notes beside its journal.
#[derive(PartialEq, Serialize, Deserialize)]
struct Listening {
    /// The directory of its socket.
    folder: PathBuf,
    card: Card,
}

/// Notes where the host of `card` listens, unless that is what stands there.
/// # Errors
/// The disk refuses; it is for the host to try again.
pub(super) fn note(folder: &Path, card: &Card) -> io::Result<()> {
    let (path, listening) = (note_of(&card.journal, ENDING), Listening { folder: folder.to_owned(), card: card.clone() });
    if read(&path).as_ref() == Some(&listening) { Ok(()) } else { beside::keep(&path, &listening) }
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

/// The process that holds the journal: as the kernel says, or else as it noted itself, and lives.
pub(super) fn holder(journal: &Path) -> Option<Pid> {
    let readable = paths::readable(journal.to_owned());
    let named = |by: &str| by.strip_prefix("process ")?.split(' ').next()?.parse().ok();
    let noted = match last_writer(&readable) {
        LastWriter::Writing { by } => named(&by),
        LastWriter::Closed { .. } | LastWriter::Lost { .. } | LastWriter::WithoutRecord { .. } | LastWriter::Unknown => return None,
    };
    let told = || read(&note_of(journal, ENDING)).map(|noted| noted.card.pid);
    let ours = |pid| Pid::of(pid, peer::own_uid());
    noted.and_then(ours).or_else(|| told().and_then(ours))
}

/// Those of `found`, told alive or dead by their journals too, and the living ones of this account that listen elsewhere.
pub(super) fn all(found: Vec<Found>) -> Vec<Found> {
    let Ok(paths) = Paths::find() else { return found };
    let notes = notes(&paths);
    let mut told: Vec<Found> = found.into_iter().map(|one| with_its_journal(one, &notes)).collect();
    for (session, journal) in held(&paths) {
        if told.iter().any(|one| one.card.journal == journal) {
            continue;
        }
        // What can't be trusted is not asked; that its host lives is known all the same.
        match located(&session, &journal, &notes) {
            Ok(found) => told.extend(found),
            Err(error) => print::err(&error.to_string()),
        }
    }
    told.sort_by(|a, b| a.card.session.cmp(&b.card.session));
    told
}

/// The journals of this account that a host holds, and their sessions; what a program holds for itself alone is no host's.
pub(super) fn held(paths: &Paths) -> Vec<(SessionId, PathBuf)> {
    let entries = fs::read_dir(paths.journals()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = if entry.path().is_dir() { name } else { name.strip_suffix(".jsonl")?.to_owned() };
        (!name.contains(".new-")).then(|| name.replace('%', "/").parse().ok()).flatten()
    });
    let journals = names.map(|session: SessionId| (paths.journal(session.as_str()), session)).filter(|(journal, _)| holds(journal));
    let hosts = journals.filter(|(journal, _)| match last_writer(&paths::readable(journal.clone())) {
        // "process 7 of user 0, the demo".
        LastWriter::Writing { by } => !by.contains(", "),
        LastWriter::Closed { .. } | LastWriter::Lost { .. } | LastWriter::WithoutRecord { .. } | LastWriter::Unknown => false,
    });
    hosts.map(|(journal, session)| (session, journal)).collect()
}

/// Whether whoever holds the journal now wrote the note: the next host holds it for a while before it listens, and writes its own then.
fn is_of_the_holder(noted: &Listening) -> bool {
    holder(&noted.card.journal).map(Pid::get) == Some(noted.card.pid)
}

fn is_there(pid: u32) -> bool {
    Pid::of(pid, peer::own_uid()).is_some()
}

/// A session without a lease lives if its journal is held: a cleaner took the lease away, or its host listens elsewhere by now.
fn with_its_journal(found: Found, notes: &[Listening]) -> Found {
    if found.life == Life::Running || !holds(&found.card.journal) {
        return found;
    }
    let located = located(&found.card.session, &found.card.journal, notes).ok().flatten();
    located.unwrap_or(Found { life: Life::Running, ..found })
}

/// The living host of a journal that is held: what the directory of its note tells of it, or one where the kernel knows of its socket, or, where
/// nothing is there any more, what its note does. A note of the host before still says where this account's hosts listen.
fn located(session: &SessionId, journal: &Path, notes: &[Listening]) -> Result<Option<Found>, FolderError> {
    let own = peer::own_uid();
    let noted = notes.iter().find(|noted| noted.card.journal == journal);
    let mut untrusted = None;
    for folder in noted.iter().map(|noted| noted.folder.clone()).chain(folders_of(session)) {
        let there = match Folder::open(&folder).and_then(|folder| folder.of(own)?.sessions()) {
            Ok(there) => there,
            Err(FolderError::Io { .. }) => continue,
            Err(error @ FolderError::Unsafe { .. }) => {
                untrusted = Some(error);
                continue;
            }
        };
        if let Some(living) = there.into_iter().find(|one| one.card.journal == journal && one.life == Life::Running) {
            return Ok(Some(living));
        }
    }
    let told = |noted: &Listening| {
        let socket = noted.folder.join(socket_name(&noted.card.session));
        Found { card: noted.card.clone(), life: Life::Running, socket, owner: own }
    };
    match (noted.filter(|noted| is_of_the_holder(noted)), untrusted) {
        (_, Some(error)) => Err(error),
        (noted, None) => Ok(noted.map(told)),
    }
}

/// The directories in which the kernel knows of a socket that is called as the session's.
fn folders_of(session: &SessionId) -> Vec<PathBuf> {
    sockets_of(session, &fs::read_to_string("/proc/net/unix").unwrap_or_default())
}

fn sockets_of(session: &SessionId, table: &str) -> Vec<PathBuf> {
    let name = socket_name(session);
    let path = |line: &str| Some(PathBuf::from(line.get(line.find(" /")? + 1..)?));
    let mut folders: Vec<PathBuf> = table
        .lines()
        .filter_map(path)
        .filter(|path| path.file_name().is_some_and(|found| *found == *name))
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn notes(paths: &Paths) -> Vec<Listening> {
    let entries = fs::read_dir(paths.journals()).into_iter().flatten().flatten().map(|entry| entry.path());
    let notes = entries.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
    notes.filter_map(|path| read(&path).filter(|noted| note_of(&noted.card.journal, ENDING) == path)).collect()
}

fn read(path: &Path) -> Option<Listening> {
    beside::read(path, NOTE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_table_tells_where_a_session_s_socket_is() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                     00000000c91691bd: 00000002 00000000 00010000 0001 01 26781162 /run/user/7/my own/night.sock\n\
                     00000000c91691be: 00000003 00000000 00000000 0001 03 26781163 /run/user/7/my own/night.sock\n\
                     00000000c91691bf: 00000002 00000000 00010000 0001 01 26781164 @/run/night.sock\n\
                     00000000c91691c0: 00000002 00000000 00010000 0001 01 26781165 /run/other-night.sock\n\
                     00000000c91691c1: 00000003 00000000 00000000 0001 03 26781166\n";
        assert_eq!(sockets_of(&"night".parse().unwrap(), table), [PathBuf::from("/run/user/7/my own")]);
        assert_eq!(sockets_of(&"day".parse().unwrap(), table), Vec::<PathBuf>::new());
    }
}
