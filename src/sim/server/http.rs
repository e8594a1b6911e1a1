//! Plain HTTP/1.1 on loopback: what a handler gets, what it gives back, and the accept loop between.
//!
//! Handlers are synchronous functions over the locked world, so they see one instant and cannot wait. What
//! has to wait (a long-running operation, a slow API) is said in the [`Answer`] and done here. There is no
//! TLS: clients are pointed here by their endpoint settings.

use std::{collections::BTreeMap, io};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::lengthy::{Form, Lengthy, Rest};
use crate::sim::world::actor::Actor;

/// Larger bodies are refused; the largest document of these APIs is a URL map of some kilobytes.
const BODY_BYTES_MAX: usize = 4 << 20;

/// One request, taken apart.
#[derive(Debug, Clone)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// Host name without port, lower case; from an absolute-form request line, else from the Host header.
    pub host: String,
    /// The path as sent, percent-decoded.
    pub path: String,
    /// The path's segments, percent-decoded.
    pub segments: Vec<String>,
    /// Query parameters; of repeated ones the last.
    pub query: BTreeMap<String, String>,
    /// Headers by their names in lower case, as far as they are text; of repeated ones the last.
    pub headers: BTreeMap<String, String>,
    /// The JSON body; `Null` when there is none.
    pub body: Value,
    /// Who asks.
    pub actor: Actor,
    /// When the connection was accepted, in the world's time.
    pub connected_ms: i64,
}

impl Call {
    /// A query parameter that is there and not empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A switch in the query, as any of the clients spells it (`true`, `True`, `1`).
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// The segments as string slices, for matching.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// What follows it, where it is long.
    pub rest: Option<Rest>,
}

impl Reply {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), content_type: "application/json; charset=UTF-8", body: body.to_string(), rest: None }
    }

    /// 200 with JSON.
    #[must_use]
    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    /// A text answer.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), content_type: "text/plain; charset=utf-8", body: body.into(), rest: None }
    }

    /// An error in the common form of Google's APIs; `status` is the canonical name, such as `ABORTED`.
    #[must_use]
    pub fn error(code: u16, status: &str, message: &str) -> Self {
        Self::json(code, &json!({"error": {"code": code, "message": message, "status": status}}))
    }

    /// The answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a handler decides about one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Send this.
    Now(Reply),
    /// Send this after so many virtual milliseconds.
    After { ms: f64, reply: Reply },
    /// Not settled yet: ask the handler again, and send this when the wait is over.
    Pending(Reply),
    /// Close the connection without a word.
    HangUp,
    /// Keep the connection and never answer.
    Silence,
}

impl Answer {
    /// The same decision with another reply.
    #[must_use]
    pub fn map(self, told: impl FnOnce(Reply) -> Reply) -> Self {
        match self {
            Answer::Now(reply) => Answer::Now(told(reply)),
            Answer::After { ms, reply } => Answer::After { ms, reply: told(reply) },
            Answer::Pending(reply) => Answer::Pending(told(reply)),
            other @ (Answer::HangUp | Answer::Silence) => other,
        }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Now(reply)
    }
}

/// Something that answers calls, possibly after a while.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The world's time.
    fn now_ms(&self) -> i64;
    /// Answers one call; `None` closes the connection without an answer.
    fn handle(&self, call: Call) -> impl Future<Output = Option<Reply>> + Send;
}

/// Accepts connections until `stop`; each connection is a task of `tasks` and ends with `stop` as well.
pub async fn serve<H: Handler>(listener: TcpListener, handler: H, tasks: TaskTracker, stop: CancellationToken) -> io::Result<()> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        // A failed accept is about one peer (or a passing shortage of descriptors), never about the listener.
        let Ok((stream, _)) = accepted else {
            tokio::task::yield_now().await;
            continue;
        };
        // Answers are small; without this they wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true).ok();
        let handler = handler.clone();
        let stop = stop.clone();
        let connected_ms = handler.now_ms();
        tasks.spawn(async move {
            let service = service_fn(move |request| {
                let handler = handler.clone();
                async move { respond(handler, request, connected_ms).await }
            });
            let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // A connection that fails is the client's news, not the world's.
            tokio::select! {
                () = stop.cancelled() => {}
                _ = connection => {}
            }
        });
    }
}

/// The error that makes hyper close a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the world closes this connection without an answer")]
struct Closed;

async fn respond<H: Handler>(handler: H, request: Request<Incoming>, connected_ms: i64) -> Result<Response<Lengthy>, Closed> {
    let call = match read(request, connected_ms).await {
        Ok(call) => call,
        Err(reply) => return Ok(write(*reply)),
    };
    match handler.handle(call).await {
        Some(reply) => Ok(write(reply)),
        None => Err(Closed),
    }
}

async fn read(request: Request<Incoming>, connected_ms: i64) -> Result<Call, Box<Reply>> {
    let bad = |message: &str| Box::new(Reply::error(400, "INVALID_ARGUMENT", message));
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str()).or_else(|| header(HOST)).unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let reason = head.headers.get("x-goog-request-reason").and_then(|value| value.to_str().ok());
    let actor = Actor::of(header(AUTHORIZATION), header(USER_AGENT), reason);
    let path = decode(head.uri.path(), Plus::Literal);
    let segments = head.uri.path().split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, Plus::Literal)).collect();
    let query = parameters(head.uri.query().unwrap_or_default());
    let told = |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    let headers = head.headers.iter().filter_map(told).collect();
    let bytes = Limited::new(body, BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(|_| bad("The request body could not be read or is larger than 4 MiB."))?
        .to_bytes();
    let body = if bytes.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|error| bad(&format!("Invalid JSON payload received. {error}")))?
    };
    Ok(Call { method: head.method, host, path, segments, query, headers, body, actor, connected_ms })
}

fn write(reply: Reply) -> Response<Lengthy> {
    let mut response = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.content_type);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    if reply.rest.as_ref().is_some_and(|rest| rest.form == Form::Gzip) {
        response = response.header(CONTENT_ENCODING, "gzip");
    }
    response
        .body(Lengthy::new(reply.body, reply.rest))
        .unwrap_or_else(|_| Response::new(Lengthy::new("the world built an impossible answer".to_owned(), None)))
}

/// Whether `+` means a blank, as it does in a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Literal,
    Blank,
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, Plus::Blank), decode(value, Plus::Blank))
        })
        .collect()
}

fn decode(text: &str, plus: Plus) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) if plus == Plus::Blank => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Plus, decode, parameters};

    #[test]
    fn queries_are_decoded_as_the_clients_encode_them() {
        let query =
            parameters("alt=json&labelSelector=serving.knative.dev%2Fservice+%3D+frontend&empty=&%24alt=json%3Benum-encoding%3Dint");
        assert_eq!(query["labelSelector"], "serving.knative.dev/service = frontend");
        assert_eq!(query["empty"], "");
        assert_eq!(query["$alt"], "json;enum-encoding=int");
        assert_eq!(decode("a+b%zz%", Plus::Literal), "a+b%zz%");
    }
}
