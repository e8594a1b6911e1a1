//! The only room with English: what the core decides in types becomes sentences here.
//!
//! Panes, the watcher's face, the command line, the report and mails say a thing alike because they all ask this module. It may be
//! reworded at any time: nothing that is written here enters the record, and nothing in the program compares it. It doesn't judge: what
//! is so, and what happens next, it is told in types.

mod asked;
pub mod attention;
mod cause;
pub mod draft;
mod evidence;
mod hindrance;
mod motion;
mod names;
mod news;
mod refusal;
pub mod state_line;

pub use asked::{command, look};
pub use cause::{cause, mover, mover_name};
pub use evidence::{blindness, evidence, gap, need, objection, replica, terms, void};
pub use hindrance::{hindrance, obstacle};
pub use motion::{following, motion};
pub use names::Names;
pub use news::news;
pub use refusal::refusal;
