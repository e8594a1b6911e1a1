//! The platforms side by side: is each one well, how much does it carry, how fast, how often does it fail.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::state::{BackendState, State},
    domain::{
        metric::{Gap, Metric},
        platform::Scale,
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{Backend, Route, Trigger},
    tui::{
        panes::{charts, frame, words},
        theme::Theme,
        view::{Pane, View},
        widgets::{spark, text},
    },
    words::platform,
};

/// Figures older than this look stale; three scrapes and a little, whatever the plan's interval.
const FIGURES_STALE: Millis = Millis::from_secs(15);
const WORKLOAD_STALE: Millis = Millis::from_secs(60);

/// All backends of the plan, side by side, each below its end of the rail.
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
    let share = words::carries(state, &route.id, &backend.id);
    let title = vec![Span::styled(backend.title.to_string(), style.add_modifier(Modifier::BOLD))];
    let told = share.map_or_else(|| "?".to_owned(), |share| share.to_string());
    let carries = Line::from(vec![Span::styled("carries ", theme.dim), Span::styled(told, theme.figure)]);
    let mut inner = frame::frame(Pane::Platforms, title, carries, state, view, theme, area, buf);
    let threat = words::threat(state, &backend.id).map(|(trigger, ..)| trigger);
    let blind = words::blind_on(state, &backend.id, view.now).map(|(_, blind)| blind);
    match (threat, &blind) {
        (Some(_), _) => frame::light(area, theme.alarm, theme, buf),
        (None, Some(_)) => frame::light(area, theme.unknown, theme, buf),
        (None, None) => {}
    }
    let card = Card { seen, share, style, threat, now: view.now };
    if inner.height >= CHART_ROWS_MIN && inner.width >= CHART_COLUMNS_MIN {
        inner = with_charts(state, route, backend, theme, inner, buf);
    }
    let mut lines = vec![health(&card, theme, inner.width)];
    lines.extend(figures(&card, theme, inner.width));
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

/// What a card tells of.
struct Card<'a> {
    seen: &'a BackendState,
    share: Option<PerMille>,
    style: Style,
    /// The trigger whose clock runs because of this backend.
    threat: Option<&'a Trigger>,
    now: Timestamp,
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
fn health(card: &Card<'_>, theme: &Theme, width: u16) -> Line<'static> {
    let (seen, now) = (card.seen, card.now);
    let Some(workload) = &seen.workload else {
        return Line::styled(format!("{} no word from the platform yet", theme.glyphs.unknown), theme.unknown);
    };
    let stale = seen.workload_at.is_none_or(|at| now.since(at) > WORKLOAD_STALE);
    let (glyph, word, style) = match (&workload.trouble, stale) {
        (None, false) if card.threat.is_some() => (theme.glyphs.breach, breached(card), theme.breach),
        (_, true) => (
            theme.glyphs.stale,
            format!("last heard {}", seen.workload_at.map_or_else(|| "never".into(), |at| words::age(now.since(at)))),
            theme.stale,
        ),
        (Some(trouble), false) => (theme.glyphs.breach, trouble.to_string(), theme.breach),
        (None, false) if matches!(workload.scale, Scale::Counted { ready, desired } if ready < desired) => {
            (theme.glyphs.warn, "not all ready".to_owned(), theme.warn)
        }
        (None, false) => (theme.glyphs.ok, "healthy".to_owned(), theme.ok),
    };
    let spans = vec![
        Span::styled(format!("{glyph} {word}"), style),
        Span::styled(format!("  {}", platform::scale_short(workload.scale)), theme.figure),
    ];
    let restarts = (workload.restarts > 0).then(|| Span::styled(format!("  {} restarts", workload.restarts), theme.warn));
    let version = Span::styled(format!("  {}", workload.version), theme.dim);
    let more = restarts.into_iter().chain([version]);
    text::with_what_fits(spans, more, width.into())
}

/// A platform may be well by its own account while users are not.
fn breached(card: &Card<'_>) -> String {
    card.threat.map_or_else(String::new, |trigger| format!("{} too high", words::metric(trigger.metric)))
}

/// Rate, errors and latency, each with a short history.
fn figures(card: &Card<'_>, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let half = width as usize / 2;
    let row = |left: Vec<Span<'static>>, right: Vec<Span<'static>>| Line::from([left, right].concat());
    vec![
        row(figure(card, Metric::RequestRate, "rps ", theme, half), figure(card, Metric::ErrorRate, "err ", theme, half)),
        row(figure(card, Metric::P50Latency, "p50 ", theme, half), figure(card, Metric::P95Latency, "p95 ", theme, half)),
        row(figure(card, Metric::P99Latency, "p99 ", theme, half), figure(card, Metric::DropRate, "drop", theme, half)),
    ]
}

/// One figure in `room` cells: what it is, how much, and the way it came. The newest bar has the platform's colour.
fn figure(card: &Card<'_>, metric: Metric, label: &str, theme: &Theme, room: usize) -> Vec<Span<'static>> {
    let stale = card.seen.values_at.is_none_or(|at| card.now.since(at) > FIGURES_STALE);
    let measured = card.seen.values.get(&metric);
    let head = Span::styled(format!("{label} "), theme.dim);
    let body_room = room.saturating_sub(head.width());
    if card.share == Some(PerMille::ZERO) && matches!(measured, Some(Err(Gap::LowVolume))) {
        // Nobody is sent there, so there is nothing to tell, and nothing wrong.
        return vec![head, Span::styled(format!("{:<body_room$}", "-"), theme.faint)];
    }
    let (told, known) = words::figure(metric, measured);
    if known == words::Known::No {
        let told = text::cut(&told, body_room.saturating_sub(1), theme.glyphs.ellipsis);
        return vec![head, Span::styled(format!("{told:<body_room$}"), if stale { theme.stale } else { theme.unknown })];
    }
    let style = match (stale, card.threat.is_some_and(|trigger| trigger.metric == metric)) {
        (true, _) => theme.stale,
        (false, true) => theme.breach,
        (false, false) => theme.figure,
    };
    let bars_room = body_room.saturating_sub(9);
    let bars = card.seen.history.get(&metric).map_or_else(String::new, |points| spark::bars(points.iter(), bars_room, 0.0, theme));
    let mut before: Vec<char> = format!("{bars:>bars_room$}").chars().collect();
    let newest: String = before.pop().into_iter().collect();
    // The figure's colour ends with the figure: a breach drawn in reverse would run into its history.
    let gap = " ".repeat(8_usize.saturating_sub(text::width(&told)));
    let ink = if stale { theme.stale } else { card.style };
    vec![
        head,
        Span::styled(told, style),
        Span::styled(gap, theme.faint),
        Span::styled(before.into_iter().collect::<String>(), theme.faint),
        Span::styled(format!("{newest} "), ink),
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
