//! The world's face on the wire: one file per API, each a match over method and path segments.
//!
//! Every handler works on the world under one short lock, brought to the current virtual time first.

pub mod compute;
pub mod compute_setup;
pub mod container;
pub mod front_door;
pub mod google;
pub mod http;
pub mod iam;
pub mod kubernetes;
pub mod lengthy;
pub mod logging;
pub mod metrics;
pub mod monitoring;
pub mod projects;
pub mod prometheus;
pub mod router;
pub mod run_template;
pub mod run_v1;
pub mod run_v2;
pub mod service_usage;
pub mod shape;
pub mod sql;
pub mod tls;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{sync::watch, time::timeout};

use super::world::{World, clock::Clock};

/// The one handle to the world that all servers share.
#[derive(Debug, Clone)]
pub struct Shared {
    world: Arc<Mutex<World>>,
    clock: Clock,
    /// Told of each change that open watches of the cluster have to look at, and of when the cluster is due to change by itself.
    cluster: watch::Sender<()>,
}

impl Shared {
    /// Shares a world that lives by this clock.
    #[must_use]
    pub fn new(world: World, clock: Clock) -> Self {
        Self { world: Arc::new(Mutex::new(world)), clock, cluster: watch::Sender::new(()) }
    }

    /// Runs `work` on the world as it is now. `work` must be short: everybody else waits.
    pub fn with<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        // A handler that panicked left a world that is still a world; refusing it would hide the panic's answer.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = |world: &World| (world.kubernetes.watched(), world.kubernetes.due_ms());
        let before = cluster(&world);
        world.tick(self.clock.now_ms());
        let result = work(&mut world);
        if cluster(&world) != before {
            self.cluster.send_replace(());
        }
        result
    }

    /// Moves the world on, and waits until the cluster is due to move by itself, but no longer than this.
    pub async fn keep_moving(&self, at_most: Duration) {
        let changed = kubernetes::KubernetesWorld::changed(self);
        let due_ms = self.with(|world| world.kubernetes.due_ms().map(|due_ms| due_ms - world.now_ms));
        let wait = due_ms.map_or(at_most, |due_ms| self.clock.real(due_ms.max(1) as f64).min(at_most));
        timeout(wait, changed).await.ok();
    }

    /// The clock that the world lives by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

impl kubernetes::KubernetesWorld for Shared {
    fn with<R>(&self, look: impl FnOnce(&mut super::world::kubernetes::Kubernetes) -> R) -> R {
        Shared::with(self, |world| look(&mut world.kubernetes))
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changed = self.cluster.subscribe();
        // Where the world is gone nobody waits for it any more.
        async move { drop(changed.changed().await) }.boxed()
    }

    fn real(&self, ms: i64) -> Duration {
        self.clock.real(ms as f64)
    }

    fn page(&self, pod: &str, path: &str) -> Option<kubernetes::passed::Page> {
        Shared::with(self, |world| metrics::page_of_pod(world, pod, path))
    }
}
