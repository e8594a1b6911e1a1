//! Operations: work that takes minutes, with a name to ask after and the one who asked for it.
//!
//! PENDING, RUNNING, DONE; a DONE one may carry an error, and then nothing has changed. Instances change when
//! the work ends; an instance that restarts does not serve in between.

use serde_json::Value;

use super::{
    OperationFault, REPLICA, Sql,
    instance::{Backup, BackupCause, BackupEnd, BackupRun, Condition, Instance, Role},
    request::Promotion,
    work::Work,
};

/// Where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Accepted.
    Pending,
    /// At work since this moment.
    Running {
        /// When it began.
        since_ms: i64,
    },
    /// Ended.
    Done {
        /// When it began.
        since_ms: i64,
        /// When it ended.
        at_ms: i64,
        /// How it ended.
        end: End,
    },
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The work is done.
    Well,
    /// The service gave up; nothing has changed.
    InternalError,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its name in the project.
    pub name: String,
    /// The instance that it is about; for a new replica, the new one.
    pub instance: String,
    /// Who asked for it; empty for the service itself.
    pub user: String,
    /// What it does.
    pub work: Work,
    /// The number of the backup that it takes.
    pub backup: Option<i64>,
    /// When it was accepted, virtual milliseconds since the Unix epoch.
    pub inserted_ms: i64,
    /// Where it is.
    pub progress: Progress,
    pub(super) due_ms: Option<i64>,
}

impl Operation {
    /// True until it has ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.progress {
            Progress::Pending | Progress::Running { .. } => true,
            Progress::Done { .. } => false,
        }
    }
}

/// Accepts work and gives it a name.
pub(super) fn begin(sql: &mut Sql, instance: &str, work: Work, user: &str) -> String {
    let name = sql.new_uuid();
    let wait = sql.random.between(300.0, 1200.0) as i64;
    let mut target = instance.to_owned();
    if let Work::CreateReplica { name, region, settings } = &work {
        let replica = new_replica(sql, instance, name, region, settings.clone());
        target.clone_from(name);
        sql.instances.insert(name.clone(), replica);
    }
    let backup = if let Work::Backup { description } = &work { Some(enqueue(sql, instance, description.clone())) } else { None };
    sql.operations.push(Operation {
        name: name.clone(),
        instance: target,
        user: user.to_owned(),
        work,
        backup,
        inserted_ms: sql.clock_ms,
        progress: Progress::Pending,
        due_ms: Some(sql.clock_ms + wait),
    });
    name
}

/// A backup that waits; its number is the moment at which it was asked for, or the next one that is free.
fn enqueue(sql: &mut Sql, instance: &str, description: Option<String>) -> i64 {
    let enqueued_ms = sql.clock_ms;
    let newest = sql.backups.iter().filter(|backup| backup.instance == instance).map(|backup| backup.id).max();
    let id = newest.map_or(enqueued_ms, |newest| enqueued_ms.max(newest + 1));
    let (instance, run, cause) = (instance.to_owned(), BackupRun::Enqueued, BackupCause::OnDemand);
    sql.backups.push(Backup { id, instance, enqueued_ms, run, cause, description });
    id
}

/// The backup that an operation takes is so far.
fn set_run(sql: &mut Sql, index: usize, run: BackupRun) {
    let Operation { backup, instance, .. } = &sql.operations[index];
    if let Some(found) = sql.backups.iter_mut().find(|found| Some(found.id) == *backup && found.instance == *instance) {
        found.run = run;
    }
}

/// Lets operations that are stuck end soon.
pub(super) fn release(sql: &mut Sql) {
    let soon = sql.clock_ms + 2000;
    for operation in sql.operations.iter_mut().filter(|operation| operation.is_open()) {
        operation.due_ms.get_or_insert(soon);
    }
}

