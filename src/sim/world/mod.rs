//! The ground truth: platforms, load balancer, traffic and time, without sockets and without a clock of its own.
//!
//! Everything moves in [`World::tick`]; the same seed and the same calls give the same world. Reading the
//! machine's time, waiting and answering requests is the business of `sim::server`.

pub mod actor;
pub mod addresses;
pub mod audit;
pub mod balanced;
pub mod clock;
pub mod cloud_run;
pub mod clusters;
pub mod conditions;
pub mod database;
pub mod edits;
pub mod fleet;
pub mod former;
pub mod gateway;
pub mod kubernetes;
pub mod load_balancer;
pub mod meter;
pub mod neighbours;
pub mod operations;
pub mod peers;
pub mod pods;
pub mod propagation;
pub mod random;
pub mod scrapes;
pub mod series;
pub mod setup;
pub mod sql;
pub mod traffic;
pub mod undone;
pub mod url_map;
pub mod url_map_routing;
pub mod url_map_tests;

use std::collections::BTreeMap;

use self::{
    actor::Actor,
    addresses::Addresses,
    audit::{Audit, Mutation},
    balanced::BalancerBook,
    cloud_run::CloudRun,
    clusters::Clusters,
    conditions::Conditions,
    edits::Change,
    gateway::Gateway,
    kubernetes::{
        Kubernetes,
        fault::{EmptyLists, WatchFault},
        resource::Resource,
    },
    load_balancer::{LoadBalancer, URL_MAP, Write},
    meter::Meter,
    peers::Peers,
    propagation::{Span, Split},
    random::Random,
    scrapes::{Exposed, Scrapes},
    series::Series,
    sql::Sql,
    traffic::{RATE, Served, Surroundings, Tally, Traffic},
    undone::Edits,
};
use super::{
    faults::{Cluster, Damage, Edit, Fault, platform::PlatformFault},
    scenario::Scenario,
};

/// Who deploys without us.
const CI: &str = "cloud-build@hexproperty.iam.gserviceaccount.com";
/// Who puts things back as they stand in its files.
const ROBOT: &str = "gitops@hexproperty.iam.gserviceaccount.com";
/// Who takes back what was edited.
const EDITOR: &str = "dana.ops@hexproperty.com";
/// The deployment behind the load balancer, and the Cloud Run service too.
const FRONTEND: &str = "frontend";

/// The two places that a request can end in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// The Cloud Run service.
    Run,
    /// The pods of the GKE cluster.
    Gke,
}

impl Leg {
    /// Its label in metrics and in `x-served-by`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Gke => "gke",
        }
    }
}

/// The whole simulated world at one virtual instant.
#[derive(Debug)]
pub struct World {
    /// Virtual milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// URL map and edge.
    pub load_balancer: LoadBalancer,
    /// Services and revisions.
    pub cloud_run: CloudRun,
    /// Users and the processes that serve them.
    pub traffic: Traffic,
    /// What the cloud's monitoring has sampled.
    pub series: Series,
    /// What Prometheus has scraped.
    pub scrapes: Scrapes,
    /// What the load balancer counts.
    pub balancer: BalancerBook,
    /// Who changed what.
    pub audit: Audit,
    /// Faults in force.
    pub conditions: Conditions,
    /// Facts of the cluster and the database.
    pub peers: Peers,
    /// The cluster.
    pub kubernetes: Kubernetes,
    /// The databases.
    pub sql: Sql,
    /// What GKE knows of clusters.
    pub clusters: Clusters,
    /// Static addresses.
    pub addresses: Addresses,
    /// A Gateway before this cluster and a second one, where somebody has joined them.
    pub gateway: Option<Gateway>,
    robot: Option<Robot>,
    /// What faults made of the URL map, until `calm` takes it back.
    edits: Edits,
    coming: Vec<(i64, Fault)>,
    /// Counters as they stood when a page began to stand still.
    frozen: BTreeMap<Leg, Meter>,
    pages: Random,
    /// The version of the cluster's objects that `peers` tells of.
    followed: Option<u64>,
}

