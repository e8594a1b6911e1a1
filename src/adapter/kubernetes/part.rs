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
use kube::{Client, core::WatchEvent};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{
    access::{fault_of, status_fault},
    list::{Came, LIST_DEADLINE, Listing, PAGE_SIZE, Scope, request},
    wire::Kind,
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

/// How long a watch lives, and where in that time this one ends, so that several take turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub life: Duration,
    pub ends: Instant,
}

/// Until a server answers that it watches.
pub(super) const OPEN_DEADLINE: Duration = Duration::from_secs(4);
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
    /// What has come of the list, if it was begun.
    Unlisted(Listing<K>),
    Listed {
        version: String,
    },
    Watching(Watch<K>),
    Resting {
        until: Instant,
        then: Then<K>,
    },
}

/// What is done after a rest.
enum Then<K> {
    List(Listing<K>),
    Watch { version: String },
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
        let state = version.map_or_else(|| State::Unlisted(Listing::default()), |version| State::Listed { version });
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
            let seen = match std::mem::replace(&mut self.state, State::Unlisted(Listing::default())) {
                State::Unlisted(listing) => Some(self.unlisted(listing).await),
                State::Listed { version } => Some(self.listed(version).await),
                State::Watching(watch) => self.watching(watch).await,
                State::Resting { until, then } => {
                    sleep_until(until).await;
                    self.state = match then {
                        Then::List(listing) => State::Unlisted(listing),
                        Then::Watch { version } => State::Listed { version },
                    };
                    None
                }
            };
            if let Some(seen) = seen {
                return seen;
            }
        }
    }

    async fn unlisted(&mut self, mut listing: Listing<K>) -> Seen<K> {
        let late_from = Instant::now() + LIST_DEADLINE;
        loop {
            match listing.page(&self.client, &self.scope, PAGE_SIZE).await {
                Ok(Came::All) => {
                    let (items, version) = listing.into_items();
                    (self.stumbles, self.state) = (0, State::Listed { version });
                    return Seen::All(items);
                }
                Ok(Came::Part) => self.stumbles = 0,
                Err(fault) => return self.failed(fault, Then::List(listing)),
            }
            if Instant::now() >= late_from {
                let fault = listing.late(&self.scope);
                self.state = State::Unlisted(listing);
                return Seen::Failed(fault);
            }
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
            Err(error) => return self.failed(Fault::new(FaultKind::Unsupported, format!("{about}: {error}")), Then::Watch { version }),
        };
        match timeout(OPEN_DEADLINE, self.client.request_events::<K>(request)).await {
            Ok(Ok(events)) => {
                let (events, begun) = (events.boxed(), Instant::now());
                self.state = State::Watching(Watch { events, version, begun, ends, told: Progress::Nothing });
                Seen::Alive
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => self.expired(),
            Ok(Err(error)) => self.failed(fault_of(&about, &error), Then::Watch { version }),
            Err(_) => {
                let message = format!("{about} gave no answer within {}s", OPEN_DEADLINE.as_secs());
                self.failed(Fault::new(FaultKind::TimedOut, message), Then::Watch { version })
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
                    self.rest(Then::Watch { version: watch.version });
                    return None;
                }
                error => self.failed(fault_of(&format!("watching {}", K::PLURAL), &error), Then::Watch { version: watch.version }),
            }),
            Ok(None) if Instant::now() + early(self.turn.life) < watch.ends => {
                // Servers may end a watch whenever they like; one that always does it at once is asked more and more seldom.
                if watch.begun.elapsed() >= early(self.turn.life) {
                    self.stumbles = 0;
                }
                self.rest(Then::Watch { version: watch.version });
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
                        State::Unlisted(Listing::default())
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
                return Some(self.failed(fault, Then::Watch { version: watch.version }));
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
        self.state = State::Unlisted(Listing::default());
        Seen::Alive
    }

    fn failed(&mut self, fault: Fault, then: Then<K>) -> Seen<K> {
        self.rest(then);
        // What isn't allowed won't be so a moment later.
        if let (FaultKind::Forbidden | FaultKind::Denied | FaultKind::NotFound, State::Resting { until, .. }) =
            (fault.kind, &mut self.state)
        {
            *until = Instant::now() + self.turn.life;
        }
        Seen::Failed(fault)
    }

    fn rest(&mut self, then: Then<K>) {
        let pause = if self.stumbles == 0 { Duration::ZERO } else { PAUSE_FIRST.saturating_mul(1 << self.stumbles.min(7)).min(PAUSE_MOST) };
        self.stumbles = self.stumbles.saturating_add(1);
        self.state = State::Resting { until: Instant::now() + pause, then };
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

#[cfg(test)]
mod tests;
