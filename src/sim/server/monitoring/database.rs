//! The databases' series, which differ from engine to engine.
//!
//! A metric that exists and that nobody reports is an empty answer, not an error; one that does not exist is an error. A sample of an
//! instance that was down is not there at all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::allows;
use crate::sim::{
    server::google::{PROJECT, REGION},
    world::{
        series::{SAMPLE_MS, Sample},
        sql::{
            PRIMARY, REPLICA, Sql,
            instance::Engine,
            monitored::{ReplicaSaid, Serving},
        },
        stamp,
    },
};

/// Bytes of log between two flushes of a busy MySQL server.
const BYTES_A_FLUSH: u64 = 64 * 1024;
/// What PostgreSQL's primary tells of each replica; what is applied is the last of it.
const POSITIONS: [&str; 4] = ["sent_location", "write_location", "flush_location", "replay_location"];

/// What kind of values a series has.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge(&'static str),
    /// Each point is what was counted in its minute.
    Delta,
}

/// One series before it is JSON.
struct One {
    instance: String,
    labels: Value,
    kind: Kind,
    points: Vec<(i64, Value)>,
}

/// The series of a metric that the filter lets through; `None` for a metric that there is not.
pub(super) fn series(sql: &Sql, metric: &str, filter: &str, samples: &[&Sample]) -> Option<Vec<Value>> {
    let all = all(engine(sql), metric, samples)?;
    let wanted = |one: &One| {
        let labelled = one.labels.as_object().into_iter().flatten().all(|(name, value)| allows(filter, name, value.as_str().unwrap_or("")));
        !one.points.is_empty() && labelled && allows(filter, "database_id", &format!("{PROJECT}:{}", one.instance))
    };
    Some(all.into_iter().filter(wanted).map(|one| document(metric, one)).collect())
}

fn engine(sql: &Sql) -> Engine {
    let version = sql.instance(PRIMARY).map_or("", |primary| primary.database_version.as_str());
    let known = [Engine::Postgres, Engine::MySql, Engine::SqlServer];
    known.into_iter().find(|engine| engine.version() == version).unwrap_or(Engine::Postgres)
}

fn all(engine: Engine, metric: &str, samples: &[&Sample]) -> Option<Vec<One>> {
    let of_engine = |wanted: &[Engine], all: Vec<One>| if wanted.contains(&engine) { all } else { Vec::new() };
    let said = |kind, value: &dyn Fn(&ReplicaSaid) -> Option<Value>| each(kind, &json!({}), samples, value);
    let lag = || said(Kind::Gauge("DOUBLE"), &|said| said.lag_s.map(double));
    Some(match metric {
        "replication/replica_lag" => of_engine(&[Engine::Postgres, Engine::MySql], lag()),
        "replication/seconds_behind_master" => of_engine(&[Engine::SqlServer], lag()),
        "replication/network_lag" => {
            said(Kind::Gauge("INT64"), &|said| said.network_lag_s.map(|lag| json!({"int64Value": format!("{lag:.0}")})))
        }
        "replication/state" => Serving::ALL.into_iter().flat_map(|state| in_state(state, samples)).collect(),
        "mysql/replication/slave_io_running" => {
            let io = said(Kind::Gauge("STRING"), &|said| Some(json!({"stringValue": said.receiving.word()})));
            of_engine(&[Engine::MySql], io)
        }
        "mysql/replication/slave_sql_running" => {
            let sql = said(Kind::Gauge("STRING"), &|said| Some(json!({"stringValue": said.applying.word()})));
            of_engine(&[Engine::MySql], sql)
        }
        "mysql/innodb_os_log_fsyncs" => {
            let flushes = |bytes: u64| count(bytes / BYTES_A_FLUSH);
            let mut all = written(samples, flushes);
            all.push(replica(Kind::Delta, json!({}), samples, |sample| Some(flushes(sample.applied))));
            of_engine(&[Engine::MySql], all)
        }
        "postgresql/write_ahead_log/written_bytes_count" => of_engine(&[Engine::Postgres], written(samples, count)),
        "postgresql/replication/replica_byte_lag" => {
            of_engine(&[Engine::Postgres], POSITIONS.into_iter().map(|position| behind(position, samples)).collect())
        }
        "sqlserver/replication/bytes_sent_to_replica_count" => of_engine(&[Engine::SqlServer], written(samples, count)),
        "sqlserver/replication/redone_bytes_count" => {
            of_engine(&[Engine::SqlServer], vec![replica(Kind::Delta, json!({}), samples, |sample| Some(count(sample.applied)))])
        }
        _ => return None,
    })
}

