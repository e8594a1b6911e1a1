//! Creates a journal, and takes one up again after whatever happened to its writer.
//!
//! Taking up again proves the whole chain first; until then, and until the caller wants it for its own, nothing changes ([`Claim`]). A torn tail is moved to a file beside the journal, never thrown away, and the
//! next record tells of it. Anything else that does not hold is refused and left untouched: a writer that mends history would
//! be the best tool to forge it with. Doing this twice, or being killed in the midst of it, ends in the same chain.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::journal::broken::{Break, Why};
use crate::journal::chain::{Hash, Witness};
use crate::journal::checkpoint::{Mark, Within};
use crate::journal::disk::RealDisk;
use crate::journal::error::{Cause, JournalError, ReadError};
use crate::journal::files::{Home, Spot, beside, open_to_read};
use crate::journal::line::Sums;
use crate::journal::reader::{Begun, Lines, Records, Tail};
use crate::journal::record::{Genesis, Recovered, Snapshot, TornShape};
use crate::journal::segment::{Form, Piece};
use crate::journal::verify::{Proof, Verdict, verify, verify_journal, verify_lines};
use crate::journal::writer::{Cadence, Start, Writer};
use crate::journal::{WRITE_BYTES_MAX, adopt, checkpoint, folder, segment};

/// Torn tails that one journal may have beside it; more means that something else is wrong.
const SIDE_FILES_MAX: u32 = 10_000;

/// How a journal is kept.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub cadence: Cadence,
    /// A name for whoever writes, shown to those who are refused; best a user's name.
    pub holder: String,
    /// A record that the caller remembers from outside the file and that has to be in it.
    pub witness: Option<Witness>,
}

/// What was found in a journal that was taken up again.
#[derive(Debug)]
pub struct Replay {
    /// What is proved of its newest segment.
    pub proof: Proof,
    /// The newest segment, which is all that was read.
    pub segment: u64,
    /// What that segment begins with; `None` in the first, which begins with the journal.
    pub snapshot: Option<Taken>,
    /// The torn tail that was set aside, if there was one.
    pub recovered: Option<Recovered>,
    /// What the checkpoint beside the journal remembered; it agrees, or the journal would have been refused. `None` if there
    /// is none that can be read: it is not synced, so a power cut may take it.
    pub remembered: Option<Mark>,
    file: File,
    bytes: u64,
}

/// A state from which reading may begin.
#[derive(Debug)]
pub struct Taken {
    /// The caller's state, as JSON.
    pub state: Vec<u8>,
    pub snapshot: Snapshot,
}

impl Replay {
    /// What the newest segment of the journal at `path` holds, without taking it up: nothing is locked, set aside or cleared away, and a torn
    /// tail is passed over. For a journal that nobody writes to.
    ///
    /// # Errors
    /// There is none, or it is broken, or lacks a segment.
    pub fn look(path: &Path) -> Result<Replay, JournalError> {
        let failed = |source| JournalError::File { act: "read", path: path.to_owned(), source };
        let remembered = checkpoint::of_journal(path);
        let pieces = pieces(path, remembered, failed)?;
        let newest = Newest::of(pieces)?.piece;
        let file = open_to_read(&newest.path)?;
        let Found { proof, snapshot } = prove(path, &file, &newest, remembered, &Options::default())?;
        let bytes = whole(&proof);
        Ok(Replay { proof, segment: newest.number, snapshot, recovered: None, remembered, file, bytes })
    }

    /// The records of the newest segment as they were found and proved, to be folded into a state. Each call starts anew.
    ///
    /// # Errors
    /// If the file can't be read a second time.
    pub fn records<P: DeserializeOwned>(&self) -> Result<Records<impl Read + use<P>, P>, ReadError> {
        let file = self.file.try_clone().map_err(|source| ReadError::Io { offset: 0, source })?;
        let span = Span { file, at: 0, end: self.bytes };
        let lines = match self.segment {
            1 => Lines::new(span).with(Sums::Proved),
            number => match Lines::of_segment(span, number, None, Sums::Proved)? {
                Some(begun) => begun.lines,
                None => return Err(Break::new(0, 0, Why::Empty).into()),
            },
        };
        Ok(Records::of(lines))
    }
}

/// The bytes of a file up to an end, read by position: the file's own position belongs to nobody.
struct Span {
    file: File,
    at: u64,
    end: u64,
}

