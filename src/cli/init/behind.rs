//! What stands behind a backend service: a Cloud Run service, pods of a cluster, or something that a plan can't steer.
//!
//! Only what is written somewhere counts: a group names its Cloud Run service, GKE names the groups of each Kubernetes service, a service
//! selects its pods. Where one of these is missing the value stays open, with what there is to choose from.

use super::said::{Said, listed};
use crate::{
    adapter::discovery::{BackendService, Balancing, Cluster, Exposed, Group, GroupKind, Link, Owner, Place, Platforms, UrlMap},
    domain::shown::Shown,
};

/// Everything that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub project: &'a str,
    pub balancing: &'a Balancing,
    pub platforms: &'a Platforms,
    /// The region of Cloud Run that was asked for, where one was.
    pub region: Option<&'a str>,
}

#[derive(Debug, Clone)]
pub(super) enum Behind<'a> {
    Run(RunLeg<'a>),
    Pods {
        service: &'a BackendService,
        groups: Vec<&'a Group>,
    },
    /// In words.
    Other(String),
}

#[derive(Debug, Clone)]
pub(super) struct RunLeg<'a> {
    pub service: Shown,
    pub tag: Option<Shown>,
    pub region: Shown,
    pub group: &'a Shown,
    /// Further regions that the same backend service has groups in.
    pub also: Vec<Shown>,
    pub backend_service: &'a BackendService,
}

/// Where a workload is.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub cluster: Said,
    pub namespace: Said,
    pub deployment: Said,
    /// The cluster's Kubernetes service, if it was found.
    pub service: Option<Shown>,
}

impl<'a> Seen<'a> {
    /// Whether a link leads into another project, as far as it says whose it is; by its number, a project can't be told from another.
    fn is_foreign(&self, link: &Link) -> bool {
        link.project
            .as_ref()
            .is_some_and(|named| named.as_str() != self.project && !named.as_str().bytes().all(|byte| byte.is_ascii_digit()))
    }