/// Something that puts a share back, again and again.
#[derive(Debug, Clone, Copy)]
struct Robot {
    gke: u32,
    every_ms: i64,
    next_ms: i64,
}

/// What is really the case, for tests to compare with what the product believes.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Virtual milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Weights as the API shows them, per backend service.
    pub accepted: Vec<(String, u32)>,
    /// What the edge really does.
    pub propagated: Split,
    /// Whether the whole edge has the accepted weights.
    pub settled: bool,
    /// Everything that any API accepted.
    pub mutations: Vec<Mutation>,
    /// Requests that ended on Cloud Run.
    pub run: Tally,
    /// Requests that ended on GKE.
    pub gke: Tally,
    /// Warm instances of Cloud Run.
    pub run_instances: u32,
    /// The cluster and the database.
    pub peers: Peers,
}

impl World {
    /// A calm world at this virtual time.
    #[must_use]
    pub fn new(now_ms: i64, seed: u64, span: Span) -> Self {
        Self::around(Kubernetes::new(now_ms, seed), now_ms, seed, span)
    }

    /// A calm world around a cluster that has lived until this virtual time.
    #[must_use]
    pub fn around(kubernetes: Kubernetes, now_ms: i64, seed: u64, span: Span) -> Self {
        let cloud_run = CloudRun::new(seed, now_ms);
        let sql = Sql::new(now_ms, seed);
        let revision = cloud_run.services().first().map_or("", |frontend| frontend.latest());
        let series = Series::new(now_ms, revision, (RATE * 60.0) as u64, &sql.monitored());
        Self {
            now_ms,
            load_balancer: LoadBalancer::new(seed, now_ms - 21 * 86_400_000, span),
            cloud_run,
            traffic: Traffic::new(seed, now_ms),
            series,
            scrapes: Scrapes::new(now_ms),
            balancer: BalancerBook::new(now_ms, seed, FRONTEND, [RATE, neighbours::RATE]),
            audit: Audit::default(),
            conditions: Conditions::default(),
            peers: Peers::default(),
            kubernetes,
            robot: None,
            edits: Edits::default(),
            gateway: None,
            sql,
            clusters: Clusters::new(now_ms),
            addresses: Addresses::default(),
            coming: Vec::new(),
            frozen: BTreeMap::new(),
            pages: Random::named(seed, "pages"),
            followed: None,
        }
    }

    /// Puts a scenario's faults on the calendar, counted from now.
    pub fn follow(&mut self, scenario: Scenario, seed: u64) {
        let from_ms = self.now_ms;
        self.coming = scenario.steps(seed).into_iter().map(|step| (from_ms + (step.at_s * 1000.0) as i64, step.fault)).collect();
        self.coming.sort_by_key(|(at_ms, _)| *at_ms);
    }

    /// Joins a second cluster to the first, with a Gateway before both.
    pub fn join_clusters(&mut self, seed: u64, span: Span) {
        self.gateway = Some(Gateway::open(&mut self.kubernetes, self.now_ms, seed, span));
    }

    /// Moves the world to this virtual time; earlier times change nothing.
    pub fn tick(&mut self, to_ms: i64) {
        while self.traffic.next_ms() <= to_ms {
            self.now_ms = self.now_ms.max(self.traffic.next_ms());
            self.step();
        }
        self.now_ms = self.now_ms.max(to_ms);
        self.load_balancer.tick(self.now_ms);
        self.cloud_run.tick(self.now_ms);
        self.follow_cluster(self.now_ms);
        self.follow_gateway(self.now_ms);
        self.follow_database(self.now_ms);
        self.clusters.tick(self.now_ms);
        self.addresses.tick(self.now_ms);
    }

