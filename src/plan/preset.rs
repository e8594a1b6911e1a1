//! What the usual exporters call what they count: one row each, and nothing else in the program knows their names.
//!
//! A preset is expanded into the queries that a person would write, which stand in the plan's record; `cutover check` prints them. Rows
//! follow a real exporter's page where `tests/presets` has it, whose first line says which version made it; those of istio and spring_boot
//! follow the documents alone.

use crate::{domain::time::Millis, plan::model::readings::LatencyUnit};

/// How one exporter counts.
#[derive(Debug)]
pub struct Preset {
    /// As the plan spells it.
    pub name: &'static str,
    pub requests: Counter,
    /// `None` for an exporter that doesn't tell how requests ended.
    pub failures: Option<Failures>,
    pub dropped: Option<Dropped>,
    pub latency: Option<Histogram>,
}

/// A counter, and the matchers that belong to it.
#[derive(Debug)]
pub struct Counter {
    pub family: &'static str,
    pub own: &'static [Own],
}

/// What series have to hold to be users' requests, counted once.
#[derive(Debug, Clone, Copy)]
pub enum Own {
    /// A label with this value.
    Is(&'static str, &'static str),
    /// A label whose value doesn't begin so.
    NotBelow(&'static str, &'static str),
}

impl Own {
    /// As PromQL writes it.
    pub fn matcher(self) -> String {
        match self {
            Own::Is(label, value) => format!("{label}=\"{value}\""),
            Own::NotBelow(label, begins) => format!("{label}!~\"{begins}.*\""),
        }
    }
}

/// Of the two proxies that a request passes, the sender's would count it for the second time.
const RECEIVED: &[Own] = &[Own::Is("reporter", "destination")];
/// Probes and the page itself are no users.
const NO_ACTUATOR: &[Own] = &[Own::NotBelow("uri", "/actuator")];
const NO_PAGE: &[Own] = &[Own::NotBelow("handler", "/metrics")];

/// Answers with a server's error: a counter, and its label that tells how requests ended.
#[derive(Debug)]
pub struct Failures {
    pub of: Counter,
    pub status: &'static str,
    /// What the label holds then, as a regular expression.
    pub is: &'static str,
}

/// Connections that were taken and not answered, as the difference of two counters.
#[derive(Debug)]
pub struct Dropped {
    pub taken: &'static str,
    pub answered: &'static str,
}

/// A classic histogram.
#[derive(Debug)]
pub struct Histogram {
    /// Without its `_bucket`.
    pub family: &'static str,
    pub own: &'static [Own],
    pub unit: LatencyUnit,
    /// The highest finite `le`, as the exporter has it where nobody has changed it.
    pub top_bucket: Millis,
}

const fn counter(family: &'static str, own: &'static [Own]) -> Counter {
    Counter { family, own }
}

const fn failures(family: &'static str, own: &'static [Own], status: &'static str, is: &'static str) -> Option<Failures> {
    Some(Failures { of: counter(family, own), status, is })
}

const fn seconds(family: &'static str, own: &'static [Own], top_s: u64) -> Option<Histogram> {
    Some(Histogram { family, own, unit: LatencyUnit::Seconds, top_bucket: Millis::from_secs(top_s) })
}

const fn milliseconds(family: &'static str, own: &'static [Own], top_s: u64) -> Option<Histogram> {
    Some(Histogram { family, own, unit: LatencyUnit::Milliseconds, top_bucket: Millis::from_secs(top_s) })
}

/// All of them, in the order of the README.
pub const PRESETS: &[Preset] = &[
    // Istio's standard metrics.
    Preset {
        name: "istio",
        requests: counter("istio_requests_total", RECEIVED),
        failures: failures("istio_requests_total", RECEIVED, "response_code", "5.."),
        dropped: None,
        latency: milliseconds("istio_request_duration_milliseconds", RECEIVED, 3600),
    },
    // Envoy's `/stats/prometheus`, by upstream cluster.
    Preset {
        name: "envoy",
        requests: counter("envoy_cluster_upstream_rq_completed", &[]),
        failures: failures("envoy_cluster_upstream_rq_xx", &[], "envoy_response_code_class", "5"),
        dropped: None,
        latency: milliseconds("envoy_cluster_upstream_rq_time", &[], 3600),
    },
    // nginx-prometheus-exporter over `stub_status`, which knows neither answers nor latencies.
    Preset {
        name: "nginx",
        requests: counter("nginx_http_requests_total", &[]),
        failures: None,
        dropped: Some(Dropped { taken: "nginx_connections_accepted", answered: "nginx_connections_handled" }),
        latency: None,
    },
    // Micrometer's `http.server.requests`. Buckets are there with
    // `management.metrics.distribution.percentiles-histogram.http.server.requests=true`, whose highest is 30 s.
    Preset {
        name: "spring_boot",
        requests: counter("http_server_requests_seconds_count", NO_ACTUATOR),
        failures: failures("http_server_requests_seconds_count", NO_ACTUATOR, "status", "5.."),
        dropped: None,
        latency: seconds("http_server_requests_seconds", NO_ACTUATOR, 30),
    },
    // prom-client for Node counts no requests by itself: the histogram of express-prom-bundle, and of most examples.
    Preset {
        name: "prom_client",
        requests: counter("http_request_duration_seconds_count", &[]),
        failures: failures("http_request_duration_seconds_count", &[], "status_code", "5.."),
        dropped: None,
        latency: seconds("http_request_duration_seconds", &[], 10),
    },
    // Go's promhttp counts by `code` and `method`, under names of the program's own: these are those of its examples.
    Preset {
        name: "go_promhttp",
        requests: counter("http_requests_total", &[]),
        failures: failures("http_requests_total", &[], "code", "5.."),
        dropped: None,
        latency: seconds("http_request_duration_seconds", &[], 10),
    },
    // prometheus-fastapi-instrumentator: classes of status unless told otherwise, and a histogram of all handlers with fine buckets, in
    // which the scrapes of the page itself are counted too.
    Preset {
        name: "fastapi",
        requests: counter("http_requests_total", NO_PAGE),
        failures: failures("http_requests_total", NO_PAGE, "status", "5.."),
        dropped: None,
        latency: seconds("http_request_duration_highr_seconds", &[], 60),
    },
    // OpenTelemetry's semantic conventions: `http.server.request.duration` as Prometheus names it.
    Preset {
        name: "otel",
        requests: counter("http_server_request_duration_seconds_count", &[]),
        failures: failures("http_server_request_duration_seconds_count", &[], "http_response_status_code", "5.."),
        dropped: None,
        latency: seconds("http_server_request_duration_seconds", &[], 10),
    },
];
