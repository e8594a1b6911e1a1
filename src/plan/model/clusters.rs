//! How the API server of a cluster that the plan names is reached.

use serde::{Deserialize, Serialize};

use crate::domain::{platform::Endpoint, shown::Shown};

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

impl Default for ClusterWay {
    fn default() -> ClusterWay {
        ClusterWay::Gke { endpoint: Endpoint::Public, project: None, location: None }
    }
}
