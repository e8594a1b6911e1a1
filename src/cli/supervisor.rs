//! The parent of a host that `cutover open` has started: when the host dies, another one takes the session up where its journal ends.
//!
//! It does nothing else: it opens no journal, holds no lease and asks the world for nothing, so there is nothing in it that could fail with
//! the host. A host that says why it ends is believed and not started again; one that dies without a word (killed, out of memory, a panic)
//! is, at once the first time and later the slower the more often it dies. When this process itself is gone, the host that outlives it says so. Where systemd keeps the host (`cutover host --unit`), systemd does this.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use color_eyre::eyre::{Result, WrapErr};
use tokio::{
    process::{Child, Command},
    time::Instant,
};

use crate::{
    attach::sessions::Card,
    cli::{
        Exit,
        host::Options,
        living::{self, Return},
        print,
        signals::Signals,
        unit,
    },
    domain::{id::SessionId, time::Millis},
    session::clock::Clock,
};

/// Before the second start in a row, doubled with each further one.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// A host that lived so long has come up well; what kills it then is no consequence of its start.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// What the disk refused is noted again this often.
const NOTED_AGAIN: Duration = Duration::from_secs(1);
/// Deaths in a row that are answered.
const STARTS_MAX: u32 = 8;
/// The exit code of a process that ended by a panic.
const PANICKED: i32 = 101;

/// What is to be done about the end of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It said why it ended, in words and by this code.
    End(i32),
    StartAfter(Duration),
    /// It has died too often in a row.
    GiveUp,
}

/// How often the host has died, one time after the other.
#[derive(Debug, Default)]
struct Deaths {
    in_a_row: u32,
}

impl Deaths {
    fn next(&mut self, status: ExitStatus, lived: Duration) -> Next {
        match status.code() {
            Some(code) if code != PANICKED => return Next::End(code),
            Some(_) | None => {}
        }
        self.in_a_row = if lived >= WELL_AFTER { 1 } else { self.in_a_row + 1 };
        match self.in_a_row {
            1 => Next::StartAfter(Duration::ZERO),
            dead if dead > STARTS_MAX => Next::GiveUp,
            dead => Next::StartAfter((PAUSE_FIRST * 2u32.pow(dead - 2)).min(PAUSE_MOST)),
        }
    }
}

/// Starts the host and stays until it ends for good; its exit is ours.
/// # Errors
/// When no process can be started.
pub(super) async fn run(options: &Options) -> Result<Exit> {
    let mut told = Signals::listen()?;
    let mut deaths = Deaths::default();
    let mut options = options.clone();
    let mut journal: Option<PathBuf> = None;
    loop {
        let mut host = start(&options)?;
        let (pid, started) = (host.id(), Instant::now());
        let status = told.pass_on_until_the_end(&mut host).await?;
        let next = deaths.next(status, started.elapsed());
        // It took its name from its card, which a host that died leaves where it was.
        let card = pid.and_then(|pid| card_of(&options, pid));
        journal = card.as_ref().map(|card| card.journal.clone()).or(journal);
        let wait = match (next, card.map(|card| card.session)) {
            (Next::End(code), _) => {
                nobody_comes(journal.as_deref());
                return Ok(Exit::of_code(code));
            }
            (Next::GiveUp, _) => {
                nobody_comes(journal.as_deref());
                print::err(&format!("the host has died {} times in a row ({status}) and is not started again", deaths.in_a_row));
                return Ok(Exit::Failed);
            }
            // It died before there was a session to be taken up.
            (Next::StartAfter(_), None) if options.session.is_none() => {
                print::err(&format!("the host died before its session began ({status})"));
                return Ok(Exit::Failed);
            }
            (Next::StartAfter(wait), session) => {
                options = again(options, session);
                wait
            }
        };
        print::err(&format!("the host died ({status}); another one takes the session up in {}s", wait.as_secs()));
        if told.ends_within(wait, journal.as_deref()).await {
            nobody_comes(journal.as_deref());
            return Ok(Exit::Done);
        }
    }
}

