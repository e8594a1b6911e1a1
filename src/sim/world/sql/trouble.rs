//! What goes wrong with the databases besides their operations: replications that break, primaries that are others, instances that are down.
//!
//! Monitoring goes on as it does then: a replication that is broken is reported to be behind by nothing, because nothing that has arrived
//! is left to apply.

use serde_json::{Value, json};

use super::{
    PRIMARY, REPLICA, Sql,
    instance::{Condition, Instance, Role},
    replication::{LagReading, RATE_DEFAULT},
};
use crate::sim::faults::{DatabaseFault, Down, Member};

/// The primary that a replica follows by mistake.
pub const STRANGER: &str = "hexproperty-staging";

/// What does not run in a replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// It fetches nothing from its primary.
    Receiving,
    /// It applies nothing of what it fetched, and says so.
    Applying,
    /// It applies nothing of what it fetched, and says that all is well.
    Silent,
}

/// How an instance was before a fault struck it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Struck {
    name: String,
    role: Role,
    condition: Condition,
    policy: Value,
}

impl Sql {
    /// Makes something go wrong, until [`Sql::calm`].
    pub fn suffer(&mut self, fault: DatabaseFault) {
        match fault {
            DatabaseFault::ReceivesNothing => self.break_replication(Breakage::Receiving),
            DatabaseFault::AppliesNothing => self.break_replication(Breakage::Applying),
            DatabaseFault::StandsStill => self.break_replication(Breakage::Silent),
            DatabaseFault::OtherPrimary => self.follow_stranger(),
            DatabaseFault::PrimaryIdle => self.set_write_rate(0.0),
            DatabaseFault::IsDown { member, down } => self.take_down(member, down),
            DatabaseFault::Operations { end } => self.set_operation_fault(end),
            DatabaseFault::NoStandby => self.lose_standby(),
            // A person asks as anybody does, and is noted: the world sees to that.
            DatabaseFault::Colleague { .. } => {}
        }
    }

    /// The primary has been without a standby all along.
    fn lose_standby(&mut self) {
        if let Some(primary) = self.instances.get_mut(PRIMARY) {
            primary.settings["availabilityType"] = json!("ZONAL");
            primary.settings_version += 1;
        }
    }

    /// Breaks the replication while its lag is reported as nothing.
    fn break_replication(&mut self, breakage: Breakage) {
        self.breakage = Some(breakage);
        self.replication.stop(self.clock_ms);
        self.set_lag_reading(LagReading::Zero);
    }

    fn follow_stranger(&mut self) {
        self.strike(REPLICA);
        if let Some(primary) = self.instances.get(PRIMARY) {
            let stranger = Instance { name: STRANGER.to_owned(), address: "10.60.0.9".to_owned(), ..primary.clone() };
            self.instances.insert(STRANGER.to_owned(), stranger);
        }
        if let Some(replica) = self.instances.get_mut(REPLICA) {
            replica.role = Role::Replica { of: STRANGER.to_owned() };
        }
    }

    fn take_down(&mut self, member: Member, down: Down) {
        let name = match member {
            Member::Primary => PRIMARY,
            Member::Replica => REPLICA,
        };
        self.strike(name);
        let Some(instance) = self.instances.get_mut(name) else { return };
        match down {
            Down::Suspended => instance.condition = Condition::Suspended,
            Down::Maintenance => instance.condition = Condition::Maintenance,
            Down::Failed => instance.condition = Condition::Failed,
            Down::BeingCreated => instance.condition = Condition::PendingCreate,
            Down::StoppedByOwner => instance.settings["activationPolicy"] = json!("NEVER"),
        }
        match member {
            Member::Primary => self.set_write_rate(0.0),
            Member::Replica => self.replication.stop(self.clock_ms),
        }
    }

    /// Remembers how an instance is, unless a fault has struck it already.
    fn strike(&mut self, name: &str) {
        let known = self.struck.iter().any(|struck| struck.name == name);
        let Some(found) = self.instances.get(name).filter(|_| !known) else { return };
        let policy = found.settings["activationPolicy"].clone();
        self.struck.push(Struck { name: name.to_owned(), role: found.role.clone(), condition: found.condition, policy });
    }

    /// Puts back what faults have struck. A replica that somebody stopped on purpose stays stopped.
    pub(super) fn heal(&mut self) {
        self.breakage = None;
        for Struck { name, role, condition, policy } in std::mem::take(&mut self.struck) {
            if let Some(found) = self.instances.get_mut(&name) {
                (found.role, found.condition) = (role, condition);
                found.settings["activationPolicy"] = policy;
            }
        }
        self.instances.remove(STRANGER);
        self.set_write_rate(RATE_DEFAULT);
        if self.replica().is_some_and(|replica| replica.replicates) {
            self.replication.resume(self.clock_ms);
        }
    }
}
