//! The session's journal as the engine sees it: append, flush, and at a restart the state that its records fold to.
//!
//! When a segment is long or old enough the recorder asks for the next one. The state is then written apart from the engine
//! ([`Preparation::run`]); what is recorded meanwhile goes on in the old segment and is said once more at the beginning of the new one, so
//! that its state and what follows it are one story.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, value::RawValue};

#[cfg(test)]
use crate::journal::{memory::Memory, writer::Cadence};

use crate::{
    core::{
        FOLD,
        decision::Transition,
        event::Event,
        record::{RecordChange, RecordNumber},
        state::State,
    },
    domain::{
        digest::Digest,
        head::Head,
        id::{ClientId, Seq, SessionId},
        shown::Shown,
        time::{Millis, Timestamp},
    },
    journal::{
        chain::{Hash, Witness},
        error::{JournalError, ReadError},
        files::went_on_without,
        folder::{self, Ready, ReadyError},
        held::Noted,
        record::{Genesis, Kind, KindError},
        recover::{Claim, Options},
        room::Space,
        sealed::{SealError, seal},
        writer::{Durability, Writer},
    },
    session::refold::{self, Compare, Folded, Kept},
};

/// The kind of every record that the session writes.
const KIND: &str = "transition";
/// Bytes of records in a segment at which the next one is begun; at a calm session's rates an hour or two.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Age of a segment at which the next one is begun.
const SEGMENT_LASTS: Millis = Millis::from_mins(24 * 60);
/// Most bytes of records that a segment may repeat; with more, the next state is waited for.
const SINCE_BYTES_MAX: usize = 256 * 1024;

/// A journal that is held is tried again this often before it counts as another host's.
const CLAIM_TRIES: u32 = 10;
const CLAIM_PAUSE: Duration = Duration::from_millis(20);

/// Whether a record must be on disk before anything follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Durable,
    /// On disk with the next durable one, or within a second.
    Buffered,
}

