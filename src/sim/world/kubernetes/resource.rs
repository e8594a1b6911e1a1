//! The kinds of objects that this cluster serves, as one closed table.
//!
//! Discovery, paths, tables and the store all read from here, so that a kind is either served everywhere or
//! nowhere. Kinds that no controller looks at (leases, config maps, routes) are stored and watched like the
//! others. Custom resource definitions are not modelled.

use strum::EnumCount;

/// One kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount)]
pub enum Resource {
    /// A namespace.
    Namespace,
    /// A machine of the cluster.
    Node,
    /// A name and an address for a set of pods.
    Service,
    /// A note of what happened to an object.
    Event,
    /// A group of containers on one node.
    Pod,
    /// Plain settings.
    ConfigMap,
    /// A declared number of pods of one template, rolled over when the template changes.
    Deployment,
    /// A number of pods of exactly one template.
    ReplicaSet,
    /// Addresses behind a service.
    EndpointSlice,
    /// A lock with an expiry.
    Lease,
    /// A route of the Gateway API with weighted backends.
    HttpRoute,
}

/// Whether objects of a kind live in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Names are unique inside a namespace.
    Namespaced,
    /// Names are unique in the cluster.
    Cluster,
}

/// How a kind is called on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// The one version that is served.
    pub version: &'static str,
    /// Kind as in documents.
    pub kind: &'static str,
    /// Plural as in paths.
    pub plural: &'static str,
    /// Singular as people type it.
    pub singular: &'static str,
    /// Abbreviations as people type them.
    pub short: &'static [&'static str],
    /// Where objects live.
    pub scope: Scope,
    /// True for the kinds that `get all` means.
    pub in_all: bool,
    /// Parts of an object that have a path of their own.
    pub subresources: &'static [Subresource],
}

/// A part of an object with a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subresource {
    /// What controllers observed.
    Status,
    /// The replica count alone.
    Scale,
    /// What the containers wrote.
    Log,
    /// The wish that a pod leaves its node.
    Eviction,
    /// What a pod answers to requests that the server passes on.
    Proxy,
}

impl Subresource {
    /// The last part of the path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Log => "log",
            Self::Eviction => "eviction",
            Self::Proxy => "proxy",
        }
    }
}

const STATUS: &[Subresource] = &[Subresource::Status];
const POD: &[Subresource] = &[Subresource::Status, Subresource::Log, Subresource::Eviction, Subresource::Proxy];
const SCALABLE: &[Subresource] = &[Subresource::Status, Subresource::Scale];

impl Resource {
    /// Every kind, in the order in which discovery lists them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ConfigMap,
        Self::Event,
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::Service,
        Self::Deployment,
        Self::ReplicaSet,
        Self::EndpointSlice,
        Self::Lease,
        Self::HttpRoute,
    ];

    /// The names of this kind.
    #[must_use]
    pub fn names(self) -> Names {
        match self {
            Self::Namespace => core("Namespace", "namespaces", "namespace", &["ns"], STATUS).cluster(),
            Self::Node => core("Node", "nodes", "node", &["no"], STATUS).cluster(),
            Self::Service => core("Service", "services", "service", &["svc"], STATUS).in_all(),
            Self::Event => core("Event", "events", "event", &["ev"], &[]),
            Self::Pod => core("Pod", "pods", "pod", &["po"], POD).in_all(),
            Self::ConfigMap => core("ConfigMap", "configmaps", "configmap", &["cm"], &[]),
            Self::Deployment => core("Deployment", "deployments", "deployment", &["deploy"], SCALABLE).of("apps").in_all(),
            Self::ReplicaSet => core("ReplicaSet", "replicasets", "replicaset", &["rs"], SCALABLE).of("apps").in_all(),
            Self::EndpointSlice => core("EndpointSlice", "endpointslices", "endpointslice", &[], &[]).of("discovery.k8s.io"),
            Self::Lease => core("Lease", "leases", "lease", &[], &[]).of("coordination.k8s.io"),
            Self::HttpRoute => core("HTTPRoute", "httproutes", "httproute", &[], STATUS).of("gateway.networking.k8s.io"),
        }
    }

    /// `v1` or `group/version`, as documents say it.
    #[must_use]
    pub fn api_version(self) -> String {
        let names = self.names();
        if names.group.is_empty() { names.version.to_owned() } else { format!("{}/{}", names.group, names.version) }
    }

    /// The kind that a path means, if it is served.
    #[must_use]
    pub fn find(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| {
            let names = resource.names();
            names.group == group && names.version == version && names.plural == plural
        })
    }

    /// `deployments.apps`, as errors say it.
    #[must_use]
    pub fn qualified(self) -> String {
        let names = self.names();
        if names.group.is_empty() { names.plural.to_owned() } else { format!("{}.{}", names.plural, names.group) }
    }
}

fn core(
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    subresources: &'static [Subresource],
) -> Names {
    Names { group: "", version: "v1", kind, plural, singular, short, scope: Scope::Namespaced, in_all: false, subresources }
}

impl Names {
    fn of(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    fn cluster(self) -> Self {
        Self { scope: Scope::Cluster, ..self }
    }

    fn in_all(self) -> Self {
        Self { in_all: true, ..self }
    }
}
