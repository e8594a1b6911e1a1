//! The pure heart: whole decisions of named cases, and what must hold whatever happens.
//!
//! `session` is a cockpit in a bottle for the named cases, `watch` checks the contract after every entry, `chance` lets anything happen
//! in any order.

#![forbid(unsafe_code)]

mod chance;
mod people;
mod rollback;
mod session;
mod traffic;
mod triggers;
mod watch;
