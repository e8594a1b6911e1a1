//! A GKE cluster that runs: made where there is none, taken as it is where it fits, changed where one request makes it fit.
//!
//! A cluster's name is taken once, and a change is made against the etag that was seen, so of two only the first is done. Nothing here deletes
//! one: that nothing runs there any more is not to be seen from GKE's API.

mod fit;
mod wire;

use serde_json::{Value, json};

use crate::{
    adapter::http::{Ask, Client, Failure, Limits},
    domain::{
        by_hand,
        cluster::WantedCluster,
        fault::{Fault, FaultKind, Outcome, Version},
        shown::Shown,
        standing::{Act, Change, Standing, Underway},
    },
    port::{Answer, Intent, Reconciler},
};
use fit::{Difference, Fit, fit};
use wire::{Cluster, Operation, Operations};

/// What `gcloud` gives nodes: to pull images, to write logs and measurements. What else their pods may do, their own accounts say.
const SCOPES: [&str; 6] =
    ["devstorage.read_only", "logging.write", "monitoring", "service.management.readonly", "servicecontrol", "trace.append"];
/// The version of a cluster that is not there; what GKE did last about it follows.
const ABSENT: &str = "absent";

pub struct GkeClusterStep {
    project: String,
    wanted: WantedCluster,
    container: Client,
}

/// What a look found, and what an act would ask for.
struct Seen {
    standing: Standing,
    wish: Option<Wish>,
}

enum Wish {
    Create,
    Update(Value),
}

impl GkeClusterStep {
    /// `container` goes to `container.googleapis.com`.
    pub fn new(project: String, wanted: WantedCluster, container: Client) -> GkeClusterStep {
        GkeClusterStep { project, wanted, container }
    }

    fn ask(&self, more: &[&str]) -> Ask {
        Ask::get(self.at(more), Limits::READ)
    }

