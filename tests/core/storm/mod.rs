//! Storms: whole nights in virtual time, without a socket. A world with faults, a crew at work, a host that dies now and then.
//!
//! The pure world of the simulation, the core and the real journal writer on a disk of memory run in one thread; the watchman looks at
//! every entry. Then the faults stop, and everything must settle or say why not. A night depends on its seed alone: one that fails says
//! how to see it again. `CUTOVER_STORMS=2000 cargo test --release --test core storm` goes through more of them.

pub(crate) mod crew;
pub(crate) mod disk;
pub(crate) mod intents;
pub(crate) mod network;
pub(crate) mod night;
pub(crate) mod senses;
pub(crate) mod steps;
pub(crate) mod thing;

use night::{Checks, Course, Night, Summary};

/// The night of one seed, or what went wrong in it.
pub(crate) fn night(seed: u64, course: Course, checks: Checks) -> Result<Summary, String> {
    let mut night = Night::begin(seed, course, checks).map_err(|violation| violation.to_string())?;
    night.run().map_err(|violation| format!("at {} of night {seed}: {violation}", night.clock()))
}
