//! How to reach a cluster: an address, the terms on which it is met, and a token.
//!
//! A GKE cluster is found through its own API ([`super::gke`]), and the token is the same one that the other Google APIs get; else its owner's
//! kubeconfig says all of it ([`super::kubeconfig`]). No program is run for a credential, whoever names one.

use std::{io::Read, sync::Arc};

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use kube::client::{Body, ClientBuilder, middleware::BaseUriLayer};
use reqwest::{
    Url,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap},
};
use tower::{BoxError, Layer, service_fn};

use crate::{
    adapter::{
        google_auth::{Token, hidden_in},
        http::{self, Judge, Origin, Reach, Terms, Trust, causes, client_of, kind_of},
    },
    domain::fault::{Fault, FaultKind},
};

/// One cluster's API server.
#[derive(Debug, Clone)]
pub struct Access {
    url: Url,
    terms: Terms,
    token: Token,
    /// Whose place our Google credentials take there, if they do: a program that would only fetch the same.
    stands_in_for: Option<&'static str>,
}

impl Access {
    /// The simulated cluster, or `kubectl proxy`: plain HTTP on this machine, without credential.
    /// # Errors
    /// [`FaultKind::Refused`] if `url` is not that.
    pub fn loopback(url: &str) -> Result<Access, Fault> {
        let (_, url) = Origin::split(url, Reach::Loopback)?;
        Ok(Access { url, terms: Trust::Only(Vec::new()).into(), token: Token::None, stands_in_for: None })
    }

    /// An API server over TLS.
    pub(super) fn secured(url: Url, terms: Terms, token: Token) -> Access {
        Access { url, terms, token, stands_in_for: None }
    }

    /// The same with our Google credentials in the place of a program that somebody named.
    pub(super) fn standing_in(self, program: &'static str) -> Access {
        Access { stands_in_for: Some(program), ..self }
    }

    /// The program that is not run, since our Google credentials are what it would have brought.
    pub fn stands_in_for(&self) -> Option<&'static str> {
        self.stands_in_for
    }

    /// The same server for whoever writes to it: with the deadlines and caps of every other API, and with what a failure proves.
    /// # Errors
    /// [`FaultKind::Unsupported`] if no TLS client can be built, [`FaultKind::Refused`] if the server is where none may be.
    pub(in crate::adapter) fn http(&self) -> Result<http::Client, Fault> {
        let reach = if self.url.scheme() == "http" { Reach::Loopback } else { Reach::Live };
        http::Client::on(Origin::below(self.url.as_str(), reach)?, self.token.clone(), self.terms.clone())
    }

    /// A client that never repeats a request by itself. Kubernetes' own words go over the connections that every adapter uses, and not
    /// over kube's, which could be told by a configuration to run a program.
    /// # Errors
    /// [`FaultKind::Unsupported`] if no TLS client can be built.
    pub fn client(&self) -> Result<kube::Client, Fault> {
        let unsupported =
            |error: &dyn std::fmt::Display| Fault::new(FaultKind::Unsupported, format!("no client for {}: {error}", self.url));
        let address = self.url.as_str().parse::<hyper::Uri>().map_err(|error| unsupported(&error))?;
        let (wire, token) = (client_of(&self.url, &self.terms)?, self.token.clone());
        let judge = Arc::new(Judge::on(self.url.clone(), &self.terms));
        let sends = service_fn(move |request| sent(wire.clone(), token.clone(), judge.clone(), request));
        Ok(ClientBuilder::new(BaseUriLayer::new(address).layer(sends), "default").build())
    }
}

