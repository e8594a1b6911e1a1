//! Which session of a plan is to be taken up again: a pointer in the state directory, from the session's beginning to its end.
//!
//! It outlives crashes and reboots, unlike what lies beside the socket. `cutover stop` alone ends it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{cli::paths::Paths, domain::id::SessionId};

/// SHA-256 of the plan's path, in hex: two plans of one name in two places are two plans.
pub fn path_hash(plan: &Path) -> String {
    Sha256::digest(plan.as_os_str().as_encoded_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pointer(paths: &Paths, plan: &Path) -> PathBuf {
    paths.state.join("current").join(path_hash(plan))
}

/// The session that `plan` has open, if any.
pub fn recall(paths: &Paths, plan: &Path) -> Option<SessionId> {
    fs::read_to_string(pointer(paths, plan)).ok()?.trim().parse().ok()
}

/// # Errors
/// The state directory can't be written; the session could not be found again after a crash.
pub fn remember(paths: &Paths, plan: &Path, session: &SessionId) -> io::Result<()> {
    let path = pointer(paths, plan);
    fs::create_dir_all(paths.state.join("current"))?;
    let draft = path.with_extension("new");
    fs::write(&draft, format!("{session}\n"))?;
    fs::rename(draft, path)
}

/// Forgets `session`, unless the plan has another one by now.
pub fn forget(paths: &Paths, plan: &Path, session: &SessionId) {
    if recall(paths, plan).as_ref() == Some(session)
        && let Err(error) = fs::remove_file(pointer(paths, plan))
    {
        tracing::warn!(%error, "the plan's open session could not be forgotten; `cutover open --new` begins another");
    }
}
