//! What several of the Google APIs have in common: names, numbers as strings, pages.

use serde_json::{Value, json};

use super::http::Call;
use crate::sim::world::random::Random;

/// The one project of the world.
pub const PROJECT: &str = "hexproperty";
/// Its number, which some APIs show instead of its id.
pub const PROJECT_NUMBER: &str = "604187332190";
/// The one region of the world.
pub const REGION: &str = "us-central1";

/// A decimal id that is always the same for the same name.
#[must_use]
pub fn number_for(name: &str) -> String {
    (Random::named(0, name).bits() >> 1 | 1 << 60).to_string()
}

/// A UUID that is always the same for the same name.
#[must_use]
pub fn uid_for(name: &str) -> String {
    let mut random = Random::named(1, name);
    let (one, two) = (random.bits(), random.bits());
    format!("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", one >> 32, one >> 16 & 0xffff, one & 0xfff, two >> 52, two & 0xffff_ffff_ffff)
}

/// One page of a list, and the token of the next page if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The items of this page.
    pub items: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Cuts a list by `pageSize` (0 and absent: `usual`) and `pageToken`; `None` for a token that is none of ours.
#[must_use]
pub fn page(call: &Call, items: Vec<Value>, usual: usize) -> Option<Page> {
    page_at_most(call, items, usual, usize::MAX)
}

/// The same, also by `maxResults`, as some APIs call it, with no more on a page than `most`, as servers may.
#[must_use]
pub fn page_at_most(call: &Call, items: Vec<Value>, usual: usize, most: usize) -> Option<Page> {
    let asked = ["pageSize", "maxResults"].into_iter().find_map(|name| call.parameter(name)).and_then(|size| size.parse().ok());
    let size = asked.filter(|size| *size > 0).unwrap_or(usual).min(most);
    let from = match call.parameter("pageToken") {
        None => 0,
        Some(token) => token.strip_prefix("after-")?.parse::<usize>().ok()?,
    };
    let rest = items.len().saturating_sub(from);
    let next = (rest > size).then(|| format!("after-{}", from + size));
    Some(Page { items: items.into_iter().skip(from).take(size).collect(), next })
}

/// A JSON object of a page under this field name.
#[must_use]
pub fn listing(field: &str, page: Page) -> Value {
    let mut body = json!({ field: page.items });
    if let Some(next) = page.next {
        body["nextPageToken"] = json!(next);
    }
    body
}
