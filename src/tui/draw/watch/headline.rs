//! The figure that can be read across the room, and the lines beside it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use crate::{
    core::{
        door::Difference,
        fails::fails,
        has::strangers,
        home::{Home, home},
        newest::Newest,
        outlook::{self, Outlook},
        state::{Motion, TriggerState},
    },
    domain::{id::BackendId, metric::Metric},
    plan::model::Trigger,
    tui::{
        draw::watch::{
            Face,
            matter::sentence,
            parts::{self, Page},
        },
        panes::words,
        scene::Scene,
        theme::Theme,
        widgets::{big, text},
    },
    words::{Names, state_line},
};

pub(super) struct Headline {
    figure: String,
    style: Style,
    lines: Vec<Line<'static>>,
}

pub(super) fn draw(headline: Headline, theme: &Theme, page: &mut Page, buf: &mut Buffer) {
    let Headline { figure, style, lines } = headline;
    let room = page.rest();
    let tall = room.height >= 28 && room.width >= big::tall_width(&figure) + 64;
    let row = page.take(if tall { big::TALL_ROWS } else { big::ROWS });
    let width = if tall { big::tall_width(&figure) } else { big::width(&figure) };
    // The text begins at the same column for every share, so that it stands still while the figure grows.
    let column = if tall { width.max(30) + 4 } else { width.max(15) + 3 };
    if tall {
        big::draw_tall(&figure, style, theme, row, buf);
    } else {
        big::draw(&figure, style, theme, row, buf);
    }
    let beside = Rect { x: row.x + column.min(row.width), width: row.width.saturating_sub(column), ..row };
    let beside = if tall { Rect { y: beside.y + 1, height: beside.height - 1, ..beside } } else { beside };
    // The last one has what rows are left.
    let last = lines.len().saturating_sub(1);
    let within = |(place, line): (usize, Line<'static>)| {
        let style = line.spans.first().map_or(line.style, |span| line.style.patch(span.style));
        if line.width() <= usize::from(beside.width) {
            return vec![Line::styled(line.to_string(), style)];
        }
        let rows = if place == last { usize::from(beside.height).saturating_sub(last).max(1) } else { 1 };
        let parts = text::wrap_within(&line.to_string(), beside.width.into(), rows, theme.glyphs.ellipsis);
        parts.into_iter().map(move |part| Line::styled(part, style)).collect::<Vec<_>>()
    };
    text::rows(buf, beside, lines.into_iter().enumerate().flat_map(within));
}

/// Where traffic is, by requests unless they agree with what is given.
pub(super) fn traffic(face: &Face<'_>) -> Headline {
    let Face { scene: Scene { state, theme, .. }, route, known } = *face;
    let told = crate::words::figure(state, route, known);
    let stands = home_line(face, &words::place(route, &route.home));
    let lines = vec![Line::styled(told.sentence, theme.figure), all_shares(face), stands];
    Headline { figure: told.share, style: words::backend_style(route, &route.target, theme), lines }
}

