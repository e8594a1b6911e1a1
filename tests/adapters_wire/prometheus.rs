//! The Prometheus sensor when the server is partial, late, ahead or wrong.

use std::collections::BTreeMap;

use cutover::{
    adapter::{
        http::{Origin, Reach},
        prometheus::{Config, PrometheusSensor, Queries, Scale, series},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        metric::{Basis, Gap, Measured, Metric, Sample, Unit},
        series::{Bad, Series},
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

/// One look; the script is told which query it answers: `p95`, `requests`, `failures` or `newest`.
async fn look_at(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> (Result<Vec<Fact>, Fault>, Vec<Asked>) {
    let name = |asked: &Asked| ["p95", "requests", "failures", "newest"].into_iter().find(|name| asked.path.contains(name)).unwrap();
    let server = Server::start(move |asked, _| script(name(asked))).await;
    let queries = Queries {
        newest: "newest".to_owned(),
        requests: "requests".to_owned(),
        failures: Some("failures".to_owned()),
        dropped: None,
        latencies: BTreeMap::from([(Metric::P95Latency, "p95".to_owned())]),
        scale: Scale::SecondsToMillis,
        top_bucket: Some(10_000.0),
    };
    let config = Config {
        source: "prometheus/gke".parse().unwrap(),
        backend: id("gke"),
        base: Origin::split(&server.url("/v1/projects/p/location/global/prometheus"), Reach::Loopback).unwrap().1,
        queries,
        window: Millis::from_secs(60),
        every: Millis::from_secs(5),
        stale_after: Millis::from_secs(30),
        now: at_night(),
    };
    let facts = PrometheusSensor::new(config, client(&server)).look().await;
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.path.starts_with("/v1/projects/p/location/global/prometheus/api/v1/query?query=")));
    (facts, asked)
}

async fn values(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Result<BTreeMap<Metric, Measured>, Fault> {
    let facts = look_at(script).await.0?;
    let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(values.len(), Metric::STANDARD.len(), "each figure has a number or a reason");
    Ok(values.clone())
}

async fn look(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Result<Measured, Fault> {
    Ok(values(script).await?[&Metric::P95Latency])
}

/// Good answers: 412 requests, 9 of them failed, the newest sample 4 s old.
fn good(name: &str) -> Reaction {
    match name {
        "newest" => Reaction::json(200, answer(&format!("{}", (NIGHT - 4000) / 1000), NIGHT)),
        "requests" => Reaction::json(200, answer("412.4", NIGHT)),
        "failures" => Reaction::json(200, answer("8.8", NIGHT)),
        _ => Reaction::json(200, answer("0.25", NIGHT)),
    }
}

/// Good answers but for one query.
async fn but_for(odd: &'static str, reaction: Reaction) -> Result<BTreeMap<Metric, Measured>, Fault> {
    values(move |name| if name == odd { reaction.clone() } else { good(name) }).await
}

async fn p95(reaction: Reaction) -> Result<Measured, Fault> {
    Ok(but_for("p95", reaction).await?[&Metric::P95Latency])
}

fn nothing() -> Reaction {
    Reaction::json(200, json!({"status": "success", "data": {"resultType": "vector", "result": []}}))
}

#[tokio::test]
async fn failures_are_counted_of_so_many_requests_as_of_the_newest_sample() {
    let (facts, asked) = look_at(good).await;
    let facts = facts.unwrap();
    let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
    let at = Timestamp(NIGHT - 4000);
    let counted = Sample { value: 9.0 / 412.0, requests: 412, at, basis: Basis::Counted { failed: 9 } };
    assert_eq!(values[&Metric::ErrorRate], Ok(counted));
    assert_eq!(values[&Metric::RequestRate], Ok(Sample::exact(412.4 / 60.0, 412, at)));
    assert_eq!(values[&Metric::DropRate], Err(Gap::Missing), "what is not asked for is not there");
    let when = format!("&time={:.3}", (NIGHT - 4000) as f64 / 1000.0);
    let (newest, rest) = asked.split_first().unwrap();
    assert!(newest.path.ends_with("query=newest"), "{newest:?}");
    assert!(rest.len() == 3 && rest.iter().all(|asked| asked.path.ends_with(&when)), "all of one moment: {rest:?}");
}

#[tokio::test]
async fn what_counts_nothing_or_something_else_is_no_share() {
    let number = |value: &str| Reaction::json(200, answer(value, NIGHT));
    let of = |odd, reaction| async move { but_for(odd, reaction).await.unwrap()[&Metric::ErrorRate] };
    assert_eq!(of("failures", nothing()).await, Err(Gap::Missing), "nothing is not zero");
    assert_eq!(of("failures", number("0")).await.unwrap().basis, Basis::Counted { failed: 0 });
    assert_eq!(of("failures", number("900")).await, Err(Gap::Unreadable), "more failures than requests");
    assert_eq!(of("failures", number("414")).await.unwrap().value, 1.0, "as much more as is extrapolated");
    assert_eq!(of("requests", number("0.3")).await, Err(Gap::LowVolume));
    let without = but_for("requests", nothing()).await.unwrap();
    assert!(without.values().all(|value| *value == Err(Gap::Missing)), "{without:?}");
}

#[tokio::test]
async fn a_quantile_of_nothing_lacks_requests() {
    let answers = |name: &str| match name {
        "requests" | "failures" => Reaction::json(200, answer("0", NIGHT)),
        "p95" => Reaction::json(200, answer("NaN", NIGHT)),
        other => good(other),
    };
    assert_eq!(look(answers).await.unwrap(), Err(Gap::LowVolume));
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
        (nothing(), Gap::Missing),
    ] {
        assert_eq!(p95(reaction).await.unwrap(), Err(gap));
    }
}

#[tokio::test]
async fn without_a_young_newest_sample_nothing_else_is_asked() {
    let newest = |seconds_off: i64| Reaction::json(200, answer(&format!("{}", NIGHT / 1000 + seconds_off), NIGHT));
    for (reaction, gap) in [(newest(-120), Gap::Stale), (newest(60), Gap::FromTheFuture), (nothing(), Gap::Missing)] {
        let (facts, asked) = look_at(move |_| reaction.clone()).await;
        let facts = facts.unwrap();
        let [Fact::Measured { values, .. }] = facts.as_slice() else { panic!("{facts:?}") };
        assert!(values.values().all(|value| *value == Err(gap)), "{values:?}");
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_a_fault() {
    assert_eq!(look(|_| Reaction::text(503, "text/plain", "starting")).await.unwrap_err().kind, FaultKind::Unavailable);
    let bad = json!({"status": "error", "errorType": "bad_data", "error": "1:4: parse error"});
    let fault = but_for("newest", Reaction::json(400, bad.clone())).await.unwrap_err();
    assert!(fault.kind == FaultKind::Rejected && fault.message.as_str().contains("parse error"), "{fault}");
    // One query that is refused, or throttled, spoils its own figure and no other.
    for (status, body, gap) in [(422, bad, Gap::Unreadable), (429, json!({}), Gap::Unreachable)] {
        let values = but_for("p95", Reaction::json(status, body)).await.unwrap();
        assert_eq!(values[&Metric::P95Latency], Err(gap));
        assert!(values[&Metric::ErrorRate].is_ok());
    }
}

/// Two series of one backend, each of a server of its own, whose script is told which query it answers.
async fn declared(scripts: [fn(&str) -> Reaction; 2]) -> (Result<BTreeMap<Metric, Measured>, Fault>, [Vec<Asked>; 2]) {
    let name = |asked: &Asked| if asked.path.contains("newest") { "newest" } else { "value" };
    let [one, other] = scripts;
    let servers = [Server::start(move |asked, _| one(name(asked))).await, Server::start(move |asked, _| other(name(asked))).await];
    let asked = ["queue-depth", "headroom"].into_iter().zip(&servers).map(|(series, server)| series::Asked {
        metric: metric(series),
        base: Origin::split(&server.url("/prometheus"), Reach::Loopback).unwrap().1,
        client: client(server),
        query: "value".to_owned(),
        newest: "newest".to_owned(),
        stale_after: Millis::from_secs(30),
    });
    let config = series::Config {
        source: "series/gke".parse().unwrap(),
        backend: id("gke"),
        asked: asked.collect(),
        every: Millis::from_secs(5),
        now: at_night(),
    };
    let facts = series::SeriesSensor::new(config).look().await;
    let values = facts.map(|facts| match facts.as_slice() {
        [Fact::Measured { values, .. }] => values.clone(),
        other => panic!("{other:?}"),
    });
    (values, servers.map(|server| server.asked()))
}

fn metric(series: &str) -> Metric {
    Metric::Declared(Series::new(series, Unit::Count, Bad::Above).unwrap())
}

fn told(name: &str) -> Reaction {
    if name == "newest" { good("newest") } else { Reaction::json(200, answer("7", NIGHT)) }
}

#[tokio::test]
async fn each_declared_series_is_one_number_as_of_its_own_newest_sample() {
    let old = |name: &str| {
        if name == "newest" { Reaction::json(200, answer(&format!("{}", (NIGHT - 60_000) / 1000), NIGHT)) } else { told(name) }
    };
    let (values, asked) = declared([told, old]).await;
    let values = values.unwrap();
    assert_eq!(values[&metric("queue-depth")], Ok(Sample::exact(7.0, 0, Timestamp(NIGHT - 4000))));
    assert_eq!(values[&metric("headroom")], Err(Gap::Stale), "a series that is dead is no echo");
    assert_eq!(values.len(), 2, "it says nothing of any other figure");
    let when = format!("&time={:.3}", (NIGHT - 4000) as f64 / 1000.0);
    assert!(asked[0].len() == 2 && asked[0][1].path.ends_with(&when), "{asked:?}");
    assert_eq!(asked[1].len(), 1, "what is stale is not asked for");
}

#[tokio::test]
async fn what_one_server_does_not_tell_is_a_gap_of_its_own_series() {
    for (odd, gap) in [
        ((|name: &str| if name == "newest" { told(name) } else { nothing() }) as fn(&str) -> Reaction, Gap::Missing),
        (|name: &str| if name == "newest" { told(name) } else { Reaction::json(200, answer("NaN", NIGHT)) }, Gap::NotANumber),
        (|name: &str| if name == "newest" { told(name) } else { Reaction::json(200, answer("-3", NIGHT)) }, Gap::Unreadable),
        (|name: &str| if name == "newest" { told(name) } else { Reaction::json(200, answer("1e300", NIGHT)) }, Gap::Unreadable),
        (|_: &str| Reaction::json(400, json!({"status": "error", "errorType": "bad_data", "error": "parse error"})), Gap::Unreadable),
        (|_: &str| Reaction::json(503, json!({})), Gap::Unreachable),
    ] {
        let (values, _) = declared([told, odd]).await;
        let values = values.unwrap();
        assert!(values[&metric("queue-depth")].is_ok());
        assert_eq!(values[&metric("headroom")], Err(gap));
    }
    let down = |_: &str| Reaction::json(503, json!({}));
    assert_eq!(declared([down, down]).await.0.unwrap_err().kind, FaultKind::Unavailable, "where none answers the look has failed");
}
