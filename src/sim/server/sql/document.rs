//! Instances, operations and backups as documents of the Cloud SQL Admin API.
//!
//! Both versions of the API have the same documents; only the links in them differ. Whole numbers that may grow
//! are written as texts, as Google does it.

use serde_json::{Value, json};

use super::request::Version;
use crate::sim::world::sql::{
    PROJECT, Sql,
    instance::{Backup, BackupCause, BackupEnd, BackupRun, Condition, Instance, Role},
    operation::{End, Operation, Progress},
};

/// How far the log that can be recovered from is behind the present.
const RECOVERY_BEHIND_MS: i64 = 45_000;

/// The documents of one version.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// The version.
    pub version: Version,
}

impl View {
    /// One instance.
    #[must_use]
    pub fn instance(self, sql: &Sql, instance: &Instance) -> Value {
        let followers: Vec<&str> = sql
            .instances()
            .filter(|other| matches!(&other.role, Role::Replica { of } if *of == instance.name))
            .map(|other| other.name.as_str())
            .collect();
        let mut settings = instance.settings.clone();
        settings["settingsVersion"] = json!(instance.settings_version.to_string());
        let zone_of_standby = if instance.zone.ends_with('a') { 'c' } else { 'a' };
        let mut document = json!({
            "kind": "sql#instance",
            "name": instance.name,
            "project": PROJECT,
            "region": instance.region,
            "gceZone": instance.zone,
            "state": match instance.condition {
                Condition::PendingCreate => "PENDING_CREATE",
                Condition::Runnable => "RUNNABLE",
                Condition::Maintenance => "MAINTENANCE",
                Condition::Suspended => "SUSPENDED",
                Condition::Failed => "FAILED",
                Condition::PendingDelete => "PENDING_DELETE",
            },
            "databaseVersion": instance.database_version,
            "databaseInstalledVersion": format!("{}_12", instance.database_version),
            "instanceType": match instance.role {
                Role::Primary => "CLOUD_SQL_INSTANCE",
                Role::Replica { .. } => "READ_REPLICA_INSTANCE",
            },
            "backendType": "SECOND_GEN",
            "connectionName": format!("{PROJECT}:{}:{}", instance.region, instance.name),
            "createTime": moment(instance.created_ms),
            "etag": etag(instance.settings_version),
            "ipAddresses": [{"type": "PRIVATE", "ipAddress": instance.address}],
            "serviceAccountEmailAddress": "p418290336271-k9x2mz@gcp-sa-cloud-sql.iam.gserviceaccount.com",
            "settings": settings,
            "selfLink": self.link(&format!("instances/{}", instance.name)),
        });
        if instance.is_regional() {
            document["secondaryGceZone"] = json!(format!("{}-{zone_of_standby}", instance.region));
        }
        if !followers.is_empty() {
            document["replicaNames"] = json!(followers);
        }
        if let Role::Replica { of } = &instance.role {
            document["masterInstanceName"] = json!(format!("{PROJECT}:{of}"));
            document["replicaConfiguration"] = json!({"kind": "sql#replicaConfiguration"});
        }
        document
    }

    /// One operation.
    #[must_use]
    pub fn operation(self, operation: &Operation) -> Value {
        let mut document = json!({
            "kind": "sql#operation",
            "name": operation.name,
            "operationType": operation.work.kind(),
            "targetId": operation.instance,
            "targetLink": self.link(&format!("instances/{}", operation.instance)),
            "targetProject": PROJECT,
            "insertTime": moment(operation.inserted_ms),
            "selfLink": self.link(&format!("operations/{}", operation.name)),
        });
        // What the service does by itself has no user.
        if !operation.user.is_empty() {
            document["user"] = json!(operation.user);
        }
        if let Some(id) = operation.backup {
            document["backupContext"] = json!({"kind": "sql#backupContext", "backupId": id.to_string()});
        }
        match operation.progress {
            Progress::Pending => document["status"] = json!("PENDING"),
            Progress::Running { since_ms } => {
                document["status"] = json!("RUNNING");
                document["startTime"] = moment(since_ms);
            }
            Progress::Done { since_ms, at_ms, end } => {
                document["status"] = json!("DONE");
                document["startTime"] = moment(since_ms);
                document["endTime"] = moment(at_ms);
                if end == End::InternalError {
                    document["error"] = json!({"kind": "sql#operationErrors", "errors": [internal_error()]});
                }
            }
        }
        document
    }

    /// One backup.
    #[must_use]
    pub fn backup(self, sql: &Sql, backup: &Backup) -> Value {
        let mut document = json!({
            "kind": "sql#backupRun",
            "id": backup.id.to_string(),
            "instance": backup.instance,
            "status": match backup.run {
                BackupRun::Enqueued => "ENQUEUED",
                BackupRun::Running { .. } => "RUNNING",
                BackupRun::Ended { end: BackupEnd::Successful, .. } => "SUCCESSFUL",
                BackupRun::Ended { end: BackupEnd::Failed, .. } => "FAILED",
                BackupRun::Ended { end: BackupEnd::Skipped, .. } => "SKIPPED",
            },
            "type": match backup.cause {
                BackupCause::Automated => "AUTOMATED",
                BackupCause::OnDemand => "ON_DEMAND",
            },
            "backupKind": "SNAPSHOT",
            "location": "us",
            "enqueuedTime": moment(backup.enqueued_ms),
            "windowStartTime": moment(backup.enqueued_ms),
            "selfLink": self.link(&format!("instances/{}/backupRuns/{}", backup.instance, backup.id)),
        });
        if let Some(instance) = sql.instance(&backup.instance) {
            document["databaseVersion"] = json!(instance.database_version);
        }
        if let Some(description) = &backup.description {
            document["description"] = json!(description);
        }
        match backup.run {
            BackupRun::Enqueued => {}
            BackupRun::Running { since_ms } => document["startTime"] = moment(since_ms),
            BackupRun::Ended { since_ms, at_ms, end } => {
                document["startTime"] = moment(since_ms);
                document["endTime"] = moment(at_ms);
                if end == BackupEnd::Failed {
                    document["error"] = internal_error();
                }
            }
        }
        document
    }

    /// The newest moment to which the instance can be recovered; `None` when it keeps no log.
    #[must_use]
    pub fn recovery_time(self, sql: &Sql, instance: &Instance) -> Option<Value> {
        let keeps = instance.settings["backupConfiguration"]["pointInTimeRecoveryEnabled"] == true;
        let latest = moment(sql.now_ms() - RECOVERY_BEHIND_MS);
        keeps.then(|| json!({"kind": "sql#getLatestRecoveryTime", "latestRecoveryTime": latest}))
    }

    fn link(self, rest: &str) -> String {
        let version = match self.version {
            Version::V1 => "v1",
            Version::V1Beta4 => "sql/v1beta4",
        };
        format!("https://sqladmin.googleapis.com/{version}/projects/{PROJECT}/{rest}")
    }
}

/// What the service says of work that it gave up.
fn internal_error() -> Value {
    json!({"kind": "sql#operationError", "code": "INTERNAL_ERROR", "message": "An internal error has occurred. Contact support."})
}

fn moment(at_ms: i64) -> Value {
    let moment = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Value::String(format!("{moment:.3}"))
}

/// Sixty-four hexadecimal digits that change with the settings.
fn etag(settings_version: u64) -> String {
    let mut hash = settings_version;
    (0..4)
        .map(|_| {
            hash = (hash ^ 0x5851_f42d_4c95_7f2d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{hash:016x}")
        })
        .collect()
}
