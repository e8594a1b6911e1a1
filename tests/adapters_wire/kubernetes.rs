//! The Kubernetes sensor when the API server refuses or answers nonsense. How it follows a cluster is tested against the simulated one.

use cutover::{
    adapter::kubernetes::{Access, Config, KubernetesSensor, Way},
    domain::fault::{Fault, FaultKind},
    port::Sensor,
};
use serde_json::json;

use super::{
    id,
    server::{Reaction, Server},
};

async fn look(reaction: Reaction) -> (Fault, usize) {
    let server = Server::start(move |_, _| reaction.clone()).await;
    let way = Way::Known(Access::loopback(&server.url("/")).unwrap());
    let config = Config::new("workload/gke".parse().unwrap(), id("gke"), "hexproperty", "frontend");
    let fault = KubernetesSensor::new(config, way).look().await.expect_err("the server misbehaves");
    (fault, server.asked().len())
}

#[tokio::test]
async fn a_server_that_refuses_is_told_and_not_asked_again_by_itself() {
    let status = |code: u16, reason: &str, message: &str| {
        Reaction::json(
            code,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}),
        )
    };
    for (reaction, kind) in [
        (status(401, "Unauthorized", "Unauthorized"), FaultKind::Forbidden),
        (status(403, "Forbidden", "pods is forbidden: User \"viewer\" cannot list resource \"pods\""), FaultKind::Forbidden),
        (status(404, "NotFound", "deployments.apps \"frontend\" not found"), FaultKind::NotFound),
        (status(503, "ServiceUnavailable", "apiserver not ready"), FaultKind::Unavailable),
        (Reaction::json(200, json!({"kind": "Deployment"})), FaultKind::Unreadable),
        (Reaction::text(200, "text/html", "<html>sign in</html>"), FaultKind::Unreadable),
    ] {
        let (fault, asked) = look(reaction).await;
        assert_eq!((fault.kind, asked), (kind, 1), "{fault}");
    }
}

#[tokio::test]
async fn a_kubeconfig_s_address_elsewhere_is_not_loopback() {
    assert_eq!(Access::loopback("http://10.0.0.1:8080").unwrap_err().kind, FaultKind::Refused);
}
