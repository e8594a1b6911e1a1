//! The APIs that a plan needs, each with one question that it has to answer, and what a question that failed says of the project.
//!
//! Where an API answers nothing at all, that is one finding, and whatever else would have been asked of it is told there and not once more.

use std::time::Duration;

use color_eyre::eyre::Result;
use serde_json::json;

use super::{Context, fix, steps};
use crate::{
    adapter::{
        http::{Client, Failure, Progress, Reason},
        kubernetes::{GkeCluster, Way},
        preflight::{self, Locus},
    },
    cli::{
        check::finding::{Finding, Id, Severity},
        compose::{Places, RUN},
    },
    domain::{fault::FaultKind, shown::Shown},
    plan::model::{
        Backend, Driver, MapPart, Plan, Route, WorkloadRef,
        readings::{FeedSource, Server},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Api {
    Compute,
    Run,
    Container,
    Sql,
    Monitoring,
    /// Tells who changed the map; only that is lost without it.
    Logging,
    /// Tells what we may do in the project; a write tells it too.
    Projects,
}

const ALL: [Api; 7] = [Api::Compute, Api::Run, Api::Container, Api::Sql, Api::Monitoring, Api::Logging, Api::Projects];

impl Api {
    /// The name of its service, which is that of its host in Google's own universe.
    pub(super) fn host(self) -> &'static str {
        match self {
            Api::Compute => "compute.googleapis.com",
            Api::Run => RUN,
            Api::Container => "container.googleapis.com",
            Api::Sql => "sqladmin.googleapis.com",
            Api::Monitoring => "monitoring.googleapis.com",
            Api::Logging => "logging.googleapis.com",
            Api::Projects => "cloudresourcemanager.googleapis.com",
        }
    }

    /// What the question needs, and what is asked of it in a session above all.
    fn permission(self) -> &'static str {
        match self {
            Api::Compute => "compute.backendServices.get",
            Api::Run => "run.services.get",
            Api::Container => "container.clusters.get",
            Api::Sql => "cloudsql.instances.get",
            Api::Monitoring => "monitoring.timeSeries.list",
            Api::Logging => "logging.logEntries.list",
            Api::Projects => "resourcemanager.projects.get",
        }
    }

    /// How grave it is that it does not answer.
    fn severity(self, usual: Severity) -> Severity {
        match self {
            Api::Compute | Api::Run | Api::Container | Api::Sql | Api::Monitoring => usual,
            Api::Logging => usual.max(Severity::Warning),
            Api::Projects => Severity::Note,
        }
    }

    /// What a session would miss.
    fn without(self) -> &'static str {
        match self {
            Api::Compute => "no URL map can be read or written",
            Api::Run => "nothing is known of services on Cloud Run",
            Api::Container => "no cluster is found",
            Api::Sql => "nothing is known of the databases",
            Api::Monitoring => "no lag of a database, and no figure of Google's Prometheus, is known",
            Api::Logging => "nobody tells who changed a URL map",
            Api::Projects => "nobody tells whether we may write before a write does",
        }
    }

    /// The APIs that a source of a session asks, by the first word of its name.
    pub(super) fn of_source(source: &str, plan: &Plan) -> Vec<Api> {
        let (kind, name) = source.split_once('/').unwrap_or((source, ""));
        let route = plan.routes.iter().find(|route| route.id.as_str() == name);
        let backend = plan.routes.iter().flat_map(|route| &route.backends).find(|backend| backend.id.as_str() == name);
        // One that this machine knows by itself is not asked of this API.
        let of_cluster = |cluster: &Shown| if plan.is_found_by_gke(cluster) { vec![Api::Container] } else { Vec::new() };
        match kind {
            "weights" => match route.map(|route| &route.driver) {
                Some(Driver::UrlMap(_)) => vec![Api::Compute],
                Some(Driver::CloudRunRevisions { .. }) => vec![Api::Run],
                Some(Driver::HttpRoute(part)) => of_cluster(&part.cluster),
                None => Vec::new(),
            },
            "platform" | "pods" => match backend.map(|backend| &backend.workload) {
                Some(WorkloadRef::CloudRunService { .. }) => vec![Api::Run],
                Some(WorkloadRef::Deployment { cluster, .. }) => of_cluster(cluster),
                None => Vec::new(),
            },
            "load-balancer" | "cloud-run" => vec![Api::Monitoring],
            "sql" => vec![Api::Sql, Api::Monitoring],
            "step" => plan.steps().find(|step| step.id.as_str() == name).map_or_else(Vec::new, |step| steps::asks(&step.desired)),
            "series" => {
                let asked = backend.into_iter().flat_map(|backend| &backend.series).filter_map(|feed| match &feed.from {
                    FeedSource::Asked(asked) => Some(&asked.source.server),
                    FeedSource::Gauge(_) => None,
                });
                if asked.into_iter().any(|server| matches!(server, Server::Google { .. })) { vec![Api::Monitoring] } else { Vec::new() }
            }
            "prometheus" => match backend.and_then(|backend| backend.readings.as_ref()).map(|readings| &readings.source.server) {
                Some(Server::Google { .. }) => vec![Api::Monitoring],
                Some(Server::Prometheus { .. }) | None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Shows which objects there are of the kind that the plan names.
    pub(super) fn listing(self, plan: &Plan) -> Option<String> {
        let (project, region) = (fix::quoted(plan.project.as_str()), fix::quoted(plan.region.as_str()));
        Some(match self {
            Api::Compute => format!("gcloud compute url-maps list --project={project}"),
            Api::Run => format!("gcloud run services list --region={region} --project={project}"),
            Api::Container => format!("gcloud container clusters list --project={project}"),
            Api::Sql => format!("gcloud sql instances list --project={project}"),
            Api::Monitoring | Api::Logging | Api::Projects => return None,
        })
    }

    fn is_needed(self, plan: &Plan) -> bool {
        let maps = plan.routes.iter().any(|route| map_of(route).is_some());
        let mut workloads = plan.routes.iter().flat_map(|route| &route.backends).map(|backend| &backend.workload);
        let google =
            |backend: &Backend| backend.readings.as_ref().is_some_and(|readings| matches!(readings.source.server, Server::Google { .. }));
        let for_steps = plan.steps().any(|step| steps::asks(&step.desired).contains(&self));
        match self {
            Api::Logging | Api::Projects => maps,
            Api::Compute => maps || for_steps,
            Api::Run => for_steps || workloads.any(|workload| matches!(workload, WorkloadRef::CloudRunService { .. })),
            Api::Container => for_steps || workloads.any(|workload| matches!(workload, WorkloadRef::Deployment { .. })),
            Api::Sql => plan.database.is_some() || for_steps,
            Api::Monitoring => plan.database.is_some() || for_steps || plan.routes.iter().flat_map(|route| &route.backends).any(google),
        }
    }
}

pub(super) fn map_of(route: &Route) -> Option<&MapPart> {
    match &route.driver {
        Driver::UrlMap(part) => Some(part),
        Driver::CloudRunRevisions { .. } | Driver::HttpRoute(_) => None,
    }
}

/// APIs that answer nothing, with why.
#[derive(Debug)]
pub(super) struct Shut {
    pub apis: Vec<Api>,
    pub finding: Finding,
    /// The failure's own.
    words: Shown,
}

/// Those of the APIs that the plan needs and that answer nothing.
/// # Errors
/// If an address is refused.
pub(super) async fn shut(ctx: &Context<'_>) -> Result<Vec<Shut>> {
    let needed = ALL.into_iter().filter(|api| api.is_needed(ctx.plan));
    let asked = futures::future::join_all(needed.map(|api| async move { (api, ask(ctx, api).await) })).await;
    let mut shut: Vec<Shut> = Vec::new();
    for (api, answered) in asked {
        // What is not there is no fault of the API; whoever needs it says so.
        let Err(mut failure) = answered? else { continue };
        if is_away(&failure) && matches!(ctx.places, Places::Live) && leads_nowhere(&ctx.composer.google(api.host())?, api.host()).await {
            failure.reason = Reason::NameUnknown;
        }
        if !closes(&failure) {
            continue;
        }
        // No token, no way out: one cause for all, in the same words.
        if let Some(known) = shut.iter_mut().find(|known| known.words == failure.fault.message && failure.progress == Progress::NeverSent) {
            known.finding.object.push_str(&format!(", {}", api.host()));
            known.apis.push(api);
            continue;
        }
        let found = of_failure(ctx, api, api.permission(), format!("{} of project {}", api.host(), ctx.plan.project), &failure);
        let found = match (failure.reason, failure.progress) {
            (Reason::SignedOut, Progress::NeverSent) => Finding { id: Id::CredentialsMissing, object: api.host().to_owned(), ..found },
            (_, Progress::NeverSent) => Finding { object: api.host().to_owned(), ..found },
            (_, Progress::TurnedDown | Progress::Open) => Finding { why: format!("{}; so {}", found.why, api.without()), ..found },
        };
        let severity = api.severity(found.severity);
        shut.push(Shut { apis: vec![api], finding: found.graver(severity).at(ctx.spots.project()), words: failure.fault.message });
    }
    Ok(shut)
}

fn is_away(failure: &Failure) -> bool {
    let kind = failure.fault.kind;
    failure.reason == Reason::Untold && matches!(kind, FaultKind::Unreachable | FaultKind::TimedOut | FaultKind::Broken)
}

/// A resolver that says nothing for so long knows nothing of the name.
const RESOLVED_WITHIN: Duration = Duration::from_secs(10);

/// Whether the name of a host is why nobody is met there: a resolver that is slow ends a question by its deadline, and one that is quick by its
/// own words, of one and the same fault. What a proxy carries, the proxy resolves.
pub(super) async fn leads_nowhere(client: &Client, host: &str) -> bool {
    let looked_up = tokio::time::timeout(RESOLVED_WITHIN, tokio::net::lookup_host((host.trim_matches(['[', ']']), 443)));
    let found = match looked_up.await {
        Ok(Ok(found)) => found.count(),
        Ok(Err(_)) | Err(_) => 0,
    };
    client.proxy().is_none() && found == 0
}

/// Whether the next question would meet the same.
fn closes(failure: &Failure) -> bool {
    match failure.reason {
        Reason::ServiceDisabled | Reason::SignedOut | Reason::QuotaUsedUp | Reason::Policy | Reason::NameUnknown | Reason::Certificate => {
            true
        }
        Reason::Untold => failure.fault.kind == FaultKind::Forbidden || failure.fault.kind.is_passing(),
    }
}

/// One question that changes nothing, at something that the plan names.
async fn ask(ctx: &Context<'_>, api: Api) -> Result<std::result::Result<(), Failure>> {
    let (plan, client) = (ctx.plan, ctx.composer.google(api.host())?);
    let project = plan.project.as_str();
    // Where the first URL map is; its log, and who may write it, are of that project.
    let map_project = plan.routes.iter().find_map(map_of).map_or(project, |part| plan.project_of_map(part).as_str());
    let workloads = plan.routes.iter().flat_map(|route| &route.backends).map(|backend| &backend.workload);
    Ok(match api {
        Api::Compute => {
            let first = plan.routes.iter().find_map(|route| Some((map_of(route)?, route.backends.first()?)));
            let Some((part, backend)) = first else { return Ok(steps::asked(plan, &client, api).await) };
            let locus = Locus { project: plan.project_of(backend).as_str(), region: part.region.as_ref().map(Shown::as_str) };
            preflight::backend_service(&client, locus, backend.target.as_str()).await.map(|_| ())
        }
        Api::Run => {
            let named = plan.routes.iter().flat_map(|route| &route.backends).find_map(|backend| match &backend.workload {
                WorkloadRef::CloudRunService { service } => Some((plan.project_of(backend), service)),
                WorkloadRef::Deployment { .. } => None,
            });
            let Some((project, service)) = named else { return Ok(steps::asked(plan, &client, api).await) };
            ctx.composer.service(project, service).timeout_s(&client).await.map(|_| ())
        }
        Api::Container => {
            let names = workloads.filter_map(|workload| match workload {
                WorkloadRef::Deployment { cluster, .. } => Some(cluster),
                WorkloadRef::CloudRunService { .. } => None,
            });
            // One that is reached by a proxy is not asked of this API.
            for name in names {
                if let Way::Gke(GkeCluster { project, region, name, .. }) = ctx.composer.cluster(name)? {
                    return Ok(preflight::door(&client, &["v1", "projects", &project, "locations", &region, "clusters", &name], &[]).await);
                }
            }
            steps::asked(plan, &client, api).await
        }
        Api::Sql => {
            let primary = plan.database.as_ref().map(|database| &database.primary);
            let of_steps = || plan.steps().find_map(|step| steps::instance(&step.desired));
            let Some(instance) = primary.or_else(of_steps) else { return Ok(Ok(())) };
            preflight::door(&client, &["v1", "projects", project, "instances", instance.as_str()], &[]).await
        }
        Api::Monitoring => {
            let now = jiff::Timestamp::from_millisecond(ctx.clock.now().0).unwrap_or_default().to_string();
            let filter = "metric.type = \"cloudsql.googleapis.com/database/up\"";
            let query = [("filter", filter), ("interval.endTime", now.as_str()), ("view", "HEADERS"), ("pageSize", "1")];
            preflight::door(&client, &["v3", "projects", project, "timeSeries"], &query).await
        }
        Api::Logging => {
            // The newest entry alone: whoever asks for the oldest has the whole log searched.
            let filter = format!("logName = \"projects/{map_project}/logs/cloudaudit.googleapis.com%2Factivity\"");
            let resource = format!("projects/{map_project}");
            let body = json!({"resourceNames": [resource], "filter": filter, "orderBy": "timestamp desc", "pageSize": 1});
            preflight::question(&client, &["v2", "entries:list"], &body).await
        }
        Api::Projects => {
            let at = client.at(&["v1", "projects", &format!("{map_project}:testIamPermissions")]);
            preflight::lacking(&client, at, &["compute.urlMaps.update"]).await.map(|_| ())
        }
    })
}

/// What a failed question says. `permission` is what the question needed.
pub(super) fn of_failure(ctx: &Context<'_>, api: Api, permission: &str, object: impl Into<String>, failure: &Failure) -> Finding {
    let object: String = object.into();
    // Whose it is, where the object says so.
    let owner = object.strip_prefix("projects/").and_then(|rest| rest.split('/').next()).map(str::to_owned);
    let project = owner.as_deref().unwrap_or(ctx.plan.project.as_str());
    let words = &failure.fault.message;
    let found = |id, why: String| Finding::new(id, object, why);
    match (failure.reason, failure.fault.kind) {
        (Reason::ServiceDisabled, _) => {
            found(Id::ApiDisabled, format!("{} is not enabled in project {project} ({words})", api.host())).mend(fix::enable(api, project))
        }
        (Reason::SignedOut, _) => found(Id::CredentialsRefused, format!("{words}")).mend(fix::SIGN_IN),
        (Reason::QuotaUsedUp, _) => found(Id::QuotaUsedUp, format!("{words}; try again in a minute")),
        (Reason::Policy, _) => found(Id::ReadForbidden, format!("a policy refuses it, and no permission is missing ({words})")),
        (Reason::NameUnknown, _) => found(Id::NameUnknown, format!("{words}; no permission is missing"))
            .mend(format!("getent ahosts {}", ctx.composer.universe().host(api.host()))),
        (Reason::Certificate, _) => {
            found(Id::CertificateInvalid, words.to_string()).mend(handshake(&ctx.composer.universe().host(api.host()), 443))
        }
        (Reason::Untold, FaultKind::Forbidden) => {
            found(Id::PermissionMissing, format!("this account lacks the permission {permission} ({words})"))
                .mend(fix::grant(project, permission))
        }
        (Reason::Untold, kind) => of_kind(kind, found, words.to_string()),
    }
}

/// The same by the kind alone.
pub(super) fn of_kind(kind: FaultKind, found: impl FnOnce(Id, String) -> Finding, words: String) -> Finding {
    match kind {
        FaultKind::Unreachable | FaultKind::TimedOut | FaultKind::Broken => {
            found(Id::Unreachable, format!("{words}; is there a way from this machine? look at firewall, VPN, proxy and private endpoints"))
        }
        FaultKind::Unavailable => found(Id::Unavailable, format!("{words}; try again in a moment")),
        FaultKind::Forbidden | FaultKind::Denied => found(Id::ReadForbidden, words),
        FaultKind::NotFound => found(Id::NotFound, format!("{words}; compare the name with the plan")),
        FaultKind::Unreadable => found(Id::UnreadableAnswer, format!("{words}; is that the right address?")),
        FaultKind::Conflict | FaultKind::Rejected | FaultKind::Refused | FaultKind::Unsupported | FaultKind::Unrecorded => {
            found(Id::Unread, words)
        }
    }
}

/// Shows the certificate that a server presents.
pub(super) fn handshake(host: &str, port: u16) -> String {
    format!("openssl s_client -connect {host}:{port} -servername {host} </dev/null | openssl x509 -noout -subject -issuer -dates")
}
