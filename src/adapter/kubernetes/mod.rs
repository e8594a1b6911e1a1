//! One Deployment of a cluster, watched: its pods, its rollout and its events, as they happen.
//!
//! Three watches (the Deployment, its pods by its selector, the namespace's events) live inside the sensor and are polled by `look` alone;
//! no task runs beside it. A look ends as soon as something has changed, and otherwise after a heartbeat, for which a read of the Deployment
//! proves that silence means calm: a watch that misses what the read sees is thrown away and begun anew. Objects are cut down to a few
//! fields while they are parsed, so a large namespace costs little. Nothing is ever written to a cluster from here.

mod access;
mod gke;
mod pod;
mod store;
mod wire;

use std::{sync::Mutex, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use kube::{
    Api, Client,
    runtime::watcher::{self, watcher},
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    domain::{
        fact::Fact,
        fault::{Fault, FaultKind},
        id::{BackendId, SourceId},
        time::Millis,
    },
    port::{Answer, Sensor},
};
pub use access::Access;
use access::fault_of;
pub use gke::{GkeCluster, Way};
use pod::SlimPod;
use store::{Change, Changed, Store};
use wire::{SlimDeployment, SlimEvent};

/// Which Deployment to watch, and how often to prove that the watch lives.
#[derive(Debug, Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub namespace: String,
    pub deployment: String,
    /// Silence after which the Deployment is read to prove that nothing has happened; on the machine's own clock.
    pub heartbeat: Duration,
    /// When what was said last is stale, in the session's time: some heartbeats and the deadline of a read.
    pub stale_after: Millis,
}

impl Config {
    /// A heartbeat of 5 s, stale after 20 s.
    pub fn new(source: SourceId, backend: BackendId, namespace: &str, deployment: &str) -> Config {
        let (namespace, deployment) = (namespace.to_owned(), deployment.to_owned());
        Config { source, backend, namespace, deployment, heartbeat: Duration::from_secs(5), stale_after: Millis::from_secs(20) }
    }
}

/// A plain read may take so long.
const READ_DEADLINE: Duration = Duration::from_secs(4);
/// How long a watch may lag behind a read before it counts as dead.
const CATCH_UP: Duration = Duration::from_secs(1);
/// The first list of everything may take so long.
const LIST_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks, so that a storm of events is told in lumps.
const BREATH: Millis = Millis(250);
/// Changes taken in by one look after the first; the rest waits for the next.
const LUMP_MAX: usize = 2000;
/// How long the server lets a watch live before it is begun anew, in seconds.
const WATCH_SECONDS: u32 = 240;

type Feed = SelectAll<BoxStream<'static, Result<Change, watcher::Error>>>;

pub struct KubernetesSensor {
    config: Config,
    way: Way,
    /// Made when it is first needed.
    client: Option<Client>,
    /// Behind a lock only because a sensor must be shareable; it is only ever reached by `&mut`.
    feed: Mutex<Option<Feed>>,
    store: Store,
}

impl KubernetesSensor {
    pub fn new(config: Config, way: Way) -> KubernetesSensor {
        let store = Store::new(config.deployment.clone());
        KubernetesSensor { config, way, client: None, feed: Mutex::new(None), store }
    }

    async fn seen(&mut self) -> Result<Vec<Fact>, Fault> {
        let seen = self.watch().await;
        if seen.as_ref().is_err_and(|fault| matches!(fault.kind, FaultKind::Unreachable | FaultKind::TimedOut)) {
            // The server may have moved; the next look asks for the way again.
            self.client = None;
        }
        seen
    }