    pub(super) fn service(&self, link: &Link) -> Option<&'a BackendService> {
        let region = match &link.place {
            Place::Region(region) => Some(region),
            Place::Global | Place::Zone(_) => None,
        };
        self.balancing.services.iter().find(|service| service.name == link.name && service.region.as_ref() == region)
    }

    pub(super) fn behind(&self, link: &Link) -> Behind<'a> {
        if self.is_foreign(link) {
            return Behind::Other(format!("{}, a backend service of another project", link.name));
        }
        match self.service(link) {
            Some(service) => self.behind_service(service),
            None => Behind::Other(format!("{}, a backend service that can't be read (or a bucket)", link.name)),
        }
    }

    pub(super) fn behind_service(&self, service: &'a BackendService) -> Behind<'a> {
        let is_of = |group: &&Group| service.groups.iter().any(|link| link.name == group.name && link.place == group.place);
        let groups: Vec<&'a Group> = self.balancing.groups.iter().filter(is_of).collect();
        let mut runs = groups.iter().filter_map(|group| match (&group.kind, &group.place) {
            (GroupKind::CloudRun { service: run, tag }, Place::Region(region)) => Some((*group, run, tag, region)),
            (
                GroupKind::CloudRun { .. } | GroupKind::OtherServerless { .. } | GroupKind::Pods(_) | GroupKind::Other { .. },
                Place::Global | Place::Region(_) | Place::Zone(_),
            ) => None,
        });
        let wanted = runs.clone().find(|(.., region)| self.region == Some(region.as_str()));
        if let Some((group, run, tag, region)) = wanted.or_else(|| runs.next()) {
            let also = groups.iter().filter(|other| other.place != group.place).filter_map(|other| match &other.place {
                Place::Region(region) => Some(region.clone()),
                Place::Global | Place::Zone(_) => None,
            });
            return Behind::Run(RunLeg {
                service: run.clone(),
                tag: tag.clone(),
                region: region.clone(),
                group: &group.name,
                also: also.collect(),
                backend_service: service,
            });
        }
        let pods: Vec<&'a Group> = groups.iter().copied().filter(|group| matches!(group.kind, GroupKind::Pods(_))).collect();
        if !pods.is_empty() {
            return Behind::Pods { service, groups: pods };
        }
        let what = match groups.first().map(|group| &group.kind) {
            Some(GroupKind::OtherServerless { what }) => what.to_string(),
            Some(GroupKind::Other { kind }) => format!("a group of endpoints of the kind {kind}"),
            Some(GroupKind::CloudRun { .. } | GroupKind::Pods(_)) => "a group that belongs nowhere".to_owned(),
            None if service.groups.is_empty() => "no backend at all".to_owned(),
            None => "groups of machines, or groups that can't be read".to_owned(),
        };
        Behind::Other(format!("{}: {what}", service.name))
    }

    /// Backend services with pods that a map of this place could lead to beside `home`, and no part of the map does.
    pub(super) fn unused_pods(&self, map: &UrlMap, home: &BackendService) -> Vec<(&'a BackendService, Vec<&'a Group>)> {
        let used = |service: &BackendService| {
            map.positions.iter().flat_map(|split| &split.legs).any(|leg| !self.is_foreign(&leg.service) && leg.service.name == service.name)
        };
        // One load balancer is external or internal, whatever generation it is of.
        let side = |service: &BackendService| service.scheme.as_str().starts_with("INTERNAL");
        let fits = |service: &&BackendService| service.region == map.region && side(service) == side(home) && !used(service);
        let here = self.balancing.services.iter().filter(fits);
        let pods = here.filter_map(|service| match self.behind_service(service) {
            Behind::Pods { service, groups } => Some((service, groups)),
            Behind::Run(_) | Behind::Other(_) => None,
        });
        pods.collect()
    }

    /// Every Kubernetes service that is in a group, with its cluster.
    pub(super) fn exposed(&self) -> impl Iterator<Item = (&'a Cluster, &'a Exposed)> + use<'a> {
        self.platforms.clusters.iter().flat_map(|cluster| cluster.exposed.iter().map(move |exposed| (cluster, exposed)))
    }

    /// Whose pods are in these groups.
    pub(super) fn workload(&self, groups: &[&Group]) -> Workload {
        let owner = groups.iter().find_map(|group| match &group.kind {
            GroupKind::Pods(owner) => owner.as_ref(),
            GroupKind::CloudRun { .. } | GroupKind::OtherServerless { .. } | GroupKind::Other { .. } => None,
        });
        let is_owner =
            |exposed: &Exposed| owner.is_none_or(|owner| owner.namespace == exposed.namespace && owner.service == exposed.service);
        let holds = |exposed: &Exposed| groups.iter().any(|group| exposed.groups.contains(&group.name));
        let found: Vec<_> = self.exposed().filter(|(_, exposed)| holds(exposed) && is_owner(exposed)).collect();
        match (found.as_slice(), owner) {
            ([(cluster, exposed)], _) => exposed_workload(cluster, exposed),
            ([], Some(owner)) => self.owned_workload(owner),
            ([], None) => self.open_workload("no cluster that can be read names these groups"),
            (several, _) => {
                let places: Vec<String> =
                    several.iter().map(|(cluster, exposed)| format!("{} in {}", exposed.service, cluster.name)).collect();
                self.open_workload(&format!("several services name these groups: {}", places.join(", ")))
            }
        }
    }

    /// The cluster can't be read, and GKE has written the rest into the group.
    fn owned_workload(&self, owner: &Owner) -> Workload {
        let cluster = match &self.platforms.clusters[..] {
            [only] => Said::found(&only.name, "the only cluster of the project"),
            others => Said::open(
                format!("which cluster has the pods? {}", listed(others.iter().map(|cluster| &cluster.name), "none could be listed")),
                others.first().map_or("my-cluster", |cluster| cluster.name.as_str()),
            ),
        };
        Workload {
            cluster,
            namespace: Said::found(&owner.namespace, "GKE wrote it into the group's description"),
            deployment: Said::open(
                format!("which deployment's pods does the Kubernetes service {} select? the cluster did not tell", owner.service),
                owner.service.as_str(),
            ),
            service: Some(owner.service.clone()),
        }
    }

    pub(super) fn open_workload(&self, why: &str) -> Workload {
        let clusters = listed(self.platforms.clusters.iter().map(|cluster| &cluster.name), "none could be listed");
        let cluster = match &self.platforms.clusters[..] {
            [only] => Said::found(&only.name, "the only cluster of the project"),
            others => Said::open(
                format!("which cluster? ({clusters}; {why})"),
                others.first().map_or("my-cluster", |cluster| cluster.name.as_str()),
            ),
        };
        Workload {
            cluster,
            namespace: Said::open(format!("which namespace? ({why})"), "default"),
            deployment: Said::open(format!("which deployment? ({why})"), "my-deployment"),
            service: None,
        }
    }
}

pub(super) fn exposed_workload(cluster: &Cluster, exposed: &Exposed) -> Workload {
    let deployment = match &exposed.deployments[..] {
        [only] => Said::found(only, format!("the Kubernetes service {} selects its pods", exposed.service)),
        [] => Said::open(
            format!(
                "which deployment's pods does the Kubernetes service {} select? none was found, or they can't be read",
                exposed.service
            ),
            exposed.service.as_str(),
        ),
        several => Said::open(
            format!("which of these deployments, whose pods {} selects? {}", exposed.service, listed(several.iter(), "")),
            several[0].as_str(),
        ),
    };
    Workload {
        cluster: Said::found(&cluster.name, format!("in {}", cluster.location)),
        namespace: Said::found(&exposed.namespace, format!("of the Kubernetes service {}, which names the group", exposed.service)),
        deployment,
        service: Some(exposed.service.clone()),
    }
}
