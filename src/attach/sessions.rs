//! Which sessions there are: a lease, a card and a socket for each, side by side in one directory.
//!
//! The lease is a file lock that the kernel takes back when its holder dies, however it dies. So the living are told from the dead without
//! asking anybody, and what a dead host left behind is cleared away only by the next one who holds the lease. The lock is the owner's
//! alone: whoever may open it may lock it, and a watcher who did would keep a dead host from coming back. The others knock at the socket.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};
use serde::{Deserialize, Serialize};

use crate::{
    attach::{
        dial::Dial,
        socket::{Folder, FolderError},
    },
    core::event::WorldKind,
    domain::{digest::Digest, id::SessionId, shown::Shown, time::Timestamp},
};

/// Longest card read, in bytes.
const CARD_BYTES_MAX: u64 = 16 * 1024;
/// Somebody who lists the sessions holds a shared lock for an instant; a host tries again this often before it believes in another host.
const CLAIM_TRIES: u32 = 10;
const LOCK_MODE: Mode = Mode::from_raw_mode(0o600);
const CLAIM_PAUSE: Duration = Duration::from_millis(20);

/// What a host tells of its session to whoever lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub session: SessionId,
    pub plan: Shown,
    pub plan_path: PathBuf,
    /// Of the plan that it flies.
    pub plan_hash: Digest,
    pub world: WorldKind,
    /// Which simulated world; `None` for a live session.
    #[serde(default)]
    pub simulated: Option<Simulated>,
    /// The roster that its host was told to use; without one, the default.
    #[serde(default)]
    pub roster: Option<PathBuf>,
    /// For showing; numbers are used again.
    pub pid: u32,
    pub journal: PathBuf,
    pub started_at: Timestamp,
    /// Of the program that hosts it.
    pub version: String,
}

/// A simulated world, as a host was told to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Simulated {
    /// The host's own; it ends with the host.
    Own,
    /// The one that listens on five ports from this one.
    Port(u16),
}

/// A session of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub card: Card,
    pub life: Life,
    pub socket: PathBuf,
    /// The account whose host it is.
    pub owner: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Its host holds the lease.
    Running,
    /// Its host died without a goodbye; the journal can be taken up again.
    Dead,
}

impl Found {
    pub fn dial(&self) -> Dial {
        Dial::Path { path: self.socket.clone(), owner: self.owner }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error("{what} is held by another host already; it runs on untouched; attach to it instead")]
    Held { what: String },
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Proof that no other host of this machine has the same session or plan. Ends with the process, at the latest.
#[derive(Debug)]
pub struct Lease {
    lock: OwnedFd,
    name: String,
}

impl Lease {
    /// Whether it is what stands under its name in `folder`, so that it keeps others out there.
    pub fn is_of(&self, folder: &Folder) -> bool {
        let named = rustix::fs::statat(folder.descriptor(), format!("{}.lock", self.name), AtFlags::SYMLINK_NOFOLLOW);
        match (rustix::fs::fstat(&self.lock), named) {
            (Ok(held), Ok(named)) => (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino),
            (Ok(_) | Err(_), _) => false,
        }
    }
}

/// The file name of a session; names may hold a slash, file names may not.
fn file_name(session: &SessionId) -> String {
    session.as_str().replace('/', "%")
}
pub fn socket_name(session: &SessionId) -> String {
    format!("{}.sock", file_name(session))
}

impl Folder {
    /// Takes the lease of a session.
    ///
    /// # Errors
    /// Another process has it, or the directory fails us.
    pub fn claim_session(&self, session: &SessionId) -> Result<Lease, ClaimError> {
        self.claim(file_name(session), format!("session {session}"))
    }

    /// Takes the lease of a plan, by the hash of its path: one plan has one host, whatever its sessions are called.
    ///
    /// # Errors
    /// As for a session.
    pub fn claim_plan(&self, path_hash: &str) -> Result<Lease, ClaimError> {
        let short: String = path_hash.chars().take(32).collect();
        self.claim(format!("plan={short}"), "this plan".to_owned())
    }

