//! One Cloud SQL instance and its backups.
//!
//! Settings are kept as a document, because the API merges whatever part of them is sent; what the model
//! itself decides on is read from there by name.

use serde_json::Value;

/// What an instance is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It stands alone and accepts writes.
    Primary,
    /// It follows another one.
    Replica {
        /// The name of the instance that it follows.
        of: String,
    },
}

/// Whether an instance can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is being made.
    PendingCreate,
    /// It serves.
    Runnable,
    /// The service works on it; it does not serve.
    Maintenance,
    /// Nobody pays for it; it does not serve.
    Suspended,
    /// The service has broken it; it does not serve.
    Failed,
    /// It is being removed.
    PendingDelete,
}

/// The kind of database. They tell of their replication by different series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// What the product runs on.
    Postgres,
    /// Its lag is told whole, its threads by name, its position not at all.
    MySql,
    /// Its lag is told by other series than the others'.
    SqlServer,
}

impl Engine {
    /// Engine and major version as the API writes them.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Postgres => "POSTGRES_15",
            Self::MySql => "MYSQL_8_0",
            Self::SqlServer => "SQLSERVER_2019_STANDARD",
        }
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its name in the project.
    pub name: String,
    /// Engine and major version, such as `POSTGRES_15`.
    pub database_version: String,
    /// Its region.
    pub region: String,
    /// The zone in which it runs now.
    pub zone: String,
    /// What it is to others.
    pub role: Role,
    /// True while a replica really follows; without meaning for a primary.
    pub replicates: bool,
    /// Whether it can be used.
    pub condition: Condition,
    /// Settings as the API has them, without the version.
    pub settings: Value,
    /// How often the settings changed; a stale one is refused.
    pub settings_version: u64,
    /// When it was made, virtual milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Its private address.
    pub address: String,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its number.
    pub id: i64,
    /// Whose backup it is.
    pub instance: String,
    /// When it was asked for.
    pub enqueued_ms: i64,
    /// How far it is.
    pub run: BackupRun,
    /// Who made it happen.
    pub cause: BackupCause,
    /// What whoever asked says of it.
    pub description: Option<String>,
}

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupRun {
    /// It waits.
    Enqueued,
    /// It is being taken.
    Running {
        /// When that began.
        since_ms: i64,
    },
    /// It is over.
    Ended {
        /// When it began.
        since_ms: i64,
        /// When it ended.
        at_ms: i64,
        /// What there is of it.
        end: BackupEnd,
    },
}

/// What there is of a backup that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupEnd {
    /// All of it.
    Successful,
    /// Nothing, and the service says why.
    Failed,
    /// Nothing, and the service sees no harm in that.
    Skipped,
}

/// Who made a backup happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupCause {
    /// The daily plan.
    Automated,
    /// Somebody asked.
    OnDemand,
}

impl Instance {
    /// True when clients can change data here.
    #[must_use]
    pub fn accepts_writes(&self) -> bool {
        self.role == Role::Primary && self.is_running()
    }

    /// True when it serves. One that its owner has stopped is called runnable and does not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.condition == Condition::Runnable && self.settings["activationPolicy"] != "NEVER"
    }

    /// Whom it follows, if anybody.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        match &self.role {
            Role::Primary => None,
            Role::Replica { of } => Some(of),
        }
    }

    /// True when a failure of one zone does not stop it.
    #[must_use]
    pub fn is_regional(&self) -> bool {
        self.settings["availabilityType"] == "REGIONAL"
    }

    /// True for the edition that can switch roles back and forth.
    #[must_use]
    pub fn is_enterprise_plus(&self) -> bool {
        self.settings["edition"] == "ENTERPRISE_PLUS"
    }
}
