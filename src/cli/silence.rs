//! A host that is there and does not answer: which process it is, and what the kernel says of it.
//!
//! It holds its lease or its journal, so it lives, and yet nobody hears from it: it was stopped by a signal, waits for a disk, or is too busy. Which of
//! these it is, the kernel tells without asking it. Such a host may come back and go on, so nothing here calls it gone.

use std::{fmt, fs, path::PathBuf, time::Duration};

/// A host that lives answers within this time; one that does not is said to be silent, and may be busy all the same.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_millis(2500);

/// The number of a process that is there and its account's, as far as the kernel says. Only such a one is shown, for what is told of it can be
/// pasted to a shell; to `kill` 0 and 1 mean others than a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pid(u32);

impl Pid {
    /// The process `pid`, if it lives and `account`'s it is.
    pub(super) fn of(pid: u32, account: u32) -> Option<Pid> {
        let status = (pid > 1).then(|| fs::read_to_string(format!("/proc/{pid}/status")).ok()).flatten()?;
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok());
        (uid == Some(account)).then_some(Pid(pid))
    }

    pub(super) fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A host that has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// For showing; numbers are used again.
    pub(super) pid: Option<Pid>,
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
        let who = pid.map_or_else(|| "a process whose number is not known here".to_owned(), |pid| format!("process {pid}"));
        match line {
            Line::Unanswered => {
                format!("does not answer: {who} was asked and said nothing for {} s; {process}", ANSWERS_WITHIN.as_secs_f64())
            }
            Line::Full => "lets nobody in now: the places of this account, or those in which it is heard, are taken".to_owned(),
            Line::NoSocket { socket, why } => {
                let socket = socket.display();
                format!("lives and can't be reached: {who} holds its journal, and nobody listens at {socket} ({why})")
            }
            Line::Unknown => format!("lives and can't be reached: {who} holds its journal, and where it listens is not known here"),
        }
    }
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// A signal stopped it, or a debugger holds it: it does nothing until it is let go on.
    Stopped,
    /// It was killed, and a part of it that waits for a disk keeps it from being gone. Nothing lets it go on.
    Dies,
    /// A part of it waits for a disk and can't be interrupted.
    WaitsForDisk,
    /// Nothing that explains it.
    Unexplained,
}

impl Process {
    /// How the process `pid` is now.
    pub(super) fn of(pid: u32) -> Process {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        let threads = threads.map(|thread| Thread::of(&read(thread.path().join("stat")), &read(thread.path().join("status"))));
        Process::made_of(state(&read(format!("/proc/{pid}/stat").into())), &threads.collect::<Vec<_>>())
    }

    /// The same where it may not be known which one it is.
    pub(super) fn of_known(pid: Option<Pid>) -> Process {
        pid.map_or(Process::Unexplained, |pid| Process::of(pid.get()))
    }

    /// What the first thread's state and all threads make of it.
    fn made_of(first: Option<char>, threads: &[Thread]) -> Process {
        match first {
            // Its first thread ends with the process and not before.
            Some('Z' | 'X') => Process::Dies,
            _ if threads.iter().any(|thread| thread.is_killed) => Process::Dies,
            Some('T' | 't') => Process::Stopped,
            _ if first == Some('D') || threads.iter().any(|thread| thread.state == Some('D')) => Process::WaitsForDisk,
            _ => Process::Unexplained,
        }
    }
}

/// A thread of a process.
struct Thread {
    state: Option<char>,
    /// What kills it is on its way.
    is_killed: bool,
}

impl Thread {
    fn of(stat: &str, status: &str) -> Thread {
        let pending = status.lines().filter_map(|line| line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:")));
        let mut masks = pending.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Thread { state: state(stat), is_killed: masks.any(|mask| mask & SIGKILL != 0) }
    }
}

/// The bit of the signal 9.
const SIGKILL: u64 = 1 << 8;

/// The letter behind the name, which stands in brackets and may hold anything, brackets too.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Process::Stopped => "it was stopped by a signal and does nothing until it is let go on",
            Process::Dies => "it was killed, and is gone when the disk answers for which a part of it waits",
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
    fn a_process_that_was_killed_does_not_go_on_whatever_it_waits_for() {
        let waits = |pending: &str| Thread::of("42 (cutover) D 1 42 42 0", &format!("Name:\tcutover\nSigPnd:\t{pending}\nShdPnd:\t0\n"));
        assert_eq!(Process::made_of(Some('S'), &[waits("0000000000000000")]), Process::WaitsForDisk);
        assert_eq!(Process::made_of(Some('D'), &[waits("0000000000000100")]), Process::Dies);
        assert_eq!(Process::made_of(Some('Z'), &[waits("0000000000000000")]), Process::Dies);
        assert_eq!(Process::made_of(Some('T'), &[]), Process::Stopped);
    }

    #[test]
    fn no_number_is_shown_of_which_nothing_is_known() {
        let us = crate::attach::peer::own_uid();
        assert_eq!([0, 1, u32::MAX].map(|pid| Pid::of(pid, us)), [None; 3]);
        assert_eq!(Pid::of(std::process::id(), us).map(Pid::get), Some(std::process::id()));
        assert_eq!(Pid::of(std::process::id(), us + 1), None, "another account's");
    }

    #[test]
    fn we_ourselves_are_not_stopped() {
        assert_ne!(Process::of(std::process::id()), Process::Stopped);
    }
}
