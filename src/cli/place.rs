//! Where sessions are looked for, and which one is meant.
//!
//! A host has one directory; a client looks into its own and into the one that a machine shares, `/run/cutover`, where an administrator
//! may have made it for a group. A directory that can't be trusted is passed over with a word on standard error.

use std::path::{Path, PathBuf};

use color_eyre::eyre::Result;

use crate::{
    attach::{
        client::{self, ConnectError, Glance, Link},
        dial::Dial,
        peer,
        protocol::{Refused, Then, Wants},
        sessions::{self, Found, Life, PickError},
        signer::Signer,
        socket::{Folder, FolderError, default_folder},
    },
    cli::{
        Exit,
        absent::{Absent, Host},
        living, print,
        silence::ANSWERS_WITHIN,
    },
    core::event::TerminalSize,
    domain::id::{OperatorId, SessionId},
};

/// Shared by the hosts and people of one machine; an administrator makes it, with mode 2750 and a group.
const SHARED: &str = "/run/cutover";
const RUNTIME_DIR: &str = "CUTOVER_RUNTIME_DIR";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Place {
    /// Directory of the sessions' sockets [default: the login's runtime directory; clients look into /run/cutover too]
    #[arg(long, env = RUNTIME_DIR, value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,
    /// Who you are, where several people share your account
    #[arg(long, env = "CUTOVER_PERSON", value_name = "NAME", requires = "key")]
    pub person: Option<OperatorId>,
    /// Your SSH key, which the roster lists: it proves who you are and signs your approvals
    #[arg(long, env = "CUTOVER_KEY", value_name = "FILE", requires = "person")]
    pub key: Option<PathBuf>,
}

impl Place {
    /// The host's directory, made if it is missing.
    /// # Errors
    /// It can't be made or trusted.
    pub fn own(&self) -> Result<Folder, FolderError> {
        Folder::own(&self.named_or_default())
    }

    fn named_or_default(&self) -> PathBuf {
        let login = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        self.runtime_dir.clone().unwrap_or_else(|| default_folder(login.as_deref(), peer::own_uid()))
    }

    /// Every session of every directory that can be looked into, and those of this account that live elsewhere, by name.
    /// # Errors
    /// Only when a directory that was named can't be used.
    pub fn sessions(&self) -> Result<Vec<Found>, FolderError> {
        self.here().map(living::all)
    }

    /// The sessions of this account's hosts, wherever they listen.
    /// # Errors
    /// The host's directory can't be made or trusted.
    pub fn of_our_own(&self) -> Result<Vec<Found>, FolderError> {
        self.own()?.sessions().map(living::all)
    }

