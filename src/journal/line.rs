//! One line: how its bytes are put together and taken apart again.
//!
//! The envelope has one spelling only, so it is read by position instead of by a JSON parser; that makes duplicate keys,
//! unknown fields, other orders and other white space impossible rather than forbidden, and it makes verifying fast.
//! A line knows nothing of the file around it: [`super::reader`] walks, [`super::writer`] appends.

use std::ops::Range;

use crate::journal::LINE_BYTES_MAX;
use crate::journal::broken::Why;
use crate::journal::chain::{Hash, Head, NUMBER_MAX, number};
use crate::journal::crc::crc32c;
use crate::journal::encode::append_json;
use crate::journal::record::{KIND_BYTES_MAX, KIND_GENESIS, kind_has_form};
use crate::journal::scan::check_body;

/// What stands between the body and the hash.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
/// What stands after the hash, without the newline.
const AFTER_HASH: &[u8] = b"\"}";

/// Where the parts of a line stand, and what can be told without it.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    seq: u64,
    at_ms: u64,
    kind: Range<usize>,
    prev: Hash,
    crc: u32,
    body: Range<usize>,
    hash: Hash,
}

/// A line that has the form of a record; whether it belongs where it stands, `continues` says.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub seq: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    pub kind: &'a str,
    pub prev: Hash,
    pub crc: u32,
    /// The body's JSON, exactly as it stands in the file.
    pub body: &'a [u8],
    pub hash: Hash,
    /// The line without its newline.
    pub raw: &'a [u8],
}

impl Parts {
    /// Takes a line apart; `raw` comes without its newline.
    pub(super) fn find(raw: &[u8]) -> Result<Self, Why> {
        let mut cursor = Cursor { raw, at: 0 };
        cursor.literal("{\"seq\":")?;
        let seq = cursor.number()?;
        cursor.literal(",\"at\":")?;
        let at_ms = cursor.number()?;
        cursor.literal(",\"kind\":\"")?;
        let kind = cursor.kind()?;
        cursor.literal("\",\"prev\":\"")?;
        let prev = cursor.hash()?;
        cursor.literal("\",\"crc\":\"")?;
        let crc = cursor.crc()?;
        cursor.literal("\",\"body\":")?;
        let body_start = cursor.at;
        let body_end = raw.len().checked_sub(BEFORE_HASH.len() + 64 + AFTER_HASH.len()).filter(|end| *end > body_start);
        let body_end = body_end.ok_or(Why::Grammar { expected: "a body and a hash", at: body_start })?;
        cursor.at = body_end;
        cursor.literal(",\"hash\":\"")?;
        let hash = cursor.hash()?;
        cursor.literal("\"}")?;
        Ok(Self { seq, at_ms, kind, prev, crc, body: body_start..body_end, hash })
    }
}

impl<'a> Line<'a> {
    /// Takes a line apart; `raw` comes without its newline.
    pub(super) fn split(raw: &'a [u8]) -> Result<Self, Why> {
        Ok(Self::of(&Parts::find(raw)?, raw))
    }

    /// The line whose parts were found in `raw` before.
    pub(super) fn of(parts: &Parts, raw: &'a [u8]) -> Self {
        let Parts { seq, at_ms, kind, prev, crc, body, hash } = parts;
        let kind = std::str::from_utf8(&raw[kind.clone()]).expect("a kind is ASCII where it was found");
        Self { seq: *seq, at_ms: *at_ms, kind, prev: *prev, crc: *crc, body: &raw[body.clone()], hash: *hash, raw }
    }

    /// Checks everything about this line that needs only the chain before it, and returns the head after it.
    pub(super) fn continues(&self, head: &Head, sums: Sums) -> Result<Head, Why> {
        if self.seq != head.next_seq {
            return Err(Why::Seq { found: self.seq });
        }
        if self.prev != head.hash {
            return Err(Why::Prev { expected: head.hash, found: self.prev });
        }
        match sums {
            Sums::Read => self.sums_hold()?,
            Sums::Made | Sums::Proved => {}
        }
        if (self.seq == 0) != (self.kind == KIND_GENESIS) {
            return Err(Why::Kind { found: self.kind.to_owned() });
        }
        match sums {
            Sums::Read | Sums::Made => check_body(self.body)?,
            Sums::Proved => {}
        }
        Ok(Head { next_seq: self.seq + 1, hash: self.hash })
    }

