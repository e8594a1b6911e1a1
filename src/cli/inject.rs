//! What can be made to go wrong in the session's own simulated world, and the hand that does it.
//!
//! The world is larger than most plans: it has databases, a Gateway before two clusters, a load balancer and Cloud Run, whether a plan names them or not. A
//! fault of what the plan does not name would be taken and change nothing that anybody looks at, so it is refused with what the plan lacks.

use crate::{
    attach::sessions::Simulated,
    core::event::WorldKind,
    domain::{
        fault::{Fault, FaultKind},
        position::Position,
    },
    plan::model::{Backend, Driver, MapPart, Plan, Route, WorkloadRef, readings::Server, steps::Desired},
    port::FaultInjector,
    sim::{
        faults::{self, Api, Cluster, Edit, platform::PlatformFault, setup::Setup},
        simulation::Control,
    },
    tui::overlay::Offer,
};

/// What ends faults, and is none.
const CALM: &str = "calm";
/// What it does, and what it leaves.
const CALMS: &str = "ends every fault and takes edits of the URL map and the HTTPRoute back; weights that somebody moved, and what was deployed or deleted, stay";

/// Everything that there is to be injected into a session of `plan`.
pub fn faults(plan: &Plan) -> Vec<Offer> {
    let calm = Offer { name: CALM.to_owned(), what: CALMS.to_owned(), lacks: None };
    let offer = |choice: faults::Choice| Offer {
        name: choice.name.to_owned(),
        what: choice.what.to_owned(),
        lacks: lacks(plan, &choice.fault).map(str::to_owned),
    };
    std::iter::once(calm).chain(faults::choices().into_iter().map(offer)).collect()
}

/// What a cockpit on a session in `world` can inject: the host has its hand only in a world of its own. An older card does not say where its
/// simulated world is.
pub fn faults_of(world: WorldKind, simulated: Option<Simulated>, plan: &Plan) -> Vec<Offer> {
    match (world, simulated) {
        (WorldKind::Live, _) | (WorldKind::Demo { .. }, Some(Simulated::Port(_))) => Vec::new(),
        (WorldKind::Demo { .. }, Some(Simulated::Own) | None) => faults(plan),
    }
}

/// Makes of a world of its own what the plan takes it to be: the usual one has each service's split on the default of its matcher.
pub fn suit(control: &Control, plan: &Plan) {
    let by_rule = |part: &MapPart| matches!(part.position, Position::Rule { .. });
    if plan.routes.iter().filter_map(map_of).any(by_rule) {
        control.prepare(Edit::Rules);
    }
}

/// The operator's hand in the bottle.
pub struct Hand {
    pub control: Control,
    pub plan: Plan,
}

impl FaultInjector for Hand {
    fn inject(&self, what: &str) -> Result<(), Fault> {
        if what == CALM {
            self.control.calm();
            return Ok(());
        }
        let choice = faults::choices().into_iter().find(|choice| choice.name == what);
        let choice = choice.ok_or_else(|| Fault::new(FaultKind::Unsupported, format!("there is nothing called {what} to inject")))?;
        if let Some(why) = lacks(&self.plan, &choice.fault) {
            return Err(Fault::new(FaultKind::Unsupported, format!("{what} would touch nothing here: {why}")));
        }
        self.control.inject(&choice.fault);
        Ok(())
    }
}

const NO_DATABASE: &str = "the plan has no database";
const NO_HTTP_ROUTE: &str = "no route of the plan is steered by an HTTPRoute";
const NO_URL_MAP: &str = "no route of the plan is steered by a URL map";
const NO_SPREADING: &str = "no route of the plan is steered by a URL map or an HTTPRoute";
const NO_RUN: &str = "no backend of the plan is a Cloud Run service";
const NO_GKE: &str = "no backend of the plan is a deployment";
const NO_PAGE: &str = "no figures of the plan come from GKE's page, its pods or a Prometheus that scrapes them";
const NO_PROMETHEUS: &str = "no figures of the plan come from a Prometheus or from Cloud Monitoring";
const NO_MONITORING: &str = "neither a database of the plan nor its figures are asked of Cloud Monitoring";
const NO_PODS: &str = "no figures of the plan come from pods";
const NO_PROBE: &str = "no backend of the plan has a probe";

