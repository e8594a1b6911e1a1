//! Which permissions the caller holds, by the word of whoever decides: a project, a service, a backend service.

use std::collections::BTreeSet;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::adapter::http::{Ask, Client, Failure, Limits};

/// Body and answer of `testIamPermissions`, which Compute spells with a slash and everybody else with a colon.
#[derive(Serialize, Deserialize)]
struct Permissions {
    /// Left out where there is none.
    #[serde(default)]
    permissions: Vec<String>,
}

/// Those of `wanted` that the caller does not hold at the object whose `testIamPermissions` is at `at`; in the order of `wanted`.
/// # Errors
/// If nobody tells.
pub async fn lacking<'w>(client: &Client, at: Url, wanted: &[&'w str]) -> Result<Vec<&'w str>, Failure> {
    let body = Permissions { permissions: wanted.iter().map(|name| (*name).to_owned()).collect() };
    let held: Permissions = client.send(Ask::post(at, &body, Limits::READ)).await?.json()?;
    let held: BTreeSet<String> = held.permissions.into_iter().collect();
    Ok(wanted.iter().copied().filter(|name| !held.contains(*name)).collect())
}
