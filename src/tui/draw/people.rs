//! Who is here: name, role, terminal, how long he has been still, where he looks, and what would be done with the controls.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    core::state::{Person, State},
    domain::{id::ClientId, role::Role, time::Millis},
    tui::{
        draw::above,
        keymap::Action,
        scene::Scene,
        view::View,
        widgets::{dialog, rail, text},
    },
    words::{self, roster_in_short},
};

const COLUMNS: u16 = 116;
/// From this width on, each row says who stands behind the name.
const BEHIND: u16 = 100;
/// Columns of that.
const BEHIND_CELLS: usize = 40;

/// What moving the controls to or from somebody means for this person at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    Take,
    TakeOver,
    AskFor,
    HandOver,
    GiveUp,
    Nothing(&'static str),
}

/// Everybody here, in the order of the list: the holder, then by role, then by time.
pub fn order(state: &State) -> Vec<(ClientId, &Person)> {
    let holder = state.controls.holder.as_ref().map(|holder| holder.client);
    let mut people: Vec<_> = state.people.iter().map(|(client, person)| (*client, person)).collect();
    people.sort_by_key(|(client, person)| (Some(*client) != holder, std::cmp::Reverse(person.role), person.joined_at, *client));
    people
}

/// What is done with the controls on `chosen`: by Enter, and giving them up by its own key.
pub fn pass(state: &State, view: &View, chosen: ClientId) -> Pass {
    let Some(me) = &view.me else { return Pass::Nothing("nobody knows yet who you are") };
    let holder = state.controls.holder.as_ref().map(|holder| holder.client);
    let role = state.people.get(&chosen).map_or(Role::Watcher, |person| person.role);
    if !me.role.may_steer() {
        return Pass::Nothing("controls are for operators and pilots");
    }
    match holder {
        None => Pass::Take,
        Some(holder) if holder == me.client && chosen == me.client => Pass::GiveUp,
        Some(holder) if holder == me.client && role.may_steer() => Pass::HandOver,
        Some(holder) if holder == me.client => Pass::Nothing("that person may not steer"),
        Some(_) if me.role == Role::Pilot => Pass::TakeOver,
        Some(_) => Pass::AskFor,
    }
}

pub fn draw(chosen: usize, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let people = order(state);
    let inner = dialog::draw("Who is here", theme, dialog::place(area, COLUMNS, people.len() as u16 + 8), buf);
    let steers = match &state.controls.holder {
        Some(holder) => format!("{} has had the controls for {} (grant {})", holder.who, view.age(holder.since), state.controls.epoch),
        None => "nobody has the controls".to_owned(),
    };
    let cut = |told: &str| text::cut(told, inner.width.into(), theme.glyphs.ellipsis);
    let listed = state.roster.as_ref().map_or_else(String::new, roster_in_short);
    text::rows(buf, inner, [Line::styled(cut(&steers), theme.text), Line::styled(cut(&listed), theme.dim)]);
    let rows = Rect { y: inner.y + 3.min(inner.height), height: inner.height.saturating_sub(6), ..inner };
    let first = chosen.saturating_sub(usize::from(rows.height).saturating_sub(1));
    for ((place, (client, person)), row) in people.iter().enumerate().skip(first).zip(rows.rows()) {
        let style = if place == chosen { Some(theme.selection) } else { None };
        if let Some(style) = style {
            buf.set_style(row.intersection(buf.area), style);
        }
        let line = one(*client, person, scene, row.width);
        text::rows(buf, row, [if let Some(style) = style { line.patch_style(style) } else { line }]);
    }
    let hidden = people.len().saturating_sub(first + usize::from(rows.height));
    let more = if hidden > 0 { format!("{} {hidden} more  ", theme.glyphs.more_below) } else { String::new() };
    let behind = people.get(chosen).and_then(|(_, person)| Some(format!("{} {} {}", person.who, theme.glyphs.dot, behind(person)?)));
    let above = Rect { y: inner.bottom().saturating_sub(2), height: inner.height.min(1), ..inner };
    text::rows(buf, above, [Line::styled(cut(&behind.unwrap_or_default()), theme.people)]);
    let last = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    let does = people.get(chosen).map_or_else(String::new, |(client, person)| does(pass(state, view, *client), person, state, view));
    text::rows(buf, last, [Line::from(vec![Span::styled(format!("{more}{does}; Esc closes"), theme.dim), above::home(view, theme)])]);
}

