//! A figure to be read across the room: three rows high, made of half blocks, or five rows high where there is room for it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::tui::theme::{Charset, Theme};

/// Rows of a figure.
pub const ROWS: u16 = 3;

/// Five rows of dots, one bit a dot, its leftmost dot the highest of `width` bits.
#[derive(Debug, Clone, Copy)]
struct Shape {
    width: u16,
    rows: [u8; 5],
}

impl Shape {
    fn has(self, row: usize, column: u16) -> bool {
        self.rows.get(row).is_some_and(|bits| bits & (1 << (self.width - 1 - column)) != 0)
    }
}

/// Three dots wide; the percent sign has seven, because on three it reads as a Z and on five as an X.
fn shape(character: char) -> Option<Shape> {
    let three = |rows| Shape { width: 3, rows };
    Some(match character {
        '0' => three([0b111, 0b101, 0b101, 0b101, 0b111]),
        '1' => three([0b010, 0b110, 0b010, 0b010, 0b111]),
        '2' => three([0b111, 0b001, 0b111, 0b100, 0b111]),
        '3' => three([0b111, 0b001, 0b111, 0b001, 0b111]),
        '4' => three([0b101, 0b101, 0b111, 0b001, 0b001]),
        '5' => three([0b111, 0b100, 0b111, 0b001, 0b111]),
        '6' => three([0b111, 0b100, 0b111, 0b101, 0b111]),
        '7' => three([0b111, 0b001, 0b010, 0b010, 0b010]),
        '8' => three([0b111, 0b101, 0b111, 0b101, 0b111]),
        '9' => three([0b111, 0b101, 0b111, 0b001, 0b111]),
        '%' => Shape { width: 7, rows: [0b1100010, 0b1100100, 0b0001000, 0b0010011, 0b0100011] },
        '.' => Shape { width: 1, rows: [0, 0, 0, 0, 1] },
        '-' => three([0, 0, 0b111, 0, 0]),
        '?' => three([0b111, 0b001, 0b011, 0b000, 0b010]),
        's' => three([0, 0b011, 0b110, 0b011, 0b110]),
        'm' => three([0, 0b111, 0b111, 0b101, 0b101]),
        'h' => three([0b100, 0b100, 0b111, 0b101, 0b101]),
        '<' => three([0b001, 0b010, 0b100, 0b010, 0b001]),
        ' ' => three([0; 5]),
        _ => return None,
    })
}

/// The shapes of a figure with the dot at which each begins; `None` if one of its characters has none.
fn shapes(figure: &str) -> Option<Vec<(u16, Shape)>> {
    let mut dot = 0;
    figure
        .chars()
        .map(|character| {
            let shape = shape(character)?;
            let at = dot;
            dot += shape.width + 1;
            Some((at, shape))
        })
        .collect()
}

/// Dots from the first to the last; as wide as the text itself where there is no shape for it.
fn dots(figure: &str) -> u16 {
    match shapes(figure) {
        Some(shapes) => shapes.last().map_or(0, |(at, shape)| at + shape.width),
        None => u16::try_from(text::width(figure)).unwrap_or(u16::MAX),
    }
}

/// Columns that `figure` takes.
pub fn width(figure: &str) -> u16 {
    dots(figure)
}

/// Rows of a tall figure, and the columns that it takes.
pub const TALL_ROWS: u16 = 5;
pub fn tall_width(figure: &str) -> u16 {
    dots(figure).saturating_mul(2)
}

/// The same with a whole cell high and two wide for each dot; smaller where that has no room.
pub fn draw_tall(figure: &str, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(shapes) = shapes(figure).filter(|_| area.height >= TALL_ROWS && area.width >= tall_width(figure)) else {
        return draw(figure, style, theme, area, buf);
    };
    let full = theme.glyphs.eighths[7].repeat(2);
    for (row, line) in area.rows().take(usize::from(TALL_ROWS)).enumerate() {
        for (at, shape) in &shapes {
            for column in (0..shape.width).filter(|column| shape.has(row, *column)) {
                text::put(buf, line, (at + column) * 2, &full, style);
            }
        }
    }
}

/// Draws `figure` from the upper left of `area`; where there is no room or no half block, as plain text.
pub fn draw(figure: &str, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let roomy = area.height >= ROWS && area.width >= width(figure) && theme.glyphs.charset == Charset::Unicode;
    let Some(shapes) = shapes(figure).filter(|_| roomy) else {
        text::put(buf, area, 0, figure, style);
        return;
    };
    for (row, line) in area.rows().take(usize::from(ROWS)).enumerate() {
        for (at, shape) in &shapes {
            for column in 0..shape.width {
                let half = match (shape.has(row * 2, column), shape.has(row * 2 + 1, column)) {
                    (true, true) => "█",
                    (true, false) => "▀",
                    (false, true) => "▄",
                    (false, false) => continue,
                };
                text::put(buf, line, at + column, half, style);
            }
        }
    }
}
