//! The bytes of a terminal, made into inputs.
//!
//! A pure state machine over (bytes, time). A lone Escape is known only when nothing followed it for a while; an unterminated paste
//! is given up when what arrives looks like a hand again; and whatever is not understood is dropped, never taken for text.

use std::time::{Duration, Instant};

use super::{Code, Gesture, Held, Input, Key, Mods, Mouse};

/// Of one paste, this much is kept; the rest is dropped.
pub const PASTE_BYTES_MAX: usize = 64 * 1024;
/// A paste that has lasted this long and pauses is taken for unterminated.
const PASTE_LASTS_MAX: Duration = Duration::from_secs(2);
/// A pause that a paste doesn't make but a hand does.
const PASTE_PAUSE: Duration = Duration::from_millis(100);
/// How long the rest of an escape sequence may take over a slow line before it is a lone Escape.
const ESCAPE_WAIT: Duration = Duration::from_millis(50);
/// Longest sequence that means something; a longer one is dropped.
const SEQUENCE_BYTES_MAX: usize = 64;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes that don't yet make a whole input.
    rest: Vec<u8>,
    /// When the last of `rest` came.
    rest_at: Option<Instant>,
    paste: Option<Paste>,
}

#[derive(Debug)]
struct Paste {
    kept: Vec<u8>,
    /// The newest bytes, in which the end may begin.
    tail: Vec<u8>,
    since: Instant,
    last: Instant,
}

/// What the front of the waiting bytes is.
enum Front {
    Input(Input, usize),
    Nothing(usize),
    PasteBegin(usize),
    Incomplete,
}

impl Parser {
    /// Takes what was read at `now`.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, inputs: &mut Vec<Input>) {
        self.tick(now, inputs);
        self.rest.extend_from_slice(bytes);
        self.rest_at = Some(now);
        self.drain(now, inputs);
    }

    /// Time has passed without bytes.
    pub fn tick(&mut self, now: Instant, inputs: &mut Vec<Input>) {
        if let Some(paste) = &self.paste
            && now.duration_since(paste.since) >= PASTE_LASTS_MAX
            && now.duration_since(paste.last) >= PASTE_PAUSE
        {
            self.end_paste(inputs);
        }
        if self.rest_at.is_some_and(|at| now.duration_since(at) >= ESCAPE_WAIT) {
            if self.rest == [0x1b] {
                inputs.push(Input::Key(Key::plain(Code::Esc)));
            }
            // Half a sequence that nothing followed means nothing any more.
            self.rest.clear();
            self.rest_at = None;
        }
    }

    /// When [`Parser::tick`] has something to do, if nothing arrives before.
    pub fn deadline(&self) -> Option<Instant> {
        let escape = self.rest_at.map(|at| at + ESCAPE_WAIT);
        let paste = self.paste.as_ref().map(|paste| (paste.since + PASTE_LASTS_MAX).max(paste.last + PASTE_PAUSE));
        [escape, paste].into_iter().flatten().min()
    }

    fn drain(&mut self, now: Instant, inputs: &mut Vec<Input>) {
        let waiting = std::mem::take(&mut self.rest);
        let mut at = 0;
        while at < waiting.len() {
            if self.paste.is_some() {
                at += self.take_paste(&waiting[at..], now, inputs);
                continue;
            }
            match front(&waiting[at..]) {
                Front::Input(input, length) => {
                    inputs.push(input);
                    at += length;
                }
                Front::Nothing(length) => at += length,
                Front::PasteBegin(length) => {
                    self.paste = Some(Paste { kept: Vec::new(), tail: Vec::new(), since: now, last: now });
                    at += length;
                }
                Front::Incomplete => {
                    self.rest = waiting[at..].to_vec();
                    return;
                }
            }
        }
        self.rest_at = None;
    }

    /// Takes what belongs to the paste and says how many bytes that was.
    fn take_paste(&mut self, bytes: &[u8], now: Instant, inputs: &mut Vec<Input>) -> usize {
        let paste = self.paste.as_mut().expect("called only within a paste");
        paste.last = now;
        for (index, byte) in bytes.iter().enumerate() {
            paste.tail.push(*byte);
            if paste.tail == PASTE_END {
                paste.tail.clear();
                self.end_paste(inputs);
                return index + 1;
            }
            // What can't begin the end any more is text.
            while !PASTE_END.starts_with(&paste.tail) {
                let text = paste.tail.remove(0);
                if paste.kept.len() < PASTE_BYTES_MAX {
                    paste.kept.push(text);
                }
            }
        }
        bytes.len()
    }

    fn end_paste(&mut self, inputs: &mut Vec<Input>) {
        if let Some(paste) = self.paste.take() {
            inputs.push(Input::Paste(String::from_utf8_lossy(&paste.kept).into_owned()));
        }
    }
}

