//! Watches: a stream of changes without an end, one JSON document a line.
//!
//! A watch is a reader of the store's history. It ends at the caller's `timeoutSeconds` (real time, because the
//! caller's patience is real), with a 410 document when its version is forgotten, or as a fault demands.
//! Bookmarks come once a minute of virtual time to those who allow them.

use std::{convert::Infallible, time::Duration};

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    StatusCode,
    body::{Bytes, Frame},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    Call, KubernetesWorld,
    answer::{self, Failure, Reply},
    query::Query,
    read,
    route::Target,
    selector::Selector,
    table::{self, Form},
};
use crate::sim::world::kubernetes::{
    Kubernetes,
    fault::WatchFault,
    resource::Resource,
    store::{Change, ChangeKind, Expired, Key},
};

/// Virtual time between two bookmarks.
const BOOKMARK_MS: i64 = 60_000;
/// How far past a moment it is looked for what has come with it.
const PAST: Duration = Duration::from_millis(1);
/// Before the end of a stream, in real time as the end itself.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// How long a stream lives under [`WatchFault::Closes`].
const CLOSES_AFTER_MS: i64 = 1000;
/// How long a watch lives if the caller names no time; the real server draws from thirty to sixty minutes.
const LIFE_DEFAULT: Duration = Duration::from_secs(45 * 60);

/// One open watch.
struct Watch<W> {
    world: W,
    call: Call,
    resource: Resource,
    namespace: String,
    selector: Selector,
    /// The version up to which everything was sent.
    position: u64,
    begin: Begin,
    expiries: u64,
    opened_ms: i64,
    bookmark_due_ms: i64,
    last_bookmark: LastBookmark,
    columns_sent: bool,
    ends: Instant,
    phase: Phase,
}

/// What a watch sends before changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// Nothing: the caller has a version.
    AtVersion,
    /// Every object as an addition.
    WithState,
    /// Every object as an addition, then a bookmark that says so.
    WithStateAndMark,
}

/// The bookmark before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastBookmark {
    Due,
    Sent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Running,
    Ended,
}

/// Opens a watch on a collection, or on one object of it.
///
/// # Errors
/// 400 for selectors or versions that cannot be read, 504 for versions of the future.
pub fn open<W: KubernetesWorld>(world: W, call: &Call, key: Option<&Key>) -> Result<Reply, Failure> {
    let (resource, namespace) = match (&call.target, key) {
        (_, Some(key)) => (key.resource, key.namespace.clone()),
        (Target::Collection { resource, namespace }, None) => (*resource, namespace.clone()),
        (_, None) => return Err(Failure::no_such_path()),
    };
    let selector = Selector::of(resource, &call.query)?;
    let selector = key.map_or(selector.clone(), |key| selector.named(&key.name));
    let asked = read::version(call.query.get("resourceVersion"))?;
    let (current, expiries, now_ms) = world.with(|cluster| (cluster.store().version(), cluster.expiries(), cluster.now_ms()));
    if let Some(asked) = asked.filter(|asked| *asked > current) {
        return Err(Failure::too_new(asked, current));
    }
    let begin = begin(&call.query, asked)?;
    let life = call.query.number("timeoutSeconds").and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    let watch = Watch {
        world,
        call: Call {
            method: call.method.clone(),
            target: call.target.clone(),
            query: call.query.clone(),
            form: call.form,
            agent: String::new(),
            actor: call.actor.clone(),
            content_type: String::new(),
            body: Vec::new(),
        },
        resource,
        namespace,
        selector,
        position: asked.unwrap_or(current),
        begin,
        expiries,
        opened_ms: now_ms,
        bookmark_due_ms: now_ms + BOOKMARK_MS,
        // A stream that is to live no longer than that has none.
        last_bookmark: if life.is_some_and(|seconds| Duration::from_secs(seconds) <= LAST_BOOKMARK) {
            LastBookmark::Sent
        } else {
            LastBookmark::Due
        },
        columns_sent: false,
        ends: Instant::now() + life.map_or(LIFE_DEFAULT, Duration::from_secs),
        phase: Phase::Opening,
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), watch))
    });
    Ok(answer::with_body(StatusCode::OK, "application/json", StreamBody::new(frames).boxed_unsync()))
}

