//! A sealed segment: the same records without what can be computed again, compressed.
//!
//! Of each line its time, kind and body are kept; number, hashes and checksum follow from them and from the chain before. `Expand` gives
//! the bytes back exactly as they were written, so whoever reads a segment need not know its form. Sealing proves the segment first and
//! compares what it wrote with what it read, and the plain file goes last: at each moment one of the two is whole.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::{Compression, GzBuilder, bufread::GzDecoder};
use sha2::{Digest, Sha256};

use crate::journal::broken::Why;
use crate::journal::chain::{Hash, Head, number};
use crate::journal::error::{JournalError, ReadError};
use crate::journal::line::{Line, Sums, append_known};
use crate::journal::reader::{Lines, Tail};
use crate::journal::record::{KIND_BYTES_MAX, Sealed, kind_has_form};
use crate::journal::segment::{Form, Piece};
use crate::journal::{LINE_BYTES_MAX, STATE_BYTES_MAX, folder};

/// First word of a sealed segment.
const MAGIC: &str = "cutover-segment";
/// Most bytes of the line that a sealed segment begins with.
const TITLE_BYTES_MAX: u64 = 160;

/// The bytes of a segment as they were written, from its sealed form.
pub(super) struct Expand<R> {
    input: R,
    /// Expanded and not yet read.
    ready: Vec<u8>,
    at: usize,
    head: Head,
    line: Vec<u8>,
    /// The state, which is handed on as it is.
    state_left: bool,
}

impl<R: BufRead> Expand<R> {
    /// Reads the title; the segment has to be `expected`.
    pub(super) fn new(mut input: R, expected: u64) -> Result<Self, Why> {
        let mut title = Vec::new();
        let read = input.by_ref().take(TITLE_BYTES_MAX).read_until(b'\n', &mut title);
        read.map_err(|error| Why::Sealed(error.to_string()))?;
        let head = title_of(&title, expected).ok_or_else(|| Why::Sealed("its first line is not that of this segment".to_owned()))?;
        Ok(Self { input, ready: Vec::new(), at: 0, head, line: Vec::new(), state_left: expected > 1 })
    }

    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.at = 0;
        if self.state_left {
            self.state_left = false;
            self.input.by_ref().take(STATE_BYTES_MAX as u64).read_until(b'\n', &mut self.ready)?;
            return Ok(());
        }
        self.line.clear();
        self.input.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line)?;
        let Some(bare) = self.line.strip_suffix(b"\n") else {
            return if self.line.is_empty() { Ok(()) } else { Err(unlike("its last line has no end")) };
        };
        let (at_ms, kind, body) = thin_of(bare).ok_or_else(|| unlike("a line is not TIME KIND BODY"))?;
        self.head = append_known(&mut self.ready, &self.head, at_ms, kind, body);
        Ok(())
    }
}

fn unlike(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: BufRead> Read for Expand<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            self.refill()?;
        }
        let rest = &self.ready[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

fn title(number: u64, head: &Head) -> String {
    format!("{MAGIC} {number} {} {}\n", head.next_seq, head.hash)
}

fn title_of(line: &[u8], expected: u64) -> Option<Head> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.strip_suffix('\n')?.split(' ').skip(2);
    let head = Head { next_seq: number(words.next()?.as_bytes())?, hash: words.next()?.parse().ok()? };
    (title(expected, &head) == text).then_some(head)
}

fn thin_of(line: &[u8]) -> Option<(u64, &str, &[u8])> {
    let (at, rest) = split(line, 16)?;
    let (kind, body) = split(rest, KIND_BYTES_MAX)?;
    let kind = std::str::from_utf8(kind).ok().filter(|kind| kind_has_form(kind.as_bytes()))?;
    Some((number(at)?, kind, body))
}

fn split(line: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let space = line.iter().take(most + 1).position(|byte| *byte == b' ')?;
    Some((&line[..space], &line[space + 1..]))
}

/// A gzip file of one member that begins as every file of ours begins and has nothing behind its end.
struct Packed(GzDecoder<BufReader<File>>);

/// No name, no time, best compression, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

fn open(piece: &Piece) -> io::Result<BufReader<Packed>> {
    let mut file = File::open(&piece.path)?;
    let mut header = [0; HEADER.len()];
    file.read_exact(&mut header)?;
    if header != HEADER {
        return Err(unlike("its header is not that of a sealed segment"));
    }
    file.rewind()?;
    Ok(BufReader::with_capacity(64 * 1024, Packed(GzDecoder::new(BufReader::with_capacity(64 * 1024, file)))))
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read == 0 && !buffer.is_empty() && !self.0.get_mut().fill_buf()?.is_empty() {
            return Err(unlike("something stands behind its end"));
        }
        Ok(read)
    }
}

