//! What Cloud Run counts of one service, or of one of its revisions, asked of Cloud Monitoring in PromQL: so two revisions of one service are
//! read apart, though one address leads to both.
//!
//! It counts requests that an instance has answered. Those that reach none, as when a service has no room for more or a caller is turned away,
//! are counted nowhere; the front door meets them. It counts no dropped connections.
//!
//! A revision without requests has no series at all, so the newest sample is asked of the whole service: as long as anybody comes to it, a
//! revision for which nothing is counted was asked nothing. Names, labels, units and delays are those of Google's list of metrics.

use std::collections::BTreeMap;

use crate::{
    domain::{metric::Metric, shown::Shown, time::Millis},
    plan::{
        lower::{
            name,
            readings::{Behind, window_fits},
        },
        model::{
            Driver, WorkloadRef,
            readings::{Author, Latencies, LatencyUnit, Readings, Server, Source},
        },
        promql,
        reader::{self, At, Fields, Problems},
        units,
    },
};

const KEYS: &[&str] = &["window", "project"];
/// How the source is called wherever it is named.
const NAME: &str = "Cloud Run";
/// Both metrics are sampled once a minute, and seen up to three minutes later.
const SAMPLED_EVERY: Millis = Millis::from_secs(60);
const DELAY: Millis = Millis::from_secs(180);
/// Four samples, the fewest that make a rate.
const WINDOW: Millis = Millis::from_mins(4);
const PREFIX: &str = "run_googleapis_com:request";

pub(super) fn readings(problems: &mut Problems, at: At<'_>, behind: Behind<'_>) -> Option<Readings> {
    let fields = Fields::open(problems, at, KEYS)?;
    let service = match behind.workload? {
        WorkloadRef::CloudRunService { service } => service,
        WorkloadRef::Deployment { .. } => {
            let message = "this backend is a deployment, and Cloud Run counts its own services alone";
            problems.at(fields.at(), message).help("use `load_balancer: {}`, `pods: { port: … }` or `prometheus: { … }`").error();
            return None;
        }
    };
    // Behind a load balancer it is the whole service that is steered, whichever of its revisions answers.
    let revision = match behind.driver? {
        Driver::CloudRunRevisions { .. } => Some(behind.target?),
        Driver::UrlMap(_) | Driver::HttpRoute(_) => None,
    };
    let project = match fields.optional(problems, "project") {
        Some(at) => name::project(problems, &at),
        None => behind.project.cloned(),
    };
    let window_at = fields.optional(problems, "window");
    let window = match &window_at {
        Some(at) => reader::quantity(problems, at, units::SPAN_ALLOWED, units::span),
        None => Some(WINDOW),
    };
    let (project, region, window) = (project?, behind.region?, window?);
    let source = Source { name: Shown::new(NAME), server: Server::Google { project }, scrape_interval: SAMPLED_EVERY, delay: DELAY };
    window_fits(problems, window_at.as_ref().unwrap_or(fields.at()), window, Some(&source))?;
    Some(of(service, revision, region, source, window))
}

/// The names are the cloud's own, so none holds what would end a label's value.
fn of(service: &Shown, revision: Option<&Shown>, region: &Shown, source: Source, window: Millis) -> Readings {
    let whole = format!("monitored_resource=\"cloud_run_revision\",location=\"{region}\",service_name=\"{service}\"");
    let own = revision.map_or_else(|| whole.clone(), |revision| format!("{whole},revision_name=\"{revision}\""));
    let range = promql::range_text(window);
    let counted = |labels: &str| format!("sum(increase({PREFIX}_count{{{own}{labels}}}[{range}]))");
    let failed = counted(",response_code_class=\"5xx\"");
    // That nothing failed is known by answers of the other classes, and not by there being nothing.
    let others = counted(",response_code_class=~\"1xx|2xx|3xx|4xx\"");
    let buckets = format!("sum by (le) (rate({PREFIX}_latencies_bucket{{{own}}}[{range}]))");
    let quantile = |quantile: f64| Shown::new(&format!("histogram_quantile({quantile}, {buckets})"));
    let quantiles = [(Metric::P50Latency, 0.5), (Metric::P95Latency, 0.95), (Metric::P99Latency, 0.99)];
    Readings {
        source,
        author: Author::CloudRun,
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
        newest: Shown::new(&format!("max(timestamp({PREFIX}_latencies_count{{{whole}}}))")),
    }
}
