//! What `audit` says and how it ends, without a terminal.

use std::path::PathBuf;

use super::{
    Format, cross,
    list::{Choice, Own, show},
    verdict::verify,
};
use crate::cli::Exit;
use crate::core::{
    decision::{Cause, Decision, Effect, IssuedEffect, Transition},
    event::{Alarm, Entry, Event, WorldKind},
    state::State,
    step::step,
};
use crate::domain::{
    fault::Version,
    id::{EffectId, Seq},
    time::Timestamp,
    weight::Weights,
};
use crate::journal::chain::{Hash, Witness};
use crate::journal::memory::Memory;
use crate::journal::record::{Genesis, Kind};
use crate::journal::recover::Options;
use crate::journal::writer::{Cadence, Durability, Writer};

/// A file of its own for a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("cutover-audit-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _stays = std::fs::remove_file(&self.0);
    }
}

fn journal() -> (Vec<u8>, Witness) {
    let memory = Memory::default();
    let genesis = Genesis::new("night\u{1b}[2J", Hash::of_line(b"plan"));
    let mut writer = Writer::create_in(&memory, 1_795_500_000_000, &genesis, Cadence { records: 2, ms: 60_000 }).unwrap();
    let kind = Kind::new("transition").unwrap();
    for text in ["shift 50", "\u{202e}back", "hold"] {
        writer.append(1_795_500_000_250, Durability::Durable, &kind, text).unwrap();
    }
    (memory.written(), writer.head())
}

fn verified(path: &std::path::Path, witnesses: &[Witness], format: Format) -> (Exit, String) {
    let mut out = Vec::new();
    let exit = verify(path, witnesses, format, &mut out).unwrap();
    (exit, String::from_utf8(out).unwrap())
}

#[test]
fn verify_tells_what_is_proved_and_what_only_a_witness_can_prove() {
    let (bytes, head) = journal();
    let file = Scratch::new("proved", &bytes);
    let (exit, text) = verified(&file.0, &[], Format::Text);
    assert_eq!(exit, Exit::Done);
    assert!(
        text.contains("PROVED   5 records in 1 segments, 1 checkpoints") && text.contains("night^[[2J") && text.contains("witness  none"),
        "{text}"
    );
    assert!(text.contains("2026-11-24T06:00:00.250Z"), "{text}");
    let (exit, text) = verified(&file.0, &[head], Format::Text);
    assert!(exit == Exit::Done && text.contains("witness  record 4 is the one that was remembered"), "{text}");
    let (_, json) = verified(&file.0, &[head], Format::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["verdict"], &json["proof"]["witnesses"][0]), (&"proved".into(), &head.to_string().into()));
}

#[test]
fn verify_fails_on_a_broken_or_shortened_journal_and_says_where() {
    let (mut bytes, head) = journal();
    let cut = Scratch::new("cut", &bytes[..bytes.len() / 2]);
    let (exit, text) = verified(&cut.0, &[], Format::Text);
    assert!(exit == Exit::Damaged && text.starts_with("TORN     2 records"), "{text}");
    let (exit, text) = verified(&cut.0, &[head], Format::Text);
    assert!(exit == Exit::Failed && text.contains("BROKEN   record 4") && text.contains("cut off"), "{text}");
    let at = bytes.windows(8).position(|window| window == b"shift 50").unwrap();
    bytes[at] = b'x';
    let changed = Scratch::new("changed", &bytes);
    let (exit, json) = verified(&changed.0, &[], Format::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, &json["broken"]["seq"], &json["broken"]["code"]), (Exit::Failed, &1.into(), &"crc".into()));
}

