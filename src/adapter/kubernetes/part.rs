//! One kind of object of a namespace: listed, then watched, so that silence is never taken for calm.
//!
//! A watch lives for a minute at most and is then begun anew where it ended, which loses nothing and costs one request. Within that minute
//! a server that follows says so at least once: by a change, or by the bookmark that it sends shortly before it ends a watch. One that has
//! said nothing is not believed, whether or not its connection still stands: everything is listed again. So a watch that has died
//! silently is found out within its minute, and a quiet namespace costs one request a minute for each kind.

use std::time::Duration;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use kube::{
    Client,
    core::{Request, WatchEvent},
};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{
    access::{fault_of, status_fault},
    wire::{Kind, Page},
};
use crate::domain::fault::{Fault, FaultKind};

/// One step of what is seen.
#[derive(Debug, Clone)]
pub(super) enum Seen<K> {
    /// All that there is.
    All(Vec<K>),
    Applied(K),
    Deleted(K),
    /// The server follows, and has nothing to tell.
    Alive,
    Failed(Fault),
}

/// What to list and watch.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub namespace: String,
    pub labels: Option<String>,
    pub fields: Option<String>,
}

/// How long a watch lives, and where in that time this one ends, so that several take turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub life: Duration,
    pub ends: Instant,
}

/// One page of a list may take so long.
pub(super) const PAGE_DEADLINE: Duration = Duration::from_secs(10);
/// A list of everything may, page by page: ten thousand pods are fifty megabytes, and a list that is given up is asked for from its beginning.
pub(super) const LIST_DEADLINE: Duration = Duration::from_secs(60);
/// Until a server answers that it watches.
pub(super) const OPEN_DEADLINE: Duration = Duration::from_secs(4);
const PAGE_SIZE: u32 = 500;
/// Waits after faults, and between watches that the server ends early, grow by doubling between these.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MOST: Duration = Duration::from_secs(15);

pub(super) struct Part<K> {
    client: Client,
    scope: Scope,
    turn: Turn,
    state: State<K>,
    /// Faults in a row, or watches in a row that ended at once.
    stumbles: u32,
}

enum State<K> {
    Unlisted,
    Listed { version: String },
    Watching(Watch<K>),
    Resting { until: Instant, version: Option<String> },
}

struct Watch<K> {
    events: BoxStream<'static, Result<WatchEvent<K>, kube::Error>>,
    /// Up to which everything was seen.
    version: String,
    begun: Instant,
    ends: Instant,
    told: Progress,
}

/// Whether the server has said anything in this watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Something,
    Nothing,
}

impl<K: Kind> Part<K> {
    /// From a list that was made already, whose version is `version`; without one everything is listed first.
    pub(super) fn new(client: Client, scope: Scope, turn: Turn, version: Option<String>) -> Part<K> {
        let state = version.map_or(State::Unlisted, |version| State::Listed { version });
        Part { client, scope, turn, state, stumbles: 0 }
    }

