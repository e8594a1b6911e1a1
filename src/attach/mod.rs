//! How a cockpit and a session talk: frames over a Unix socket, one protocol, roles from the kernel.
//!
//! The host side is handed a [`crate::door::Door`] and knows nothing of what is behind it; the client side hands a cockpit a
//! [`client::Link`] and knows nothing of what is drawn. Every cockpit is an ordinary client, the one that shares the host's process
//! included. Reading order: `frame`, `protocol`, `client`, then the host's side.
//!
//! What a connection may do is what it was given: a watcher's task is never handed a sender of requests, so no bytes can become one.

pub mod client;
pub mod connection;
pub mod dial;
pub mod entrance;
pub mod fold;
pub mod frame;
pub mod host;
mod line;
pub mod pace;
pub mod peer;
pub mod proof;
pub mod protocol;
mod queue;
pub mod roster;
pub mod sessions;
pub mod signer;
pub mod snapshots;
pub mod socket;
pub mod sshsig;
mod turned_away;
