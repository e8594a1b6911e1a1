//! The real binary in a pseudo-terminal: what it draws, what keys do, and that the terminal survives whatever end it takes.
//!
//! What a key did is read from the journal, and not from the screen, which may change its looks. What the terminal was left in is read
//! from the kernel and from the bytes themselves.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod cockpit;
mod end;
mod fly;
mod hostile;
mod keys;
mod looks;
mod own;
mod refusals;
mod stop;
