//! A disk that fails: the writer latches, says so each time, and never claims what is not there.

use std::io::ErrorKind;

use super::{genesis, kind, note};
use crate::journal::error::{Act, Cause, JournalError, Loss};
use crate::journal::memory::{Asked, Fault, Memory};
use crate::journal::reader::Records;
use crate::journal::room::Space;
use crate::journal::writer::{Appended, Cadence, Durability, Writer};

fn begun() -> (Memory, Writer) {
    let memory = Memory::default();
    let writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
    (memory, writer)
}

fn append(writer: &mut Writer, number: usize) -> Result<Appended, JournalError> {
    writer.append(1, Durability::Durable, &kind(), &note(number))
}

fn lost(result: Result<Appended, JournalError>) -> Loss {
    match result {
        Err(JournalError::Lost(loss)) => loss,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_failure_of_a_write_or_a_sync_latches_at_once_and_for_good() {
    for (asked, fault, act) in [
        (Asked::Write, Fault::Error(ErrorKind::StorageFull), Act::Write),
        (Asked::Write, Fault::Error(ErrorKind::QuotaExceeded), Act::Write),
        (Asked::Write, Fault::Error(ErrorKind::ReadOnlyFilesystem), Act::Write),
        (Asked::Write, Fault::Torn(17, ErrorKind::Other), Act::Write),
        (Asked::Write, Fault::Short(0), Act::Write),
        (Asked::Sync, Fault::Error(ErrorKind::Other), Act::Sync),
        (Asked::Facts, Fault::Error(ErrorKind::Other), Act::Inspect),
    ] {
        let (memory, mut writer) = begun();
        append(&mut writer, 0).unwrap();
        let durable = memory.durable();
        memory.fail(asked, fault);
        let first = lost(append(&mut writer, 1));
        assert_eq!((first.seq, first.act), (2, act), "{fault:?}");
        let written = memory.written();
        // The disk is well again; the writer is not, and leaves the file alone.
        for _ in 0..2 {
            assert!(matches!(append(&mut writer, 2), Err(JournalError::Latched { first: again }) if again == first));
            assert!(matches!(writer.flush(), Err(JournalError::Latched { .. })));
        }
        assert_eq!(memory.written(), written);
        assert_eq!(memory.durable(), durable);
        assert_eq!(writer.durable_head().seq, 1);
        assert!(matches!(writer.close(), Err(JournalError::Latched { .. })));
    }
}

#[test]
fn a_short_write_is_finished_and_an_interrupted_one_repeated() {
    let (memory, mut writer) = begun();
    memory.fail(Asked::Write, Fault::Error(ErrorKind::Interrupted));
    memory.fail(Asked::Write, Fault::Short(10));
    memory.fail(Asked::Write, Fault::Short(1));
    append(&mut writer, 0).unwrap();
    assert_eq!(Records::<_, super::Note>::new(memory.durable().as_slice()).map(Result::unwrap).count(), 2);
}

#[test]
fn a_file_that_is_not_ours_any_more_latches_before_anything_is_written() {
    type Happening = fn(&Memory);
    let cases: [(Happening, Cause); 4] = [
        (Memory::unlink, Cause::Gone),
        (Memory::replace, Cause::Replaced),
        (|memory| memory.tamper(|bytes| bytes.truncate(100)), Cause::Length { expected: 0, found: 100 }),
        (|memory| memory.tamper(|bytes| bytes.push(b'\n')), Cause::Length { expected: 0, found: 0 }),
    ];
    for (happens, cause) in cases {
        let (memory, mut writer) = begun();
        let expected = memory.written().len() as u64;
        happens(&memory);
        let found = memory.written().len() as u64;
        let cause = match cause {
            Cause::Length { .. } => Cause::Length { expected, found },
            Cause::Gone | Cause::Replaced | Cause::NoProgress | Cause::Os { .. } => cause,
        };
        let loss = lost(append(&mut writer, 0));
        assert_eq!(loss, Loss { seq: 1, act: Act::Inspect, cause });
        assert_eq!(memory.written().len() as u64, found);
    }
}

#[test]
fn a_full_disk_is_announced_while_records_still_fit() {
    let (memory, mut writer) = begun();
    assert!(matches!(writer.space(), Space::Reserved { bytes } if bytes > 8_000_000));
    let long = super::Note { text: "x".repeat(100_000), weight: 0 };
    let mut appended = 0;
    // Refused now, and once more when it asks again; each time half as much is asked for then.
    (0..4).for_each(|_| memory.fail(Asked::Reserve, Fault::Error(ErrorKind::StorageFull)));
    let low = loop {
        appended += 1;
        assert!(appended < 100);
        if let Space::Low { bytes } = writer.append(1, Durability::Durable, &kind(), &long).unwrap().space {
            break bytes;
        }
    };
    assert!((3_500_000..4_500_000).contains(&low), "{low}");
    // Records are still kept.
    let still = append(&mut writer, 1).unwrap().space;
    assert!(matches!(still, Space::Low { bytes } if bytes < low));
}

#[test]
fn a_disk_that_promises_nothing_says_so() {
    let memory = Memory::default();
    memory.fail(Asked::Reserve, Fault::Error(ErrorKind::Unsupported));
    let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
    assert_eq!(append(&mut writer, 0).unwrap().space, Space::Unreserved);
}

#[test]
fn a_checkpoint_file_that_cant_be_written_costs_no_record() {
    let memory = Memory::default();
    let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence { records: 1, ms: 60_000 }).unwrap();
    memory.fail(Asked::Remember, Fault::Error(ErrorKind::PermissionDenied));
    assert!(append(&mut writer, 0).unwrap().checkpoint.is_some());
    assert!(writer.remembering().is_err());
    assert_eq!(memory.remembered(), None);
    assert!(append(&mut writer, 1).unwrap().checkpoint.is_some());
    assert_eq!((writer.remembering(), memory.remembered()), (&Ok(()), Some(writer.head())));
}

#[test]
fn what_a_replay_shows_survives_the_next_power_cut() {
    let (memory, mut writer) = begun();
    memory.fail(Asked::Sync, Fault::Error(ErrorKind::Other));
    assert!(append(&mut writer, 0).unwrap_err().is_loss());
    drop(writer);
    let (writer, proof) = Writer::open_in(&memory, Cadence::default()).unwrap();
    assert_eq!(proof.records, 2);
    drop(writer);
    memory.power_cut(0);
    let (_, again) = Writer::open_in(&memory, Cadence::default()).unwrap();
    assert_eq!(again.head, proof.head);
}

#[test]
fn no_acknowledged_record_is_lost_however_the_power_goes() {
    let kept = |memory: &Memory| Records::<_, super::Note>::new(memory.written().as_slice()).filter(Result::is_ok).count() as u64;
    for unsynced in (0..400).step_by(7) {
        let (memory, mut writer) = begun();
        let mut acknowledged = 1;
        for number in 0..8 {
            acknowledged = append(&mut writer, number).unwrap().seq + 1;
        }
        memory.fail(Asked::Sync, Fault::Error(ErrorKind::Other));
        assert!(append(&mut writer, 8).unwrap_err().is_loss());
        drop(writer);
        memory.power_cut(unsynced);
        assert!(kept(&memory) >= acknowledged);
        let (mut writer, proof) = Writer::open_in(&memory, Cadence::default()).unwrap();
        assert!(proof.records >= acknowledged);
        append(&mut writer, 9).unwrap();
        assert_eq!(kept(&memory), writer.head().seq + 1);
    }
}

#[test]
fn a_disk_that_has_less_than_a_step_gives_what_it_has_as_a_reserve() {
    for (refusals, reserve) in [(2, 1024 * 1024), (3, 256 * 1024), (4, 0)] {
        let memory = Memory::default();
        (0..refusals).for_each(|_| memory.fail(Asked::Reserve, Fault::Error(ErrorKind::StorageFull)));
        let mut writer = Writer::create_in(&memory, 0, &genesis("s"), Cadence::default()).unwrap();
        let Space::Low { bytes } = writer.space() else { panic!("{refusals} refusals and no want of room") };
        assert!(bytes <= reserve && bytes + 1024 > reserve, "{bytes} of {reserve}");
        // Somebody has made room.
        writer.ask_for_room();
        assert!(matches!(writer.space(), Space::Reserved { bytes } if bytes > 8_000_000), "{:?}", writer.space());
    }
}
