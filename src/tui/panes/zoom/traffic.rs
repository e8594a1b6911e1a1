//! Where the users of a route are, in full: each backend's share as wanted, given and got, what it answered at the front door, how the
//! split came about, what going home takes, and what has happened.

use ratatui::text::Span;

use super::{Room, Section};
use crate::{
    core::{
        has::{has, strangers},
        home::home,
        outlook::against_home,
        state::{Motion, RouteState},
        steer::Steers,
    },
    domain::id::BackendId,
    plan::model::Route,
    tui::panes::{charts, words},
    words::{self as say, Names, platform},
};

pub(super) fn sections(room: &Room) -> Vec<Section> {
    let Some(route) = words::route(room.state, room.view.route) else { return Vec::new() };
    let Some(known) = room.state.routes.get(&route.id) else { return Vec::new() };
    let mut found = vec![shares(route, known, room), split(route, known, room), way_home(route, known, room)];
    found.extend(happened(route, room));
    found.extend(room.sources(route.id.as_str()));
    found
}

/// A row for each backend, whoever is outside the plan too.
fn shares(route: &Route, known: &RouteState, room: &Room) -> Section {
    let theme = room.theme;
    let mut section = Section::new(format!("Requests of {}", route.title), theme);
    let head = format!("{:<16}{:>7}{:>7}{:>9}{:>15}", "", "wanted", "given", "gets", "band");
    section.row(vec![Span::styled(head, theme.faint)], room);
    let planned = words::legs(route).into_iter().map(|backend| (&backend.id, words::backend_style(route, &backend.id, theme)));
    let outside = strangers(known, route).into_iter().map(|id| (id, theme.warn));
    for (id, style) in planned.chain(outside) {
        let share = has(room.state, &route.id, id);
        let wanted = known.wanted.as_ref().map_or_else(|| "?".to_owned(), |wanted| wanted.of(id).to_string());
        let given = say::given(&share);
        let gets = share.gets.map_or_else(|| "not seen".to_owned(), |gets| say::share(gets.fraction));
        let band = share.gets.map_or_else(String::new, |gets| say::band(&gets));
        let name = text_cut(&words::place(route, id), room);
        section.row(
            vec![
                Span::styled(format!("{name:<16}"), style),
                Span::styled(format!("{wanted:>7}{given:>7}"), theme.text),
                Span::styled(format!("{gets:>9}"), theme.observed),
                Span::styled(format!("{band:>15}"), theme.dim),
            ],
            room,
        );
    }
    section.lines.push(ratatui::text::Line::styled(" At the front door, lately", theme.title));
    for backend in words::legs(route) {
        let (met, ink) = met(known, &backend.id, room);
        section.fact(backend.title.as_str(), &met, ink, room);
    }
    if let Some(nobodys) = &known.front_door.nobodys {
        section.fact(
            "unmarked",
            &format!(
                "{} of {} requests fail, and no answer says whose, {}",
                nobodys.failed,
                nobodys.answers,
                words::age(room.view.age(nobodys.at))
            ),
            theme.breach,
            room,
        );
    }
    for (id, share) in &known.fading {
        let told =
            format!("{} had {share} before the last change; users may still meet it until requests exclude that", words::place(route, id));
        section.fact("fading", &told, theme.warn, room);
    }
    section
}

fn text_cut(name: &str, room: &Room) -> String {
    crate::tui::widgets::text::cut(name, 15, room.theme.glyphs.ellipsis)
}

