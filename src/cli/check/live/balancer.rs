//! The load balancer behind each route: how its backend services are set, whether their endpoints are well, and what it would say to the
//! first step.

use std::collections::BTreeMap;

use color_eyre::eyre::Result;
use futures::future::join_all;

use super::{Context, Found, Told, api, api::Api, fix};
use crate::{
    adapter::{
        http::{Client, Failure},
        http_route,
        preflight::{self, BackendService, Group, GroupKind, Health, Locus},
        url_map::Rehearsal,
    },
    cli::{
        check::finding::{Finding, Id, Severity},
        compose::RUN,
    },
    domain::{
        answer::SERVED_BY,
        fault::FaultKind,
        id::{BackendId, RouteId},
        shown::Shown,
        weight::{PerMille, Weights},
    },
    plan::{
        document::Place,
        model::{Backend, Driver, MapPart, Route, WorkloadRef},
    },
};

/// The schemes whose load balancers split by weight; of any other the driver's own look says so.
const WEIGHTED: [&str; 3] = ["EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED"];
/// What an answer may take where a backend service does not say.
const TIMEOUT_S: u32 = 30;
/// The same of a service on Cloud Run.
const RUN_S: u32 = 300;
/// The longest that a load balancer waits for a serverless backend; the service itself may say less.
const SERVERLESS_S: u32 = 3600;

/// What it came to, and what each route's entries add to answers.
#[derive(Debug, Default)]
pub(super) struct Balancers {
    pub told: Told,
    pub marks: BTreeMap<RouteId, BTreeMap<BackendId, Option<Shown>>>,
}

pub(super) async fn examined(ctx: Context<'_>) -> Result<Balancers> {
    let mut all = Balancers::default();
    for found in join_all(ctx.plan.routes.iter().map(|route| examine(ctx, route))).await {
        let found = found?;
        all.told.add(found.told);
        all.marks.extend(found.marks);
    }
    Ok(all)
}

async fn examine(ctx: Context<'_>, route: &Route) -> Result<Balancers> {
    match &route.driver {
        Driver::UrlMap(part) => by_map(ctx, route, part).await,
        // Its driver's own look tells of the Gateway, and of the right to write.
        Driver::HttpRoute(part) => {
            let driver = ctx.composer.http_route(route, part)?;
            let object = format!("namespaces/{}/httproutes/{} of {}", part.namespace, part.http_route, part.cluster);
            let objections = match driver.rehearse(&first_step(route)).await {
                Ok(http_route::Rehearsal::Taken) => Ok(Vec::new()),
                Ok(http_route::Rehearsal::Refused(why)) => Ok(vec![why]),
                Ok(http_route::Rehearsal::Untried) => return Ok(Balancers::default()),
                Err(failure) => Err(failure),
            };
            let mut told = Told::default();
            rehearsal(ctx, route, (Api::Container, object), objections, &mut told);
            Ok(Balancers { told, marks: BTreeMap::new() })
        }
        Driver::CloudRunRevisions { service } => {
            let driver = ctx.composer.revisions_driver(route, service)?;
            let rehearsed = driver.rehearse(&first_step(route)).await;
            let object = format!("projects/{}/locations/{}/services/{service}", ctx.plan.project, ctx.plan.region);
            let objections = match rehearsed {
                Ok(()) => Ok(Vec::new()),
                Err(failure) if matches!(failure.fault.kind, FaultKind::Rejected | FaultKind::Conflict | FaultKind::Denied) => {
                    Ok(vec![failure.fault.message])
                }
                Err(failure) => Err(failure),
            };
            let mut told = Told::default();
            rehearsal(ctx, route, (Api::Run, object), objections, &mut told);
            Ok(Balancers { told, marks: BTreeMap::new() })
        }
    }
}

/// The smallest rung of the ladder.
fn first_step(route: &Route) -> Weights {
    let share = route.ladder.first().copied().unwrap_or(PerMille::ZERO);
    let home = Weights::all_on(&route.home, route.backend_ids());
    home.with(&route.target, share).unwrap_or(home)
}

