//! Text from outside, made safe to show, once, where it enters.
//!
//! A pod's label, an error body, a user name: whatever somebody else wrote may hold escape sequences, bidirectional overrides or a
//! megabyte. [`Shown`] is the only way such text gets onto a screen, into a log or an answer. Control characters become their caret
//! form, format and bidirectional characters become U+FFFD, a pile of combining marks is cut, and the length is capped.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::as_text;

/// Longest text kept, in characters; the rest is cut and marked with an ellipsis.
const SHOWN_CHARS_MAX: usize = 512;
/// Combining marks kept on one base character; real scripts need two or three.
const MARKS_MAX: usize = 4;

/// Sanitised text. Holds no C0, DEL, C1, bidirectional or other format character and at most `SHOWN_CHARS_MAX` characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Shown(String);

impl Shown {
    pub fn new(text: &str) -> Shown {
        // Nearly all of it is plain, and is kept as it is.
        if text.len() <= SHOWN_CHARS_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Shown(text.to_owned());
        }
        let mut safe = String::with_capacity(text.len().min(SHOWN_CHARS_MAX));
        let mut marks = 0;
        for (count, character) in text.chars().enumerate() {
            if count >= SHOWN_CHARS_MAX {
                safe.push('…');
                break;
            }
            marks = if is_mark(character) { marks + 1 } else { 0 };
            if marks > MARKS_MAX {
                continue;
            }
            push_safe(&mut safe, character);
        }
        Shown(safe)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text of many lines on its way to a terminal or a pipe, however long: what [`Shown`] does, but lines stay lines.
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => safe.push(character),
            other => push_safe(&mut safe, other),
        }
    }
    safe
}

fn push_safe(safe: &mut String, character: char) {
    match character {
        '\n' | '\t' | '\r' => safe.push(' '),
        '\u{0}'..='\u{1f}' => {
            safe.push('^');
            safe.push(char::from(character as u8 + b'@'));
        }
        '\u{7f}' => safe.push_str("^?"),
        other if is_unseen(other) => safe.push('\u{fffd}'),
        other => safe.push(other),
    }
}

/// C1 controls, zero-width and format characters, bidirectional controls, tags, line separators, private-use and variation selectors.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
        | '\u{e0000}'..='\u{10ffff}')
}

fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

impl From<String> for Shown {
    fn from(text: String) -> Shown {
        Shown::new(&text)
    }
}
impl From<&str> for Shown {
    fn from(text: &str) -> Shown {
        Shown::new(text)
    }
}
impl FromStr for Shown {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Shown, Infallible> {
        Ok(Shown::new(text))
    }
}
impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shown, D::Error> {
        as_text::parsed(deserializer)
    }
}
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_visible_and_overrides_disappear() {
        assert_eq!(Shown::new("a\u{1b}[31mb").as_str(), "a^[[31mb");
        assert_eq!(Shown::new("x\u{202e}y\u{9b}z\u{7f}").as_str(), "x\u{fffd}y\u{fffd}z^?");
        assert_eq!(Shown::new("two\nlines").as_str(), "two lines");
        assert_eq!(harmless("two\nlines\tof \u{1b}[31m\u{9b}"), "two\nlines\tof ^[[31m\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_dangerous_survives(text in "\\PC*|.*") {
            let shown = Shown::new(&text);
            proptest::prop_assert!(shown.as_str().chars().all(|c| !c.is_control() && !is_unseen(c)));
            proptest::prop_assert!(shown.as_str().chars().count() <= 2 * SHOWN_CHARS_MAX + 1);
            proptest::prop_assert_eq!(Shown::new(shown.as_str()).as_str().chars().take(400).collect::<String>(), shown.as_str().chars().take(400).collect::<String>());
        }
    }
}
