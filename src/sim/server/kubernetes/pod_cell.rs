//! The cells of a pod: READY, STATUS and RESTARTS, by the rules of the real printer.
//!
//! Sidecars (initial containers that are restarted whenever they end) count as containers from the moment they have started; any other
//! initial container that isn't over names the status.

use serde_json::{Value, json};

use super::cell::since;
use crate::sim::world::kubernetes::document::{self, list, number, text};

/// One cell for each column of a pod.
#[must_use]
pub(super) fn cells(object: &Value, name: Value, age: Value, now_ms: i64) -> Vec<Value> {
    let sidecars = list(object, "/spec/initContainers").iter().filter(|container| container["restartPolicy"] == "Always").count();
    let total = list(object, "/spec/containers").len() + sidecars;
    let initial = initial(object);
    let main = list(object, "/status/containerStatuses");
    let mut ready = initial.ready;
    let mut counted: Vec<&Value> = initial.seen;
    let mut status = initial.holds_up.clone().unwrap_or_else(|| phase(object));
    if initial.holds_up.is_none() || document::condition(object, "Initialized") == "True" {
        counted.retain(|status| is_sidecar(object, status));
        counted.extend(main);
        let running = main.iter().filter(|status| status["ready"] == true && status["state"]["running"].is_object()).count();
        ready += running;
        if let Some(word) = main.iter().find_map(word) {
            let over = word == "Completed" && running > 0;
            let back = if document::condition(object, "Ready") == "True" { "Running" } else { "NotReady" };
            status = if over { back.to_owned() } else { word };
        }
    }
    let ended = matches!(text(object, "/status/phase"), "Failed" | "Succeeded");
    if object["metadata"].get("deletionTimestamp").is_some() {
        match text(object, "/status/reason") {
            "NodeLost" => "Unknown".clone_into(&mut status),
            _ if !ended => "Terminating".clone_into(&mut status),
            _ => {}
        }
    }
    let or_none = |field: &str| json!(if text(object, field).is_empty() { "<none>" } else { text(object, field) });
    vec![
        name,
        json!(format!("{ready}/{total}")),
        json!(status),
        json!(restarts(&counted, now_ms)),
        age,
        or_none("/status/podIP"),
        or_none("/spec/nodeName"),
        json!("<none>"),
        json!("<none>"),
    ]
}

/// How the containers that come before the others stand.
struct Initial<'a> {
    /// The word of the first that the others wait for.
    holds_up: Option<String>,
    ready: usize,
    /// Those that were looked at.
    seen: Vec<&'a Value>,
}

fn initial(object: &Value) -> Initial<'_> {
    let count = list(object, "/spec/initContainers").len();
    let mut initial = Initial { holds_up: None, ready: 0, seen: Vec::new() };
    for (place, status) in list(object, "/status/initContainerStatuses").iter().enumerate() {
        initial.seen.push(status);
        let is_over = status["state"]["terminated"].is_object() && number(status, "/state/terminated/exitCode") == 0;
        if is_over {
            continue;
        }
        if is_sidecar(object, status) && status["started"] == true {
            initial.ready += usize::from(status["ready"] == true);
            continue;
        }
        let word = word(status).filter(|word| word != "PodInitializing");
        initial.holds_up = Some(word.map_or_else(|| format!("Init:{place}/{count}"), |word| format!("Init:{word}")));
        break;
    }
    initial
}

fn is_sidecar(object: &Value, status: &Value) -> bool {
    list(object, "/spec/initContainers")
        .iter()
        .any(|container| container["name"] == status["name"] && container["restartPolicy"] == "Always")
}

fn phase(object: &Value) -> String {
    let reason = text(object, "/status/reason");
    if reason.is_empty() { text(object, "/status/phase").to_owned() } else { reason.to_owned() }
}

/// Why a container waits, or how it ended.
fn word(status: &Value) -> Option<String> {
    let waiting = text(status, "/state/waiting/reason");
    if !waiting.is_empty() {
        return Some(waiting.to_owned());
    }
    if !status["state"]["terminated"].is_object() {
        return None;
    }
    let (reason, signal) = (text(status, "/state/terminated/reason"), number(status, "/state/terminated/signal"));
    Some(match (reason, signal) {
        ("", 0) => format!("ExitCode:{}", number(status, "/state/terminated/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

fn restarts(counted: &[&Value], now_ms: i64) -> String {
    let restarts: i64 = counted.iter().map(|status| number(status, "/restartCount")).sum();
    let last = counted.iter().map(|status| text(status, "/lastState/terminated/finishedAt")).max().unwrap_or_default();
    if restarts > 0 && !last.is_empty() { format!("{restarts} ({} ago)", since(last, now_ms)) } else { restarts.to_string() }
}
