//! What Google's load balancer counts of one backend service, asked of Cloud Monitoring in PromQL: one ruler for both platforms, and what
//! users were answered, the balancer's own errors among it.
//!
//! Requests and failures are those of the answers that clients got (`request_count`): `backend_request_count` tells what the backends said,
//! and where one said nothing, as when it refuses the connection, it counts no error. Latencies are the backends' own. What a cache has
//! answered is nobody's. The balancer counts no dropped connections: an answer that nobody was given (`response_code_class` 0) is mostly a
//! client that went away.
//!
//! A backend without requests has no series at all, so the newest sample is asked of the whole URL map: as long as anybody comes to it, a
//! backend for which nothing is counted was asked nothing. Names, labels, units and delays are those of Google's list of metrics.

use std::collections::BTreeMap;

use strum::EnumCount;

use crate::{
    domain::{metric::Metric, shown::Shown, time::Millis},
    plan::{
        lower::{
            name,
            readings::{Behind, window_fits},
        },
        model::{
            Driver, MapPart,
            readings::{Author, Latencies, LatencyUnit, Readings, Server, Source},
        },
        promql,
        reader::{self, At, Fields, Problems},
        units,
    },
};

const KEYS: &[&str] = &["window", "project", "scheme"];
const SCHEMES: &[(&str, Scheme); Scheme::COUNT] = &[("external", Scheme::External), ("internal", Scheme::Internal)];
/// How the source is called wherever it is named.
const NAME: &str = "load balancer";
/// All of its metrics are sampled once a minute.
const SAMPLED_EVERY: Millis = Millis::from_secs(60);
/// Four samples, the fewest that make a rate.
const WINDOW: Millis = Millis::from_mins(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount)]
enum Scheme {
    External,
    Internal,
}

/// The metrics of one kind of load balancer.
struct Kind {
    /// What its metrics' names begin with.
    prefix: &'static str,
    resource: &'static str,
    /// How long after it was taken a sample may not be seen: of the metric that is seen last.
    delay: Millis,
    /// Whether it may have a cache in front, and says what that answered.
    has_cache: bool,
}

const GLOBAL_EXTERNAL: Kind =
    Kind { prefix: "loadbalancing_googleapis_com:https", resource: "https_lb_rule", delay: Millis::from_secs(210), has_cache: true };
const REGIONAL_EXTERNAL: Kind = Kind {
    prefix: "loadbalancing_googleapis_com:https_external_regional",
    resource: "http_external_regional_lb_rule",
    delay: Millis::from_secs(210),
    has_cache: true,
};
const INTERNAL: Kind = Kind {
    prefix: "loadbalancing_googleapis_com:https_internal",
    resource: "internal_http_lb_rule",
    delay: Millis::from_secs(90),
    has_cache: false,
};

pub(super) fn readings(problems: &mut Problems, at: At<'_>, behind: Behind<'_>) -> Option<Readings> {
    let fields = Fields::open(problems, at, KEYS)?;
    let part = match behind.driver? {
        Driver::UrlMap(part) => part,
        Driver::CloudRunRevisions { .. } => {
            let message = "the load balancer counts by backend service, and the revisions of a service stand behind one together";
            let help = "use `cloud_run: {}`, which tells them apart, or `prometheus` with a label of the revision";
            problems.at(fields.at(), message).help(help).error();
            return None;
        }
        Driver::HttpRoute(_) => {
            let message = "a Gateway's load balancer counts under names that GKE makes up";
            problems.at(fields.at(), message).help("use `pods`, or `prometheus` with labels of your own").error();
            return None;
        }
    };
    let kind = kind(problems, &fields, part);
    let project = match fields.optional(problems, "project") {
        Some(at) => name::project(problems, &at),
        // The load balancer's figures are those of the project that has its front end.
        None => part.project.as_ref().or(behind.project).cloned(),
    };
    let window_at = fields.optional(problems, "window");
    let window = match &window_at {
        Some(at) => reader::quantity(problems, at, units::SPAN_ALLOWED, units::span),
        None => Some(WINDOW),
    };
    let (kind, project, window, target) = (kind?, project?, window?, behind.target?);
    let name = Shown::new(NAME);
    let source = Source { name, server: Server::Google { project }, scrape_interval: SAMPLED_EVERY, delay: kind.delay };
    window_fits(problems, window_at.as_ref().unwrap_or(fields.at()), window, Some(&source))?;
    Some(of(&kind, part, target, source, window))
}

fn kind(problems: &mut Problems, fields: &Fields<'_>, part: &MapPart) -> Option<Kind> {
    let scheme = match fields.optional(problems, "scheme") {
        Some(at) => Some(reader::word(problems, &at, SCHEMES)?),
        None if fields.has("scheme") => return None,
        None => None,
    };
    match (scheme, &part.region) {
        (Some(Scheme::Internal), _) => Some(INTERNAL),
        (Some(Scheme::External), Some(_)) => Some(REGIONAL_EXTERNAL),
        (Some(Scheme::External) | None, None) => Some(GLOBAL_EXTERNAL),
        (None, Some(region)) => {
            let message = format!("a load balancer of {region} is an external or an internal one, and their metrics have other names");
            problems.at(fields.at(), message).allowed("external, internal").help("add `scheme: external`").error();
            None
        }
    }
}

/// The names are the cloud's own, so none holds what would end a label's value.
fn of(kind: &Kind, part: &MapPart, target: &Shown, source: Source, window: Millis) -> Readings {
    let Kind { prefix, resource, has_cache, .. } = kind;
    let map = format!("monitored_resource=\"{resource}\",url_map_name=\"{}\"", part.url_map);
    let uncached = if *has_cache { ",cache_result!=\"HIT\"" } else { "" };
    let own = format!("{map},backend_target_name=\"{target}\"{uncached}");
    let range = promql::range_text(window);
    let counted = |labels: &str| format!("sum(increase({prefix}_request_count{{{own}{labels}}}[{range}]))");
    let failed = counted(",response_code_class=\"500\"");
    // That nothing failed is known by answers of the other classes, and not by there being nothing.
    let others = counted(",response_code_class=~\"0|200|300|400\"");
    let buckets = format!("sum by (le) (rate({prefix}_backend_latencies_bucket{{{own}}}[{range}]))");
    let quantile = |quantile: f64| Shown::new(&format!("histogram_quantile({quantile}, {buckets})"));
    let quantiles = [(Metric::P50Latency, 0.5), (Metric::P95Latency, 0.95), (Metric::P99Latency, 0.99)];
    Readings {
        source,
        author: Author::LoadBalancer,
        window,
        requests: Shown::new(&format!("{} or vector(0)", counted(""))),
        failures: Some(Shown::new(&format!("{failed} or 0 * {others}"))),
        dropped: None,
        latencies: Some(Latencies {
            quantiles: BTreeMap::from(quantiles.map(|(metric, of)| (metric, quantile(of)))),
            unit: LatencyUnit::Milliseconds,
            // Its buckets grow without an end that anybody would wait for.
            top_bucket: None,
        }),
        newest: Shown::new(&format!("max(timestamp({prefix}_backend_latencies_count{{{map}}}))")),
    }
}
