//! The directory that the sockets of sessions live in, and the socket itself: made, checked and checked again.
//!
//! Whoever can write the directory could put his own socket there and play the host; whoever can enter it can knock. So it belongs to the
//! host's owner, is entered by him alone (0700) or by one group (0750), and is looked at through an open descriptor, so that what was
//! checked is what is used. The socket's mode is set on the socket before it has a name, which leaves no moment in which it is wider; the
//! process's file mask, which all threads share, is not touched.
//!
//! Who somebody is, is not decided here: file modes only keep strangers from knocking.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};

use crate::attach::peer;

/// More than all the terminals that have a place. Beyond these the kernel lets one after the other wait (`dial`), so a longer queue would hold
/// strangers alone, before everybody who comes behind them. It takes what `net.core.somaxconn` allows.
const CONNECTIONS_WAITING_MAX: i32 = 256;

/// Why a directory or a socket in it can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(
        "{path} can't be used for sockets: {error}; no session is reachable there; check the directory or name another by --runtime-dir"
    )]
    Io { path: PathBuf, error: io::Error },
    #[error("{path} can't be trusted with sockets: {why}; nothing was done there; correct that or name another by --runtime-dir")]
    Unsafe { path: PathBuf, why: String },
}

/// Who may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Owner,
    Group(u32),
}

/// A directory that was checked, held open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
    owner: u32,
    reach: Reach,
}

