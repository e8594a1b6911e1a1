//! How the databases look when the world begins: a regional primary, one read replica, a week of backups.

use serde_json::{Value, json};

use super::{
    PRIMARY, REPLICA, Sql,
    instance::{Backup, BackupCause, BackupEnd, BackupRun, Condition, Instance, Role},
    operation::{End, Operation, Progress},
    work::Work,
};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Fills an empty project.
pub(super) fn furnish(sql: &mut Sql) {
    let now_ms = sql.clock_ms;
    let primary = instance(PRIMARY, "us-central1", Role::Primary, now_ms - 400 * DAY_MS);
    let replica = Instance {
        zone: "us-central1-b".to_owned(),
        settings: settings("ZONAL"),
        settings_version: 3,
        address: "10.60.0.4".to_owned(),
        ..instance(REPLICA, "us-central1", Role::Replica { of: PRIMARY.to_owned() }, now_ms - 9 * DAY_MS)
    };
    sql.instances.insert(PRIMARY.to_owned(), primary);
    sql.instances.insert(REPLICA.to_owned(), replica);
    let today = now_ms - now_ms.rem_euclid(DAY_MS);
    for day in (0..8).rev() {
        let enqueued_ms = today - day * DAY_MS + 3 * HOUR_MS;
        let ended_ms = enqueued_ms + 90_000 + (sql.random.index(60_000) as i64);
        if ended_ms <= now_ms {
            sql.backups.push(nightly_backup(enqueued_ms, ended_ms));
            sql.operations.push(nightly(enqueued_ms, ended_ms));
        }
    }
}

fn nightly_backup(enqueued_ms: i64, ended_ms: i64) -> Backup {
    Backup {
        id: enqueued_ms,
        instance: PRIMARY.to_owned(),
        enqueued_ms,
        run: BackupRun::Ended { since_ms: enqueued_ms + 2_000, at_ms: ended_ms, end: BackupEnd::Successful },
        cause: BackupCause::Automated,
        description: None,
    }
}

/// The operation by which the service itself took a backup.
fn nightly(enqueued_ms: i64, ended_ms: i64) -> Operation {
    let millis = enqueued_ms.unsigned_abs();
    Operation {
        name: format!("{:08x}-{:04x}-4bac-8000-{millis:012x}", millis >> 16, millis & 0xffff),
        instance: PRIMARY.to_owned(),
        user: String::new(),
        work: Work::Backup { description: None },
        backup: Some(enqueued_ms),
        inserted_ms: enqueued_ms,
        progress: Progress::Done { since_ms: enqueued_ms + 2_000, at_ms: ended_ms, end: End::Well },
        due_ms: None,
    }
}

impl Sql {
    /// Adds a replica in another region that is already following: what a switchover needs.
    pub fn add_distant_replica(&mut self, name: &str, region: &str) {
        let mut replica = instance(name, region, Role::Replica { of: PRIMARY.to_owned() }, self.clock_ms - DAY_MS);
        replica.address = format!("10.61.0.{}", 3 + self.instances.len());
        self.instances.insert(name.to_owned(), replica);
    }
}

fn instance(name: &str, region: &str, role: Role, created_ms: i64) -> Instance {
    Instance {
        name: name.to_owned(),
        database_version: "POSTGRES_15".to_owned(),
        region: region.to_owned(),
        zone: format!("{region}-a"),
        replicates: role != Role::Primary,
        role,
        condition: Condition::Runnable,
        settings: settings("REGIONAL"),
        settings_version: 17,
        created_ms,
        address: "10.60.0.3".to_owned(),
    }
}

fn settings(availability: &str) -> Value {
    json!({
        "kind": "sql#settings",
        "tier": "db-perf-optimized-N-4",
        "edition": "ENTERPRISE_PLUS",
        "availabilityType": availability,
        "pricingPlan": "PER_USE",
        "replicationType": "SYNCHRONOUS",
        "activationPolicy": "ALWAYS",
        "dataDiskType": "PD_SSD",
        "dataDiskSizeGb": "250",
        "storageAutoResize": true,
        "storageAutoResizeLimit": "0",
        "deletionProtectionEnabled": availability == "REGIONAL",
        "userLabels": {"system": "hexproperty"},
        "ipConfiguration": {
            "ipv4Enabled": false,
            "privateNetwork": "projects/hexproperty/global/networks/default",
            "sslMode": "ENCRYPTED_ONLY",
        },
        "backupConfiguration": {
            "kind": "sql#backupConfiguration",
            "enabled": availability == "REGIONAL",
            "startTime": "03:00",
            "pointInTimeRecoveryEnabled": availability == "REGIONAL",
            "transactionLogRetentionDays": 7,
            "backupRetentionSettings": {"retentionUnit": "COUNT", "retainedBackups": 8},
        },
        "maintenanceWindow": {"kind": "sql#maintenanceWindow", "day": 7, "hour": 4, "updateTrack": "stable"},
    })
}
