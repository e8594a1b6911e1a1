//! `cutover audit verify|show`: proves a journal, or prints it.
//!
//! The two subcommands write into whatever they are given, so that tests read what people read; this file gives them the terminal.

use std::{
    io::{self, BufWriter},
    path::PathBuf,
};

use color_eyre::eyre::Result;

use crate::{cli::Exit, journal::chain::Witness};
use story::Story;

pub mod list;
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
    /// Recompute every hash and say what is proved, or where it breaks
    Verify {
        journal: PathBuf,
        /// A record that somebody remembers, as SEQ:HASH; it must be in the journal
        #[arg(long)]
        since: Vec<Witness>,
        /// The verdict as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print one line a record
    Show {
        journal: PathBuf,
        /// Leave out readings, heartbeats and ticks from which nothing followed
        #[arg(long, conflicts_with = "json")]
        deeds: bool,
        /// The records as they stand in the file
        #[arg(long)]
        json: bool,
    },
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

/// Runs the subcommand. Exit 0: proved or shown; 1: broken; 2: not read.
/// # Errors
/// None that a user could mend; a reader that went away ends the output quietly.
pub fn run(args: &Args) -> Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match &args.what {
        What::Verify { journal, since, json } => verdict::verify(journal, since, Format::asked(*json), &mut out),
        What::Show { journal, deeds, json } => {
            let story = if *deeds { Story::WithoutReadings } else { Story::Everything };
            list::show(journal, Format::asked(*json), &story, &mut out)
        }
    };
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match (done, io::Write::flush(&mut out)) {
        // A verdict stands whether or not anybody read it.
        (Ok(exit), Ok(())) => Ok(exit),
        (Ok(exit), Err(error)) if gone(&error) => Ok(exit),
        (Err(error), _) if gone(&error) => Ok(Exit::Done),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error.into()),
    }
}

/// A time as people write it, in UTC to the millisecond; beyond the years that have four digits, as a number.
fn time(at_ms: u64) -> String {
    let parsed = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    parsed.map_or_else(|| format!("{at_ms} ms"), |at| format!("{at:.3}"))
}
