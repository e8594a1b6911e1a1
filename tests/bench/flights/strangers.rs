//! That a flight's servers let nobody in without a good token: what a green flight rests on.

use std::time::Duration;

use crate::{front::Front, identity::Purpose};

/// One page of each kind of server, each behind a check of its own.
const PAGES: [&str; 3] = [
    "https://compute.googleapis.com/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb",
    "https://container.googleapis.com/v1/projects/hexproperty/locations/us-central1/clusters/hexproperty-prod",
    "https://gke-4b7c1f20a9e34d5c8f11-482913370577.us-central1.gke.goog/api/v1/namespaces/hexproperty/pods",
];
const OF_PROMETHEUS: &str = "https://prometheus.hexproperty.com/api/v1/query?query=up";

/// # Errors
/// Who was let in, or who was not, for people.
pub(crate) async fn are_refused(front: &Front, authority: &str) -> Result<(), String> {
    // Losing the race against another client is as good as winning it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let said = |error: reqwest::Error| format!("{error:?}");
    let trusted = reqwest::Certificate::from_pem(authority.as_bytes()).map_err(said)?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().map_err(said)?;
    let asked = async |page: &str, token: Option<&str>| {
        let request = client.get(page);
        let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
        request.send().await.map(|answer| answer.status().as_u16())
    };
    let good = front.issuer.issue(Purpose::Cloud, Duration::from_secs(30));
    let expired = front.issuer.issue(Purpose::Cloud, Duration::ZERO);
    let other = front.issuer.issue(Purpose::Impersonation, Duration::from_secs(30));
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJjdXRvdmVyIn0.";
    for page in PAGES {
        for token in [None, Some("ya29.somebody-else"), Some(&*expired), Some(&*other), Some(unsigned)] {
            let status = asked(page, token).await.map_err(said)?;
            if status != 401 {
                return Err(format!("{page} answers {status} to the token {token:?}"));
            }
        }
        let status = asked(page, Some(&good)).await.map_err(said)?;
        if status != 200 {
            return Err(format!("{page} answers {status} to a good token"));
        }
    }
    for token in [None, Some(&*good)] {
        let status = asked(OF_PROMETHEUS, token).await.map_err(said)?;
        if status != 401 {
            return Err(format!("{OF_PROMETHEUS} answers {status} to the token {token:?}"));
        }
    }
    Ok(())
}
