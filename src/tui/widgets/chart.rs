//! A figure over time: columns of a given span of time, its limit as a line across, and signs on the time axis.
//!
//! The width of the room changes how finely the span is drawn and never how long it is. In Unicode a cell holds two by four dots; in
//! ASCII it holds one star. Gaps stay gaps: nothing is drawn where nothing is known, and no line leads across.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text;
use crate::{
    domain::series::Bad,
    tui::theme::{Charset, Theme},
};

/// The least and the most of a span of time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub from: i64,
    pub until: i64,
    /// `None` where nothing is known.
    pub range: Option<(f64, f64)>,
}

/// One line of a chart, oldest point first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub style: Style,
    /// The ink of what lies beyond the limit.
    pub beyond: Style,
    pub points: Vec<Point>,
}

/// Something that happened, as a letter above a line through the plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sign {
    pub at: i64,
    /// For what lasts: until then a line goes along the top.
    pub until: Option<i64>,
    pub letter: char,
    pub style: Style,
    pub line: Style,
}

/// What stands around the lines.
pub struct Frame<'a> {
    /// The span of time that is shown, in milliseconds.
    pub from: i64,
    pub until: i64,
    pub limit: Option<f64>,
    /// On which side of the limit it is bad.
    pub bad: Bad,
    /// The vertical axis reaches from zero to this.
    pub top: f64,
    /// A value in words, for the vertical axis.
    pub show: &'a dyn Fn(f64) -> String,
    /// What is written below the plot, and where.
    pub ticks: &'a [(i64, String)],
    /// In the order of their weight: the last one keeps its letter where two meet.
    pub signs: &'a [Sign],
}

/// Columns of the vertical axis.
pub const AXIS: u16 = 8;

/// The next round number from `value` on.
pub fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let tens = 10_f64.powi(value.log10().floor() as i32);
    let found = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0].into_iter().map(|step| step * tens).find(|step| *step >= value * 0.9999);
    found.unwrap_or(tens * 10.0)
}

/// The largest value of `series` in the span of time.
pub fn most(series: &[Series], from: i64, until: i64) -> f64 {
    let points = series.iter().flat_map(|series| &series.points).filter(|point| point.until > from && point.from < until);
    points.filter_map(|point| point.range).map(|(_, high)| high).filter(|high| high.is_finite()).fold(0.0, f64::max)
}

pub fn draw(series: &[Series], frame: &Frame<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.width < AXIS + 4 || area.height < 3 || frame.until <= frame.from {
        return;
    }
    // Signs have a row of their own: what lasts would hide the very peak that it tells of.
    let lane = u16::from(!frame.signs.is_empty() && area.height > 3);
    let plot = Rect::new(area.x + AXIS, area.y + lane, area.width - AXIS, area.height - 1 - lane);
    let scale = Scale { from: frame.from, until: frame.until, top: frame.top.max(f64::MIN_POSITIVE), plot };
    axes(frame, &scale, theme, area, buf);
    for sign in frame.signs {
        upright(sign, &scale, theme, buf);
    }
    for series in series {
        match theme.glyphs.charset {
            Charset::Unicode => braille(series, frame, &scale, buf),
            Charset::Console | Charset::Ascii => stars(series, frame, &scale, theme, buf),
        }
    }
    let row = Rect { y: area.y, height: lane, ..plot };
    for sign in frame.signs {
        letter(sign, &scale, row, theme, buf);
    }
}

struct Scale {
    from: i64,
    until: i64,
    top: f64,
    plot: Rect,
}

impl Scale {
    /// Where an instant lies among `cells` columns; `None` outside of them.
    fn column(&self, at: i64, cells: usize) -> Option<usize> {
        if at < self.from || at >= self.until {
            return None;
        }
        Some(self.clamped(at, cells))
    }
    fn clamped(&self, at: i64, cells: usize) -> usize {
        let part = at.saturating_sub(self.from) as f64 / (self.until - self.from) as f64;
        ((part * cells as f64).floor().max(0.0) as usize).min(cells.saturating_sub(1))
    }
    fn row(&self, value: f64, rows: usize) -> usize {
        ((1.0 - (value / self.top).clamp(0.0, 1.0)) * rows.saturating_sub(1) as f64).round() as usize
    }
}

fn axes(frame: &Frame<'_>, scale: &Scale, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let plot = scale.plot;
    let row_of = |value: f64| plot.y + scale.row(value, plot.height.into()) as u16;
    let mut label = |value: f64, style: Style| {
        let words = text::cut(&(frame.show)(value), usize::from(AXIS) - 1, theme.glyphs.ellipsis);
        let row = Rect { y: row_of(value), height: 1, ..area };
        text::put(buf, row, AXIS - 1 - text::width(&words) as u16, &words, style);
    };
    let limit = frame.limit.filter(|limit| limit.is_finite() && *limit <= scale.top);
    for value in [scale.top, 0.0] {
        if limit.is_none_or(|limit| row_of(limit) != row_of(value)) {
            label(value, theme.faint);
        }
    }
    if let Some(limit) = limit {
        label(limit, theme.threshold);
        text::put(buf, Rect { y: row_of(limit), height: 1, ..plot }, 0, &theme.glyphs.dot.repeat(plot.width.into()), theme.threshold);
    }
    let below = Rect { y: area.bottom() - 1, height: 1, ..plot };
    // The last tick is the end of the span and is written first: it is what the eye looks for.
    let mut free_until = plot.width;
    for (at, words) in frame.ticks.iter().rev() {
        let width = text::width(words) as u16;
        let place = if *at >= frame.until { plot.width } else { scale.clamped(*at, plot.width.into()) as u16 + width / 2 };
        let end = place.min(plot.width);
        if end < width || end > free_until {
            continue;
        }
        text::put(buf, below, end - width, words, theme.faint);
        free_until = (end - width).saturating_sub(2);
    }
}

