//! Taking a journal up again, on a real file system.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Note, genesis, journal_of, kind, lines, note};
use crate::journal::broken::Why;
use crate::journal::chain::Head;
use crate::journal::checkpoint;
use crate::journal::error::{Act, Cause, JournalError, ReadError};
use crate::journal::files::{LastWriter, last_writer, went_on_without};
use crate::journal::held::Noted;
use crate::journal::line::{Line, Sums};
use crate::journal::memory::Memory;
use crate::journal::reader::{Lines, Records, Step, Tail};
use crate::journal::record::{Body, Recovered, TornShape};
use crate::journal::recover::{Claim, Options};
use crate::journal::segment::{Form, name};
use crate::journal::verify::{Verdict, verify_journal};
use crate::journal::writer::{Cadence, Durability, Writer};

/// A directory of its own for a test, removed when the test ends well.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cutover-journal-{name}-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("night.journal")
    }

    /// The journal's first segment.
    fn file(&self) -> PathBuf {
        self.journal().join(name(1, Form::Plain))
    }

    /// A journal whose only segment holds `bytes`.
    fn holds(&self, bytes: &[u8]) -> PathBuf {
        let path = self.journal();
        let _was_none = fs::remove_dir_all(&path);
        let _was_none = fs::remove_file(self.0.join("night.journal.checkpoint"));
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        fs::write(self.file(), bytes).unwrap();
        fs::set_permissions(self.file(), fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// What lies in the journal's folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.journal()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = fs::remove_dir_all(&self.0);
        }
    }
}

fn create(path: &Path) -> Writer {
    Writer::create(path, 1, &genesis("s-1"), &Options::default()).unwrap()
}

fn open(path: &Path) -> (Writer, crate::journal::recover::Replay) {
    Writer::open(path, &Options::default()).unwrap()
}

#[test]
fn a_journal_is_private_named_at_once_and_goes_on_after_reopening() {
    let scratch = Scratch::new("reopen");
    let path = scratch.journal();
    let mut writer = create(&path);
    assert_eq!(scratch.names(), ["00000001.jsonl"]);
    assert_eq!(fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o700);
    for number in 0..70 {
        writer.append(2, Durability::Durable, &kind(), &note(number)).unwrap();
    }
    let head = writer.head();
    drop(writer);
    let (mut writer, replay) = open(&path);
    assert_eq!((replay.proof.head, writer.head()), (head, head));
    assert!(replay.remembered.is_some_and(|mark| mark.witness == head));
    assert_eq!(replay.recovered, None);
    let records = replay.records::<Note>().unwrap().map(Result::unwrap);
    let notes: Vec<Note> =
        records.filter_map(|record| if let Body::Entry { payload, .. } = record.body { Some(payload) } else { None }).collect();
    assert_eq!(notes, (0..70).map(note).collect::<Vec<_>>());
    writer.append(3, Durability::Durable, &kind(), &note(70)).unwrap();
    let head = writer.close().unwrap();
    assert!(matches!(verify_journal(&path, &[head]), Ok(Verdict::Proved(_))));
}

