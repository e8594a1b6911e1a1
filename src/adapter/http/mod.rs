//! The one way out over HTTP: where we may go, how long we wait, how much we read, and what a failure proves.
//!
//! Every adapter goes through here, so that deadlines, caps, the refusal of redirects and the handling of credentials can't differ from
//! one vendor to the next. Reads are never repeated here; a write is, while nobody answers it (`hedge`). It knows no vendor beyond Google's
//! common error envelope.

mod client;
mod connections;
mod failure;
mod hedge;
mod origin;
mod proxy;
mod terms;
#[cfg(test)]
mod tests;

pub(in crate::adapter) use client::causes;
pub use client::{Ask, Client, Limits, Reply, Sink, first_word};
pub(in crate::adapter) use connections::client_of;
pub use failure::{Failure, Progress, Reason, kind_of};
pub use origin::{Origin, Reach};
pub(in crate::adapter) use proxy::{Judge, of_its_own};
pub(in crate::adapter) use terms::{Identity, Terms, Trust};
