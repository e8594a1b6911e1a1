//! What an operation does, and what the API and the audit log call it.

use serde_json::Value;

use super::request::Promotion;

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Merges settings.
    Update {
        /// The part that was sent.
        settings: Value,
    },
    /// Makes a new instance that follows.
    CreateReplica {
        /// Its name.
        name: String,
        /// Its region.
        region: String,
        /// Its settings.
        settings: Value,
    },
    /// Makes a replica stand alone.
    Promote(Promotion),
    /// Makes the old primary follow the promoted one.
    ReconfigureOldPrimary {
        /// The promoted one.
        primary: String,
    },
    /// Swaps roles.
    Switchover,
    /// Moves to the other zone.
    Failover,
    /// Lets a replica follow.
    StartReplica,
    /// Lets a replica stand.
    StopReplica,
    /// Stops and starts.
    Restart,
    /// Takes a backup.
    Backup {
        /// What whoever asked says of it.
        description: Option<String>,
    },
    /// Removes the instance.
    Delete,
}

impl Work {
    /// What the API calls it in an operation.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Update { .. } => "UPDATE",
            Self::CreateReplica { .. } => "CREATE_REPLICA",
            Self::Promote(_) => "PROMOTE_REPLICA",
            Self::ReconfigureOldPrimary { .. } => "RECONFIGURE_OLD_PRIMARY",
            Self::Switchover => "SWITCHOVER",
            Self::Failover => "FAILOVER",
            Self::StartReplica => "START_REPLICA",
            Self::StopReplica => "STOP_REPLICA",
            Self::Restart => "RESTART",
            Self::Backup { .. } => "BACKUP_VOLUME",
            Self::Delete => "DELETE",
        }
    }

    /// What the audit log calls the request for it.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Update { .. } => "cloudsql.instances.update",
            Self::CreateReplica { .. } => "cloudsql.instances.create",
            Self::Promote(_) => "cloudsql.instances.promoteReplica",
            Self::ReconfigureOldPrimary { .. } => "cloudsql.instances.reconfigureOldPrimary",
            Self::Switchover => "cloudsql.instances.switchover",
            Self::Failover => "cloudsql.instances.failover",
            Self::StartReplica => "cloudsql.instances.startReplica",
            Self::StopReplica => "cloudsql.instances.stopReplica",
            Self::Restart => "cloudsql.instances.restart",
            Self::Backup { .. } => "cloudsql.backupRuns.create",
            Self::Delete => "cloudsql.instances.delete",
        }
    }
}
