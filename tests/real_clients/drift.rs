//! Somebody else changes the world while a session runs: what the session says of it, and how soon.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Folder, PATIENCE, done, ended, is_here, shell, simulation::Simulation};

/// A `cutover host`; dropping it ends the program.
struct Host {
    child: Child,
    folder: Folder,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Host {
    fn start(port: u16) -> Host {
        let folder = Folder::new();
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/hexproperty.yaml");
        let script = format!("exec {} host --runtime-dir {}/run --simulated={port} {}", binary(), folder.0.display(), plan.display());
        let child = shell(&folder.0, &script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let host = Host { child, folder };
        let began = Instant::now();
        while host.status()["routes"]["frontend"]["accepted"].is_null() {
            assert!(began.elapsed() < PATIENCE, "the session never read its weights");
            std::thread::sleep(Duration::from_millis(200));
        }
        host
    }

    /// `cutover status --json`; null while nobody answers.
    fn status(&self) -> Value {
        let script = format!("{} status --json --runtime-dir {}/run", binary(), self.folder.0.display());
        serde_json::from_slice(&ended(&mut shell(&self.folder.0, &script)).stdout).unwrap_or(Value::Null)
    }

    /// Everything that the session has written down.
    fn journal(&self) -> String {
        let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries(self.folder.0.join("cutover/journals"))
            .filter(|path| path.is_dir())
            .flat_map(entries)
            .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .collect()
    }

    /// How long it takes until the session knows.
    fn until(&self, what: &str, knows: impl Fn(&Host) -> bool) -> Duration {
        let began = Instant::now();
        while !knows(self) {
            assert!(began.elapsed() < PATIENCE, "the session never learned {what}: {:#}", self.status());
            std::thread::sleep(Duration::from_millis(200));
        }
        println!("{what}: known after {:.1} s", began.elapsed().as_secs_f64());
        began.elapsed()
    }
}

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_cutover")
}

/// A tenth of the traffic goes to GKE, by somebody's `gcloud`; without one, by the same request by hand.
fn ana_moves_the_weights(simulation: &Simulation) {
    if !is_here("gcloud", "a plain HTTP client changed the weights in its place") {
        let map = format!("http://{}/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb", simulation.addresses[0]);
        return tokio::runtime::Runtime::new().unwrap().block_on(moved_by_hand(&map));
    }
    let folder = Folder::new();
    let script = format!(
        "{}\ngcloud compute url-maps export hexproperty-lb --global --destination=route.yaml\n\
         sed -i 's/weight: 1000/weight: 900/; s/weight: 0$/weight: 100/' route.yaml\n\
         gcloud compute url-maps import hexproperty-lb --global --source=route.yaml\n",
        simulation.environment("ana")
    );
    done(shell(&folder.0, &script));
}

async fn moved_by_hand(map: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let mut body: Value = client.get(map).send().await.unwrap().json().await.unwrap();
    for (place, weight) in [900, 100].into_iter().enumerate() {
        body["defaultRouteAction"]["weightedBackendServices"][place]["weight"] = json!(weight);
    }
    client.put(map).bearer_auth("ana").json(&body).send().await.unwrap().error_for_status().unwrap();
}

#[test]
fn a_session_says_who_else_has_changed_the_weights() {
    let (simulation, port) = Simulation::in_a_row();
    let host = Host::start(port);
    ana_moves_the_weights(&simulation);
    host.until("the change by somebody else", |host| host.status()["routes"]["frontend"]["drift"].is_object());
    let by = |host: &Host| host.status()["routes"]["frontend"]["drift"]["by"].clone();
    host.until("who it was", |host| by(host) == "ana@hexproperty.com");
    let route = &host.status()["routes"]["frontend"];
    assert_eq!(route["accepted"], json!({"gke": 0.1, "run": 0.9}));
    assert_eq!((&route["drift"]["found"], &route["drift"]["expected"]), (&route["accepted"], &route["wanted"]));
}

#[test]
fn a_session_sees_what_kubectl_has_scaled() {
    if !is_here("kubectl", "nobody scaled a deployment beside a session") {
        return;
    }
    let (simulation, port) = Simulation::in_a_row();
    let host = Host::start(port);
    let folder = Folder::new();
    let script =
        format!("kubectl --server=http://{} --namespace=hexproperty scale deployment frontend --replicas=4", simulation.addresses[1]);
    done(shell(&folder.0, &script));
    host.until("the scaling", |host| host.journal().contains("\"ready\":4,\"desired\":4"));
}
