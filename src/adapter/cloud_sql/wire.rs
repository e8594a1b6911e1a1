//! The Cloud SQL Admin API's JSON, as far as it is looked at.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{
    database::{Engine, Serving},
    fault::{Fault, FaultKind, Version},
    id::InstanceId,
    shown::Shown,
    standing::{Failed, Underway},
    time::Timestamp,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    #[serde(default)]
    instance_type: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    pub(super) database_version: String,
    #[serde(default)]
    pub(super) region: String,
    /// Where its standby is; only of one that has one.
    pub(super) secondary_gce_zone: Option<String>,
    /// `INSTANCE` or `PROJECT:INSTANCE`.
    master_instance_name: Option<String>,
    /// Those that follow it.
    #[serde(default)]
    pub(super) replica_names: Vec<String>,
    #[serde(default)]
    pub(super) settings: Settings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    activation_policy: Option<String>,
    database_replication_enabled: Option<bool>,
    /// A whole number, written as a text.
    settings_version: Option<String>,
    #[serde(default)]
    pub(super) availability_type: String,
    #[serde(default)]
    pub(super) tier: String,
    pub(super) edition: Option<String>,
    #[serde(default)]
    pub(super) user_labels: BTreeMap<String, String>,
}

impl Instance {
    /// What its service says of it. A stopped instance is called runnable there; its policy tells.
    pub(super) fn serving(&self) -> Serving {
        match self.state.as_str() {
            "RUNNABLE" if self.settings.activation_policy.as_deref() == Some("NEVER") => Serving::Stopped,
            "RUNNABLE" | "ONLINE_MAINTENANCE" => Serving::Running,
            "SUSPENDED" => Serving::Suspended,
            "MAINTENANCE" => Serving::Maintenance,
            "FAILED" => Serving::Failed,
            "REPAIRING" => Serving::Repairing,
            "PENDING_CREATE" => Serving::PendingCreate,
            "PENDING_DELETE" => Serving::PendingDelete,
            _ => Serving::Untold,
        }
    }

    /// What a change of its settings is made against.
    /// # Errors
    /// Where it is not told; nothing can be changed safely then.
    pub(super) fn version(&self) -> Result<Version, Fault> {
        let told = self.settings.settings_version.clone().map(Version);
        told.ok_or_else(|| Fault::new(FaultKind::Unreadable, "the instance is described without its settingsVersion"))
    }

    /// Its kind and condition in the vendor's words, for people.
    pub(super) fn described(&self) -> Shown {
        let (kind, state) = (&self.instance_type, &self.state);
        let following = self.master_instance_name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
        let policy = self.settings.activation_policy.as_deref().filter(|policy| *policy != "ALWAYS");
        let policy = policy.map_or_else(String::new, |policy| format!(", activationPolicy {policy}"));
        Shown::new(&format!("{kind}{following}, {state}{policy}"))
    }

    pub(super) fn role(&self) -> Role {
        match self.instance_type.as_str() {
            "CLOUD_SQL_INSTANCE" => Role::Primary,
            "READ_REPLICA_INSTANCE" => Role::Replica(self.wanted()),
            _ => Role::Unknown,
        }
    }

    /// Whether it is meant to replicate. Nothing is said of it while it is, or by default.
    fn wanted(&self) -> Wanted {
        match self.settings.database_replication_enabled {
            Some(false) => Wanted::Stands,
            Some(true) | None => Wanted::Replicates,
        }
    }

    pub(super) fn engine(&self) -> Option<Engine> {
        let named = |prefix| self.database_version.starts_with(prefix);
        [("POSTGRES", Engine::Postgres), ("MYSQL", Engine::MySql), ("SQLSERVER", Engine::SqlServer)]
            .into_iter()
            .find_map(|(prefix, engine)| named(prefix).then_some(engine))
    }

    /// Whom it follows; another project's instance is named with its project, so that it is never taken for one of `project`.
    pub(super) fn primary(&self, project: &str) -> Option<InstanceId> {
        let name = self.master_instance_name.as_deref()?;
        match name.rsplit_once(':') {
            Some((other, instance)) if other != project => format!("{other}/{instance}").replace(':', "/").parse().ok(),
            Some((_, instance)) => instance.parse().ok(),
            None => name.parse().ok(),
        }
    }
}

/// What an instance was made to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Replica(Wanted),
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Replicates,
    /// Somebody has told it to stand still.
    Stands,
}

/// What was done to an instance, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Operations {
    #[serde(default)]
    items: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, rename = "operationType")]
    kind: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    user: String,
    insert_time: Option<jiff::Timestamp>,
    start_time: Option<jiff::Timestamp>,
    end_time: Option<jiff::Timestamp>,
    error: Option<OperationErrors>,
}

/// A backup, newest first in its list.
#[derive(Debug, Deserialize)]
pub(super) struct BackupRuns {
    #[serde(default)]
    pub(super) items: Vec<BackupRun>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupRun {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    end_time: Option<jiff::Timestamp>,
}

impl BackupRun {
    /// When it ended, if anything can be restored from it.
    pub(super) fn succeeded_at(&self) -> Option<Timestamp> {
        self.end_time.filter(|_| self.status == "SUCCESSFUL").map(moment)
    }
}

#[derive(Debug, Deserialize)]
struct OperationErrors {
    #[serde(default)]
    errors: Vec<OperationError>,
}

#[derive(Debug, Deserialize)]
struct OperationError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

fn moment(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_millisecond())
}