#[test]
fn creating_never_touches_what_is_there() {
    let scratch = Scratch::new("exists");
    let path = scratch.holds(b"precious");
    assert!(matches!(Writer::create(&path, 1, &genesis("s"), &Options::default()), Err(JournalError::Exists { .. })));
    assert_eq!(fs::read(scratch.file()).unwrap(), b"precious");
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[test]
fn where_a_journal_was_none_is_begun() {
    let scratch = Scratch::new("gone");
    let path = scratch.journal();
    let options = Options { cadence: Cadence { records: 1, ms: 60_000 }, ..Options::default() };
    let mut writer = Writer::create(&path, 1, &genesis("old"), &options).unwrap();
    writer.append(1, Durability::Durable, &kind(), &note(0)).unwrap();
    let head = writer.head();
    drop(writer);
    fs::rename(&path, scratch.0.join("moved")).unwrap();
    for refused in [Writer::create(&path, 1, &genesis("new"), &Options::default()).err(), Writer::open(&path, &options).err()] {
        let Some(JournalError::Missing { mark, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(mark.witness, head);
    }
    fs::rename(scratch.0.join("moved"), &path).unwrap();
    assert_eq!(open(&path).1.proof.head, head);
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let scratch = Scratch::new("locked");
    let path = scratch.journal();
    let options = Options { holder: "mara".to_owned(), ..Options::default() };
    let writer = Writer::create(&path, 1, &genesis("s"), &options).unwrap();
    let refused = Writer::open(&path, &options).err().unwrap().to_string();
    assert!(refused.contains(&format!("process {} of user ", std::process::id())) && refused.contains("mara"), "{refused}");
    drop(writer);
    let (writer, replay) = open(&path);
    drop(writer);
    // A replay that is still being read keeps nobody out.
    drop(open(&path));
    assert_eq!(replay.proof.records, 1);
}

#[test]
fn what_is_not_a_private_file_of_ours_is_refused() {
    let scratch = Scratch::new("private");
    let path = scratch.holds(&journal_of("s", 3).0);
    for (what, open, closed) in [(&path, 0o750, 0o700), (&scratch.file(), 0o640, 0o600)] {
        fs::set_permissions(what, fs::Permissions::from_mode(open)).unwrap();
        assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::NotPrivate { .. })));
        fs::set_permissions(what, fs::Permissions::from_mode(closed)).unwrap();
    }
    let link = scratch.0.join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Writer::open(&link, &Options::default()), Err(JournalError::File { .. })));
    assert!(matches!(Writer::open(&scratch.file(), &Options::default()), Err(JournalError::File { .. })));
    drop(open(&path));
}

#[test]
fn a_file_changed_under_the_writer_latches_it() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 6] = [
        ("deleted", |file| fs::remove_file(file).unwrap()),
        ("renamed", |file| fs::rename(file, file.with_extension("moved")).unwrap()),
        ("folder renamed", |file| fs::rename(file.parent().unwrap(), file.parent().unwrap().with_extension("moved")).unwrap()),
        ("folder replaced", |file| {
            fs::rename(file.parent().unwrap(), file.parent().unwrap().with_extension("moved")).unwrap();
            fs::create_dir(file.parent().unwrap()).unwrap();
        }),
        ("replaced", |file| {
            fs::rename(file, file.with_extension("moved")).unwrap();
            fs::copy(file.with_extension("moved"), file).unwrap();
        }),
        ("cut", |file| fs::OpenOptions::new().write(true).open(file).unwrap().set_len(10).unwrap()),
    ];
    for (name, change) in changes {
        let scratch = Scratch::new(name);
        let path = scratch.journal();
        let mut writer = create(&path);
        change(&scratch.file());
        let lost = writer.append(2, Durability::Durable, &kind(), &note(0)).unwrap_err();
        let JournalError::Lost(loss) = lost else { panic!("{name}: {lost}") };
        assert!(matches!(
            (name, loss.cause),
            ("deleted" | "renamed" | "folder renamed", Cause::Gone)
                | ("replaced" | "folder replaced", Cause::Replaced)
                | ("cut", Cause::Length { found: 10, .. })
        ));
    }
}

#[test]
fn every_byte_prefix_of_200_records_is_taken_up_at_its_longest_whole_prefix() {
    let (bytes, _) = journal_of("s-1", 199);
    let borders: Vec<usize> = lines(&bytes)
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    let scratch = Scratch::new("prefixes");
    // Real files at every border and around it; the bytes between borders are all alike to a file system.
    for end in borders.iter().flat_map(|border| [*border - 1, *border, *border + 1, *border + 150]).filter(|end| *end <= bytes.len()) {
        let path = scratch.holds(&bytes[..end]);
        let whole = borders.iter().filter(|border| **border <= end).count();
        if whole == 0 {
            assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::Read(ReadError::Broken(_)))));
            assert_eq!(fs::read(scratch.file()).unwrap(), &bytes[..end]);
            continue;
        }
        let (mut writer, replay) = open(&path);
        assert_eq!(replay.proof.records, whole as u64);
        writer.append(9, Durability::Durable, &kind(), &note(0)).unwrap();
        let torn = &bytes[borders[whole - 1]..end];
        check_continued(&scratch.file(), &bytes[..borders[whole - 1]], torn, writer.head().seq);
    }
}