impl Folder {
    /// For a host: creates the directory with mode 0700 where it is missing. It must be this account's own.
    ///
    /// # Errors
    /// It can't be made, or is not safe.
    pub fn own(path: &Path) -> Result<Folder, FolderError> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(FolderError::Io { path: path.to_owned(), error: error.into() }),
        }
        Folder::open(path)?.of(peer::own_uid())
    }

    /// The same directory, if it is this account's.
    ///
    /// # Errors
    /// It is somebody else's.
    pub fn of(self, account: u32) -> Result<Folder, FolderError> {
        if self.owner == account {
            return Ok(self);
        }
        let why = format!("it belongs to account {} and not to you", self.owner);
        Err(FolderError::Unsafe { path: self.path, why })
    }

    /// For a client: a directory of anybody's, as long as nobody but its owner can put anything there.
    ///
    /// # Errors
    /// It isn't there, or is not safe.
    pub fn open(path: &Path) -> Result<Folder, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let io = |error: rustix::io::Errno| FolderError::Io { path: path.to_owned(), error: error.into() };
        let descriptor = rustix::fs::open(path, flags, Mode::empty()).map_err(io)?;
        let stat = rustix::fs::fstat(&descriptor).map_err(io)?;
        let reach = reach_of(&stat).map_err(|why| FolderError::Unsafe { path: path.to_owned(), why })?;
        Ok(Folder { path: path.to_owned(), descriptor, owner: stat.st_uid, reach })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The account that every host in this directory must be of.
    pub fn owner(&self) -> u32 {
        self.owner
    }
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
    /// Mode of what tells everybody who may enter about a session.
    pub(super) fn card_mode(&self) -> Mode {
        match self.reach {
            Reach::Owner => Mode::from_raw_mode(0o600),
            Reach::Group(_) => Mode::from_raw_mode(0o640),
        }
    }
    fn socket_mode(&self) -> Mode {
        match self.reach {
            Reach::Owner => Mode::from_raw_mode(0o600),
            Reach::Group(_) => Mode::from_raw_mode(0o660),
        }
    }

    /// Listens on the socket `name`. Whoever calls this holds the lease of that name, so what is left there is of a dead host.
    ///
    /// # Errors
    /// The name is taken by something else, too long for a socket, or the result is not what was meant.
    pub(super) fn listen(&self, name: &str) -> Result<tokio::net::UnixListener, FolderError> {
        let path = self.path.join(name);
        let io = |error: io::Error| FolderError::Io { path: path.clone(), error };
        self.remove_socket(name)?;
        let address = SocketAddrUnix::new(&path).map_err(|error| io(error.into()))?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let made = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).and_then(|socket| {
            rustix::fs::fchmod(&socket, self.socket_mode())?;
            rustix::net::bind(&socket, &address)?;
            if let Reach::Group(group) = self.reach {
                rustix::fs::chownat(&self.descriptor, name, None, Some(Gid::from_raw(group)), AtFlags::SYMLINK_NOFOLLOW)?;
                // The file mask may have taken the group's bits; it can only have made the mode narrower until here.
                rustix::fs::chmodat(&self.descriptor, name, self.socket_mode(), AtFlags::empty())?;
            }
            Ok(socket)
        });
        let socket = made.map_err(|error| io(error.into()))?;
        self.verify(name)?;
        rustix::net::listen(&socket, CONNECTIONS_WAITING_MAX).map_err(|error| io(error.into()))?;
        tokio::net::UnixListener::from_std(socket.into()).map_err(io)
    }

    /// Appearance again whether the directory and the socket `name` in it still are what they were made to be.
    ///
    /// # Errors
    /// Somebody has changed them.
    pub fn verify(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let io = |error: rustix::io::Errno| FolderError::Io { path: path.clone(), error: error.into() };
        let unsafely = |why: String| Err(FolderError::Unsafe { path: path.clone(), why });
        let held = rustix::fs::fstat(&self.descriptor).map_err(io)?;
        let named = rustix::fs::lstat(&self.path).map_err(io)?;
        if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino) {
            return unsafely("another directory stands in its place".to_owned());
        }
        match reach_of(&held) {
            Ok(reach) if reach == self.reach && held.st_uid == self.owner => {}
            Ok(_) => return unsafely("its owner or group has changed".to_owned()),
            Err(why) => return unsafely(why),
        }
        let socket = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
        if FileType::from_raw_mode(socket.st_mode) != FileType::Socket || socket.st_uid != self.owner {
            return unsafely("what has that name is not the host's socket".to_owned());
        }
        let mode = Mode::from_raw_mode(socket.st_mode) & Mode::from_raw_mode(0o7777);
        if mode != self.socket_mode() {
            return unsafely(format!("its mode is {:o} instead of {:o}", mode.as_raw_mode(), self.socket_mode().as_raw_mode()));
        }
        Ok(())
    }

    /// Removes the socket `name` if there is one; anything else of that name stays and is an error.
    pub(super) fn remove_socket(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let io = |error: rustix::io::Errno| FolderError::Io { path: path.clone(), error: error.into() };
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(io(error)),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Socket => {
                rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()).map_err(io)
            }
            Ok(_) => Err(FolderError::Unsafe { path, why: "something that is no socket has that name".to_owned() }),
        }
    }
}

fn reach_of(stat: &Stat) -> Result<Reach, String> {
    // Of the special bits set-group-ID alone is harmless: it only hands the group on.
    let mode = stat.st_mode & 0o7777;
    match mode & !0o2000 {
        0o700 => Ok(Reach::Owner),
        0o750 => Ok(Reach::Group(stat.st_gid)),
        _ => Err(format!("its mode is {mode:o}; it must be 0700, or 0750 for one group")),
    }
}

/// Where this account's sockets belong when nobody names another place: the login's runtime directory, or one of our own under the
/// temporary directory. A directory of somebody else's, as `sudo` may leave it in the environment, is none: he could put his own in place of ours.
pub fn default_folder(xdg_runtime_dir: Option<&Path>, uid: u32) -> PathBuf {
    let login = PathBuf::from(format!("/run/user/{uid}"));
    let is_anothers = |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.uid() != uid);
    match xdg_runtime_dir.filter(|path| path.is_absolute() && !is_anothers(path)) {
        Some(path) => path.join("cutover"),
        None if login.is_dir() && !is_anothers(&login) => login.join("cutover"),
        None => PathBuf::from(format!("/tmp/cutover-{uid}")),
    }
}
