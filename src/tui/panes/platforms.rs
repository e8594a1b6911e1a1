//! The platforms side by side: is each one well, how much does it carry, how fast, how often does it fail.

use std::collections::BTreeMap;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::{
        condition::{Condition, condition},
        fails::{Fails, Gravity, Meets, MetAtDoor, fails},
        figures::{self, is_old},
        has::{Has, has},
        state::{BackendState, Reading, State},
    },
    domain::{
        id::BackendId,
        metric::{Gap, Measured, Metric},
        platform::Scale,
        time::Timestamp,
    },
    plan::model::{Backend, Route},
    tui::{
        panes::{charts, frame, words},
        scene::Scene,
        theme::Theme,
        view::Pane,
        widgets::{spark, text},
    },
    words::{Names, platform},
};

/// Most points of a history in one row.
const SPARK_POINTS: usize = 40;

/// The backends of the plan side by side, each below its end of the rail; where they would be too narrow to be read, those of the chosen route.
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let mut backends = words::backends(scene.state);
    if backends.len() > usize::from(area.width / CARD_COLUMNS_MIN) {
        let chosen = words::route(scene.state, scene.view.route);
        backends.retain(|(_, backend)| chosen.is_some_and(|route| route.backend(&backend.id).is_some()));
    }
    let cells = Layout::horizontal(vec![Constraint::Fill(1); backends.len().max(1)]).split(area);
    for ((route, backend), cell) in backends.into_iter().zip(cells.iter()) {
        card(scene, route, backend, *cell, buf);
    }
}

fn card(scene: Scene<'_>, route: &Route, backend: &Backend, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let empty = BackendState::default();
    let seen = state.backends.get(&backend.id).unwrap_or(&empty);
    let style = words::backend_style(route, &backend.id, theme);
    let has = has(state, &route.id, &backend.id);
    let condition = condition(state, route, &backend.id);
    let title = vec![Span::styled(backend.title.to_string(), style.add_modifier(Modifier::BOLD))];
    let mut inner = frame::frame(Pane::Platforms, title, share(&has, theme), scene, area, buf);
    match condition {
        Condition::Breached { .. }
        | Condition::FailsAtDoor { .. }
        | Condition::HomeBeyond { .. }
        | Condition::Drops { .. }
        | Condition::ProbeFails { .. } => frame::light(area, theme.alarm, theme, buf),
        Condition::Blind { .. } | Condition::NotMet { .. } => frame::light(area, theme.unknown, theme, buf),
        Condition::Unjudged { .. } | Condition::Untold | Condition::Idle | Condition::Well => {}
    }
    let plan = words::plan(state).map(|plan| plan.triggers.as_slice()).unwrap_or_default();
    let beyond = plan.iter().filter(|trigger| trigger.backend == backend.id && !has.is_nothing());
    let beyond = beyond.filter(|trigger| state.triggers.get(&trigger.id).is_some_and(|known| known.reading == Reading::Breach));
    let over = match &condition {
        Condition::HomeBeyond { metric, .. } => Some(*metric),
        Condition::Drops { .. } => Some(Metric::DropRate),
        Condition::Breached { .. }
        | Condition::FailsAtDoor { .. }
        | Condition::ProbeFails { .. }
        | Condition::NotMet { .. }
        | Condition::Blind { .. }
        | Condition::Unjudged { .. }
        | Condition::Untold
        | Condition::Idle
        | Condition::Well => None,
    };
    let card = Card {
        seen,
        has,
        fails: fails(state, route, &backend.id),
        style,
        tops: tops(state, route),
        condition,
        beyond: beyond.map(|trigger| trigger.metric).chain(over).collect(),
        names: Names::of(state),
        state,
        backend: &backend.id,
        now: view.now,
    };
    if inner.height >= CHART_ROWS_MIN && inner.width >= CHART_COLUMNS_MIN {
        inner = with_charts(state, route, backend, theme, inner, buf);
    }
    let mut lines = vec![health(&card, theme, inner.width)];
    lines.extend(rows(&card, theme, inner.width));
    if inner.height as usize > lines.len() {
        lines.push(probe(seen, view.now, theme));
    }
    // What somebody has declared is worth more than what the platform has to say.
    lines.extend(declared(&card, backend, theme, inner.width).into_iter().take((inner.height as usize).saturating_sub(lines.len())));
    if inner.height as usize > lines.len() {
        lines.extend(trouble(seen, theme));
    }
    for (line, row) in lines.iter().zip(inner.rows()) {
        line.render(row, buf);
    }
}

