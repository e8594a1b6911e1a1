//! A history in one row: the newest at the right, gaps where nothing is known.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::tui::theme::Theme;

/// The highest bar: a row of full cells would grow together with the row above into a slab that says nothing.
const HIGHEST: f64 = 5.0;

/// The newest `width` points as bars, scaled from zero to the largest of them and `at_least`.
pub fn bars<'a>(points: impl DoubleEndedIterator<Item = &'a Option<f64>>, width: usize, at_least: f64, theme: &Theme) -> String {
    let mut newest: Vec<Option<f64>> = points.rev().take(width).map(|point| point.filter(|value| value.is_finite())).collect();
    newest.reverse();
    let top = newest.iter().flatten().fold(at_least, |top, value| top.max(*value));
    let bar = |value: &Option<f64>| match value {
        None => theme.glyphs.gap,
        Some(_) if top <= 0.0 => theme.glyphs.bars[0],
        Some(value) => theme.glyphs.bars[((value.max(0.0) / top * HIGHEST).round() as usize).min(7)],
    };
    newest.iter().map(bar).collect()
}

/// Draws the history at the right end of the first row of `area`.
pub fn draw<'a>(
    points: impl DoubleEndedIterator<Item = &'a Option<f64>>,
    at_least: f64,
    style: Style,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let bars = bars(points, area.width.into(), at_least, theme);
    let column = area.width.saturating_sub(text::width(&bars) as u16);
    text::put(buf, area, column, &bars, style);
}
