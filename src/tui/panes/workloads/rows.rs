//! Which rows there are, in the order of the screen, and what is said of one in full.

use ratatui::text::{Line, Span};

use super::At;
use crate::{
    core::state::State,
    domain::platform::{Ended, Happening, Pod, Revision},
    tui::{panes::words, theme::Theme, widgets::text},
    words::platform,
};

/// One row under the cursor.
pub(super) enum Row<'a> {
    Revision(&'a Revision),
    Pod(&'a Pod),
    Ended(&'a Ended),
    Event(&'a Happening),
}

/// The rows of one box; the last group of a screen is that of the events and has no backend.
pub(super) struct Group<'a> {
    pub backend: Option<At<'a>>,
    pub rows: Vec<Row<'a>>,
}

/// Every box with the rows that hold `filter`.
pub(super) fn groups<'a>(state: &'a State, filter: &str) -> Vec<Group<'a>> {
    let wanted = filter.to_lowercase();
    let mut groups: Vec<Group<'a>> = words::backends(state)
        .into_iter()
        .map(|(route, backend)| {
            let at = At { route, backend, seen: state.backends.get(&backend.id) };
            Group { rows: of(&at, &wanted), backend: Some(at) }
        })
        .collect();
    let mut events: Vec<&Happening> = state.backends.values().flat_map(|backend| &backend.happenings).collect();
    events.sort_by_key(|happening| std::cmp::Reverse(happening.at));
    let rows = events.into_iter().map(Row::Event).filter(|row| row.holds(&wanted)).collect();
    groups.push(Group { backend: None, rows });
    groups
}

fn of<'a>(at: &At<'a>, wanted: &str) -> Vec<Row<'a>> {
    let Some(workload) = at.workload() else { return Vec::new() };
    let rows =
        workload.revisions.iter().map(Row::Revision).chain(workload.pods.iter().map(Row::Pod)).chain(workload.ended.iter().map(Row::Ended));
    rows.filter(|row| row.holds(wanted)).collect()
}

impl Row<'_> {
    fn holds(&self, wanted: &str) -> bool {
        let texts: [&str; 3] = match self {
            Row::Revision(revision) => [revision.name.as_str(), platform::revision_state(revision.state), ""],
            Row::Pod(pod) => [pod.name.as_str(), pod.status.as_str(), pod.node.as_str()],
            Row::Ended(ended) => [ended.status.as_str(), "", ""],
            Row::Event(event) => [event.reason.as_str(), event.object.as_str(), event.message.as_str()],
        };
        wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(wanted))
    }
}

/// The row under the cursor in full: its name, and why it is so.
pub(super) fn detail(row: &Row<'_>, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (name, why) = match row {
        Row::Revision(revision) => {
            let why = revision.why.as_ref().map_or_else(|| platform::revision_bounds(revision), ToString::to_string);
            (revision.name.to_string(), why)
        }
        Row::Pod(pod) => {
            let place = if pod.node.is_empty() { "on no node".to_owned() } else { format!("on {}", pod.node) };
            (pod.name.to_string(), pod.reason.as_ref().map_or(place, ToString::to_string))
        }
        Row::Ended(ended) => (
            format!("{} pods {}", ended.count, ended.status),
            ended.reason.as_ref().map_or_else(|| "the platform gives no reason".to_owned(), ToString::to_string),
        ),
        Row::Event(event) => (format!("{} {}", event.object, event.reason), event.message.to_string()),
    };
    let wrapped = text::wrap(&format!("{name}: {why}"), room);
    let lines = wrapped.into_iter().enumerate().map(|(place, line)| match (place, line.strip_prefix(name.as_str())) {
        (0, Some(rest)) => Line::from(vec![Span::styled(name.clone(), theme.figure), Span::styled(rest.to_owned(), theme.text)]),
        (_, _) => Line::styled(line, theme.text),
    });
    lines.collect()
}
