//! Steps of Cloud SQL: what is sent, letter for letter, and what answers that lie or lack something come to.

use cutover::{
    adapter::cloud_sql::steps::{StepConfig, availability::AvailabilityStep, backup::BackupStep},
    domain::{
        fault::{FaultKind, Outcome, Version},
        standing::{Act, Standing},
        time::Millis,
    },
    port::Reconciler,
};
use serde_json::{Value, json};

use super::{
    at_night, client, intent,
    server::{Reaction, Server},
};

const INSTANCE: &str = "/v1/projects/hexproperty/instances/hexproperty-prod";

fn primary(settings: Value) -> Value {
    json!({"name": "hexproperty-prod", "instanceType": "CLOUD_SQL_INSTANCE", "state": "RUNNABLE", "databaseVersion": "POSTGRES_15", "settings": settings})
}

fn zonal() -> Value {
    primary(json!({"settingsVersion": "17", "availabilityType": "ZONAL", "activationPolicy": "ALWAYS"}))
}

fn operation(kind: &str, status: &str) -> Value {
    json!({"name": "op-1", "operationType": kind, "status": status, "insertTime": "2026-11-23T21:50:00Z", "startTime": "2026-11-23T21:50:01.5Z", "user": "ops@hexproperty.com"})
}

/// The instance, its operations and its backups; everything else is a write, which is answered with `written`.
async fn serves(instance: Value, operations: Value, runs: Value, written: Reaction) -> Server {
    Server::start(move |asked, _| match (asked.method.as_str(), asked.path.split('?').next().unwrap_or("")) {
        ("GET", INSTANCE) => Reaction::json(200, instance.clone()),
        ("GET", "/v1/projects/hexproperty/operations") => Reaction::json(200, operations.clone()),
        ("GET", path) if path.ends_with("/backupRuns") => Reaction::json(200, runs.clone()),
        _ => written.clone(),
    })
    .await
}

fn config() -> StepConfig {
    StepConfig { project: "hexproperty".to_owned(), instance: "hexproperty-prod".parse().unwrap(), now: at_night() }
}

fn standby(server: &Server) -> AvailabilityStep {
    AvailabilityStep::new(config(), client(server))
}

fn backup(server: &Server) -> BackupStep {
    BackupStep::new(config(), Millis::from_mins(60), client(server))
}

#[tokio::test]
async fn settings_are_changed_against_their_version_and_nothing_else_is_sent() {
    let server = serves(zonal(), json!({}), json!({}), Reaction::json(200, operation("UPDATE", "PENDING"))).await;
    let outcome = standby(&server).act(Act::Run, &Version("17".to_owned()), &intent()).await;
    let Outcome::Done(receipt) = outcome else { panic!("{outcome:?}") };
    assert_eq!((receipt.version, receipt.operation.unwrap().as_str()), (None, "op-1"));
    let [asked] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("PATCH", INSTANCE));
    assert_eq!(asked.json(), json!({"settings": {"settingsVersion": "17", "availabilityType": "REGIONAL"}}));
    assert_eq!(asked.header("x-goog-request-reason"), Some("cutover night-1/17.0/ab12"));
}

#[tokio::test]
async fn a_backup_bears_the_name_of_its_intent() {
    let server = serves(zonal(), json!({}), json!({"items": []}), Reaction::json(200, operation("BACKUP_VOLUME", "PENDING"))).await;
    let backup = backup(&server);
    let Standing::Apart { version, changes, failed: None } = backup.look().await.unwrap() else { panic!("there is none") };
    assert_eq!((changes[0].from.as_ref(), changes[0].to.as_ref().unwrap().as_str()), (None, "ON_DEMAND"));
    assert!(matches!(backup.act(Act::Run, &version, &intent()).await, Outcome::Done(_)));
    let asked = server.asked().pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", &*format!("{INSTANCE}/backupRuns")));
    assert_eq!(asked.json(), json!({"description": "cutover night-1/17.0/ab12"}));
}