    fn here(&self) -> Result<Vec<Found>, FolderError> {
        if let Some(named) = &self.runtime_dir {
            return match std::fs::symlink_metadata(named) {
                // As after a restart of the machine; what the journals know is still there.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    print::err(&format!("{} is not there, so no host is reachable in it", named.display()));
                    Ok(Vec::new())
                }
                Ok(_) | Err(_) => Folder::open(named)?.sessions(),
            };
        }
        let mut found = Vec::new();
        for looked in [ours(&self.named_or_default()), shared(Path::new(SHARED))] {
            match looked {
                Ok(there) => found.extend(there),
                Err(error) => print::err(&error.to_string()),
            }
        }
        Ok(found)
    }

    /// The running session that is meant.
    /// # Errors
    /// [`Exit::Nobody`], when there is none or no single one, or its host is gone; the reason, what is known and the way on have been said.
    pub fn find(&self, wanted: Option<&str>) -> Result<Found, Exit> {
        match self.meant(wanted)? {
            Meant::Running(found) => Ok(*found),
            Meant::Absent(absent) => Err(absent.tell(None)),
        }
    }

    /// The session that is meant, whether its host is there or gone.
    /// # Errors
    /// [`Exit::Nobody`], when there is none or no single one; the reason and the way on are on standard error.
    pub fn meant(&self, wanted: Option<&str>) -> Result<Meant, Exit> {
        let found = self.sessions().map_err(|error| said(error, Exit::Failed))?;
        let known = found.clone();
        sessions::pick(self.nearest(found, wanted), wanted).map(|found| Meant::Running(Box::new(found))).or_else(|error| match error {
            PickError::Dead(found) => Ok(Meant::Absent(Box::new(Absent::of(&found, self)))),
            PickError::None => alone(Absent::without_card(&known, self)).map(Meant::Absent),
            PickError::NoSuch { wanted, mut there } => {
                there.extend(Absent::names_without_card(&known).iter().map(ToString::to_string));
                let meant = Absent::without_card_where(&known, self, |open| open.session.as_str() == wanted).pop();
                let meant = meant.map(|absent| Meant::Absent(Box::new(absent)));
                meant.ok_or_else(|| said(PickError::NoSuch { wanted, there }, Exit::Nobody))
            }
            error @ PickError::Several(_) => Err(said(error, Exit::Nobody)),
        })
    }

    /// Says which sessions other than `meant` have lost their host with users away from home, or where nobody knows of them; whether there is any.
    /// Whoever names no session means everybody's users.
    pub fn tells_of_others(&self, meant: &SessionId) -> bool {
        let found = self.sessions().unwrap_or_default();
        let dead = found.iter().filter(|one| one.life == Life::Dead && one.card.session != *meant).map(|one| Absent::of(one, self));
        let others = dead.chain(Absent::without_card_where(&found, self, |open| open.session != *meant));
        let away: Vec<Absent> = others.filter(|absent| absent.host == Host::Gone && !absent.unwatched().is_empty()).collect();
        for absent in &away {
            let stood = absent.stood().join("\n");
            print::err(&format!(
                "beside session {meant}, the host of session {} is gone, and nobody watches over its users\n{stood}\n{}",
                absent.session,
                absent.back()
            ));
        }
        !away.is_empty()
    }

    /// Of several sessions without a name, those of the directory that was named come before those that live elsewhere.
    fn nearest(&self, found: Vec<Found>, wanted: Option<&str>) -> Vec<Found> {
        let (Some(named), None) = (&self.runtime_dir, wanted) else { return found };
        let is_there = |one: &Found| one.socket.parent() == Some(named);
        match found.iter().any(|one| is_there(one) && one.life == Life::Running) {
            true => found.into_iter().filter(is_there).collect(),
            false => found,
        }
    }

    /// What became of `known`, whose line broke or is silent.
    /// # Errors
    /// [`Exit::Failed`], when a directory that was named can't be used any more.
    pub fn still(&self, known: &Found) -> Result<Still, Exit> {
        let found = self.sessions().map_err(|error| said(error, Exit::Failed))?;
        match found.iter().find(|one| one.socket == known.socket) {
            Some(one) if one.life == Life::Running => return Ok(Still::Running),
            Some(dead) => return Ok(Still::of(Absent::of(dead, self))),
            None => {}
        }
        let left = Absent::without_card_where(&found, self, |open| open.session == known.card.session).pop();
        Ok(left.map_or(Still::Over, Still::of))
    }

    /// The options by which another command looks where this one does. What the environment says need not be said.
    pub fn words(&self) -> Vec<String> {
        let named = self.runtime_dir.as_deref().filter(|named| std::env::var_os(RUNTIME_DIR).as_deref() != Some(named.as_os_str()));
        named.into_iter().flat_map(|path| ["--runtime-dir".to_owned(), path.display().to_string()]).collect()
    }
}

/// The session that somebody means.
pub enum Meant {
    Running(Box<Found>),
    /// Its host is gone.
    Absent(Box<Absent>),
}

/// What became of a session that ran.
pub enum Still {
    Running,
    /// Its host is gone meanwhile.
    Absent(Box<Absent>),
    /// Somebody stopped it.
    Over,
}

impl Still {
    /// A host that was stopped goes before its card does.
    fn of(absent: Absent) -> Still {
        if absent.was_stopped() { Still::Over } else { Still::Absent(Box::new(absent)) }
    }
}

/// The only session that left no card, where no other is there.
fn alone(mut without_card: Vec<Absent>) -> Result<Box<Absent>, Exit> {
    match (without_card.pop(), without_card.is_empty()) {
        (Some(only), true) => Ok(Box::new(only)),
        (None, _) => Err(said(PickError::None, Exit::Nobody)),
        (Some(last), false) => {
            let names: Vec<String> = without_card.iter().chain([&last]).map(|absent| absent.session.to_string()).collect();
            let why = format!("the hosts of several sessions are gone; nothing was done; name one of them: {}", names.join(", "));
            Err(said(why, Exit::Nobody))
        }
    }
}

/// The directory of our own; one that somebody else made under its name, to play the host there, is not it.
fn ours(path: &Path) -> Result<Vec<Found>, FolderError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Folder::open(path)?.of(peer::own_uid())?.sessions(),
        Err(_) => Ok(Vec::new()),
    }
}

