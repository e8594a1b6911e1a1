//! Standard output and error for the subcommands that print. A closed pipe ends the output quietly, it never panics.
//!
//! All of it is plain text, in a terminal and in a pipe, whatever `NO_COLOR` says; and whatever was typed, read or answered by others is
//! made harmless on its way out.

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use color_eyre::eyre::Report;

use crate::{
    domain::shown::harmless,
    tui::theme::{Charset, glyphs::fitted},
};

/// Writes `text` to standard output; what a closed pipe swallows is nobody's loss.
pub fn out(text: &str) {
    let mut stream = io::stdout().lock();
    let shown = shown(text, stream.is_terminal());
    let _ = stream.write_all(shown.as_bytes());
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
