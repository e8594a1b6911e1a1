//! Says what a journal proves, or where it first breaks.
//!
//! Without a witness the proof is "these records belong together, unchanged, in this order": who can write the file can also
//! cut its end off or write all of it anew, and no file can prove that of itself. With a witness, which is a line's number and
//! hash that somebody else kept, everything up to that line is proved to be what that somebody saw.
//! It does not judge what the records say, and it proves nothing of a machine whose attacker wrote the records in the first
//! place.

use std::io::Read;
use std::path::Path;

use crate::journal::broken::{Break, Misfit, Why};
use crate::journal::chain::{Hash, Witness};
use crate::journal::error::{JournalError, ReadError};
use crate::journal::line::Line;
use crate::journal::reader::{Lines, Step, Tail};
use crate::journal::record::{Genesis, KIND_CHECKPOINT, KIND_RECOVERED, KIND_SNAPSHOT, Snapshot};
use crate::journal::walk::Walk;

/// What came out of a verification.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All records hold.
    Proved(Proof),
    /// The records of the proof hold (if there is one), the next does not.
    Broken { held: Option<Proof>, at: Break },
}

/// What is proved of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// What the journal begins with; `None` where only a later segment was read.
    pub genesis: Option<Genesis>,
    /// What the segment begins with, where only a later segment was read.
    pub snapshot: Option<Snapshot>,
    /// Number of records, those of the journal itself included.
    pub records: u64,
    pub checkpoints: u64,
    /// The last checkpoint's number and time.
    pub last_checkpoint: Option<CheckpointPlace>,
    /// Number of times that a torn tail was set aside.
    pub recoveries: u64,
    /// Milliseconds since 1970-01-01 UTC of the first and the last record.
    pub first_at_ms: u64,
    pub last_at_ms: u64,
    /// Number of segments, and how many of them are sealed; 1 and 0 in a journal of one file.
    pub segments: u64,
    pub sealed: u64,
    /// Number of records that carry an earlier time than the record before them.
    pub clock_steps_back: u64,
    /// The last record; give it to somebody as a witness.
    pub head: Witness,
    /// How the file ends.
    pub tail: Tail,
    /// The witnesses that fit, in the order of the records.
    pub witnesses: Vec<Witness>,
}

impl Proof {
    /// The session's name, where the journal was read from its beginning.
    pub fn session(&self) -> &str {
        self.genesis.as_ref().map_or("", |genesis| &genesis.session)
    }
    /// Hash of the plan that the session started under.
    pub fn plan(&self) -> Option<Hash> {
        self.genesis.as_ref().map(|genesis| genesis.plan)
    }
}

/// Where a checkpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointPlace {
    pub seq: u64,
    pub at_ms: u64,
}

/// Verifies a journal from its first byte to its last, against all `witnesses` (an `Option` will do).
///
/// # Errors
/// Only if `input` can't be read; a broken journal is a verdict.
pub fn verify(input: impl Read + Send, witnesses: impl IntoIterator<Item = Witness>) -> Result<Verdict, ReadError> {
    judge(Walk::over(input), witnesses.into_iter().collect())
}

/// Verifies the journal at `path`, all of its segments, against `witnesses` and the checkpoint that is noted of it.
///
/// # Errors
/// Only if it can't be read; a broken journal is a verdict.
pub fn verify_journal(path: &Path, witnesses: &[Witness]) -> Result<Verdict, JournalError> {
    let walk = Walk::open(path)?;
    let noted = walk.mark().or_else(|| crate::journal::checkpoint::of_journal(path));
    let witnesses = witnesses.iter().copied().chain(noted.map(|mark| mark.witness)).collect();
    Ok(judge(walk, witnesses)?)
}

/// Verifies one segment from its first record on.
pub(super) fn verify_lines(lines: Lines<impl Read + Send + 'static>, witnesses: Vec<Witness>) -> Result<Verdict, ReadError> {
    judge(Walk::along(lines), witnesses)
}

