//! Steps of a Cloud SQL instance: a backup, and a standby in another zone.
//!
//! A change of an instance's settings is made against their version, so that of two only the first is done. A backup has no version to be made
//! against: whoever asks for one looks again first, and a second one would change nothing that is there.

use serde::{Deserialize, Serialize};

use crate::{
    adapter::{
        Now,
        http::{Ask, Client, Failure, Limits},
    },
    domain::{
        by_hand::quoted,
        fault::{Fault, FaultKind, Outcome, Receipt, Version},
        id::InstanceId,
        shown::Shown,
        standing::{Act, Change, Failed, Known, Standing, Underway},
        time::{Millis, Timestamp},
    },
    port::{Answer, Intent, Reconciler},
};

/// Which instance, and whose.
#[derive(Clone)]
pub struct StepConfig {
    pub project: String,
    pub instance: InstanceId,
    pub now: Now,
}

/// A successful backup that is young enough.
pub struct BackupStep {
    config: StepConfig,
    younger_than: Millis,
    sql: Client,
}

/// A standby in another zone.
pub struct AvailabilityStep {
    config: StepConfig,
    sql: Client,
}

const REGIONAL: &str = "REGIONAL";
const ZONAL: &str = "ZONAL";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(default)]
    instance_type: String,
    #[serde(default)]
    state: String,
    settings: Settings,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// A whole number, written as a text.
    settings_version: String,
    #[serde(default)]
    availability_type: String,
}

#[derive(Debug, Deserialize)]
struct Operations {
    #[serde(default)]
    items: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    #[serde(default)]
    operation_type: String,
    #[serde(default)]
    status: String,
    start_time: Option<jiff::Timestamp>,
    insert_time: Option<jiff::Timestamp>,
    error: Option<OperationErrors>,
}

#[derive(Debug, Deserialize)]
struct OperationErrors {
    #[serde(default)]
    errors: Vec<OperationError>,
}

#[derive(Debug, Deserialize)]
struct OperationError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
struct BackupRuns {
    #[serde(default)]
    items: Vec<BackupRun>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BackupRun {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default, rename = "type")]
    kind: String,
    end_time: Option<jiff::Timestamp>,
}

#[derive(Debug, Serialize)]
struct Patch<'a> {
    settings: PatchedSettings<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PatchedSettings<'a> {
    settings_version: &'a str,
    availability_type: &'a str,
}

impl Operation {
    fn is_open(&self) -> bool {
        self.status != "DONE"
    }

    fn underway(&self) -> Underway {
        let since = self.start_time.or(self.insert_time).map(|at| Timestamp(at.as_millisecond()));
        Underway { operation: Shown::new(&self.name), since, progress: None, doing: Some(Shown::new(&self.operation_type)) }
    }

    /// Why it did not do what was asked for.
    fn failed(&self) -> Option<Box<Failed>> {
        let errors = self.error.as_ref().filter(|_| !self.is_open())?;
        let told: Vec<String> = errors.errors.iter().map(|error| format!("{}: {}", error.code, error.message)).collect();
        let why = Fault::new(FaultKind::Rejected, told.join("; "));
        Some(Box::new(Failed { operation: Shown::new(&self.name), why }))
    }
}

impl StepConfig {
    fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        ["v1", "projects", &self.project, "instances", self.instance.as_str()].into_iter().chain(more.iter().copied()).collect()
    }

    async fn operations(&self, sql: &Client) -> Result<Vec<Operation>, Failure> {
        let url = sql.at(&["v1", "projects", &self.project, "operations"]);
        let ask = Ask::get(url, Limits::READ).query("instance", self.instance.as_str()).query("maxResults", "20");
        Ok(sql.send(ask).await?.json::<Operations>()?.items)
    }
}

/// What came of a request that the API works on: it is done once it is accepted, and never sent again.
fn accepted(answer: Result<Operation, Failure>) -> Outcome {
    match answer {
        Ok(operation) => Outcome::Done(Receipt { version: None, operation: Some(Shown::new(&operation.name)) }),
        Err(failure) => failure.outcome(),
    }
}

impl BackupStep {
    pub fn new(config: StepConfig, younger_than: Millis, sql: Client) -> BackupStep {
        BackupStep { config, younger_than, sql }
    }

