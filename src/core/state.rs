//! The whole state of a session: a fold over its entries, and what every cockpit draws from.
//!
//! Only `step` changes it. It is plain data, so a snapshot is its JSON and two hosts that read the same journal hold equal values.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        acts::Act,
        alone::Alone,
        assurance::Doubts,
        decision::Cause,
        door::FrontDoor,
        event::{Asker, Hosted, Roster, WorldKind},
        loss::Losing,
        marks::Mark,
        news::News,
        past::{Past, Track},
        readiness::Readiness,
        reason::{Evidence, Mover, Need},
        record::Record,
        replaced::Versions,
        replication::DatabaseStanding,
        requests::requests,
        runbook::StepState,
        standstill::Standstill,
        steer::Steering,
        unresolved::UnresolvedWrite,
        window::Window,
        workload::Announced,
    },
    domain::{
        answer::Answers,
        by_metric::ByMetric,
        digest::Digest,
        fact::{Accepted, Replication},
        fault::Fault,
        id::{BackendId, ClientId, EffectId, InstanceId, ItemId, OperatorId, RouteId, Seq, SessionId, SourceId, StepId, TriggerId},
        metric::{Measured, Metric, Sample},
        platform::{Happening, Workload},
        shared::{self, Shared},
        table::Table,
        time::{Millis, Timestamp},
        weight::{PerMille, Weights},
    },
    plan::model::Plan,
};

mod approval;
mod flight;
mod people;
mod rollback;
mod trigger;

pub use approval::{Approval, Ended, Ending, ReplicaTerm, ShiftTerms, Terms};
pub use flight::{InFlight, Taken};
pub use people::{Controls, Holder, LookHere, Person, Said};
pub use rollback::{Return, ReturnStage, SentHome};
pub use trigger::{Gathered, Reading, TriggerState};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// `None` only before the first entry.
    pub opened: Option<Opened>,
    /// Of the newest entry.
    pub seq: Seq,
    /// Of the newest entry; the only "now" there is.
    pub now: Timestamp,
    pub routes: Table<RouteId, RouteState>,
    pub backends: Table<BackendId, BackendState>,
    pub triggers: Table<TriggerId, TriggerState>,
    pub sources: Table<SourceId, SourceState>,
    pub replication: BTreeMap<InstanceId, ReplicationState>,
    pub checklist: Table<ItemId, ItemState>,
    /// Steps of the plan, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<StepId, StepState>,
    /// When the checklist was last gone through.
    pub checked_at: Option<Timestamp>,
    pub controls: Controls,
    pub people: BTreeMap<ClientId, Person>,
    /// Who may come in; `None` in journals of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Roster>,
    /// Where the host runs; `None` in journals of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Hosted>,
    /// Open requests for a second person's approval, by digest.
    pub approvals: BTreeMap<Digest, Approval>,
    /// Effects that left and have no outcome yet.
    pub in_flight: BTreeMap<EffectId, InFlight>,
    /// The newest remarks, oldest first, at most [`FEED_LINES_MAX`].
    pub feed: Shared<VecDeque<FeedLine>>,
    /// What was asked and done and is no news, oldest first.
    #[serde(default, with = "shared::list")]
    pub acts: VecDeque<Arc<Act>>,
    /// What charts mark, oldest first.
    #[serde(default)]
    pub marks: Shared<VecDeque<Mark>>,
    /// How the newest requests for approval ended, oldest first, at most [`ENDED_MAX`].
    pub ended: VecDeque<Ended>,
    /// The newest call for attention.
    pub look_here: Option<LookHere>,
    /// What people said to each other last, oldest first, at most [`SAID_MAX`].
    pub said: VecDeque<Said>,
    /// How long nobody has seen a connection dropped.
    pub drops: DropWatch,
    /// Who would have started the host again, and since when nobody would; `None` where somebody does, or nobody was to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Alone>,
    /// Who ended the session. Not written while nobody has, so that a state is written as it was before this was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// When the host did not run, the last time that it didn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_still: Option<Standstill>,
    #[serde(default, skip_serializing_if = "Record::is_untold")]
    pub record: Record,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub by: OperatorId,
    pub at: Timestamp,
}

