//! The Cloud SQL Admin API's JSON, as far as it is looked at.

use serde::Deserialize;

use crate::domain::{fact::ReplicaState, id::InstanceId, shown::Shown};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    #[serde(default)]
    instance_type: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    database_version: String,
    /// `INSTANCE` or `PROJECT:INSTANCE`.
    master_instance_name: Option<String>,
    #[serde(default)]
    settings: Settings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    activation_policy: Option<String>,
    database_replication_enabled: Option<bool>,
}

/// How the lag of an engine is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `replica_lag` is the whole lag.
    MySql,
    /// `replica_lag` is the time to apply; the way there is `network_lag`.
    Postgres,
    /// `seconds_behind_master` and `network_lag`.
    SqlServer,
}

impl Instance {
    pub fn is_up(&self) -> bool {
        self.state == "RUNNABLE" && self.settings.activation_policy.as_deref() != Some("NEVER")
    }

    pub fn replica_state(&self) -> ReplicaState {
        match self.instance_type.as_str() {
            "CLOUD_SQL_INSTANCE" => ReplicaState::Primary,
            "READ_REPLICA_INSTANCE" if self.settings.database_replication_enabled == Some(false) || !self.is_up() => ReplicaState::Stopped,
            "READ_REPLICA_INSTANCE" => ReplicaState::Replicating,
            _ => ReplicaState::Unknown,
        }
    }

    pub fn engine(&self) -> Option<Engine> {
        let named = |prefix| self.database_version.starts_with(prefix);
        [("POSTGRES", Engine::Postgres), ("MYSQL", Engine::MySql), ("SQLSERVER", Engine::SqlServer)]
            .into_iter()
            .find_map(|(prefix, engine)| named(prefix).then_some(engine))
    }

    pub fn primary(&self) -> Option<InstanceId> {
        let name = self.master_instance_name.as_deref()?;
        name.rsplit(':').next()?.parse().ok()
    }
}

/// What was done to an instance, newest first.
#[derive(Debug, Deserialize)]
pub struct Operations {
    #[serde(default)]
    items: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
struct Operation {
    #[serde(default, rename = "operationType")]
    kind: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    user: String,
    error: Option<serde_json::Value>,
}

impl Operations {
    /// The operation that runs now, or waits to run.
    pub fn running(&self) -> Option<Shown> {
        let open = self.items.iter().find(|operation| matches!(operation.status.as_str(), "PENDING" | "RUNNING"))?;
        Some(Shown::new(&format!("{} {} by {}", open.kind, open.status.to_ascii_lowercase(), open.user)))
    }

    /// The last thing that was done to the replication was to stop it.
    pub fn was_stopped(&self) -> bool {
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
    fn a_replica_that_stands_still_is_stopped() {
        let replica = |state, settings| instance("READ_REPLICA_INSTANCE", state, settings).replica_state();
        assert_eq!(replica("RUNNABLE", json!({})), ReplicaState::Replicating);
        assert_eq!(replica("RUNNABLE", json!({"databaseReplicationEnabled": false})), ReplicaState::Stopped);
        assert_eq!(replica("MAINTENANCE", json!({})), ReplicaState::Stopped);
        assert_eq!(instance("CLOUD_SQL_INSTANCE", "RUNNABLE", json!({})).replica_state(), ReplicaState::Primary);
        assert_eq!(instance("NEW_KIND", "RUNNABLE", json!({})).replica_state(), ReplicaState::Unknown);
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
    fn the_primary_is_named_without_its_project() {
        let replica = instance("READ_REPLICA_INSTANCE", "RUNNABLE", json!({}));
        assert_eq!(replica.primary().unwrap().as_str(), "hexproperty-prod");
        assert_eq!(replica.engine(), Some(Engine::Postgres));
    }
}
