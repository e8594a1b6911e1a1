//! Where a client finds its host, and that it is the right one that answers.
//!
//! Over a path a lost line can be dialled again; a stream that was handed over can be used once.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    task::spawn_blocking,
    time::Instant,
};

use crate::attach::{peer, signer::Signer};

/// A queue at the door that is full is no answer: a place in it is waited for as long.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);
/// The kernel is asked for a place for so long at a time: who is to end meanwhile ends no later.
const IN_LINE_FOR: Duration = Duration::from_millis(500);

/// Anything that carries bytes both ways.
pub trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

pub enum Dial {
    /// `owner` is the account that must be listening there, which is the owner of the directory.
    Path { path: PathBuf, owner: u32 },
    /// The same for somebody who has to prove who he is, because others share his account.
    Signing { path: PathBuf, owner: u32, signer: Signer },
    /// For a cockpit in the host's own process; `None` once it is used up.
    Once(Option<Box<dyn Line>>),
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Dial::Path { path, owner } => f.debug_struct("Path").field("path", path).field("owner", owner).finish(),
            Dial::Signing { path, owner, signer } => {
                f.debug_struct("Signing").field("path", path).field("owner", owner).field("signer", signer).finish()
            }
            Dial::Once(line) => f.debug_tuple("Once").field(&line.is_some()).finish(),
        }
    }
}

impl Dial {
    pub fn once(line: impl Line + 'static) -> Dial {
        Dial::Once(Some(Box::new(line)))
    }

    pub fn signer(&self) -> Option<&Signer> {
        match self {
            Dial::Signing { signer, .. } => Some(signer),
            Dial::Path { .. } | Dial::Once(_) => None,
        }
    }

    pub fn can_dial_again(&self) -> bool {
        match self {
            Dial::Path { .. } | Dial::Signing { .. } => true,
            Dial::Once(line) => line.is_some(),
        }
    }

    /// # Errors
    /// Nobody listens there, or somebody else than the owner does.
    pub async fn dial(&mut self) -> io::Result<Box<dyn Line>> {
        match self {
            Dial::Once(line) => line.take().ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the line was used already")),
            Dial::Path { path, owner } | Dial::Signing { path, owner, .. } => {
                let stream = connected(path).await?;
                let listening = peer::uid_of(&stream)?;
                if listening != *owner {
                    let why = format!("account {listening} listens there instead of {owner}");
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
                }
                Ok(Box::new(stream))
            }
        }
    }
}

/// A connection, once the host's queue has a place for it: others may fill it faster than the host empties it.
async fn connected(path: &Path) -> io::Result<UnixStream> {
    let deadline = Instant::now() + QUEUE_PATIENCE;
    let mut met = UnixStream::connect(path).await;
    while met.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) && Instant::now() < deadline {
        let path = path.to_owned();
        met = match spawn_blocking(move || stand_in_line(&path)).await {
            Ok(Ok(stream)) => UnixStream::from_std(stream),
            Ok(Err(error)) => Err(error),
            Err(broken) => Err(io::Error::other(broken)),
        };
    }
    met
}

/// Waits for a place in the queue as the kernel gives them, to one after the other. Whoever only asks for one now and then finds it taken by those
/// who wait.
fn stand_in_line(path: &Path) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(IN_LINE_FOR))?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::INTR) => return Err(io::ErrorKind::WouldBlock.into()),
        other => other?,
    }
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, None)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A socket before which nobody but one can wait, and who waits there.
    fn crowded(name: &str) -> (tokio::net::UnixListener, PathBuf, Vec<std::os::unix::net::UnixStream>) {
        let path = std::env::temp_dir().join(format!("cutover-dial-{name}-{}", std::process::id()));
        std::fs::remove_file(&path).ok();
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let listener = tokio::net::UnixListener::from_std(socket.into()).unwrap();
        let waiting = vec![std::os::unix::net::UnixStream::connect(&path).unwrap()];
        (listener, path, waiting)
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_stands_in_line_and_is_the_next() {
        let (listener, path, _waiting) = crowded("line");
        assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let at = path.clone();
        let coming = tokio::spawn(async move {
            let mut stream = connected(&at).await.unwrap();
            stream.write_all(b"me").await.unwrap();
            stream
        });
        listener.accept().await.unwrap();
        let (mut next, _) = listener.accept().await.unwrap();
        let mut said = [0; 2];
        next.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"me");
        coming.await.unwrap();
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn who_waits_in_line_learns_that_nobody_listens_any_more() {
        let (listener, path, _waiting) = crowded("over");
        let at = path.clone();
        let coming = tokio::spawn(async move { connected(&at).await.map(drop) });
        drop(listener);
        assert_eq!(coming.await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn the_line_is_left_after_a_while() {
        let (_listener, path, _waiting) = crowded("while");
        assert_eq!(stand_in_line(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        std::fs::remove_file(&path).unwrap();
    }
}
