//! Appends records, keeps the chain, and never again after the first doubt.
//!
//! One write and one sync carry everything that is due, so at a power cut only the last write can be damaged, and what a caller
//! was told is durable is. The checkpoint beside the journal then names the last record of it, so that none of them can go missing at the
//! journal's end without being missed. Room is asked for ahead (8 MiB at a time), so a full disk shows while there is still room for the
//! records that bring the traffic home. The writer has no clock, no thread and no retry: it is called from the one place that
//! owns the session, blocks for the length of a sync, and latches at the first failure, because after a failed sync the kernel
//! may have dropped the very pages that a second sync would report as clean.

use std::fs::File;

use serde::Serialize;
use serde_json::Value;

use crate::journal::WRITE_BYTES_MAX;
use crate::journal::chain::{Hash, Head, Witness};
use crate::journal::checkpoint::{self, Within};
use crate::journal::disk::{Disk, Facts, Place};
use crate::journal::error::{Act, Cause, JournalError, Loss};
use crate::journal::line::{Draft, append_line};
use crate::journal::record::{
    Checkpoint, Genesis, KIND_CHECKPOINT, KIND_GENESIS, KIND_RECOVERED, KIND_SNAPSHOT, Kind, Recovered, Sealed, Snapshot,
};
use crate::journal::room::{Room, Space};
use crate::journal::segment::{self, Form};
use crate::journal::verify::{CheckpointPlace, Proof};

/// Bytes of buffered records at which they are written without being asked.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// When a record has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before the call returns.
    Durable,
    /// With the next durable record, the next flush, or 64 KiB, whichever comes first.
    Buffered,
}

/// How often the chain is named by a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// When so many records stand behind the last one.
    pub records: u64,
    /// Or when the caller's clock has moved so far, either way, since the last one.
    pub ms: u64,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { records: 64, ms: 60_000 }
    }
}

/// One record of a group.
#[derive(Debug)]
pub struct Entry<'a, P: ?Sized> {
    pub kind: &'a Kind,
    pub payload: &'a P,
}

// By hand, because the derived ones would ask the payload to be `Copy` where only a reference is copied.
impl<P: ?Sized> Clone for Entry<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Entry<'_, P> {}

/// A record that is in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The record's number and hash.
    pub seq: u64,
    pub hash: Hash,
    /// Length of its line.
    pub bytes: u64,
    /// The checkpoint record that was written behind it, to be shown to whoever can keep it.
    pub checkpoint: Option<Witness>,
    /// How much room is left.
    pub space: Space,
}

/// The one writer of a journal.
pub struct Writer {
    disk: Box<dyn Disk>,
    /// The chain with everything appended, also what is only buffered.
    head: Head,
    /// The chain as it stands on the disk.
    durable: Head,
    buffer: Vec<u8>,
    /// Length of the file.
    bytes: u64,
    /// The number of the segment that the file is; `None` in a journal of one file.
    segment: Option<u64>,
    room: Room,
    cadence: Cadence,
    last_checkpoint: CheckpointPlace,
    remembering: Result<(), Cause>,
    /// A recovery that the journal itself does not tell of yet.
    to_tell: Option<Recovered>,
    /// Who writes, as long as nothing was written: whoever opens a journal and then leaves it alone has not been its writer.
    to_note: Option<String>,
    latch: Option<Loss>,
}

/// Where a writer takes up a chain.
pub(super) struct Start {
    pub head: Head,
    pub bytes: u64,
    /// The last checkpoint, or the first record as long as there is none.
    pub last_checkpoint: CheckpointPlace,
    pub to_tell: Option<Recovered>,
    pub segment: Option<u64>,
}

impl Start {
    /// Behind the last record of a proved journal, which ends at byte `bytes`.
    pub(super) fn behind(proof: &Proof, bytes: u64, to_tell: Option<Recovered>, segment: Option<u64>) -> Self {
        let first = CheckpointPlace { seq: 0, at_ms: proof.first_at_ms };
        let head = Head { next_seq: proof.records, hash: proof.head.hash };
        Self { head, bytes, last_checkpoint: proof.last_checkpoint.unwrap_or(first), to_tell, segment }
    }
}

