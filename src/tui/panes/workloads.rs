//! The workloads screen: instances and pods of each backend, and what the platforms say happened to them.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Widget},
};

use crate::{
    core::state::{BackendState, State},
    domain::platform::{Happening, Pod, Readiness},
    tui::{
        panes::words,
        theme::Theme,
        view::View,
        widgets::{dialog, text},
    },
    words::platform,
};

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let backends = words::backends(state);
    let [upper, lower] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
    let cells = Layout::horizontal(vec![Constraint::Fill(1); backends.len().max(1)]).split(upper);
    let unseen = BackendState::default();
    for ((route, backend), cell) in backends.iter().zip(cells.iter()) {
        let seen = state.backends.get(&backend.id).unwrap_or(&unseen);
        let title = Line::from(vec![
            Span::styled(format!(" {} ", backend.platform), words::backend_style(route, &backend.id, theme)),
            Span::styled(format!("{} ", backend.title), theme.dim),
        ]);
        let inner = boxed(title, theme, *cell, buf);
        text::rows(buf, inner, pods(seen, view, theme, inner));
    }
    let title = match view.filter.as_str() {
        "" => " Events of the platforms ".to_owned(),
        filter => format!(" Events of the platforms with \"{filter}\" "),
    };
    let inner = boxed(Line::styled(title, theme.title), theme, lower, buf);
    text::rows(buf, inner, happenings(state, view, theme, inner));
}

fn boxed(title: Line<'static>, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let block = Block::bordered().border_set(dialog::set(theme.glyphs.frame)).border_style(theme.border).title_top(title);
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}

fn holds(view: &View, texts: &[&str]) -> bool {
    let wanted = view.filter.to_lowercase();
    texts.iter().any(|text| text.to_lowercase().contains(&wanted))
}

fn pods(seen: &BackendState, view: &View, theme: &Theme, room: Rect) -> Vec<Line<'static>> {
    let Some(workload) = &seen.workload else {
        return vec![Line::styled(format!("{} no word from the platform yet", theme.glyphs.unknown), theme.unknown)];
    };
    let heard = seen.workload_at.map_or_else(String::new, |at| format!(", heard {}", words::age(view.age(at))));
    let head = format!("{}, {} restarts, {}{heard}", platform::scale(workload.scale), workload.restarts, workload.version);
    let mut lines = vec![Line::styled(text::cut(&head, room.width.into(), theme.glyphs.ellipsis), theme.text)];
    lines.extend(workload.trouble.iter().map(|trouble| Line::styled(format!("{} {trouble}", theme.glyphs.breach), theme.breach)));
    if workload.pods.is_empty() {
        return lines;
    }
    let name_room = usize::from(room.width).saturating_sub(46).clamp(12, 44);
    lines.push(Line::styled(format!("  {:<name_room$} {:<17} {:>5} {:>7}  {}", "POD", "STATUS", "RST", "AGE", "NODE"), theme.faint));
    let shown = workload.pods.iter().filter(|pod| holds(view, &[pod.name.as_str(), pod.status.as_str(), pod.node.as_str()]));
    // Only what is seen is made into lines, however many pods there are.
    lines.extend(shown.skip(view.screen_scroll).take(room.height.into()).map(|pod| pod_line(pod, name_room, view, theme)));
    lines
}

fn pod_line(pod: &Pod, name_room: usize, view: &View, theme: &Theme) -> Line<'static> {
    let (glyph, style) = match pod.ready {
        Readiness::Ready => (theme.glyphs.ok, theme.ok),
        Readiness::NotReady => (theme.glyphs.breach, theme.breach),
    };
    let cut = |text: &str, room| text::cut(text, room, theme.glyphs.ellipsis);
    let age = pod.created_at.map_or_else(String::new, |at| view.age(at).to_string());
    Line::from(vec![
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{:<name_room$} ", cut(pod.name.as_str(), name_room)), theme.text),
        Span::styled(format!("{:<17} ", cut(pod.status.as_str(), 17)), if pod.ready == Readiness::Ready { theme.dim } else { style }),
        Span::styled(format!("{:>5} ", pod.restarts), if pod.restarts > 0 { theme.warn } else { theme.dim }),
        Span::styled(format!("{age:>7}  "), theme.dim),
        Span::styled(pod.node.to_string(), theme.faint),
    ])
}

/// Newest first, over all backends.
fn happenings(state: &State, view: &View, theme: &Theme, room: Rect) -> Vec<Line<'static>> {
    let mut all: Vec<&Happening> = state.backends.values().flat_map(|backend| &backend.happenings).collect();
    all.retain(|happening| holds(view, &[happening.reason.as_str(), happening.object.as_str(), happening.message.as_str()]));
    all.sort_by_key(|happening| std::cmp::Reverse(happening.at));
    let line = |happening: &&Happening| {
        let (glyph, style) =
            if happening.kind.as_str() == "Warning" { (theme.glyphs.warn, theme.warn) } else { (theme.glyphs.dot, theme.dim) };
        let times = if happening.count > 1 { format!(" {}{}", theme.glyphs.times, happening.count) } else { String::new() };
        let words = format!("{}: {}", happening.object, happening.message);
        let used = 12 + text::width(happening.reason.as_str()) + text::width(&times);
        Line::from(vec![
            Span::styled(format!("{} ", words::clock(happening.at)), theme.faint),
            Span::styled(format!("{glyph} {}{times} ", happening.reason), style),
            Span::styled(text::cut(&words, usize::from(room.width).saturating_sub(used), theme.glyphs.ellipsis), theme.text),
        ])
    };
    all.iter().take(room.height.into()).map(line).collect()
}
