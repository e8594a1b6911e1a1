//! What a path of the Kubernetes API means.
//!
//! Paths of kinds that are not served are [`Target::Unknown`] and answered as the real server answers them.

use super::query::decode_segment;
use crate::sim::world::kubernetes::{
    resource::{Resource, Scope, Subresource},
    store::Key,
};

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A page that says what is served.
    Discovery(Page),
    /// The server's own health.
    Health,
    /// The question whether somebody may do something.
    Review,
    /// All objects of a kind.
    Collection {
        /// The kind.
        resource: Resource,
        /// Their namespace; empty for all of them.
        namespace: String,
    },
    /// One object.
    Object(Key),
    /// A part of one object.
    Part(Key, Subresource),
    /// A request that is passed on to a pod.
    Passed {
        /// The pod.
        pod: Key,
        /// The port that is asked; `None` for the pod's first.
        port: Option<String>,
        /// The path there, with its slash.
        path: String,
    },
    /// Nothing that is served.
    Unknown,
}

/// One page of discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The paths of the server.
    Root,
    /// The version of the server.
    Version,
    /// The versions of the core group.
    Core,
    /// All other groups.
    Groups,
    /// One group.
    Group(String),
    /// The kinds of one version of a group; the group is empty for the core one.
    Resources {
        /// The group.
        group: String,
        /// The version.
        version: String,
    },
    /// The list of schema documents.
    Schemas,
    /// The schema of one version of a group.
    Schema {
        /// The group.
        group: String,
        /// The version.
        version: String,
    },
}

impl Target {
    /// Reads a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode_segment).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => Self::Discovery(Page::Root),
            ["version"] => Self::Discovery(Page::Version),
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::Discovery(Page::Core),
            ["apis"] => Self::Discovery(Page::Groups),
            ["openapi", "v3"] => Self::Discovery(Page::Schemas),
            ["openapi", "v3", "api", version] => Self::schema("", version),
            ["openapi", "v3", "apis", group, version] => Self::schema(group, version),
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Self::Review,
            ["api", version] => Self::resources("", version),
            ["apis", group] => Self::group(group),
            ["apis", group, version] => Self::resources(group, version),
            ["api", "v1", "namespaces", namespace, "pods", pod, "proxy", path @ ..] => Self::passed(namespace, pod, path),
            ["api", version, rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn group(group: &str) -> Self {
        let served = Resource::ALL.iter().any(|resource| resource.names().group == group);
        if served { Self::Discovery(Page::Group(group.to_owned())) } else { Self::Unknown }
    }

    fn resources(group: &str, version: &str) -> Self {
        let page = Page::Resources { group: group.to_owned(), version: version.to_owned() };
        if is_served(group, version) { Self::Discovery(page) } else { Self::Unknown }
    }

    fn schema(group: &str, version: &str) -> Self {
        let page = Page::Schema { group: group.to_owned(), version: version.to_owned() };
        if is_served(group, version) { Self::Discovery(page) } else { Self::Unknown }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let find = |plural: &str, scope: Scope| Resource::find(group, version, plural).filter(|resource| resource.names().scope == scope);
        let found = match rest {
            ["namespaces", namespace, plural] if *plural != "status" && *plural != "finalize" => {
                find(plural, Scope::Namespaced).map(|resource| Self::Collection { resource, namespace: (*namespace).to_owned() })
            }
            ["namespaces", namespace, plural, name] => {
                find(plural, Scope::Namespaced).map(|resource| Self::Object(Key::new(resource, namespace, name)))
            }
            ["namespaces", namespace, plural, name, part] => {
                find(plural, Scope::Namespaced).and_then(|resource| Self::part(Key::new(resource, namespace, name), part))
            }
            [plural] => Resource::find(group, version, plural).map(|resource| Self::Collection { resource, namespace: String::new() }),
            [plural, name] => find(plural, Scope::Cluster).map(|resource| Self::Object(Key::new(resource, "", name))),
            [plural, name, part] => find(plural, Scope::Cluster).and_then(|resource| Self::part(Key::new(resource, "", name), part)),
            _ => None,
        };
        found.unwrap_or(Self::Unknown)
    }

    /// `POD` or `POD:PORT`.
    fn passed(namespace: &str, pod: &str, path: &[&str]) -> Self {
        let (name, port) = pod.split_once(':').map_or((pod, None), |(name, port)| (name, Some(port.to_owned())));
        Self::Passed { pod: Key::new(Resource::Pod, namespace, name), port, path: format!("/{}", path.join("/")) }
    }

    fn part(key: Key, part: &str) -> Option<Self> {
        let served = key.resource.names().subresources.iter().find(|subresource| subresource.path() == part);
        served.map(|subresource| Self::Part(key, *subresource))
    }
}

fn is_served(group: &str, version: &str) -> bool {
    Resource::ALL.iter().any(|resource| resource.names().group == group && resource.names().version == version)
}