/// Takes the next step of one operation.
pub(super) fn advance(sql: &mut Sql, index: usize) {
    let now_ms = sql.clock_ms;
    let (work, instance) = (sql.operations[index].work.clone(), sql.operations[index].instance.clone());
    match sql.operations[index].progress {
        Progress::Pending => {
            let takes_ms = duration(sql, &work);
            interrupt(sql, &work, &instance);
            set_run(sql, index, BackupRun::Running { since_ms: now_ms });
            let operation = &mut sql.operations[index];
            operation.progress = Progress::Running { since_ms: now_ms };
            operation.due_ms = Some(now_ms + takes_ms);
        }
        Progress::Running { since_ms } => {
            let (end, backup) = match sql.operation_fault {
                OperationFault::Stuck => {
                    sql.operations[index].due_ms = None;
                    return;
                }
                OperationFault::Failing => (End::InternalError, BackupEnd::Failed),
                OperationFault::Honest => (End::Well, BackupEnd::Successful),
                OperationFault::Hollow => (End::Well, BackupEnd::Skipped),
            };
            resume(sql, &work, &instance, end);
            set_run(sql, index, BackupRun::Ended { since_ms, at_ms: now_ms, end: backup });
            if sql.operation_fault == OperationFault::Honest {
                carry_out(sql, &work, &instance);
            }
            let operation = &mut sql.operations[index];
            operation.progress = Progress::Done { since_ms, at_ms: now_ms, end };
            operation.due_ms = None;
        }
        Progress::Done { .. } => sql.operations[index].due_ms = None,
    }
}

/// How long work takes in virtual milliseconds, about as long as the real service takes for a small instance.
fn duration(sql: &mut Sql, work: &Work) -> i64 {
    let (low, high) = match work {
        Work::Update { settings } if settings.get("availabilityType").is_some() || settings.get("tier").is_some() => (90.0, 150.0),
        Work::Update { .. } => (8.0, 20.0),
        Work::CreateReplica { .. } => (200.0, 320.0),
        Work::Promote(_) => (45.0, 90.0),
        Work::ReconfigureOldPrimary { .. } => (180.0, 300.0),
        Work::Switchover => (40.0, 80.0),
        Work::Failover => (45.0, 75.0),
        Work::StartReplica | Work::StopReplica => (5.0, 12.0),
        Work::Restart => (30.0, 60.0),
        Work::Backup { .. } => (60.0, 110.0),
        Work::Delete => (20.0, 60.0),
    };
    (sql.random.between(low, high) * 1000.0) as i64
}

/// What stops serving while the work goes on.
fn interrupt(sql: &mut Sql, work: &Work, instance: &str) {
    let now_ms = sql.clock_ms;
    let stops = match work {
        Work::Update { settings } if settings.get("availabilityType").is_some() || settings.get("tier").is_some() => {
            Some(Condition::Maintenance)
        }
        Work::Promote(_) if instance != REPLICA => None,
        Work::Promote(_) | Work::Switchover => {
            sql.replication.stop(now_ms);
            None
        }
        Work::Failover | Work::Restart => Some(Condition::Maintenance),
        Work::Delete => Some(Condition::PendingDelete),
        Work::Update { .. }
        | Work::CreateReplica { .. }
        | Work::ReconfigureOldPrimary { .. }
        | Work::StartReplica
        | Work::StopReplica
        | Work::Backup { .. } => None,
    };
    if let (Some(condition), Some(found)) = (stops, sql.instances.get_mut(instance)) {
        found.condition = condition;
    }
}

/// The instance serves again, whatever the work came to; one whose making failed never does.
fn resume(sql: &mut Sql, work: &Work, instance: &str, end: End) {
    let now_ms = sql.clock_ms;
    let is_unmade = end == End::InternalError && matches!(work, Work::CreateReplica { .. });
    if let Some(found) = sql.instances.get_mut(instance) {
        found.condition = if is_unmade { Condition::Failed } else { Condition::Runnable };
    }
    let is_concerned = instance == REPLICA || matches!(work, Work::Switchover);
    if is_concerned && sql.instances.get(REPLICA).is_some_and(|replica| replica.replicates) {
        sql.replication.resume(now_ms);
    }
}

