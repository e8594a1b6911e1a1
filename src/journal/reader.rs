//! Walks a journal from its first byte, one line at a time, and proves each line before it shows it.
//!
//! Memory is bounded by one line whatever the file holds. A torn tail is where a write did not finish, is reported as
//! [`Tail::Torn`] and ends the walk; everything else that is not a record of this chain is a [`Break`]. Nothing is repaired
//! here: that is [`super::recover`]'s.

use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::journal::broken::{Break, Misfit, Why};
use crate::journal::chain::{Hash, Head};
use crate::journal::error::ReadError;
use crate::journal::line::{Line, Parts, Sums};
use crate::journal::record::{
    Body, Checkpoint, FORMAT, FORMAT_OF_ONE_FILE, Genesis, KIND_CHECKPOINT, KIND_GENESIS, KIND_RECOVERED, KIND_SNAPSHOT, Kind, Record,
    Recovered, Snapshot, TornShape,
};
use crate::journal::{LINE_BYTES_MAX, SECTOR_BYTES, STATE_BYTES_MAX, WRITE_BYTES_MAX};

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole record, at byte `bytes`.
    Clean { bytes: u64 },
    /// With `bytes` bytes from `offset` on that are no record: a write that did not finish.
    Torn { offset: u64, bytes: u64, shape: TornShape },
}

/// What the next step of a walk found.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A proved line and where it starts.
    Line {
        line: Line<'a>,
        offset: u64,
    },
    End(Tail),
}

/// A walk over the lines of a file.
pub struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// The next line stands in `line` already.
    is_read: bool,
    /// Of the line that was walked to last, which stands in `line`.
    parts: Option<Parts>,
    /// Where the next line starts.
    offset: u64,
    head: Head,
    /// The chain before the line that was shown last.
    before: Head,
    sums: Sums,
    /// What the file's first record has to be, until it was read.
    begins: Option<SegmentStart>,
    ended: Option<Result<Tail, Break>>,
}

/// What a segment's snapshot has to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SegmentStart {
    number: u64,
    state: Hash,
}

/// A segment with a whole first record.
pub(super) struct Begun<R> {
    pub lines: Lines<R>,
    /// The caller's state, which is the file's first line.
    pub state: Vec<u8>,
}

/// What reading up to the next newline gave.
enum Got {
    Line,
    /// The end of the file came first; `self.line` holds what there was.
    Rest,
    /// No newline within the longest line.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// A walk from the first byte of `input`.
    pub fn new(input: R) -> Self {
        Self::resume(input, 0, Head::START)
    }

    /// A walk that goes on at byte `offset`, where `input` starts, behind lines that are proved up to `head`.
    pub fn resume(input: R, offset: u64, head: Head) -> Self {
        let input = BufReader::with_capacity(64 * 1024, input);
        Self {
            input,
            line: Vec::new(),
            is_read: false,
            parts: None,
            offset,
            head,
            before: head,
            sums: Sums::Read,
            begins: None,
            ended: None,
        }
    }

    /// The same walk over an input whose type nobody needs to know.
    pub(super) fn boxed<'a>(self) -> Lines<Box<dyn Read + Send + 'a>>
    where
        R: Send + 'a,
    {
        let Self { input, line, is_read, parts, offset, head, before, sums, begins, ended } = self;
        let input: Box<dyn Read + Send + 'a> = Box::new(input);
        Lines { input: BufReader::with_capacity(64 * 1024, input), line, is_read, parts, offset, head, before, sums, begins, ended }
    }

    /// The same walk over lines whose sums are `sums`.
    pub(super) fn with(self, sums: Sums) -> Self {
        Self { sums, ..self }
    }