impl Read for Span {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Writer {
    /// Starts a new journal at `path`, which must not exist; its first record is durable when this returns.
    ///
    /// # Errors
    /// [`JournalError::Exists`] if there is something at `path`, [`JournalError::Missing`] if there was; others if the disk refuses. No
    /// journal exists then.
    pub fn create(path: &Path, at_ms: u64, genesis: &Genesis, options: &Options) -> Result<Self, JournalError> {
        let spot = Spot::find(path)?;
        if fs::symlink_metadata(path).is_ok() || adopt::is_adoptable(path) {
            return Err(JournalError::Exists { path: path.to_owned() });
        }
        spot.require_untaken()?;
        let fresh = beside(&spot.name, &format!(".new-{}", rustix::process::getpid().as_raw_pid()));
        let folder = path.with_file_name(&fresh);
        // Left behind by a dead process that had our id: no living one can have it.
        let _was_none = fs::remove_dir_all(&folder);
        let begun = (|| {
            fs::DirBuilder::new().mode(0o700).create(&folder).map_err(spot.failed("create"))?;
            let writer = begin_first(&spot, &folder, at_ms, genesis, options)?;
            spot.publish(&fresh)?;
            Ok(writer)
        })();
        let writer = begun.inspect_err(|_: &JournalError| drop(fs::remove_dir_all(&folder)))?;
        let mut writer = writer.noted_as(&options.holder);
        // Its first record is written already.
        writer.note();
        Ok(writer)
    }

    /// Takes up the journal at `path` where its newest segment begins: locks it, proves that segment, sets a torn tail aside, and goes on
    /// behind the last whole record. What the segments before it say is `cutover audit verify`'s to prove; here they have to be there.
    ///
    /// A journal of one file that an earlier program wrote is taken in as the first segment.
    ///
    /// # Errors
    /// [`JournalError::InUse`] if another writer has it, [`JournalError::Missing`] if it was here and is gone, [`JournalError::Read`] if it is
    /// broken, lacks a segment or contradicts a witness; it is then as it was.
    pub fn open(path: &Path, options: &Options) -> Result<(Self, Replay), JournalError> {
        Claim::on(path, options)?.take_up()
    }
}

/// A journal that is ours to take up, proved and still as it was: nothing in it changes, and nothing beside it, before it is taken up.
pub struct Claim<'a> {
    spot: Spot<'a>,
    directory: OwnedFd,
    file: File,
    newest: Piece,
    unbegun: Vec<PathBuf>,
    options: Options,
    replay: Replay,
}

impl<'a> Claim<'a> {
    /// Locks the journal at `path` and proves its newest segment.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn on(path: &'a Path, options: &Options) -> Result<Self, JournalError> {
        let spot = Spot::find(path)?;
        adopt::finish(&spot)?;
        if fs::symlink_metadata(path).is_err() {
            match adopt::is_adoptable(path) {
                true => adopt::adopt(&spot, options)?,
                false => spot.require_untaken()?,
            }
        }
        let directory = spot.open_folder()?;
        let remembered = checkpoint::of_journal(path);
        let pieces = pieces(path, remembered, spot.failed("read"))?;
        let Newest { piece: newest, unbegun } = Newest::of(pieces)?;
        let inside = Spot::find(&newest.path)?;
        let file = inside.open()?;
        let Found { proof, snapshot } = prove(path, &file, &newest, remembered, options)?;
        // Its own open file: a dup would keep the lock when the writer is gone.
        let kept = inside.open_again()?;
        let bytes = whole(&proof);
        let replay = Replay { proof, segment: newest.number, snapshot, recovered: None, remembered, file: kept, bytes };
        Ok(Self { spot, directory, file, newest, unbegun, options: options.clone(), replay })
    }

    /// What was found in it.
    pub const fn replay(&self) -> &Replay {
        &self.replay
    }

    /// Makes it the writer's: what was half made is cleared away, a torn tail set aside, and what was read made durable.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn take_up(self) -> Result<(Writer, Replay), JournalError> {
        let Self { spot, directory, file, newest, unbegun, options, mut replay } = self;
        let inside = Spot::find(&newest.path)?;
        let ready = make_ready(&spot, &inside, &file, &unbegun, &mut replay);
        let start = Start::behind(&replay.proof, replay.bytes, replay.recovered.clone(), Some(newest.number));
        let Spot { directory: parent, name, .. } = spot;
        let disk = Box::new(RealDisk { directory, name: inside.name, file, home: Some(Home { parent, name }) });
        let writer = match ready {
            Ok(()) => Writer::resume(disk, start, options.cadence).noted_as(&options.holder),
            // What was read holds all the same, and whoever goes home by it needs no record for that.
            Err(error) => Writer::lost(disk, start, Cause::Os { kind: error.kind(), text: error.to_string() }),
        };
        Ok((writer, replay))
    }
}

