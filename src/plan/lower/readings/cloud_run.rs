//! What Cloud Run counts of one service, or of one of its revisions, asked of Cloud Monitoring in PromQL: so two revisions of one service are
//! read apart, though one address leads to both.
//!
//! It counts requests that an instance has answered. Those that reach none, as when a service has no room for more or a caller is turned away,
//! are counted nowhere; the front door meets them. It counts no dropped connections.
//!
//! The newest sample is asked of the whole service. Names, labels, units and delays are those of Google's list of metrics.

use super::monitored::{self, Monitored, SAMPLED_EVERY};
use crate::{
    domain::{shown::Shown, time::Millis},
    plan::{
        lower::{name, readings::Behind},
        model::{
            Driver, WorkloadRef,
            readings::{Author, Readings, Server, Source},
        },
        reader::{At, Fields, Problems},
    },
};

const KEYS: &[&str] = &["window", "project"];
/// How the source is called wherever it is named.
const NAME: &str = "Cloud Run";
/// Samples are seen up to three minutes after they were taken.
const DELAY: Millis = Millis::from_secs(180);

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
    let source =
        Source { name: Shown::new(NAME), server: Server::Google { project: project? }, scrape_interval: SAMPLED_EVERY, delay: DELAY };
    let window = monitored::window(problems, &fields, &source)?;
    Some(monitored(service, revision, behind.region?).readings(source, window))
}

fn monitored(service: &Shown, revision: Option<&Shown>, region: &Shown) -> Monitored<'static> {
    let whole = format!("monitored_resource=\"cloud_run_revision\",location=\"{region}\",service_name=\"{service}\"");
    Monitored {
        author: Author::CloudRun,
        requests: "run_googleapis_com:request_count",
        latencies: "run_googleapis_com:request_latencies",
        own: revision.map_or_else(|| whole.clone(), |revision| format!("{whole},revision_name=\"{revision}\"")),
        whole,
        failed: "=\"5xx\"",
        others: "=~\"1xx|2xx|3xx|4xx\"",
    }
}