    fn step(&mut self) {
        let at_ms = self.traffic.next_ms();
        let due = self.coming.iter().take_while(|(due_ms, _)| *due_ms <= at_ms).count();
        let faults: Vec<Fault> = self.coming.drain(..due).map(|(_, fault)| fault).collect();
        for fault in &faults {
            self.inject(fault);
        }
        self.wake_robot(at_ms);
        self.load_balancer.tick(at_ms);
        self.cloud_run.tick(at_ms);
        self.follow_cluster(at_ms);
        self.follow_gateway(at_ms);
        self.sql.tick(at_ms);
        if let Some(due_ms) = self.series.due(at_ms) {
            self.series.close(due_ms, self.sql.monitored());
        }
        self.balancer.tick(at_ms);
        if let Some(number) = self.scrapes.due(at_ms) {
            [Leg::Run, Leg::Gke].into_iter().for_each(|leg| self.scrapes.keep(self.exposed(leg, number)));
        }
        self.crash(at_ms);
        self.load_balancer.neighbours.iter_mut().for_each(|neighbour| neighbour.step(traffic::STEP_MS, &mut self.balancer));
        if let Some(gateway) = &mut self.gateway {
            gateway.step(traffic::STEP_MS, &self.conditions);
        }
        let (traffic, mut around) = self.apart();
        traffic.step(&mut around);
    }

    /// Serves one request of a real client, at the front door (`None`) or at one backend directly.
    pub fn serve(&mut self, at: Option<Leg>) -> Served {
        let (traffic, mut around) = self.apart();
        traffic.serve(at, &mut around)
    }

    /// Makes something go wrong, now.
    pub fn inject(&mut self, fault: &Fault) {
        self.conditions.set(self.now_ms, fault);
        match fault {
            Fault::BadPods { fraction } => self.set_bad_pods(*fraction),
            Fault::ReplicaLag { seconds } => self.sql.set_replica_lag(*seconds),
            Fault::ForeignWriter { gke_per_mille, principal } => self.foreign_write((*gke_per_mille).min(1000), principal),
            Fault::SourceCold => self.traffic.fleet.chill(),
            Fault::Restart { leg } => self.traffic.restart(*leg, self.now_ms),
            Fault::Metrics { leg, damage } => self.damage_page(*leg, *damage),
            Fault::Edit { edit, principal } => {
                let before = self.load_balancer.url_map().clone();
                self.edit(*edit, principal);
                self.edits.add(before, self.load_balancer.url_map().clone());
            }
            Fault::Robot { gke_per_mille, every_s } => {
                let every_ms = (every_s.max(1.0) * 1000.0) as i64;
                self.robot = Some(Robot { gke: (*gke_per_mille).min(1000), every_ms, next_ms: self.now_ms + every_ms });
            }
            Fault::LateReadings { delay_s } => {
                self.scrapes.delay(Some((delay_s * 1000.0) as i64));
                self.balancer.delay(Some((delay_s * 1000.0) as i64));
                self.series.delay_run(Some((delay_s * 1000.0) as i64));
            }
            Fault::SlowEdge { max_s } => self.slow_edges(Some(max_s * 1000.0)),
            // There is a frontend; a deployment of it can't be refused.
            Fault::Deployed { percent } => drop(self.cloud_run.deploy(self.now_ms, FRONTEND, *percent, &Actor::person(CI))),
            Fault::RevisionDeleted { revision } => self.cloud_run.delete(revision),
            Fault::Database(fault) => self.suffer_database(*fault),
            Fault::Errors { .. }
            | Fault::Answers { .. }
            | Fault::BadGateway { .. }
            | Fault::Probes { .. }
            | Fault::Classic
            | Fault::NullFields
            | Fault::Latency { .. }
            | Fault::Api { .. }
            | Fault::Setup(_)
            | Fault::CrashLoop { .. }
            | Fault::FrontDoorDrops { .. } => {}
            Fault::Gateway(fault) => {
                if let Some(gateway) = &mut self.gateway {
                    gateway.suffer(self.now_ms, *fault, &mut self.kubernetes);
                }
            }
            Fault::Cluster(cluster) => self.stir_cluster(*cluster),
            Fault::Platform(platform) => self.stir_platform(*platform),
            Fault::Scaling(scaling) => self.cloud_run.scale(FRONTEND, *scaling),
            Fault::SourceShrunk { max_instances } => self.cloud_run.limit(FRONTEND, *max_instances),
        }
    }