fn judge(mut walk: Walk<'_>, mut witnesses: Vec<Witness>) -> Result<Verdict, ReadError> {
    // A log keeps one for each hour of weeks.
    witnesses.sort_by_key(|witness| (witness.seq, witness.hash));
    witnesses.dedup();
    let mut proof = None;
    loop {
        match walk.advance() {
            Ok(Step::Line { line, offset }) => {
                let added = contradicted(&line, &witnesses).and_then(|()| add(&mut proof, &line));
                match (added, &mut proof) {
                    (Ok(()), Some(proof)) => proof.witnesses.extend(of_record(&witnesses, line.seq)),
                    (Ok(()), None) => unreachable!("a line that was added is a proof"),
                    (Err(why), _) => {
                        let at = Break::new(line.seq, offset, why).in_file(walk.file());
                        return Ok(Verdict::Broken { held: held(proof, &walk), at });
                    }
                }
            }
            Ok(Step::End(tail)) => return Ok(conclude(held(proof, &walk), tail, &witnesses, &walk)),
            Err(ReadError::Broken(at)) => return Ok(Verdict::Broken { held: held(proof, &walk), at }),
            Err(error @ (ReadError::Io { .. } | ReadError::Payload { .. })) => return Err(error),
        }
    }
}

fn held(proof: Option<Proof>, walk: &Walk<'_>) -> Option<Proof> {
    proof.map(|proof| Proof { segments: walk.segment(), sealed: walk.sealed(), ..proof })
}

fn contradicted(line: &Line<'_>, witnesses: &[Witness]) -> Result<(), Why> {
    match of_record(witnesses, line.seq).iter().find(|witness| witness.hash != line.hash) {
        Some(witness) => Err(Why::WitnessDiffers { expected: witness.hash, found: line.hash }),
        None => Ok(()),
    }
}

/// Those of one record, of witnesses in the order of their records.
fn of_record(witnesses: &[Witness], seq: u64) -> &[Witness] {
    let from = witnesses.partition_point(|witness| witness.seq < seq);
    let to = witnesses.partition_point(|witness| witness.seq <= seq);
    &witnesses[from..to]
}

/// Adds one proved line to what is proved so far.
fn add(proof: &mut Option<Proof>, line: &Line<'_>) -> Result<(), Why> {
    let head = Witness { seq: line.seq, hash: line.hash };
    let Some(proof) = proof else {
        let fields = |_| Why::Meaning(Misfit::Fields);
        let (genesis, snapshot) = match line.kind {
            KIND_SNAPSHOT => (None, Some(serde_json::from_slice(line.body).map_err(fields)?)),
            _ => (Some(serde_json::from_slice(line.body).map_err(fields)?), None),
        };
        *proof = Some(Proof {
            genesis,
            snapshot,
            records: line.seq + 1,
            checkpoints: 0,
            last_checkpoint: None,
            recoveries: 0,
            segments: 1,
            sealed: 0,
            first_at_ms: line.at_ms,
            last_at_ms: line.at_ms,
            clock_steps_back: 0,
            head,
            tail: Tail::Clean { bytes: 0 },
            witnesses: Vec::new(),
        });
        return Ok(());
    };
    proof.records += 1;
    match line.kind {
        KIND_CHECKPOINT => {
            proof.checkpoints += 1;
            proof.last_checkpoint = Some(CheckpointPlace { seq: line.seq, at_ms: line.at_ms });
        }
        KIND_RECOVERED => proof.recoveries += 1,
        _ => {}
    }
    proof.clock_steps_back += u64::from(line.at_ms < proof.last_at_ms);
    proof.last_at_ms = line.at_ms;
    proof.head = head;
    Ok(())
}

fn conclude(proof: Option<Proof>, tail: Tail, witnesses: &[Witness], walk: &Walk<'_>) -> Verdict {
    let Some(mut proof) = proof else {
        return Verdict::Broken { held: None, at: Break::new(0, 0, Why::Empty).in_file(walk.file()) };
    };
    proof.tail = tail;
    match witnesses.iter().filter(|witness| witness.seq >= proof.records).min_by_key(|witness| witness.seq) {
        Some(missing) => {
            let at = Break::new(missing.seq, walk.offset(), Why::WitnessMissing(*missing)).in_file(walk.file());
            Verdict::Broken { held: Some(proof), at }
        }
        None => Verdict::Proved(proof),
    }
}
