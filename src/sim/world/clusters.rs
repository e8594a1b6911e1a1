//! The project's GKE clusters, as GKE's own API keeps them: who asked for which, what is done about them, and what keeps that from ending.
//!
//! A cluster is kept as the document that its maker sent, because what is left out and what comes back are what must be true to life. What runs
//! in the first one is the business of `kubernetes`; a cluster that somebody makes here has no API server.

use serde_json::{Value, json};

use super::actor::Actor;
use crate::sim::faults::platform::Ending;

/// The first one, which the product leads to.
pub const FIRST: &str = "hexproperty-prod";
/// The second one, and where it is.
pub const SECOND: (&str, &str) = ("hexproperty-next", "us-east1");
const REGION: &str = "us-central1";
/// How long each kind of work takes, virtual milliseconds.
const CREATION_MS: i64 = 6 * 60_000;
const UPDATE_MS: i64 = 45_000;
const DELETION_MS: i64 = 3 * 60_000;
const UPGRADE_MS: i64 = 8 * 60_000;
/// When a creation that finds no machine gives up, and when what it left is taken away.
const STOCKOUT_MS: i64 = 4 * 60_000;
const WRECK_MS: i64 = 5 * 60_000;
/// Operations that are remembered.
const OPERATIONS_KEPT: usize = 500;
/// What a pool may not have more of in one location.
const NODES_MOST: i64 = 1000;

/// In which state a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Provisioning,
    Running,
    Reconciling,
    Stopping,
    Error,
    Degraded,
}

/// Why a cluster or a piece of work is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// One of GKE's words, where it has one for it.
    pub code: Option<&'static str>,
    pub canonical_code: &'static str,
    /// The number of the canonical code.
    pub number: i32,
    pub message: String,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    pub name: String,
    /// A region or a zone.
    pub location: String,
    /// What its maker asked for, with what has been changed since.
    pub spec: Value,
    pub status: Status,
    pub conditions: Vec<Condition>,
    pub created_ms: i64,
    /// Grows with every change.
    pub version: u64,
}

/// What is done about a cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    Create,
    /// Fields of the cluster's document, by the names that they have there.
    Update(Value),
    Delete,
    UpgradeMaster,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub id: u64,
    pub work: Work,
    pub cluster: String,
    pub location: String,
    /// Who asked.
    pub user: String,
    pub started_ms: i64,
    /// `None` while nobody knows.
    pub ends_ms: Option<i64>,
    pub is_done: bool,
    pub failure: Option<Condition>,
    /// It ends as if it were well, and nothing comes of it.
    pub is_hollow: bool,
}

