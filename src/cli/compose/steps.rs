//! Who looks at the things of a plan's steps, and acts on them.

use std::sync::Arc;

use color_eyre::eyre::Result;

use super::Composer;
use crate::{
    adapter::{
        address::AddressStep,
        cloud_run::{
            ServiceName,
            floor::{FloorConfig, FloorStep},
        },
        cloud_sql::steps::{
            StepConfig,
            availability::AvailabilityStep,
            backup::BackupStep,
            replica::{ReplicaConfig, ReplicaStep},
        },
        gke_cluster::GkeClusterStep,
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
            Desired::GkeCluster(wanted) => {
                Arc::new(GkeClusterStep::new(self.plan.project.to_string(), (**wanted).clone(), self.google(CONTAINER)?))
            }
            Desired::HomeFloor { service, region, instances, afterwards } => {
                let region = region.as_ref().unwrap_or(&self.plan.region).to_string();
                let service = ServiceName { project: self.plan.project.to_string(), region, service: service.to_string() };
                let config = FloorConfig { service, instances: *instances, afterwards: *afterwards };
                Arc::new(FloorStep::new(config, self.google(RUN)?))
            }
            Desired::Address { name, region } => {
                let region = region.as_ref().map(ToString::to_string);
                Arc::new(AddressStep::new(self.plan.project.to_string(), name.to_string(), region, self.google(COMPUTE)?))
            }
        })
    }

    fn sql_step(&self, instance: &InstanceId) -> StepConfig {
        StepConfig { project: self.plan.project.to_string(), instance: instance.clone(), now: self.now() }
    }
}

const COMPUTE: &str = "compute.googleapis.com";
const CONTAINER: &str = "container.googleapis.com";
const RUN: &str = "run.googleapis.com";
const SQL: &str = "sqladmin.googleapis.com";
const MONITORING: &str = "monitoring.googleapis.com";
