//! What Google's load balancer counts of one backend service, asked of Cloud Monitoring in PromQL: one ruler for both platforms, and what
//! users were answered, the balancer's own errors among it.
//!
//! Requests and failures are those of the answers that clients got (`request_count`): `backend_request_count` tells what the backends said,
//! and where one said nothing, as when it refuses the connection, it counts no error. Latencies are the backends' own. What a cache has
//! answered is nobody's. The balancer counts no dropped connections: an answer that nobody was given (`response_code_class` 0) is mostly a
//! client that went away.
//!
//! The newest sample is asked of the whole URL map. Names, labels, units and delays are those of Google's list of metrics.

use strum::EnumCount;

use super::monitored::{self, Monitored, SAMPLED_EVERY};
use crate::{
    domain::{shown::Shown, time::Millis},
    plan::{
        lower::{name, readings::Behind},
        model::{
            Driver, MapPart,
            readings::{Author, Readings, Server, Source},
        },
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] = &["window", "project", "scheme"];
const SCHEMES: &[(&str, Scheme); Scheme::COUNT] = &[("external", Scheme::External), ("internal", Scheme::Internal)];
/// How the source is called wherever it is named.
const NAME: &str = "load balancer";

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount)]
enum Scheme {
    External,
    Internal,
}

/// The metrics of one kind of load balancer.
struct Kind {
    requests: &'static str,
    latencies: &'static str,
    resource: &'static str,
    /// How long after it was taken a sample may not be seen: of the metric that is seen last.
    delay: Millis,
    /// Whether it may have a cache in front, and says what that answered.
    has_cache: bool,
}

const GLOBAL_EXTERNAL: Kind = Kind {
    requests: "loadbalancing_googleapis_com:https_request_count",
    latencies: "loadbalancing_googleapis_com:https_backend_latencies",
    resource: "https_lb_rule",
    delay: Millis::from_secs(210),
    has_cache: true,
};
const REGIONAL_EXTERNAL: Kind = Kind {
    requests: "loadbalancing_googleapis_com:https_external_regional_request_count",
    latencies: "loadbalancing_googleapis_com:https_external_regional_backend_latencies",
    resource: "http_external_regional_lb_rule",
    delay: Millis::from_secs(210),
    has_cache: true,
};
const INTERNAL: Kind = Kind {
    requests: "loadbalancing_googleapis_com:https_internal_request_count",
    latencies: "loadbalancing_googleapis_com:https_internal_backend_latencies",
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
    let (kind, target) = (kind?, behind.target?);
    let server = Server::Google { project: project? };
    let source = Source { name: Shown::new(NAME), server, scrape_interval: SAMPLED_EVERY, delay: kind.delay };
    let window = monitored::window(problems, &fields, &source)?;
    Some(kind.monitored(part, target).readings(source, window))
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

impl Kind {
    fn monitored(&self, part: &MapPart, target: &Shown) -> Monitored<'static> {
        let Kind { requests, latencies, resource, has_cache, .. } = self;
        let whole = format!("monitored_resource=\"{resource}\",url_map_name=\"{}\"", part.url_map);
        let uncached = if *has_cache { ",cache_result!=\"HIT\"" } else { "" };
        Monitored {
            author: Author::LoadBalancer,
            requests,
            latencies,
            own: format!("{whole},backend_target_name=\"{target}\"{uncached}"),
            whole,
            failed: "=\"500\"",
            others: "=~\"0|200|300|400\"",
        }
    }
}
