//! What a cluster is to hold, as people write it for Kubernetes.

use serde::{Deserialize, Serialize};

use crate::domain::id::ManifestId;

/// A file of the folder beside the plan: one or more Kubernetes objects, kept letter for letter, as they were reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub id: ManifestId,
    /// As `plan::manifest` has read it: printable characters and line ends, at most 64 KiB.
    pub text: String,
}
