//! Walks a whole journal, whatever it lies in: one file, or a folder of segments, plain and sealed.
//!
//! Each segment has to continue the one before. A segment that is missing, that is shorter than its checkpoint says, that ends in mid-record
//! although another follows, or that is not the file that was recorded when it was sealed, is a [`Break`] that names it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::journal::broken::{Break, Why};
use crate::journal::chain::Head;
use crate::journal::checkpoint::{Mark, Within};
use crate::journal::error::{JournalError, ReadError};
use crate::journal::files::open_to_read;
use crate::journal::reader::{Lines, Step, Tail, record_of};
use crate::journal::record::{Body, KIND_SNAPSHOT, Record, Sealed, Snapshot};
use crate::journal::segment::{self, Form, Piece};
use crate::journal::{checkpoint, sealed};

/// A walk over the records of a journal, from its first to its last.
pub struct Walk<'a> {
    lines: Lines<Box<dyn Read + Send + 'a>>,
    /// The segment that is being read; `None` in a journal of one file.
    piece: Option<Piece>,
    rest: VecDeque<Piece>,
    mark: Option<Mark>,
    /// Sealed segments as they lie on the disk, as far as they were read.
    seen: Vec<Sealed>,
    /// A piece that should be there and is not, to be told where it belongs.
    missing: Option<u64>,
    ended: Option<Result<Tail, Break>>,
}

impl<'a> Walk<'a> {
    /// A walk over bytes that are a whole journal.
    pub fn over(input: impl Read + Send + 'a) -> Self {
        Self::from(Lines::new(Box::new(input)), None, VecDeque::new(), None)
    }

    /// A walk over one segment, which is all that is read.
    pub(super) fn along(lines: Lines<impl Read + Send + 'a>) -> Self {
        Self::from(lines.boxed(), None, VecDeque::new(), None)
    }

    fn from(lines: Lines<Box<dyn Read + Send + 'a>>, piece: Option<Piece>, rest: VecDeque<Piece>, mark: Option<Mark>) -> Self {
        Self { lines, piece, rest, mark, seen: Vec::new(), missing: None, ended: None }
    }
}

impl Walk<'static> {
    /// A walk over the journal at `path`: a file, or a folder of segments.
    ///
    /// # Errors
    /// There is nothing, or nothing that can be read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::File { act: "read", path: path.to_owned(), source };
        if !std::fs::metadata(path).map_err(failed)?.is_dir() {
            return Ok(Self::over(open_to_read(path)?));
        }
        let mark = checkpoint::of_journal(path);
        let pieces = segment::list(path).map_err(failed)?;
        if pieces.is_empty() && mark.is_none() {
            return Err(failed(io::Error::other("this folder holds no segment of a journal")));
        }
        let missing = segment::missing(&pieces, mark.and_then(|mark| mark.within).map(|within| within.segment));
        let mut rest: VecDeque<Piece> = match missing {
            Some(number) => pieces.into_iter().take_while(|piece| piece.number < number).collect(),
            None => pieces.into(),
        };
        let Some(first) = rest.pop_front().map(still) else {
            let ended = Err(Break::new(0, 0, Why::SegmentMissing { number: 1 }));
            let nothing: Box<dyn Read + Send> = Box::new(io::empty());
            return Ok(Self { ended: Some(ended), ..Self::from(Lines::new(nothing), None, VecDeque::new(), mark) });
        };
        let lines = match sealed::read(&first) {
            Ok((input, sums)) => Lines::new(input as Box<dyn Read + Send>).with(sums),
            Err(ReadError::Broken(at)) => {
                let nothing: Box<dyn Read + Send> = Box::new(io::empty());
                return Ok(Self { ended: Some(Err(at)), ..Self::from(Lines::new(nothing), None, VecDeque::new(), mark) });
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { missing, ..Self::from(lines, Some(first), rest, mark) })
    }
}

