//! The world's face on the wire: one file per API, each a match over method and path segments.
//!
//! Every handler works on the world under one short lock, brought to the current virtual time first.

pub mod compute;
pub mod container;
pub mod front_door;
pub mod google;
pub mod http;
pub mod kubernetes;
pub mod logging;
pub mod metrics;
pub mod monitoring;
pub mod projects;
pub mod router;
pub mod run_template;
pub mod run_v1;
pub mod run_v2;
pub mod service_usage;
pub mod sql;
pub mod tls;

use std::sync::{Arc, Mutex, PoisonError};

use super::world::{World, clock::Clock};

/// The one handle to the world that all servers share.
#[derive(Debug, Clone)]
pub struct Shared {
    world: Arc<Mutex<World>>,
    clock: Clock,
}

impl Shared {
    /// Shares a world that lives by this clock.
    #[must_use]
    pub fn new(world: World, clock: Clock) -> Self {
        Self { world: Arc::new(Mutex::new(world)), clock }
    }

    /// Runs `work` on the world as it is now. `work` must be short: everybody else waits.
    pub fn with<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        // A handler that panicked left a world that is still a world; refusing it would hide the panic's answer.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick(self.clock.now_ms());
        work(&mut world)
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
}