fn check_continued(path: &Path, before: &[u8], torn: &[u8], head: u64) {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(before));
    let mut records = Records::<_, Note>::new(bytes.as_slice());
    let told: Vec<Recovered> = records
        .by_ref()
        .map(Result::unwrap)
        .filter_map(|record| if let Body::Recovered(recovered) = record.body { Some(recovered) } else { None })
        .collect();
    assert_eq!(records.tail(), Some(Tail::Clean { bytes: bytes.len() as u64 }));
    assert_eq!(records.head().next_seq, head + 1);
    let side = path.with_file_name("00000001.jsonl.torn-1");
    if torn.is_empty() {
        assert!(told.is_empty() && !side.exists());
    } else {
        assert_eq!(fs::read(side).unwrap(), torn);
        assert_eq!((told.len(), told[0].bytes, told[0].side_file.as_str()), (1, torn.len() as u64, "00000001.jsonl.torn-1"));
    }
}

#[test]
fn every_byte_prefix_of_200_records_ends_at_its_longest_whole_prefix() {
    let (bytes, _) = journal_of("s-1", 199);
    let mut head = Head::START;
    let mut start = 0;
    for line in lines(&bytes) {
        for length in 0..line.len() {
            // The lines before are whole and were walked in the rounds before.
            let mut walk = Lines::resume(&line[..length], start, head);
            let end = walk.advance().map(|step| match step {
                Step::End(tail) => tail,
                Step::Line { line, .. } => panic!("{line:?}"),
            });
            let torn = Tail::Torn { offset: start, bytes: length as u64, shape: TornShape::Partial };
            match end {
                Err(ReadError::Broken(at)) => assert_eq!((start, at.why), (0, Why::Empty)),
                Err(other) => panic!("{other}"),
                Ok(tail) if length == 0 => assert_eq!(tail, Tail::Clean { bytes: start }),
                Ok(tail) => assert_eq!(tail, torn),
            }
        }
        head = Line::split(line.trim_ascii_end()).unwrap().continues(&head, Sums::Read).unwrap();
        start += line.len() as u64;
    }
}

#[test]
fn every_byte_prefix_is_taken_up_and_goes_on() {
    let (bytes, _) = journal_of("s-1", 18);
    let first = lines(&bytes)[0].len();
    for end in first..=bytes.len() {
        let memory = Memory::default();
        memory.tamper(|written| written.extend_from_slice(&bytes[..end]));
        let whole = bytes[..end].iter().filter(|byte| **byte == b'\n').count() as u64;
        let (mut writer, proof) = Writer::open_in(&memory, Cadence::default()).unwrap();
        assert_eq!(proof.records, whole);
        writer.append(9, Durability::Durable, &kind(), &note(0)).unwrap();
        let continued = Records::<_, Note>::new(memory.durable().as_slice()).map(Result::unwrap).count();
        assert_eq!(continued as u64, writer.head().seq + 1);
    }
}

#[test]
fn recovering_twice_ends_in_the_same_chain() {
    let (bytes, _) = journal_of("s-1", 5);
    let scratch = Scratch::new("twice");
    let path = scratch.holds(&bytes[..bytes.len() - 20]);
    let once = open(&path).1.proof.head;
    let (writer, replay) = open(&path);
    assert_eq!((replay.proof.head, replay.recovered), (once, None));
    drop(writer);
    // Killed between setting aside and cutting off: the same bytes are set aside once more.
    fs::write(scratch.file(), &bytes[..bytes.len() - 20]).unwrap();
    let (_, replay) = open(&path);
    assert_eq!(replay.proof.head, once);
    assert_eq!(replay.recovered.unwrap().side_file, "00000001.jsonl.torn-2");
    assert_eq!(fs::read(path.join("00000001.jsonl.torn-1")).unwrap(), fs::read(path.join("00000001.jsonl.torn-2")).unwrap());
}