    /// Everything from now on, without end.
    pub(super) fn seen(self) -> BoxStream<'static, Seen<K>> {
        stream::unfold(self, |mut part| async move {
            let seen = part.next().await;
            Some((seen, part))
        })
        .boxed()
    }

    async fn next(&mut self) -> Seen<K> {
        loop {
            let seen = match std::mem::replace(&mut self.state, State::Unlisted) {
                State::Unlisted => Some(self.unlisted().await),
                State::Listed { version } => Some(self.listed(version).await),
                State::Watching(watch) => self.watching(watch).await,
                State::Resting { until, version } => {
                    sleep_until(until).await;
                    self.state = version.map_or(State::Unlisted, |version| State::Listed { version });
                    None
                }
            };
            if let Some(seen) = seen {
                return seen;
            }
        }
    }

    async fn unlisted(&mut self) -> Seen<K> {
        match list(&self.client, &self.scope).await {
            Ok((items, version)) => {
                self.stumbles = 0;
                self.state = State::Listed { version };
                Seen::All(items)
            }
            Err(fault) => self.failed(fault, None),
        }
    }

    async fn listed(&mut self, version: String) -> Seen<K> {
        let about = format!("watching {}", K::PLURAL);
        let ends = self.next_turn();
        let params = kube::api::WatchParams {
            label_selector: self.scope.labels.clone(),
            field_selector: self.scope.fields.clone(),
            timeout: Some(whole_seconds(ends.saturating_duration_since(Instant::now()))),
            ..kube::api::WatchParams::default()
        };
        let request = match request::<K>(&self.scope.namespace).watch(&params, &version) {
            Ok(request) => request,
            Err(error) => return self.failed(Fault::new(FaultKind::Unsupported, format!("{about}: {error}")), Some(version)),
        };
        match timeout(OPEN_DEADLINE, self.client.request_events::<K>(request)).await {
            Ok(Ok(events)) => {
                let (events, begun) = (events.boxed(), Instant::now());
                self.state = State::Watching(Watch { events, version, begun, ends, told: Progress::Nothing });
                Seen::Alive
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => self.expired(),
            Ok(Err(error)) => self.failed(fault_of(&about, &error), Some(version)),
            Err(_) => {
                let message = format!("{about} gave no answer within {}s", OPEN_DEADLINE.as_secs());
                self.failed(Fault::new(FaultKind::TimedOut, message), Some(version))
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "kube's errors are kube's to extend")]
    async fn watching(&mut self, mut watch: Watch<K>) -> Option<Seen<K>> {
        match timeout_at(watch.ends, watch.events.next()).await {
            Ok(Some(Ok(event))) => self.heard(watch, event),
            Ok(Some(Err(error))) => Some(match error {
                kube::Error::Api(status) if status.code == 410 => self.expired(),
                // What was missed is in the history; only a server that can't be reached again is a fault.
                _ if self.stumbles == 0 => {
                    self.rest(Some(watch.version));
                    return None;
                }
                error => self.failed(fault_of(&format!("watching {}", K::PLURAL), &error), Some(watch.version)),
            }),
            Ok(None) if Instant::now() + early(self.turn.life) < watch.ends => {
                // Servers may end a watch whenever they like; one that always does it at once is asked more and more seldom.
                if watch.begun.elapsed() >= early(self.turn.life) {
                    self.stumbles = 0;
                }
                self.rest(Some(watch.version));
                None
            }
            Ok(None) | Err(_) => {
                self.state = match watch.told {
                    Progress::Something => State::Listed { version: watch.version },
                    Progress::Nothing => {
                        tracing::warn!(
                            "the watch of {} in {} said nothing for its whole life; they are listed anew",
                            K::PLURAL,
                            self.scope.namespace
                        );
                        State::Unlisted
                    }
                };
                None
            }
        }
    }

    fn heard(&mut self, mut watch: Watch<K>, event: WatchEvent<K>) -> Option<Seen<K>> {
        let seen = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => Seen::Applied(object),
            WatchEvent::Deleted(object) => Seen::Deleted(object),
            WatchEvent::Bookmark(bookmark) => {
                watch.version = newer(watch.version, &bookmark.metadata.resource_version);
                Seen::Alive
            }
            WatchEvent::Error(status) if status.code == 410 => return Some(self.expired()),
            WatchEvent::Error(status) => {
                let fault = status_fault(&format!("watching {}", K::PLURAL), &status);
                return Some(self.failed(fault, Some(watch.version)));
            }
        };
        if let Seen::Applied(object) | Seen::Deleted(object) = &seen {
            watch.version = newer(watch.version, object.version());
        }
        (watch.told, self.stumbles) = (Progress::Something, 0);
        self.state = State::Watching(watch);
        Some(seen)
    }

    /// The history is gone; what is there now is asked for at once.
    fn expired(&mut self) -> Seen<K> {
        self.state = State::Unlisted;
        Seen::Alive
    }

    fn failed(&mut self, fault: Fault, version: Option<String>) -> Seen<K> {
        self.rest(version);
        // What isn't allowed won't be so a moment later.
        if let (FaultKind::Forbidden | FaultKind::NotFound, State::Resting { until, .. }) = (fault.kind, &mut self.state) {
            *until = Instant::now() + self.turn.life;
        }
        Seen::Failed(fault)
    }

    fn rest(&mut self, version: Option<String>) {
        let pause = if self.stumbles == 0 { Duration::ZERO } else { PAUSE_FIRST.saturating_mul(1 << self.stumbles.min(7)).min(PAUSE_MOST) };
        self.stumbles = self.stumbles.saturating_add(1);
        self.state = State::Resting { until: Instant::now() + pause, version };
    }

    /// When the next watch ends; always at this part's own place in the minute, and never so soon that it would be for nothing.
    fn next_turn(&mut self) -> Instant {
        let soonest = Instant::now() + self.turn.life / 4;
        while self.turn.ends < soonest {
            self.turn.ends += self.turn.life;
        }
        self.turn.ends
    }
}

