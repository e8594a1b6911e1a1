//! Figures of a Deployment from the pages of its ready pods, one by one through the API server, with no Prometheus in between.
//!
//! Behind one address of many pods each answer comes from another one's counters, which makes no rate; here each pod is asked by its name and
//! its growth is added to the others' (`sum`). A pod that can't be read for two looks makes every figure a partial answer, since it may be
//! the very one that fails. What is asked of a cluster is bounded: pods a look, pages at once, bytes and time; where a Deployment has more,
//! the sensor says so and reads none, for a part of the pods is no figure of all.

mod sum;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt, stream};
use reqwest::header::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::{
    arithmetic::{Quantile, histogram_quantile},
    exposition::{Families, Page},
    gauge,
    intake::Intake,
    whole,
};
use crate::{
    adapter::{
        Now,
        http::Sink,
        kubernetes::{Pages, ReadyPod},
    },
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        id::{BackendId, SourceId},
        metric::{self, Basis, Gap, Measured, Metric, PAGE_BYTES_MAX, Sample},
        time::{Millis, Timestamp},
    },
    port::{Answer, Sensor},
};
use sum::{Sum, Total};

/// How to reckon with what the pods show.
#[derive(Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub every: Millis,
    pub families: Families,
    /// Over how much time rates and quantiles are taken.
    pub window: Millis,
    /// What a latency must be able to show, in milliseconds: the thresholds of the triggers that watch it.
    pub must_tell: BTreeMap<Metric, f64>,
    pub now: Now,
}

/// More ready pods than this are not read.
pub const PODS_MAX: usize = 100;
/// Where there are more, nobody looks again before so long.
const TOO_MANY_FOR: Millis = Millis::from_secs(60);
/// Pages that are asked for at once.
const AT_ONCE: usize = 20;
/// One look at all pages has so long, on the machine's own clock.
const LOOK_DEADLINE: Duration = Duration::from_secs(8);
/// The pods are listed again after so many looks, and whenever a page could not be read.
const LISTED_FOR: u32 = 3;

pub struct PodsSensor {
    config: Config,
    pages: Pages,
    listed: Vec<ReadyPod>,
    /// Looks until they are listed again.
    listed_for: u32,
    /// When each pod was first listed as ready.
    listed_at: BTreeMap<String, Timestamp>,
    sum: Sum,
}

/// What a pod's page came to.
type Read = (ReadyPod, Result<Result<Page, Gap>, Fault>);

impl PodsSensor {
    pub fn new(config: Config, pages: Pages) -> PodsSensor {
        let sum = Sum::new(config.window);
        PodsSensor { config, pages, listed: Vec::new(), listed_for: 0, listed_at: BTreeMap::new(), sum }
    }

    async fn seen(&mut self) -> Result<Vec<Fact>, Fault> {
        let at = (self.config.now)();
        self.list(at).await?;
        let backend = self.config.backend.clone();
        if self.listed.is_empty() {
            let values = self.all(Gap::Missing);
            return Ok(vec![Fact::Measured { backend, values }]);
        }
        let read = self.read().await;
        if read.iter().any(|(_, page)| page.is_err()) {
            self.listed_for = 0;
        }
        let fault = read.iter().find_map(|(_, page)| page.as_ref().err()).cloned();
        // A right that is missing is missing for all of them, and a look in which nobody answered has its reason in any of them.
        if let Some(fault) = fault
            .filter(|fault| matches!(fault.kind, FaultKind::Forbidden | FaultKind::Denied) || read.iter().all(|(_, page)| page.is_err()))
        {
            return Err(fault);
        }
        let values = self.reckon(at, read);
        let full_at = if values.values().any(|value| *value == Err(Gap::TooEarly)) { self.sum.full_at(self.config.every) } else { None };
        let filling = full_at.map(|full_at| Fact::Filling { backend: backend.clone(), full_at });
        Ok(std::iter::once(Fact::Measured { backend: backend.clone(), values }).chain(filling).collect())
    }

    async fn list(&mut self, at: Timestamp) -> Result<(), Fault> {
        if self.listed_for > 0 {
            self.listed_for -= 1;
            return Ok(());
        }
        let ready = self.pages.ready(PODS_MAX).await?;
        if ready.len() > PODS_MAX {
            let shown = self.pages.shown();
            let message = format!(
                "more than {PODS_MAX} pods of {}/{} are ready, and the pages of so many are read at most; ask a Prometheus instead",
                shown.namespace, shown.deployment
            );
            // So many don't go within seconds, and each look at them costs the API server a page.
            return Err(Fault { retry_after: Some(TOO_MANY_FOR), ..Fault::new(FaultKind::Unsupported, message) });
        }
        self.listed_at.retain(|uid, _| ready.iter().any(|pod| pod.uid == *uid));
        for pod in &ready {
            self.listed_at.entry(pod.uid.clone()).or_insert(at);
        }
        self.listed_for = if ready.is_empty() { 0 } else { LISTED_FOR - 1 };
        self.listed = ready;
        Ok(())
    }

    /// The pages of all listed pods, as far as they come in time.
    async fn read(&self) -> Vec<Read> {
        let (deadline, bytes) = (Instant::now() + LOOK_DEADLINE, AtomicUsize::new(0));
        let page = async |pod: &ReadyPod| {
            let late = || Fault::new(FaultKind::TimedOut, format!("pod {} was not read in time", pod.name));
            let page = timeout_at(deadline, self.page(pod, &bytes)).await.unwrap_or_else(|_| Err(late()));
            (pod.clone(), page)
        };
        stream::iter(&self.listed).map(page).buffer_unordered(AT_ONCE).collect().await
    }

