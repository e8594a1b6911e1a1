//! The plan as the program uses it: every name resolved, every number checked, nothing left to interpret.
//!
//! A [`Plan`] is made from a YAML document and from nothing else; it is embedded whole in the journal's first entry, so that a journal
//! can be replayed without the file. It names things and bounds; it can't hold commands, file paths, credentials or headers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::EnumCount;

use crate::{
    domain::{
        answer::Expect,
        digest::Digest,
        http_route::{RefKind, Rule},
        id::{BackendId, InstanceId, ItemId, PhaseId, RouteId, StepId, TriggerId},
        metric::Metric,
        platform::Platform,
        position::Position,
        series::Series,
        shown::Shown,
        time::Millis,
        universe::Universe,
        weight::{PerMille, Weights},
    },
    plan::model::{
        clusters::ClusterWay,
        manifests::Manifest,
        readings::{Feed, PodPages, Readings},
        steps::Step,
    },
};

pub mod clusters;
pub mod manifests;
mod projects;
pub mod readings;
pub mod steps;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub name: Shown,
    /// Of the file's bytes; of a bundle, as `plan::bundle` says.
    pub hash: Digest,
    pub project: Shown,
    pub region: Shown,
    /// Where the project is, if it is in another universe than the host's environment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub universe_domain: Option<Universe>,
    /// Figures beside the standard ones, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// Ways to clusters, where they are not the usual one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clusters: BTreeMap<Shown, ClusterWay>,
    /// What the cluster is to hold, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Manifest>,
    pub routes: Vec<Route>,
    pub triggers: Vec<Trigger>,
    pub checklist: Vec<Item>,
    pub database: Option<Database>,
    pub phases: Vec<Phase>,
    pub limits: Limits,
}

impl Plan {
    /// The phase in which a route is whose target has `share`: the first that reaches it, so that a bound that two phases share belongs
    /// to the one that led there, and nothing has begun before anything has moved.
    pub fn phase(&self, share: PerMille) -> Option<usize> {
        self.phases.iter().position(|phase| phase.target_from <= share && share <= phase.target_to)
    }

    /// All of them, in the plan's order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps().find(|step| step.id == *id)
    }
}

/// A named split over backends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub id: RouteId,
    pub title: Shown,
    pub driver: Driver,
    /// In the plan's order, which is the order on the rail: home first.
    pub backends: Vec<Backend>,
    /// Where a rollback sends everything.
    pub home: BackendId,
    /// Where the migration leads.
    pub target: BackendId,
    /// The presets of the slider: shares of `target`, rising, ending at 1000.
    pub ladder: Vec<PerMille>,
    /// What has to be done before some of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// The largest single step forward, in per mille of `target`. A larger one needs a second person's approval.
    pub step_max: PerMille,
    /// How long after an accepted change the data plane may still disagree (a load balancer needs minutes).
    pub settle: Millis,
    /// The public URL of the front door, for the prober.
    pub front_door: Option<Shown>,
    /// What an answer through the front door must be; `None` for what home answers there.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// What follows when the target's answers differ from home's through the same door.
    #[serde(default)]
    pub unlike_home: UnlikeHome,
}

/// Lines of the checklist without which no more than `above` leaves home: what a rung needs, from the rung below it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub above: PerMille,
    pub needs: Vec<ItemId>,
}

/// A target that answers otherwise than home does: not found, a login page, another media type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnlikeHome {
    /// Nothing advances, and above the smallest rung it rolls back.
    #[default]
    Rollback,
    /// Nothing advances.
    Hold { reason: Shown },
    /// Shown, and nothing follows from it.
    Ignore { reason: Shown },
}

/// Nobody knows yet how the target does with real users.
pub const FIRST_STEP_MAX: PerMille = PerMille::FIVE_PERCENT;

