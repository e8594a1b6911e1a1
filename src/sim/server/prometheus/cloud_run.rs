//! Cloud Run's own metrics as PromQL has them, by the revision that answered: the names, labels and units of Google's list of metrics, by the
//! rules that map them.
//!
//! Each is the growth of one minute; distributions read as histograms, with a bucket for every bound.

use super::balancer::buckets;
use crate::sim::{
    server::google::{PROJECT, REGION},
    world::{meter::Code, scrapes, series::Sample},
};

use super::{
    evaluate::{Counted, Labels, matches, matches_but},
    query::Selector,
};

const PREFIX: &str = "run_googleapis_com:request";
/// The only service whose requests are told apart by revision.
const SERVICE: &str = "frontend";

/// A minute as it is asked for.
pub(super) fn counted(minute: &Sample) -> Counted<'_> {
    Counted { end_ms: minute.end_ms, tell: Box::new(move |selector| samples(minute, selector)) }
}

/// What one minute holds of the series that are asked for.
fn samples(minute: &Sample, selector: &Selector) -> Vec<scrapes::Sample> {
    let mut found = Vec::new();
    let mut tell = |name: &str, key: &(String, Code), each: &dyn Fn() -> Vec<(Option<String>, f64)>| {
        let series = labels(name, key);
        if !matches_but(selector, &series, "le") {
            return;
        }
        for (le, value) in each() {
            let labels: Labels = series.clone().into_iter().chain(le.map(|le| ("le".to_owned(), le))).collect();
            let sample = scrapes::Sample { labels, at_ms: minute.end_ms, value };
            found.extend(Some(sample).filter(|sample| matches(selector, &sample.labels)));
        }
    };
    for (key, count) in &minute.run_requests {
        tell("count", key, &|| vec![(None, *count as f64)]);
    }
    for (key, latencies) in &minute.run_latencies {
        tell("latencies_bucket", key, &|| buckets(latencies));
        tell("latencies_count", key, &|| vec![(None, latencies.buckets.iter().sum::<u64>() as f64)]);
        tell("latencies_sum", key, &|| vec![(None, latencies.sum_ms)]);
    }
    found
}

/// Labels of the monitored resource, and of the metric.
fn labels(name: &str, (revision, code): &(String, Code)) -> Labels {
    let number = code.number();
    let fixed = [
        ("monitored_resource", "cloud_run_revision"),
        ("project_id", PROJECT),
        ("location", REGION),
        ("service_name", SERVICE),
        ("configuration_name", SERVICE),
        ("revision_name", revision),
    ];
    let fixed = fixed.into_iter().map(|(label, value)| (label, value.to_owned()));
    let own = [
        ("__name__", format!("{PREFIX}_{name}")),
        ("response_code", number.to_string()),
        ("response_code_class", format!("{}xx", number / 100)),
    ];
    fixed.chain(own).map(|(label, value)| (label.to_owned(), value)).collect()
}
