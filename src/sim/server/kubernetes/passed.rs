//! Requests that the API server passes on to a pod, by `GET`: what the pod answers, or the server's own words where nothing answers there.

use http_body_util::{BodyExt, Full};
use hyper::StatusCode;

use super::{
    KubernetesWorld,
    answer::{self, Failure, Reply},
};
use crate::sim::world::kubernetes::store::Key;

/// The one port at which pods of this world listen.
const PORT: &str = "8080";

/// What a pod's program answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub text: String,
    /// How long it takes, virtual milliseconds.
    pub after_ms: i64,
}

impl Page {
    /// A short word at once.
    #[must_use]
    pub fn plain(status: u16, text: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", text: text.to_owned(), after_ms: 0 }
    }
}

/// Answers for the pod.
///
/// # Errors
/// 404 for an unknown pod; 503 for one where nothing listens.
pub async fn answer<W: KubernetesWorld>(world: W, pod: &Key, port: Option<&str>, path: &str) -> Result<Reply, Failure> {
    if world.with(|cluster| cluster.store().get(pod).is_none()) {
        return Err(Failure::not_found(pod));
    }
    let port = port.unwrap_or(PORT);
    let page = world.page(&pod.name, path).filter(|_| port == PORT || port == "http");
    let page = page.ok_or_else(|| Failure::unreachable(&format!("dial tcp 10.60.1.7:{port}: connect: connection refused")))?;
    tokio::time::sleep(world.real(page.after_ms)).await;
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::OK);
    Ok(answer::with_body(status, page.content_type, Full::new(page.text.into()).boxed_unsync()))
}