impl Weight {
    const fn durability(self) -> Durability {
        match self {
            Weight::Durable => Durability::Durable,
            Weight::Buffered => Durability::Buffered,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error("the session's folder can't be made: {0}; no session was opened")]
    Folder(#[from] io::Error),
    #[error("a record is no JSON: {0}; it was not written")]
    Encode(#[from] serde_json::Error),
    #[error("the disk of the journal has not answered within {within}")]
    NoAnswer { within: Millis },
    #[error("the disk of the journal does not answer, and {waiting} entries wait for it, more than are kept in memory")]
    Overdue { waiting: usize },
    #[error("the plan's hash {0:?} is no SHA-256; no session was opened")]
    PlanHash(String),
}

pub struct Recorder {
    writer: Writer,
    path: PathBuf,
    noted: Noted,
    kind: Kind,
    next: Seq,
    last_client: ClientId,
    /// The newest sealed segment that the chain names.
    sealed_to: u64,
    /// Where the records of the newest segment begin, and when its first one was written.
    segment_bytes: u64,
    segment_at: Timestamp,
    segment_bytes_max: u64,
    /// The newest segment begins with a state that this version of the fold can't go on from.
    is_foreign: bool,
    /// The checkpoint could not be replaced when it was due last.
    is_unguarded: bool,
    /// What was recorded since the state was taken that the next segment will begin with; `None` while none is being made.
    since: Option<Since>,
    /// Since when, and behind which record, the host before went on without this journal.
    missing: Option<(u64, u64)>,
}

#[derive(Default)]
struct Since {
    records: Vec<Value>,
    bytes: usize,
}

/// What happens first when a journal is taken up again.
pub fn returning(folded: &Folded) -> Vec<Event> {
    let taken_over = folded.differs.map(|_| Event::TakenOver { from: folded.fold, to: FOLD, digest: refold::digest_of(&folded.state) });
    taken_over.into_iter().chain([Event::Restarted]).collect()
}

/// The next segment, to be made ready by whoever may wait for the disk.
pub struct Preparation {
    path: PathBuf,
    number: u64,
    sealed_to: u64,
    next: Seq,
    last_client: ClientId,
    state: State,
}

impl Preparation {
    /// Writes the state where the next segment begins; blocks.
    /// # Errors
    /// The journal goes on as it was.
    pub fn run(self) -> Result<Ready, ReadyError> {
        let Preparation { path, number, sealed_to, next, last_client, state } = self;
        folder::ready(&path, number, sealed_to, &Kept { fold: FOLD, next, last_client, state: &state })
    }
}

/// Segments that lie behind, to be compressed by whoever may wait for the disk.
pub struct Sealing {
    path: PathBuf,
    /// The segment that was being written when this was asked for. It, and whatever has come since, may still be written in.
    before: u64,
}

impl Sealing {
    /// Seals what is not sealed; blocks.
    /// # Errors
    /// What could not be sealed stays as it was; it is tried again with the next segment.
    pub fn run(self) -> Result<(), SealError> {
        let failed = |error| SealError::Io(self.path.display().to_string(), error);
        let unsealed = folder::unsealed(&self.path).map_err(failed)?;
        unsealed.into_iter().filter(|number| *number < self.before).try_for_each(|number| seal(&self.path, number).map(drop))
    }
}

/// An old journal that nobody else can take up meanwhile, folded and still as it was.
pub struct Found<'a> {
    claim: Claim<'a>,
    path: &'a Path,
    noted: Noted,
    pub folded: Folded,
    missing: Option<(u64, u64)>,
}

impl<'a> Found<'a> {
    /// The session that the journal says it is of, whatever it lies as.
    pub fn session(&self) -> Option<SessionId> {
        let begun = || self.claim.replay().proof.session().parse().ok();
        self.folded.state.opened.as_ref().map(|opened| opened.session.clone()).or_else(begun)
    }

    /// # Errors
    /// As [`Recorder::open`].
    pub fn at(path: &'a Path, holder: &str) -> Result<Found<'a>, RecorderError> {
        let options = Options { holder: holder.to_owned(), ..Options::default() };
        let mut tries = 1;
        let claim = loop {
            match Claim::on(path, &options) {
                // Somebody who looks whether it is held holds it for an instant.
                Err(JournalError::InUse { .. }) if tries < CLAIM_TRIES => std::thread::sleep(CLAIM_PAUSE),
                claim => break claim?,
            }
            tries += 1;
        };
        let folded = refold::fold(path, claim.replay(), Compare::Yes)?;
        Ok(Found { claim, path, noted: Noted::writing(path, holder), folded, missing: went_on_without(path) })
    }

    /// # Errors
    /// The disk refuses.
    pub fn take_up(self) -> Result<(Recorder, Folded), RecorderError> {
        let Found { claim, path, noted, folded, missing } = self;
        let (writer, replay) = claim.take_up()?;
        let at = Timestamp(i64::try_from(replay.proof.first_at_ms).unwrap_or(i64::MAX));
        let mut recorder = Recorder { missing, ..Recorder::of(writer, path, noted, at, &folded)? };
        if let Some(taken) = &replay.snapshot {
            recorder.sealed_to = taken.snapshot.sealed_to;
            recorder.segment_bytes = taken.state.len() as u64;
            recorder.is_foreign = refold::begin(taken).is_none();
        }
        Ok((recorder, folded))
    }
}

pub(super) fn head_of(Witness { seq, hash }: Witness) -> Head {
    Head { seq, hash: Digest::from_bytes(hash.bytes()) }
}

impl Recorder {
    /// A new journal for a new session.
    /// # Errors
    /// If something stands at `path` already, or stood there, or the disk refuses.
    pub fn create(path: &Path, at: Timestamp, session: &SessionId, plan_hash: &str, holder: &str) -> Result<Recorder, RecorderError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let plan: Hash = plan_hash.parse().map_err(|_| RecorderError::PlanHash(plan_hash.to_owned()))?;
        let options = Options { holder: holder.to_owned(), ..Options::default() };
        let writer = Writer::create(path, millis(at), &Genesis::new(session.as_str(), plan), &options)?;
        Recorder::of(writer, path, Noted::writing(path, holder), at, &Folded::default())
    }

    /// A new journal in memory; notes beside it lie at `path`.
    #[cfg(test)]
    pub(super) fn create_in(memory: &Memory, path: &Path, at: Timestamp, session: &SessionId, plan_hash: &str) -> Recorder {
        let genesis = Genesis::new(session.as_str(), plan_hash.parse().unwrap());
        let writer = Writer::create_in(memory, millis(at), &genesis, Cadence::default()).unwrap();
        Recorder::of(writer, path, Noted::writing(path, ""), at, &Folded::default()).unwrap()
    }

    /// Takes up an old journal and folds it, from where its newest segment begins. Whether this program would decide the same again is
    /// told beside the state.
    /// # Errors
    /// If another host has the journal, if it is broken or lacks something, or says what this program does not understand.
    pub fn open(path: &Path, holder: &str) -> Result<(Recorder, Folded), RecorderError> {
        Found::at(path, holder)?.take_up()
    }

    fn of(writer: Writer, path: &Path, noted: Noted, at: Timestamp, folded: &Folded) -> Result<Recorder, RecorderError> {
        let Folded { next, last_client, .. } = *folded;
        Ok(Recorder {
            writer,
            path: path.to_owned(),
            noted,
            kind: Kind::new(KIND)?,
            next,
            last_client,
            sealed_to: 0,
            segment_bytes: 0,
            segment_at: at,
            segment_bytes_max: SEGMENT_BYTES,
            is_foreign: false,
            is_unguarded: false,
            since: None,
            missing: None,
        })
    }

    /// The same recorder with segments of another length, for whoever wants to see many of them.
    #[must_use]
    pub fn with_segments_of(self, bytes: u64) -> Recorder {
        Recorder { segment_bytes_max: bytes, ..self }
    }

    /// The highest number that a client had when the journal was opened; none may get it again, or he would inherit the controls with it.
    pub fn last_client(&self) -> ClientId {
        self.last_client
    }

    /// Somebody was given this number.
    pub fn note_client(&mut self, client: ClientId) {
        self.last_client = self.last_client.max(client);
    }

    /// The number of the entry that comes next.
    pub fn next_seq(&self) -> Seq {
        self.next
    }

    /// Appends one transition, given as its JSON on one line, and gives the hash of its record.
    /// # Errors
    /// From the first failure of the disk on, always.
    pub fn append(&mut self, at: Timestamp, weight: Weight, json: &str) -> Result<String, RecorderError> {
        let payload: &RawValue = serde_json::from_str(json)?;
        let appended = self.writer.append(millis(at), weight.durability(), &self.kind, payload)?;
        self.tell_of_checkpoint();
        self.next = Seq(self.next.0 + 1);
        if self.missing.is_some() && tells_missing(json) {
            self.missing = None;
        }
        if let Some(since) = &mut self.since {
            since.bytes += json.len();
            since.records.push(serde_json::from_str(json)?);
            if since.bytes > SINCE_BYTES_MAX {
                self.since = None;
            }
        }
        Ok(appended.hash.to_string())
    }

    /// The last record that is on the disk.
    pub fn durable_head(&self) -> Head {
        head_of(self.writer.durable_head())
    }

    /// What happens after a return where the host before went on for a while without this journal.
    pub fn missing(&self) -> Option<Event> {
        let (since_ms, kept) = self.missing?;
        let since = Timestamp(i64::try_from(since_ms).unwrap_or(i64::MAX));
        Some(Event::Record(RecordChange::Missing { since, kept: RecordNumber(kept) }))
    }

    /// How much room there is.
    pub fn space(&self) -> Space {
        self.writer.space()
    }

    /// Asks the disk once more for room, where it was refused.
    pub fn ask_for_room(&mut self) {
        self.writer.ask_for_room();
    }

    /// The last record that is on the disk.
    fn kept(&self) -> RecordNumber {
        RecordNumber(self.writer.durable_head().seq)
    }

    /// What is noted beside the journal of whoever writes it, for whoever sees to it that it stays.
    pub fn noted(&self) -> Noted {
        self.noted.clone()
    }

    /// Where the journal lies, for whoever makes room there.
    pub fn place(&self) -> Shown {
        Shown::new(&self.path.display().to_string())
    }

    /// Leaves word for the next host that what happens from `since` on is not recorded.
    pub fn go_without(&self, since: Timestamp) {
        let since = self.missing.map_or(millis(since), |(first, _)| first);
        self.noted.without_record(self.kept().0, since);
    }

    /// Writes out what is buffered.
    /// # Errors
    /// As [`Recorder::append`].
    pub fn flush(&mut self) -> Result<(), RecorderError> {
        self.writer.flush()?;
        self.tell_of_checkpoint();
        Ok(())
    }

    /// A checkpoint that can't be replaced keeps nobody from going home; that the journal's end is not guarded is told once.
    fn tell_of_checkpoint(&mut self) {
        let fails = self.writer.remembering().is_err();
        if fails && !self.is_unguarded {
            let why = self.writer.remembering().as_ref().err().map(ToString::to_string).unwrap_or_default();
            tracing::error!(
                "the checkpoint beside the journal can't be replaced ({why}): the journal is written, and records that go missing at its end would not be missed"
            );
        }
        self.is_unguarded = fails;
    }

    /// Writes out what is buffered and leaves the journal as closed: whoever reads it next need not ask whether its writer was killed.
    /// # Errors
    /// As [`Recorder::append`].
    pub fn close(mut self) -> Result<(), RecorderError> {
        self.flush()?;
        // While the lock is still ours: the next host writes its own note.
        self.noted.closed();
        self.writer.close()?;
        Ok(())
    }

    /// Whether it is time for the next segment, and none is being made.
    pub fn wants_segment(&self, at: Timestamp) -> bool {
        let is_long = self.writer.bytes().saturating_sub(self.segment_bytes) >= self.segment_bytes_max;
        self.since.is_none() && (is_long || self.is_foreign || at.since(self.segment_at) >= SEGMENT_LASTS)
    }

    /// Begins to make the next segment, which will begin with `state`: the state after the newest record.
    pub fn prepare(&mut self, state: State) -> Preparation {
        self.since = Some(Since::default());
        let number = self.writer.segment().unwrap_or(0) + 1;
        let Recorder { path, sealed_to, next, last_client, .. } = self;
        Preparation { path: path.clone(), number, sealed_to: *sealed_to, next: *next, last_client: *last_client, state }
    }

    /// The next segment could not be made; another try is due after as many bytes again.
    pub fn not_ready(&mut self, at: Timestamp) {
        self.since = None;
        self.is_foreign = false;
        self.segment_bytes = self.writer.bytes();
        self.segment_at = at;
    }

    /// Goes on in the segment that was made ready; what lies behind it can be sealed. `None`: too much has happened since its state was
    /// taken, and it has to be made again.
    /// # Errors
    /// As [`Recorder::append`].
    pub fn go_on_in(&mut self, at: Timestamp, ready: Ready) -> Result<Option<Sealing>, RecorderError> {
        let Some(since) = self.since.take() else {
            // One that stays is cleared away by the next host.
            let _stays = ready.discard();
            return Ok(None);
        };
        let (bytes, sealed_to) = (ready.bytes(), ready.sealed_to());
        match ready.begin(&mut self.writer, millis(at), since.records) {
            Err(error) if !error.is_loss() => {
                tracing::warn!(%error, "no new segment of the journal; it goes on in the one that it has");
                self.not_ready(at);
                return Ok(None);
            }
            begun => begun?,
        }
        (self.segment_bytes, self.segment_at, self.sealed_to, self.is_foreign) = (bytes, at, sealed_to, false);
        Ok(Some(self.sealing()))
    }

    /// What lies behind the newest segment, to be sealed.
    pub fn sealing(&self) -> Sealing {
        Sealing { path: self.path.clone(), before: self.writer.segment().unwrap_or(0) }
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

/// Whether a transition says that a time is missing from the record.
fn tells_missing(json: &str) -> bool {
    serde_json::from_str::<Transition>(json).is_ok_and(|told| matches!(told.entry.event, Event::Record(RecordChange::Missing { .. })))
}