/// One leg with what Compute says of it.
struct Leg<'a> {
    backend: &'a Backend,
    service: BackendService,
    is_serverless: bool,
    /// Seconds that an answer may take there, where that can be told.
    limit_s: Option<u32>,
}

async fn by_map(ctx: Context<'_>, route: &Route, part: &MapPart) -> Result<Balancers> {
    let compute = ctx.composer.google(Api::Compute.host())?;
    let driver = ctx.composer.map_driver(route, part)?;
    let mut told = Told::default();
    let mut legs = Vec::new();
    for leg in join_all(route.backends.iter().map(|backend| look(ctx, &compute, part, backend))).await {
        let (leg, of_leg) = leg?;
        legs.extend(leg);
        told.add(of_leg);
    }
    let scheme = legs.iter().map(|leg| leg.service.load_balancing_scheme.as_str()).find(|scheme| WEIGHTED.contains(scheme));
    let mut marks = BTreeMap::new();
    let mut has_timeout = false;
    if let Some(scheme) = scheme {
        let object = link(ctx.plan.project_of_map(part), part, "urlMaps", part.url_map.as_str());
        match driver.rehearse(&first_step(route), scheme, SERVED_BY).await {
            Ok(Rehearsal { objections, marks: found, has_timeout: says }) => {
                has_timeout = says;
                marks.insert(route.id.clone(), found);
                rehearsal(ctx, route, (Api::Compute, object), objections, &mut told);
            }
            // The driver's own look says it.
            Err(failure) => tracing::debug!(fault = %failure.fault, "the first step was not rehearsed"),
        }
    }
    if !has_timeout {
        told.found.extend(timeouts(ctx, part, &legs).map(Found::told));
    }
    told.found.extend(writes(ctx, route, part).await?);
    Ok(Balancers { told, marks })
}

/// What an API said to a step that was not made.
fn rehearsal(ctx: Context<'_>, route: &Route, of: (Api, String), objections: Result<Vec<Shown>, Failure>, told: &mut Told) {
    let place = ctx.spots.route(&route.id, "driver");
    let (api, object) = of;
    match objections {
        Ok(objections) if objections.is_empty() => {
            told.well.push((format!("first-step/{}", route.id), "the API would take it, by its own validation".to_owned()));
        }
        Ok(objections) => {
            let why: Vec<String> = objections.iter().map(ToString::to_string).collect();
            let finding = Finding::new(Id::WriteRefused, object, format!("the first step would be refused: {}", why.join("; ")));
            told.found.push(Found::told(finding.at(place)));
        }
        Err(failure) => {
            let why = format!("the first step could not be validated without making it ({})", failure.fault.message);
            told.found.push(Found::failed(api, Finding::new(Id::WriteUntested, object, why).at(place)));
        }
    }
}

fn link(project: &Shown, part: &MapPart, kind: &str, name: &str) -> String {
    let within = part.region.as_ref().map_or_else(|| "global".to_owned(), |region| format!("regions/{region}"));
    format!("projects/{project}/{within}/{kind}/{name}")
}

