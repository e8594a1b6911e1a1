//! The load balancer's own metrics as PromQL has them: the names, labels and units of Google's list of metrics, by the rules that map them.
//!
//! Each is the growth of one minute; distributions read as histograms, with a bucket for every bound.

use std::collections::BTreeMap;

use crate::sim::{
    server::google::{PROJECT, REGION},
    world::{
        balanced::{BOUNDS, Counts, Latencies, Minute, bound_ms},
        load_balancer::{Kind, URL_MAP},
        meter::Code,
        scrapes::Sample,
    },
};

use super::{
    evaluate::{Counted, Labels, matches, matches_but},
    query::Selector,
};

/// The metrics of one kind of load balancer.
struct Names {
    prefix: &'static str,
    resource: &'static str,
    /// Whether it may have a cache in front of it, and says what that answered.
    has_cache: bool,
}

fn names(kind: Kind) -> Names {
    match kind {
        Kind::GlobalExternal => Names { prefix: "loadbalancing_googleapis_com:https", resource: "https_lb_rule", has_cache: true },
        Kind::RegionalExternal => Names {
            prefix: "loadbalancing_googleapis_com:https_external_regional",
            resource: "http_external_regional_lb_rule",
            has_cache: true,
        },
        Kind::RegionalInternal => {
            Names { prefix: "loadbalancing_googleapis_com:https_internal", resource: "internal_http_lb_rule", has_cache: false }
        }
    }
}
/// Labels of what the client's side of a request is known for.
const CLIENT: [(&str, &str); 2] = [("protocol", "HTTP/2.0"), ("client_country", "United States")];

/// A minute as it is asked for.
pub(super) fn counted(kind: Kind, minute: &Minute) -> Counted<'_> {
    Counted { end_ms: minute.end_ms, tell: Box::new(move |selector| samples(kind, minute, selector)) }
}

/// What one minute holds of the series that are asked for. They are many, and each has many labels: none is made that nobody asks for.
fn samples(kind: Kind, minute: &Minute, selector: &Selector) -> Vec<Sample> {
    minute.counts.iter().flat_map(|counts| of(kind, counts, minute.end_ms, selector)).collect()
}

fn of(kind: Kind, counts: &Counts, at_ms: i64, selector: &Selector) -> Vec<Sample> {
    let prefix = names(kind).prefix;
    let backend = counts.of.name();
    let (mut answered, mut said): (BTreeMap<Option<Code>, u64>, BTreeMap<Option<Code>, u64>) = Default::default();
    for requests in &counts.requests {
        *answered.entry(requests.answered).or_default() += requests.count;
        *said.entry(requests.said).or_default() += requests.count;
    }
    let mut found = Vec::new();
    let mut tell = |name: &str, code: Option<Code>, further: &[(&str, &str)], each: &dyn Fn() -> Vec<(Option<String>, f64)>| {
        let further = further.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        let name = [("__name__".to_owned(), format!("{prefix}_{name}"))];
        let series: Labels = labels(kind, &backend, code).into_iter().chain(further).chain(name).collect();
        if !matches_but(selector, &series, "le") {
            return;
        }
        for (le, value) in each() {
            let labels: Labels = series.clone().into_iter().chain(le.map(|le| ("le".to_owned(), le))).collect();
            let sample = Sample { labels, at_ms, value };
            found.extend(Some(sample).filter(|sample| matches(selector, &sample.labels)));
        }
    };
    for (code, count) in answered {
        tell("request_count", code, &CLIENT, &|| vec![(None, count as f64)]);
    }
    for (code, count) in said {
        tell("backend_request_count", code, &[], &|| vec![(None, count as f64)]);
    }
    for (code, latencies) in &counts.latencies {
        tell("backend_latencies_bucket", Some(*code), &CLIENT, &|| buckets(latencies));
        let count: u64 = latencies.buckets.iter().sum();
        tell("backend_latencies_count", Some(*code), &CLIENT, &|| vec![(None, count as f64)]);
        tell("backend_latencies_sum", Some(*code), &CLIENT, &|| vec![(None, latencies.sum_ms)]);
    }
    found
}

/// Each bound with what lies below it.
pub(super) fn buckets(latencies: &Latencies) -> Vec<(Option<String>, f64)> {
    let mut below = 0;
    let each = latencies.buckets.iter().enumerate().map(|(bucket, count)| {
        below += count;
        let le = if bucket < BOUNDS { bound_ms(bucket).to_string() } else { "+Inf".to_owned() };
        (Some(le), below as f64)
    });
    each.collect()
}

/// Labels of the monitored resource and those that all of these metrics have.
fn labels(kind: Kind, backend: &str, code: Option<Code>) -> Labels {
    let Names { resource, has_cache, .. } = names(kind);
    let number = code.map_or(0, Code::number);
    let code = [("response_code", number.to_string()), ("response_code_class", (number / 100 * 100).to_string())];
    let fixed = [
        ("monitored_resource", resource),
        ("project_id", PROJECT),
        ("region", if kind == Kind::GlobalExternal { "global" } else { REGION }),
        ("url_map_name", URL_MAP),
        ("forwarding_rule_name", "hexproperty-https"),
        ("target_proxy_name", "hexproperty-https-proxy"),
        ("matched_url_path_rule", "UNMATCHED"),
        ("backend_target_name", backend),
        ("backend_target_type", "BACKEND_SERVICE"),
        ("backend_type", "NETWORK_ENDPOINT_GROUP"),
        ("proxy_continent", "America"),
    ];
    let external = (kind != Kind::RegionalInternal).then_some(("load_balancing_scheme", "EXTERNAL_MANAGED"));
    let fixed = fixed.into_iter().chain(external).chain(has_cache.then_some(("cache_result", "DISABLED")));
    let fixed = fixed.into_iter().map(|(label, value)| (label, value.to_owned()));
    fixed.chain(code).map(|(label, value)| (label.to_owned(), value)).collect()
}
