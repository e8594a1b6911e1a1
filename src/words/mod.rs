//! The only room with English: what the core decides in types becomes sentences here.
//!
//! Panes, the watcher's face, the command line, the report and mails say a thing alike because they all ask this module. It may be
//! reworded at any time: nothing that is written here enters the record, and nothing in the program compares it. It doesn't judge: what
//! is so, and what happens next, it is told in types.

pub mod absence;
mod acts;
mod alone;
mod asked;
mod cause;
mod claim;
mod clock;
mod database;
mod detection;
pub mod draft;
mod ending;
mod evidence;
mod figure;
mod hindrance;
mod home;
mod loss;
mod lost;
mod motion;
mod names;
mod news;
mod outlook;
pub mod platform;
mod record;
mod refusal;
mod roster;
pub mod runbook;
mod share;
pub mod short;
pub mod state_line;
pub mod steps;
mod unanswered;

pub use acts::{HOME_ALREADY, act, act_tone, act_topic, claims, topic};
pub use alone::supervisor_gone;
pub use asked::{command, look};
pub use cause::{answer, cause, mover, mover_name};
pub use claim::{claimant, hosted, steered_by, steering, steers, who_steers};
pub use clock::clock;
pub use database::{database, database_in_short, measure, missing, replication, writers};
pub use detection::{detection, spans};
pub use ending::unwatched;
pub use evidence::{blindness, evidence, gap, gap_in_short, lack, need, objection, terms, void};
pub use figure::{Figure, figure};
pub use hindrance::{hindrance, hindrance_in_short, kept_away_in_short, obstacle};
pub use home::{due, home, home_failing, home_now, weights_never_read};
pub use loss::exchange;
pub use lost::move_lost;
pub use motion::{following, held, motion};
pub use names::Names;
pub use news::{joined, news};
pub use outlook::{at_door, attention, failed, follows, met_at_door, outlook, rule};
pub use record::{broken_in_short as record_broken_in_short, change as record_change, hangs_in_short as record_hangs_in_short, off_record};
pub use refusal::{no_such_route, refusal, why_refused};
pub use roster::{barred, credentials, roster, roster_in_short, turned_away};
pub use share::{band, fails, given, got, none_met, share, unseen};
pub use unanswered::{GIVEN_UP, SILENT, TAKEN_OR_NOT, TAKEN_WHEN_IT_GOES_ON, asked_at, kept, unanswered};
