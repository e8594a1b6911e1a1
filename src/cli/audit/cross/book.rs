//! What a journal says of its session's writes, for the comparison with what the cloud says of them.

use std::{collections::BTreeMap, path::Path};

use crate::{
    core::{
        decision::{Effect, Transition},
        event::Event,
        news::News,
    },
    domain::{
        claim::Claim,
        fault::{FaultKind, Outcome},
        id::{EffectId, RouteId},
        shown::Shown,
        time::Timestamp,
        weight::Weights,
    },
    journal::{
        broken::Break,
        chain::Witness,
        error::{JournalError, ReadError},
        files::is_in_use,
        reader::Step,
        record::is_reserved,
        walk::Walk,
    },
    plan::model::Plan,
};

/// As far as the journal holds.
#[derive(Debug)]
pub(in crate::cli::audit) struct Book {
    pub session: String,
    pub plan: Box<Plan>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub head: Witness,
    /// In the order in which they left.
    pub writes: Vec<Write>,
    /// Acts on steps, and the record that holds each. What they left in the logs of their own APIs is known by its name and compared no further.
    pub acts: BTreeMap<EffectId, u64>,
    /// How many of them left before the newest host began: nobody waits for their answers.
    before_this_host: usize,
    /// Of the hashes that were looked for, those that a record has, with its number.
    pub found: BTreeMap<String, u64>,
    /// Records that may tell of writes and that this program can't read: what they hold is compared with nothing.
    pub unread: Vec<u64>,
    /// Where it ended early.
    pub broken: Option<Break>,
}

/// A write that was decided.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::audit) struct Write {
    pub effect: EffectId,
    /// The write under whose request id it goes: itself, or the one that it repeats.
    pub first: EffectId,
    pub route: RouteId,
    pub makes: Makes,
    /// The record that holds it.
    pub record: u64,
    pub at: Timestamp,
    pub fate: Fate,
}

/// What a write was to make of the object.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::audit) enum Makes {
    Split {
        from: Weights,
        to: Weights,
    },
    /// It only says who steers.
    Claim(Box<Claim>),
}

/// What the journal knows of a write's end.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli::audit) enum Fate {
    Done,
    NotDone(Shown),
    /// It was kept back because it could not be recorded.
    Kept,
    Unknown(Shown),
    /// Nothing is recorded of what came of it.
    Open,
    /// The same, and its host still waits for the answer.
    UnderWay,
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli::audit) enum BookError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("no session was opened in this journal; nothing was compared")]
    Unopened,
}

impl Book {
    /// Reads and proves the journal at `path`; `wanted` are hashes of records to look for.
    ///
    /// # Errors
    /// It can't be read, or no session begins in what holds of it.
    pub(in crate::cli::audit) fn read(path: &Path, wanted: impl IntoIterator<Item = String>) -> Result<Book, BookError> {
        // Looked at first: a host that ends meanwhile records before it does what came of its writes.
        let is_written = is_in_use(path);
        let mut looked_for: BTreeMap<String, Option<u64>> = wanted.into_iter().map(|hash| (hash, None)).collect();
        let mut walk = Walk::open(path)?;
        let mut book: Option<Book> = None;
        let mut unread = Vec::new();
        let broken = loop {
            match walk.advance() {
                Ok(Step::Line { line, .. }) => {
                    if let Some(found) = looked_for.get_mut(&line.hash.to_string()) {
                        *found = Some(line.seq);
                    }
                    let at = Timestamp(i64::try_from(line.at_ms).unwrap_or(i64::MAX));
                    let head = Witness { seq: line.seq, hash: line.hash };
                    if let Some(book) = &mut book {
                        (book.to, book.head) = (book.to.max(at), head);
                    }
                    // Most records are of neither kind.
                    if !is_reserved(line.kind) && tells_of_writes(line.body) {
                        match serde_json::from_slice::<Transition>(line.body) {
                            Ok(transition) => take(&mut book, transition, head, at),
                            Err(_) => unread.push(line.seq),
                        }
                    }
                }
                Ok(Step::End(_)) => break None,
                Err(ReadError::Broken(at)) => break Some(at),
                Err(error @ (ReadError::Io { .. } | ReadError::Payload { .. })) => return Err(error.into()),
            }
        };
        if let (true, Some(book)) = (is_written, &mut book) {
            let own = book.writes.iter_mut().skip(book.before_this_host).filter(|write| write.fate == Fate::Open);
            own.for_each(|write| write.fate = Fate::UnderWay);
        }
        let found = looked_for.into_iter().filter_map(|(hash, seq)| Some((hash, seq?))).collect();
        book.map(|book| Book { broken, found, unread, ..book }).ok_or(BookError::Unopened)
    }
}

