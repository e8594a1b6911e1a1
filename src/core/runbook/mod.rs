//! The runbook: everything of the migration that is not traffic, as steps that are looked at, run and taken back.
//!
//! One machine for every kind of step. A step is a state that one outside thing is to have, and it is reached the way weights are: a look
//! with a version, an act against that version and no other, an outcome as an entry of its own, and where nobody knows the outcome, another
//! look. What is done is never remembered and always seen: a step that somebody else has done is reached, and one that somebody else has
//! undone is not. So a host that dies in the middle resumes by looking.
//!
//! - An act is never sent twice: once it has left, only a look tells what came of it, whatever its outcome says.
//! - No step begins while a route goes home, and no route waits for a step on its way home.
//! - What no act of this session has made so it does not take back: a thing that was adopted stays as it was found.
//! - Nothing here runs by itself. A person runs a step, takes it back or skips it, each with what the plan asks for: needs that are met, a
//!   second person, the name of what can't be taken back.

pub use crate::domain::standing::Act;

mod course;
mod phases;
mod rules;
mod stage;
mod state;

pub use phases::{Progress, lacks, next, phase, progress};
pub use stage::{Stage, Unmet, Why, stage};

pub(super) use stage::seen;
pub use state::{Acted, Doing, Ended, Seen, Skipped, StepNews, StepRefusal, StepState, StepTerms};

pub(super) use course::{finished, follow, observed, opened, restarted};
pub(super) use rules::{Wanted, approved, examine, holds, run, skip};