    fn stir_cluster(&mut self, fault: Cluster) {
        match fault {
            Cluster::Sidecar => self.kubernetes.add_sidecar(FRONTEND),
            Cluster::Evicted { pods } => self.kubernetes.evict(FRONTEND, pods),
            Cluster::Paused => self.kubernetes.pause_rollout(FRONTEND, "1.43.0", 2),
            Cluster::Stuck => self.kubernetes.release(FRONTEND, "typo"),
            Cluster::EventsForbidden => self.kubernetes.forbid(Resource::Event),
            Cluster::PodsForbidden => self.kubernetes.forbid(Resource::Pod),
            Cluster::DeploymentsForbidden => self.kubernetes.forbid(Resource::Deployment),
            Cluster::PagesForbidden => self.kubernetes.forbid_pages(),
            Cluster::RoutesForbidden => self.kubernetes.forbid(Resource::HttpRoute),
            Cluster::RoutesGuarded => self.kubernetes.guard(Resource::HttpRoute),
            Cluster::NullLists => self.kubernetes.set_empty_lists(EmptyLists::Nulls),
            Cluster::SilentWatches => self.kubernetes.set_watch_fault(WatchFault::Freezes),
        }
    }

    fn stir_platform(&mut self, fault: PlatformFault) {
        match fault {
            PlatformFault::ClusterWork { ending } => self.clusters.ending = ending,
            PlatformFault::NoQuota => self.clusters.has_no_quota = true,
            PlatformFault::Degraded => self.clusters.degrade(),
            PlatformFault::Upgrading => self.clusters.upgrade(),
            PlatformFault::Rescaled { min, max } => self.clusters.rescale(min, max),
            PlatformFault::ClusterGone => self.clusters.lose_first(),
            PlatformFault::AddressWork { ending } => self.addresses.ending = ending,
            PlatformFault::RunWork { ending } => self.cloud_run.ending = ending,
        }
    }

    /// Makes the URL map be so from the beginning: `calm` takes nothing of it back.
    pub fn prepare(&mut self, edit: Edit) {
        self.edit(edit, CI);
    }

    /// Ends every fault, also those that were still to come, and takes back what edits made of the URL map and of the HTTPRoute. Weights that
    /// somebody moved, and what was deployed or deleted, stay.
    pub fn calm(&mut self) {
        if let Some(mut document) = self.edits.undone(self.load_balancer.url_map()) {
            document["fingerprint"] = self.load_balancer.fingerprint().into();
            self.written(Write::Replace, &document, &Actor::person(EDITOR));
        }
        self.coming.clear();
        self.frozen.clear();
        self.robot = None;
        self.slow_edges(None);
        self.scrapes.delay(None);
        self.balancer.delay(None);
        self.series.delay_run(None);
        self.conditions = Conditions::default();
        self.kubernetes.calm();
        if let Some(gateway) = &mut self.gateway {
            gateway.calm(&mut self.kubernetes);
        }
        self.cloud_run.calm();
        self.sql.calm();
        self.clusters.calm();
        self.addresses.calm();
    }

    /// What is really the case.
    #[must_use]
    pub fn truth(&self) -> Truth {
        Truth {
            now_ms: self.now_ms,
            accepted: self.load_balancer.weights(),
            propagated: self.load_balancer.edge.split(),
            settled: self.load_balancer.edge.settled(),
            mutations: self.audit.all().to_vec(),
            run: self.traffic.run_tally,
            gke: self.traffic.gke_tally,
            run_instances: self.traffic.fleet.warm,
            peers: self.peers.clone(),
        }
    }

