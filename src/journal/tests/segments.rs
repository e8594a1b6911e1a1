//! Segments: rolling, sealing, walking over all of them, and what is said when one of them is not what it was.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Note, genesis, journal_of, kind, note};
use crate::journal::chain::Witness;
use crate::journal::error::{JournalError, ReadError};
use crate::journal::folder::{ready, unsealed};
use crate::journal::record::Body;
use crate::journal::recover::Options;
use crate::journal::sealed::seal;
use crate::journal::segment::{Form, Piece, list, name};
use crate::journal::verify::{Proof, Verdict, verify_journal};
use crate::journal::walk::{Whole, entries};
use crate::journal::writer::{Cadence, Durability, Writer};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cutover-segments-{name}-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("night")
    }

    fn piece(&self, number: u64, form: Form) -> PathBuf {
        self.journal().join(name(number, form))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = fs::remove_dir_all(&self.0);
        }
    }
}

fn options() -> Options {
    Options { cadence: Cadence { records: 8, ms: 60_000 }, ..Options::default() }
}

fn append(writer: &mut Writer, number: usize) {
    writer.append(number as u64, Durability::Durable, &kind(), &note(number)).unwrap();
}

/// Goes on in the next segment, with a state that says how many notes there are.
fn roll(writer: &mut Writer, path: &Path, notes: usize, sealed_to: u64) -> u64 {
    let number = writer.segment().unwrap() + 1;
    let ready = ready(path, number, sealed_to, &json!({ "notes": notes })).unwrap();
    let named = ready.sealed_to();
    ready.begin(writer, notes as u64, vec![json!("said again")]).unwrap();
    named
}

/// Four segments of ten notes each, the first two sealed, the first of them named by the chain.
fn four(scratch: &Scratch) -> Witness {
    let path = scratch.journal();
    let mut writer = Writer::create(&path, 1, &genesis("s"), &options()).unwrap();
    let mut named = 0;
    for segment in 0..4 {
        if segment > 0 {
            named = roll(&mut writer, &path, segment * 10, named);
        }
        if segment == 1 || segment == 3 {
            unsealed(&path).unwrap().into_iter().take(1).for_each(|number| drop(seal(&path, number).unwrap()));
        }
        (0..10).for_each(|number| append(&mut writer, segment * 10 + number));
    }
    assert_eq!(named, 1);
    writer.close().unwrap()
}

fn verdict(path: &Path) -> Verdict {
    verify_journal(path, &[]).unwrap()
}

fn proved(path: &Path) -> Proof {
    match verdict(path) {
        Verdict::Proved(proof) => proof,
        Verdict::Broken { at, .. } => panic!("{at}"),
    }
}

fn code(path: &Path) -> (&'static str, Option<String>) {
    match verdict(path) {
        Verdict::Proved(_) => ("proved", None),
        Verdict::Broken { at, .. } => (at.why.code(), at.file),
    }
}

