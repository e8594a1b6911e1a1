//! Text that is cut where its room ends.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, text::Span, widgets::Widget};

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// `text` in at most `room` cells, with `ellipsis` as its last one if something was cut.
pub fn cut(text: &str, room: usize, ellipsis: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = width(ellipsis);
    for character in text.chars() {
        used += width(character.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        shown.push(character);
    }
    if room > 0 {
        shown.push_str(ellipsis);
    }
    shown
}

/// Like [`cut`], but the beginning goes: for names whose ends tell them apart.
pub fn cut_front(text: &str, room: usize, ellipsis: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let back: String = text.chars().rev().collect();
    let end: String = cut(&back, room.saturating_sub(width(ellipsis)), "").chars().rev().collect();
    if room > 0 { format!("{ellipsis}{end}") } else { end }
}

/// `text` with blanks behind it up to `cells`.
pub fn padded(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(width(text))))
}

/// `line` and behind it as many of `more`, which come in their order of worth, as fit whole.
pub fn with_what_fits(mut line: Vec<Span<'static>>, more: impl IntoIterator<Item = Span<'static>>, room: usize) -> Line<'static> {
    let mut used: usize = line.iter().map(Span::width).sum();
    line.extend(more.into_iter().take_while(|span| {
        used += span.width();
        used <= room
    }));
    Line::from(line)
}

/// Writes `text` at `column` of the first row of `area`, cut at its right end. Gives the column after it.
pub fn put(buf: &mut Buffer, area: Rect, column: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buf.area);
    if area.is_empty() || column >= area.width {
        return column;
    }
    let room = usize::from(area.width - column);
    let (end, _) = buf.set_stringn(area.x + column, area.y, text, room, style);
    end - area.x
}

/// Writes `lines` into the rows of `area`, as many as fit.
pub fn rows<'a>(buf: &mut Buffer, area: Rect, lines: impl IntoIterator<Item = Line<'a>>) {
    let area = area.intersection(buf.area);
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}

/// The same in at most `rows` lines, the last of which is cut where even they have no room for it.
pub fn wrap_within(text: &str, room: usize, rows: usize, ellipsis: &str) -> Vec<String> {
    let mut lines = wrap(text, room);
    if lines.len() > rows {
        let rest = lines.split_off(rows.saturating_sub(1)).join(" ");
        lines.push(cut(&rest, room, ellipsis));
    }
    lines
}

/// Words of `text` in lines of at most `width` cells; a longer word is cut.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(&cut(word, room, "~"));
        } else if width(last) + 1 + width(word) <= room {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(cut(word, room, "~"));
        }
    }
    lines
}
