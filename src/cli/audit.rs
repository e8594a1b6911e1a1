//! `cutover audit verify|show`: proves a journal, or prints it.
//!
//! The two subcommands write into whatever they are given, so that tests read what people read; this file gives them the terminal, and
//! knows how to say in one line what a deed was.

use std::{
    io::{self, BufWriter},
    path::PathBuf,
};

use color_eyre::eyre::Result;

use crate::{cli::Exit, core::decision::Deed, journal::chain::Witness};

pub mod list;
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
        What::Show { journal, json } => list::show(journal, Format::asked(*json), &summary, &mut out),
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

/// A deed in one line; a body that is none, as it stands.
fn summary(_kind: &str, body: &[u8]) -> String {
    serde_json::from_slice::<Deed>(body).map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |told| deed(&told))
}

/// A time as people write it, in UTC to the millisecond; beyond the years that have four digits, as a number.
fn time(at_ms: u64) -> String {
    let parsed = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    parsed.map_or_else(|| format!("{at_ms} ms"), |at| format!("{at:.3}"))
}

/// One deed in one line: what happened, then what was decided.
fn deed(deed: &Deed) -> String {
    use crate::core::event::Event;
    let what = match &deed.entry.event {
        Event::Opened { session, .. } => format!("opened {session}"),
        Event::Restarted => "the host came back".to_owned(),
        Event::Asked { by, key, command, .. } => format!("{} [{}] {}", by.who, key.as_ref().map_or("", |key| key.as_str()), brief(command)),
        Event::Looked { by, key, look } => format!("{} [{}] {}", by.who, key.as_ref().map_or("", |key| key.as_str()), brief(look)),
        Event::Observed(seen) => match &seen.result {
            Ok(facts) => format!("{} saw {} facts", seen.source, facts.len()),
            Err(fault) => format!("{} saw nothing: {fault}", seen.source),
        },
        Event::Finished { effect, outcome } => format!("effect {effect} ended: {}", brief(outcome)),
        Event::Rang(alarm) => format!("alarm {}", brief(alarm)),
        Event::Joined { who, role, .. } => format!("{who} joined as {role}"),
        Event::Resized { client, terminal } => format!("client {} is {}x{}", client.0, terminal.columns, terminal.rows),
        Event::Beat { client } => format!("client {} lives", client.0),
        Event::Left { client } => format!("client {} left", client.0),
    };
    let answer = deed.decision.answer.as_ref().map(|answer| format!(" => {}", brief(&answer.verdict))).unwrap_or_default();
    let effects: String = deed.decision.effects.iter().map(|effect| format!(" -> {}", brief(&effect.what))).collect();
    let notes: String = deed.decision.notes.iter().map(|note| format!(" # {}", note.text)).collect();
    format!("{what}{answer}{effects}{notes}")
}

/// A value as its JSON, cut to what a line can hold.
fn brief(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.chars().count() > 160 { text.chars().take(159).chain(['…']).collect() } else { text }
}
