//! The platforms side by side: is each one well, how much does it carry, how fast, how often does it fail.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::state::{BackendState, State},
    domain::{
        metric::Metric,
        time::{Millis, Timestamp},
    },
    plan::model::{Backend, Route},
    tui::{
        panes::{charts, frame, words},
        theme::Theme,
        view::{Pane, View},
        widgets::spark,
    },
};

/// Figures older than this look stale; three scrapes and a little, whatever the plan's interval.
const FIGURES_STALE: Millis = Millis::from_secs(15);
const WORKLOAD_STALE: Millis = Millis::from_secs(60);

/// All backends of the plan, side by side, home first.
pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let backends = words::backends(state);
    let cells = Layout::horizontal(vec![Constraint::Fill(1); backends.len().max(1)]).split(area);
    for ((route, backend), cell) in backends.into_iter().zip(cells.iter()) {
        card(state, view, theme, route, backend, *cell, buf);
    }
}

fn card(state: &State, view: &View, theme: &Theme, route: &Route, backend: &Backend, area: Rect, buf: &mut Buffer) {
    let empty = BackendState::default();
    let seen = state.backends.get(&backend.id).unwrap_or(&empty);
    let style = words::backend_style(route, &backend.id, theme);
    let share = state.routes.get(&route.id).and_then(|known| known.accepted.as_ref()).map(|accepted| accepted.weights.of(&backend.id));
    let share = share.map_or_else(|| "?".to_owned(), |share| share.to_string());
    let mut title = vec![Span::styled(backend.platform.to_string(), style)];
    if area.width >= 44 && backend.title.as_str() != backend.platform.to_string() {
        title.push(Span::styled(format!(" {} {}", theme.glyphs.dot, backend.title), theme.dim));
    }
    let carries = Line::from(vec![Span::styled("carries ", theme.dim), Span::styled(share, theme.figure)]);
    let mut inner = frame::frame(Pane::Platforms, title, carries, state, view, theme, area, buf);
    if inner.height >= CHART_ROWS_MIN && inner.width >= CHART_COLUMNS_MIN {
        inner = with_charts(state, route, backend, theme, inner, buf);
    }
    let mut lines = vec![health(seen, view.now, theme, inner.width)];
    lines.extend(figures(seen, view.now, theme, inner.width));
    if inner.height as usize > lines.len() {
        lines.push(probe(seen, view.now, theme));
    }
    if inner.height as usize > lines.len() {
        lines.extend(trouble(seen, theme));
    }
    for (line, row) in lines.iter().zip(inner.rows()) {
        line.render(row, buf);
    }
}

/// Cards at least this large have room for charts beside their figures.
const CHART_ROWS_MIN: u16 = 8;
const CHART_COLUMNS_MIN: u16 = 80;
const FIGURE_COLUMNS: u16 = 46;

/// Errors and latency over time at the right of a large card; gives the room that is left for the figures.
fn with_charts(state: &State, route: &Route, backend: &Backend, theme: &Theme, room: Rect, buf: &mut Buffer) -> Rect {
    let right = Rect { x: room.x + FIGURE_COLUMNS, width: room.width - FIGURE_COLUMNS, ..room };
    let halves = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).split(right);
    for (metric, half) in [Metric::ErrorRate, Metric::P95Latency].into_iter().zip(halves.iter()) {
        charts::plot(state, route, backend, metric, theme, *half, buf);
    }
    Rect { width: FIGURE_COLUMNS - 1, ..room }
}

