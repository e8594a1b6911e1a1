//! The dialog of a second person: what exactly is asked for, by whom, on what it rests, and how long it may still be approved.
//!
//! Everybody who may answer sees the same terms, the asker included, so that two people can read them to each other. What the digest
//! covers is all here. The word to type names the target and the share that it would get: it is another one for each request, so that no
//! hand learns it. Where the terms have no room they are turned over, a page at a time. When the request ends under one's eyes the dialog stays
//! and says how; a dialog that vanishes teaches nothing.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        forecast::open_before,
        replication,
        roster::Barred,
        runbook::{Act, StepTerms},
        state::{Approval, ShiftTerms, State, Terms},
    },
    domain::{id::RouteId, weight::Weights},
    plan::model::{Route, steps::Undoing},
    tui::{
        draw::{above, toasts},
        overlay::word,
        panes::{draft::against, words},
        scene::Scene,
        theme::Theme,
        view::View,
        widgets::{
            dialog,
            line::LineEdit,
            rail::{self, Freshness, Leg},
            text,
        },
    },
    words::draft,
};

const COLUMNS: u16 = 84;
/// Columns of what a row is called.
const NAMES: u16 = 10;
/// Rows that are kept at the bottom whatever the size: what to type, the line, what else can be done.
const FOOT: u16 = 3;

/// One row of the terms.
enum Row {
    Blank,
    Said(Line<'static>),
    Split(&'static str, Weights),
    Expiry,
}

pub(super) fn draw((approval, page): (&Approval, usize), line: &LineEdit, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let mut rows = terms(approval, usize::from(COLUMNS.min(area.width)).saturating_sub(4), scene);
    let room = dialog::place(area, COLUMNS, rows.len() as u16 + FOOT + 2);
    let mine = view.me.as_ref().is_some_and(|me| me.who == approval.by.who);
    let title = if mine { "A second person must approve" } else { "APPROVE?" };
    let inner = dialog::draw(title, theme, room, buf);
    if !mine {
        text::put(buf, Rect { x: room.x + 1, height: 1, ..room }, 0, &format!(" {} {title} ", theme.glyphs.warn), theme.latch);
    }
    let [body, foot] = split(inner);
    // The way to answer is worth more than air, and air less than any term.
    while rows.len() > usize::from(body.height)
        && let Some(blank) = rows.iter().rposition(|row| matches!(row, Row::Blank))
    {
        rows.remove(blank);
    }
    let rows = paged(rows, page, usize::from(body.height), theme);
    for (row, at) in rows.into_iter().zip(body.rows()) {
        match row {
            Row::Blank => {}
            Row::Said(said) => text::rows(buf, at, [said]),
            Row::Split(name, weights) => split_row(name, &weights, approval, state, theme, at, buf),
            Row::Expiry => expiry(approval, view, theme, at, buf),
        }
    }
    answer(approval, line, mine, scene, foot, buf);
}

/// The rows of one page, where there is no room for all, with how to see the others in the last one.
fn paged(mut rows: Vec<Row>, page: usize, room: usize, theme: &Theme) -> Vec<Row> {
    let each = room.saturating_sub(1);
    if rows.len() <= room || each == 0 {
        rows.truncate(room);
        return rows;
    }
    let pages = rows.len().div_ceil(each);
    let page = page % pages;
    let told = format!("{} page {} of {pages}; PgDn shows the next one", theme.glyphs.ellipsis, page + 1);
    let shown = rows.into_iter().skip(page * each).take(each);
    shown.chain([Row::Said(Line::styled(told, theme.key))]).collect()
}

fn split(inner: Rect) -> [Rect; 2] {
    let foot = FOOT.min(inner.height);
    let body = Rect { height: inner.height - foot, ..inner };
    [body, Rect { y: body.bottom(), height: foot, ..inner }]
}

fn route<'a>(state: &'a State, id: &RouteId) -> Option<&'a Route> {
    words::plan(state)?.routes.iter().find(|route| route.id == *id)
}

fn term(approval: &Approval, state: &State, name: &str) -> String {
    let terms = crate::words::terms(&approval.terms, crate::words::Names::of(state));
    terms.into_iter().find(|(known, _)| *known == name).map_or_else(|| "?".to_owned(), |(_, value)| value)
}

