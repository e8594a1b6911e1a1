//! Where a GKE cluster listens and whom to trust about it, by its name, from the Container API.
//!
//! A plan names a cluster, and which of its endpoints is taken; GKE says the rest.

use k8s_openapi::ByteString;
use reqwest::Url;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;

use super::{access::Access, kubeconfig::Kubeconfig};
use crate::{
    adapter::{
        google_auth::Token,
        http::{Ask, Client, Limits, Origin, Reach, Trust},
    },
    domain::{
        fault::{Fault, FaultKind},
        platform::Endpoint,
    },
};

/// The way to a cluster's API server.
#[derive(Debug, Clone)]
pub enum Way {
    Known(Access),
    /// Asked of GKE when it is first needed, and again whenever the server can't be reached: an upgrade may move it, and a rotation of its
    /// credentials gives it another authority.
    Gke(GkeCluster),
    /// Read of the owner's files whenever it is needed: whoever renews a credential there needs no restart.
    Kubeconfig(Kubeconfig),
}

impl Way {
    /// Whether the way has to be asked for again after such a fault: the server may have moved, or whoever keeps a kubeconfig has renewed
    /// what it holds.
    pub(in crate::adapter) fn is_outdated_by(&self, kind: FaultKind) -> bool {
        let may_have_moved = matches!(kind, FaultKind::Unreachable | FaultKind::TimedOut);
        may_have_moved || (kind == FaultKind::Forbidden && matches!(self, Way::Kubeconfig(_)))
    }

    /// # Errors
    /// Whatever GKE says, or what stands against the kubeconfig.
    pub async fn access(&self) -> Result<Access, Fault> {
        match self {
            Way::Known(access) => Ok(access.clone()),
            Way::Gke(cluster) => cluster.access().await,
            Way::Kubeconfig(kubeconfig) => kubeconfig.access().await,
        }
    }
}

/// A cluster by its name.
#[derive(Debug, Clone)]
pub struct GkeCluster {
    pub container: Client,
    /// Goes to the API server and to nobody else.
    pub token: Token,
    pub project: String,
    /// Where it is looked for first; a cluster of that name elsewhere in the project is taken if it is the only one.
    pub region: String,
    pub name: String,
    pub endpoint: Endpoint,
}

impl GkeCluster {
    /// # Errors
    /// The API's fault, [`FaultKind::NotFound`] with the names that exist, or [`FaultKind::Unreadable`] if no usable authority is named.
    pub async fn access(&self) -> Result<Access, Fault> {
        let url = self.clusters(&self.region, Some(&self.name));
        let found: Cluster = match self.container.send(Ask::get(url, Limits::READ)).await {
            Ok(reply) => reply.json()?,
            Err(failure) if failure.fault.kind == FaultKind::NotFound => self.anywhere().await?,
            Err(failure) => return Err(failure.into()),
        };
        let (host, trust) = match self.endpoint {
            Endpoint::Public => (self.public_of(&found)?, self.own_authority(&found)?),
            Endpoint::Private => (self.private_of(&found)?, self.own_authority(&found)?),
            Endpoint::Dns => (self.name_of(&found)?, Trust::Machine),
        };
        let (_, url) = Origin::split(&format!("https://{host}"), Reach::Live)?;
        Ok(Access::secured(url, trust.into(), self.token.clone()))
    }

    /// What signs the certificate under which the cluster answers at its addresses.
    fn own_authority(&self, found: &Cluster) -> Result<Trust, Fault> {
        let pem = found.master_auth.as_ref().map(|auth| auth.cluster_ca_certificate.0.as_slice()).unwrap_or_default();
        let authorities: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).map(|der| der.to_vec()).collect();
        if authorities.is_empty() {
            let message = format!("cluster {} names no certificate authority; it can't be trusted", self.name);
            return Err(Fault::new(FaultKind::Unreadable, message));
        }
        Ok(Trust::Only(authorities))
    }

    fn public_of(&self, found: &Cluster) -> Result<String, Fault> {
        if found.endpoint.is_empty() {
            let message = format!("cluster {} has no endpoint yet: it is {}", self.name, found.status);
            return Err(Fault::new(FaultKind::NotFound, message));
        }
        Ok(found.endpoint.clone())
    }

    fn private_of(&self, found: &Cluster) -> Result<String, Fault> {
        let newer = found.control_plane_endpoints_config.ip_endpoints_config.private_endpoint.as_ref();
        let older = found.private_cluster_config.private_endpoint.as_ref();
        newer.or(older).cloned().ok_or_else(|| {
            let message = format!("cluster {} has no private endpoint; `endpoint: public` or `endpoint: dns` may lead to it", self.name);
            Fault::new(FaultKind::NotFound, message)
        })
    }

    fn name_of(&self, found: &Cluster) -> Result<String, Fault> {
        let Dns { endpoint, allow_external_traffic } = &found.control_plane_endpoints_config.dns_endpoint_config;
        let enable = format!(
            "gcloud container clusters update {} --location {} --project {} --enable-dns-access",
            self.name, found.location, self.project
        );
        match endpoint {
            Some(name) if *allow_external_traffic => Ok(name.clone()),
            Some(_) => {
                Err(Fault::new(FaultKind::Forbidden, format!("cluster {} lets nobody in at its DNS endpoint; `{enable}`", self.name)))
            }
            None => Err(Fault::new(FaultKind::NotFound, format!("cluster {} has no DNS endpoint; `{enable}`", self.name))),
        }
    }

    async fn anywhere(&self) -> Result<Cluster, Fault> {
        let all: Clusters = self.container.send(Ask::get(self.clusters("-", None), Limits::READ)).await?.json()?;
        let (mut named, others): (Vec<Cluster>, Vec<Cluster>) = all.clusters.into_iter().partition(|cluster| cluster.name == self.name);
        let message = match (named.pop(), named.is_empty()) {
            (Some(only), true) => return Ok(only),
            (Some(last), false) => {
                let places: Vec<String> = named.into_iter().chain([last]).map(|cluster| cluster.location).collect();
                format!(
                    "project {} has several clusters {}, none of them in {}: {}",
                    self.project,
                    self.name,
                    self.region,
                    places.join(", ")
                )
            }
            (None, _) if others.is_empty() => format!("project {} has no cluster at all, so no {}", self.project, self.name),
            (None, _) => {
                let there: Vec<String> = others.iter().map(|cluster| format!("{} ({})", cluster.name, cluster.location)).collect();
                format!("project {} has no cluster {}; it has {}", self.project, self.name, there.join(", "))
            }
        };
        Err(Fault::new(FaultKind::NotFound, message))
    }

    fn clusters(&self, location: &str, name: Option<&str>) -> Url {
        let path = ["v1", "projects", &self.project, "locations", location, "clusters"];
        self.container.at(&path.into_iter().chain(name).collect::<Vec<_>>())
    }
}

#[derive(Deserialize)]
struct Clusters {
    #[serde(default)]
    clusters: Vec<Cluster>,
}

/// What GKE says of a cluster.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    #[serde(default)]
    name: String,
    #[serde(default)]
    location: String,
    /// Nothing before GKE has made its server.
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    status: String,
    master_auth: Option<MasterAuth>,
    #[serde(default)]
    private_cluster_config: Addresses,
    #[serde(default)]
    control_plane_endpoints_config: Endpoints,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoints {
    ip_endpoints_config: Addresses,
    dns_endpoint_config: Dns,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Addresses {
    private_endpoint: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dns {
    endpoint: Option<String>,
    allow_external_traffic: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MasterAuth {
    cluster_ca_certificate: ByteString,
}
