//! The status of a pod's document, written from the truth about its run.
//!
//! Only the agent on a node writes it, so it can be derived afresh each time; conditions keep the time of
//! their last change.

use serde_json::{Value, json};

use super::{
    Kubernetes,
    document::{self, list, set, set_condition, stamp, text},
    kubelet::{Exit, Run, Stage, back_off},
    resource::Resource,
    store::Key,
};

/// Writes the status of this pod as its run is now.
pub(super) fn write(cluster: &mut Kubernetes, key: &Key) {
    let (Some(pod), Some(run)) = (cluster.store.get(key), cluster.runs.get(key)) else {
        return;
    };
    let mut pod = Value::clone(pod);
    let now = cluster.clock_ms;
    let scheduled = !text(&pod, "/spec/nodeName").is_empty();
    let ready = run.stage == Stage::Ready;
    let created = run.started_ms.is_some() || run.last_exit.is_some();
    let names: Vec<&str> = list(&pod, "/spec/containers").iter().map(|container| text(container, "/name")).collect();
    let unready = format!("containers with unready status: [{}]", names.join(" "));
    set(&mut pod, &["status", "phase"], json!(if created { "Running" } else { "Pending" }));
    if !scheduled {
        let message = scheduling_message(cluster, key);
        set_condition(&mut pod, now, "PodScheduled", "False", "Unschedulable", &message);
        cluster.store.put(key.clone(), pod);
        return;
    }
    let truth = |yes: bool| if yes { "True" } else { "False" };
    let (reason, message) = if ready { ("", "") } else { ("ContainersNotReady", unready.as_str()) };
    set_condition(&mut pod, now, "PodReadyToStartContainers", truth(created), "", "");
    set_condition(&mut pod, now, "Initialized", "True", "", "");
    set_condition(&mut pod, now, "Ready", truth(ready), reason, message);
    set_condition(&mut pod, now, "ContainersReady", truth(ready), reason, message);
    set_condition(&mut pod, now, "PodScheduled", "True", "", "");
    let node = cluster.store.get(&Key::new(Resource::Node, "", text(&pod, "/spec/nodeName"))).cloned().unwrap_or_default();
    let host = list(&node, "/status/addresses")
        .iter()
        .find(|address| address["type"] == "InternalIP")
        .map_or("", |address| text(address, "/address"))
        .to_owned();
    set(&mut pod, &["status", "hostIP"], json!(host));
    set(&mut pod, &["status", "hostIPs"], json!([{"ip": host}]));
    let address = text(&pod, "/status/podIP").to_owned();
    if !address.is_empty() {
        set(&mut pod, &["status", "podIPs"], json!([{"ip": address}]));
    }
    set(&mut pod, &["status", "qosClass"], json!("Burstable"));
    let containers: Vec<Value> =
        list(&pod, "/spec/containers").iter().map(|container| container_status(&pod, container, run, ready)).collect();
    set(&mut pod, &["status", "containerStatuses"], Value::Array(containers));
    let initial: Vec<Value> =
        list(&pod, "/spec/initContainers").iter().map(|container| initial_status(&pod, container, run, created)).collect();
    if !initial.is_empty() {
        set(&mut pod, &["status", "initContainerStatuses"], Value::Array(initial));
    }
    cluster.store.put(key.clone(), pod);
}

fn scheduling_message(cluster: &Kubernetes, key: &Key) -> String {
    cluster
        .store
        .list(Resource::Event, &key.namespace)
        .filter(|event| text(event, "/involvedObject/name") == key.name && event["reason"] == "FailedScheduling")
        .last()
        .map(|event| text(event, "/message").to_owned())
        .unwrap_or_default()
}

fn container_status(pod: &Value, container: &Value, run: &Run, ready: bool) -> Value {
    let image = text(container, "/image");
    let mut status = json!({
        "name": container["name"],
        "state": state(pod, container, run),
        "lastState": {},
        "ready": ready,
        "restartCount": run.restarts,
        "image": image,
        "imageID": "",
        "started": run.started_ms.is_some(),
    });
    if run.started_ms.is_some() || run.last_exit.is_some() {
        let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
        status["imageID"] = json!(format!("{repository}@sha256:{}", digest(image)));
        status["containerID"] = json!(container_id(pod, run.restarts));
    }
    if let Some(exit) = run.last_exit
        && !(run.stage == Stage::BackingOff && run.restarts == 0)
    {
        let which = if run.started_ms.is_some() { run.restarts.saturating_sub(1) } else { run.restarts };
        status["lastState"] = json!({"terminated": terminated(pod, exit, which)});
    }
    status
}

/// A container that runs before the others: over, unless it is a sidecar, which starts with the pod and never ends.
fn initial_status(pod: &Value, container: &Value, run: &Run, created: bool) -> Value {
    let is_sidecar = container["restartPolicy"] == "Always";
    let began = run.started_ms.or(run.last_exit.map(|exit| exit.started_ms)).unwrap_or_default();
    let state = match (created, is_sidecar) {
        (false, _) => json!({"waiting": {"reason": "PodInitializing"}}),
        (true, true) => json!({"running": {"startedAt": stamp(began)}}),
        (true, false) => {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": stamp(began), "finishedAt": stamp(began)}})
        }
    };
    json!({
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": created,
        "started": created && is_sidecar,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "containerID": container_id(pod, 0),
    })
}

fn state(pod: &Value, container: &Value, run: &Run) -> Value {
    if let Some(started_ms) = run.started_ms {
        return json!({"running": {"startedAt": stamp(started_ms)}});
    }
    match (run.stage, run.last_exit) {
        (Stage::ImageMissing, _) => {
            let image = text(container, "/image");
            json!({"waiting": {"reason": "ImagePullBackOff", "message": format!("Back-off pulling image \"{image}\"")}})
        }
        (Stage::BackingOff, Some(exit)) if run.restarts == 0 => {
            json!({"terminated": terminated(pod, exit, 0)})
        }
        (Stage::BackingOff, Some(_)) => {
            let wait = back_off(run.restarts - 1) / 1000;
            let wait = if wait >= 60 { format!("{}m{}s", wait / 60, wait % 60) } else { format!("{wait}s") };
            let message = format!(
                "back-off {wait} restarting failed container={} pod={}_{}({})",
                text(container, "/name"),
                document::name(pod),
                document::namespace(pod),
                document::uid(pod)
            );
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
        }
        (_, _) => json!({"waiting": {"reason": "ContainerCreating"}}),
    }
}

fn terminated(pod: &Value, exit: Exit, restarts: u32) -> Value {
    json!({
        "exitCode": 1,
        "reason": "Error",
        "startedAt": stamp(exit.started_ms),
        "finishedAt": stamp(exit.finished_ms),
        "containerID": container_id(pod, restarts),
    })
}

fn container_id(pod: &Value, restarts: u32) -> String {
    format!("containerd://{}", digest(&format!("{}/{restarts}", document::uid(pod))))
}

/// Sixty-four hexadecimal digits that depend on the text alone. They identify; they prove nothing.
fn digest(text: &str) -> String {
    (0..4_u8)
        .map(|part| {
            let hash = text
                .bytes()
                .chain([part])
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            format!("{hash:016x}")
        })
        .collect()
}