/// One request, with a fresh token; its answer's body is read by whoever asked.
async fn sent(
    wire: reqwest::Client,
    token: Token,
    judge: Arc<Judge>,
    request: hyper::Request<Body>,
) -> Result<hyper::Response<reqwest::Body>, BoxError> {
    // As they are, so that whoever asked finds the fault and not a box of it.
    judge.allows().await?;
    let (mut head, body) = request.into_parts();
    let credentials = token.headers().await?;
    head.headers.extend(credentials.clone());
    let body = body.collect().await?.to_bytes();
    let may_be_packed = head.headers.contains_key(ACCEPT_ENCODING);
    let answer = wire.execute(hyper::Request::from_parts(head, body).try_into()?).await?;
    match answer.headers().get(CONTENT_ENCODING) {
        _ if !answer.status().is_success() => without_token(answer, &credentials).await,
        Some(packed) if may_be_packed && packed == "gzip" => unpacked(answer).await,
        _ => Ok(answer.into()),
    }
}

/// Most bytes of a packed answer, once unpacked: five hundred objects of a quarter megabyte each.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;

/// A whole answer as its server had it before it was packed for the way.
async fn unpacked(answer: reqwest::Response) -> Result<hyper::Response<reqwest::Body>, BoxError> {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let packed = answer.bytes().await?;
    let mut whole = Vec::new();
    let read = MultiGzDecoder::new(packed.as_ref()).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut whole);
    read.map_err(|error| Fault::new(FaultKind::Unreadable, format!("the cluster's answer can't be unpacked: {error}")))?;
    if whole.len() as u64 > UNPACKED_BYTES_MAX {
        let message = format!("the cluster's answer is longer than {} MiB once it is unpacked", UNPACKED_BYTES_MAX >> 20);
        return Err(Fault::new(FaultKind::Unreadable, message).into());
    }
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    let mut told = hyper::Response::new(reqwest::Body::from(whole));
    *told.status_mut() = status;
    *told.headers_mut() = headers;
    Ok(told)
}

/// Most bytes of an error that are read; what is beyond them says nothing more.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// An error without our token, should the server have echoed it: its words end up on screens and in journals.
async fn without_token(mut answer: reqwest::Response, credentials: &HeaderMap) -> Result<hyper::Response<reqwest::Body>, BoxError> {
    let mut body = Vec::new();
    while body.len() < ERROR_BYTES_MAX
        && let Some(chunk) = answer.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(ERROR_BYTES_MAX);
    let mut told = hyper::Response::new(reqwest::Body::from(hidden_in(body, credentials)));
    *told.status_mut() = answer.status();
    told.headers_mut().extend(answer.headers().clone());
    told.headers_mut().remove(CONTENT_LENGTH);
    Ok(told)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "kube's errors are kube's to extend")]
pub(super) fn fault_of(about: &str, error: &kube::Error) -> Fault {
    let (kind, why) = match error {
        kube::Error::Api(status) => return status_fault(about, status),
        kube::Error::Service(inner) => match inner.downcast_ref::<Fault>() {
            Some(fault) => return fault.clone(),
            None => (FaultKind::Unreachable, causes(&**inner)),
        },
        kube::Error::HyperError(inner) => (FaultKind::Broken, causes(inner)),
        kube::Error::ReadEvents(inner) => (FaultKind::Broken, causes(inner)),
        kube::Error::SerdeError(inner) => (FaultKind::Unreadable, causes(inner)),
        kube::Error::FromUtf8(inner) => (FaultKind::Unreadable, causes(inner)),
        kube::Error::LinesCodecMaxLineLengthExceeded => (FaultKind::Unreadable, "a line of it has no end".to_owned()),
        kube::Error::BuildRequest(inner) => (FaultKind::Unsupported, causes(inner)),
        kube::Error::HttpError(inner) => (FaultKind::Unsupported, causes(inner)),
        // What is left tells of kubeconfigs, proxies and plugins, and nothing here can meet it.
        _ => (FaultKind::Unsupported, "the Kubernetes client can't do that".to_owned()),
    };
    Fault::new(kind, format!("{about}: {why}"))
}

pub(super) fn status_fault(about: &str, status: &kube::core::Status) -> Fault {
    Fault::new(kind_of(status.code), format!("{about}: {} {}", status.reason, status.message))
}
