//! Where a backend's figures come from, and how they come: how often, over how long, how late.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::{
    domain::{
        id::BackendId,
        metric::{self, Metric},
        series::{Over, Series},
        shown::Shown,
        time::Millis,
    },
    plan::model::{Backend, Limits, Plan},
};

/// The figures of one backend as a Prometheus server gives them: what it is asked, and how its answers are meant. Every query gives one
/// number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    pub source: Source,
    #[serde(default, skip_serializing_if = "Author::is_plan")]
    pub author: Author,
    /// Over how much time the queries count.
    pub window: Millis,
    /// How many requests were answered within the window.
    pub requests: Shown,
    /// How many of them failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Shown>,
    /// How many connections were dropped within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Shown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latencies: Option<Latencies>,
    /// When the newest sample was taken that the others rest on, in seconds since the Unix epoch.
    pub newest: Shown,
}

/// Who wrote the queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// The plan writes them out.
    #[default]
    Plan,
    /// They ask for what the load balancer counts of the backend's own backend service.
    LoadBalancer,
    /// They ask for what Cloud Run counts of the service, or of its revision.
    CloudRun,
    /// The preset of this name, with the plan's labels.
    Preset(Shown),
}

impl Author {
    fn is_plan(&self) -> bool {
        *self == Author::Plan
    }
}

/// Latency quantiles and how they are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    pub quantiles: BTreeMap<Metric, Shown>,
    pub unit: LatencyUnit,
    /// The highest finite bucket of the histogram behind them: no quantile is told beyond it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_bucket: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LatencyUnit {
    Seconds,
    Milliseconds,
}

/// A server that is asked for figures, by the name that the plan gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub name: Shown,
    pub server: Server,
    /// How often it takes a sample of what is asked for.
    pub scrape_interval: Millis,
    /// How much later than that a sample can be read.
    pub delay: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// Prometheus' HTTP API at this address, up to and without `/api/v1`.
    Prometheus { url: Shown, auth: Auth },
    /// The same of Google Cloud: Managed Service for Prometheus and Cloud Monitoring.
    Google { project: Shown },
}

/// How we show who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    None,
    /// The session's own Google credentials.
    Google,
    /// A token that the host keeps for this server's host name.
    Bearer,
}

impl Readings {
    /// Every query by its key in a plan, in the order of the plan's own words.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &Shown)> {
        let quantiles = self.latencies.iter().flat_map(|told| &told.quantiles).map(|(metric, query)| (metric.name(), query));
        let counts = [("requests", Some(&self.requests)), ("failures", self.failures.as_ref()), ("dropped", self.dropped.as_ref())];
        let counts = counts.into_iter().filter_map(|(key, query)| Some((key, query?)));
        counts.chain(quantiles).chain([("newest", &self.newest)])
    }

    /// Whether it tells this figure.
    pub fn tells(&self, metric: Metric) -> bool {
        match metric {
            Metric::RequestRate => true,
            Metric::ErrorRate => self.failures.is_some(),
            Metric::DropRate => self.dropped.is_some(),
            Metric::P50Latency | Metric::P95Latency | Metric::P99Latency => {
                self.latencies.as_ref().is_some_and(|latencies| latencies.quantiles.contains_key(&metric))
            }
            // What the plan declares is told elsewhere.
            Metric::Declared(_) => false,
        }
    }
}

/// The pages of a backend's ready pods, each asked by its name, and what on them is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodPages {
    /// Of each pod.
    pub port: u16,
    pub path: Shown,
    /// The preset that the names are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Shown>,
    /// Counter of requests.
    pub requests: Shown,
    /// Its label that tells how they ended; `None` for whichever of the usual ones holds a status in digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_label: Option<Shown>,
    /// What that label holds of a request that failed: classes as `5xx`, or values word for word; without any, a server's errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_when: Vec<Shown>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<PodLatency>,
    /// Counter of dropped connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Shown>,
    /// Series without this label and value are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<(Shown, Shown)>,
    /// Series whose label begins so are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<(Shown, Shown)>,
}

/// A histogram of durations, by the name of its family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLatency {
    pub family: Shown,
    pub unit: LatencyUnit,
}

impl PodPages {
    /// Whether they can tell this figure.
    pub fn tells(&self, metric: Metric) -> bool {
        match metric {
            Metric::RequestRate | Metric::ErrorRate => true,
            Metric::DropRate => self.dropped.is_some(),
            Metric::P50Latency | Metric::P95Latency | Metric::P99Latency => self.latency.is_some(),
            Metric::Declared(_) => false,
        }
    }
}

/// Where one declared series of a backend comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    pub series: Series,
    pub from: FeedSource,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedSource {
    /// A server that is asked.
    Asked(Asked),
    /// A gauge on the pages that the backend's figures come from.
    Gauge(Gauge),
}

