//! A pane that fills the screen: its usual face above, and below it all that is known of the matter, with where each thing comes from and
//! how old it is. What is too long for the room is scrolled, in two columns where there is room for two.

mod checklist;
mod database;
mod platforms;
mod steps;
mod traffic;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::state::{SourceState, State},
    domain::id::SourceId,
    tui::{
        draw::places::places,
        panes::{self, frame, words},
        scene::Scene,
        theme::Theme,
        view::{Pane, View},
        widgets::text,
    },
};

/// From this width on, sections stand in two columns.
const TWO_COLUMNS: u16 = 110;
/// Cells of what a fact is called.
const LABEL_CELLS: usize = 14;
/// Cells of a source's name.
const SOURCE_CELLS: usize = 20;

/// A part of what is known, under a title.
struct Section {
    title: String,
    style: Style,
    lines: Vec<Line<'static>>,
}

impl Section {
    fn new(title: impl Into<String>, theme: &Theme) -> Section {
        Section { title: title.into(), style: theme.title, lines: Vec::new() }
    }
    fn ink(self, style: Style) -> Section {
        Section { style, ..self }
    }
    /// A named fact, wrapped behind its name.
    fn fact(&mut self, label: &str, told: &str, style: Style, room: &Room) {
        let cells = LABEL_CELLS.max(text::width(label));
        let width = room.width.saturating_sub(cells + 3).max(12);
        for (place, part) in text::wrap(told, width).into_iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            self.lines.push(Line::from(vec![Span::styled(format!("  {label:<cells$} "), room.theme.dim), Span::styled(part, style)]));
        }
    }
    /// A line of a table, cut at its end.
    fn row(&mut self, cells: Vec<Span<'static>>, room: &Room) {
        let mut used = 2;
        let mut line = vec![Span::raw("  ")];
        for cell in cells {
            let left = room.width.saturating_sub(used);
            let shown = text::cut(&cell.content, left, room.theme.glyphs.ellipsis);
            used += text::width(&shown);
            line.push(Span::styled(shown, cell.style));
        }
        self.lines.push(Line::from(line));
    }
    /// Where it comes from and how old that is.
    fn source(&mut self, id: &SourceId, known: &SourceState, room: &Room) {
        let view = room.view;
        let heard = known.ok_at.map_or_else(|| "never answered".to_owned(), |at| format!("answered {}", words::age(view.age(at))));
        let stale = words::is_stale(room.state, id, view.now);
        let (glyph, style) = match (&known.fault, stale) {
            (Some(_), _) => (room.theme.glyphs.breach, room.theme.warn),
            (None, true) => (room.theme.glyphs.stale, room.theme.stale),
            (None, false) => (room.theme.glyphs.ok, room.theme.text),
        };
        let fault = known.fault.as_ref().map_or_else(String::new, |fault| format!("; {} failures in a row: {fault}", known.failures));
        self.fact(&format!("{id:<SOURCE_CELLS$}"), &format!("{glyph} {heard}, stale after {}{fault}", known.stale_after), style, room);
    }
}

/// What sections are written with.
struct Room<'a> {
    state: &'a State,
    view: &'a View,
    theme: &'a Theme,
    width: usize,
}

impl Room<'_> {
    /// The sources that are about `name`.
    fn sources(&self, name: &str) -> Option<Section> {
        let mut section = Section::new("Sources", self.theme);
        for (id, known) in self.state.sources.iter().filter(|(id, _)| id.as_str().rsplit('/').next() == Some(name)) {
            section.source(id, known, self);
        }
        (!section.lines.is_empty()).then_some(section)
    }
}

/// Draws `pane` with all that is known; gives it its usual face where there is no more to say.
pub fn draw(pane: Pane, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    let (above, below) = parts(pane, scene, area);
    match pane {
        Pane::Traffic => panes::traffic::draw(scene, above, buf),
        Pane::Platforms => panes::platforms::draw(scene, above, buf),
        Pane::Replication => panes::replication::draw(scene, above, buf),
        Pane::Checklist => panes::checklist::draw(scene, above, buf),
        Pane::Triggers => panes::triggers::draw(scene, above, buf),
        Pane::Journal => panes::journal::draw(scene, above, buf),
        Pane::Log => panes::log::draw(scene, above, buf),
        Pane::Steps => panes::steps::draw(scene, above, buf),
    }
    let Some(below) = below else { return };
    let columns = columns(pane, scene, below.width);
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let room = usize::from(below.height.saturating_sub(2));
    let top = view.scroll.get(&pane).copied().unwrap_or(0).min(height.saturating_sub(room));
    let hidden = height.saturating_sub(top + room);
    let more = if hidden > 0 { format!("{} {hidden} more", theme.glyphs.more_below) } else { String::new() };
    let inner = frame::plain(frame::title("In full", true, theme), Line::styled(more, theme.dim), theme, below, buf);
    let each = inner.width / columns.len().max(1) as u16;
    for (place, lines) in columns.into_iter().enumerate() {
        let cell = Rect { x: inner.x + each * place as u16, width: each, ..inner };
        text::rows(buf, cell, lines.into_iter().skip(top));
    }
}

