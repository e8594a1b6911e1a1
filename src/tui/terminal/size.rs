//! How large the terminal is, asked of the kernel.
//!
//! Never of the terminal library, which starts a program from `$PATH` when the kernel doesn't know. A terminal of 0×0 cells, as some
//! serial lines and containers report, is taken for 80×24; one beyond the budget is drawn in its upper left part.

use std::os::fd::AsFd;

use ratatui::layout::Rect;

/// Most cells that are drawn; a frame of this size still fits a slow machine's blink.
const CELLS_MAX: u32 = 250_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

impl Size {
    const FALLBACK: Size = Size { columns: 80, rows: 24 };

    /// The part that is drawn.
    pub fn area(self) -> Rect {
        let columns = self.columns.min(1000);
        let rows_max = CELLS_MAX / u32::from(columns.max(1));
        Rect::new(0, 0, columns, self.rows.min(u16::try_from(rows_max).unwrap_or(u16::MAX)))
    }
}

/// The size of `tty`, or the fallback.
pub fn of(tty: &impl AsFd) -> Size {
    match rustix::termios::tcgetwinsize(tty) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size { columns: size.ws_col, rows: size.ws_row },
        Ok(_) | Err(_) => Size::FALLBACK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_sizes_stay_within_the_budget() {
        for (columns, rows) in [(10_000, 10_000), (65_535, 1), (1, 65_535), (400, 120), (1, 1), (0, 0)] {
            let area = Size { columns, rows }.area();
            assert!(u32::from(area.width) * u32::from(area.height) <= CELLS_MAX, "{columns}x{rows}");
        }
        assert_eq!(Size { columns: 400, rows: 120 }.area(), Rect::new(0, 0, 400, 120));
    }
}
