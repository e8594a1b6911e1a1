//! A strict look at a record's body without building a value from it.
//!
//! Two readers of one file must never see two stories, so what JSON leaves open is closed here: no key twice in an object,
//! no white space between tokens, no half surrogate pair, a bounded depth. The scanner only says yes or where not; turning
//! the body into a type is the reader's work.

use thiserror::Error;

/// Deepest nesting of arrays and objects in a body.
pub const DEPTH_MAX: usize = 64;

/// Why a body is not acceptable, and the byte of the body at which that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("body byte {at}: {what}")]
pub struct BodyFault {
    pub at: usize,
    pub what: BodyFaultKind,
}

/// The ways in which a body can be unacceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFaultKind {
    #[error("not JSON, or white space outside a string")]
    Syntax,
    #[error("the key that ends here stands twice in its object")]
    DuplicateKey,
    #[error("nested deeper than 64")]
    TooDeep,
    #[error("half of a surrogate pair")]
    Surrogate,
}

/// Checks that `body` is exactly one JSON value in the form that the journal allows.
pub fn check_body(body: &[u8]) -> Result<(), BodyFault> {
    let mut scanner = Scanner { body, at: 0, keys: Vec::with_capacity(32) };
    scanner.value(0).map_err(|fault| *fault)?;
    if scanner.at == body.len() { Ok(()) } else { Err(*scanner.fault(BodyFaultKind::Syntax)) }
}

/// Whether a part of the body was passed. A fault is boxed: it comes once in the life of a journal, and an answer comes for each token.
type Passed<T = ()> = Result<T, Box<BodyFault>>;

struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    /// The keys of all objects that are open, each object's after its parent's.
    keys: Vec<Text<'a>>,
}