/// What `plan` lacks for `fault` to touch anything that its session looks at or steers.
fn lacks(plan: &Plan, fault: &faults::Fault) -> Option<&'static str> {
    use faults::Fault as Of;
    let backends = || plan.routes.iter().flat_map(|route| &route.backends);
    let has_map = plan.routes.iter().any(|route| map_of(route).is_some());
    let has_http_route = plan.routes.iter().any(|route| matches!(route.driver, Driver::HttpRoute(_)));
    let has_run = backends().any(|backend| matches!(backend.workload, WorkloadRef::CloudRunService { .. }));
    let has_gke = backends().any(|backend| matches!(backend.workload, WorkloadRef::Deployment { .. }));
    let unless = |has: bool, why| if has { None } else { Some(why) };
    match fault {
        Of::Database(_) => unless(has_database(plan), NO_DATABASE),
        Of::ReplicaLag { .. } => unless(plan.database.is_some(), NO_DATABASE),
        Of::Gateway(_) | Of::Cluster(Cluster::RoutesForbidden | Cluster::RoutesGuarded) => unless(has_http_route, NO_HTTP_ROUTE),
        Of::ForeignWriter { .. } | Of::Edit { .. } | Of::Robot { .. } | Of::Classic | Of::NullFields => unless(has_map, NO_URL_MAP),
        Of::SlowEdge { .. } => unless(has_map || has_http_route, NO_SPREADING),
        Of::SourceShrunk { .. } | Of::SourceCold | Of::Scaling(_) | Of::Deployed { .. } | Of::RevisionDeleted { .. } => {
            unless(has_run, NO_RUN)
        }
        Of::Cluster(Cluster::PagesForbidden) => unless(backends().any(|backend| backend.pods.is_some()), NO_PODS),
        Of::BadPods { .. } | Of::Cluster(_) => unless(has_gke, NO_GKE),
        Of::Probes { .. } => unless(backends().any(|backend| backend.probe_url.is_some()), NO_PROBE),
        Of::LateReadings { .. } => unless(backends().any(|backend| backend.readings.is_some()), NO_PROMETHEUS),
        Of::Metrics { .. } => unless(backends().any(is_read_of_pages), NO_PAGE),
        Of::Api { api, .. } => of_api(plan, *api),
        Of::Platform(fault) => of_platform(plan, *fault),
        Of::Setup(setup) => match setup {
            Setup::Lacks { permission } if permission.starts_with("monitoring.") => of_api(plan, Api::Monitoring),
            Setup::Lacks { .. } | Setup::Holds { .. } | Setup::Service { .. } => unless(has_map, NO_URL_MAP),
            Setup::Disabled { api } | Setup::SignedOut { api } | Setup::QuotaUsedUp { api } => of_api(plan, *api),
            Setup::Page { .. } => unless(backends().any(|backend| backend.probe_url.is_some()), NO_PROBE),
        },
        // What users meet touches whatever has users.
        Of::Errors { .. }
        | Of::Latency { .. }
        | Of::Restart { .. }
        | Of::CrashLoop { .. }
        | Of::FrontDoorDrops { .. }
        | Of::Answers { .. }
        | Of::BadGateway { .. } => None,
    }
}

/// It names one, or a step of it does.
fn has_database(plan: &Plan) -> bool {
    let of_sql = |desired: &Desired| match desired {
        Desired::SqlBackup { .. } | Desired::SqlHighAvailability { .. } | Desired::SqlReplica { .. } => true,
        Desired::GkeCluster(_) | Desired::Address { .. } | Desired::HomeFloor { .. } => false,
    };
    plan.database.is_some() || plan.steps().any(|step| of_sql(&step.desired))
}

/// The same of what steps of the plan make of the platforms.
fn of_platform(plan: &Plan, fault: PlatformFault) -> Option<&'static str> {
    let wants = |kind: fn(&Desired) -> bool| plan.steps().any(|step| kind(&step.desired));
    let (has, why) = match fault {
        PlatformFault::ClusterWork { .. }
        | PlatformFault::NoQuota
        | PlatformFault::Degraded
        | PlatformFault::Upgrading
        | PlatformFault::Rescaled { .. }
        | PlatformFault::ClusterGone => (wants(|desired| matches!(desired, Desired::GkeCluster(_))), "no step of the plan wants a cluster"),
        PlatformFault::AddressWork { .. } => {
            (wants(|desired| matches!(desired, Desired::Address { .. })), "no step of the plan wants an address")
        }
        PlatformFault::RunWork { .. } => (
            wants(|desired| matches!(desired, Desired::HomeFloor { .. })),
            "no step of the plan changes how many instances Cloud Run keeps",
        ),
    };
    if has { None } else { Some(why) }
}