#[test]
fn a_journal_is_one_chain_over_all_of_its_segments_in_either_form() {
    let scratch = Scratch::new("chain");
    let path = scratch.journal();
    let head = four(&scratch);
    let proof = proved(&path);
    assert_eq!((proof.head, proof.segments, proof.sealed), (head, 4, 2));
    let notes: Vec<Note> = entries(&path).unwrap().into_iter().map(|(_, note)| note).collect();
    assert_eq!(notes, (0..40).map(note).collect::<Vec<_>>());
    // Sealed and plain, every record is the same.
    let before: Vec<_> = Whole::<Value>::open(&path).unwrap().map(Result::unwrap).collect();
    seal(&path, 3).unwrap();
    let after: Vec<_> = Whole::<Value>::open(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(before, after);
    assert_eq!(proved(&path).sealed, 3);
}

#[test]
fn taking_up_begins_at_the_newest_state_and_goes_on() {
    let scratch = Scratch::new("newest");
    let path = scratch.journal();
    let head = four(&scratch);
    let (mut writer, replay) = Writer::open(&path, &options()).unwrap();
    let taken = replay.snapshot.as_ref().unwrap();
    assert_eq!((replay.segment, taken.snapshot.segment, writer.head()), (4, 4, head));
    assert_eq!(serde_json::from_slice::<Value>(&taken.state).unwrap(), json!({ "notes": 30 }));
    assert_eq!((taken.snapshot.since.clone(), taken.snapshot.sealed_to), (vec![json!("said again")], 1));
    let notes = replay.records::<Note>().unwrap().map(Result::unwrap);
    let notes: Vec<Note> =
        notes.filter_map(|record| if let Body::Entry { payload, .. } = record.body { Some(payload) } else { None }).collect();
    assert_eq!(notes, (30..40).map(note).collect::<Vec<_>>());
    append(&mut writer, 40);
    assert_eq!(roll(&mut writer, &path, 41, 1), 2);
    append(&mut writer, 41);
    drop(writer);
    assert_eq!(proved(&path).segments, 5);
}

#[test]
fn a_segment_that_is_missing_renamed_or_cut_is_named_and_never_started_over() {
    type Change = fn(&Scratch);
    let changes: [(&str, Change, &str); 7] = [
        ("first gone", |at| fs::remove_file(at.piece(1, Form::Sealed)).unwrap(), "segment-missing"),
        ("middle gone", |at| fs::remove_file(at.piece(3, Form::Plain)).unwrap(), "segment-missing"),
        ("newest gone", |at| fs::remove_file(at.piece(4, Form::Plain)).unwrap(), "segment-missing"),
        ("renamed", |at| fs::rename(at.piece(4, Form::Plain), at.piece(5, Form::Plain)).unwrap(), "segment-missing"),
        ("emptied", |at| fs::write(at.piece(4, Form::Plain), b"").unwrap(), "witness-missing"),
        ("cut in half", |at| cut(&at.piece(4, Form::Plain), 2), "segment-shorter"),
        ("all gone", |at| list(&at.journal()).unwrap().iter().for_each(|piece| fs::remove_file(&piece.path).unwrap()), "segment-missing"),
    ];
    for (what, change, wanted) in changes {
        let scratch = Scratch::new("lacks");
        four(&scratch);
        change(&scratch);
        assert_eq!(code(&scratch.journal()).0, wanted, "{what}");
        if what != "emptied" {
            let refused = Writer::open(&scratch.journal(), &options());
            assert!(matches!(refused, Err(JournalError::Read(ReadError::Broken(_)))), "{what}");
            assert_eq!(code(&scratch.journal()).0, wanted, "{what}: it is as it was");
        }
    }
}

/// What a segment begins from is as much of the chain as what follows it.
#[test]
fn a_state_that_somebody_edited_is_not_begun_from() {
    let scratch = Scratch::new("edited");
    four(&scratch);
    let piece = scratch.piece(4, Form::Plain);
    let text = fs::read_to_string(&piece).unwrap();
    let (state, rest) = text.split_once('\n').unwrap();
    assert!(state.contains("\"notes\":30"), "{state}");
    fs::write(&piece, format!("{}\n{rest}", state.replace("\"notes\":30", "\"notes\":31"))).unwrap();
    assert_eq!(code(&scratch.journal()).0, "meaning");
    let refused = Writer::open(&scratch.journal(), &options());
    assert!(matches!(refused, Err(JournalError::Read(ReadError::Broken(_)))));
}

fn cut(path: &Path, divisor: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / divisor).unwrap();
}

#[test]
fn a_plain_segment_that_another_follows_has_to_be_whole() {
    let scratch = Scratch::new("unfinished");
    four(&scratch);
    let path = scratch.piece(3, Form::Plain);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert_eq!(code(&scratch.journal()), ("segment-unfinished", Some("00000003.jsonl".to_owned())));
}

#[test]
fn every_flipped_bit_of_a_named_sealed_segment_is_found_and_of_another_what_it_says() {
    let scratch = Scratch::new("flips");
    four(&scratch);
    for number in [1, 2] {
        let path = scratch.piece(number, Form::Sealed);
        let bytes = fs::read(&path).unwrap();
        let mut harmless = 0;
        let tail = bytes.len() - 12;
        for at in (0..tail).step_by(7).chain(tail..bytes.len()) {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                fs::write(&path, &changed).unwrap();
                harmless += u32::from(code(&scratch.journal()).0 == "proved");
            }
        }
        fs::write(&path, &bytes).unwrap();
        // Behind the last code of the last block up to seven bits mean nothing; once the next snapshot has named the file they do.
        assert!(if number == 1 { harmless == 0 } else { harmless < 8 }, "{harmless} flips of segment {number}");
    }
    assert_eq!(code(&scratch.journal()).0, "proved");
}

#[test]
fn a_sealed_segment_packed_anew_is_not_the_one_that_was_named() {
    let scratch = Scratch::new("packed");
    four(&scratch);
    let path = scratch.piece(1, Form::Sealed);
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(&path).unwrap()).read_to_end(&mut text).unwrap();
    let mut packed = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::none());
    packed.write_all(&text).unwrap();
    let mut packed = packed.finish().unwrap();
    packed[8] = 2;
    fs::write(&path, packed).unwrap();
    assert_eq!(code(&scratch.journal()).0, "seal-differs");
}