/// A query that gives one number, and one that tells when the newest sample was taken that it rests on, in seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub source: Source,
    pub query: Shown,
    pub newest: Shown,
}

/// A family of gauges on the page of a process, or on those of a backend's pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    pub family: Shown,
    /// Series without these labels and values are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(Shown, Shown)>,
    /// What all of its series come to, those of every pod together.
    pub over: Over,
}

impl Backend {
    /// Whether anybody is asked for this figure. A page is read for whatever it shows.
    pub fn asks(&self, metric: Metric) -> bool {
        if let Metric::Declared(series) = metric {
            return self.feed(series).is_some();
        }
        let asked = self.readings.as_ref().is_none_or(|readings| readings.tells(metric));
        asked && self.pods.as_ref().is_none_or(|pods| pods.tells(metric))
    }

    /// Where a declared series of it comes from.
    pub fn feed(&self, series: Series) -> Option<&FeedSource> {
        self.series.iter().find(|feed| feed.series == series).map(|feed| &feed.from)
    }

    /// Every figure that is remembered of it: the standard ones, told or not, and what the plan declares of it.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        Metric::STANDARD.into_iter().chain(self.series.iter().map(|feed| Metric::Declared(feed.series)))
    }
}

/// How the figures of a backend come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    /// Between two looks.
    pub every: Millis,
    /// Between two samples that differ.
    pub sampled: Millis,
    /// Over how much of the source's time rates and quantiles are taken.
    pub window: Millis,
    /// How old the newest sample gets while all is well, beside what the looks add.
    pub lateness: Millis,
    /// Age from which a sample is stale.
    pub stale_after: Millis,
}

impl Cadence {
    /// Of a page that is read each `every`: it shows the counters as they are at that moment.
    pub fn of_page(every: Millis) -> Cadence {
        Cadence { every, sampled: every, window: metric::window(every), lateness: Millis(0), stale_after: metric::stale_after(every) }
    }

    /// Of a server that samples by itself and is asked each `every`.
    pub fn of(readings: &Readings, every: Millis) -> Cadence {
        Cadence::of_source(&readings.source, readings.window, every)
    }

    /// One sample that is missed is an accident, two are silence.
    fn of_source(source: &Source, window: Millis, every: Millis) -> Cadence {
        let Source { scrape_interval, delay, .. } = source;
        let lateness = Millis(scrape_interval.0.saturating_add(delay.0));
        let stale_after = lateness.0.saturating_add(scrape_interval.0).saturating_add(metric::stale_after(every).0);
        Cadence { every, sampled: (*scrape_interval).max(every), window, lateness, stale_after: Millis(stale_after) }
    }

    /// Of a declared series. A gauge is what it is at one moment, and has no window.
    pub fn of_feed(feed: &FeedSource, every: Millis) -> Cadence {
        match feed {
            FeedSource::Asked(asked) => Cadence::of_source(&asked.source, Millis(0), every),
            FeedSource::Gauge(_) => Cadence { window: Millis(0), ..Cadence::of_page(every) },
        }
    }
}

impl Plan {
    fn backend(&self, id: &BackendId) -> Option<&Backend> {
        self.routes.iter().find_map(|route| route.backend(id))
    }

    /// Whether anybody is asked for this figure of `backend`.
    pub fn asks(&self, backend: &BackendId, metric: Metric) -> bool {
        self.backend(backend).is_some_and(|backend| backend.asks(metric))
    }

    /// Every figure that is remembered of `backend`.
    pub fn metrics_of(&self, backend: &BackendId) -> impl Iterator<Item = Metric> {
        self.backend(backend).into_iter().flat_map(Backend::metrics)
    }

    /// How the standard figures of `backend` come.
    pub fn cadence(&self, backend: &BackendId) -> Cadence {
        cadence(self.backend(backend).and_then(|known| known.readings.as_ref()), &self.limits)
    }

    /// How this figure of `backend` comes.
    pub fn cadence_of(&self, backend: &BackendId, metric: Metric) -> Cadence {
        let feed = |series| self.backend(backend)?.feed(series);
        match metric {
            Metric::Declared(series) => feed(series).map(|feed| Cadence::of_feed(feed, self.limits.scrape_every)),
            Metric::RequestRate | Metric::ErrorRate | Metric::P50Latency | Metric::P95Latency | Metric::P99Latency | Metric::DropRate => {
                None
            }
        }
        .unwrap_or_else(|| self.cadence(backend))
    }
}

fn cadence(readings: Option<&Readings>, limits: &Limits) -> Cadence {
    match readings {
        Some(readings) => Cadence::of(readings, limits.scrape_every),
        None => Cadence::of_page(limits.scrape_every),
    }
}