/// A watch that ends with more than this of its life left has been ended early.
fn early(life: Duration) -> Duration {
    life / 20
}

fn whole_seconds(span: Duration) -> u32 {
    u32::try_from(span.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).clamp(1, 290)
}

/// The later of two versions. They are opaque, but in fact numbers; where they are not, the one that came last is taken.
fn newer(known: String, seen: &str) -> String {
    match (known.parse::<u64>(), seen.parse::<u64>()) {
        (Ok(before), Ok(now)) if now < before => known,
        (_, _) if seen.is_empty() => known,
        (_, _) => seen.to_owned(),
    }
}

fn request<K: Kind>(namespace: &str) -> Request {
    let (before, after) = K::PATH;
    Request::new(format!("{before}{namespace}{after}"))
}

/// Everything that there is, page by page, with its version.
/// # Errors
/// Whatever the API says, or [`FaultKind::TimedOut`].
pub(super) async fn list<K: Kind>(client: &Client, scope: &Scope) -> Result<(Vec<K>, String), Fault> {
    list_until(client, scope, PAGE_SIZE, |_| false).await
}

/// The first of them, in pages of `page_size`, until they are `enough`; then no further page is asked for.
/// # Errors
/// As [`list`].
pub(super) async fn list_until<K: Kind>(
    client: &Client,
    scope: &Scope,
    page_size: u32,
    enough: impl Fn(&[K]) -> bool,
) -> Result<(Vec<K>, String), Fault> {
    let about = format!("listing {} of {}", K::PLURAL, scope.namespace);
    match timeout(LIST_DEADLINE, pages(client, scope, page_size, enough, &about)).await {
        Ok(listed) => listed,
        Err(_) => Err(too_slow(&about, LIST_DEADLINE)),
    }
}

fn too_slow(about: &str, deadline: Duration) -> Fault {
    Fault::new(FaultKind::TimedOut, format!("{about} took longer than {}s", deadline.as_secs()))
}

async fn pages<K: Kind>(
    client: &Client,
    scope: &Scope,
    page_size: u32,
    enough: impl Fn(&[K]) -> bool,
    about: &str,
) -> Result<(Vec<K>, String), Fault> {
    let mut items = Vec::new();
    let mut params = kube::api::ListParams {
        label_selector: scope.labels.clone(),
        field_selector: scope.fields.clone(),
        limit: Some(page_size),
        ..kube::api::ListParams::default()
    };
    loop {
        let request = request::<K>(&scope.namespace).list(&params);
        let request = request.map_err(|error| Fault::new(FaultKind::Unsupported, format!("{about}: {error}")))?;
        let text = match timeout(PAGE_DEADLINE, client.request_text(request)).await {
            Ok(answered) => answered.map_err(|error| fault_of(about, &error))?,
            Err(_) => return Err(too_slow(about, PAGE_DEADLINE)),
        };
        let page: Page<K> =
            serde_json::from_slice(text.as_bytes()).map_err(|error| Fault::new(FaultKind::Unreadable, format!("{about}: {error}")))?;
        items.extend(page.items);
        if page.metadata.next.is_empty() || enough(&items) {
            return Ok((items, page.metadata.resource_version));
        }
        params.continue_token = Some(page.metadata.next);
    }
}

#[cfg(test)]
mod tests;