/// Readiness in the platform's own words.
fn health(seen: &BackendState, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    let Some(workload) = &seen.workload else {
        return Line::styled(format!("{} no word from the platform yet", theme.glyphs.unknown), theme.unknown);
    };
    let stale = seen.workload_at.is_none_or(|at| now.since(at) > WORKLOAD_STALE);
    let (glyph, word, style) = match (&workload.trouble, stale) {
        (_, true) => (
            theme.glyphs.stale,
            format!("last heard {}", seen.workload_at.map_or_else(|| "never".into(), |at| words::age(now.since(at)))),
            theme.stale,
        ),
        (Some(trouble), false) => (theme.glyphs.breach, trouble.to_string(), theme.breach),
        (None, false) if workload.ready < workload.desired => (theme.glyphs.warn, "not all ready".to_owned(), theme.warn),
        (None, false) => (theme.glyphs.ok, "healthy".to_owned(), theme.ok),
    };
    let mut spans = vec![
        Span::styled(format!("{glyph} {word}"), style),
        Span::styled(format!("  {}/{}", workload.ready, workload.desired), theme.figure),
        Span::styled(" ready", theme.dim),
    ];
    if workload.restarts > 0 {
        spans.push(Span::styled(format!("  {} restarts", workload.restarts), theme.warn));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    if used + workload.version.as_str().chars().count() + 2 <= width as usize {
        spans.push(Span::styled(format!("  {}", workload.version), theme.dim));
    }
    Line::from(spans)
}

/// Rate, errors and latency, each with a short history.
fn figures(seen: &BackendState, now: Timestamp, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let stale = seen.values_at.is_none_or(|at| now.since(at) > FIGURES_STALE);
    let cell = |metric: Metric, label: &str, room: usize| -> Vec<Span<'static>> {
        let (text, known) = words::figure(metric, seen.values.get(&metric));
        let style: Style = match (stale, known) {
            (true, _) => theme.stale,
            (false, words::Known::Yes) => theme.figure,
            (false, words::Known::No) => theme.unknown,
        };
        let head = format!("{label} ");
        let body = format!("{text:<8}");
        let spark_room = room.saturating_sub(head.chars().count() + body.chars().count() + 1);
        let history = seen.history.get(&metric);
        let bars = history.map_or_else(String::new, |points| spark::bars(points.iter(), spark_room, 0.0, theme));
        vec![
            Span::styled(head, theme.dim),
            Span::styled(body, style),
            Span::styled(format!("{bars:>spark_room$} "), if stale { theme.stale } else { theme.chart }),
        ]
    };
    let half = width as usize / 2;
    let row = |left: Vec<Span<'static>>, right: Vec<Span<'static>>| Line::from([left, right].concat());
    vec![
        row(cell(Metric::RequestRate, "rps ", half), cell(Metric::ErrorRate, "err", half)),
        row(cell(Metric::P50Latency, "p50 ", half), cell(Metric::P95Latency, "p95", half)),
        row(cell(Metric::P99Latency, "p99 ", half), cell(Metric::DropRate, "drop", half)),
    ]
}

fn probe(seen: &BackendState, now: Timestamp, theme: &Theme) -> Line<'static> {
    let Some(probe) = &seen.probe else { return Line::default() };
    let bad = probe.failed + probe.dropped;
    let (glyph, style) = if bad == 0 { (theme.glyphs.ok, theme.ok) } else { (theme.glyphs.breach, theme.breach) };
    let slowest = probe.slowest_ms.map_or_else(String::new, |ms| format!(", slowest {ms:.0}ms"));
    Line::from(vec![
        Span::styled("probe ", theme.dim),
        Span::styled(format!("{glyph} {}/{} answered", probe.sent - bad.min(probe.sent), probe.sent), style),
        Span::styled(format!("{slowest}, {}", words::age(now.since(probe.at))), theme.dim),
    ])
}

/// The newest warning of the platform, and the pods that are not ready.
fn trouble(seen: &BackendState, theme: &Theme) -> Vec<Line<'static>> {
    let warnings = seen.happenings.iter().rev().filter(|happening| happening.kind.as_str() == "Warning");
    warnings
        .map(|happening| {
            Line::from(vec![
                Span::styled(format!("{} {} ", theme.glyphs.warn, happening.reason), theme.warn),
                Span::styled(format!("{}: {}", happening.object, happening.message), theme.dim),
            ])
        })
        .collect()
}
