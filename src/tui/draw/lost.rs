//! When the host is gone: what still holds, what was seen last and when, that it is tried again. And when it is back: what happened.
//!
//! What is old looks old: the whole screen goes grey under the notice. Nothing is claimed that a cockpit without a host can't know: until its
//! socket tells whether the host died or only the line did, both are said with what follows from each. What to do is never cut: where there is
//! no room, what is good to know gives way.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    attach::client::Listens,
    core::{
        event::WorldKind,
        home::home,
        outlook::{Outlook, outlook},
        state::State,
    },
    tui::{
        keymap::Action,
        panes::words,
        scene::Scene,
        theme::Theme,
        view::{Back, Fate, Hearing, Then},
        widgets::{dialog, text},
    },
    words::{Names, absence},
};

const COLUMNS: u16 = 84;
/// Columns of what is named before its value.
const NAME_COLUMNS: usize = 12;
/// Of the command by hand in one row; it fits the narrowest usual screen.
const COMMAND_COLUMNS: usize = 70;
/// Routes named in the notice; a plan has one to three.
const ROUTES_MAX: usize = 3;

/// Draws the notice over `body` where one is due.
pub(super) fn draw(scene: Scene<'_>, body: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    match (&view.hearing, &view.back) {
        (Hearing::Lost { why, then, gone }, _) => {
            for position in body.intersection(buf.area).positions() {
                buf[position].set_style(theme.base).set_style(theme.stale);
            }
            let (title, style) = match then {
                Then::Listen => ("THE HOST IS SILENT", theme.warn),
                Then::TryAgain { .. } => ("THE HOST IS GONE", theme.breach),
                Then::Nothing => ("THIS SESSION IS OVER FOR THIS COCKPIT", theme.breach),
            };
            let width = usize::from(COLUMNS.min(body.width).saturating_sub(4));
            let lines = lost(&format!("for {gone}: {why}"), *then, width, scene);
            card(&format!("{} {title} ", theme.glyphs.breach), style, lines, theme, body, buf);
        }
        // What is asked of a person comes before what is told to him; the notice waits below it.
        (Hearing::Connected, Some(back)) if view.overlay.is_none() => {
            card(&format!("{} THE HOST IS BACK ", theme.glyphs.ok), theme.ok, returned(back, theme), theme, body, buf);
        }
        (Hearing::Connected, Some(_) | None) => {}
    }
}

/// A row of the notice, and whether it gives way where there is no room for all.
struct Row {
    line: Line<'static>,
    worth: Worth,
}

/// In the order in which it gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Air,
    /// Good to know, and no help.
    Told,
    Needed,
}

fn worth(worth: Worth, lines: impl IntoIterator<Item = Line<'static>>) -> impl Iterator<Item = Row> {
    lines.into_iter().map(move |line| Row { line, worth })
}

fn card(title: &str, style: ratatui::style::Style, mut rows: Vec<Row>, theme: &Theme, body: Rect, buf: &mut Buffer) {
    while rows.len() + 2 > usize::from(body.height)
        && let Some(least) = rows.iter().map(|row| row.worth).min().filter(|least| *least < Worth::Needed)
        && let Some(place) = rows.iter().rposition(|row| row.worth == least)
    {
        rows.remove(place);
    }
    let lines: Vec<Line<'static>> = rows.into_iter().map(|row| row.line).collect();
    let place = dialog::place(body, COLUMNS, lines.len() as u16 + 2);
    let inner = dialog::draw("", theme, place, buf);
    for position in place.intersection(buf.area).positions().filter(|position| !inner.contains(*position)) {
        buf[position].set_style(style);
    }
    text::put(buf, Rect { x: place.x + 2, height: 1, width: place.width.saturating_sub(3), ..place }, 0, &format!(" {title}"), style);
    let cut = lines.into_iter().map(|line| cut(line, inner.width, theme));
    text::rows(buf, inner, cut);
}

