//! Whether the cluster lets us do what a session does: asked by a `SelfSubjectAccessReview`, which changes nothing and which everybody
//! who is signed in may ask.

use std::fmt;

use kube::core::{Request, params::PostParams};
use serde::Deserialize;
use serde_json::json;

use super::access::{Access, fault_of};
use crate::domain::fault::{Fault, FaultKind};

/// One thing to do with one kind of object in a namespace. A test holds the lists of these to what is really asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// Empty for the core group.
    pub group: &'static str,
    /// In the plural, as in paths.
    pub resource: &'static str,
    /// Empty for the object itself. To read an object is no right to what lies below it.
    pub subresource: &'static str,
    pub verb: &'static str,
}

const fn wish(group: &'static str, resource: &'static str, verb: &'static str) -> Wish {
    Wish { group, resource, subresource: "", verb }
}

/// What [`KubernetesSensor`](super::KubernetesSensor) does.
pub const WATCHES: [Wish; 6] = [
    wish("apps", "deployments", "list"),
    wish("apps", "deployments", "watch"),
    wish("", "pods", "list"),
    wish("", "pods", "watch"),
    wish("", "events", "list"),
    wish("", "events", "watch"),
];

/// What [`Pages`](super::Pages) do.
pub const READS_PAGES: [Wish; 3] =
    [wish("apps", "deployments", "list"), wish("", "pods", "list"), Wish { subresource: "proxy", ..wish("", "pods", "get") }];

/// What [`HttpRouteDriver`](crate::adapter::http_route::HttpRouteDriver) does.
pub const STEERS: [Wish; 2] =
    [wish("gateway.networking.k8s.io", "httproutes", "get"), wish("gateway.networking.k8s.io", "httproutes", "patch")];

/// The kind, as roles name it: `pods/proxy`.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subresource {
            "" => f.pad(self.resource),
            below => f.pad(&format!("{}/{below}", self.resource)),
        }
    }
}

impl Access {
    /// Those of `wishes` that the cluster would refuse in `namespace`, of the object of this name where there is one; in their order.
    /// # Errors
    /// If the cluster can't be asked; [`FaultKind::Unreadable`] if it answers something else.
    pub async fn refused(&self, namespace: &str, name: Option<&str>, wishes: &[Wish]) -> Result<Vec<Wish>, Fault> {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        struct Status {
            #[serde(default)]
            allowed: bool,
        }
        let client = self.client()?;
        let mut refused = Vec::new();
        for wish in wishes {
            let Wish { group, resource, subresource, verb } = wish;
            let about = format!("asking whether we may {verb} {wish}");
            let mut asked = json!({"namespace": namespace, "verb": verb, "group": group, "resource": resource});
            if !subresource.is_empty() {
                asked["subresource"] = json!(subresource);
            }
            if let Some(name) = name {
                asked["name"] = json!(name);
            }
            let review = json!({
                "kind": "SelfSubjectAccessReview",
                "apiVersion": "authorization.k8s.io/v1",
                "spec": {"resourceAttributes": asked},
            });
            let path = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
            let body = serde_json::to_vec(&review).unwrap_or_default();
            let request = path.create(&PostParams::default(), body);
            let request = request.map_err(|error| Fault::new(FaultKind::Unsupported, format!("{about}: {error}")))?;
            let told: Review = client.request(request).await.map_err(|error| fault_of(&about, &error))?;
            if !told.status.allowed {
                refused.push(*wish);
            }
        }
        Ok(refused)
    }
}
