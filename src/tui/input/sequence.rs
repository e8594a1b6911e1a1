//! What the front of some bytes is: a key, a mouse report, the begin of a paste, something that means nothing, or not all of it yet.
//!
//! Four families of terminals tell their keys differently: xterm and its heirs, the Linux console, rxvt, and those that tell every key by
//! its code point when they were asked to, or unasked. All of them are understood at once, because nobody can be asked which one it is.

use crate::tui::input::{Code, Gesture, Held, Input, Key, Mods, Mouse};

/// Longest sequence that means something; a longer one is dropped.
const SEQUENCE_BYTES_MAX: usize = 64;
/// Longest answer of the terminal that is waited for.
const STRING_BYTES_MAX: usize = 64 * 1024;
const PASTE_BEGIN: &[u8] = b"\x1b[200~";
/// How a terminal names the event of a key that is let go.
const RELEASED: u16 = 3;

/// What the front of the waiting bytes is, and how many of them it takes.
pub(super) enum Front {
    Input(Input, usize),
    Nothing(usize),
    PasteBegin(usize),
    Incomplete,
}

/// `bytes` holds at least one.
pub(super) fn front(bytes: &[u8]) -> Front {
    match bytes[0] {
        0x1b => escape(bytes),
        b'\r' => key(Key::plain(Code::Enter), 1),
        b'\t' => key(Key::plain(Code::Tab), 1),
        0x08 | 0x7f => key(Key::plain(Code::Backspace), 1),
        0x00 => key(Key::ctrl(' '), 1),
        control @ 0x01..=0x1a => key(Key::ctrl(char::from(control - 1 + b'a')), 1),
        control @ 0x1c..=0x1f => key(Key::ctrl(char::from(control - 0x1c + b'\\')), 1),
        _ => character(bytes, Mods::NONE, 0),
    }
}

fn key(key: Key, length: usize) -> Front {
    Front::Input(Input::Key(key), length)
}

/// One UTF-8 character after `skip` bytes.
fn character(bytes: &[u8], mods: Mods, skip: usize) -> Front {
    let text = &bytes[skip..];
    let length = match text[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Front::Nothing(skip + 1),
    };
    if text.len() < length {
        let valid = text[1..].iter().all(|byte| (0x80..=0xbf).contains(byte));
        return if valid { Front::Incomplete } else { Front::Nothing(skip + 1) };
    }
    match std::str::from_utf8(&text[..length]).ok().and_then(|text| text.chars().next()) {
        // The C1 controls are characters to UTF-8 and commands to a terminal.
        Some(character) if character.is_control() => Front::Nothing(skip + length),
        Some(character) => key(Key { code: Code::Char(character), mods }, skip + length),
        None => Front::Nothing(skip + 1),
    }
}

fn escape(bytes: &[u8]) -> Front {
    match bytes.get(1) {
        None => Front::Incomplete,
        Some(b'[') => sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Front::Incomplete,
            Some(last) => named(*last, Mods::NONE).map_or(Front::Nothing(3), |named| key(named, 3)),
        },
        Some(_) if is_string(bytes) => string(bytes),
        Some(0x1b) => key(Key::plain(Code::Esc), 1),
        Some(b'\r') => key(Key { code: Code::Enter, mods: Mods::ALT }, 2),
        Some(0x7f) => key(Key { code: Code::Backspace, mods: Mods::ALT }, 2),
        Some(control @ 0x01..=0x1a) => {
            let mods = Mods { ctrl: Held::Yes, ..Mods::ALT };
            key(Key { code: Code::Char(char::from(control - 1 + b'a')), mods }, 2)
        }
        Some(0x00..=0x1f) => Front::Nothing(2),
        Some(_) => character(bytes, Mods::ALT, 1),
    }
}

/// Whether a control string begins here: the answer of a terminal to a question that we don't ask.
pub(super) fn is_string(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1b, b']' | b'P' | b'_' | b'^' | b'X', ..])
}

/// Skips a control string up to its end. Any control ends it too and is looked at by itself: a string that never ends would swallow the
/// way home.
fn string(bytes: &[u8]) -> Front {
    let Some(end) = bytes[2..].iter().position(|byte| *byte < 0x20).map(|at| at + 2) else {
        return if bytes.len() > STRING_BYTES_MAX { Front::Nothing(bytes.len()) } else { Front::Incomplete };
    };
    match (bytes[end], bytes.get(end + 1)) {
        (0x1b, None) => Front::Incomplete,
        (0x1b, Some(b'\\')) => Front::Nothing(end + 2),
        (0x07 | 0x18 | 0x1a, _) => Front::Nothing(end + 1),
        _ => Front::Nothing(end),
    }
}

