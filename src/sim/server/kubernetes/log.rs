//! The log of a container, whole or followed.
//!
//! A followed log is a stream that ends when its pod is gone or its container starts again.

use std::{convert::Infallible, time::Duration};

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    StatusCode,
    body::{Bytes, Frame},
};
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Call, KubernetesWorld,
    answer::{self, Failure, Reply},
};
use crate::sim::world::kubernetes::{
    Kubernetes,
    document::{list, text},
    logs::{Life, Line},
    store::Key,
};

/// A log grows with time; a followed one is looked at this often, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many lines are sent when the caller names no number.
const LINES_MAX: usize = 5000;

/// A log that is being followed.
struct Follow<W> {
    world: W,
    key: Key,
    stamps: Stamps,
    first: Option<String>,
    position_ms: i64,
    restarts: Value,
}

/// Whether each line begins with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamps {
    Shown,
    Hidden,
}

/// Answers with the log of a pod's container.
///
/// # Errors
/// 404 for an unknown pod; 400 for an unknown container or one that has not started.
pub fn answer<W: KubernetesWorld>(world: W, call: &Call, key: &Key) -> Result<Reply, Failure> {
    let stamps = if call.query.is_set("timestamps") { Stamps::Shown } else { Stamps::Hidden };
    let (lines, position_ms, restarts) = world.with(|cluster| {
        let lines = read(cluster, call, key)?;
        Ok::<_, Failure>((lines, cluster.now_ms(), restarts(cluster, key)))
    })?;
    let first = written(&lines, stamps);
    if !call.query.is_set("follow") {
        return Ok(answer::text(first));
    }
    let follow = Follow { world, key: key.clone(), stamps, first: Some(first), position_ms, restarts };
    let frames = stream::unfold(follow, |mut follow| async move {
        let chunk = follow.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), follow))
    });
    Ok(answer::with_body(StatusCode::OK, "text/plain", StreamBody::new(frames).boxed_unsync()))
}

impl<W: KubernetesWorld> Follow<W> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Some(Bytes::from(first));
        }
        loop {
            let world = self.world.clone();
            let lines = world.with(|cluster| self.look(cluster))?;
            if !lines.is_empty() {
                return Some(Bytes::from(written(&lines, self.stamps)));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn look(&mut self, cluster: &mut Kubernetes) -> Option<Vec<Line>> {
        if restarts(cluster, &self.key) != self.restarts {
            return None;
        }
        let (from_ms, to_ms) = (self.position_ms, cluster.now_ms());
        self.position_ms = to_ms;
        cluster.log(&self.key, Life::Present, from_ms, to_ms, LINES_MAX)
    }
}

/// How often the container was started; null when the pod is gone.
fn restarts(cluster: &Kubernetes, key: &Key) -> Value {
    cluster.store().get(key).map_or(Value::Null, |pod| pod["status"]["containerStatuses"][0]["restartCount"].clone())
}

fn read(cluster: &Kubernetes, call: &Call, key: &Key) -> Result<Vec<Line>, Failure> {
    let pod = cluster.store().get(key).ok_or_else(|| Failure::not_found(key))?;
    let containers = list(pod, "/spec/containers");
    let asked = call.query.get("container");
    let name = if asked.is_empty() { containers.first().map_or("", |first| text(first, "/name")) } else { asked };
    if !containers.iter().any(|container| text(container, "/name") == name) {
        return Err(Failure::bad_request(format!("container {name} is not valid for pod {}", key.name)));
    }
    let life = if call.query.is_set("previous") { Life::Previous } else { Life::Present };
    let now_ms = cluster.now_ms();
    let from_ms = match (call.query.number("sinceSeconds"), call.query.get("sinceTime").parse::<jiff::Timestamp>()) {
        (Some(seconds), _) => now_ms - seconds.saturating_mul(1000),
        (None, Ok(time)) => time.as_millisecond(),
        (None, Err(_)) => 0,
    };
    let tail = call.query.number("tailLines").and_then(|lines| usize::try_from(lines).ok());
    let limit = tail.map_or(LINES_MAX, |tail| tail.min(LINES_MAX));
    cluster.log(key, life, from_ms, now_ms, limit).ok_or_else(|| no_log(pod, key, name, life))
}

fn no_log(pod: &Value, key: &Key, name: &str, life: Life) -> Failure {
    let reason = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    match life {
        Life::Previous => Failure::bad_request(format!("previous terminated container \"{name}\" in pod \"{}\" not found", key.name)),
        Life::Present if text(pod, "/spec/nodeName").is_empty() => {
            Failure::bad_request(format!("pod {} does not have a host assigned", key.name))
        }
        Life::Present => Failure::bad_request(format!(
            "container \"{name}\" in pod \"{}\" is waiting to start: {}",
            key.name,
            if reason.is_empty() { "ContainerCreating" } else { reason }
        )),
    }
}

fn written(lines: &[Line], stamps: Stamps) -> String {
    let mut text = String::new();
    for line in lines {
        if stamps == Stamps::Shown {
            let moment = jiff::Timestamp::from_millisecond(line.at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            text.push_str(&format!("{moment:.9} "));
        }
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}
