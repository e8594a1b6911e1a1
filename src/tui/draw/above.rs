//! What lies above the screen: the banner, help, palette, themes, lines to type, and what somebody asks approval for.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::state::Said,
    domain::claim::Claim,
    tui::{
        draw::{people, review, step},
        keymap::{Action, Context},
        overlay::{Entry, Overlay, Purpose, matching},
        panes::words,
        scene::Scene,
        theme::Theme,
        view::{Injects, View},
        widgets::{dialog, line::LineEdit, text},
    },
    words::steered_by,
};

/// One line for the oldest request that is open.
pub(super) fn banner(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(open) = state.approvals.values().min_by_key(|approval| approval.at) else { return };
    let left = format!("{} left{}", words::by_your_clock(open.expires_at.since(view.now), view), review::stood_still(open, view));
    let mine = view.me.as_ref().is_some_and(|me| me.who == open.by.who);
    let may = view.me.as_ref().is_some_and(|me| me.role.may_approve());
    let what = review::in_short(open, state, theme);
    let key = words::key(view, Action::Review);
    let (glyph, text) = if mine {
        let others = review::seconds(open, state);
        let who = if others.is_empty() { "a second person, and nobody here may".to_owned() } else { others.join(" or ") };
        (theme.glyphs.busy, format!("your request waits for {who}, {left}, {key} shows it: {what}"))
    } else if may {
        (theme.glyphs.warn, format!("{} asks for approval, {key} reviews it, {left}: {what}", open.by.who))
    } else {
        (theme.glyphs.busy, format!("{} waits for a second person's approval, {left}: {what}", open.by.who))
    };
    let style = theme.warn.patch(Style::new().reversed());
    buf.set_style(area.intersection(buf.area), style);
    text::put(buf, area, 0, &text::cut(&format!(" {glyph} {text}"), area.width.into(), theme.glyphs.ellipsis), style);
}

pub(super) fn overlay(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    match &view.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => help(*scroll, view, theme, area, buf),
        Some(Overlay::Palette { line, chosen, entries }) => palette(line, *chosen, entries, theme, area, buf),
        Some(Overlay::Themes { words, chosen, .. }) => themes(words, *chosen, theme, area, buf),
        Some(Overlay::Typing { purpose, line }) => typing(purpose, line, scene, area, buf),
        Some(Overlay::Review { approval, line, page, .. }) => review::draw((approval, *page), line, scene, area, buf),
        Some(Overlay::Step { step, act, version, changes, line }) => {
            step::draw(&step::Asked { step, act: *act, version, changes }, line, scene, area, buf);
        }
        Some(Overlay::People { chosen }) => people::draw(*chosen, scene, area, buf),
    }
}

/// The way home stays open under whatever lies above; said to those who may go it.
pub(super) fn home(view: &View, theme: &Theme) -> Span<'static> {
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    Span::styled(if may { format!("; {} still rolls back", words::key(view, Action::Rollback)) } else { String::new() }, theme.faint)
}

fn help(scroll: usize, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let inner = dialog::draw("Keys", theme, dialog::place(area, 100, area.height.saturating_sub(2)), buf);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for context in Context::ALL {
        lines.push(Line::styled(context.name(), theme.title));
        for binding in view.keys.explained().filter(|binding| binding.context == context) {
            let here = binding.action != Action::Inject || view.injects == Injects::Yes;
            let usable = here && view.me.as_ref().is_none_or(|me| binding.is_for(me.role));
            let key = if binding.keys.is_empty() { format!(":{}", binding.name) } else { binding.keys_shown() };
            let room = usize::from(inner.width).saturating_sub(19);
            let (name, told) = if usable { (theme.key, theme.text) } else { (theme.faint, theme.faint) };
            for (row, part) in text::wrap(&binding.explained(), room).into_iter().enumerate() {
                let key = if row == 0 { key.as_str() } else { "" };
                lines.push(Line::from(vec![Span::styled(format!(" {key:<17} "), name), Span::styled(part, told)]));
            }
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
    let longest = found.iter().map(|entry| text::width(&entry.name)).max().unwrap_or(0).clamp(22, 34);
    for (place, row) in (first..found.len()).zip(rows.rows()) {
        let entry = found[place];
        if place == chosen {
            buf.set_style(row.intersection(buf.area), theme.selection);
        }
        let mark = if place == chosen { theme.glyphs.focus } else { " " };
        let style = |style| if place == chosen { theme.selection } else { style };
        let column = text::put(buf, row, 0, &format!("{mark} {:<longest$} ", entry.name), style(theme.text));
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

const TYPING_COLUMNS: u16 = 76;

fn typing(purpose: &Purpose, line: &LineEdit, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    let does = match purpose {
        Purpose::Rearm { .. } => "Enter re-arms, Esc leaves the latch on",
        Purpose::TakeOver { .. } => "Enter takes it over, Esc leaves it",
        Purpose::Sign { .. } => "Enter signs with your name, Esc doesn't",
        Purpose::Unsign { .. } => "Enter takes it back, Esc leaves it",
        Purpose::Skip { .. } => "Enter skips it, Esc leaves it",
        Purpose::Say => "Enter says it, Esc keeps silent",
        Purpose::Filter => "Enter keeps the filter, Esc shows everything",
    };
    let said = match purpose {
        Purpose::Say => talk(scene),
        Purpose::TakeOver { from, .. } => from_whom(from.as_deref(), theme),
        Purpose::Rearm { .. } | Purpose::Sign { .. } | Purpose::Unsign { .. } | Purpose::Skip { .. } | Purpose::Filter => Vec::new(),
    };
    let above = if said.is_empty() { 0 } else { said.len() as u16 + 1 };
    let rows = with_line(&purpose.title(), purpose.question(), line, (TYPING_COLUMNS, 6 + above), theme, area, buf);
    text::rows(buf, rows, [Line::from(vec![Span::styled(does, theme.faint), home(view, theme)])]);
    let below = Rect { y: rows.y + rows.height.min(2), height: rows.height.saturating_sub(2), ..rows };
    text::rows(buf, below, said);
}

/// Whose route it is that is taken over.
fn from_whom(claim: Option<&Claim>, theme: &Theme) -> Vec<Line<'static>> {
    let whose = claim.map_or_else(|| "nobody's line is on it; another session may have steered it".to_owned(), steered_by);
    let rows = text::wrap(&whose, usize::from(TYPING_COLUMNS.saturating_sub(4)));
    rows.into_iter().map(|row| Line::styled(row, theme.warn)).collect()
}

/// What was said last, newest first, so that an answer stands next to its question.
fn talk(scene: Scene<'_>) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let line = |said: &Said| {
        Line::from(vec![
            Span::styled(format!("{:>8} ", view.age(said.at).to_string()), theme.faint),
            Span::styled(format!("{}: ", said.by), theme.people),
            Span::styled(said.text.to_string(), theme.text),
        ])
    };
    state.said.iter().rev().take(5).map(line).collect()
}