/// Everything of one leg that stands by itself.
async fn look<'a>(ctx: Context<'a>, compute: &Client, part: &MapPart, backend: &'a Backend) -> Result<(Option<Leg<'a>>, Told)> {
    let (project, name) = (ctx.plan.project_of(backend), backend.target.as_str());
    let locus = Locus { project: project.as_str(), region: part.region.as_ref().map(Shown::as_str) };
    let place = ctx.spots.backend(&backend.id, "backend_service");
    let object = link(project, part, "backendServices", name);
    let [get, usage] = permissions(part);
    let mut told = Told::default();
    let service = match preflight::backend_service(compute, locus, name).await {
        Ok(service) => service,
        Err(failure) => {
            let finding = api::of_failure(&ctx, Api::Compute, get, object, &failure);
            told.found.push(Found::failed(Api::Compute, finding.at(place)));
            return Ok((None, told));
        }
    };
    let at = At { ctx, part, backend, object: &object, place };
    let kinds = join_all(service.groups.iter().map(|group| async move { (group, preflight::kind_of_group(compute, group).await) })).await;
    let mut known: Vec<(&Group, GroupKind)> = Vec::new();
    for (group, kind) in kinds {
        match kind {
            Ok(kind) => known.push((group, kind)),
            Err(failure) => {
                let finding = api::of_failure(&ctx, Api::Compute, "compute.networkEndpointGroups.get", group.place().as_str(), &failure);
                told.found.push(Found::failed(Api::Compute, finding.at(place)));
            }
        }
    }
    let is_serverless = !known.is_empty() && known.iter().all(|(_, kind)| *kind == GroupKind::Serverless);
    let has_endpoints = known.iter().any(|(_, kind)| *kind == GroupKind::Endpoints);
    told.found.extend(at.settings(&service, has_endpoints).map(Found::told));
    told.found.extend(at.groups(&service).map(Found::told));
    if is_serverless {
        told.well.push((format!("balancer/{}", backend.id), "serverless: it has no endpoints whose health could be asked for".to_owned()));
    } else if !service.groups.is_empty() {
        at.endpoints(compute, locus, &known, &mut told).await;
    }
    let used = preflight::lacking(compute, locus.permissions_at(compute, name), &[usage]).await;
    told.found.extend(at.used(used));
    let limit_s = match (&backend.workload, is_serverless, has_endpoints) {
        (WorkloadRef::CloudRunService { service }, true, _) => {
            // Where the service can't be read, its own source says so.
            let told = ctx.composer.service(project, service).timeout_s(&ctx.composer.google(RUN)?).await;
            told.ok().map(|told| told.unwrap_or(RUN_S).min(SERVERLESS_S))
        }
        (_, false, true) => Some(service.timeout_sec.unwrap_or(TIMEOUT_S)),
        (_, _, _) => None,
    };
    Ok((Some(Leg { backend, service, is_serverless, limit_s }), told))
}

/// What reading a backend service asks, and what Compute asks of whoever writes a URL map that leads to it.
fn permissions(part: &MapPart) -> [&'static str; 2] {
    match part.region {
        Some(_) => ["compute.regionBackendServices.get", "compute.regionBackendServices.use"],
        None => ["compute.backendServices.get", "compute.backendServices.use"],
    }
}

/// One backend service and where the plan names it.
struct At<'a> {
    ctx: Context<'a>,
    part: &'a MapPart,
    backend: &'a Backend,
    object: &'a str,
    place: Option<Place>,
}

