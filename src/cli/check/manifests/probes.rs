//! Whether a pod is asked if it lives and if it can serve, and on a port that it has.

use crate::{
    cli::check::{
        finding::{Finding, Id, Severity},
        manifests::book::{Book, Doc, container_has_port, name_of},
    },
    plan::document::Node,
};

const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for workload in book.servers() {
        for container in workload.serving() {
            missing(workload.doc, container, found);
            shallow(workload.doc, container, found);
        }
        for container in workload.containers() {
            PROBES.iter().filter_map(|probe| Some((probe, container.get(probe)?))).for_each(|(name, probe)| {
                port(workload.doc, container, name, probe, found);
            });
        }
    }
}

fn missing(doc: Doc<'_>, container: &Node, found: &mut Vec<Finding>) {
    let name = name_of(container);
    let (why, fix) = match (container.get("readinessProbe"), container.get("livenessProbe")) {
        (None, _) => {
            let why = "has no readinessProbe: it counts as ready when its process starts, and users are sent to it before it can serve";
            (why, "readinessProbe: { httpGet: { path: /ready, port: … }, periodSeconds: 5 }")
        }
        (Some(_), None) => {
            let why = "has no livenessProbe: one that hangs stays as it is until somebody looks";
            (why, "livenessProbe: { httpGet: { path: /health, port: … }, periodSeconds: 10 }")
        }
        (Some(_), Some(_)) => return,
    };
    found.push(doc.find(Id::ProbeMissing, container, format!("container {name} {why}")).mend(fix));
}

fn shallow(doc: Doc<'_>, container: &Node, found: &mut Vec<Finding>) {
    let Some(socket) = container.at(&["readinessProbe", "tcpSocket"]) else { return };
    let why = format!(
        "the readinessProbe of container {} only connects: a process that still loads has its port open, and users are sent to it",
        name_of(container)
    );
    found.push(doc.find(Id::ProbeShallow, socket, why).mend("ask for a page that is answered only when requests can be: httpGet"));
}

fn port(doc: Doc<'_>, container: &Node, name: &str, probe: &Node, found: &mut Vec<Finding>) {
    let port = ["httpGet", "tcpSocket", "grpc"].into_iter().find_map(|way| probe.at(&[way, "port"]));
    let Some(port) = port.filter(|port| !container_has_port(container, port)) else { return };
    let (own, said) = (name_of(container), port.json().to_string());
    // A number may be listened on all the same.
    let (why, severity) = match port.text() {
        Some(_) => (
            format!("the {name} of container {own} asks on port {said}, and the container has none of that name: it fails for ever"),
            Severity::Error,
        ),
        None => (
            format!("the {name} of container {own} asks on port {said}, which the container does not name among its ports"),
            Severity::Warning,
        ),
    };
    found.push(doc.find(Id::PortNotServed, port, why).graver(severity).mend("name the port that the container listens on, in both places"));
}
