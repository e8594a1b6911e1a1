//! The simulated Kubernetes API, asked by the real `kubectl`, by the `kube` crate's watcher and by plain HTTP.
//!
//! Plain HTTP tests hold virtual time still and move it themselves. `kubectl` runs against a clock that is
//! faster than the machine's, since it waits for roll-outs on its own; where it is not installed, the same
//! paths are checked by HTTP and the test says so.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod faults;
mod packed;

use std::{
    collections::BTreeSet,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::Output,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cutover::sim::{
    server::{
        kubernetes::{KubernetesWorld, serve},
        tls::Authority,
    },
    world::kubernetes::{Kubernetes, fault::WatchFault},
};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const START: i64 = 1_790_000_000_000;
const PODS: &str = "/api/v1/namespaces/hexproperty/pods";
const FRONTEND: &str = "/apis/apps/v1/namespaces/hexproperty/deployments/frontend";
/// No answer takes longer than this on any machine that can run the tests at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served cluster. Dropping it ends the server.
#[derive(Clone)]
struct Lab {
    cluster: Arc<Mutex<Kubernetes>>,
    time: Time,
    address: SocketAddr,
    stop: Arc<tokio_util::sync::DropGuard>,
}

#[derive(Clone, Copy)]
enum Time {
    /// Moved by the test.
    Held,
    /// Runs this many times faster than the machine's.
    Fast { origin: Instant, speed: f64 },
}

#[derive(Clone)]
struct Face {
    cluster: Arc<Mutex<Kubernetes>>,
    time: Time,
}

impl KubernetesWorld for Face {
    fn with<R>(&self, look: impl FnOnce(&mut Kubernetes) -> R) -> R {
        let mut cluster = self.cluster.lock().expect("no look panics");
        if let Time::Fast { origin, speed } = self.time {
            cluster.tick(START + (origin.elapsed().as_secs_f64() * 1000.0 * speed) as i64);
        }
        look(&mut cluster)
    }

    // Nobody tells of a change here; watches look again and again.
    fn changed(&self) -> BoxFuture<'static, ()> {
        tokio::time::sleep(Duration::from_millis(5)).boxed()
    }

    fn real(&self, _: i64) -> Duration {
        PATIENCE
    }
}