impl At<'_> {
    /// Whose it is.
    fn project(&self) -> &str {
        self.ctx.plan.project_of(self.backend).as_str()
    }

    fn finding(&self, id: Id, why: impl Into<String>) -> Finding {
        Finding::new(id, self.object, why).at(self.place)
    }

    fn update(&self, flags: &str) -> String {
        fix::backend_service(self.part, self.project(), self.backend.target.as_str(), flags)
    }

    fn settings(&self, service: &BackendService, has_endpoints: bool) -> impl Iterator<Item = Finding> {
        let title = &self.backend.title;
        let mut found = Vec::new();
        if !["", "NONE"].contains(&service.session_affinity.as_str()) {
            let why = format!(
                "session affinity is {}; the weights decide first, so {title} keeps nobody, and users change legs with every step",
                Shown::new(&service.session_affinity)
            );
            found.push(self.finding(Id::SessionAffinity, why).mend(self.update("--session-affinity=NONE")));
        }
        if has_endpoints && service.connection_draining.draining_timeout_sec == 0 {
            let why = format!("connection draining is 0 s: a pod of {title} that goes takes the requests along that it is answering");
            found.push(self.finding(Id::NoDraining, why).mend(self.update("--connection-draining-timeout=60")));
        }
        if has_endpoints && service.health_checks.is_empty() {
            let why = format!("nothing asks the endpoints of {title} how they are, so requests go to those that are not well");
            found.push(self.finding(Id::NoHealthCheck, why).mend(self.update("--health-checks=HEALTH_CHECK")));
        }
        if service.outlier_detection.as_ref().is_some_and(|set| !set.is_null()) {
            let why = format!("outlier detection is on: each proxy takes endpoints of {title} out by itself after some errors");
            let fix = fix::without_outliers(self.part, self.project(), self.backend.target.as_str());
            found.push(self.finding(Id::OutlierDetection, why).mend(fix));
        }
        let log = service.log_config;
        match (log.enable, log.sample_rate) {
            (false, _) => {
                let why = format!("the load balancer logs no request to {title}, so nobody can look up afterwards what users met");
                found.push(self.finding(Id::LoggingOff, why).mend(self.update("--enable-logging --logging-sample-rate=1.0")));
            }
            (true, Some(rate)) if rate < 1.0 => {
                let why = format!("{rate} of the requests to {title} are logged");
                found.push(self.finding(Id::LoggingSampled, why).mend(self.update("--enable-logging --logging-sample-rate=1.0")));
            }
            (true, _) => {}
        }
        found.into_iter()
    }

    fn groups(&self, service: &BackendService) -> impl Iterator<Item = Finding> {
        let project = self.project();
        let drained: Vec<String> =
            service.groups.iter().filter(|group| group.capacity_scaler == Some(0.0)).map(|group| group.place().to_string()).collect();
        let none = service.groups.is_empty().then(|| {
            let why =
                format!("no network endpoint group is attached, so whatever is sent to {} is answered with an error", self.backend.title);
            self.finding(Id::NoGroup, why).mend(fix::attach(self.part, project, self.backend.target.as_str()))
        });
        let all = drained.len() == service.groups.len();
        let empty = (!drained.is_empty()).then(|| {
            let severity = if all { Severity::Error } else { Severity::Warning };
            let why = format!("the capacity of {} is scaled to 0, so nothing is sent there", drained.join(", "));
            let refilled = drained.iter().map(|place| fix::refilled(self.part, project, self.backend.target.as_str(), place));
            self.finding(Id::GroupDrained, why).graver(severity).mend(refilled.collect::<Vec<_>>().join(" && "))
        });
        none.into_iter().chain(empty)
    }

    /// How many endpoints there are and how many are well, over all groups: a zone without pods is nothing strange.
    async fn endpoints(&self, compute: &Client, locus: Locus<'_>, groups: &[(&Group, GroupKind)], told: &mut Told) {
        let name = self.backend.target.as_str();
        let asked = groups.iter().filter(|(_, kind)| *kind == GroupKind::Endpoints);
        let health = join_all(asked.map(|(group, _)| preflight::health(compute, locus, name, group))).await;
        let (mut sum, mut asked) = (Health::default(), 0);
        for health in health {
            match health {
                Ok(health) => (sum, asked) = (sum.and(health), asked + 1),
                Err(failure) => {
                    let finding = api::of_failure(&self.ctx, Api::Compute, permissions(self.part)[0], self.object, &failure);
                    told.found.push(Found::failed(Api::Compute, finding.at(self.place)));
                    return;
                }
            }
        }
        let (title, all) = (&self.backend.title, sum.healthy + sum.unhealthy);
        let show = fix::health(self.part, self.project(), name);
        if asked == 0 {
            told.well.push((format!("balancer/{}", self.backend.id), "groups whose health is not asked for here".to_owned()));
            return;
        }
        let finding = match (sum.healthy, sum.unhealthy) {
            (0, 0) => {
                Some(self.finding(Id::NoEndpoint, format!("the groups of {title} have no endpoint; are its pods ready, and in the NEG?")))
            }
            (0, _) => Some(self.finding(Id::NoHealthyEndpoint, format!("none of {all} endpoints of {title} is healthy"))),
            (_, 0) => None,
            (healthy, _) => Some(self.finding(Id::UnhealthyEndpoint, format!("{healthy} of {all} endpoints of {title} are healthy"))),
        };
        match finding {
            Some(finding) => told.found.push(Found::told(finding.mend(show))),
            None => told.well.push((format!("balancer/{}", self.backend.id), format!("{all} endpoints, all healthy"))),
        }
    }

    fn used(&self, lacking: Result<Vec<&str>, Failure>) -> Option<Found> {
        let usage = permissions(self.part)[1];
        match lacking {
            Ok(lacking) if lacking.is_empty() => None,
            Ok(_) => {
                let why = format!(
                    "the backend service says that this account lacks {usage}, which Compute asks of whoever writes a URL map that leads to it"
                );
                let finding = self.finding(Id::PermissionMissing, why);
                Some(Found::told(finding.mend(fix::grant(self.project(), usage))))
            }
            Err(failure) => {
                let why = format!("whether this account has {usage} can't be told ({})", failure.fault.message);
                Some(Found::failed(Api::Compute, self.finding(Id::PermissionUntold, why)))
            }
        }
    }
}