fn tells_of_writes(body: &[u8]) -> bool {
    let has = |word: &[u8]| body.windows(word.len()).any(|window| window == word);
    has(b"{\"opened\":")
        || has(b"\"restarted\"")
        || has(b"{\"finished\":")
        || has(b"{\"write\":")
        || has(b"{\"claim\":")
        || has(b"{\"act\":")
        || has(b"{\"did-happen\":")
}

fn take(book: &mut Option<Book>, transition: Transition, head: Witness, at: Timestamp) {
    let Transition { entry, decision } = transition;
    match (&mut *book, entry.event) {
        (None, Event::Opened { session, plan, .. }) => {
            let (writes, found, unread) = (Vec::new(), BTreeMap::new(), Vec::new());
            *book = Some(Book {
                session: session.to_string(),
                plan,
                from: at,
                to: at,
                head,
                writes,
                acts: BTreeMap::new(),
                before_this_host: 0,
                found,
                unread,
                broken: None,
            });
        }
        (Some(book), Event::Restarted) => book.before_this_host = book.writes.len(),
        (Some(book), Event::Finished { effect, outcome, .. }) => {
            if let Some(write) = book.writes.iter_mut().rev().find(|write| write.effect == effect) {
                write.fate = match outcome {
                    Outcome::Done(_) => Fate::Done,
                    Outcome::NotDone(fault) if fault.kind == FaultKind::Unrecorded => Fate::Kept,
                    Outcome::NotDone(fault) => Fate::NotDone(Shown::new(&fault.to_string())),
                    Outcome::Unknown(fault) => Fate::Unknown(Shown::new(&fault.to_string())),
                };
            }
        }
        (None | Some(_), _) => {}
    }
    let Some(book) = book else { return };
    read_back(&mut book.writes, &decision.news);
    for issued in decision.effects {
        let effect = issued.id;
        let (route, first, makes) = match issued.what {
            Effect::Write { route, from, to, again, .. } => (route, again.unwrap_or(effect), Makes::Split { from, to }),
            Effect::Claim { route, claim, .. } => (route, effect, Makes::Claim(claim)),
            Effect::Act { .. } => {
                book.acts.insert(effect, head.seq);
                continue;
            }
            Effect::Read { .. } | Effect::Wake { .. } | Effect::Inject { .. } => continue,
        };
        book.writes.push(Write { effect, first, route, makes, record: head.seq, at, fate: Fate::Open });
    }
}

/// What was read back of the object has told what no answer did.
fn read_back(writes: &mut [Write], news: &[News]) {
    for news in news {
        let News::DidHappen { route, to } = news else { continue };
        let is_that = |write: &&mut Write| {
            let unknown = matches!(write.fate, Fate::Unknown(_) | Fate::Open);
            unknown && write.route == *route && matches!(&write.makes, Makes::Split { to: made, .. } if made == to)
        };
        if let Some(write) = writes.iter_mut().rev().find(is_that) {
            write.fate = Fate::Done;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::{
            decision::Decision,
            event::{Alarm, Entry},
        },
        domain::id::{BackendId, Seq},
    };

    #[test]
    fn a_write_that_was_read_back_was_done_although_no_answer_said_so() {
        let (home, away): (BackendId, BackendId) = ("run".parse().unwrap(), "gke".parse().unwrap());
        let split = |only| Weights::all_on(only, [&home, &away]);
        let route: RouteId = "frontend".parse().unwrap();
        let effect = EffectId { seq: Seq(7), index: 0 };
        let makes = Makes::Split { from: split(&home), to: split(&away) };
        let fate = Fate::Open;
        let write = Write { effect, first: effect, route: route.clone(), makes, record: 8, at: Timestamp(0), fate };
        for (to, fate) in [(&home, Fate::Open), (&away, Fate::Done)] {
            let news = vec![News::DidHappen { route: route.clone(), to: split(to) }];
            let entry = Entry { seq: Seq(9), at: Timestamp(1), event: Event::Rang(Alarm::Tick) };
            let transition = Transition { entry, decision: Decision { news, ..Decision::default() } };
            assert!(tells_of_writes(&serde_json::to_vec(&transition).unwrap()), "its record is read at all");
            let mut writes = [write.clone()];
            read_back(&mut writes, &transition.decision.news);
            assert_eq!(writes[0].fate, fate, "{to}");
        }
    }
}
