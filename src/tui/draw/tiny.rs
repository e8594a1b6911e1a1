//! What a terminal too small for panes is told: whether this is old, the state line, the way home, then shares and what else is known as far as
//! there is room. Small is no reason to be told less that is true.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::{
    footer,
    places::{COLUMNS_MIN, ROWS_MIN},
    state_line,
};
use crate::{
    core::outlook::attention,
    tui::{
        panes::{header, words},
        scene::Scene,
        view::Hearing,
        widgets::text,
    },
    words::{short, state_line::shares},
};

pub(super) fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let mut rest = area.intersection(buf.area);
    if scene.view.hearing != Hearing::Connected {
        Line::from(header::badge(scene)).render(first(&mut rest), buf);
    }
    // The last row is the way home's, as on every screen, unless there is but one.
    let way_home = if rest.height > 1 { last(&mut rest) } else { Rect::default() };
    state_line::draw(scene, first(&mut rest), buf);
    footer::draw_unseen(scene, way_home, buf);
    text::rows(buf, rest, lines(scene, usize::from(area.width)));
}

/// The first row of `area`, which is then without it; nothing of nothing.
fn first(area: &mut Rect) -> Rect {
    let row = Rect { height: area.height.min(1), ..*area };
    *area = Rect { y: area.y + row.height, height: area.height - row.height, ..*area };
    row
}

fn last(area: &mut Rect) -> Rect {
    let height = area.height.saturating_sub(1);
    let row = Rect { y: area.y + height, height: area.height - height, ..*area };
    area.height = height;
    row
}

fn lines(scene: Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let is_old = view.hearing != Hearing::Connected;
    let aged = |style: Style| if is_old { theme.stale } else { style };
    let mut told: Vec<(String, Style)> = Vec::new();
    if let Some(notice) = &view.notice {
        let (sign, style) = words::tone(notice.tone, theme);
        told.push((format!("{sign} {}", notice.text), style));
    }
    for route in words::plan(state).into_iter().flat_map(|plan| &plan.routes) {
        let where_it_is = state.routes.get(&route.id).map_or_else(|| "not known".to_owned(), |known| shares(state, route, known).long);
        told.push((format!("{}: {where_it_is}", route.title), aged(theme.figure)));
    }
    for found in attention(state) {
        let said = short::attention(&found, state, view.now);
        let (sign, style) = words::tone(said.tone, theme);
        told.push((format!("{sign} {}", said.long), aged(style)));
    }
    told.push((format!("too small for panes, {COLUMNS_MIN}x{ROWS_MIN} shows more"), theme.dim));
    let wrap = |(said, style): (String, Style)| text::wrap(&said, room.max(1)).into_iter().map(move |line| Line::styled(line, style));
    told.into_iter().flat_map(wrap).collect()
}
