//! Where a client may connect to: one scheme, host and port, checked before the first byte.
//!
//! A credential is bound to such an origin, and a plan can't point the program at a metadata server. Names are resolved by a resolver that
//! drops link-local answers, so that a name can't lead where a literal address may not. What a proxy would resolve is judged in [`super::proxy`].

use std::net::{IpAddr, SocketAddr};

use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

use crate::domain::{
    address::{is_forbidden, is_loopback, is_metadata_name},
    fault::{Fault, FaultKind},
};

/// What kind of place an origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine, over plain HTTP: the simulated world, a port-forward, a sidecar. No proxy is asked.
    Loopback,
    /// The public internet, over https only.
    Live,
}

/// Scheme, host and port, without query or user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its path is that under which everything lies; nearly always the root.
    base: Url,
    reach: Reach,
}

impl Origin {
    /// # Errors
    /// [`FaultKind::Refused`] if `text` is no URL of that reach, names a user, or points to a link-local or metadata address.
    pub fn new(text: &str, reach: Reach) -> Result<Origin, Fault> {
        Self::split(text, reach).map(|(origin, _)| origin)
    }

    /// The origin of a full URL, and the URL itself.
    /// # Errors
    /// As [`Origin::new`].
    pub fn split(text: &str, reach: Reach) -> Result<(Origin, Url), Fault> {
        let refused = |why: &str| Fault::new(FaultKind::Refused, format!("{} {why}; nothing was sent", without_user(text)));
        let url = Url::parse(text).map_err(|error| refused(&format!("is no URL ({error})")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("holds a user name or password"));
        }
        let host = url.host_str().ok_or_else(|| refused("names no host"))?.trim_matches(['[', ']']).to_owned();
        let address: Option<IpAddr> = host.parse().ok();
        if leads_astray(&host) {
            return Err(refused("points to a link-local or metadata address"));
        }
        let allowed = match reach {
            Reach::Loopback => url.scheme() == "http" && (host == "localhost" || address.is_some_and(is_loopback)),
            Reach::Live => url.scheme() == "https",
        };
        if !allowed {
            return Err(refused(match reach {
                Reach::Loopback => "is not http on this machine",
                Reach::Live => "is not https",
            }));
        }
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        Ok((Origin { base, reach }, url))
    }

    /// The same for a server all of whose paths lie below that of its URL.
    /// # Errors
    /// As [`Origin::new`], and if the URL holds more than a path.
    pub(in crate::adapter) fn below(text: &str, reach: Reach) -> Result<Origin, Fault> {
        let (origin, url) = Origin::split(text, reach)?;
        if url.query().is_some() || url.fragment().is_some() {
            // What stands there may be a secret.
            return Err(Fault::new(FaultKind::Refused, format!("the address of {origin} holds more than a path; nothing was sent")));
        }
        Ok(Origin { base: url, ..origin })
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The URL of a path, each segment percent-encoded, so that no name from outside can climb out of its place.
    pub fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(segments);
        url
    }

    /// Whether `url` lies within this origin.
    pub fn holds(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.base.as_str().trim_end_matches('/'))
    }
}

/// Whether a host, without brackets, is where nothing may be sent, as far as its name alone tells.
pub(super) fn leads_astray(host: &str) -> bool {
    host.parse().is_ok_and(is_forbidden) || is_metadata_name(host)
}

/// A URL that was refused is shown without what stands before an `@`.
pub(super) fn without_user(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or(text)
}

/// The system's resolver without the answers that we never want to connect to.
#[derive(Debug)]
pub(super) struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| !is_forbidden(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("{} resolves to no address that cutover may connect to", name.as_str()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_a_credential_must_not_reach_are_refused() {
        let refused = [
            ("http://169.254.169.254/computeMetadata", Reach::Loopback),
            ("http://[fe80::1]/", Reach::Loopback),
            ("http://[::ffff:169.254.169.254]/", Reach::Loopback),
            ("https://[::a9fe:a9fe]/", Reach::Live),
            ("https://[2002:a9fe:a9fe::]/", Reach::Live),
            ("http://8.8.8.8/", Reach::Loopback),
            ("https://metadata.google.internal/", Reach::Live),
            ("https://metadata.google.internal./", Reach::Live),
            ("https://METADATA.goog/", Reach::Live),
            ("http://compute.googleapis.com/", Reach::Live),
            ("https://user:canary@compute.googleapis.com/", Reach::Live),
            ("http://example.com/", Reach::Loopback),
            ("file:///etc/passwd", Reach::Loopback),
            ("nonsense", Reach::Live),
        ];
        for (text, reach) in refused {
            let fault = Origin::new(text, reach).expect_err(text);
            assert_eq!(fault.kind, FaultKind::Refused, "{text}");
            assert!(!fault.message.as_str().contains("canary"), "{fault}");
        }
        assert!(Origin::new("https://compute.googleapis.com", Reach::Live).is_ok());
        assert!(Origin::new("http://127.0.0.1:8080", Reach::Loopback).is_ok());
    }

    #[test]
    fn a_server_below_a_path_is_asked_below_it() {
        let origin = Origin::below("https://gateway.test/k8s/clusters/c-1/", Reach::Live).unwrap();
        assert_eq!(origin.at(&["api", "v1"]).as_str(), "https://gateway.test/k8s/clusters/c-1/api/v1");
        assert_eq!(Origin::below("https://gateway.test", Reach::Live).unwrap().at(&["api"]).as_str(), "https://gateway.test/api");
        assert!(Origin::below("https://gateway.test/?token=x", Reach::Live).is_err());
    }

    #[test]
    fn a_name_cannot_climb_out_of_its_place_in_the_path() {
        let origin = Origin::new("http://127.0.0.1:1", Reach::Loopback).unwrap();
        assert_eq!(origin.at(&["v1", "../../admin?x#y", "op:wait"]).as_str(), "http://127.0.0.1:1/v1/..%2F..%2Fadmin%3Fx%23y/op:wait");
    }
}
