//! How the API server of a cluster that the plan names is reached.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{by_hand::Kubectl, platform::Endpoint, shown::Shown},
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
    /// A context of the kubeconfig that the host's owner keeps, if he lets plans use it.
    Kubeconfig { context: Shown },
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
            Some(ClusterWay::Proxy { .. } | ClusterWay::Kubeconfig { .. }) | None => (None, None),
        };
        Located { project: project.unwrap_or(&self.project), location: location.unwrap_or(&self.region) }
    }

    /// Whether GKE is asked where a cluster is; else this machine knows it.
    pub fn is_found_by_gke(&self, cluster: &Shown) -> bool {
        matches!(self.clusters.get(cluster), Some(ClusterWay::Gke { .. }) | None)
    }

    /// By which words `kubectl` is led to a cluster.
    pub fn kubectl(&self, cluster: &Shown) -> Kubectl {
        match self.clusters.get(cluster) {
            Some(ClusterWay::Proxy { url }) => Kubectl::Server { url: url.clone() },
            Some(ClusterWay::Kubeconfig { context }) => Kubectl::Context { name: context.clone() },
            Some(ClusterWay::Gke { .. }) | None => {
                let Located { project, location } = self.locates(cluster);
                Kubectl::Gke { project: project.clone(), location: location.clone(), cluster: cluster.clone() }
            }
        }
    }
}

impl Default for ClusterWay {
    fn default() -> ClusterWay {
        ClusterWay::Gke { endpoint: Endpoint::Public, project: None, location: None }
    }
}
