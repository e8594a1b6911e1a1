//! Which pane goes where at which size. The one answer that both drawing and the mouse use.
//!
//! What answers the three questions of the night (where is traffic, is it safe, how do I go back) is placed first and never given up:
//! the rails, the way home, the platforms. What is left goes to triggers and database, then to checklist and journal, then to the log.

use ratatui::layout::{Constraint, Layout, Rect};

use crate::{
    core::state::State,
    tui::{
        draw::{footer, toasts},
        panes::{draft, rollback, steps, traffic, triggers, words},
        scene::Scene,
        view::{Pane, Screen, Zoom},
    },
};

/// Smaller than this there are no panes, and all is said in lines.
pub const COLUMNS_MIN: u16 = 40;
pub const ROWS_MIN: u16 = 12;

/// Whether there is no room for what a key would do to be seen.
pub const fn is_too_small(area: Rect) -> bool {
    area.width < COLUMNS_MIN || area.height < ROWS_MIN
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    pub header: Rect,
    pub state_line: Rect,
    pub body: Rect,
    /// Lines of their own for what people here just did or said.
    pub toasts: Rect,
    /// Lines of its own for a message that the footer has no room for.
    pub notice: Rect,
    /// The line above the footer for what somebody asks approval for; empty if nobody does.
    pub banner: Rect,
    pub footer: Rect,
    pub way_home: Rect,
    /// The runbook's next steps, where its pane has no room.
    pub next_steps: Rect,
    pub panes: Vec<(Pane, Rect)>,
    /// The bar of each route's rail, by its place in the plan, for the mouse.
    pub bars: Vec<(usize, Rect)>,
}

/// A dialog below the way home needs at least this many rows.
const DIALOG_ROWS_MIN: u16 = 12;

impl Places {
    /// Where a dialog may lie: below the rails and the way home where there is room, so that it never hides where traffic is.
    pub fn above(&self, area: Rect) -> Rect {
        let end = self.footer.y.min(self.notice.y);
        let top = if self.way_home.is_empty() { self.state_line.bottom() } else { self.way_home.bottom() };
        let from = |top: u16| Rect { y: top, height: end.saturating_sub(top), ..area };
        // The state line is never hidden, nor is what the dialog itself has to say.
        if from(top).height < DIALOG_ROWS_MIN { from(self.state_line.bottom()) } else { from(top) }
    }
    pub fn pane_at(&self, column: u16, row: u16) -> Option<Pane> {
        self.panes.iter().find(|(_, area)| area.contains((column, row).into())).map(|(pane, _)| *pane)
    }
    pub fn bar_at(&self, column: u16, row: u16) -> Option<usize> {
        self.bars.iter().find(|(_, area)| area.contains((column, row).into())).map(|(route, _)| *route)
    }
}

/// Cuts `rows` from the top of `rest`.
fn take(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    *rest = Rect { y: rest.y + rows, height: rest.height - rows, ..*rest };
    taken
}

pub fn places(scene: Scene<'_>, area: Rect) -> Places {
    let Scene { state, view, theme } = scene;
    let mut rest = area;
    let header = take(&mut rest, 1);
    let state_line = take(&mut rest, 1);
    let banner_rows = u16::from(!state.approvals.is_empty());
    let notice_rows = footer::notice_rows(view, theme, area.width).min(rest.height / 3);
    let toast_rows = toasts::rows(scene, rest.width, rest.height);
    let below = rest.height.saturating_sub(1 + banner_rows + notice_rows + toast_rows);
    let body = take(&mut rest, below);
    let toasts = take(&mut rest, toast_rows);
    let banner = take(&mut rest, banner_rows);
    let notice = take(&mut rest, notice_rows);
    let mut places = Places { header, state_line, body, toasts, banner, notice, footer: rest, ..Places::default() };
    if view.screen != Screen::Main {
        return places;
    }
    let mut rest = body;
    if view.zoomed == Zoom::Focused {
        places.way_home = take(&mut rest, rollback::rows(state, view, body));
        places.panes.push((view.focus, rest));
    } else {
        main(scene, &mut places, rest);
    }
    if let Some((_, traffic)) = places.panes.iter().find(|(pane, _)| *pane == Pane::Traffic) {
        places.bars = traffic::bars(scene, *traffic);
    }
    places
}