/// Leaves nothing between the last whole record and the next one.
fn make_ready(spot: &Spot<'_>, inside: &Spot<'_>, file: &File, unbegun: &[PathBuf], replay: &mut Replay) -> io::Result<()> {
    folder::clear(spot.path)?;
    // Made ready and never begun: its first record was not durable, so nothing followed from it.
    unbegun.iter().try_for_each(fs::remove_file)?;
    if let Tail::Torn { offset, shape, .. } = replay.proof.tail {
        let again = |error: io::Error| {
            if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                return Err(error);
            }
            // The room that was promised to the writer before lies behind the file's end, and is enough for what stands there.
            rustix::fs::ftruncate(file, file.metadata()?.len())?;
            set_aside(inside, file, offset, shape)
        };
        replay.recovered = Some(set_aside(inside, file, offset, shape).or_else(again)?);
    }
    settle(file, replay.bytes)
}

/// Where the last whole record ends.
const fn whole(proof: &Proof) -> u64 {
    match proof.tail {
        Tail::Clean { bytes } => bytes,
        Tail::Torn { offset, .. } => offset,
    }
}

/// The first segment of a new journal, in a folder that has not got its name yet.
fn begin_first(spot: &Spot<'_>, folder: &Path, at_ms: u64, genesis: &Genesis, options: &Options) -> Result<Writer, JournalError> {
    let path = folder.join(segment::name(1, Form::Plain));
    let inside = Spot::find(&path)?;
    inside.lock(&inside.directory)?;
    let (file, fresh) = inside.begin()?;
    let again = |fd: &OwnedFd| fd.try_clone().map_err(spot.failed("open the directory of"));
    let inspected = file.try_clone().map_err(spot.failed("create"))?;
    let disk = RealDisk { directory: again(&inside.directory)?, name: fresh.clone(), file, home: None };
    let begun = Writer::begin(Box::new(disk), at_ms, genesis, options.cadence, Some(1));
    let writer = begun.map_err(|error| {
        // There is no record yet that anything could be said of.
        let JournalError::Lost(loss) = error else { return error };
        spot.failed("begin")(io::Error::other(loss.cause.to_string()))
    })?;
    inside.publish(&fresh)?;
    let home = Home { parent: again(&spot.directory)?, name: spot.name.clone() };
    Ok(writer.moved_to(Box::new(RealDisk { directory: inside.directory, name: inside.name, file: inspected, home: Some(home) })))
}

/// The segments of a journal, none of which is missing.
fn pieces(folder: &Path, remembered: Option<Mark>, failed: impl FnOnce(io::Error) -> JournalError) -> Result<Vec<Piece>, JournalError> {
    let pieces = segment::list(folder).map_err(failed)?;
    match segment::missing(&pieces, remembered.and_then(|mark| mark.within).map(|within| within.segment)) {
        Some(number) => Err(missing(number)),
        None => Ok(pieces),
    }
}

fn missing(number: u64) -> JournalError {
    ReadError::from(Break::new(0, 0, Why::SegmentMissing { number })).into()
}

/// The newest segment that was begun, and those behind it, which never were.
struct Newest {
    piece: Piece,
    unbegun: Vec<PathBuf>,
}

impl Newest {
    fn of(mut pieces: Vec<Piece>) -> Result<Self, JournalError> {
        let mut unbegun = Vec::new();
        loop {
            let Some(piece) = pieces.pop() else { return Err(missing(1)) };
            if piece.form == Form::Sealed {
                // Only a segment that has a successor is ever sealed.
                return Err(missing(piece.number + 1));
            }
            let file = open_to_read(&piece.path)?;
            if piece.number == 1 || Lines::of_segment(file, piece.number, None, Sums::Read)?.is_some() {
                return Ok(Self { piece, unbegun });
            }
            unbegun.push(piece.path);
        }
    }
}

struct Found {
    proof: Proof,
    snapshot: Option<Taken>,
}