/// The line of a sign, where nothing else is.
fn upright(sign: &Sign, scale: &Scale, theme: &Theme, buf: &mut Buffer) {
    let plot = scale.plot;
    let Some(column) = scale.column(sign.at, plot.width.into()) else { return };
    for y in plot.y..plot.bottom() {
        if let Some(cell) = buf.cell_mut((plot.x + column as u16, y)) {
            cell.set_symbol(theme.glyphs.frame.vertical).set_style(sign.line);
        }
    }
}

/// Its letter on the row of the signs, and along it what lasts.
fn letter(sign: &Sign, scale: &Scale, row: Rect, theme: &Theme, buf: &mut Buffer) {
    if row.is_empty() {
        return;
    }
    let cells = usize::from(row.width);
    if let Some(until) = sign.until.filter(|until| *until > scale.from && sign.at < scale.until) {
        for column in scale.clamped(sign.at.max(scale.from), cells)..=scale.clamped(until.min(scale.until - 1), cells) {
            if let Some(cell) = buf.cell_mut((row.x + column as u16, row.y)).filter(|cell| !cell.symbol().starts_with(char::is_alphabetic))
            {
                cell.set_symbol(theme.glyphs.frame_focus.horizontal).set_style(sign.style);
            }
        }
    }
    if let Some(column) = scale.column(sign.at, cells)
        && let Some(cell) = buf.cell_mut((row.x + column as u16, row.y))
    {
        cell.set_char(sign.letter).set_style(sign.style);
    }
}

/// What is known of each of `count` places across the plot: points that touch are joined, gaps are not.
fn across(series: &Series, scale: &Scale, count: usize) -> Vec<Option<(f64, f64)>> {
    let mut places: Vec<Option<(f64, f64)>> = vec![None; count];
    let mut put = |place: usize, (low, high): (f64, f64)| {
        if let Some(there) = places.get_mut(place) {
            *there = Some(there.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
        }
    };
    let known = |point: &Point| point.range.filter(|(low, high)| low.is_finite() && high.is_finite());
    for (index, point) in series.points.iter().enumerate() {
        let Some((low, high)) = known(point).filter(|_| point.until > scale.from && point.from < scale.until) else { continue };
        let first = scale.clamped(point.from.max(scale.from), count);
        put(first, (low, high));
        let next = series.points.get(index + 1).filter(|next| next.from == point.until);
        let end = scale.clamped(point.until.min(scale.until) - 1, count).max(first);
        let to = next.and_then(known).unwrap_or((low, high));
        for place in first + 1..=end {
            let part = (place - first) as f64 / (end + 1 - first) as f64;
            put(place, (low + (to.0 - low) * part, high + (to.1 - high) * part));
        }
    }
    places
}

/// Dots of a braille cell, by column and row.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

fn braille(series: &Series, frame: &Frame<'_>, scale: &Scale, buf: &mut Buffer) {
    let plot = scale.plot;
    let height = usize::from(plot.height) * 4;
    let bound = frame.limit.map(|limit| scale.row(limit, height));
    // Rows are counted from the top.
    let beyond = |y: usize| {
        bound.is_some_and(|bound| match frame.bad {
            Bad::Above => y < bound,
            Bad::Below => y > bound,
        })
    };
    let mut before: Option<(usize, usize)> = None;
    for (x, range) in across(series, scale, usize::from(plot.width) * 2).into_iter().enumerate() {
        let Some((low, high)) = range else {
            before = None;
            continue;
        };
        let (mut first, mut last) = (scale.row(high, height), scale.row(low, height));
        if let Some((above, below)) = before {
            // Joined to its neighbour, however steep it is.
            (first, last) = (first.min(below), last.max(above));
        }
        before = Some((scale.row(high, height), scale.row(low, height)));
        for y in first..=last {
            let position = (plot.x + (x / 2) as u16, plot.y + (y / 4) as u16);
            let Some(cell) = buf.cell_mut(position) else { continue };
            let there = cell.symbol().chars().next().map_or(0, u32::from);
            let dots = if (0x2800..0x2900).contains(&there) { there - 0x2800 } else { 0 };
            let shape = char::from_u32(0x2800 + (dots | DOTS[x % 2][y % 4])).expect("a braille character");
            cell.set_char(shape).set_style(if beyond(y) { series.beyond } else { series.style });
        }
    }
}

fn stars(series: &Series, frame: &Frame<'_>, scale: &Scale, theme: &Theme, buf: &mut Buffer) {
    let plot = scale.plot;
    for (x, range) in across(series, scale, plot.width.into()).into_iter().enumerate() {
        let Some((low, high)) = range else { continue };
        let worst = match frame.bad {
            Bad::Above => high,
            Bad::Below => low,
        };
        let beyond = frame.limit.is_some_and(|limit| frame.bad.is_beyond(worst, limit));
        let style = if beyond { series.beyond } else { series.style };
        for y in scale.row(high, plot.height.into())..=scale.row(low, plot.height.into()) {
            if let Some(cell) = buf.cell_mut((plot.x + x as u16, plot.y + y as u16)) {
                cell.set_symbol(theme.glyphs.point).set_style(style);
            }
        }
    }
}
