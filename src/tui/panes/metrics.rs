//! The metrics screen: where the users were and every figure of each backend, over one span of time, with what happened in it.
//!
//! All charts of the screen go from the same instant to the same instant, and the sides of one figure share one scale, so that anything
//! that lies below something else happened at the same time and anything that is higher is more.

use crate::{
    core::{figures, marks::Mark, news::Tone, outlook, past::REMEMBERED, state::State, topic::Milestone},
    domain::{
        metric::Metric,
        time::{Millis, Timestamp},
    },
    plan::model::{Backend, Route},
    tui::{
        draw::places::places,
        keymap::{Action, Way},
        panes::{
            charts::{self, Edge, Window},
            frame, rollback, words,
        },
        scene::Scene,
        theme::Theme,
        view::View,
        widgets::text,
    },
    words::{Names, news},
};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

/// In the order of their worth on a small screen: what somebody has declared is worth more than what is there anyway.
const FIRST: [Metric; 2] = [Metric::ErrorRate, Metric::P95Latency];
const LAST: [Metric; 4] = [Metric::RequestRate, Metric::P99Latency, Metric::P50Latency, Metric::DropRate];
/// A chart with fewer rows shows nothing that a figure doesn't; on a tall screen each has a row for its marks too.
const ROWS_MIN: u16 = 6;
const ROWS_TALL: u16 = 7;
/// From this height on a screen is tall.
const TALL: u16 = 28;

/// Rows of charts: where users were, then one for each figure.
fn figures_of(state: &State) -> Vec<Metric> {
    let backends = words::backends(state);
    let declared = words::plan(state).into_iter().flat_map(|plan| &plan.series).map(|series| Metric::Declared(*series));
    let declared = declared.filter(|metric| backends.iter().any(|(_, backend)| backend.asks(*metric)));
    FIRST.into_iter().chain(declared).chain(LAST).collect()
}

/// How many charts fit, of those that there are.
fn fitting(room: Rect, charts: usize) -> usize {
    let rows = if room.height >= TALL { ROWS_TALL } else { ROWS_MIN };
    usize::from((room.height / rows).max(1)).min(charts)
}

/// Way home, head, and what is left for charts.
fn rooms(state: &State, view: &View, area: Rect) -> [Rect; 3] {
    Layout::vertical([Constraint::Length(rollback::rows(state, view, area)), Constraint::Length(2), Constraint::Fill(1)]).areas(area)
}

/// How far the charts can be scrolled on a screen of this size.
pub fn last(scene: Scene<'_>, screen: Rect) -> usize {
    let Scene { state, view, .. } = scene;
    let [_, _, room] = rooms(state, view, places(scene, screen).body);
    let charts = 1 + figures_of(state).len();
    charts - fitting(room, charts)
}

/// From when on something is remembered.
pub fn oldest(state: &State) -> Timestamp {
    let opened = state.opened.as_ref().map_or(state.now, |opened| opened.at);
    opened.max(state.now.before(REMEMBERED))
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, .. } = scene;
    let Some(route) = words::route(state, view.route) else { return };
    let [home, head, area] = rooms(state, view, area);
    rollback::draw(scene, home, buf);
    let window = Window::of(state, &view.charts);
    text::rows(buf, head, [title(scene, &window, head.width), below(scene, route, &window, head.width)]);
    let backends = words::backends(state);
    let figures = figures_of(state);
    let charts = 1 + figures.len();
    let room = fitting(area, charts);
    let first = view.screen_scroll.min(charts - room);
    let rows = Layout::vertical(vec![Constraint::Fill(1); room]).split(area);
    for (place, row) in (first..).zip(rows.iter()) {
        match place.checked_sub(1).and_then(|place| figures.get(place)) {
            None => users(scene, route, &window, *row, buf),
            Some(metric) => sides(scene, &telling(&backends, *metric), *metric, &window, *row, buf),
        }
    }
}

/// Whose chart of a figure there is: everybody's of a standard one, and of what the plan declares theirs who tell it.
fn telling<'a>(backends: &[(&'a Route, &'a Backend)], metric: Metric) -> Vec<(&'a Route, &'a Backend)> {
    let tells = |backend: &Backend| metric.place().is_ok() || backend.asks(metric);
    backends.iter().copied().filter(|(_, backend)| tells(backend)).collect()
}

