//! The bytes of a terminal, made into inputs.
//!
//! A pure state machine over (bytes, time). A lone Escape is known only when nothing followed it for a while; an unterminated paste
//! is given up when what arrives looks like a hand again; and whatever is not understood is dropped, never taken for text.
//!
//! A line may cut a sequence in two. Its rest is waited for, and where it comes too late, it is still known by what went before: it
//! never becomes digits and letters, which would draft or act. What can only have been the chord that goes home counts as that chord even
//! if its rest never comes, because going home is the safe direction.

use std::time::{Duration, Instant};

use super::{
    Code, Input, Key,
    sequence::{Front, front, is_string},
};

/// Of one paste, this much is kept; the rest is dropped.
const PASTE_BYTES_MAX: usize = 64 * 1024;
/// A paste that has lasted this long and pauses is taken for unterminated.
const PASTE_LASTS_MAX: Duration = Duration::from_secs(2);
/// A pause that a paste doesn't make but a hand does.
const PASTE_PAUSE: Duration = Duration::from_millis(100);
/// How long the rest of an escape sequence may take over a slow line before it is a lone Escape.
const ESCAPE_WAIT: Duration = Duration::from_millis(100);
/// For so long after that, the rest of a sequence is still known as such.
const LATE: Duration = Duration::from_secs(1);

const PASTE_END: &[u8] = b"\x1b[201~";
/// Nothing but F9 and the bounds of a paste begins so, and a paste doesn't wait behind its first bytes.
const HOME_PREFIX: &[u8] = b"\x1b[20";

#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes that don't yet make a whole input.
    rest: Vec<u8>,
    /// When the last of `rest` came.
    rest_at: Option<Instant>,
    /// How many bytes of `rest` were given out as keys already.
    spent: usize,
    late: Option<Late>,
    paste: Option<Paste>,
}

/// A sequence whose rest didn't come in time.
#[derive(Debug)]
struct Late {
    prefix: Vec<u8>,
    /// How much of it was given out as keys: an Escape, and perhaps the bracket behind it, may have come from a hand. No hand types more.
    spent: usize,
    until: Instant,
}

#[derive(Debug)]
struct Paste {
    kept: Vec<u8>,
    /// The newest bytes, in which the end may begin.
    tail: Vec<u8>,
    since: Instant,
    last: Instant,
}

impl Late {
    /// Whether `bytes`, read at once, are what was missing, and not a hand again.
    fn goes_on_with(&self, bytes: &[u8]) -> bool {
        let first = bytes.first().copied().unwrap_or_default();
        match self.spent {
            0 => first >= 0x20 || is_string(&self.prefix),
            1 => matches!(first, b'[' | b'O'),
            // A hand types one key at a time.
            _ => bytes.len() > 1 && !matches!(front(&[&self.prefix, bytes].concat()), Front::Nothing(_)),
        }
    }

    /// Nothing came of it, unless it can only have been the way home.
    fn give_up(self, inputs: &mut Vec<Input>) {
        if self.prefix == HOME_PREFIX {
            inputs.push(Input::Key(Key::plain(Code::F(9))));
        }
    }
}