/// Proves the newest segment, and what is remembered of it.
fn prove(path: &Path, file: &File, piece: &Piece, remembered: Option<Mark>, options: &Options) -> Result<Found, JournalError> {
    let input = || file.try_clone().map(|file| Span { file, at: 0, end: u64::MAX }).map_err(|source| ReadError::Io { offset: 0, source });
    let named = |error| match error {
        ReadError::Broken(at) => ReadError::Broken(at.in_file(Some(piece.to_string()))),
        error @ (ReadError::Io { .. } | ReadError::Payload { .. }) => error,
    };
    let begun = match piece.number {
        1 => None,
        number => Lines::of_segment(input()?, number, None, Sums::Read).map_err(named)?,
    };
    let first = begun.as_ref().map_or(0, |begun| begun.lines.head().next_seq);
    let witnesses: Vec<Witness> = options.witness.into_iter().chain(remembered.map(|mark| mark.witness)).collect();
    if options.witness.is_some_and(|witness| witness.seq < first)
        && let Verdict::Broken { at, .. } = verify_journal(path, &witnesses)?
    {
        return Err(ReadError::from(at).into());
    }
    let witnesses: Vec<Witness> = witnesses.into_iter().filter(|witness| witness.seq >= first).collect();
    let (verdict, state) = match begun {
        None => (verify(input()?, witnesses).map_err(named)?, None),
        Some(Begun { lines, state }) => (verify_lines(lines, witnesses).map_err(named)?, Some(state)),
    };
    let proof = match verdict {
        Verdict::Proved(proof) => proof,
        Verdict::Broken { at, .. } => return Err(named(at.into()).into()),
    };
    let found = whole(&proof);
    if let Some(Within { segment, bytes: expected }) = remembered.and_then(|mark| mark.within)
        && segment == piece.number
        && found < expected
    {
        return Err(named(Break::new(proof.records, found, Why::SegmentShorter { expected, found }).into()).into());
    }
    let snapshot = state.zip(proof.snapshot.clone()).map(|(state, snapshot)| Taken { state, snapshot });
    Ok(Found { proof, snapshot })
}

/// Makes durable what was read, before anybody acts on it.
///
/// After a crash of the process alone the last write may stand in the page cache only; and after a failed sync the kernel may
/// call pages clean that never reached the disk. So what the last write can have been is written once more, as it is, and synced.
fn settle(file: &File, end: u64) -> io::Result<()> {
    let start = end.saturating_sub(WRITE_BYTES_MAX as u64);
    let mut last_write = Vec::new();
    Span { file: file.try_clone()?, at: start, end }.read_to_end(&mut last_write)?;
    let flags = rustix::fs::fcntl_getfl(file)?;
    // A positioned write to a file that is open for append would go to its end.
    rustix::fs::fcntl_setfl(file, flags - OFlags::APPEND)?;
    let written = file.write_all_at(&last_write, start);
    rustix::fs::fcntl_setfl(file, flags)?;
    written?;
    file.sync_all()
}

/// Moves everything from `offset` on into a new file beside the journal. The bytes are durable there before they leave here.
fn set_aside(spot: &Spot<'_>, file: &File, offset: u64, shape: TornShape) -> io::Result<Recovered> {
    let (side, name) = new_side_file(spot)?;
    let copied = copied(file, offset, side).and_then(|copied| rustix::fs::fsync(&spot.directory).map(|()| copied).map_err(io::Error::from));
    let (bytes, sha256) = copied.inspect_err(|_| spot.discard(&name))?;
    file.set_len(offset)?;
    file.sync_all()?;
    Ok(Recovered { bytes, shape, side_file: name.to_string_lossy().into_owned(), sha256 })
}

/// Copies everything from `offset` on, durably, and gives its length and sum.
fn copied(file: &File, offset: u64, mut side: File) -> io::Result<(u64, Hash)> {
    let mut tail = Span { file: file.try_clone()?, at: offset, end: u64::MAX };
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = tail.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        side.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
    side.sync_all()?;
    Ok((bytes, Hash::from_bytes(sha256.finalize().into())))
}

fn new_side_file(spot: &Spot<'_>) -> io::Result<(File, OsString)> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for number in 1..=SIDE_FILES_MAX {
        let name = beside(&spot.name, &format!(".torn-{number}"));
        match rustix::fs::openat(&spot.directory, &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => return Ok((fd.into(), name)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "no name is free to set the torn tail aside"))
}
