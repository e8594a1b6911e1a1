//! Replication lag out of Cloud Monitoring's time series.
//!
//! Raw points are read, not aligned ones: alignment interpolates over gaps, and then a replica that says nothing looks like one that is well.

use serde::Deserialize;
use serde_json::Value;

use super::wire::Engine;
use crate::{
    adapter::http::{Ask, Client, Failure, Limits},
    domain::{
        id::InstanceId,
        metric::{Gap, Measured, Sample},
        time::{Millis, Timestamp},
    },
};

/// How far back points are asked for; twice what the source may be late.
const BACK: Millis = Millis::from_mins(10);
/// A point may lie this far ahead of our clock.
const FUTURE_MAX: Millis = Millis::from_secs(5);

impl Engine {
    /// The series that add up to the whole lag.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Engine::MySql => &["replica_lag"],
            Engine::Postgres => &["replica_lag", "network_lag"],
            Engine::SqlServer => &["seconds_behind_master", "network_lag"],
        }
    }
}

/// The lag in seconds, as old as the older of its parts; `requests` counts the points it was taken from.
pub async fn read(client: &Client, project: &str, instance: &InstanceId, engine: Engine, now: Timestamp, stale_after: Millis) -> Measured {
    let mut sum = Sample::exact(0.0, 0, Timestamp(i64::MAX));
    for part in engine.parts() {
        let series = fetch(client, project, instance, part, now).await.map_err(|failure| Gap::from(failure.fault.kind))?;
        let newest = newest(&series)?;
        sum = Sample::exact(sum.value + newest.value, sum.requests + newest.requests, sum.at.min(newest.at));
    }
    if sum.at.since(now) > FUTURE_MAX {
        return Err(Gap::FromTheFuture);
    }
    if now.since(sum.at) > stale_after {
        return Err(Gap::Stale);
    }
    Ok(sum)
}

async fn fetch(client: &Client, project: &str, instance: &InstanceId, part: &str, now: Timestamp) -> Result<Answer, Failure> {
    let filter = format!(
        "metric.type = \"cloudsql.googleapis.com/database/replication/{part}\" AND resource.labels.database_id = \"{project}:{instance}\""
    );
    let ask = Ask::get(client.at(&["v3", "projects", project, "timeSeries"]), Limits::METRICS)
        .query("filter", &filter)
        .query("interval.startTime", &stamp(now.before(BACK)))
        .query("interval.endTime", &stamp(now))
        .query("view", "FULL");
    client.send(ask).await?.json()
}

fn stamp(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    time_series: Vec<Series>,
    /// Errors that kept parts of the answer away.
    #[serde(default)]
    execution_errors: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Debug, Deserialize)]
struct Point {
    interval: Interval,
    value: PointValue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interval {
    end_time: jiff::Timestamp,
}

/// One of the two is there. Numbers may come as text, because JSON has no NaN and no 64-bit integers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PointValue {
    double_value: Option<Value>,
    int64_value: Option<Value>,
}

fn newest(answer: &Answer) -> Measured {
    if !answer.execution_errors.is_empty() {
        return Err(Gap::Partial);
    }
    let series = match answer.time_series.as_slice() {
        [] => return Err(Gap::Missing),
        [one] => one,
        _ => return Err(Gap::Ambiguous),
    };
    let point = series.points.iter().max_by_key(|point| point.interval.end_time).ok_or(Gap::Missing)?;
    let value = point.value.number().ok_or(Gap::Unreadable)?;
    if value.is_nan() {
        return Err(Gap::NotANumber);
    }
    if value.is_infinite() {
        return Err(Gap::Infinite);
    }
    if value < 0.0 {
        return Err(Gap::Unreadable);
    }
    Ok(Sample::exact(value, series.points.len() as u64, Timestamp(point.interval.end_time.as_millisecond())))
}

impl PointValue {
    fn number(&self) -> Option<f64> {
        match self.double_value.as_ref().or(self.int64_value.as_ref())? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(series: Value) -> Measured {
        newest(&serde_json::from_value(json!({"timeSeries": series})).unwrap())
    }

    fn point(at: &str, value: Value) -> Value {
        json!({"interval": {"startTime": at, "endTime": at}, "value": value})
    }

    #[test]
    fn the_newest_point_counts_with_its_own_time() {
        let points =
            [point("2026-11-23T22:01:00Z", json!({"doubleValue": 0.4})), point("2026-11-23T22:00:00Z", json!({"doubleValue": 9.0}))];
        let sample = read(json!([{"points": points}])).unwrap();
        assert_eq!((sample.value, sample.requests, sample.at), (0.4, 2, Timestamp(1_795_471_260_000)));
        assert_eq!(read(json!([{"points": [point("2026-11-23T22:00:00Z", json!({"int64Value": "3"}))]}])).unwrap().value, 3.0);
    }

    #[test]
    fn a_lag_that_is_not_there_is_never_zero() {
        assert_eq!(newest(&serde_json::from_value(json!({"unit": "s"})).unwrap()), Err(Gap::Missing));
        assert_eq!(read(json!([{"points": []}])), Err(Gap::Missing));
        assert_eq!(read(json!([{"points": []}, {"points": []}])), Err(Gap::Ambiguous));
        let one = |value| read(json!([{"points": [point("2026-11-23T22:00:00Z", value)]}]));
        assert_eq!(one(json!({"doubleValue": "NaN"})), Err(Gap::NotANumber));
        assert_eq!(one(json!({"doubleValue": "Infinity"})), Err(Gap::Infinite));
        assert_eq!(one(json!({"doubleValue": -1})), Err(Gap::Unreadable));
        assert_eq!(one(json!({"boolValue": true})), Err(Gap::Unreadable));
    }
}