/// Who stands behind the name, where the host has said it.
fn behind(person: &Person) -> Option<String> {
    person.credentials.as_ref().map(words::credentials)
}

fn does(pass: Pass, chosen: &Person, state: &State, view: &View) -> String {
    let holder = state.controls.holder.as_ref().map_or_else(String::new, |holder| holder.who.to_string());
    match pass {
        Pass::Take => "Enter takes the controls".to_owned(),
        Pass::TakeOver => format!("Enter takes the controls from {holder}"),
        Pass::AskFor => format!("Enter asks {holder} for the controls"),
        Pass::HandOver => format!("Enter hands the controls to {}", chosen.who),
        // Enter takes, asks and hands over, where one can't be wrong; what leaves nobody at the controls has a key of its own.
        Pass::GiveUp => format!("{} gives the controls up", view.keys.key(Action::GiveUpControls)),
        Pass::Nothing(why) => why.to_owned(),
    }
}

fn one(client: ClientId, person: &Person, scene: Scene<'_>, width: u16) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let me = view.me.as_ref().is_some_and(|me| me.client == client);
    let holds = state.controls.holder.as_ref().is_some_and(|holder| holder.client == client);
    let asks = state.controls.asked_by.contains(&person.who);
    let mark = if holds {
        theme.glyphs.focus
    } else if asks {
        theme.glyphs.warn
    } else {
        " "
    };
    let name = if me { format!("{} (you)", person.who) } else { person.who.to_string() };
    let size = person.terminal.map_or_else(|| "no size".to_owned(), |size| format!("{}x{}", size.columns, size.rows));
    // A watcher's keys are never sent, so nobody can say when he pressed the last one.
    let still = match person.role {
        Role::Watcher => format!("here {}", real(view.age(person.joined_at), view)),
        Role::Approver | Role::Operator | Role::Pilot => format!("idle {}", real(view.age(person.active_at), view)),
    };
    let mut spans = vec![
        Span::styled(format!("{mark} "), if asks && !holds { theme.warn } else { theme.focus }),
        Span::styled(format!("{:<16} ", text::cut(&name, 16, theme.glyphs.ellipsis)), if me { theme.figure } else { theme.text }),
        Span::styled(format!("{:<9}", person.role.to_string()), theme.dim),
        Span::styled(format!("{size:>8}  "), theme.dim),
        Span::styled(format!("{still:<12}"), theme.dim),
    ];
    if width >= BEHIND {
        let behind = behind(person).unwrap_or_default();
        spans.push(Span::styled(format!("{:<BEHIND_CELLS$}", text::cut(&behind, BEHIND_CELLS, theme.glyphs.ellipsis)), theme.dim));
    }
    let mut doing = Vec::new();
    doing.extend(person.focus.as_ref().map(|focus| format!("looks at {focus}")));
    doing.extend(person.drafts.iter().map(|(route, draft)| {
        let target = crate::tui::panes::words::plan(state).and_then(|plan| plan.routes.iter().find(|known| known.id == *route));
        let share = target.map_or_else(|| draft.to_string(), |known| rail::percent(draft.of(&known.target).get()));
        format!("drafts {route} {share}")
    }));
    if asks && !holds {
        doing.insert(0, "asks for the controls".to_owned());
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(width).saturating_sub(used + 1);
    spans.push(Span::styled(format!(" {}", text::cut(&doing.join(", "), room, theme.glyphs.ellipsis)), theme.people));
    Line::from(spans)
}

/// A person's time, however fast the demo's world goes.
fn real(span: Millis, view: &View) -> Millis {
    Millis((span.0 as f64 / view.speed.max(1.0)) as u64)
}
