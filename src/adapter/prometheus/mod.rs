//! Figures of one backend from a Prometheus server, by PromQL: self-hosted, or Google's managed one behind the same interface.
//!
//! An instant query stamps its answer with the time of evaluation, so a dead series echoes for minutes as if it were fresh, and a source
//! that is late shows a window that is not full. So it is asked first when the newest sample was taken, and then everything else as of that
//! moment. Counts are asked for and not rates: a share is proven by how many failed of how many. Counters may be extrapolated by the
//! server, as `increase` does, and are rounded to whole requests.
//!
//! Each answer must be exactly one number; anything else is a gap with its reason. Quantiles are the server's own; where they stop at the
//! highest bucket the answer does not say so, and the plan does. The server holds the window, so nothing has to be remembered here and
//! nothing fills again after a restart.

pub mod series;
mod wire;

use std::collections::BTreeMap;

use futures::future::{OptionFuture, join, join_all};
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
        metric::{Basis, Gap, Measured, Metric, Sample, Unit},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};
use wire::Envelope;

/// How a query's number becomes a latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// It is in milliseconds already.
    AsIs,
    /// Prometheus' habit is seconds; latencies here are milliseconds.
    SecondsToMillis,
}

/// What to ask, in PromQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Queries {
    /// When the newest sample was taken, in seconds: `max(timestamp(http_requests_total))`.
    pub newest: String,
    /// How many requests were answered within the window: `sum(increase(http_requests_total[1m]))`.
    pub requests: String,
    /// How many of them failed.
    pub failures: Option<String>,
    /// How many connections were dropped within the window.
    pub dropped: Option<String>,
    pub latencies: BTreeMap<Metric, String>,
    pub scale: Scale,
    /// Highest finite bucket, in milliseconds; a latency at or above it means that much or more.
    pub top_bucket: Option<f64>,
}

/// What to ask of which server.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    /// The server's address, up to and without `/api/v1`; within the client's origin.
    pub base: Url,
    pub queries: Queries,
    /// Over how much time the queries count.
    pub window: Millis,
    pub every: Millis,
    /// Age of the newest sample from which all figures are stale.
    pub stale_after: Millis,
    pub now: Now,
}

/// A server's clock may be this far ahead of ours.
const FUTURE_MAX: Millis = Millis::from_secs(5);
/// Counts of one window may differ by what the server extrapolates.
const SLACK: f64 = 1.05;

pub struct PrometheusSensor {
    config: Config,
    client: Client,
}

/// What one query gave.
enum Told {
    Number(f64),
    Gap(Gap),
    Fault(Fault),
}

impl Told {
    /// What it counts; what counts less than nothing counts something else.
    fn counted(self) -> Result<f64, Gap> {
        match self {
            Told::Number(value) if value < 0.0 => Err(Gap::Unreadable),
            Told::Number(value) => Ok(value),
            Told::Gap(gap) => Err(gap),
            Told::Fault(fault) => Err(gap_of(&fault)),
        }
    }
}

impl PrometheusSensor {
    pub fn new(config: Config, client: Client) -> PrometheusSensor {
        PrometheusSensor { config, client }
    }

    async fn ask(&self, promql: &str, at: Option<Timestamp>) -> Told {
        ask(&self.client, &self.config.base, promql, at).await
    }

    async fn measure(&self) -> Result<Vec<Fact>, Fault> {
        let asked_at = (self.config.now)();
        let newest = self.ask(&self.config.queries.newest, None).await;
        let values = match freshness(newest, asked_at, self.config.stale_after)? {
            Ok(at) => self.figures(at).await,
            Err(gap) => Metric::STANDARD.into_iter().map(|metric| (metric, Err(gap))).collect(),
        };
        Ok(vec![Fact::Measured { backend: self.config.backend.clone(), values }])
    }

