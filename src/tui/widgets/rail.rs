//! The traffic rail: one bar that is the whole of a route's traffic, split over its legs, with three weights and a draft on it.
//!
//! The target fills the bar from the left, like progress, so that "right" always means "further"; home is what is left of it. The bar
//! itself is what the API accepted. `▼` above it is what was asked for, `◆` the private draft, and the whisker below is what requests
//! really show, with its band. Where all agree they stand above one another; where they don't, one sees which one lags.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
};

use super::text;
use crate::tui::theme::{Charset, Theme};

/// One leg of the route, in the order of the bar: the target first, home last.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    pub name: String,
    pub style: Style,
    /// Shares in per mille.
    pub accepted: Option<u16>,
    pub wanted: Option<u16>,
    pub draft: Option<u16>,
    /// Share and band as fractions.
    pub observed: Option<Band>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    pub at: f64,
    pub low: f64,
    pub high: f64,
}

/// Whether what the bar shows may still be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    Fresh,
    Stale,
}

/// A share in per mille as people write it: `25%`, `12.5%`.
pub fn percent(share: u16) -> String {
    if share.is_multiple_of(10) { format!("{}%", share / 10) } else { format!("{}.{}%", share / 10, share % 10) }
}

pub fn draw(legs: &[Leg], freshness: Freshness, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    let (Some(target), Some(home)) = (legs.first(), legs.last()) else { return };
    if area.is_empty() {
        return;
    }
    let bar = bar_place(target, home, area);
    let bars = area.height.saturating_sub(2).clamp(1, 2);
    let marked = u16::from(area.height > 2);
    let row = |number: u16| Rect { y: area.y + number, height: 1, ..area };
    if bar.from > 0 {
        ends(legs, freshness, theme, row(marked), bar, buf);
    }
    for number in marked..marked + bars {
        bar_row(legs, freshness, theme, row(number), bar, buf);
    }
    if area.height > 1 {
        whiskers(legs, theme, row(marked + bars), bar, buf);
        // On two rows the marks share one with the whisker, and come last because what is wanted must be seen.
        marks(legs, theme, row(if area.height > 2 { 0 } else { 1 }), bar, buf);
    }
}

/// The bar's first column, counted within the area, and its width.
#[derive(Debug, Clone, Copy)]
struct Bar {
    from: u16,
    width: u16,
}

impl Bar {
    /// The column of a boundary, `share` per mille from the left; a mark must stay on the bar.
    fn column(self, share: f64) -> u16 {
        let last = self.width.saturating_sub(1);
        self.from + ((share.clamp(0.0, 1.0) * f64::from(self.width)) as u16).min(last)
    }
}

fn label(leg: &Leg) -> (String, String) {
    (leg.name.clone(), leg.accepted.map_or_else(|| "?".to_owned(), percent))
}

/// Where the mouse finds the bar: its first column and width, in the coordinates of the screen.
pub fn bar_area(legs: &[Leg], area: Rect) -> Rect {
    let (Some(target), Some(home)) = (legs.first(), legs.last()) else { return Rect::default() };
    let bar = bar_place(target, home, area);
    Rect { x: area.x + bar.from, width: bar.width, ..area }
}

fn bar_place(target: &Leg, home: &Leg, area: Rect) -> Bar {
    // Room for names and for the widest share, so that the bar doesn't jump when a figure gets longer.
    let room = |leg: &Leg| u16::try_from(text::width(&leg.name)).unwrap_or(0).min(area.width / 5) + 7;
    let (left, right) = (room(target), room(home));
    if area.width < left + right + 10 {
        return Bar { from: 0, width: area.width };
    }
    Bar { from: left, width: area.width - left - right }
}

fn bar_row(legs: &[Leg], freshness: Freshness, theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let known: Option<Vec<u16>> = legs.iter().map(|leg| leg.accepted).collect();
    let Some(shares) = known else {
        text::put(buf, row, bar.from, &theme.glyphs.track.repeat(bar.width.into()), theme.unknown);
        return;
    };
    for column in 0..bar.width {
        let (glyph, style) = cell(legs, &shares, column, bar.width, freshness, theme);
        text::put(buf, row, bar.from + column, glyph, style);
    }
}

/// Name and share of the first leg before the bar, of the last one behind it.
fn ends(legs: &[Leg], freshness: Freshness, theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let figure = match freshness {
        Freshness::Fresh => theme.figure,
        Freshness::Stale => theme.stale,
    };
    let name_room = usize::from(bar.from.saturating_sub(7));
    let (name, share) = label(&legs[0]);
    text::put(buf, row, 0, &text::cut(&name, name_room, theme.glyphs.ellipsis), legs[0].style);
    text::put(buf, row, bar.from.saturating_sub(text::width(&share) as u16 + 1), &share, figure);
    let home = legs.last().expect("asked before");
    let (name, share) = label(home);
    let column = text::put(buf, row, bar.from + bar.width + 1, &share, figure);
    let name_room = usize::from(row.width.saturating_sub(column + 1));
    let name = text::cut(&name, name_room, theme.glyphs.ellipsis);
    text::put(buf, row, row.width.saturating_sub(text::width(&name) as u16), &name, home.style);
}