pub const FEED_LINES_MAX: usize = 200;
/// A holder of the controls who has been silent for so long loses them: three missed beats of 5 s, in people's time.
pub const HOLD_LASTS: Millis = Millis::from_secs(15);
pub const ENDED_MAX: usize = 8;
pub const SAID_MAX: usize = 8;
/// Points kept of each series; with one column each 5 s that is 20 minutes.
pub const HISTORY_POINTS_MAX: usize = 240;
/// Between two columns of a chart.
pub const HISTORY_EVERY: Millis = Millis::from_secs(5);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub session: SessionId,
    #[serde(with = "shared")]
    pub plan: Arc<Plan>,
    pub world: WorldKind,
    pub at: Timestamp,
    /// How often the host has come back since.
    pub restarts: u32,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RouteState {
    /// What this session last asked for, or adopted; `None` until the first reading.
    pub wanted: Option<Weights>,
    /// What the API said last.
    pub accepted: Option<Accepted>,
    /// When the look behind `accepted` began, so it is never newer than it claims.
    pub accepted_at: Option<Timestamp>,
    /// When the newest write ended, whatever came of it. A version seen before that is not written against.
    pub outcome_at: Option<Timestamp>,
    /// The entries of both: times alone can't order what falls within one millisecond.
    pub accepted_seq: Option<Seq>,
    pub outcome_seq: Option<Seq>,
    /// What writes of ours have replaced and made.
    #[serde(default, skip_serializing_if = "Versions::is_untold")]
    pub versions: Versions,
    /// Where the traffic stood before the newest change that we know of, and when that change was seen.
    pub before: Option<Weights>,
    pub changed_at: Option<Timestamp>,
    /// Who moved it last.
    pub moved_by: Option<Mover>,
    /// No extra read before this.
    pub read_again_at: Option<Timestamp>,
    /// Writes whose outcome never came: each may still take effect late.
    pub unresolved: Vec<UnresolvedWrite>,
    /// Changes by others within five minutes, oldest first.
    pub flips: VecDeque<Timestamp>,
    /// How long the data plane took to follow the last time that it could be measured.
    pub followed_in: Option<Millis>,
    /// How many requests through the front door are answered in a second, by the last whole window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_per_second: Option<f64>,
    pub observed: Option<Observed>,
    /// What requests through the front door met, by the backend that answered.
    #[serde(default)]
    pub front_door: FrontDoor,
    /// What requests have said of the split that is accepted.
    #[serde(default)]
    pub proof: Proof,
    /// Since when requests contradict it without a break.
    #[serde(default)]
    pub against_since: Option<Timestamp>,
    /// Shares from before the newest changes that users may still meet; each is here until requests exclude it.
    #[serde(default)]
    pub fading: BTreeMap<BackendId, PerMille>,
    /// Until when a change before the newest may still arrive at the edge, since nobody saw it arrive. Until then no answers exclude what
    /// it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spreads_until: Option<Timestamp>,
    /// The most that those changes may have left elsewhere than at home, by any split that may still hold; `None` in journals of before it was
    /// kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_max: Option<PerMille>,
    /// The share of users that is given away from home, and the one that gets something else than home, over time.
    #[serde(default)]
    pub given: Track,
    #[serde(default)]
    pub got: Track,
    pub motion: Motion,
    /// The last pending, waiting for the move in flight.
    pub queued: Option<PendingShift>,
    pub latch: Option<Latch>,
    pub hold: Option<Held>,
    pub drift: Option<Drift>,
    /// Which session steers the object.
    #[serde(default, skip_serializing_if = "Steering::is_untold")]
    pub steering: Steering,
    /// Can we go back, and what would it cost now?
    pub readiness: Readiness,
    /// What can't be relied upon now, and whether that was told.
    #[serde(default, skip_serializing_if = "Doubts::is_none")]
    pub doubts: Doubts,
    /// Connections that our own requests through the front door have lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub losing: Option<Losing>,
}

impl RouteState {
    /// Whether nothing is on its way and requests agree with what is accepted.
    pub fn is_seen(&self) -> bool {
        self.motion == Motion::Settled && requests(self).agree()
    }
}

/// Whether connections were dropped, and since when somebody has been watching without a break.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DropWatch {
    /// Whoever sends requests and would meet it.
    #[serde(default)]
    pub by: Table<SourceId, Watched>,
    pub last_at: Option<Timestamp>,
}

/// One who has looked without a pause since then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    pub since: Timestamp,
    pub seen_at: Timestamp,
}

/// What requests have said of the split that is accepted, since it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// They have not agreed with it yet.
    #[default]
    Unproven,
    /// They agree with it, and exclude what was before.
    Proven { at: Timestamp },
    /// The plan's settling time is over and they agree with it; so would they with what was before.
    Fits,
    /// The plan's settling time is over, and too few were sent to say anything.
    Unasked,
}

/// What requests through the front door really met, over the newest window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Observed {
    pub at: Timestamp,
    pub requests: u64,
    pub failed: u64,
    pub dropped: u64,
    /// Empty while there is no sample. Backends outside the plan are among them.
    pub shares: Table<BackendId, Share>,
    /// The looks that this rests on, with their sums.
    pub window: Window,
    /// How many others have answered since this backend did, or since the last change.
    #[serde(default)]
    pub silence: Table<BackendId, u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub at: Timestamp,
    pub by_backend: Table<BackendId, u64>,
    pub failed: u64,
    pub dropped: u64,
    /// Answers that did not say which backend gave them.
    #[serde(default)]
    pub unmarked: u64,
}

/// A share with its band of three standard errors; fractions 0.0 to 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub fraction: f64,
    pub low: f64,
    pub high: f64,
}