fn front(bytes: &[u8]) -> Front {
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
        // Answers of the terminal to questions that we don't ask.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => string(bytes),
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

/// Skips a control string up to its end.
fn string(bytes: &[u8]) -> Front {
    let ended = bytes.iter().position(|byte| *byte == 0x07).map(|at| at + 1);
    let terminated = bytes.windows(2).skip(2).position(|pair| pair == b"\x1b\\").map(|at| at + 4);
    match ended.into_iter().chain(terminated).min() {
        Some(length) => Front::Nothing(length),
        None if bytes.len() > PASTE_BYTES_MAX => Front::Nothing(bytes.len()),
        None => Front::Incomplete,
    }
}

/// A control sequence: `ESC [ parameters final`.
fn sequence(bytes: &[u8]) -> Front {
    if bytes.starts_with(b"\x1b[M") {
        // The old mouse protocol, which we never switch on: three bytes of any value.
        return if bytes.len() < 6 { Front::Incomplete } else { Front::Nothing(6) };
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

/// A key told by its code point, as newer terminals do when asked to, and some unasked.
fn modern(code_point: u16, mods: Mods) -> Option<Key> {
    let code = match code_point {
        9 => Code::Tab,
        13 => Code::Enter,
        27 => Code::Esc,
        127 => Code::Backspace,
        other => Code::Char(char::from_u32(other.into()).filter(|character| !character.is_control())?),
    };
    Some(Key { code, mods })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(inputs: &[Input]) -> String {
        let name = |input: &Input| match input {
            Input::Key(key) => key.to_string(),
            other => format!("{other:?}"),
        };
        inputs.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn parse(bytes: &[u8]) -> String {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        parser.feed(bytes, now, &mut inputs);
        parser.tick(now + ESCAPE_WAIT, &mut inputs);
        keys(&inputs)
    }

    #[test]
    fn keys_of_every_kind_are_read() {
        assert_eq!(parse(b"aZ\xc3\xa9\r\t\x7f\x03\x1c"), "a Z é Enter Tab Backspace Ctrl-C Ctrl-\\");
        assert_eq!(parse(b"\x1b[A\x1b[1;2D\x1b[1;5C\x1bOP\x1b[20~\x1b[Z"), "Up Shift-Left Ctrl-Right F1 F9 Shift-Tab");
        assert_eq!(parse(b"\x1b[5~\x1b[H\x1b[4~\x1bx\x1b\x1b"), "PgUp Home End Alt-x Esc Esc");
        assert_eq!(
            parse(b"\x1b[<0;10;5M\x1b[<64;1;1M"),
            "Mouse { what: Press, column: 9, row: 4 } Mouse { what: WheelUp, column: 0, row: 0 }"
                .split(" Mouse")
                .map(|part| part.trim_start_matches("Mouse"))
                .map(|part| format!("Mouse(Mouse{part})"))
                .collect::<Vec<_>>()
                .join(" ")
        );
    }

    #[test]
    fn answers_and_unknown_sequences_are_dropped_and_not_typed() {
        assert_eq!(parse(b"\x1b]11;rgb:0000/0000/0000\x07a\x1bP1+r\x1b\\b\x1b[?62;22cc\xff\xc2\x9bd"), "a b c d");
    }

    #[test]
    fn a_sequence_split_over_two_reads_is_one_key() {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        for (index, byte) in b"\x1b[20~".iter().enumerate() {
            parser.feed(&[*byte], now + Duration::from_millis(10 * index as u64), &mut inputs);
        }
        assert_eq!(keys(&inputs), "F9");
    }

    #[test]
    fn a_lone_escape_is_known_when_nothing_follows() {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        parser.feed(b"\x1b", now, &mut inputs);
        assert_eq!(inputs, []);
        assert_eq!(parser.deadline(), Some(now + ESCAPE_WAIT));
        parser.feed(b"q", now + ESCAPE_WAIT, &mut inputs);
        assert_eq!(keys(&inputs), "Esc q");
    }

    #[test]
    fn a_paste_is_one_input_whatever_it_holds() {
        assert_eq!(parse(b"\x1b[200~:q\r\x1b[20~\x1b[201x\x1b[201~j"), "Paste(\":q\\r\\u{1b}[20~\\u{1b}[201x\") j");
    }

    #[test]
    fn the_end_of_a_paste_may_be_split_and_a_bomb_is_cut() {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        parser.feed(PASTE_BEGIN, now, &mut inputs);
        parser.feed(&vec![b'x'; 1_000_000], now, &mut inputs);
        parser.feed(b"\x1b[20", now, &mut inputs);
        parser.feed(b"1~k", now, &mut inputs);
        let [Input::Paste(text), Input::Key(_)] = &inputs[..] else { panic!("{inputs:?}") };
        assert_eq!(text.len(), PASTE_BYTES_MAX);
    }

    #[test]
    fn an_unterminated_paste_does_not_swallow_the_way_home() {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        parser.feed(b"\x1b[200~oops", now, &mut inputs);
        parser.feed(b"x", now + Duration::from_secs(1), &mut inputs);
        assert_eq!(inputs, []);
        parser.feed(b"\x1b[20~", now + Duration::from_millis(2_300), &mut inputs);
        assert_eq!(keys(&inputs), "Paste(\"oopsx\") F9");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_survived(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), cut in 1usize..20) {
            let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
            for piece in bytes.chunks(cut) {
                parser.feed(piece, now, &mut inputs);
            }
            parser.tick(now + Duration::from_secs(5), &mut inputs);
            proptest::prop_assert!(parser.deadline().is_none());
            proptest::prop_assert!(inputs.len() <= bytes.len() + 1);
        }
    }
}
