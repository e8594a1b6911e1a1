//! The seam between a session and whoever attaches to it: five channels and what travels in them.
//!
//! The session is handed the inner ends, the attach host the outer ones; neither knows the other. What asks something of the session
//! and what only tells of presence are separate channels on purpose: a watcher's connection is given a [`Presence`] sender and nothing
//! else, so there is no value that it could send to have an effect.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{
    core::{
        command::{Command, Look},
        event::{Asker, Roster, TerminalSize, TurnedAway},
    },
    domain::{
        credentials::Credentials,
        head::Head,
        id::{AskId, ClientId, OperatorId, Seq},
        role::Role,
        shown::Shown,
    },
};

/// Requests that may wait for the engine; a sender waits when it is full, which holds up that one cockpit only.
pub const REQUESTS_MAX: usize = 256;
/// Published transitions that a slow connection may lag behind before it is given a snapshot instead.
const TRANSITIONS_MAX: usize = 1024;

/// Who is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    Joined {
        client: ClientId,
        who: OperatorId,
        role: Role,
        terminal: Option<TerminalSize>,
        credentials: Box<Credentials>,
    },
    Resized {
        client: ClientId,
        terminal: TerminalSize,
    },
    Beat {
        client: ClientId,
    },
    Left {
        client: ClientId,
    },
    /// Who may come in from now on.
    Roster(Roster),
    TurnedAway(TurnedAway),
    /// Nobody starts the host again any more; until now this process would have.
    SupervisorGone {
        process: u32,
    },
}

/// What an operator's cockpit asks for, or tells of its looking around.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub by: Asker,
    pub key: Option<Shown>,
    pub what: Wanted,
    /// Of whoever has not joined.
    pub credentials: Option<Box<Credentials>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    Ask { ask: AskId, command: Command },
    Look(Look),
}

/// Whether what is told is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRecord {
    /// It is durable, as far as it has to be.
    Yes,
    /// The record's disk has not taken it: it does not answer, or it failed.
    No,
}

/// One transition, serialised once for everybody.
#[derive(Debug)]
pub struct Published {
    pub seq: Seq,
    pub on_record: OnRecord,
    /// JSON of a `core::decision::Transition`, on one line.
    pub json: Arc<str>,
}

/// The whole state after entry `seq`; what follows in the transitions is `> seq`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub seq: Seq,
    /// JSON of a `core::state::State`, on one line.
    pub json: Arc<str>,
}

/// The outer ends. Subscribe to `transitions` first, then ask for a snapshot, then skip what is not newer than it.
#[derive(Debug, Clone)]
pub struct Door {
    pub presence: mpsc::Sender<Presence>,
    pub requests: mpsc::Sender<Request>,
    pub snapshots: mpsc::Sender<oneshot::Sender<Snapshot>>,
    /// Weak, so that whoever listens hears it when the session ends.
    pub transitions: broadcast::WeakSender<Arc<Published>>,
    /// Where the journal ends, as far as it is on the disk.
    pub heads: watch::Receiver<Option<Head>>,
}

/// The inner ends, for the engine.
#[derive(Debug)]
pub struct Inside {
    pub presence: mpsc::Receiver<Presence>,
    pub requests: mpsc::Receiver<Request>,
    pub snapshots: mpsc::Receiver<oneshot::Sender<Snapshot>>,
    pub transitions: broadcast::Sender<Arc<Published>>,
    pub heads: watch::Sender<Option<Head>>,
}

/// Both sides of a new door.
pub fn door() -> (Door, Inside) {
    let (presence, presence_inside) = mpsc::channel(REQUESTS_MAX);
    let (requests, requests_inside) = mpsc::channel(REQUESTS_MAX);
    let (snapshots, snapshots_inside) = mpsc::channel(REQUESTS_MAX);
    let (transitions, _) = broadcast::channel(TRANSITIONS_MAX);
    let (head, heads) = watch::channel(None);
    let outside = Door { presence, requests, snapshots, transitions: transitions.downgrade(), heads };
    (outside, Inside { presence: presence_inside, requests: requests_inside, snapshots: snapshots_inside, transitions, heads: head })
}
