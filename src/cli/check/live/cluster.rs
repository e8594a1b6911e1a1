//! What the clusters of the plan let us read: asked of each, once a namespace, without reading anything.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{Context, Found, Told, api::Api, fix};
use crate::{
    adapter::kubernetes::Wish,
    cli::check::finding::{Finding, Id, Severity},
    domain::id::BackendId,
    plan::model::WorkloadRef,
};

pub(super) async fn examined(ctx: Context<'_>) -> Told {
    let backends = ctx.plan.routes.iter().flat_map(|route| &route.backends);
    let mut places: Vec<(&BackendId, _, _)> = Vec::new();
    for backend in backends {
        if let WorkloadRef::Deployment { cluster, namespace, .. } = &backend.workload
            && !places.iter().any(|(_, known, of)| (*known, *of) == (cluster, namespace))
        {
            places.push((&backend.id, cluster, namespace));
        }
    }
    let asked = join_all(places.into_iter().map(|(backend, cluster, namespace)| async move {
        let access = ctx.composer.cluster(cluster).ok()?.access().await.ok()?;
        Some((backend, cluster, namespace, access.refused(namespace.as_str()).await))
    }));
    let mut told = Told::default();
    // Where the cluster is not found or can't be reached, the source that looks into it says so.
    for (backend, cluster, namespace, refused) in asked.await.into_iter().flatten() {
        let source = format!("access/{cluster}/{namespace}");
        match refused {
            Ok(refused) if refused.is_empty() => told.well.push((source, "deployments, pods and events may be read".to_owned())),
            Ok(refused) => {
                let kinds: BTreeSet<&str> = refused.iter().map(|wish| wish.resource).collect();
                told.found.extend(kinds.into_iter().map(|kind| Found::told(lacking(ctx, backend, kind, &refused, namespace.as_str()))));
            }
            Err(fault) => {
                let why = format!("the cluster does not say what we may read there ({fault})");
                let object = format!("{kind} in {namespace} of {cluster}", kind = "access");
                told.found.push(Found::failed(Api::Container, Finding::new(Id::PermissionUntold, object, why)));
            }
        }
    }
    told
}

fn lacking(ctx: Context<'_>, backend: &BackendId, kind: &str, refused: &[Wish], namespace: &str) -> Finding {
    let verbs: Vec<&str> = refused.iter().filter(|wish| wish.resource == kind).map(|wish| wish.verb).collect();
    let (severity, without) = match kind {
        "deployments" => (Severity::Error, "so nothing is known of the workload"),
        "pods" => (Severity::Warning, "so pods are not shown one by one"),
        _ => (Severity::Warning, "so the platform's own events are not shown"),
    };
    let why = format!("the cluster says that this account may not {} {kind} in {namespace}, {without}", verbs.join(" or "));
    let finding = Finding::new(Id::PermissionMissing, format!("{kind} in namespace {namespace}"), why).graver(severity);
    finding.mend(fix::grant_in_cluster(namespace)).at(ctx.spots.backend(backend, "gke"))
}