/// How far the route is with what was asked of it. One move at a time; a rollback is one of them, and excludes all others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Motion {
    /// Nothing known yet.
    #[default]
    Unread,
    /// Nothing is on its way. Whether requests agree is another question, and the route's [`Proof`] its answer.
    Settled,
    /// A person's move is being written.
    Writing { effect: EffectId, to: Weights, since: Timestamp, cause: Cause },
    /// Nobody knows whether a person's move took effect; it is being read back.
    Resolving { to: Weights, since: Timestamp, cause: Cause },
    /// A rollback is under way: home is not accepted yet.
    Returning(Return),
    /// The API accepted it; the data plane follows.
    Propagating { to: Weights, since: Timestamp, until: Timestamp, cause: Cause, goal: Goal },
    /// We can't go on by ourselves.
    NeedsHuman { since: Timestamp, why: Need },
}

impl Motion {
    pub fn is_returning(&self) -> bool {
        matches!(self, Motion::Returning(_))
    }
    /// Whether weights are being written or followed.
    pub fn is_under_way(&self) -> bool {
        match self {
            Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Returning(_) | Motion::Propagating { .. } => true,
            Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    Advance,
    Rollback,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingShift {
    pub by: Asker,
    /// Where the route must stand for this to be started.
    pub from: Weights,
    pub to: Weights,
    pub at: Timestamp,
    /// Of the controls under which it was asked; void under any other.
    pub epoch: u64,
}

/// Set by a rollback; only a human with a reason takes it off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latch {
    pub cause: Cause,
    pub at: Timestamp,
    /// The route was home already, so nothing of it was rolled back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_home: bool,
    /// Further causes that joined while it ran.
    pub joined: Vec<Cause>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub by: OperatorId,
    pub at: Timestamp,
    /// Nobody's hold: this program decides otherwise than the one that wrote the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Otherwise>,
}

/// Versions of the fold that decide otherwise: of whoever wrote the journal, and of the program that took it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Otherwise {
    pub from: u32,
    pub to: u32,
}

/// Somebody else changed the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub expected: Weights,
    pub found: Weights,
    pub by: Mover,
    pub since: Timestamp,
    /// Changes by others within five minutes; three or more is a contest, and we stop writing.
    pub flips: VecDeque<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BackendState {
    pub values: ByMetric<Measured>,
    pub values_at: Option<Timestamp>,
    /// Which source each of `values` comes from.
    pub sources: ByMetric<SourceId>,
    /// From when on the window of those figures is full, while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// The newest usable sample of each metric, however old.
    pub usable: ByMetric<Sample>,
    pub workload: Option<Workload>,
    pub workload_at: Option<Timestamp>,
    /// Most instances ever seen ready, the yardstick of readiness.
    pub ready_most: u32,
    pub probe: Option<ProbeState>,
    pub happenings: VecDeque<Happening>,
    #[serde(default)]
    pub announced: Announced,
    /// One column each [`HISTORY_EVERY`]; `None` is a gap and is drawn as one.
    pub history: Shared<BTreeMap<Metric, VecDeque<Option<f64>>>>,
    pub history_at: Option<Timestamp>,
    /// The same over the hours.
    #[serde(default)]
    pub past: Shared<BTreeMap<Metric, Past>>,
    /// When a connection was last seen dropped by prober or counter.
    pub dropped_at: Option<Timestamp>,
    /// Connections that it has dropped by its own counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub losing: Option<Losing>,
    /// Since when error rate and p95 are within bounds without a break, while this backend holds all of the traffic.
    pub stable_since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeState {
    pub at: Timestamp,
    pub sent: u64,
    pub failed: u64,
    pub dropped: u64,
    /// What all answers were.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    pub slowest_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceState {
    pub asked_at: Timestamp,
    pub ok_at: Option<Timestamp>,
    pub fault: Option<Fault>,
    /// Older than this, what it said is stale.
    pub stale_after: Millis,
    /// Failures in a row.
    pub failures: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicationState {
    pub now: Replication,
    pub seen_at: Timestamp,
    /// The last standing that was no mere lack of proof: what has been said of it.
    #[serde(default)]
    pub said: Option<DatabaseStanding>,
    /// Lag in seconds, one column each [`HISTORY_EVERY`].
    pub history: VecDeque<Option<f64>>,
    pub history_at: Option<Timestamp>,
    /// The same over the hours.
    #[serde(default)]
    pub past: Past,
}

impl ReplicationState {
    /// As it was seen first.
    pub fn seen(now: &Replication, seen_at: Timestamp) -> ReplicationState {
        ReplicationState { now: now.clone(), seen_at, said: None, history: VecDeque::new(), history_at: None, past: Past::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ItemState {
    pub status: ItemStatus,
    /// What it rests on.
    pub evidence: Evidence,
    /// When the newest of that evidence was seen.
    pub seen_at: Option<Timestamp>,
    pub since: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub signed_by: Option<OperatorId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemStatus {
    /// Nobody signed, nothing collected.
    #[default]
    Open,
    Done,
    /// The evidence speaks against it.
    Failing,
    /// There is no evidence either way.
    Unknown,
    /// It was done, and the evidence is too old now.
    Expired,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedLine {
    pub seq: Seq,
    pub at: Timestamp,
    pub who: Option<OperatorId>,
    pub news: News,
    /// Where it has been said again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

/// Since when a remark has been coming back, and how often it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    pub since: Timestamp,
    pub times: u32,
}
