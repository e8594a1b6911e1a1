//! How many pods there are, and who decides on it.

use crate::{
    cli::check::{
        finding::{Finding, Id},
        manifests::book::{Book, Doc, Workload, name_of},
    },
    plan::document::Node,
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for scaler in book.of_kind("HorizontalPodAutoscaler") {
        let (min, max) = bounds(scaler);
        if let Some(max) = max.filter(|max| *max < min) {
            let why = format!("at least {min} pods and at most {max}: the API refuses it");
            found.push(
                scaler
                    .find(Id::AutoscalerBounds, scaler.nearest(&["spec", "maxReplicas"]), why)
                    .mend(format!("maxReplicas: {min}, or more")),
            );
        }
        match scaled(book, scaler) {
            Some(workload) => {
                replicas(scaler, workload, found);
                requests(scaler, workload, found);
            }
            None => {
                let named = |key| scaler.text(&["spec", "scaleTargetRef", key]).unwrap_or("nothing");
                let why = format!("it scales {} {}, which no manifest beside it describes", named("kind"), named("name"));
                let node = scaler.nearest(&["spec", "scaleTargetRef", "name"]);
                found.push(scaler.find(Id::ReferenceMissing, node, why).mend("correct the name, or describe what it is to scale"));
            }
        }
    }
    for workload in book.servers() {
        let is_used = book.services_of(workload).next().is_some() || book.is_target(workload);
        if is_used && workload.doc.kind() != "DaemonSet" {
            single(book, workload, found);
        }
    }
}

/// Fewest pods, 1 where it does not say, and most.
fn bounds(scaler: Doc<'_>) -> (i128, Option<i128>) {
    let of = |key| scaler.root().at(&["spec", key]).and_then(Node::integer);
    (of("minReplicas").unwrap_or(1), of("maxReplicas"))
}

fn scaled<'a>(book: &Book<'a>, scaler: Doc<'_>) -> Option<Workload<'a>> {
    let of = |key| scaler.text(&["spec", "scaleTargetRef", key]);
    let (kind, name) = (of("kind")?, of("name")?);
    book.workloads().find(|workload| workload.doc.kind() == kind && workload.doc.name() == name && workload.doc.is_beside(scaler))
}

fn replicas(scaler: Doc<'_>, workload: Workload<'_>, found: &mut Vec<Finding>) {
    let Some(node) = workload.doc.root().at(&["spec", "replicas"]) else { return };
    let Some(own) = node.integer() else { return };
    let (min, max) = bounds(scaler);
    let called = scaler.called();
    if own < min || max.is_some_and(|max| own > max) {
        let most = max.map_or_else(String::new, |max| format!(" to {max}"));
        let why = format!("{own} replicas are none that {called} allows ({min}{most}); each apply jumps out of its bounds and back");
        found.push(workload.doc.find(Id::AutoscalerBounds, node, why).mend("leave `replicas` to the autoscaler: remove it"));
    } else {
        let why = format!("{called} decides on its replicas, and each apply puts them back to {own}, in the middle of a peak too");
        found.push(workload.doc.find(Id::ReplicasWithAutoscaler, node, why).mend("leave `replicas` to the autoscaler: remove it"));
    }
}

/// What it goes by a share of, so that every container has to request it.
fn requests(scaler: Doc<'_>, workload: Workload<'_>, found: &mut Vec<Finding>) {
    let metrics = scaler.root().at(&["spec", "metrics"]).map(Node::items).unwrap_or_default();
    let by_share = metrics.iter().filter_map(|metric| {
        let is_share = metric.at(&["resource", "target", "type"]).and_then(Node::text) == Some("Utilization");
        if is_share { Some((metric.at(&["resource", "name"])?.text()?, metric)) } else { None }
    });
    let mut by_share: Vec<(&str, &Node)> = by_share.collect();
    if metrics.is_empty() {
        // So it is in autoscaling/v1 too: a share of CPU, 80 % where it does not say.
        by_share.push(("cpu", scaler.nearest(&["spec", "targetCPUUtilizationPercentage"])));
    }
    for (what, node) in by_share {
        let lacks = |container: &&Node| {
            container.at(&["resources", "requests", what]).is_none() && container.at(&["resources", "limits", what]).is_none()
        };
        for container in workload.containers().iter().filter(lacks) {
            let why = format!(
                "it goes by a share of the {what} that pods of {} request, and container {} requests none: it never scales",
                workload.doc.called(),
                name_of(container)
            );
            found.push(scaler.find(Id::AutoscalerWithoutRequests, node, why).mend(format!("let the container request {what}")));
        }
    }
}

fn single(book: &Book<'_>, workload: Workload<'_>, found: &mut Vec<Finding>) {
    let scaler = book.of_kind("HorizontalPodAutoscaler").find(|scaler| {
        scaled(book, *scaler).is_some_and(|scaled| scaled.doc.is_beside(workload.doc) && scaled.doc.called() == workload.doc.called())
    });
    let (doc, key, least) = match scaler {
        Some(scaler) => (scaler, "minReplicas", bounds(scaler).0),
        None => (workload.doc, "replicas", workload.doc.root().at(&["spec", "replicas"]).and_then(Node::integer).unwrap_or(1)),
    };
    if least <= 1 {
        let why = format!("{} may have one pod alone: when its node goes, nobody serves", workload.doc.called());
        found.push(doc.find(Id::SingleReplica, doc.nearest(&["spec", key]), why).mend(format!("{key}: 2, or more")));
    }
}
