//! What the traffic model needs to know of the cluster and of the database, and what faults ask of them.
//!
//! The two worlds are models of their own; `World::tick` copies their facts into here. Alone, this module
//! stands for a cluster that is as ready as its faults allow and a replica that lags as told.

/// Facts that the load balancer and the monitoring read.
#[derive(Debug, Clone, PartialEq)]
pub struct Peers {
    /// Pods of the deployment `frontend` that exist.
    pub gke_pods: u32,
    /// Share of them that is ready, `0.0..=1.0`.
    pub gke_ready: f64,
    /// Seconds that the read replica is behind; `None` when replication does not run.
    pub replica_lag_s: Option<f64>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { gke_pods: 6, gke_ready: 1.0, replica_lag_s: Some(0.1) }
    }
}
