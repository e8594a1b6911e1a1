//! Figures of what Cloud Monitoring has counted, in PromQL: requests by the class of their answers, and a distribution of latencies.
//!
//! Something without requests has no series at all, so the newest sample is asked of a whole that it belongs to: as long as anybody comes to
//! that, a part for which nothing is counted was asked nothing.

use std::collections::BTreeMap;

use crate::{
    domain::{metric::Metric, shown::Shown, time::Millis},
    plan::{
        lower::readings::window_fits,
        model::readings::{Author, Latencies, LatencyUnit, Readings, Source},
        promql,
        reader::{self, Fields, Problems},
        units,
    },
};

/// What is counted there is sampled once a minute.
pub(super) const SAMPLED_EVERY: Millis = Millis::from_secs(60);
/// Four samples, the fewest that make a rate.
const WINDOW: Millis = Millis::from_mins(4);

/// Two metrics and the labels by which they are asked. The labels' values are the cloud's own names, so none holds what would end one.
pub(super) struct Monitored<'a> {
    pub author: Author,
    /// Counts requests.
    pub requests: &'a str,
    /// Distributes their latencies, in milliseconds.
    pub latencies: &'a str,
    pub own: String,
    /// Of the whole that it is a part of.
    pub whole: String,
    /// The matcher of `response_code_class` for failures, and the one for all other answers.
    pub failed: &'a str,
    pub others: &'a str,
}

/// The plan's window, or the shortest; `None` where the source has too few samples in it.
pub(super) fn window(problems: &mut Problems, fields: &Fields<'_>, source: &Source) -> Option<Millis> {
    let at = fields.optional(problems, "window");
    let window = match &at {
        Some(at) => reader::quantity(problems, at, units::SPAN_ALLOWED, units::span)?,
        None => WINDOW,
    };
    window_fits(problems, at.as_ref().unwrap_or(fields.at()), window, Some(source))?;
    Some(window)
}

impl Monitored<'_> {
    pub(super) fn readings(self, source: Source, window: Millis) -> Readings {
        let Monitored { author, requests, latencies, own, whole, failed, others } = self;
        let range = promql::range_text(window);
        let counted = |labels: &str| format!("sum(increase({requests}{{{own}{labels}}}[{range}]))");
        let class = |matcher: &str| counted(&format!(",response_code_class{matcher}"));
        let buckets = format!("sum by (le) (rate({latencies}_bucket{{{own}}}[{range}]))");
        let quantile = |quantile: f64| Shown::new(&format!("histogram_quantile({quantile}, {buckets})"));
        let quantiles = [(Metric::P50Latency, 0.5), (Metric::P95Latency, 0.95), (Metric::P99Latency, 0.99)];
        Readings {
            source,
            author,
            window,
            requests: Shown::new(&format!("{} or vector(0)", counted(""))),
            // That nothing failed is known by answers of the other classes, and not by there being nothing.
            failures: Some(Shown::new(&format!("{} or 0 * {}", class(failed), class(others)))),
            dropped: None,
            latencies: Some(Latencies {
                quantiles: BTreeMap::from(quantiles.map(|(metric, of)| (metric, quantile(of)))),
                unit: LatencyUnit::Milliseconds,
                // Its buckets grow without an end that anybody would wait for.
                top_bucket: None,
            }),
            newest: Shown::new(&format!("max(timestamp({latencies}_count{{{whole}}}))")),
        }
    }
}
