//! A successful backup that is young enough.
//!
//! Whoever took it: last night's will do. A backup changes nothing that is there, so one too many does no harm.

use super::{
    super::wire::{BackupRun, BackupRuns},
    StepConfig, changed,
};
use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        by_hand,
        fault::{Fault, FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Known, Standing},
        time::{Millis, Timestamp},
    },
    port::{Answer, Intent, Reconciler},
};

pub struct BackupStep {
    config: StepConfig,
    younger_than: Millis,
    sql: Client,
}

/// What the API calls the taking of a backup.
const KINDS: [&str; 4] = ["BACKUP_VOLUME", "BACKUP", "ADVANCED_BACKUP", "ENHANCED_BACKUP"];

impl BackupStep {
    pub fn new(config: StepConfig, younger_than: Millis, sql: Client) -> BackupStep {
        BackupStep { config, younger_than, sql }
    }

    async fn examine(&self) -> Result<Standing, Fault> {
        let (runs, operations) = tokio::join!(self.runs(), self.config.operations(&self.sql));
        let (runs, operations) = (runs?, operations?);
        let succeeded = runs.iter().filter_map(|run| Some((run, run.succeeded_at()?)));
        let newest = succeeded.max_by_key(|(_, at)| *at);
        let version = Version(newest.map_or_else(|| "none".to_owned(), |(run, _)| run.id.clone()));
        // One that is being taken now makes the one that there is no worse.
        if let Some((run, at)) = newest.filter(|(_, at)| (self.config.now)().since(*at) < self.younger_than) {
            return Ok(Standing::Reached { version, evidence: evidence(run, at) });
        }
        if let Some(open) = operations.open(&KINDS) {
            return Ok(Standing::Underway(open.underway()));
        }
        let last = operations.of(&KINDS).next();
        let is_newer = |began: Timestamp| newest.is_none_or(|(_, at)| began > at);
        let failed = last.filter(|last| last.began_at().is_some_and(is_newer)).and_then(|last| last.failed());
        let from = newest.map(|(_, at)| Shown::new(&stamp(at)));
        let change = Change { what: "backupRun".into(), from, to: Some("ON_DEMAND".into()) };
        Ok(Standing::Apart { version, changes: vec![change], failed })
    }

    async fn runs(&self) -> Result<Vec<BackupRun>, Fault> {
        let ask = Ask::get(self.sql.at(&self.config.path(&["backupRuns"])), Limits::READ).query("maxResults", "50");
        Ok(self.sql.send(ask).await?.json::<BackupRuns>()?.items)
    }

    async fn back_up(&self, version: &Version, intent: &Intent) -> Outcome {
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        match self.examine().await {
            Err(fault) => Outcome::NotDone(fault),
            Ok(Standing::Apart { version: found, .. }) if found == *version => {
                let body = serde_json::json!({"description": intent.reason()});
                self.sql
                    .begin(
                        Ask::post(self.sql.at(&self.config.path(&["backupRuns"])), &body, Limits::WRITE).because(intent),
                        self.config.instance.as_str(),
                    )
                    .await
            }
            Ok(_) => changed(&self.config.instance, "has another backup, or one is being taken,"),
        }
    }
}

fn evidence(run: &BackupRun, at: Timestamp) -> Vec<Known> {
    let known = |what: &str, value: &str| Known { what: Shown::new(what), value: Shown::new(value) };
    vec![known("backupRun", &run.id), known("endTime", &stamp(at)), known("type", &run.kind)]
}

fn stamp(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

impl Reconciler for BackupStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(self.examine())
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
            Act::Run => Some(by_hand::sql_backup(project, instance.as_str())),
            Act::Undo => None,
        }
    }
}
