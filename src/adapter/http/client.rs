//! A client that is bound to one origin, with its credential, its deadline and its caps.

use std::{error::Error, ops::ControlFlow, sync::Arc, time::Duration};

use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    connections::{Connections, Keep, PROGRAM},
    failure::{Failure, Progress, Reason},
    origin::Origin,
    proxy::{self, Judge},
    terms::Terms,
};
use crate::{
    adapter::google_auth::{Token, hidden_in},
    domain::{
        fault::{ANSWER_WITHIN, Fault, FaultKind, Outcome, Receipt},
        shown::Shown,
    },
    port::Intent,
};

/// An error's body is read this far and no further.
const ERROR_BYTES_MAX: usize = 1 << 20;
/// So much of a poured answer is taken at a time: packed, it may be a thousand times as much.
const POURED_AT_ONCE: usize = 8 << 10;
const REASON: HeaderName = HeaderName::from_static("x-goog-request-reason");

/// An operation, as far as it has to be named.
#[derive(Debug, Deserialize)]
struct Begun {
    #[serde(default)]
    name: String,
}

/// How long a call may take in all, from the first look for a token to the last byte, and how much of an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub deadline: Duration,
    /// Of an answer that is held as a whole; where it is poured, the [`Sink`] says when it has enough.
    pub body_bytes_max: usize,
}

impl Limits {
    pub const METRICS: Limits = Limits { deadline: Duration::from_secs(4), body_bytes_max: 8 << 20 };
    pub const READ: Limits = Limits { deadline: Duration::from_secs(10), body_bytes_max: 4 << 20 };
    pub const WRITE: Limits = Limits { deadline: Duration::from_millis(ANSWER_WITHIN.0), body_bytes_max: 4 << 20 };

    /// The same caps with less time, for what is only nice to know.
    pub const fn within(self, deadline: Duration) -> Limits {
        Limits { deadline, ..self }
    }
}

/// One request to be made.
#[derive(Debug)]
pub struct Ask {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    content_type: &'static str,
    reason: Option<(HeaderName, HeaderValue)>,
    limits: Limits,
}

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

impl Ask {
    pub fn get(url: Url, limits: Limits) -> Ask {
        Ask { method: Method::GET, url, body: None, content_type: JSON, reason: None, limits }
    }
    pub fn post(url: Url, body: &impl Serialize, limits: Limits) -> Ask {
        Ask { method: Method::POST, ..Ask::get(url, limits) }.with(body)
    }
    pub fn put(url: Url, body: &impl Serialize, limits: Limits) -> Ask {
        Ask { method: Method::PUT, ..Ask::get(url, limits) }.with(body)
    }
    pub fn patch(url: Url, body: &impl Serialize, limits: Limits) -> Ask {
        Ask { method: Method::PATCH, ..Ask::get(url, limits) }.with(body)
    }
    /// A patch for an API that has several kinds of them, and is told which this is by its type.
    pub fn merge_patch(url: Url, body: &impl Serialize, limits: Limits) -> Ask {
        Ask { content_type: MERGE_PATCH, ..Ask::patch(url, body, limits) }
    }
    /// The same of steps that are done all or none (RFC 6902).
    pub fn json_patch(url: Url, steps: &impl Serialize, limits: Limits) -> Ask {
        Ask { content_type: JSON_PATCH, ..Ask::patch(url, steps, limits) }
    }
    pub fn delete(url: Url, limits: Limits) -> Ask {
        Ask { method: Method::DELETE, ..Ask::get(url, limits) }
    }
    fn with(self, body: &impl Serialize) -> Ask {
        let body = serde_json::to_vec(body).expect("our own wire types have string keys and finite numbers");
        Ask { body: Some(body), ..self }
    }
    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Ask {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }
    /// Names the recorded intent, so that the cloud's own audit log points back into our journal.
    pub fn because(mut self, intent: &Intent) -> Ask {
        self.reason = HeaderValue::from_str(&intent.reason()).ok().map(|reason| (REASON, reason));
        self
    }
    /// The same for an API that keeps no reasons, but in its audit log the name of the program that asks: `cutover/1.0 (cutover SESSION/EFFECT/HASH)`.
    pub fn named_after(mut self, intent: &Intent) -> Ask {
        let named = format!("{PROGRAM} ({})", intent.reason());
        self.reason = HeaderValue::from_str(&named).ok().map(|named| (USER_AGENT, named));
        self
    }
    pub(super) fn deadline(&self) -> Duration {
        self.limits.deadline
    }
    /// The same with less time.
    pub(super) fn within(self, deadline: Duration) -> Ask {
        Ask { limits: self.limits.within(deadline), ..self }
    }
    /// Method and place, without the query, for messages.
    pub(super) fn about(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        format!("{} {url}", self.method)
    }
}

