//! What others think of doing: their drafts on a rail, each as a hollow mark with its name. A ghost never covers anything that is true.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    rail::{self, Leg},
    text,
};
use crate::tui::theme::Theme;

/// Somebody else's draft: the share of the target in per mille.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    pub share: u16,
    pub name: String,
}

/// Draws `ghosts` above or below the bar of the rail in `area`, where nothing stands yet. Call after the rail.
pub fn draw(ghosts: &[Ghost], legs: &[Leg], theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height < 2 || area.width < 2 {
        return;
    }
    let bar = rail::bar_area(legs, area);
    // The row of marks is theirs; where it is taken, the one below the bar.
    let rows = [area.y, area.bottom() - 1].map(|y| Rect { y, height: 1, ..area });
    let rows = if area.height > 2 { &rows[..] } else { &rows[1..] };
    for ghost in ghosts {
        let along = (f64::from(ghost.share.min(1000)) / 1000.0 * f64::from(bar.width)) as u16;
        let at = bar.x + along.min(bar.width.saturating_sub(1));
        let words = format!("{} {}", ghost.name, rail::percent(ghost.share));
        let length = text::width(&words) as u16;
        // Words behind the mark or before it; else the mark alone; else nothing, and the line below the rail says it.
        let behind = rows.iter().map(|row| (row, Some(at + 2), at, at.saturating_add(2 + length)));
        let before = rows.iter().filter_map(|row| at.checked_sub(length + 1).map(|from| (row, Some(from), from, at + 1)));
        let alone = rows.iter().map(|row| (row, None, at, at + 1));
        let place = behind.chain(before).chain(alone).find(|(row, _, from, to)| is_free(**row, *from, *to, buf));
        if let Some((row, column, ..)) = place {
            if let Some(column) = column {
                text::put(buf, *row, column - row.x, &words, theme.people);
            }
            text::put(buf, *row, at - row.x, theme.glyphs.ghost, theme.people);
        }
    }
}

/// Whether the columns, and the ones beside them, hold nothing.
fn is_free(row: Rect, from: u16, to: u16, buf: &Buffer) -> bool {
    let (first, last) = (from.saturating_sub(1).max(row.x), (to + 1).min(row.right()));
    from >= row.x && to <= row.right() && (first..last).all(|column| buf[(column, row.y)].symbol() == " ")
}