/// What stands in one column of the bar: a leg, or the boundary between two, to an eighth of a cell.
fn cell(legs: &[Leg], shares: &[u16], column: u16, width: u16, freshness: Freshness, theme: &Theme) -> (&'static str, Style) {
    let style = |index: usize| match freshness {
        Freshness::Fresh => legs[index].style,
        Freshness::Stale => theme.stale,
    };
    let colored = |index: usize| !matches!(style(index).fg, None | Some(Color::Reset));
    let (from, to) = (f64::from(column) * 1000.0 / f64::from(width), f64::from(column + 1) * 1000.0 / f64::from(width));
    let middle = (from + to) / 2.0;
    let mut end = 0.0;
    for (index, share) in shares.iter().enumerate() {
        end += f64::from(*share);
        let next = (index + 1..legs.len()).find(|next| shares[*next] > 0);
        let fill = |index: usize| if colored(index) { theme.glyphs.fills[0] } else { theme.glyphs.fills[index.min(2)] };
        if let Some(next) = next
            && from < end
            && end < to
        {
            let eighths = ((end - from) / (to - from) * 8.0).round() as usize;
            let fine = theme.glyphs.charset == Charset::Unicode && colored(index) && colored(next) && freshness == Freshness::Fresh;
            return match (fine, theme.glyphs.eighth(eighths)) {
                (true, Some(part)) => (part, Style::new().fg(style(index).fg.expect("colored")).bg(style(next).fg.expect("colored"))),
                _ if middle < end => (fill(index), style(index)),
                _ => (fill(next), style(next)),
            };
        }
        if middle < end {
            return (if freshness == Freshness::Stale { theme.glyphs.fills[2 - index.min(1)] } else { fill(index) }, style(index));
        }
    }
    (theme.glyphs.track, theme.faint)
}

/// Marks for what was asked for and for the draft, each at the end of the target's part.
fn marks(legs: &[Leg], theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let target = &legs[0];
    let told = target.wanted != target.accepted || bar.width >= 30;
    let end = |share: u16| bar.column(f64::from(share) / 1000.0);
    let words = |what: &str, share: u16| format!("{what} {}", percent(share));
    // What was wanted and is so is no news.
    let wanted_style = if target.wanted == target.accepted { theme.dim } else { theme.wanted };
    match (target.wanted, target.draft) {
        (Some(wanted), Some(draft)) if wanted != draft => {
            let (at_wanted, at_draft) = if wanted < draft { (Side::Before, Side::Behind) } else { (Side::Behind, Side::Before) };
            mark(theme.glyphs.wanted, &words("wanted", wanted), wanted_style, (end(wanted), at_wanted), row, bar, buf);
            mark(theme.glyphs.draft, &words("draft", draft), theme.draft, (end(draft), at_draft), row, bar, buf);
        }
        (_, Some(draft)) => mark(theme.glyphs.draft, &words("draft", draft), theme.draft, (end(draft), Side::Behind), row, bar, buf),
        (Some(wanted), None) if told => {
            mark(theme.glyphs.wanted, &words("wanted", wanted), wanted_style, (end(wanted), Side::Behind), row, bar, buf);
        }
        (Some(wanted), None) => mark(theme.glyphs.wanted, "", wanted_style, (end(wanted), Side::Behind), row, bar, buf),
        (None, None) => {}
    }
}

/// The side of a mark on which its words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

/// A mark at a column with its words on one side of it, on the other where there is no room.
fn mark(glyph: &str, words: &str, style: Style, (at, side): (u16, Side), row: Rect, bar: Bar, buf: &mut Buffer) {
    let length = text::width(words) as u16;
    let before = at.checked_sub(length + 1);
    let behind = Some(at + 2).filter(|column| column + length <= bar.from + bar.width + 8);
    let column = match side {
        Side::Before => before,
        Side::Behind => behind.or(before),
    };
    if let Some(column) = column {
        text::put(buf, row, column, words, style);
    }
    text::put(buf, row, at, glyph, style);
}

/// What requests show: a band around the end of the target's part, with its figures.
fn whiskers(legs: &[Leg], theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let Some(band) = legs[0].observed else {
        if legs.iter().all(|leg| leg.observed.is_none()) && legs[0].accepted.is_some() && legs[0].draft != legs[0].accepted {
            text::put(buf, row, bar.from, "no request seen yet", theme.unknown);
        }
        return;
    };
    let (low, high, at) = (bar.column(band.low), bar.column(band.high), bar.column(band.at));
    for column in low..=high {
        text::put(buf, row, column, theme.glyphs.band, theme.observed);
    }
    if high > low {
        text::put(buf, row, low, theme.glyphs.band_ends[0], theme.observed);
        text::put(buf, row, high, theme.glyphs.band_ends[1], theme.observed);
    }
    text::put(buf, row, at, theme.glyphs.observed, theme.observed);
    // The band is not symmetric, so both of its ends are told.
    let words = format!("gets {:.1}% ({:.1}-{:.1})", band.at * 100.0, band.low * 100.0, band.high * 100.0);
    let length = text::width(&words) as u16;
    let behind = Some(high + 2).filter(|column| column + length <= row.width);
    if let Some(column) = behind.or(low.checked_sub(length + 1)) {
        text::put(buf, row, column, &words, theme.observed);
    }
}
