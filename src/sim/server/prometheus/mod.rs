//! Prometheus' HTTP API over what this world's own Prometheus has scraped and what its load balancer and Cloud Run count, at the address
//! where Google serves all of it: `query` and `query_range`, both by GET with parameters, as Prometheus' own clients ask, and by POST with a
//! document, as Google's discovery document has it.
//!
//! Written from Prometheus' documents of its API and its language. What this world does not evaluate is refused in Prometheus' own form,
//! never answered with nothing.

mod balancer;
mod cloud_run;
mod evaluate;
mod page;
mod query;

use hyper::Method;
use serde_json::{Value as Json, json};

use self::{
    evaluate::{Labels, Store, Value},
    query::{Expr, Refusal},
};
use super::{
    http::{Answer, Call, Reply},
    router::not_found,
};
use crate::sim::world::World;

/// Points of one series that are given at most, as documented.
const POINTS_MAX: i64 = 11_000;

/// Answers one call; `rest` is what stands behind `/api/v1`.
pub fn handle(world: &World, call: &Call, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::GET | &Method::POST, ["query"]) => instant(world, call),
        (&Method::GET | &Method::POST, ["query_range"]) => range(world, call),
        _ => Ok(not_found(call)),
    }
    .unwrap_or_else(|refusal| refused(&refusal))
    .into()
}

fn instant(world: &World, call: &Call) -> Result<Reply, Refusal> {
    let expr = expression(call)?;
    let at_ms = moment(call, "time")?.unwrap_or(world.now_ms);
    let value = store(world).evaluate(&expr, at_ms)?;
    let (kind, result) = match value {
        Value::Scalar(value) => ("scalar", point(at_ms, value)),
        Value::Vector(series) => {
            let series = series.into_iter().map(|(metric, value)| json!({"metric": metric, "value": point(at_ms, value)}));
            ("vector", series.collect())
        }
    };
    Ok(success(kind, &result))
}

fn range(world: &World, call: &Call) -> Result<Reply, Refusal> {
    let expr = expression(call)?;
    let need = |name: &str| moment(call, name)?.ok_or_else(|| bad(name, "cannot parse \"\" to a valid timestamp"));
    let (start_ms, end_ms) = (need("start")?, need("end")?);
    let step_ms = given(call, "step").and_then(|step| step.trim_end_matches('s').parse::<f64>().ok()).map(|step| (step * 1000.0) as i64);
    let step_ms =
        step_ms.filter(|step| *step > 0).ok_or_else(|| bad("step", "zero or negative query resolution step widths are not accepted"))?;
    if end_ms < start_ms {
        return Err(bad("end", "end timestamp must not be before start time"));
    }
    if (end_ms - start_ms) / step_ms > POINTS_MAX {
        return Err(bad("step", "exceeded maximum resolution of 11,000 points per timeseries"));
    }
    let store = store(world);
    let mut series: Vec<(Labels, Vec<Json>)> = Vec::new();
    for at_ms in (0..).map(|step| start_ms + step * step_ms).take_while(|at_ms| *at_ms <= end_ms) {
        let now = match store.evaluate(&expr, at_ms)? {
            Value::Scalar(value) => vec![(Labels::new(), value)],
            Value::Vector(series) => series,
        };
        for (labels, value) in now {
            match series.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, points)) => points.push(point(at_ms, value)),
                None => series.push((labels, vec![point(at_ms, value)])),
            }
        }
    }
    let result = series.into_iter().map(|(metric, values)| json!({"metric": metric, "values": values})).collect();
    Ok(success("matrix", &result))
}

fn store(world: &World) -> Store<'_> {
    Store {
        scrapes: world.scrapes.visible(world.now_ms, i64::MIN, i64::MAX).collect(),
        read: page::samples,
        minutes: (world.balancer.visible(world.now_ms).map(|minute| balancer::counted(world.load_balancer.kind, minute)))
            .chain(world.series.visible_of_run(world.now_ms).map(cloud_run::counted))
            .collect(),
    }
}

fn expression(call: &Call) -> Result<Expr, Refusal> {
    query::read(given(call, "query").unwrap_or_default())
}

/// What is asked with a request, in its address or in its document.
fn given<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    let told = || call.body.get(name)?.as_str().filter(|value| !value.is_empty());
    call.parameter(name).or_else(told)
}

/// Seconds since the Unix epoch, or a date.
fn moment(call: &Call, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = given(call, name) else { return Ok(None) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()).map(|seconds| (seconds * 1000.0).round() as i64);
    let date = || text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond());
    seconds.or_else(date).map(Some).ok_or_else(|| bad(name, &format!("cannot parse \"{text}\" to a valid timestamp")))
}

fn bad(name: &str, why: &str) -> Refusal {
    Refusal::Parse { at: 0, why: format!("invalid parameter \"{name}\": {why}") }
}

fn point(at_ms: i64, value: f64) -> Json {
    let text = if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    };
    json!([at_ms as f64 / 1000.0, text])
}

fn success(kind: &str, result: &Json) -> Reply {
    Reply::ok(&json!({"status": "success", "data": {"resultType": kind, "result": result}}))
}

fn refused(refusal: &Refusal) -> Reply {
    let (status, kind, error) = match refusal {
        Refusal::Parse { at: 0, why } => (400, "bad_data", why.clone()),
        Refusal::Parse { at, why } => (400, "bad_data", format!("invalid parameter \"query\": 1:{at}: parse error: {why}")),
        Refusal::NotOffered(what) => (422, "execution", format!("{what} is not evaluated by this simulated Prometheus")),
    };
    Reply::json(status, &json!({"status": "error", "errorType": kind, "error": error}))
}

#[cfg(test)]
mod tests;
