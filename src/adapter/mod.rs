//! One folder per external system, each behind a port: the only code that knows a vendor's wire.
//!
//! An adapter turns what it hears into `domain` words once, at the border, and holds no decisions: whether a fault matters is for the core.
//! Every folder has the same parts: `mod` implements the port and holds the documented configuration, `wire` is the vendor's JSON and stays
//! private, further files are pure arithmetic that can be tested without a socket. Nothing here spawns a task, retries a mutation on its own
//! (one resend under the same request id is the documented exception of [`url_map`]) or follows a redirect.

mod claim;
pub mod cloud_run;
pub mod cloud_sql;
pub mod google_auth;
pub mod http;
pub mod kubernetes;
pub mod metrics;
mod permission;
pub mod prober;
pub mod prometheus;
mod share;
pub mod syslog;
pub mod url_map;
mod vendor_name;

use std::sync::Arc;

use crate::domain::time::Timestamp;

/// The session's clock, for sensors whose source gives no time of its own; virtual in the demo.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
