//! How an instance of the plan's database stands: the one judgment of it that checklist, approvals, charts and screens share.
//!
//! A replica is well only if its instance is up, it follows the plan's primary, its engine says that it replicates, its position goes on
//! with the primary's, and all that was told lately. A small lag proves none of these: it is what a replica reports that has stopped
//! hearing anything, and what one reports whose primary writes nothing.

use serde::{Deserialize, Serialize};

use crate::{
    core::{
        decision::Refusal,
        news::{News, Tone},
        sight::Sight,
        state::{ReplicationState, State},
    },
    domain::{
        database::{Broken, Movement, Serving},
        fact::{ReplicaState, Replication, Writable},
        id::InstanceId,
        metric::{Gap, Sample},
        time::{Millis, Timestamp},
    },
    plan::model::Database,
};

/// An instance is asked for several times a minute; what it was longer ago than this is not what it is.
const SEEN_FRESH: Millis = Millis::from_secs(60);
/// A replica's figures are sampled once a minute and published up to four minutes later; older than that, and than the look itself may
/// be, they are no figures.
const LAG_FRESH: Millis = Millis::from_secs(330);

/// How an instance stands. Each excludes the others. A lag is told with its `age`, which is the figure's own and not that of the look: it
/// may be minutes older.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseStanding {
    /// Nothing has been heard of it.
    NotSeen,
    /// Nothing has been heard of it for so long.
    Silent {
        age: Millis,
    },
    /// The plan's replica is a primary of its own.
    Promoted,
    /// The plan's primary is none.
    Follower {
        of: Option<InstanceId>,
    },
    /// The plan's replica follows another primary.
    Stranger {
        of: Option<InstanceId>,
    },
    /// It is not said what it is.
    Unsaid,
    /// The instance does not serve, or it is not told that it does.
    Down {
        serving: Serving,
    },
    /// The plan's primary, up.
    Primary {
        movement: Movement,
    },
    Stopped,
    Broken {
        broken: Broken,
    },
    /// Its engine's word on whether it replicates can't be had.
    Untold {
        gap: Gap,
    },
    /// It says that it replicates, and does not keep up with what its primary writes.
    FallsBack,
    /// Its primary writes nothing, so that no lag proves anything.
    Idle,
    /// It replicates; whether its position goes on is not told.
    Unmoved {
        lag: Sample,
        #[serde(default)]
        age: Millis,
    },
    /// It replicates; how far it is behind can't be known.
    LagUnknown {
        gap: Gap,
    },
    /// It replicates, further behind than the plan allows.
    Behind {
        lag: Sample,
        #[serde(default)]
        age: Millis,
    },
    /// It replicates as it should.
    Follows {
        lag: Sample,
        #[serde(default)]
        age: Millis,
    },
}

/// What a standing comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soundness {
    Sound,
    Unsound,
    /// Nothing speaks against it, and not enough speaks for it.
    Unproven,
}

impl DatabaseStanding {
    pub fn soundness(&self) -> Soundness {
        match self {
            DatabaseStanding::Primary { .. } | DatabaseStanding::Follows { .. } => Soundness::Sound,
            DatabaseStanding::Promoted
            | DatabaseStanding::Follower { .. }
            | DatabaseStanding::Stranger { .. }
            | DatabaseStanding::Stopped
            | DatabaseStanding::Broken { .. }
            | DatabaseStanding::FallsBack
            | DatabaseStanding::Behind { .. } => Soundness::Unsound,
            DatabaseStanding::Down { serving: Serving::Untold } => Soundness::Unproven,
            DatabaseStanding::Down { .. } => Soundness::Unsound,
            DatabaseStanding::NotSeen
            | DatabaseStanding::Silent { .. }
            | DatabaseStanding::Unsaid
            | DatabaseStanding::Untold { .. }
            | DatabaseStanding::Idle
            | DatabaseStanding::Unmoved { .. }
            | DatabaseStanding::LagUnknown { .. } => Soundness::Unproven,
        }
    }

