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
            Format,
            judged::{Judged, is_there},
            time,
            verdict::{refuse, tell},
        },
    },
    domain::shown::Shown,
    journal::{
        error::ReadError,
        line::Line,
        reader::Step,
        record::{KIND_CHECKPOINT, KIND_GENESIS, KIND_RECOVERED, KIND_SNAPSHOT, Snapshot},
        walk::Walk,
    },
};

/// Says in a few words what one of the session's own records is about; the text may hold anything, it is made harmless here.
/// `None`: the record is left out.
pub trait Summary {
    fn of(&self, kind: &str, body: &[u8]) -> Option<String>;
    /// A record that is not shown, and may say how later ones are to be read.
    fn passed_over(&self, _kind: &str, _body: &[u8]) {}
}

impl<F: Fn(&str, &[u8]) -> Option<String>> Summary for F {
    fn of(&self, kind: &str, body: &[u8]) -> Option<String> {
        self(kind, body)
    }
}

/// Which records are shown. All are walked and proved, whatever is shown of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Not before, in milliseconds since 1970-01-01 UTC.
    pub since_ms: Option<u64>,
    /// Not after.
    pub until_ms: Option<u64>,
    /// Only lines that contain this, whatever its case.
    pub grep: Option<String>,
    pub own: Own,
}

/// The journal's own records: where a segment begins, checkpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Own {
    #[default]
    Shown,
    LeftOut,
}

impl Choice {
    fn is_in_time(&self, at_ms: u64) -> bool {
        self.since_ms.is_none_or(|since| since <= at_ms) && self.until_ms.is_none_or(|until| at_ms <= until)
    }

    fn has_text(&self, text: &str) -> bool {
        self.grep.as_ref().is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    }
}

/// Writes one line for each record of the journal at `path` that is chosen: number, time in UTC, kind, and what `summary` says of it.
///
/// It shows what stands before the first record that does not hold, and ends as `verify` does.
///
/// # Errors
/// Only if `out` takes no more.
pub fn show(path: &Path, format: Format, choice: &Choice, summary: &dyn Summary, out: &mut dyn Write) -> io::Result<Exit> {
    if let Err(unjudged) = is_there(path) {
        return tell(&unjudged, Format::Text, out);
    }
    let mut walk = match Walk::open(path) {
        Ok(walk) => walk,
        Err(error) => return refuse(&error, Format::Text, out),
    };
    let broken = loop {
        match walk.advance() {
            Ok(Step::Line { line, .. }) if !choice.is_in_time(line.at_ms) => summary.passed_over(line.kind, line.body),
            Ok(Step::Line { line, .. }) => match format {
                Format::Text => {
                    let said = say(&line, summary, choice.own);
                    if let Some(said) = said.filter(|said| choice.has_text(&format!("{} {said}", line.kind))) {
                        writeln!(out, "{:>7}  {}  {:<10}  {said}", line.seq, time(line.at_ms), line.kind)?;
                    }
                }
                Format::Json if choice.has_text(&String::from_utf8_lossy(line.raw)) => {
                    out.write_all(line.raw).and_then(|()| out.write_all(b"\n"))?;
                }
                Format::Json => {}
            },
            // How far that is proved, and what is missing, is for the verdict alone to say.
            Ok(Step::End(_)) => break None,
            Err(ReadError::Broken(at)) => break Some(at),
            Err(error @ (ReadError::Io { .. } | ReadError::Payload { .. })) => return refuse(&error, Format::Text, out),
        }
    };
    let judged = match Judged::of(path, &[]) {
        Ok(judged) => judged,
        Err(unjudged) => return tell(&unjudged, Format::Text, out),
    };
    let (word, why) = judged.told(broken.as_ref());
    if let (Some(why), Format::Text) = (why, format) {
        writeln!(out, "{}  {why}", word.text())?;
    }
    Ok(word.exit())
}

fn say(line: &Line<'_>, summary: &dyn Summary, own: Own) -> Option<String> {
    let body = || String::from_utf8_lossy(line.body).into_owned();
    let text = match (line.kind, own) {
        (KIND_CHECKPOINT | KIND_SNAPSHOT, Own::LeftOut) => return None,
        (KIND_SNAPSHOT, Own::Shown) => serde_json::from_slice(line.body).map_or_else(|_| body(), |snapshot| begins(&snapshot)),
        // The journal's own bodies are short, and best shown as they are.
        (KIND_GENESIS | KIND_CHECKPOINT | KIND_RECOVERED, _) => body(),
        (kind, _) => summary.of(kind, line.body)?,
    };
    Some(Shown::new(&text).to_string())
}

fn begins(snapshot: &Snapshot) -> String {
    let sealed: Vec<String> = snapshot.sealed.iter().map(|sealed| format!("{} ({} bytes)", sealed.segment, sealed.bytes)).collect();
    let sealed = if sealed.is_empty() { String::new() } else { format!("; sealed since: {}", sealed.join(", ")) };
    format!("segment {} begins with the whole state, SHA-256 {}{sealed}", snapshot.segment, snapshot.state)
}
