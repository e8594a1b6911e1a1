//! The attach host and the cockpit's link against a session that is scripted, over real frames.
//!
//! What is tested here is what every session relies on: that nobody but an operator can ask for anything, that nobody can hold up anybody
//! else, and that every client ends up with exactly the host's state.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "../common/operator.rs"]
mod operator;

mod cockpits;
mod crowd;
mod doorstep;
mod engine;
mod errands;
mod folders;
mod heard_out;
mod rosters;
mod shared;
mod watchers;
