//! Where a client finds its host, and that it is the right one that answers.
//!
//! Over a path a lost line can be dialled again; a stream that was handed over can be used once.

use std::{io, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};

use crate::attach::{peer, signer::Signer};

/// A queue at the door that is full is no answer: it is dialled again for so long.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);
const QUEUE_LOOK_EVERY: Duration = Duration::from_millis(20);

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
async fn connected(path: &std::path::Path) -> io::Result<UnixStream> {
    let deadline = tokio::time::Instant::now() + QUEUE_PATIENCE;
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(QUEUE_LOOK_EVERY).await;
            }
            other => return other,
        }
    }
}