impl Route {
    pub fn backend(&self, id: &BackendId) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.id == *id)
    }
    pub fn backend_ids(&self) -> impl Iterator<Item = &BackendId> + Clone {
        self.backends.iter().map(|backend| &backend.id)
    }
    /// Where a first step away from home ends, whatever `step_max` says: at the smallest rung or at 5 %, whichever is less.
    pub fn first_step_max(&self) -> PerMille {
        self.ladder.first().copied().unwrap_or(FIRST_STEP_MAX).min(FIRST_STEP_MAX)
    }
    /// The same split with the plan's own backends alone; what others have goes home.
    pub fn planned(&self, weights: &Weights) -> Weights {
        let mut shares: BTreeMap<_, _> = self.backend_ids().map(|id| (id.clone(), weights.of(id))).collect();
        let sum: u16 = shares.values().map(|share| share.get()).sum();
        if let Some(home) = shares.get_mut(&self.home) {
            *home = home.saturating_add(PerMille::ALL.get().saturating_sub(sum));
        }
        Weights::new(shares).unwrap_or_else(|_| weights.clone())
    }
}

/// What holds the weights of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", from = "RecordedDriver", into = "RecordedDriver")]
pub enum Driver {
    /// `weightedBackendServices` of a URL map whose load balancer splits by weight.
    UrlMap(MapPart),
    /// Traffic between revisions of one Cloud Run service; whole percents only.
    CloudRunRevisions { service: Shown },
    /// `backendRefs[].weight` of one rule of an HTTPRoute, which a Gateway follows.
    HttpRoute(RulePart),
}

/// One rule of one HTTPRoute of a GKE cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePart {
    pub http_route: Shown,
    pub namespace: Shown,
    /// The cluster that holds it; of a Gateway for several clusters, the fleet's config cluster.
    pub cluster: Shown,
    #[serde(default)]
    pub rule: Rule,
    /// Who else applies the HTTPRoute and leaves its weights alone, by the names under which they write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<Shown>,
}

/// One place of one URL map, and where the map itself is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapPart {
    pub url_map: Shown,
    #[serde(default)]
    pub position: Position,
    /// Where a regional map is; `None` for a global one.
    #[serde(default)]
    pub region: Option<Shown>,
    /// Where it has to be said, because something of the route is not the plan's project's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Shown>,
}

/// A driver as records hold it. A program of before knew global maps and their default routes alone, and would steer that of any map: so
/// everything else has a name of its own, which it can't read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RecordedDriver {
    UrlMap { url_map: Shown },
    UrlMapPart(MapPart),
    UrlMapElsewhere(MapPart),
    CloudRunRevisions { service: Shown },
    HttpRoute(RulePart),
}

impl From<RecordedDriver> for Driver {
    fn from(recorded: RecordedDriver) -> Driver {
        match recorded {
            RecordedDriver::UrlMap { url_map } => Driver::default_route(url_map),
            RecordedDriver::UrlMapPart(part) | RecordedDriver::UrlMapElsewhere(part) => Driver::UrlMap(part),
            RecordedDriver::CloudRunRevisions { service } => Driver::CloudRunRevisions { service },
            RecordedDriver::HttpRoute(part) => Driver::HttpRoute(part),
        }
    }
}

impl From<Driver> for RecordedDriver {
    fn from(driver: Driver) -> RecordedDriver {
        match driver {
            Driver::UrlMap(MapPart { url_map, position: Position::Default, region: None, project: None }) => {
                RecordedDriver::UrlMap { url_map }
            }
            // A program of before would look for it in the plan's own project.
            Driver::UrlMap(part) if part.project.is_some() => RecordedDriver::UrlMapElsewhere(part),
            Driver::UrlMap(part) => RecordedDriver::UrlMapPart(part),
            Driver::CloudRunRevisions { service } => RecordedDriver::CloudRunRevisions { service },
            Driver::HttpRoute(part) => RecordedDriver::HttpRoute(part),
        }
    }
}

impl Driver {
    /// The default route of a global URL map.
    pub fn default_route(url_map: Shown) -> Driver {
        Driver::UrlMap(MapPart { url_map, position: Position::Default, region: None, project: None })
    }

