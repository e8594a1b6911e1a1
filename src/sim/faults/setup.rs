//! How a project may be set up so that nothing could be flown there: rights that are missing, an API that is switched off, a backend
//! service with settings that don't go with a split, two legs that answer unlike each other.
//!
//! None of it is an accident of the moment: it stays until `calm`, and what was asked before it began is answered otherwise from then on.

use super::{Api, Choice, Fault};
use crate::sim::world::Leg;

/// One thing about the project that somebody has to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setup {
    /// The product's account lacks this permission: it is not told when asked for, and what needs it is refused.
    Lacks { permission: String },
    /// The product's account holds these permissions and no others.
    Holds { permissions: Vec<String> },
    /// The API is not enabled in the project.
    Disabled { api: Api },
    /// The API does not know our token.
    SignedOut { api: Api },
    /// The API's quota of this minute is used up.
    QuotaUsedUp { api: Api },
    /// A setting of the frontend's backend service.
    Service { leg: Leg, flaw: Flaw },
    /// How the leg's own address answers to a probe.
    Page { leg: Leg, page: Page },
}

/// A setting of a backend service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Users stay where a cookie says.
    CookieAffinity,
    /// Answers may take ten seconds.
    ShortTimeout,
    /// Pods that go take their requests along.
    NoDraining,
    /// No request is logged.
    NoLog,
    /// One request in ten is logged.
    SampledLog,
    /// Nothing asks whether its endpoints are well.
    NoHealthCheck,
    /// The load balancer takes endpoints out by itself.
    Outliers,
    /// It has no group at all.
    NoGroups,
    /// Its groups are there and have no endpoints.
    NoEndpoints,
    /// Its groups take nothing: their capacity is scaled to zero.
    Drained,
}

/// How a probe is answered, well in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// 204 without a body.
    NoContent,
    /// A redirect to another path of the same host.
    Moved,
    /// A redirect to a login page of the same host.
    AskedIn,
    /// Without the header that says how long it may be kept.
    Bare,
    /// With a body of some kilobytes.
    Long,
    /// After two seconds.
    Slow,
}

/// Those that can be picked by name.
pub(super) fn choices() -> Vec<Choice> {
    let choice = |name, what, setup| Choice { name, what, fault: Fault::Setup(setup) };
    let lacks = |permission: &str| Setup::Lacks { permission: permission.to_owned() };
    let gke = |flaw| Setup::Service { leg: Leg::Gke, flaw };
    let page = |page| Setup::Page { leg: Leg::Gke, page };
    vec![
        choice("permission-missing", "our account may not write the URL map", lacks("compute.urlMaps.update")),
        choice("monitoring-forbidden", "our account may not read time series", lacks("monitoring.timeSeries.list")),
        choice("run-disabled", "the Cloud Run Admin API is not enabled", Setup::Disabled { api: Api::Run }),
        choice("run-signed-out", "Cloud Run does not know our token any more", Setup::SignedOut { api: Api::Run }),
        choice("compute-quota", "Compute's quota of reads is used up", Setup::QuotaUsedUp { api: Api::Compute }),
        choice("session-affinity", "a cookie keeps users on GKE", gke(Flaw::CookieAffinity)),
        choice("short-timeout", "the load balancer gives GKE 10 s for an answer", gke(Flaw::ShortTimeout)),
        choice("no-draining", "GKE's pods take their requests along when they go", gke(Flaw::NoDraining)),
        choice("no-lb-log", "the load balancer logs nothing of GKE", gke(Flaw::NoLog)),
        choice("sampled-lb-log", "the load balancer logs a tenth of GKE's requests", gke(Flaw::SampledLog)),
        choice("no-health-check", "nothing asks GKE's endpoints how they are", gke(Flaw::NoHealthCheck)),
        choice("outlier-detection", "the load balancer takes GKE's endpoints out by itself", gke(Flaw::Outliers)),
        choice("no-neg", "no network endpoint group is attached to GKE's backend service", gke(Flaw::NoGroups)),
        choice("no-endpoints", "GKE's network endpoint groups are empty", gke(Flaw::NoEndpoints)),
        choice("drained-neg", "GKE's network endpoint groups have no capacity", gke(Flaw::Drained)),
        choice("gke-no-content", "GKE's health address answers with 204", page(Page::NoContent)),
        choice("gke-bare", "GKE's health address leaves cache-control out", page(Page::Bare)),
        choice("gke-long", "GKE's health address answers with kilobytes", page(Page::Long)),
        choice("gke-slow-health", "GKE's health address takes 2 s", page(Page::Slow)),
    ]
}
