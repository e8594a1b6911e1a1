//! The objects that a plan's manifests describe, and how they are asked.

use crate::{
    cli::check::{
        finding::{Finding, Id},
        manifests::labels::Labels,
    },
    plan::{
        document::Node,
        manifest::Document,
        model::{Plan, WorkloadRef},
    },
};

/// All of them, in the plan's order.
pub(super) struct Book<'a> {
    pub plan: &'a Plan,
    docs: Vec<Doc<'a>>,
}

/// One document, with the name of its file.
#[derive(Clone, Copy)]
pub(super) struct Doc<'a> {
    file: &'a str,
    document: &'a Document,
}

/// An object that makes pods, or is one.
#[derive(Clone, Copy)]
pub(super) struct Workload<'a> {
    pub doc: Doc<'a>,
    /// What its pods are made from: their `metadata` and `spec`.
    pub template: &'a Node,
    /// What each pod is to be.
    pub pod: &'a Node,
}

impl<'a> Book<'a> {
    pub(super) fn new(plan: &'a Plan, read: &'a [(String, Vec<Document>)]) -> Book<'a> {
        let docs = read.iter().flat_map(|(file, documents)| documents.iter().map(move |document| Doc { file, document }));
        Book { plan, docs: docs.collect() }
    }

    pub(super) fn docs(&self) -> impl Iterator<Item = Doc<'a>> {
        self.docs.iter().copied()
    }

    pub(super) fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = Doc<'a>> {
        self.docs().filter(move |doc| doc.kind() == kind)
    }

    /// The object of that kind and name beside `doc`, in its namespace.
    pub(super) fn beside(&self, doc: Doc<'_>, kind: &str, name: &str) -> Option<Doc<'a>> {
        self.docs().find(|other| other.kind() == kind && other.name() == name && other.is_beside(doc))
    }

    pub(super) fn workloads(&self) -> impl Iterator<Item = Workload<'a>> {
        self.docs().filter_map(|doc| {
            let template = match doc.kind() {
                "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => doc.root().at(&["spec", "template"])?,
                "CronJob" => doc.root().at(&["spec", "jobTemplate", "spec", "template"])?,
                "Pod" => doc.root(),
                _ => return None,
            };
            Some(Workload { doc, template, pod: template.get("spec")? })
        })
    }

    /// Those of them that serve as long as they live, and so are no jobs.
    pub(super) fn servers(&self) -> impl Iterator<Item = Workload<'a>> {
        self.workloads().filter(|workload| !matches!(workload.doc.kind(), "Job" | "CronJob"))
    }

    /// The Services beside a workload that lead to its pods.
    pub(super) fn services_of(&self, workload: Workload<'a>) -> impl Iterator<Item = Doc<'a>> {
        let labels = workload.labels();
        self.of_kind("Service").filter(move |service| {
            let selector = service.root().at(&["spec", "selector"]);
            service.is_beside(workload.doc) && selector.is_some_and(|selector| labels.have_all_of(selector))
        })
    }

    /// Whether it is a Deployment that the plan leads traffic to.
    pub(super) fn is_target(&self, workload: Workload<'_>) -> bool {
        let backends = self.plan.routes.iter().flat_map(|route| &route.backends);
        let mut named = backends.filter_map(|backend| match &backend.workload {
            WorkloadRef::Deployment { namespace, deployment, .. } => Some((namespace, deployment)),
            WorkloadRef::CloudRunService { .. } => None,
        });
        let doc = workload.doc;
        named.any(|(namespace, deployment)| {
            let is_there = doc.namespace().is_none_or(|own| own == namespace.as_str());
            doc.kind() == "Deployment" && doc.name() == deployment.as_str() && is_there
        })
    }

    /// Whether a load balancer sends to its pods, as far as the manifests and the plan tell.
    pub(super) fn is_balanced(&self, workload: Workload<'a>) -> bool {
        let leads = |service: Doc<'_>| {
            let has_neg = service.annotation("cloud.google.com/neg").is_some();
            let is_balancer = service.text(&["spec", "type"]) == Some("LoadBalancer");
            let of_ingress = self.of_kind("Ingress").any(|ingress| {
                ingress.is_beside(service)
                    && super::traffic::backends(ingress).iter().any(|(backend, _)| backend.text() == Some(service.name()))
            });
            has_neg || is_balancer || of_ingress
        };
        self.is_target(workload) || self.services_of(workload).any(leads)
    }
}

impl<'a> Doc<'a> {
    pub(super) fn root(self) -> &'a Node {
        &self.document.root
    }
    pub(super) fn text(self, keys: &[&str]) -> Option<&'a str> {
        self.root().at(keys)?.text()
    }
    /// Empty where it says none; so are the next two.
    pub(super) fn kind(self) -> &'a str {
        self.text(&["kind"]).unwrap_or_default()
    }
    pub(super) fn api_version(self) -> &'a str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }
    pub(super) fn name(self) -> &'a str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }
    pub(super) fn namespace(self) -> Option<&'a str> {
        self.text(&["metadata", "namespace"])
    }
    pub(super) fn is_beside(self, other: Doc<'_>) -> bool {
        self.namespace() == other.namespace()
    }
    pub(super) fn annotation(self, key: &str) -> Option<&'a Node> {
        self.root().at(&["metadata", "annotations", key])
    }
    /// What people call it.
    pub(super) fn called(self) -> String {
        match (self.kind(), self.name()) {
            ("", "") => format!("a document of {}", std::path::Path::new(self.file).file_stem().unwrap_or_default().display()),
            ("", name) => name.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind} {name}"),
        }
    }
    /// A finding on it, at one of its nodes.
    pub(super) fn find(self, id: Id, node: &Node, why: impl Into<String>) -> Finding {
        Finding::new(id, self.called(), why).at(Some(self.document.place(node.id))).in_file(self.file)
    }
    /// A node of it, the nearest that is there on the way.
    pub(super) fn nearest(self, keys: &[&str]) -> &'a Node {
        let mut node = self.root();
        for key in keys {
            match node.get(key) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

impl<'a> Workload<'a> {
    pub(super) fn labels(self) -> Labels<'a> {
        Labels::of(self.template)
    }
    pub(super) fn containers(self) -> &'a [Node] {
        self.pod.get("containers").map(Node::items).unwrap_or_default()
    }
    /// Those that users' requests reach: all that name ports, or the only one.
    pub(super) fn serving(self) -> impl Iterator<Item = &'a Node> {
        let is_lone = self.containers().len() == 1;
        self.containers().iter().filter(move |container| is_lone || container.get("ports").is_some())
    }
    /// Whether some container has the port, by its number or its name.
    pub(super) fn has_port(self, port: &Node) -> bool {
        let beside = self.pod.get("initContainers").map(Node::items).unwrap_or_default();
        self.containers().iter().chain(beside).any(|container| container_has_port(container, port))
    }
}

/// The same of one container.
pub(super) fn container_has_port(container: &Node, port: &Node) -> bool {
    container.get("ports").map(Node::items).unwrap_or_default().iter().any(|own| match port.text() {
        Some(name) => own.get("name").and_then(Node::text) == Some(name),
        None => own.get("containerPort").and_then(Node::integer) == port.integer(),
    })
}

/// Its own name, or a word for one without.
pub(super) fn name_of(container: &Node) -> &str {
    container.get("name").and_then(Node::text).unwrap_or("without a name")
}
