//! The life of a pod on its node: bound, image pulled, started, probed, crashed, stopped.
//!
//! A [`Run`] is the truth about a pod; its document's status is written from it after each step. All containers
//! of a pod share one fate. Liveness is only felt as crashes, and init containers are not modelled.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, list, number, set, text},
    event::{self, Note, Teller, Weight},
    fault::Sickness,
    resource::Resource,
    scheduler, status,
    store::Key,
};

/// The longest wait between two starts or two pulls.
const BACK_OFF_MAX_MS: i64 = 300_000;

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waits for the scheduler.
    Unscheduled,
    /// Has a node; its image is pulled and its container made.
    Creating,
    /// Its image cannot be pulled; waits for the next try.
    ImageMissing,
    /// Runs; its readiness probe has not passed yet.
    Starting,
    /// Runs and is ready.
    Ready,
    /// Runs; its readiness probe fails.
    NotReady,
    /// Its container exited; waits for the next start.
    BackingOff,
    /// Asked to stop; gone soon.
    Stopping,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// When it had started.
    pub started_ms: i64,
    /// When it ended.
    pub finished_ms: i64,
}

/// The truth about one pod.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it is.
    pub stage: Stage,
    /// When the next step is due; `None` while nothing is going to happen by itself.
    pub due_ms: Option<i64>,
    /// How it is ill, if it is.
    pub sickness: Option<Sickness>,
    /// How often its container was started again.
    pub restarts: u32,
    /// How often its image could not be pulled.
    pub failed_pulls: u32,
    /// When the running container started.
    pub started_ms: Option<i64>,
    /// How the container before it ended.
    pub last_exit: Option<Exit>,
}

/// What every pod does, and when the first of them goes on: that is asked for many times a second, and changes here alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    all: BTreeMap<Key, Run>,
    due_ms: Option<i64>,
}

impl Runs {
    pub(super) fn get(&self, key: &Key) -> Option<&Run> {
        self.all.get(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Run)> {
        self.all.iter()
    }

    /// When the next step of any pod is due.
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.due_ms
    }

    /// The pod whose step is due first, if it is due by now.
    pub(super) fn due(&self, now_ms: i64) -> Option<&Key> {
        let first = self.due_ms.filter(|due| *due <= now_ms)?;
        self.all.iter().find(|(_, run)| run.due_ms == Some(first)).map(|(key, _)| key)
    }

    pub(super) fn remove(&mut self, key: &Key) {
        self.all.remove(key);
        self.look_ahead();
    }

    fn insert(&mut self, key: Key, run: Run) {
        self.all.insert(key, run);
        self.look_ahead();
    }

    /// Changes the run of a pod, if there is one.
    fn change<T>(&mut self, key: &Key, change: impl FnOnce(&mut Run) -> T) -> Option<T> {
        let changed = self.all.get_mut(key).map(change);
        self.look_ahead();
        changed
    }

    fn look_ahead(&mut self) {
        self.due_ms = self.all.values().filter_map(|run| run.due_ms).min();
    }
}

/// Takes a new pod document into the cluster.
pub(super) fn admit(cluster: &mut Kubernetes, pod: Value) {
    let key = Key::of(Resource::Pod, &pod);
    let due = cluster.clock_ms + cluster.random.between(30.0, 150.0) as i64;
    cluster.runs.insert(key.clone(), Run::new(due));
    cluster.store.put(key, pod);
    cluster.touch();
}

/// Makes a pod ill; it shows within some seconds.
pub(super) fn infect(cluster: &mut Kubernetes, key: &Key, sickness: Sickness) {
    let due = cluster.clock_ms + cluster.random.between(1000.0, 9000.0) as i64;
    cluster.runs.change(key, |run| {
        run.sickness = Some(sickness);
        if run.stage == Stage::Ready {
            run.due_ms = Some(due);
        }
    });
}

/// Heals a pod; it shows at its next probe, or at its next start, which comes within ten seconds.
pub(super) fn heal(cluster: &mut Kubernetes, key: &Key) {
    let soon = cluster.clock_ms + 10_000;
    cluster.runs.change(key, |run| {
        run.sickness = None;
        if run.stage == Stage::BackingOff {
            run.due_ms = run.due_ms.map(|due| due.min(soon));
        }
    });
}

/// Asks a pod to stop; it takes up to `grace_ms`.
pub(super) fn stop(cluster: &mut Kubernetes, key: &Key, grace_ms: i64) {
    let takes = (cluster.random.between(900.0, 2800.0) as i64).min(grace_ms);
    let now = cluster.clock_ms;
    let ran = cluster.runs.change(key, |run| {
        let ran = run.started_ms.is_some();
        run.stage = Stage::Stopping;
        run.due_ms = Some(now + if ran { takes } else { 50 });
        ran
    });
    if ran == Some(true) {
        for name in container_names(cluster, key) {
            tell(cluster, key, Weight::Normal, "Killing", &format!("Stopping container {name}"), &name);
        }
    }
}