    fn sums_hold(&self) -> Result<(), Why> {
        let crc = crc32c(self.body);
        if crc != self.crc {
            return Err(Why::Crc { expected: self.crc, found: crc });
        }
        let hash = Hash::of_line(&self.raw[..self.raw.len() - BEFORE_HASH.len() - 64 - AFTER_HASH.len()]);
        if hash != self.hash {
            return Err(Why::Hash { expected: self.hash, found: hash });
        }
        Ok(())
    }
}

/// Where a line's checksum and hash come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sums {
    /// From the file: they are recomputed.
    Read,
    /// From the file, where an earlier walk over the same bytes has proved them, and the body's form with them.
    Proved,
    /// They were computed while the line was put together from a sealed segment, which holds none.
    Made,
}

struct Cursor<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn literal(&mut self, literal: &'static str) -> Result<(), Why> {
        if !self.raw[self.at..].starts_with(literal.as_bytes()) {
            return Err(self.refused(literal));
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<u64, Why> {
        let digits = self.run(16, u8::is_ascii_digit);
        let value = number(digits).ok_or_else(|| self.refused("a whole number up to 2^53-1"))?;
        self.at += digits.len();
        Ok(value)
    }

    fn kind(&mut self) -> Result<Range<usize>, Why> {
        let word = self.run(KIND_BYTES_MAX, |byte| *byte != b'"');
        if !kind_has_form(word) {
            return Err(self.refused("a kind"));
        }
        self.at += word.len();
        Ok(self.at - word.len()..self.at)
    }

    fn hash(&mut self) -> Result<Hash, Why> {
        let digits = self.raw.get(self.at..self.at + 64).and_then(Hash::from_hex);
        let hash = digits.ok_or_else(|| self.refused("64 lower-case hexadecimal digits"))?;
        self.at += 64;
        Ok(hash)
    }

    fn crc(&mut self) -> Result<u32, Why> {
        let digits = self.run(8, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = std::str::from_utf8(digits).ok().filter(|text| text.len() == 8);
        let value = value.and_then(|text| u32::from_str_radix(text, 16).ok());
        let value = value.ok_or_else(|| self.refused("8 lower-case hexadecimal digits"))?;
        self.at += 8;
        Ok(value)
    }

    /// The longest run of at most `most` bytes from here that all pass.
    fn run(&self, most: usize, pass: impl Fn(&u8) -> bool) -> &'a [u8] {
        let rest = &self.raw[self.at..];
        let length = rest.iter().take(most).take_while(|byte| pass(byte)).count();
        &rest[..length]
    }

    const fn refused(&self, expected: &'static str) -> Why {
        Why::Grammar { expected, at: self.at }
    }
}

/// What a line is made of beside its place in the chain.
pub(super) struct Draft<'a, P: ?Sized> {
    pub at_ms: u64,
    pub kind: &'a str,
    pub payload: &'a P,
}

/// Why a draft can't become a line. The chain is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("its payload can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its payload writes JSON that the journal does not accept: {0}")]
    Body(#[from] crate::journal::scan::BodyFault),
    #[error("it takes {bytes} bytes, at most {} are allowed", LINE_BYTES_MAX)]
    TooLong { bytes: usize },
    #[error("its time or its sequence number is beyond 2^53-1")]
    Number,
}

/// Appends the line of `draft` to `out` and returns the head after it.
///
/// # Errors
/// If the draft can't be a line; `out` then holds what it held before.
pub(super) fn append_line<P: serde::Serialize + ?Sized>(out: &mut Vec<u8>, head: &Head, draft: &Draft<'_, P>) -> Result<Head, DraftError> {
    let start = out.len();
    let appended = append_unchecked(out, head, draft).and_then(|head| {
        let bytes = out.len() - start;
        if bytes > LINE_BYTES_MAX { Err(DraftError::TooLong { bytes }) } else { Ok(head) }
    });
    if appended.is_err() {
        out.truncate(start);
    }
    appended
}

fn append_unchecked<P: serde::Serialize + ?Sized>(out: &mut Vec<u8>, head: &Head, draft: &Draft<'_, P>) -> Result<Head, DraftError> {
    if draft.at_ms > NUMBER_MAX || head.next_seq >= NUMBER_MAX {
        return Err(DraftError::Number);
    }
    append_around(out, head, draft.at_ms, draft.kind, |out| {
        let body_start = out.len();
        append_json(out, draft.payload)?;
        Ok(check_body(&out[body_start..])?)
    })
}

/// Appends the line whose body is the bytes of `body`, which nobody looks at here.
pub(super) fn append_known(out: &mut Vec<u8>, head: &Head, at_ms: u64, kind: &str, body: &[u8]) -> Head {
    let appended = append_around::<std::convert::Infallible>(out, head, at_ms, kind, |out| {
        out.extend_from_slice(body);
        Ok(())
    });
    match appended {
        Ok(head) => head,
        Err(never) => match never {},
    }
}

