//! The frame around a pane: title, focus, and the names of those who look at it too.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Widget},
};

use crate::{
    core::state::State,
    tui::{
        scene::Scene,
        theme::Theme,
        view::{Pane, View},
        widgets::{dialog, text},
    },
};

/// Real milliseconds for which a call for attention keeps a frame lit.
const LOOK_HERE_MS: u64 = 15_000;

/// Draws the frame of `pane` and gives the room inside it. `status` stands at the right end of the title line.
pub fn frame(pane: Pane, title: Vec<Span<'static>>, status: Line<'static>, scene: Scene<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let Scene { state, view, theme } = scene;
    let called = state.look_here.as_ref().filter(|look| look.pane.as_str() == pane.name());
    let called = called.filter(|look| view.now.since(look.at).as_secs_f64() * 1000.0 / view.speed < LOOK_HERE_MS as f64);
    let focused = view.focus == pane;
    let glyphs = if focused { theme.glyphs.frame_focus } else { theme.glyphs.frame };
    let style = match (called.is_some(), focused) {
        (true, _) => theme.people,
        (false, true) => theme.focus,
        (false, false) => theme.border,
    };
    let status = shortened(status, area.width, theme);
    let mut head = Vec::new();
    let mut title = title.into_iter();
    // The call stands beside the labels: the title gives way to it, and the state that it points at never does.
    if let Some(look) = called {
        let call = format!(" {} {}: look here", theme.glyphs.focus, look.by);
        let room = usize::from(area.width).saturating_sub(status.width() + 8 + text::width(&call)).max(4);
        head.extend(title.next().map(|first| Span::styled(text::cut(&first.content, room, theme.glyphs.ellipsis), first.style)));
        head.push(Span::styled(call, theme.people));
    }
    head.extend(title);
    head.extend(others(pane, state, view).into_iter().map(|name| Span::styled(format!(" {}{name}", theme.glyphs.focus), theme.people)));
    let head = fitting(head, usize::from(area.width).saturating_sub(status.width() + 6), theme);
    let mut block = Block::bordered().border_set(dialog::set(glyphs)).border_style(style).style(theme.base).title_top(Line::from(head));
    if status.width() > 0 && status.width() + 4 < area.width as usize {
        block = block.title_top(padded(status).right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}

/// A frame that nobody can focus, with `status` at the right end of its title line; gives the room inside it.
pub fn plain(title: Vec<Span<'static>>, status: Line<'static>, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let status = shortened(status, area.width, theme);
    let head = fitting(title, usize::from(area.width).saturating_sub(status.width() + 6), theme);
    let mut block = Block::bordered().border_set(dialog::set(theme.glyphs.frame)).border_style(theme.border).style(theme.base);
    block = block.title_top(Line::from(head));
    if status.width() > 0 && status.width() + 4 < area.width as usize {
        block = block.title_top(padded(status).right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}

/// The plain title of a pane.
pub fn title(text: &str, focused: bool, theme: &Theme) -> Vec<Span<'static>> {
    let style: Style = if focused { theme.focus } else { theme.title };
    vec![Span::styled(text.to_owned(), style)]
}

/// Lights the frame of a pane in which something is wrong, whoever has the focus.
pub fn light(area: Rect, style: Style, theme: &Theme, buf: &mut Buffer) {
    let style = style.remove_modifier(Modifier::UNDERLINED);
    let frames = [theme.glyphs.frame, theme.glyphs.frame_focus];
    let drawn =
        |symbol: &str| frames.iter().any(|frame| symbol == frame.horizontal || symbol == frame.vertical || frame.corners.contains(&symbol));
    let area = area.intersection(buf.area);
    let inner = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), area.height.saturating_sub(2));
    for position in area.positions().filter(|position| !inner.contains(*position)) {
        if let Some(cell) = buf.cell_mut(position).filter(|cell| drawn(cell.symbol())) {
            cell.set_style(style);
        }
    }
}

/// Cells that a title keeps beside the longest status.
const TITLE_CELLS: u16 = 12;

/// A status that is too long loses its end, and never all of it: it is longest when things are worst.
fn shortened(status: Line<'static>, width: u16, theme: &Theme) -> Line<'static> {
    if status.width() + 4 < usize::from(width) {
        return status;
    }
    let mut room = usize::from(width.saturating_sub(TITLE_CELLS + 6));
    let style = status.style;
    let spans = status.spans.into_iter().map(|span| {
        let part = text::cut(&span.content, room, theme.glyphs.ellipsis);
        room = room.saturating_sub(text::width(&part));
        Span::styled(part, span.style)
    });
    Line::from(spans.collect::<Vec<_>>()).style(style)
}

/// The front spans that fit between two blanks; a title that is too long loses its end rather than run into the status, and never its name.
fn fitting(spans: Vec<Span<'static>>, room: usize, theme: &Theme) -> Vec<Span<'static>> {
    let room = room.max(TITLE_CELLS.into()).saturating_sub(2);
    let mut used = 0;
    let mut kept = vec![Span::raw(" ")];
    for span in spans {
        used += span.width();
        if used <= room {
            kept.push(span);
        } else {
            if kept.len() == 1 {
                kept.push(Span::styled(text::cut(&span.content, room, theme.glyphs.ellipsis), span.style));
            }
            break;
        }
    }
    kept.push(Span::raw(" "));
    kept
}

fn padded(line: Line<'static>) -> Line<'static> {
    let style = line.style;
    let mut spans = vec![Span::raw(" ")];
    spans.extend(line.spans.into_iter().map(|span| Span::styled(span.content, style.patch(span.style))));
    spans.push(Span::raw(" "));
    Line::from(spans)
}

/// Who else has his focus on this pane.
fn others(pane: Pane, state: &State, view: &View) -> Vec<String> {
    let me = view.me.as_ref().map(|me| me.client);
    let here = state
        .people
        .iter()
        .filter(|(client, person)| Some(**client) != me && person.focus.as_ref().is_some_and(|focus| focus.as_str() == pane.name()));
    let mut names: Vec<String> = here.map(|(_, person)| person.who.to_string()).collect();
    names.dedup();
    names
}
