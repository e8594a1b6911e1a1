//! Who looks at the things of a plan's steps, and acts on them.

use std::sync::Arc;

use color_eyre::eyre::Result;

use super::Composer;
use crate::{
    adapter::cloud_sql::steps::{
        StepConfig,
        availability::AvailabilityStep,
        backup::BackupStep,
        replica::{ReplicaConfig, ReplicaStep},
    },
    domain::{id::InstanceId, shown::Shown},
    plan::model::steps::{Desired, Step},
    port::Reconciler,
};

impl Composer<'_> {
    /// What reaches what a step wants.
    /// # Errors
    /// If no client can be made.
    pub(in crate::cli) fn reconciler(&self, step: &Step) -> Result<Arc<dyn Reconciler>> {
        Ok(match &step.desired {
            Desired::SqlBackup { instance, younger_than } => {
                Arc::new(BackupStep::new(self.sql_step(instance), *younger_than, self.google(SQL)?))
            }
            Desired::SqlHighAvailability { instance } => Arc::new(AvailabilityStep::new(self.sql_step(instance), self.google(SQL)?)),
            Desired::SqlReplica { instance, primary, region, tier } => {
                let config = ReplicaConfig {
                    step: self.sql_step(instance),
                    primary: primary.clone(),
                    region: region.as_ref().unwrap_or(&self.plan.region).to_string(),
                    tier: tier.as_ref().map(Shown::to_string),
                };
                Arc::new(ReplicaStep::new(config, self.google(SQL)?, self.google(MONITORING)?))
            }
        })
    }

    fn sql_step(&self, instance: &InstanceId) -> StepConfig {
        StepConfig { project: self.plan.project.to_string(), instance: instance.clone(), now: self.now() }
    }
}

const SQL: &str = "sqladmin.googleapis.com";
const MONITORING: &str = "monitoring.googleapis.com";
