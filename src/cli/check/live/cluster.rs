//! What the clusters of the plan let us do: asked of each, once a namespace, without doing it.

use futures::future::join_all;

use super::{Context, Found, Told, api::Api, fix};
use crate::{
    adapter::kubernetes::{Access, Kubeconfig, READS_PAGES, STEERS, WATCHES, Way, Wish},
    cli::check::finding::{Finding, Id, Severity},
    domain::{
        fault::{Fault, FaultKind},
        shown::Shown,
    },
    plan::{
        document::Place,
        model::{Backend, Driver, Plan, WorkloadRef},
    },
};

/// What it came to.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    pub told: Told,
    /// Where something that a session can't do without may not be read, so that whoever meets the refusal there says nothing more.
    shut: Vec<Shown>,
    /// Why a kubeconfig leads nowhere; said of the context, and not once more by each source.
    untaken: Vec<Shown>,
}

impl Clusters {
    /// Whether a source's finding says only what was said here of its cluster.
    pub(super) fn says(&self, finding: &Finding, plan: &Plan) -> bool {
        let is_shut = || cluster_of(&finding.object, plan).is_some_and(|cluster| self.shut.contains(cluster));
        (finding.id == Id::ReadForbidden && is_shut()) || self.untaken.iter().any(|words| finding.why.contains(words.as_str()))
    }
}

/// The cluster that a source of a session asks, by its name.
fn cluster_of<'p>(source: &str, plan: &'p Plan) -> Option<&'p Shown> {
    let (kind, name) = source.split_once('/')?;
    match kind {
        "weights" => match &plan.routes.iter().find(|route| route.id.as_str() == name)?.driver {
            Driver::HttpRoute(part) => Some(&part.cluster),
            Driver::UrlMap(_) | Driver::CloudRunRevisions { .. } => None,
        },
        "platform" | "pods" => {
            let mut backends = plan.routes.iter().flat_map(|route| &route.backends);
            match &backends.find(|backend| backend.id.as_str() == name)?.workload {
                WorkloadRef::Deployment { cluster, .. } => Some(cluster),
                WorkloadRef::CloudRunService { .. } => None,
            }
        }
        _ => None,
    }
}

/// What one cluster is asked.
struct Question<'a> {
    cluster: &'a Shown,
    namespace: &'a Shown,
    /// Of one object alone.
    name: Option<&'a Shown>,
    wishes: Vec<Wish>,
    place: Option<Place>,
}

pub(super) async fn examined(ctx: Context<'_>) -> Clusters {
    let questions = questions(ctx);
    let asked = join_all(questions.iter().map(|question| async move {
        let way = ctx.composer.cluster(question.cluster).ok()?;
        let access = match (way.access().await, way) {
            (Ok(access), _) => access,
            (Err(fault), Way::Kubeconfig(kubeconfig))
                if matches!(fault.kind, FaultKind::Refused | FaultKind::NotFound | FaultKind::Unsupported) =>
            {
                return Some(Err((fault, kubeconfig)));
            }
            // Where the cluster is not found or can't be reached, the source that looks into it says so.
            (Err(_), _) => return None,
        };
        let name = question.name.map(Shown::as_str);
        let refused = access.refused(question.namespace.as_str(), name, &question.wishes).await;
        Some(Ok((access, refused)))
    }));
    let mut all = Clusters::default();
    for (question, answer) in questions.iter().zip(asked.await) {
        match answer {
            None => {}
            Some(Err((fault, kubeconfig))) => {
                all.told.found.push(Found::told(untaken(ctx, question.cluster, &kubeconfig, &fault)));
                all.untaken.push(fault.message);
            }
            Some(Ok((access, refused))) => answered(question, &access, refused, &mut all),
        }
    }
    all
}