    fn at(&self, more: &[&str]) -> reqwest::Url {
        let path = ["v1", "projects", &self.project, "locations", self.wanted.location.as_str()];
        self.container.at(&path.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    }

    async fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        match self.container.send(self.ask(&["clusters", self.wanted.name.as_str()])).await {
            Ok(reply) => reply.json().map(Some),
            Err(failure) if failure.fault.kind == FaultKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What GKE does and did about the cluster, the newest first.
    async fn operations(&self) -> Result<Vec<Operation>, Failure> {
        let all: Operations = self.container.send(self.ask(&["operations"])).await?.json()?;
        let mut of_it: Vec<Operation> = all.operations.into_iter().filter(|operation| operation.is_of(self.wanted.name.as_str())).collect();
        of_it.sort_by_key(|operation| std::cmp::Reverse(operation.start_time));
        Ok(of_it)
    }

    async fn examine(&self) -> Result<Seen, Failure> {
        let (cluster, operations) = tokio::join!(self.cluster(), self.operations());
        let (cluster, operations) = (cluster?, operations?);
        Ok(match cluster {
            Some(cluster) => self.found(&cluster, &operations),
            None => self.absent(&operations),
        })
    }

    fn absent(&self, operations: &[Operation]) -> Seen {
        if let Some(open) = operations.iter().find(|operation| operation.is_open()) {
            return Seen { standing: Standing::Underway(open.underway()), wish: None };
        }
        let newest = operations.first();
        let failed = newest.filter(|newest| newest.operation_type == "CREATE_CLUSTER").and_then(Operation::failed);
        // Whoever agreed to the first try has not agreed to the one after it.
        let version = Version(newest.map_or_else(|| ABSENT.to_owned(), |newest| format!("{ABSENT} {}", newest.name)));
        Seen { standing: Standing::Apart { version, changes: self.all_of_it(), failed }, wish: Some(Wish::Create) }
    }

    fn found(&self, cluster: &Cluster, operations: &[Operation]) -> Seen {
        let open = operations.iter().find(|operation| operation.is_open());
        let working = || {
            let at_least = || Underway { operation: Shown::new(&cluster.status), since: None, progress: None, doing: None };
            // Both are read at once, so what is done by the one may still go on by the other.
            Standing::Underway(open.or(operations.first()).map_or_else(at_least, Operation::underway))
        };
        let foreign = |why: String| Standing::Foreign { why: Shown::new(&why) };
        let version = Version(cluster.etag.clone());
        let (standing, wish) = match (cluster.status.as_str(), fit(&self.wanted, cluster)) {
            ("PROVISIONING" | "RECONCILING" | "STOPPING", _) => (working(), None),
            ("RUNNING", Fit::Fits(evidence)) => (Standing::Reached { version, evidence }, None),
            ("RUNNING", Fit::Differs(_)) if open.is_some() => (working(), None),
            ("RUNNING", Fit::Differs(Difference { change, mut update })) => {
                update["etag"] = json!(cluster.etag);
                let failed = operations.iter().find(|operation| operation.operation_type == "UPDATE_CLUSTER").and_then(Operation::failed);
                (Standing::Apart { version, changes: vec![change], failed }, Some(Wish::Update(json!({ "update": update }))))
            }
            ("RUNNING", Fit::Foreign(why)) => (foreign(why), None),
            (status, _) => {
                let why = wire::why(&cluster.conditions, &cluster.status_message);
                (foreign(if why.is_empty() { status.to_owned() } else { format!("{status}: {why}") }), None)
            }
        };
        Seen { standing, wish }
    }

    /// What there is once it is made, all nodes of all zones counted.
    fn all_of_it(&self) -> Vec<Change> {
        let WantedCluster { name, location, zones, machine_type, autoscaling, channel, workload_pool, .. } = &self.wanted;
        let zones: Vec<&str> = zones.iter().map(Shown::as_str).collect();
        let made = |what: &str, to: String| Change { what: Shown::new(what), from: None, to: Some(Shown::new(&to)) };
        let mut changes = vec![
            made("cluster", format!("{name} in {location}")),
            made("locations", zones.join(" ")),
            made("nodes", self.wanted.nodes_told()),
            made("machineType", machine_type.to_string()),
        ];
        changes.extend(autoscaling.map(|scaling| made("autoscaling", scaling.told(zones.len()))));
        changes.extend(channel.map(|channel| made("releaseChannel", channel.word().to_owned())));
        changes.extend(workload_pool.as_ref().map(|pool| made("workloadPool", pool.to_string())));
        changes.extend(self.wanted.price_told().map(|price| made("price of the nodes", price)));
        changes
    }

    async fn run(&self, version: &Version, intent: &Intent) -> Outcome {
        // Nothing has left yet, so whatever keeps it from looking keeps it from acting.
        let seen = match self.examine().await {
            Ok(seen) => seen,
            Err(failure) => return Outcome::NotDone(failure.fault),
        };
        let ask = match seen.wish {
            Some(_) if seen.standing.version() != Some(version) => return self.changed(),
            Some(Wish::Create) => Ask::post(self.at(&["clusters"]), &self.creation(), Limits::WRITE),
            Some(Wish::Update(_)) if version.0.is_empty() => {
                let message = format!("GKE tells no etag of {}, so a change could undo somebody else's", self.wanted.name);
                return Outcome::NotDone(Fault::new(FaultKind::Unsupported, message));
            }
            Some(Wish::Update(update)) => Ask::put(self.at(&["clusters", self.wanted.name.as_str()]), &update, Limits::WRITE),
            None => return self.changed(),
        };
        self.container.begin(ask.because(intent), self.wanted.name.as_str()).await
    }

    fn changed(&self) -> Outcome {
        let message = format!("{} is not as it was when it was looked at; nothing was asked for", self.wanted.name);
        Outcome::NotDone(Fault::new(FaultKind::Conflict, message))
    }

    /// The same as `gcloud container clusters create` asks for by the command that is given by hand.
    fn creation(&self) -> Value {
        let WantedCluster { name, location, zones, machine_type, nodes_per_zone, autoscaling, channel, workload_pool, .. } = &self.wanted;
        let scopes = SCOPES.map(|scope| format!("https://www.googleapis.com/auth/{scope}"));
        let mut pool = json!({
            "name": fit::POOL,
            "initialNodeCount": nodes_per_zone,
            "config": {"machineType": machine_type, "oauthScopes": scopes},
            "management": {"autoRepair": true, "autoUpgrade": true},
            "upgradeSettings": {"maxSurge": 1},
        });
        if let Some(scaling) = autoscaling {
            pool["autoscaling"] = fit::scaling_of(*scaling);
        }
        // Endpoints of pods, which the load balancer sends to, need addresses of the network's own.
        let mut cluster = json!({"name": name, "locations": zones, "nodePools": [pool], "ipAllocationPolicy": {"useIpAliases": true}});
        if let Some(channel) = channel {
            cluster["releaseChannel"] = json!({"channel": channel.word()});
        }
        if let Some(pool) = workload_pool {
            cluster["workloadIdentityConfig"] = json!({ "workloadPool": pool });
        }
        json!({"parent": format!("projects/{}/locations/{location}", self.project), "cluster": cluster})
    }
}

impl Reconciler for GkeClusterStep {
    fn look(&self) -> Answer<'_, Result<Standing, Fault>> {
        Box::pin(async { self.examine().await.map(|seen| seen.standing).map_err(Fault::from) })
    }

    fn act<'a>(&'a self, act: Act, version: &'a Version, intent: &'a Intent) -> Answer<'a, Outcome> {
        Box::pin(async move {
            match act {
                Act::Run => self.run(version, intent).await,
                Act::Undo => {
                    let message = format!(
                        "{} is never deleted here: whether something runs on it is not told by GKE; whoever knows deletes it by hand",
                        self.wanted.name
                    );
                    Outcome::NotDone(Fault::new(FaultKind::Unsupported, message))
                }
            }
        })
    }

    fn by_hand(&self, act: Act) -> Option<String> {
        match act {
            Act::Run => Some(by_hand::gke_cluster(&self.project, &self.wanted)),
            Act::Undo => None,
        }
    }
}