fn append_around<E>(
    out: &mut Vec<u8>,
    head: &Head,
    at_ms: u64,
    kind: &str,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Head, E> {
    /// Eight digits that are replaced when the body is known; the body is serialised in place, not copied.
    const CRC_LATER: &[u8] = b"00000000";
    let start = out.len();
    out.extend_from_slice(b"{\"seq\":");
    append_number(out, head.next_seq);
    out.extend_from_slice(b",\"at\":");
    append_number(out, at_ms);
    out.extend_from_slice(b",\"kind\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"prev\":\"");
    out.extend_from_slice(&head.hash.to_hex());
    out.extend_from_slice(b"\",\"crc\":\"");
    let crc_start = out.len();
    out.extend_from_slice(CRC_LATER);
    out.extend_from_slice(b"\",\"body\":");
    let body_start = out.len();
    body(out)?;
    let crc = crc32c(&out[body_start..]);
    for (place, digit) in out[crc_start..crc_start + CRC_LATER.len()].iter_mut().zip((0..8).rev()) {
        *place = b"0123456789abcdef"[(crc >> (4 * digit) & 0xF) as usize];
    }
    let hash = Hash::of_line(&out[start..]);
    out.extend_from_slice(BEFORE_HASH);
    out.extend_from_slice(&hash.to_hex());
    out.extend_from_slice(AFTER_HASH);
    out.push(b'\n');
    Ok(Head { next_seq: head.next_seq + 1, hash })
}

/// Appends a number in decimal.
fn append_number(out: &mut Vec<u8>, mut number: u64) {
    let (mut digits, mut first) = ([b'0'; 20], 20);
    while number > 0 || first == 20 {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::{Draft, DraftError, Line, Sums, append_line};
    use crate::journal::broken::Why;
    use crate::journal::chain::Head;

    fn line(payload: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let draft = Draft { at_ms: 7, kind: "genesis", payload };
        append_line(&mut out, &Head::START, &draft).unwrap();
        assert_eq!(out.pop(), Some(b'\n'));
        out
    }

    #[test]
    fn a_line_is_taken_apart_into_what_it_was_made_of() {
        let raw = line("x");
        let text = String::from_utf8(raw.clone()).unwrap();
        assert!(text.starts_with(r#"{"seq":0,"at":7,"kind":"genesis","prev":"0000"#), "{text}");
        let line = Line::split(&raw).unwrap();
        assert_eq!((line.seq, line.at_ms, line.kind, line.body), (0, 7, "genesis", &b"\"x\""[..]));
        assert_eq!(line.continues(&Head::START, Sums::Read).unwrap().hash, line.hash);
    }

    #[test]
    fn no_other_spelling_of_the_envelope_is_read() {
        let text = String::from_utf8(line("x")).unwrap();
        for other in [
            text.replace("{\"seq\"", "{ \"seq\""),
            text.replace("\"seq\":0", "\"seq\":00"),
            text.replace("\"at\":7", "\"at\":7.0"),
            text.replace("\"at\":7,", "\"at\":7,\"at\":7,"),
            text.replace(",\"body\"", ",\"more\":1,\"body\""),
            text.replace("genesis", "Genesis"),
            text.replace("\"prev\":\"00", "\"prev\":\"0"),
            text.replace("\"crc\":\"", "\"crc\":\"0"),
            text.replace("\"}", "\"} "),
            text.trim_end_matches('}').to_owned(),
            String::new(),
        ] {
            assert!(matches!(Line::split(other.as_bytes()), Err(Why::Grammar { .. })), "{other}");
        }
    }

    #[test]
    fn a_refused_draft_leaves_nothing_behind() {
        let mut out = b"before".to_vec();
        let long = "x".repeat(crate::journal::LINE_BYTES_MAX);
        let draft = Draft { at_ms: 0, kind: "genesis", payload: long.as_str() };
        assert!(matches!(append_line(&mut out, &Head::START, &draft), Err(DraftError::TooLong { .. })));
        let raw = serde_json::value::RawValue::from_string(r#"{"a":1,"a":2}"#.to_owned()).unwrap();
        let draft = Draft { at_ms: 0, kind: "genesis", payload: &raw };
        assert!(matches!(append_line(&mut out, &Head::START, &draft), Err(DraftError::Body(_))));
        let draft = Draft { at_ms: u64::MAX, kind: "genesis", payload: "x" };
        assert!(matches!(append_line(&mut out, &Head::START, &draft), Err(DraftError::Number)));
        assert_eq!(out, b"before");
    }
}
