//! Everything that can happen to a session.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        command::{Command, Look},
        record::RecordChange,
        steer::Order,
    },
    domain::{
        claim::{Machine, Token},
        credentials::{Credentials, Fingerprint},
        digest::Digest,
        fact::Observation,
        fault::{Attempt, Outcome},
        id::{AskId, ClientId, EffectId, OperatorId, RouteId, Seq, SessionId},
        role::Role,
        shown::Shown,
        time::{Millis, Timestamp},
    },
    plan::model::Plan,
};

/// Closed on purpose: read this enum and you know the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first entry of a journal.
    Opened {
        session: SessionId,
        plan: Box<Plan>,
        world: WorldKind,
    },
    /// The host came back after it had died. Effects without an outcome are resolved by reading; nothing advances by itself.
    Restarted,
    /// The host did not run since then: it was stopped, or its machine slept. Said before anything else that happens after it.
    StoodStill {
        since: Timestamp,
    },
    /// This program took up a journal on which it would have decided otherwise: the state is the one that it folds, and every route is held.
    TakenOver {
        /// Versions of the fold: of whoever wrote the journal, and of this program.
        from: u32,
        to: u32,
        /// Of the state that was taken.
        digest: Digest,
    },
    Asked {
        by: Asker,
        ask: AskId,
        key: Option<Shown>,
        command: Command,
        /// Of whoever asks without having joined, as a command line does; with everybody else they came when he joined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<Box<Credentials>>,
    },
    /// A key that asks nothing of the session.
    Looked {
        by: Asker,
        key: Option<Shown>,
        look: Look,
    },
    Observed(Observation),
    Finished {
        effect: EffectId,
        outcome: Outcome,
        /// The copies that a write took, where one was not enough.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attempts: Vec<Attempt>,
    },
    /// The API has answered a write and works on it: it is not sent again, and its outcome is still to come.
    Taken {
        effect: EffectId,
        operation: Shown,
    },
    /// A timer of the session: time has passed.
    Rang(Alarm),
    /// The record of the session, or the room that it has, is not what it was.
    Record(RecordChange),
    Joined {
        client: ClientId,
        who: OperatorId,
        role: Role,
        terminal: Option<TerminalSize>,
        /// `None` in journals of before they were recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credentials: Option<Box<Credentials>>,
    },
    /// The same client, with another terminal size or after a silence.
    Resized {
        client: ClientId,
        terminal: TerminalSize,
    },
    /// The client lives: renews its hold on the controls.
    Beat {
        client: ClientId,
    },
    Left {
        client: ClientId,
    },
    /// Which machine the host runs on, at each of its starts.
    Hosted(Hosted),
    /// Who may come in from now on: at the start of a session, when a host returns, and at each change of the file.
    Roster(Roster),
    /// Somebody was turned away at the door; how often, since it was last said of this account.
    TurnedAway(TurnedAway),
    /// The process that would start the host again if it died is there no more.
    SupervisorGone {
        process: u32,
    },
}

/// Where a host runs, as claims name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hosted {
    pub machine: Machine,
    /// Drawn at each start; the first one is the session's.
    pub token: Token,
    /// Whoever started it takes over what another session steers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<Order>,
}

/// A roster as the host reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Roster {
    /// Of the file's text; without a file the host's own account is alone in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Each name once.
    pub people: Vec<Listed>,
}

/// One person of a roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listed {
    pub who: OperatorId,
    pub role: Role,
    pub uid: u32,
    /// What the host calls the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Shown>,
    /// What he has to prove himself with; without one his account is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Fingerprint>,
}

/// What was refused at the door to one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TurnedAway {
    /// `None`: several accounts, of so many that each is not counted alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Shown>,
    /// Each kind once.
    pub refused: Vec<AtTheDoor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AtTheDoor {
    pub what: Intrusion,
    pub times: u64,
    /// Who he was, or said that he was, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<OperatorId>,
}

/// Why somebody was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intrusion {
    /// The account is in no roster.
    Stranger,
    /// He said that he is somebody whom the roster does not know on this account.
    AnotherName,
    /// He gave no proof of who he is, or one that is none.
    NoProof,
    /// His proof signs another text than the one that he was given, as one does that was sent before.
    ReplayedProof,
    /// His approval is not signed, or not by his key.
    ForgedApproval,
    /// The signature of his approval is of another request.
    ReplayedApproval,
    /// A watcher asked for something.
    WatcherAsked,
    /// He asked for what his connection may not ask for.
    NotHisToAsk,
}

/// Who asks, as the host knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    pub client: ClientId,
    pub who: OperatorId,
    pub role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorldKind {
    Live,
    /// The simulated world; the screen says DEMO. Its time runs `speed` times as fast as people's, at least once as fast.
    Demo {
        speed: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    pub columns: u16,
    pub rows: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// Once a second of real time: staleness, windows, expiries.
    Tick,
    /// The core asked to be woken for this route, for example to retry a rollback write.
    Retry { route: RouteId },
}

/// One entry: what happened, when, and as which one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: Seq,
    pub at: Timestamp,
    pub event: Event,
}

impl WorldKind {
    /// How long `span` of a person's time is in the session's: bounds on people (a heartbeat, an approval) don't shrink in a hasty demo.
    pub fn of_people(self, span: Millis) -> Millis {
        match self {
            WorldKind::Live => span,
            WorldKind::Demo { speed } => Millis(span.0.saturating_mul(u64::from(speed.max(1)))),
        }
    }
}