#[test]
fn a_broken_journal_is_refused_and_left_as_it_is() {
    let (mut bytes, _) = journal_of("s-1", 20);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    let scratch = Scratch::new("broken");
    let path = scratch.holds(&bytes);
    assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::Read(ReadError::Broken(_)))));
    assert_eq!((fs::read(scratch.file()).unwrap(), scratch.names()), (bytes, vec!["00000001.jsonl".to_owned()]));
}

#[test]
fn a_journal_shorter_than_its_checkpoint_file_or_its_callers_memory_is_refused() {
    let (bytes, head) = journal_of("s-1", 20);
    let scratch = Scratch::new("short");
    let last = lines(&bytes).last().unwrap().len();
    let path = scratch.holds(&bytes[..bytes.len() - last]);
    drop(open(&path));
    let options = Options { witness: Some(head), ..Options::default() };
    assert!(matches!(Writer::open(&path, &options), Err(JournalError::Read(ReadError::Broken(_)))));
    fs::write(scratch.0.join("night.journal.checkpoint"), format!("{head}\n")).unwrap();
    assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::Read(ReadError::Broken(_)))));
    fs::write(scratch.0.join("night.journal.checkpoint"), "").unwrap();
    assert_eq!(open(&path).1.remembered, None);
}

#[test]
fn room_is_there_before_it_is_needed_and_given_back_at_the_end() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new("room");
    let path = scratch.journal();
    let writer = create(&path);
    if writer.space() == crate::journal::room::Space::Unreserved {
        return; // This file system makes no promises; there is nothing to see.
    }
    let facts = fs::metadata(scratch.file()).unwrap();
    assert!(facts.blocks() * 512 >= 8 * 1024 * 1024 && facts.len() < 1_000, "{} blocks, {} bytes", facts.blocks(), facts.len());
    writer.close().unwrap();
    assert!(fs::metadata(scratch.file()).unwrap().blocks() * 512 < 1024 * 1024);
}

/// Every file of a folder and of those in it, as it is.
fn all_files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(all_files(&path)),
            false => files.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn a_journal_that_is_looked_at_and_not_taken_up_is_as_it_was() {
    let scratch = Scratch::new("untouched");
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &Options::default()).unwrap();
    writer.append(1, Durability::Durable, &kind(), &note(0)).unwrap();
    Noted::writing(&path, "").closed();
    writer.close().unwrap();
    // What a crash leaves behind: half a record, a segment that was not begun, a file that was being made.
    let mut end = fs::OpenOptions::new().append(true).open(scratch.file()).unwrap();
    std::io::Write::write_all(&mut end, b"{\"seq\":2,").unwrap();
    for half_made in [name(2, Form::Plain), "00000002.jsonl.new-7-0".to_owned()] {
        fs::write(path.join(half_made), b"{}").unwrap();
    }
    let before = all_files(&scratch.0);
    let claim = Claim::on(&path, &Options::default()).unwrap();
    assert_eq!(claim.replay().proof.records, 2);
    assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::InUse { .. })), "nobody else takes it up meanwhile");
    drop(claim);
    assert_eq!(all_files(&scratch.0), before);
    assert!(matches!(last_writer(&path), LastWriter::Closed { .. }));

    // Whoever takes it up is its writer from its first record on.
    let (mut writer, _) = Claim::on(&path, &Options::default()).unwrap().take_up().unwrap();
    assert_eq!(scratch.names(), ["00000001.jsonl", "00000001.jsonl.torn-1", "checkpoint"]);
    assert!(matches!(last_writer(&path), LastWriter::Writing { by } if !by.contains("closed")));
    writer.append(2, Durability::Durable, &kind(), &note(1)).unwrap();
    drop(writer);
    assert!(matches!(last_writer(&path), LastWriter::Lost { .. }));
}