/// A control sequence: `ESC [ parameters final`.
fn sequence(bytes: &[u8]) -> Front {
    if bytes.starts_with(b"\x1b[M") {
        // The old mouse protocol, which we never switch on: three bytes of any value.
        return if bytes.len() < 6 { Front::Incomplete } else { Front::Nothing(6) };
    }
    if let [_, _, b'[', rest @ ..] = bytes {
        return console(rest);
    }
    let body = &bytes[2..];
    let Some(end) = body.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else {
        return if body.len() > SEQUENCE_BYTES_MAX { Front::Nothing(bytes.len()) } else { Front::Incomplete };
    };
    let length = end + 3;
    let last = body[end];
    if !(0x40..=0x7e).contains(&last) {
        // Cut off by something else, which is looked at by itself.
        return Front::Nothing(length - 1);
    }
    let parameters = &body[..end];
    if is_release(parameters) {
        return Front::Nothing(length);
    }
    if bytes.starts_with(PASTE_BEGIN) {
        return Front::PasteBegin(PASTE_BEGIN.len());
    }
    let input = match (parameters.first(), last) {
        (Some(b'<'), b'M' | b'm') => mouse(&numbers(&parameters[1..]), last).map(Input::Mouse),
        (None, b'I') => Some(Input::FocusGained),
        (None, b'O') => Some(Input::FocusLost),
        _ => plain_sequence(&numbers(parameters), last).map(Input::Key),
    };
    input.map_or(Front::Nothing(length), |input| Front::Input(input, length))
}

/// The Linux console tells F1 to F5 by a second bracket and a letter.
fn console(rest: &[u8]) -> Front {
    match rest.first() {
        None => Front::Incomplete,
        Some(letter @ b'A'..=b'E') => key(Key::plain(Code::F(letter - b'A' + 1)), 4),
        Some(0x20..=0x7e) => Front::Nothing(4),
        // Cut off by something else, which is looked at by itself.
        Some(_) => Front::Nothing(3),
    }
}

/// A key that is let go does nothing. Its event stands behind a colon, after the modifiers.
fn is_release(parameters: &[u8]) -> bool {
    let event = parameters.split(|byte| *byte == b';').nth(1).and_then(|part| part.split(|byte| *byte == b':').nth(1));
    event.is_some_and(|event| numbers(event) == [RELEASED])
}

fn plain_sequence(numbers: &[u16], last: u8) -> Option<Key> {
    let mods = modifiers(numbers.get(1).copied().unwrap_or(1));
    if last == b'Z' {
        return Some(Key::shift(Code::Tab));
    }
    if last == b'u' {
        return modern(*numbers.first()?, mods);
    }
    if last != b'~' {
        return named(last, mods);
    }
    if let [27, _, code_point] = numbers {
        return modern(*code_point, mods);
    }
    let code = match numbers.first()? {
        1 | 7 => Code::Home,
        2 => Code::Insert,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        number @ 11..=15 => Code::F((number - 10) as u8),
        number @ 17..=21 => Code::F((number - 11) as u8),
        number @ 23..=24 => Code::F((number - 12) as u8),
        _ => return None,
    };
    Some(Key { code, mods })
}

/// A key told by its code point, as newer terminals do when asked to, and some unasked: `ESC [ 92 ; 5 u` or `ESC [ 27 ; 5 ; 92 ~`.
fn modern(code_point: u16, mods: Mods) -> Option<Key> {
    let code = match code_point {
        9 => Code::Tab,
        13 => Code::Enter,
        27 => Code::Esc,
        127 => Code::Backspace,
        other => {
            let character = char::from_u32(other.into()).filter(|character| !character.is_control())?;
            return Some(chord(character, mods));
        }
    };
    Some(Key { code, mods })
}

/// The same key as the older encodings tell it, where Shift is in the character and Control in its lower five bits.
fn chord(character: char, mods: Mods) -> Key {
    let character = match (mods.ctrl, mods.shift) {
        (Held::Yes, _) if matches!(character, '@'..='~') => match (character as u8) & 0x1f {
            0 => ' ',
            27 => '[',
            control @ 1..=26 => char::from(control - 1 + b'a'),
            control => char::from(control - 0x1c + b'\\'),
        },
        (Held::No, Held::Yes) => character.to_ascii_uppercase(),
        (Held::Yes | Held::No, _) => character,
    };
    Key { code: Code::Char(character), mods: Mods { shift: Held::No, ..mods } }
}

fn named(last: u8, mods: Mods) -> Option<Key> {
    let code = match last {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'P'..=b'S' => Code::F(last - b'P' + 1),
        _ => return None,
    };
    Some(Key { code, mods })
}

/// Modifiers come as one plus a bit set: shift 1, alt 2, control 4.
fn modifiers(number: u16) -> Mods {
    let bits = number.saturating_sub(1);
    let held = |bit: u16| if bits & bit == 0 { Held::No } else { Held::Yes };
    Mods { shift: held(1), alt: held(2), ctrl: held(4) }
}

fn mouse(numbers: &[u16], last: u8) -> Option<Mouse> {
    let [button, column, row] = numbers else { return None };
    // Modifiers (4, 8, 16) don't matter to us.
    let what = match (button & !0b11100, last) {
        (0, b'M') => Gesture::Press,
        (0, _) => Gesture::Release,
        (32, _) => Gesture::Drag,
        (64, _) => Gesture::WheelUp,
        (65, _) => Gesture::WheelDown,
        _ => return None,
    };
    Some(Mouse { what, column: column.saturating_sub(1), row: row.saturating_sub(1) })
}

/// Parameters between semicolons; what is no number is zero, what is too large is the largest.
fn numbers(parameters: &[u8]) -> Vec<u16> {
    let number = |part: &[u8]| {
        let digits = part.iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0u16, |sum, digit| sum.saturating_mul(10).saturating_add(u16::from(digit - b'0')))
    };
    parameters.split(|byte| *byte == b';').map(number).collect()
}
