//! A figure to be read across the room: three rows high, made of half blocks, or five rows high where there is room for it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::tui::theme::{Charset, Theme};

/// Rows of a figure.
pub const ROWS: u16 = 3;

/// Five rows of three dots each, one bit a dot, from the upper left.
fn dots(character: char) -> Option<[u8; 5]> {
    Some(match character {
        '0' => [0b111, 0b101, 0b101, 0b101, 0b111],
        '1' => [0b010, 0b110, 0b010, 0b010, 0b111],
        '2' => [0b111, 0b001, 0b111, 0b100, 0b111],
        '3' => [0b111, 0b001, 0b111, 0b001, 0b111],
        '4' => [0b101, 0b101, 0b111, 0b001, 0b001],
        '5' => [0b111, 0b100, 0b111, 0b001, 0b111],
        '6' => [0b111, 0b100, 0b111, 0b101, 0b111],
        '7' => [0b111, 0b001, 0b010, 0b010, 0b010],
        '8' => [0b111, 0b101, 0b111, 0b101, 0b111],
        '9' => [0b111, 0b101, 0b111, 0b001, 0b111],
        '%' => [0b101, 0b001, 0b010, 0b100, 0b101],
        '.' => [0, 0, 0, 0, 0b010],
        '-' => [0, 0, 0b111, 0, 0],
        '?' => [0b111, 0b001, 0b011, 0b000, 0b010],
        's' => [0, 0b011, 0b110, 0b011, 0b110],
        'm' => [0, 0b111, 0b111, 0b101, 0b101],
        'h' => [0b100, 0b100, 0b111, 0b101, 0b101],
        '<' => [0b001, 0b010, 0b100, 0b010, 0b001],
        ' ' => [0; 5],
        _ => return None,
    })
}

/// Columns that `figure` takes.
pub fn width(figure: &str) -> u16 {
    u16::try_from(figure.chars().count().saturating_mul(4)).unwrap_or(u16::MAX).saturating_sub(1)
}

/// Rows of a tall figure, and the columns that it takes.
pub const TALL_ROWS: u16 = 5;
pub fn tall_width(figure: &str) -> u16 {
    u16::try_from(figure.chars().count().saturating_mul(8)).unwrap_or(u16::MAX).saturating_sub(2)
}

/// The same with a whole cell high and two wide for each dot; smaller where that has no room.
pub fn draw_tall(figure: &str, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let drawable = figure.chars().all(|character| dots(character).is_some());
    if area.height < TALL_ROWS || area.width < tall_width(figure) || !drawable {
        return draw(figure, style, theme, area, buf);
    }
    let full = theme.glyphs.eighths[7];
    for (row, line) in area.rows().take(usize::from(TALL_ROWS)).enumerate() {
        for (place, character) in figure.chars().enumerate() {
            let bits = dots(character).expect("just checked")[row];
            for (dot, bit) in [0b100, 0b010, 0b001].into_iter().enumerate() {
                if bits & bit != 0 {
                    text::put(buf, line, (place * 8 + dot * 2) as u16, &full.repeat(2), style);
                }
            }
        }
    }
}

/// Draws `figure` from the upper left of `area`; where there is no room or no half block, as plain text.
pub fn draw(figure: &str, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let drawable = figure.chars().all(|character| dots(character).is_some());
    if area.height < ROWS || area.width < width(figure) || !drawable || theme.glyphs.charset == Charset::Ascii {
        text::put(buf, area, 0, figure, style);
        return;
    }
    for (row, line) in area.rows().take(usize::from(ROWS)).enumerate() {
        let mut shape = String::new();
        for character in figure.chars() {
            let rows = dots(character).expect("just checked");
            let (upper, lower) = (rows[row * 2], rows.get(row * 2 + 1).copied().unwrap_or(0));
            for bit in [0b100, 0b010, 0b001] {
                shape.push(match (upper & bit != 0, lower & bit != 0) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            shape.push(' ');
        }
        text::put(buf, line, 0, shape.trim_end(), style);
    }
}
