//! What the watcher's pages are made of.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::state::{Goal, Motion, Reading, RouteState, State, TriggerState},
    domain::{
        time::{Millis, Timestamp},
        weight::PerMille,
    },
    plan::model::{DatabaseMode, Route, Trigger, TriggerAction},
    tui::{
        panes::{charts, words},
        theme::Theme,
        view::View,
        widgets::{big, rail, text},
    },
    words::Names,
};

/// A page that is filled from its top.
pub struct Page {
    rest: Rect,
}

impl Page {
    pub fn new(room: Rect) -> Page {
        Page { rest: room }
    }
    pub fn rest(&self) -> Rect {
        self.rest
    }
    pub fn take(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.rest.height);
        let taken = Rect { height: rows, ..self.rest };
        self.rest = Rect { y: self.rest.y + rows, height: self.rest.height - rows, ..self.rest };
        taken
    }
    /// Leaves `rows` empty where that is wished.
    pub fn air(&mut self, rows: u16, wished: bool) {
        if wished {
            self.take(rows);
        }
    }
}

/// A figure to be read across the room with a few lines beside it.
pub fn headline(figure: &str, style: Style, lines: Vec<Line<'static>>, theme: &Theme, page: &mut Page, buf: &mut Buffer) {
    let room = page.rest();
    let tall = room.height >= 28 && room.width >= big::tall_width(figure) + 48;
    let rows = if tall { big::TALL_ROWS } else { big::ROWS };
    let row = page.take(rows);
    let width = if tall { big::tall_width(figure) } else { big::width(figure) };
    // The text begins at the same column for every share, so that it stands still while the figure grows.
    let column = if tall { width.max(30) + 4 } else { width.max(15) + 3 };
    if tall {
        big::draw_tall(figure, style, theme, row, buf);
    } else {
        big::draw(figure, style, theme, row, buf);
    }
    let beside = Rect { x: row.x + column.min(row.width), width: row.width.saturating_sub(column), ..row };
    let beside = if tall { Rect { y: beside.y + 1, height: beside.height - 1, ..beside } } else { beside };
    let cut = |line: Line<'static>| {
        let style = line.spans.first().map_or(line.style, |span| line.style.patch(span.style));
        Line::styled(text::cut(&line.to_string(), beside.width.into(), theme.glyphs.ellipsis), style)
    };
    text::rows(buf, beside, lines.into_iter().map(cut));
}

pub fn platform(state: &State, trigger: &Trigger) -> String {
    let found = words::backends(state).into_iter().find(|(_, backend)| backend.id == trigger.backend);
    found.map_or_else(|| trigger.backend.to_string(), |(_, backend)| backend.title.to_string())
}

/// The value if it may be believed.
pub fn value(trigger: &Trigger, seen: &TriggerState) -> Option<String> {
    match seen.reading {
        Reading::Ok | Reading::Breach => seen.value.map(|value| trigger.metric.unit().show(value)),
        Reading::None | Reading::Unknown { .. } => None,
    }
}

fn platforms(route: &Route) -> (String, String) {
    (words::place(route, &route.target).to_string(), words::place(route, &route.home).to_string())
}

/// Where traffic is, beside the share of the target.
pub fn where_is(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme) -> Vec<Line<'static>> {
    let (target, home) = platforms(route);
    let rest = known.accepted.as_ref().map(|accepted| rail::percent(accepted.weights.of(&route.home).get()));
    let rest = rest.map_or_else(|| "The weights are not known yet.".to_owned(), |rest| format!("{rest} is on {home}."));
    let by = known.moved_by.as_ref().map_or_else(String::new, |by| format!(", moved by {}", crate::words::mover(by, Names::of(state))));
    let since = known.changed_at.map_or_else(String::new, |at| format!(" for {}", view.age(at)));
    let stands = match &known.motion {
        Motion::Settled => format!("It has stood there{since}{by}."),
        motion => words::motion(motion, view.now, theme).iter().map(|span| span.content.to_string()).collect(),
    };
    vec![
        Line::styled(format!("of {} is on {target}.", route.title), theme.figure),
        Line::styled(rest, theme.text),
        Line::styled(stands, theme.dim),
    ]
}