/// How far the zoomed pane can be scrolled on a screen of this size.
pub fn last(scene: Scene<'_>, screen: Rect) -> usize {
    let found = places(scene, screen);
    let Some((pane, area)) = found.panes.first().copied() else { return 0 };
    let Some(below) = parts(pane, scene, area).1 else { return 0 };
    let height = columns(pane, scene, below.width).iter().map(Vec::len).max().unwrap_or(0);
    height.saturating_sub(usize::from(below.height.saturating_sub(2)))
}

/// The room of the usual face, and of what is below it.
fn parts(pane: Pane, scene: Scene<'_>, area: Rect) -> (Rect, Option<Rect>) {
    let Scene { state, view, .. } = scene;
    let face = match pane {
        Pane::Traffic => 6 + panes::traffic::message_rows(scene, area.width) + panes::draft::rows(state, view, area.width, area.height),
        Pane::Platforms => {
            if area.height >= 34 && area.width >= 160 {
                12
            } else {
                7
            }
        }
        Pane::Replication => {
            let count = words::plan(state).and_then(|plan| plan.database.as_ref()).map_or(1, |database| database.instances().count());
            let each = if area.height >= 20 { 3 } else { 1 };
            count.min(6) as u16 * each + 2
        }
        Pane::Checklist => (panes::checklist::items(state).len() as u16 + 5).min(area.height.saturating_sub(9)),
        // The tree stays in sight beside what is told of the chosen step.
        Pane::Steps if area.width >= TWO_COLUMNS && panes::steps::rows(state).is_some() => {
            let width = panes::steps::columns(state).clamp(area.width * 2 / 5, area.width / 2);
            return (Rect { width, ..area }, Some(Rect { x: area.x + width, width: area.width - width, ..area }));
        }
        Pane::Steps => match panes::steps::rows(state) {
            Some(rows) => rows.min((area.height / 2).max(5)),
            None => return (area, None),
        },
        Pane::Triggers | Pane::Journal | Pane::Log => return (area, None),
    };
    let face = face.min(area.height);
    let below = Rect { y: area.y + face, height: area.height - face, ..area };
    if below.height < 3 {
        return (area, None);
    }
    (Rect { height: face, ..area }, Some(below))
}

/// All sections as lines, in one column or two of about the same height.
fn columns(pane: Pane, scene: Scene<'_>, width: u16) -> Vec<Vec<Line<'static>>> {
    let Scene { state, view, theme } = scene;
    let count = if width >= TWO_COLUMNS { 2 } else { 1 };
    let room = Room { state, view, theme, width: usize::from(width.saturating_sub(2) / count) };
    let sections = match pane {
        Pane::Traffic => traffic::sections(&room),
        Pane::Platforms => platforms::sections(&room),
        Pane::Replication => database::sections(&room),
        Pane::Checklist => checklist::sections(&room),
        Pane::Steps => steps::sections(&room),
        Pane::Triggers | Pane::Journal | Pane::Log => Vec::new(),
    };
    let all: usize = sections.iter().map(|section| section.lines.len() + 1).sum();
    let mut columns: Vec<Vec<Line<'static>>> = vec![Vec::new()];
    for section in sections {
        if count == 2 && columns.len() == 1 && columns[0].len() + section.lines.len() / 2 > all / 2 {
            columns.push(Vec::new());
        }
        let last = columns.last_mut().expect("there is one from the beginning");
        if !last.is_empty() {
            last.push(Line::default());
        }
        last.push(Line::styled(format!(" {}", section.title), section.style));
        last.extend(section.lines);
    }
    if count == 2 && columns.len() == 1 {
        columns.push(Vec::new());
    }
    columns
}
