//! Charts of what the core remembers: the same span of time at every width, with the limits of the plan and the marks of what happened.
//!
//! Which span is shown is the view's; cards show the newest quarter of an hour.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    core::{
        marks::Mark,
        past::{self, Columns, Track},
        state::{HISTORY_EVERY, State},
        topic::Milestone,
    },
    domain::{
        id::{RouteId, Seq},
        metric::Metric,
        series::Bad,
        time::{Millis, Timestamp},
    },
    plan::model::{Backend, Route, Trigger},
    tui::{
        panes::words,
        theme::Theme,
        view::Charts,
        widgets::chart::{self, Point, Series, Sign},
    },
};

/// What a card shows.
const CARD: Millis = Millis::from_mins(15);
/// Columns between two labels of the time axis.
const TICK_COLUMNS: u64 = 11;
/// Rows from which marks don't hide what is drawn.
const MARKS_ROWS_MIN: u16 = 5;

/// From when until when a chart goes, and the mark that is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Whether the end is now, and moves.
    pub edge: Edge,
    pub chosen: Option<Seq>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Now,
    Past,
}

impl Window {
    /// The newest `span`.
    pub fn newest(state: &State, span: Millis) -> Window {
        let until = state.now + HISTORY_EVERY;
        Window { from: until.before(span), until, edge: Edge::Now, chosen: None }
    }
    /// What somebody looks at.
    pub fn of(state: &State, charts: &Charts) -> Window {
        let newest = Window { chosen: charts.mark, ..Window::newest(state, charts.span) };
        match charts.until {
            Some(until) if until < newest.until => Window { from: until.before(charts.span), until, edge: Edge::Past, ..newest },
            Some(_) | None => newest,
        }
    }
    pub fn span(&self) -> Millis {
        self.until.since(self.from)
    }
    pub fn holds(&self, mark: &Mark) -> bool {
        mark.at < self.until && mark.until.unwrap_or(mark.at) >= self.from
    }
}

/// The marks that stand on charts of `route`, oldest first.
pub fn marks<'a>(state: &'a State, route: Option<&'a RouteId>) -> impl DoubleEndedIterator<Item = &'a Mark> {
    state.marks.iter().filter(move |mark| route.is_none() || mark.route.is_none() || mark.route.as_ref() == route)
}

/// A letter and a word for each kind of mark, and its ink.
pub fn sign(kind: Milestone, theme: &Theme) -> (char, &'static str, Style) {
    match kind {
        Milestone::Restart => ('S', "host restart", theme.unknown),
        Milestone::Resume => ('U', "resume", theme.ok),
        Milestone::Rearm => ('A', "re-arm", theme.ok),
        Milestone::Hold => ('H', "hold", theme.warn),
        Milestone::Home => ('O', "home seen", theme.ok),
        Milestone::Move => ('M', "move", theme.busy),
        Milestone::Drift => ('D', "drift", theme.warn),
        Milestone::Breach => ('B', "breach", theme.breach),
        Milestone::Rollback => ('R', "rollback", theme.latch),
    }
}

fn signs(state: &State, route: &RouteId, window: &Window, theme: &Theme) -> Vec<Sign> {
    let mut found: Vec<&Mark> = marks(state, Some(route)).filter(|mark| window.holds(mark)).collect();
    found.sort_by_key(|mark| (window.chosen == Some(mark.seq), mark.kind));
    let signs = found.into_iter().map(|mark| {
        let (letter, _, style) = sign(mark.kind, theme);
        let chosen = window.chosen == Some(mark.seq);
        // A breach without an end lasts until a rollback or until now.
        let lasts = (mark.kind == Milestone::Breach).then(|| mark.until.unwrap_or_else(|| ended(state, mark)).0);
        let line = if chosen { theme.focus } else { theme.faint };
        let style = if chosen { style.add_modifier(Modifier::REVERSED) } else { style };
        Sign { at: mark.at.0, until: lasts, letter, style, line }
    });
    signs.collect()
}

/// When a breach that never cleared was over for its users.
fn ended(state: &State, breach: &Mark) -> Timestamp {
    let later = marks(state, breach.route.as_ref()).filter(|mark| mark.at >= breach.at);
    let mut ends = later.filter(|mark| matches!(mark.kind, Milestone::Rollback | Milestone::Home)).map(|mark| mark.at);
    ends.next().unwrap_or(state.now)
}

/// Labels at round times, and the end of the span.
fn ticks(window: &Window, columns: u16) -> Vec<(i64, String)> {
    const STEPS: [u64; 14] = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400];
    let span = window.span().0;
    let least = span * TICK_COLUMNS / u64::from(columns.max(1));
    let step = STEPS.into_iter().map(|seconds| seconds * 1000).find(|step| *step >= least).unwrap_or(86_400_000) as i64;
    let label = |at: i64| {
        let clock = words::clock(Timestamp(at));
        if step < 60_000 { clock } else { clock[..5].to_owned() }
    };
    let first = window.from.0.div_euclid(step) * step + step;
    let mut ticks: Vec<(i64, String)> =
        (0..).map(|place| first + place * step).take_while(|at| *at < window.until.0).map(|at| (at, label(at))).collect();
    ticks.push((window.until.0, if window.edge == Edge::Now { "now".to_owned() } else { words::clock(window.until)[..5].to_owned() }));
    ticks
}

