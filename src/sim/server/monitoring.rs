//! Cloud Monitoring v3: time series of the databases and of Cloud Run's requests.
//!
//! Points come as they were sampled, a minute apart and two minutes late. This world does no aggregation: a
//! request for one that would change the points is refused, so that nobody mistakes raw points for a rate.

mod database;

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use super::{
    google::{PROJECT, REGION},
    http::{Answer, Call, Reply},
    prometheus,
    router::not_found,
};
use crate::sim::world::{
    World,
    meter::Code,
    series::{SAMPLE_MS, Sample},
    stamp,
};

const DATABASE: &str = "cloudsql.googleapis.com/database/";
const RUN_REQUESTS: &str = "run.googleapis.com/request_count";

/// Answers one call.
pub fn handle(world: &World, call: &Call) -> Answer {
    match (&call.method, call.parts().as_slice()) {
        (&Method::GET, ["v3", "projects", PROJECT, "timeSeries"]) => series(world, call).unwrap_or_else(|message| invalid(&message)).into(),
        (_, ["v1", "projects", PROJECT, "location", "global", "prometheus", "api", "v1", rest @ ..]) => {
            prometheus::handle(world, call, rest)
        }
        _ => not_found(call).into(),
    }
}

fn series(world: &World, call: &Call) -> Result<Reply, String> {
    let filter = call.parameter("filter").ok_or("Field filter is required.")?;
    let metric = quoted(filter, "metric.type").ok_or("The filter must name one metric.type.")?;
    if let Some(other) = ["aggregation.perSeriesAligner", "aggregation.crossSeriesReducer"]
        .iter()
        .filter_map(|name| call.parameter(name))
        .find(|value| !matches!(*value, "ALIGN_NONE" | "ALIGN_DELTA" | "ALIGN_MEAN" | "ALIGN_NEXT_OLDER" | "REDUCE_NONE"))
    {
        return Err(format!("The aggregation {other} is not offered here; only raw points are."));
    }
    let to_ms = instant(call, "interval.endTime")?.ok_or("Field interval.end_time is required.")?;
    let from_ms = instant(call, "interval.startTime")?.unwrap_or(to_ms);
    let samples: Vec<&Sample> = world.series.visible(world.now_ms, from_ms, to_ms).collect();
    let found = match (metric, metric.strip_prefix(DATABASE)) {
        (RUN_REQUESTS, _) => Some(run_requests(filter, &samples)),
        (_, Some(name)) => database::series(&world.sql, name, filter, &samples),
        (_, None) => None,
    };
    let found = found.ok_or_else(|| format!("Cannot find metric(s) that match type = \"{metric}\"."))?;
    Ok(Reply::ok(&if found.is_empty() { json!({"unit": "1"}) } else { json!({"unit": "1", "timeSeries": found}) }))
}

fn run_requests(filter: &str, samples: &[&Sample]) -> Vec<Value> {
    let keys: BTreeSet<&(String, Code)> = samples.iter().flat_map(|sample| sample.run_requests.keys()).collect();
    let wanted = |key: &&&(String, Code)| {
        allows(filter, "service_name", "frontend")
            && allows(filter, "revision_name", &key.0)
            && allows(filter, "response_code_class", class(key.1))
    };
    let one = |key: &(String, Code)| {
        let point = |sample: &&Sample| {
            let count = sample.run_requests.get(key)?;
            let interval = json!({"startTime": stamp(sample.end_ms - SAMPLE_MS), "endTime": stamp(sample.end_ms)});
            Some(json!({"interval": interval, "value": {"int64Value": count.to_string()}}))
        };
        json!({
            "metric": {"type": RUN_REQUESTS, "labels": {"response_code": key.1.number().to_string(), "response_code_class": class(key.1)}},
            "resource": {
                "type": "cloud_run_revision",
                "labels": {"project_id": PROJECT, "location": REGION, "service_name": "frontend", "configuration_name": "frontend", "revision_name": key.0},
            },
            "metricKind": "DELTA",
            "valueType": "INT64",
            "points": samples.iter().filter_map(point).collect::<Vec<_>>(),
        })
    };
    keys.iter().filter(wanted).map(|key| one(key)).collect()
}

fn class(code: Code) -> &'static str {
    match code {
        Code::Fine => "2xx",
        Code::Found => "3xx",
        Code::NotFound => "4xx",
        Code::Broken | Code::BadGateway | Code::Unavailable => "5xx",
    }
}

/// Whether a filter's condition on a label, if it has one, holds for this value.
fn allows(filter: &str, label: &str, value: &str) -> bool {
    quoted(filter, label).is_none_or(|wanted| wanted == value)
}

/// The quoted value that a filter compares `name` with.
fn quoted<'a>(filter: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = filter.split_once(name)?;
    let after = after.trim_start_matches(['"', ' ', ']']).strip_prefix('=')?.trim_start().strip_prefix('"')?;
    after.split('"').next()
}

fn instant(call: &Call, name: &str) -> Result<Option<i64>, String> {
    let parse =
        |text: &str| text.parse::<jiff::Timestamp>().map(|at| at.as_millisecond()).map_err(|_| format!("Field {name} is not a timestamp."));
    call.parameter(name).map(parse).transpose()
}

fn invalid(message: &str) -> Reply {
    Reply::error(400, "INVALID_ARGUMENT", message)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn filters_are_read_with_and_without_blanks() {
        let filter = r#"metric.type = "a/b" AND resource.labels.database_id="p:i" AND metric.labels."response_code_class" = "5xx""#;
        assert_eq!(quoted(filter, "metric.type"), Some("a/b"));
        assert_eq!(quoted(filter, "database_id"), Some("p:i"));
        assert_eq!(quoted(filter, "response_code_class"), Some("5xx"));
        assert_eq!(quoted(filter, "service_name"), None);
    }
}