    /// The lag, where it means anything.
    pub fn lag(&self) -> Option<Sample> {
        match self {
            DatabaseStanding::Behind { lag, .. } | DatabaseStanding::Follows { lag, .. } => Some(*lag),
            DatabaseStanding::NotSeen
            | DatabaseStanding::Silent { .. }
            | DatabaseStanding::Promoted
            | DatabaseStanding::Follower { .. }
            | DatabaseStanding::Stranger { .. }
            | DatabaseStanding::Unsaid
            | DatabaseStanding::Down { .. }
            | DatabaseStanding::Primary { .. }
            | DatabaseStanding::Stopped
            | DatabaseStanding::Broken { .. }
            | DatabaseStanding::Untold { .. }
            | DatabaseStanding::FallsBack
            | DatabaseStanding::Idle
            | DatabaseStanding::Unmoved { .. }
            | DatabaseStanding::LagUnknown { .. } => None,
        }
    }
}

impl DatabaseStanding {
    pub(super) fn tone(&self) -> Tone {
        match self.soundness() {
            Soundness::Sound => Tone::Good,
            Soundness::Unproven => Tone::Warning,
            Soundness::Unsound => Tone::Alarm,
        }
    }

    /// Whether it would be the same news: figures that move by the minute make none.
    fn is_like(&self, said: &DatabaseStanding) -> bool {
        match (self, said) {
            (
                DatabaseStanding::Behind { .. } | DatabaseStanding::Follows { .. },
                DatabaseStanding::Behind { .. } | DatabaseStanding::Follows { .. },
            )
            | (DatabaseStanding::Primary { .. }, DatabaseStanding::Primary { .. }) => true,
            (one, other) => one == other,
        }
    }
}

/// What is to be said of an instance that stands so now, and that it is said. What is not proven is no news, and neither is an instance
/// that is well from the beginning.
pub(super) fn news(instance: &InstanceId, known: &mut ReplicationState, standing: DatabaseStanding) -> Option<News> {
    let worth = match (standing.soundness(), &known.said) {
        (Soundness::Unproven, _) => return None,
        (Soundness::Sound, None) => false,
        (Soundness::Unsound, None) => !matches!(standing, DatabaseStanding::Behind { .. }),
        (Soundness::Sound | Soundness::Unsound, Some(said)) => !standing.is_like(said),
    };
    known.said = Some(standing.clone());
    worth.then(|| News::DatabaseStands { instance: instance.clone(), standing })
}

/// Who accepts writes of the plan's instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writers {
    /// Not every instance is known well enough to say.
    Unknown,
    Nobody,
    One(InstanceId),
    /// Two primaries of one data set: writes go apart.
    Several(Vec<InstanceId>),
}

/// Why nobody more may be sent away from home: users' writes fail wherever they are, or go apart. What is not known forbids nothing, for the
/// other platform writes no better.
pub(super) fn forbids(sight: &Sight) -> Option<Refusal> {
    let database = sight.plan.database.as_ref()?;
    let writers = writers(database, sight.state, sight.now);
    match writers {
        Writers::Nobody | Writers::Several(_) => Some(Refusal::Writers { writers }),
        Writers::Unknown | Writers::One(_) => None,
    }
}

pub fn writers(database: &Database, state: &State, now: Timestamp) -> Writers {
    let (mut writers, mut unknown) = (Vec::new(), false);
    for instance in database.instances() {
        let fresh = state.replication.get(instance).filter(|known| now.since(known.seen_at) <= SEEN_FRESH);
        match fresh.map(|known| (known.now.writable, known.now.serving)) {
            Some((Writable::AcceptsWrites, _)) => writers.push(instance.clone()),
            Some((Writable::ReadOnly, _)) => {}
            Some((Writable::Unknown, Serving::Running | Serving::Untold)) | None => unknown = true,
            Some((
                Writable::Unknown,
                Serving::Stopped
                | Serving::Suspended
                | Serving::Maintenance
                | Serving::Failed
                | Serving::Repairing
                | Serving::PendingCreate
                | Serving::PendingDelete,
            )) => {}
        }
    }
    match (writers.len(), unknown) {
        (0, true) => Writers::Unknown,
        (0, false) => Writers::Nobody,
        (1, _) => Writers::One(writers.remove(0)),
        (_, _) => Writers::Several(writers),
    }
}

