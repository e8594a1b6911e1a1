//! One line that a person types, with a cursor. It submits nothing: what Enter means is for whoever holds it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::text;
use crate::tui::{
    input::{Code, Held, Key},
    theme::Theme,
};

/// Longest line, in characters; more is not taken.
const LINE_CHARS_MAX: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEdit {
    characters: Vec<char>,
    cursor: usize,
}

/// Whether a key was for the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    Yes,
    No,
}

impl LineEdit {
    pub fn with(text: &str) -> LineEdit {
        let characters: Vec<char> = text.chars().take(LINE_CHARS_MAX).collect();
        LineEdit { cursor: characters.len(), characters }
    }
    pub fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// Puts pasted text in at the cursor, on one line, without control characters.
    pub fn insert(&mut self, text: &str) {
        for character in text.chars().map(|character| if character.is_whitespace() { ' ' } else { character }) {
            if !character.is_control() && self.characters.len() < LINE_CHARS_MAX {
                self.characters.insert(self.cursor, character);
                self.cursor += 1;
            }
        }
    }

    /// The usual keys of a line at a prompt.
    pub fn key(&mut self, key: Key) -> Edited {
        if let Some(character) = key.typed() {
            self.insert(character.encode_utf8(&mut [0; 4]));
            return Edited::Yes;
        }
        match (key.code, key.mods.ctrl) {
            (Code::Backspace, _) if self.cursor > 0 => {
                self.cursor -= 1;
                self.characters.remove(self.cursor);
            }
            (Code::Delete, _) if self.cursor < self.characters.len() => {
                self.characters.remove(self.cursor);
            }
            (Code::Backspace | Code::Delete, _) => {}
            (Code::Left, _) => self.cursor = self.cursor.saturating_sub(1),
            (Code::Right, _) => self.cursor = (self.cursor + 1).min(self.characters.len()),
            (Code::Home, _) | (Code::Char('a'), Held::Yes) => self.cursor = 0,
            (Code::End, _) | (Code::Char('e'), Held::Yes) => self.cursor = self.characters.len(),
            (Code::Char('u'), Held::Yes) => {
                self.characters.drain(..self.cursor);
                self.cursor = 0;
            }
            (Code::Char('w'), Held::Yes) => self.drop_word(),
            _ => return Edited::No,
        }
        Edited::Yes
    }

    fn drop_word(&mut self) {
        let before = &self.characters[..self.cursor];
        let end = before.iter().rposition(|character| *character != ' ').map_or(0, |at| at + 1);
        let start = before[..end].iter().rposition(|character| *character == ' ').map_or(0, |at| at + 1);
        self.characters.drain(start..self.cursor);
        self.cursor = start;
    }

    /// Draws the line so that the cursor is in sight.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let room = usize::from(area.width.saturating_sub(1));
        let first = self.cursor.saturating_sub(room);
        let before: String = self.characters[first..self.cursor].iter().collect();
        let at: String = self.characters.get(self.cursor).map_or_else(|| " ".to_owned(), char::to_string);
        let after: String = self.characters.iter().skip(self.cursor + 1).collect();
        let column = text::put(buf, area, 0, &before, theme.typed);
        let column = text::put(buf, area, column, &at, theme.typed.patch(ratatui::style::Style::new().reversed()));
        text::put(buf, area, column, &after, theme.typed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_as_at_a_prompt() {
        let mut line = LineEdit::with("one two");
        line.key(Key::ctrl('w'));
        line.key(Key::char('x'));
        line.key(Key::plain(Code::Home));
        line.key(Key::plain(Code::Delete));
        line.key(Key::char('O'));
        assert_eq!(line.text(), "One x");
        line.key(Key::plain(Code::End));
        line.key(Key::ctrl('u'));
        assert_eq!(line.text(), "");
        assert_eq!(line.key(Key::plain(Code::Enter)), Edited::No);
    }

    #[test]
    fn a_paste_is_one_line_and_can_hold_no_command() {
        let mut line = LineEdit::default();
        line.insert("a\r\nb\u{1b}[20~");
        assert_eq!(line.text(), "a  b[20~");
        line.insert(&"x".repeat(1000));
        assert_eq!(line.text().chars().count(), LINE_CHARS_MAX);
    }
}