/// Why something was not begun. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Already exists: {0}.")]
    Exists(String),
    #[error("Not found: {0}.")]
    Missing(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Quota(String),
    #[error("Cluster is running incompatible operation {0}.")]
    Busy(String),
    #[error("The cluster has been modified since it was read; the etag does not match.")]
    Stale,
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Clusters {
    list: Vec<Cluster>,
    operations: Vec<Operation>,
    last_id: u64,
    /// How work ends that begins from now on, but for a deletion.
    pub ending: Ending,
    /// The region has no quota left.
    pub has_no_quota: bool,
    now_ms: i64,
}

impl Clusters {
    /// The two that the product knows.
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        // 2026-10-28T08:03:11Z, or before the world began.
        let created_ms = (now_ms - 26 * 86_400_000).min(1_793_174_591_000);
        let made = |name: &str, location: &str| Cluster {
            name: name.to_owned(),
            location: location.to_owned(),
            spec: furnished(location),
            status: Status::Running,
            conditions: Vec::new(),
            created_ms,
            version: 7,
        };
        let list = vec![made(FIRST, REGION), made(SECOND.0, SECOND.1)];
        Self { list, operations: Vec::new(), last_id: 0, ending: Ending::Well, has_no_quota: false, now_ms }
    }

    /// All that are there, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Cluster] {
        &self.list
    }

    #[must_use]
    pub fn find(&self, location: &str, name: &str) -> Option<&Cluster> {
        self.list.iter().find(|cluster| cluster.location == location && cluster.name == name)
    }

    /// All work that is remembered, oldest first.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Lets end what is due.
    pub fn tick(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        for place in 0..self.operations.len() {
            let operation = &self.operations[place];
            if !operation.is_done && operation.ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
                self.operations[place].is_done = true;
                self.end(&self.operations[place].clone());
            }
        }
        // What a creation left that failed, GKE takes away by itself.
        self.list.retain(|cluster| cluster.status != Status::Error || now_ms < cluster.created_ms + STOCKOUT_MS + WRECK_MS);
    }

    fn end(&mut self, operation: &Operation) {
        let is_lost = operation.work == Work::Create && operation.is_hollow;
        if operation.work == Work::Delete || is_lost {
            self.list.retain(|cluster| !(cluster.name == operation.cluster && cluster.location == operation.location));
            return;
        }
        let Some(cluster) =
            self.list.iter_mut().find(|cluster| cluster.name == operation.cluster && cluster.location == operation.location)
        else {
            return;
        };
        cluster.version += 1;
        let is_wreck = operation.work == Work::Create && operation.failure.is_some();
        cluster.status = if is_wreck { Status::Error } else { Status::Running };
        cluster.conditions = operation.failure.iter().filter(|_| is_wreck).cloned().collect();
        if let Work::Update(fields) = &operation.work
            && operation.failure.is_none()
            && !operation.is_hollow
        {
            merge(&mut cluster.spec, fields);
        }
    }

    /// Begins to make a cluster of this document.
    ///
    /// # Errors
    /// If the name is taken, the document is none of a cluster, or there is no quota for it.
    pub fn create(&mut self, location: &str, document: &Value, actor: &Actor) -> Result<Operation, Refusal> {
        let name = document["name"].as_str().unwrap_or_default();
        let spec = sound(location, document)?;
        if self.find(location, name).is_some() {
            return Err(Refusal::Exists(path(location, name)));
        }
        if self.has_no_quota {
            return Err(Refusal::Quota(quota(&spec)));
        }
        let created_ms = self.now_ms;
        let (name, location) = (name.to_owned(), location.to_owned());
        let status = Status::Provisioning;
        self.list.push(Cluster {
            name: name.clone(),
            location: location.clone(),
            spec,
            status,
            conditions: vec![],
            created_ms,
            version: 1,
        });
        Ok(self.begin(Work::Create, (&location, &name), &actor.principal))
    }

    /// Begins to change fields of a cluster; `etag` is what the writer read, if he says.
    ///
    /// # Errors
    /// If there is none, somebody has changed it since, or something is done about it already.
    pub fn update(&mut self, at: (&str, &str), fields: Value, etag: Option<&str>, actor: &Actor) -> Result<Operation, Refusal> {
        let found = self.idle(at)?;
        if etag.is_some_and(|etag| etag != tag(found)) {
            return Err(Refusal::Stale);
        }
        self.working(at, Status::Reconciling);
        Ok(self.begin(Work::Update(fields), at, &actor.principal))
    }

    /// Begins to take a cluster away, with all that runs on it.
    ///
    /// # Errors
    /// If there is none, or something is done about it already.
    pub fn delete(&mut self, at: (&str, &str), actor: &Actor) -> Result<Operation, Refusal> {
        self.idle(at)?;
        self.working(at, Status::Stopping);
        Ok(self.begin(Work::Delete, at, &actor.principal))
    }

    /// GKE upgrades the control plane of the first one by itself.
    pub fn upgrade(&mut self) {
        let at = (REGION, FIRST);
        if self.idle(at).is_ok() {
            self.working(at, Status::Reconciling);
            self.begin(Work::UpgradeMaster, at, "service-604187332190@container-engine-robot.iam.gserviceaccount.com");
        }
    }

    /// Somebody sets how the first one's pool scales, and it is done at once.
    pub fn rescale(&mut self, min: u32, max: u32) {
        if let Some(first) = self.first() {
            first.version += 1;
            first.spec["nodePools"][0]["autoscaling"] = json!({"enabled": true, "minNodeCount": min, "maxNodeCount": max});
        }
    }

    /// The first one needs a hand: its own account is gone.
    pub fn degrade(&mut self) {
        let message = "The Compute Engine service account used by the cluster's nodes has been deleted.".to_owned();
        if let Some(first) = self.first() {
            first.status = Status::Degraded;
            let code = Some("GKE_SERVICE_ACCOUNT_DELETED");
            first.conditions = vec![Condition { code, canonical_code: "NOT_FOUND", number: 5, message }];
        }
    }

    /// Somebody takes the first one away. What ran there goes on, for nobody has told it.
    pub fn lose_first(&mut self) {
        self.list.retain(|cluster| cluster.name != FIRST);
    }

    /// Ends what keeps work from ending well. What has failed or was changed stays.
    pub fn calm(&mut self) {
        (self.ending, self.has_no_quota) = (Ending::Well, false);
        let soon_ms = self.now_ms + UPDATE_MS;
        for operation in &mut self.operations {
            operation.ends_ms.get_or_insert(soon_ms);
        }
        if let Some(first) = self.first().filter(|first| first.status == Status::Degraded) {
            first.status = Status::Running;
            first.conditions.clear();
        }
    }

    fn first(&mut self) -> Option<&mut Cluster> {
        self.list.iter_mut().find(|cluster| cluster.name == FIRST)
    }

    fn idle(&self, (location, name): (&str, &str)) -> Result<&Cluster, Refusal> {
        let open = |operation: &&Operation| !operation.is_done && operation.cluster == name && operation.location == location;
        let found = self.find(location, name).ok_or_else(|| Refusal::Missing(path(location, name)))?;
        match self.operations.iter().find(open) {
            Some(open) => Err(Refusal::Busy(open.name())),
            None => Ok(found),
        }
    }

    fn working(&mut self, (location, name): (&str, &str), status: Status) {
        if let Some(found) = self.list.iter_mut().find(|cluster| cluster.location == location && cluster.name == name) {
            found.status = status;
        }
    }

    fn begin(&mut self, work: Work, at: (&str, &str), user: &str) -> Operation {
        self.last_id += 1;
        let (id, started_ms) = (self.last_id, self.now_ms);
        let (location, cluster) = (at.0.to_owned(), at.1.to_owned());
        let ending = if matches!(work, Work::Create | Work::Update(_)) { self.ending } else { Ending::Well };
        let (takes_ms, failure) = match (&work, ending == Ending::Failing) {
            (Work::Create, true) => (STOCKOUT_MS, Some(stockout(&location))),
            (Work::Create, false) => (CREATION_MS, None),
            (Work::Update(_), true) => (UPDATE_MS, Some(internal())),
            (Work::Update(_), false) => (UPDATE_MS, None),
            (Work::Delete, _) => (DELETION_MS, None),
            (Work::UpgradeMaster, _) => (UPGRADE_MS, None),
        };
        let ends_ms = (ending != Ending::Never).then_some(started_ms + takes_ms);
        let (user, is_hollow) = (user.to_owned(), ending == Ending::Hollow);
        let operation = Operation { id, work, cluster, location, user, started_ms, ends_ms, is_done: false, failure, is_hollow };
        if self.operations.len() >= OPERATIONS_KEPT {
            self.operations.remove(0);
        }
        self.operations.push(operation.clone());
        operation
    }
}