/// Bytes that are damaged in the midst of a journal whose checkpoint remembers more are told by where they are, and not as a cut end.
#[test]
fn a_journal_that_lost_a_sector_in_its_midst_is_not_said_to_be_cut_off() {
    let folder = std::env::temp_dir().join(format!("cutover-audit-midst-{}", std::process::id()));
    let _was_there = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (path, kind) = (folder.join("night"), Kind::new("transition").unwrap());
    let mut writer = Writer::create(&path, 1, &Genesis::new("night", Hash::of_line(b"plan")), &Options::default()).unwrap();
    for _ in 0..64 {
        writer.append(2, Durability::Durable, &kind, "shift").unwrap();
    }
    writer.close().unwrap();
    let file = path.join("00000001.jsonl");
    let whole = std::fs::read(&file).unwrap();
    let mut zeroed = whole.clone();
    zeroed[4096..4608].fill(0);
    std::fs::write(&file, &zeroed).unwrap();
    let (exit, text) = verified(&path, &[], Format::Text);
    assert!(exit == Exit::Damaged && text.starts_with("ZEROED ") && text.contains("\nbehind   records "), "{text}");
    assert!(text.contains("holds of the segment ends at byte") && text.contains(&format!("remembers {} bytes", whole.len())), "{text}");
    assert!(!text.contains("its end was cut off") && !text.contains("the segment has"), "{text}");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (exit, text) = verified(&path, &[], Format::Text);
    assert!(exit == Exit::Failed && !text.contains("the segment has") && text.contains("cut off or damaged"), "{text}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn verify_of_nothing_is_a_wrong_usage() {
    let (bytes, _) = journal();
    let file = Scratch::new("usage", &bytes);
    assert_eq!(verified(&file.0.with_extension("missing"), &[], Format::Json).0, Exit::Usage);
    assert_eq!(verified(&std::env::temp_dir(), &[], Format::Text).0, Exit::Usage);
}

#[test]
fn show_prints_one_harmless_line_a_record_and_the_raw_lines_as_json() {
    let (bytes, _) = journal();
    let file = Scratch::new("show", &bytes);
    let summary = |kind: &str, body: &[u8]| Some(format!("{kind}: {}", serde_json::from_slice::<String>(body).unwrap()));
    let mut out = Vec::new();
    assert_eq!(show(&file.0, Format::Text, &Choice::default(), &summary, &mut out).unwrap(), Exit::Done);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("      1  2026-11-24T06:00:00.250Z  transition  transition: shift 50\n"), "{text}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'), "{text}");
    let mut raw = Vec::new();
    show(&file.0, Format::Json, &Choice::default(), &summary, &mut raw).unwrap();
    assert_eq!(raw, bytes);
}

#[test]
fn show_tells_only_what_is_chosen() {
    let (bytes, _) = journal();
    let file = Scratch::new("choice", &bytes);
    let summary = |_: &str, body: &[u8]| Some(serde_json::from_slice::<String>(body).unwrap());
    let shown = |choice: Choice| {
        let mut out = Vec::new();
        assert_eq!(show(&file.0, Format::Text, &choice, &summary, &mut out).unwrap(), Exit::Done);
        String::from_utf8(out).unwrap().lines().map(|line| line[..7].trim().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(Choice { grep: Some("HOLD".to_owned()), ..Choice::default() }), "4");
    assert_eq!(shown(Choice { own: Own::LeftOut, ..Choice::default() }), "0 1 2 4");
    assert_eq!(shown(Choice { since_ms: Some(1_795_500_000_250), ..Choice::default() }), "1 2 3 4");
    assert_eq!(shown(Choice { until_ms: Some(1_795_500_000_249), ..Choice::default() }), "0");
}

#[test]
fn show_stops_at_the_first_record_that_does_not_hold() {
    let (mut bytes, _) = journal();
    let at = bytes.windows(4).position(|window| window == b"back").unwrap();
    bytes[at] = b'x';
    let file = Scratch::new("stop", &bytes);
    let mut out = Vec::new();
    assert_eq!(show(&file.0, Format::Text, &Choice::default(), &|_: &str, _: &[u8]| Some(String::new()), &mut out).unwrap(), Exit::Failed);
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().count() == 3 && text.lines().last().unwrap().starts_with("BROKEN   record 2"), "{text}");
}

/// A journal of many short records, and where each begins.
fn long_journal() -> (Vec<u8>, Witness, Vec<usize>) {
    let memory = Memory::default();
    let genesis = Genesis::new("night", Hash::of_line(b"plan"));
    let mut writer = Writer::create_in(&memory, 1_795_500_000_000, &genesis, Cadence { records: 1000, ms: u64::MAX }).unwrap();
    let kind = Kind::new("transition").unwrap();
    for _ in 0..200 {
        writer.append(1_795_500_000_250, Durability::Durable, &kind, "steady").unwrap();
    }
    let bytes = memory.written();
    let starts = std::iter::once(0).chain(bytes.iter().zip(1..).filter(|(byte, _)| **byte == b'\n').map(|(_, next)| next)).collect();
    (bytes, writer.head(), starts)
}

#[test]
fn sectors_that_are_gone_are_named_with_what_holds_before_and_behind_them() {
    let (whole, head, starts) = long_journal();
    for length in [512, 4096] {
        let mut bytes = whole.clone();
        bytes[8192..8192 + length].fill(0);
        let file = Scratch::new(&format!("hole-{length}"), &bytes);
        let before = starts.iter().filter(|start| **start <= 8192).count() - 1;
        let behind = starts.iter().position(|start| *start >= 8192 + length).unwrap();
        let (exit, text) = verified(&file.0, &[], Format::Text);
        assert!(exit == Exit::Damaged && text.starts_with("ZEROED "), "{text}");
        for told in [
            format!("zeros    {length} zero bytes from byte 8192 on"),
            format!("lost     records {before} to {}", behind - 1),
            format!(
                "behind   records {behind} to 200, from byte {} on, hold together; that they are what was written is not proved",
                starts[behind]
            ),
            "copy the journal before a host takes it up".to_owned(),
        ] {
            assert!(text.contains(&told), "{told}\n{text}");
        }
        let (exit, json) = verified(&file.0, &[head], Format::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((exit, &json["verdict"]), (Exit::Damaged, &"zeroed".into()), "{json:#}");
        assert_eq!(json["damage"]["behind"]["witnesses"][0], head.to_string());
        let other = Witness { hash: Hash::of_line(b"another"), ..head };
        assert_eq!(verified(&file.0, &[other], Format::Json).0, Exit::Failed, "a head that is not there is no matter of a disk");
    }
}

#[test]
fn an_end_that_is_cut_zeroed_or_scribbled_over_is_each_told_as_what_it_is() {
    let (whole, head, starts) = long_journal();
    let last = starts[200];
    let cut = Scratch::new("end-cut", &whole[..last + 100]);
    let (exit, text) = verified(&cut.0, &[], Format::Text);
    assert!(
        exit == Exit::Damaged && text.starts_with("TORN     200 records") && text.contains(&format!("100 bytes from byte {last} on")),
        "{text}"
    );
    for length in [512, 4096] {
        let mut bytes = whole.clone();
        let from = bytes.len() - length;
        bytes[from..].fill(0);
        let zeroed = Scratch::new(&format!("end-zeroed-{length}"), &bytes);
        let (exit, text) = verified(&zeroed.0, &[], Format::Text);
        assert!(
            exit == Exit::Damaged && text.starts_with("ZEROED ") && text.contains(&format!("zero bytes from byte {from} on")),
            "{text}"
        );
        assert_eq!(verified(&zeroed.0, &[head], Format::Text).0, Exit::Failed, "somebody saw more");
    }
    let mut bytes = whole;
    bytes[starts[100]..starts[101] - 1].fill(b'x');
    let scribbled = Scratch::new("scribbled", &bytes);
    let (exit, text) = verified(&scribbled.0, &[], Format::Text);
    assert!(exit == Exit::Failed && text.starts_with("BROKEN   record 100"), "{text}");
    assert!(text.contains("lost     records 100 to 100\n") && text.contains("behind   records 101 to 200"), "{text}");
}

/// A journal of a session of its own, in a folder, whose writer lives.
struct Kept {
    folder: PathBuf,
    writer: Option<Writer>,
}

impl Kept {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("cutover-audit-{name}-{}", std::process::id()));
        let _was_there = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let genesis = Genesis::new("night", Hash::of_line(b"plan"));
        let writer = Writer::create(&folder.join("night"), 1_795_500_000_000, &genesis, &Options::default()).unwrap();
        Kept { folder, writer: Some(writer) }
    }

    fn append(&mut self, what: &impl serde::Serialize) {
        let kind = Kind::new("transition").unwrap();
        self.writer.as_mut().unwrap().append(1_795_500_000_250, Durability::Durable, &kind, what).unwrap();
    }

    fn close(&mut self) {
        self.writer.take().unwrap().close().unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.join("night")
    }

    /// Compared with a log in which nothing stands.
    fn compared(&self, format: Format) -> (Exit, String) {
        let log = self.folder.join("log.json");
        std::fs::write(&log, b"[]").unwrap();
        let mut out = Vec::new();
        let exit = cross::check(&self.path(), Some(&log), format, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _stays = std::fs::remove_dir_all(&self.folder);
    }
}

fn opened() -> Transition {
    let (plan, _) = crate::plan::read(include_bytes!("../../../plans/hexproperty.yaml")).unwrap();
    let opened = Event::Opened { session: "night".parse().unwrap(), plan: Box::new(plan), world: WorldKind::Live };
    let entry = Entry { seq: Seq(0), at: Timestamp(1_795_500_000_000), event: opened };
    Transition { decision: step(&mut State::default(), &entry), entry }
}

/// One verdict for everybody: who shows or compares a journal ends as who verifies it.
#[test]
fn whoever_reads_a_damaged_journal_ends_with_the_verdict_of_verify() {
    let mut kept = Kept::new("one-verdict");
    kept.append(&opened());
    (0..200).for_each(|_| kept.append(&"steady"));
    kept.close();
    let (path, file) = (kept.path(), kept.path().join("00000001.jsonl"));
    let whole = std::fs::read(&file).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let middle = whole.len() / 2 / 512 * 512;
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    let mut more = whole.clone();
    more.extend_from_slice(b"{\"half\":");
    let cases = [
        ("whole", "PROVED", Exit::Done, whole.clone()),
        ("in mid-record", "TORN", Exit::Damaged, more),
        ("a zeroed end", "ZEROED", Exit::Damaged, damaged(&|bytes| bytes.extend_from_slice(&[0; 4096]))),
        ("a zeroed middle", "ZEROED", Exit::Damaged, damaged(&|bytes| bytes[middle..middle + 512].fill(0))),
        ("scribbled over", "BROKEN", Exit::Failed, damaged(&|bytes| bytes[middle] ^= 1)),
        ("cut behind a record", "BROKEN", Exit::Failed, damaged(&|bytes| bytes.truncate(last))),
    ];
    for (what, word, exit, bytes) in cases {
        std::fs::write(&file, bytes).unwrap();
        let (verified, text) = verified(&path, &[], Format::Text);
        assert!(verified == exit && text.starts_with(word), "{what}: {text}");
        let mut out = Vec::new();
        let shown = show(&path, Format::Text, &Choice::default(), &|_: &str, _: &[u8]| Some(String::new()), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let ends = text.lines().last().unwrap();
        assert!(shown == exit && ends.starts_with(word) == (exit != Exit::Done), "{what}: {shown:?} {ends}");
        let (compared, text) = kept.compared(Format::Text);
        let begins = if exit == Exit::Done { "AGREE" } else { word };
        assert!(compared == exit && text.starts_with(begins), "{what}: {text}");
        let json: serde_json::Value = serde_json::from_str(&kept.compared(Format::Json).1).unwrap();
        assert_eq!(json["journal"], word.to_lowercase(), "{what}");
    }
    std::fs::remove_dir_all(&path).unwrap();
    let (verified, text) = verified(&path, &[], Format::Text);
    let mut out = Vec::new();
    let shown = show(&path, Format::Text, &Choice::default(), &|_: &str, _: &[u8]| None, &mut out).unwrap();
    assert_eq!((verified, shown, kept.compared(Format::Text).0), (Exit::Failed, Exit::Failed, Exit::Failed), "{text}");
    assert_eq!((String::from_utf8(out).unwrap(), kept.compared(Format::Text).1), (text.clone(), text));
}

/// While its host waits for the answer nobody can say how a write ends; once no host does, the log has the last word.
#[test]
fn a_write_that_is_under_way_is_not_known_yet() {
    let mut kept = Kept::new("under-way");
    kept.append(&opened());
    let (home, away) = ("run".parse().unwrap(), "gke".parse().unwrap());
    let split = |only| Weights::all_on(only, [&home, &away]);
    let cause = Cause::Operator { who: "anna".parse().unwrap(), reason: None, approved_by: None };
    let what = Effect::Write {
        route: "frontend".parse().unwrap(),
        from: split(&home),
        to: split(&away),
        version: Version("1".to_owned()),
        cause,
        again: None,
        claim: None,
    };
    let entry = Entry { seq: Seq(1), at: Timestamp(1_795_500_000_250), event: Event::Rang(Alarm::Tick) };
    let issued = IssuedEffect { id: EffectId { seq: Seq(1), index: 0 }, what };
    kept.append(&Transition { entry, decision: Decision { effects: vec![issued], ..Decision::default() } });
    let (exit, text) = kept.compared(Format::Text);
    assert!(exit == Exit::Unsettled && text.starts_with("NOT YET") && text.contains("how it ends is not known yet"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&kept.compared(Format::Json).1).unwrap();
    assert_eq!((&json["writes"][0]["outcome"], &json["writes"][0]["finding"]), (&"under-way".into(), &"not-yet".into()));
    // Another host has come since: it waits for no answer to what the one before it sent.
    let entry = Entry { seq: Seq(2), at: Timestamp(1_795_500_000_500), event: Event::Restarted };
    kept.append(&Transition { entry, decision: Decision::default() });
    let (exit, text) = kept.compared(Format::Text);
    assert!(exit == Exit::Done && text.contains("it was NOT done, as far as this log goes"), "{text}");
}

/// A record in a form that this program does not know may hold a write: what is compared without it is no agreement.
#[test]
fn cross_check_says_which_records_it_can_t_read() {
    let known = opened();
    let later = serde_json::json!({ "entry": { "asked": "something later" }, "decision": { "effects": [{ "what": { "write": { "shares": 5 } } }] } });
    let compared = |last: Option<&serde_json::Value>, format| {
        let memory = Memory::default();
        let mut writer =
            Writer::create_in(&memory, 1_795_500_000_000, &Genesis::new("night", Hash::of_line(b"plan")), Cadence::default()).unwrap();
        let kind = Kind::new("transition").unwrap();
        writer.append(1_795_500_000_000, Durability::Durable, &kind, &known).unwrap();
        if let Some(last) = last {
            writer.append(1_795_500_000_250, Durability::Durable, &kind, last).unwrap();
        }
        let (journal, log) = (Scratch::new("cross-journal", &memory.written()), Scratch::new("cross-log", b"[]"));
        let mut out = Vec::new();
        let exit = cross::check(&journal.0, Some(&log.0), format, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    };
    let (exit, text) = compared(None, Format::Text);
    assert!(exit == Exit::Done && text.starts_with("AGREE") && !text.contains("unread"), "{text}");
    let (exit, text) = compared(Some(&later), Format::Text);
    assert!(exit == Exit::Failed && text.starts_with("IN PART") && text.contains("unread   record 2 tells of a write"), "{text}");
    let (_, json) = compared(Some(&later), Format::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["verdict"], &json["unread"]), (&"in-part".into(), &serde_json::json!([2])));
}