#[tokio::test]
async fn an_answer_that_is_no_operation_leaves_an_act_unknown() {
    for answer in [json!({}), json!({"kind": "sql#operation"}), json!([]), json!({"name": 7})] {
        let server = serves(zonal(), json!({}), json!({}), Reaction::json(200, answer.clone())).await;
        let outcome = standby(&server).act(Act::Run, &Version("17".to_owned()), &intent()).await;
        assert!(matches!(&outcome, Outcome::Unknown(fault) if fault.kind == FaultKind::Unreadable), "{answer}: {outcome:?}");
    }
    for reaction in [Reaction::Close, Reaction::CutShort, Reaction::text(502, "text/html", "<html>Bad gateway</html>")] {
        let server = serves(zonal(), json!({}), json!({}), reaction.clone()).await;
        let outcome = standby(&server).act(Act::Run, &Version("17".to_owned()), &intent()).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{reaction:?}: {outcome:?}");
        assert_eq!(server.asked().len(), 1, "{reaction:?}: sent once");
    }
}

#[tokio::test]
async fn what_is_not_told_is_not_acted_on() {
    let untold = primary(json!({"availabilityType": "ZONAL", "activationPolicy": "ALWAYS"}));
    let server = serves(untold, json!({}), json!({}), Reaction::Close).await;
    let fault = standby(&server).look().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreadable);
    assert!(fault.message.as_str().contains("settingsVersion"), "{fault}");
    // Neither a new word for what an instance is nor one for its state is taken for a known one.
    for strange in [json!({"instanceType": "GREEN_INSTANCE"}), json!({"state": "THINKING"})] {
        let mut instance = zonal();
        instance.as_object_mut().unwrap().extend(strange.as_object().unwrap().clone());
        let server = serves(instance, json!({}), json!({}), Reaction::Close).await;
        let seen = standby(&server).look().await.unwrap();
        assert!(matches!(seen, Standing::Foreign { .. }), "{strange}: {seen:?}");
    }
}

#[tokio::test]
async fn only_a_run_that_succeeded_and_says_when_is_a_backup() {
    let run = |status: &str, end: Option<&str>| json!({"id": "9", "status": status, "type": "ON_DEMAND", "endTime": end});
    for (status, end, is_backup) in [
        ("SUCCESSFUL", Some("2026-11-23T21:30:00Z"), true),
        ("SUCCESSFUL", Some("2026-11-23T20:30:00Z"), false),
        ("SUCCESSFUL", None, false),
        ("FAILED", Some("2026-11-23T21:30:00Z"), false),
        ("SKIPPED", Some("2026-11-23T21:30:00Z"), false),
        ("DELETED", Some("2026-11-23T21:30:00Z"), false),
        ("RUNNING", None, false),
    ] {
        let server = serves(zonal(), json!({}), json!({"items": [run(status, end)]}), Reaction::Close).await;
        let seen = backup(&server).look().await.unwrap();
        assert_eq!(matches!(seen, Standing::Reached { .. }), is_backup, "{status} {end:?}: {seen:?}");
    }
}

#[tokio::test]
async fn the_failure_of_work_is_that_of_the_newest_and_only_while_it_is_the_newest() {
    let mut broken = operation("BACKUP_VOLUME", "DONE");
    broken["error"] = json!({"kind": "sql#operationErrors", "errors": [{"code": "INTERNAL_ERROR", "message": "An internal error."}]});
    let run = |end: &str| json!({"items": [{"id": "9", "status": "SUCCESSFUL", "type": "AUTOMATED", "endTime": end}]});
    for (runs, fails) in [
        (json!({}), true),
        (run("2026-11-23T20:00:00Z"), true),
        // A backup has succeeded since.
        (run("2026-11-23T21:55:00Z"), false),
    ] {
        let server = serves(zonal(), json!({"items": [broken.clone()]}), runs.clone(), Reaction::Close).await;
        let step = BackupStep::new(config(), Millis::from_mins(5), client(&server));
        let Standing::Apart { failed, .. } = step.look().await.unwrap() else { panic!("{runs}: none is young enough") };
        let told = failed.map(|failed| (failed.operation.to_string(), failed.why.message.to_string()));
        let expected = fails.then(|| ("op-1".to_owned(), "INTERNAL_ERROR: An internal error.".to_owned()));
        assert_eq!(told, expected, "{runs}");
    }
}
