//! What may go wrong while the second platform is built, and what somebody else may do to it.

use super::{Choice, Fault};

/// One such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformFault {
    /// How work on clusters ends that begins from here on.
    ClusterWork { ending: Ending },
    /// The region has no processors left for a cluster, and says so at once.
    NoQuota,
    /// The first cluster needs somebody's hand.
    Degraded,
    /// GKE upgrades the first cluster's control plane.
    Upgrading,
    /// Somebody lets the first cluster's pool scale between other bounds.
    Rescaled { min: u32, max: u32 },
    /// Somebody has deleted the first cluster, as far as GKE's API tells.
    ClusterGone,
    /// The same of work on addresses.
    AddressWork { ending: Ending },
    /// The same of work on Cloud Run's services, whoever asks for it.
    RunWork { ending: Ending },
}

/// How a piece of work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    #[default]
    Well,
    /// With an error: there are no machines, or no address is left. What was to be made is not there.
    Failing,
    /// Not before `calm`.
    Never,
    /// As if it were well, and nothing is as it should be.
    Hollow,
}

/// Those that can be picked by name.
pub(super) fn choices() -> Vec<Choice> {
    let choice = |name, what, fault| Choice { name, what, fault: Fault::Platform(fault) };
    vec![
        choice("gke-stockout", "clusters that are made now find no machines", PlatformFault::ClusterWork { ending: Ending::Failing }),
        choice("gke-quota", "the region has no quota for another cluster", PlatformFault::NoQuota),
        choice("gke-work-hangs", "work on clusters is never done", PlatformFault::ClusterWork { ending: Ending::Never }),
        choice("gke-work-hollow", "work on clusters ends well and changes nothing", PlatformFault::ClusterWork { ending: Ending::Hollow }),
        choice("gke-degraded", "the GKE cluster is degraded: its nodes' account is gone", PlatformFault::Degraded),
        choice("gke-upgrading", "GKE upgrades the cluster's control plane", PlatformFault::Upgrading),
        choice("gke-rescaled", "somebody lets the cluster scale from 1 to 2 nodes a zone", PlatformFault::Rescaled { min: 1, max: 2 }),
        choice("gke-cluster-gone", "GKE's API knows the cluster no more", PlatformFault::ClusterGone),
        choice("no-addresses", "the project has no static address left", PlatformFault::AddressWork { ending: Ending::Failing }),
        choice("address-work-hangs", "work on static addresses is never done", PlatformFault::AddressWork { ending: Ending::Never }),
        choice(
            "run-work-fails",
            "Cloud Run fails to carry out what services are to be",
            PlatformFault::RunWork { ending: Ending::Failing },
        ),
        choice("run-work-hangs", "work on Cloud Run's services is never done", PlatformFault::RunWork { ending: Ending::Never }),
        choice(
            "address-work-hollow",
            "work on static addresses ends well and changes nothing",
            PlatformFault::AddressWork { ending: Ending::Hollow },
        ),
    ]
}
