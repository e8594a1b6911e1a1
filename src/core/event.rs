//! Everything that can happen to a session.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        command::{Command, Look},
        record::RecordChange,
    },
    domain::{
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
    /// A timer of the session: time has passed.
    Rang(Alarm),
    /// The record of the session, or the room that it has, is not what it was.
    Record(RecordChange),
    Joined {
        client: ClientId,
        who: OperatorId,
        role: Role,
        terminal: Option<TerminalSize>,
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
