//! Figures of one backend from its own `/metrics`, with no Prometheus in between.
//!
//! The page is scraped, the few families that we need are picked out while it comes, and rates and quantiles are computed over our own window with
//! Prometheus' arithmetic, so that a figure reads the same here and on a dashboard. A page that is empty, damaged, standing still or given
//! by several processes in turn gives gaps with their reason, never a zero.
//!
//! A page has no time of its own, so a reading's time is when the scrape began, unless the page itself stamps its samples.

mod arithmetic;
mod exposition;
mod gauge;
mod intake;
mod kinship;
mod line;
mod memory;
pub mod pods;
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
        metric::{self, Basis, Gap, Measured, Metric, Sample},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};
use arithmetic::{Quantile, histogram_quantile};
use exposition::{Bound, BucketKey, Page, RequestKey, Status};
pub use exposition::{Families, Unit};
pub use gauge::Gauge;
use intake::Intake;
use kinship::Kin;
use line::Labels;
use window::{Grown, Kinship, SERIES_MAX, Window};

/// Where to scrape and how to reckon.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    /// The page; within the client's origin.
    pub url: Url,
    pub every: Millis,
    pub families: Families,
    /// Over how much source time rates and quantiles are taken.
    pub window: Millis,
    /// What a latency must be able to show, in milliseconds: the thresholds of the triggers that watch it.
    pub must_tell: BTreeMap<Metric, f64>,
    /// How many of the first looks are followed by another at once: counters that fall within a moment are those of another process.
    /// Later one look in a dozen is, for pages change hands, and each as long as several processes are believed to answer; none with 0.
    pub twins: u32,
    pub now: Now,
}

impl Config {
    /// The usual window for this interval, and no look twice.
    pub fn new(source: SourceId, backend: BackendId, url: Url, every: Millis, now: Now) -> Config {
        let (families, window) = (Families::default(), metric::window(every));
        Config { source, backend, url, every, families, window, must_tell: BTreeMap::new(), twins: 0, now }
    }
}

/// Scrapes one backend.
pub struct MetricsSensor {
    config: Config,
    client: Client,
    kin: Kin,
    twins_left: u32,
    looks: u64,
    requests: Window<RequestKey>,
    buckets: Window<BucketKey>,
    dropped: Window<Labels>,
}

impl MetricsSensor {
    pub fn new(config: Config, client: Client) -> MetricsSensor {
        let (longest, kin) = (config.window, Kin::new(config.window));
        let memory = kin.memory();
        MetricsSensor {
            twins_left: config.twins,
            looks: 0,
            config,
            client,
            kin,
            requests: Window::new(longest, memory),
            buckets: Window::new(longest, memory),
            dropped: Window::new(longest, memory),
        }
    }

    async fn scrape(&mut self) -> Result<Vec<Fact>, Fault> {
        let asked_at = (self.config.now)();
        let first = self.fetch().await?;
        if self.looks_twice(asked_at) {
            // Only a comparison: if the second look fails, the first still says what it says.
            if let (Ok(first), Ok(Ok(second))) = (&first, self.fetch().await)
                && kinship::contradict(first, &second)
            {
                self.kin.disprove(asked_at);
            }
        }
        let values = self.reckon(first, asked_at);
        let full_at = if values.values().any(|value| *value == Err(Gap::TooEarly)) { self.full_at() } else { None };
        let backend = || self.config.backend.clone();
        let filling = full_at.map(|full_at| Fact::Filling { backend: backend(), full_at });
        Ok(std::iter::once(Fact::Measured { backend: backend(), values }).chain(filling).collect())
    }

    /// Several processes are believed in until many looks in a row have met only one of them: a belief that fades while nobody looks
    /// would have a part of the backend taken for all of it.
    fn looks_twice(&mut self, at: Timestamp) -> bool {
        self.looks = self.looks.wrapping_add(1);
        let first = self.twins_left > 0;
        self.twins_left = self.twins_left.saturating_sub(1);
        first || (self.config.twins > 0 && (self.kin.is_several(at) || self.looks.is_multiple_of(TWIN_EVERY)))
    }

    async fn fetch(&self) -> Result<Result<Page, Gap>, Fault> {
        let mut intake = Intake::new(&self.config.families);
        self.client.pour(Ask::get(self.config.url.clone(), Limits::METRICS), &mut intake).await?;
        intake.page().map_err(|why| Fault::new(FaultKind::Unreadable, format!("{} answered with {why}", self.config.url)))
    }

    fn reckon(&mut self, page: Result<Page, Gap>, asked_at: Timestamp) -> BTreeMap<Metric, Measured> {
        let declared = self.config.families.gauges.iter().map(|gauge| gauge.metric);
        let metrics: Vec<Metric> = Metric::STANDARD.into_iter().chain(declared).collect();
        let all = |gap| metrics.iter().map(|metric| (*metric, Err(gap))).collect();
        let page = match page {
            Ok(page) => page,
            Err(gap) => return all(gap),
        };
        let at = page.stamped_at.unwrap_or(asked_at);
        if at.since(asked_at) > FUTURE_MAX {
            return all(Gap::FromTheFuture);
        }
        // Stamps that stand still, or are in another unit, would leave the window empty for ever, which looks like too little traffic.
        if asked_at.since(at) > self.stale_after() {
            return all(Gap::Stale);
        }
        if self.requests.with(&page.requests) + self.buckets.with(&page.buckets) + self.dropped.with(&page.dropped) > SERIES_MAX {
            // Names that change with each look: nothing grows that could be told, and the memory of them would, in one family or in several by turns.
            self.requests.give_up(Gap::TooManySeries);
            self.buckets.give_up(Gap::TooManySeries);
            self.dropped.give_up(Gap::TooManySeries);
            return all(Gap::TooManySeries);
        }
        let gauges = gauge::of_page(&self.config.families.gauges, &page, at);
        let untold = self.untold(&page);
        let start = self.kin.start(page.started, at);
        let kinships = [
            self.requests.push(at, start, page.requests),
            self.buckets.push(at, start, page.buckets),
            self.dropped.push(at, start, page.dropped),
        ];
        if kinships.contains(&Kinship::Broken) {
            self.kin.doubt(at);
            self.twins_left = self.config.twins;
        }
        if self.kin.is_several(at) {
            return all(Gap::SeveralProcesses);
        }
        let window = self.config.window;
        let grown = FamilyGrowth {
            requests: self.requests.grown(window),
            buckets: self.buckets.grown(window),
            dropped: self.dropped.grown(window),
        };
        let measure = |metric| untold.get(&metric).map_or_else(|| grown.measure(metric, at), |gap| Err(*gap));
        Metric::STANDARD.into_iter().map(|metric| (metric, measure(metric))).chain(gauges).collect()
    }