/// Takes the step of this pod that is due.
pub(super) fn advance(cluster: &mut Kubernetes, key: &Key) {
    let Some(mut run) = cluster.runs.get(key).cloned() else {
        return;
    };
    run.due_ms = None;
    match run.stage {
        Stage::Unscheduled => schedule(cluster, key, &mut run),
        Stage::Creating | Stage::ImageMissing => create_containers(cluster, key, &mut run),
        Stage::Starting | Stage::Ready | Stage::NotReady => probe(cluster, key, &mut run),
        Stage::BackingOff => {
            run.restarts += 1;
            start(cluster, key, &mut run);
        }
        Stage::Stopping => {
            cluster.runs.remove(key);
            cluster.store.remove(key);
            cluster.touch();
            return;
        }
    }
    cluster.runs.insert(key.clone(), run);
    status::write(cluster, key);
    cluster.touch();
}

impl Run {
    fn new(due_ms: i64) -> Self {
        Self {
            stage: Stage::Unscheduled,
            due_ms: Some(due_ms),
            sickness: None,
            restarts: 0,
            failed_pulls: 0,
            started_ms: None,
            last_exit: None,
        }
    }
}

fn schedule(cluster: &mut Kubernetes, key: &Key, run: &mut Run) {
    let Some(pod) = cluster.store.get(key).cloned() else {
        return;
    };
    let now = cluster.clock_ms;
    match scheduler::choose(cluster, &pod) {
        Ok(node) => {
            let mut bound = Value::clone(&pod);
            set(&mut bound, &["spec", "nodeName"], json!(node));
            set(&mut bound, &["status", "startTime"], document::stamp(now));
            cluster.store.put(key.clone(), bound);
            let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
            record(cluster, key, Weight::Normal, "Scheduled", message, Teller::Scheduler, String::new());
            tell_pulls(cluster, key, &node);
            run.stage = Stage::Creating;
            run.due_ms = Some(now + creation_takes(cluster, key));
        }
        Err(no_room) => {
            record(cluster, key, Weight::Warning, "FailedScheduling", no_room.to_string(), Teller::Scheduler, String::new());
            run.due_ms = Some(now + 20_000);
        }
    }
}

/// The agent begins with the images that its node does not have.
fn tell_pulls(cluster: &mut Kubernetes, key: &Key, node: &str) {
    for (image, name) in images(cluster, key).into_iter().zip(container_names(cluster, key)) {
        if !cluster.pulled.contains(&(node.to_owned(), image.clone())) {
            let message = format!("Pulling image \"{image}\"");
            tell(cluster, key, Weight::Normal, "Pulling", &message, &name);
        }
    }
}

/// Networking and volumes take about a second; an image that the node does not have takes some more.
fn creation_takes(cluster: &mut Kubernetes, key: &Key) -> i64 {
    let node = node_of(cluster, key);
    let has_all = images(cluster, key).into_iter().all(|image| cluster.pulled.contains(&(node.clone(), image)));
    let pull = if has_all { 0.0 } else { cluster.random.between(1500.0, 4500.0) };
    (pull + cluster.random.between(700.0, 1600.0)) as i64
}

fn create_containers(cluster: &mut Kubernetes, key: &Key, run: &mut Run) {
    let node = node_of(cluster, key);
    for (image, name) in images(cluster, key).into_iter().zip(container_names(cluster, key)) {
        if !image_exists(&image) {
            run.stage = Stage::ImageMissing;
            run.due_ms = Some(cluster.clock_ms + back_off(run.failed_pulls));
            run.failed_pulls += 1;
            tell_missing(cluster, key, &image, &name);
            return;
        }
        if cluster.pulled.insert((node.clone(), image.clone())) {
            let took = cluster.random.between(1.4, 4.2);
            let size = 84_000_000 + cluster.random.index(9_000_000);
            let message =
                format!("Successfully pulled image \"{image}\" in {took:.3}s ({took:.3}s including waiting). Image size: {size} bytes.");
            tell(cluster, key, Weight::Normal, "Pulled", &message, &name);
        } else {
            tell_present(cluster, key, &image, &name);
        }
    }
    give_address(cluster, key);
    start(cluster, key, run);
}

fn tell_missing(cluster: &mut Kubernetes, key: &Key, image: &str, name: &str) {
    let message = format!(
        "Failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": \
         failed to resolve reference \"{image}\": {image}: not found"
    );
    tell(cluster, key, Weight::Warning, "Failed", &message, name);
    let error = "Error: ImagePullBackOff";
    tell(cluster, key, Weight::Warning, "Failed", error, name);
}

fn tell_present(cluster: &mut Kubernetes, key: &Key, image: &str, name: &str) {
    let message = format!("Container image \"{image}\" already present on machine");
    tell(cluster, key, Weight::Normal, "Pulled", &message, name);
}

