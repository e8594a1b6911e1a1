//! The rows of one box as an aligned table, the part of it that has the cursor.
//!
//! Names of pods and nodes begin alike; what they share stands once in the head of the column, and each row keeps what tells it apart.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::rows::{Group, Row};
use crate::{
    domain::{
        platform::{Ended, Happening, Pod, Readiness, Revision, RevisionState},
        time::Timestamp,
    },
    tui::{panes::words, theme::Theme, view::View, widgets::text},
    words::platform,
};

/// Between two columns.
const GAP: usize = 2;
/// A column with less than this of what it should show says nothing.
const LEAST: usize = 5;

/// A cell with its style.
type Cell = (String, Style);

/// Which side of its column a cell keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

struct Column {
    head: &'static str,
    /// What all names in it begin with, said in the head where there is room.
    shared: String,
    side: Side,
    /// What it gives up at most when there is too little room.
    least: usize,
}

struct Table {
    columns: Vec<Column>,
    /// A mark before each row, then one cell a column.
    rows: Vec<(Cell, Vec<Cell>)>,
}

/// As many lines as there is room for, with the head of the table where it has one.
pub(super) fn lines(group: &Group<'_>, cursor: Option<usize>, room: usize, width: usize, view: &View, theme: &Theme) -> Vec<Line<'static>> {
    let table = Table::of(group, view, theme);
    let widths = table.widths(width.saturating_sub(2), theme);
    let has_head = table.columns.iter().any(|column| !column.head.is_empty());
    let visible = room.saturating_sub(usize::from(has_head));
    let from = cursor.map_or(0, |place| (place + 1).saturating_sub(visible.max(1)));
    let mut lines = Vec::new();
    if has_head && room > 0 {
        let heads = table.columns.iter().zip(&widths).map(|(column, width)| {
            let full = column.full_head(theme);
            (if text::width(&full) <= *width { full } else { column.head.to_owned() }, theme.faint)
        });
        let cells: Vec<Cell> = heads.collect();
        lines.push(table.line(&(String::new(), theme.faint), &cells, &widths, theme));
    }
    for (place, (mark, cells)) in table.rows.iter().enumerate().skip(from).take(visible) {
        let line = table.line(mark, cells, &widths, theme);
        lines.push(if cursor == Some(place) { line.patch_style(theme.selection) } else { line });
    }
    let below = table.rows.len().saturating_sub(from + visible);
    let more = below + group.backend.as_ref().and_then(|at| at.workload()).map_or(0, |workload| workload.pods_more as usize);
    if more > 0 && lines.len() > 2 {
        // The last line gives way to the count of what is below, unless the cursor stands there.
        let last = from + visible - 1;
        if cursor != Some(last) && below > 0 {
            lines.pop();
            lines.push(Line::styled(format!("  {} {} more", theme.glyphs.ellipsis, more + 1), theme.dim));
        }
    }
    lines
}

impl Table {
    fn of(group: &Group<'_>, view: &View, theme: &Theme) -> Table {
        match group.rows.first() {
            Some(Row::Revision(_)) => revisions(group, view, theme),
            Some(Row::Event(_)) => events(group, theme),
            Some(Row::Pod(_) | Row::Ended(_)) | None => pods(group, view, theme),
        }
    }

    /// The widest cell of each column. Where there is too little room, columns give way from the last on, and one that would be left with
    /// next to nothing is left out; where there is some to spare, heads are said in full.
    fn widths(&self, width: usize, theme: &Theme) -> Vec<usize> {
        let widest = |place: usize| self.rows.iter().map(|(_, cells)| text::width(&cells[place].0)).max().unwrap_or(0);
        let needs: Vec<usize> = (0..self.columns.len()).map(|place| widest(place).max(text::width(self.columns[place].head))).collect();
        let taken =
            |widths: &[usize]| widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>().saturating_sub(GAP);
        let mut widths = needs.clone();
        for (place, column) in self.columns.iter().enumerate().rev() {
            let surplus = taken(&widths).saturating_sub(width);
            widths[place] -= widths[place].saturating_sub(column.least).min(surplus);
            if widths[place] < needs[place].min(LEAST) {
                widths[place] = 0;
            }
        }
        for (place, column) in self.columns.iter().enumerate() {
            let spare = width.saturating_sub(taken(&widths));
            let more = text::width(&column.full_head(theme)).saturating_sub(widths[place]);
            if widths[place] > 0 && more <= spare {
                widths[place] += more;
            }
        }
        widths
    }

    fn line(&self, mark: &Cell, cells: &[Cell], widths: &[usize], theme: &Theme) -> Line<'static> {
        let mut spans = vec![Span::styled(format!("{:<2}", mark.0), mark.1)];
        let shown = self.columns.iter().zip(cells).zip(widths).filter(|(_, width)| **width > 0);
        for ((column, (told, style)), width) in shown {
            let told = text::cut(told, *width, theme.glyphs.ellipsis);
            let pad = " ".repeat(width.saturating_sub(text::width(&told)));
            let padded = match column.side {
                Side::Left => format!("{told}{pad}"),
                Side::Right => format!("{pad}{told}"),
            };
            spans.push(Span::styled(padded, *style));
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        spans.pop();
        Line::from(spans)
    }
}

fn column(head: &'static str, side: Side, least: usize) -> Column {
    Column { head, shared: String::new(), side, least }
}

impl Column {
    fn under(self, shared: &str) -> Column {
        Column { shared: shared.to_owned(), ..self }
    }

    fn full_head(&self, theme: &Theme) -> String {
        if self.shared.is_empty() { self.head.to_owned() } else { format!("{} {}{}", self.head, self.shared, theme.glyphs.ellipsis) }
    }
}

fn pods(group: &Group<'_>, view: &View, theme: &Theme) -> Table {
    let living = || group.rows.iter().filter_map(|row| if let Row::Pod(pod) = row { Some(*pod) } else { None });
    let names = shared(living().map(|pod| pod.name.as_str()));
    let nodes = shared(living().map(|pod| pod.node.as_str()).filter(|node| !node.is_empty()));
    let columns = vec![
        column("NAME", Side::Left, 5).under(&names),
        column("READY", Side::Left, 5),
        column("STATUS", Side::Left, 9),
        column("RESTARTS", Side::Left, 8),
        column("AGE", Side::Right, 4),
        column("NODE", Side::Left, 0).under(&nodes),
    ];
    let row = |row: &Row<'_>| match row {
        Row::Pod(pod) => pod_row(pod, names.len(), nodes.len(), view, theme),
        Row::Ended(ended) => ended_row(ended, view, theme),
        Row::Revision(_) | Row::Event(_) => (blank(), vec![blank(), blank(), blank(), blank(), blank(), blank()]),
    };
    Table { columns, rows: group.rows.iter().map(row).collect() }
}