/// The same of an API.
fn of_api(plan: &Plan, api: Api) -> Option<&'static str> {
    let backends = || plan.routes.iter().flat_map(|route| &route.backends);
    let monitors = || backends().any(|backend| backend.readings.as_ref().is_some_and(|readings| is_googles(&readings.source.server)));
    let (has, why) = match api {
        Api::Every => return None,
        Api::Compute | Api::Logging => (plan.routes.iter().any(|route| map_of(route).is_some()), NO_URL_MAP),
        Api::Run => (backends().any(|backend| matches!(backend.workload, WorkloadRef::CloudRunService { .. })), NO_RUN),
        Api::Container => (backends().any(|backend| matches!(backend.workload, WorkloadRef::Deployment { .. })), NO_GKE),
        Api::Sql => (has_database(plan), NO_DATABASE),
        Api::Monitoring => (plan.database.is_some() || monitors(), NO_MONITORING),
        Api::Kubernetes => (plan.routes.iter().any(|route| matches!(route.driver, Driver::HttpRoute(_))), NO_HTTP_ROUTE),
    };
    if has { None } else { Some(why) }
}

fn map_of(route: &Route) -> Option<&MapPart> {
    match &route.driver {
        Driver::UrlMap(part) => Some(part),
        Driver::CloudRunRevisions { .. } | Driver::HttpRoute(_) => None,
    }
}

/// Whether a damaged page could be seen: one on GKE that is read by the host, pod by pod, or by a Prometheus.
fn is_read_of_pages(backend: &Backend) -> bool {
    let is_gke = matches!(backend.workload, WorkloadRef::Deployment { .. });
    let scraped = backend.readings.as_ref().is_some_and(|readings| !is_googles(&readings.source.server));
    is_gke && (backend.metrics_url.is_some() || backend.pods.is_some() || scraped)
}

fn is_googles(server: &Server) -> bool {
    matches!(server, Server::Google { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    fn read(text: &str) -> Plan {
        plan::read(text.as_bytes()).expect("a plan of the project is valid").0
    }

    fn refused(plan: &Plan) -> Vec<String> {
        faults(plan).into_iter().filter_map(|offer| offer.lacks.map(|why| format!("{}: {why}", offer.name))).collect()
    }

    #[test]
    fn what_is_offered_to_be_injected_is_what_the_host_can_inject() {
        let plan = read(include_str!("../../plans/hexproperty.yaml"));
        let demo = WorldKind::Demo { speed: 1 };
        assert_eq!(faults_of(demo, Some(Simulated::Port(20_000)), &plan), []);
        assert_eq!(faults_of(WorldKind::Live, None, &plan), []);
        assert_eq!(faults_of(demo, Some(Simulated::Own), &plan), faults(&plan));
        let names: Vec<String> = faults(&plan).into_iter().map(|offer| offer.name).collect();
        assert_eq!(names.len(), faults::choices().len() + 1);
    }

    #[test]
    fn a_fault_of_what_the_plan_does_not_name_is_refused_with_what_it_lacks() {
        let minimal = refused(&read(include_str!("../../plans/minimal.yaml")));
        for lacking in ["replica-lag: the plan has no database", "primary-suspended: the plan has no database"] {
            assert!(minimal.iter().any(|found| found == lacking), "{minimal:#?}");
        }
        assert!(minimal.iter().any(|found| found.starts_with("rule-renamed: no route of the plan is steered by an HTTPRoute")));
        assert!(!minimal.iter().any(|found| found.starts_with("foreign-writer") || found.starts_with("gke-errors")), "{minimal:#?}");
        let clusters = refused(&read(include_str!("../../plans/gke-to-gke.yaml")));
        for lacking in
            ["stranger: no route of the plan is steered by a URL map", "cold-source: no backend of the plan is a Cloud Run service"]
        {
            assert!(clusters.iter().any(|found| found == lacking), "{clusters:#?}");
        }
        assert!(!clusters.iter().any(|found| found.starts_with("rule-renamed") || found.starts_with("routes-guarded")), "{clusters:#?}");
        // The seed's plan has everything but an HTTPRoute, pages of pods and steps.
        let seed = refused(&read(include_str!("../../plans/hexproperty.yaml")));
        assert!(seed.iter().all(|found| ["HTTPRoute", "pods", "Prometheus", "step"].iter().any(|lack| found.contains(lack))), "{seed:#?}");
    }
}