    async fn watch(&mut self) -> Result<Vec<Fact>, Fault> {
        if self.feed_mut().is_none() {
            let feed = self.open().await?;
            *self.feed_mut() = Some(feed);
        }
        let patience = if self.store.is_complete() { self.config.heartbeat } else { LIST_DEADLINE };
        let deadline = Instant::now() + patience;
        loop {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(Ok(change))) => {
                    if self.store.take_in(change) == Changed::Yes && self.store.is_complete() {
                        break;
                    }
                }
                // 410: the history is gone; the watcher lists anew by itself.
                Ok(Some(Err(watcher::Error::WatchError(status)))) if status.code == 410 => {}
                Ok(Some(Err(error))) => return Err(watch_fault(&error)),
                Ok(None) => return Err(self.begin_anew("the watch has ended")),
                Err(_) if !self.store.is_complete() => return Err(self.begin_anew("the first list took too long")),
                Err(_) => {
                    self.prove().await?;
                    break;
                }
            }
        }
        self.take_in_what_is_ready();
        Ok(self.store.tell(&self.config.backend))
    }

    fn feed_mut(&mut self) -> &mut Option<Feed> {
        self.feed.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn next(&mut self) -> Option<Result<Change, watcher::Error>> {
        self.feed_mut().as_mut()?.next().await
    }

    /// Takes in what has arrived by now without waiting; a fault among it comes up in the next look.
    fn take_in_what_is_ready(&mut self) {
        for _ in 0..LUMP_MAX {
            match futures::FutureExt::now_or_never(self.next()) {
                Some(Some(Ok(change))) => {
                    self.store.take_in(change);
                }
                Some(Some(Err(_)) | None) | None => return,
            }
        }
    }

    /// Begins the watches, with the pods chosen by the Deployment's own selector.
    async fn open(&mut self) -> Result<Feed, Fault> {
        let deployment = self.read().await?;
        let client = self.connected().await?;
        self.store.forget();
        let Config { namespace, deployment: name, .. } = &self.config;
        let config = || watcher::Config::default().timeout(WATCH_SECONDS);
        let deployments =
            watcher(Api::<SlimDeployment>::namespaced(client.clone(), namespace), config().fields(&format!("metadata.name={name}")));
        let pods = watcher(Api::<SlimPod>::namespaced(client.clone(), namespace), config().labels(&deployment.selector));
        let events = watcher(Api::<SlimEvent>::namespaced(client, namespace), config());
        Ok(stream::select_all([
            deployments.map(|event| event.map(Change::Deployment)).boxed(),
            pods.map(|event| event.map(Change::Pod)).boxed(),
            events.map(|event| event.map(Change::Event)).boxed(),
        ]))
    }

    async fn connected(&mut self) -> Result<Client, Fault> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = self.way.access().await?.client()?;
        Ok(self.client.insert(client).clone())
    }

    async fn read(&mut self) -> Result<SlimDeployment, Fault> {
        let client = self.connected().await?;
        let Config { namespace, deployment, .. } = &self.config;
        let about = format!("reading deployment {namespace}/{deployment}");
        match timeout(READ_DEADLINE, Api::<SlimDeployment>::namespaced(client, namespace).get(deployment)).await {
            Ok(answer) => answer.map_err(|error| fault_of(&about, &error)),
            Err(_) => Err(Fault::new(FaultKind::TimedOut, format!("{about} gave no answer within {}s", READ_DEADLINE.as_secs()))),
        }
    }

    /// After a silence: the API still answers, and the watch shows what it knows, at once or after a moment to catch up.
    async fn prove(&mut self) -> Result<(), Fault> {
        let (truth, shown) = (self.read().await?.version, self.store.version().map(str::to_owned));
        if shown.as_ref() == Some(&truth) {
            return Ok(());
        }
        let deadline = Instant::now() + CATCH_UP;
        while self.store.version() == shown.as_deref() {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(Ok(change))) => {
                    self.store.take_in(change);
                }
                Ok(Some(Err(_)) | None) | Err(_) => return Err(self.begin_anew("the watch is silent although the deployment has changed")),
            }
        }
        Ok(())
    }

    fn begin_anew(&mut self, why: &str) -> Fault {
        *self.feed_mut() = None;
        self.store.forget();
        let Config { namespace, deployment, .. } = &self.config;
        Fault::new(FaultKind::Broken, format!("{namespace}/{deployment}: {why}; it is begun anew"))
    }
}

fn watch_fault(error: &watcher::Error) -> Fault {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            fault_of("watching the namespace", error)
        }
        watcher::Error::WatchError(status) => access::status_fault("watching the namespace", status),
        watcher::Error::NoResourceVersion => Fault::new(FaultKind::Unreadable, "the API server's answer to a watch has no version"),
    }
}

impl Sensor for KubernetesSensor {
    fn source(&self) -> SourceId {
        self.config.source.clone()
    }
    fn every(&self) -> Millis {
        BREATH
    }
    fn stale_after(&self) -> Millis {
        self.config.stale_after
    }
    fn look(&mut self) -> Answer<'_, Result<Vec<Fact>, Fault>> {
        Box::pin(self.seen())
    }
}