    fn claim(&self, name: String, what: String) -> Result<Lease, ClaimError> {
        let path = self.path().join(format!("{name}.lock"));
        let io = |error: rustix::io::Errno| FolderError::Io { path: path.clone(), error: error.into() };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..CLAIM_TRIES {
            let lock = rustix::fs::openat(self.descriptor(), format!("{name}.lock"), flags, LOCK_MODE).map_err(io)?;
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    std::thread::sleep(CLAIM_PAUSE);
                    continue;
                }
                Err(error) => return Err(io(error).into()),
            }
            // The last holder may have removed the file between our opening and our locking; then we hold a lock on nothing.
            let lease = Lease { lock, name: name.clone() };
            if lease.is_of(self) {
                return Ok(lease);
            }
        }
        Err(ClaimError::Held { what })
    }

    /// Listens for the session of `lease`, in place of whatever a dead host has left.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn listen_for(&self, lease: &Lease) -> Result<tokio::net::UnixListener, FolderError> {
        self.listen(&format!("{}.sock", lease.name))
    }

    /// Puts up the card of the session of `lease`. It is whole or not there.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn put_up(&self, lease: &Lease, card: &Card) -> Result<(), FolderError> {
        let (draft, name) = (format!("{}.json.new", lease.name), format!("{}.json", lease.name));
        let io = |error: io::Error| FolderError::Io { path: self.path().join(&name), error };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.descriptor(), &draft, flags, self.card_mode()).map_err(|error| io(error.into()))?;
        // A host has a file mask that takes the group's bits.
        rustix::fs::fchmod(&file, self.card_mode()).map_err(|error| io(error.into()))?;
        let json = serde_json::to_vec_pretty(card).map_err(|error| io(error.into()))?;
        File::from(file).write_all(&json).map_err(|error| {
            // A draft that a full disk did not take says nothing.
            rustix::fs::unlinkat(self.descriptor(), &draft, AtFlags::empty()).ok();
            io(error)
        })?;
        rustix::fs::renameat(self.descriptor(), &draft, self.descriptor(), &name).map_err(|error| io(error.into()))
    }

    /// Whether a card of the session of `lease` stands here.
    pub fn is_up(&self, lease: &Lease) -> bool {
        rustix::fs::statat(self.descriptor(), format!("{}.json", lease.name), AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Clears away all traces of an ended session. Failing to is no harm: without its lease it counts as dead.
    pub fn retire(&self, lease: Lease) {
        self.remove_socket(&format!("{}.sock", lease.name)).ok();
        for kind in ["json", "lock"] {
            rustix::fs::unlinkat(self.descriptor(), format!("{}.{kind}", lease.name), AtFlags::empty()).ok();
        }
        drop(lease.lock);
    }

    /// All sessions of this directory, by name. A card that can't be read is passed over: it is not ours, or half a host's.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn sessions(&self) -> Result<Vec<Found>, FolderError> {
        let io = |error: rustix::io::Errno| FolderError::Io { path: self.path().to_owned(), error: error.into() };
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(self.descriptor()).map_err(io)? {
            let entry = entry.map_err(io)?;
            let Some(name) = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(".json")) else { continue };
            if let Some(card) = self.card(name) {
                let socket = self.path().join(socket_name(&card.session));
                found.push(Found { life: self.life(name), socket, owner: self.owner(), card });
            }
        }
        found.sort_by(|a, b| a.card.session.cmp(&b.card.session));
        Ok(found)
    }

    fn card(&self, name: &str) -> Option<Card> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(self.descriptor(), format!("{name}.json"), flags, Mode::empty()).ok()?;
        let mut json = Vec::new();
        File::from(file).take(CARD_BYTES_MAX).read_to_end(&mut json).ok()?;
        serde_json::from_slice::<Card>(&json).ok().filter(|card| file_name(&card.session) == name)
    }

    fn life(&self, name: &str) -> Life {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = match rustix::fs::openat(self.descriptor(), format!("{name}.lock"), flags, Mode::empty()) {
            Ok(lock) => lock,
            Err(rustix::io::Errno::ACCESS) => return self.knock(name),
            Err(_) => return Life::Dead,
        };
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) => Life::Running,
            Ok(()) | Err(_) => Life::Dead,
        }
    }

    /// Whether somebody listens. A host that is too busy to take one more line lives too.
    fn knock(&self, name: &str) -> Life {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let knocked = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .and_then(|socket| rustix::net::connect(&socket, &SocketAddrUnix::new(self.path().join(format!("{name}.sock")))?));
        match knocked {
            Ok(()) | Err(rustix::io::Errno::AGAIN) => Life::Running,
            Err(_) => Life::Dead,
        }
    }
}

/// Which session is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    #[error("no session runs here; nothing was done; start one with `cutover open PLAN`")]
    None,
    #[error("several sessions run here; nothing was done; name one of them: {}", .0.join(", "))]
    Several(Vec<String>),
    #[error("there is no session {wanted} here ({}); nothing was done; see `cutover sessions`", there_is(.there))]
    NoSuch { wanted: String, there: Vec<String> },
    #[error("the host of session {} has died; nothing was done; {}", .0.card.session, where_is(&.0.card.journal))]
    Dead(Box<Found>),
}

/// Which sessions there are, for whoever named another.
fn there_is(names: &[String]) -> String {
    match names {
        [] => "there is none".to_owned(),
        names => format!("there is: {}", names.join(", ")),
    }
}

fn where_is(journal: &Path) -> String {
    match journal.exists() {
        true => format!("its journal: {}", journal.display()),
        false => format!("its journal is not at {} any more; put it back there first", journal.display()),
    }
}

/// A session's name, and whether it is a real one.
fn known(found: &Found) -> String {
    match found.card.world {
        WorldKind::Live => format!("{} (LIVE)", found.card.session),
        WorldKind::Demo { .. } => format!("{} (simulated)", found.card.session),
    }
}

/// The session of that name; without a name, the only one that runs.
///
/// # Errors
/// See [`PickError`].
pub fn pick(found: Vec<Found>, wanted: Option<&str>) -> Result<Found, PickError> {
    let names = |found: &[Found]| found.iter().map(|one| one.card.session.to_string()).collect::<Vec<_>>();
    if let Some(wanted) = wanted {
        let there = names(&found);
        let found = found.into_iter().find(|one| one.card.session.as_str() == wanted);
        return match found.ok_or(PickError::NoSuch { wanted: wanted.to_owned(), there })? {
            dead @ Found { life: Life::Dead, .. } => Err(PickError::Dead(Box::new(dead))),
            running => Ok(running),
        };
    }
    let (mut running, dead): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.life == Life::Running);
    match (running.len(), dead.into_iter().next()) {
        (1, _) => Ok(running.remove(0)),
        (0, Some(dead)) => Err(PickError::Dead(Box::new(dead))),
        (0, None) => Err(PickError::None),
        _ => Err(PickError::Several(running.iter().map(known).collect())),
    }
}
