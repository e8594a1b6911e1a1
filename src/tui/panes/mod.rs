//! The panes, one file each: `draw(Scene, Rect, &mut Buffer)`.
//!
//! A pane puts into words and shapes what the state holds. It decides nothing and computes nothing that the core could have said.

pub mod charts;
pub mod checklist;
pub mod draft;
pub mod frame;
pub mod header;
pub mod journal;
pub mod log;
mod message;
pub mod metrics;
pub mod platforms;
pub mod replication;
pub mod rollback;
pub mod steps;
pub mod traffic;
pub mod triggers;
pub mod words;
pub mod workloads;
pub mod zoom;
