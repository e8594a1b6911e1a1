//! The traffic rail: one bar that is the whole of a route's traffic, split over its legs, with three weights and a draft on it.
//!
//! The target fills the bar from the left, like progress, so that "right" always means "further"; home is what is left of it. The figures at its ends are
//! what the API accepted, and so is the bar, except while requests don't agree: then the bar shows where users are. `▼` above it is what was asked for, `◆`
//! the private draft, and the whisker below is what requests really show, with its band. Where all agree they stand above one another; where they don't, one sees which one lags. The part of a leg
//! that fails more than the plan tolerates is drawn as failing on the bar itself, and its figure stands beside the whisker's.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
};

use super::text;
use crate::{
    tui::theme::{Charset, Theme},
    words::share,
};

/// One leg of the route, in the order of the bar: the target first, home last.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    pub name: String,
    pub style: Style,
    /// Shares in per mille.
    pub accepted: Option<u16>,
    /// What fills the bar where that is not what is accepted.
    pub fills: Option<u16>,
    pub wanted: Option<u16>,
    pub draft: Option<u16>,
    /// Share and band as fractions.
    pub observed: Option<Band>,
    /// What of its requests is seen to fail.
    pub failing: Option<Failing>,
}

/// How much of a leg fails, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// The part of the leg that is drawn as failing; none where it is no more than the plan tolerates.
    pub share: f64,
    pub words: String,
    pub short: String,
    pub style: Style,
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
    // Where the bar has two rows, the upper one still says whose the part is.
    failing_parts(legs, freshness, theme, row(marked + bars - 1), bar, buf);
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
    let known: Option<Vec<u16>> = legs.iter().map(|leg| leg.fills.or(leg.accepted)).collect();
    let Some(shares) = known else {
        text::put(buf, row, bar.from, &theme.glyphs.track.repeat(bar.width.into()), theme.unknown);
        return;
    };
    for column in 0..bar.width {
        let (glyph, style) = cell(legs, &shares, column, bar.width, freshness, theme);
        text::put(buf, row, bar.from + column, glyph, style);
    }
}

/// Draws over each leg, from its left, as much of it as fails.
fn failing_parts(legs: &[Leg], freshness: Freshness, theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let mut from = 0.0;
    for leg in legs {
        let cells = f64::from(leg.fills.or(leg.accepted).unwrap_or(0)) / 1000.0 * f64::from(bar.width);
        let failing = leg.failing.as_ref().map_or(0.0, |failing| failing.share);
        if failing > 0.0 && cells > 0.0 && freshness == Freshness::Fresh {
            let glyph = if theme.glyphs.charset == Charset::Unicode { theme.glyphs.fills[1] } else { theme.glyphs.breach };
            let first = (from as u16).min(bar.width.saturating_sub(1));
            let count = ((failing.min(1.0) * cells).round() as u16).clamp(1, bar.width - first);
            text::put(buf, row, bar.from + first, &glyph.repeat(count.into()), theme.alarm);
        }
        from += cells;
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

/// What requests show: a band around the end of the target's part, with its figures, and what else is to be said of any leg.
fn whiskers(legs: &[Leg], theme: &Theme, row: Rect, bar: Bar, buf: &mut Buffer) {
    let (mut low, mut high) = (bar.from, bar.from);
    let mut notes = Vec::new();
    if let Some(band) = legs[0].observed {
        (low, high) = (bar.column(band.low), bar.column(band.high));
        text::put(buf, row, low, &theme.glyphs.band.repeat(usize::from(high - low) + 1), theme.observed);
        if high > low {
            text::put(buf, row, low, theme.glyphs.band_ends[0], theme.observed);
            text::put(buf, row, high, theme.glyphs.band_ends[1], theme.observed);
        }
        text::put(buf, row, bar.column(band.at), theme.glyphs.observed, theme.observed);
        let gets = format!("gets {}", share(band.at));
        // The band is not symmetric, so both of its ends are told.
        notes.push(Note { long: format!("{gets} ({}-{})", share(band.low), share(band.high)), short: gets, style: theme.observed });
    } else if legs.iter().all(|leg| leg.observed.is_none()) && legs[0].accepted.is_some() && legs[0].draft != legs[0].accepted {
        let unseen = "no request seen".to_owned();
        notes.push(Note { long: unseen.clone(), short: unseen, style: theme.unknown });
    }
    notes.extend(of_legs(legs));
    place(&notes, (low, high), theme, row, buf);
}

/// Something to be said below the bar, and as short as it can be.
struct Note {
    long: String,
    short: String,
    style: Style,
}

/// What fails of the target, who is between target and home, and what fails of the others more than is tolerated.
fn of_legs(legs: &[Leg]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (place, leg) in legs.iter().enumerate() {
        let is_between = place > 0 && place + 1 < legs.len();
        if is_between && (leg.accepted.unwrap_or(0) > 0 || leg.observed.is_some_and(|seen| seen.at > 0.0)) {
            let given = leg.accepted.map_or_else(|| "?".to_owned(), percent);
            let told = format!("{} {given}", leg.name);
            let gets = leg.observed.map(|seen| share(seen.at));
            let long = gets.as_ref().map_or_else(|| told.clone(), |gets| format!("{told} (gets {gets})"));
            // Where nothing is given any more, what is still got is the news.
            let short = match gets {
                Some(gets) if leg.accepted == Some(0) => format!("{} gets {gets}", leg.name),
                Some(_) | None => told,
            };
            notes.push(Note { long, short, style: leg.style });
        }
        let failing = leg.failing.iter().filter(|failing| place == 0 || failing.share > 0.0);
        notes.extend(failing.map(|failing| {
            let whose = if place == 0 { String::new() } else { format!("{}: ", leg.name) };
            Note { long: format!("{whose}{}", failing.words), short: format!("{whose}{}", failing.short), style: failing.style }
        }));
    }
    notes
}

/// Writes the notes behind the band, or before it, as many of them and as long as there is room for.
fn place(notes: &[Note], (low, high): (u16, u16), theme: &Theme, row: Rect, buf: &mut Buffer) {
    let between = format!(" {} ", theme.glyphs.dot);
    let long = |note: &Note| note.long.clone();
    let short = |note: &Note| note.short.clone();
    let forms: [&dyn Fn(&Note) -> String; 2] = [&long, &short];
    let choices = (1..=notes.len()).rev().flat_map(|count| forms.map(|form| notes[..count].iter().map(form).collect::<Vec<_>>()));
    let fitting = choices.into_iter().find_map(|words| {
        let length = words.iter().map(|words| text::width(words)).sum::<usize>() + (words.len() - 1) * text::width(&between);
        let length = u16::try_from(length).ok()?;
        let behind = Some(high + 2).filter(|column| column + length <= row.width);
        Some((behind.or(low.checked_sub(length + 1))?, words))
    });
    let Some((mut column, words)) = fitting else { return };
    for (number, (note, words)) in notes.iter().zip(words).enumerate() {
        if number > 0 {
            column = text::put(buf, row, column, &between, theme.faint);
        }
        column = text::put(buf, row, column, &words, note.style);
    }
}