fn start(options: &Options) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut arguments = unit::arguments(options);
    arguments.insert(1, format!("--kept-by={}", std::process::id()).into());
    command.args(arguments).stdin(Stdio::null());
    command.spawn().wrap_err("the host's process could not be started")
}

/// Whether the process that started this host, to start it again when it dies, is there no more: whoever outlives its parent gets another.
pub(super) fn is_gone(supervisor: u32) -> bool {
    rustix::process::getppid().is_none_or(|parent| u32::try_from(parent.as_raw_nonzero().get()) != Ok(supervisor))
}

/// The same session under the plan that it was begun with: an edited file must not leave traffic without a host.
fn again(options: Options, session: Option<SessionId>) -> Options {
    Options { session: session.or(options.session.clone()), new: false, keep_plan: true, take_over: None, ..options }
}

/// What the host with this process id told of its session.
fn card_of(options: &Options, pid: u32) -> Option<Card> {
    let found = options.place.own().ok()?.sessions().ok()?;
    found.into_iter().map(|found| found.card).find(|card| card.pid == pid)
}

fn nobody_comes(journal: Option<&Path>) {
    if let Some(journal) = journal {
        living::withdraw_return(journal);
    }
}

impl Signals {
    /// Whether this process is to end before the next host starts. Meanwhile it says beside the journal that this one comes, and tries again
    /// where the disk refuses.
    async fn ends_within(&mut self, span: Duration, journal: Option<&Path>) -> bool {
        let until = Instant::now() + span;
        let at = Clock::live().now() + Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let mut to_note = journal;
        let mut is_told = false;
        loop {
            let noted = to_note.map(|journal| living::promise_return(journal, Return { by: std::process::id(), at }));
            match noted {
                Some(Err(error)) if !is_told => {
                    print::err(&format!("note: that could not be noted beside its journal ({error}); it is tried again until then"));
                    is_told = true;
                }
                Some(Err(_)) => {}
                Some(Ok(())) | None => to_note = None,
            }
            let next = until.min(Instant::now() + NOTED_AGAIN);
            if tokio::time::timeout_at(next, self.asked_to_end()).await.is_ok() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    async fn pass_on_until_the_end(&mut self, host: &mut Child) -> Result<ExitStatus> {
        let pid = host.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?));
        loop {
            tokio::select! {
                status = host.wait() => return status.wrap_err("the end of the host could not be learnt"),
                () = self.asked_to_end() => if let Some(pid) = pid {
                    // A host that has ended meanwhile is told of by `wait`.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const KILLED: i32 = 9;

    #[test]
    fn a_host_that_says_why_it_ends_is_believed() {
        for code in [0, 1, 2, 3, 6, 8] {
            let status = ExitStatus::from_raw(code << 8);
            assert_eq!(Deaths::default().next(status, Duration::from_secs(1)), Next::End(code));
        }
    }

    #[test]
    fn one_that_dies_is_started_again_the_slower_the_more_often_and_not_for_ever() {
        let mut deaths = Deaths::default();
        let waits: Vec<Next> = (0..9).map(|_| deaths.next(ExitStatus::from_raw(KILLED), Duration::from_secs(3))).collect();
        let seconds = [0, 1, 2, 4, 8, 16, 30, 30].map(|seconds| Next::StartAfter(Duration::from_secs(seconds)));
        assert_eq!(waits[..8], seconds);
        assert_eq!(waits[8], Next::GiveUp);
    }

    #[test]
    fn one_that_lived_long_is_started_at_once_however_often_that_was() {
        let mut deaths = Deaths::default();
        for _ in 0..100 {
            let next = deaths.next(ExitStatus::from_raw(PANICKED << 8), WELL_AFTER);
            assert_eq!(next, Next::StartAfter(Duration::ZERO));
        }
    }
}