    /// A walk over segment `number`, which is not the first, from its first byte. `head` is the chain before it; without one, its first
    /// record is believed. `None`: the segment has no whole first record, so it was not begun.
    pub(super) fn of_segment(input: R, number: u64, head: Option<Head>, sums: Sums) -> Result<Option<Begun<R>>, ReadError> {
        let mut lines = Self { sums, ..Self::resume(input, 0, head.unwrap_or(Head::START)) };
        let io = |source| ReadError::Io { offset: 0, source };
        let read = lines.input.by_ref().take(STATE_BYTES_MAX as u64).read_until(b'\n', &mut lines.line).map_err(io)?;
        let mut state = std::mem::take(&mut lines.line);
        if state.pop() != Some(b'\n') {
            return Ok(None);
        }
        lines.offset = read as u64;
        match lines.read_line().map_err(io)? {
            Got::Line => {}
            Got::Rest => return Ok(None),
            Got::TooLong => return Err(Break::new(lines.head.next_seq, lines.offset, Why::TooLong).into()),
        }
        if head.is_none() {
            let first = Line::split(without_newline(&lines.line)).map_err(|why| Break::new(0, lines.offset, why))?;
            lines.head = Head { next_seq: first.seq, hash: first.prev };
        }
        lines.is_read = true;
        lines.begins = Some(SegmentStart { number, state: Hash::from_bytes(Sha256::digest(&state).into()) });
        Ok(Some(Begun { lines, state }))
    }

    /// The chain as far as it was walked.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Where the next line starts; after the end, where the last whole record ended.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line, or how the journal ends. The end is given again when asked again.
    ///
    /// # Errors
    /// [`ReadError::Io`] if the file can't be read, [`ReadError::Broken`] at the first thing that is not a record of this chain.
    pub fn advance(&mut self) -> Result<Step<'_>, ReadError> {
        match self.walk()? {
            Some(tail) => Ok(Step::End(tail)),
            None => self.shown(),
        }
    }

    /// Goes on by one line, which [`Lines::shown`] then shows; or says how the file ends.
    pub(super) fn walk(&mut self) -> Result<Option<Tail>, ReadError> {
        if let Some(ended) = &self.ended {
            return ended.clone().map(Some).map_err(ReadError::from);
        }
        let got = if self.is_read { Ok(Got::Line) } else { self.read_line() };
        let got = got.map_err(|source| ReadError::Io { offset: self.offset, source })?;
        self.is_read = false;
        let checked = match got {
            Got::Line => prove(&self.line, &self.head, self.sums, self.begins.take()),
            Got::Rest => Err(Why::Empty),
            Got::TooLong => Err(Why::TooLong),
        };
        match checked {
            Ok((head, parts)) => {
                self.parts = Some(parts);
                self.offset += self.line.len() as u64;
                self.before = self.head;
                self.head = head;
                Ok(None)
            }
            Err(why) => {
                let ended = self.end(&got, why).map_err(|source| ReadError::Io { offset: self.offset, source })?;
                self.ended = Some(ended.clone());
                ended.map(Some).map_err(ReadError::from)
            }
        }
    }

    /// The line that was walked to last.
    pub(super) fn shown(&self) -> Result<Step<'_>, ReadError> {
        let (raw, offset) = (without_newline(&self.line), self.offset - self.line.len() as u64);
        let line = match &self.parts {
            Some(parts) => Line::of(parts, raw),
            None => Line::split(raw).map_err(|why| Break::new(self.before.next_seq, offset, why))?,
        };
        Ok(Step::Line { line, offset })
    }

    /// The chain before the line that was walked to last.
    pub(super) const fn before(&self) -> &Head {
        &self.before
    }

    fn read_line(&mut self) -> io::Result<Got> {
        self.parts = None;
        self.line.clear();
        let read = self.input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line)?;
        Ok(match self.line.last() {
            Some(b'\n') => Got::Line,
            Some(_) if read == LINE_BYTES_MAX => Got::TooLong,
            Some(_) | None => Got::Rest,
        })
    }

    /// Decides what a line that is no record is: a torn tail, or a break.
    fn end(&mut self, got: &Got, why: Why) -> io::Result<Result<Tail, Break>> {
        let broken = |lines: &Self, why| Ok(Err(Break::new(lines.head.next_seq, lines.offset, why)));
        let shape = match got {
            Got::Line if has_hole(&self.line, self.offset) => TornShape::Hole,
            Got::Line => return broken(self, why),
            Got::Rest | Got::TooLong => TornShape::Partial,
        };
        let rest = self.survey_rest()?;
        let bytes = self.line.len() as u64 + rest.bytes;
        let shape = match shape {
            TornShape::Hole if bytes > WRITE_BYTES_MAX as u64 => return broken(self, why),
            TornShape::Partial if rest.newlines => return broken(self, why),
            TornShape::Partial if rest.last.or(self.line.last().copied()) == Some(0) => TornShape::Zeros,
            TornShape::Hole | TornShape::Partial | TornShape::Zeros => shape,
        };
        if self.head == Head::START {
            return broken(self, Why::Empty);
        }
        Ok(Ok(if bytes == 0 { Tail::Clean { bytes: self.offset } } else { Tail::Torn { offset: self.offset, bytes, shape } }))
    }

    /// Reads to the end of the file without keeping it.
    fn survey_rest(&mut self) -> io::Result<Rest> {
        let mut rest = Rest { bytes: 0, newlines: false, last: None };
        loop {
            let chunk = self.input.fill_buf()?;
            let Some(last) = chunk.last() else {
                return Ok(rest);
            };
            rest.newlines |= chunk.contains(&b'\n');
            rest.last = Some(*last);
            let length = chunk.len();
            rest.bytes += length as u64;
            self.input.consume(length);
        }
    }
}