    async fn figures(&self, at: Timestamp) -> BTreeMap<Metric, Measured> {
        let Queries { requests, failures, dropped, latencies, .. } = &self.config.queries;
        let maybe = |query: &Option<String>| OptionFuture::from(query.clone().map(async |query| self.ask(&query, Some(at)).await));
        let counts = join(self.ask(requests, Some(at)), join(maybe(failures), maybe(dropped)));
        let quantiles = join_all(latencies.values().map(async |query| self.ask(query, Some(at)).await));
        let ((requests, (failures, dropped)), quantiles) = join(counts, quantiles).await;
        let mut values: BTreeMap<Metric, Measured> = Metric::STANDARD.into_iter().map(|metric| (metric, Err(Gap::Missing))).collect();
        // Without their number no figure can be judged.
        let count = |told: Told| told.counted().and_then(|count| Unit::Count.figure(count));
        let requests = match count(requests) {
            Ok(requests) => requests,
            Err(gap) => return values.into_keys().map(|metric| (metric, Err(gap))).collect(),
        };
        let a_second = |count: f64| Sample::exact(count / self.config.window.as_secs_f64(), whole(requests), at);
        values.insert(Metric::RequestRate, Ok(a_second(requests)));
        if let Some(failures) = failures {
            let told = match count(failures) {
                // Of no requests none has failed, and there may be no series to say so.
                Err(Gap::Missing) if whole(requests) == 0 => Err(Gap::LowVolume),
                other => other.and_then(|failures| share(failures, requests, at)),
            };
            values.insert(Metric::ErrorRate, told);
        }
        if let Some(dropped) = dropped {
            values.insert(Metric::DropRate, count(dropped).map(a_second));
        }
        for (metric, told) in latencies.keys().zip(quantiles) {
            values.insert(*metric, self.latency(told, requests, at));
        }
        values
    }

    fn latency(&self, told: Told, requests: f64, at: Timestamp) -> Measured {
        let value = match told.counted() {
            // A quantile of nothing is no number, and Google leaves it out.
            Err(Gap::NotANumber | Gap::Missing) if whole(requests) == 0 => return Err(Gap::LowVolume),
            other => other?,
        };
        let Queries { scale, top_bucket, .. } = &self.config.queries;
        let millis = match scale {
            Scale::AsIs => value,
            Scale::SecondsToMillis => value * 1000.0,
        };
        let millis = Unit::Milliseconds.figure(millis)?;
        let basis = if top_bucket.is_some_and(|top| millis >= top) { Basis::AtLeast } else { Basis::Exact };
        Ok(Sample { value: millis, requests: whole(requests), at, basis })
    }
}

/// Asks for one number, as of a moment or as of now.
async fn ask(client: &Client, base: &Url, promql: &str, at: Option<Timestamp>) -> Told {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => drop(segments.pop_if_empty().extend(["api", "v1", "query"])),
        Err(()) => return Told::Fault(Fault::new(FaultKind::Refused, format!("{base} has no path to ask at"))),
    };
    let mut ask = Ask::get(url, Limits::METRICS).query("query", promql);
    if let Some(at) = at {
        ask = ask.query("time", &format!("{:.3}", at.0 as f64 / 1000.0));
    }
    let answer = client.send(ask).await;
    match answer.and_then(|reply| reply.json::<Envelope>()).map(Envelope::number) {
        Ok(Ok(value)) => Told::Number(value),
        Ok(Err(gap)) => Told::Gap(gap),
        Err(failure) => Told::Fault(failure.fault),
    }
}

/// When the newest sample was taken; without one, or with an old one, there are no figures.
fn freshness(newest: Told, asked_at: Timestamp, stale_after: Millis) -> Result<Result<Timestamp, Gap>, Fault> {
    let taken = match newest {
        Told::Number(seconds) => Timestamp((seconds * 1000.0) as i64),
        Told::Gap(gap) => return Ok(Err(gap)),
        Told::Fault(fault) => return Err(fault),
    };
    Ok(if taken.since(asked_at) > FUTURE_MAX {
        Err(Gap::FromTheFuture)
    } else if asked_at.since(taken) > stale_after {
        Err(Gap::Stale)
    } else {
        Ok(taken)
    })
}

/// So many failures of so many requests.
fn share(failures: f64, requests: f64, at: Timestamp) -> Measured {
    let (failed, all) = (whole(failures), whole(requests));
    if all == 0 {
        return Err(Gap::LowVolume);
    }
    // More failures than requests: the two queries count different things.
    if failures > requests * SLACK + 1.0 {
        return Err(Gap::Unreadable);
    }
    let failed = failed.min(all);
    Ok(Sample { value: failed as f64 / all as f64, requests: all, at, basis: Basis::Counted { failed } })
}

fn whole(count: f64) -> u64 {
    count.round() as u64
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
        | FaultKind::Denied
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
        self.config.stale_after
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.measure())
    }
}
