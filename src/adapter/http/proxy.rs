//! The proxy that the environment names: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not, as curl and gcloud read them.
//!
//! Every client obeys them alike, and for this machine none does, whatever they say. A proxy resolves names by itself, behind our guard's
//! back; so a name is looked up here once before the first request that a proxy would carry there, and refused if it leads where nothing
//! may be sent. A name that only the proxy knows is the proxy's to judge.

use std::{net::IpAddr, sync::LazyLock, time::Duration};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Url};
use tokio::sync::OnceCell;

use super::{
    origin::{leads_astray, without_user},
    terms::Terms,
};
use crate::domain::{
    address::{is_forbidden, is_loopback},
    fault::{Fault, FaultKind},
    secret::Secret,
};

/// A resolver that says nothing for so long knows nothing of the name.
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(1);

static OF_THE_ENVIRONMENT: LazyLock<Matcher> = LazyLock::new(Matcher::from_env);

/// Lets requests to `url` take the environment's proxy, unless they go to this machine.
pub(super) fn routed(builder: ClientBuilder, url: &Url) -> ClientBuilder {
    if is_here(url) { builder.no_proxy() } else { builder }
}

/// The proxy that carries requests to `url`, as `scheme://host:port`, without the user and password that may stand before it.
pub(super) fn toward(url: &Url) -> Option<String> {
    if is_here(url) {
        return None;
    }
    let proxy = OF_THE_ENVIRONMENT.intercept(&url.as_str().parse().ok()?)?;
    let (scheme, host) = (proxy.uri().scheme_str()?, proxy.uri().host()?);
    Some(proxy.uri().port_u16().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

/// A proxy that one server is reached by, as its address is written; it may be on this machine, and it may want a user and a password.
/// # Errors
/// [`FaultKind::Refused`] if it is none that is spoken with here, or is where nothing may be sent; its words quote no password.
pub(in crate::adapter) fn of_its_own(text: &str) -> Result<Secret, Fault> {
    let refused = |why: &str| Fault::new(FaultKind::Refused, format!("the proxy {} {why}; nothing was sent", without_user(text)));
    let url = Url::parse(text).map_err(|error| refused(&format!("is no URL ({error})")))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(refused("is neither http:// nor https://, and no other kind is spoken with here"));
    }
    let host = url.host_str().ok_or_else(|| refused("names no host"))?;
    if leads_astray(host.trim_matches(['[', ']'])) {
        return Err(refused("points to a link-local or metadata address"));
    }
    Ok(Secret::new(text))
}

/// Whether `url` names this machine.
fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host.trim_end_matches('.').eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(is_loopback)
    })
}

/// One look at where a name leads, before a proxy is asked for it.
#[derive(Debug)]
pub(in crate::adapter) struct Judge {
    url: Url,
    is_carried: bool,
    verdict: OnceCell<()>,
}

impl Judge {
    pub(in crate::adapter) fn new(url: Url) -> Judge {
        let is_carried = toward(&url).is_some();
        Judge { url, is_carried, verdict: OnceCell::new() }
    }

    /// The same where the terms may name a proxy themselves.
    pub(in crate::adapter) fn on(url: Url, terms: &Terms) -> Judge {
        let judge = Judge::new(url);
        Judge { is_carried: judge.is_carried || terms.proxy.is_some(), ..judge }
    }

    /// # Errors
    /// [`FaultKind::Refused`] if the name leads to a link-local or metadata address; nothing was sent.
    pub(in crate::adapter) async fn allows(&self) -> Result<(), Fault> {
        if !self.is_carried {
            return Ok(());
        }
        self.verdict.get_or_try_init(|| judged(&self.url)).await.copied()
    }
}

async fn judged(url: &Url) -> Result<(), Fault> {
    let Some(host) = url.host_str() else { return Ok(()) };
    let looked = tokio::time::timeout(LOOK_UP_DEADLINE, tokio::net::lookup_host((host.trim_matches(['[', ']']), 0))).await;
    let Ok(Ok(mut found)) = looked else { return Ok(()) };
    if found.any(|address| is_forbidden(address.ip())) {
        let message = format!("{host} leads to a link-local or metadata address; the proxy was not asked for it and nothing was sent");
        return Err(Fault::new(FaultKind::Refused, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_its_own_leads_nowhere_that_a_credential_must_not_go_and_its_password_is_not_told() {
        for (text, why) in [
            ("socks5://127.0.0.1:1080", "neither http:// nor https://"),
            ("http://user:canary@169.254.169.254:3128", "link-local or metadata"),
            ("http://user:canary@metadata.google.internal", "link-local or metadata"),
            ("user:canary@proxy", "neither"),
            ("", "no URL"),
        ] {
            let fault = of_its_own(text).unwrap_err();
            assert!(fault.kind == FaultKind::Refused && fault.message.as_str().contains(why), "{text}: {fault}");
            assert!(!fault.message.as_str().contains("canary"), "{fault}");
        }
        assert_eq!(of_its_own("http://user:pass@127.0.0.1:3128").unwrap().expose(), "http://user:pass@127.0.0.1:3128");
        assert!(of_its_own("https://proxy.example.com").is_ok());
    }

    #[test]
    fn this_machine_is_known_by_each_of_its_names() {
        for (url, here) in [
            ("https://localhost:8443/", true),
            ("https://LocalHost./", true),
            ("https://127.9.9.9/", true),
            ("https://[::1]:6443/", true),
            ("https://[::ffff:127.0.0.1]/", true),
            ("https://localhost.example.com/", false),
            ("https://10.0.0.1/", false),
        ] {
            assert_eq!(is_here(&url.parse().unwrap()), here, "{url}");
        }
    }
}
