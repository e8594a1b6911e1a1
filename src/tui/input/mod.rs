//! What a person does with keyboard and mouse, in our own words.
//!
//! Bytes of the terminal are read and parsed here and not by the terminal library, for three reasons that were seen to happen with it:
//! after a hang-up it spins for ever, an unterminated paste swallows every later key (the rollback chord among them), and an escape
//! sequence split over two reads is taken for the Escape key. Reading order: this file, `sequence`, `parse`, `guard`, `reader`.

use std::{fmt, time::Instant};

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
    pub const SHIFT: Mods = Mods { shift: Held::Yes, ..Mods::NONE };
    pub const ALT: Mods = Mods { alt: Held::Yes, ..Mods::NONE };
    pub const CTRL: Mods = Mods { ctrl: Held::Yes, ..Mods::NONE };
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
        match self.code {
            Code::Char(character) if self.mods.ctrl == Held::No && self.mods.alt == Held::No => Some(character),
            _ => None,
        }
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
            Code::Enter => text.push_str("Enter"),
            Code::Esc => text.push_str("Esc"),
            Code::Tab => text.push_str("Tab"),
            Code::Backspace => text.push_str("Backspace"),
            Code::Delete => text.push_str("Delete"),
            Code::Insert => text.push_str("Insert"),
            Code::Left => text.push_str("Left"),
            Code::Right => text.push_str("Right"),
            Code::Up => text.push_str("Up"),
            Code::Down => text.push_str("Down"),
            Code::Home => text.push_str("Home"),
            Code::End => text.push_str("End"),
            Code::PageUp => text.push_str("PgUp"),
            Code::PageDown => text.push_str("PgDn"),
        }
        f.pad(&text)
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
    /// Pasted text, at most [`parse::PASTE_BYTES_MAX`] of it. Never a key.
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
}
