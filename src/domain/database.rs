//! What a database instance is said to be: its engine, whether it is up, and whether its log goes on.
//!
//! Each of these is asked for apart, because each can be well while another is not: an instance that is up may not replicate, and a
//! replica that is behind by nothing may be one that has heard nothing.

use serde::{Deserialize, Serialize};

/// The kind of database. Each tells by a measure of its own how far a replica is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// `replica_lag` is the whole lag.
    MySql,
    /// `replica_lag` is the time to apply; the way there is `network_lag`.
    Postgres,
    /// `seconds_behind_master` and `network_lag`.
    SqlServer,
}

/// Whether the instance itself is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serving {
    Running,
    /// Its owner has stopped it.
    Stopped,
    /// Not available, for example because nobody pays.
    Suspended,
    /// Down for maintenance.
    Maintenance,
    /// It could not be made, or maintenance has broken it.
    Failed,
    Repairing,
    PendingCreate,
    PendingDelete,
    #[default]
    Untold,
}

/// What the engine itself reports as broken in a replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// An error, without saying where.
    Error,
    /// What fetches the primary's log does not run.
    Receiving,
    /// What applies the fetched log does not run.
    Applying,
}

/// Whether the log goes on: at a primary as it is written, at a replica as it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Movement {
    Moves,
    /// The primary writes, and the replica does not keep up with it.
    FallsBack,
    /// The primary writes nothing, so that a small lag proves nothing.
    Idle,
    #[default]
    Untold,
}
