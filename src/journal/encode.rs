//! Writes a body as JSON of printable ASCII only.
//!
//! Everything outside `0x20..=0x7E` leaves as `\uXXXX`, so a raw journal line can be shown on any terminal, in any locale,
//! without carrying an escape sequence or a bidirectional override into it; and one `grep` can check that.
//! It does not validate what a payload's own `Serialize` made up: [`super::scan`] does, before the line is accepted.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

/// Compact JSON whose strings hold ASCII only.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_ascii(out, fragment)
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_ascii(out, fragment)
    }
}

fn write_ascii<W: ?Sized + io::Write>(out: &mut W, fragment: &str) -> io::Result<()> {
    let mut rest = fragment;
    while let Some(at) = rest.bytes().position(|byte| byte >= 0x7F) {
        let (plain, special) = rest.split_at(at);
        out.write_all(plain.as_bytes())?;
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        rest = characters.as_str();
    }
    out.write_all(rest.as_bytes())
}

/// Appends `payload` to `out` as JSON.
///
/// # Errors
/// Whatever the payload's own `Serialize` refuses, such as a map whose keys are not strings.
pub(super) fn append_json<P: Serialize + ?Sized>(out: &mut Vec<u8>, payload: &P) -> Result<(), serde_json::Error> {
    payload.serialize(&mut serde_json::Serializer::with_formatter(out, AsciiFormatter))
}

/// `payload` as JSON of printable ASCII only, for whoever prints JSON on a terminal.
///
/// # Errors
/// Whatever the payload's own `Serialize` refuses.
pub fn ascii_json<P: Serialize + ?Sized>(payload: &P) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    append_json(&mut out, payload)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::append_json;

    fn encoded(payload: &str) -> String {
        let mut out = Vec::new();
        append_json(&mut out, payload).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_leaves_that_a_terminal_could_obey() {
        assert_eq!(encoded("a\u{1b}[2J\u{7f}\u{9b}\u{202e}b"), r#""a\u001b[2J\u007f\u009b\u202eb""#);
        assert_eq!(encoded("Zürich 🚦"), r#""Z\u00fcrich \ud83d\udea6""#);
        assert_eq!(encoded("\"\\\n"), r#""\"\\\n""#);
    }
}
