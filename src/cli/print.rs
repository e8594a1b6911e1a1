//! Standard output and error for the subcommands that print. A closed pipe ends the output quietly, it never panics; but what nobody got does
//! not count as told, so that no command ends well whose output was lost.
//!
//! All of it is plain text, in a terminal and in a pipe, whatever `NO_COLOR` says; and whatever was typed, read or answered by others is
//! made harmless on its way out.

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU8, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use color_eyre::eyre::Report;

use crate::{
    cli::Exit,
    domain::shown::harmless,
    tui::theme::{Charset, glyphs::fitted},
};

/// What was lost on standard output since the start: it is one for the whole process, and so is this.
static LOST: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
/// The reader went away.
const UNREAD: u8 = 1;
/// It could not be written; that was said.
const UNWRITTEN: u8 = 2;

/// Writes `text` to standard output.
pub fn out(text: &str) {
    let mut stream = io::stdout().lock();
    let shown = shown(text, stream.is_terminal());
    let written = stream.write_all(shown.as_bytes()).and_then(|()| stream.flush());
    drop(stream);
    note(written);
}

/// Notes what became of something that was written to standard output elsewhere.
pub fn note(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            LOST.fetch_max(UNREAD, Ordering::Relaxed);
        }
        // Once is enough.
        Err(error) => {
            if LOST.fetch_max(UNWRITTEN, Ordering::Relaxed) != UNWRITTEN {
                err(&format!("cutover: what there was to say could not be written to standard output: {error}"));
            }
        }
    }
}

/// How a command ends that would end with `exit` if all that it printed was written.
pub(super) fn ends(exit: Exit) -> Exit {
    match (exit, LOST.load(Ordering::Relaxed)) {
        (Exit::Done, UNREAD | UNWRITTEN) => Exit::Failed,
        (exit, _) => exit,
    }
}

/// What may be sent of `text`, in characters that a terminal has; a pipe takes them all.
fn shown(text: &str, is_terminal: bool) -> String {
    let text = harmless(text);
    if is_terminal { fitted(&text, Charset::detect(&|name| env::var(name).ok())) } else { text }
}

/// Writes one line to standard error.
pub fn err(text: &str) {
    let mut stream = io::stderr().lock();
    let shown = shown(text, stream.is_terminal());
    let _ = stream.write_all(shown.as_bytes()).and_then(|()| stream.write_all(b"\n"));
}

/// Work that lasts longer is said to be under way.
const SHORT: Duration = Duration::from_secs(1);

/// Does `work`, and says `what` it is if that lasts.
pub(super) fn patiently<T>(what: &str, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (working, ends) = mpsc::channel::<()>();
        scope.spawn(move || {
            if ends.recv_timeout(SHORT) == Err(RecvTimeoutError::Timeout) {
                err(what);
            }
        });
        let done = work();
        drop(working);
        done
    })
}

/// Says why nothing came of a subcommand: each cause once, and no source line, because what keeps a session from beginning is nothing
/// that is mended in the source.
pub fn failure(report: &Report) {
    err(&format!("cutover: {}", causes(report)));
}

fn causes(report: &Report) -> String {
    let mut text = String::new();
    for cause in report.chain().map(ToString::to_string) {
        // Many messages end with their cause already.
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// How this program is called from here: by its name where a shell would find it, else by its path.
pub fn program() -> String {
    let Ok(me) = env::current_exe() else { return "cutover".to_owned() };
    let path = env::var_os("PATH").unwrap_or_default();
    called(&me, env::split_paths(&path), env::current_dir().ok().as_deref())
}

fn called(me: &Path, folders: impl IntoIterator<Item = PathBuf>, here: Option<&Path>) -> String {
    let name = me.file_name().unwrap_or_default();
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|there| there.is_file());
    if found.and_then(|found| found.canonicalize().ok()).is_some_and(|found| found == me) {
        return name.to_string_lossy().into_owned();
    }
    // A host stands at the root; what it prints is read elsewhere.
    let here = here.filter(|here| here.parent().is_some());
    let below = here.and_then(|here| me.strip_prefix(here).ok()).filter(|below| below.components().count() > 1);
    below.unwrap_or(me).display().to_string()
}

#[cfg(test)]
mod tests {
    use color_eyre::eyre::{WrapErr, eyre};

    use super::*;

    #[test]
    fn a_failure_tells_each_cause_once() {
        let port = Err::<(), _>(eyre!("port 80 is taken")).wrap_err("the world could not start").expect_err("an error");
        assert_eq!(causes(&port), "the world could not start: port 80 is taken");
        let told = Err::<(), _>(eyre!("no room")).wrap_err("could not begin (no room); nothing was done").expect_err("an error");
        assert_eq!(causes(&told), "could not begin (no room); nothing was done");
    }

    #[test]
    fn a_hint_can_be_pasted_into_the_shell_that_it_is_read_in() {
        let folder = env::temp_dir().join(format!("cutover-print-{}", std::process::id()));
        let (there, elsewhere) = (folder.join("target/release"), folder.join("bin"));
        std::fs::create_dir_all(&there).unwrap();
        std::fs::create_dir_all(&elsewhere).unwrap();
        let me = there.canonicalize().unwrap().join("cutover");
        std::fs::write(&me, "").unwrap();
        let here = folder.canonicalize().unwrap();
        assert_eq!(called(&me, [elsewhere.clone()], Some(&here)), "target/release/cutover", "not in the path");
        assert_eq!(called(&me, [elsewhere.clone()], None), me.display().to_string());
        assert_eq!(called(&me, [elsewhere.clone()], Some(Path::new("/"))), me.display().to_string(), "a host's own directory");
        assert_eq!(called(&me, [elsewhere.clone(), there.clone()], Some(&here)), "cutover");
        std::fs::write(elsewhere.join("cutover"), "").unwrap();
        assert_eq!(called(&me, [elsewhere, there], Some(&here)), "target/release/cutover", "another one is found first");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