fn terms(approval: &Approval, width: usize, scene: Scene<'_>) -> Vec<Row> {
    let Scene { state, view, theme } = scene;
    let named = |name: &str, value: String| {
        Row::Said(Line::from(vec![Span::styled(format!("{name:<10}"), theme.dim), Span::styled(value, theme.text)]))
    };
    let who = Span::styled(approval.by.who.to_string(), theme.figure);
    let ShiftTerms { route: id, from, to, .. } = match &approval.terms {
        Terms::Shift(terms) => terms,
        Terms::Step(terms) => return step_terms(approval, terms, width, scene),
    };
    let term = |name: &str| term(approval, state, name);
    let target = route(state, id).map(|route| route.target.clone());
    let gains = target.as_ref().map_or(0, |target| to.of(target).get().saturating_sub(from.of(target).get()));
    let bound = route(state, id).map_or_else(String::new, |route| format!("; one person alone may move {}", route.step_max));
    let head = vec![
        who,
        Span::styled(format!(" asks to move {} of ", rail::percent(gains)), theme.text),
        Span::styled(id.to_string(), theme.figure),
    ];
    let towards = target.map_or_else(String::new, |target| format!(" to {target}{bound}"));
    let room = width.saturating_sub(NAMES.into());
    let wrapped = |name: &'static str, value: String| {
        let parts = text::wrap(&value, room).into_iter().enumerate();
        parts.map(|(place, part)| named(if place == 0 { name } else { "" }, part)).collect::<Vec<_>>()
    };
    let asker = state.people.get(&approval.by.client).and_then(|person| person.credentials.as_ref());
    let by = asker
        .map_or_else(String::new, |known| format!(" by {} {} {}", approval.by.who, theme.glyphs.dot, crate::words::credentials(known)));
    let asks = Row::Said(Line::from(head.into_iter().chain([Span::styled(towards, theme.text)]).collect::<Vec<_>>()));
    // High up, so that they are not what has no room: who stands behind it, and how long it is open.
    let asked = wrapped("asked", format!("{}{by}", words::age(view.age(approval.at))));
    let rows = [Row::Expiry, Row::Blank, Row::Split("before", from.clone()), Row::Split("after", to.clone()), Row::Blank];
    let database = wrapped("database", format!("{}{}", term("replication"), lag(state, view)));
    let barred = approval.barred.iter().flat_map(|(who, Barred { how, after })| {
        let told = format!("{} {}: may not approve", theme.glyphs.warn, crate::words::barred(who, how, *after));
        text::wrap(&told, width).into_iter().map(|part| Row::Said(Line::styled(part, theme.warn))).collect::<Vec<_>>()
    });
    let rests = wrapped("rests on", format!("version {}, plan {}, {}", term("version"), term("plan"), term("controls")));
    let open = draft::all_open_before(&open_before(state), crate::words::Names::of(state)).unwrap_or_default();
    let open = text::wrap(&open, width.saturating_sub(2)).into_iter().filter(|part| !part.is_empty()).enumerate().map(|(place, part)| {
        let mark = if place == 0 { theme.glyphs.warn } else { " " };
        Row::Said(Line::styled(format!("{mark} {part}"), theme.warn))
    });
    let client = Some(approval.by.client);
    let told = route(state, id).map_or_else(Vec::new, |route| against(state, client, route, to, view.now));
    let against = told.into_iter().flat_map(|said| {
        let (glyph, style) = words::tone(said.tone, theme);
        let rows = text::wrap(&said.long, width.saturating_sub(2)).into_iter().enumerate();
        rows.map(|(place, part)| Row::Said(Line::styled(format!("{} {part}", if place == 0 { glyph } else { " " }), style)))
            .collect::<Vec<_>>()
    });
    // What warns comes before what it rests on, which the digest covers anyway.
    let shown = std::iter::once(asks).chain(asked).chain(rows).chain(against).chain(barred).chain(open);
    shown.chain(database).chain(rests).chain([Row::Blank]).collect()
}