fn points(columns: &Columns) -> Vec<Point> {
    let count = columns.ranges.len() as u64;
    let begin = columns.end.before(Millis(columns.every.0 * count)).0;
    let every = columns.every.0 as i64;
    let point = |(place, range): (usize, &Option<past::Range>)| {
        let from = begin + place as i64 * every;
        Point { from, until: from + every, range: range.map(|range| (range.low(), range.high())) }
    };
    columns.ranges.iter().enumerate().map(point).collect()
}

/// What is remembered of one figure of a backend.
fn remembered(state: &State, backend: &Backend, metric: Metric, from: Timestamp) -> Option<Columns> {
    let known = state.backends.get(&backend.id)?;
    let recent = known.history.get(&metric)?;
    let nothing = past::Past::default();
    Some(past::columns(recent, known.past.get(&metric).unwrap_or(&nothing), known.history_at?, from))
}

fn tracked(track: &Track, from: Timestamp) -> Option<Columns> {
    Some(past::columns(&track.recent, &track.past, track.at?, from))
}

/// The limit that this figure meets first, of those that triggers of the plan set.
pub fn limit(state: &State, backend: &Backend, metric: Metric) -> Option<f64> {
    let triggers = words::plan(state).into_iter().flat_map(|plan| &plan.triggers);
    let limits = triggers.filter(|trigger| trigger.backend == backend.id && trigger.metric == metric).map(|trigger| trigger.limit);
    limits.reduce(|one, other| metric.bad().nearer(one, other))
}

fn series(state: &State, route: &Route, backend: &Backend, metric: Metric, window: &Window, theme: &Theme) -> Series {
    let points = remembered(state, backend, metric, window.from).map(|columns| points(&columns)).unwrap_or_default();
    Series { style: words::backend_style(route, &backend.id, theme), beyond: theme.breach.remove_modifier(Modifier::REVERSED), points }
}

/// The least and the most of a figure around an instant.
pub fn value_at(state: &State, backend: &Backend, metric: Metric, window: &Window, at: Timestamp) -> Option<(f64, f64)> {
    let columns = remembered(state, backend, metric, window.from)?;
    points(&columns).into_iter().find(|point| point.from <= at.0 && at.0 < point.until)?.range
}

/// How high the axis of a figure reaches so that charts of several backends can be compared: one scale for all of them.
pub fn top(state: &State, backends: &[(&Route, &Backend)], metric: Metric, window: &Window, theme: &Theme) -> f64 {
    let each = backends.iter().map(|(route, backend)| {
        let most = chart::most(&[series(state, route, backend, metric, window, theme)], window.from.0, window.until.0);
        most.max(limit(state, backend, metric).unwrap_or(0.0) * 1.2)
    });
    chart::round_up(each.fold(0.0, f64::max))
}

/// One figure of one backend in `window`.
pub fn figure(
    state: &State,
    (route, backend): (&Route, &Backend),
    metric: Metric,
    (window, top): (&Window, f64),
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let signs = if area.height >= MARKS_ROWS_MIN { signs(state, &route.id, window, theme) } else { Vec::new() };
    let frame = chart::Frame {
        from: window.from.0,
        until: window.until.0,
        limit: limit(state, backend, metric),
        bad: metric.bad(),
        top,
        show: &|value| metric.unit().show(value),
        ticks: &ticks(window, area.width.saturating_sub(chart::AXIS)),
        signs: &signs,
    };
    chart::draw(&[series(state, route, backend, metric, window, theme)], &frame, theme, area, buf);
}

/// How many users were given away from home, and how many got something else than home.
pub fn away(state: &State, route: &Route, window: &Window, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(known) = state.routes.get(&route.id) else { return };
    let line = |track: &Track, style: Style| {
        let points = tracked(track, window.from).map(|columns| points(&columns)).unwrap_or_default();
        Series { style, beyond: style, points }
    };
    let lines = [line(&known.got, theme.observed), line(&known.given, theme.accepted)];
    let most = chart::most(&lines, window.from.0, window.until.0);
    let frame = chart::Frame {
        from: window.from.0,
        until: window.until.0,
        limit: None,
        bad: Bad::Above,
        // One user in a hundred is to be seen too.
        top: chart::round_up((most * 1.2).max(0.05)).min(1.0),
        show: &|value| format!("{}%", (value * 1000.0).round() / 10.0),
        ticks: &ticks(window, area.width.saturating_sub(chart::AXIS)),
        signs: &signs(state, &route.id, window, theme),
    };
    chart::draw(&lines, &frame, theme, area, buf);
}

/// The bare chart of the newest quarter of an hour, for cards.
pub fn plot(state: &State, route: &Route, backend: &Backend, metric: Metric, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let window = Window::newest(state, CARD);
    let backends: Vec<_> = words::backends(state).into_iter().filter(|(of, _)| of.id == route.id).collect();
    let top = top(state, &backends, metric, &window, theme);
    figure(state, (route, backend), metric, (&window, top), theme, area, buf);
}

/// The chart of what a trigger guards.
pub fn plot_of(state: &State, route: &Route, trigger: &Trigger, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if let Some(backend) = route.backend(&trigger.backend) {
        plot(state, route, backend, trigger.metric, theme, area, buf);
    }
}