#[test]
fn a_record_that_is_missing_at_the_end_of_a_closed_journal_is_missed() {
    let scratch = Scratch::new("closed");
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &Options::default()).unwrap();
    for number in 0..3 {
        writer.append(1, Durability::Buffered, &kind(), &note(number)).unwrap();
    }
    let head = writer.close().unwrap();
    assert_eq!(checkpoint::of_journal(&path).unwrap().witness, head);
    let (writer, replay) = open(&path);
    assert_eq!(replay.proof.head, head);
    writer.close().unwrap();
    let bytes = fs::read(scratch.file()).unwrap();
    let kept: usize = lines(&bytes).iter().rev().skip(1).map(|line| line.len()).sum();
    fs::write(scratch.file(), &bytes[..kept]).unwrap();
    assert!(matches!(verify_journal(&path, &[]), Ok(Verdict::Broken { .. })));
    assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::Read(_))));
}

#[test]
fn a_journal_that_can_be_read_and_not_be_made_ready_takes_no_record_and_stays_as_it_is() {
    let scratch = Scratch::new("unready");
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &Options::default()).unwrap();
    writer.append(1, Durability::Durable, &kind(), &note(0)).unwrap();
    drop(writer);
    let before = fs::read(scratch.file()).unwrap();
    // What can't be cleared away.
    fs::create_dir(path.join("00000002.jsonl.new-7-0")).unwrap();
    let (mut writer, replay) = open(&path);
    assert_eq!(replay.proof.records, 2);
    let refused = writer.append(2, Durability::Durable, &kind(), &note(1));
    assert!(matches!(&refused, Err(JournalError::Latched { first }) if first.seq == 2 && first.act == Act::TakeUp), "{refused:?}");
    assert_eq!(writer.durable_head().seq, 1);
    assert_eq!(fs::read(scratch.file()).unwrap(), before);
}

#[test]
fn whoever_goes_on_without_the_journal_leaves_word_for_the_next_one() {
    let scratch = Scratch::new("without");
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &Options::default()).unwrap();
    writer.append(1, Durability::Durable, &kind(), &note(0)).unwrap();
    assert_eq!(went_on_without(&path), None);
    Noted::writing(&path, "").without_record(1, 17);
    assert!(matches!(last_writer(&path), LastWriter::Writing { .. }));
    drop(writer);
    assert_eq!(went_on_without(&path), Some((17, 1)));
    assert!(matches!(last_writer(&path), LastWriter::WithoutRecord { kept: 1, since_ms: 17, .. }));
    // It stands until the next writer has recorded something.
    let (mut writer, _) = open(&path);
    assert_eq!(went_on_without(&path), Some((17, 1)));
    writer.append(2, Durability::Durable, &kind(), &note(1)).unwrap();
    assert_eq!(went_on_without(&path), None);
}

/// As much as lay behind the last checkpoint of the chain was once not missed.
#[test]
fn a_durable_record_that_is_missing_behind_a_killed_writer_is_missed() {
    let scratch = Scratch::new("killed");
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &Options::default()).unwrap();
    for number in 0..3 {
        writer.append(1, Durability::Durable, &kind(), &note(number)).unwrap();
    }
    let acknowledged = writer.head();
    // Nothing follows from what is only buffered, and nobody has seen it on a disk.
    writer.append(1, Durability::Buffered, &kind(), &note(3)).unwrap();
    drop(writer);
    assert_eq!(checkpoint::of_journal(&path).unwrap().witness, acknowledged);
    let (writer, replay) = open(&path);
    assert_eq!(replay.proof.head, acknowledged);
    drop(writer);
    let bytes = fs::read(scratch.file()).unwrap();
    let kept: usize = lines(&bytes).iter().rev().skip(1).map(|line| line.len()).sum();
    fs::write(scratch.file(), &bytes[..kept]).unwrap();
    assert!(matches!(verify_journal(&path, &[]), Ok(Verdict::Broken { .. })));
    assert!(matches!(Writer::open(&path, &Options::default()), Err(JournalError::Read(_))));
}
