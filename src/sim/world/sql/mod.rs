//! Cloud SQL in virtual time: a primary, its replicas, slow operations, and where each one stands in the log.
//!
//! Wishes become [`operation::Operation`]s that run for a while and then change [`instance::Instance`]s, one
//! at a time for each instance, as the real service does it. Replication is a function of time, so a look never
//! changes what the next look sees. Who may write is part of the model, because a promotion leaves two writers
//! behind. Data, users, connections and maintenance windows as such are not modelled.

pub mod instance;
pub mod monitored;
pub mod operation;
pub mod replication;
pub mod request;
pub mod seed;
pub mod trouble;
pub mod work;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::{
    instance::{Backup, Engine, Instance, Role},
    operation::Operation,
    replication::{LagReading, Replication},
    trouble::{Breakage, Struck},
};
use super::random::Random;

/// The project of the product.
pub const PROJECT: &str = "hexproperty";
/// The primary of the product.
pub const PRIMARY: &str = "hexproperty-prod";
/// Its read replica.
pub const REPLICA: &str = "hexproperty-replica";

/// How operations end while a fault is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationFault {
    /// As they should.
    Honest,
    /// They stay RUNNING.
    Stuck,
    /// They end with an error and change nothing.
    Failing,
    /// They end well and change nothing.
    Hollow,
}

/// The database service of the project.
#[derive(Debug, Clone)]
pub struct Sql {
    clock_ms: i64,
    random: Random,
    instances: BTreeMap<String, Instance>,
    operations: Vec<Operation>,
    backups: Vec<Backup>,
    replication: Replication,
    operation_fault: OperationFault,
    /// What a fault has broken in the replication, if one has.
    breakage: Option<Breakage>,
    /// How what faults have struck was before.
    struck: Vec<Struck>,
}

impl Sql {
    /// A calm database at this virtual time (milliseconds since the Unix epoch).
    #[must_use]
    pub fn new(now_ms: i64, seed: u64) -> Self {
        let mut random = Random::named(seed, "sql");
        let replication = Replication::new(now_ms, &mut random);
        let mut sql = Self {
            clock_ms: now_ms,
            random,
            instances: BTreeMap::new(),
            operations: Vec::new(),
            backups: Vec::new(),
            replication,
            operation_fault: OperationFault::Honest,
            breakage: None,
            struck: Vec::new(),
        };
        seed::furnish(&mut sql);
        sql
    }

    /// Moves the database to this virtual time; earlier times change nothing.
    pub fn tick(&mut self, now_ms: i64) {
        while let Some((due, index)) = self.next_due().filter(|(due, _)| *due <= now_ms) {
            self.clock_ms = self.clock_ms.max(due);
            operation::advance(self, index);
        }
        self.clock_ms = self.clock_ms.max(now_ms);
        self.replication.settle(self.clock_ms);
    }

    /// Virtual milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock_ms
    }

    /// Lag of the replica in seconds as the monitoring would report it; `None` while replication does not run
    /// or there is no replica. A fault can make it not a number, negative, frozen or zero.
    #[must_use]
    pub fn lag_seconds(&self) -> Option<f64> {
        let runs = self.replica().is_some_and(|replica| replica.replicates);
        self.replication.reported_lag(self.clock_ms, runs)
    }

    /// The part of the lag that is spent on the way to the replica; `None` like [`Sql::lag_seconds`].
    #[must_use]
    pub fn network_lag_seconds(&self) -> Option<f64> {
        let runs = self.replica().is_some_and(|replica| replica.replicates);
        self.replication.network_lag(self.clock_ms, runs)
    }

    /// Bytes of log that the primary has written.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.replication.written(self.clock_ms)
    }

    /// Bytes of the primary's log that the replica has applied. Never goes back.
    #[must_use]
    pub fn applied_bytes(&self) -> u64 {
        self.replication.applied(self.clock_ms)
    }

    /// Names of the instances that accept writes. More than one is a split brain.
    #[must_use]
    pub fn writers(&self) -> Vec<&str> {
        let writers = self.instances.values().filter(|instance| instance.accepts_writes());
        writers.map(|instance| instance.name.as_str()).collect()
    }

    /// How much log the primary writes, in bytes a second; zero for a fenced one.
    pub fn set_write_rate(&mut self, bytes_per_second: f64) {
        self.replication.set_rate(self.clock_ms, bytes_per_second);
    }

    /// Puts the replica this many seconds behind; it stays there until [`Sql::calm`].
    pub fn set_replica_lag(&mut self, seconds: f64) {
        self.replication.set_lag(self.clock_ms, seconds);
    }

    /// How the monitoring lies about the lag from now on.
    pub fn set_lag_reading(&mut self, reading: LagReading) {
        self.replication.set_reading(self.clock_ms, reading);
    }

    /// Makes every instance one of this engine.
    pub fn set_engine(&mut self, engine: Engine) {
        self.instances.values_mut().for_each(|instance| engine.version().clone_into(&mut instance.database_version));
    }

    /// How operations end from now on.
    pub fn set_operation_fault(&mut self, fault: OperationFault) {
        self.operation_fault = fault;
    }

    /// Lets work that is stuck end soon, as the fault that is on then has it.
    pub fn release(&mut self) {
        operation::release(self);
    }

    /// Takes every fault away: broken replication runs again and catches up, stuck operations end. A replica that
    /// somebody stopped on purpose stays stopped.
    pub fn calm(&mut self) {
        self.operation_fault = OperationFault::Honest;
        self.heal();
        self.replication.calm(self.clock_ms);
        operation::release(self);
    }

    /// All instances, in the order of their names.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// One instance.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.get(name)
    }

    /// All operations, newest first.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().rev()
    }

    /// One operation.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The backups of an instance, newest first.
    pub fn backups(&self, instance: &str) -> impl Iterator<Item = &Backup> {
        let wanted = instance.to_owned();
        self.backups.iter().rev().filter(move |backup| backup.instance == wanted)
    }

    /// The replica whose position is modelled, while it follows somebody and is up.
    fn replica(&self) -> Option<&Instance> {
        self.instances.get(REPLICA).filter(|instance| matches!(instance.role, Role::Replica { .. }) && instance.is_running())
    }

    fn next_due(&self) -> Option<(i64, usize)> {
        let due = |(index, operation): (usize, &Operation)| operation.due_ms.map(|due| (due, index));
        self.operations.iter().enumerate().filter_map(due).min()
    }

    fn new_uuid(&mut self) -> String {
        self.random.uuid()
    }
}