impl<'a> Scanner<'a> {
    fn value(&mut self, depth: usize) -> Passed {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|_| ()),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(_) => self.number(),
            None => Err(self.fault(BodyFaultKind::Syntax)),
        }
    }

    fn object(&mut self, depth: usize) -> Passed {
        self.enter(depth)?;
        if self.takes(b'}') {
            return Ok(());
        }
        let first_key = self.keys.len();
        loop {
            let key = self.string()?;
            if self.keys[first_key..].iter().any(|other| other.is_same(&key)) {
                return Err(self.fault(BodyFaultKind::DuplicateKey));
            }
            self.keys.push(key);
            self.expect(b':')?;
            self.value(depth + 1)?;
            if !self.takes(b',') {
                break;
            }
        }
        self.keys.truncate(first_key);
        self.expect(b'}')
    }

    fn array(&mut self, depth: usize) -> Passed {
        self.enter(depth)?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.takes(b',') {
                return self.expect(b']');
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Passed {
        if depth >= DEPTH_MAX {
            return Err(self.fault(BodyFaultKind::TooDeep));
        }
        self.at += 1;
        Ok(())
    }

    /// Passes a string and returns what stands between its quotes, escapes and all.
    #[inline(always)]
    fn string(&mut self) -> Passed<Text<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += plain(&self.body[start..]);
        // Most strings hold nothing that stands for something else.
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Text { between: &self.body[start..self.at - 1], form: Form::Plain });
        }
        self.escaped_string(start)
    }

    /// The rest of one that begins at `start` and has a byte here that does not stand for itself.
    fn escaped_string(&mut self, start: usize) -> Passed<Text<'a>> {
        let mut form = Form::Plain;
        loop {
            self.at += plain(&self.body[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text { between: &self.body[start..self.at - 1], form });
                }
                Some(b'\\') => {
                    form = Form::Escaped;
                    self.escape()?;
                }
                Some(_) | None => return Err(self.fault(BodyFaultKind::Syntax)),
            }
        }
    }

    fn escape(&mut self) -> Passed {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0xD800..=0xDBFF => {
                    let paired = self.takes(b'\\') && self.peek() == Some(b'u') && matches!(self.unit()?, 0xDC00..=0xDFFF);
                    if paired { Ok(()) } else { Err(Box::new(BodyFault { at: start, what: BodyFaultKind::Surrogate })) }
                }
                0xDC00..=0xDFFF => Err(Box::new(BodyFault { at: start, what: BodyFaultKind::Surrogate })),
                _ => Ok(()),
            },
            Some(_) | None => Err(self.fault(BodyFaultKind::Syntax)),
        }
    }

    /// Passes `uXXXX` and returns the number.
    fn unit(&mut self) -> Passed<u16> {
        self.at += 1;
        let mut value = 0_u16;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.fault(BodyFaultKind::Syntax));
            };
            value = value << 4 | digit as u16;
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Passed {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _sign = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Passed {
        let digits = self.body[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits > 0 { Ok(()) } else { Err(self.fault(BodyFaultKind::Syntax)) }
    }

    fn word(&mut self, word: &[u8]) -> Passed {
        if !self.body[self.at..].starts_with(word) {
            return Err(self.fault(BodyFaultKind::Syntax));
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Passed {
        if self.takes(byte) { Ok(()) } else { Err(self.fault(BodyFaultKind::Syntax)) }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn fault(&self, what: BodyFaultKind) -> Box<BodyFault> {
        Box::new(BodyFault { at: self.at, what })
    }
}

/// A string by what stands between its quotes.
#[derive(Clone, Copy)]
struct Text<'a> {
    between: &'a [u8],
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Escaped,
}

/// What stands in a string for itself: printable ASCII but the quote and the backslash.
const IS_PLAIN: [bool; 256] = {
    let mut is_plain = [false; 256];
    let mut byte = 0x20;
    while byte <= 0x7E {
        is_plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    is_plain
};

/// How many bytes stand for themselves at the beginning of `text`: eight at a time, since that is most of a journal.
fn plain(text: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH * 0x80;
    let (groups, rest) = text.as_chunks::<8>();
    for (place, group) in groups.iter().enumerate() {
        let group = u64::from_le_bytes(*group);
        // The high bit of a byte is set where the test holds; above one for which it does it may be set for nothing.
        let below = |group: u64, least: u8| group.wrapping_sub(EACH * u64::from(least)) & !group;
        let is = |byte: u8| below(group ^ (EACH * u64::from(byte)), 1);
        let stops = (group | below(group, 0x20) | is(b'"') | is(b'\\') | is(0x7F)) & HIGH;
        if stops != 0 {
            return place * 8 + (stops.trailing_zeros() / 8) as usize;
        }
    }
    let rest = rest.iter().take_while(|byte| IS_PLAIN[usize::from(**byte)]).count();
    groups.len() * 8 + rest
}

impl Text<'_> {
    /// Whether two keys are the same after their escapes are resolved.
    fn is_same(&self, other: &Text<'_>) -> bool {
        match (self.form, other.form) {
            // Most keys of one object differ in their length or in their last byte.
            (Form::Plain, Form::Plain) => self.between.last() == other.between.last() && self.between == other.between,
            (Form::Escaped, _) | (_, Form::Escaped) => unescaped(self.between) == unescaped(other.between),
        }
    }
}

fn unescaped(key: &[u8]) -> Option<String> {
    let quoted = [b"\"", key, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BodyFaultKind, DEPTH_MAX, IS_PLAIN, check_body, plain};

    #[test]
    fn json_in_its_compact_form_passes() {
        for body in [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1.5e+7",
            "1E9",
            r#""a b""#,
            r#"{"a":[1,{"b":2}],"c":{"a":1}}"#,
            r#""\u00e9\ud83d\udea6\"\\\/\b\f\n\r\t""#,
        ] {
            assert_eq!(check_body(body.as_bytes()), Ok(()), "{body}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        use BodyFaultKind::{DuplicateKey, Surrogate, Syntax, TooDeep};
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        for (body, what) in [
            ("", Syntax),
            ("{} ", Syntax),
            (r#"{"a": 1}"#, Syntax),
            ("[1,]", Syntax),
            (r#"{"a":1,}"#, Syntax),
            ("01", Syntax),
            ("1.", Syntax),
            (".5", Syntax),
            ("+1", Syntax),
            ("NaN", Syntax),
            ("Infinity", Syntax),
            ("tru", Syntax),
            ("{}{}", Syntax),
            ("\"\u{e9}\"", Syntax),
            ("\"\t\"", Syntax),
            (r#""\x""#, Syntax),
            (r#""\u12g4""#, Syntax),
            (r#"{"a":1"#, Syntax),
            ("'a'", Syntax),
            (r#"{"a":1,"a":2}"#, DuplicateKey),
            (r#"{"a":1,"\u0061":2}"#, DuplicateKey),
            (r#"[{"b":{"a":1,"b":2,"a":3}}]"#, DuplicateKey),
            (r#""\ud83d""#, Surrogate),
            (r#""\ud83dx""#, Surrogate),
            (r#""\udea6""#, Surrogate),
            (r#""\ud83d\ud83d""#, Surrogate),
            (deep.as_str(), TooDeep),
        ] {
            assert_eq!(check_body(body.as_bytes()).map_err(|fault| fault.what), Err(what), "{body}");
        }
        let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert_eq!(check_body(deepest.as_bytes()), Ok(()));
    }

    proptest! {
        /// Eight bytes at a time or one by one.
        #[test]
        fn what_stands_for_itself_ends_where_its_first_other_byte_stands(text in proptest::collection::vec(any::<u8>(), 0..40), printable in 0_usize..40) {
            let mut text = text;
            text.iter_mut().take(printable).for_each(|byte| *byte = b' ' + *byte % 95);
            prop_assert_eq!(plain(&text), text.iter().take_while(|byte| IS_PLAIN[usize::from(**byte)]).count());
        }

        #[test]
        fn whatever_passes_is_json_to_serde_too(body in "[\\[\\]{}\",:0-9eE.+\\-tfnulrasd\\\\ ]{0,24}") {
            if check_body(body.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&body).is_ok());
            }
        }
    }
}