impl Lab {
    async fn open(time: Time, seed: u64) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Arc::new(Mutex::new(Kubernetes::new(START, seed)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let stop = CancellationToken::new();
        let face = Face { cluster: Arc::clone(&cluster), time };
        tokio::spawn(serve(face, listener, Authority::new().unwrap(), TaskTracker::new(), stop.clone()));
        Self { cluster, time, address, stop: Arc::new(stop.drop_guard()) }
    }

    async fn held(seed: u64) -> Self {
        Self::open(Time::Held, seed).await
    }

    async fn fast(seed: u64) -> Self {
        Self::open(Time::Fast { origin: Instant::now(), speed: 20.0 }, seed).await
    }

    fn with<R>(&self, look: impl FnOnce(&mut Kubernetes) -> R) -> R {
        Face { cluster: Arc::clone(&self.cluster), time: self.time }.with(look)
    }

    /// Moves held time forward.
    fn pass(&self, ms: i64) {
        self.with(|cluster| cluster.tick(cluster.now_ms() + ms));
    }

    async fn ask(&self, method: reqwest::Method, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let request = http().request(method, url).header("content-type", kind).body(body.to_string());
        let response = request.send().await.expect("the server answers");
        let code = response.status().as_u16();
        (code, response.json().await.expect("the answer is a document"))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = http().get(format!("http://{}{path}", self.address)).send().await.expect("the server answers");
        let code = response.status().as_u16();
        (code, response.json().await.expect("the answer is a document"))
    }

    async fn watch(&self, path: &str) -> Watch {
        let response = http().get(format!("http://{}{path}", self.address)).send().await.expect("the server answers");
        assert_eq!(response.status().as_u16(), 200);
        Watch { response, rest: Vec::new() }
    }

    fn client(&self) -> kube::Client {
        let mut config = kube::Config::new(format!("http://{}", self.address).parse().expect("an address is a URL"));
        config.root_cert = Some(Vec::new());
        config.default_retry = false;
        kube::Client::try_from(config).expect("a plain client needs nothing")
    }

    /// Runs kubectl; `None` where it is not installed.
    async fn kubectl(&self, arguments: &[&str]) -> Option<Output> {
        let program = kubectl()?;
        let home = std::env::temp_dir().join(format!("cutover-kubectl-{}", self.address.port()));
        let mut command = tokio::process::Command::new(program);
        command.args(["--server", &format!("http://{}", self.address), "--namespace", "hexproperty"]).args(arguments);
        command.env("HOME", &home).env("KUBECONFIG", home.join("none")).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("kubectl ends").expect("kubectl starts");
        let _ = std::fs::remove_dir_all(home);
        Some(output)
    }

    /// What kubectl prints when it succeeds; empty where it is not installed.
    async fn prints(&self, arguments: &[&str]) -> String {
        let Some(output) = self.kubectl(arguments).await else {
            return String::new();
        };
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {shown}{}", String::from_utf8_lossy(&output.stderr));
        shown
    }
}

/// An open watch, read line by line.
struct Watch {
    response: reqwest::Response,
    rest: Vec<u8>,
}

impl Watch {
    /// The next event; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("each line is a document"));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something comes or it ends");
            self.rest.extend(chunk.expect("the stream does not break")?);
        }
    }

    /// The next events up to and with the first one of this type.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {kind} after {seen:#?}"));
            let found = event["type"] == kind;
            seen.push(event);
            if found {
                return seen;
            }
        }
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a plain client needs nothing")
}

/// What these tests ask of kubectl came with this minor version of 1; Debian's own is older and is tried in `tests/real_clients`.
const KUBECTL_MINOR: u32 = 24;

/// The kubectl of this machine, if it is new enough; says so if not.
fn kubectl() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&paths).map(|folder| folder.join("kubectl")).find(|path| path.is_file());
    let usable = found.filter(|program| {
        let said = std::process::Command::new(program).args(["version", "--client", "--output=json"]).output().ok();
        let said: Value = said.and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or_default();
        let minor = said["clientVersion"]["minor"].as_str().unwrap_or_default();
        minor.trim_end_matches('+').parse::<u32>().is_ok_and(|minor| minor >= KUBECTL_MINOR)
    });
    if usable.is_none() {
        // Not `println!`, which the harness swallows when the test passes.
        let lost = "its view of the cluster is not checked here, only the paths that it would take";
        let _ = writeln!(std::io::stderr(), "SKIPPED: no kubectl from 1.{KUBECTL_MINOR} on: {lost}");
    }
    usable
}

fn version(document: &Value) -> String {
    document["metadata"]["resourceVersion"].as_str().expect("everything has a version").to_owned()
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("objects have names").to_owned()).collect()
}

#[tokio::test]
async fn a_watch_from_a_list_sees_a_scaling_from_the_first_pod_to_the_last() {
    let lab = Lab::held(1).await;
    let (_, list) = lab.get(&format!("{PODS}?labelSelector=app%3Dapi")).await;
    assert_eq!((list["kind"].as_str(), names(&list).len()), (Some("PodList"), 3));
    let path = format!("{PODS}?watch=true&labelSelector=app%3Dapi&resourceVersion={}", version(&list));
    let mut watch = lab.watch(&path).await;
    lab.with(|cluster| cluster.scale("api", 4));
    lab.with(|cluster| cluster.scale("frontend", 7));
    lab.pass(60_000);
    let mut phases = Vec::new();
    while phases.last().map(String::as_str) != Some("True") {
        let event = watch.next().await.expect("the stream goes on");
        assert_eq!(event["object"]["metadata"]["labels"]["app"], "api");
        let ready = event["object"]["status"]["conditions"].as_array().into_iter().flatten();
        let ready = ready.filter(|condition| condition["type"] == "Ready").map(|condition| condition["status"].to_string());
        phases.push(ready.collect::<Vec<_>>().pop().unwrap_or_default().replace('"', ""));
        let expected = if phases.len() == 1 { "ADDED" } else { "MODIFIED" };
        assert_eq!(event["type"], expected);
    }
    assert_eq!(phases.first().map(String::as_str), Some(""));
}

