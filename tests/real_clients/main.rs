//! Programs that nobody here has written, at work on the simulated world and beside a real session: `gcloud`, `kubectl` and Google's own
//! Python clients. What is not installed is skipped, and said past the test harness's capture so that `tests/run` can repeat it.
//!
//! Everything is the real binary's: the commands are the ones that `cutover sim` prints, and the session is a `cutover host`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod drift;
mod gcloud;
mod kubectl;
mod python;
mod schema;
mod simulation;

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// `gcloud` is slow to start, and CI machines are slower.
const PATIENCE: Duration = Duration::from_secs(180);

/// Whether there is such a program; says so if not.
fn is_here(program: &str, lost: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&paths).any(|folder| folder.join(program).is_file());
    if !here {
        skipped(&format!("no {program} on this machine: {lost}"));
    }
    here
}

fn skipped(why: &str) {
    // Not `eprintln!`, which the harness swallows when the test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// A folder of one's own that goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cutover-clients-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a script in a shell whose home, and everything else that programs remember, is in `folder`.
fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).current_dir(folder).stdin(Stdio::null()).process_group(0);
    for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        command.env(name, folder);
    }
    for name in ["KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env_remove(name);
    }
    command
}

/// The whole output of a command that ends well.
fn done(mut command: Command) -> String {
    let output = ended(&mut command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n--- out\n{out}\n--- err\n{err}");
    format!("{out}\n{err}")
}

/// Waits for a command, but not for ever.
fn ended(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let reader = |pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let (mut pipe, mut bytes) = (pipe, Vec::new());
            let _ = pipe.read_to_end(&mut bytes);
            bytes
        })
    };
    let (out, err) = (reader(Box::new(child.stdout.take().unwrap())), reader(Box::new(child.stderr.take().unwrap())));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            // The shell alone would leave what it has started, with our pipes in hand.
            let group = Pid::from_child(&child);
            let _ = kill_process_group(group, Signal::KILL);
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Output { status, stdout: out.join().unwrap(), stderr: err.join().unwrap() }
}