impl Writer {
    /// A writer that goes on from `start`.
    pub(super) fn resume(disk: Box<dyn Disk>, start: Start, cadence: Cadence) -> Self {
        let mut writer = Self::of(disk, start, cadence);
        writer.room.ensure(writer.disk.as_mut(), writer.bytes, 0);
        writer
    }

    fn of(disk: Box<dyn Disk>, start: Start, cadence: Cadence) -> Self {
        Self {
            disk,
            head: start.head,
            durable: start.head,
            buffer: Vec::with_capacity(2 * BUFFER_BYTES_MAX),
            bytes: start.bytes,
            segment: start.segment,
            room: Room::unknown(start.bytes),
            cadence,
            last_checkpoint: start.last_checkpoint,
            remembering: Ok(()),
            to_tell: start.to_tell,
            to_note: None,
            latch: None,
        }
    }

    /// A writer of a journal that can be read and not be made ready for more: it takes no record at all.
    pub(super) fn lost(disk: Box<dyn Disk>, start: Start, cause: Cause) -> Self {
        let latch = Some(Loss { seq: start.head.next_seq, act: Act::TakeUp, cause });
        Self { latch, ..Self::of(disk, start, Cadence::default()) }
    }

    /// The same writer after its file got another name.
    pub(super) fn moved_to(self, disk: Box<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// The same writer, which notes beside the journal that it is `holder` when it writes first.
    pub(super) fn noted_as(self, holder: &str) -> Self {
        Self { to_note: Some(holder.to_owned()), ..self }
    }

    /// Notes beside the journal who writes it, unless that was done.
    pub(super) fn note(&mut self) {
        if let Some(holder) = self.to_note.take() {
            self.disk.note_writer(&holder);
        }
    }

    /// A writer of a new chain whose first record is durable.
    pub(super) fn begin(
        disk: Box<dyn Disk>,
        at_ms: u64,
        genesis: &Genesis,
        cadence: Cadence,
        segment: Option<u64>,
    ) -> Result<Self, JournalError> {
        let last_checkpoint = CheckpointPlace { seq: 0, at_ms };
        let start = Start { head: Head::START, bytes: 0, last_checkpoint, to_tell: None, segment };
        let mut writer = Self::resume(disk, start, cadence);
        writer.push(&Draft { at_ms, kind: KIND_GENESIS, payload: genesis })?;
        // The journal has no name yet by which a checkpoint could be found; its first record of the caller's brings one.
        writer.write_out()?;
        Ok(writer)
    }

    /// Appends one record. `at_ms` is the caller's time in milliseconds since 1970-01-01 UTC; it may step back.
    ///
    /// # Errors
    /// [`JournalError::Refused`] leaves the journal as it was. [`JournalError::Lost`] is the first failure of the disk and
    /// [`JournalError::Latched`] every call after it: no effect may leave the process any more.
    pub fn append<P: Serialize + ?Sized>(
        &mut self,
        at_ms: u64,
        durability: Durability,
        kind: &Kind,
        payload: &P,
    ) -> Result<Appended, JournalError> {
        let mut appended = self.append_group(at_ms, durability, &[Entry { kind, payload }])?;
        Ok(appended.pop().expect("one entry gives one appended record"))
    }

    /// Goes on in the next segment: what is buffered is made durable in the old one first, and the new one begins with a durable snapshot.
    ///
    /// # Errors
    /// As [`Writer::append`]. [`JournalError::Refused`] leaves the writer where it was.
    pub(super) fn roll(&mut self, at_ms: u64, next: NextSegment, since: Vec<Value>, seals: Seals) -> Result<(), JournalError> {
        self.refuse_if_latched()?;
        self.commit()?;
        let NextSegment { number, file, state, bytes } = next;
        let name = segment::name(number, Form::Plain);
        let opened = self.disk.follow(name.into(), file);
        let mut disk =
            opened.map_err(|source| JournalError::File { act: "go on in the next segment of", path: "the journal".into(), source })?;
        let snapshot = Snapshot {
            segment: number,
            records: self.head.next_seq,
            head: self.head.hash,
            state,
            since,
            sealed: seals.sealed,
            sealed_to: seals.to,
        };
        self.push(&Draft { at_ms, kind: KIND_SNAPSHOT, payload: &snapshot })?;
        // Room that can't be given back costs space until the segment is sealed, and nothing else.
        let _kept = self.disk.release(self.bytes);
        std::mem::swap(&mut self.disk, &mut disk);
        self.bytes = bytes;
        self.segment = Some(number);
        self.room = Room::unknown(bytes);
        self.commit()
    }

    /// Length of the file that is written to, with what is buffered.
    pub fn bytes(&self) -> u64 {
        self.bytes + self.buffer.len() as u64
    }

    /// The segment that is written to; `None` in a journal of one file.
    pub const fn segment(&self) -> Option<u64> {
        self.segment
    }

    /// Makes every buffered record durable.
    ///
    /// # Errors
    /// [`JournalError::Lost`] or [`JournalError::Latched`].
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.refuse_if_latched()?;
        self.commit()
    }

