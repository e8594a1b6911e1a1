//! Every change to a journal is a break, or a torn tail that a witness then exposes.

use std::io::Read;

use super::{journal_of, lines};
use crate::journal::broken::Why;
use crate::journal::chain::{Hash, Head, Witness};
use crate::journal::line::{Draft, Line, append_line};
use crate::journal::reader::{Lines, Tail};
use crate::journal::verify::{Proof, Verdict, verify};

fn verdict(bytes: impl Read + Send, witness: Option<Witness>) -> Verdict {
    verify(bytes, witness).unwrap()
}

fn code(bytes: &[u8], witness: Option<Witness>) -> &'static str {
    match verdict(bytes, witness) {
        Verdict::Proved(_) => "proved",
        Verdict::Broken { at, .. } => at.why.code(),
    }
}

fn proved(bytes: &[u8]) -> Proof {
    match verdict(bytes, None) {
        Verdict::Proved(proof) => proof,
        Verdict::Broken { at, .. } => panic!("{at}"),
    }
}

/// A journal of 16 KiB or a little more, and its head.
fn sixteen_kib() -> (Vec<u8>, Witness) {
    let (bytes, head) = journal_of("s-1", 62);
    assert!(bytes.len() >= 16 * 1024, "{}", bytes.len());
    (bytes, head)
}

