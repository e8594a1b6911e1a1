//! What can be asked of a project before a flight, without changing anything in it.
//!
//! A session looks again and again at what moves. What is asked here is asked once, before it begins: which permissions we hold, how the
//! backend services behind a split are set, whether their endpoints are well, what the API would say to a write, and how both legs answer to
//! one request. Each question gives what was answered and judges nothing: what of it stands in the way is for the caller. A question that
//! fails says why by a [`Failure`], whose reason tells a disabled API from a missing permission.

mod answer;
mod backend_service;
mod permissions;

pub use answer::{Answered, ask};
pub use backend_service::{BackendService, Group, GroupKind, Health, Locus, health, kind_of_group, read as backend_service};
pub use permissions::lacking;

use crate::adapter::http::{Ask, Client, Failure, Limits};

/// Whether an API answers at all at one of its addresses, whatever it says there.
/// # Errors
/// Whatever kept it from a 2xx answer.
pub async fn door(client: &Client, path: &[&str], query: &[(&str, &str)]) -> Result<(), Failure> {
    let ask = query.iter().fold(Ask::get(client.at(path), Limits::READ), |ask, (name, value)| ask.query(name, value));
    client.send(ask).await.map(|_| ())
}

/// The same of one that is asked by POST and changes nothing.
/// # Errors
/// As [`door`].
pub async fn question(client: &Client, path: &[&str], body: &serde_json::Value) -> Result<(), Failure> {
    client.send(Ask::post(client.at(path), body, Limits::READ)).await.map(|_| ())
}
