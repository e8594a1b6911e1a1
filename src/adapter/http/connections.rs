//! The connections that are kept between requests, and how to begin anew without them.
//!
//! A connection can be dead and look alive: the peer acknowledges what it is sent and answers nothing, or a middlebox has forgotten the
//! flow. Probes and short timeouts of TCP find most of them. What they don't find, a request finds that is not answered in time: it
//! retires every connection that is kept, so that the next request opens a fresh one. What still waits on an old one keeps it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{ClientBuilder, Url, redirect};

use super::{
    client::causes,
    origin::{Guarded, Origin, Reach},
    terms::{self, Terms, Trust},
};
use crate::domain::fault::{Fault, FaultKind};

/// As every request names us.
pub(super) const PROGRAM: &str = concat!("cutover/", env!("CARGO_PKG_VERSION"));
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// Bytes that nobody acknowledges for so long end the connection.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
const TCP_PROBE_EVERY: Duration = Duration::from_secs(10);
/// Probes without an answer that end an idle connection.
const TCP_PROBES_MAX: u32 = 2;

/// Whether connections are kept for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Connections,
    Nothing,
}

/// Which connections a request was sent on: those that were kept together since one retirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

#[derive(Debug)]
pub(super) struct Connections {
    origin: Origin,
    keep: Keep,
    terms: Terms,
    kept: Mutex<(Generation, reqwest::Client)>,
}

impl Connections {
    /// # Errors
    /// [`FaultKind::Unsupported`] if no TLS client can be built, for example because the machine has no CA certificates.
    pub(super) fn new(origin: Origin, keep: Keep) -> Result<Connections, Fault> {
        Self::on(origin, keep, Terms::from(Trust::Machine))
    }

    /// The same on terms of its own.
    /// # Errors
    /// As [`Connections::new`], and if something of the terms can't be read.
    pub(super) fn on(origin: Origin, keep: Keep, terms: Terms) -> Result<Connections, Fault> {
        let kept = Mutex::new((Generation(0), build(&origin, keep, &terms)?));
        Ok(Connections { origin, keep, terms, kept })
    }

    /// What to send on, and the name under which it can be retired.
    pub(super) fn kept(&self) -> (Generation, reqwest::Client) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing is sent any more on what belongs to `generation`. Whoever comes second retires nothing.
    pub(super) fn retire(&self, generation: Generation) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != generation {
            return;
        }
        match build(&self.origin, self.keep, &self.terms) {
            Ok(http) => *kept = (Generation(generation.0 + 1), http),
            // It could be built once; what is kept is still better than nothing.
            Err(fault) => tracing::warn!(%fault, "no fresh connections can be had"),
        }
    }
}

fn build(origin: &Origin, keep: Keep, terms: &Terms) -> Result<reqwest::Client, Fault> {
    let builder = match keep {
        Keep::Connections => plain(),
        // No request lasts as long as the first probe or that timeout would.
        Keep::Nothing => plain()
            .pool_max_idle_per_host(0)
            .tcp_user_timeout(None)
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None),
    };
    made(match origin.reach() {
        // Plain HTTP needs no CA store, and a machine without one must still be able to run the demo.
        Reach::Loopback => builder.no_proxy().tls_certs_only([]),
        Reach::Live => terms::agreed(builder, &origin.at(&[]), terms)?.https_only(true),
    })
}

/// The same for a wire to `url` that has a client of its own.
/// # Errors
/// [`FaultKind::Unsupported`] if no TLS client can be built on those terms.
pub(in crate::adapter) fn client_of(url: &Url, terms: &Terms) -> Result<reqwest::Client, Fault> {
    made(terms::agreed(plain(), url, terms)?)
}

/// What holds for every way out. One connection carries one request at a time, so a dead one takes nobody else with it.
fn plain() -> ClientBuilder {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing the race against another client is as good as winning it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    reqwest::Client::builder()
        .http1_only()
        .connect_timeout(CONNECT_DEADLINE)
        .tcp_user_timeout(UNACKNOWLEDGED_MAX)
        .tcp_keepalive(TCP_PROBE_EVERY)
        .tcp_keepalive_interval(TCP_PROBE_EVERY)
        .tcp_keepalive_retries(TCP_PROBES_MAX)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(Guarded)
        .user_agent(PROGRAM)
}

fn made(builder: ClientBuilder) -> Result<reqwest::Client, Fault> {
    builder.build().map_err(|error| unsupported(&error))
}

pub(super) fn unsupported(error: &reqwest::Error) -> Fault {
    Fault::new(FaultKind::Unsupported, format!("no HTTP client could be built: {}", causes(error)))
}