fn blank() -> Cell {
    (String::new(), Style::new())
}

fn age(at: Option<Timestamp>, view: &View) -> String {
    at.map_or_else(String::new, |at| view.age(at).to_string())
}

fn pod_row(pod: &Pod, name: usize, node: usize, view: &View, theme: &Theme) -> (Cell, Vec<Cell>) {
    let (glyph, style) = match pod.ready {
        Readiness::Ready => (theme.glyphs.ok, theme.ok),
        Readiness::NotReady => (theme.glyphs.breach, theme.breach),
    };
    let restarts = match (pod.restarts, pod.restarted_at) {
        (0, _) | (_, None) => pod.restarts.to_string(),
        (count, Some(at)) => format!("{count} ({} ago)", view.age(at)),
    };
    let told = if pod.ready == Readiness::Ready { theme.dim } else { style };
    let cells = vec![
        (pod.name.as_str().get(name..).unwrap_or(pod.name.as_str()).to_owned(), theme.text),
        (pod.containers.to_string(), told),
        (pod.status.to_string(), told),
        (restarts, if pod.restarts > 0 { theme.warn } else { theme.dim }),
        (age(pod.created_at, view), theme.dim),
        (pod.node.as_str().get(node..).unwrap_or(pod.node.as_str()).to_owned(), theme.dim),
    ];
    ((glyph.to_owned(), style), cells)
}

fn ended_row(ended: &Ended, view: &View, theme: &Theme) -> (Cell, Vec<Cell>) {
    let pods = if ended.count == 1 { "1 pod".to_owned() } else { format!("{} pods", ended.count) };
    let newest = age(ended.newest_at, view);
    let cells =
        vec![(pods, theme.dim), blank(), (ended.status.to_string(), theme.dim), blank(), (newest, theme.dim), (String::new(), theme.dim)];
    ((theme.glyphs.dot.to_owned(), theme.dim), cells)
}

fn revisions(group: &Group<'_>, view: &View, theme: &Theme) -> Table {
    let columns = vec![
        column("REVISION", Side::Left, 12),
        column("SHARE", Side::Right, 5),
        column("STATUS", Side::Left, 8),
        column("INSTANCES", Side::Left, 9),
        column("AGE", Side::Right, 4),
    ];
    let row = |revision: &Revision| {
        let (glyph, style) = match revision.state {
            RevisionState::Ready => (theme.glyphs.ok, theme.ok),
            RevisionState::Pending => (theme.glyphs.warn, theme.warn),
            RevisionState::Failed => (theme.glyphs.breach, theme.breach),
            RevisionState::Untold => (theme.glyphs.unknown, theme.unknown),
        };
        let cells = vec![
            (revision.name.to_string(), theme.text),
            (revision.share.to_string(), theme.figure),
            (platform::revision_state(revision.state).to_owned(), style),
            (platform::revision_bounds(revision), theme.dim),
            (age(revision.created_at, view), theme.dim),
        ];
        ((glyph.to_owned(), style), cells)
    };
    let all = group.rows.iter().filter_map(|row| if let Row::Revision(revision) = row { Some(*revision) } else { None });
    Table { columns, rows: all.map(row).collect() }
}

fn events(group: &Group<'_>, theme: &Theme) -> Table {
    let columns = vec![column("", Side::Left, 8), column("", Side::Left, 6), column("", Side::Left, 0), column("", Side::Left, 0)];
    let row = |event: &Happening| {
        let (glyph, style) = if event.kind.as_str() == "Warning" { (theme.glyphs.warn, theme.warn) } else { (theme.glyphs.dot, theme.dim) };
        let cells = vec![
            (words::clock(event.at), theme.dim),
            (event.reason.to_string(), style),
            (platform::repeats(event, theme.glyphs.times), style),
            (format!("{}: {}", event.object, event.message), theme.text),
        ];
        ((glyph.to_owned(), style), cells)
    };
    let all = group.rows.iter().filter_map(|row| if let Row::Event(event) = row { Some(*event) } else { None });
    Table { columns, rows: all.map(row).collect() }
}

/// What all names begin with, up to a dash; nothing where there is but one.
fn shared<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names;
    let Some(first) = names.next() else { return String::new() };
    let mut alike = first.len();
    let mut others = 0;
    for name in names {
        others += 1;
        alike = first.bytes().zip(name.bytes()).take(alike).take_while(|(one, other)| one == other).count();
    }
    let shared = first.get(..alike).unwrap_or_default();
    match (others, shared.rfind('-')) {
        (0, _) | (_, None) => String::new(),
        (_, Some(dash)) => shared[..=dash].to_owned(),
    }
}
