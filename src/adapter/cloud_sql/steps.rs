//! Steps of Cloud SQL: what is looked at, what is acted against, and what an answer of its API proves.
//!
//! Whatever the Admin API does to an instance is an operation with a name, and of one instance it does one at a time: who asks for another
//! is told that it is busy. A change of settings is made against their version, so that of two only the first is done. What has no
//! version is looked at once more before it is asked for. Nothing is ever sent twice.

pub mod availability;
pub mod backup;
pub mod replica;

use super::wire::{Instance, Operations};
use crate::{
    adapter::{
        Now,
        http::{Ask, Client, Limits},
    },
    domain::{
        fault::{Fault, FaultKind, Outcome},
        id::InstanceId,
    },
};

/// Which instance, and whose.
#[derive(Clone)]
pub struct StepConfig {
    pub project: String,
    pub instance: InstanceId,
    pub now: Now,
}

impl StepConfig {
    fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        ["v1", "projects", &self.project, "instances", self.instance.as_str()].into_iter().chain(more.iter().copied()).collect()
    }

    /// What an instance of the project is said to be.
    async fn described(&self, sql: &Client, instance: &InstanceId) -> Result<Instance, Fault> {
        let url = sql.at(&["v1", "projects", &self.project, "instances", instance.as_str()]);
        Ok(sql.send(Ask::get(url, Limits::READ)).await?.json()?)
    }

    /// What was done to the instance lately, and what is being done.
    async fn operations(&self, sql: &Client) -> Result<Operations, Fault> {
        let url = sql.at(&["v1", "projects", &self.project, "operations"]);
        let ask = Ask::get(url, Limits::READ).query("instance", self.instance.as_str()).query("maxResults", "20");
        Ok(sql.send(ask).await?.json()?)
    }
}

/// Nothing was asked for, because what was found is not what whoever acts has seen.
fn changed(instance: &InstanceId, found: &str) -> Outcome {
    let message = format!("{instance} {found} since it was looked at; nothing was asked for");
    Outcome::NotDone(Fault::new(FaultKind::Conflict, message))
}