/// Starts the containers; the first probe or the next crash is then due.
fn start(cluster: &mut Kubernetes, key: &Key, run: &mut Run) {
    let now = cluster.clock_ms;
    for (image, name) in images(cluster, key).into_iter().zip(container_names(cluster, key)) {
        if run.restarts > 0 {
            tell_present(cluster, key, &image, &name);
        }
        tell(cluster, key, Weight::Normal, "Created", &format!("Created container: {name}"), &name);
        tell(cluster, key, Weight::Normal, "Started", &format!("Started container {name}"), &name);
    }
    run.stage = Stage::Starting;
    run.started_ms = Some(now);
    let pod = cluster.store.get(key).cloned().unwrap_or_default();
    let probe = &pod["spec"]["containers"][0]["readinessProbe"];
    let delay = number(probe, "/initialDelaySeconds") * 1000;
    let period = number(probe, "/periodSeconds").max(1) * 1000;
    let wait = match run.sickness {
        Some(Sickness::Crashes) => cluster.random.between(1500.0, 4500.0) as i64,
        Some(Sickness::NotReady) | None if probe.is_null() => 0,
        Some(Sickness::NotReady) | None => delay + cluster.random.between(0.1, 1.0).mul_add(period as f64, 0.0) as i64,
    };
    run.due_ms = Some(now + wait);
}

/// Looks at a running pod: healthy, failing its probe, or crashing.
fn probe(cluster: &mut Kubernetes, key: &Key, run: &mut Run) {
    let now = cluster.clock_ms;
    let name = container_names(cluster, key).first().cloned().unwrap_or_default();
    match run.sickness {
        None => run.stage = Stage::Ready,
        Some(Sickness::NotReady) => {
            run.stage = Stage::NotReady;
            run.due_ms = Some(now + 10_000);
            let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
            tell(cluster, key, Weight::Warning, "Unhealthy", message, &name);
        }
        Some(Sickness::Crashes) => {
            run.stage = Stage::BackingOff;
            run.last_exit = run.started_ms.map(|started_ms| Exit { started_ms, finished_ms: now });
            run.started_ms = None;
            let wait = if run.restarts == 0 { 1000 } else { back_off(run.restarts - 1) };
            run.due_ms = Some(now + wait);
            if run.restarts > 0 {
                let uid = cluster.store.get(key).map(|pod| document::uid(pod).to_owned()).unwrap_or_default();
                let message = format!("Back-off restarting failed container {name} in pod {}_{}({uid})", key.name, key.namespace);
                tell(cluster, key, Weight::Warning, "BackOff", &message, &name);
            }
        }
    }
}

/// Ten seconds, doubled each time, five minutes at most.
pub(super) fn back_off(times: u32) -> i64 {
    (10_000_i64 << times.min(10)).min(BACK_OFF_MAX_MS)
}

/// The registry of this world has the release tags `1.2.3` and digests, and images of other registries.
fn image_exists(image: &str) -> bool {
    let Some(own) = image.strip_prefix("us-central1-docker.pkg.dev/hexproperty/") else {
        return true;
    };
    if own.contains("@sha256:") {
        return true;
    }
    let parts: Vec<&str> = own.rsplit_once(':').map_or(Vec::new(), |(_, tag)| tag.trim_start_matches('v').split('.').collect());
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

fn give_address(cluster: &mut Kubernetes, key: &Key) {
    let Some(pod) = cluster.store.get(key).cloned() else {
        return;
    };
    let node = cluster.store.get(&Key::new(Resource::Node, "", text(&pod, "/spec/nodeName"))).cloned().unwrap_or_default();
    let range = text(&node, "/spec/podCIDR").rsplit_once('.').map_or("10.8.0", |(range, _)| range).to_owned();
    let taken: Vec<String> = cluster.store.list(Resource::Pod, "").map(|other| text(other, "/status/podIP").to_owned()).collect();
    let address = (2..255).map(|last| format!("{range}.{last}")).find(|address| !taken.contains(address)).unwrap_or_default();
    let mut addressed = Value::clone(&pod);
    set(&mut addressed, &["status", "podIP"], json!(address));
    cluster.store.put(key.clone(), addressed);
}

fn node_of(cluster: &Kubernetes, key: &Key) -> String {
    cluster.store.get(key).map(|pod| text(pod, "/spec/nodeName").to_owned()).unwrap_or_default()
}

fn images(cluster: &Kubernetes, key: &Key) -> Vec<String> {
    container_texts(cluster, key, "/image")
}

fn container_names(cluster: &Kubernetes, key: &Key) -> Vec<String> {
    container_texts(cluster, key, "/name")
}

fn container_texts(cluster: &Kubernetes, key: &Key, pointer: &str) -> Vec<String> {
    cluster
        .store
        .get(key)
        .map_or(Vec::new(), |pod| list(pod, "/spec/containers").iter().map(|container| text(container, pointer).to_owned()).collect())
}

fn tell(cluster: &mut Kubernetes, key: &Key, weight: Weight, reason: &'static str, message: &str, container: &str) {
    let teller = Teller::Kubelet { node: node_of(cluster, key) };
    let field = format!("spec.containers{{{container}}}");
    record(cluster, key, weight, reason, message.to_owned(), teller, field);
}

fn record(cluster: &mut Kubernetes, key: &Key, weight: Weight, reason: &'static str, message: String, teller: Teller, field: String) {
    event::record(cluster, key, Note { weight, reason, message, teller, field });
}