    async fn page(&self, pod: &ReadyPod, bytes: &AtomicUsize) -> Result<Result<Page, Gap>, Fault> {
        let mut bounded = Bounded { intake: Intake::new(&self.config.families), bytes, is_over: false };
        self.pages.pour(&pod.name, &mut bounded).await?;
        if bounded.is_over {
            return Ok(Err(Gap::PageTooLong));
        }
        bounded.intake.page().map_err(|why| Fault::new(FaultKind::Unreadable, format!("pod {} answered with {why}", pod.name)))
    }

    fn reckon(&mut self, at: Timestamp, read: Vec<Read>) -> BTreeMap<Metric, Measured> {
        let ready: BTreeSet<String> = self.listed.iter().map(|pod| pod.uid.clone()).collect();
        let mut spoilt = None;
        let mut pages = BTreeMap::new();
        for (pod, page) in read {
            match page {
                Ok(Ok(page)) => drop(pages.insert(pod.uid, page)),
                Ok(Err(gap)) => spoilt = Some(gap),
                Err(fault) => tracing::debug!("{fault}"),
            }
        }
        let gauges = gauge::of_pods(&self.config.families.gauges, &pages, self.listed.len(), at);
        self.sum.take(at, &ready, pages);
        if let Some(gap) = spoilt {
            return self.all(gap);
        }
        let since = at.before(metric::stale_after(self.config.every));
        let overdue: BTreeSet<String> =
            ready.into_iter().filter(|uid| self.listed_at.get(uid).is_some_and(|listed| *listed <= since)).collect();
        if self.sum.unseen(&overdue, since) > 0 {
            return self.all(Gap::Partial);
        }
        let total = self.sum.total(self.config.every);
        let told = |metric: Metric| total.as_ref().map_err(|gap| *gap).and_then(|total| self.measure(metric, total, at));
        // A window that fills says nothing against a gauge, and several processes within one pod do.
        let several = total.as_ref().err().copied().filter(|gap| *gap == Gap::SeveralProcesses);
        let gauges = gauges.into_iter().map(|(metric, value)| (metric, several.map_or(value, Err)));
        Metric::STANDARD.into_iter().map(|metric| (metric, told(metric))).chain(gauges).collect()
    }

    fn all(&self, gap: Gap) -> BTreeMap<Metric, Measured> {
        let declared = self.config.families.gauges.iter().map(|gauge| gauge.metric);
        Metric::STANDARD.into_iter().chain(declared).map(|metric| (metric, Err(gap))).collect()
    }

    fn measure(&self, metric: Metric, Total { grown, covered }: &Total, at: Timestamp) -> Measured {
        let gaps = self.sum.gaps();
        let (requests, seconds) = (whole(grown.all), covered.as_secs_f64());
        match metric {
            Metric::RequestRate => gaps.requests.map_or_else(|| Ok(Sample::exact(grown.all / seconds, requests, at)), Err),
            Metric::ErrorRate => {
                if let Some(gap) = gaps.requests.or(gaps.status) {
                    return Err(gap);
                }
                if requests == 0 {
                    return Err(Gap::LowVolume);
                }
                let failed = whole(grown.failed).min(requests);
                Ok(Sample { value: failed as f64 / requests as f64, requests, at, basis: Basis::Counted { failed } })
            }
            Metric::P50Latency => self.latency(metric, 0.50, &grown.buckets, at),
            Metric::P95Latency => self.latency(metric, 0.95, &grown.buckets, at),
            Metric::P99Latency => self.latency(metric, 0.99, &grown.buckets, at),
            Metric::DropRate => gaps.dropped.map_or_else(|| Ok(Sample::exact(grown.dropped / seconds, requests, at)), Err),
            // It is taken from the pages as it stands.
            Metric::Declared(_) => Err(Gap::Missing),
        }
    }

    /// The quantile over all pods together, in milliseconds.
    fn latency(&self, metric: Metric, quantile: f64, buckets: &BTreeMap<super::exposition::Bound, f64>, at: Timestamp) -> Measured {
        if let Some(gap) = self.sum.gaps().buckets {
            return Err(gap);
        }
        if let (Some(top), Some(limit)) = (self.sum.top(), self.config.must_tell.get(&metric))
            && top.0 * 1000.0 < *limit
        {
            return Err(Gap::TopBucketLow);
        }
        let buckets: Vec<_> = buckets.iter().map(|(bound, count)| (bound.0, *count)).collect();
        let requests = buckets.last().map_or(0, |(_, count)| whole(*count));
        Ok(match histogram_quantile(quantile, &buckets)? {
            Quantile::Within(seconds) => Sample::exact(seconds * 1000.0, requests, at),
            Quantile::Beyond(seconds) => Sample::at_least(seconds * 1000.0, requests, at),
        })
    }
}

/// A page as it comes, as long as all of a look's pages together are not too long.
struct Bounded<'a> {
    intake: Intake<'a>,
    bytes: &'a AtomicUsize,
    is_over: bool,
}

impl Sink for Bounded<'_> {
    fn begins(&mut self, headers: &HeaderMap) -> ControlFlow<()> {
        self.intake.begins(headers)
    }
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.is_over = self.bytes.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() > PAGE_BYTES_MAX;
        if self.is_over { ControlFlow::Break(()) } else { self.intake.take(bytes) }
    }
}

impl Sensor for PodsSensor {
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
        Box::pin(self.seen())
    }
}
