//! From a journal to the state that it holds, and whether this program would decide the same again.
//!
//! Answers and effects are compared, words never: what is said of a decision may be said better tomorrow. A decision that differs is no
//! error: the state is then the one that this program folds, and whoever takes it up holds every route until a person has looked.
//!
//! Reading begins at the newest segment's state, if this version of the fold wrote it; else at the first record of all. Whoever only looks takes
//! another version's state as it is, so that a look is never longer than a segment.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    core::{
        FOLD,
        decision::{Decision, Transition},
        event::{Entry, Event},
        state::State,
        step::step,
    },
    domain::{
        digest::Digest,
        head::Head,
        id::{ClientId, Seq},
    },
    journal::{
        encode::ascii_json,
        error::ReadError,
        record::Body,
        recover::{Replay, Taken},
        walk::Whole,
    },
    session::recorder::{RecorderError, head_of},
};

/// What a segment begins with.
#[derive(Serialize)]
pub(super) struct Kept<'a> {
    /// Version of the fold that the state is of.
    pub fold: u32,
    /// The number of the next entry.
    pub next: Seq,
    /// The highest number that a client had; none may get it again.
    pub last_client: ClientId,
    pub state: &'a State,
}

#[derive(Deserialize)]
struct Found {
    fold: u32,
    next: Seq,
    last_client: ClientId,
    state: State,
}

/// One record as recovery reads it: what happened, and what was decided on it, without its words.
#[derive(Deserialize)]
struct Recorded {
    entry: Entry,
    decision: Decided,
    /// Version of the fold, where the record tells: on the session's beginning and on each return of a host.
    #[serde(default)]
    fold: Option<u32>,
}

/// How a record is written that tells the version of the fold.
#[derive(Serialize)]
struct Versioned<'a> {
    fold: u32,
    #[serde(flatten)]
    transition: &'a Transition,
}

/// A transition as it is recorded, on one line. Where somebody begins to decide, the version of the fold stands before it.
/// # Errors
/// It can't be written as JSON.
pub fn recorded(transition: &Transition) -> Result<String, serde_json::Error> {
    match &transition.entry.event {
        Event::Opened { .. } | Event::Restarted | Event::TakenOver { .. } => serde_json::to_string(&Versioned { fold: FOLD, transition }),
        Event::StoodStill { .. }
        | Event::Asked { .. }
        | Event::Looked { .. }
        | Event::Observed(_)
        | Event::Taken { .. }
        | Event::Finished { .. }
        | Event::Rang(_)
        | Event::Record(_)
        | Event::Joined { .. }
        | Event::Resized { .. }
        | Event::Beat { .. }
        | Event::Left { .. }
        | Event::Hosted(_)
        | Event::Roster(_)
        | Event::TurnedAway(_)
        | Event::SupervisorGone { .. } => serde_json::to_string(transition),
    }
}

#[derive(Deserialize)]
struct Decided {
    #[serde(default)]
    answer: Option<Box<RawValue>>,
    #[serde(default)]
    effects: Option<Box<RawValue>>,
}

/// What a journal folds to.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    pub state: State,
    pub next: Seq,
    pub last_client: ClientId,
    /// The first entry since the last taking over on which this program decides otherwise.
    pub differs: Option<Seq>,
    /// Version of the fold that wrote the newest records.
    pub fold: u32,
}

/// Folds what was found; all of the journal at `path` where its newest state is not one of ours.
pub(super) fn fold(path: &Path, replay: &Replay, compare: Compare) -> Result<Folded, RecorderError> {
    match &replay.snapshot {
        None => all(replay.records::<Recorded>()?, compare),
        Some(taken) => match compare.begin(taken) {
            Some((mut folded, since)) => {
                for recorded in since {
                    folded.take_in(&serde_json::from_slice(&serde_json::to_vec(recorded)?)?, compare);
                }
                rest(folded, replay.records::<Recorded>()?, compare)
            }
            None => all(Whole::<Recorded>::open(path)?, compare),
        },
    }
}

/// Whether it is asked if this program would decide the same again. Whoever only looks, acts on nothing, and is spared the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Yes,
    No,
}

impl Compare {
    /// Where folding begins.
    fn begin(self, taken: &Taken) -> Option<(Folded, &[Value])> {
        match self {
            Compare::Yes => begin(taken),
            Compare::No => found(taken),
        }
    }
}

/// What the journal at `path` folds to, and its last record, where it is no single file of an earlier program; it is not taken up, and whether this program would decide the same again is not asked.
/// # Errors
/// There is none, or it is broken.
pub fn look(path: &Path) -> Result<(Folded, Option<Head>), RecorderError> {
    if !path.is_dir() {
        return Ok((all(Whole::<Recorded>::open(path)?, Compare::No)?, None));
    }
    let replay = Replay::look(path)?;
    Ok((fold(path, &replay, Compare::No)?, Some(head_of(replay.proof.head))))
}

/// Where folding begins, if this version of the fold wrote the state; and what was recorded behind it before its segment began.
pub(super) fn begin(taken: &Taken) -> Option<(Folded, &[Value])> {
    found(taken).filter(|(folded, _)| folded.fold == FOLD)
}