/// A series of the replica's own; nothing is sampled while it is down.
fn replica(kind: Kind, labels: Value, samples: &[&Sample], value: impl Fn(&Sample) -> Option<Value>) -> One {
    let up = samples.iter().filter(|sample| sample.database.replica.is_some());
    let points = up.filter_map(|sample| Some((sample.end_ms, value(sample)?))).collect();
    One { instance: REPLICA.to_owned(), labels, kind, points }
}

fn in_state(state: Serving, samples: &[&Sample]) -> Vec<One> {
    each(Kind::Gauge("BOOL"), &json!({"state": state.label()}), samples, &|said| Some(json!({"boolValue": said.state == state})))
}

/// What each replica says of itself, the product's own first.
fn each(kind: Kind, labels: &Value, samples: &[&Sample], value: &dyn Fn(&ReplicaSaid) -> Option<Value>) -> Vec<One> {
    let own = replica(kind, labels.clone(), samples, |sample| sample.database.replica.as_ref().and_then(value));
    let names: BTreeSet<&String> = samples.iter().flat_map(|sample| &sample.database.beside).map(|beside| &beside.name).collect();
    let other = |name: &String| {
        let told = |sample: &&Sample| {
            let beside = sample.database.beside.iter().find(|beside| beside.name == *name)?;
            Some((sample.end_ms, value(&beside.said)?))
        };
        One { instance: name.clone(), labels: labels.clone(), kind, points: samples.iter().filter_map(told).collect() }
    };
    std::iter::once(own).chain(names.into_iter().map(other)).collect()
}

/// What primaries count: the product's own, and the one that is followed where that is another.
fn written(samples: &[&Sample], value: impl Fn(u64) -> Value) -> Vec<One> {
    let own = samples.iter().filter(|sample| sample.database.primary_runs);
    let other = samples.iter().filter(|sample| sample.database.follows != PRIMARY);
    let points = |samples: Vec<&&Sample>| samples.into_iter().map(|sample| (sample.end_ms, value(sample.written))).collect();
    let stranger = samples.first().map_or(PRIMARY, |newest| newest.database.follows.as_str()).to_owned();
    let one = |instance, points| One { instance, labels: json!({}), kind: Kind::Delta, points };
    let mut all = vec![one(PRIMARY.to_owned(), points(own.collect()))];
    if stranger != PRIMARY {
        all.push(one(stranger, points(other.collect())));
    }
    all
}

/// What the followed primary knows of the replica's position; it knows nothing of one that does not ask.
fn behind(position: &str, samples: &[&Sample]) -> One {
    let instance = samples.first().map_or(PRIMARY, |newest| newest.database.follows.as_str()).to_owned();
    let point = |sample: &&Sample| {
        let (seen, behind) = (&sample.database, sample.database.written.saturating_sub(sample.database.applied));
        let bytes = if position == "replay_location" { behind } else { 0 };
        (seen.connected && seen.follows == instance).then(|| (sample.end_ms, count(bytes)))
    };
    let points = samples.iter().filter_map(point).collect();
    One { labels: json!({"replica_name": REPLICA, "replica_lag_type": position}), kind: Kind::Gauge("INT64"), points, instance }
}

/// JSON has no NaN, so it is a text there.
fn double(value: f64) -> Value {
    if value.is_finite() { json!({"doubleValue": value}) } else { json!({"doubleValue": value.to_string()}) }
}

fn count(value: u64) -> Value {
    json!({"int64Value": value.to_string()})
}

fn document(metric: &str, one: One) -> Value {
    let (kind, value_type, length_ms) = match one.kind {
        Kind::Gauge(value_type) => ("GAUGE", value_type, 0),
        Kind::Delta => ("DELTA", "INT64", SAMPLE_MS),
    };
    let point = |(end_ms, value): (i64, Value)| json!({"interval": {"startTime": stamp(end_ms - length_ms), "endTime": stamp(end_ms)}, "value": value});
    json!({
        "metric": {"type": format!("{}{metric}", super::DATABASE), "labels": one.labels},
        "resource": {
            "type": "cloudsql_database",
            "labels": {"project_id": PROJECT, "region": REGION, "database_id": format!("{PROJECT}:{}", one.instance)},
        },
        "metricKind": kind,
        "valueType": value_type,
        "points": one.points.into_iter().map(point).collect::<Vec<_>>(),
    })
}
