//! A bearer token that the host keeps in a file of its own.
//!
//! Nobody but the host's account may read it, or it is no secret any more; it is read at each request, so that whoever rotates it needs no
//! restart. Its words go into a request header and nowhere else.

use std::{os::unix::fs::MetadataExt, path::Path};

use rustix::fs::OFlags;
use tokio::io::AsyncReadExt;

use crate::domain::{
    fault::{Fault, FaultKind},
    secret::Secret,
};

/// Longer than any token.
const BYTES_MAX: u64 = 16 << 10;

/// # Errors
/// [`FaultKind::Forbidden`] if there is no such token, or if it is not the host's alone.
pub(super) async fn read(path: &Path) -> Result<Secret, Fault> {
    let refused = |why: String| Fault::new(FaultKind::Forbidden, format!("the token in {} {why}; nothing was sent", path.display()));
    // NONBLOCK, because a pipe in its place would let us wait forever; a regular file ignores it.
    let mut options = tokio::fs::OpenOptions::new();
    let opened = options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path).await;
    let file = opened.map_err(|error| refused(format!("can't be read ({error})")))?;
    let facts = file.metadata().await.map_err(|error| refused(format!("can't be looked at ({error})")))?;
    if !facts.is_file() {
        return Err(refused("is no regular file".to_owned()));
    }
    if facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("belongs to another account; chown it to the host's".to_owned()));
    }
    if facts.mode() & 0o077 != 0 {
        return Err(refused("can be read by others; chmod 600".to_owned()));
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).await.map_err(|error| refused(format!("is no text ({error})")))?;
    let word = text.trim();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("is not one word on one line".to_owned()));
    }
    Ok(Secret::new(word))
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;

    fn file(name: &str, text: &str, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cutover-token-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_token_that_is_the_hosts_alone_is_read_and_any_other_is_refused() {
        assert_eq!(read(&file("good", "canary-31\n", 0o600)).await.unwrap().expose(), "canary-31");
        for (name, text, mode, why) in [
            ("open", "canary-32", 0o644, "can be read by others"),
            ("empty", "\n", 0o600, "not one word"),
            ("key", "-----BEGIN KEY-----\ncanary\n", 0o600, "not one word"),
        ] {
            let fault = read(&file(name, text, mode)).await.unwrap_err();
            assert!(fault.kind == FaultKind::Forbidden && fault.message.as_str().contains(why), "{fault}");
            assert!(!fault.message.as_str().contains("canary"), "{fault}");
        }
        let pipe = std::env::temp_dir().join(format!("cutover-token-pipe-{}", std::process::id()));
        let _there_is_none = std::fs::remove_file(&pipe);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR, 0)
            .unwrap();
        assert!(read(&pipe).await.unwrap_err().message.as_str().contains("no regular file"), "nobody waits for whoever writes into it");
        assert!(read(Path::new("/there/is/no/token")).await.unwrap_err().message.as_str().contains("can't be read"));
    }
}
