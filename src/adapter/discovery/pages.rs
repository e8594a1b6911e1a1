//! Lists of Google's APIs, page by page until no token leads on.

use std::time::Duration;

use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::{
    adapter::http::{Ask, Client, Limits},
    domain::fault::{Fault, FaultKind},
};

/// A page may be long: of large projects, and of servers that are slow to gather it.
const PAGE: Limits = Limits { deadline: Duration::from_secs(20), body_bytes_max: 16 << 20 };
/// More pages than any project has; whoever sends so many has lost count.
const PAGES_MAX: usize = 1000;

/// One page of a list.
pub(super) trait Page: DeserializeOwned {
    type Item;
    /// The parameter that says how much a page may hold, and how much is asked for.
    const SIZE: (&'static str, &'static str);
    /// What it holds, the token of the next one, and what the server says that it could not read.
    fn turn(self) -> Turned<Self::Item>;
}

#[derive(Debug)]
pub(super) struct Turned<T> {
    pub items: Vec<T>,
    pub next: String,
    pub left_out: Vec<String>,
}

/// What was listed before something went wrong, and what did.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub items: Vec<T>,
    pub fault: Option<Fault>,
}

pub(super) async fn list<P: Page>(client: &Client, url: &Url, fixed: &[(&str, &str)]) -> Listed<P::Item> {
    let mut listed = Listed { items: Vec::new(), fault: None };
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let page = match one::<P>(client, url, fixed, &token).await {
            Ok(page) => page,
            Err(fault) => return Listed { fault: Some(fault), ..listed },
        };
        let Turned { items, next, left_out } = page.turn();
        listed.items.extend(items);
        if !left_out.is_empty() && listed.fault.is_none() {
            listed.fault = Some(Fault::new(FaultKind::Unavailable, format!("the answer leaves out {}", left_out.join(", "))));
        }
        if next.is_empty() {
            return listed;
        }
        if next == token {
            let message = "a page leads on to itself; what comes behind it is not known";
            return Listed { fault: Some(Fault::new(FaultKind::Unreadable, message)), ..listed };
        }
        token = next;
    }
    Listed { fault: Some(Fault::new(FaultKind::Unreadable, format!("there are more than {PAGES_MAX} pages"))), ..listed }
}

async fn one<P: Page>(client: &Client, url: &Url, fixed: &[(&str, &str)], token: &str) -> Result<P, Fault> {
    let (parameter, size) = P::SIZE;
    let mut ask = Ask::get(url.clone(), PAGE);
    if !parameter.is_empty() {
        ask = ask.query(parameter, size);
    }
    for (name, value) in fixed {
        ask = ask.query(name, value);
    }
    if !token.is_empty() {
        ask = ask.query("pageToken", token);
    }
    Ok(client.send(ask).await?.json()?)
}
