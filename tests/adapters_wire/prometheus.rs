//! The Prometheus sensor when the server is partial, late, ahead or wrong.

use std::collections::BTreeMap;

use cutover::{
    adapter::{
        http::{Origin, Reach},
        prometheus::{Config, PrometheusSensor, Query, Scale},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Gap, Measured, Metric},
        time::{Millis, Timestamp},
    },
    port::Sensor,
};
use serde_json::{Value, json};

use super::{
    NIGHT, at_night, client, id,
    server::{Asked, Reaction, Server},
};

fn answer(value: &str, at_ms: i64) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [at_ms as f64 / 1000.0, value]}]}})
}

/// Appearance once; the script is told which query it answers: `p95`, `requests` or `newest`.
async fn look(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Result<Measured, Fault> {
    let name = |asked: &Asked| ["p95", "requests", "newest"].into_iter().find(|name| asked.path.contains(name)).unwrap();
    let server = Server::start(move |asked, _| script(name(asked))).await;
    let query = Query { promql: "p95".to_owned(), scale: Scale::SecondsToMillis, capped_at: Some(10.0) };
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: id("gke"),
        base: Origin::split(&server.url("/v1/projects/p/location/global/prometheus"), Reach::Loopback).unwrap().1,
        queries: BTreeMap::from([(Metric::P95Latency, query)]),
        requests: Some("requests".to_owned()),
        newest: Some("newest".to_owned()),
        every: Millis::from_secs(5),
        stale_after: Millis::from_secs(30),
        now: at_night(),
    };
    let facts = PrometheusSensor::new(config, client(&server)).look().await?;
    assert!(server.asked().iter().all(|asked| asked.path.starts_with("/v1/projects/p/location/global/prometheus/api/v1/query?query=")));
    let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(values[&Metric::ErrorRate], Err(Gap::Missing), "what is not asked for is not there");
    Ok(values[&Metric::P95Latency])
}

/// Good answers but for p95.
async fn p95(reaction: Reaction) -> Result<Measured, Fault> {
    look(move |name| match name {
        "p95" => reaction.clone(),
        "requests" => Reaction::json(200, answer("412.4", NIGHT)),
        _ => Reaction::json(200, answer(&format!("{}", (NIGHT - 4000) / 1000), NIGHT)),
    })
    .await
}

#[tokio::test]
async fn a_figure_has_its_requests_and_the_time_of_the_newest_sample() {
    let sample = p95(Reaction::json(200, answer("0.25", NIGHT))).await.unwrap().unwrap();
    assert_eq!((sample.value, sample.requests, sample.at), (250.0, 412, Timestamp(NIGHT - 4000)));
}

#[tokio::test]
async fn a_quantile_at_the_top_bucket_is_at_least_that() {
    let sample = p95(Reaction::json(200, answer("10", NIGHT))).await.unwrap().unwrap();
    assert_eq!((sample.value, sample.basis), (10_000.0, Basis::AtLeast));
}

#[tokio::test]
async fn what_is_not_one_finite_number_is_a_gap() {
    let mut warned = answer("0.25", NIGHT);
    warned["warnings"] = json!(["a store did not answer"]);
    for (reaction, gap) in [
        (Reaction::json(200, answer("NaN", NIGHT)), Gap::NotANumber),
        (Reaction::json(200, answer("+Inf", NIGHT)), Gap::Infinite),
        (Reaction::json(200, answer("-1", NIGHT)), Gap::Unreadable),
        (Reaction::json(200, warned), Gap::Partial),
        (Reaction::json(200, answer("0.25", NIGHT + 60_000)), Gap::FromTheFuture),
        (Reaction::json(200, json!({"status": "success", "data": {"resultType": "vector", "result": []}})), Gap::Missing),
    ] {
        assert_eq!(p95(reaction).await.unwrap(), Err(gap));
    }
}

#[tokio::test]
async fn the_echo_of_a_dead_series_is_stale() {
    let dead = |name: &str| {
        Reaction::json(200, answer(&if name == "newest" { format!("{}", NIGHT / 1000 - 120) } else { "0.25".to_owned() }, NIGHT))
    };
    assert_eq!(look(dead).await.unwrap(), Err(Gap::Stale));
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_a_fault() {
    assert_eq!(look(|_| Reaction::text(503, "text/plain", "starting")).await.unwrap_err().kind, FaultKind::Unavailable);
    let bad = json!({"status": "error", "errorType": "bad_data", "error": "1:4: parse error"});
    let fault = p95(Reaction::json(400, bad)).await.unwrap_err();
    assert!(fault.kind == FaultKind::Rejected && fault.message.as_str().contains("parse error"), "{fault}");
}
