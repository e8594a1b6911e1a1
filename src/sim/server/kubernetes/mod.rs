//! The Kubernetes API of the simulated cluster, as `kubectl` and client libraries speak it, over HTTP/1.1, plain or within TLS.
//!
//! One file per concern: [`route`] reads the path, [`discovery`] says what is served, [`read`], [`watch`],
//! [`mod@write`] and [`log`] answer, [`table`] draws what `kubectl get` prints, [`answer`] builds status documents, [`packed`] packs long ones.
//! Every answer is computed inside one look at the world, so it is consistent. Authentication, authorization,
//! protobuf, `exec` and port forwarding are not served.

pub mod answer;
pub mod apply;
pub mod cell;
pub mod discovery;
pub mod heartbeat;
pub mod log;
pub mod ownership;
pub mod packed;
pub mod passed;
pub mod patch;
mod pod_cell;
pub mod query;
pub mod read;
pub mod route;
pub mod scale;
pub mod selector;
pub mod strategic;
pub mod table;
pub mod watch;
pub mod write;

use std::{io, time::Duration};

use futures::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use hyper::{Method, Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    answer::{Failure, Reply},
    query::Query,
    route::Target,
};
use super::tls::{Authority, Greeted};
use crate::sim::{
    faults::Trouble,
    world::{
        actor::Actor,
        kubernetes::{Kubernetes, resource::Subresource, store::Key},
    },
};

/// Bodies above this are refused, as the real server does it.
const BODY_MAX: usize = 3 * 1024 * 1024;

/// What a server needs of the shared world.
pub trait KubernetesWorld: Clone + Send + Sync + 'static {
    /// Brings the cluster to the present virtual time, then looks at it or changes it. Must not wait.
    fn with<R>(&self, look: impl FnOnce(&mut Kubernetes) -> R) -> R;

    /// Comes true when something has changed since this was called that an open watch has to look at.
    fn changed(&self) -> BoxFuture<'static, ()>;

    /// How long so many milliseconds of the cluster's time take in real time.
    fn real(&self, ms: i64) -> Duration;

    /// What a running pod answers at its own port to a `GET` of this path. In a world of clusters alone no program runs in any pod.
    fn page(&self, pod: &str, path: &str) -> Option<passed::Page> {
        let _ = (pod, path);
        None
    }

    /// How this API misbehaves now, if it does.
    fn trouble(&self) -> Option<Trouble> {
        None
    }

    /// Somebody has changed this object; a cloud writes that into its audit log.
    fn note(&self, _call: &Call, _key: &Key) {}
}

/// A request whose body has been read.
#[derive(Debug)]
pub struct Call {
    /// The verb.
    pub method: Method,
    /// What the path means.
    pub target: Target,
    /// The options after the question mark.
    pub query: Query,
    /// In which form the caller wants objects.
    pub form: table::Form,
    /// The caller's program, from `User-Agent`.
    pub agent: String,
    /// Who asks; what he may do is no matter of this server.
    pub actor: Actor,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Accepts connections until `stop`; each connection is a task of `tasks` and ends with `stop` as well, so a
/// stopped world leaves no watch open.
///
/// # Errors
/// None so far: an accept that fails is about one peer, and the next one is tried.
pub async fn serve<W: KubernetesWorld>(
    world: W,
    listener: TcpListener,
    authority: Authority,
    tasks: TaskTracker,
    stop: CancellationToken,
) -> io::Result<()> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::task::yield_now().await;
            continue;
        };
        // Events are small; without this they wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true).ok();
        let (world, authority, stop) = (world.clone(), authority.clone(), stop.clone());
        tasks.spawn(async move {
            let conversation = async {
                match authority.greet(stream).await {
                    Ok(Greeted::Plain(stream)) => converse(world, stream).await,
                    Ok(Greeted::Secure(stream)) => converse(world, stream).await,
                    Err(_) => {}
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = conversation => {}
            }
        });
    }
}