impl Operation {
    fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "RUNNING")
    }

    fn told(&self) -> Shown {
        let by = if self.user.is_empty() { String::new() } else { format!(" by {}", self.user) };
        Shown::new(&format!("{} {}{by}", self.kind, self.status.to_ascii_lowercase()))
    }

    pub(super) fn began_at(&self) -> Option<Timestamp> {
        self.start_time.or(self.insert_time).map(moment)
    }

    /// When it did what was asked for; nothing where it did not.
    pub(super) fn done_at(&self) -> Option<Timestamp> {
        self.end_time.filter(|_| self.status == "DONE" && self.error.is_none()).map(moment)
    }

    pub(super) fn underway(&self) -> Underway {
        Underway { operation: Shown::new(&self.name), since: self.began_at(), progress: None, doing: Some(self.told()) }
    }

    /// Why it did not do what was asked for.
    pub(super) fn failed(&self) -> Option<Box<Failed>> {
        let errors = self.error.as_ref().filter(|_| self.status == "DONE")?;
        let told: Vec<String> = errors.errors.iter().map(|error| format!("{}: {}", error.code, error.message)).collect();
        let why = Fault::new(FaultKind::Rejected, told.join("; "));
        Some(Box::new(Failed { operation: Shown::new(&self.name), why }))
    }
}

impl Operations {
    /// The operation that runs now, or waits to run.
    pub(super) fn running(&self) -> Option<Shown> {
        self.items.iter().find(|operation| operation.is_open()).map(Operation::told)
    }

    /// The one of these kinds that runs now, or waits to run.
    pub(super) fn open(&self, kinds: &[&str]) -> Option<&Operation> {
        self.of(kinds).find(|operation| operation.is_open())
    }

    /// Those of these kinds, newest first.
    pub(super) fn of(&self, kinds: &[&str]) -> impl Iterator<Item = &Operation> {
        self.items.iter().filter(|operation| kinds.contains(&operation.kind.as_str()))
    }

    /// The last thing that was done to the replication was to stop it.
    pub(super) fn was_stopped(&self) -> bool {
        let done = self.items.iter().filter(|operation| operation.status == "DONE" && operation.error.is_none());
        let mut kinds = done.map(|operation| operation.kind.as_str());
        kinds.find(|kind| ["STOP_REPLICA", "START_REPLICA", "CREATE_REPLICA", "RECREATE_REPLICA"].contains(kind)) == Some("STOP_REPLICA")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(kind: &str, state: &str, settings: serde_json::Value) -> Instance {
        serde_json::from_value(json!({"instanceType": kind, "state": state, "databaseVersion": "POSTGRES_15", "settings": settings,
            "masterInstanceName": "hexproperty:hexproperty-prod"}))
        .unwrap()
    }

    #[test]
    fn a_state_is_what_its_service_says() {
        let serving = |state, settings| instance("CLOUD_SQL_INSTANCE", state, settings).serving();
        let policy = |policy| serving("RUNNABLE", json!({"activationPolicy": policy}));
        assert_eq!((policy("ALWAYS"), policy("NEVER")), (Serving::Running, Serving::Stopped));
        let told = ["SUSPENDED", "MAINTENANCE", "ONLINE_MAINTENANCE", "FAILED", "PENDING_CREATE", "PENDING_DELETE", "NEW"];
        let expected = [
            Serving::Suspended,
            Serving::Maintenance,
            Serving::Running,
            Serving::Failed,
            Serving::PendingCreate,
            Serving::PendingDelete,
            Serving::Untold,
        ];
        assert_eq!(told.map(|state| serving(state, json!({}))), expected);
    }

    #[test]
    fn a_replica_can_be_told_to_stand_still() {
        let replica = |settings| instance("READ_REPLICA_INSTANCE", "RUNNABLE", settings).role();
        assert_eq!(replica(json!({})), Role::Replica(Wanted::Replicates));
        assert_eq!(replica(json!({"databaseReplicationEnabled": false})), Role::Replica(Wanted::Stands));
        assert_eq!(instance("CLOUD_SQL_INSTANCE", "RUNNABLE", json!({})).role(), Role::Primary);
        assert_eq!(instance("NEW_KIND", "RUNNABLE", json!({})).role(), Role::Unknown);
    }

    #[test]
    fn the_history_tells_of_a_stop_by_hand() {
        let stopped = |kinds: &[&str]| {
            let items: Vec<_> = kinds.iter().map(|kind| json!({"operationType": kind, "status": "DONE"})).collect();
            serde_json::from_value::<Operations>(json!({"items": items})).unwrap().was_stopped()
        };
        assert!(stopped(&["UPDATE", "STOP_REPLICA", "START_REPLICA"]));
        assert!(!stopped(&["START_REPLICA", "STOP_REPLICA"]));
        assert!(!stopped(&["UPDATE"]) && !stopped(&[]));
    }

    #[test]
    fn a_primary_of_the_same_name_in_another_project_is_another_one() {
        let replica = instance("READ_REPLICA_INSTANCE", "RUNNABLE", json!({}));
        assert_eq!(replica.primary("hexproperty").unwrap().as_str(), "hexproperty-prod");
        assert_eq!(replica.primary("hexproperty-staging").unwrap().as_str(), "hexproperty/hexproperty-prod");
        assert_eq!(replica.engine(), Some(Engine::Postgres));
    }
}
