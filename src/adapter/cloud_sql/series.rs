//! Cloud Monitoring's time series, as far as they are looked at.
//!
//! Raw points are read, not aligned ones: alignment interpolates over gaps, and then a replica that says nothing looks like one that is well.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::{
        id::InstanceId,
        metric::Gap,
        time::{Millis, Timestamp},
    },
};

/// How far back points are asked for; twice what the source may be late.
const BACK: Millis = Millis::from_mins(10);
/// A point may lie this far ahead of our clock.
const FUTURE_MAX: Millis = Millis::from_secs(5);

/// Where series are asked for, and what counts as young there.
pub(super) struct Monitoring<'a> {
    pub client: &'a Client,
    pub project: &'a str,
    pub now: Timestamp,
    pub stale_after: Millis,
}

impl Monitoring<'_> {
    /// Every series of a metric that an instance reports; `metric` is its name without the service's prefix.
    pub(super) async fn series(&self, metric: &str, instance: &InstanceId) -> Result<Vec<Series>, Gap> {
        let project = self.project;
        let filter = format!(
            "metric.type = \"cloudsql.googleapis.com/database/{metric}\" AND resource.labels.database_id = \"{project}:{instance}\""
        );
        let ask = Ask::get(self.client.at(&["v3", "projects", project, "timeSeries"]), Limits::METRICS)
            .query("filter", &filter)
            .query("interval.startTime", &stamp(self.now.before(BACK)))
            .query("interval.endTime", &stamp(self.now))
            .query("view", "FULL");
        let reply = self.client.send(ask).await.map_err(|failure| Gap::from(failure.fault.kind))?;
        let answer: Answer = reply.json().map_err(|failure| Gap::from(failure.fault.kind))?;
        if !answer.execution_errors.is_empty() {
            return Err(Gap::Partial);
        }
        if answer.time_series.is_empty() { Err(Gap::Missing) } else { Ok(answer.time_series) }
    }

    /// Whether something that was sampled at this time still says anything.
    pub(super) fn young(&self, at: Timestamp) -> Result<(), Gap> {
        if at.since(self.now) > FUTURE_MAX {
            return Err(Gap::FromTheFuture);
        }
        if self.now.since(at) > self.stale_after { Err(Gap::Stale) } else { Ok(()) }
    }
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
pub(super) struct Series {
    #[serde(default)]
    metric: Metric,
    #[serde(default)]
    pub points: Vec<Point>,
}

#[derive(Debug, Default, Deserialize)]
struct Metric {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Point {
    interval: Interval,
    value: PointValue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interval {
    end_time: jiff::Timestamp,
}

/// One of them is there. Numbers may come as text, because JSON has no NaN and no 64-bit integers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PointValue {
    double_value: Option<Value>,
    int64_value: Option<Value>,
    bool_value: Option<bool>,
    string_value: Option<String>,
}

impl Series {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.metric.labels.get(name).map(String::as_str)
    }
    pub(super) fn newest(&self) -> Result<&Point, Gap> {
        self.points.iter().max_by_key(|point| point.interval.end_time).ok_or(Gap::Missing)
    }
}

/// The only one; two of them would be two answers to one question.
pub(super) fn single(series: &[Series]) -> Result<&Series, Gap> {
    match series {
        [] => Err(Gap::Missing),
        [one] => Ok(one),
        _ => Err(Gap::Ambiguous),
    }
}

impl Point {
    pub(super) fn at(&self) -> Timestamp {
        Timestamp(self.interval.end_time.as_millisecond())
    }
    /// A number that can be an amount: finite and not below zero.
    pub(super) fn amount(&self) -> Result<f64, Gap> {
        let number = match self.value.double_value.as_ref().or(self.value.int64_value.as_ref()) {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) | None => None,
        };
        match number {
            None => Err(Gap::Unreadable),
            Some(number) if number.is_nan() => Err(Gap::NotANumber),
            Some(number) if number.is_infinite() => Err(Gap::Infinite),
            Some(number) if number < 0.0 => Err(Gap::Unreadable),
            Some(number) => Ok(number),
        }
    }
    pub(super) fn flag(&self) -> Option<bool> {
        self.value.bool_value
    }
    pub(super) fn text(&self) -> Option<&str> {
        self.value.string_value.as_deref()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// Series out of JSON, for the tests of everything that reads some.
    pub(crate) fn series(json: Value) -> Vec<Series> {
        serde_json::from_value(json).unwrap()
    }
    pub(crate) fn point(at: &str, value: Value) -> Value {
        json!({"interval": {"startTime": at, "endTime": at}, "value": value})
    }

    #[test]
    fn an_amount_that_is_none_is_a_gap() {
        let one = |value| series(json!([{"points": [point("2026-11-23T22:00:00Z", value)]}]))[0].newest().unwrap().amount();
        assert_eq!(one(json!({"int64Value": "3"})), Ok(3.0));
        assert_eq!(one(json!({"doubleValue": "NaN"})), Err(Gap::NotANumber));
        assert_eq!(one(json!({"doubleValue": "Infinity"})), Err(Gap::Infinite));
        assert_eq!(one(json!({"doubleValue": -1})), Err(Gap::Unreadable), "a replication that is inactive");
        assert_eq!(one(json!({"boolValue": true})), Err(Gap::Unreadable));
    }

    #[test]
    fn one_question_has_one_answer() {
        assert_eq!(single(&[]).unwrap_err(), Gap::Missing);
        assert_eq!(single(&series(json!([{"points": []}, {"points": []}]))).unwrap_err(), Gap::Ambiguous);
        assert_eq!(single(&series(json!([{"points": []}]))).unwrap().newest().unwrap_err(), Gap::Missing);
    }
}
