//! What travels between a cockpit and the host of a session, one JSON document per frame.
//!
//! A conversation: the client says [`Hello`]; the host answers [`Greeting::Welcome`] or [`Greeting::Refused`] and ends; then the host
//! sends one snapshot and every transition after it, and the client sends what its role allows. A watcher's frames are a type of their own
//! without any action, not an operator's with a flag: what a watcher's connection can't parse it can't forward.
//!
//! The version covers the fold as well as the frames: a change of `core::step` that makes an old cockpit draw something else than the
//! host holds raises [`VERSION`].

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        command::{Command, Look},
        decision::Transition,
        event::{TerminalSize, WorldKind},
        state::State,
    },
    domain::{
        digest::Digest,
        head::Head,
        id::{AskId, ClientId, OperatorId, Seq, SessionId},
        role::Role,
        shown::Shown,
        time::Millis,
    },
};

/// Both sides must speak exactly this one; host and cockpit are the same program on the same machine.
pub const VERSION: u32 = 10;

/// The client's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hello {
    pub version: u32,
    pub wants: Wants,
    pub terminal: Option<TerminalSize>,
    /// Which of an account's people this is; needed where several share it.
    pub person: Option<OperatorId>,
}

/// Asking for less than one's role gives is possible, asking for more is not: the host's roster decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wants {
    Cockpit,
    Watch,
    /// What a command line wants: to ask for the way home and to see what comes of it. It may ask for nothing else, and nobody is told of it. A
    /// host that doesn't know this word says so, and is asked as by a cockpit.
    Errand,
    /// The state once, and goodbye: who only asks how it stands is not here, and nobody is told of him.
    Glance,
}

/// The host's first frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Greeting {
    Welcome(Welcome),
    Refused(Refused),
    /// Answered with a [`Proof`]; then comes one of the others.
    Prove(Challenge),
}

/// What is to be signed by the key of whoever says that he is this person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Challenge {
    pub text: String,
}

/// The client's answer: an armored signature of `ssh-keygen -Y sign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Proof {
    pub signature: String,
}

/// Who the host takes this client for, and what it has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Welcome {
    pub version: u32,
    pub session: SessionId,
    /// The plan's name.
    pub plan: Shown,
    pub world: WorldKind,
    pub who: OperatorId,
    pub role: Role,
    pub client: ClientId,
    /// How often the host says at least that it lives, in real time.
    #[serde(default = "every_five_seconds")]
    pub beat_every: Millis,
}

/// Of hosts that don't say it.
fn every_five_seconds() -> Millis {
    Millis::from_secs(5)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    pub why: Shown,
    pub then: Then,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    ComeBack,
    StayAway,
}

/// Host to client, after the greeting. The host never builds this type: it frames text that was serialised once for everybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromHost {
    /// The state after entry `seq`, which takes the place of whatever the client holds.
    Snapshot { seq: Seq, state: Box<State> },
    /// The next entry and its decision; anything not newer than the client's state is skipped by it.
    Transition(Box<Transition>),
    /// The same, told before the record's disk has taken it.
    Unrecorded(Box<Transition>),
    /// Nothing happened for a while, and the host lives.
    Beat,
    /// Where the journal ends, as far as it is on the disk: once a second at most, and behind each snapshot. Whoever keeps one is a witness.
    Head(Head),
    /// The host ends this conversation.
    Bye { why: Shown, then: Then },
}

/// Client to host from whoever may approve or steer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromCockpit {
    Ask {
        ask: AskId,
        key: Option<Shown>,
        command: Command,
    },
    /// An approval by somebody who shares his account, with his signature of the digest. Elsewhere it is asked for like everything.
    Approve {
        ask: AskId,
        key: Option<Shown>,
        digest: Digest,
        signature: String,
    },
    Look {
        key: Option<Shown>,
        look: Look,
    },
    Beat,
    Resize {
        terminal: TerminalSize,
    },
    /// The client's own fold came to another result than the host's; it wants a snapshot.
    Resync,
    Bye,
}

/// Client to host from a watcher. There is nothing here that could move anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromWatcher {
    Beat,
    Resize { terminal: TerminalSize },
    Resync,
    Bye,
}
