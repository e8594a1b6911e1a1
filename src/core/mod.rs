//! The pure heart: state, what happens to it, and what follows.
//!
//! `step(&mut State, &Entry) -> Decision` is the whole program. It has no clock, no randomness, no I/O and no async; the same entries
//! always give the same state and the same effects. That one property carries crash recovery, watchers, replay and the tests.

pub mod command;
pub mod decision;
pub mod event;
pub mod home;
pub mod news;
pub mod outlook;
pub mod reason;
pub mod replication;
pub mod state;
pub mod step;

mod approval;
pub mod blind;
mod check;
mod checklist;
mod clock;
mod controls;
mod drift;
mod evidence;
mod exposure;
mod history;
mod latch;
mod motion;
mod observe;
mod people;
mod readiness;
mod restart;
mod rollback;
mod seen;
mod settle;
mod sight;
mod standing;
mod traffic;
mod trigger;
mod turn;
pub mod workload;