/// Walks from the line that holds byte `at`: the lines before it are untouched, and walking them 131,072 times proves nothing new.
fn walk_from(bytes: &[u8], start: usize, head: Head) -> Result<Tail, Why> {
    let mut walk = Lines::resume(&bytes[start..], start as u64, head);
    loop {
        match walk.advance() {
            Ok(crate::journal::reader::Step::Line { .. }) => {}
            Ok(crate::journal::reader::Step::End(tail)) => return Ok(tail),
            Err(crate::journal::error::ReadError::Broken(at)) => return Err(at.why),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn every_flipped_bit_of_16_kib_is_found() {
    let (mut bytes, head) = sixteen_kib();
    let starts: Vec<(usize, Head)> = {
        let mut at = 0;
        let mut heads = vec![(0, Head::START)];
        for raw in lines(&bytes) {
            at += raw.len();
            let line = Line::split(&raw[..raw.len() - 1]).unwrap();
            heads.push((at, Head { next_seq: line.seq + 1, hash: line.hash }));
        }
        heads
    };
    let mut torn = 0;
    for at in 0..bytes.len() {
        let (start, before) = *starts.iter().rfind(|(start, _)| *start <= at).unwrap();
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            match walk_from(&bytes, start, before) {
                Err(_) => {}
                Ok(Tail::Torn { .. }) => {
                    torn += 1;
                    assert_eq!(code(&bytes, Some(head)), "witness-missing", "byte {at} bit {bit}");
                }
                Ok(Tail::Clean { .. }) => panic!("byte {at} bit {bit} was not noticed"),
            }
            bytes[at] ^= 1 << bit;
        }
    }
    // Only the last line feed can turn into something that looks like a write that did not finish.
    assert_eq!(torn, 8);
}

#[test]
fn every_flipped_byte_is_found_from_the_first_line_on() {
    let (mut bytes, head) = journal_of("s-1", 6);
    for at in 0..bytes.len() {
        bytes[at] ^= 0x01;
        assert_ne!(code(&bytes, Some(head)), "proved", "byte {at}");
        bytes[at] ^= 0x01;
    }
    assert_eq!(code(&bytes, Some(head)), "proved");
}

#[test]
fn every_cut_is_a_torn_tail_or_clean_and_a_witness_exposes_it() {
    let (bytes, head) = sixteen_kib();
    let first = lines(&bytes)[0].len();
    for end in (0..bytes.len()).step_by(13).chain(
        lines(&bytes)
            .iter()
            .scan(0, |end, line| {
                *end += line.len();
                Some(*end)
            })
            .filter(|end| *end < bytes.len()),
    ) {
        let cut = &bytes[..end];
        if end < first {
            assert_eq!(code(cut, None), "empty");
        } else {
            let whole = cut.iter().rposition(|byte| *byte == b'\n').unwrap() as u64 + 1;
            match proved(cut).tail {
                Tail::Clean { bytes } => assert_eq!((bytes, whole), (end as u64, end as u64)),
                Tail::Torn { offset, bytes, .. } => {
                    assert_eq!((offset, offset + bytes), (whole, end as u64))
                }
            }
            assert_eq!(code(cut, Some(head)), "witness-missing");
        }
    }
}

#[test]
fn deleting_inserting_and_swapping_lines_is_found_without_a_witness() {
    let (bytes, _) = journal_of("s-1", 20);
    let lines = lines(&bytes);
    for at in 0..lines.len() - 1 {
        let mut deleted = lines.clone();
        deleted.remove(at);
        assert_ne!(code(&deleted.concat(), None), "proved", "deleted {at}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert_ne!(code(&doubled.concat(), None), "proved", "doubled {at}");
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert_ne!(code(&swapped.concat(), None), "proved", "swapped {at}");
    }
    let mut blank = lines.clone();
    blank.insert(3, b"\n");
    assert_eq!(code(&blank.concat(), None), "grammar");
}

#[test]
fn a_piece_of_another_session_is_found() {
    let (ours, head) = journal_of("s-1", 20);
    let (theirs, _) = journal_of("s-2", 20);
    for at in 0..lines(&ours).len() {
        let spliced = [&lines(&ours)[..at], &lines(&theirs)[at..]].concat().concat();
        let expected = if at == 0 { "witness-differs" } else { "prev" };
        assert_eq!(code(&spliced, Some(head)), if at == 0 { expected } else { "prev" }, "from {at}");
        let one = [&lines(&ours)[..at], &[lines(&theirs)[at]], &lines(&ours)[at + 1..]].concat().concat();
        assert_ne!(code(&one, Some(head)), "proved", "line {at}");
    }
}

/// What somebody does who knows the format: changes line `from`, and computes every checksum and hash anew from there on.
fn rehashed(bytes: &[u8], from: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut head = Head::START;
    for (at, raw) in lines(bytes).iter().enumerate() {
        let line = Line::split(&raw[..raw.len() - 1]).unwrap();
        let mut body: serde_json::Value = serde_json::from_slice(line.body).unwrap();
        if line.kind == "checkpoint" {
            body = serde_json::json!({ "records": head.next_seq, "head": head.hash });
        } else if at == from && line.kind == "genesis" {
            body["session"] = "forged".into();
        } else if at == from {
            body["weight"] = 0.into();
            body["text"] = "nothing happened".into();
        }
        head = append_line(&mut out, &head, &Draft { at_ms: line.at_ms, kind: line.kind, payload: &body }).unwrap();
    }
    out
}

#[test]
fn rewriting_history_from_any_line_on_needs_a_witness_to_be_found_and_is_found() {
    let (bytes, head) = journal_of("s-1", 20);
    assert_eq!(rehashed(&bytes, usize::MAX), bytes);
    for from in 0..lines(&bytes).len() {
        let kind = Line::split(lines(&bytes)[from].trim_ascii_end()).unwrap().kind;
        if kind == "checkpoint" {
            continue;
        }
        let forged = rehashed(&bytes, from);
        assert_eq!(code(&forged, None), "proved", "a chain alone can't show this");
        assert_eq!(code(&forged, Some(head)), "witness-differs", "from {from}");
        let last_untouched = (from as u64).checked_sub(1);
        if let Some(seq) = last_untouched {
            let hash = Line::split(lines(&bytes)[from - 1].trim_ascii_end()).unwrap().hash;
            assert_eq!(code(&forged, Some(Witness { seq, hash })), "proved", "a witness says nothing of what came after it");
        }
    }
}

#[test]
fn each_field_that_lies_is_named() {
    let (bytes, _) = journal_of("s-1", 20);
    let change = |line: usize, from: &str, to: &str| {
        let mut lines: Vec<String> = lines(&bytes).iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        assert!(lines[line].contains(from), "{}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
        code(lines.concat().as_bytes(), None)
    };
    assert_eq!(change(2, "\"seq\":2", "\"seq\":7"), "seq");
    assert_eq!(change(2, "\"prev\":\"", "\"prev\":\"x"), "grammar");
    assert_eq!(change(2, "shift", "shaft"), "crc");
    assert_eq!(change(2, "\"at\":3000", "\"at\":3001"), "hash");
    assert_eq!(change(2, "\"kind\":\"note\"", "\"kind\":\"genesis\""), "hash");
}

/// A line with correct checksum and hash, whatever it says.
fn forged(head: &Head, kind: &str, body: &str) -> Vec<u8> {
    let crc = crate::journal::crc::crc32c(body.as_bytes());
    let signed = format!(r#"{{"seq":{},"at":5,"kind":"{kind}","prev":"{}","crc":"{crc:08x}","body":{body}"#, head.next_seq, head.hash);
    format!("{signed},\"hash\":\"{}\"}}\n", Hash::of_line(signed.as_bytes())).into_bytes()
}

#[test]
fn a_line_whose_hash_fits_still_has_to_make_sense() {
    let (bytes, last) = journal_of("s-1", 3);
    let head = Head { next_seq: last.seq + 1, hash: last.hash };
    let hash = last.hash;
    for (kind, body, expected) in [
        ("note", "1".to_owned(), "proved"),
        ("genesis", "1".to_owned(), "kind"),
        ("note", "{\"a\":1,\"a\":1}".to_owned(), "body"),
        ("note", "{\"a\": 1}".to_owned(), "body"),
        ("note", "\u{e9}".to_owned(), "body"),
        ("checkpoint", format!("{{\"head\":\"{hash}\",\"records\":4}}"), "proved"),
        ("checkpoint", format!("{{\"head\":\"{hash}\",\"records\":3}}"), "meaning"),
        ("checkpoint", format!("{{\"head\":\"{}\",\"records\":4}}", Hash::ZERO), "meaning"),
        ("checkpoint", format!("{{\"head\":\"{hash}\",\"records\":4,\"more\":1}}"), "meaning"),
        ("checkpoint", format!("[4,\"{hash}\"]"), "meaning"),
        ("recovered", format!("{{\"bytes\":1,\"shape\":\"hole\",\"side_file\":\"x\",\"sha256\":\"{hash}\"}}"), "proved"),
        ("recovered", format!("{{\"bytes\":1,\"shape\":{{\"hole\":null}},\"side_file\":\"x\",\"sha256\":\"{hash}\"}}"), "meaning"),
        ("recovered", format!("{{\"bytes\":-1,\"shape\":\"hole\",\"side_file\":\"x\",\"sha256\":\"{hash}\"}}"), "meaning"),
    ] {
        assert_eq!(code(&[bytes.clone(), forged(&head, kind, &body)].concat(), None), expected, "{kind} {body}");
    }
    let start = Head::START;
    let genesis = format!("{{\"format\":3,\"session\":\"s\",\"plan\":\"{hash}\"}}");
    assert_eq!(code(&forged(&start, "genesis", &genesis), None), "meaning");
    assert_eq!(code(&forged(&start, "note", "1"), None), "kind");
}

#[test]
fn zero_bytes_at_the_end_and_lost_sectors_are_a_torn_tail() {
    use crate::journal::record::TornShape::{Hole, Partial, Zeros};
    let (bytes, head) = journal_of("s-1", 20);
    let shape = |bytes: &[u8]| match proved(bytes).tail {
        Tail::Torn { shape, .. } => Some(shape),
        Tail::Clean { .. } => None,
    };
    assert_eq!(shape(&[&bytes[..], &[0; 5000]].concat()), Some(Zeros));
    assert_eq!(shape(&[&bytes[..bytes.len() - 100], &[0; 5000]].concat()), Some(Zeros));
    assert_eq!(shape(&[&bytes[..], b"{\"seq\""].concat()), Some(Partial));
    let sector = bytes.len() / 2 / 512 * 512;
    let mut hole = bytes.clone();
    hole[sector..sector + 512].fill(0);
    assert_eq!(shape(&hole), Some(Hole));
    assert_eq!(code(&hole, Some(head)), "witness-missing");
    // From where a line starts to the border of its sector.
    let start = lines(&bytes)[..10].concat().len();
    let mut hole = bytes.clone();
    hole[start..start.next_multiple_of(512)].fill(0);
    assert_eq!(shape(&hole), Some(Hole));
    // Zero bytes that no disk leaves are damage.
    let mut zeros = bytes.clone();
    zeros[start + 1..start.next_multiple_of(512)].fill(0);
    assert_eq!(code(&zeros, None), "grammar");
    let mut zeros = bytes;
    zeros[sector + 1..sector + 512].fill(0);
    assert_ne!(code(&zeros, None), "proved");
}

#[test]
fn a_hole_too_far_from_the_end_is_damage() {
    let (bytes, last) = journal_of("s-1", 3);
    let mut whole = bytes;
    let mut head = Head { next_seq: last.seq + 1, hash: last.hash };
    let long = "x".repeat(500_000);
    for _ in 0..5 {
        head = append_line(&mut whole, &head, &Draft { at_ms: 0, kind: "note", payload: &long }).unwrap();
    }
    let hole = |from: usize| {
        let mut bytes = whole.clone();
        bytes[from..from + 512].fill(0);
        code(&bytes, None)
    };
    assert_eq!(hole(512), "grammar");
    assert_eq!(hole(whole.len() / 512 * 512 - 1024), "proved");
}

#[test]
fn a_line_without_end_takes_no_memory_and_is_named() {
    let (bytes, _) = journal_of("s-1", 3);
    let endless = std::io::repeat(b'a').take(5_000_000);
    let torn = verdict(bytes.as_slice().chain(endless), None);
    assert!(matches!(torn, Verdict::Proved(proof) if matches!(proof.tail, Tail::Torn { bytes: 5_000_000, .. })));
    let endless = std::io::repeat(b'a').take(5_000_000);
    let broken = verdict(bytes.as_slice().chain(endless).chain(&b"\n"[..]), None);
    assert!(matches!(broken, Verdict::Broken { at, .. } if at.why == Why::TooLong));
}