    /// From when on every family that was seen has a full window.
    fn full_at(&self) -> Option<Timestamp> {
        let Config { window, every, .. } = self.config;
        let each = [self.requests.full_at(window, every), self.buckets.full_at(window, every), self.dropped.full_at(window, every)];
        each.into_iter().flatten().max()
    }

    /// What this page can't tell, however often it is looked at.
    fn untold(&self, page: &Page) -> BTreeMap<Metric, Gap> {
        let mut untold = BTreeMap::new();
        if let Ok(requests) = &page.requests {
            let has = |status| requests.keys().any(|key| key.status == status);
            if has(Status::Ambiguous) {
                untold.insert(Metric::ErrorRate, Gap::StatusAmbiguous);
            } else if has(Status::NotTold) {
                untold.insert(Metric::ErrorRate, Gap::StatusNotTold);
            }
        }
        let bounds = page.buckets.iter().flat_map(BTreeMap::keys).map(|key| key.bound).filter(|bound| bound.0.is_finite());
        if let Some(top) = bounds.max() {
            let low = self.config.must_tell.iter().filter(|(_, limit)| top.0 * 1000.0 < **limit);
            untold.extend(low.map(|(metric, _)| (*metric, Gap::TopBucketLow)));
        }
        untold
    }
}

/// How the counters of each family grew over the window, or why that is not known.
struct FamilyGrowth<'w> {
    requests: Result<Grown<'w, RequestKey>, Gap>,
    buckets: Result<Grown<'w, BucketKey>, Gap>,
    dropped: Result<Grown<'w, Labels>, Gap>,
}

impl FamilyGrowth<'_> {
    fn measure(&self, metric: Metric, at: Timestamp) -> Measured {
        match metric {
            Metric::RequestRate => {
                let all = known(&self.requests)?.sum(|_| true);
                Ok(Sample::exact(all.rate, whole(all.count), at))
            }
            Metric::ErrorRate => {
                let grown = known(&self.requests)?;
                let (all, failed) = (grown.sum(|_| true), grown.sum(RequestKey::is_failure));
                if all.rate <= 0.0 {
                    return Err(Gap::LowVolume);
                }
                let basis = Basis::Counted { failed: whole(failed.count) };
                Ok(Sample { value: failed.rate / all.rate, requests: whole(all.count), at, basis })
            }
            Metric::P50Latency => self.latency(0.50, at),
            Metric::P95Latency => self.latency(0.95, at),
            Metric::P99Latency => self.latency(0.99, at),
            Metric::DropRate => {
                let requests = self.requests.as_ref().map_or(0.0, |grown| grown.sum(|_| true).count);
                Ok(Sample::exact(known(&self.dropped)?.sum(|_| true).rate, whole(requests), at))
            }
            // It is taken from the page as it stands.
            Metric::Declared(_) => Err(Gap::Missing),
        }
    }

    /// The quantile over all series together, in milliseconds.
    fn latency(&self, quantile: f64, at: Timestamp) -> Measured {
        let grown = known(&self.buckets)?;
        let mut by_bound: BTreeMap<Bound, f64> = BTreeMap::new();
        for (key, growth) in &grown.0 {
            *by_bound.entry(key.bound).or_default() += growth.rate;
        }
        let buckets: Vec<_> = by_bound.into_iter().map(|(bound, rate)| (bound.0, rate)).collect();
        let requests = whole(grown.sum(|key| key.bound.0 == f64::INFINITY).count);
        Ok(match histogram_quantile(quantile, &buckets)? {
            Quantile::Within(seconds) => Sample::exact(seconds * 1000.0, requests, at),
            Quantile::Beyond(seconds) => Sample::at_least(seconds * 1000.0, requests, at),
        })
    }
}

fn known<'g, 'w, K>(grown: &'g Result<Grown<'w, K>, Gap>) -> Result<&'g Grown<'w, K>, Gap> {
    grown.as_ref().map_err(|gap| *gap)
}

fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// One look in so many is followed by another.
const TWIN_EVERY: u64 = 12;

/// A source's clock may be this far ahead of ours.
const FUTURE_MAX: Millis = Millis::from_secs(5);

impl Sensor for MetricsSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        self.config.every
    }
    fn stale_after(&self) -> Millis {
        metric::stale_after(self.config.every)
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.scrape())
    }
    fn memory(&self) -> Option<String> {
        memory::left(self)
    }
    fn recall(&mut self, left: &str) {
        memory::take_up(self, left);
    }
}
