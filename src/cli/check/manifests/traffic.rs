//! Services and what stands before them: whether a request that comes in finds a pod, and whether a load balancer can split to it.

use crate::{
    cli::check::{
        finding::{Finding, Id, Severity},
        manifests::book::{Book, Doc, Workload},
    },
    plan::document::Node,
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for service in book.of_kind("Service") {
        self::service(book, service, found);
    }
    for ingress in book.of_kind("Ingress") {
        paths(ingress, found);
        weightless(ingress, found);
        led(book, ingress, found);
    }
    for ingress in book.of_kind("MultiClusterIngress") {
        multi_cluster(book, ingress, found);
    }
}

fn service(book: &Book<'_>, service: Doc<'_>, found: &mut Vec<Finding>) {
    let Some(selector) = service.root().at(&["spec", "selector"]).filter(|selector| !selector.entries().is_empty()) else { return };
    let workloads: Vec<Workload<'_>> = book.workloads().filter(|workload| workload.doc.is_beside(service)).collect();
    let selected: Vec<Workload<'_>> = workloads.iter().filter(|workload| workload.labels().have_all_of(selector)).copied().collect();
    if selected.is_empty() {
        found.push(nothing(service, selector, !workloads.is_empty()));
        return;
    }
    for port in ports(service) {
        for workload in &selected {
            unserved(service, port, *workload, found);
        }
    }
    negs(service, selected.iter().any(|workload| book.is_target(*workload)), found);
}

/// A selector that matches no pods. Where workloads are described beside it, theirs are meant.
pub(super) fn nothing(doc: Doc<'_>, selector: &Node, has_workloads: bool) -> Finding {
    let (why, severity) = if has_workloads {
        ("its selector matches the pods of no workload that is described beside it", Severity::Error)
    } else {
        ("its selector matches nothing here, since no workload is described beside it", Severity::Warning)
    };
    doc.find(Id::SelectorMatchesNothing, selector, why)
        .graver(severity)
        .mend("give it the labels of the pods that are meant, or describe those too")
}

fn ports(service: Doc<'_>) -> &[Node] {
    service.root().at(&["spec", "ports"]).map(Node::items).unwrap_or_default()
}

fn unserved(service: Doc<'_>, port: &Node, workload: Workload<'_>, found: &mut Vec<Finding>) {
    let Some(target) = port.get("targetPort").or_else(|| port.get("port")).filter(|target| !workload.has_port(target)) else { return };
    let (called, said) = (workload.doc.called(), target.json().to_string());
    // A number may be listened on without being named.
    let (why, severity) = match target.text() {
        Some(_) => (format!("it leads to the port {said} of {called}, and no container there has one of that name"), Severity::Error),
        None => (format!("it leads to port {said} of {called}, which no container there names among its ports"), Severity::Warning),
    };
    let fix = "let `targetPort` be the `containerPort` that is listened on, or its name";
    found.push(service.find(Id::PortNotServed, target, why).graver(severity).mend(fix));
}

/// The annotation by which GKE makes groups that any backend service may use.
fn negs(service: Doc<'_>, is_target: bool, found: &mut Vec<Finding>) {
    const NEG: &str = "cloud.google.com/neg";
    let fix = r#"annotate it with cloud.google.com/neg: '{"exposed_ports": {"80": {"name": "NAME"}}}', by its own port"#;
    let node = service.annotation(NEG);
    let read = node.and_then(Node::text).map(serde_json::from_str::<serde_json::Value>);
    let exposed = match (&read, node) {
        (Some(Ok(read)), Some(node)) => read.get("exposed_ports").and_then(|ports| ports.as_object()).map(|ports| (ports, node)),
        (Some(Err(error)), Some(node)) => {
            let why = format!("{NEG} is no JSON ({error}); GKE makes no group");
            found.push(service.find(Id::ServiceWithoutNeg, node, why).graver(Severity::Error).mend(fix));
            return;
        }
        (_, _) => None,
    };
    let Some((exposed, node)) = exposed else {
        if is_target {
            let why = "it stands before the Deployment that the plan leads traffic to, and asks for no group of its own: a load balancer that \
                       splits between Cloud Run and GKE has nothing there to send to";
            found.push(service.find(Id::ServiceWithoutNeg, node.unwrap_or(service.nearest(&["metadata"])), why).mend(fix));
        }
        return;
    };
    let own: Vec<String> = ports(service).iter().filter_map(|port| Some(port.get("port")?.integer()?.to_string())).collect();
    for port in exposed.keys().filter(|port| !own.contains(port)) {
        let why =
            format!("{NEG} exposes port {port}, and the Service has {}", if own.is_empty() { "none".to_owned() } else { own.join(", ") });
        found.push(service.find(Id::PortNotServed, node, why).mend("name the Service's own `port` there, not its `targetPort`"));
    }
}