impl Parser {
    /// Takes what was read at `now`.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, inputs: &mut Vec<Input>) {
        self.end_stale_paste(now, inputs);
        self.end_escape(now, inputs);
        // Only time without bytes makes a rest too late: these may have waited for us, and not we for them.
        if let Some(late) = self.late.take() {
            if late.goes_on_with(bytes) {
                (self.rest, self.spent) = (late.prefix, late.spent);
            } else {
                late.give_up(inputs);
            }
        }
        self.rest.extend_from_slice(bytes);
        self.rest_at = Some(now);
        self.drain(now, inputs);
    }

    /// Time has passed without bytes.
    pub fn tick(&mut self, now: Instant, inputs: &mut Vec<Input>) {
        self.end_stale_paste(now, inputs);
        self.end_escape(now, inputs);
        if let Some(late) = self.late.take_if(|late| now >= late.until) {
            late.give_up(inputs);
        }
    }

    /// When [`Parser::tick`] has something to do, if nothing arrives before.
    pub fn deadline(&self) -> Option<Instant> {
        let escape = self.rest_at.map(|at| at + ESCAPE_WAIT);
        let late = self.late.as_ref().map(|late| late.until);
        let paste = self.paste.as_ref().map(|paste| (paste.since + PASTE_LASTS_MAX).max(paste.last + PASTE_PAUSE));
        [escape, late, paste].into_iter().flatten().min()
    }

    fn end_stale_paste(&mut self, now: Instant, inputs: &mut Vec<Input>) {
        if let Some(paste) = &self.paste
            && now.duration_since(paste.since) >= PASTE_LASTS_MAX
            && now.duration_since(paste.last) >= PASTE_PAUSE
        {
            self.end_paste(inputs);
        }
    }

    /// Half a sequence that nothing has followed: an Escape is a key, and so is a bracket that a hand may have typed after it.
    fn end_escape(&mut self, now: Instant, inputs: &mut Vec<Input>) {
        let Some(waited) = self.rest_at.map(|at| at + ESCAPE_WAIT).filter(|end| *end <= now) else { return };
        let (prefix, spent) = (std::mem::take(&mut self.rest), std::mem::take(&mut self.spent));
        self.rest_at = None;
        let spent = match (&prefix[..], spent) {
            ([0x1b], _) => {
                inputs.push(Input::Key(Key::plain(Code::Esc)));
                1
            }
            ([0x1b, bracket], 1) => {
                inputs.push(Input::Key(Key::char(char::from(*bracket))));
                2
            }
            ([0x1b, ..], _) => 0,
            // Half a character.
            _ => return,
        };
        self.late = Some(Late { prefix, spent, until: waited + LATE });
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
                    if at > 0 {
                        self.spent = 0;
                    }
                    return;
                }
            }
        }
        (self.rest_at, self.spent) = (None, 0);
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
    fn a_string_that_never_ends_does_not_swallow_the_way_home() {
        assert_eq!(parse(b"\x1b]0;title\x1b[20~\x1bP1+\x1c\x1bP1\x18q"), "F9 Ctrl-\\ q");
        assert_eq!(pieces(&[(0, b"\x1b]0;title"), (400, b"\x1c")]), "Ctrl-\\");
    }

    #[test]
    fn the_console_of_linux_tells_its_first_five_keys_in_its_own_way() {
        assert_eq!(parse(b"\x1b[[A\x1b[[B\x1b[[C\x1b[[D\x1b[[E\x1b[17~\x1b[20~"), "F1 F2 F3 F4 F5 F6 F9");
        assert_eq!(parse(b"\x1b[[C\x1b[[Zc\x1b[[\x1b[20~"), "F3 c F9");
    }

    #[test]
    fn every_encoding_of_a_control_chord_is_the_same_chord() {
        assert_eq!(parse(b"\x1c\x1b[92;5u\x1b[27;5;92~\x1b[27;6;124~\x1b[92::124;133u"), ["Ctrl-\\"; 5].join(" "));
        assert_eq!(parse(b"\x1b[99;5u\x1b[67;6u\x1b[27;5;108~\x1b[91;5u"), "Ctrl-C Ctrl-C Ctrl-L Ctrl-[");
        assert_eq!(parse(b"\x1b[27;2;65~\x1b[97;2u\x1b[13u\x1b[27;5;13~"), "A A Enter Ctrl-Enter");
    }

    #[test]
    fn a_key_that_is_let_go_is_no_key() {
        assert_eq!(parse(b"\x1b[92;5:1u\x1b[92;5:3u\x1b[20;1:3~\x1b[1;1:3A"), "Ctrl-\\");
    }

    /// Pieces, each read at its millisecond; between them the reader wakes whenever the parser wants it.
    fn pieces(pieces: &[(u64, &[u8])]) -> String {
        let (mut parser, mut inputs, start) = (Parser::default(), Vec::new(), Instant::now());
        for (at, bytes) in pieces {
            let at = start + Duration::from_millis(*at);
            while let Some(due) = parser.deadline().filter(|due| *due < at) {
                parser.tick(due, &mut inputs);
            }
            parser.feed(bytes, at, &mut inputs);
        }
        while let Some(due) = parser.deadline() {
            parser.tick(due, &mut inputs);
        }
        keys(&inputs)
    }

    #[test]
    fn a_sequence_split_into_bytes_is_one_key() {
        assert_eq!(pieces(&[(0, b"\x1b"), (80, b"["), (160, b"2"), (240, b"0"), (320, b"~")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b"), (99, b"[20~")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b["), (90, b"[C")]), "F3");
    }

    #[test]
    fn a_rest_that_is_late_is_still_a_rest_and_never_digits_or_letters() {
        assert_eq!(pieces(&[(0, b"\x1b"), (300, b"[20~")]), "Esc F9");
        assert_eq!(pieces(&[(0, b"\x1b"), (300, b"[2"), (600, b"0~")]), "Esc F9");
        assert_eq!(pieces(&[(0, b"\x1b["), (300, b"20~")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b[2"), (300, b"0"), (600, b"~")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b[20"), (300, b"~")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b"), (300, b"OS"), (900, b"C")]), "Esc F4 C");
        assert_eq!(pieces(&[(0, b"\x1b[1;5"), (400, b"C")]), "Ctrl-Right");
        assert_eq!(pieces(&[(0, b"\x1b[<0;10"), (400, b";5M")]), "Mouse(Mouse { what: Press, column: 9, row: 4 })");
        assert_eq!(pieces(&[(0, b"\x1b[20"), (300, b"0~]c\r\x1b[201~")]), "Paste(\"]c\\r\")");
        assert_eq!(pieces(&[(0, b"\x1b]11;rgb:00"), (300, b"00/c/C\x07c")]), "c");
    }

    #[test]
    fn what_can_only_have_been_the_way_home_goes_home() {
        assert_eq!(pieces(&[(0, b"\x1b[20")]), "F9");
        assert_eq!(pieces(&[(0, b"\x1b[20"), (400, b"\x1b[20~")]), "F9 F9");
        assert_eq!(pieces(&[(0, b"\x1b[20"), (400, b"\x0c")]), "F9 Ctrl-L");
        // These could have been others.
        assert_eq!(pieces(&[(0, b"\x1b[2")]), "");
        assert_eq!(pieces(&[(0, b"\x1b[")]), "");
    }

    #[test]
    fn a_hand_that_types_a_bracket_after_escape_is_a_hand() {
        assert_eq!(pieces(&[(0, b"\x1b"), (250, b"["), (500, b"["), (700, b"5"), (900, b"\r")]), "Esc [ [ 5 Enter");
        assert_eq!(pieces(&[(0, b"\x1b"), (250, b"c")]), "Esc c");
        assert_eq!(pieces(&[(0, b"\x1b"), (1_500, b"["), (1_700, b"2"), (1_900, b"0")]), "Esc [ 2 0");
    }

    #[test]
    fn a_rest_that_waited_for_us_is_not_late() {
        let (mut parser, mut inputs, now) = (Parser::default(), Vec::new(), Instant::now());
        parser.feed(b"\x1b", now, &mut inputs);
        parser.feed(b"[20~", now + Duration::from_secs(30), &mut inputs);
        assert_eq!(keys(&inputs), "Esc F9");
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
        parser.feed(b"\x1b[200~", now, &mut inputs);
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
        fn wherever_and_however_late_the_way_home_is_cut_it_is_found(first in 1usize..5, second in 1usize..5, wait in 0u64..500, more in 0u64..500) {
            let chord = b"\x1b[20~";
            let (from, to) = (first.min(second), first.max(second));
            let mut read: Vec<(u64, &[u8])> = vec![(0, &chord[..from]), (wait, &chord[from..to]), (wait + more, &chord[to..])];
            read.retain(|(_, piece)| !piece.is_empty());
            let found = pieces(&read);
            proptest::prop_assert!(found.ends_with("F9") && !found.contains('0'), "{found}");
        }

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
