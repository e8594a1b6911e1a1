//! What is written is what is read.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{genesis, journal_of, kind, note};
use crate::journal::memory::Memory;
use crate::journal::reader::{Records, Tail};
use crate::journal::record::{Body, Checkpoint, Record};
use crate::journal::verify::{Verdict, verify};
use crate::journal::writer::{Cadence, Durability, Writer};

fn payloads<P: serde::de::DeserializeOwned>(bytes: &[u8]) -> Vec<P> {
    let records: Vec<Record<P>> = Records::new(bytes).map(|record| record.unwrap()).collect();
    let entry = |record: Record<P>| match record.body {
        Body::Entry { payload, .. } => Some(payload),
        Body::Genesis(_) | Body::Checkpoint(_) | Body::Recovered(_) | Body::Snapshot(_) => None,
    };
    records.into_iter().filter_map(entry).collect()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Odd {
    Unit,
    Text(String),
    Fields { key: String, list: Vec<i64>, maybe: Option<char> },
    Map(std::collections::BTreeMap<String, u64>),
}

fn odd() -> impl Strategy<Value = Odd> {
    prop_oneof![
        Just(Odd::Unit),
        any::<String>().prop_map(Odd::Text),
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{feff}\u{1f1e6}\u{10ffff}\"\\\\,:{}]{0,12}".prop_map(Odd::Text),
        (any::<String>(), any::<Vec<i64>>(), any::<Option<char>>()).prop_map(|(key, list, maybe)| Odd::Fields { key, list, maybe }),
        proptest::collection::btree_map(any::<String>(), any::<u64>(), 0..6).prop_map(Odd::Map),
    ]
}

proptest! {
    #[test]
    fn any_payload_comes_back_as_it_was(payloads_in in proptest::collection::vec(odd(), 0..12), at in 0..=crate::journal::chain::NUMBER_MAX) {
        let memory = Memory::default();
        let mut writer = Writer::create_in(&memory, at, &genesis("odd \u{202e} session"), Cadence { records: 4, ms: 60_000 }).unwrap();
        for payload in &payloads_in {
            writer.append(at, Durability::Buffered, &kind(), payload).unwrap();
        }
        let head = writer.close().unwrap();
        let bytes = memory.durable();
        prop_assert!(bytes.iter().all(|byte| matches!(byte, b'\n' | 0x20..=0x7E)));
        prop_assert_eq!(payloads::<Odd>(&bytes), payloads_in);
        let Verdict::Proved(proof) = verify(bytes.as_slice(), Some(head)).unwrap() else { panic!("broken") };
        prop_assert_eq!(proof.session(), "odd \u{202e} session");
        prop_assert_eq!(proof.head, head);
    }
}

proptest! {
    // A replay that is off by one bit in a reading decides otherwise than the session did.
    #[test]
    fn every_finite_number_comes_back_to_the_bit(numbers in proptest::collection::vec(proptest::num::f64::NORMAL, 64)) {
        let memory = Memory::default();
        let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
        writer.append(1, Durability::Durable, &kind(), &numbers).unwrap();
        let back = payloads::<Vec<f64>>(&memory.durable()).remove(0);
        prop_assert_eq!(back.iter().map(|number| number.to_bits()).collect::<Vec<_>>(), numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>());
    }
}

#[test]
fn a_proof_says_what_the_journal_holds() {
    let (bytes, head) = journal_of("s-1", 40);
    let Verdict::Proved(proof) = verify(bytes.as_slice(), Some(head)).unwrap() else { panic!("broken") };
    assert_eq!((proof.session(), proof.records, proof.checkpoints), ("s-1", 43, 2));
    assert_eq!((proof.first_at_ms, proof.last_at_ms, proof.clock_steps_back), (1_000, 41_000, 0));
    assert_eq!((proof.head, proof.witnesses), (head, vec![head]));
    assert_eq!(proof.tail, Tail::Clean { bytes: bytes.len() as u64 });
}

#[test]
fn checkpoints_name_the_chain_before_them_by_count_and_by_time() {
    let memory = Memory::default();
    let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence { records: 3, ms: 60_000 }).unwrap();
    let by_count: Vec<bool> =
        (0..7).map(|number| writer.append(1, Durability::Durable, &kind(), &note(number)).unwrap().checkpoint.is_some()).collect();
    assert_eq!(by_count, [false, false, true, false, false, true, false]);
    assert!(writer.append(60_001, Durability::Durable, &kind(), &note(7)).unwrap().checkpoint.is_some());
    assert!(writer.append(120_000, Durability::Durable, &kind(), &note(8)).unwrap().checkpoint.is_none());
    // A clock that steps back far is as good a reason as one that goes on.
    let stepped = writer.append(1, Durability::Durable, &kind(), &note(9)).unwrap();
    assert_eq!(memory.remembered(), stepped.checkpoint);
    let bytes = memory.written();
    for record in Records::<_, super::Note>::new(bytes.as_slice()).map(Result::unwrap) {
        if let Body::Checkpoint(checkpoint) = record.body {
            assert_eq!(checkpoint, Checkpoint { records: record.seq, head: record.prev });
        }
    }
}

#[test]
fn buffered_records_wait_for_the_next_durable_one_or_for_64_kib() {
    let memory = Memory::default();
    let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
    let before = memory.written().len();
    for number in 0..10 {
        writer.append(1, Durability::Buffered, &kind(), &note(number)).unwrap();
    }
    assert_eq!(memory.written().len(), before);
    assert_ne!(writer.head(), writer.durable_head());
    writer.append(1, Durability::Durable, &kind(), &note(10)).unwrap();
    assert_eq!(payloads::<super::Note>(&memory.durable()).len(), 11);
    assert_eq!(writer.head(), writer.durable_head());
    let long = super::Note { text: "x".repeat(64 * 1024), weight: 0 };
    writer.append(1, Durability::Buffered, &kind(), &long).unwrap();
    assert_eq!(payloads::<super::Note>(&memory.durable()).len(), 12);
}

#[test]
fn a_refused_record_leaves_the_chain_as_it_was() {
    let memory = Memory::default();
    let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
    writer.append(1, Durability::Buffered, &kind(), &note(0)).unwrap();
    let head = writer.head();
    let long = super::Note { text: "x".repeat(crate::journal::LINE_BYTES_MAX), weight: 0 };
    assert!(!writer.append(1, Durability::Durable, &kind(), &long).unwrap_err().is_loss());
    assert_eq!(writer.head(), head);
    writer.append(1, Durability::Durable, &kind(), &note(1)).unwrap();
    assert_eq!(payloads::<super::Note>(&memory.durable()), [note(0), note(1)]);
}
