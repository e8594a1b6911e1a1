//! Whether documents are objects, of kinds that are served, each once, and whether what they name is described too.

use std::collections::BTreeMap;

use crate::{
    cli::check::{
        finding::{Finding, Id},
        manifests::book::{Book, Doc},
    },
    plan::document::Node,
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    let mut seen: BTreeMap<(&str, Option<&str>, &str), Doc<'_>> = BTreeMap::new();
    for doc in book.docs() {
        if !is_object(doc) {
            found.push(no_object(doc));
            continue;
        }
        if let Some(first) = seen.insert((doc.kind(), doc.namespace(), doc.name()), doc) {
            let why = format!("{} is described twice, and whichever is applied last stays", first.called());
            found.push(doc.find(Id::ManifestTwice, doc.nearest(&["metadata", "name"]), why).mend("remove one of them"));
        }
        served(doc, found);
    }
    for workload in book.workloads() {
        references(book, workload.doc, workload.pod, found);
    }
}

fn is_object(doc: Doc<'_>) -> bool {
    !doc.kind().is_empty() && !doc.api_version().is_empty() && !doc.name().is_empty()
}

/// What is no object, by keys that it has: what it is, and where it belongs. The first that fits.
const STRANGERS: &[(&[&str], &str, &str)] = &[
    (&["apiVersion", "kind"], "an object without its `apiVersion`, `kind` or `metadata.name`", "add what is missing"),
    (&["steps"], "a configuration of Cloud Build", "keep it where Cloud Build reads it; a cluster knows nothing of it"),
    (&["groups"], "a file of rules for Prometheus", "put it below `spec` of a PrometheusRule"),
    (&["triggers"], "a list of triggers, which nothing in a cluster follows", "write them as `triggers` of the plan"),
    (&["budget"], "a budget of Cloud Billing", "make it in the billing account; a cluster knows nothing of it"),
    (&["dashboard"], "a dashboard of Grafana", "provision it there, or put it into a ConfigMap that Grafana's sidecar reads"),
    (&["livenessProbe", "readinessProbe", "resources"], "a part of a container", "put it into a container of a Deployment"),
    (&["spec"], "the spec of some object", "put it into the object that it is meant for"),
];

fn no_object(doc: Doc<'_>) -> Finding {
    let known = STRANGERS.iter().find(|(keys, ..)| keys.iter().any(|key| doc.root().get(key).is_some()));
    let (what, fix) =
        known.map_or(("nothing that a cluster knows", "write `apiVersion`, `kind` and `metadata.name`"), |(_, what, fix)| (*what, *fix));
    let why = format!("it is {what}, and no Kubernetes object: nothing can apply it");
    doc.find(Id::ManifestNoObject, doc.root(), why).mend(fix)
}

/// Where objects of a kind are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespace,
    Cluster,
}

/// A kind, where its objects are, and the versions under which it is served, the best last.
struct Kind(&'static str, Scope, &'static [&'static str]);

/// Kinds that migrations are made of. Any other is its cluster's own business.
const KINDS: &[Kind] = &[
    Kind("Namespace", Scope::Cluster, &["v1"]),
    Kind("Pod", Scope::Namespace, &["v1"]),
    Kind("Service", Scope::Namespace, &["v1"]),
    Kind("ServiceAccount", Scope::Namespace, &["v1"]),
    Kind("ConfigMap", Scope::Namespace, &["v1"]),
    Kind("Secret", Scope::Namespace, &["v1"]),
    Kind("PersistentVolumeClaim", Scope::Namespace, &["v1"]),
    Kind("ResourceQuota", Scope::Namespace, &["v1"]),
    Kind("LimitRange", Scope::Namespace, &["v1"]),
    Kind("Deployment", Scope::Namespace, &["apps/v1"]),
    Kind("StatefulSet", Scope::Namespace, &["apps/v1"]),
    Kind("DaemonSet", Scope::Namespace, &["apps/v1"]),
    Kind("ReplicaSet", Scope::Namespace, &["apps/v1"]),
    Kind("Job", Scope::Namespace, &["batch/v1"]),
    Kind("CronJob", Scope::Namespace, &["batch/v1"]),
    Kind("HorizontalPodAutoscaler", Scope::Namespace, &["autoscaling/v1", "autoscaling/v2"]),
    Kind("PodDisruptionBudget", Scope::Namespace, &["policy/v1"]),
    Kind("PodSecurityPolicy", Scope::Cluster, &[]),
    Kind("Ingress", Scope::Namespace, &["networking.k8s.io/v1"]),
    Kind("IngressClass", Scope::Cluster, &["networking.k8s.io/v1"]),
    Kind("NetworkPolicy", Scope::Namespace, &["networking.k8s.io/v1"]),
    Kind("Role", Scope::Namespace, &["rbac.authorization.k8s.io/v1"]),
    Kind("RoleBinding", Scope::Namespace, &["rbac.authorization.k8s.io/v1"]),
    Kind("ClusterRole", Scope::Cluster, &["rbac.authorization.k8s.io/v1"]),
    Kind("ClusterRoleBinding", Scope::Cluster, &["rbac.authorization.k8s.io/v1"]),
    Kind("PriorityClass", Scope::Cluster, &["scheduling.k8s.io/v1"]),
    Kind("StorageClass", Scope::Cluster, &["storage.k8s.io/v1"]),
    Kind("CustomResourceDefinition", Scope::Cluster, &["apiextensions.k8s.io/v1"]),
    Kind("Gateway", Scope::Namespace, &["gateway.networking.k8s.io/v1beta1", "gateway.networking.k8s.io/v1"]),
    Kind("HTTPRoute", Scope::Namespace, &["gateway.networking.k8s.io/v1beta1", "gateway.networking.k8s.io/v1"]),
    Kind("MultiClusterIngress", Scope::Namespace, &["networking.gke.io/v1"]),
    Kind("MultiClusterService", Scope::Namespace, &["networking.gke.io/v1"]),
    Kind("ManagedCertificate", Scope::Namespace, &["networking.gke.io/v1"]),
    Kind("BackendConfig", Scope::Namespace, &["cloud.google.com/v1"]),
    Kind("PodMonitoring", Scope::Namespace, &["monitoring.googleapis.com/v1"]),
    Kind("ServiceMonitor", Scope::Namespace, &["monitoring.coreos.com/v1"]),
    Kind("PodMonitor", Scope::Namespace, &["monitoring.coreos.com/v1"]),
    Kind("PrometheusRule", Scope::Namespace, &["monitoring.coreos.com/v1"]),
    Kind("SecretManagerSecret", Scope::Namespace, &["secretmanager.cnrm.cloud.google.com/v1beta1"]),
];

/// What Kubernetes served once, and the version in which it ended, by its guide on deprecated APIs.
const REMOVED: &[(&str, &[&str], &str)] = &[
    ("extensions/v1beta1", &["Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy", "PodSecurityPolicy"], "1.16"),
    ("apps/v1beta1", &["Deployment", "StatefulSet", "ReplicaSet"], "1.16"),
    ("apps/v1beta2", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"], "1.16"),
    ("extensions/v1beta1", &["Ingress"], "1.22"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"], "1.22"),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"], "1.22"),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], "1.22"),
    ("storage.k8s.io/v1beta1", &["StorageClass"], "1.22"),
    ("batch/v1beta1", &["CronJob"], "1.25"),
    ("policy/v1beta1", &["PodDisruptionBudget", "PodSecurityPolicy"], "1.25"),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], "1.25"),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], "1.26"),
];