/// Which span this is, and the keys that change it.
fn title(scene: Scene<'_>, window: &Window, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let edge = match window.edge {
        Edge::Now => "now".to_owned(),
        Edge::Past => words::clock(window.until),
    };
    let head = vec![
        Span::styled(format!(" {} ", span(window.span())), theme.figure),
        Span::styled(format!("{} to {edge}", words::clock(window.from)), theme.text),
    ];
    let key = |action| words::key(view, action);
    let mut facts = vec![format!("  {} {} span", key(Action::Span(Way::Back)), key(Action::Span(Way::Forward)))];
    facts.push(format!("  {} {} time", key(Action::Pan(Way::Back)), key(Action::Pan(Way::Forward))));
    if !state.marks.is_empty() {
        facts.push(format!("  {} {} marks", key(Action::Mark(Way::Back)), key(Action::Mark(Way::Forward))));
    }
    facts.push(format!("  remembered since {}", words::clock(oldest(state))));
    text::with_what_fits(head, facts.into_iter().map(|fact| Span::styled(fact, theme.dim)), width.into())
}

/// `15m`, `4h`, `2d`.
pub fn span(span: Millis) -> String {
    match span.0 / 60_000 {
        minutes @ 0..60 => format!("{minutes}m"),
        minutes @ 60..1440 => format!("{}h", minutes / 60),
        minutes => format!("{}d", minutes / 1440),
    }
}

/// The mark that is looked at, or what the letters mean.
fn below(scene: Scene<'_>, route: &Route, window: &Window, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    if let Some(mark) = chosen(state, view) {
        let (letter, _, style) = charts::sign(mark.kind, theme);
        let head = vec![Span::styled(format!(" {letter} "), style), Span::styled(format!("{} ", words::clock(mark.at)), theme.dim)];
        let used: usize = head.iter().map(Span::width).sum();
        let end = format!("  {} shows it in the journal", words::key(view, Action::ReadMark));
        let again = if mark.times > 1 { format!("{} times: ", mark.times) } else { String::new() };
        let told = format!("{again}{}", news(&mark.news, Names::of(state)));
        let room = usize::from(width).saturating_sub(used);
        let told = if text::width(&told) + text::width(&end) <= room { told } else { text::cut(&told, room, theme.glyphs.ellipsis) };
        return text::with_what_fits([head, vec![Span::styled(told, theme.text)]].concat(), [Span::styled(end, theme.dim)], width.into());
    }
    let mut kinds: Vec<Milestone> = charts::marks(state, Some(&route.id)).filter(|mark| window.holds(mark)).map(|mark| mark.kind).collect();
    kinds.sort_by(|one, other| other.cmp(one));
    kinds.dedup();
    if kinds.is_empty() {
        return Line::styled(" nothing was moved, held or rolled back in this time, and nothing was beyond its limit", theme.dim);
    }
    let legend = kinds.into_iter().flat_map(|kind| {
        let (letter, word, style) = charts::sign(kind, theme);
        [Span::styled(format!(" {letter}"), style), Span::styled(format!(" {word} "), theme.dim)]
    });
    text::with_what_fits(Vec::new(), legend, width.into())
}

/// The mark that somebody looks at.
pub fn chosen<'a>(state: &'a State, view: &View) -> Option<&'a Mark> {
    state.marks.iter().find(|mark| Some(mark.seq) == view.charts.mark)
}

/// The marks of the route under the slider; there is a key that goes from one to the next.
pub fn marks<'a>(state: &'a State, view: &View) -> Vec<&'a Mark> {
    let route = words::route(state, view.route).map(|route| &route.id);
    charts::marks(state, route).collect()
}

