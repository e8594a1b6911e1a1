//! What lies above the screen: the banner, help, palette, themes, lines to type, and what somebody asks approval for.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    core::state::{Approval, State},
    tui::{
        keymap::{Action, Context, table::TABLE},
        overlay::{Entry, Overlay, Purpose, matching, word},
        panes::words,
        theme::Theme,
        view::View,
        widgets::{dialog, line::LineEdit, text},
    },
};

/// One line for the oldest request that is open.
pub fn banner(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(open) = state.approvals.values().min_by_key(|approval| approval.at) else { return };
    let left = open.expires_at.since(view.now);
    let mine = view.me.as_ref().is_some_and(|me| me.client == open.by.client);
    let what: Vec<String> = open.terms.iter().take(2).map(|(name, value)| format!("{name} {value}")).collect();
    let text = if mine {
        format!(" {} your request waits for a second person, {left} left: {}", theme.glyphs.busy, what.join(", "))
    } else {
        let key = words::key(Action::Review);
        format!(" {} {} asks for approval, {key} reviews it, {left} left: {}", theme.glyphs.warn, open.by.who, what.join(", "))
    };
    buf.set_style(area.intersection(buf.area), theme.warn);
    text::put(buf, area, 0, &text::cut(&text, area.width.into(), theme.glyphs.ellipsis), theme.warn);
}

pub fn overlay(view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    match &view.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => help(*scroll, view, theme, area, buf),
        Some(Overlay::Palette { line, chosen, entries }) => palette(line, *chosen, entries, theme, area, buf),
        Some(Overlay::Themes { words, chosen, .. }) => themes(words, *chosen, theme, area, buf),
        Some(Overlay::Typing { purpose, line }) => typing(purpose, line, theme, area, buf),
        Some(Overlay::Review { approval, line }) => review(approval, line, view, theme, area, buf),
    }
}

fn home(theme: &Theme) -> Span<'static> {
    Span::styled(format!("; {} still rolls back", words::key(Action::Rollback)), theme.faint)
}

fn help(scroll: usize, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let inner = dialog::draw("Keys", theme, dialog::place(area, 100, area.height.saturating_sub(2)), buf);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for context in [Context::Anywhere, Context::Main, Context::Screens] {
        lines.push(Line::styled(context.name(), theme.title));
        for binding in TABLE.iter().filter(|binding| binding.context == context && !binding.help.is_empty()) {
            let usable = view.me.as_ref().is_none_or(|me| binding.is_for(me.role));
            let key = if binding.keys.is_empty() { format!(":{}", binding.name) } else { binding.keys_shown() };
            let room = usize::from(inner.width).saturating_sub(19);
            lines.push(Line::from(vec![
                Span::styled(format!(" {key:<17} "), if usable { theme.key } else { theme.faint }),
                Span::styled(text::cut(binding.help, room, theme.glyphs.ellipsis), if usable { theme.text } else { theme.faint }),
            ]));
        }
        lines.push(Line::default());
    }
    let room = usize::from(inner.height.saturating_sub(1));
    let first = scroll.min(lines.len().saturating_sub(room));
    let below = lines.len().saturating_sub(first + room);
    text::rows(buf, Rect { height: room as u16, ..inner }, lines.into_iter().skip(first));
    let foot = Rect { y: inner.y + room as u16, height: inner.height.min(1), ..inner };
    let more = if below > 0 { format!("{} {below} more below, ", theme.glyphs.more_below) } else { String::new() };
    text::rows(
        buf,
        foot,
        [Line::styled(format!("{more}arrows scroll, Esc closes; sizes, files and the plan are in the README"), theme.faint)],
    );
}

/// A box with a line at its top and rows below; gives the room of the rows.
fn with_line(title: &str, above: &str, line: &LineEdit, size: (u16, u16), theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let inner = dialog::draw(title, theme, dialog::place(area, size.0, size.1), buf);
    text::rows(buf, inner, [Line::styled(text::cut(above, inner.width.into(), theme.glyphs.ellipsis), theme.dim)]);
    let row = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1).min(1), ..inner };
    text::put(buf, row, 0, "> ", theme.key);
    line.draw(theme, Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row }, buf);
    Rect { y: inner.y + inner.height.min(3), height: inner.height.saturating_sub(3), ..inner }
}

