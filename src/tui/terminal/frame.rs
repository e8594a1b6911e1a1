//! From a drawn buffer to the bytes of one frame: only what changed, in one synchronised update, and nothing at all if nothing did.
//!
//! This is the last gate before the terminal. Text from outside was made safe when it came in; a cell that still holds a control or
//! direction character is a defect, and is shown as a question mark rather than obeyed.

use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::{Buffer, Cell},
};

/// Begin and end of a synchronised update; terminals that don't know it ignore it.
const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// What drawing has cost since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Frames that were sent.
    pub frames: u64,
    /// Frames that were drawn and held no change.
    pub unchanged: u64,
    /// Frames that were left out because the one before was still on its way.
    pub dropped: u64,
    pub bytes: u64,
    /// Cells that changed.
    pub cells: u64,
}

/// What the terminal shows, as far as we know.
#[derive(Debug, Default)]
pub struct Screen {
    shown: Option<Buffer>,
    pub stats: Stats,
}

impl Screen {
    /// The bytes that turn what is shown into `next`; empty if that is the same. Swaps `next` for the buffer shown before.
    pub fn encode(&mut self, next: &mut Buffer) -> Vec<u8> {
        let mut frame = SYNC_BEGIN.to_vec();
        let mut shown = match self.shown.take().filter(|shown| shown.area == next.area) {
            Some(shown) => shown,
            None => {
                frame.extend_from_slice(CLEAR);
                Buffer::empty(next.area)
            }
        };
        let whole = frame.len() > SYNC_BEGIN.len();
        let mut changes = shown.diff(next);
        if changes.iter().any(|(_, _, cell)| is_armed(cell)) {
            disarm(&shown, next);
            changes = shown.diff(next);
        }
        let count = changes.len();
        if count == 0 && !whole {
            self.stats.unchanged += 1;
            self.shown = Some(shown);
            return Vec::new();
        }
        let mut backend = CrosstermBackend::new(&mut frame);
        backend.draw(changes.into_iter()).expect("memory takes every byte");
        frame.extend_from_slice(SYNC_END);
        self.stats.frames += 1;
        self.stats.cells += count as u64;
        self.stats.bytes += frame.len() as u64;
        std::mem::swap(&mut shown, next);
        self.shown = Some(shown);
        frame
    }

    pub fn forget(&mut self) {
        self.shown = None;
    }
}

/// Takes the danger out of every changed cell that holds some. A harmful cell may claim to be wide and hide the next one from the
/// comparison, so this looks again until nothing is found.
fn disarm(shown: &Buffer, next: &mut Buffer) {
    loop {
        let changed = shown.diff(next).into_iter();
        let armed: Vec<(u16, u16)> = changed.filter(|(_, _, cell)| is_armed(cell)).map(|(x, y, _)| (x, y)).collect();
        if armed.is_empty() {
            return;
        }
        for position in armed {
            next[position].set_symbol("?");
        }
    }
}

fn is_armed(cell: &Cell) -> bool {
    cell.symbol().chars().any(is_dangerous)
}

fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    fn buffer(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, text, Style::new());
        buffer
    }

    #[test]
    fn an_unchanged_frame_is_not_one_byte() {
        let mut screen = Screen::default();
        assert!(screen.encode(&mut buffer("hello")).starts_with(b"\x1b[?2026h\x1b[0m\x1b[2J"));
        assert_eq!(screen.encode(&mut buffer("hello")), b"");
        assert_eq!(screen.stats, Stats { frames: 1, unchanged: 1, dropped: 0, bytes: screen.stats.bytes, cells: 5 });
    }

    #[test]
    fn a_change_of_one_cell_is_a_few_bytes_in_one_update() {
        let mut screen = Screen::default();
        screen.encode(&mut buffer("hello"));
        let bytes = String::from_utf8(screen.encode(&mut buffer("hallo"))).expect("text");
        assert_eq!(bytes, "\x1b[?2026h\x1b[1;2Ha\x1b[39m\x1b[49m\x1b[59m\x1b[0m\x1b[?2026l");
    }

    #[test]
    fn what_should_not_be_in_a_cell_never_reaches_the_terminal() {
        let mut next = buffer("hello");
        next[(0, 0)].set_symbol("\x1b]0;x\x07");
        next[(1, 0)].set_symbol("\u{9b}31m");
        next[(2, 0)].set_symbol("a\u{202e}");
        let bytes = String::from_utf8(Screen::default().encode(&mut next)).expect("text");
        assert!(bytes.contains("???lo"), "{bytes:?}");
    }

    #[test]
    fn a_forgotten_screen_is_sent_whole() {
        let mut screen = Screen::default();
        screen.encode(&mut buffer("hello"));
        screen.forget();
        assert!(String::from_utf8(screen.encode(&mut buffer("hello"))).expect("text").contains("hello"));
    }
}
