//! One Cloud SQL instance: what role it has, who may write to it, and how far it is behind.
//!
//! Role and running operations come from the Admin API and are fresh. The lag comes from Cloud Monitoring, which samples once a minute and
//! shows a sample minutes later; its time is the sample's own, and a lag without a running replication is no lag at all. Nothing here
//! promotes, stops or switches anything.

mod lag;
mod wire;

use crate::{
    adapter::{
        Now,
        http::{Ask, Client, Limits},
    },
    domain::{
        fact::{Fact, ReplicaState, Replication, Writable},
        fault::Fault,
        id::{InstanceId, SourceId},
        metric::Gap,
        time::Millis,
    },
    port::{Answer, Sensor},
};
use wire::{Instance, Operations};

/// What Monitoring documents: sampled each 60 s, then invisible for up to 240 s.
pub const MONITORING_DELAY: Millis = Millis::from_secs(300);

/// Which instance to look at.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub project: String,
    pub instance: InstanceId,
    pub every: Millis,
    pub now: Now,
}

pub struct CloudSqlSensor {
    config: Config,
    sql: Client,
    monitoring: Client,
}

impl CloudSqlSensor {
    pub fn new(config: Config, sql: Client, monitoring: Client) -> CloudSqlSensor {
        CloudSqlSensor { config, sql, monitoring }
    }

    async fn examine(&self) -> Result<Vec<Fact>, Fault> {
        let Config { project, instance: id, .. } = &self.config;
        let url = self.sql.at(&["v1", "projects", project, "instances", id.as_str()]);
        let instance: Instance = self.sql.send(Ask::get(url, Limits::READ)).await?.json().map_err(Fault::from)?;
        let operations = self.operations().await?;
        let state = match instance.replica_state() {
            // The description of an instance does not say that its replication was stopped by hand; its history does.
            ReplicaState::Replicating if operations.was_stopped() => ReplicaState::Stopped,
            described => described,
        };
        let lag = match (state, instance.engine()) {
            (ReplicaState::Replicating, Some(engine)) => {
                lag::read(&self.monitoring, project, id, engine, (self.config.now)(), self.stale_after()).await
            }
            (ReplicaState::Replicating, None) => Err(Gap::Missing),
            (ReplicaState::Stopped | ReplicaState::Primary | ReplicaState::Unknown, _) => Err(Gap::Missing),
        };
        Ok(vec![Fact::Replication(Replication {
            instance: id.clone(),
            primary: instance.primary(),
            state,
            lag,
            writable: writable(state, &instance),
            operation: operations.running(),
        })])
    }

    async fn operations(&self) -> Result<Operations, Fault> {
        let Config { project, instance, .. } = &self.config;
        let url = self.sql.at(&["v1", "projects", project, "operations"]);
        let ask = Ask::get(url, Limits::READ).query("instance", instance.as_str()).query("maxResults", "20");
        self.sql.send(ask).await?.json().map_err(Fault::from)
    }
}

/// A replica never accepts writes; a primary does if it is up and not told to stay down.
fn writable(state: ReplicaState, instance: &Instance) -> Writable {
    match state {
        ReplicaState::Replicating | ReplicaState::Stopped => Writable::ReadOnly,
        ReplicaState::Primary if instance.is_up() => Writable::AcceptsWrites,
        ReplicaState::Primary | ReplicaState::Unknown => Writable::Unknown,
    }
}

impl Sensor for CloudSqlSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    fn stale_after(&self) -> Millis {
        Millis(MONITORING_DELAY.0.saturating_add(self.config.every.0))
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.examine())
    }
}