/// What is wrong and when it ends, beside the figure.
pub fn threat(state: &State, trigger: &Trigger, view: &View, theme: &Theme) -> Vec<Line<'static>> {
    let what = trigger.metric.name().replace('_', " ");
    let head = Line::styled(
        format!("is the {what} of {}; its limit is {}.", platform(state, trigger), trigger.metric.unit().show(trigger.above)),
        theme.figure,
    );
    let Some(since) = state.triggers.get(&trigger.id).and_then(|seen| seen.pending_since) else {
        return vec![head, Line::styled("It is within its limit again.", theme.ok)];
    };
    let then = match trigger.action {
        TriggerAction::Rollback => "Traffic goes home by itself",
        TriggerAction::Hold => "The route is held by itself",
    };
    vec![
        head,
        Line::styled(format!("{then} in {} unless it clears.", (since + trigger.lasting).since(view.now)), theme.breach),
        Line::styled(format!("It has been beyond it for {}.", view.age(since)), theme.dim),
    ]
}

/// How much of a trigger's time has passed.
pub fn clock(trigger: &Trigger, since: Timestamp, view: &View, theme: &Theme, row: Rect, buf: &mut Buffer) {
    let passed = view.age(since);
    let left = format!(" {} left", Millis(trigger.lasting.0.saturating_sub(passed.0)));
    let cells = usize::from(row.width).saturating_sub(text::width(&left));
    let filled = (passed.0 as usize * cells / trigger.lasting.0.max(1) as usize).min(cells);
    let column = text::put(buf, row, 0, &theme.glyphs.fills[0].repeat(filled), theme.breach);
    let column = text::put(buf, row, column, &theme.glyphs.track.repeat(cells - filled), theme.faint);
    text::put(buf, row, column, &left, theme.breach);
}

/// Where a move is on its way, beside what requests meet.
pub fn course(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme) -> Vec<Line<'static>> {
    let (target, home) = platforms(route);
    let goal = match &known.motion {
        Motion::Writing { .. } | Motion::Resolving { .. } => Some(Goal::Advance),
        Motion::Propagating { goal, .. } => Some(*goal),
        Motion::Returning(_) => Some(Goal::Rollback),
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => None,
    };
    let head = Line::styled(format!("of requests reach {target} now."), theme.figure);
    let wanted = known.wanted.as_ref().map_or_else(|| "?".to_owned(), |wanted| rail::percent(wanted.of(&route.target).get()));
    let how: String = words::motion(&known.motion, view.now, theme).iter().map(|span| span.content.to_string()).collect();
    match (goal, &known.latch) {
        (Some(Goal::Rollback), latch) => {
            let cause = latch.as_ref().map_or_else(String::new, |latch| format!("Because of {}.", words::cause(state, &latch.cause)));
            vec![head, Line::styled(format!("ROLLING BACK to {home}: {how}"), theme.latch), Line::styled(cause, theme.text)]
        }
        (None, Some(latch)) => {
            let text = format!("All traffic is home on {home}; the rollback began {}.", words::age(view.age(latch.at)));
            vec![head, Line::styled(text, theme.ok), Line::styled(format!("Because of {}.", words::cause(state, &latch.cause)), theme.text)]
        }
        (Some(Goal::Advance) | None, _) => {
            let by =
                known.moved_by.as_ref().map_or_else(String::new, |by| format!(", moved by {}", crate::words::mover(by, Names::of(state))));
            vec![head, Line::styled(format!("On the way to {wanted}{by}."), theme.busy), Line::styled(how, theme.dim)]
        }
    }
}

/// One weight as a bar with its name before and its figure behind.
pub fn bar(name: &str, style: Style, share: Option<f64>, theme: &Theme, rows: Rect, buf: &mut Buffer) {
    for (place, row) in rows.rows().enumerate() {
        if place == 0 {
            text::put(buf, row, 0, name, theme.dim);
        }
        let room = Rect { x: row.x + 12.min(row.width), width: row.width.saturating_sub(12 + 8), ..row };
        let cells = usize::from(room.width);
        let filled = share.map_or(0, |share| (share.clamp(0.0, 1.0) * cells as f64).round() as usize);
        let column = text::put(buf, room, 0, &theme.glyphs.fills[0].repeat(filled), style);
        text::put(buf, room, column, &theme.glyphs.track.repeat(cells - filled), theme.faint);
        if place == 0 {
            let figure = share.map_or_else(|| "?".to_owned(), |share| format!("{:.0}%", share * 100.0));
            let behind = Rect { x: room.right(), width: row.right().saturating_sub(room.right()), ..row };
            text::put(buf, behind, 2.min(behind.width), &figure, theme.figure);
        }
    }
}

