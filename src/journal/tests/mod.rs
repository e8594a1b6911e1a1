//! The journal's claims, each as a test. What needs a real file is in `recovery` and in `tests/journal_format.rs`.

mod faults;
mod recovery;
mod roundtrip;
mod segments;
mod tamper;

use serde::{Deserialize, Serialize};

use crate::journal::chain::{Hash, Witness};
use crate::journal::memory::Memory;
use crate::journal::record::{Genesis, Kind};
use crate::journal::writer::{Cadence, Durability, Writer};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    weight: u16,
}

fn note(number: usize) -> Note {
    Note { text: format!("shift {number} \u{2192} gke"), weight: u16::try_from(number % 1001).unwrap() }
}

fn kind() -> Kind {
    Kind::new("note").unwrap()
}

fn genesis(session: &str) -> Genesis {
    Genesis::new(session, Hash::of_line(b"plan"))
}

/// Writes the genesis and `notes` notes, a second apart, and returns the bytes and the head.
fn journal_of(session: &str, notes: usize) -> (Vec<u8>, Witness) {
    let memory = Memory::default();
    let mut writer = Writer::create_in(&memory, 1_000, &genesis(session), Cadence { records: 16, ms: 60_000 }).unwrap();
    for number in 0..notes {
        writer.append(1_000 * (number as u64 + 2), Durability::Durable, &kind(), &note(number)).unwrap();
    }
    (memory.written(), writer.head())
}

/// The lines of a journal, each with its newline.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}
