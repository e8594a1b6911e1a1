//! `cutover audit verify|cross-check|show`: proves a journal, compares it with what the cloud has logged, or prints it.
//!
//! The subcommands write into whatever they are given, so that tests read what people read; this file gives them the terminal.

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use color_eyre::eyre::Result;

use crate::{
    attach::sessions::PickError,
    cli::{
        Exit, current,
        paths::{self, Paths},
        place::said,
        print, sessions,
    },
    journal::checkpoint,
};
use heads::Kept;
use list::{Choice, Own};
use story::{Story, Told};

pub mod cross;
mod damage;
mod heads;
mod judged;
pub mod list;
mod moment;
pub mod story;
pub mod verdict;

#[cfg(test)]
mod tests;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Recompute every hash of every segment and say what is proved, or where it breaks
    Verify {
        /// The journal's folder or file, or the name of its session
        journal: PathBuf,
        /// A record that somebody remembers, as SEQ:HASH, or a file with such lines, a log of syslog's too; all must be in the journal
        #[arg(long, visible_aliases = ["against", "since"], value_name = "SEQ:HASH|FILE", value_parser = Kept::parse)]
        witness: Vec<Kept>,
        /// The verdict as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Compare a journal with the cloud's own audit log, both ways; without --log, print the command that exports that log
    CrossCheck {
        /// The journal's folder or file, or the name of its session
        journal: PathBuf,
        /// What that command has written; - for standard input
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
        /// The outcome as one JSON object
        #[arg(long, requires = "log")]
        json: bool,
    },
    /// Print one line a record
    Show {
        /// The journal's folder or file, or the name of its session
        journal: PathBuf,
        /// Leave out checkpoints, and readings, heartbeats and ticks from which nothing followed
        #[arg(long, conflicts_with = "json")]
        transitions: bool,
        /// Not before this time: 2026-11-25T03:00Z, 2026-11-25 03:00 (UTC), or 90m for so long ago
        #[arg(long, value_name = "TIME", value_parser = moment::parse)]
        since: Option<u64>,
        /// Not after this time
        #[arg(long, value_name = "TIME", value_parser = moment::parse)]
        until: Option<u64>,
        /// Only lines that contain this, whatever its case
        #[arg(long, value_name = "TEXT")]
        grep: Option<String>,
        /// The records as they were written
        #[arg(long)]
        json: bool,
    },
}

/// The journal that is meant: a path, else the session of that name in the state directory.
/// # Errors
/// [`Exit::Nobody`], when it is no path and no session of that name was ever here.
fn named(journal: &Path) -> Result<PathBuf, Exit> {
    let is_path = std::fs::symlink_metadata(journal).is_ok() || journal.components().count() != 1;
    let paths = if is_path { None } else { Paths::find().ok() };
    let (Some(name), Some(paths)) = (journal.to_str(), paths) else { return Ok(journal.to_owned()) };
    let path = paths.journal(name);
    // Of one that was there and is gone, its checkpoint tells, or that it was never ended.
    let is_open = || current::all(&paths).iter().any(|open| open.session.as_str() == name);
    let is_known = paths::readable(path.clone()).exists() || checkpoint::of_journal(&path).is_some() || is_open();
    if !is_known {
        return Err(said(PickError::NoSuch { wanted: name.to_owned(), there: sessions::journal_names(&paths) }, Exit::Nobody));
    }
    Ok(paths::readable(path))
}

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    /// For `verify` one object on one line, for `show` the lines as they stand in the file.
    Json,
}

impl Format {
    const fn asked(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Runs the subcommand. Exit 0: proved, agreed or shown; 1: broken, gone or contradicted; 2: not read; 5: somebody else changed something;
/// 7: no such session; 9: torn or zeroed.
/// # Errors
/// None that a user could mend; a reader that went away ends the output quietly.
pub fn run(args: &Args) -> Result<Exit> {
    if let What::Show { since: Some(since), until: Some(until), .. } = &args.what
        && since > until
    {
        return Ok(said("--since is later than --until, so no record could be shown; nothing was read", Exit::Usage));
    }
    let path = match &args.what {
        What::Verify { journal, .. } | What::CrossCheck { journal, .. } | What::Show { journal, .. } => match named(journal) {
            Ok(path) => path,
            Err(exit) => return Ok(exit),
        },
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match &args.what {
        What::Verify { witness, json, .. } => match heads::of_session(witness, &path) {
            Ok(witnesses) => verdict::verify(&path, &witnesses, Format::asked(*json), &mut out),
            Err(error) => verdict::refuse(&error, Format::asked(*json), &mut out),
        },
        What::CrossCheck { log, json, .. } => cross::check(&path, log.as_deref(), Format::asked(*json), &mut out),
        What::Show { transitions, since, until, grep, json, .. } => {
            let (told, own) = if *transitions { (Told::WithoutReadings, Own::LeftOut) } else { (Told::Everything, Own::Shown) };
            let choice = Choice { since_ms: *since, until_ms: *until, grep: grep.clone(), own };
            list::show(&path, Format::asked(*json), &choice, &Story::new(told), &mut out)
        }
    };
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match (done, io::Write::flush(&mut out)) {
        // A verdict stands whether or not anybody read it.
        (Ok(exit), Ok(())) => Ok(exit),
        (Ok(exit), Err(error)) if gone(&error) => {
            print::note(Err(error));
            Ok(exit)
        }
        (Err(error), _) if gone(&error) => {
            print::note(Err(error));
            Ok(Exit::Done)
        }
        (Err(error), _) | (Ok(_), Err(error)) => Err(error.into()),
    }
}

/// A time as people write it, in UTC to the millisecond; beyond the years that have four digits, as a number.
fn time(at_ms: u64) -> String {
    let parsed = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    parsed.map_or_else(|| format!("{at_ms} ms"), |at| format!("{at:.3}"))
}
