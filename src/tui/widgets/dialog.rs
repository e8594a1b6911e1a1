//! A box in the middle of the screen, above whatever is there.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    symbols::border,
    text::Line,
    widgets::{Block, Clear, Widget},
};

use crate::tui::theme::{Theme, glyphs::Frame};

/// The box of at most `columns` × `rows` cells, inside `area` and in its middle.
pub fn place(area: Rect, columns: u16, rows: u16) -> Rect {
    let (width, height) = (columns.min(area.width), rows.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// Clears the box, frames it and gives the room inside.
pub fn draw(title: &str, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    if area.width < 3 || area.height < 3 {
        return Rect { width: 0, height: 0, ..area };
    }
    Clear.render(area, buf);
    let block = Block::bordered()
        .border_set(set(theme.glyphs.frame_focus))
        .border_style(theme.focus)
        .style(theme.dialog)
        .title_top(Line::styled(format!(" {title} "), theme.focus));
    let inner = block.inner(area);
    block.render(area, buf);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// A frame of ours in the words of the terminal library.
pub fn set(frame: Frame) -> border::Set<'static> {
    let [top_left, top_right, bottom_left, bottom_right] = frame.corners;
    border::Set {
        top_left,
        top_right,
        bottom_left,
        bottom_right,
        vertical_left: frame.vertical,
        vertical_right: frame.vertical,
        horizontal_top: frame.horizontal,
        horizontal_bottom: frame.horizontal,
    }
}
