//! Figures of one backend from its own `/metrics`, with no Prometheus in between.
//!
//! The page is scraped, the few families that we need are picked out, and rates and quantiles are computed over our own window with
//! Prometheus' arithmetic, so that a figure reads the same here and on a dashboard. A page that is empty, damaged or from a process that
//! has restarted gives gaps with their reason, never a zero.
//!
//! A page has no time of its own, so a reading's time is when the scrape began, unless the page itself stamps its samples.

mod arithmetic;
mod exposition;
mod window;

use std::collections::BTreeMap;

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
        metric::{Gap, Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};
use arithmetic::histogram_quantile;
pub use exposition::Families;
use exposition::{Bound, BucketKey, Labels, Page, RequestKey, page};
use window::Window;

/// Where to scrape and how to reckon.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    /// The page; within the client's origin.
    pub url: Url,
    pub every: Millis,
    pub families: Families,
    /// Over how much source time rates and quantiles are taken; at least four scrapes long to be of use.
    pub window: Millis,
    /// The same for the error rate, which wants more requests to be meaningful.
    pub error_window: Millis,
    pub now: Now,
}

impl Config {
    /// The usual windows: 30 s for what is shown and watched, 30 s for errors too.
    pub fn new(source: SourceId, backend: BackendId, url: Url, every: Millis, now: Now) -> Config {
        let window = Millis::from_secs(30);
        Config { source, backend, url, every, families: Families::default(), window, error_window: window, now }
    }
}

/// Scrapes one backend.
pub struct MetricsSensor {
    config: Config,
    client: Client,
    requests: Window<RequestKey>,
    buckets: Window<BucketKey>,
    dropped: Window<Labels>,
}

impl MetricsSensor {
    pub fn new(config: Config, client: Client) -> MetricsSensor {
        let longest = config.window.max(config.error_window);
        MetricsSensor { config, client, requests: Window::new(longest), buckets: Window::new(longest), dropped: Window::new(longest) }
    }

    async fn scrape(&mut self) -> Result<Vec<Fact>, Fault> {
        let asked_at = (self.config.now)();
        let reply = self.client.send(Ask::get(self.config.url.clone(), Limits::METRICS)).await?;
        let media_type = reply.media_type();
        if !["", "text/plain", "application/openmetrics-text"].contains(&media_type.as_str()) {
            let message = format!("{} answered with {media_type} where a metrics page was expected", self.config.url);
            return Err(Fault::new(FaultKind::Unreadable, message));
        }
        let values = self.reckon(page(&reply.body, &self.config.families), asked_at);
        Ok(vec![Fact::Measured { backend: self.config.backend.clone(), values }])
    }

    fn reckon(&mut self, page: Result<Page, Gap>, asked_at: Timestamp) -> BTreeMap<Metric, Measured> {
        let all = |gap| Metric::ALL.into_iter().map(|metric| (metric, Err(gap))).collect();
        let page = match page {
            Ok(page) => page,
            Err(gap) => return all(gap),
        };
        let at = page.stamped_at.unwrap_or(asked_at);
        if at.since(asked_at) > FUTURE_MAX {
            return all(Gap::FromTheFuture);
        }
        self.requests.push(at, page.requests);
        self.buckets.push(at, page.buckets);
        self.dropped.push(at, page.dropped);
        Metric::ALL.into_iter().map(|metric| (metric, self.measure(metric, at))).collect()
    }

    fn measure(&self, metric: Metric, at: Timestamp) -> Measured {
        let window = self.config.window;
        let (value, requests) = match metric {
            Metric::RequestRate => {
                let all = self.requests.grown(window)?.sum(|_| true);
                (all.rate, all.count)
            }
            Metric::ErrorRate => {
                let grown = self.requests.grown(self.config.error_window)?;
                let all = grown.sum(|_| true);
                if all.rate <= 0.0 {
                    return Err(Gap::LowVolume);
                }
                (grown.sum(RequestKey::is_failure).rate / all.rate, all.count)
            }
            Metric::P50Latency => self.latency_ms(0.50)?,
            Metric::P95Latency => self.latency_ms(0.95)?,
            Metric::P99Latency => self.latency_ms(0.99)?,
            Metric::DropRate => {
                let requests = self.requests.grown(window).map_or(0.0, |grown| grown.sum(|_| true).count);
                (self.dropped.grown(window)?.sum(|_| true).rate, requests)
            }
        };
        Ok(Sample { value, requests: requests.round() as u64, at })
    }

    /// The quantile over all series together, and the number of requests in them.
    fn latency_ms(&self, quantile: f64) -> Result<(f64, f64), Gap> {
        let grown = self.buckets.grown(self.config.window)?;
        let mut by_bound: BTreeMap<Bound, f64> = BTreeMap::new();
        for (key, growth) in &grown.0 {
            *by_bound.entry(key.bound).or_default() += growth.rate;
        }
        let buckets: Vec<_> = by_bound.into_iter().map(|(bound, rate)| (bound.0, rate)).collect();
        let requests = grown.sum(|key| key.bound.0 == f64::INFINITY).count;
        Ok((histogram_quantile(quantile, &buckets)? * 1000.0, requests))
    }
}

/// A source's clock may be this far ahead of ours.
const FUTURE_MAX: Millis = Millis::from_secs(5);

impl Sensor for MetricsSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    /// Two intervals: one missed scrape is an accident, two are silence.
    fn stale_after(&self) -> Millis {
        Millis(self.config.every.0.saturating_mul(2))
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.scrape())
    }
}
