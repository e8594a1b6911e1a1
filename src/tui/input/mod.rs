//! What a person does with keyboard and mouse, in our own words.
//!
//! Bytes of the terminal are read and parsed here and not by the terminal library, for three reasons that were seen to happen with it:
//! after a hang-up it spins for ever, an unterminated paste swallows every later key (the rollback chord among them), and an escape
//! sequence split over two reads is taken for the Escape key. Reading order: this file, `sequence`, `parse`, `guard`, `reader`.

use std::{fmt, str::FromStr, time::Instant};

pub mod guard;
pub mod parse;
pub mod reader;
mod sequence;

/// Which key, without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    /// F1 to F12.
    F(u8),
}

/// The modifiers held with a key. Shift is not told for characters: `A` is `Char('A')`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mods {
    pub shift: Held,
    pub alt: Held,
    pub ctrl: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Held {
    #[default]
    No,
    Yes,
}

impl Mods {
    pub const NONE: Mods = Mods { shift: Held::No, alt: Held::No, ctrl: Held::No };
    const SHIFT: Mods = Mods { shift: Held::Yes, ..Mods::NONE };
    pub const ALT: Mods = Mods { alt: Held::Yes, ..Mods::NONE };
    const CTRL: Mods = Mods { ctrl: Held::Yes, ..Mods::NONE };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub code: Code,
    pub mods: Mods,
}

impl Key {
    pub const fn plain(code: Code) -> Key {
        Key { code, mods: Mods::NONE }
    }
    pub const fn char(character: char) -> Key {
        Key::plain(Code::Char(character))
    }
    pub const fn ctrl(character: char) -> Key {
        Key { code: Code::Char(character), mods: Mods::CTRL }
    }
    pub const fn alt(character: char) -> Key {
        Key { code: Code::Char(character), mods: Mods::ALT }
    }
    pub const fn shift(code: Code) -> Key {
        Key { code, mods: Mods::SHIFT }
    }
    /// The character that this key types into a line of text, if it types one.
    pub fn typed(self) -> Option<char> {
        let Code::Char(character) = self.code else { return None };
        (self.mods.ctrl == Held::No && self.mods.alt == Held::No).then_some(character)
    }
}

/// As hints and help print it: `q`, `Ctrl-C`, `Shift-Left`, `F9`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (held, name) in [(self.mods.ctrl, "Ctrl-"), (self.mods.alt, "Alt-"), (self.mods.shift, "Shift-")] {
            if held == Held::Yes {
                text.push_str(name);
            }
        }
        match self.code {
            Code::Char(' ') => text.push_str("Space"),
            Code::Char(character) if self.mods.ctrl == Held::Yes => text.extend(character.to_uppercase()),
            Code::Char(character) => text.push(character),
            Code::F(number) => text.push_str(&format!("F{number}")),
            Code::Enter
            | Code::Esc
            | Code::Tab
            | Code::Backspace
            | Code::Delete
            | Code::Insert
            | Code::Left
            | Code::Right
            | Code::Up
            | Code::Down
            | Code::Home
            | Code::End
            | Code::PageUp
            | Code::PageDown => {
                text.extend(NAMES.iter().find(|(_, code)| *code == self.code).map(|(name, _)| *name));
            }
        }
        f.pad(&text)
    }
}

/// The keys that have a name, as they are printed.
const NAMES: &[(&str, Code)] = &[
    ("Space", Code::Char(' ')),
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Backspace", Code::Backspace),
    ("Delete", Code::Delete),
    ("Insert", Code::Insert),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
];

/// How keys are written, for whoever has written one that is none.
pub const WRITTEN: &str = "a character, F1 to F12, Space, Enter, Esc, Tab, Backspace, Delete, Insert, Left, Right, Up, Down, Home, End, PgUp, \
                           PgDn; before it Ctrl-, Alt- or Shift-";

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("`{0}` is no key")]
    Unknown(String),
    /// No terminal tells this chord, or it tells it as another one.
    #[error("no terminal tells `{typed}`: {why}")]
    Untold { typed: String, why: &'static str },
}

/// Reads what [`Key`] prints; names and modifiers in any case.
impl FromStr for Key {
    type Err = KeyError;