impl Operation {
    /// As GKE calls it: by when it began, and a number of its own.
    #[must_use]
    pub fn name(&self) -> String {
        let mix = self.id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (high, low) = (mix >> 32, mix & 0xffff_ffff_ffff);
        let (first, second, third) = (mix >> 16 & 0xffff, mix & 0xfff, mix >> 20 & 0xfff);
        format!("operation-{}-{high:08x}-{first:04x}-4{second:03x}-8{third:03x}-{low:012x}", self.started_ms)
    }

    /// How much of its time is over, from 0 to 1. What never ends stays in its second stage.
    #[must_use]
    pub fn elapsed(&self, now_ms: i64) -> f64 {
        let Some(ends_ms) = self.ends_ms else { return ((now_ms - self.started_ms) as f64 / CREATION_MS as f64).min(0.6) };
        ((now_ms - self.started_ms) as f64 / (ends_ms - self.started_ms).max(1) as f64).clamp(0.0, 1.0)
    }
}

/// The checksum of a cluster's fields.
#[must_use]
pub fn tag(cluster: &Cluster) -> String {
    format!("{:08x}", cluster.version.wrapping_mul(0x9e37_79b9) & 0xffff_ffff)
}

/// Where a cluster is, as messages name it.
#[must_use]
pub fn path(location: &str, name: &str) -> String {
    format!("projects/hexproperty/{}/{location}/clusters/{name}", kind_of_place(location))
}

/// A zone is named by its letter, and paths to it by an older word.
fn kind_of_place(location: &str) -> &'static str {
    if location.rsplit('-').next().is_some_and(|last| last.len() == 1) { "zones" } else { "locations" }
}

/// How the clusters that were there before were made.
fn furnished(location: &str) -> Value {
    json!({
        "locations": zones(location),
        "releaseChannel": {"channel": "REGULAR"},
        "workloadIdentityConfig": {"workloadPool": "hexproperty.svc.id.goog"},
        "nodePools": [{
            "name": "default-pool",
            "initialNodeCount": 2,
            "autoscaling": {"enabled": true, "minNodeCount": 1, "maxNodeCount": 4},
            "config": {"machineType": "e2-standard-2", "diskSizeGb": 100, "diskType": "pd-balanced", "workloadMetadataConfig": {"mode": "GKE_METADATA"}},
            "management": {"autoUpgrade": true, "autoRepair": true},
        }],
    })
}

