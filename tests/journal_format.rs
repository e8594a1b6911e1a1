//! The journal's format, judged by somebody else: a verifier in another language, written from the format's description alone, must give
//! the same verdict as ours on good journals and on every kind of mutation; and the two lines of shell that the description promises must
//! give the hash that stands in the file.
//!
//! Where Python or a shell is missing the test says so and judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cutover::journal::{
    chain::{Hash, Witness},
    crc::crc32c,
    folder::ready,
    memory::Memory,
    reader::Tail,
    record::{Genesis, Kind},
    recover::Options,
    sealed::seal,
    segment::{self, Form},
    verify::{Verdict, verify, verify_journal},
    writer::{Cadence, Durability, Writer},
};
use serde_json::{Value, json};

/// A directory of its own for a test, removed when the test ends well.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cutover-format-{name}-{}", std::process::id()));
        let _was_there = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _stays = fs::remove_dir_all(&self.0);
        }
    }
}

fn journal_of(session: &str, records: usize) -> (Vec<u8>, Witness) {
    let memory = Memory::default();
    let genesis = Genesis::new(session, Hash::of_line(b"plan"));
    let mut writer = Writer::create_in(&memory, 1_795_500_000_000, &genesis, Cadence { records: 8, ms: 60_000 }).unwrap();
    let kind = Kind::new("transition").unwrap();
    for number in 0..records {
        let payload =
            json!({ "route": "frontend", "weight": number * 10, "why": "Z\u{fc}rich \u{1f6a6} \u{202e}", "more": [null, -1.5e-7, {}] });
        writer.append(1_795_500_000_000 + number as u64, Durability::Durable, &kind, &payload).unwrap();
    }
    (memory.written(), writer.head())
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Our verdict in the words of the other verifier.
fn ours(bytes: &[u8], witnesses: &[Witness]) -> Value {
    told(verify(bytes, witnesses.iter().copied()).unwrap())
}

fn told(verdict: Verdict) -> Value {
    match verdict {
        Verdict::Proved(proof) => {
            let (end, tail, tail_bytes) = match proof.tail {
                Tail::Clean { bytes } => (bytes, "clean", 0),
                Tail::Torn { offset, bytes, shape } => (offset, shape.as_str(), bytes),
            };
            json!({
                "verdict": "proved", "records": proof.records, "checkpoints": proof.checkpoints, "session": proof.session(),
                "head": proof.head.to_string(), "end": end, "tail": tail, "tail_bytes": tail_bytes,
            })
        }
        Verdict::Broken { at, .. } => json!({ "verdict": "broken", "seq": at.seq, "offset": at.offset, "code": at.why.code() }),
    }
}

struct Case {
    what: String,
    bytes: Vec<u8>,
    witnesses: Vec<Witness>,
}

/// The other verifier's verdicts, in the order of the cases; `None` if there is no Python.
fn theirs(scratch: &Scratch, cases: &[Case]) -> Option<Vec<Value>> {
    let mut list = String::new();
    for (number, case) in cases.iter().enumerate() {
        let path = scratch.0.join(format!("case-{number}"));
        fs::write(&path, &case.bytes).unwrap();
        write!(list, "{}", path.display()).unwrap();
        for witness in &case.witnesses {
            write!(list, "\t{witness}").unwrap();
        }
        list.push('\n');
    }
    batch(scratch, list)
}

/// The other verifier's verdict on each journal of `list`; `None` if there is no Python.
fn batch(scratch: &Scratch, list: String) -> Option<Vec<Value>> {
    let listed = scratch.0.join("list");
    fs::write(&listed, list).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal/verify.py");
    let output = Command::new("python3").arg(script).arg("--batch").stdin(File::open(listed).unwrap()).stderr(Stdio::inherit()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("no second opinion on the journal's format: python3 can't be started ({error})");
            return None;
        }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn must_agree(name: &str, cases: &[Case]) {
    let scratch = Scratch::new(name);
    let Some(theirs) = theirs(&scratch, cases) else { return };
    assert_eq!(theirs.len(), cases.len(), "the second verifier gave up");
    for (case, theirs) in cases.iter().zip(theirs) {
        assert_eq!(ours(&case.bytes, &case.witnesses), theirs, "{}", case.what);
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }
}

#[test]
fn a_second_verifier_agrees_on_damage_cuts_and_rearrangements() {
    let (bytes, head) = journal_of("night \u{fc}", 40);
    let (other, _) = journal_of("another", 40);
    let lines = lines(&bytes);
    let others: Vec<&[u8]> = self::lines(&other);
    let mut dice = Dice(7);
    let mut cases = Vec::new();
    let mut add = |what: String, bytes: Vec<u8>| {
        let witnesses = if cases.len() % 2 == 0 { vec![head] } else { vec![] };
        cases.push(Case { what, bytes, witnesses });
    };
    add("untouched".to_owned(), bytes.clone());
    add("untouched".to_owned(), bytes.clone());
    for _ in 0..300 {
        let (at, bit) = (dice.below(bytes.len()), dice.below(8));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        add(format!("byte {at} bit {bit} flipped"), flipped);
    }
    for _ in 0..100 {
        let end = dice.below(bytes.len() + 1);
        add(format!("cut at {end}"), bytes[..end].to_vec());
        let (at, byte) = (dice.below(bytes.len()), [0, b'\n', b'"', 0xFF, b' '][dice.below(5)]);
        let mut inserted = bytes.clone();
        inserted.insert(at, byte);
        add(format!("{byte} inserted at {at}"), inserted);
        let mut removed = bytes.clone();
        removed.remove(at);
        add(format!("byte {at} removed"), removed);
    }
    for at in 0..lines.len() {
        add(format!("line {at} removed"), [&lines[..at], &lines[at + 1..]].concat().concat());
        add(format!("line {at} doubled"), [&lines[..=at], &lines[at..]].concat().concat());
        add(format!("another session from line {at} on"), [&lines[..at], &others[at..]].concat().concat());
    }
    must_agree("damage", &cases);
}

#[test]
fn a_second_verifier_agrees_on_torn_tails_and_holes() {
    let (bytes, head) = journal_of("night", 40);
    let mut dice = Dice(11);
    let mut cases = Vec::new();
    let mut add = |what: String, bytes: Vec<u8>, witnesses: Vec<Witness>| cases.push(Case { what, bytes, witnesses });
    for zeros in [1, 511, 512, 513, 100_000] {
        add(format!("{zeros} zero bytes behind"), [&bytes[..], &vec![0; zeros]].concat(), vec![head]);
        let end = dice.below(bytes.len());
        add(format!("cut at {end}, {zeros} zero bytes"), [&bytes[..end], &vec![0; zeros]].concat(), vec![]);
    }
    let borders: Vec<usize> = lines(&bytes).iter().scan(0, |end, line| Some(std::mem::replace(end, *end + line.len()))).collect();
    for _ in 0..150 {
        let from = match dice.below(3) {
            0 => borders[dice.below(borders.len())],
            1 => dice.below(bytes.len()) / 512 * 512,
            _ => dice.below(bytes.len()),
        };
        let to = if dice.below(2) == 0 { (from + 1 + dice.below(900)).next_multiple_of(512) } else { from + 1 + dice.below(1200) };
        let mut hole = bytes.clone();
        let to = to.min(hole.len());
        hole[from..to].fill(0);
        add(format!("zero bytes from {from} to {to}"), hole, vec![]);
    }
    add("empty".to_owned(), Vec::new(), vec![head]);
    add("one line feed".to_owned(), b"\n".to_vec(), vec![]);
    add("too long, no end".to_owned(), [&bytes[..], &vec![b'x'; 1_048_577]].concat(), vec![]);
    for spare in [1_048_574, 1_048_575, 1_048_576, 1_048_577] {
        add(format!("a line of {spare} and its end"), [&bytes[..], &vec![b'x'; spare], b"\n"].concat(), vec![]);
    }
    must_agree("torn", &cases);
}

/// A line whose checksum and hash fit, whatever it says.
fn forged(seq: u64, prev: Hash, kind: &str, body: &str) -> Vec<u8> {
    let crc = crc32c(body.as_bytes());
    let signed = format!(r#"{{"seq":{seq},"at":5,"kind":"{kind}","prev":"{prev}","crc":"{crc:08x}","body":{body}"#);
    format!("{signed},\"hash\":\"{}\"}}\n", Hash::of_line(signed.as_bytes())).into_bytes()
}

/// Bodies that readers of JSON are known to disagree on.
const PLAIN: &[&str] = &[
    "1",
    "-0",
    "1e999",
    "0.1e+7",
    "01",
    "1.",
    ".5",
    "+1",
    "NaN",
    "Infinity",
    "-Infinity",
    "tru",
    "nul",
    "{}",
    "[]",
    "{} ",
    " {}",
    "[1, 2]",
    "[1,2,]",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"\\u0061\":1}",
    "{\"a\":{\"a\":[{\"a\":1}]}}",
    "[{\"b\":1,\"c\":1,\"b\":2}]",
    "\"\\ud83d\\udea6\"",
    "\"\\ud83d\"",
    "\"\\udea6\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\ud83dx\"",
    "{\"\\ud83d\":1}",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
    "\"\u{e9}\"",
    "\"\u{7f}\"",
    "\"\t\"",
    "'a'",
    "\"",
    "",
    "{}{}",
    "1,2",
    "\"a b\"",
    "[\"a\" ]",
    "123456789012345678901234567890",
    "\"a\",\"hash\":\"b\"",
    "{\"hash\":\"x\"}",
];

#[test]
fn a_second_verifier_agrees_on_lines_by_somebody_who_can_compute_hashes() {
    let (bytes, head) = journal_of("night", 4);
    let (seq, hash) = (head.seq + 1, head.hash);
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let mut cases = Vec::new();
    let mut add = |kind: &str, body: &str| {
        cases.push(Case {
            what: format!("{kind} {body}"),
            bytes: [bytes.clone(), forged(seq, hash, kind, body)].concat(),
            witnesses: vec![head],
        });
    };
    for body in PLAIN {
        add("transition", body);
        add("genesis", body);
    }
    add("transition", &deep(64));
    add("transition", &deep(65));
    add("transition", &deep(5000));
    for kind in ["", "Transition", "1", "a b", "a\"b", &"a".repeat(32), &"a".repeat(33), "a.b_c-d9", "\u{e9}", "recovered", "checkpoint"] {
        add(kind, "{}");
    }
    let zero = Hash::ZERO;
    for body in [
        format!("{{\"records\":{seq},\"head\":\"{hash}\"}}"),
        format!("{{\"head\":\"{hash}\",\"records\":{seq}}}"),
        format!("{{\"head\":\"\\u00{:02x}{}\",\"records\":{seq}}}", hash.to_hex()[0], &hash.to_string()[1..]),
        format!("{{\"records\":{},\"head\":\"{hash}\"}}", seq + 1),
        format!("{{\"records\":{seq}.0,\"head\":\"{hash}\"}}"),
        format!("{{\"records\":\"{seq}\",\"head\":\"{hash}\"}}"),
        format!("{{\"records\":{seq},\"head\":\"{zero}\"}}"),
        format!("{{\"records\":{seq},\"head\":\"{}\"}}", hash.to_string().to_uppercase()),
        format!("{{\"records\":{seq},\"head\":null}}"),
        format!("{{\"records\":{seq}}}"),
        format!("{{\"records\":{seq},\"head\":\"{hash}\",\"x\":1}}"),
        format!("[{seq},\"{hash}\"]"),
    ] {
        add("checkpoint", &body);
    }
    for (number, shape) in [
        ("0", "\"hole\""),
        ("18446744073709551615", "\"zeros\""),
        ("18446744073709551616", "\"zeros\""),
        ("-0", "\"partial\""),
        ("1e1", "\"partial\""),
        ("1", "\"gone\""),
        ("1", "{\"hole\":null}"),
        ("1", "1"),
    ] {
        add("recovered", &format!("{{\"bytes\":{number},\"shape\":{shape},\"side_file\":\"x\",\"sha256\":\"{zero}\"}}"));
    }
    for body in [
        format!("{{\"format\":1,\"session\":\"\\u00e9\",\"plan\":\"{zero}\"}}"),
        format!("{{\"format\":2,\"session\":\"s\",\"plan\":\"{zero}\"}}"),
        format!("{{\"format\":1.0,\"session\":\"s\",\"plan\":\"{zero}\"}}"),
        format!("{{\"format\":1,\"session\":1,\"plan\":\"{zero}\"}}"),
        format!("{{\"format\":1,\"session\":\"s\",\"plan\":\"{zero}0\"}}"),
        format!("[1,\"s\",\"{zero}\"]"),
    ] {
        let bytes = forged(0, zero, "genesis", &body);
        cases.push(Case { what: format!("genesis {body}"), bytes, witnesses: vec![] });
    }
    must_agree("forged", &cases);
}

#[test]
fn a_second_verifier_proves_what_a_real_writer_left_after_a_crash() {
    let scratch = Scratch::new("crash");
    let path = scratch.0.join("night.journal");
    let kind = Kind::new("transition").unwrap();
    let mut writer = Writer::create(&path, 1, &Genesis::new("night", Hash::ZERO), &Options::default()).unwrap();
    for number in 0..100 {
        writer.append(number, Durability::Durable, &kind, &number).unwrap();
    }
    drop(writer);
    let segment = path.join("00000001.jsonl");
    File::options().append(true).open(&segment).unwrap().write_all(b"{\"seq\":10").unwrap();
    let (mut writer, replay) = Writer::open(&path, &Options::default()).unwrap();
    assert!(replay.recovered.is_some());
    writer.append(7, Durability::Durable, &kind, "on we go").unwrap();
    let head = writer.close().unwrap();
    assert_eq!(fs::metadata(&segment).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&segment).unwrap();
    assert_eq!(ours(&bytes, &[head])["records"], head.seq + 1);
    must_agree("crashed", &[Case { what: "after a crash".to_owned(), bytes, witnesses: vec![head] }]);
}

#[test]
fn both_verifiers_judge_segments_alike() {
    let scratch = Scratch::new("segments");
    let path = scratch.0.join("night");
    let kind = Kind::new("transition").unwrap();
    let options = Options { cadence: Cadence { records: 8, ms: 60_000 }, ..Options::default() };
    let mut writer = Writer::create(&path, 1, &Genesis::new("night", Hash::ZERO), &options).unwrap();
    let mut named = 0;
    for segment in 1..=4_u64 {
        if segment > 1 {
            let next = ready(&path, segment, named, &json!({ "state": segment })).unwrap();
            named = next.sealed_to();
            next.begin(&mut writer, segment, vec![json!({ "seq": segment })]).unwrap();
            if segment < 4 {
                seal(&path, segment - 1).unwrap();
            }
        }
        for number in 0..20 {
            writer.append(number, Durability::Durable, &kind, &json!({ "number": number, "why": "Z\u{fc}rich" })).unwrap();
        }
    }
    drop(writer);
    assert_eq!(told(verify_journal(&path, &[]).unwrap())["records"], 94);
    // Without what is remembered of it, which the other verifier is not told.
    fs::remove_file(path.join("checkpoint")).unwrap();
    let pieces = [(1, Form::Sealed), (2, Form::Sealed), (3, Form::Plain), (4, Form::Plain)];
    let bytes: Vec<Vec<u8>> = pieces.iter().map(|(number, form)| fs::read(path.join(segment::name(*number, *form))).unwrap()).collect();
    let mut list = String::new();
    let mut cases = Vec::new();
    // A folder for each, in which one segment is changed or missing.
    let mut case = |what: String, changed: u64, content: Option<&[u8]>| {
        let folder = scratch.0.join(format!("case-{}", cases.len()));
        fs::create_dir(&folder).unwrap();
        for ((number, form), whole) in pieces.iter().zip(&bytes) {
            let content = if *number == changed { content } else { Some(whole.as_slice()) };
            if let Some(content) = content {
                fs::write(folder.join(segment::name(*number, *form)), content).unwrap();
            }
        }
        writeln!(list, "{}", folder.display()).unwrap();
        cases.push((what, folder, pieces.iter().find(|(number, _)| *number == changed).map(|(_, form)| *form)));
    };
    case("as it was written".to_owned(), 0, None);
    for ((number, _), whole) in pieces.iter().zip(&bytes) {
        for at in (0..whole.len()).step_by(whole.len() / 40) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            case(format!("segment {number} with byte {at} changed"), *number, Some(&changed));
            case(format!("segment {number} cut at byte {at}"), *number, Some(&whole[..at]));
        }
        if *number < 4 {
            case(format!("segment {number} missing"), *number, None);
        }
    }
    let Some(theirs) = batch(&scratch, list) else { return };
    assert_eq!(theirs.len(), cases.len(), "the second verifier gave up");
    for ((what, folder, form), theirs) in cases.iter().zip(theirs) {
        let ours = told(verify_journal(folder, &[]).unwrap());
        match form {
            // Where a sealed segment is damaged each verifier stops at another place of it; that it is, both say.
            Some(Form::Sealed) => assert_eq!(ours["verdict"], theirs["verdict"], "{what}"),
            Some(Form::Plain) | None => assert_eq!(ours, theirs, "{what}"),
        }
    }
}

#[test]
fn a_shell_and_sha256sum_are_enough_to_check_a_line() {
    let (bytes, _) = journal_of("night", 3);
    let scratch = Scratch::new("shell");
    for (number, line) in lines(&bytes).iter().enumerate() {
        let path = scratch.0.join(format!("line-{number}"));
        fs::write(&path, line).unwrap();
        let script = r#"head -n 1 "$1" | sed -E 's/,"hash":"[0-9a-f]{64}"\}$//' | tr -d '\n' | (printf '\001'; cat) | sha256sum"#;
        let Ok(output) = Command::new("sh").args(["-c", script, "sh"]).arg(&path).output() else {
            eprintln!("no shell here; the lines of the format's description were not tried");
            return;
        };
        let printed = String::from_utf8(output.stdout).unwrap();
        let hash: Value = serde_json::from_slice::<Value>(line).unwrap()["hash"].clone();
        assert_eq!(printed.split_whitespace().next(), hash.as_str(), "line {number}");
    }
}
