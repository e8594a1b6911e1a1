//! What a project has: load balancers, the services and groups behind them, Cloud Run, clusters, databases. Found by listing, and by GETs alone.
//!
//! Nothing here decides what belongs together: it tells what stands there, in the vendor's own names, each made harmless where it enters.
//! What can't be read is told beside what can, so that a missing permission or an API that is switched off hides nothing but its own.
//! Lists are followed to their last page.

mod compute;
mod pages;
mod platforms;
pub mod run_template;
mod wire;

use crate::{
    adapter::{discovery::run_template::RunTemplate, google_auth::Token, http::Client},
    domain::{fault::Fault, platform::Endpoint, position::MapRule, shown::Shown},
};

/// The APIs that are asked, and for whose project.
#[derive(Debug, Clone)]
pub struct Explorer {
    pub project: String,
    pub compute: Client,
    pub run: Client,
    pub container: Client,
    pub sql: Client,
    /// Goes to the API servers of clusters that the Container API names.
    pub token: Token,
}

/// Something that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// As people call it: `Cloud SQL instances`.
    pub what: String,
    pub fault: Fault,
}

/// A link of Compute's, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub project: Option<Shown>,
    pub place: Place,
    pub name: Shown,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Global,
    Region(Shown),
    Zone(Shown),
}

/// What load balancing is made of.
#[derive(Debug, Clone, Default)]
pub struct Balancing {
    pub maps: Vec<UrlMap>,
    pub services: Vec<BackendService>,
    pub groups: Vec<Group>,
    pub unread: Vec<Unread>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlMap {
    pub name: Shown,
    /// `None` for a global one.
    pub region: Option<Shown>,
    pub host_rules: Vec<HostRule>,
    /// The default route first, then that of each path matcher and, behind it, its rules.
    pub positions: Vec<Split>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    pub hosts: Vec<Shown>,
    pub matcher: Shown,
}

/// Where requests go that no rule takes, in a map or in one of its matchers, or those that one rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// `None` for the map's own default route.
    pub matcher: Option<Shown>,
    /// `None` for a default route.
    pub rule: Option<MapRule>,
    /// A path that a rule takes whatever else a request carries.
    pub path: Option<Shown>,
    pub legs: Vec<Leg>,
    /// Whether the legs are entries with weights; a single service without a weight is none yet.
    pub is_weighted: bool,
    pub is_redirect: bool,
    /// Path rules and route rules that go before it.
    pub rules: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub service: Link,
    /// 0 to 1000.
    pub weight: u32,
    /// What the map writes into `x-served-by` of its answers.
    pub mark: Option<Shown>,
    /// Whether the map adds or removes any headers of its answers or requests.
    pub edits_headers: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendService {
    pub name: Shown,
    pub region: Option<Shown>,
    pub scheme: Shown,
    pub groups: Vec<Link>,
    pub logs: bool,
    /// `NONE` where requests of one user may meet any backend.
    pub affinity: Shown,
}

/// A network endpoint group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: Shown,
    pub place: Place,
    pub kind: GroupKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKind {
    /// A Cloud Run service; `tag` is a revision's own.
    CloudRun {
        service: Shown,
        tag: Option<Shown>,
    },
    /// Another serverless product, or Cloud Run services by a mask over URLs.
    OtherServerless {
        what: Shown,
    },
    /// Pods of a cluster, with what GKE has written into the group of whose they are.
    Pods(Option<Owner>),
    Other {
        kind: Shown,
    },
}

/// The Kubernetes service whose pods are in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub namespace: Shown,
    pub service: Shown,
}

/// What runs, and what it keeps its data in.
#[derive(Debug, Clone, Default)]
pub struct Platforms {
    pub run: Vec<RunService>,
    pub clusters: Vec<Cluster>,
    pub databases: Vec<Database>,
    pub unread: Vec<Unread>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunService {
    pub name: Shown,
    pub region: Shown,
    pub uri: Option<Shown>,
    /// Whether anybody may ask its own address, without the load balancer.
    pub is_open: bool,
    /// Each target of its own split, with its percents; a revision, or what follows each deploy.
    pub traffic: Vec<Target>,
    /// What its next instances are made from, if that could be read.
    pub template: Option<RunTemplate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `None` for the newest one, whichever that is.
    pub revision: Option<Shown>,
    pub percent: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    pub name: Shown,
    pub location: Shown,
    /// By which of its addresses it was asked.
    pub endpoint: Endpoint,
    /// Whether Managed Service for Prometheus collects there.
    pub has_managed_prometheus: bool,
    pub exposed: Vec<Exposed>,
}

/// A Kubernetes service whose pods are in network endpoint groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    pub namespace: Shown,
    pub service: Shown,
    /// The groups by their names.
    pub groups: Vec<Shown>,
    /// The deployments whose pods it selects; none where they can't be read.
    pub deployments: Vec<Shown>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub name: Shown,
    pub region: Shown,
    pub version: Shown,
    pub state: Shown,
    /// Whose replica it is.
    pub primary: Option<Shown>,
}
