//! A figure over time: one line or a few, with the threshold as a line across and both axes in words.
//!
//! In Unicode a cell holds two by four dots; in ASCII it holds one star. Gaps stay gaps: nothing is drawn where nothing is known.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::tui::theme::{Charset, Theme};

/// One line of a chart; the newest point is the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub style: Style,
    pub points: Vec<Option<f64>>,
}

/// What stands around the lines.
pub struct Frame<'a> {
    pub threshold: Option<f64>,
    /// The vertical axis reaches at least this.
    pub at_least: f64,
    /// A value in words, for the vertical axis.
    pub show: &'a dyn Fn(f64) -> String,
    /// How long ago `points` back from now was, in words.
    pub ago: &'a dyn Fn(usize) -> String,
}

/// Columns of the vertical axis.
const AXIS: u16 = 9;

pub fn draw(series: &[Series], frame: &Frame<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.width < AXIS + 4 || area.height < 3 {
        return;
    }
    let plot = Rect::new(area.x + AXIS, area.y, area.width - AXIS, area.height - 1);
    let dots_across = match theme.glyphs.charset {
        Charset::Unicode => usize::from(plot.width) * 2,
        Charset::Console | Charset::Ascii => usize::from(plot.width),
    };
    let shown: Vec<Vec<Option<f64>>> = series.iter().map(|series| newest(&series.points, dots_across)).collect();
    let values = shown.iter().flatten().flatten().copied();
    let top = values.chain(frame.threshold.map(|threshold| threshold * 1.15)).fold(frame.at_least.max(f64::MIN_POSITIVE), f64::max) * 1.05;
    axes(frame, top, dots_across, theme, area, plot, buf);
    for (series, points) in series.iter().zip(&shown) {
        match theme.glyphs.charset {
            Charset::Unicode => braille(points, top, series.style, plot, buf),
            Charset::Console | Charset::Ascii => stars(points, top, series.style, theme, plot, buf),
        }
    }
}

/// The last `count` points, with gaps before the first.
fn newest(points: &[Option<f64>], count: usize) -> Vec<Option<f64>> {
    let known = &points[points.len().saturating_sub(count)..];
    let missing = count - known.len();
    std::iter::repeat_n(None, missing).chain(known.iter().map(|point| point.filter(|value| value.is_finite()))).collect()
}

fn axes(frame: &Frame<'_>, top: f64, dots_across: usize, theme: &Theme, area: Rect, plot: Rect, buf: &mut Buffer) {
    let row_of = |value: f64| plot.y + ((1.0 - value / top).clamp(0.0, 1.0) * f64::from(plot.height - 1)).round() as u16;
    let mut label = |value: f64, style: Style| {
        let words = text::cut(&(frame.show)(value), usize::from(AXIS) - 1, "~");
        let row = Rect { y: row_of(value), height: 1, ..area };
        text::put(buf, row, AXIS - 1 - text::width(&words) as u16, &words, style);
    };
    label(top, theme.faint);
    label(0.0, theme.faint);
    if let Some(threshold) = frame.threshold {
        label(threshold, theme.threshold);
        let row = Rect { y: row_of(threshold), height: 1, ..plot };
        text::put(buf, row, 0, &theme.glyphs.dot.repeat(plot.width.into()), theme.threshold);
    }
    let below = Rect { y: area.bottom() - 1, height: 1, ..plot };
    text::put(buf, below, 0, &(frame.ago)(dots_across), theme.faint);
    text::put(buf, below, plot.width.saturating_sub(3), "now", theme.faint);
}

/// Dots of a braille cell, by column and row.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

fn braille(points: &[Option<f64>], top: f64, style: Style, plot: Rect, buf: &mut Buffer) {
    let height = usize::from(plot.height) * 4;
    let level = |value: f64| ((1.0 - (value / top).clamp(0.0, 1.0)) * (height - 1) as f64).round() as usize;
    let mut before: Option<usize> = None;
    for (x, point) in points.iter().enumerate() {
        let Some(value) = point else {
            before = None;
            continue;
        };
        let to = level(*value);
        let from = before.unwrap_or(to);
        for y in from.min(to)..=from.max(to) {
            let position = (plot.x + (x / 2) as u16, plot.y + (y / 4) as u16);
            let Some(cell) = buf.cell_mut(position) else { continue };
            let there = cell.symbol().chars().next().map_or(0, u32::from);
            let dots = if (0x2800..0x2900).contains(&there) { there - 0x2800 } else { 0 };
            let shape = char::from_u32(0x2800 + (dots | DOTS[x % 2][y % 4])).expect("a braille character");
            cell.set_char(shape).set_style(style);
        }
        before = Some(to);
    }
}

fn stars(points: &[Option<f64>], top: f64, style: Style, theme: &Theme, plot: Rect, buf: &mut Buffer) {
    for (x, point) in points.iter().enumerate() {
        let Some(value) = point else { continue };
        let y = ((1.0 - (value / top).clamp(0.0, 1.0)) * f64::from(plot.height - 1)).round() as u16;
        if let Some(cell) = buf.cell_mut((plot.x + x as u16, plot.y + y)) {
            cell.set_symbol(theme.glyphs.point).set_style(style);
        }
    }
}
