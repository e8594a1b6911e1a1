//! A host that is there and does not answer: which process it is, and what the kernel says of it.
//!
//! It holds its lease or its journal, so it lives, and yet nobody hears from it: it was stopped by a signal, waits for a disk, or is too busy. Which of
//! these it is, the kernel tells without asking it. Such a host may come back and go on, so nothing here calls it gone.

use std::{fmt, fs, path::PathBuf, time::Duration};

/// A host that lives answers within this time; one that does not is said to be silent, and may be busy all the same.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_millis(2500);

/// A host that has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// For showing; numbers are used again.
    pub(super) pid: u32,
    pub(super) process: Process,
    /// The account whose host it is.
    pub(super) owner: u32,
    pub(super) line: Line,
}

/// How far somebody got who asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It was asked and said nothing.
    Unanswered,
    /// It answers that every place is taken.
    Full,
    /// Nobody listens where it noted that it does: its socket was cleared away, or is not there yet.
    NoSocket { socket: PathBuf, why: String },
    /// Where it listens is not known.
    Unknown,
}

impl Silence {
    /// That it was not heard, behind the name of its session.
    pub(super) fn told(&self) -> String {
        let Silence { pid, process, line, .. } = self;
        match line {
            Line::Unanswered => {
                format!("does not answer: process {pid} was asked and said nothing for {} s; {process}", ANSWERS_WITHIN.as_secs_f64())
            }
            Line::Full => "lets nobody in now: the places of this account, or those in which it is heard, are taken".to_owned(),
            Line::NoSocket { socket, why } => {
                let socket = socket.display();
                format!("lives and can't be reached: process {pid} holds its journal, and nobody listens at {socket} ({why})")
            }
            Line::Unknown => format!("lives and can't be reached: process {pid} holds its journal, and where it listens is not known here"),
        }
    }
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// A signal stopped it, or a debugger holds it: it does nothing until it is let go on.
    Stopped,
    /// A part of it waits for a disk and can't be interrupted.
    WaitsForDisk,
    /// Nothing that explains it.
    Unexplained,
}

impl Process {
    /// How the process `pid` is now.
    pub(super) fn of(pid: u32) -> Process {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let mut states = threads.filter_map(|thread| state(&fs::read_to_string(thread.path().join("stat")).ok()?));
        match fs::read_to_string(format!("/proc/{pid}/stat")).ok().as_deref().and_then(state) {
            Some('T' | 't') => Process::Stopped,
            Some('D') => Process::WaitsForDisk,
            _ if states.any(|state| state == 'D') => Process::WaitsForDisk,
            _ => Process::Unexplained,
        }
    }
}

/// The letter behind the name, which stands in brackets and may hold anything, brackets too.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Process::Stopped => "it was stopped by a signal and does nothing until it is let go on",
            Process::WaitsForDisk => "it waits for a disk",
            Process::Unexplained => "it is there, and the kernel does not say why it is silent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_named_like_a_state_is_not_taken_for_it() {
        assert_eq!(state("42 (cutover) S 1 42 42 0"), Some('S'));
        assert_eq!(state("42 (a) T (b) D 1 42 42 0"), Some('D'));
        assert_eq!(state("42"), None);
    }

    #[test]
    fn we_ourselves_are_not_stopped() {
        assert_ne!(Process::of(std::process::id()), Process::Stopped);
    }
}
