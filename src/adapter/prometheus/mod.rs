//! Figures of one backend from a Prometheus server, by PromQL: self-hosted, or Google's managed one behind the same interface.
//!
//! Each metric is one instant query whose answer must be exactly one series; anything else is a gap with its reason. An instant query stamps
//! its answer with the time of evaluation, so a dead series echoes for minutes as if it were fresh: the optional `newest` query tells when a
//! sample was really taken, and should always be given. Quantiles are the server's own; where they stop at the highest bucket, `capped_at`
//! says so, because the answer does not, and the value is then only a lower end.

mod wire;

use std::collections::BTreeMap;

use futures::future::join_all;
use reqwest::Url;

use crate::{
    adapter::{
        Now,
        http::{Ask, Client, Limits},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        id::{BackendId, SourceId},
        metric::{Basis, Gap, Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};
use wire::Envelope;

/// How a query's number becomes the metric's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    AsIs,
    /// Prometheus' habit is seconds; latencies here are milliseconds.
    SecondsToMillis,
}

/// One metric's PromQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub promql: String,
    pub scale: Scale,
    /// Highest finite bucket bound in the query's own unit; an answer at or above it means that much or more.
    pub capped_at: Option<f64>,
}

/// What to ask of which server.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    /// The server's address, up to and without `/api/v1`; within the client's origin.
    pub base: Url,
    pub queries: BTreeMap<Metric, Query>,
    /// How many requests the figures rest on, for example `sum(increase(http_requests_total[1m]))`. Without it figures rest on none.
    pub requests: Option<String>,
    /// When the newest sample was taken, in seconds, for example `max(timestamp(http_requests_total))`.
    pub newest: Option<String>,
    pub every: Millis,
    /// Age of the newest sample from which all figures are stale: two scrape intervals.
    pub stale_after: Millis,
    pub now: Now,
}

/// A server's clock may be this far ahead of ours.
const FUTURE_MAX: Millis = Millis::from_secs(5);

pub struct PrometheusSensor {
    config: Config,
    client: Client,
}

/// What one query gave.
enum Sampled {
    Number { value: f64, at: Timestamp },
    Gap(Gap),
    Fault(Fault),
}

impl PrometheusSensor {
    pub fn new(config: Config, client: Client) -> PrometheusSensor {
        PrometheusSensor { config, client }
    }

    async fn ask(&self, promql: &str) -> Sampled {
        let mut url = self.config.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(["api", "v1", "query"]),
            Err(()) => return Sampled::Fault(Fault::new(FaultKind::Refused, format!("{} has no path to ask at", self.config.base))),
        };
        let answer = self.client.send(Ask::get(url, Limits::METRICS).query("query", promql)).await;
        match answer.and_then(|reply| reply.json::<Envelope>()) {
            Ok(envelope) => match envelope.number() {
                Ok((value, at)) => Sampled::Number { value, at },
                Err(gap) => Sampled::Gap(gap),
            },
            Err(failure) => Sampled::Fault(failure.fault),
        }
    }

    async fn measure(&self) -> Result<Vec<Fact>, Fault> {
        let asked_at = (self.config.now)();
        let Config { queries, requests, newest, backend, .. } = &self.config;
        let texts = queries.values().map(|query| Some(&query.promql)).chain([requests.as_ref(), newest.as_ref()]);
        let mut told = join_all(texts.map(async |text| match text {
            Some(promql) => Some(self.ask(promql).await),
            None => None,
        }))
        .await;
        let newest = told.pop().flatten();
        let requests = told.pop().flatten();
        let figures: Vec<Sampled> = told.into_iter().flatten().collect();
        if let Some(fault) = faulty_throughout(&figures) {
            return Err(fault);
        }
        let freshness = self.freshness(newest, asked_at);
        let requests = match requests {
            Some(Sampled::Number { value, .. }) => value.round().max(0.0) as u64,
            Some(Sampled::Gap(_) | Sampled::Fault(_)) | None => 0,
        };
        let mut values: BTreeMap<Metric, Measured> = Metric::ALL.into_iter().map(|metric| (metric, Err(Gap::Missing))).collect();
        for ((metric, query), told) in queries.iter().zip(figures) {
            values.insert(*metric, freshness.and_then(|newest| figure(*metric, told, query, requests, newest, asked_at)));
        }
        Ok(vec![Fact::Measured { backend: backend.clone(), values }])
    }

    /// When the newest sample was taken, if a query tells; an old one spoils everything.
    fn freshness(&self, newest: Option<Sampled>, asked_at: Timestamp) -> Result<Option<Timestamp>, Gap> {
        let taken = match newest {
            None => return Ok(None),
            Some(Sampled::Number { value, .. }) => Timestamp((value * 1000.0) as i64),
            Some(Sampled::Gap(gap)) => return Err(gap),
            Some(Sampled::Fault(fault)) => return Err(gap_of(&fault)),
        };
        if taken.since(asked_at) > FUTURE_MAX {
            return Err(Gap::FromTheFuture);
        }
        if asked_at.since(taken) > self.config.stale_after {
            return Err(Gap::Stale);
        }
        Ok(Some(taken))
    }
}

