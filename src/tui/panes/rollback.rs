//! The way home: always on the screen, always with its present cost. When it is being flown, the line says how far it is.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::state::{Goal, Motion, RouteState, State},
    domain::weight::PerMille,
    plan::model::{DatabaseMode, Route},
    tui::{keymap::Action, panes::words, theme::Theme, view::View, widgets::text},
    words::{Names, platform},
};

/// One row, or two where there is room for the reason.
pub fn draw(state: &State, view: &View, theme: &Theme, area: Rect, buf: &mut Buffer) {
    buf.set_style(area, theme.base);
    let Some(route) = words::route(state, view.route) else { return };
    let Some(known) = state.routes.get(&route.id) else { return };
    for (line, row) in lines(state, route, known, view, theme, area.width.into()).into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}

fn lines(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme, room: usize) -> Vec<Line<'static>> {
    let home = words::place(route, &route.home);
    if let Some(flying) = flying(state, route, known, view, theme, room) {
        return flying;
    }
    // A watcher is shown no key that does nothing in his hands.
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    if let Some(latch) = &known.latch {
        let head = Span::styled(format!(" {} LATCHED after rollback ", theme.glyphs.latch), theme.latch);
        let cause = text::cut(&words::cause(state, &latch.cause), room.saturating_sub(head.width() + 1), theme.glyphs.ellipsis);
        let said = |words: String| Span::styled(words, theme.dim);
        let dot = theme.glyphs.dot;
        let rearms = if may {
            let key = Span::styled(words::key(view, Action::Rearm), theme.key);
            vec![Span::raw("   "), key, said(" re-arms with a reason".to_owned())]
        } else {
            vec![said("   it is re-armed with a reason".to_owned())]
        };
        let facts =
            [said(format!(" {dot} all traffic stays on {home}")), said(format!(" {dot} rolled back {}", words::age(view.age(latch.at))))];
        return vec![Line::from(vec![head, Span::raw(" "), Span::styled(cause, theme.text)]), text::with_what_fits(rearms, facts, room)];
    }
    let here = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target));
    if here == Some(PerMille::ZERO) {
        let safe = vec![
            Span::styled(format!(" {} ", theme.glyphs.ok), theme.ok),
            Span::styled(format!("all traffic is home on {home}"), theme.text),
        ];
        return vec![text::with_what_fits(safe, [Span::styled(format!(" {} {}", theme.glyphs.dot, standby(known)), theme.dim)], room)];
    }
    let ready = &known.readiness;
    let mut spans = vec![
        Span::styled(
            format!(" {} {} ", theme.glyphs.rollback, if may { words::key(view, Action::Rollback) } else { "going back".to_owned() }),
            theme.rollback,
        ),
        Span::styled(format!("takes all home to {home} in {}", ready.takes), theme.text),
    ];
    if !ready.against.is_empty() {
        let why: Vec<String> = ready.against.iter().map(|reason| crate::words::objection(reason, Names::of(state))).collect();
        spans.pop();
        spans.push(Span::styled(format!("{} going back is not assured: {}", theme.glyphs.breach, why.join("; ")), theme.breach));
        return vec![Line::from(spans)];
    }
    let dot = theme.glyphs.dot;
    let mut facts = vec![format!(" {dot} moves {:.0}% of users", ready.moves * 100.0)];
    facts.extend(writes(state).map(|lost| format!(" {dot} {lost}")));
    facts.push(format!(" {dot} {}", standby(known)));
    let seen = ready.seen_at.map(|at| Span::styled(format!(" {dot} seen {}", words::age(view.age(at))), theme.faint));
    vec![text::with_what_fits(spans, facts.into_iter().map(|fact| Span::styled(fact, theme.dim)).chain(seen), room)]
}

/// What happens to writes on the way back: with one primary for both platforms, nothing.
fn writes(state: &State) -> Option<&'static str> {
    match words::plan(state).and_then(|plan| plan.database.as_ref()).map(|database| database.mode) {
        Some(DatabaseMode::Shared) => Some("loses no writes"),
        Some(DatabaseMode::Switchover | DatabaseMode::Promote) | None => None,
    }
}

fn standby(known: &RouteState) -> String {
    platform::scale_short(known.readiness.home_scale)
}

/// While a rollback is on its way.
fn flying(state: &State, route: &Route, known: &RouteState, view: &View, theme: &Theme, room: usize) -> Option<Vec<Line<'static>>> {
    let latch = known.latch.as_ref()?;
    let since = match &known.motion {
        Motion::Returning(back) => &back.since,
        Motion::Propagating { goal: Goal::Rollback, since, .. } => since,
        Motion::Writing { .. } | Motion::Resolving { .. } | Motion::Propagating { .. } => return None,
        Motion::Unread | Motion::Settled | Motion::NeedsHuman { .. } => return None,
    };
    let mut head = vec![
        Span::styled(format!(" {} ROLLING BACK to {} ", theme.glyphs.rollback, words::place(route, &route.home)), theme.latch),
        Span::styled(format!(" {} ", view.age(*since)), theme.figure),
    ];
    head.extend(words::motion(&known.motion, view.now, theme));
    Some(vec![
        Line::from(head),
        Line::styled(text::cut(&format!("   because of {}", words::cause(state, &latch.cause)), room, theme.glyphs.ellipsis), theme.text),
    ])
}
