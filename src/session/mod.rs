//! The imperative shell: the single owner of a session's state.
//!
//! [`engine::Engine`] is one task with one loop. Whatever happens comes to it through a channel, is stamped, stepped by the pure core,
//! recorded, and only then becomes visible and effective; where the record's disk does not answer or failed, only the way home leaves, and everybody
//! is told. Everything slow (a write to a cloud, a look at a source) runs in a task of its
//! own that the engine started and whose result comes back through the same loop. Nothing here decides anything: `core::step` does.
//!
//! Only this module spawns tasks for a session; each has an owner ([`tokio::task::JoinSet`]), a bound and a deadline. The record alone has a
//! thread (`scribe`), and what sensors remember (`memory`), since a call that waits for a disk can't be given up; how much may wait for it is bounded in `engine/record.rs`.

pub mod clock;
pub mod dispatch;
pub mod engine;
pub mod keeping;
pub mod memory;
pub mod recorder;
pub mod refold;
mod scribe;
pub mod sensors;
pub mod timers;

#[cfg(test)]
mod tests;
