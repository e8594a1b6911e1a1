//! Whether the cluster lets us read what a session reads: asked by a `SelfSubjectAccessReview`, which changes nothing and which everybody
//! who is signed in may ask.

use kube::core::{Request, params::PostParams};
use serde::Deserialize;
use serde_json::json;

use super::access::{Access, fault_of};
use crate::domain::fault::{Fault, FaultKind};

/// One thing to do with one kind of object in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Empty for the core group.
    pub group: &'static str,
    /// In the plural, as in paths.
    pub resource: &'static str,
    pub verb: &'static str,
}

/// What [`KubernetesSensor`](super::KubernetesSensor) does.
pub const WISHES: [Wish; 6] = [
    Wish { group: "apps", resource: "deployments", verb: "list" },
    Wish { group: "apps", resource: "deployments", verb: "watch" },
    Wish { group: "", resource: "pods", verb: "list" },
    Wish { group: "", resource: "pods", verb: "watch" },
    Wish { group: "", resource: "events", verb: "list" },
    Wish { group: "", resource: "events", verb: "watch" },
];

impl Access {
    /// Those of [`WISHES`] that the cluster would refuse in `namespace`.
    /// # Errors
    /// If the cluster can't be asked; [`FaultKind::Unreadable`] if it answers something else.
    pub async fn refused(&self, namespace: &str) -> Result<Vec<Wish>, Fault> {
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
        for wish in WISHES {
            let Wish { group, resource, verb } = wish;
            let about = format!("asking whether we may {verb} {resource}");
            let review = json!({
                "kind": "SelfSubjectAccessReview",
                "apiVersion": "authorization.k8s.io/v1",
                "spec": {"resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": resource}},
            });
            let path = Request::new("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
            let body = serde_json::to_vec(&review).unwrap_or_default();
            let request = path.create(&PostParams::default(), body);
            let request = request.map_err(|error| Fault::new(FaultKind::Unsupported, format!("{about}: {error}")))?;
            let told: Review = client.request(request).await.map_err(|error| fault_of(&about, &error))?;
            if !told.status.allowed {
                refused.push(wish);
            }
        }
        Ok(refused)
    }
}
