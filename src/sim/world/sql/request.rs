//! What people and tools ask of an instance, and why it may be refused at once.
//!
//! Whatever can be known before the work begins is refused here; what goes wrong later ends the operation.

use serde_json::Value;

use super::{
    Sql,
    instance::{Instance, Role},
    operation::{self, Operation},
    work::Work,
};

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Change some settings.
    Patch {
        /// The part of the settings that is sent.
        settings: Value,
        /// The version that the writer read, if he said one.
        settings_version: Option<u64>,
    },
    /// Make a new instance that follows the one that is asked.
    CreateReplica {
        /// The new instance's name.
        name: String,
        /// Its region.
        region: String,
        /// Its settings.
        settings: Value,
    },
    /// Make a replica stand alone.
    Promote(Promotion),
    /// Swap the roles of a replica and its primary, without loss.
    Switchover,
    /// Move a regional instance to its other zone.
    Failover {
        /// The version that the writer read, if he said one.
        settings_version: Option<u64>,
    },
    /// Let a replica follow again.
    StartReplica,
    /// Let a replica stand still.
    StopReplica,
    /// Stop and start.
    Restart,
    /// Take a backup now.
    Backup {
        /// What whoever asks says of it.
        description: Option<String>,
    },
    /// Remove it for good.
    Delete,
}

/// What a promotion does with the old primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promotion {
    /// It stays as it is, and goes on accepting writes.
    LeavesOldPrimary,
    /// It is made a replica later. Only a replica in another region can do that.
    Failover,
}

/// Why a request was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such instance.
    #[error("The Cloud SQL instance does not exist.")]
    NoInstance,
    /// The name is taken.
    #[error(
        "The Cloud SQL instance already exists. When you delete an instance, you can't reuse the name of the deleted instance until one week from the deletion date."
    )]
    NameTaken,
    /// Another operation runs on the instance, or on its primary or replica.
    #[error(
        "Operation failed because another operation was already in progress. Try your request after the current operation is complete."
    )]
    Busy,
    /// Somebody else changed the settings since they were read.
    #[error("Condition does not match.")]
    Stale,
    /// The instance cannot do that.
    #[error("Invalid request: {0}.")]
    Impossible(String),
}

impl Sql {
    /// Begins the work of a request; `user` is who asks.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot begin.
    pub fn ask(&mut self, instance: &str, request: Request, user: &str) -> Result<&Operation, Refusal> {
        let found = self.instances.get(instance).ok_or(Refusal::NoInstance)?;
        let work = self.consider(found, request)?;
        let name = operation::begin(self, instance, work, user);
        Ok(self.operation(&name).expect("an operation that was just begun is there"))
    }

    fn consider(&self, instance: &Instance, request: Request) -> Result<Work, Refusal> {
        let work = match request {
            Request::Patch { settings, settings_version } => {
                expect_settings(instance, settings_version)?;
                check_settings(instance, &settings)?;
                Work::Update { settings }
            }
            Request::CreateReplica { name, region, settings } => {
                if self.instances.contains_key(&name) {
                    return Err(Refusal::NameTaken);
                }
                if instance.role != Role::Primary {
                    return Err(Refusal::Impossible("The master instance is itself a read replica".to_owned()));
                }
                Work::CreateReplica { name, region, settings }
            }
            Request::Promote(promotion) => {
                let primary = self.followed(instance)?;
                if promotion == Promotion::Failover && primary.region == instance.region {
                    let reason = "Replica failover is only possible for a disaster recovery replica in another region";
                    return Err(Refusal::Impossible(reason.to_owned()));
                }
                Work::Promote(promotion)
            }
            Request::Switchover => {
                let primary = self.followed(instance)?;
                if !primary.is_enterprise_plus() || primary.region == instance.region {
                    let reason = "Switchover is only possible on Enterprise Plus edition, to a disaster recovery replica in another region";
                    return Err(Refusal::Impossible(reason.to_owned()));
                }
                Work::Switchover
            }
            Request::Failover { settings_version } => {
                expect_settings(instance, settings_version)?;
                if !instance.is_regional() {
                    return Err(Refusal::Impossible("The instance is not configured for high availability".to_owned()));
                }
                Work::Failover
            }
            Request::StartReplica => self.followed(instance).map(|_| Work::StartReplica)?,
            Request::StopReplica => self.followed(instance).map(|_| Work::StopReplica)?,
            Request::Restart => Work::Restart,
            Request::Backup { .. } if instance.role != Role::Primary => {
                return Err(Refusal::Impossible("Backups of a read replica are not supported".to_owned()));
            }
            Request::Backup { description } => Work::Backup { description },
            Request::Delete if instance.settings["deletionProtectionEnabled"] == true => {
                let reason = "The instance is protected. Please disable the deletion protection and try again";
                return Err(Refusal::Impossible(reason.to_owned()));
            }
            Request::Delete => {
                let followers = self.instances.values().any(|other| follows(other, &instance.name));
                if followers {
                    return Err(Refusal::Impossible("The instance has read replicas; delete or promote them first".to_owned()));
                }
                Work::Delete
            }
        };
        if self.is_busy(instance) { Err(Refusal::Busy) } else { Ok(work) }
    }

    /// The primary of a replica.
    fn followed(&self, instance: &Instance) -> Result<&Instance, Refusal> {
        let Role::Replica { of } = &instance.role else {
            return Err(Refusal::Impossible("The instance is not a read replica".to_owned()));
        };
        self.instances.get(of).ok_or_else(|| Refusal::Impossible("The primary of the replica does not exist".to_owned()))
    }

    /// True when an operation runs on the instance, its primary or its replica.
    fn is_busy(&self, instance: &Instance) -> bool {
        let concerned = |name: &str| {
            let of_target = match &instance.role {
                Role::Replica { of } => of == name,
                Role::Primary => self.instances.get(name).is_some_and(|other| follows(other, &instance.name)),
            };
            instance.name == name || of_target
        };
        self.operations.iter().any(|operation| operation.is_open() && concerned(&operation.instance))
    }
}

fn follows(instance: &Instance, primary: &str) -> bool {
    matches!(&instance.role, Role::Replica { of } if of == primary)
}

fn expect_settings(instance: &Instance, wanted: Option<u64>) -> Result<(), Refusal> {
    match wanted {
        Some(version) if version != instance.settings_version => Err(Refusal::Stale),
        Some(_) | None => Ok(()),
    }
}

fn check_settings(instance: &Instance, settings: &Value) -> Result<(), Refusal> {
    let binary_log = || {
        let sent = settings.pointer("/backupConfiguration/binaryLogEnabled");
        sent.or_else(|| instance.settings.pointer("/backupConfiguration/binaryLogEnabled")) == Some(&Value::Bool(true))
    };
    match settings.get("availabilityType").map(|kind| kind.as_str().unwrap_or_default()) {
        Some("REGIONAL") if instance.database_version.starts_with("MYSQL") && instance.role == Role::Primary && !binary_log() => {
            let reason = "Invalid flag for instance role: MySQL HA non-replica instances need to have binary logging enabled";
            Err(Refusal::Impossible(reason.to_owned()))
        }
        None | Some("REGIONAL" | "ZONAL") => Ok(()),
        Some(other) => Err(Refusal::Impossible(format!("Invalid value for: settings.availabilityType: {other}"))),
    }
}
