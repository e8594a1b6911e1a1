//! One GET, and all of its answer that two legs can be compared by.

use std::collections::BTreeSet;

use reqwest::{
    Url,
    header::{HeaderName, LOCATION},
};
use tokio::time::Instant;

use crate::{
    adapter::http::{Ask, Client, Failure, Limits},
    domain::shown::Shown,
};

/// What each hop, each platform or each moment adds by itself; a program has no say in it.
const OF_THE_WAY: [&str; 21] = [
    "alt-svc",
    "age",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "nel",
    "report-to",
    "server",
    "server-timing",
    "traceparent",
    "transfer-encoding",
    "vary",
    "via",
    "x-cloud-trace-context",
    "x-envoy-upstream-service-time",
    "x-request-id",
    "x-served-by",
];

/// A whole answer of any status.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    pub status: u16,
    /// Names of what the program itself says, in lower case.
    pub headers: BTreeSet<String>,
    /// Where it sends its reader: a path where that is on the host that was asked, else the whole address.
    pub location: Option<Shown>,
    pub body_bytes: usize,
    pub took_ms: f64,
    /// What it says of who gave it.
    pub mark: Option<Shown>,
}

/// Asks `url`, which lies within the client's origin, once. A redirect is read and not followed.
/// # Errors
/// Where no whole answer came.
pub async fn ask(client: &Client, url: &Url, mark: &HeaderName) -> Result<Answered, Failure> {
    let began = Instant::now();
    let answer = client.answered(Ask::get(url.clone(), Limits::READ)).await?;
    let took_ms = began.elapsed().as_secs_f64() * 1000.0;
    let text = |name: &HeaderName| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let own = answer.headers.keys().map(HeaderName::as_str).filter(|name| !OF_THE_WAY.contains(name));
    Ok(Answered {
        status: answer.status.as_u16(),
        headers: own.map(str::to_owned).collect(),
        location: text(&LOCATION).map(|location| Shown::new(&led(location, url))),
        body_bytes: answer.body.len(),
        took_ms,
        mark: text(mark).map(Shown::new),
    })
}

fn led(location: &str, asked: &Url) -> String {
    match asked.join(location) {
        Ok(led) if led.origin() == asked.origin() => {
            led.query().map_or_else(|| led.path().to_owned(), |query| format!("{}?{query}", led.path()))
        }
        Ok(led) => led.to_string(),
        Err(_) => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_within_the_host_is_a_path_and_any_other_an_address() {
        let asked = Url::parse("https://a.example.com/health").unwrap();
        assert_eq!(led("https://a.example.com/live?x=1", &asked), "/live?x=1");
        assert_eq!(led("live", &asked), "/live");
        assert_eq!(led("https://login.example.com/", &asked), "https://login.example.com/");
    }
}
