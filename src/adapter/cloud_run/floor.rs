//! The fewest instances that a service keeps, set at the service itself: it makes no revision, and is spread over those that have a share.
//!
//! A revision's own minimum would need a new revision, which nobody has tried and which gets the traffic of whoever follows the newest. The
//! change is made against the etag that was seen; whatever else of the service's scaling is set stays as it is.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ServiceName,
    wire::{Operation, Service},
};
use crate::{
    adapter::http::{Ask, Client, Failure, Limits},
    domain::{
        by_hand,
        fault::{Fault, FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Failed, Known, Standing, Underway},
        time::Timestamp,
    },
    port::{Answer, Intent, Reconciler},
};

/// What the service is to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorConfig {
    pub service: ServiceName,
    /// While home must be able to take all.
    pub instances: u32,
    /// Once that is taken back.
    pub afterwards: u32,
}

pub struct FloorStep {
    config: FloorConfig,
    run: Client,
}

#[derive(Debug, Deserialize)]
struct Described {
    #[serde(flatten)]
    service: Service,
    /// As it stands: it is sent back with one field changed.
    #[serde(default)]
    scaling: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct Operations {
    #[serde(default)]
    operations: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(flatten)]
    operation: Operation,
    #[serde(default)]
    metadata: Value,
}

const FIELD: &str = "minInstanceCount";

impl Described {
    /// What is left out is nought.
    fn floor(&self) -> u64 {
        self.scaling.as_ref().and_then(|scaling| scaling.get(FIELD)).and_then(Value::as_u64).unwrap_or(0)
    }

    fn is_set_by_hand(&self) -> bool {
        self.scaling.as_ref().and_then(|scaling| scaling.get("scalingMode")).is_some_and(|mode| mode == "MANUAL")
    }
}

impl FloorStep {
    /// `run` goes to `run.googleapis.com`.
    pub fn new(config: FloorConfig, run: Client) -> FloorStep {
        FloorStep { config, run }
    }

    async fn described(&self) -> Result<Described, Failure> {
        self.run.send(Ask::get(self.config.service.at(&self.run), Limits::READ)).await?.json()
    }

    /// The newest that Cloud Run does or did with the service.
    async fn operation(&self) -> Result<Option<Operation>, Failure> {
        let ServiceName { project, region, service } = &self.config.service;
        let ask = Ask::get(self.run.at(&["v2", "projects", project, "locations", region, "operations"]), Limits::READ);
        let all: Operations = self.run.send(ask.query("pageSize", "100")).await?.json()?;
        let end = format!("/services/{service}");
        let is_of_it = |listed: &Listed| listed.metadata["name"].as_str().is_some_and(|name| name.ends_with(&end));
        Ok(all.operations.into_iter().find(is_of_it).map(|listed| listed.operation))
    }

    async fn examine(&self) -> Result<(Standing, Described), Failure> {
        let (described, operation) = tokio::join!(self.described(), self.operation());
        let (described, operation) = (described?, operation?);
        let floor = described.floor();
        let version = Version(described.service.etag.clone());
        let standing = if described.is_set_by_hand() {
            let why = "its instances are set by hand (scalingMode MANUAL), and a floor would mean nothing";
            Standing::Foreign { why: why.into() }
        } else if described.service.reconciling {
            let open = operation.filter(|operation| !operation.done).map(|operation| operation.name);
            let operation = open.unwrap_or_else(|| format!("generation {}", described.service.generation));
            let doing = Some("reconciling".into());
            let since = described.service.update_time.map(|at| Timestamp(at.as_millisecond()));
            Standing::Underway(Underway { operation: Shown::new(&operation), since, progress: None, doing })
        } else if floor < u64::from(self.config.instances) {
            let change = Change {
                what: "scaling.minInstanceCount".into(),
                from: Some(Shown::new(&floor.to_string())),
                to: Some(Shown::new(&self.config.instances.to_string())),
            };
            let failed = operation.and_then(|operation| {
                let error = operation.error?;
                let why = Fault::new(FaultKind::Rejected, error.message);
                Some(Box::new(Failed { operation: Shown::new(&operation.name), why }))
            });
            Standing::Apart { version, changes: vec![change], failed }
        } else if let Some(failure) = described.service.failure() {
            // What it says that it has is then not what it does.
            Standing::Foreign { why: Shown::new(&format!("the service failed to become as it says: {failure}")) }
        } else {
            let evidence = vec![Known { what: "scaling.minInstanceCount".into(), value: Shown::new(&floor.to_string()) }];
            Standing::Reached { version, evidence }
        };
        Ok((standing, described))
    }

    async fn act_now(&self, act: Act, version: &Version, intent: &Intent) -> Outcome {
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        let (standing, described) = match self.examine().await {
            Ok(found) => found,
            Err(failure) => return Outcome::NotDone(failure.fault),
        };
        let is_wanted = matches!((act, &standing), (Act::Run, Standing::Apart { .. }) | (Act::Undo, Standing::Reached { .. }));
        if standing.version() != Some(version) || !is_wanted {
            let message = format!("{} is not as it was when it was looked at; nothing was asked for", self.config.service.service);
            return Outcome::NotDone(Fault::new(FaultKind::Conflict, message));
        }
        let floor = match act {
            Act::Run => self.config.instances,
            Act::Undo => self.config.afterwards,
        };
        let mut scaling = described.scaling.unwrap_or_default();
        scaling.insert(FIELD.to_owned(), json!(floor));
        let patch = json!({"etag": version.0, "scaling": scaling});
        let ask = Ask::patch(self.config.service.at(&self.run), &patch, Limits::WRITE).query("updateMask", "scaling").because(intent);
        self.run.begin(ask, &self.config.service.service).await
    }
}

impl Reconciler for FloorStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { self.examine().await.map(|(standing, _)| standing).map_err(Fault::from) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        Box::pin(self.act_now(act, version, intent))
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        let ServiceName { project, region, service } = &self.config.service;
        let floor = match act {
            Act::Run => self.config.instances,
            Act::Undo => self.config.afterwards,
        };
        Some(by_hand::run_floor(project, (service, region), floor))
    }
}