fn main(scene: Scene<'_>, places: &mut Places, mut rest: Rect) {
    let Scene { state, view, .. } = scene;
    let routes = words::plan(state).map_or(1, |plan| plan.routes.len().max(1)) as u16;
    let tall = rest.height >= 34;
    let wide = rest.width >= 100;
    let preview = draft::rows(state, view, rest.width, rest.height);
    let rails = 5 + traffic::message_rows(scene, rest.width) + u16::from(tall) + (routes - 1).min(rest.height / 4) + preview;
    let body = places.body;
    places.panes.push((Pane::Traffic, take(&mut rest, rails)));
    places.way_home = take(&mut rest, rollback::rows(state, view, body));
    let cards = match (rest.height, wide) {
        (34.., true) => 12,
        (24.., _) => 8,
        _ => 6,
    };
    places.panes.push((Pane::Platforms, take(&mut rest, cards)));
    if rest.height < 3 {
        return;
    }
    match (rest.width, rest.height) {
        (160.., 14..) => three_columns(state, places, rest),
        (100.., 14..) => two_columns(state, places, rest),
        _ => compact(state, places, rest),
    }
}

/// Rows of the trigger pane with one row or two for each trigger.
fn trigger_rows(state: &State, rows_each: u16) -> u16 {
    let count = words::plan(state).map_or(0, |plan| plan.triggers.len()) as u16;
    count.clamp(1, 8) * rows_each + 2 + (triggers::at_the_door(state).len() as u16).min(4)
}

fn database_rows(state: &State) -> u16 {
    let count = words::plan(state).and_then(|plan| plan.database.as_ref()).map_or(1, |database| 1 + database.replicas.len());
    count.min(6) as u16 + 2
}

fn three_columns(state: &State, places: &mut Places, rest: Rect) {
    let [mut left, middle, mut right] = Layout::horizontal([Constraint::Fill(6), Constraint::Fill(6), Constraint::Fill(7)]).areas(rest);
    let runbook = steps::rows(state).map(|rows| take(&mut right, rows.min(rest.height / 2)));
    places.panes.extend(runbook.map(|at| (Pane::Steps, at)));
    let rows = trigger_rows(state, 2).min(left.height / 2);
    places.panes.push((Pane::Triggers, take(&mut left, rows)));
    let rows = (database_rows(state) * 2 - 2).min(left.height);
    places.panes.push((Pane::Replication, take(&mut left, rows)));
    places.panes.push((Pane::Checklist, middle));
    let rows = right.height - if right.height >= 16 { right.height / 3 } else { 0 };
    places.panes.push((Pane::Journal, take(&mut right, rows)));
    // The log goes below whatever column has more room left.
    let log = if left.height >= right.height { left } else { right };
    if left.height >= right.height && right.height > 0 {
        if let Some((_, journal)) = places.panes.last_mut() {
            journal.height += right.height;
        }
    } else if left.height > 0
        && let Some((_, database)) = places.panes.iter_mut().find(|(pane, _)| *pane == Pane::Replication)
    {
        database.height += left.height;
    }
    if log.height >= 3 {
        places.panes.push((Pane::Log, log));
    }
}

fn two_columns(state: &State, places: &mut Places, rest: Rect) {
    let [mut left, mut right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(rest);
    let runbook = steps::rows(state).map(|rows| take(&mut right, rows.min(rest.height / 2)));
    places.panes.extend(runbook.map(|at| (Pane::Steps, at)));
    let roomy = if left.height >= trigger_rows(state, 2) + database_rows(state) + 5 { 2 } else { 1 };
    places.panes.push((Pane::Triggers, take(&mut left, trigger_rows(state, roomy))));
    let rows = if left.height < database_rows(state) + 5 { left.height } else { database_rows(state) };
    places.panes.push((Pane::Replication, take(&mut left, rows)));
    if left.height >= 3 {
        places.panes.push((Pane::Journal, left));
    }
    // The whole checklist where it fits; the log lives on what is left.
    let items = words::plan(state).map_or(0, |plan| plan.checklist.len()) as u16 + 2;
    let rows = if right.height >= items + 3 { items } else { right.height };
    places.panes.push((Pane::Checklist, take(&mut right, rows)));
    if right.height >= 3 {
        places.panes.push((Pane::Log, right));
    }
}

fn compact(state: &State, places: &mut Places, mut rest: Rect) {
    if steps::rows(state).is_some() {
        places.next_steps = take(&mut rest, 1);
    }
    let needs = trigger_rows(state, 1).max(database_rows(state)).min(5);
    let rows = if rest.height >= needs + 3 { needs.max(rest.height / 3) } else { rest.height };
    let [armed, lag] = Layout::horizontal([Constraint::Fill(11), Constraint::Fill(9)]).areas(take(&mut rest, rows));
    places.panes.push((Pane::Triggers, armed));
    places.panes.push((Pane::Replication, lag));
    if rest.height >= 3 {
        let [check, feed] = Layout::horizontal([Constraint::Fill(9), Constraint::Fill(11)]).areas(rest);
        places.panes.push((Pane::Checklist, check));
        places.panes.push((Pane::Journal, feed));
    }
}
