//! Where the figures of one backend come from, and what is asked there.
//!
//! Rates and shares are reckoned here, of counts within one window: a share alone can't be proven, and a count can. Queries that the plan
//! writes out are read in this file; those of the load balancer and of presets are written by the files below it, in the same form, so that
//! the plan's record holds what is really asked.

use std::collections::BTreeMap;

use strum::EnumCount;

use crate::{
    domain::{
        metric::{self, Metric},
        shown::Shown,
        time::Millis,
    },
    plan::{
        lower::span_within,
        model::{
            Driver, WorkloadRef,
            readings::{Author, Latencies, LatencyUnit, PodPages, Readings, Source},
        },
        promql::{self, Query},
        reader::{self, At, Fields, Problems},
        units,
    },
};

mod cloud_run;
mod load_balancer;
mod monitored;
pub(super) mod pods;
pub(super) mod preset;

const KEYS: &[&str] = &["load_balancer", "cloud_run", "prometheus", "pods"];
const PROMETHEUS_KEYS: &[&str] = &[
    "source",
    "window",
    "preset",
    "labels",
    "requests",
    "failures",
    "dropped",
    "p50_latency",
    "p95_latency",
    "p99_latency",
    "latency_unit",
    "top_bucket",
    "newest",
];
const UNITS: &[(&str, LatencyUnit); LatencyUnit::COUNT] = &[("s", LatencyUnit::Seconds), ("ms", LatencyUnit::Milliseconds)];
const QUANTILES: [(&str, Metric); 3] =
    [("p50_latency", Metric::P50Latency), ("p95_latency", Metric::P95Latency), ("p99_latency", Metric::P99Latency)];
/// Fewer samples than these make no rate that can be relied on.
const SAMPLES_MIN: u64 = 4;
const WINDOW_MOST: Millis = Millis::from_mins(30);

/// The sources that the plan names.
pub(super) type Sources<'a> = BTreeMap<&'a str, Option<Source>>;

/// What a backend is to its route, as far as queries are written by it.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    /// The plan's own project.
    pub project: Option<&'a Shown>,
    pub region: Option<&'a Shown>,
    pub driver: Option<&'a Driver>,
    /// What the driver calls the backend.
    pub target: Option<&'a Shown>,
    pub workload: Option<&'a WorkloadRef>,
}

/// Where figures come from.
pub(super) enum Told {
    /// A server is asked.
    By(Readings),
    /// Each pod shows a page.
    ByPods(PodPages),
}

pub(super) fn readings(problems: &mut Problems, at: At<'_>, sources: &Sources<'_>, behind: Behind<'_>) -> Option<Told> {
    let fields = Fields::open(problems, at, KEYS)?;
    let named: Vec<&'static str> = KEYS.iter().copied().filter(|key| fields.has(key)).collect();
    let key = match named.as_slice() {
        [key] => *key,
        [] => {
            let message = "where the figures come from is missing";
            let help = "add `load_balancer: {}`, `cloud_run: {}`, `prometheus: { source: NAME, requests: …, failures: … }` or `pods: { port: 8080 }`";
            problems.at(fields.at(), message).allowed(KEYS.join(" or ")).help(help).error();
            return None;
        }
        [_, _, ..] => {
            let message = format!("figures of a backend have one source, and here are {}", named.join(" and "));
            problems.at(fields.at(), message).allowed(KEYS.join(" or ")).help("keep one of them").error();
            return None;
        }
    };
    let at = fields.optional(problems, key)?;
    match key {
        "load_balancer" => load_balancer::readings(problems, at, behind).map(Told::By),
        "cloud_run" => cloud_run::readings(problems, at, behind).map(Told::By),
        "pods" => pods::readings(problems, at, behind).map(Told::ByPods),
        _ => prometheus(problems, at, sources).map(Told::By),
    }
}

