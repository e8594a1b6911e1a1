//! The pure heart: whole decisions of named cases, and what must hold whatever happens.
//!
//! `session` is a cockpit in a bottle for the named cases, `watch` checks the contract after every entry, `chance` lets anything happen
//! in any order, `storm` runs whole nights of the simulated world.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

mod chance;
mod checklist;
mod databases;
mod door;
mod gates;
mod gateways;
mod home;
mod latches;
mod losses;
mod old_reads;
mod people;
mod platforms;
mod record;
mod rollback;
mod series;
mod session;
mod steering;
mod steps;
mod storm;
mod storms;
mod told;
mod traffic;
mod triggers;
mod two_hosts;
mod unjudged;
mod unmarked;
mod unread;
mod watch;
