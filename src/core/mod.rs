//! The pure heart: state, what happens to it, and what follows.
//!
//! `step(&mut State, &Entry) -> Decision` is the whole program. It has no clock, no randomness, no I/O and no async; the same entries
//! always give the same state and the same effects. That one property carries crash recovery, watchers, replay and the tests.

/// Version of the fold: raised by every change of `step` that decides otherwise on entries that an older program recorded. Journals from
/// before there was one have 0.
pub const FOLD: u32 = 9;

pub mod acts;
pub mod alone;
pub mod assurance;
pub mod command;
pub mod condition;
pub mod decision;
pub mod detection;
pub mod door;
pub mod ending;
pub mod event;
pub mod fails;
pub mod figures;
pub mod first_share;
pub mod follows;
pub mod forecast;
pub mod has;
pub mod home;
pub mod loss;
pub mod lost;
pub mod marks;
pub mod newest;
pub mod news;
pub mod outlook;
pub mod past;
pub mod reason;
pub mod record;
pub mod replaced;
pub mod replication;
pub mod requests;
pub mod revisions;
pub mod runbook;
pub mod standstill;
pub mod state;
pub mod steer;
pub mod step;
pub mod thin;
pub mod topic;
pub mod unjudged;

mod approval;
mod at_door;
mod blind;
mod check;
mod checklist;
mod clock;
mod controls;
mod drift;
mod evidence;
mod exposure;
mod failing;
mod feed;
mod front_door;
mod gate;
mod gathered;
mod history;
mod latch;
mod motion;
mod observe;
mod pace;
mod people;
pub mod proof;
mod proportion;
pub mod readiness;
mod restart;
mod rollback;
pub mod roster;
mod seen;
mod settle;
mod sight;
mod standing;
mod starvation;
mod tally;
mod traffic;
mod trigger;
mod turn;
mod unlike;
mod unmarked;
pub mod unresolved;
mod verdict;
pub mod window;
pub mod workload;
