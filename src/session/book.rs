//! The session's journal as the engine sees it: append, flush, and at a restart the state that its records fold to.

use std::{io, path::Path};

use serde_json::value::RawValue;

use crate::{
    core::{decision::Deed, event::Event, state::State, step::step},
    domain::{
        id::{ClientId, Seq, SessionId},
        time::Timestamp,
    },
    journal::{
        chain::Hash,
        error::{JournalError, ReadError},
        record::{Body, Genesis, Kind, KindError},
        recover::Options,
        writer::{Durability, Writer},
    },
};

/// The kind of every record that the session writes.
const KIND: &str = "deed";

/// Whether a record must be on disk before anything follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Durable,
    /// On disk with the next durable one, or within a second.
    Buffered,
}

#[derive(Debug, thiserror::Error)]
pub enum BookError {
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
    #[error("the plan's hash {0:?} is no SHA-256; no session was opened")]
    PlanHash(String),
    #[error(
        "entry {seq} was decided otherwise than this version of cutover decides it; nothing was changed; take up the journal with the version that wrote it"
    )]
    Disagrees { seq: Seq },
}

pub struct Book {
    writer: Writer,
    kind: Kind,
    next: Seq,
    last_client: ClientId,
}

impl Book {
    /// A new journal for a new session.
    /// # Errors
    /// If something stands at `path` already, or the disk refuses.
    pub fn create(path: &Path, at: Timestamp, session: &SessionId, plan_hash: &str, holder: &str) -> Result<Book, BookError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let plan: Hash = plan_hash.parse().map_err(|_| BookError::PlanHash(plan_hash.to_owned()))?;
        let options = Options { holder: holder.to_owned(), ..Options::default() };
        let writer = Writer::create(path, millis(at), &Genesis::new(session.as_str(), plan), &options)?;
        Ok(Book { writer, kind: Kind::new(KIND)?, next: Seq(0), last_client: ClientId(0) })
    }

    /// Takes up an old journal and folds it. A record whose decision this program would not make again ends it: the state would not
    /// be the one that people saw.
    /// # Errors
    /// If another host has the journal, if it is broken, or if the fold disagrees.
    pub fn open(path: &Path, holder: &str) -> Result<(Book, State), BookError> {
        let options = Options { holder: holder.to_owned(), ..Options::default() };
        let (writer, replay) = Writer::open(path, &options)?;
        let mut state = State::default();
        let mut next = Seq(0);
        let mut last_client = ClientId(0);
        for record in replay.records::<Deed>()? {
            if let Body::Entry { payload, .. } = record?.body {
                if step(&mut state, &payload.entry) != payload.decision {
                    return Err(BookError::Disagrees { seq: payload.entry.seq });
                }
                next = Seq(payload.entry.seq.0 + 1);
                if let Event::Joined { client, .. } = payload.entry.event {
                    last_client = last_client.max(client);
                }
            }
        }
        Ok((Book { writer, kind: Kind::new(KIND)?, next, last_client }, state))
    }

    /// The highest number that a client had when the journal was opened; none may get it again, or he would inherit the controls with it.
    pub fn last_client(&self) -> ClientId {
        self.last_client
    }

    /// The number of the entry that comes next.
    pub fn next_seq(&self) -> Seq {
        self.next
    }

    /// Appends one deed, given as its JSON on one line, and gives the hash of its record in hex.
    /// # Errors
    /// From the first failure of the disk on, always; nothing may leave the process any more.
    pub fn append(&mut self, at: Timestamp, weight: Weight, json: &str) -> Result<String, BookError> {
        let payload: &RawValue = serde_json::from_str(json)?;
        let durability = match weight {
            Weight::Durable => Durability::Durable,
            Weight::Buffered => Durability::Buffered,
        };
        let appended = self.writer.append(millis(at), durability, &self.kind, payload)?;
        self.next = Seq(self.next.0 + 1);
        Ok(appended.hash.to_string())
    }

    /// Writes out what is buffered.
    /// # Errors
    /// As [`Book::append`].
    pub fn flush(&mut self) -> Result<(), BookError> {
        Ok(self.writer.flush()?)
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}