/// Those that GKE chooses.
fn zones(location: &str) -> Vec<String> {
    if kind_of_place(location) == "zones" {
        vec![location.to_owned()]
    } else {
        ["a", "b", "c"].map(|zone| format!("{location}-{zone}")).to_vec()
    }
}

/// The document as it is kept, with what GKE puts where nothing stands.
fn sound(location: &str, document: &Value) -> Result<Value, Refusal> {
    let invalid = |message: &str| Err(Refusal::Invalid(message.to_owned()));
    let name = document["name"].as_str().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 40
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name {
        return invalid("Cluster.name must be 1 to 40 characters of lowercase letters, numbers and hyphens, starting with a letter.");
    }
    let mut spec = document.clone();
    if spec.get("nodePools").is_none() {
        let count = spec["initialNodeCount"].clone();
        let config = spec.get("nodeConfig").cloned().unwrap_or_else(|| json!({}));
        spec["nodePools"] = json!([{"name": "default-pool", "initialNodeCount": count, "config": config}]);
    } else if spec.get("initialNodeCount").is_some() || spec.get("nodeConfig").is_some() {
        return invalid("Cluster.initial_node_count and Cluster.node_config must not be set together with Cluster.node_pools.");
    }
    if spec.get("locations").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec["locations"] = json!(zones(location));
    }
    let region = location.trim_end_matches(|c: char| c.is_ascii_lowercase()).trim_end_matches('-');
    let region = if kind_of_place(location) == "zones" { region } else { location };
    let has_stranger =
        spec["locations"].as_array().into_iter().flatten().any(|zone| !zone.as_str().is_some_and(|zone| zone.starts_with(region)));
    if has_stranger {
        return invalid("Cluster.locations must be zones of the cluster's own region.");
    }
    if spec["releaseChannel"]["channel"].as_str().is_none_or(|channel| channel == "UNSPECIFIED") {
        spec["releaseChannel"] = json!({"channel": "REGULAR"});
    }
    let pool_config = spec.get("workloadIdentityConfig").is_some().then(|| json!({"mode": "GKE_METADATA"}));
    for pool in spec["nodePools"].as_array_mut().into_iter().flatten() {
        let nodes = pool["initialNodeCount"].as_i64().unwrap_or(0);
        if !(1..=NODES_MOST).contains(&nodes) {
            return invalid("Cluster.initial_node_count must be greater than zero.");
        }
        if pool["config"]["machineType"].as_str().is_none_or(str::is_empty) {
            pool["config"]["machineType"] = json!("e2-medium");
        }
        if let Some(mode) = &pool_config {
            pool["config"]["workloadMetadataConfig"] = mode.clone();
        }
    }
    Ok(spec)
}

fn stockout(location: &str) -> Condition {
    let place = if kind_of_place(location) == "zones" { location.to_owned() } else { format!("{location}-b") };
    let message = format!(
        "Try a different location, or try again later: Google Compute Engine does not have enough resources available to fulfill request: {place}."
    );
    Condition { code: Some("GCE_STOCKOUT"), canonical_code: "RESOURCE_EXHAUSTED", number: 8, message }
}

fn internal() -> Condition {
    Condition { code: None, canonical_code: "INTERNAL", number: 13, message: "An internal error has occurred.".to_owned() }
}

/// What is said where a region's processors are all in use.
fn quota(spec: &Value) -> String {
    let zones = spec["locations"].as_array().map_or(1, Vec::len) as i64;
    let nodes: i64 = spec["nodePools"].as_array().into_iter().flatten().filter_map(|pool| pool["initialNodeCount"].as_i64()).sum();
    let wanted = 2 * nodes * zones;
    format!(
        "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires '{wanted}.0' and is short '{}.0'. project has a \
         quota of '24.0' with '12.0' available. View and manage quotas at \
         https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=hexproperty.",
        (wanted - 12).max(1)
    )
}

/// Objects are merged, everything else is replaced.
fn merge(place: &mut Value, patch: &Value) {
    match (place, patch) {
        (Value::Object(map), Value::Object(fields)) => {
            for (name, value) in fields {
                merge(map.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (place, patch) => *place = patch.clone(),
    }
}