fn prometheus(problems: &mut Problems, at: At<'_>, sources: &Sources<'_>) -> Option<Readings> {
    let fields = Fields::open(problems, at, PROMETHEUS_KEYS)?;
    let source = fields.required(problems, "source", "NAME").and_then(|at| source(problems, &at, sources));
    if fields.has("preset") || fields.has("labels") {
        return preset::readings(problems, &fields, source);
    }
    let requests = fields.required(problems, "requests", "sum(increase(http_requests_total{…}[1m]))");
    let requests = requests.and_then(|at| Some((count(problems, &at)?, at)));
    let window = requests.as_ref().and_then(|(requests, at)| window(problems, &fields, requests, at, source.as_ref()));
    let read = |problems: &mut Problems, key: &'static str, read: fn(&mut Problems, &At<'_>) -> Option<Query>| {
        let Some(at) = fields.optional(problems, key) else { return Some(None) };
        let query = read(problems, &at)?;
        same_window(problems, &at, &query, window)?;
        Some(Some((query, at)))
    };
    let failures = read(problems, "failures", count);
    let dropped = read(problems, "dropped", count);
    if let Some(Some((query, at))) = &failures {
        remark_on_empty(problems, at, query);
    }
    if !fields.has("failures") {
        let message = "without `failures` nobody counts what fails: no error rate is known of this backend";
        let help = "add `failures: sum(increase(http_requests_total{code=~\"5..\"}[1m])) or vector(0)`, with your own labels";
        problems.at(fields.at(), message).help(help).warning();
    }
    let mut quantiles = BTreeMap::new();
    for (key, metric) in QUANTILES {
        if let Some((query, at)) = read(problems, key, query)? {
            quantiles.insert(metric, (query, at));
        }
    }
    let latencies = latencies(problems, &fields, quantiles);
    let newest = newest(problems, &fields, requests.as_ref().map(|(requests, _)| requests));
    let text = |asked: Option<(Query, At<'_>)>| asked.map(|(query, _)| Shown::new(&query.text));
    Some(Readings {
        source: source?,
        author: Author::Plan,
        window: window?,
        requests: Shown::new(&requests?.0.text),
        failures: text(failures?),
        dropped: text(dropped?),
        latencies: latencies?,
        newest: newest?,
    })
}

pub(super) fn source(problems: &mut Problems, at: &At<'_>, sources: &Sources<'_>) -> Option<Source> {
    let known: Vec<&str> = sources.keys().copied().collect();
    if known.is_empty() {
        let help = "add at the top of the plan: `sources: { NAME: { prometheus: https://…, scrape_interval: 15s } }`";
        problems.at(at, "the plan names no sources").help(help).error();
        return None;
    }
    let typed = reader::text(problems, at)?;
    match sources.get(typed) {
        Some(source) => source.clone(),
        None => {
            problems.at(at, format!("there is no source named `{typed}`")).one_of(typed, &known).error();
            None
        }
    }
}

pub(super) fn query(problems: &mut Problems, at: &At<'_>) -> Option<Query> {
    match promql::query(reader::text(problems, at)?) {
        Ok(query) => Some(query),
        Err(error) => {
            problems.at(at, error.message).allowed("one PromQL query that gives one number").help(error.help).error();
            None
        }
    }
}

/// A query that counts; a rate would be taken for a count, and be too small by the whole window.
fn count(problems: &mut Problems, at: &At<'_>) -> Option<Query> {
    let query = query(problems, at)?;
    if query.text.contains("rate(") && !query.text.contains('*') {
        let message = "`rate` tells how many a second; here is counted how many within the window";
        problems.at(at, message).help("use `increase` instead of `rate`").error();
        return None;
    }
    Some(query)
}

/// Over how long is counted: the range of the query itself, or what the plan says where it has none.
fn window(problems: &mut Problems, fields: &Fields<'_>, requests: &Query, at: &At<'_>, source: Option<&Source>) -> Option<Millis> {
    let said_at = fields.optional(problems, "window");
    let said = match &said_at {
        Some(at) => Some(reader::quantity(problems, at, units::SPAN_ALLOWED, units::span)?),
        None => None,
    };
    let Some(window) = said.or_else(|| requests.ranges.first().copied()) else {
        let message = "the query doesn't say over how long it counts";
        problems.at(at, message).help("add `window: 1m`, with the time over which the recording rule counts").error();
        return None;
    };
    same_window(problems, at, requests, Some(window))?;
    window_fits(problems, said_at.as_ref().unwrap_or(at), window, source)?;
    Some(window)
}