/// What follows the line at fault.
struct Rest {
    bytes: u64,
    newlines: bool,
    last: Option<u8>,
}

fn without_newline(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn prove(line: &[u8], head: &Head, sums: Sums, begins: Option<SegmentStart>) -> Result<(Head, Parts), Why> {
    let raw = without_newline(line);
    let parts = Parts::find(raw)?;
    let line = Line::of(&parts, raw);
    let after = line.continues(head, sums)?;
    if (line.kind == KIND_SNAPSHOT) != begins.is_some() {
        return Err(Why::Kind { found: line.kind.to_owned() });
    }
    if let (Some(OwnBody::Snapshot(snapshot)), Some(begins)) = (own_kind(&line, head)?, begins) {
        if snapshot.segment != begins.number {
            return Err(Why::Meaning(Misfit::Segment { found: snapshot.segment }));
        }
        if snapshot.state != begins.state {
            return Err(Why::Meaning(Misfit::State));
        }
    }
    Ok((after, parts))
}

/// Reads the body of one of the journal's own kinds; `None` for the caller's kinds.
fn own_kind(line: &Line<'_>, before: &Head) -> Result<Option<OwnBody>, Why> {
    fn fields<T: DeserializeOwned>(body: &[u8]) -> Result<T, Why> {
        // Serde would read an array of the right values as an object; nobody else would.
        let object = Some(body).filter(|body| body.first() == Some(&b'{'));
        object.and_then(|body| serde_json::from_slice(body).ok()).ok_or(Why::Meaning(Misfit::Fields))
    }
    Ok(match line.kind {
        KIND_GENESIS => {
            let genesis: Genesis = fields(line.body)?;
            if genesis.format != FORMAT && genesis.format != FORMAT_OF_ONE_FILE {
                return Err(Why::Meaning(Misfit::Format { found: genesis.format }));
            }
            Some(OwnBody::Genesis(genesis))
        }
        KIND_CHECKPOINT => {
            let checkpoint: Checkpoint = fields(line.body)?;
            if checkpoint.records != before.next_seq || checkpoint.head != before.hash {
                return Err(Why::Meaning(Misfit::Head));
            }
            Some(OwnBody::Checkpoint(checkpoint))
        }
        KIND_RECOVERED => Some(OwnBody::Recovered(fields(line.body)?)),
        KIND_SNAPSHOT => {
            let snapshot: Snapshot = fields(line.body)?;
            if snapshot.records != before.next_seq || snapshot.head != before.hash {
                return Err(Why::Meaning(Misfit::Head));
            }
            Some(OwnBody::Snapshot(snapshot))
        }
        _ => None,
    })
}

enum OwnBody {
    Genesis(Genesis),
    Checkpoint(Checkpoint),
    Recovered(Recovered),
    Snapshot(Snapshot),
}

/// Whether `line`, which starts at `offset` of the file, misses whole sectors: a run of zero bytes that begins with the line or
/// with a sector and ends with a sector. No flipped bit looks like that.
fn has_hole(line: &[u8], offset: u64) -> bool {
    let sector = SECTOR_BYTES as u64;
    let to_border = usize::try_from((sector - offset % sector) % sector).expect("less than a sector");
    let zeros = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0);
    let Some((first, aligned)) = line.split_at_checked(to_border) else {
        return false;
    };
    zeros(first) || aligned.chunks_exact(SECTOR_BYTES).any(zeros)
}

