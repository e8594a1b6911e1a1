//! Room on the disk, asked for ahead, so that a full disk is news and not an accident.
//!
//! Eight MiB are promised at a time, and the next eight are asked for when four are left. Refused, the writer asks for as much less as it
//! takes to have a reserve where there can be one: what is left then is far more than it takes to bring the traffic home and to say so.
//! The file's length never runs ahead of its records, so there is no zero-filled end that a reader would have to tell from damage.
//! On file systems that copy on write a promise of room is weaker than it sounds; then the latch is what remains.

use std::io;

use crate::journal::disk::Disk;

/// Room asked for at a time, in bytes.
const STEP_BYTES: u64 = 8 * 1024 * 1024;
/// Room at which more is asked for, in bytes; what is left when that is refused.
const LOW_WATER_BYTES: u64 = 4 * 1024 * 1024;
/// What is asked for when that is refused too, as far as less is left: the first that is given is the reserve.
const LESS_BYTES: [u64; 2] = [1024 * 1024, 256 * 1024];
/// After a refusal, ask again when so many more bytes are written.
const RETRY_BYTES: u64 = 64 * 1024;

/// How much room the journal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Enough, and more will be asked for in time.
    Reserved { bytes: u64 },
    /// The disk refused more. Records still fit into `bytes` bytes: stop what can wait, going back stays possible.
    Low { bytes: u64 },
    /// This file system makes no promises; a full disk will show only when a write fails.
    Unreserved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Given,
    Refused { retry_at: u64 },
    Unsupported,
}

/// What the disk has promised.
#[derive(Debug)]
pub(super) struct Room {
    /// The file may grow to this length.
    promised: u64,
    answer: Answer,
}

impl Room {
    /// Before anything was asked for, of a file of `bytes` bytes.
    pub(super) const fn unknown(bytes: u64) -> Self {
        Self { promised: bytes, answer: Answer::Given }
    }

    /// Makes sure that more is asked for in time before `length` bytes are written at `end`.
    pub(super) fn ensure(&mut self, disk: &mut dyn Disk, end: u64, length: u64) {
        let wanted = end + length + LOW_WATER_BYTES;
        let asks = match self.answer {
            Answer::Given => wanted > self.promised,
            Answer::Refused { retry_at } => end >= retry_at,
            Answer::Unsupported => false,
        };
        if asks {
            self.ask(disk, end);
        }
    }

    /// Asks once more where it was refused: somebody may have made room.
    pub(super) fn ask_again(&mut self, disk: &mut dyn Disk, end: u64) {
        match self.answer {
            Answer::Refused { .. } => self.ask(disk, end),
            Answer::Given | Answer::Unsupported => {}
        }
    }

    /// What is left behind `end`.
    pub(super) fn space(&self, end: u64) -> Space {
        let bytes = self.promised.saturating_sub(end);
        match self.answer {
            Answer::Given => Space::Reserved { bytes },
            Answer::Refused { .. } => Space::Low { bytes },
            Answer::Unsupported => Space::Unreserved,
        }
    }

    fn ask(&mut self, disk: &mut dyn Disk, end: u64) {
        let from = self.promised.max(end);
        for bytes in [STEP_BYTES, LOW_WATER_BYTES] {
            match disk.reserve(from, bytes) {
                Ok(()) => {
                    self.promised = from + bytes;
                    self.answer = Answer::Given;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    self.answer = Answer::Unsupported;
                    return;
                }
                Err(_) => {}
            }
        }
        self.ask_for_less(disk, end);
        self.answer = Answer::Refused { retry_at: end + RETRY_BYTES };
    }

    fn ask_for_less(&mut self, disk: &mut dyn Disk, end: u64) {
        let from = self.promised.max(end);
        let missing = LOW_WATER_BYTES.saturating_sub(from - end);
        let given = LESS_BYTES.into_iter().filter(|bytes| *bytes <= missing).find(|bytes| disk.reserve(from, *bytes).is_ok());
        self.promised = from + given.unwrap_or(0);
    }
}
