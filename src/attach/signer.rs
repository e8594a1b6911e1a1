//! Signs with a person's own SSH key, by the system's `ssh-keygen`: his agent, his hardware and his habits work as they do for everything.
//!
//! A key with a passphrase has to be in the agent; nothing is asked on a terminal that a cockpit draws on.

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::domain::id::OperatorId;

/// An agent may wait for a touch.
const SIGNS_WITHIN: Duration = Duration::from_secs(30);

/// Who somebody says he is, and the key that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub person: OperatorId,
    /// A private key, or the public one of a key that the agent holds.
    pub key: PathBuf,
}

impl Signer {
    /// The armored signature of `text` for the purpose `namespace`.
    ///
    /// # Errors
    /// There is no `ssh-keygen`, or it could not sign.
    pub async fn sign(&self, namespace: &str, text: &str) -> io::Result<String> {
        let mut child = Command::new("ssh-keygen")
            .args(["-Y", "sign", "-q", "-n", namespace, "-f"])
            .arg(&self.key)
            // Otherwise it would ask for a passphrase on the terminal.
            .envs([("SSH_ASKPASS_REQUIRE", "force"), ("SSH_ASKPASS", "/bin/false")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(text.as_bytes()).await?;
        drop(stdin);
        let output = timeout(SIGNS_WITHIN, child.wait_with_output()).await??;
        if output.status.success() {
            return String::from_utf8(output.stdout).map_err(io::Error::other);
        }
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(io::Error::other(format!("ssh-keygen does not sign with {}: {why}", self.key.display())))
    }
}
