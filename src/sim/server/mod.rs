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
pub mod regional;
pub mod router;
pub mod run_template;
pub mod run_v1;
pub mod run_v2;
pub mod service_project;
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

use super::{
    faults::{Api, Trouble},
    world::{
        World,
        audit::Mutation,
        clock::Clock,
        gateway::Gateway,
        kubernetes::{Kubernetes, resource::Resource, store::Key},
    },
};

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
        let cluster = |world: &World| {
            let second = world.gateway.as_ref().map(|gateway| (gateway.second.watched(), gateway.due_ms()));
            (world.kubernetes.watched(), world.kubernetes.due_ms(), second)
        };
        let before = cluster(&world);
        world.tick(self.clock.now_ms());
        let result = work(&mut world);
        if cluster(&world) != before {
            self.cluster.send_replace(());
        }
        result
    }

    /// Moves the world on, and waits until a cluster or the Gateway is due to move by itself, but no longer than this.
    pub async fn keep_moving(&self, at_most: Duration) {
        let changed = kubernetes::KubernetesWorld::changed(self);
        let due_ms = self.with(|world| {
            let gateway = world.gateway.as_ref().and_then(Gateway::due_ms);
            [world.kubernetes.due_ms(), gateway].into_iter().flatten().min().map(|due_ms| due_ms - world.now_ms)
        });
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
    fn with<R>(&self, look: impl FnOnce(&mut Kubernetes) -> R) -> R {
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

    fn trouble(&self) -> Option<Trouble> {
        Shared::with(self, |world| world.conditions.trouble(world.now_ms, Api::Kubernetes))
    }

    /// Of all that a cluster's users change, this world's log keeps what moves traffic.
    fn note(&self, call: &kubernetes::Call, key: &Key) {
        if key.resource != Resource::HttpRoute {
            return;
        }
        Shared::with(self, |world| {
            let became = Gateway::weights(&world.kubernetes).iter().map(|(name, weight)| format!("{name}={weight}")).collect::<Vec<_>>();
            world.audit.note(Mutation {
                at_ms: world.now_ms,
                service: "k8s.io",
                method: match call.method.as_str() {
                    "DELETE" => "io.k8s.networking.gateway.v1.httproutes.delete",
                    "PUT" => "io.k8s.networking.gateway.v1.httproutes.update",
                    _ => "io.k8s.networking.gateway.v1.httproutes.patch",
                },
                resource: format!("gateway.networking.k8s.io/v1/namespaces/{}/httproutes/{}", key.namespace, key.name),
                actor: call.actor.clone(),
                became: became.join(" "),
                operation: world.audit.all().len() as u64,
            });
        });
    }
}

/// The second cluster of the same world, whose API server is another one.
#[derive(Debug, Clone)]
pub struct Second(pub Shared);

impl kubernetes::KubernetesWorld for Second {
    fn with<R>(&self, look: impl FnOnce(&mut Kubernetes) -> R) -> R {
        self.0.with(|world| match &mut world.gateway {
            Some(gateway) => look(&mut gateway.second),
            // Nobody knows its address then.
            None => look(&mut world.kubernetes),
        })
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        kubernetes::KubernetesWorld::changed(&self.0)
    }

    fn real(&self, ms: i64) -> Duration {
        self.0.clock.real(ms as f64)
    }
}
