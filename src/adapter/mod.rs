//! One folder per external system, each behind a port: the only code that knows a vendor's wire.
//!
//! An adapter turns what it hears into `domain` words once, at the border, and holds no decisions: whether a fault matters is for the core.
//! Every folder has the same parts: `mod` implements the port and holds the documented configuration, `wire` is the vendor's JSON and stays
//! private, further files are pure arithmetic that can be tested without a socket. Nothing here spawns a task, retries a mutation on its own
//! (a write that is sent once more under what makes it the same is the documented exception, see [`crate::port::Driver`]) or follows a redirect. `syslog`
//! is one file and no port: the machine's own log, which is told and never asked; so is `gcloud`, whose settings are read to be told of. `discovery` and `preflight` are no ports either: they ask once, what a
//! project has before there is a plan, and what stands against a flight before it begins.

pub mod address;
mod annotation;
mod claim;
pub mod cloud_run;
pub mod cloud_sql;
pub mod discovery;
pub mod gcloud;
pub mod gke_cluster;
pub mod google_auth;
pub mod http;
pub mod http_route;
pub mod kubernetes;
mod memory;
pub mod metrics;
mod patience;
mod permission;
pub mod preflight;
pub mod prober;
pub mod prometheus;
mod request_id;
mod share;
pub mod syslog;
mod token_file;
pub mod url_map;
mod vendor_name;

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

pub use patience::Patience;

use crate::domain::time::Timestamp;

/// What is `null` is what was left out, whoever wrote it: a proxy may, and neither may keep an object from being read.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The session's clock, for sensors whose source gives no time of its own; virtual in the demo.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
