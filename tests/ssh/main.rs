//! Pairs over SSH: a real sshd on loopback, three accounts made for the test, and the program as their login finds it.
//!
//! Everything that the kernel and sshd decide is decided here by the kernel and sshd: who somebody is, whether there is a terminal and of
//! which size, and what is left when a line is cut. It needs root, to make the accounts, which are removed again; without root or sshd
//! each test says so on standard error and proves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "../common/operator.rs"]
mod operator;
#[path = "../common/pty.rs"]
mod pty;
#[path = "../common/world.rs"]
mod world;

mod accounts;
mod flight;
mod intruder;
mod machine;
mod pair;
mod terminals;
