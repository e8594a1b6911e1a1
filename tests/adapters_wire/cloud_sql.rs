//! The replica's sensor: what the Admin API and Monitoring say, and what their silence means.

use cutover::{
    adapter::cloud_sql::{CloudSqlSensor, Config},
    domain::{
        fact::{Fact, ReplicaState, Replication, Writable},
        fault::{Fault, FaultKind},
        metric::Gap,
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use serde_json::{Value, json};

use super::{
    NIGHT, at_night, client,
    server::{Asked, Deed, Server},
};

fn replica() -> Value {
    json!({"kind": "sql#instance", "name": "hexproperty-replica", "instanceType": "READ_REPLICA_INSTANCE", "state": "RUNNABLE",
        "databaseVersion": "POSTGRES_15", "masterInstanceName": "hexproperty:hexproperty-prod", "settings": {"activationPolicy": "ALWAYS"}})
}

fn series(seconds: f64, at: &str) -> Value {
    json!({"timeSeries": [{"points": [{"interval": {"startTime": at, "endTime": at}, "value": {"doubleValue": seconds}}]}]})
}

/// Answers for the instance, its operations and each lag series.
async fn look(instance: Value, lag: impl Fn(&Asked) -> Deed + Send + Sync + 'static) -> Result<Replication, Fault> {
    let server = Server::start(move |asked, _| match asked.path.split('?').next().unwrap_or("") {
        "/v1/projects/hexproperty/instances/hexproperty-replica" => Deed::json(200, instance.clone()),
        "/v1/projects/hexproperty/operations" => {
            Deed::json(200, json!({"items": [{"operationType": "UPDATE", "status": "RUNNING", "user": "ops@hexproperty.com"}]}))
        }
        "/v3/projects/hexproperty/timeSeries" => lag(asked),
        other => Deed::text(404, "text/plain", other),
    })
    .await;
    let config = Config {
        source: "database/replica".parse().unwrap(),
        project: "hexproperty".to_owned(),
        instance: "hexproperty-replica".parse().unwrap(),
        every: Millis::from_secs(15),
        now: at_night(),
    };
    let facts = CloudSqlSensor::new(config, client(&server), client(&server)).look().await?;
    let [Fact::Replication(replication)] = facts.as_slice() else { panic!("{facts:?}") };
    Ok(replication.clone())
}

#[tokio::test]
async fn the_lag_of_postgres_is_the_way_there_and_the_time_to_apply() {
    let lag = |asked: &Asked| {
        if asked.path.contains("replica_lag") {
            Deed::json(200, series(0.4, "2026-11-23T21:57:00Z"))
        } else {
            Deed::json(200, series(0.2, "2026-11-23T21:56:00Z"))
        }
    };
    let seen = look(replica(), lag).await.unwrap();
    let sample = seen.lag.unwrap();
    assert!((sample.value - 0.6).abs() < 1e-9);
    assert_eq!(sample.at, Timestamp(NIGHT - 240_000));
    assert_eq!((seen.state, seen.writable), (ReplicaState::Replicating, Writable::ReadOnly));
    assert_eq!(seen.primary.unwrap().as_str(), "hexproperty-prod");
    assert_eq!(seen.operation.unwrap().as_str(), "UPDATE running by ops@hexproperty.com");
}

#[tokio::test]
async fn a_lag_that_is_old_ahead_or_missing_is_a_gap() {
    let gap = async |deed: Deed| look(replica(), move |_| deed.clone()).await.unwrap().lag.unwrap_err();
    assert_eq!(gap(Deed::json(200, series(0.1, "2026-11-23T21:50:30Z"))).await, Gap::Stale);
    assert_eq!(gap(Deed::json(200, series(0.1, "2026-11-23T22:00:30Z"))).await, Gap::FromTheFuture);
    assert_eq!(gap(Deed::json(200, json!({"unit": "s"}))).await, Gap::Missing);
    assert_eq!(gap(Deed::json(200, json!({"timeSeries": "many"}))).await, Gap::Unreadable);
    assert_eq!(gap(Deed::text(503, "text/plain", "busy")).await, Gap::Unreachable);
    let mut partial = series(0.1, "2026-11-23T21:59:00Z");
    partial["executionErrors"] = json!([{"code": 14}]);
    assert_eq!(gap(Deed::json(200, partial)).await, Gap::Partial);
}

#[tokio::test]
async fn a_stopped_replica_has_no_lag_however_small_the_number() {
    let mut stopped = replica();
    stopped["settings"]["databaseReplicationEnabled"] = json!(false);
    let seen = look(stopped, |_| Deed::json(200, series(0.0, "2026-11-23T21:59:00Z"))).await.unwrap();
    assert_eq!((seen.state, seen.lag), (ReplicaState::Stopped, Err(Gap::Missing)));
}

#[tokio::test]
async fn a_promoted_replica_is_a_primary_that_takes_writes() {
    let mut promoted = replica();
    promoted["instanceType"] = json!("CLOUD_SQL_INSTANCE");
    promoted.as_object_mut().unwrap().remove("masterInstanceName");
    let seen = look(promoted, |_| Deed::Close).await.unwrap();
    assert_eq!((seen.state, seen.writable, seen.primary), (ReplicaState::Primary, Writable::AcceptsWrites, None));
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_a_fault() {
    assert_eq!(look(json!("gone"), |_| Deed::Close).await.unwrap_err().kind, FaultKind::Unreadable);
}
