//! What a journal is worth, in a word: the one verdict that `audit verify`, `show` and `cross-check` give and end with.
//!
//! Each of them reads for a purpose of its own, and none of them judges by what it met there: a walk that ends well may lack what the checkpoint
//! remembers, and one that breaks may have met a disk's lost sectors.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cli::{Exit, audit::damage},
    domain::shown::Shown,
    journal::{
        broken::{Break, Why},
        chain::Witness,
        checkpoint::{self, Mark},
        damage::Damage,
        error::JournalError,
        files::is_in_use,
        reader::Tail,
        record::TornShape,
        verify::{Proof, Verdict, verify_journal},
    },
};

/// Looks at the end of a journal that somebody writes to, and the time between two.
const LOOKS_MAX: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A journal that was verified.
#[derive(Debug)]
pub(super) struct Judged {
    pub word: Word,
    pub verdict: Verdict,
    /// What stands where it does not hold.
    pub damage: Option<Damage>,
    /// What the checkpoint beside it remembers.
    pub beside: Option<Witness>,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unjudged {
    #[error("{} is not there; its checkpoint remembers record {}", .0.display(), .1.witness.seq)]
    Gone(PathBuf, Mark),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Judged {
    /// Verifies the journal at `path`, all of its segments, against `witnesses` and the checkpoint that is noted of it.
    ///
    /// # Errors
    /// It is gone, or can't be read.
    pub(super) fn of(path: &Path, witnesses: &[Witness]) -> Result<Judged, Unjudged> {
        is_there(path)?;
        let verdict = settled(path, witnesses)?;
        let beside = checkpoint::of_journal(path).map(|mark| mark.witness);
        let known: Vec<Witness> = witnesses.iter().copied().chain(beside).collect();
        let damage = damage::at(path, &verdict, &known);
        let word = Word::of(&verdict, damage.as_ref(), witnesses);
        Ok(Judged { word, verdict, damage, beside })
    }

    /// The word, and where it does not hold and why, for somebody whose own walk ended at `met`, if it did not end well.
    pub(super) fn told(&self, met: Option<&Break>) -> (Word, Option<String>) {
        match (&self.verdict, met) {
            // Somebody changed it between the two.
            (Verdict::Proved(_), Some(at)) => (Word::Broken, Some(break_text(Word::Broken, None, at))),
            (Verdict::Proved(Proof { tail: Tail::Clean { .. }, .. }), None) => (self.word, None),
            (Verdict::Proved(Proof { tail, .. }), None) => (self.word, Some(tail_text(*tail))),
            (Verdict::Broken { held, at }, _) => (self.word, Some(break_text(self.word, held.as_ref(), at))),
        }
    }
}

/// # Errors
/// All that is left of the journal at `path` is its checkpoint.
pub(super) fn is_there(path: &Path) -> Result<(), Unjudged> {
    match (checkpoint::of_journal(path), std::fs::symlink_metadata(path)) {
        (Some(mark), Err(_)) => Err(Unjudged::Gone(path.to_owned(), mark)),
        (Some(_) | None, _) => Ok(()),
    }
}

/// The place of a break, and why.
pub(super) fn break_text(word: Word, held: Option<&Proof>, at: &Break) -> String {
    let file = at.file.as_ref().map_or_else(String::new, |file| format!(" of {file}"));
    // Of a record that is there behind what is gone, the verifier knows only that it never came to it.
    let (seq, why) = match (word, &at.why) {
        (Word::Zeroed, Why::WitnessMissing(_)) => {
            (held.map_or(0, |held| held.records), "zeros stand where records were written".to_owned())
        }
        (Word::Proved | Word::Torn | Word::Zeroed | Word::Broken, why) => (at.seq, why.to_string()),
    };
    format!("record {seq}, byte {}{file}: {}", at.offset, Shown::new(&why))
}

pub(super) fn tail_text(tail: Tail) -> String {
    match tail {
        Tail::Clean { bytes } => format!("clean, at byte {bytes}"),
        Tail::Torn { offset, bytes, shape } => {
            format!("{bytes} bytes from byte {offset} on are no record ({shape}): a write that did not finish, or a cut")
        }
    }
}

/// The verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Proved,
    /// It ends in mid-record.
    Torn,
    /// Zeros stand where records were written.
    Zeroed,
    Broken,
}

impl Word {
    fn of(verdict: &Verdict, damage: Option<&Damage>, witnesses: &[Witness]) -> Word {
        let lacks_sectors = damage.is_some_and(|damage| damage.zeros.is_some());
        match verdict {
            Verdict::Proved(Proof { tail: Tail::Clean { .. }, .. }) => Word::Proved,
            Verdict::Proved(Proof { tail: Tail::Torn { .. }, .. }) if lacks_sectors => Word::Zeroed,
            Verdict::Proved(Proof { tail: Tail::Torn { shape, .. }, .. }) => match shape {
                TornShape::Partial => Word::Torn,
                TornShape::Zeros | TornShape::Hole => Word::Zeroed,
            },
            // What somebody else remembers and what is not here is no matter of a disk alone.
            Verdict::Broken { at: Break { why: Why::WitnessMissing(missing), .. }, .. } if witnesses.contains(missing) => {
                let is_behind = damage.and_then(|damage| damage.behind.as_ref()).is_some_and(|behind| behind.witnessed.contains(missing));
                if lacks_sectors && is_behind { Word::Zeroed } else { Word::Broken }
            }
            Verdict::Broken { at: Break { why: Why::WitnessDiffers { .. }, .. }, .. } => Word::Broken,
            Verdict::Broken { .. } => {
                if lacks_sectors {
                    Word::Zeroed
                } else {
                    Word::Broken
                }
            }
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Word::Proved => "PROVED ",
            Word::Torn => "TORN   ",
            Word::Zeroed => "ZEROED ",
            Word::Broken => "BROKEN ",
        }
    }

    /// For programs.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Word::Proved => "proved",
            Word::Torn => "torn",
            Word::Zeroed => "zeroed",
            Word::Broken => "broken",
        }
    }

    pub(super) const fn exit(self) -> Exit {
        match self {
            Word::Proved => Exit::Done,
            Word::Torn | Word::Zeroed => Exit::Damaged,
            Word::Broken => Exit::Failed,
        }
    }
}

/// The verdict; the end of a journal that is being written is looked at again, until it is no write under way.
fn settled(path: &Path, witnesses: &[Witness]) -> Result<Verdict, JournalError> {
    let mut tries = 0;
    loop {
        let verdict = verify_journal(path, witnesses)?;
        let is_torn = matches!(&verdict, Verdict::Proved(Proof { tail: Tail::Torn { .. }, .. }));
        tries += 1;
        if !is_torn || tries >= LOOKS_MAX || !is_in_use(path) {
            return Ok(verdict);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
