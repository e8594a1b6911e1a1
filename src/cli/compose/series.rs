//! Who tells what a plan declares of a backend: servers that are asked, and gauges on the pages that its other figures come from.

use color_eyre::eyre::Result;

use super::Composer;
use crate::{
    adapter::{
        metrics::Gauge,
        prometheus::series::{Asked, Config, SeriesSensor},
    },
    domain::metric::Metric,
    plan::model::{
        Backend,
        readings::{Cadence, FeedSource},
    },
    port::Sensor,
};

impl Composer<'_> {
    /// Who asks servers for what the plan declares of a backend, if any is asked.
    pub(super) fn series(&self, backend: &Backend) -> Result<Option<Box<dyn Sensor>>> {
        let every = self.plan.limits.scrape_every;
        let mut asked = Vec::new();
        for feed in &backend.series {
            let FeedSource::Asked(queries) = &feed.from else { continue };
            let (client, base) = self.server(&queries.source)?;
            asked.push(Asked {
                metric: Metric::Declared(feed.series),
                base,
                client,
                query: queries.query.to_string(),
                newest: queries.newest.to_string(),
                stale_after: Cadence::of_feed(&feed.from, every).stale_after,
            });
        }
        if asked.is_empty() {
            return Ok(None);
        }
        let source = format!("series/{}", backend.id).parse()?;
        let config = Config { source, backend: backend.id.clone(), asked, every, now: self.now() };
        Ok(Some(Box::new(SeriesSensor::new(config))))
    }
}

/// The gauges of a backend's pages.
pub(super) fn gauges(backend: &Backend) -> Vec<Gauge> {
    let told = backend.series.iter().filter_map(|feed| match &feed.from {
        FeedSource::Gauge(gauge) => Some(Gauge {
            metric: Metric::Declared(feed.series),
            family: gauge.family.to_string(),
            labels: gauge.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            over: gauge.over,
        }),
        FeedSource::Asked(_) => None,
    });
    told.collect()
}
