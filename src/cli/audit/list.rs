//! `cutover audit show`: the records of a journal, one a line.
//!
//! It proves as it goes and stops at the first record that does not hold, so nothing unproved is ever shown as if it were. What the
//! session's own records say is told by a [`Summary`]; this file knows only lines.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    cli::{
        Exit,
        audit::{
            Format, time,
            verdict::{refuse, tail_text},
        },
    },
    domain::shown::Shown,
    journal::{
        error::ReadError,
        files::open_to_read,
        line::Line,
        reader::{Lines, Step, Tail},
        record::{KIND_CHECKPOINT, KIND_GENESIS, KIND_RECOVERED},
    },
};

/// Says in a few words what one of the session's own records is about; the text may hold anything, it is made harmless here.
/// `None`: the record is left out.
pub trait Summary {
    fn of(&self, kind: &str, body: &[u8]) -> Option<String>;
}

impl<F: Fn(&str, &[u8]) -> Option<String>> Summary for F {
    fn of(&self, kind: &str, body: &[u8]) -> Option<String> {
        self(kind, body)
    }
}

/// Writes one line for each record of the journal at `path`: number, time in UTC, kind, and what `summary` says of it.
///
/// `Done` at the end, `Failed` at the first record that does not hold, `Usage` if the file can't be read.
///
/// # Errors
/// Only if `out` takes no more.
pub fn show(path: &Path, format: Format, summary: &dyn Summary, out: &mut dyn Write) -> io::Result<Exit> {
    let file = match open_to_read(path) {
        Ok(file) => file,
        Err(error) => return refuse(&error, Format::Text, out),
    };
    let mut lines = Lines::new(file);
    loop {
        match lines.advance() {
            Ok(Step::Line { line, .. }) => match format {
                Format::Text => {
                    if let Some(said) = say(&line, summary) {
                        writeln!(out, "{:>7}  {}  {:<10}  {said}", line.seq, time(line.at_ms), line.kind)?;
                    }
                }
                Format::Json => out.write_all(line.raw).and_then(|()| out.write_all(b"\n"))?,
            },
            Ok(Step::End(Tail::Clean { .. })) => return Ok(Exit::Done),
            Ok(Step::End(tail @ Tail::Torn { .. })) => {
                if format == Format::Text {
                    writeln!(out, "         {}", tail_text(tail))?;
                }
                return Ok(Exit::Done);
            }
            Err(ReadError::Broken(at)) => {
                if format == Format::Text {
                    writeln!(out, "BROKEN   record {}, byte {}: {}", at.seq, at.offset, Shown::new(&at.why.to_string()))?;
                }
                return Ok(Exit::Failed);
            }
            Err(error @ (ReadError::Io { .. } | ReadError::Payload { .. })) => return refuse(&error, Format::Text, out),
        }
    }
}

fn say(line: &Line<'_>, summary: &dyn Summary) -> Option<String> {
    let body = || String::from_utf8_lossy(line.body).into_owned();
    let text = match line.kind {
        // The journal's own bodies are short, and best shown as they are.
        KIND_GENESIS | KIND_CHECKPOINT | KIND_RECOVERED => body(),
        kind => summary.of(kind, line.body)?,
    };
    Some(Shown::new(&text).to_string())
}