fn figure(metric: Metric, told: Sampled, query: &Query, requests: u64, newest: Option<Timestamp>, asked_at: Timestamp) -> Measured {
    let (value, evaluated_at) = match told {
        Sampled::Number { value, at } => (value, at),
        Sampled::Gap(gap) => return Err(gap),
        Sampled::Fault(fault) => return Err(gap_of(&fault)),
    };
    if evaluated_at.since(asked_at) > FUTURE_MAX {
        return Err(Gap::FromTheFuture);
    }
    if value < 0.0 {
        return Err(Gap::Unreadable);
    }
    let basis = match (query.capped_at, metric) {
        (Some(cap), _) if value >= cap => Basis::AtLeast,
        // The server gives the share and the number of requests; what failed is their product.
        (_, Metric::ErrorRate) if requests > 0 => Basis::Counted { failed: (value * requests as f64).round() as u64 },
        (_, Metric::RequestRate | Metric::ErrorRate | Metric::DropRate) => Basis::Exact,
        (_, Metric::P50Latency | Metric::P95Latency | Metric::P99Latency) => Basis::Exact,
    };
    let value = match query.scale {
        Scale::AsIs => value,
        Scale::SecondsToMillis => value * 1000.0,
    };
    Ok(Sample { value, requests, at: newest.unwrap_or(evaluated_at), basis })
}

/// The first fault, if no query at all was answered.
fn faulty_throughout(figures: &[Sampled]) -> Option<Fault> {
    let mut faults = figures.iter().map(|told| match told {
        Sampled::Fault(fault) => Some(fault),
        Sampled::Number { .. } | Sampled::Gap(_) => None,
    });
    let first = faults.next()??.clone();
    faults.all(|fault| fault.is_some()).then_some(first)
}

/// A query that the server rejects is ours to be ashamed of, and a path that is not there is no Prometheus: neither means "no series".
fn gap_of(fault: &Fault) -> Gap {
    match fault.kind {
        FaultKind::Rejected => Gap::Unreadable,
        FaultKind::NotFound => Gap::Unreachable,
        FaultKind::Unreachable
        | FaultKind::TimedOut
        | FaultKind::Broken
        | FaultKind::Unavailable
        | FaultKind::Forbidden
        | FaultKind::Conflict
        | FaultKind::Unreadable
        | FaultKind::Refused
        | FaultKind::Unsupported
        | FaultKind::Unrecorded => fault.kind.into(),
    }
}

impl Sensor for PrometheusSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    fn stale_after(&self) -> Millis {
        Millis(self.config.stale_after.0.saturating_add(self.config.every.0))
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.measure())
    }
}