/// A walk that turns each line into a [`Record`] of the caller's payload.
///
/// An iterator that ends after the first error. When it has ended without one, [`Records::tail`] says how the journal ends.
pub struct Records<R, P> {
    lines: Lines<R>,
    tail: Option<Tail>,
    failed: bool,
    payload: PhantomData<fn() -> P>,
}

impl<R: Read, P: DeserializeOwned> Records<R, P> {
    /// A walk from the first byte of `input`.
    pub fn new(input: R) -> Self {
        Self::of(Lines::new(input))
    }

    /// A walk that goes on at byte `offset`, as [`Lines::resume`] does.
    pub fn resume(input: R, offset: u64, head: Head) -> Self {
        Self::of(Lines::resume(input, offset, head))
    }

    pub(super) const fn of(lines: Lines<R>) -> Self {
        Self { lines, tail: None, failed: false, payload: PhantomData }
    }

    /// The same walk over bytes that an earlier one has proved, and that nobody has written to since: as a host reads what it has opened.
    pub fn proved(self) -> Self {
        Self { lines: self.lines.with(Sums::Proved), ..self }
    }

    /// How the journal ends, once the walk has come to its end.
    pub const fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// The chain as far as it was walked.
    pub const fn head(&self) -> &Head {
        self.lines.head()
    }

    fn step(&mut self) -> Result<Option<Record<P>>, ReadError> {
        let before = *self.lines.head();
        match self.lines.advance()? {
            Step::Line { line, offset } => record_of(&line, offset, &before).map(Some),
            Step::End(tail) => {
                self.tail = Some(tail);
                Ok(None)
            }
        }
    }
}

/// A proved line as a record.
pub(super) fn record_of<P: DeserializeOwned>(line: &Line<'_>, offset: u64, before: &Head) -> Result<Record<P>, ReadError> {
    let own = own_kind(line, before).map_err(|why| Break::new(line.seq, offset, why))?;
    let body = match own {
        Some(OwnBody::Genesis(genesis)) => Body::Genesis(genesis),
        Some(OwnBody::Checkpoint(checkpoint)) => Body::Checkpoint(checkpoint),
        Some(OwnBody::Recovered(recovered)) => Body::Recovered(recovered),
        Some(OwnBody::Snapshot(snapshot)) => Body::Snapshot(snapshot),
        None => Body::Entry {
            kind: Kind::new(line.kind).expect("a line's kind has the form, and the journal's own kinds were taken out"),
            payload: serde_json::from_slice(line.body).map_err(|source| ReadError::Payload { seq: line.seq, offset, source })?,
        },
    };
    let bytes = line.raw.len() as u64 + 1;
    Ok(Record { seq: line.seq, at_ms: line.at_ms, prev: line.prev, hash: line.hash, offset, bytes, body })
}

impl<R: Read, P: DeserializeOwned> Iterator for Records<R, P> {
    type Item = Result<Record<P>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.tail.is_some() {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
