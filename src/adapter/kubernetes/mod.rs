//! One Deployment of a cluster, watched: its pods, its rollout and its events, as they happen.
//!
//! Three parts (the Deployment, its pods by its selector, the namespace's events) live inside the sensor and are polled by `look` alone; no
//! task runs beside it. A look ends as soon as something has changed, or as a server has shown that it follows, which the parts see to by
//! turns, each once a minute (`part`). A part that may not be read is named and the rest is told; only the Deployment itself is
//! indispensable. Objects are cut down to a few fields while they are parsed, so a large namespace costs little. Nothing is ever
//! written to a cluster from here.

mod access;
pub mod exposed;
mod fold;
mod gke;
mod kubeconfig;
mod list;
mod pages;
mod part;
mod pod;
mod review;
mod store;
mod wire;

use std::{sync::Mutex, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use kube::Client;
use tokio::time::{Instant, timeout_at};

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
pub use gke::{GkeCluster, Way};
pub use kubeconfig::Kubeconfig;
use list::{LIST_DEADLINE, PAGE_DEADLINE, Scope};
pub use pages::{Pages, ReadyPod, Shown};
use part::{OPEN_DEADLINE, Part, Turn};
pub use review::{READS_PAGES, STEERS, WATCHES, Wish};
use store::{Change, Store, Worth};
use wire::SlimDeployment;

/// Which Deployment to watch, and how often to prove that the watches live.
#[derive(Debug, Clone)]
pub struct Config {
    pub source: SourceId,
    pub backend: BackendId,
    pub namespace: String,
    pub deployment: String,
    /// A watch is begun anew after this long, on the machine's own clock; what has died silently is noticed by then.
    pub life: Duration,
    /// When what was said last is stale, in the session's time: the life of a watch and the deadlines of a list and a read.
    pub stale_after: Millis,
}

impl Config {
    /// Watches that live for a minute.
    pub fn new(source: SourceId, backend: BackendId, namespace: &str, deployment: &str) -> Config {
        let (namespace, deployment) = (namespace.to_owned(), deployment.to_owned());
        Config { source, backend, namespace, deployment, life: Duration::from_secs(60), stale_after: Millis::from_secs(75) }
    }
}

/// Between two looks, so that a storm of changes is told in lumps.
const BREATH: Millis = Millis::from_secs(1);
/// Changes taken in by one look after the first; the rest waits for the next.
const LUMP_MAX: usize = 2000;
/// The parts take turns.
const PARTS: u32 = 3;

type Feed = SelectAll<BoxStream<'static, Change>>;

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
        if seen.as_ref().is_err_and(|fault| self.way.is_outdated_by(fault.kind)) {
            self.client = None;
            *self.feed_mut() = None;
        }
        seen
    }

    async fn watch(&mut self) -> Result<Vec<Fact>, Fault> {
        if self.feed_mut().is_none() {
            let feed = self.open().await?;
            *self.feed_mut() = Some(feed);
        }
        // Each part keeps deadlines of its own; this one only bounds them all.
        let patience = if self.store.is_complete() { self.config.life } else { LIST_DEADLINE };
        let deadline = Instant::now() + patience + PAGE_DEADLINE + OPEN_DEADLINE;
        loop {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(change)) => {
                    let worth = self.store.take_in(change);
                    if let Some(fault) = self.store.fault() {
                        return Err(fault.clone());
                    }
                    if worth != Worth::Nothing && self.store.is_complete() {
                        break;
                    }
                }
                Ok(None) | Err(_) => return Err(self.silent()),
            }
        }
        self.take_in_what_is_ready();
        match self.store.fault() {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.store.tell(&self.config.backend)),
        }
    }

    fn feed_mut(&mut self) -> &mut Option<Feed> {
        self.feed.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn next(&mut self) -> Option<Change> {
        self.feed_mut().as_mut()?.next().await
    }

    /// Takes in what has arrived by now without waiting.
    fn take_in_what_is_ready(&mut self) {
        for _ in 0..LUMP_MAX {
            match futures::FutureExt::now_or_never(self.next()) {
                Some(Some(change)) => {
                    self.store.take_in(change);
                }
                Some(None) | None => return,
            }
        }
    }

    /// Lists the Deployment and begins the watches, with the pods chosen by its own selector.
    async fn open(&mut self) -> Result<Feed, Fault> {
        let client = self.connected().await?;
        self.store.forget();
        let Config { namespace, deployment: name, life, .. } = self.config.clone();
        let scope = Scope { namespace, labels: None, fields: None };
        let only = Scope { fields: Some(format!("metadata.name={name}")), ..scope.clone() };
        let (all, version) = list::list::<SlimDeployment>(&client, &only).await?;
        let labels = all.first().map(|deployment| deployment.selector.clone());
        self.store.take_in(Change::Deployment(part::Seen::All(all)));
        if let Some(fault) = self.store.fault() {
            return Err(fault.clone());
        }
        let now = Instant::now();
        let turn = |place: u32| Turn { life, ends: now + life * place / PARTS };
        let deployment = Part::new(client.clone(), only, turn(1), Some(version));
        let pods = Part::new(client.clone(), Scope { labels, ..scope.clone() }, turn(2), None);
        let events = Part::new(client, scope, turn(3), None);
        Ok(stream::select_all([
            deployment.seen().map(Change::Deployment).boxed(),
            pods.seen().map(Change::Pod).boxed(),
            events.seen().map(Change::Event).boxed(),
        ]))
    }

    async fn connected(&mut self) -> Result<Client, Fault> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = self.way.access().await?.client()?;
        Ok(self.client.insert(client).clone())
    }

    fn silent(&mut self) -> Fault {
        let Config { namespace, deployment, .. } = &self.config;
        let message =
            format!("the cluster has said nothing about {namespace}/{deployment} for longer than a watch lives; it is asked anew");
        Fault::new(FaultKind::TimedOut, message)
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
