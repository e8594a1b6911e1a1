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

/// Starts keeping the roster. Without a file, the owner alone is in it; a file that appears later is taken up.
/// # Errors
/// The file is there and can't be used.
pub fn start(named: Option<PathBuf>, paths: &Paths) -> Result<watch::Receiver<Arc<Roster>>> {
    let owner = peer::own_uid();
    let first = read(named.as_deref(), paths)?;
    let path = named.unwrap_or_else(|| roster::default_path(paths));
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(async move {
        let mut seen = modified(&path);
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
            match Roster::load(&path, owner) {
                Ok(roster) => {
                    tracing::info!(path = %path.display(), "the roster was read again");
                    sender.send_replace(Arc::new(roster));
                }
                Err(error) => tracing::error!(%error, "the changed roster was not taken; the former one stays in force"),
            }
        }
    });
    Ok(receiver)
}

fn modified(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