/// Takes a 2xx answer while it comes, so that nobody holds it as a whole. It sees what was sent, packed or not.
pub trait Sink: Send {
    /// Before the first byte.
    fn begins(&mut self, headers: &HeaderMap) -> ControlFlow<()>;
    /// To break off is no failure: the sink has what it needs, or knows why it can't have it. The connection is given up.
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()>;
}

/// Where a 2xx answer's body goes.
enum Body<'a> {
    Held,
    PouredInto(&'a mut dyn Sink),
}

/// A 2xx answer, whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    about: String,
}

impl Reply {
    /// # Errors
    /// [`FaultKind::Unreadable`], with the progress left open: a 2xx that can't be read proves nothing about a write.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(
                Progress::Open,
                FaultKind::Unreadable,
                format!("{} gave an answer that is not what the API promises: {error}", self.about),
            )
        })
    }
    /// The media type without parameters, in lower case; empty when none was said.
    pub fn media_type(&self) -> String {
        first_word(&self.headers, CONTENT_TYPE)
    }
}

/// A header without its parameters, in lower case; empty where it is not there.
pub fn first_word(headers: &HeaderMap, name: HeaderName) -> String {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// Sends to one origin only; the credential goes nowhere else. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Arc<Connections>,
    judge: Arc<Judge>,
    origin: Origin,
    token: Token,
}

impl Client {
    /// # Errors
    /// [`FaultKind::Unsupported`] if no TLS client can be built, for example because the machine has no CA certificates.
    pub fn new(origin: Origin, token: Token) -> Result<Client, Fault> {
        Self::keeping(Keep::Connections, origin, token)
    }
    /// A client without credential that opens a fresh connection for each request.
    /// # Errors
    /// As [`Client::new`].
    pub fn fresh(origin: Origin) -> Result<Client, Fault> {
        Self::keeping(Keep::Nothing, origin, Token::None)
    }
    /// A client for a server that is met on terms of its own.
    /// # Errors
    /// As [`Client::new`], and if something of the terms can't be read or done.
    pub(in crate::adapter) fn on(origin: Origin, token: Token, terms: Terms) -> Result<Client, Fault> {
        let judge = Arc::new(Judge::on(origin.at(&[]), &terms));
        let connections = Arc::new(Connections::on(origin.clone(), Keep::Connections, terms)?);
        Ok(Client { connections, judge, origin, token })
    }
    fn keeping(keep: Keep, origin: Origin, token: Token) -> Result<Client, Fault> {
        let judge = Arc::new(Judge::new(origin.at(&[])));
        Ok(Client { connections: Arc::new(Connections::new(origin.clone(), keep)?), judge, origin, token })
    }

    /// Where it sends to, and to nobody else.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The proxy of the environment that carries what is sent here, as `scheme://host:port`.
    pub fn proxy(&self) -> Option<String> {
        proxy::toward(&self.origin.at(&[]))
    }

    pub fn at(&self, segments: &[&str]) -> Url {
        self.origin.at(segments)
    }

