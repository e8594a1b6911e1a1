//! Two people and a watcher at cockpits of one session: the keys of the one, the screen of the other, and what the session made of it.
//!
//! The cockpits run their own loops and the session is the real fold; there is no socket and no world in between, so each test is the
//! story of one key path and nothing else.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod absence;
mod approvals;
mod controls;
#[path = "../core/session.rs"]
mod core_session;
#[path = "../common/paper.rs"]
mod paper;
mod pointing;
mod table;
mod watching;