/// How `instance` of the plan's `database` stands.
pub fn standing(database: &Database, instance: &InstanceId, known: Option<&ReplicationState>, now: Timestamp) -> DatabaseStanding {
    let Some(known) = known else { return DatabaseStanding::NotSeen };
    let age = now.since(known.seen_at);
    if age > SEEN_FRESH {
        return DatabaseStanding::Silent { age };
    }
    let told = &known.now;
    if *instance == database.primary { primary(told) } else { replica(database, told, now) }
}

fn primary(told: &Replication) -> DatabaseStanding {
    match (told.state, told.serving) {
        (ReplicaState::Unknown, _) => DatabaseStanding::Unsaid,
        (ReplicaState::Primary, Serving::Running) => DatabaseStanding::Primary { movement: told.movement },
        (ReplicaState::Primary, serving) => DatabaseStanding::Down { serving },
        (ReplicaState::Replicating | ReplicaState::Stopped | ReplicaState::Broken(_) | ReplicaState::Untold, _) => {
            DatabaseStanding::Follower { of: told.primary.clone() }
        }
    }
}

fn replica(database: &Database, told: &Replication, now: Timestamp) -> DatabaseStanding {
    let follows = told.primary.as_ref() == Some(&database.primary);
    match (told.state, told.serving) {
        (ReplicaState::Primary, _) => DatabaseStanding::Promoted,
        (ReplicaState::Unknown, _) => DatabaseStanding::Unsaid,
        (_, _) if !follows => DatabaseStanding::Stranger { of: told.primary.clone() },
        (ReplicaState::Stopped, Serving::Running) => DatabaseStanding::Stopped,
        (ReplicaState::Broken(broken), Serving::Running) => DatabaseStanding::Broken { broken },
        (ReplicaState::Untold, Serving::Running) => DatabaseStanding::Untold { gap: told.lag.err().unwrap_or(Gap::Missing) },
        (ReplicaState::Replicating, Serving::Running) => following(database, told, now),
        (ReplicaState::Stopped | ReplicaState::Broken(_) | ReplicaState::Untold | ReplicaState::Replicating, serving) => {
            DatabaseStanding::Down { serving }
        }
    }
}

fn following(database: &Database, told: &Replication, now: Timestamp) -> DatabaseStanding {
    match (told.movement, told.lag) {
        (Movement::FallsBack, _) => DatabaseStanding::FallsBack,
        (Movement::Idle, _) => DatabaseStanding::Idle,
        (Movement::Moves | Movement::Untold, Err(gap)) => DatabaseStanding::LagUnknown { gap },
        (Movement::Moves | Movement::Untold, Ok(lag)) if now.since(lag.at) > LAG_FRESH => DatabaseStanding::LagUnknown { gap: Gap::Stale },
        (Movement::Moves | Movement::Untold, Ok(lag)) if !(lag.value.is_finite() && lag.value >= 0.0) => {
            DatabaseStanding::LagUnknown { gap: Gap::Unreadable }
        }
        (Movement::Untold, Ok(lag)) => DatabaseStanding::Unmoved { lag, age: now.since(lag.at) },
        (Movement::Moves, Ok(lag)) if lag.value > database.lag_max.as_secs_f64() => {
            DatabaseStanding::Behind { lag, age: now.since(lag.at) }
        }
        (Movement::Moves, Ok(lag)) => DatabaseStanding::Follows { lag, age: now.since(lag.at) },
    }
}
