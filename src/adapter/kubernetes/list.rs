//! All objects of one kind in a namespace, page by page.
//!
//! What has come stays when a page fails, and the next request goes on from there: ten thousand pods are fifty megabytes, and whoever asks
//! for them from the beginning whenever one of twenty pages is late may never have them, and costs a cluster as much every minute. Pages
//! come packed where the server packs them, as `kubectl` asks for them too; that is a fifteenth of the bytes.

use std::time::Duration;

use kube::{Client, core::Request};
use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use tokio::time::timeout;

use super::{
    access::fault_of,
    wire::{Kind, Page},
};
use crate::domain::fault::{Fault, FaultKind};

/// What to list and watch.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub namespace: String,
    pub labels: Option<String>,
    pub fields: Option<String>,
}

/// One page may take so long.
pub(super) const PAGE_DEADLINE: Duration = Duration::from_secs(10);
/// Until a list that goes on is told to be late; where somebody waits for all of it, it is given up.
pub(super) const LIST_DEADLINE: Duration = Duration::from_secs(60);
pub(super) const PAGE_SIZE: u32 = 500;

/// A list of which some pages may have come.
pub(super) struct Listing<K> {
    items: Vec<K>,
    /// Where the next page begins; the server remembers it for some minutes.
    next: String,
    version: String,
}

/// What a page has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// Others follow.
    Part,
    All,
}

impl<K> Default for Listing<K> {
    fn default() -> Self {
        Listing { items: Vec::new(), next: String::new(), version: String::new() }
    }
}

impl<K: Kind> Listing<K> {
    /// Asks for the next page.
    /// # Errors
    /// Whatever the API says, or [`FaultKind::TimedOut`]; then the same page is the next one. Where the server has forgotten the list, the
    /// next one is the first.
    pub(super) async fn page(&mut self, client: &Client, scope: &Scope, page_size: u32) -> Result<Came, Fault> {
        let about = about::<K>(scope);
        let params = kube::api::ListParams {
            label_selector: scope.labels.clone(),
            field_selector: scope.fields.clone(),
            limit: Some(page_size),
            continue_token: Some(self.next.clone()).filter(|next| !next.is_empty()),
            ..kube::api::ListParams::default()
        };
        let request = request::<K>(&scope.namespace).list(&params);
        let mut request = request.map_err(|error| Fault::new(FaultKind::Unsupported, format!("{about}: {error}")))?;
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let text = match timeout(PAGE_DEADLINE, client.request_text(request)).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                if matches!(&error, kube::Error::Api(status) if status.code == 410) {
                    *self = Listing::default();
                }
                return Err(fault_of(&about, &error));
            }
            Err(_) => return Err(too_slow(&about, PAGE_DEADLINE)),
        };
        let page: Page<K> =
            serde_json::from_slice(text.as_bytes()).map_err(|error| Fault::new(FaultKind::Unreadable, format!("{about}: {error}")))?;
        self.items.extend(page.items);
        (self.next, self.version) = (page.metadata.next, page.metadata.resource_version);
        Ok(if self.next.is_empty() { Came::All } else { Came::Part })
    }

    /// What has come, and as of which version.
    pub(super) fn into_items(self) -> (Vec<K>, String) {
        (self.items, self.version)
    }

    /// That it is late, and goes on.
    pub(super) fn late(&self, scope: &Scope) -> Fault {
        let (about, come) = (about::<K>(scope), self.items.len());
        let message = format!("{about} takes longer than {}s; {come} have come, and the rest is awaited", LIST_DEADLINE.as_secs());
        Fault::new(FaultKind::TimedOut, message)
    }
}

/// Everything that there is, page by page, with its version.
/// # Errors
/// Whatever the API says, or [`FaultKind::TimedOut`].
pub(super) async fn list<K: Kind>(client: &Client, scope: &Scope) -> Result<(Vec<K>, String), Fault> {
    list_until(client, scope, PAGE_SIZE, |_| false).await
}

/// The first of them, in pages of `page_size`, until they are `enough`; then no further page is asked for.
/// # Errors
/// As [`list`].
pub(super) async fn list_until<K: Kind>(
    client: &Client,
    scope: &Scope,
    page_size: u32,
    enough: impl Fn(&[K]) -> bool,
) -> Result<(Vec<K>, String), Fault> {
    let mut listing = Listing::default();
    let listed = async {
        while listing.page(client, scope, page_size).await? == Came::Part && !enough(&listing.items) {}
        Ok::<(), Fault>(())
    };
    timeout(LIST_DEADLINE, listed).await.unwrap_or_else(|_| Err(too_slow(&about::<K>(scope), LIST_DEADLINE)))?;
    Ok(listing.into_items())
}

pub(super) fn request<K: Kind>(namespace: &str) -> Request {
    let (before, after) = K::PATH;
    Request::new(format!("{before}{namespace}{after}"))
}

fn about<K: Kind>(scope: &Scope) -> String {
    format!("listing {} of {}", K::PLURAL, scope.namespace)
}

fn too_slow(about: &str, deadline: Duration) -> Fault {
    Fault::new(FaultKind::TimedOut, format!("{about} took longer than {}s", deadline.as_secs()))
}