fn begin(query: &Query, asked: Option<u64>) -> Result<Begin, Failure> {
    if query.get("sendInitialEvents").is_empty() {
        return Ok(if asked.is_some() { Begin::AtVersion } else { Begin::WithState });
    }
    if query.get("resourceVersionMatch") != "NotOlderThan" {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
                       resourceVersionMatch to NotOlderThan";
        return Err(Failure::bad_request(message));
    }
    match (query.is_set("sendInitialEvents"), asked) {
        (true, _) => Ok(Begin::WithStateAndMark),
        (false, _) => Ok(Begin::AtVersion),
    }
}

/// What one look at the world gave.
enum Look {
    Send(String),
    SendAndEnd(String),
    /// Nothing to send until something changes, or so many milliseconds have passed.
    Wait {
        due_ms: Option<i64>,
    },
    End,
}

impl<W: KubernetesWorld> Watch<W> {
    /// The next bytes to send; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.phase == Phase::Ended || Instant::now() >= self.ends {
                return None;
            }
            let world = self.world.clone();
            let changed = world.changed();
            let due_ms = match world.with(|cluster| self.look(cluster)) {
                Look::Send(lines) => return Some(Bytes::from(lines)),
                Look::SendAndEnd(lines) => {
                    self.phase = Phase::Ended;
                    return Some(Bytes::from(lines));
                }
                Look::End => return None,
                Look::Wait { due_ms } => due_ms,
            };
            timeout_at(self.due(due_ms), changed).await.ok();
        }
    }

    fn look(&mut self, cluster: &mut Kubernetes) -> Look {
        let opening = std::mem::replace(&mut self.phase, Phase::Running) == Phase::Opening;
        if cluster.is_silent(self.opened_ms) {
            return Look::Wait { due_ms: None };
        }
        match cluster.watch_fault() {
            WatchFault::Closes if cluster.now_ms() - self.opened_ms >= CLOSES_AFTER_MS => {
                return Look::End;
            }
            WatchFault::Closes | WatchFault::Honest | WatchFault::BookmarksRegress | WatchFault::Mute | WatchFault::Freezes => {}
        }
        if cluster.expiries() != self.expiries {
            let failure = forgotten(self.position, cluster);
            return Look::SendAndEnd(line("ERROR", &failure.document()));
        }
        let mut lines = String::new();
        if opening && self.begin != Begin::AtVersion {
            lines = self.state(cluster);
        }
        match cluster.store().changes_after(self.position) {
            Err(expired) => {
                return Look::SendAndEnd(line("ERROR", &Failure::from(expired).document()));
            }
            Ok(changes) => {
                let changes: Vec<Change> = changes.filter(|change| self.concerns(change)).cloned().collect();
                for change in &changes {
                    lines.push_str(&self.event(cluster, change));
                }
            }
        }
        let regress = cluster.watch_fault() == WatchFault::BookmarksRegress;
        let version = if regress { self.position.saturating_sub(50) } else { cluster.store().version() };
        self.position = cluster.store().version();
        if self.is_bookmark_due(cluster.now_ms()) && self.call.query.is_set("allowWatchBookmarks") {
            self.bookmark_due_ms = cluster.now_ms() + BOOKMARK_MS;
            if self.ends.saturating_duration_since(Instant::now()) <= LAST_BOOKMARK {
                self.last_bookmark = LastBookmark::Sent;
            }
            lines.push_str(&self.bookmark(version, json!({})));
        }
        if lines.is_empty() { Look::Wait { due_ms: self.due_ms(cluster) } } else { Look::Send(lines) }
    }

    /// In how many milliseconds time alone gives it something to do, the end and the bookmark before it aside.
    fn due_ms(&self, cluster: &Kubernetes) -> Option<i64> {
        let bookmark = self.call.query.is_set("allowWatchBookmarks").then_some(self.bookmark_due_ms);
        let close = (cluster.watch_fault() == WatchFault::Closes).then_some(self.opened_ms + CLOSES_AFTER_MS);
        let due = [bookmark, close].into_iter().flatten().min()?;
        Some(due - cluster.now_ms())
    }

    /// When to look again at the latest; a moment that has just come is a little past then.
    fn due(&self, due_ms: Option<i64>) -> Instant {
        let last_bookmark = (self.last_bookmark == LastBookmark::Due).then_some(self.ends - LAST_BOOKMARK);
        let due = due_ms.map(|ms| Instant::now() + self.world.real(ms.max(0)) + PAST);
        let coming = last_bookmark.filter(|at| *at > Instant::now());
        [coming, due].into_iter().flatten().fold(self.ends, Instant::min)
    }

    /// Once a minute, and once more shortly before the stream ends, so that its reader knows where to go on.
    fn is_bookmark_due(&self, now_ms: i64) -> bool {
        let left = self.ends.saturating_duration_since(Instant::now());
        now_ms >= self.bookmark_due_ms || (self.last_bookmark == LastBookmark::Due && left <= LAST_BOOKMARK)
    }

    fn concerns(&self, change: &Change) -> bool {
        change.key.resource == self.resource && (self.namespace.is_empty() || change.key.namespace == self.namespace)
    }

    /// Every object that is there, as additions.
    fn state(&mut self, cluster: &Kubernetes) -> String {
        let store = cluster.store();
        self.position = store.version();
        let objects = store.list(self.resource, &self.namespace).filter(|object| self.selector.matches(object));
        let objects: Vec<_> = objects.cloned().collect();
        let mut lines = String::new();
        for object in &objects {
            let shown = self.show(cluster, object);
            lines.push_str(&line("ADDED", &shown));
        }
        if self.begin == Begin::WithStateAndMark {
            lines.push_str(&self.bookmark(self.position, json!({"k8s.io/initial-events-end": "true"})));
        }
        lines
    }

    /// One change as the caller's selector sees it: what stops matching is deleted for him, and the reverse.
    fn event(&mut self, cluster: &Kubernetes, change: &Change) -> String {
        let was = change.previous.as_ref().is_some_and(|previous| self.selector.matches(previous));
        let is = change.transition != ChangeKind::Deleted && self.selector.matches(&change.object);
        let kind = match (was, is) {
            (false, false) => return String::new(),
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        let shown = self.show(cluster, &change.object);
        line(kind, &shown)
    }

    fn show(&mut self, cluster: &Kubernetes, object: &Value) -> Value {
        let shown = table::one(cluster, self.resource, object, &self.call);
        let sent = std::mem::replace(&mut self.columns_sent, true);
        if sent { table::without_columns(shown) } else { shown }
    }

    fn bookmark(&self, version: u64, annotations: Value) -> String {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let object = match self.call.form {
            Form::Objects => {
                let mut object =
                    json!({"kind": self.resource.names().kind, "apiVersion": self.resource.api_version(), "metadata": metadata});
                if !matches!(self.resource, Resource::Event | Resource::ConfigMap | Resource::EndpointSlice) {
                    object["spec"] = json!({});
                }
                object
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Table => json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"resourceVersion": version.to_string()}, "columnDefinitions": null, "rows": [],
            }),
        };
        line("BOOKMARK", &object)
    }
}

fn forgotten(position: u64, cluster: &Kubernetes) -> Failure {
    Expired { asked: position, oldest: cluster.store().version() }.into()
}

fn line(kind: &str, object: &Value) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