impl Walk<'_> {
    /// The next line, or how the journal ends. The end is given again when asked again.
    ///
    /// # Errors
    /// As [`Lines::advance`]; the break names its segment.
    pub fn advance(&mut self) -> Result<Step<'_>, ReadError> {
        match self.walk()? {
            Some(tail) => Ok(Step::End(tail)),
            None => self.lines.shown(),
        }
    }

    /// Where the next line starts in its file; after the end, where the last whole record ended.
    pub const fn offset(&self) -> u64 {
        self.lines.offset()
    }

    /// The file that the line shown last stands in, where the journal has several.
    pub fn file(&self) -> Option<String> {
        self.piece.as_ref().map(Piece::to_string)
    }

    /// The number of the segment that is being read; 1 in a journal of one file.
    pub fn segment(&self) -> u64 {
        self.piece.as_ref().map_or(1, |piece| piece.number)
    }

    /// How many of the segments read so far were sealed.
    pub fn sealed(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The checkpoint that is noted of this journal.
    pub const fn mark(&self) -> Option<Mark> {
        self.mark
    }

    fn walk(&mut self) -> Result<Option<Tail>, ReadError> {
        if let Some(ended) = &self.ended {
            return ended.clone().map(Some).map_err(ReadError::from);
        }
        loop {
            let tail = match self.lines.walk() {
                Ok(None) => {
                    return match self.seals_hold() {
                        Ok(()) => Ok(None),
                        Err(why) => self.broken(Break::new(self.lines.before().next_seq, self.lines.offset(), why)),
                    };
                }
                Ok(Some(tail)) => tail,
                Err(error) => return self.failed(error),
            };
            if let Err(why) = self.is_whole(tail) {
                return self.broken(Break::new(self.lines.head().next_seq, self.lines.offset(), why));
            }
            let Some(next) = self.rest.pop_front() else {
                if let Some(number) = self.missing {
                    return self.broken(Break::new(self.lines.head().next_seq, self.lines.offset(), Why::SegmentMissing { number }));
                }
                self.ended = Some(Ok(tail));
                return Ok(Some(tail));
            };
            if matches!(tail, Tail::Torn { .. }) {
                return self.broken(Break::new(self.lines.head().next_seq, self.lines.offset(), Why::SegmentUnfinished));
            }
            match self.enter(next) {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = Some(Ok(tail));
                    return Ok(Some(tail));
                }
                Err(error) => return self.failed(error),
            }
        }
    }

    /// Goes on with the next segment; false if it was never begun, which only the newest may be.
    fn enter(&mut self, next: Piece) -> Result<bool, ReadError> {
        let next = still(next);
        let head: Head = *self.lines.head();
        let named = |error| in_file(error, &next);
        let (input, sums) = sealed::read(&next).map_err(named)?;
        match Lines::of_segment(input as Box<dyn Read + Send>, next.number, Some(head), sums).map_err(named)? {
            Some(begun) => {
                self.lines = begun.lines;
                self.piece = Some(next);
                Ok(true)
            }
            None if self.rest.is_empty() && self.missing.is_none() && next.form == Form::Plain => Ok(false),
            None => {
                self.piece = Some(next);
                Err(Break::new(head.next_seq, 0, Why::SegmentUnfinished).into())
            }
        }
    }

    /// Whether the segment that was read to its end is as long as it was, and how it lies there if it is sealed.
    fn is_whole(&mut self, tail: Tail) -> Result<(), Why> {
        let Some(piece) = &self.piece else { return Ok(()) };
        let found = match tail {
            Tail::Clean { bytes } => bytes,
            Tail::Torn { offset, .. } => offset,
        };
        if let Some(Within { segment, bytes: expected }) = self.mark.and_then(|mark| mark.within)
            && segment == piece.number
            && found < expected
        {
            return Err(Why::SegmentShorter { expected, found });
        }
        if piece.form == Form::Sealed {
            self.seen.push(sealed::facts(piece).map_err(|error| Why::Sealed(error.to_string()))?);
        }
        Ok(())
    }

    /// Whether the sealed segments that the line shown last names are the files that are there.
    fn seals_hold(&self) -> Result<(), Why> {
        let Ok(Step::Line { line, .. }) = self.lines.shown() else { return Ok(()) };
        if line.kind != KIND_SNAPSHOT {
            return Ok(());
        }
        let Ok(snapshot) = serde_json::from_slice::<Snapshot>(line.body) else { return Ok(()) };
        let differs = |named: &&Sealed| self.seen.iter().any(|seen| seen.segment == named.segment && seen != *named);
        match snapshot.sealed.iter().find(differs) {
            Some(named) => Err(Why::SealDiffers { segment: named.segment }),
            None => Ok(()),
        }
    }

    fn failed(&mut self, error: ReadError) -> Result<Option<Tail>, ReadError> {
        let error = match (&self.piece, error) {
            (Some(piece), ReadError::Io { source, .. }) => sealed::damaged(source, piece),
            (_, error) => error,
        };
        match error {
            ReadError::Broken(mut at) => {
                if matches!(at.why, Why::Sealed(_)) {
                    (at.seq, at.offset) = (self.lines.head().next_seq, self.lines.offset());
                }
                self.broken(at)
            }
            ReadError::Io { .. } | ReadError::Payload { .. } => Err(error),
        }
    }

    fn broken(&mut self, at: Break) -> Result<Option<Tail>, ReadError> {
        let at = at.in_file(self.file());
        self.ended = Some(Err(at.clone()));
        Err(at.into())
    }
}

/// The segment, in the form that it has by now: a plain one may have been sealed since it was listed.
fn still(piece: Piece) -> Piece {
    let sealed = Piece { path: piece.path.with_extension("jsonl.gz"), form: Form::Sealed, number: piece.number };
    if !piece.path.exists() && sealed.path.exists() { sealed } else { piece }
}

fn in_file(error: ReadError, piece: &Piece) -> ReadError {
    match error {
        ReadError::Broken(at) => at.in_file(Some(piece.to_string())).into(),
        ReadError::Io { source, .. } => sealed::damaged(source, piece),
        ReadError::Payload { .. } => error,
    }
}

/// A walk that turns each line into a [`Record`] of the caller's payload: an iterator that ends after the first error.
pub struct Whole<P> {
    walk: Walk<'static>,
    is_over: bool,
    payload: PhantomData<fn() -> P>,
}

impl<P: DeserializeOwned> Whole<P> {
    /// # Errors
    /// As [`Walk::open`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self { walk: Walk::open(path)?, is_over: false, payload: PhantomData })
    }

    fn step(&mut self) -> Result<Option<Record<P>>, ReadError> {
        if self.walk.walk()?.is_some() {
            return Ok(None);
        }
        match self.walk.lines.shown()? {
            Step::Line { line, offset } => record_of(&line, offset, self.walk.lines.before()).map(Some),
            Step::End(_) => Ok(None),
        }
    }
}

impl<P: DeserializeOwned> Iterator for Whole<P> {
    type Item = Result<Record<P>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step();
        self.is_over = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

/// The caller's own records of the journal at `path`, as far as they hold; what is still being written ends them.
///
/// # Errors
/// As [`Walk::open`], and what breaks the walk.
pub fn entries<P: DeserializeOwned>(path: &Path) -> Result<Vec<(crate::journal::chain::Hash, P)>, JournalError> {
    let mut entries = Vec::new();
    for record in Whole::<P>::open(path)? {
        let record = record?;
        if let Body::Entry { payload, .. } = record.body {
            entries.push((record.hash, payload));
        }
    }
    Ok(entries)
}