    /// The last record, also when it is only buffered.
    pub fn head(&self) -> Witness {
        self.head.witness().expect("a writer's chain has its first record")
    }

    /// The last record that is on the disk.
    pub fn durable_head(&self) -> Witness {
        self.durable.witness().expect("a writer's chain has its first record")
    }

    /// Asks the disk once more for room where it was refused.
    pub fn ask_for_room(&mut self) {
        if self.latch.is_none() {
            self.room.ask_again(self.disk.as_mut(), self.bytes);
        }
    }

    /// How much room is left.
    pub fn space(&self) -> Space {
        self.room.space(self.bytes + self.buffer.len() as u64)
    }

    /// Why the checkpoint file beside the journal could not be replaced, if so. The journal itself is not affected.
    pub const fn remembering(&self) -> &Result<(), Cause> {
        &self.remembering
    }

    /// Makes everything durable, lets the checkpoint name the last record, and gives unused room back. A writer that is only dropped loses what is buffered, as a crash would.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn close(mut self) -> Result<Witness, JournalError> {
        self.flush()?;
        self.remember();
        // Room that can't be given back costs space until the file is removed, and nothing else.
        let _kept = self.disk.release(self.bytes);
        Ok(self.durable_head())
    }

    fn append_group<P: Serialize + ?Sized>(
        &mut self,
        at_ms: u64,
        durability: Durability,
        group: &[Entry<'_, P>],
    ) -> Result<Vec<Appended>, JournalError> {
        self.refuse_if_latched()?;
        let before = Mark { head: self.head, buffered: self.buffer.len(), last_checkpoint: self.last_checkpoint };
        let mut appended = Vec::with_capacity(group.len());
        if let Err(refused) = self.push_group(at_ms, group, &mut appended) {
            self.back_to(&before);
            return Err(refused);
        }
        self.to_tell = None;
        match durability {
            Durability::Durable => self.commit()?,
            Durability::Buffered if self.buffer.len() >= BUFFER_BYTES_MAX => self.commit()?,
            Durability::Buffered => {}
        }
        let space = self.space();
        for record in &mut appended {
            record.space = space;
        }
        Ok(appended)
    }

    fn push_group<P: Serialize + ?Sized>(
        &mut self,
        at_ms: u64,
        group: &[Entry<'_, P>],
        appended: &mut Vec<Appended>,
    ) -> Result<(), JournalError> {
        let buffered = self.buffer.len();
        if let Some(recovered) = &self.to_tell {
            let draft = Draft { at_ms, kind: KIND_RECOVERED, payload: recovered };
            self.head = append_line(&mut self.buffer, &self.head, &draft)?;
        }
        for entry in group {
            let start = self.buffer.len();
            let line = self.push(&Draft { at_ms, kind: entry.kind.as_str(), payload: entry.payload })?;
            let bytes = (self.buffer.len() - start) as u64;
            let checkpoint = self.push_checkpoint_if_due(at_ms)?;
            appended.push(Appended { seq: line.seq, hash: line.hash, bytes, checkpoint, space: Space::Unreserved });
        }
        let bytes = self.buffer.len() - buffered;
        if bytes > WRITE_BYTES_MAX - 2 * BUFFER_BYTES_MAX && group.len() > 1 {
            return Err(JournalError::GroupTooLarge { bytes });
        }
        Ok(())
    }

    fn push<P: Serialize + ?Sized>(&mut self, draft: &Draft<'_, P>) -> Result<Witness, JournalError> {
        self.head = append_line(&mut self.buffer, &self.head, draft)?;
        Ok(self.head())
    }

    fn push_checkpoint_if_due(&mut self, at_ms: u64) -> Result<Option<Witness>, JournalError> {
        let records = self.head().seq - self.last_checkpoint.seq;
        let ms = at_ms.abs_diff(self.last_checkpoint.at_ms);
        if records < self.cadence.records && ms < self.cadence.ms {
            return Ok(None);
        }
        let payload = Checkpoint { records: self.head.next_seq, head: self.head.hash };
        let checkpoint = self.push(&Draft { at_ms, kind: KIND_CHECKPOINT, payload: &payload })?;
        self.last_checkpoint = CheckpointPlace { seq: checkpoint.seq, at_ms };
        Ok(Some(checkpoint))
    }

    fn back_to(&mut self, mark: &Mark) {
        self.buffer.truncate(mark.buffered);
        self.head = mark.head;
        self.last_checkpoint = mark.last_checkpoint;
    }

    /// One write, one sync, and then the checkpoint: before anybody is told that it is durable, so that whatever follows from a record, the
    /// checkpoint knows the record.
    fn commit(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.write_out()?;
        self.remember();
        Ok(())
    }

    /// Whatever fails latches.
    fn write_out(&mut self) -> Result<(), JournalError> {
        self.note();
        let length = self.buffer.len() as u64;
        self.room.ensure(self.disk.as_mut(), self.bytes, length);
        if let Err((act, cause)) = write_and_sync(self.disk.as_mut(), self.bytes, &self.buffer) {
            let loss = Loss { seq: self.durable.next_seq, act, cause };
            self.latch = Some(loss.clone());
            return Err(JournalError::Lost(loss));
        }
        self.bytes += length;
        self.durable = self.head;
        self.buffer.clear();
        Ok(())
    }

    /// Lets the checkpoint outside the chain name the last record that is on the disk.
    fn remember(&mut self) {
        let witness = self.durable_head();
        let within = self.segment.map(|segment| Within { segment, bytes: self.bytes });
        self.remembering = self.disk.remember(checkpoint::Mark { witness, within }).map_err(Cause::from);
    }

    fn refuse_if_latched(&self) -> Result<(), JournalError> {
        match &self.latch {
            Some(first) => Err(JournalError::Latched { first: first.clone() }),
            None => Ok(()),
        }
    }
}

/// The file of a segment that was made ready: its first line, the caller's state, is durable, and so is its name.
pub(super) struct NextSegment {
    pub number: u64,
    pub file: File,
    pub state: Hash,
    /// Length of the file.
    pub bytes: u64,
}

/// What a snapshot says of sealed segments.
pub(super) struct Seals {
    pub sealed: Vec<Sealed>,
    pub to: u64,
}

/// What a refused group leaves as it was.
struct Mark {
    head: Head,
    buffered: usize,
    last_checkpoint: CheckpointPlace,
}

fn write_and_sync(disk: &mut dyn Disk, end: u64, buffer: &[u8]) -> Result<(), (Act, Cause)> {
    let facts = disk.facts().map_err(|error| (Act::Inspect, error.into()))?;
    require_ours(facts, end).map_err(|cause| (Act::Inspect, cause))?;
    let mut rest = buffer;
    while !rest.is_empty() {
        match disk.write(rest) {
            Ok(0) => return Err((Act::Write, Cause::NoProgress)),
            Ok(written) => rest = &rest[written..],
            // A signal came before any byte was taken; nothing has failed yet.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err((Act::Write, error.into())),
        }
    }
    disk.sync().map_err(|error| (Act::Sync, error.into()))
}

const fn require_ours(facts: Facts, expected: u64) -> Result<(), Cause> {
    match facts.place {
        Place::Nothing => Err(Cause::Gone),
        Place::Another => Err(Cause::Replaced),
        Place::Ours if facts.bytes != expected => Err(Cause::Length { expected, found: facts.bytes }),
        Place::Ours => Ok(()),
    }
}