/// What it is given, and what requests show that it gets.
fn share(has: &Has, theme: &Theme) -> Line<'static> {
    let given = crate::words::given(has);
    let mut spans = vec![Span::styled("given ", theme.dim), Span::styled(given, theme.figure)];
    match has.gets {
        Some(share) => {
            spans.push(Span::styled(", gets ", theme.dim));
            spans.push(Span::styled(crate::words::share(share.fraction), theme.observed));
        }
        None => spans.push(Span::styled(format!(", {}", crate::words::unseen(has)), theme.unknown)),
    }
    Line::from(spans)
}

/// What a card tells of.
struct Card<'a> {
    seen: &'a BackendState,
    has: Has,
    fails: Fails,
    style: Style,
    /// The largest value of each figure on any backend of the route: what stands side by side has one scale.
    tops: BTreeMap<Metric, f64>,
    condition: Condition,
    /// What is beyond its limit, as long as anything is given or got.
    beyond: Vec<Metric>,
    names: Names<'a>,
    state: &'a State,
    backend: &'a BackendId,
    now: Timestamp,
}

impl Card<'_> {
    /// A figure as far as it is believed now.
    fn measured(&self, metric: Metric) -> Option<Measured> {
        figures::measured(self.state, self.now, self.backend, metric)
    }
}

/// A card has two figures with their ways in each row.
const CARD_COLUMNS_MIN: u16 = 38;
/// Cards at least this large have room for charts beside their figures.
const CHART_ROWS_MIN: u16 = 8;
const CHART_COLUMNS_MIN: u16 = 80;
const FIGURE_COLUMNS: u16 = 46;

/// Errors and latency over time at the right of a large card; gives the room that is left for the figures.
fn with_charts(state: &State, route: &Route, backend: &Backend, theme: &Theme, room: Rect, buf: &mut Buffer) -> Rect {
    let right = Rect { x: room.x + FIGURE_COLUMNS, width: room.width - FIGURE_COLUMNS, ..room };
    let halves = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).split(right);
    for ((metric, name), half) in [(Metric::ErrorRate, "err"), (Metric::P95Latency, "p95")].into_iter().zip(halves.iter()) {
        charts::plot(state, route, backend, metric, theme, *half, buf);
        // What stands beside it in the card is another figure, so it bears its name, in the corner that its axes leave.
        let corner = Rect { y: half.bottom().saturating_sub(1), height: half.height.min(1), ..*half };
        text::put(buf, corner, 0, &format!("{name:>7}"), theme.dim);
    }
    Rect { width: FIGURE_COLUMNS - 1, ..room }
}