    /// Processes that don't live for long.
    fn crash(&mut self, now_ms: i64) {
        for leg in [Leg::Run, Leg::Gke] {
            let age_ms = now_ms - self.traffic.meter(leg).started_ms;
            if self.conditions.of(leg).crash_after_ms.is_some_and(|after| age_ms >= after) {
                self.traffic.restart(leg, now_ms);
            }
        }
    }

    /// The counters that a leg's page is made of.
    #[must_use]
    pub fn seen_meter(&self, leg: Leg) -> &Meter {
        self.frozen.get(&leg).unwrap_or_else(|| self.traffic.meter(leg))
    }

    /// Which of so many processes gives the next page.
    pub fn chance_worker(&mut self, workers: usize) -> usize {
        self.pages.index(workers)
    }

    /// How many instances or pods of a leg take requests.
    #[must_use]
    pub fn ready_instances(&self, leg: Leg) -> f64 {
        match leg {
            Leg::Run => f64::from(self.traffic.fleet.warm),
            Leg::Gke => (f64::from(self.peers.gke_pods) * self.peers.gke_ready).round(),
        }
    }

    /// The same of a service beside the frontend, or behind a ServiceImport; nothing damages its pages.
    #[must_use]
    pub fn exposed_of(&self, service: &str, leg: Leg) -> Option<Exposed> {
        let neighbour = self.load_balancer.neighbours.iter().find(|neighbour| neighbour.name.service == service);
        let beside = neighbour.map(|neighbour| (leg, neighbour.meter(leg)));
        let behind = || self.gateway.as_ref().zip(gateway::leg_of(service)).map(|(gateway, leg)| (leg, gateway.meter(leg)));
        let (leg, meter) = beside.or_else(behind)?;
        let meter = meter.clone();
        Some(Exposed { leg, at_ms: self.now_ms, damage: Damage::None, damaged_ms: 0, meter, instances: 3.0, worker: 0 })
    }

    /// What the page of a leg is made of now, by this one of its processes where there are several.
    #[must_use]
    pub fn exposed(&self, leg: Leg, worker: usize) -> Exposed {
        let conditions = self.conditions.of(leg);
        let instances = self.ready_instances(leg);
        let meter = self.seen_meter(leg).clone();
        let (at_ms, damage, damaged_ms) = (self.now_ms, conditions.damage, conditions.damaged_ms);
        Exposed { leg, at_ms, damage, damaged_ms, meter, instances, worker }
    }

    /// What the page of one pod is made of now, if its container runs.
    #[must_use]
    pub fn exposed_pod(&self, pod: &str) -> Option<Exposed> {
        if let Some(meter) = self.traffic.pods.meter(pod) {
            return Some(Exposed { meter: meter.clone(), instances: 1.0, ..self.exposed(Leg::Gke, 0) });
        }
        let beside = self.load_balancer.neighbours.iter().find_map(|neighbour| Some((neighbour.name.service, neighbour.pods.meter(pod)?)));
        let (service, meter) = beside?;
        Some(Exposed { meter: meter.clone(), instances: 1.0, ..self.exposed_of(service, Leg::Gke)? })
    }

    fn slow_edges(&mut self, max_ms: Option<f64>) {
        self.load_balancer.slow(max_ms);
        if let Some(gateway) = &mut self.gateway {
            gateway.edge.slow(max_ms);
        }
    }

    fn damage_page(&mut self, leg: Leg, damage: Damage) {
        if damage == Damage::StandsStill {
            self.frozen.insert(leg, self.traffic.meter(leg).clone());
        } else {
            self.frozen.remove(&leg);
        }
    }

    fn set_bad_pods(&mut self, fraction: f64) {
        self.kubernetes.set_bad_pods(FRONTEND, fraction);
    }

