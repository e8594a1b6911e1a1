//! The record in words: what it has room for, what it still holds, what that means for traffic, and what to do.

use crate::{
    core::record::{Keeping, RecordChange, RecordNumber},
    domain::{shown::Shown, time::Millis},
};

/// The room that is left, as people read it: it is told anew when half of it is gone, so until then it is the most that there can be.
pub(super) fn room_left(bytes: u64) -> String {
    if bytes == 0 { room(bytes) } else { format!("at most {}", room(bytes)) }
}

fn room(bytes: u64) -> String {
    match bytes {
        0 => "no room".to_owned(),
        1..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576.. => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

pub(super) fn low(bytes: u64, place: &Shown) -> String {
    let left = match bytes {
        0 => "nothing is left for going home, which is then told to every cockpit and recorded nowhere".to_owned(),
        _ => format!("{} are left for looking and going home, and looks use it up", room_left(bytes)),
    };
    format!("the disk of the record is nearly full: {left}; nothing advances until there is room; make some at {place}")
}

pub(super) fn slow(ago: Millis, times: u32, longest: Millis, place: &Shown) -> String {
    format!(
        "the disk of the record is slow: since {ago} ago it let what happened wait {times} times, for {longest} at most, and kept all of it; while it \
         does, only a rollback leaves; see what else is busy at {place}"
    )
}

pub(super) fn broken(why: &Shown, kept: RecordNumber, ago: Millis, place: &Shown) -> String {
    format!(
        "the record broke {ago} ago ({why}): record {kept} is the last that the disk confirmed, what happens since is told to the cockpits alone; \
         only a rollback still leaves, by hand or by trigger, and this host ends when all are home and seen there; see to {place}"
    )
}

pub(super) fn hangs(kept: RecordNumber, ago: Millis, place: &Shown) -> String {
    format!(
        "the disk of the record has not answered for {ago}: record {kept} is the last that the disk confirmed, what happens since is told to the \
         cockpits and waits to be written; only a rollback leaves until it answers, by hand or by trigger; see to {place}"
    )
}

/// Why something that was taken is not on record.
pub fn off_record(record: &Keeping) -> &'static str {
    match record {
        Keeping::Broken { .. } => "on no record: the record is broken",
        // Its disk may have answered since.
        Keeping::Hanging { .. } | Keeping::Kept | Keeping::Low { .. } => "on no record yet: its disk does not answer",
    }
}

/// The same above the command by hand.
pub fn hangs_in_short(kept: RecordNumber) -> String {
    format!(
        "the disk confirmed up to record {kept}; only a rollback leaves until the disk answers, what happens is told to the cockpits and waits to be written"
    )
}

/// The same above the command by hand: what is kept and what still leaves.
pub fn broken_in_short(why: &Shown, kept: RecordNumber) -> String {
    format!("{why}; the disk confirmed up to record {kept}; only a rollback still leaves, what happens is told to the cockpits alone")
}

pub(super) fn missing(route: String, ago: Millis, kept: RecordNumber) -> String {
    format!(
        "the host before went on without a record, {ago} ago, behind record {kept}: what it did then is not known, so {route} is held; look at \
         where it stands, then resume it; the way home is open"
    )
}

/// What became of it, as news.
pub fn change(change: &RecordChange) -> String {
    match change {
        RecordChange::Roomy => "the disk of the record has room again".to_owned(),
        RecordChange::Low { bytes, place } => low(*bytes, place),
        RecordChange::Hangs { kept, .. } => format!(
            "the disk of the record does not answer: record {kept} is the last that the disk confirmed; only a rollback leaves until it does"
        ),
        RecordChange::Answers => "the disk of the record answers again; everything that waited is kept".to_owned(),
        RecordChange::Broken { why, kept, .. } => format!(
            "the record broke ({why}): record {kept} is the last that the disk confirmed; only a rollback still leaves, by hand or by trigger"
        ),
        RecordChange::Missing { kept, .. } => format!(
            "the host before went on without a record behind record {kept}; what it did then is not known; every route is held; look, then resume"
        ),
    }
}