/// Answers one connection's requests until its client leaves. A connection that breaks is its client's affair; the world goes on.
async fn converse<W: KubernetesWorld>(world: W, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(move |request| {
        let world = world.clone();
        async move { respond(world, request).await }
    });
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// The connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends without an answer")]
pub struct HangUp;

/// Answers one request, as far as the server's trouble lets it.
///
/// # Errors
/// [`HangUp`] where the answer gets lost.
pub async fn respond<W: KubernetesWorld>(world: W, request: Request<Incoming>) -> Result<Reply, HangUp> {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(collected) => collected.to_bytes().to_vec(),
        Err(_) => return Ok(Failure::too_large(BODY_MAX).reply()),
    };
    let accepted = header("accept-encoding");
    let call = Call {
        target: Target::of(head.uri.path()),
        query: Query::of(head.uri.query().unwrap_or_default()),
        form: table::Form::of(&header("accept")),
        agent: header("user-agent"),
        actor: actor(&header("authorization"), &header("user-agent")),
        content_type: header("content-type"),
        method: head.method,
        body,
    };
    let (trouble, writes) = (world.trouble(), call.method != Method::GET && call.target != Target::Review);
    match trouble {
        Some(Trouble::Unavailable) => return Ok(Failure::unavailable().reply()),
        Some(Trouble::HalfOpen) => std::future::pending().await,
        Some(Trouble::ReadsHang) if !writes => std::future::pending().await,
        Some(Trouble::ReadsThrottled) if !writes => return Ok(Failure::too_many_requests().reply()),
        Some(Trouble::ReadOnly) if writes => return Ok(refused(&call).reply()),
        Some(Trouble::Slow { ms }) => tokio::time::sleep(world.real(ms as i64)).await,
        // Reads of this server are never old, and dead connections are the network's.
        Some(
            Trouble::LostReplies
            | Trouble::ReadsHang
            | Trouble::ReadsThrottled
            | Trouble::ReadOnly
            | Trouble::OldReads { .. }
            | Trouble::DeadConnections,
        )
        | None => {}
    }
    if let (Target::Passed { pod, port, path }, &Method::GET) = (&call.target, &call.method) {
        let allowed = world.with(|cluster| read::allowed(cluster, &call));
        return match allowed {
            Ok(()) => Ok(passed::answer(world, pod, port.as_deref(), path).await.unwrap_or_else(Failure::reply)),
            Err(failure) => Ok(failure.reply()),
        };
    }
    let answer = dispatch(world, &call);
    if trouble == Some(Trouble::LostReplies) && writes && answer.is_ok() {
        return Err(HangUp);
    }
    Ok(packed::reply(answer.unwrap_or_else(Failure::reply), &accepted).await)
}

/// Who asks: by his token, as at every API of this world. An API server keeps no reasons; what a program says of itself is all there is.
fn actor(authorization: &str, agent: &str) -> Actor {
    let named = agent.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    Actor::of(Some(authorization), Some(agent), named.filter(|reason| reason.starts_with("cutover ")))
}

/// What a caller is told who may only read.
fn refused(call: &Call) -> Failure {
    match &call.target {
        Target::Object(key) | Target::Part(key, _) => Failure::forbidden(key.resource, &key.namespace, "patch"),
        Target::Collection { resource, namespace } => Failure::forbidden(*resource, namespace, "create"),
        Target::Discovery(_) | Target::Health | Target::Passed { .. } | Target::Review | Target::Unknown => Failure::method_not_allowed(),
    }
}

type Write = fn(&mut Kubernetes, &Call, &Key) -> Result<Reply, Failure>;

/// Does a write and has it written down, unless it only was to be seen what it would do.
fn noted<W: KubernetesWorld>(world: &W, call: &Call, key: &Key, write: Write) -> Result<Reply, Failure> {
    let reply = world.with(|cluster| write(cluster, call, key))?;
    if call.query.get("dryRun").is_empty() {
        world.note(call, key);
    }
    Ok(reply)
}

fn dispatch<W: KubernetesWorld>(world: W, call: &Call) -> Result<Reply, Failure> {
    if call.method == Method::GET {
        world.with(|cluster| read::allowed(cluster, call))?;
    }
    match (&call.target, &call.method) {
        (Target::Unknown, _) => Err(Failure::no_such_path()),
        (Target::Discovery(page), &Method::GET) => Ok(answer::json(&discovery::page(page))),
        (Target::Health, &Method::GET) => Ok(answer::text("ok")),
        (Target::Review, &Method::POST) => {
            let may_write = world.trouble() != Some(Trouble::ReadOnly);
            world.with(|cluster| write::review(cluster, call, may_write))
        }
        (Target::Collection { .. }, &Method::GET) if call.query.is_set("watch") => watch::open(world, call, None),
        (Target::Collection { .. }, &Method::GET) => world.with(|cluster| read::list(cluster, call)),
        (Target::Collection { .. }, &Method::POST) => world.with(|cluster| write::create(cluster, call)),
        (Target::Collection { .. }, &Method::DELETE) => world.with(|cluster| write::delete_all(cluster, call)),
        (Target::Object(key), &Method::GET) if call.query.is_set("watch") => watch::open(world, call, Some(key)),
        (Target::Object(key), &Method::GET) => world.with(|cluster| read::get(cluster, call, key)),
        (Target::Object(key), &Method::PUT) => noted(&world, call, key, write::replace),
        (Target::Object(key), &Method::PATCH) => noted(&world, call, key, write::patch),
        (Target::Object(key), &Method::DELETE) => noted(&world, call, key, write::delete),
        (Target::Part(key, Subresource::Status), &Method::GET) => world.with(|cluster| read::get(cluster, call, key)),
        (Target::Part(key, Subresource::Status), &Method::PUT) => world.with(|cluster| write::replace(cluster, call, key)),
        (Target::Part(key, Subresource::Status), &Method::PATCH) => world.with(|cluster| write::patch(cluster, call, key)),
        (Target::Part(key, Subresource::Scale), _) => world.with(|cluster| scale::answer(cluster, call, key)),
        (Target::Part(key, Subresource::Eviction), &Method::POST) => world.with(|cluster| write::evict(cluster, call, key)),
        (Target::Part(key, Subresource::Log), &Method::GET) => log::answer(world, call, key),
        (_, _) => Err(Failure::method_not_allowed()),
    }
}
