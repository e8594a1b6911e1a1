//! Which session of a plan is to be taken up again: a pointer in the state directory, from the session's beginning to its end.
//!
//! It outlives crashes and reboots, unlike what lies beside the socket. `cutover stop` alone ends it.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
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

/// A session that was begun and not ended, and the file of its plan, where that was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    pub session: SessionId,
    pub plan: Option<PathBuf>,
}

/// Every session that is to be taken up again.
pub fn all(paths: &Paths) -> Vec<Open> {
    let entries = fs::read_dir(paths.state.join("current")).into_iter().flatten().flatten();
    let open = |path: PathBuf| {
        let session = fs::read_to_string(&path).ok()?.trim().parse().ok()?;
        Some(Open { session, plan: plan_beside(&path) })
    };
    let mut found: Vec<Open> = entries.map(|entry| entry.path()).filter(|path| path.extension().is_none()).filter_map(open).collect();
    found.sort_by(|a, b| a.session.cmp(&b.session));
    found
}

/// # Errors
/// The state directory can't be written; the session could not be found again after a crash. It is for the host to try again.
pub fn remember(paths: &Paths, plan: &Path, session: &SessionId) -> io::Result<()> {
    let path = pointer(paths, plan);
    let is_named = recall(paths, plan).as_ref() == Some(session);
    let is_placed = plan_beside(&path).as_deref() == Some(plan);
    if is_named && is_placed {
        return Ok(());
    }
    fs::create_dir_all(paths.state.join("current"))?;
    // Beside the name, which earlier programs read whole; what is missing of it costs only a printed path.
    let placed = if is_placed { Ok(()) } else { put(&path.with_extension("plan"), plan.as_os_str().as_encoded_bytes()) };
    if !is_named {
        put(&path, format!("{session}\n").as_bytes())?;
    }
    placed
}

/// Whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        // Half a one says nothing.
        let _gone = fs::remove_file(&draft);
    })
}

fn plan_beside(pointer: &Path) -> Option<PathBuf> {
    let bytes = fs::read(pointer.with_extension("plan")).ok().filter(|bytes| !bytes.is_empty())?;
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

/// Forgets `session`, unless the plan has another one by now.
pub fn forget(paths: &Paths, plan: &Path, session: &SessionId) {
    if recall(paths, plan).as_ref() == Some(session)
        && let Err(error) = fs::remove_file(pointer(paths, plan))
    {
        tracing::warn!(%error, "the plan's open session could not be forgotten; `cutover open --new` begins another");
        return;
    }
    if recall(paths, plan).is_none() {
        // Without the name beside it, it means nothing.
        let _gone = fs::remove_file(pointer(paths, plan).with_extension("plan"));
    }
}