/// Whether a window holds samples enough, and is no longer than a decision may wait.
fn window_fits(problems: &mut Problems, place: &At<'_>, window: Millis, source: Option<&Source>) -> Option<()> {
    let samples = source.map_or(Millis(0), |source| Millis(source.scrape_interval.0 * SAMPLES_MIN));
    let least = metric::window(Millis(1)).max(samples);
    if window < least || window > WINDOW_MOST {
        let message = match source {
            Some(source) if window < samples => {
                format!("in {window} there are too few samples for a count, for {} takes one each {}", source.name, source.scrape_interval)
            }
            Some(_) | None => format!("{window} is out of bounds"),
        };
        problems
            .at(place, message)
            .allowed(format!("from {least} to {WINDOW_MOST}"))
            .help(format!("count over `[{}]` or more", promql::range_text(least)))
            .error();
        return None;
    }
    Some(())
}

/// Whether every part of a query counts over the window; counts of different times make no share.
fn same_window(problems: &mut Problems, at: &At<'_>, query: &Query, window: Option<Millis>) -> Option<()> {
    let window = window?;
    match query.ranges.iter().find(|range| **range != window) {
        None => Some(()),
        Some(other) => {
            let (other, window) = (promql::range_text(*other), promql::range_text(window));
            let message = format!("this is taken over {other}, and the window is {window}");
            problems
                .at(at, message)
                .allowed(format!("`[{window}]` in every query of a backend"))
                .help(format!("write `[{window}]`"))
                .error();
            None
        }
    }
}

/// A counter of failures has no series until something fails, and nothing is not zero.
fn remark_on_empty(problems: &mut Problems, at: &At<'_>, query: &Query) {
    if !query.text.contains(" or ") {
        let message =
            "where nothing has failed yet this has no series, and no number: the error rate would be missing, and its triggers blind";
        problems.at(at, message).help("add ` or vector(0)` at its end, once you have seen that its labels are right").warning();
    }
}

fn latencies(problems: &mut Problems, fields: &Fields<'_>, quantiles: BTreeMap<Metric, (Query, At<'_>)>) -> Option<Option<Latencies>> {
    let unit_at = fields.optional(problems, "latency_unit");
    let top_at = fields.optional(problems, "top_bucket");
    let top_bucket = match &top_at {
        Some(at) => Some(span_within(problems, at, Millis(1), Millis::from_mins(60))?),
        None => None,
    };
    let Some((query, at)) = quantiles.values().next() else {
        for at in unit_at.iter().chain(&top_at) {
            problems.at(at, "no latency is asked for").help("remove the line, or add `p95_latency: histogram_quantile(0.95, …)`").error();
        }
        return Some(None);
    };
    let Some(unit_at) = unit_at else {
        if !fields.has("latency_unit") {
            let message = "`latency_unit` is missing: does this query tell seconds or milliseconds?";
            problems.at(at, message).allowed("s, ms").help("add `latency_unit: s`, or `latency_unit: ms`").error();
        }
        return None;
    };
    let unit = reader::word(problems, &unit_at, UNITS)?;
    let named = [("_milliseconds", LatencyUnit::Milliseconds), ("_seconds", LatencyUnit::Seconds)];
    if let Some((name, _)) = named.iter().find(|(name, of)| query.text.contains(name) && *of != unit) {
        problems.at(&unit_at, format!("the query asks for a series whose name ends in `{name}`")).help("compare the two").warning();
    }
    if top_bucket.is_none() && query.text.contains("_bucket") {
        let message = "a quantile is never told beyond the histogram's highest bucket, and this doesn't say which that is";
        problems.at(at, message).help("add `top_bucket: 10s`, the highest `le` that is not +Inf").warning();
    }
    let quantiles = quantiles.into_iter().map(|(metric, (query, _))| (metric, Shown::new(&query.text))).collect();
    Some(Some(Latencies { quantiles, unit, top_bucket }))
}

/// When the newest sample was taken: as the plan asks for it, or of the series that the requests are counted by.
fn newest(problems: &mut Problems, fields: &Fields<'_>, requests: Option<&Query>) -> Option<Shown> {
    if let Some(at) = fields.optional(problems, "newest") {
        return Some(Shown::new(&query(problems, &at)?.text));
    }
    let selector = requests?.selector.as_ref();
    if selector.is_none() {
        let message = "`newest` is missing, and `requests` doesn't tell which series it counts";
        problems.at(fields.at(), message).help("add `newest: max(timestamp(http_requests_total{…}))`").error();
    }
    selector.map(|selector| Shown::new(&format!("max(timestamp({selector}))")))
}
