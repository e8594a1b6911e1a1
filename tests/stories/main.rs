//! Whole flights over loopback: the real engine, host and adapters against the simulated world, steered by an ordinary client.
//!
//! Nothing is mocked: wishes travel as frames, weights over HTTP, the journal is a file. Only the world is a model, and its time runs
//! fast. Every story ends in [`session::Session::land`], which judges the journal that it left: proved by both verifiers, folded again to
//! the same state, no write against anything but a fresh look, and no change of the world that the journal does not know.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod blind;
mod clusters;
mod disk;
mod door;
mod doubt;
mod evidence;
mod foreign;
mod init;
mod landed;
mod rollback;
mod rules;
mod second;
mod services;
mod session;
mod steps;
mod storm;
mod whole;