fn users(scene: Scene<'_>, route: &Route, window: &Window, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let home = words::place(route, &route.home);
    let head = vec![Span::styled(route.title.to_string(), theme.title), Span::styled(format!(" away from {home}"), theme.text)];
    let legend = [
        Span::styled(" given", theme.accepted),
        Span::styled(" and", theme.dim),
        Span::styled(" got", theme.observed),
        Span::styled(" by requests", theme.dim),
    ];
    let title = text::with_what_fits(head, legend, usize::from(area.width).saturating_sub(8));
    let inner = frame::plain(title.spans, Line::default(), theme, area, buf);
    charts::away(state, route, window, theme, inner, buf);
    let unread = state.routes.get(&route.id).is_none_or(|known| known.given.at.is_none());
    if unread {
        text::put(buf, inner, 0, &format!("nothing is remembered yet, {}", words::age(view.age(state.now))), theme.unknown);
    }
}

/// One figure of all backends, side by side, on one scale.
fn sides(scene: Scene<'_>, backends: &[(&Route, &Backend)], metric: Metric, window: &Window, area: Rect, buf: &mut Buffer) {
    let Scene { state, theme, .. } = scene;
    let top = charts::top(state, backends, metric, window, theme);
    let cells = Layout::horizontal(vec![Constraint::Fill(1); backends.len().max(1)]).split(area);
    for ((route, backend), cell) in backends.iter().zip(cells.iter()) {
        let head = head(scene, (route, backend), metric, window, usize::from(cell.width).saturating_sub(8));
        let inner = frame::plain(head.spans, Line::default(), theme, *cell, buf);
        charts::figure(state, (route, backend), metric, (window, top), theme, inner, buf);
    }
}

/// Whose figure this is, what it is now or was at the mark, and its limit.
fn head(scene: Scene<'_>, (route, backend): (&Route, &Backend), metric: Metric, window: &Window, room: usize) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let mut title = vec![
        Span::styled(backend.title.to_string(), words::backend_style(route, &backend.id, theme)),
        Span::styled(format!(" {metric}"), theme.title),
    ];
    let limit = charts::limit(state, backend, metric);
    let beyond = |value: f64| if limit.is_some_and(|limit| metric.bad().is_beyond(value, limit)) { theme.breach } else { theme.figure };
    let at = window.chosen.and_then(|seq| state.marks.iter().find(|mark| mark.seq == seq)).map(|mark| mark.at);
    match (at, figures::measured(state, view.now, &backend.id, metric)) {
        (Some(at), _) => title.push(was(state, backend, metric, window, at, theme)),
        (None, Some(Ok(sample))) => title.push(Span::styled(format!(" {}", metric.unit().show(sample.value)), beyond(sample.value))),
        (None, now) => {
            let used: usize = title.iter().map(Span::width).sum();
            let told = text::cut(&words::figure(metric, now.as_ref()).0, room.saturating_sub(used + 1), theme.glyphs.ellipsis);
            title.push(Span::styled(format!(" {told}"), theme.unknown));
        }
    }
    // A backend that counts no error of its own may still fail everybody who comes through the front door.
    let at_door = (metric == Metric::ErrorRate).then(|| outlook::at_door(state, &route.id)).into_iter().flatten();
    if let Some(breach) = at_door.into_iter().find(|breach| breach.backend == backend.id) {
        let met = if breach.unlike.is_some() {
            "unlike home".to_owned()
        } else {
            format!("{} of {} fail", breach.failed_now(), breach.answers_now())
        };
        title.push(Span::styled(format!(" {} door: {met}", theme.glyphs.breach), theme.breach));
    }
    let limit = limit.map(|limit| Span::styled(format!(" limit {}", metric.unit().show(limit)), theme.threshold));
    text::with_what_fits(title, limit, room)
}

fn was(state: &State, backend: &Backend, metric: Metric, window: &Window, at: Timestamp, theme: &Theme) -> Span<'static> {
    let show = |value| metric.unit().show(value);
    match charts::value_at(state, backend, metric, window, at) {
        Some((low, high)) if show(low) == show(high) => Span::styled(format!(" was {}", show(high)), theme.figure),
        Some((low, high)) => Span::styled(format!(" was {} to {}", show(low), show(high)), theme.figure),
        None => Span::styled(" was not known", theme.unknown),
    }
}

/// What is said when there is no mark that way.
pub const NO_MARK: (Tone, &str) = (Tone::Plain, "there is no earlier mark");