    /// Whether two routes of a plan that have these would move the same weights, or could not both say on one object who steers them.
    pub fn collides(&self, other: &Driver) -> bool {
        match (self, other) {
            (Driver::HttpRoute(one), Driver::HttpRoute(two)) => {
                (&one.http_route, &one.namespace, &one.cluster) == (&two.http_route, &two.namespace, &two.cluster)
            }
            (one, two) => one == two,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    pub id: BackendId,
    pub title: Shown,
    pub platform: Platform,
    /// What the driver calls it: a backend service, a revision, a Service or ServiceImport.
    pub target: Shown,
    /// Whose its backend service and its Cloud Run service are, if another project's than the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Shown>,
    /// Which of the last two it is; `None` for other drivers, which know one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_kind: Option<RefKind>,
    pub workload: WorkloadRef,
    /// Where `/metrics` is scraped, if this plan scrapes it.
    pub metrics_url: Option<Shown>,
    /// Who is asked for its figures, if they are no page of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readings: Option<Readings>,
    /// The pages of its own pods, if its figures come from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodPages>,
    /// Where what the plan declares is told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Feed>,
    /// Where the prober asks this backend directly, past the front door.
    pub probe_url: Option<Shown>,
    /// What that probe must answer; `None` for any 2xx.
    #[serde(default)]
    pub probe_expect: Option<Expect>,
}

/// Where the platform describes the workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadRef {
    CloudRunService { service: Shown },
    Deployment { cluster: Shown, namespace: Shown, deployment: Shown },
}

/// `metric` of `backend` beyond `limit` for `lasting` → `action`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub id: TriggerId,
    pub title: Shown,
    pub route: RouteId,
    pub backend: BackendId,
    pub metric: Metric,
    /// In the metric's own unit: a fraction, milliseconds, a rate. Finite and positive. Which side of it is bad is the metric's word.
    #[serde(rename = "above")]
    pub limit: f64,
    pub lasting: Millis,
    /// Fewest requests that a sample must rest on to be in order. A share of failed requests is a breach of however few, once it is proven.
    /// What the plan declares rests on no requests: 0.
    pub requests_min: u64,
    pub action: TriggerAction,
    pub on_blind: OnBlind,
    /// A second, higher limit that is proven sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<AtOnce>,
}

impl Trigger {
    pub fn is_beyond(&self, value: f64) -> bool {
        self.metric.bad().is_beyond(value, self.limit)
    }
}

/// What is a disaster, and for how long it has to be one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtOnce {
    /// In the metric's own unit, further on its bad side than the trigger's own limit.
    #[serde(rename = "above")]
    pub limit: f64,
    /// Shorter than the trigger's own duration.
    pub lasting: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerAction {
    Rollback,
    /// Only blocks further advance, and says so.
    Hold,
}

/// What to do when a trigger has been blind for five minutes while the target takes 0.1 to 99.9 % of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBlind {
    Rollback,
    Hold,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub id: ItemId,
    pub stage: Stage,
    pub title: Shown,
    pub proof: Proof,
    /// How long evidence or a signature holds.
    pub expires: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    PreMigration,
    DuringMigration,
    PostMigration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A person says so, with a note.
    Signed,
    /// The session collects it by itself.
    Collected(Check),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Every source that a trigger or a check needs answers, and none is stale.
    MonitoringInPlace,
    /// Error rate of every backend that takes traffic below this fraction.
    ErrorRatesBelow(f64),
    /// 95th percentile of every backend that takes traffic below this many milliseconds.
    LatencyBelow(f64),
    ReplicationLagBelow(Millis),
    /// No connection dropped, by prober and by the backends' counters, for this long.
    NoDroppedConnections(Millis),
    /// The whole route on its target, accepted and observed.
    AllTrafficOnTarget,
    /// Error rate and 95th percentile of the target within bounds without a break for this long.
    StableFor(Millis),
    /// A step of the plan is reached, by what a look saw; one that was skipped is not.
    StepReached(StepId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub mode: DatabaseMode,
    pub primary: InstanceId,
    pub replicas: Vec<InstanceId>,
    /// Lag above this is a breach of the gauge.
    pub lag_max: Millis,
}

impl Database {
    /// The primary and then its replicas, in the plan's order.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        std::iter::once(&self.primary).chain(&self.replicas)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumCount, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseMode {
    /// Both platforms use the same primary; nothing moves.
    Shared,
    Switchover,
    Promote,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub id: PhaseId,
    pub title: Shown,
    /// The shares of the target, in per mille, between which this phase takes place; the screen names the phase by them.
    pub target_from: PerMille,
    pub target_to: PerMille,
    /// What is to be done in it beside moving traffic, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// Bounds of the whole session, with the defaults of the safety contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Between two scrapes of one backend.
    pub scrape_every: Millis,
    /// Between two reads of the weights.
    pub read_every: Millis,
    /// Instances that home must have ready before the target may take more: at least its ready count times this, in per mille
    /// of what it had at the start.
    pub home_ready_min: PerMille,
}