fn palette(line: &LineEdit, chosen: usize, entries: &[Entry], theme: &Theme, area: Rect, buf: &mut Buffer) {
    let found = matching(entries, &line.text());
    let above = format!("{} of {} commands; arrows choose, Enter does it, Esc closes", found.len(), entries.len());
    let rows = with_line("Commands", &above, line, (90, 22), theme, area, buf);
    let room = usize::from(rows.height);
    let first = chosen.saturating_sub(room.saturating_sub(1));
    for (place, row) in (first..found.len()).zip(rows.rows()) {
        let entry = found[place];
        if place == chosen {
            buf.set_style(row.intersection(buf.area), theme.selection);
        }
        let mark = if place == chosen { theme.glyphs.focus } else { " " };
        let style = |style| if place == chosen { theme.selection } else { style };
        let column = text::put(buf, row, 0, &format!("{mark} {:<22}", entry.name), style(theme.text));
        let room = usize::from(row.width.saturating_sub(column)).saturating_sub(text::width(&entry.keys) + 1);
        text::put(buf, row, column, &text::cut(&entry.help, room, theme.glyphs.ellipsis), style(theme.dim));
        text::put(buf, row, row.width.saturating_sub(text::width(&entry.keys) as u16), &entry.keys, style(theme.key));
    }
}

fn themes(themes: &[String], chosen: usize, theme: &Theme, area: Rect, buf: &mut Buffer) {
    // In a corner, so that the theme can be seen.
    let size = dialog::place(area, 34, themes.len() as u16 + 5);
    let corner = Rect { x: area.right() - size.width, y: area.y + 1.min(area.height - size.height), ..size };
    let inner = dialog::draw("Themes", theme, corner, buf);
    for (place, (word, row)) in themes.iter().zip(inner.rows()).enumerate() {
        let (mark, style) = if place == chosen { (theme.glyphs.focus, theme.selection) } else { (" ", theme.text) };
        text::put(buf, row, 0, &format!("{mark} {word:<28}"), style);
    }
    let below = Rect { y: inner.y + themes.len() as u16 + 1, height: 2, ..inner };
    let lines = [Line::styled("arrows try one on, Enter keeps", theme.faint), Line::styled("it, Esc puts the old one back", theme.faint)];
    if below.bottom() <= inner.bottom() {
        text::rows(buf, below, lines);
    }
}

fn typing(purpose: &Purpose, line: &LineEdit, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rows = with_line(&purpose.title(), purpose.question(), line, (76, 6), theme, area, buf);
    let does = match purpose {
        Purpose::Rearm { .. } => "Enter re-arms, Esc leaves the latch on",
        Purpose::Sign { .. } => "Enter signs with your name, Esc doesn't",
        Purpose::Say => "Enter says it, Esc keeps silent",
        Purpose::Filter => "Enter keeps the filter, Esc shows everything",
    };
    text::rows(buf, rows, [Line::from(vec![Span::styled(does, theme.faint), home(theme)])]);
}

fn review(approval: &Approval, line: &LineEdit, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let word = word(&approval.command);
    let size = dialog::place(area, 84, approval.terms.len() as u16 + 9);
    let inner = dialog::draw("A second person's approval", theme, size, buf);
    let cut = |text: &str, room: usize| text::cut(text, room, theme.glyphs.ellipsis);
    let mut lines = vec![Line::styled(format!("{} asks for this:", approval.by.who), theme.figure), Line::default()];
    lines.extend(approval.terms.iter().map(|(name, value)| {
        let name = cut(name.as_str(), 16);
        let room = usize::from(inner.width).saturating_sub(18);
        Line::from(vec![Span::styled(format!("{name:>16}  "), theme.dim), Span::styled(cut(value.as_str(), room), theme.text)])
    }));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled(format!("Type {word} and Enter to approve, no and Enter to deny."), theme.text),
        Span::styled(format!("  {} left", approval.expires_at.since(view.now)), theme.warn),
    ]));
    let row = Rect { y: inner.y + (lines.len() as u16).min(inner.height.saturating_sub(1)), height: inner.height.min(1), ..inner };
    text::rows(buf, Rect { height: inner.height.saturating_sub(1), ..inner }, lines);
    text::put(buf, row, 0, "> ", theme.key);
    line.draw(theme, Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row }, buf);
    let last = Rect { y: row.y + 1, ..row };
    if last.y < inner.bottom() {
        text::rows(buf, last, [Line::from(vec![Span::styled("Esc decides nothing", theme.faint), home(theme)])]);
    }
}