/// The same of an act on a step.
fn step_terms(approval: &Approval, terms: &StepTerms, width: usize, scene: Scene<'_>) -> Vec<Row> {
    let Scene { state, view, theme } = scene;
    let names = crate::words::Names::of(state);
    let asks = format!(" asks to {} \"{}\" of ", crate::words::steps::act(terms.act), names.step(&terms.step));
    let head = Row::Said(Line::from(vec![
        Span::styled(approval.by.who.to_string(), theme.figure),
        Span::styled(asks, theme.text),
        Span::styled(terms.target.to_string(), theme.figure),
    ]));
    let room = width.saturating_sub(NAMES.into());
    let wrapped = |name: &'static str, value: String, style: Style| {
        let parts = text::wrap(&value, room).into_iter().enumerate();
        let row = |(place, part)| {
            let name = if place == 0 { name } else { "" };
            Row::Said(Line::from(vec![Span::styled(format!("{name:<10}"), theme.dim), Span::styled(part, style)]))
        };
        parts.map(row).collect::<Vec<_>>()
    };
    let asked = wrapped("asked", words::age(view.age(approval.at)), theme.text);
    let planned = words::plan(state).and_then(|plan| plan.step(&terms.step));
    let wants = planned.map_or_else(Vec::new, |step| {
        let name = if terms.act == Act::Undo { "undoes" } else { "wants" };
        wrapped(name, crate::words::steps::desired(&step.desired), theme.text)
    });
    let changes = terms.changes.iter().flat_map(|change| wrapped("changes", crate::words::steps::change(change), theme.figure));
    let undoing = planned.map(|step| step.desired.undoing());
    let warning = match (terms.act, undoing) {
        (Act::Run, Some(Undoing::Impossible)) => wrapped("beware", "it can't be taken back".to_owned(), theme.warn),
        (Act::Undo, Some(Undoing::Destroys)) => {
            wrapped("beware", "what the step has made is deleted, and what was put there since".to_owned(), theme.warn)
        }
        (Act::Run | Act::Undo, _) => Vec::new(),
    };
    let barred = approval.barred.iter().flat_map(|(who, Barred { how, after })| {
        let told = format!("{} {}: may not approve", theme.glyphs.warn, crate::words::barred(who, how, *after));
        text::wrap(&told, width).into_iter().map(|part| Row::Said(Line::styled(part, theme.warn))).collect::<Vec<_>>()
    });
    let database = wrapped("database", format!("{}{}", term(approval, state, "replication"), lag(state, view)), theme.text);
    let of = |name: &str| term(approval, state, name);
    let rests = wrapped("rests on", format!("version {}, plan {}, {}", of("version"), of("plan"), of("controls")), theme.text);
    let shown =
        std::iter::once(head).chain(asked).chain([Row::Expiry, Row::Blank]).chain(wants).chain(changes).chain([Row::Blank]).chain(warning);
    shown.chain(barred).chain(database).chain(rests).chain([Row::Blank]).collect()
}

/// The newest figure with its own age, which the digest does not cover because it never stands still.
fn lag(state: &State, view: &View) -> String {
    let database = words::plan(state).and_then(|plan| plan.database.as_ref());
    let lags = database.into_iter().flat_map(|database| {
        let lag = |instance| replication::standing(database, instance, state.replication.get(instance), view.now).lag();
        database.instances().filter_map(lag)
    });
    let most = lags.max_by(|one, other| one.value.total_cmp(&other.value));
    most.map_or_else(String::new, |lag| format!(" (lag {:.1}s, {})", lag.value, words::age(view.age(lag.at))))
}

/// Where traffic is before or after, as a rail of its own.
fn split_row(name: &str, weights: &Weights, approval: &Approval, state: &State, theme: &Theme, at: Rect, buf: &mut Buffer) {
    text::put(buf, at, 0, name, theme.dim);
    let Terms::Shift(ShiftTerms { route: id, .. }) = &approval.terms else { return };
    let column = NAMES.min(at.width);
    let at = Rect { x: at.x + column, width: at.width - column, ..at };
    match route(state, id) {
        Some(route) if at.width >= 40 => rail::draw(&legs(route, weights, theme), Freshness::Fresh, theme, at, buf),
        Some(_) | None => {
            text::put(buf, at, 0, &text::cut(&weights.to_string(), at.width.into(), theme.glyphs.ellipsis), theme.figure);
        }
    }
}

fn legs(route: &Route, weights: &Weights, theme: &Theme) -> Vec<Leg> {
    let leg = |backend: &&crate::plan::model::Backend| Leg {
        name: backend.title.to_string(),
        style: words::backend_style(route, &backend.id, theme),
        accepted: Some(weights.of(&backend.id).get()),
        fills: None,
        wanted: None,
        draft: None,
        observed: None,
        failing: None,
    };
    words::legs(route).iter().map(leg).collect()
}