    /// The cluster's own life, and what the load balancer needs to know of it.
    fn follow_cluster(&mut self, now_ms: i64) {
        self.kubernetes.tick(now_ms);
        self.kubernetes.set_request_rate(FRONTEND, RATE * self.load_balancer.edge.split().gke);
        let version = self.kubernetes.store().version();
        if self.followed != Some(version) {
            self.followed = Some(version);
            self.peers.gke_pods = self.kubernetes.desired(FRONTEND);
            self.peers.gke_ready = self.kubernetes.ready_fraction(FRONTEND);
            self.traffic.pods.follow(&self.kubernetes.running(FRONTEND));
            for neighbour in &mut self.load_balancer.neighbours {
                neighbour.pods.follow(&self.kubernetes.running(neighbour.name.service));
            }
        }
    }

    /// What the Gateway makes of its route, which stands in the first cluster.
    fn follow_gateway(&mut self, now_ms: i64) {
        if let Some(gateway) = &mut self.gateway {
            gateway.tick(now_ms, &mut self.kubernetes);
        }
    }

    /// The databases' own life, and what the monitoring tells of them: nobody asks for that within a tick.
    fn follow_database(&mut self, now_ms: i64) {
        self.sql.tick(now_ms);
        self.peers.replica_lag_s = self.sql.lag_seconds();
    }

    fn wake_robot(&mut self, at_ms: i64) {
        let Some(robot) = self.robot.as_mut().filter(|robot| robot.next_ms <= at_ms) else { return };
        robot.next_ms = at_ms + robot.every_ms;
        let gke = robot.gke;
        let stands = url_map::split(self.load_balancer.url_map(), load_balancer::HOST).gke;
        if (stands - f64::from(gke) / 1000.0).abs() > f64::EPSILON {
            self.foreign_write(gke, ROBOT);
        }
    }

    fn edit(&mut self, edit: Edit, principal: &str) {
        let actor = Actor::person(principal);
        match edits::change(self.load_balancer.url_map(), edit) {
            Change::Dictate(document) => self.load_balancer.dictate(self.now_ms, document),
            // An edit of an edit may be one that the interface does not take; then nothing is edited.
            Change::Patch(body) => self.written(Write::Patch, &body, &actor),
        }
    }

    /// Somebody writes the URL map, if the interface takes it.
    fn written(&mut self, how: Write, body: &serde_json::Value, actor: &Actor) {
        if let Ok(load_balancer::Accepted::Fresh(operation)) = self.load_balancer.write(self.now_ms, how, body, None, actor) {
            let method = if how == Write::Patch { "patch" } else { "update" };
            self.note_url_map(self.load_balancer.kind.method(method), actor, operation.id);
        }
    }

    fn foreign_write(&mut self, gke: u32, principal: &str) {
        let body = url_map::reweighted(self.load_balancer.url_map(), 1000 - gke, gke);
        let actor = Actor::person(principal);
        // Such a write can only be refused when somebody made the map's host rules invalid for it; then nothing is foreign.
        self.written(Write::Patch, &body, &actor);
    }

    /// Writes a change of the URL map into the audit log.
    pub fn note_url_map(&mut self, method: &'static str, actor: &Actor, operation: u64) {
        let became = self.load_balancer.became();
        self.audit.note(Mutation {
            at_ms: self.now_ms,
            service: "compute.googleapis.com",
            method,
            resource: format!("projects/hexproperty/{}/urlMaps/{URL_MAP}", self.load_balancer.kind.place()),
            actor: actor.clone(),
            became,
            operation,
        });
    }

    fn apart(&mut self) -> (&mut Traffic, Surroundings<'_>) {
        let around = Surroundings {
            edge: &self.load_balancer.edge,
            cloud_run: &self.cloud_run,
            conditions: &self.conditions,
            peers: &self.peers,
            series: &mut self.series,
            balancer: &mut self.balancer,
        };
        (&mut self.traffic, around)
    }
}

/// A virtual time in the form that all of these APIs use.
#[must_use]
pub fn stamp(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests;