    fn from_str(typed: &str) -> Result<Key, KeyError> {
        let (mut rest, mut mods) = (typed, Mods::NONE);
        loop {
            let cut = |name: &str| rest.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &rest[name.len()..]);
            let (held, shorter) = match (cut("Ctrl-"), cut("Alt-"), cut("Shift-")) {
                (Some(shorter), ..) => (&mut mods.ctrl, shorter),
                (_, Some(shorter), _) => (&mut mods.alt, shorter),
                (.., Some(shorter)) => (&mut mods.shift, shorter),
                (None, None, None) => break,
            };
            (*held, rest) = (Held::Yes, shorter);
        }
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)).map(|(_, code)| *code);
        let function = || rest.strip_prefix(['F', 'f'])?.parse().ok().filter(|number| (1..=12).contains(number)).map(Code::F);
        let first = rest.chars().next().filter(|character| !character.is_control());
        let single = || first.filter(|character| character.len_utf8() == rest.len());
        let code = named.or_else(function).or_else(|| single().map(Code::Char));
        let code = code.ok_or_else(|| KeyError::Unknown(typed.to_owned()))?;
        let code = if let (Code::Char(letter), Held::Yes) = (code, mods.ctrl) { Code::Char(letter.to_ascii_lowercase()) } else { code };
        let key = Key { code, mods };
        match key.untold() {
            Some(why) => Err(KeyError::Untold { typed: typed.to_owned(), why }),
            None => Ok(key),
        }
    }
}

impl Key {
    /// Why this chord never arrives, if it doesn't.
    fn untold(self) -> Option<&'static str> {
        let Code::Char(character) = self.code else { return None };
        match (self.mods.ctrl, self.mods.alt, self.mods.shift, character) {
            (_, _, Held::Yes, _) => Some("Shift is in the character itself, as in `A`"),
            (Held::Yes, _, _, 'h') => Some("it is Backspace"),
            (Held::Yes, _, _, 'i') => Some("it is Tab"),
            (Held::Yes, _, _, 'j') => Some("it is the end of a pasted line"),
            (Held::Yes, _, _, 'm') => Some("it is Enter"),
            (Held::Yes, _, _, '[') => Some("it is Esc"),
            (Held::Yes, _, _, 'a'..='z' | ' ' | '\\' | ']' | '^' | '_') => None,
            (Held::Yes, ..) => Some("with Ctrl there are the letters, Space, \\, ], ^ and _"),
            (_, Held::Yes, _, '[' | ']' | 'O' | 'P' | 'X' | '^' | '_') => Some("longer sequences begin with the same bytes"),
            (Held::No, ..) => None,
        }
    }
}

/// What the mouse did, at a cell counted from the upper left, 0-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    pub what: Gesture,
    pub column: u16,
    pub row: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gesture {
    /// The left button goes down.
    Press,
    /// The pointer moves with the left button held.
    Drag,
    Release,
    WheelUp,
    WheelDown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Key(Key),
    Mouse(Mouse),
    /// Pasted text, at most `PASTE_BYTES_MAX` of it. Never a key.
    Paste(String),
    FocusGained,
    FocusLost,
    /// The terminal is gone. Nothing follows.
    Gone,
}

/// An input with the instant at which it arrived, or the earliest at which it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub at: Instant,
    pub input: Input,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_as_people_write_them() {
        let printed = [Key::char('q'), Key::ctrl('c'), Key::shift(Code::Left), Key::plain(Code::F(9)), Key::char(' '), Key::alt('x')];
        assert_eq!(printed.map(|key| key.to_string()), ["q", "Ctrl-C", "Shift-Left", "F9", "Space", "Alt-x"]);
    }

    #[test]
    fn what_is_printed_is_read_again_in_any_case() {
        for text in
            ["q", "G", "Ctrl-C", "Ctrl-\\", "Shift-Left", "F9", "F12", "Space", "Alt-x", "Enter", "PgDn", "-", "Ctrl-Alt-Delete", "é"]
        {
            let key: Key = text.parse().expect(text);
            assert_eq!(key.to_string(), text);
        }
        assert_eq!("ctrl-l".parse(), Ok(Key::ctrl('l')));
        assert_eq!("shift-PGUP".parse(), Ok(Key::shift(Code::PageUp)));
        for text in ["", "F13", "F0", "Hyper-x", "ab", "Ctrl-", "\u{1b}"] {
            assert_eq!(text.parse::<Key>(), Err(KeyError::Unknown(text.to_owned())));
        }
        for text in ["Ctrl-M", "Ctrl-1", "Shift-a", "Alt-O", "Ctrl-["] {
            assert!(matches!(text.parse::<Key>(), Err(KeyError::Untold { .. })), "{text}");
        }
    }
}