#[test]
fn killed_anywhere_while_rolling_or_sealing_the_journal_is_whole() {
    let scratch = Scratch::new("killed");
    let path = scratch.journal();
    let head = four(&scratch);
    // Half of a state, and of a compressed segment, under the names that they are made under.
    fs::write(path.join("00000005.jsonl.new-1-0"), b"{\"notes\":").unwrap();
    fs::write(path.join("00000003.jsonl.gz.new-1-1"), b"\x1f\x8b").unwrap();
    // A state without a snapshot, and with half of one: made ready, not begun.
    for half in [&b"{\"notes\":40}\n"[..], b"{\"notes\":40}\n{\"seq\":5"] {
        fs::write(scratch.piece(5, Form::Plain), half).unwrap();
        assert_eq!(proved(&path).head, head);
        let (writer, replay) = Writer::open(&path, &options()).unwrap();
        assert_eq!((replay.segment, writer.head()), (4, head));
        drop(writer);
        assert_eq!(list(&path).unwrap().len(), 4);
    }
    assert!(!path.join("00000005.jsonl.new-1-0").exists() && !path.join("00000003.jsonl.gz.new-1-1").exists());
    // Both forms: the plain one counts, and sealing again ends with one.
    let plain = fs::read(scratch.piece(3, Form::Plain)).unwrap();
    seal(&path, 3).unwrap();
    fs::write(scratch.piece(3, Form::Plain), plain).unwrap();
    assert_eq!(proved(&path).sealed, 2);
    assert_eq!(unsealed(&path).unwrap(), [3]);
    let piece: Piece = seal(&path, 3).unwrap();
    assert!(piece.path.exists() && !scratch.piece(3, Form::Plain).exists());
    assert_eq!(proved(&path).head, head);
}

#[test]
fn a_segment_that_does_not_hold_is_not_sealed() {
    let scratch = Scratch::new("rotten");
    four(&scratch);
    let path = scratch.piece(3, Form::Plain);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(seal(&scratch.journal(), 3).is_err());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!scratch.piece(3, Form::Sealed).exists());
}

#[test]
fn a_journal_of_one_file_is_proved_taken_in_and_continued() {
    let scratch = Scratch::new("adopted");
    let path = scratch.journal();
    let (bytes, _) = journal_of("s-1", 20);
    let bytes = String::from_utf8(bytes).unwrap();
    // As an earlier program wrote it, which knew one format only.
    let old = rehashed(&bytes.replace("\"format\":2", "\"format\":1"));
    let single = scratch.0.join("night.jsonl");
    let keep = |path: &Path| {
        fs::write(path, &old).unwrap();
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    keep(&single);
    assert_eq!(proved(&single).records, 22);
    assert!(matches!(Writer::create(&path, 1, &genesis("s"), &options()), Err(JournalError::Exists { .. })));
    let (mut writer, replay) = Writer::open(&path, &options()).unwrap();
    assert_eq!((replay.segment, replay.proof.records), (1, 22));
    append(&mut writer, 20);
    roll(&mut writer, &path, 21, 0);
    append(&mut writer, 21);
    drop(writer);
    assert!(!single.exists());
    assert_eq!(entries::<Note>(&path).unwrap().len(), 22);
    // Killed between the two renames: the next one finishes it.
    fs::rename(&path, scratch.0.join("elsewhere")).unwrap();
    let _was_none = fs::remove_file(scratch.0.join("night.checkpoint"));
    fs::DirBuilder::new().mode(0o700).create(scratch.0.join("night.adopting")).unwrap();
    keep(&scratch.0.join("night.adopting/00000001.jsonl"));
    assert_eq!(Writer::open(&path, &options()).unwrap().1.proof.records, 22);
}

/// The same journal with every sum computed anew.
fn rehashed(text: &str) -> Vec<u8> {
    use crate::journal::chain::Head;
    use crate::journal::line::{Line, append_known};
    let (mut out, mut head) = (Vec::new(), Head::START);
    for raw in text.lines() {
        let line = Line::split(raw.as_bytes()).unwrap();
        let body = String::from_utf8(line.body.to_vec()).unwrap();
        let body = if line.kind == "checkpoint" { format!("{{\"records\":{},\"head\":\"{}\"}}", head.next_seq, head.hash) } else { body };
        head = append_known(&mut out, &head, line.at_ms, line.kind, body.as_bytes());
    }
    out
}