    /// Sends `ask` once. A 401 is asked again once if a newer token is to be had: it proves that nothing was done.
    /// # Errors
    /// Everything but a whole 2xx answer, with what it proves.
    pub async fn send(&self, ask: Ask) -> Result<Reply, Failure> {
        self.answered(ask).await.and_then(|answer| answer.accepted())
    }

    /// Sends what the vendor then works on, once: it is done when its operation is named, and looks tell of the work.
    pub(in crate::adapter) async fn begin(&self, ask: Ask, about: &str) -> Outcome {
        match self.send(ask).await.and_then(|reply| reply.json::<Begun>()) {
            Ok(begun) if begun.name.is_empty() => Failure::unnamed(about).outcome(),
            Ok(begun) => Outcome::Done(Receipt { version: None, operation: Some(Shown::new(&begun.name)) }),
            Err(failure) => failure.outcome(),
        }
    }

    /// As [`Client::send`], with the body of a 2xx answer poured into `sink`; it may be packed with gzip, and the sink unpacks it.
    /// # Errors
    /// Everything but a 2xx answer that came to its end, or of which the sink had enough.
    pub async fn pour(&self, ask: Ask, sink: &mut impl Sink) -> Result<(), Failure> {
        self.asked(ask, Body::PouredInto(sink)).await.and_then(Answered::accepted).map(|_| ())
    }

    /// Sends `ask` once and gives whatever status was answered, for the prober.
    pub(in crate::adapter) async fn answered(&self, ask: Ask) -> Result<Answered, Failure> {
        self.asked(ask, Body::Held).await
    }

    async fn asked(&self, ask: Ask, body: Body<'_>) -> Result<Answered, Failure> {
        let about = ask.about();
        if !self.origin.holds(&ask.url) {
            return Err(Failure::new(
                Progress::NeverSent,
                FaultKind::Refused,
                format!("{about} lies outside of {}; nothing was sent", self.origin),
            ));
        }
        let started = tokio::time::Instant::now();
        let (on, http) = self.connections.kept();
        let mut sent = Progress::NeverSent;
        match tokio::time::timeout(ask.limits.deadline, self.attempt(&http, &ask, &about, &mut sent, body)).await {
            Ok(result) => result,
            Err(_) => {
                // The peer may be slow, or the connection dead: nobody can tell from here, and a fresh one costs little.
                self.connections.retire(on);
                let waited = started.elapsed().as_secs();
                Err(Failure::new(sent, FaultKind::TimedOut, format!("{about} gave no whole answer within {waited}s")))
            }
        }
    }

    /// The next request goes on a fresh connection.
    pub(super) fn retire_kept(&self) {
        self.connections.retire(self.connections.kept().0);
    }

    async fn attempt(
        &self,
        http: &reqwest::Client,
        ask: &Ask,
        about: &str,
        sent: &mut Progress,
        mut body: Body<'_>,
    ) -> Result<Answered, Failure> {
        let not_sent = |fault| Failure { fault, progress: Progress::NeverSent, reason: Reason::Untold };
        self.judge.allows().await.map_err(not_sent)?;
        let headers = self.token.headers().await.map_err(|fault| {
            let reason = if fault.kind == FaultKind::Forbidden { Reason::SignedOut } else { Reason::Untold };
            not_sent(fault).because(reason)
        })?;
        let answer = once(http, ask, about, headers.clone(), sent, &mut body).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.token.headers().await {
            Ok(newer) if newer != headers => once(http, ask, about, newer, sent, &mut body).await,
            Ok(_) | Err(_) => Ok(answer),
        }
    }
}