fn cut(line: Line<'static>, width: u16, theme: &Theme) -> Line<'static> {
    let mut room = usize::from(width);
    let spans = line.spans.into_iter().map(|span| {
        let part = text::cut(&span.content, room, theme.glyphs.ellipsis);
        room -= text::width(&part).min(room);
        Span::styled(part, span.style)
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn named(name: &str, value: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let rows = text::wrap(value, width.saturating_sub(NAME_COLUMNS)).into_iter().enumerate();
    let row = |(place, row): (usize, String)| {
        let name = if place == 0 { name } else { "" };
        Line::from(vec![Span::styled(format!("  {name:<10}"), theme.dim), Span::styled(row, theme.text)])
    };
    rows.map(row).collect()
}

fn lost(why: &str, then: Then, width: usize, scene: Scene<'_>) -> Vec<Row> {
    let Scene { state, view, theme } = scene;
    let plain = |text: String| Line::styled(text, theme.text);
    let holds = |text: &str| plain(format!("  {text}"));
    let air = || Row { line: Line::default(), worth: Worth::Air };
    let mut rows: Vec<Row> = worth(Worth::Needed, text::wrap(why, width).into_iter().map(plain)).collect();
    rows.push(air());
    let seen = format!("Last seen at {}Z; the grey screen is as old as that:", words::clock(state.now));
    rows.extend(worth(Worth::Needed, [plain(seen)]));
    rows.extend(last_seen(then, width, scene));
    rows.push(air());
    rows.extend(worth(Worth::Needed, unanswered(width, scene)));
    rows.extend(worth(Worth::Told, [plain("What still holds:".to_owned())]));
    // A world that is simulated may have died with its host, and then nothing is left to be taken up.
    let way_on = match state.opened.as_ref().map(|opened| opened.world) {
        Some(WorldKind::Demo { .. }) => "cutover sessions says how to go on",
        Some(WorldKind::Live) | None => "cutover open takes it up again",
    };
    match then {
        Then::Listen | Then::TryAgain { listens: Listens::NotKnown, .. } => {
            let begun = in_flight(state, "if the host died, it moves no weight; whoever else steers may");
            rows.extend(worth(Worth::Needed, begun.iter().map(|begun| holds(begun))));
            rows.extend(worth(Worth::Told, [holds("if only this line broke, the session goes on, its triggers armed")]));
            rows.extend(worth(Worth::Needed, [holds(&format!("if the host died, the triggers sleep; {way_on}"))]));
        }
        Then::TryAgain { listens: Listens::Nobody, .. } => {
            let begun = in_flight(state, "the host has ended and moves no weight; whoever else steers may");
            rows.extend(worth(Worth::Needed, begun.iter().map(|begun| holds(begun))));
            rows.extend(worth(Worth::Needed, [holds(&format!("nobody listens: the triggers sleep; {way_on}"))]));
        }
        Then::Nothing => {
            let begun = in_flight(state, "it moves no weight any more; whoever else steers may");
            rows.extend(worth(Worth::Needed, begun.iter().map(|begun| holds(begun))));
            rows.extend(worth(Worth::Needed, [holds("nobody watches it: no trigger rolls back, and no key reaches it")]));
        }
    }
    rows.extend(worth(Worth::Needed, by_hand(scene)));
    rows.push(air());
    let next = match then {
        Then::Listen => "The line is open: keys are sent, and carried out when the host goes on.".to_owned(),
        Then::TryAgain { attempts, .. } if view.me.as_ref().is_none_or(|me| me.role.may_steer()) => {
            let home = words::key(view, Action::Rollback);
            format!("Trying again by itself, attempt {attempts}. {home} is kept until then, no other key is.")
        }
        Then::TryAgain { attempts, .. } => format!("Trying again by itself, attempt {attempts}. No key reaches the session until then."),
        Then::Nothing => "Nothing is tried again. q leaves; cutover sessions shows what runs.".to_owned(),
    };
    rows.extend(worth(Worth::Needed, [Line::styled(next, theme.figure)]));
    rows
}

fn last_seen(then: Then, width: usize, scene: Scene<'_>) -> Vec<Row> {
    let Scene { state, view, theme } = scene;
    let routes = words::plan(state).into_iter().flat_map(|plan| &plan.routes).take(ROUTES_MAX);
    let traffic = routes.flat_map(|route| {
        let stood = absence::stood(state, route, Names::of(state));
        named("traffic", &format!("{}: {stood}", route.title), width, theme)
    });
    let guard = guard(state);
    let mine = view.me.as_ref().map(|me| me.client);
    let controls = match &state.controls.holder {
        Some(holder) if Some(holder.client) == mine => "yours; free 15s after the host missed you".to_owned(),
        Some(holder) => format!("with {}", holder.who),
        None => "free".to_owned(),
    };
    // Who has the controls of what is over is nobody's question.
    let controls = (then != Then::Nothing).then(|| named("controls", &controls, width, theme)).into_iter().flatten();
    let told = named("guard", &guard, width, theme).into_iter().chain(controls);
    worth(Worth::Needed, traffic).chain(worth(Worth::Told, told)).collect()
}

/// What the triggers stood at when the host was last heard.
fn guard(state: &State) -> String {
    let names = Names::of(state);
    let stood: Vec<_> = state.triggers.keys().filter_map(|id| Some((names.watched(id), outlook(state, id)?))).collect();
    let of = |wanted: fn(&Outlook) -> bool| -> Vec<&str> {
        stood.iter().filter(|(_, stood)| wanted(stood)).map(|(watched, _)| watched.as_str()).collect()
    };
    let running = of(|stood| matches!(stood, Outlook::Running { .. }));
    let blind = of(|stood| matches!(stood, Outlook::Blind { .. })).len();
    let unjudged = of(|stood| matches!(stood, Outlook::Unjudged(_) | Outlook::Unproven { .. })).len();
    let fired = of(|stood| matches!(stood, Outlook::Fired { .. }));
    match (running.is_empty(), blind, unjudged, fired.is_empty()) {
        (false, ..) => format!("{} breached, its clock running", running.join(" and ")),
        (true, 1.., ..) => format!("{blind} of {} triggers blind", stood.len()),
        (true, 0, 1.., _) => format!("{unjudged} of {} triggers could not judge", stood.len()),
        (true, 0, 0, false) => format!("{} had fired", fired.join(" and ")),
        (true, 0, 0, true) => format!("{} triggers armed, none breached", stood.len()),
    }
}

/// What was on its way, or that nothing was.
fn in_flight(state: &State, nothing: &str) -> Vec<String> {
    let names = Names::of(state);
    let routes = words::plan(state).into_iter().flat_map(|plan| &plan.routes);
    let begun =
        routes.flat_map(|route| absence::begun(state, route, names).into_iter().map(move |begun| format!("{}: {begun}", route.title)));
    let begun: Vec<String> = begun.collect();
    if begun.is_empty() { vec![nothing.to_owned()] } else { begun }
}

/// What this person asked for and nobody has confirmed.
fn unanswered(width: usize, scene: Scene<'_>) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let mut lines = Vec::new();
    let mut fates: Vec<Fate> = view.unanswered.iter().map(|asked| asked.fate).collect();
    fates.sort();
    fates.dedup();
    for fate in fates {
        let heading = match fate {
            Fate::Sent => crate::words::TAKEN_WHEN_IT_GOES_ON.to_owned(),
            Fate::Lost => crate::words::TAKEN_OR_NOT.to_owned(),
            Fate::Kept { left } => crate::words::kept(left),
            Fate::GivenUp => crate::words::GIVEN_UP.to_owned(),
        };
        lines.extend(text::wrap(&heading, width).into_iter().map(|row| Line::styled(row, theme.warn)));
        for asked in view.unanswered.iter().filter(|asked| asked.fate == fate) {
            let told = crate::words::asked_at(&asked.key, &asked.command, asked.at, asked.age, Names::of(state));
            lines.extend(text::wrap(&told, width.saturating_sub(2)).into_iter().map(|row| Line::styled(format!("  {row}"), theme.figure)));
        }
        lines.push(Line::default());
    }
    lines
}

/// The second lever, for whoever can't wait: the exact command, which the plan alone gives.
fn by_hand(scene: Scene<'_>) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let Some((plan, route)) = words::plan(state).zip(words::route(state, view.route)) else { return Vec::new() };
    if home(state, route).is_reached() {
        return Vec::new();
    }
    let next =
        if plan.routes.len() > 1 { format!("; {} shows the next route's", words::key(view, Action::NextRoute)) } else { String::new() };
    let copies = words::key(view, Action::CopyByHand);
    let head = format!("  {} home by hand, in a shell with your own rights ({copies} copies it{next}):", route.title);
    let simulated = absence::caution(state.opened.as_ref().map(|opened| opened.world)).map(|note| format!("    ({note})"));
    let parts = words::by_hand(state, route, COMMAND_COLUMNS);
    let parts = parts.into_iter().map(|part| Line::styled(format!("    {part}"), theme.figure));
    let simulated = simulated.map(|note| Line::styled(note, theme.warn));
    std::iter::once(Line::styled(head, theme.text)).chain(simulated).chain(parts).collect()
}

fn returned(back: &Back, theme: &Theme) -> Vec<Row> {
    let mut lines = vec![Line::styled(format!("after {}; while it was gone:", back.gone), theme.text), Line::default()];
    for (tone, text) in &back.news {
        let (glyph, style) = words::tone(*tone, theme);
        for (place, part) in text::wrap(text, usize::from(COLUMNS) - 10).into_iter().enumerate() {
            let mark = if place == 0 { glyph } else { " " };
            lines.push(Line::styled(format!("  {mark} {part}"), style));
        }
    }
    lines.push(Line::default());
    lines.push(Line::styled("Any key goes on; Esc only closes this", theme.faint));
    let of = |line: &Line<'_>| if line.width() == 0 { Worth::Air } else { Worth::Needed };
    lines.into_iter().map(|line| Row { worth: of(&line), line }).collect()
}