/// What a backend answered through the front door lately, by kind.
fn met(known: &RouteState, id: &BackendId, room: &Room) -> (String, ratatui::style::Style) {
    let met = known.front_door.met.get(id);
    if let Some(since) = met.and_then(|met| met.unanswered(room.view.now)) {
        return (format!("not known: it failed {}, and no answer came since", words::age(room.view.age(since))), room.theme.unknown);
    }
    let Some(met) = met.filter(|met| met.answers > 0) else { return ("not met yet".to_owned(), room.theme.dim) };
    let newest = known.front_door.looks.iter().rev().find_map(|look| look.answers.get(id));
    let kinds: Vec<String> =
        newest.into_iter().flat_map(|answers| answers.iter()).map(|(kind, count)| format!("{count} of {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!("; newest: {}", kinds.join(", ")) };
    let style = if met.failing.is_some() || met.unlike.is_some() { room.theme.breach } else { room.theme.text };
    (format!("{} of {} fail, {}{kinds}", met.failed, met.answers, words::age(room.view.age(met.at))), style)
}

/// How the split that is accepted came about, and what is under way.
fn split(route: &Route, known: &RouteState, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let names = Names::of(room.state);
    let mut section = Section::new("This split", theme);
    let mut fact = |label: &str, told: String, style| section.fact(label, &told, style, room);
    fact("now", say::following(known, &home(room.state, route), view.now), theme.text);
    if let Some(accepted) = &known.accepted {
        fact("accepted", names.split(&route.id, &accepted.weights), theme.figure);
        fact("version", accepted.version.0.clone(), theme.dim);
    }
    let steering = match &known.steering.stands {
        Steers::Another { .. } | Steers::Lost { .. } => theme.warn,
        Steers::Untold => theme.dim,
        Steers::Nobody | Steers::Us { .. } => theme.text,
    };
    fact("steered by", say::steering(&known.steering), steering);
    if let Some(at) = known.accepted_at {
        fact("read", words::age(view.age(at)), theme.text);
    }
    if let Some(at) = known.changed_at {
        let by = known.moved_by.as_ref().map_or_else(String::new, |by| format!(" by {}", say::mover(by, names)));
        fact("changed", format!("{}{by}", words::age(view.age(at))), theme.text);
    }
    if let Some(before) = &known.before {
        fact("before that", names.split(&route.id, before), theme.dim);
    }
    if known.observed.as_ref().is_some_and(|seen| seen.requests == 0) {
        fact("seen", "no request since the change yet".to_owned(), theme.unknown);
    } else if let Some(seen) = &known.observed {
        let told = format!(
            "{} requests since the change, {} failed, {} dropped, {}",
            seen.requests,
            seen.failed,
            seen.dropped,
            words::age(view.age(seen.at))
        );
        fact("seen", told, theme.observed);
    }
    if let Some(span) = known.followed_in {
        fact("followed in", format!("{span}, the last time that it could be measured; the plan allows {}", route.settle), theme.text);
    }
    if let Some(queued) = &known.queued {
        fact("queued", format!("{} asked for {}", queued.by.who, names.split(&route.id, &queued.to)), theme.busy);
    }
    if let Some(hold) = &known.hold {
        let key = words::key(view, crate::tui::keymap::Action::Hold);
        fact("held", format!("{}; triggers stay armed; {key} resumes", say::held(hold, view.now)), theme.warn);
    }
    if let Some(drift) = &known.drift {
        let who = say::mover_name(&drift.by, names);
        let (found, expected) = (names.split(&route.id, &drift.found), names.split(&route.id, &drift.expected));
        fact("drift", format!("{who} set {found} {}, expected was {expected}", words::age(view.age(drift.since))), theme.warn);
    }
    for write in &known.unresolved {
        let told = format!(
            "write to {} {}; nobody knows whether it was done",
            names.split(&route.id, &write.to),
            words::age(view.age(write.since))
        );
        fact("unresolved", told, theme.warn);
    }
    for hindrance in known.accepted.iter().flat_map(|accepted| &accepted.hindrances) {
        fact("hindered", say::hindrance(hindrance, names), theme.breach);
    }
    section
}

/// What going home takes now, and how it is done without this program.
fn way_home(route: &Route, known: &RouteState, room: &Room) -> Section {
    let (theme, view) = (room.theme, room.view);
    let names = Names::of(room.state);
    let ready = &known.readiness;
    let mut section = Section::new(format!("Going home to {}", names.home(&route.id)), theme).ink(theme.rollback);
    let mut fact = |label: &str, told: String, style| section.fact(label, &told, style, room);
    fact("users", say::home(&home(room.state, route), room.state, route, view.now), theme.text);
    fact("takes", format!("{}, and moves {:.0}% of users", ready.takes, ready.moves * 100.0), theme.text);
    let seen = ready.seen_at.map_or_else(|| "not seen yet".to_owned(), |at| format!("seen {}", words::age(view.age(at))));
    fact("home has", format!("{}, {seen}", platform::scale(ready.home_scale)), theme.text);
    let against = against_home(room.state, route);
    if against.is_empty() {
        fact("against it", format!("{} nothing", theme.glyphs.ok), theme.ok);
    }
    for why in &against {
        fact("against it", say::objection(why, names), theme.breach);
    }
    if let Motion::Returning(back) = &known.motion {
        let why = back.fault.as_ref().map_or_else(String::new, |fault| format!("; last: {fault}"));
        fact("under way", format!("{} writes left, {} failed{why}", back.writes, back.failures), theme.warn);
        fact("because", say::cause(&back.cause, names), theme.text);
    }
    if let Some(latch) = &known.latch {
        fact("latched", format!("{}, because {}", words::age(view.age(latch.at)), say::cause(&latch.cause, names)), theme.latch);
        for cause in &latch.joined {
            fact("and of", say::cause(cause, names), theme.text);
        }
    }
    let by_hand = words::by_hand(room.state, route, room.width.saturating_sub(6));
    if !by_hand.is_empty() {
        let key = words::key(view, crate::tui::keymap::Action::CopyByHand);
        fact("by hand", format!("{key} copies it:"), theme.dim);
    }
    section.lines.extend(by_hand.into_iter().map(|part| ratatui::text::Line::styled(format!("    {part}"), theme.text)));
    section
}

/// Moves, breaches and rollbacks of this route, newest first: re-arming doesn't make anybody forget.
fn happened(route: &Route, room: &Room) -> Option<Section> {
    let (theme, view) = (room.theme, room.view);
    let names = Names::of(room.state);
    let mut section = Section::new("What happened to it", theme);
    for mark in charts::marks(room.state, Some(&route.id)).rev().take(20) {
        let (_, word, _) = charts::sign(mark.kind, theme);
        let times = if mark.times > 1 { format!("{} times: ", mark.times) } else { String::new() };
        let lasted = mark.until.map_or_else(String::new, |until| format!("; over after {}", until.since(mark.at)));
        let told = format!("{} {times}{}{lasted}", words::clock(mark.at), say::news(&mark.news, names));
        section.fact(word, &told, if view.age(mark.at).0 < 600_000 { theme.text } else { theme.dim }, room);
    }
    (!section.lines.is_empty()).then_some(section)
}