async fn once(
    http: &reqwest::Client,
    ask: &Ask,
    about: &str,
    headers: HeaderMap,
    sent: &mut Progress,
    body: &mut Body<'_>,
) -> Result<Answered, Failure> {
    let mut request = http.request(ask.method.clone(), ask.url.clone()).headers(headers.clone());
    if let Some(body) = &ask.body {
        request = request.header(CONTENT_TYPE, ask.content_type).body(body.clone());
    }
    if let Some((name, reason)) = &ask.reason {
        request = request.header(name, reason.clone());
    }
    if let Body::PouredInto(_) = body {
        request = request.header(ACCEPT_ENCODING, "gzip");
    }
    *sent = Progress::Open;
    let response = request.send().await.map_err(|error| failed(about, error))?;
    let (status, heads) = (response.status(), response.headers().clone());
    let body = match body {
        Body::PouredInto(sink) if status.is_success() => poured(response, *sink, about).await.map(|()| Vec::new())?,
        Body::PouredInto(_) | Body::Held => held(response, ask.limits.body_bytes_max, about).await?,
    };
    Ok(Answered { status, headers: heads, body: hidden_in(body, &headers), about: about.to_owned() })
}

/// The body as a whole, if it is no longer than this.
async fn held(mut response: reqwest::Response, bytes_max: usize, about: &str) -> Result<Vec<u8>, Failure> {
    let status = response.status();
    let cap = if status.is_success() { bytes_max } else { ERROR_BYTES_MAX };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(about, error))? {
        if body.len() + chunk.len() > cap {
            if !status.is_success() {
                break; // The status stands; the rest of an error's words doesn't matter.
            }
            return Err(Failure::new(Progress::Open, FaultKind::Unreadable, format!("{about} answered with more than {cap} bytes")));
        }
        if body.capacity() - body.len() < chunk.len() {
            // Doubling would hold twice of what is large already.
            body.reserve_exact(chunk.len().max(body.len() / 8));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn poured(mut response: reqwest::Response, sink: &mut dyn Sink, about: &str) -> Result<(), Failure> {
    if sink.begins(response.headers()).is_break() {
        return Ok(());
    }
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(about, error))? {
        for part in chunk.chunks(POURED_AT_ONCE) {
            if sink.take(part).is_break() {
                return Ok(());
            }
            // Beats, keys and the deadline come in between, however fast it flows.
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// An answer of any status.
#[derive(Debug)]
pub(in crate::adapter) struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    about: String,
}

impl Answered {
    fn accepted(self) -> Result<Reply, Failure> {
        let Answered { status, headers, body, about } = self;
        if status.is_success() {
            Ok(Reply { status, headers, body, about })
        } else {
            Err(Failure::from_status(&about, status.as_u16(), &headers, &body))
        }
    }
}

/// What the transport's own error proves: a connection that was never made carried nothing.
fn failed(about: &str, error: reqwest::Error) -> Failure {
    let (kind, progress) = if error.is_connect() {
        (FaultKind::Unreachable, Progress::NeverSent)
    } else if error.is_builder() {
        (FaultKind::Rejected, Progress::NeverSent)
    } else if error.is_timeout() {
        (FaultKind::TimedOut, Progress::Open)
    } else {
        (FaultKind::Broken, Progress::Open)
    };
    let reason = reason(&error);
    Failure::new(progress, kind, format!("{about}: {}", causes(&error.without_url()))).because(reason)
}

/// What somebody would have to mend where no connection could be made. The transport wraps the resolver's error and that of TLS, and names
/// the former in its words alone.
fn reason(error: &reqwest::Error) -> Reason {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref() {
            return Reason::Certificate;
        }
        if error.is_connect() && inner.to_string().starts_with("dns error") {
            return Reason::NameUnknown;
        }
        cause = beneath(inner);
    }
    Reason::Untold
}

/// What caused an error. An error of the system that wraps another passes that one over when it is asked for its source.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}

/// The last two causes; the outer ones only say that a request failed.
pub(in crate::adapter) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        chain.push(inner.to_string());
        cause = inner.source();
    }
    chain[chain.len().saturating_sub(2)..].join(": ")
}
