//! A bar that fills up towards a threshold, which is marked on it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::tui::theme::Theme;

/// How a value becomes a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// For what matters at 100 ms and at 15 minutes alike.
    Log,
}

/// A value against a threshold; both at least zero, in the same unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    /// `None` draws an empty bar: nothing known is not nothing.
    pub value: Option<f64>,
    pub threshold: f64,
    pub scale: Scale,
    pub style: Style,
}

impl Gauge {
    /// Where `value` lies between the ends of the bar, 0.0 to 1.0; the threshold is at two thirds.
    fn place(&self, value: f64) -> f64 {
        let threshold = if self.threshold > 0.0 && self.threshold.is_finite() { self.threshold } else { 1.0 };
        let ratio = (value / threshold).max(0.0);
        let place = match self.scale {
            Scale::Linear => ratio * 2.0 / 3.0,
            // A hundredth of the threshold is the smallest that shows.
            Scale::Log => (1.0 + ratio * 100.0).ln() / 101f64.ln() * 2.0 / 3.0,
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 1.0 }
    }

    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let width = usize::from(area.width);
        text::put(buf, area, 0, &theme.glyphs.track.repeat(width), theme.faint);
        if let Some(value) = self.value {
            let eighths = (self.place(value) * width as f64 * 8.0).round() as usize;
            let column = text::put(buf, area, 0, &theme.glyphs.eighths[7].repeat(eighths / 8), self.style);
            if let Some(part) = theme.glyphs.eighth(eighths % 8) {
                text::put(buf, area, column, part, self.style);
            }
        }
        let mark = (self.place(self.threshold) * area.width as f64) as u16;
        text::put(buf, area, mark.min(area.width.saturating_sub(1)), theme.glyphs.threshold, theme.threshold);
    }
}
