//! One Cloud SQL instance: what role it has, whether it is up, who may write to it, and how far it is behind.
//!
//! Role, condition and running operations come from the Admin API and are fresh. Whether the engine replicates, how far it is behind and
//! whether its position goes on come from Cloud Monitoring, which samples once a minute and shows a sample minutes later; a lag is as old
//! as the oldest of what it rests on, and without a running replication it is no lag at all. Nothing here promotes, stops or switches
//! anything.

mod lag;
mod movement;
mod running;
mod series;
pub mod steps;
mod wire;

use crate::{
    adapter::{
        Now,
        http::{Ask, Client, Limits},
    },
    domain::{
        age,
        database::{Engine, Movement, Serving},
        fact::{Fact, ReplicaState, Replication, Writable},
        fault::Fault,
        id::{InstanceId, SourceId},
        metric::{Gap, Measured, Sample},
        time::Millis,
    },
    port::{Answer, Sensor},
};
use movement::Following;
use series::Monitoring;
use wire::{Instance, Operations, Role, Wanted};

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
        let described = async { self.sql.send(Ask::get(url, Limits::READ)).await?.json::<Instance>() };
        let (described, operations) = tokio::join!(described, self.operations());
        let (instance, operations) = (described.map_err(Fault::from)?, operations?);
        let (serving, engine, primary) = (instance.serving(), instance.engine(), instance.primary(project));
        let Seen { state, lag, following } = match (instance.role(), serving, engine) {
            (Role::Unknown, _, _) => Seen::without(ReplicaState::Unknown),
            (Role::Primary, Serving::Running, Some(engine)) => self.primary(engine).await,
            (Role::Primary, _, _) => Seen::without(ReplicaState::Primary),
            // The description of an instance does not say that its replication was stopped by hand; its history does.
            (Role::Replica(Wanted::Stands), _, _) => Seen::without(ReplicaState::Stopped),
            (Role::Replica(Wanted::Replicates), Serving::Running, _) if operations.was_stopped() => Seen::without(ReplicaState::Stopped),
            (Role::Replica(Wanted::Replicates), Serving::Running, Some(engine)) => self.replica(engine, primary.as_ref()).await,
            (Role::Replica(Wanted::Replicates), Serving::Running | Serving::Untold, _) => Seen::without(ReplicaState::Untold),
            (Role::Replica(Wanted::Replicates), _, _) => Seen::without(ReplicaState::Stopped),
        };
        Ok(vec![Fact::Replication(Replication {
            instance: id.clone(),
            primary,
            state,
            serving,
            engine,
            lag,
            behind_bytes: following.behind_bytes,
            movement: following.movement,
            writable: writable(instance.role(), serving),
            operation: operations.running(),
        })])
    }

    fn monitoring(&self) -> Monitoring<'_> {
        let (client, project) = (&self.monitoring, self.config.project.as_str());
        Monitoring { client, project, now: (self.config.now)(), stale_after: self.stale_after() }
    }

    async fn primary(&self, engine: Engine) -> Seen {
        let movement = movement::of_primary(&self.monitoring(), &self.config.instance, engine).await;
        Seen { following: Following { movement, behind_bytes: None }, ..Seen::without(ReplicaState::Primary) }
    }

    async fn replica(&self, engine: Engine, primary: Option<&InstanceId>) -> Seen {
        let (monitoring, id) = (self.monitoring(), &self.config.instance);
        let following = async {
            match primary {
                Some(primary) => movement::of_replica(&monitoring, primary, id, engine).await,
                None => UNTOLD,
            }
        };
        let (told, lag, following) = tokio::join!(running::read(&monitoring, id, engine), lag::read(&monitoring, id, engine), following);
        let lag = match (told.state, told.at) {
            (ReplicaState::Replicating, Ok(at)) => lag.map(|sample| Sample { at: sample.at.min(at), ..sample }),
            (_, Err(gap)) => Err(gap),
            (_, Ok(_)) => Err(Gap::Missing),
        };
        Seen { state: told.state, lag, following }
    }

    async fn operations(&self) -> Result<Operations, Fault> {
        let Config { project, instance, .. } = &self.config;
        let url = self.sql.at(&["v1", "projects", project, "operations"]);
        let ask = Ask::get(url, Limits::READ).query("instance", instance.as_str()).query("maxResults", "20");
        self.sql.send(ask).await?.json().map_err(Fault::from)
    }
}

const UNTOLD: Following = Following { movement: Movement::Untold, behind_bytes: None };

/// What monitoring added to the description.
struct Seen {
    state: ReplicaState,
    lag: Measured,
    following: Following,
}

impl Seen {
    fn without(state: ReplicaState) -> Seen {
        Seen { state, lag: Err(Gap::Missing), following: UNTOLD }
    }
}

/// A replica never accepts writes, nor does anything that is down; a primary does if it is up.
fn writable(role: Role, serving: Serving) -> Writable {
    match (role, serving) {
        (Role::Replica(_), _) => Writable::ReadOnly,
        (Role::Primary, Serving::Running) => Writable::AcceptsWrites,
        (Role::Primary | Role::Unknown, _) => Writable::Unknown,
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
        age::of_lag(self.config.every)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.examine())
    }
}