fn served(doc: Doc<'_>, found: &mut Vec<Finding>) {
    let Some(Kind(kind, scope, versions)) = KINDS.iter().find(|Kind(kind, ..)| *kind == doc.kind()) else { return };
    let own = doc.api_version();
    if !versions.contains(&own) {
        let removed = REMOVED.iter().find(|(version, kinds, _)| *version == own && kinds.contains(kind));
        let why = match removed {
            Some((.., since)) => format!("{own} of {kind} was removed in Kubernetes {since}; every cluster of today refuses it"),
            None => format!("no cluster serves a {kind} under {own}"),
        };
        let fix = match versions.last() {
            Some(best) => format!("apiVersion: {best}"),
            None => "there is nothing in its place; Pod Security admission goes by labels of the namespace".to_owned(),
        };
        found.push(doc.find(Id::ApiVersionNotServed, doc.nearest(&["apiVersion"]), why).mend(fix));
    }
    if *scope == Scope::Namespace && doc.namespace().is_none() {
        let why = "it does not say in which namespace it is to be, so whoever applies it decides by where he stands";
        found.push(doc.find(Id::NamespaceUnsaid, doc.nearest(&["metadata"]), why).mend("add `namespace` to its metadata"));
    }
}

/// ConfigMaps and ServiceAccounts that a pod needs. Secrets are no part of a plan, so nothing is said of them.
fn references(book: &Book<'_>, doc: Doc<'_>, pod: &Node, found: &mut Vec<Finding>) {
    let mut need = |kind: &'static str, name: Option<&Node>, optional: Option<&Node>| {
        let Some((node, name)) = name.and_then(|node| Some((node, node.text()?))) else { return };
        let is_optional = optional.is_some_and(|node| node.json() == true);
        if !is_optional && book.beside(doc, kind, name).is_none() {
            let why = format!("its pods need the {kind} {name}, which no manifest beside it describes; without it they do not start");
            found.push(doc.find(Id::ReferenceMissing, node, why).mend("describe it too, or see that it is in the cluster before"));
        }
    };
    if let Some(account) = pod.get("serviceAccountName").filter(|name| name.text() != Some("default")) {
        need("ServiceAccount", Some(account), None);
    }
    for volume in pod.get("volumes").map(Node::items).unwrap_or_default() {
        need("ConfigMap", volume.at(&["configMap", "name"]), volume.at(&["configMap", "optional"]));
    }
    let of = |key: &str| pod.get(key).map(Node::items).unwrap_or_default();
    for container in of("containers").iter().chain(of("initContainers")) {
        for from in container.get("envFrom").map(Node::items).unwrap_or_default() {
            need("ConfigMap", from.at(&["configMapRef", "name"]), from.at(&["configMapRef", "optional"]));
        }
        for variable in container.get("env").map(Node::items).unwrap_or_default() {
            let key = variable.at(&["valueFrom", "configMapKeyRef"]);
            need("ConfigMap", key.and_then(|key| key.get("name")), key.and_then(|key| key.get("optional")));
        }
    }
}