fn carry_out(sql: &mut Sql, work: &Work, instance: &str) {
    let now_ms = sql.clock_ms;
    match work {
        Work::Update { settings } => {
            if let Some(found) = sql.instances.get_mut(instance) {
                merge(&mut found.settings, settings);
                found.settings_version += 1;
            }
        }
        Work::CreateReplica { name, .. } => {
            if let Some(replica) = sql.instances.get_mut(name) {
                replica.replicates = true;
            }
            renumber_primary(sql, name);
            if name == REPLICA {
                sql.replication.restart(now_ms);
            }
        }
        Work::Promote(promotion) => {
            renumber_primary(sql, instance);
            let old = follow(sql, instance, Role::Primary);
            if instance == REPLICA {
                sql.replication.stop(now_ms);
            }
            if let (Promotion::Failover, Some(old)) = (promotion, old) {
                begin(sql, &old, Work::ReconfigureOldPrimary { primary: instance.to_owned() }, "");
            }
        }
        Work::ReconfigureOldPrimary { primary } => {
            follow(sql, instance, Role::Replica { of: primary.clone() });
            sql.replication.restart(now_ms);
        }
        Work::Switchover => {
            if let Some(old) = follow(sql, instance, Role::Primary) {
                follow(sql, &old, Role::Replica { of: instance.to_owned() });
            }
            sql.replication.restart(now_ms);
        }
        Work::Failover => {
            if let Some(found) = sql.instances.get_mut(instance) {
                found.zone = other_zone(&found.region, &found.zone);
            }
        }
        Work::StartReplica => {
            set_replicates(sql, instance, true);
            if instance == REPLICA {
                sql.replication.resume(now_ms);
            }
        }
        Work::StopReplica => {
            set_replicates(sql, instance, false);
            if instance == REPLICA {
                sql.replication.stop(now_ms);
            }
        }
        Work::Delete => {
            renumber_primary(sql, instance);
            sql.instances.remove(instance);
        }
        Work::Restart | Work::Backup { .. } => {}
    }
}

/// A primary's settings have another version once it has a replica more or less, though nobody has changed them.
fn renumber_primary(sql: &mut Sql, replica: &str) {
    let of = sql.instances.get(replica).and_then(Instance::follows).map(str::to_owned);
    if let Some(primary) = of.and_then(|of| sql.instances.get_mut(&of)) {
        primary.settings_version += 1;
    }
}

/// Gives an instance a role; the answer is whom it followed before.
fn follow(sql: &mut Sql, instance: &str, role: Role) -> Option<String> {
    let found = sql.instances.get_mut(instance)?;
    found.replicates = role != Role::Primary;
    match std::mem::replace(&mut found.role, role) {
        Role::Replica { of } => Some(of),
        Role::Primary => None,
    }
}

fn set_replicates(sql: &mut Sql, instance: &str, replicates: bool) {
    if let Some(found) = sql.instances.get_mut(instance) {
        found.replicates = replicates;
    }
}

fn new_replica(sql: &mut Sql, primary: &str, name: &str, region: &str, settings: Value) -> Instance {
    let version = sql.instances.get(primary).map_or_else(String::new, |primary| primary.database_version.clone());
    let inherited = sql.instances.get(primary).map_or(Value::Null, |primary| primary.settings.clone());
    let mut merged = inherited;
    merge(&mut merged, &serde_json::json!({"availabilityType": "ZONAL", "deletionProtectionEnabled": false}));
    merge(&mut merged, &settings);
    Instance {
        name: name.to_owned(),
        database_version: version,
        region: region.to_owned(),
        zone: format!("{region}-b"),
        role: Role::Replica { of: primary.to_owned() },
        replicates: false,
        condition: Condition::PendingCreate,
        settings: merged,
        settings_version: 1,
        created_ms: sql.clock_ms,
        address: format!("10.60.0.{}", 3 + sql.instances.len()),
    }
}

fn other_zone(region: &str, zone: &str) -> String {
    let letter = if zone.ends_with('a') { 'c' } else { 'a' };
    format!("{region}-{letter}")
}

/// Objects merge, null removes, everything else replaces.
fn merge(place: &mut Value, patch: &Value) {
    match (place, patch) {
        (Value::Object(map), Value::Object(fields)) => {
            for (name, value) in fields {
                if value.is_null() {
                    map.shift_remove(name);
                } else {
                    merge(map.entry(name.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (place, patch) => *place = patch.clone(),
    }
}
