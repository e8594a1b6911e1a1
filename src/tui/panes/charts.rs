//! The metrics screen: each figure of each backend over time, with its threshold. A gap in the data is a gap in the line.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Widget},
};

use crate::{
    core::state::{HISTORY_EVERY, State},
    domain::{metric::Metric, time::Millis},
    plan::model::{Backend, Route, Trigger},
    tui::{
        panes::{rollback, words},
        theme::Theme,
        view::View,
        widgets::{
            chart::{self, Series},
            dialog,
        },
    },
};

const SHOWN: [Metric; 4] = [Metric::ErrorRate, Metric::P95Latency, Metric::RequestRate, Metric::P99Latency];
/// A chart with fewer rows shows nothing that a figure doesn't.
const ROWS_MIN: u16 = 6;

pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let [home, area] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    rollback::draw(state, view, theme, home, buf);
    let backends = words::backends(state);
    let count = usize::from((area.height / ROWS_MIN).clamp(1, SHOWN.len() as u16));
    let rows = Layout::vertical(vec![Constraint::Fill(1); count]).split(area);
    for (metric, row) in SHOWN.into_iter().zip(rows.iter()) {
        let cells = Layout::horizontal(vec![Constraint::Fill(1); backends.len().max(1)]).split(*row);
        for ((route, backend), cell) in backends.iter().zip(cells.iter()) {
            framed(state, route, backend, metric, theme, *cell, buf);
        }
    }
}

/// The bound that a trigger of the plan sets for this figure.
fn bound(state: &State, backend: &Backend, metric: Metric) -> Option<f64> {
    let triggers = words::plan(state).into_iter().flat_map(|plan| &plan.triggers);
    triggers.filter(|trigger| trigger.backend == backend.id && trigger.metric == metric).map(|trigger| trigger.above).reduce(f64::min)
}

fn framed(state: &State, route: &Route, backend: &Backend, metric: Metric, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let now = state.backends.get(&backend.id).and_then(|known| known.values.get(&metric));
    let (figure, known) = words::figure(metric, now);
    let mut title = vec![
        Span::styled(format!(" {}", backend.platform), words::backend_style(route, &backend.id, theme)),
        Span::styled(format!(" {} ", metric.name().replace('_', " ")), theme.title),
        Span::styled(figure, if known == words::Known::Yes { theme.figure } else { theme.unknown }),
    ];
    if let Some(above) = bound(state, backend, metric) {
        title.push(Span::styled(format!(" limit {}", metric.unit().show(above)), theme.threshold));
    }
    title.push(Span::raw(" "));
    let block = Block::bordered().border_set(dialog::set(theme.glyphs.frame)).border_style(theme.border).title_top(Line::from(title));
    let inner = block.inner(area);
    block.render(area, buf);
    plot(state, route, backend, metric, theme, inner, buf);
}

/// The bare chart, for cards too.
pub fn plot(state: &State, route: &Route, backend: &Backend, metric: Metric, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let history = state.backends.get(&backend.id).and_then(|known| known.history.get(&metric));
    let points: Vec<Option<f64>> = history.map(|points| points.iter().copied().collect()).unwrap_or_default();
    let series = [Series { name: metric.name().to_owned(), style: words::backend_style(route, &backend.id, theme), points }];
    let unit = metric.unit();
    let ago = |points: usize| format!("{} ago", Millis(HISTORY_EVERY.0 * points as u64));
    let frame = chart::Frame { threshold: bound(state, backend, metric), at_least: 0.0, show: &|value| unit.show(value), ago: &ago };
    chart::draw(&series, &frame, theme, area, buf);
}

/// The chart of what a trigger guards.
pub fn plot_of(state: &State, route: &Route, trigger: &Trigger, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if let Some(backend) = route.backend(&trigger.backend) {
        plot(state, route, backend, trigger.metric, theme, area, buf);
    }
}