    async fn examine(&self) -> Result<Standing, Failure> {
        let runs = async {
            let ask = Ask::get(self.sql.at(&self.config.path(&["backupRuns"])), Limits::READ).query("maxResults", "50");
            Ok::<_, Failure>(self.sql.send(ask).await?.json::<BackupRuns>()?.items)
        };
        let (runs, operations) = tokio::join!(runs, self.config.operations(&self.sql));
        let (runs, operations) = (runs?, operations?);
        if let Some(open) = operations.iter().find(|operation| operation.is_open()) {
            return Ok(Standing::Underway(open.underway()));
        }
        let done = runs.iter().filter(|run| run.status == "SUCCESSFUL").filter_map(|run| Some((run, run.end_time?)));
        let newest = done.max_by_key(|(_, at)| *at);
        let version = Version(newest.map_or_else(String::new, |(run, _)| run.id.clone()));
        if let Some((run, at)) = newest {
            let age = (self.config.now)().since(Timestamp(at.as_millisecond()));
            if age < self.younger_than {
                let known = |what: &str, value: &str| Known { what: Shown::new(what), value: Shown::new(value) };
                let evidence = vec![known("backupRun", &run.id), known("endTime", &at.to_string()), known("type", &run.kind)];
                return Ok(Standing::Reached { version, evidence });
            }
        }
        let newer = |operation: &&Operation| {
            let began = operation.start_time.or(operation.insert_time);
            operation.operation_type == "BACKUP_VOLUME" && began.is_some_and(|began| newest.is_none_or(|(_, at)| began > at))
        };
        let failed = operations.iter().find(newer).and_then(Operation::failed);
        let from = newest.map(|(_, at)| Shown::new(&at.to_string()));
        let change = Change { what: "backupRun".into(), from, to: Some("ON_DEMAND".into()) };
        Ok(Standing::Apart { version, changes: vec![change], failed })
    }

    async fn back_up(&self, version: &Version, intent: &Intent) -> Outcome {
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        match self.examine().await {
            Err(failure) => Outcome::NotDone(failure.fault),
            Ok(standing) if standing.version() != Some(version) => {
                let message =
                    format!("{} has another backup, or is worked on, since it was looked at; nothing was asked for", self.config.instance);
                Outcome::NotDone(Fault::new(FaultKind::Conflict, message))
            }
            Ok(_) => {
                let url = self.sql.at(&self.config.path(&["backupRuns"]));
                let ask = Ask::post(url, &serde_json::json!({}), Limits::WRITE).because(intent);
                accepted(self.sql.send(ask).await.and_then(|reply| reply.json()))
            }
        }
    }
}

impl Reconciler for BackupStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { self.examine().await.map_err(Fault::from) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        Box::pin(async move {
            match act {
                Act::Run => self.back_up(version, intent).await,
                Act::Undo => Outcome::NotDone(Fault::new(FaultKind::Unsupported, "a backup is never deleted here")),
            }
        })
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        let StepConfig { project, instance, .. } = &self.config;
        match act {
            Act::Run => Some(format!("gcloud sql backups create --instance={} --project={}", quoted(instance.as_str()), quoted(project))),
            Act::Undo => None,
        }
    }
}

impl AvailabilityStep {
    pub fn new(config: StepConfig, sql: Client) -> AvailabilityStep {
        AvailabilityStep { config, sql }
    }

    async fn examine(&self) -> Result<Standing, Failure> {
        let described = async { self.sql.send(Ask::get(self.sql.at(&self.config.path(&[])), Limits::READ)).await?.json::<Instance>() };
        let (described, operations) = tokio::join!(described, self.config.operations(&self.sql));
        let (instance, operations) = (described?, operations?);
        if let Some(open) = operations.iter().find(|operation| operation.is_open()) {
            return Ok(Standing::Underway(open.underway()));
        }
        if instance.instance_type != "CLOUD_SQL_INSTANCE" || instance.state != "RUNNABLE" {
            return Ok(Standing::Foreign { why: Shown::new(&format!("{} {}", instance.instance_type, instance.state)) });
        }
        let Settings { settings_version, availability_type } = instance.settings;
        let version = Version(settings_version);
        let told = Shown::new(&availability_type);
        if availability_type == REGIONAL {
            let evidence = vec![Known { what: "availabilityType".into(), value: told }];
            return Ok(Standing::Reached { version, evidence });
        }
        let failed = operations.iter().find(|operation| operation.operation_type == "UPDATE").and_then(Operation::failed);
        let change = Change { what: "availabilityType".into(), from: Some(told), to: Some(REGIONAL.into()) };
        Ok(Standing::Apart { version, changes: vec![change], failed })
    }

    async fn change(&self, availability: &str, version: &Version, intent: &Intent) -> Outcome {
        let patch = Patch { settings: PatchedSettings { settings_version: &version.0, availability_type: availability } };
        let ask = Ask::patch(self.sql.at(&self.config.path(&[])), &patch, Limits::WRITE).because(intent);
        accepted(self.sql.send(ask).await.and_then(|reply| reply.json()))
    }
}

impl Reconciler for AvailabilityStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { self.examine().await.map_err(Fault::from) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        let availability = match act {
            Act::Run => REGIONAL,
            Act::Undo => ZONAL,
        };
        Box::pin(self.change(availability, version, intent))
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        let StepConfig { project, instance, .. } = &self.config;
        let availability = match act {
            Act::Run => "regional",
            Act::Undo => "zonal",
        };
        let (instance, project) = (quoted(instance.as_str()), quoted(project));
        Some(format!("gcloud sql instances patch {instance} --availability-type={availability} --project={project}"))
    }
}