fn paths(ingress: Doc<'_>, found: &mut Vec<Finding>) {
    let rules = ingress.root().at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
    for path in rules.iter().flat_map(|rule| rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default()) {
        let typed = path.get("path");
        let stars = typed.and_then(Node::text).is_some_and(|path| path.contains('*'));
        let kind = path.get("pathType").and_then(Node::text);
        let (node, why) = match kind {
            None => (path, "it has a path without `pathType`, which networking.k8s.io/v1 requires; the API refuses it".to_owned()),
            Some(kind @ ("Prefix" | "Exact")) if stars => {
                (typed.unwrap_or(path), format!("`pathType: {kind}` takes the * of its path for a character; no request asks for that"))
            }
            Some(_) => continue,
        };
        let fix = if stars { "path: /, with pathType: Prefix, which takes all below it" } else { "pathType: Prefix" };
        found.push(ingress.find(Id::IngressPathType, node, why).mend(fix));
    }
}

fn weightless(ingress: Doc<'_>, found: &mut Vec<Finding>) {
    let class =
        ingress.text(&["spec", "ingressClassName"]).or_else(|| ingress.annotation("kubernetes.io/ingress.class").and_then(Node::text));
    if class.is_none_or(|class| class.starts_with("gce")) {
        let why = "GKE makes a classic load balancer of it, whose URL map belongs to its controller and knows no weights: it can't split with \
                   Cloud Run, and whatever is written there is put back";
        let fix = "give the Service a group of its own (cloud.google.com/neg with exposed_ports), and split in the URL map of a load balancer \
                   of the scheme EXTERNAL_MANAGED";
        found.push(ingress.find(Id::IngressNoWeights, ingress.nearest(&["kind"]), why).mend(fix));
    }
}

/// The Services to which an Ingress leads: the name of each, and its port.
pub(super) fn backends(ingress: Doc<'_>) -> Vec<(&Node, Option<&Node>)> {
    let spec = |keys: &[&str]| ingress.root().get("spec").and_then(|spec| spec.at(keys));
    let rules = spec(&["rules"]).map(Node::items).unwrap_or_default();
    let paths = rules.iter().flat_map(|rule| rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default());
    let services = spec(&["defaultBackend", "service"]).into_iter().chain(paths.filter_map(|path| path.at(&["backend", "service"])));
    services.filter_map(|service| Some((service.get("name")?, service.get("port")))).collect()
}

fn led(book: &Book<'_>, ingress: Doc<'_>, found: &mut Vec<Finding>) {
    for (node, port) in backends(ingress) {
        let Some(name) = node.text() else { continue };
        let Some(service) = book.beside(ingress, "Service", name) else {
            let why = format!("it leads to the Service {name}, which no manifest beside it describes");
            found.push(ingress.find(Id::ReferenceMissing, node, why).mend("describe it too, or see that it is in the cluster before"));
            continue;
        };
        let wanted = port.and_then(|port| port.get("number").or_else(|| port.get("name")));
        let has = |wanted: &Node| {
            let key = if wanted.text().is_some() { "name" } else { "port" };
            ports(service).iter().any(|own| own.get(key).is_some_and(|own| own.value == wanted.value))
        };
        if let Some(wanted) = wanted.filter(|wanted| !has(wanted)) {
            let why = format!("it leads to port {} of the Service {name}, which has none such", wanted.json());
            found.push(ingress.find(Id::PortNotServed, wanted, why).mend("name the Service's own `port`, not its `targetPort`"));
        }
    }
}

fn multi_cluster(book: &Book<'_>, ingress: Doc<'_>, found: &mut Vec<Finding>) {
    let clusters = ingress.root().at(&["spec", "clusters"]).map(Node::items).unwrap_or_default();
    if let Some(weight) = clusters.iter().find_map(|cluster| cluster.get("weight")) {
        let why = "`clusters` of a MultiClusterIngress holds links such as us-central1/NAME, and no weights; it goes by who is nearest, between \
                   clusters alone, and never to Cloud Run";
        let fix = "split between Cloud Run and GKE by weights of the URL map, and between clusters by those of an HTTPRoute";
        found.push(ingress.find(Id::MultiClusterNoWeights, weight, why).mend(fix));
    }
    let node = ingress.root().at(&["spec", "template", "spec", "backend", "serviceName"]);
    if let Some((node, name)) = node.and_then(|node| Some((node, node.text()?)))
        && book.beside(ingress, "MultiClusterService", name).is_none()
    {
        let why = format!("it leads to the MultiClusterService {name}, which no manifest beside it describes");
        found.push(ingress.find(Id::ReferenceMissing, node, why).mend("describe it too; a Service alone is none"));
    }
}