/// The bytes of `piece` as they were written, whatever its form.
pub(super) fn read(piece: &Piece) -> Result<(Box<dyn Read + Send>, Sums), ReadError> {
    match piece.form {
        Form::Plain => Ok((Box::new(crate::journal::files::open_to_read(&piece.path).map_err(unread)?), Sums::Read)),
        Form::Sealed => {
            let named = |why| crate::journal::broken::Break::new(0, 0, why).in_file(Some(piece.to_string()));
            let packed = open(piece).map_err(|error| damaged(error, piece))?;
            let expand = Expand::new(packed, piece.number).map_err(named)?;
            Ok((Box::new(expand), Sums::Made))
        }
    }
}

/// What can't be unpacked is a finding; what can't be read at all is not.
pub(super) fn damaged(error: io::Error, piece: &Piece) -> ReadError {
    match (piece.form, error.kind()) {
        (Form::Sealed, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof) => {
            let why = Why::Sealed(error.to_string());
            crate::journal::broken::Break::new(0, 0, why).in_file(Some(piece.to_string())).into()
        }
        _ => ReadError::Io { offset: 0, source: error },
    }
}

fn unread(error: JournalError) -> ReadError {
    ReadError::Io { offset: 0, source: io::Error::other(error.to_string()) }
}

/// Length and SHA-256 of a sealed segment's file.
///
/// # Errors
/// It can't be read.
pub(super) fn facts(piece: &Piece) -> io::Result<Sealed> {
    let bytes = fs::read(&piece.path)?;
    Ok(Sealed { segment: piece.number, bytes: bytes.len() as u64, sha256: Hash::from_bytes(Sha256::digest(&bytes).into()) })
}

/// Why a segment stays plain; it is as good as before.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("segment {0} could not be compressed: {1}; it stays as it is and takes more room; it is tried again with the next one")]
    Io(String, io::Error),
    #[error("segment {0} was not compressed, because it does not hold: {1}; it stays as it is; see `cutover audit verify`")]
    Broken(String, Box<ReadError>),
    #[error("segment {0} was not compressed, because it does not end with a whole record; it stays as it is; see `cutover audit verify`")]
    Unfinished(String),
    #[error("what segment {0} was compressed to does not give it back; it stays as it is; this is a defect of the program")]
    Differs(String),
}

/// Seals segment `number` of the journal in the folder `path`: written under another name, read back, renamed, made durable, and only then is the
/// plain file removed. Killed at any point, and done again, it ends the same.
///
/// # Errors
/// The plain segment is left where it is.
pub fn seal(path: &Path, number: u64) -> Result<Piece, SealError> {
    let (plain, sealed) = (Piece::of(path, number, Form::Plain), Piece::of(path, number, Form::Sealed));
    let name = plain.to_string();
    let io = |error| SealError::Io(name.clone(), error);
    let bytes = fs::read(&plain.path).map_err(io)?;
    let thin = thinned(&bytes, number, &name)?;
    let fresh = folder::fresh_name(&sealed.path);
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh).map_err(io)?;
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    let packed = packed.write_all(&thin).and_then(|()| packed.finish()).map_err(io)?;
    file.write_all(&packed).and_then(|()| file.sync_all()).map_err(io)?;
    drop(file);
    let mut back = Vec::with_capacity(bytes.len());
    let written = Piece { path: fresh.clone(), number, form: Form::Sealed };
    read(&written).map_err(|error| SealError::Broken(name.clone(), Box::new(error)))?.0.read_to_end(&mut back).map_err(io)?;
    if back != bytes {
        return Err(SealError::Differs(name.clone()));
    }
    let directory = File::open(path).map_err(io)?;
    fs::rename(&fresh, &sealed.path).and_then(|()| directory.sync_all()).map_err(io)?;
    fs::remove_file(&plain.path).and_then(|()| directory.sync_all()).map_err(io)?;
    Ok(sealed)
}

/// A plain segment without what can be computed again; it is proved on the way.
fn thinned(bytes: &[u8], number: u64, name: &str) -> Result<Vec<u8>, SealError> {
    let broken = |error| SealError::Broken(name.to_owned(), Box::new(error));
    let unfinished = || SealError::Unfinished(name.to_owned());
    let mut thin = Vec::with_capacity(bytes.len());
    let mut lines = if number > 1 {
        let begun = Lines::of_segment(bytes, number, None, Sums::Read).map_err(broken)?.ok_or_else(unfinished)?;
        thin.extend_from_slice(title(number, begun.lines.head()).as_bytes());
        thin.extend_from_slice(&begun.state);
        thin.push(b'\n');
        begun.lines
    } else {
        thin.extend_from_slice(title(number, &Head::START).as_bytes());
        Lines::new(bytes)
    };
    loop {
        match lines.walk().map_err(broken)? {
            Some(Tail::Clean { .. }) => return Ok(thin),
            Some(Tail::Torn { .. }) => return Err(unfinished()),
            None => {
                if let crate::journal::reader::Step::Line { line: Line { at_ms, kind, body, .. }, .. } = lines.shown().map_err(broken)? {
                    thin.extend_from_slice(format!("{at_ms} {kind} ").as_bytes());
                    thin.extend_from_slice(body);
                    thin.push(b'\n');
                }
            }
        }
    }
}
