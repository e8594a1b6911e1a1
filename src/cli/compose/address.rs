//! The parts of addresses that the plan names.

use crate::domain::shown::Shown;

/// The host that users ask for at this address.
pub(super) fn host_of(url: Option<&Shown>) -> Option<String> {
    reqwest::Url::parse(url?.as_str()).ok()?.host_str().map(str::to_owned)
}

/// What they ask for there; the plan's word, also where the simulated world's door is asked instead.
pub(super) fn path_of(url: Option<&Shown>) -> String {
    let url = url.and_then(|url| reqwest::Url::parse(url.as_str()).ok());
    url.as_ref().map_or("/", |url| url.path()).to_owned()
}

/// The same with what is asked of it behind the question mark.
pub(super) fn path_and_query_of(url: Option<&Shown>) -> String {
    let path = path_of(url);
    let url = url.and_then(|url| reqwest::Url::parse(url.as_str()).ok());
    match url.as_ref().and_then(reqwest::Url::query) {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}
