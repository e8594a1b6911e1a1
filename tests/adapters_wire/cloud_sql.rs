//! The replica's sensor: what the Admin API and Monitoring say, and what their silence means.

use cutover::{
    adapter::cloud_sql::{CloudSqlSensor, Config},
    domain::{
        database::{Broken, Engine, Movement, Serving},
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
    server::{Asked, Reaction, Server},
};

fn replica() -> Value {
    json!({"kind": "sql#instance", "name": "hexproperty-replica", "instanceType": "READ_REPLICA_INSTANCE", "state": "RUNNABLE",
        "databaseVersion": "POSTGRES_15", "masterInstanceName": "hexproperty:hexproperty-prod", "settings": {"activationPolicy": "ALWAYS"}})
}

fn mysql() -> Value {
    let mut mysql = replica();
    mysql["databaseVersion"] = json!("MYSQL_8_0");
    mysql
}

const MINUTES: [&str; 4] = ["2026-11-23T21:57:00Z", "2026-11-23T21:56:00Z", "2026-11-23T21:55:00Z", "2026-11-23T21:54:00Z"];

fn points(values: &[(&str, Value)]) -> Value {
    let one = |(at, value): &(&str, Value)| json!({"interval": {"startTime": at, "endTime": at}, "value": value});
    Value::Array(values.iter().map(one).collect())
}

fn series(seconds: f64, at: &str) -> Value {
    json!({"timeSeries": [{"points": points(&[(at, json!({"doubleValue": seconds}))])}]})
}

fn word(word: &str) -> Value {
    json!({"timeSeries": [{"points": points(&[(MINUTES[0], json!({"stringValue": word}))])}]})
}

fn in_state(state: &str) -> Value {
    let one = |name: &str| {
        let labels = json!({"labels": {"state": name}});
        json!({"metric": labels, "points": points(&[(MINUTES[0], json!({"boolValue": name == state}))])})
    };
    let all = ["Running", "Stopped", "Error"].map(one);
    json!({ "timeSeries": all })
}

/// A series with this many bytes, or times, in each of the last minutes, newest first.
fn counts(labels: Value, values: [u64; 4]) -> Value {
    let each: Vec<_> = MINUTES.into_iter().zip(values).map(|(at, value)| (at, json!({"int64Value": value.to_string()}))).collect();
    json!({"timeSeries": [{"metric": {"labels": labels}, "points": points(&each)}]})
}

fn byte_lag(values: [u64; 4]) -> Value {
    counts(json!({"replica_name": "hexproperty-replica", "replica_lag_type": "replay_location"}), values)
}

/// What Monitoring says of a replica that is well, by metric; the metric is all of `filter` up to the instance.
fn well(metric: &str) -> Value {
    match metric {
        "replication/replica_lag" | "replication/seconds_behind_master" => series(0.4, MINUTES[0]),
        "replication/network_lag" => series(0.2, MINUTES[1]),
        "replication/state" => in_state("Running"),
        "mysql/replication/slave_io_running" | "mysql/replication/slave_sql_running" => word("Yes"),
        "mysql/innodb_os_log_fsyncs"
        | "postgresql/write_ahead_log/written_bytes_count"
        | "sqlserver/replication/bytes_sent_to_replica_count"
        | "sqlserver/replication/redone_bytes_count" => counts(json!({}), [9_000, 10_000, 11_000, 10_000]),
        "postgresql/replication/replica_byte_lag" => byte_lag([1_200, 900, 1_100, 1_000]),
        other => panic!("nobody asks for {other}"),
    }
}

/// The metric that a request asks for, and of which instance.
fn asked_for(asked: &Asked) -> (String, String) {
    let url = reqwest::Url::parse(&format!("http://monitoring{}", asked.path)).expect("a path");
    let filter = url.query_pairs().find(|(name, _)| name == "filter").expect("a filter").1.into_owned();
    let quoted: Vec<&str> = filter.split('"').collect();
    (quoted[1].strip_prefix("cloudsql.googleapis.com/database/").expect("a metric of databases").to_owned(), quoted[3].to_owned())
}

/// Answers for the instance, its operations and each series, all of them well but what `altered` says.
async fn look(instance: Value, altered: impl Fn(&str, &str) -> Option<Reaction> + Send + Sync + 'static) -> Result<Replication, Fault> {
    let server = Server::start(move |asked, _| match asked.path.split('?').next().unwrap_or("") {
        "/v1/projects/hexproperty/instances/hexproperty-replica" => Reaction::json(200, instance.clone()),
        "/v1/projects/hexproperty/operations" => {
            Reaction::json(200, json!({"items": [{"operationType": "UPDATE", "status": "RUNNING", "user": "ops@hexproperty.com"}]}))
        }
        "/v3/projects/hexproperty/timeSeries" => {
            let (metric, instance) = asked_for(asked);
            altered(&metric, &instance).unwrap_or_else(|| Reaction::json(200, well(&metric)))
        }
        other => Reaction::text(404, "text/plain", other),
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

/// Everything is well but one metric.
async fn but(instance: Value, metric: &'static str, answer: Value) -> Replication {
    look(instance, move |asked, _| (asked == metric).then(|| Reaction::json(200, answer.clone()))).await.unwrap()
}

#[tokio::test]
async fn the_lag_of_postgres_is_the_way_there_and_the_time_to_apply() {
    let seen = look(replica(), |_, _| None).await.unwrap();
    let sample = seen.lag.unwrap();
    assert!((sample.value - 0.6).abs() < 1e-9);
    assert_eq!(sample.at, Timestamp(NIGHT - 240_000));
    assert_eq!((seen.state, seen.serving, seen.writable), (ReplicaState::Replicating, Serving::Running, Writable::ReadOnly));
    assert_eq!((seen.engine, seen.movement, seen.behind_bytes), (Some(Engine::Postgres), Movement::Moves, Some(1_200)));
    assert_eq!(seen.primary.unwrap().as_str(), "hexproperty-prod");
    assert_eq!(seen.operation.unwrap().as_str(), "UPDATE running by ops@hexproperty.com");
}

#[tokio::test]
async fn each_engine_tells_by_its_own_measure() {
    let seen = look(mysql(), |_, _| None).await.unwrap();
    assert_eq!((seen.state, seen.movement, seen.lag.unwrap().value), (ReplicaState::Replicating, Movement::Moves, 0.4));
    let mut server = replica();
    server["databaseVersion"] = json!("SQLSERVER_2019_STANDARD");
    let seen = look(server, |metric, _| {
        assert_ne!(metric, "replication/replica_lag", "SQL Server does not tell by that");
        None
    })
    .await
    .unwrap();
    assert!((seen.lag.unwrap().value - 0.6).abs() < 1e-9);
    assert_eq!((seen.state, seen.movement), (ReplicaState::Replicating, Movement::Moves));
}

#[tokio::test]
async fn a_broken_replication_has_no_lag_although_it_reports_none() {
    for (metric, answer, state) in [
        ("replication/state", in_state("Error"), ReplicaState::Broken(Broken::Error)),
        ("replication/state", in_state("Stopped"), ReplicaState::Stopped),
        ("mysql/replication/slave_io_running", word("No"), ReplicaState::Broken(Broken::Receiving)),
        ("mysql/replication/slave_io_running", word("Connecting"), ReplicaState::Broken(Broken::Receiving)),
        ("mysql/replication/slave_sql_running", word("No"), ReplicaState::Broken(Broken::Applying)),
    ] {
        let seen = but(mysql(), metric, answer).await;
        assert_eq!((seen.state, seen.lag), (state, Err(Gap::Missing)), "{metric}");
    }
    // The public fault: the instance is runnable, the lag a steady 0, and every other series says that nothing runs.
    let all = |metric: &str, _: &str| {
        Some(Reaction::json(200, if metric.ends_with("replica_lag") { series(0.0, "2026-11-23T21:59:00Z") } else { word("No") }))
    };
    let seen = look(mysql(), all).await.unwrap();
    assert_eq!((seen.state, seen.lag), (ReplicaState::Broken(Broken::Receiving), Err(Gap::Missing)));
}

#[tokio::test]
async fn an_engine_that_does_not_say_that_it_runs_is_not_taken_to() {
    let silent = json!({"unit": "1"});
    let seen = but(replica(), "replication/state", silent.clone()).await;
    assert_eq!((seen.state, seen.lag), (ReplicaState::Untold, Err(Gap::Missing)));
    let seen = but(mysql(), "replication/state", silent).await;
    assert_eq!(seen.state, ReplicaState::Replicating, "both of MySQL's threads say so");
    let down =
        look(replica(), |metric, _| (metric == "replication/state").then(|| Reaction::text(503, "text/plain", "busy"))).await.unwrap();
    assert_eq!((down.state, down.lag), (ReplicaState::Untold, Err(Gap::Unreachable)));
}

#[tokio::test]
async fn a_position_that_stands_while_the_primary_writes_is_seen() {
    let seen = but(replica(), "postgresql/replication/replica_byte_lag", byte_lag([31_000, 22_000, 12_000, 1_000])).await;
    assert_eq!((seen.movement, seen.behind_bytes), (Movement::FallsBack, Some(31_000)));
    let idle = but(replica(), "postgresql/write_ahead_log/written_bytes_count", counts(json!({}), [0, 0, 0, 0])).await;
    assert_eq!(idle.movement, Movement::Idle, "nothing is written, so nothing is proven");
    let other = json!({"replica_name": "hexproperty-dr", "replica_lag_type": "replay_location"});
    let unknown = but(replica(), "postgresql/replication/replica_byte_lag", counts(other, [0, 0, 0, 0])).await;
    assert_eq!((unknown.movement, unknown.behind_bytes), (Movement::Untold, None), "its primary does not know it");
    let stands = |metric: &str, instance: &str| {
        let its = metric == "mysql/innodb_os_log_fsyncs" && instance.ends_with("replica");
        its.then(|| Reaction::json(200, counts(json!({}), [0, 0, 0, 0])))
    };
    assert_eq!(look(mysql(), stands).await.unwrap().movement, Movement::FallsBack);
}

#[tokio::test]
async fn a_lag_that_is_old_ahead_or_missing_is_a_gap() {
    let gap = async |reaction: Reaction| {
        look(replica(), move |metric, _| metric.ends_with("_lag").then(|| reaction.clone())).await.unwrap().lag.unwrap_err()
    };
    assert_eq!(gap(Reaction::json(200, series(0.1, "2026-11-23T21:50:30Z"))).await, Gap::Stale);
    assert_eq!(gap(Reaction::json(200, series(0.1, "2026-11-23T22:00:30Z"))).await, Gap::FromTheFuture);
    assert_eq!(gap(Reaction::json(200, json!({"unit": "s"}))).await, Gap::Missing);
    assert_eq!(gap(Reaction::json(200, json!({"timeSeries": "many"}))).await, Gap::Unreadable);
    assert_eq!(gap(Reaction::text(503, "text/plain", "busy")).await, Gap::Unreachable);
    let mut partial = series(0.1, "2026-11-23T21:59:00Z");
    partial["executionErrors"] = json!([{"code": 14}]);
    assert_eq!(gap(Reaction::json(200, partial)).await, Gap::Partial);
}

#[tokio::test]
async fn a_stopped_replica_has_no_lag_however_small_the_number() {
    let mut stopped = replica();
    stopped["settings"]["databaseReplicationEnabled"] = json!(false);
    let seen = look(stopped, |_, _| None).await.unwrap();
    assert_eq!((seen.state, seen.lag), (ReplicaState::Stopped, Err(Gap::Missing)));
}

#[tokio::test]
async fn an_instance_that_is_down_says_why_and_takes_no_writes() {
    for (state, serving) in [
        ("SUSPENDED", Serving::Suspended),
        ("MAINTENANCE", Serving::Maintenance),
        ("FAILED", Serving::Failed),
        ("PENDING_CREATE", Serving::PendingCreate),
    ] {
        let (mut follower, mut primary) = (replica(), replica());
        follower["state"] = json!(state);
        primary["state"] = json!(state);
        primary["instanceType"] = json!("CLOUD_SQL_INSTANCE");
        let seen = look(follower, |_, _| None).await.unwrap();
        assert_eq!((seen.serving, seen.state, seen.lag), (serving, ReplicaState::Stopped, Err(Gap::Missing)));
        let seen = look(primary, |_, _| None).await.unwrap();
        assert_eq!((seen.serving, seen.state, seen.writable), (serving, ReplicaState::Primary, Writable::Unknown));
    }
    let mut off = replica();
    off["settings"]["activationPolicy"] = json!("NEVER");
    assert_eq!(look(off, |_, _| None).await.unwrap().serving, Serving::Stopped);
}

#[tokio::test]
async fn a_primary_of_another_project_keeps_its_project() {
    let mut foreign = replica();
    foreign["masterInstanceName"] = json!("staging:hexproperty-prod");
    assert_eq!(look(foreign, |_, _| None).await.unwrap().primary.unwrap().as_str(), "staging/hexproperty-prod");
}

#[tokio::test]
async fn a_promoted_replica_is_a_primary_that_takes_writes() {
    let mut promoted = replica();
    promoted["instanceType"] = json!("CLOUD_SQL_INSTANCE");
    promoted.as_object_mut().unwrap().remove("masterInstanceName");
    let seen = look(promoted.clone(), |_, _| Some(Reaction::Close)).await.unwrap();
    assert_eq!((seen.state, seen.writable, seen.primary), (ReplicaState::Primary, Writable::AcceptsWrites, None));
    assert_eq!(seen.movement, Movement::Untold);
    assert_eq!(look(promoted, |_, _| None).await.unwrap().movement, Movement::Moves);
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_a_fault() {
    assert_eq!(look(json!("gone"), |_, _| Some(Reaction::Close)).await.unwrap_err().kind, FaultKind::Unreadable);
}