/// The leg that gives answers less time than another one.
fn timeouts(ctx: Context<'_>, part: &MapPart, legs: &[Leg<'_>]) -> impl Iterator<Item = Finding> {
    let known: Vec<(&Leg<'_>, u32)> = legs.iter().filter_map(|leg| Some((leg, leg.limit_s?))).collect();
    let longest = known.iter().max_by_key(|(_, limit)| *limit);
    let found = longest.into_iter().flat_map(|(longest, limit)| {
        known.iter().filter(move |(_, own)| own < limit).map(move |(leg, own)| {
            let owner = ctx.plan.project_of(leg.backend);
            let project = owner.as_str();
            let fix = match &leg.backend.workload {
                WorkloadRef::CloudRunService { service } if leg.is_serverless => format!(
                    "gcloud run services update {} --region={} --project={} --timeout={limit}",
                    fix::quoted(service.as_str()),
                    fix::quoted(ctx.plan.region.as_str()),
                    fix::quoted(project)
                ),
                WorkloadRef::CloudRunService { .. } | WorkloadRef::Deployment { .. } => {
                    fix::backend_service(part, project, leg.backend.target.as_str(), &format!("--timeout={limit}s"))
                }
            };
            let why = format!(
                "an answer may take {} s on {} and {limit} s on {}: what takes longer than the shorter fails only there",
                own, leg.backend.title, longest.backend.title
            );
            let object = link(owner, part, "backendServices", leg.backend.target.as_str());
            Finding::new(Id::TimeoutDiffers, object, why).mend(fix).at(ctx.spots.backend(&leg.backend.id, "backend_service"))
        })
    });
    found.collect::<Vec<_>>().into_iter()
}

/// Whether we may write the map and follow the write to its end. A map has no policy of its own, and an operation can't be asked about before
/// there is one, so the project is.
async fn writes(ctx: Context<'_>, route: &Route, part: &MapPart) -> Result<Vec<Found>> {
    let [update, follow] = match part.region {
        Some(_) => ["compute.regionUrlMaps.update", "compute.regionOperations.get"],
        None => ["compute.urlMaps.update", "compute.globalOperations.get"],
    };
    let (project, client) = (ctx.plan.project_of_map(part).as_str(), ctx.composer.google(Api::Projects.host())?);
    let place = ctx.spots.route(&route.id, "driver");
    let at = client.at(&["v1", "projects", &format!("{project}:testIamPermissions")]);
    let found = |permission: &str| {
        let (object, severity, so) = if permission == update {
            // The driver's own look says it of the same object.
            (format!("weights/{}", route.id), Severity::Error, "so a session would refuse every step")
        } else {
            (format!("projects/{project}"), Severity::Warning, "so the end of a write could not be followed")
        };
        let why = format!("this account lacks the permission {permission} by the project's word, {so}");
        let finding = Finding::new(Id::PermissionMissing, object, why).graver(severity);
        Found::told(finding.mend(fix::grant(project, permission)).at(place))
    };
    Ok(match preflight::lacking(&client, at, &[update, follow]).await {
        Ok(lacking) => lacking.into_iter().map(found).collect(),
        Err(failure) => {
            let why = format!("whether this account has {update} can't be told ({})", failure.fault.message);
            vec![Found::failed(Api::Projects, Finding::new(Id::PermissionUntold, format!("projects/{project}"), why).at(place))]
        }
    })
}