/// How its users are first, then its readiness in the platform's own words.
fn health(card: &Card<'_>, theme: &Theme, width: u16) -> Line<'static> {
    let (seen, now) = (card.seen, card.now);
    let glyphs = &theme.glyphs;
    let users = users(card, theme);
    let Some(workload) = &seen.workload else {
        let untold = Span::styled("  no word from the platform yet", theme.unknown);
        return match users {
            Some((glyph, word, style)) => {
                text::with_what_fits(vec![Span::styled(format!("{glyph} {word}"), style)], [untold], width.into())
            }
            None => Line::styled(format!("{} no word from the platform yet", glyphs.unknown), theme.unknown),
        };
    };
    let stale = seen.workload_at.is_none_or(|at| is_old(at, now));
    let heard = || seen.workload_at.map_or_else(|| "never".into(), |at| words::age(now.since(at)));
    let told = match (&workload.trouble, stale) {
        (_, true) => Some((glyphs.stale, format!("last heard {}", heard()), theme.stale)),
        (Some(trouble), false) => Some((glyphs.breach, trouble.to_string(), theme.breach)),
        (None, false) if matches!(workload.scale, Scale::Counted { ready, desired } if ready < desired) => {
            Some((glyphs.warn, "not all ready".to_owned(), theme.warn))
        }
        (None, false) => None,
    };
    let well = || (glyphs.ok, "healthy".to_owned(), theme.ok);
    // The platform's own trouble is why its users fail, and their figures are red anyway; that some aren't ready yet is less than both.
    let unjudged = matches!(card.condition, Condition::Unjudged { .. } | Condition::Untold | Condition::Idle);
    let grave = stale || workload.trouble.is_some() || unjudged;
    let (glyph, word, style) = match (users.clone(), told.clone()) {
        (Some(users), Some(platform)) => {
            if grave {
                platform
            } else {
                users
            }
        }
        (Some(told), None) | (None, Some(told)) => told,
        (None, None) => well(),
    };
    let word_shown = text::cut(&word, usize::from(width).saturating_sub(2), theme.glyphs.ellipsis);
    let spans = vec![Span::styled(format!("{glyph} {word_shown}"), style)];
    let scale = Span::styled(format!("  {}", platform::scale_short(workload.scale)), theme.figure);
    let restarts = (workload.restarts > 0).then(|| Span::styled(format!("  {} restarts", workload.restarts), theme.warn));
    let version = Span::styled(format!("  {}", workload.version), theme.dim);
    let other = users
        .into_iter()
        .chain(told)
        .find(|(_, told, _)| *told != word)
        .map(|(glyph, told, style)| Span::styled(format!("  {glyph} {told}"), style));
    let more = std::iter::once(scale).chain(other).chain(restarts).chain([version]);
    text::with_what_fits(spans, more, width.into())
}

/// A platform may be well by its own account while users are not. Nothing where nothing speaks against it.
fn users(card: &Card<'_>, theme: &Theme) -> Option<(&'static str, String, Style)> {
    let glyphs = &theme.glyphs;
    match &card.condition {
        Condition::Breached { trigger } => {
            let metric = words::plan(card.state).and_then(|plan| plan.triggers.iter().find(|known| known.id == *trigger));
            let beyond = metric.map_or_else(|| card.names.metric(trigger), |known| words::beyond(known.metric));
            Some((glyphs.breach, beyond, theme.breach))
        }
        Condition::FailsAtDoor { .. } if let_go(card).is_some() => Some((glyphs.unknown, let_go(card).unwrap_or_default(), theme.unknown)),
        Condition::FailsAtDoor { breach } if breach.unlike.is_some() => {
            Some((glyphs.breach, "answers unlike home".to_owned(), theme.breach))
        }
        Condition::FailsAtDoor { breach } => {
            Some((glyphs.breach, format!("{} of {} requests fail", breach.failed, breach.answers), theme.breach))
        }
        Condition::HomeBeyond { metric, .. } => Some((glyphs.breach, words::beyond(*metric), theme.breach)),
        Condition::Drops { losing } => {
            let share = Metric::ErrorRate.unit().show(losing.share());
            Some((glyphs.breach, format!("drops {share} of connections"), theme.breach))
        }
        Condition::ProbeFails { failed, sent } => Some((glyphs.breach, format!("{failed} of {sent} probes fail"), theme.breach)),
        Condition::Blind { trigger } => Some((glyphs.unknown, format!("blind: {}", card.names.metric(trigger)), theme.unknown)),
        Condition::Unjudged { why, .. } => {
            Some((glyphs.unknown, format!("not judged: {}", crate::words::short::unjudged(why, card.now).long), theme.unknown))
        }
        Condition::NotMet { .. } => Some((glyphs.unknown, "failed at the front door, no answer since".to_owned(), theme.unknown)),
        Condition::Untold => Some((glyphs.unknown, "no figures yet".to_owned(), theme.unknown)),
        Condition::Idle => Some((glyphs.idle, "gets nothing".to_owned(), theme.dim)),
        Condition::Well => None,
    }
}

/// What was met at the front door of a backend that requests meet no more.
fn let_go(card: &Card<'_>) -> Option<String> {
    card.fails.at_door.filter(|met| met.meets == Meets::NoMore)?;
    crate::words::fails(&card.fails).map(|said| said.short)
}

/// Rate, errors and latency, each with a short history.
fn rows(card: &Card<'_>, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let half = width as usize / 2;
    if let Some(met) = card.fails.unlike_own() {
        return against_door(card, met, theme, width);
    }
    let row = |left: Vec<Span<'static>>, right: Vec<Span<'static>>| Line::from([left, right].concat());
    vec![
        row(figure(card, Metric::RequestRate, "rps ", theme, half), figure(card, Metric::ErrorRate, "err ", theme, half)),
        row(figure(card, Metric::P50Latency, "p50 ", theme, half), figure(card, Metric::P95Latency, "p95 ", theme, half)),
        row(figure(card, Metric::P99Latency, "p99 ", theme, half), figure(card, Metric::DropRate, "drop", theme, half)),
    ]
}

/// What the plan declares of the backend, each with its way in.
fn declared(card: &Card<'_>, backend: &Backend, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let each = backend.series.iter().map(|feed| {
        let metric = Metric::Declared(feed.series);
        Line::from(figure(card, metric, &metric.to_string(), theme, width.into()))
    });
    each.collect()
}

/// The same where the front door meets failures: its figure and the backend's own, each with its source, on a row of their own.
fn against_door(card: &Card<'_>, met: MetAtDoor, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let half = width as usize / 2;
    let row = |left: Vec<Span<'static>>, right: Vec<Span<'static>>| Line::from([left, right].concat());
    let (own, known) = words::figure(Metric::ErrorRate, card.measured(Metric::ErrorRate).as_ref());
    let own_style = if known == words::Known::Yes { theme.figure } else { theme.unknown };
    let door_style = match card.fails.gravity {
        Gravity::Beyond => theme.breach,
        Gravity::Tolerated => theme.figure,
    };
    let door = match met.failed {
        0 => "unlike home".to_owned(),
        _ => Metric::ErrorRate.unit().show(met.share_now()),
    };
    let head = vec![
        Span::styled("err  ", theme.dim),
        Span::styled(own, own_style),
        Span::styled(if width >= 44 { " own count, " } else { " own, " }, theme.dim),
        Span::styled(door, door_style),
        Span::styled(" front door", theme.dim),
    ];
    let of = match met.newest {
        Some(newest) => format!(" (newest {} of {})", newest.failed, newest.answers),
        None => format!(" ({} of {})", met.failed, met.answers),
    };
    let of = Span::styled(of, theme.dim);
    vec![
        text::with_what_fits(head, [of], width.into()),
        row(figure(card, Metric::RequestRate, "rps ", theme, half), figure(card, Metric::P95Latency, "p95 ", theme, half)),
        row(figure(card, Metric::P99Latency, "p99 ", theme, half), figure(card, Metric::DropRate, "drop", theme, half)),
    ]
}

