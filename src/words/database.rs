//! The database in words: how an instance stands, who accepts writes, how far behind is how far behind.

use crate::{
    core::replication::{DatabaseStanding, Writers},
    domain::{
        database::{Broken, Engine, Movement, Serving},
        fact::{ReplicaState, Replication},
        id::InstanceId,
        time::{Millis, Timestamp},
    },
    words::gap,
};

/// How an instance stands, as a clause that follows its name.
pub fn database(standing: &DatabaseStanding) -> String {
    match standing {
        DatabaseStanding::NotSeen => "has not been heard of yet".to_owned(),
        DatabaseStanding::Silent { age } => format!("has not been heard of for {age}"),
        DatabaseStanding::Promoted => "is a primary of its own, no replica".to_owned(),
        DatabaseStanding::Follower { of } => format!("is a replica{}, no primary", after(of.as_ref())),
        DatabaseStanding::Stranger { of: Some(of) } => format!("follows another primary: {of}"),
        DatabaseStanding::Stranger { of: None } => "does not say which primary it follows".to_owned(),
        DatabaseStanding::Unsaid => "does not say what it is".to_owned(),
        DatabaseStanding::Down { serving } => down(*serving).to_owned(),
        DatabaseStanding::Primary { movement: Movement::Idle } => "is the primary and accepts writes, none are made".to_owned(),
        DatabaseStanding::Primary { movement: Movement::Moves | Movement::FallsBack | Movement::Untold } => {
            "is the primary and accepts writes".to_owned()
        }
        DatabaseStanding::Stopped => "has stopped replicating, its lag means nothing".to_owned(),
        DatabaseStanding::Broken { broken } => format!("does not replicate: {}", part(*broken)),
        DatabaseStanding::Untold { gap: why } => format!("does not say whether it replicates: {}", gap(*why)),
        DatabaseStanding::FallsBack => "does not keep up with its primary, its lag means nothing".to_owned(),
        DatabaseStanding::Idle => "its primary writes nothing, so no lag is proven".to_owned(),
        DatabaseStanding::Unmoved { lag, age } => format!("says {}, but its position is not told", behind(lag.value, *age)),
        DatabaseStanding::LagUnknown { gap: why } => format!("replicates, lag unknown: {}", gap(*why)),
        DatabaseStanding::Behind { lag, age } | DatabaseStanding::Follows { lag, age } => {
            format!("replicates, {}", behind(lag.value, *age))
        }
    }
}

/// The same in the few words that a row of a pane has room for.
pub fn database_in_short(standing: &DatabaseStanding) -> String {
    match standing {
        DatabaseStanding::NotSeen => "not heard of yet".to_owned(),
        DatabaseStanding::Silent { age } => format!("silent for {age}"),
        DatabaseStanding::Promoted => "is a PRIMARY".to_owned(),
        DatabaseStanding::Follower { of } => format!("is a REPLICA{}", after(of.as_ref())),
        DatabaseStanding::Stranger { of: Some(of) } => format!("follows {of}"),
        DatabaseStanding::Stranger { of: None } => "follows nobody".to_owned(),
        DatabaseStanding::Unsaid => "does not say what it is".to_owned(),
        DatabaseStanding::Down { serving } => down(*serving).trim_start_matches("is ").to_owned(),
        DatabaseStanding::Primary { .. } => "accepts writes".to_owned(),
        DatabaseStanding::Stopped => "replication STOPPED".to_owned(),
        DatabaseStanding::Broken { broken } => part(*broken).trim_start_matches("it ").to_owned(),
        DatabaseStanding::Untold { gap: why } => format!("replicates? {}", gap(*why)),
        DatabaseStanding::FallsBack => "does not keep up".to_owned(),
        DatabaseStanding::Idle => "lag unproven".to_owned(),
        DatabaseStanding::Unmoved { .. } => "position not told".to_owned(),
        DatabaseStanding::LagUnknown { gap: why } => format!("lag? {}", gap(*why)),
        DatabaseStanding::Behind { lag, age } | DatabaseStanding::Follows { lag, age } => behind(lag.value, *age),
    }
}

fn after(primary: Option<&InstanceId>) -> String {
    primary.map_or_else(String::new, |primary| format!(" of {primary}"))
}

/// A figure younger than this is told as that of now.
pub(super) const NOW: Millis = Millis::from_secs(2);

/// How far behind it was, so long ago.
pub(super) fn behind(seconds: f64, age: Millis) -> String {
    if age < NOW { format!("{seconds:.1}s behind") } else { format!("{seconds:.1}s behind {age} ago") }
}

fn down(serving: Serving) -> &'static str {
    match serving {
        Serving::Running => "is up",
        Serving::Stopped => "is stopped by its owner",
        Serving::Suspended => "is suspended",
        Serving::Maintenance => "is down for maintenance",
        Serving::Failed => "has failed",
        Serving::Repairing => "is being repaired",
        Serving::PendingCreate => "is being created",
        Serving::PendingDelete => "is being deleted",
        Serving::Untold => "does not say whether it is up",
    }
}

fn part(broken: Broken) -> &'static str {
    match broken {
        Broken::Error => "it reports an error",
        Broken::Receiving => "it receives nothing",
        Broken::Applying => "it applies nothing",
    }
}

/// What a look at an instance saw at `at`, before anybody judges it.
pub fn replication(seen: &Replication, at: Timestamp) -> String {
    let of = after(seen.primary.as_ref());
    let state = match seen.state {
        ReplicaState::Primary => "a primary".to_owned(),
        ReplicaState::Stopped => format!("a replica{of}, stopped"),
        ReplicaState::Broken(broken) => format!("a replica{of}, broken: {}", part(broken)),
        ReplicaState::Untold => format!("a replica{of}, not told whether it replicates"),
        ReplicaState::Unknown => "not said what it is".to_owned(),
        ReplicaState::Replicating => match seen.lag {
            Ok(lag) => format!("a replica{of}, {}", behind(lag.value, at.since(lag.at))),
            Err(why) => format!("a replica{of}, lag unknown: {}", gap(why)),
        },
    };
    let position = match seen.movement {
        Movement::Moves | Movement::Untold => "",
        Movement::FallsBack => ", does not keep up",
        Movement::Idle => ", nothing is written",
    };
    match seen.serving {
        Serving::Running => format!("{state}{position}"),
        Serving::Untold
        | Serving::Stopped
        | Serving::Suspended
        | Serving::Maintenance
        | Serving::Failed
        | Serving::Repairing
        | Serving::PendingCreate
        | Serving::PendingDelete => format!("{state}{position}; it {}", down(seen.serving)),
    }
}

/// What the seconds behind are the sum of.
pub fn measure(engine: Engine) -> &'static str {
    match engine {
        Engine::MySql => "MySQL's total",
        Engine::Postgres => "PostgreSQL's apply + network",
        Engine::SqlServer => "SQL Server's redo + network",
    }
}

/// Bytes of log that are not applied yet.
pub fn missing(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B to apply"),
        1_000..1_000_000 => format!("{} kB to apply", bytes / 1_000),
        _ => format!("{:.1} MB to apply", bytes as f64 / 1e6),
    }
}

pub fn writers(writers: &Writers) -> String {
    match writers {
        Writers::Unknown => "who accepts writes is not known".to_owned(),
        Writers::Nobody => "NOBODY accepts writes".to_owned(),
        Writers::One(instance) => format!("writes go to {instance}"),
        Writers::Several(several) => {
            let names: Vec<&str> = several.iter().map(InstanceId::as_str).collect();
            format!("{} ACCEPT WRITES: {}", names.len(), names.join(", "))
        }
    }
}
