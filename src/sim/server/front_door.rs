//! Where users come in: the load balancer's front door, and each backend's own address.
//!
//! A request at the front door is really split by the edge's current weights and really takes its time,
//! shortened by the clock's speed. Past the front door, a backend shows its health and its metrics as well.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    http::{Call, Handler, Reply},
    metrics,
};
use crate::sim::world::{Leg, meter::Code};

/// The handler of the front door (`leg` is `None`) or of one backend.
#[derive(Debug, Clone)]
pub struct Door {
    /// The world.
    pub shared: Shared,
    /// Which backend this is the address of.
    pub leg: Option<Leg>,
    /// Ends requests that wait.
    pub stop: CancellationToken,
}

impl Handler for Door {
    async fn handle(&self, call: Call) -> Option<Reply> {
        tokio::select! {
            () = self.stop.cancelled() => None,
            reply = self.answer(&call) => reply,
        }
    }
}

impl Door {
    async fn answer(&self, call: &Call) -> Option<Reply> {
        match (self.leg, call.path.as_str()) {
            (Some(leg), "/metrics") => Some(self.shared.with(|world| metrics::page(world, leg))),
            (Some(leg), "/health" | "/healthz" | "/ready" | "/readyz") => Some(self.health(leg, call)),
            (leg, _) => self.visit(leg, call).await,
        }
    }

    fn health(&self, leg: Leg, call: &Call) -> Reply {
        let ready = self.shared.with(|world| metrics::instances(world, leg));
        let asks_ready = call.path.starts_with("/ready");
        let status = if asks_ready && ready < 1.0 { 503 } else { 200 };
        Reply::json(status, &json!({"backend": leg.label(), "instancesReady": ready}))
    }

    async fn visit(&self, at: Option<Leg>, call: &Call) -> Option<Reply> {
        let served = self.shared.with(|world| world.serve(at));
        tokio::time::sleep(self.shared.clock().real(served.latency_ms)).await;
        let label = served.leg.map_or("hotfix", Leg::label);
        let reply = match served.code? {
            Code::Fine => Reply::ok(&json!({"served_by": label, "path": call.path})),
            Code::Broken => Reply::text(500, "Internal Server Error\n"),
            Code::Unavailable => Reply::text(503, "no healthy upstream\n"),
        };
        Some(reply.header("x-served-by", label))
    }
}
