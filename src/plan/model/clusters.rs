//! How the API server of a cluster that the plan names is reached.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{platform::Endpoint, shown::Shown},
    plan::model::Plan,
};

/// A cluster of which nothing is said is one of the plan's own project and region, at its IP endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterWay {
    /// As the GKE API says.
    Gke {
        endpoint: Endpoint,
        /// Of another project than the plan's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Shown>,
        /// A region or a zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<Shown>,
    },
    /// Something on this machine that has credentials of its own, such as `kubectl proxy`.
    Proxy { url: Shown },
}

/// Where GKE has a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<'a> {
    pub project: &'a Shown,
    /// A region or a zone.
    pub location: &'a Shown,
}

impl Plan {
    /// Where a cluster is, as far as the plan says.
    pub fn locates(&self, cluster: &Shown) -> Located<'_> {
        let (project, location) = match self.clusters.get(cluster) {
            Some(ClusterWay::Gke { project, location, .. }) => (project.as_ref(), location.as_ref()),
            Some(ClusterWay::Proxy { .. }) | None => (None, None),
        };
        Located { project: project.unwrap_or(&self.project), location: location.unwrap_or(&self.region) }
    }

    /// What on this machine is asked in a cluster's stead.
    pub fn proxy_to(&self, cluster: &Shown) -> Option<&Shown> {
        match self.clusters.get(cluster) {
            Some(ClusterWay::Proxy { url }) => Some(url),
            Some(ClusterWay::Gke { .. }) | None => None,
        }
    }
}

impl Default for ClusterWay {
    fn default() -> ClusterWay {
        ClusterWay::Gke { endpoint: Endpoint::Public, project: None, location: None }
    }
}