/// What going back would mean now, without the key that a watcher doesn't have.
pub fn way_home(state: &State, route: &Route, known: &RouteState, theme: &Theme) -> Line<'static> {
    let (_, home) = platforms(route);
    let said = |glyph: &str, text: String, style: Style| {
        Line::from(vec![
            Span::styled(format!("{glyph} "), style),
            Span::styled(text, if style == theme.breach { style } else { theme.text }),
        ])
    };
    let here = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target));
    let ready = crate::words::platform::scale(known.readiness.home_scale);
    if here == Some(PerMille::ZERO) {
        return said(theme.glyphs.ok, format!("All traffic is home on {home}, {ready}"), theme.ok);
    }
    if let Some(against) = known.readiness.against.first() {
        return said(
            theme.glyphs.breach,
            format!("Going back is not assured: {}", crate::words::objection(against, Names::of(state))),
            theme.breach,
        );
    }
    let mode = words::plan(state).and_then(|plan| plan.database.as_ref()).map(|database| database.mode);
    let writes = if mode == Some(DatabaseMode::Shared) { ", loses no writes" } else { "" };
    let (takes, moves) = (known.readiness.takes, known.readiness.moves * 100.0);
    said(
        theme.glyphs.rollback,
        format!("Going back to {home} would take {takes}, moves {moves:.0}% of users{writes}; {ready}"),
        theme.rollback,
    )
}

/// Who steers and who is here.
pub fn company(state: &State, theme: &Theme) -> Line<'static> {
    let holder = state.controls.holder.as_ref();
    let steers = holder.map_or_else(|| "Nobody has the controls".to_owned(), |holder| format!("{} has the controls", holder.who));
    let crew =
        state.people.iter().filter(|(client, person)| person.role.may_approve() && Some(**client) != holder.map(|holder| holder.client));
    let crew: Vec<String> = crew.map(|(_, person)| person.who.to_string()).collect();
    let watchers = state.people.values().filter(|person| !person.role.may_approve()).count();
    let with = if crew.is_empty() { String::new() } else { format!(", {} beside", crew.join(", ")) };
    let watch = match watchers {
        0 => String::new(),
        1 => ", 1 watches".to_owned(),
        more => format!(", {more} watch"),
    };
    Line::from(vec![
        Span::styled(format!("{} ", theme.glyphs.focus), theme.focus),
        Span::styled(format!("{steers}{with}{watch}"), theme.text),
    ])
}

/// The newest remarks of the session, newest last.
pub fn tail(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rows = usize::from(area.height).min(8);
    let skip = state.feed.len().saturating_sub(rows);
    let lines = state.feed.iter().skip(skip).map(|line| {
        let (glyph, style) = words::tone(line.news.tone(), theme);
        let room = usize::from(area.width).saturating_sub(14);
        let age = view.age(line.at).to_string();
        let told = crate::words::news(&line.news, Names::of(state));
        let name = line.who.as_ref().filter(|who| !told.starts_with(who.as_str()));
        let words = name.map_or_else(|| told.clone(), |name| format!("{name} {told}"));
        Line::from(vec![
            Span::styled(format!("{age:>9} "), theme.faint),
            Span::styled(format!("{glyph} "), style),
            Span::styled(text::cut(&words, room, theme.glyphs.ellipsis), if style == theme.text { theme.dim } else { style }),
        ])
    });
    let lines: Vec<Line<'static>> = lines.collect();
    let top = area.bottom() - lines.len() as u16;
    text::rows(buf, Rect { y: top, height: area.bottom() - top, ..area }, lines);
}

pub fn chart(state: &State, trigger: &Trigger, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let route = words::plan(state).and_then(|plan| plan.routes.iter().find(|route| route.id == trigger.route));
    if let Some(route) = route {
        charts::plot_of(state, route, trigger, theme, area, buf);
    }
}