/// That nobody could act in a part of its time, which is not given back.
pub(super) fn stood_still(approval: &Approval, view: &View) -> String {
    match approval.stood_still {
        stood if stood.is_zero() => String::new(),
        stood => format!(", the host did not run for {} of its time", words::by_your_clock(stood, view)),
    }
}

/// How much of its time is left, as a bar and in words.
fn expiry(approval: &Approval, view: &View, theme: &Theme, at: Rect, buf: &mut Buffer) {
    text::put(buf, at, 0, "expires", theme.dim);
    let (left, whole) = (approval.expires_at.since(view.now), approval.expires_at.since(approval.at));
    // Time that a person has is shown as the person's, however fast the demo's world goes.
    let said = format!(" in {}{}", words::by_your_clock(left, view), stood_still(approval, view));
    let style = if left.0 * 5 < whole.0 { theme.breach } else { theme.warn };
    let column = NAMES.min(at.width);
    let cells = usize::from(at.width - column).saturating_sub(text::width(&said)).min(48);
    let filled = (left.0 as usize * cells).checked_div(whole.0 as usize).unwrap_or(0).min(cells);
    let column = text::put(buf, at, column, &theme.glyphs.fills[0].repeat(filled), style);
    let column = text::put(buf, at, column, &theme.glyphs.track.repeat(cells - filled), theme.faint);
    text::put(buf, at, column, &said, style);
}

fn answer(approval: &Approval, line: &LineEdit, mine: bool, scene: Scene<'_>, foot: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    if !state.approvals.contains_key(&approval.digest) {
        let ended = state.ended.iter().rev().find(|ended| ended.digest == approval.digest);
        let (glyph, words, style) = match ended {
            Some(ended) => toasts::ending(state, ended, theme),
            None => (theme.glyphs.warn, "it is no longer open".to_owned(), theme.warn),
        };
        let over = Line::styled(text::cut(&format!("{glyph} {words}"), foot.width.into(), theme.glyphs.ellipsis), style);
        text::rows(buf, foot, [over, Line::default(), Line::styled("Enter or Esc closes", theme.faint)]);
        return;
    }
    let asks = if mine {
        let others = seconds(approval, state);
        let who = if others.is_empty() { "Nobody here may answer yet".to_owned() } else { format!("{} must answer", others.join(" or ")) };
        typed("Type ", "withdraw", &format!(" to take it back. {who}"), theme)
    } else {
        typed("Type ", &word(state, approval), " and Enter to approve, no and why to deny", theme)
    };
    let [ask, entry, last] = [0, 1, 2].map(|row| Rect { y: foot.y + row.min(foot.height), height: u16::from(row < foot.height), ..foot });
    text::rows(buf, ask, [asks]);
    text::put(buf, entry, 0, "> ", theme.key);
    line.draw(theme, Rect { x: entry.x + 2.min(entry.width), width: entry.width.saturating_sub(2), ..entry }, buf);
    let aside = Span::styled("Esc puts it aside and decides nothing", theme.faint);
    text::rows(buf, last, [Line::from(vec![aside, above::home(view, theme)])]);
}

fn typed(before: &str, what: &str, behind: &str, theme: &Theme) -> Line<'static> {
    let part = |text: &str, style: Style| Span::styled(text.to_owned(), style);
    Line::from(vec![part(before, theme.text), part(what, theme.key), part(behind, theme.text)])
}

/// What is asked for, on one line.
pub(super) fn in_short(approval: &Approval, state: &State, theme: &Theme) -> String {
    let ShiftTerms { route: id, from, to, .. } = match &approval.terms {
        Terms::Shift(terms) => terms,
        Terms::Step(terms) => return format!("{} {}", crate::words::steps::act(terms.act), terms.step),
    };
    match route(state, id).map(|route| &route.target) {
        Some(target) => format!("{id} {target} {} {} {}", from.of(target), theme.glyphs.arrow, to.of(target)),
        None => format!("{id} {to}"),
    }
}

/// Who is here and may answer, each once.
pub(super) fn seconds(approval: &Approval, state: &State) -> Vec<String> {
    let able = state
        .people
        .values()
        .filter(|person| person.role.may_approve() && person.who != approval.by.who && !approval.barred.contains_key(&person.who));
    let mut names: Vec<String> = able.map(|person| person.who.to_string()).collect();
    names.sort();
    names.dedup();
    names
}
