//! The one way out over HTTP: where we may go, how long we wait, how much we read, and what a failure proves.
//!
//! Every adapter goes through here, so that deadlines, caps, the refusal of redirects and the handling of credentials can't differ from
//! one vendor to the next. It does not retry, and it knows no vendor beyond Google's common error envelope.

mod client;
mod failure;
mod origin;

pub use client::{Ask, Client, Limits, Reply};
pub(in crate::adapter) use client::{causes, client_of};
pub use failure::{Failure, Progress, kind_of};
pub use origin::{Origin, Reach};