#[tokio::test]
async fn bookmarks_come_each_minute_and_their_version_can_be_watched_from() {
    let lab = Lab::held(2).await;
    let (_, list) = lab.get(PODS).await;
    let mut watch = lab.watch(&format!("{PODS}?watch=1&allowWatchBookmarks=true&resourceVersion={}", version(&list))).await;
    for _ in 0..2 {
        lab.pass(60_000);
        let seen = watch.until("BOOKMARK").await;
        assert_eq!(seen.len(), 1, "{seen:#?}");
        let from = version(&seen[0]["object"]);
        let mut second = lab.watch(&format!("{PODS}?watch=1&timeoutSeconds=1&resourceVersion={from}")).await;
        assert_eq!(second.next().await, None, "it ends by its own timeout and has nothing to tell");
    }
}

#[tokio::test]
async fn a_forgotten_version_is_answered_with_410_inside_the_stream() {
    let lab = Lab::held(3).await;
    let (_, list) = lab.get(PODS).await;
    let old = version(&list);
    let mut open = lab.watch(&format!("{PODS}?watch=1&resourceVersion={old}")).await;
    lab.with(|cluster| cluster.scale("api", 4));
    lab.pass(30_000);
    lab.with(Kubernetes::expire_watches);
    let mut late = lab.watch(&format!("{PODS}?watch=1&resourceVersion={old}")).await;
    for watch in [&mut open, &mut late] {
        let seen = watch.until("ERROR").await;
        let status = &seen.last().expect("an error came")["object"];
        assert_eq!((status["code"].as_i64(), status["reason"].as_str()), (Some(410), Some("Expired")));
        assert!(status["message"].as_str().is_some_and(|message| message.starts_with("too old resource version: ")));
        assert_eq!(watch.next().await, None);
    }
}

#[tokio::test]
async fn a_watch_can_close_without_a_word_and_can_stay_mute() {
    let lab = Lab::held(4).await;
    let (_, list) = lab.get(PODS).await;
    let path = format!("{PODS}?watch=1&allowWatchBookmarks=true&resourceVersion={}", version(&list));
    let mut watch = lab.watch(&path).await;
    lab.with(|cluster| cluster.set_watch_fault(WatchFault::Closes));
    lab.pass(2000);
    assert_eq!(watch.next().await, None);
    lab.with(|cluster| cluster.set_watch_fault(WatchFault::Mute));
    let mut mute = lab.watch(&format!("{path}&timeoutSeconds=1")).await;
    lab.with(|cluster| cluster.scale("api", 5));
    lab.pass(120_000);
    assert_eq!(mute.next().await, None, "only its timeout ends it");
    lab.with(Kubernetes::calm);
    let mut honest = lab.watch(&path).await;
    assert_eq!(honest.next().await.map(|event| event["type"].clone()), Some(json!("ADDED")));
}

