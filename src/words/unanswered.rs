//! What was asked of a host that has not answered: since when, what becomes of it, and the ways on.

use crate::{
    core::{command::Command, news::Tone},
    domain::time::{Millis, Timestamp},
    words::{Names, absence, asked, short::Said},
};

/// Of a host that lives and says nothing.
pub const SILENT: &str = "it has said nothing, though it should every second";

/// What becomes of questions that lie before a host that says nothing.
pub const TAKEN_WHEN_IT_GOES_ON: &str = "Asked, not answered; the host carries it out when it goes on:";
/// What became of questions whose line broke.
pub const TAKEN_OR_NOT: &str = "Asked, and the line broke before an answer: it may have been taken or not:";

/// What was never asked, and is no more.
pub const GIVEN_UP: &str = "Not asked, and given up, for nobody was there in time; press it again, or go home by hand:";

/// What becomes of a way home that waits for the host.
pub fn kept(left: Millis) -> String {
    format!("Not asked yet; asked the moment the host is back, if that is within {left}:")
}

/// One line for `key`, pressed `age` ago, and for `more` others.
pub fn unanswered(key: &str, more: usize, age: Millis) -> Said {
    let others = if more > 0 { format!(" (+{more})") } else { String::new() };
    Said::new(
        Tone::Alarm,
        format!("{key}{others} asked {age} ago, the host has not answered"),
        format!("{key}{others} asked {age} ago, no answer"),
    )
}

/// What it was and when.
pub fn asked_at(key: &str, command: &Command, at: Timestamp, age: Millis, names: Names) -> String {
    format!("{key}: {}, asked at {}, {age} ago", asked::command(command, names), absence::moment(at))
}