fn shared(path: &Path) -> Result<Vec<Found>, FolderError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Folder::open(path)?.sessions(),
        Err(_) => Ok(Vec::new()),
    }
}

/// Why a host was not heard. Nothing of it was said yet.
pub enum Unheard {
    /// It is gone by now, or does not answer: what is known of its session instead.
    Absent(Box<Absent>),
    /// It does not let us in, or speaks otherwise.
    Kept(ConnectError),
}

impl Unheard {
    /// Says it; the exit tells the same.
    pub fn tell(self) -> Exit {
        match self {
            Unheard::Absent(absent) => absent.tell(None),
            Unheard::Kept(error) => {
                let exit = match &error {
                    ConnectError::Refused(_) | ConnectError::NoProof(_) => Exit::Refused,
                    ConnectError::Unreachable(_) | ConnectError::Broken(_) | ConnectError::NoSnapshot => Exit::Nobody,
                };
                said(error, exit)
            }
        }
    }
}

impl Place {
    /// How a session stands, without being announced to anybody.
    /// # Errors
    /// Its host was not heard.
    pub async fn glance(&self, found: &Found) -> Result<Glance, Unheard> {
        self.heard(found, client::glance(found.dial())).await
    }

    /// Attaches to a session.
    /// # Errors
    /// The exit that says why not; the reason is on standard error.
    pub async fn attach(&self, found: &Found, wants: Wants, terminal: Option<TerminalSize>) -> Result<Link, Exit> {
        self.connect(found, wants, terminal).await.map_err(Unheard::tell)
    }

    /// Attaches for one question of a command line, which is announced to nobody. A host of an earlier version doesn't know of that, and is asked
    /// as by a cockpit.
    /// # Errors
    /// Its host was not heard.
    pub async fn errand(&self, found: &Found) -> Result<Link, Unheard> {
        match self.connect(found, Wants::Errand, None).await {
            Err(Unheard::Kept(ConnectError::Refused(Refused { then: Then::StayAway, .. }))) => {
                self.connect(found, Wants::Cockpit, None).await
            }
            heard => heard,
        }
    }

    async fn connect(&self, found: &Found, wants: Wants, terminal: Option<TerminalSize>) -> Result<Link, Unheard> {
        let dial = self.dial(found);
        if dial.signer().is_none() {
            return self.heard(found, client::connect(dial, wants, terminal)).await;
        }
        // An agent may wait for a touch, so that it takes long says nothing of the host then: it is asked for a look first.
        self.glance(found).await?;
        client::connect(dial, wants, terminal).await.map_err(Unheard::Kept)
    }

    /// What the host of `found` answers, if it does so in time.
    async fn heard<T>(&self, found: &Found, answer: impl Future<Output = Result<T, ConnectError>>) -> Result<T, Unheard> {
        let unreachable = match tokio::time::timeout(ANSWERS_WITHIN, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(ConnectError::Unreachable(error))) => Some(error),
            Ok(Err(error)) => return Err(Unheard::Kept(error)),
            Err(_) => None,
        };
        match (self.still(found), unreachable) {
            (Ok(Still::Absent(absent)), _) => Err(Unheard::Absent(absent)),
            // It lives. One that would block has as many waiting as it takes; nobody listens at the others, or they don't let us knock.
            (Ok(Still::Running), Some(error)) if !is_forbidden(&error) => Err(Unheard::Absent(Box::new(Absent::silent(found, self).await))),
            (Ok(Still::Running | Still::Over) | Err(_), Some(error)) => Err(Unheard::Kept(ConnectError::Unreachable(error))),
            (Ok(Still::Running | Still::Over) | Err(_), None) => Err(Unheard::Absent(Box::new(Absent::silent(found, self).await))),
        }
    }

    fn dial(&self, found: &Found) -> Dial {
        match (&self.person, &self.key) {
            (Some(person), Some(key)) => {
                let signer = Signer { person: person.clone(), key: key.clone() };
                Dial::Signing { path: found.socket.clone(), owner: found.owner, signer }
            }
            (None, _) | (Some(_), None) => found.dial(),
        }
    }
}

fn is_forbidden(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}

/// Says `error` and passes `exit` on.
pub fn said(error: impl std::fmt::Display, exit: Exit) -> Exit {
    print::err(&format!("cutover: {error}"));
    exit
}