/// The largest value of each figure that any backend of the route has shown lately.
fn tops(state: &State, route: &Route) -> BTreeMap<Metric, f64> {
    let mut tops: BTreeMap<Metric, f64> = BTreeMap::new();
    let known = route.backend_ids().filter_map(|id| state.backends.get(id));
    for (metric, points) in known.flat_map(|known| known.history.iter()) {
        let newest = points.iter().rev().take(SPARK_POINTS).flatten().copied().filter(|value| value.is_finite());
        let top = tops.entry(*metric).or_default();
        *top = newest.fold(*top, f64::max);
    }
    tops
}

/// One figure in `room` cells: what it is, how much, and the way it came. The newest bar has the platform's colour.
fn figure(card: &Card<'_>, metric: Metric, label: &str, theme: &Theme, room: usize) -> Vec<Span<'static>> {
    let measured = card.measured(metric);
    let head = Span::styled(format!("{label} "), theme.dim);
    let body_room = room.saturating_sub(head.width());
    if card.has.is_nothing() && matches!(measured, Some(Err(Gap::LowVolume))) {
        // Nobody is sent there, so there is nothing to tell, and nothing wrong.
        return vec![head, Span::styled(format!("{:<body_room$}", "-"), theme.faint)];
    }
    let plan = card.state.opened.as_ref().map(|opened| &opened.plan);
    if matches!(measured, Some(Err(Gap::Missing))) && plan.is_some_and(|plan| !plan.asks(card.backend, metric)) {
        return vec![
            head,
            Span::styled(format!("{:<body_room$}", text::cut("not counted", body_room, theme.glyphs.ellipsis)), theme.faint),
        ];
    }
    let (told, known) = words::figure(metric, measured.as_ref());
    if known == words::Known::No {
        let short = measured.as_ref().and_then(|measured| measured.as_ref().err()).map(|gap| crate::words::gap_in_short(*gap));
        let told = short.filter(|_| text::width(&told) >= body_room).map_or(told, str::to_owned);
        let told = text::cut(&told, body_room.saturating_sub(1), theme.glyphs.ellipsis);
        return vec![head, Span::styled(format!("{told:<body_room$}"), theme.unknown)];
    }
    let style = if card.beyond.contains(&metric) { theme.breach } else { theme.figure };
    // A source that is minutes late tells nothing of now: its age outranks the way the figure came.
    let taken = measured.and_then(Result::ok).map(|sample| sample.at).filter(|at| is_old(*at, card.now));
    let age = taken.map_or_else(String::new, |at| format!("{} ", card.now.since(at)));
    let body_room = body_room.saturating_sub(text::width(&age));
    let bars_room = body_room.saturating_sub(9).min(SPARK_POINTS);
    let top = card.tops.get(&metric).copied().unwrap_or(0.0);
    let bars = card.seen.history.get(&metric).map_or_else(String::new, |points| spark::bars(points.iter(), bars_room, top, theme));
    let bars_room = body_room.saturating_sub(9);
    let mut before: Vec<char> = format!("{bars:>bars_room$}").chars().collect();
    let newest: String = before.pop().into_iter().collect();
    // The figure's colour ends with the figure: a breach drawn in reverse would run into its history.
    let gap = " ".repeat(8_usize.saturating_sub(text::width(&told)));
    vec![
        head,
        Span::styled(told, style),
        Span::styled(gap, theme.faint),
        Span::styled(age, theme.dim),
        Span::styled(before.into_iter().collect::<String>(), theme.faint),
        Span::styled(format!("{newest} "), card.style),
    ]
}

fn probe(seen: &BackendState, now: Timestamp, theme: &Theme) -> Line<'static> {
    let Some(probe) = &seen.probe else { return Line::default() };
    let bad = probe.failed + probe.dropped;
    let (glyph, style) = match (is_old(probe.at, now), bad) {
        (true, _) => (theme.glyphs.stale, theme.stale),
        (false, 0) => (theme.glyphs.ok, theme.ok),
        (false, _) => (theme.glyphs.breach, theme.breach),
    };
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
