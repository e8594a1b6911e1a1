//! Cloud Run services, clusters with what they expose, and Cloud SQL instances.

use futures::{future::join_all, join};
use serde::Deserialize;

use super::{
    Cluster, Database, Explorer, Platforms, RunService, Target, Unread,
    pages::{self, Listed},
    run_template::RunTemplate,
    wire::{ClusterWire, Clusters, InstanceWire, Instances, RunServiceWire, RunServices},
};
use crate::{
    adapter::kubernetes::{GkeCluster, Way, exposed},
    domain::{fault::Fault, platform::Endpoint, shown::Shown},
};

impl Explorer {
    /// What runs in these regions of Cloud Run, in every cluster, and in Cloud SQL. Where a cluster lets nobody list all its services, these
    /// namespaces are asked alone.
    pub async fn platforms(&self, regions: &[Shown], namespaces: &[Shown]) -> Platforms {
        let (run, (clusters, mut unread), databases) =
            join!(join_all(regions.iter().map(|region| self.run_services(region))), self.clusters(namespaces), self.databases());
        let mut platforms = Platforms { clusters, ..Platforms::default() };
        for (region, listed) in regions.iter().zip(run) {
            platforms.run.extend(listed.items.into_iter().filter_map(|wire| run_service(region, wire)));
            unread.extend(listed.fault.map(|fault| Unread { what: format!("Cloud Run services of {region}"), fault }));
        }
        platforms.databases = databases.items.into_iter().map(database).collect();
        platforms.databases.sort_by(|one, other| one.name.cmp(&other.name));
        unread.extend(databases.fault.map(|fault| Unread { what: "Cloud SQL instances".to_owned(), fault }));
        platforms.unread = unread;
        platforms
    }

    /// Cloud Run lists one region at a time.
    async fn run_services(&self, region: &Shown) -> Listed<RunServiceWire> {
        let url = self.run.at(&["v2", "projects", &self.project, "locations", region.as_str(), "services"]);
        pages::list::<RunServices>(&self.run, &url, &[]).await
    }

    async fn databases(&self) -> Listed<InstanceWire> {
        let url = self.sql.at(&["v1", "projects", &self.project, "instances"]);
        pages::list::<Instances>(&self.sql, &url, &[]).await
    }

    async fn clusters(&self, namespaces: &[Shown]) -> (Vec<Cluster>, Vec<Unread>) {
        let url = self.container.at(&["v1", "projects", &self.project, "locations", "-", "clusters"]);
        let Listed { items, fault } = pages::list::<Clusters>(&self.container, &url, &[]).await;
        let mut unread: Vec<Unread> = fault.into_iter().map(|fault| Unread { what: "GKE clusters".to_owned(), fault }).collect();
        let looked = join_all(items.into_iter().map(|wire| self.cluster(wire, namespaces))).await;
        let mut clusters = Vec::new();
        for (cluster, fault) in looked {
            unread.extend(fault.map(|fault| Unread { what: format!("services and deployments of the cluster {}", cluster.name), fault }));
            clusters.push(cluster);
        }
        clusters.sort_by(|one, other| (&one.name, &one.location).cmp(&(&other.name, &other.location)));
        (clusters, unread)
    }

    async fn cluster(&self, wire: ClusterWire, namespaces: &[Shown]) -> (Cluster, Option<Fault>) {
        let way = Way::Gke(GkeCluster {
            container: self.container.clone(),
            token: self.token.clone(),
            project: self.project.clone(),
            region: wire.location.clone(),
            name: wire.name.clone(),
            endpoint: endpoint(&wire),
        });
        let (exposed, fault) = exposed::look(&way, namespaces).await;
        let has_managed_prometheus = wire.monitoring_config.managed_prometheus_config.enabled;
        let (name, location) = (Shown::new(&wire.name), Shown::new(&wire.location));
        (Cluster { name, location, endpoint: endpoint(&wire), has_managed_prometheus, exposed }, fault)
    }
}

/// The public one where it takes anybody, else the name where that is open, else the one within the network.
fn endpoint(wire: &ClusterWire) -> Endpoint {
    let endpoints = &wire.control_plane_endpoints_config;
    let is_public = endpoints.ip_endpoints_config.enable_public_endpoint.unwrap_or(!wire.private_cluster_config.enable_private_endpoint);
    match (is_public, endpoints.dns_endpoint_config.allow_external_traffic) {
        (true, _) => Endpoint::Public,
        (false, true) => Endpoint::Dns,
        (false, false) => Endpoint::Private,
    }
}

fn run_service(region: &Shown, wire: RunServiceWire) -> Option<RunService> {
    let name = wire.name.rsplit('/').next()?;
    let target = |target: super::wire::TargetWire| Target {
        revision: Some(target.revision.as_str()).filter(|name| !name.is_empty()).map(Shown::new),
        percent: target.percent,
    };
    let template = RunTemplate::deserialize(wire.template).ok().map(|mut template| {
        template.scaling.min_instance_count = template.scaling.min_instance_count.max(wire.scaling.min_instance_count);
        if wire.scaling.max_instance_count > 0 {
            template.scaling.max_instance_count = wire.scaling.max_instance_count;
        }
        template
    });
    let uri = Some(wire.uri.as_str()).filter(|uri| !uri.is_empty() && !wire.default_uri_disabled).map(Shown::new);
    Some(RunService {
        name: Shown::new(name),
        region: region.clone(),
        uri,
        is_open: wire.ingress == "INGRESS_TRAFFIC_ALL" && !wire.default_uri_disabled,
        traffic: wire.traffic.into_iter().map(target).filter(|target| target.percent > 0).collect(),
        template,
    })
}

fn database(wire: InstanceWire) -> Database {
    let primary = wire.master_instance_name.rsplit(':').next().unwrap_or_default();
    Database {
        name: Shown::new(&wire.name),
        region: Shown::new(&wire.region),
        version: Shown::new(&wire.database_version),
        state: Shown::new(&wire.state),
        primary: Some(primary).filter(|name| !name.is_empty()).map(Shown::new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_cluster_is_asked_where_it_takes_somebody() {
        let asked = |wire: Value| endpoint(&ClusterWire::deserialize(wire).unwrap());
        let ip = |public: bool| json!({"enablePublicEndpoint": public});
        let dns = |open: bool| json!({"endpoint": "gke-1.us-east1.gke.goog", "allowExternalTraffic": open});
        let newer = |public, open| json!({"name": "c", "controlPlaneEndpointsConfig": {"ipEndpointsConfig": ip(public), "dnsEndpointConfig": dns(open)}});
        assert_eq!(asked(json!({"name": "c"})), Endpoint::Public);
        assert_eq!(asked(json!({"name": "c", "privateClusterConfig": {"enablePrivateEndpoint": true}})), Endpoint::Private);
        assert_eq!(
            [asked(newer(true, true)), asked(newer(false, true)), asked(newer(false, false))],
            [Endpoint::Public, Endpoint::Dns, Endpoint::Private]
        );
    }
}
