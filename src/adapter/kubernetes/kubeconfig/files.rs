//! Files that say with whom we speak, and what we show there: believed only if nobody else could have written them.

use std::{io, os::unix::fs::MetadataExt, path::Path};

use tokio::io::AsyncReadExt;

use crate::domain::fault::{Fault, FaultKind};

/// Far more than any kubeconfig or chain of certificates.
const BYTES_MAX: u64 = 1 << 20;

/// What stands in a file.
pub(super) struct Found {
    pub text: String,
    /// Whether other accounts may read it, so that it can hold no secret.
    pub is_shared: bool,
}

/// Nothing where there is no such file.
/// # Errors
/// [`FaultKind::Refused`] if somebody else could have written it, or if it is no text of a sensible length.
pub(super) async fn read(path: &Path) -> Result<Option<Found>, Fault> {
    let refused = |why: String| Fault::new(FaultKind::Refused, format!("{} {why}; nothing was sent", path.display()));
    // Asked before opening, because opening a pipe that nobody writes to would wait.
    let facts = match tokio::fs::metadata(path).await {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(format!("can't be looked at ({error})"))),
    };
    if !facts.is_file() {
        return Err(refused("is no regular file".to_owned()));
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| refused(format!("can't be read ({error})")))?;
    let facts = file.metadata().await.map_err(|error| refused(format!("can't be looked at ({error})")))?;
    let own = rustix::process::geteuid().as_raw();
    if facts.uid() != own && facts.uid() != 0 {
        return Err(refused("belongs to another account; chown it to the host's".to_owned()));
    }
    if facts.mode() & 0o022 != 0 {
        return Err(refused("can be written by others; chmod go-w".to_owned()));
    }
    if facts.len() > BYTES_MAX {
        return Err(refused(format!("is longer than {BYTES_MAX} bytes")));
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).await.map_err(|error| refused(format!("is no text ({error})")))?;
    Ok(Some(Found { text, is_shared: facts.mode() & 0o044 != 0 }))
}

/// The same for a file that another one names.
/// # Errors
/// As [`read`], and [`FaultKind::NotFound`].
pub(super) async fn named(path: &Path) -> Result<Found, Fault> {
    let missing =
        || Fault::new(FaultKind::NotFound, format!("{} is not there, and the kubeconfig names it; nothing was sent", path.display()));
    read(path).await?.ok_or_else(missing)
}