/// The same of whatever version's state, as long as this one understands it.
fn found(taken: &Taken) -> Option<(Folded, &[Value])> {
    let Found { fold, next, last_client, state } = serde_json::from_slice(&taken.state).ok()?;
    Some((Folded { state, next, last_client, differs: None, fold }, &taken.snapshot.since))
}

type Records<E> = Result<crate::journal::record::Record<Recorded>, E>;

fn all(records: impl Iterator<Item = Records<ReadError>>, compare: Compare) -> Result<Folded, RecorderError> {
    rest(Folded::default(), records, compare)
}

fn rest(mut folded: Folded, records: impl Iterator<Item = Records<ReadError>>, compare: Compare) -> Result<Folded, RecorderError> {
    for record in records {
        if let Body::Entry { payload, .. } = record?.body {
            folded.take_in(&payload, compare);
        }
    }
    Ok(folded)
}

impl Default for Folded {
    /// Before the first entry.
    fn default() -> Folded {
        Folded { state: State::default(), next: Seq(0), last_client: ClientId(0), differs: None, fold: 0 }
    }
}

impl Folded {
    fn take_in(&mut self, recorded: &Recorded, compare: Compare) {
        let Recorded { entry, decision: decided, fold } = recorded;
        self.fold = fold.unwrap_or(self.fold);
        if let Event::TakenOver { to, digest, .. } = entry.event {
            // What was taken over then is what is folded now: what differed before it was said and acted upon.
            self.differs = if to == FOLD && digest == digest_of(&self.state) { None } else { Some(entry.seq) };
        }
        let decision = step(&mut self.state, entry);
        if compare == Compare::Yes && self.differs.is_none() && !agrees(&decision, decided) {
            self.differs = Some(entry.seq);
        }
        self.next = Seq(entry.seq.0 + 1);
        self.last_client = names_client(&entry.event).map_or(self.last_client, |client| self.last_client.max(client));
    }
}

/// The client that comes with an event: by joining, or by asking without having joined, as a command line does.
pub(super) fn names_client(event: &Event) -> Option<ClientId> {
    match event {
        Event::Joined { client, .. } => Some(*client),
        Event::Asked { by, .. } => Some(by.client),
        Event::Opened { .. }
        | Event::Restarted
        | Event::StoodStill { .. }
        | Event::TakenOver { .. }
        | Event::Looked { .. }
        | Event::Observed(_)
        | Event::Taken { .. }
        | Event::Finished { .. }
        | Event::Rang(_)
        | Event::Record(_)
        | Event::Resized { .. }
        | Event::Beat { .. }
        | Event::Left { .. }
        | Event::Hosted(_)
        | Event::Roster(_)
        | Event::TurnedAway(_)
        | Event::SupervisorGone { .. } => None,
    }
}

/// The digest of a state, as it is told when it is taken over.
pub fn digest_of(state: &State) -> Digest {
    Digest::of(ascii_json(state).unwrap_or_default().as_bytes())
}

/// Whether a decision does the same as one that was recorded.
fn agrees(ours: &Decision, recorded: &Decided) -> bool {
    let answers = match (&ours.answer, &recorded.answer) {
        (None, None) => true,
        (Some(ours), Some(recorded)) => is_same(ours, recorded),
        (None, Some(_)) | (Some(_), None) => false,
    };
    let effects = match &recorded.effects {
        None => ours.effects.is_empty(),
        Some(recorded) => is_same(&ours.effects, recorded),
    };
    answers && effects
}

/// The text is compared first: it nearly always is the same, and costs nothing to read.
fn is_same<T: Serialize>(ours: &T, recorded: &RawValue) -> bool {
    let text = ascii_json(ours).unwrap_or_default();
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    text == recorded.get() || value(&text).is_some_and(|ours| value(recorded.get()) == Some(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::time::Timestamp,
        journal::{chain::Hash, record::Snapshot},
    };

    fn taken(fold: u32) -> Taken {
        let state = State { now: Timestamp(7), ..State::default() };
        let kept = Kept { fold, next: Seq(4), last_client: ClientId(2), state: &state };
        let none = Hash::from_bytes([0; 32]);
        let snapshot = Snapshot { segment: 2, records: 4, head: none, state: none, since: Vec::new(), sealed: Vec::new(), sealed_to: 0 };
        Taken { state: serde_json::to_vec(&kept).expect("plain data"), snapshot }
    }

    #[test]
    fn whoever_only_looks_begins_at_the_newest_state_whatever_version_wrote_it() {
        let begins = |fold, compare: Compare| compare.begin(&taken(fold)).map(|(folded, _)| (folded.next, folded.state.now, folded.fold));
        let there = |fold| Some((Seq(4), Timestamp(7), fold));
        assert_eq!((begins(FOLD, Compare::No), begins(FOLD - 1, Compare::No)), (there(FOLD), there(FOLD - 1)));
        // Whoever takes it up goes by what this version decides, from the first record on.
        assert_eq!((begins(FOLD, Compare::Yes), begins(FOLD - 1, Compare::Yes)), (there(FOLD), None));
    }
}
