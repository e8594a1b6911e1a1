//! What happened, newest last: the session's own remarks, each with its time and who did it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    core::state::{FeedLine, State},
    tui::{
        panes::{frame, words},
        theme::Theme,
        view::{Pane, Screen, View},
        widgets::text,
    },
    words::{Names, news},
};

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let focused = view.focus == Pane::Journal || view.screen == Screen::Journal;
    let back = match view.screen {
        Screen::Journal => view.screen_scroll,
        Screen::Main | Screen::Watch | Screen::Metrics | Screen::Kubernetes | Screen::Log => {
            view.scroll.get(&Pane::Journal).copied().unwrap_or(0)
        }
    };
    let mut title = frame::title("Journal", focused, theme);
    if !view.filter.is_empty() {
        title.push(Span::styled(format!(" only \"{}\"", view.filter), theme.warn));
    }
    let status = if back == 0 { format!("entry {}", state.seq) } else { format!("{back} lines back") };
    let inner = frame::frame(Pane::Journal, title, Line::styled(status, theme.dim), state, view, theme, area, buf);
    let room = usize::from(inner.height);
    // From the newest backwards, so that only what is seen is looked at.
    let wanted = view.filter.to_lowercase();
    let mut rows: Vec<Line<'static>> = Vec::new();
    let told = state.feed.iter().rev().map(|line| (line, news(&line.news, Names::of(state))));
    for (line, told) in told.filter(|(line, told)| holds(line, told, &wanted)).skip(back) {
        rows.extend(entry(line, &told, theme, inner.width, view).into_iter().rev());
        if rows.len() >= room {
            break;
        }
    }
    rows.truncate(room);
    rows.reverse();
    text::rows(buf, inner, rows);
}

fn holds(line: &FeedLine, told: &str, wanted: &str) -> bool {
    wanted.is_empty() || told.to_lowercase().contains(wanted) || line.who.as_ref().is_some_and(|who| who.as_str().contains(wanted))
}

/// One remark: on one row, or on as many as it needs where the journal has the screen to itself.
fn entry(line: &FeedLine, told: &str, theme: &Theme, width: u16, view: &View) -> Vec<Line<'static>> {
    let (glyph, style) = words::tone(line.news.tone(), theme);
    let mut head = vec![Span::styled(format!("{} ", words::clock(line.at)), theme.faint), Span::styled(format!("{glyph} "), style)];
    // Remarks may begin with the name of who caused them; it stands there once, in its own colour, and what he said behind a colon.
    let who = line.who.as_ref().map_or("", |who| who.as_str());
    let own = told.strip_prefix(who).filter(|rest| !who.is_empty() && rest.starts_with([' ', ':']));
    let told = own.map_or(told, |rest| rest.trim_start_matches([' ', ':']));
    if !who.is_empty() {
        let colon = if own.is_some_and(|rest| rest.starts_with(':')) { ":" } else { "" };
        head.push(Span::styled(format!("{who}{colon} "), theme.people));
    }
    let used: usize = head.iter().map(Span::width).sum();
    let room = usize::from(width).saturating_sub(used);
    if view.screen != Screen::Journal || room < 20 {
        head.push(Span::styled(text::cut(told, room, theme.glyphs.ellipsis), style));
        return vec![Line::from(head)];
    }
    let mut parts = text::wrap(told, room).into_iter();
    head.push(Span::styled(parts.next().unwrap_or_default(), style));
    let below = parts.map(|part| Line::from(vec![Span::raw(" ".repeat(used)), Span::styled(part, style)]));
    std::iter::once(Line::from(head)).chain(below).collect()
}