/// By namespace, what the plan's workloads and pages need; then each HTTPRoute, of whose patch the driver's own look tells.
fn questions(ctx: Context<'_>) -> Vec<Question<'_>> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    for backend in ctx.plan.routes.iter().flat_map(|route| &route.backends) {
        let Backend { workload: WorkloadRef::Deployment { cluster, namespace, .. }, .. } = backend else { continue };
        let known = questions.iter().position(|known| (known.cluster, known.namespace) == (cluster, namespace));
        let at = known.unwrap_or_else(|| {
            let place = ctx.spots.backend(&backend.id, "gke");
            questions.push(Question { cluster, namespace, name: None, wishes: WATCHES.into(), place });
            questions.len() - 1
        });
        if backend.pods.is_some() {
            let wishes = &mut questions[at].wishes;
            wishes.extend(READS_PAGES.into_iter().filter(|wish| !wishes.contains(wish)).collect::<Vec<_>>());
        }
    }
    for route in &ctx.plan.routes {
        if let Driver::HttpRoute(part) = &route.driver {
            let wishes = STEERS.into_iter().filter(|wish| wish.verb == "get").collect();
            let place = ctx.spots.route(&route.id, "driver");
            questions.push(Question { cluster: &part.cluster, namespace: &part.namespace, name: Some(&part.http_route), wishes, place });
        }
    }
    questions
}

fn answered(question: &Question<'_>, access: &Access, refused: Result<Vec<Wish>, Fault>, all: &mut Clusters) {
    let Question { cluster, namespace, name, wishes, place } = question;
    let source = format!("access/{cluster}/{namespace}{}", name.map_or_else(String::new, |name| format!("/{name}")));
    match refused {
        Ok(refused) if refused.is_empty() => {
            let instead = access
                .stands_in_for()
                .map_or_else(String::new, |program| format!("; as our Google credentials, in place of {program}, which is not run"));
            all.told.well.push((source, format!("{} may be read{instead}", kinds(wishes).join(", "))));
        }
        Ok(refused) => {
            let pages = wishes.iter().any(|wish| !wish.subresource.is_empty());
            for kind in kinds(&refused) {
                let finding = lacking(question, &kind, &refused, pages);
                if finding.severity == Severity::Error {
                    all.shut.push((*cluster).clone());
                }
                all.told.found.push(Found::told(finding));
            }
        }
        Err(fault) => {
            let why = format!("the cluster does not say what we may do there ({fault})");
            let object = format!("access in {namespace} of {cluster}");
            all.told.found.push(Found::failed(Api::Container, Finding::new(Id::PermissionUntold, object, why).at(*place)));
        }
    }
}

/// Each kind once, in their order.
fn kinds(wishes: &[Wish]) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in wishes.iter().map(ToString::to_string) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// `pages` says whether figures are read of pods themselves.
fn lacking(question: &Question<'_>, kind: &str, refused: &[Wish], pages: bool) -> Finding {
    let namespace = question.namespace.as_str();
    let verbs: Vec<&str> = refused.iter().filter(|wish| wish.to_string() == kind).map(|wish| wish.verb).collect();
    let (severity, without, fix) = match kind {
        "deployments" => (Severity::Error, "so nothing is known of the workload", fix::grant_in_cluster(namespace)),
        "pods" if pages && verbs.contains(&"list") => {
            (Severity::Error, "so no page of a pod, and with it no figure, can be read", fix::grant_in_cluster(namespace))
        }
        "pods" => (Severity::Warning, "so pods are not shown one by one", fix::grant_in_cluster(namespace)),
        "pods/proxy" => (Severity::Error, "so no page of a pod, and with it no figure, can be read", fix::grant_pages(namespace)),
        "httproutes" => (Severity::Error, "so nothing is known of the weights", fix::grant_routes(namespace)),
        _ => (Severity::Warning, "so the platform's own events are not shown", fix::grant_in_cluster(namespace)),
    };
    let why = format!("the cluster says that this account may not {} {kind} in {namespace}, {without}", verbs.join(" or "));
    let finding = Finding::new(Id::PermissionMissing, format!("{kind} in namespace {namespace}"), why).graver(severity);
    finding.mend(fix).at(question.place)
}

/// Why a context of the host's kubeconfig is not taken.
fn untaken(ctx: Context<'_>, cluster: &Shown, kubeconfig: &Kubeconfig, fault: &Fault) -> Finding {
    let allowing = kubeconfig.allowing();
    let fix = if fault.message.as_str().contains(&allowing) { allowing } else { "kubectl config get-contexts".to_owned() };
    let finding = Finding::new(Id::KubeconfigRefused, format!("clusters/{cluster}"), fault.message.to_string());
    finding.at(ctx.spots.cluster(cluster, "kubeconfig")).mend(fix)
}
