//! How to reach a cluster: an address, its certificate authority and our own token, never a kubeconfig.
//!
//! A kubeconfig may name a program to run for a credential; that is code execution by configuration and not offered. A GKE cluster is found
//! through its own API instead ([`super::gke`]), and the token is the same one that the other Google APIs get.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use kube::client::{Body, ClientBuilder};
use reqwest::Url;
use tokio::sync::Mutex;
use tower::{BoxError, Layer, Service};

use crate::{
    adapter::{
        google_auth::Token,
        http::{Origin, Reach, causes, kind_of},
    },
    domain::fault::{Fault, FaultKind},
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// One cluster's API server.
#[derive(Debug, Clone)]
pub struct Access {
    url: Url,
    /// In DER; empty for plain HTTP on this machine.
    authorities: Vec<Vec<u8>>,
    token: Token,
}

impl Access {
    /// The simulated cluster, or `kubectl proxy`: plain HTTP on this machine, without credential.
    /// # Errors
    /// [`FaultKind::Refused`] if `url` is not that.
    pub fn loopback(url: &str) -> Result<Access, Fault> {
        let (_, url) = Origin::split(url, Reach::Loopback)?;
        Ok(Access { url, authorities: Vec::new(), token: Token::None })
    }

    /// An API server whose certificate one of these authorities has signed.
    pub(super) fn secured(url: Url, authorities: Vec<Vec<u8>>, token: Token) -> Access {
        Access { url, authorities, token }
    }

    /// A client that never repeats a request by itself.
    /// # Errors
    /// [`FaultKind::Unsupported`] if no TLS client can be built.
    pub fn client(&self) -> Result<kube::Client, Fault> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Losing the race against another client is as good as winning it.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let unsupported =
            |error: &dyn std::fmt::Display| Fault::new(FaultKind::Unsupported, format!("no Kubernetes client for {}: {error}", self.url));
        let address = self.url.as_str().parse::<hyper::Uri>().map_err(|error| unsupported(&error))?;
        let mut config = kube::Config::new(address);
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_DEADLINE);
        config.root_cert = Some(self.authorities.clone());
        let builder = ClientBuilder::try_from(config).map_err(|error| unsupported(&error))?;
        Ok(builder.with_layer(&Bearing(self.token.clone())).build())
    }
}

/// Puts a fresh token onto each request.
struct Bearing(Token);

impl<S> Layer<S> for Bearing {
    type Service = Bearer<S>;
    fn layer(&self, inner: S) -> Bearer<S> {
        Bearer { inner: Arc::new(Mutex::new(inner)), token: self.0.clone() }
    }
}

/// The inner service is locked only while it takes a request, not while it answers; a watch blocks nobody.
struct Bearer<S> {
    inner: Arc<Mutex<S>>,
    token: Token,
}

impl<S, R> Service<hyper::Request<Body>> for Bearer<S>
where
    S: Service<hyper::Request<Body>, Response = R, Error = BoxError> + Send + 'static,
    S::Future: Send,
{
    type Response = R;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<R, BoxError>> + Send>>;

    /// Waiting for the inner service happens in the call, after the token has been had.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: hyper::Request<Body>) -> Self::Future {
        let (inner, token) = (Arc::clone(&self.inner), self.token.clone());
        Box::pin(async move {
            request.headers_mut().extend(token.headers().await.map_err(Box::new)?);
            let answer = {
                let mut service = inner.lock().await;
                std::future::poll_fn(|context| service.poll_ready(context)).await?;
                service.call(request)
            };
            answer.await
        })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "kube's errors are kube's to extend")]
pub(super) fn fault_of(about: &str, error: &kube::Error) -> Fault {
    let kind = match error {
        kube::Error::Api(status) => return status_fault(about, status),
        kube::Error::Service(inner) => match inner.downcast_ref::<Fault>() {
            Some(fault) => return fault.clone(),
            None => FaultKind::Unreachable,
        },
        kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => FaultKind::Broken,
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::LinesCodecMaxLineLengthExceeded => FaultKind::Unreadable,
        _ => FaultKind::Unsupported,
    };
    Fault::new(kind, format!("{about}: {}", causes(error)))
}

pub(super) fn status_fault(about: &str, status: &kube::core::Status) -> Fault {
    Fault::new(kind_of(status.code), format!("{about}: {} {}", status.reason, status.message))
}
