//! The roster of a running host: read at its start, and again whenever the file changes.
//!
//! At the start a roster that can't be used keeps the host from starting. Later it changes nothing: the one that was good stays in force,
//! and the log says why. Otherwise a typo in the middle of a migration would throw everybody out.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use color_eyre::eyre::Result;
use tokio::sync::watch;

use crate::{
    attach::{
        host::Host,
        peer,
        roster::{Roster, RosterError, passwd},
    },
    cli::{paths::Paths, roster},
};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The roster of a host of this account: the file that was named, else the default one, else its owner alone.
/// # Errors
/// The file is there and can't be used.
pub fn read(named: Option<&Path>, paths: &Paths) -> Result<Roster, RosterError> {
    let owner = peer::own_uid();
    let default = || Some(roster::default_path(paths)).filter(|path| path.exists());
    match named.map(Path::to_owned).or_else(default) {
        Some(path) => Roster::load(&path, owner),
        None => Ok(Roster::of_owner(owner, &passwd())),
    }
}

/// The roster of a host that begins.
pub struct Rostering {
    path: PathBuf,
    first: Arc<Roster>,
    seen: Option<Stamp>,
}

impl Rostering {
    /// Reads the roster. Without a file, the owner alone is in it; a file that appears later is taken up.
    /// # Errors
    /// The file is there and can't be used.
    pub fn begin(named: Option<PathBuf>, paths: &Paths) -> Result<Rostering> {
        let path = named.clone().unwrap_or_else(|| roster::default_path(paths));
        let seen = modified(&path);
        let first = Arc::new(read(named.as_deref(), paths)?);
        Ok(Rostering { path, first, seen })
    }

    pub fn first(&self) -> &Roster {
        &self.first
    }

    /// Starts keeping it for `host`. A change is on record before anybody is let in by it.
    pub fn keep(self, host: Host) -> watch::Receiver<Arc<Roster>> {
        let Rostering { path, first, mut seen } = self;
        let (sender, receiver) = watch::channel(first);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let now = modified(&path);
                if sender.is_closed() {
                    return;
                }
                if now == seen || now.is_none() {
                    continue;
                }
                seen = now;
                match Roster::load(&path, peer::own_uid()) {
                    Ok(same) if same == **sender.borrow() => {}
                    Ok(roster) => {
                        tracing::info!(path = %path.display(), "the roster was read again");
                        host.announce(&roster).await;
                        sender.send_replace(Arc::new(roster));
                    }
                    Err(error) => tracing::error!(%error, "the changed roster was not taken; the former one stays in force"),
                }
            }
        });
        receiver
    }
}

/// By what a change of the file is seen.
type Stamp = (std::time::SystemTime, u64);

fn modified(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
