//! The Cloud SQL Admin API's JSON, as far as it is looked at.

use serde::Deserialize;

use crate::domain::{
    database::{Engine, Serving},
    id::InstanceId,
    shown::Shown,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
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
    pub(super) fn running(&self) -> Option<Shown> {
        let open = self.items.iter().find(|operation| matches!(operation.status.as_str(), "PENDING" | "RUNNING"))?;
        Some(Shown::new(&format!("{} {} by {}", open.kind, open.status.to_ascii_lowercase(), open.user)))
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