/// Who has what: whoever is outside the plan first, home last.
fn all_shares(face: &Face<'_>) -> Line<'static> {
    let Face { scene: Scene { state, theme, .. }, route, known } = *face;
    let outside = strangers(known, route);
    let style = if outside.is_empty() { theme.text } else { theme.warn };
    let planned = words::legs(route).into_iter().map(|backend| state_line::share_of(state, route, &backend.id));
    let strange = outside.into_iter().map(|id| format!("{} outside the plan", state_line::share_of(state, route, id)));
    Line::styled(strange.chain(planned).collect::<Vec<_>>().join(", "), style)
}

/// How far the route is with what was asked of it, or with going home.
fn home_line(face: &Face<'_>, home_name: &str) -> Line<'static> {
    let Face { scene: Scene { state, view, theme }, route, known } = *face;
    let names = Names::of(state);
    let stands = home(state, route);
    let told = || sentence(&crate::words::home(&stands, state, route, view.now));
    match &stands {
        Home::NotHome { since, .. } => Line::styled(format!(" NOT HOME on {home_name} for {} ", view.age(*since)), theme.latch),
        Home::Going { .. } | Home::Accepted { .. } if known.latch.is_some() => {
            let since = known.latch.as_ref().map_or_else(String::new, |latch| format!(" for {}", view.age(latch.at)));
            Line::styled(format!(" ROLLING BACK to {home_name}{since} "), theme.latch)
        }
        Home::Going { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Unread => Line::styled(told(), theme.unknown),
        Home::Seen { .. } => Line::styled(told(), theme.ok),
        Home::Away { .. } if known.motion == Motion::Settled => {
            let by = known.moved_by.as_ref().map_or_else(String::new, |by| format!(", moved by {}", crate::words::mover(by, names)));
            let since = known.changed_at.map_or_else(String::new, |at| format!(" for {}", view.age(at)));
            let seen = if known.is_seen() { String::new() } else { format!("; {}", crate::words::following(known, &stands, view.now)) };
            Line::styled(format!("It has stood there{since}{by}{seen}."), theme.dim)
        }
        Home::Away { .. } => {
            let to = known.wanted.as_ref().map_or_else(String::new, |to| format!("On the way to {}: ", names.split(&route.id, to)));
            Line::styled(format!("{to}{}.", crate::words::following(known, &stands, view.now)), theme.busy)
        }
    }
}

/// A limit is crossed: by what, and what that leads to.
pub(super) fn breach(face: &Face<'_>, trigger: &Trigger) -> Headline {
    let Face { scene: Scene { state, view, theme }, .. } = *face;
    let names = Names::of(state);
    let unseen = TriggerState::default();
    let known = state.triggers.get(&trigger.id).unwrap_or(&unseen);
    let figure = parts::value(trigger, known).unwrap_or_else(|| "?".to_owned());
    let limit = trigger.metric.unit().show(trigger.limit);
    let mut lines = vec![Line::styled(format!("is the {}; its limit is {limit}.", names.watched(&trigger.id)), theme.figure)];
    let outlook = outlook::outlook(state, &trigger.id);
    let follows = outlook.as_ref().and_then(|outlook| crate::words::follows(outlook, view.now, names));
    let style = match (&outlook, follows) {
        (Some(Outlook::Running { since, lapses_at, .. }), Some(follows)) => {
            lines.push(Line::styled(sentence(&follows), theme.breach));
            let age = view.age(*since);
            let lasted = match lapses_at {
                Some(_) => format!("It was beyond it first {age} ago, and the newest figure proves nothing."),
                None => format!("It has been beyond it for {age}."),
            };
            lines.push(Line::styled(lasted, theme.dim));
            theme.breach
        }
        (Some(outlook), _) => {
            let (_, _, style) = words::standing(outlook, &known.reading, view.now, theme);
            lines.push(Line::styled(sentence(&crate::words::outlook(outlook, &trigger.id, view.now, names)), style));
            style
        }
        (None, _) => theme.unknown,
    };
    Headline { figure, style, lines }
}

/// What is met at the front door of `backend` is beyond what the plan tolerates, or not home's site; `None` once it is over.
pub(super) fn door(face: &Face<'_>, backend: &BackendId) -> Option<Headline> {
    let Face { scene: Scene { state, view, theme }, route, .. } = *face;
    let names = Names::of(state);
    let breach = outlook::at_door(state, &route.id).into_iter().find(|breach| breach.backend == *backend)?;
    if breach.is_unknown() {
        let told = sentence(&crate::words::at_door(&breach, view.now, names));
        return Some(Headline {
            figure: "?".to_owned(),
            style: theme.unknown,
            lines: vec![Line::styled(told, theme.figure), all_shares(face)],
        });
    }
    let failing = fails(state, route, backend);
    let odd = |unlike: &Difference| unlike.count as f64 / unlike.of.max(1) as f64;
    let met = breach.unlike.as_ref().map(odd).or(failing.at_door.map(|met| met.share.fraction));
    let met = breach.newest.map(|newest| newest.share()).or(met);
    let figure = met.map_or_else(|| "?".to_owned(), |met| Metric::ErrorRate.unit().show(met));
    let name = names.backend(backend);
    let newest = if breach.newest.is_some() { "newest " } else { "" };
    let (head, odd, of) = match &breach.unlike {
        Some(unlike) => (format!("of {name}'s {newest}answers are unlike home's."), unlike.count, unlike.of),
        None => (format!("of the {newest}requests to {name} fail at the front door."), breach.failed, breach.answers),
    };
    let counts = match breach.newest {
        Some(Newest { failed, answers, since }) => {
            format!("{failed} of the newest {answers} answers, in {}; {odd} of {of} with those before", view.age(since))
        }
        None => format!("{odd} of {of} answers"),
    };
    let own = failing.own.map_or_else(String::new, |own| format!("; its own count: {} fail", Metric::ErrorRate.unit().show(own.value)));
    let lines = vec![Line::styled(head, theme.figure), Line::styled(format!("{counts}{own}."), theme.text), all_shares(face)];
    Some(Headline { figure, style: theme.breach, lines })
}
