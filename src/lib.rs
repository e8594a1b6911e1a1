//! `cutover`: a terminal cockpit from which engineers steer a live, zero-downtime migration from Cloud Run to GKE.
//!
//! # The map, in reading order
//! - [`domain`]: the nouns. Validated values; no I/O, no clock.
//! - [`plan`]: from a YAML file to a `Plan`; every mistake at once, with its line.
//! - [`core`]: the pure heart. `step(&mut State, &Entry) -> Decision` is the whole program; everything else carries things to it or from it.
//! - [`journal`]: append-only, hash-chained, durable before anything follows from it.
//! - [`port`]: what a session needs of the world, in domain words; [`adapter`]: the same over some vendor's wire.
//! - [`session`]: the imperative shell and single owner of the state.
//! - [`door`]: the seam between a session and whoever attaches; [`attach`]: the same over a socket, roles given by the kernel.
//! - [`tui`]: the cockpit. It draws the state and sends wishes.
//! - [`sim`]: the world in a bottle, wire-true on loopback. It shares no code with the adapters.
//! - [`cli`]: one file a subcommand; the only place where everything meets.
//! - [`telemetry`]: the program's own log.
//!
//! # What always holds
//! A wish is not a deed: a key becomes a command, `step` alone turns a command into an effect, and the record of it is on disk before the
//! effect leaves. No data is not good data: a reading is ok, breached or unknown, and only ok clears anything. Going back comes first:
//! a rollback pre-empts everything and needs no second person. `tests/tidy.rs` holds the arrows between the rooms.

#![forbid(unsafe_code)]

pub mod adapter;
pub mod attach;
pub mod cli;
pub mod core;
pub mod domain;
pub mod door;
pub mod journal;
pub mod plan;
pub mod port;
pub mod session;
pub mod sim;
pub mod telemetry;
pub mod tui;