#[tokio::test]
async fn pages_are_of_one_version_and_a_late_page_is_refused() {
    let lab = Lab::held(5).await;
    let (_, whole) = lab.get(PODS).await;
    let (_, first) = lab.get(&format!("{PODS}?limit=5")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 7);
    let mark = first["metadata"]["continue"].as_str().expect("there is more").to_owned();
    lab.with(|cluster| cluster.scale("backend", 1));
    lab.pass(30_000);
    let (_, second) = lab.get(&format!("{PODS}?limit=50&continue={mark}")).await;
    assert_eq!(version(&second), version(&whole));
    assert_eq!([names(&first), names(&second)].concat(), names(&whole));
    lab.with(Kubernetes::expire_watches);
    let (code, refused) = lab.get(&format!("{PODS}?limit=50&continue={mark}")).await;
    assert_eq!((code, refused["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test]
async fn refusals_are_status_documents_and_change_nothing() {
    let lab = Lab::held(6).await;
    let (_, before) = lab.get(FRONTEND).await;
    let put = reqwest::Method::PUT;
    let json_type = "application/json";
    lab.with(|cluster| cluster.scale("frontend", 7));
    let (code, status) = lab.ask(put.clone(), FRONTEND, json_type, &before).await;
    assert_eq!((code, status["reason"].as_str()), (409, Some("Conflict")));
    let (_, mut now) = lab.get(FRONTEND).await;
    now["spec"]["replicas"] = json!(-1);
    let (code, status) = lab.ask(put, FRONTEND, json_type, &now).await;
    assert_eq!((code, status["reason"].as_str()), (422, Some("Invalid")));
    assert_eq!(status["details"]["causes"][0]["field"], "spec.replicas");
    let (code, status) = lab.get(&format!("{PODS}/nobody")).await;
    assert_eq!((code, status["message"].as_str()), (404, Some("pods \"nobody\" not found")));
    let patch = json!({"metadata": {"resourceVersion": version(&before)}, "spec": {"replicas": 1}});
    let (code, _) = lab.ask(reqwest::Method::PATCH, FRONTEND, "application/merge-patch+json", &patch).await;
    assert_eq!(code, 409);
    let (code, _) = lab.ask(reqwest::Method::PATCH, FRONTEND, "text/plain", &patch).await;
    assert_eq!(code, 415);
    let (code, _) = lab.get("/api/v1/namespaces/hexproperty/unicorns").await;
    assert_eq!(code, 404);
    let (code, _) = lab.get(&format!("{PODS}?resourceVersion=99999999999")).await;
    assert_eq!(code, 504);
    assert_eq!(lab.with(|cluster| cluster.desired("frontend")), 7);
}

#[tokio::test]
async fn a_dry_run_is_checked_and_not_kept() {
    let lab = Lab::held(7).await;
    let body = json!({"spec": {"replicas": 9}});
    let path = format!("{FRONTEND}?dryRun=All");
    let (code, shown) = lab.ask(reqwest::Method::PATCH, &path, "application/strategic-merge-patch+json", &body).await;
    assert_eq!((code, shown["spec"]["replicas"].as_i64()), (200, Some(9)));
    assert_eq!(lab.with(|cluster| cluster.desired("frontend")), 6);
}

#[tokio::test]
async fn the_initial_state_can_be_streamed_instead_of_listed() {
    let lab = Lab::held(8).await;
    let path = format!("{PODS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    let mut watch = lab.watch(&path).await;
    let seen = watch.until("BOOKMARK").await;
    assert_eq!(seen.len(), 13);
    let mark = &seen.last().expect("it came")["object"]["metadata"];
    assert_eq!(mark["annotations"]["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn the_watcher_of_the_kube_crate_stays_right_through_every_watch_fault() {
    let lab = Lab::held(9).await;
    let api: kube::Api<Pod> = kube::Api::namespaced(lab.client(), "hexproperty");
    let config = watcher::Config::default().labels("app=frontend").page_size(4);
    let mut events = watcher(api, config).boxed();
    let mut known = BTreeSet::new();
    let mut fresh = BTreeSet::new();
    let faults: [fn(&mut Kubernetes); 4] = [
        |_| {},
        Kubernetes::expire_watches,
        |cluster| cluster.set_watch_fault(WatchFault::Closes),
        |cluster| cluster.set_watch_fault(WatchFault::BookmarksRegress),
    ];
    for (round, fault) in faults.into_iter().enumerate() {
        lab.with(fault);
        let replicas = 7 + u32::try_from(round).expect("four rounds");
        lab.with(|cluster| cluster.scale("frontend", replicas));
        let reached = async {
            while known.len() != replicas as usize {
                lab.pass(500);
                // A relist that fails on its way is retried by the next poll of the stream.
                let next = tokio::time::timeout(Duration::from_millis(100), events.try_next()).await;
                match next.map(|event| event.ok().flatten()) {
                    Ok(Some(watcher::Event::Apply(pod))) => {
                        known.insert(pod.metadata.name);
                    }
                    Ok(Some(watcher::Event::Delete(pod))) => {
                        known.remove(&pod.metadata.name);
                    }
                    Ok(Some(watcher::Event::Init)) => fresh.clear(),
                    Ok(Some(watcher::Event::InitApply(pod))) => {
                        fresh.insert(pod.metadata.name);
                    }
                    Ok(Some(watcher::Event::InitDone)) => known = std::mem::take(&mut fresh),
                    Ok(None) | Err(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("round {round} ends"));
    }
}

#[tokio::test]
async fn tables_have_the_columns_and_cells_that_people_know() {
    let lab = Lab::held(10).await;
    let url = format!("http://{}/apis/apps/v1/namespaces/hexproperty/deployments", lab.address);
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table: Value = http().get(url).header("accept", accept).send().await.expect("it answers").json().await.expect("it is JSON");
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("there are columns")
        .iter()
        .filter(|column| column["priority"] == 0)
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(columns, ["Name", "Ready", "Up-to-date", "Available", "Age"]);
    assert_eq!(
        table["rows"][2]["cells"].as_array().map(|cells| cells[..5].to_vec()),
        Some(vec![json!("frontend"), json!("6/6"), json!(6), json!(6), json!("5d")])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_reads_lists_tables_and_descriptions() {
    let lab = Lab::fast(11).await;
    if kubectl().is_none() {
        assert_eq!(lab.get(PODS).await.0, 200);
        return;
    }
    let pods = lab.prints(&["get", "pods", "--no-headers"]).await;
    assert_eq!(pods.lines().filter(|line| line.contains("1/1") && line.contains("Running")).count(), 12);
    assert!(lab.prints(&["get", "deployments", "-o", "wide"]).await.contains("web/frontend:1.42.0"));
    assert_eq!(lab.prints(&["get", "nodes", "-o", "name"]).await.lines().count(), 9);
    assert!(lab.prints(&["get", "all"]).await.contains("replicaset.apps/frontend-"));
    assert!(lab.prints(&["describe", "deployment", "frontend"]).await.contains("6 desired | 6 updated | 6 total | 6 available"));
    assert!(lab.prints(&["describe", "pod", "-l", "app=api"]).await.contains("Controlled By:  ReplicaSet/api-"));
    assert!(lab.prints(&["describe", "service", "frontend"]).await.contains(":8080"));
    assert!(lab.prints(&["describe", "nodes"]).await.contains("HolderIdentity:  gke-hexproperty-prod"));
    assert!(lab.prints(&["api-resources"]).await.contains("deployments"));
    assert!(lab.prints(&["version"]).await.contains("Server Version: v1.32"));
    let missing = lab.kubectl(&["get", "pod", "nobody"]).await.expect("kubectl is there");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("Error from server (NotFound): pods \"nobody\" not found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_scales_releases_and_goes_back() {
    let lab = Lab::fast(12).await;
    if kubectl().is_none() {
        let patch = json!({"spec": {"replicas": 5}});
        let path = format!("{FRONTEND}/scale");
        assert_eq!(lab.ask(reqwest::Method::PATCH, &path, "application/merge-patch+json", &patch).await.0, 200);
        return;
    }
    let rolled = "successfully rolled out";
    lab.prints(&["scale", "deployment/backend", "--replicas=5"]).await;
    assert!(lab.prints(&["rollout", "status", "deployment/backend"]).await.contains(rolled));
    assert_eq!(lab.with(|cluster| (cluster.desired("backend"), cluster.ready_pods("backend"))), (5, 5));
    let image = "frontend=us-central1-docker.pkg.dev/hexproperty/web/frontend:1.43.0";
    lab.prints(&["set", "image", "deployment/frontend", image]).await;
    assert!(lab.prints(&["rollout", "status", "deployment/frontend"]).await.contains(rolled));
    lab.prints(&["rollout", "undo", "deployment/frontend"]).await;
    assert!(lab.prints(&["rollout", "status", "deployment/frontend"]).await.contains(rolled));
    let history = lab.prints(&["rollout", "history", "deployment/frontend"]).await;
    let revisions: Vec<&str> = history.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(revisions, ["1", "3", "4"], "{history}");
    let node = lab.prints(&["get", "pods", "-l", "app=api", "-o", "jsonpath={.items[0].spec.nodeName}"]).await;
    lab.prints(&["drain", &node, "--timeout=60s"]).await;
    assert_eq!(lab.prints(&["get", "pods", "-o", "name", "--field-selector", &format!("spec.nodeName={node}")]).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_shows_trouble_in_pods_events_and_logs() {
    let lab = Lab::fast(13).await;
    lab.with(|cluster| cluster.set_bad_pods("api", 1.0));
    if kubectl().is_none() {
        assert_eq!(lab.get("/api/v1/namespaces/hexproperty/events?fieldSelector=type%3DWarning").await.0, 200);
        return;
    }
    let condition = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff";
    let crashing = lab.with(|cluster| {
        cluster.tick(cluster.now_ms() + 60_000);
        crashing_pod(cluster)
    });
    lab.prints(&["wait", &format!("pod/{crashing}"), "--for", condition, "--timeout=60s"]).await;
    assert!(lab.prints(&["get", "events", "--field-selector=type=Warning"]).await.contains("Back-off restarting failed container api"));
    assert!(lab.prints(&["logs", &crashing, "--previous"]).await.contains("exiting with status 1"));
    assert!(lab.prints(&["logs", "deployment/frontend", "--tail=3"]).await.contains("kube-probe"));
    let arguments = ["get", "pods", "-l", "app=backend", "--watch", "--no-headers", "--request-timeout=3s"];
    let busy = async {
        loop {
            for replicas in [4, 3] {
                lab.with(|cluster| cluster.scale("backend", replicas));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    };
    let watched = tokio::select! {
        output = lab.kubectl(&arguments) => output.expect("kubectl is there"),
        () = busy => unreachable!("it never ends by itself"),
    };
    let watched = String::from_utf8_lossy(&watched.stdout).into_owned();
    let pods: Vec<&str> = watched.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let different: BTreeSet<&&str> = pods.iter().collect();
    assert!(pods.len() > different.len(), "a pod is listed and then seen to change: {watched}");
}

/// The name of a pod of the deployment `api` that has crashed before.
fn crashing_pod(cluster: &Kubernetes) -> String {
    let pods = cluster.store().list(cutover::sim::world::kubernetes::resource::Resource::Pod, "hexproperty");
    let crashed = pods.filter(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_i64().is_some_and(|count| count > 1));
    crashed.map(|pod| pod["metadata"]["name"].as_str().expect("pods have names").to_owned()).next().expect("one of three crashes")
}

#[tokio::test]
async fn a_stopped_server_leaves_no_stream_open() {
    let lab = Lab::held(14).await;
    let mut watch = lab.watch(&format!("{PODS}?watch=1")).await;
    assert_eq!(watch.until("ADDED").await.len(), 1);
    drop(lab.stop);
    let ended = async { while matches!(watch.response.chunk().await, Ok(Some(_))) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the stream ends");
}

#[tokio::test]
async fn an_applied_field_belongs_to_its_manager_until_somebody_forces_it() {
    let lab = Lab::held(15).await;
    let routes = "/apis/gateway.networking.k8s.io/v1/namespaces/hexproperty/httproutes";
    let weights = |blue: i64, green: i64| {
        let backend = |name: &str, weight: i64| json!({"name": name, "port": 80, "weight": weight});
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "split"},
            "spec": {"rules": [{"backendRefs": [backend("blue", blue), backend("green", green)]}]},
        })
    };
    let apply = |manager: &str, force: &str, body: Value| {
        let path = format!("{routes}/split?fieldManager={manager}{force}");
        let lab = lab.clone();
        async move { lab.ask(reqwest::Method::PATCH, &path, "application/apply-patch+yaml", &body).await }
    };
    assert_eq!(apply("cutover", "", weights(100, 0)).await.0, 201);
    let (code, split) = apply("cutover", "", weights(90, 10)).await;
    assert_eq!((code, split["spec"]["rules"][0]["backendRefs"][1]["weight"].as_i64()), (200, Some(10)));
    let (code, refused) = apply("somebody", "", weights(0, 100)).await;
    assert_eq!((code, refused["reason"].as_str()), (409, Some("Conflict")));
    let message = "Apply failed with 1 conflict: conflict with \"cutover\" using gateway.networking.k8s.io/v1: .spec.rules";
    assert_eq!((refused["message"].as_str(), refused["details"]["causes"][0]["field"].as_str()), (Some(message), Some(".spec.rules")));
    assert_eq!(apply("somebody", "&force=true", weights(0, 100)).await.0, 200);
    let (code, lost) = apply("cutover", "", weights(90, 10)).await;
    assert_eq!((code, lost["details"]["causes"][0]["message"].as_str().map(|text| text.contains("somebody"))), (409, Some(true)));
    let (code, invalid) = apply("somebody", "", weights(-1, 100)).await;
    assert_eq!((code, invalid["reason"].as_str()), (422, Some("Invalid")));
    assert!(invalid["message"].as_str().is_some_and(|text| text.contains("should be greater than or equal to 0")), "{invalid}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_applies_on_both_sides_and_sees_who_owns_what() {
    let lab = Lab::fast(16).await;
    let (_, mut wanted) = lab.get(FRONTEND).await;
    wanted = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "frontend"},
        "spec": {"replicas": 7, "selector": wanted["spec"]["selector"], "template": wanted["spec"]["template"]},
    });
    if kubectl().is_none() {
        let path = format!("{FRONTEND}?fieldManager=kubectl&force=true");
        assert_eq!(lab.ask(reqwest::Method::PATCH, &path, "application/apply-patch+yaml", &wanted).await.0, 200);
        return;
    }
    let file = std::env::temp_dir().join(format!("cutover-apply-{}.json", lab.address.port()));
    std::fs::write(&file, wanted.to_string()).expect("the temporary folder can be written");
    let path = file.to_str().expect("the name is plain");
    let refused = lab.kubectl(&["apply", "--server-side", "-f", path]).await.expect("kubectl is there");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("conflict with \"before-first-apply\" using apps/v1: .spec.replicas"), "{told}");
    lab.prints(&["apply", "--server-side", "--force-conflicts", "-f", path]).await;
    assert_eq!(lab.with(|cluster| cluster.desired("frontend")), 7);
    lab.prints(&["scale", "deployment/frontend", "--replicas=6"]).await;
    let refused = lab.kubectl(&["apply", "--server-side", "-f", path]).await.expect("kubectl is there");
    assert!(!refused.status.success(), "somebody scaled it in between");
    assert!(lab.prints(&["apply", "-f", path]).await.contains("deployment.apps/frontend configured"));
    assert!(lab.prints(&["apply", "-f", path]).await.contains("deployment.apps/frontend unchanged"));
    assert!(lab.prints(&["diff", "-f", path]).await.is_empty());
    std::fs::remove_file(file).expect("it is still there");
}
