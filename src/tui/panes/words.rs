//! How a state is put into words, a glyph and a style: one place, so that every pane says it alike.

use ratatui::{style::Style, text::Span};

use crate::{
    core::{
        assurance::unread_for,
        decision::Cause,
        home::{Home, home},
        news::Tone,
        outlook::Outlook,
        requests::{Requests, requests},
        state::{ItemStatus, Motion, Reading, RouteState, State, TriggerState},
    },
    domain::{
        id::{BackendId, SourceId},
        metric::{Measured, Metric},
        platform::Platform,
        series::Bad,
        time::{Millis, Timestamp},
    },
    plan::model::{Backend, Plan, Route},
    tui::{keymap::Action, theme::Theme, view::View},
    words::Names,
};

pub use crate::words::clock;

/// The plan, once the session has opened.
pub fn plan(state: &State) -> Option<&Plan> {
    state.opened.as_ref().map(|opened| &*opened.plan)
}

/// The command that brings `route` home by hand, in rows of `room` cells, none where there is no plan yet.
pub fn by_hand(state: &State, route: &Route, room: usize) -> Vec<String> {
    let Some(opened) = &state.opened else { return Vec::new() };
    broken(&crate::words::absence::command_home(&opened.plan, route, Some(opened.world)), room)
}

/// A command in rows of `room` cells. It is broken where a row ends and not at a space, of which each counts.
pub fn broken(command: &str, room: usize) -> Vec<String> {
    // A comment that is marked off the screen is one in each of its rows.
    let (mark, command) = command.strip_prefix("# ").map_or(("", command), |command| ("# ", command));
    let command: Vec<char> = command.chars().collect();
    command.chunks(room.saturating_sub(mark.len()).max(20)).map(|part| format!("{mark}{}", part.iter().collect::<String>())).collect()
}

/// The route under the slider.
pub fn route(state: &State, place: usize) -> Option<&Route> {
    let routes = &plan(state)?.routes;
    routes.get(place).or(routes.last())
}

/// The routes beside `chosen` of which `is_meant`.
fn others<'a>(state: &'a State, chosen: &'a Route, is_meant: fn(&Home) -> bool) -> impl Iterator<Item = &'a Route> {
    let others = plan(state).into_iter().flat_map(|plan| &plan.routes).filter(|route| route.id != chosen.id);
    others.filter(move |route| is_meant(&home(state, route)))
}

fn titles<'a>(routes: impl Iterator<Item = &'a Route>) -> Option<String> {
    let titles: Vec<String> = routes.map(|route| route.title.to_string()).collect();
    (!titles.is_empty()).then(|| titles.join(", "))
}

/// Whether going home would still move somebody.
fn is_away(stands: &Home) -> bool {
    matches!(stands, Home::Away { .. } | Home::Going { .. } | Home::NotHome { .. })
}

/// The titles of the routes beside `chosen` that going home would move.
pub fn away(state: &State, chosen: &Route) -> Option<String> {
    titles(others(state, chosen, is_away))
}

/// The titles of the routes beside `chosen` of which nobody knows that they are home.
pub fn not_home(state: &State, chosen: &Route) -> Option<String> {
    titles(others(state, chosen, |stands| !stands.is_reached()))
}

/// The route that is told of where only one is: `chosen`, or one that is not home while that is.
pub fn told_of<'a>(state: &'a State, chosen: &'a Route) -> &'a Route {
    let other = || others(state, chosen, is_away).chain(others(state, chosen, |stands| !stands.is_reached())).next();
    if home(state, chosen).is_reached() { other().unwrap_or(chosen) } else { chosen }
}

/// The legs of a route as they stand on the rail: the target first, home last. Every pane keeps this order, so that left and right mean
/// the same place everywhere.
pub fn legs(route: &Route) -> Vec<&Backend> {
    let mut legs: Vec<&Backend> = route.backends.iter().collect();
    legs.sort_by_key(|backend| match &backend.id {
        id if *id == route.target => 0,
        id if *id == route.home => 2,
        _ => 1,
    });
    legs
}

/// A backend's name for people.
pub fn place(route: &Route, backend: &BackendId) -> String {
    route.backend(backend).map_or_else(|| backend.to_string(), |known| known.title.to_string())
}

/// Every backend of the plan with its route, each once, in the order of the rails.
pub fn backends(state: &State) -> Vec<(&Route, &Backend)> {
    let mut seen: Vec<&BackendId> = Vec::new();
    let routes = plan(state).into_iter().flat_map(|plan| &plan.routes);
    let all = routes.flat_map(|route| legs(route).into_iter().map(move |backend| (route, backend)));
    all.filter(|(_, backend)| {
        let new = !seen.contains(&&backend.id);
        seen.push(&backend.id);
        new
    })
    .collect()
}

fn platform_style(platform: Platform, theme: &Theme) -> Style {
    match platform {
        Platform::CloudRun => theme.run,
        Platform::Gke => theme.gke,
    }
}

/// The colour of one leg: home and target by platform, or by what they are to each other where both are on one; a third one by its own.
pub fn backend_style(route: &Route, backend: &BackendId, theme: &Theme) -> Style {
    let platform = |id: &BackendId| route.backend(id).map(|known| known.platform);
    let is_home = *backend == route.home;
    match platform(backend) {
        Some(_) if !is_home && *backend != route.target => theme.other,
        Some(_) if platform(&route.home) == platform(&route.target) => {
            platform_style(if is_home { Platform::CloudRun } else { Platform::Gke }, theme)
        }
        Some(known) => platform_style(known, theme),
        None => theme.other,
    }
}

/// Whether what a source said at `at` is older than its bound.
pub fn is_stale(state: &State, source: &SourceId, now: Timestamp) -> bool {
    state.sources.get(source).is_none_or(|source| source.ok_at.is_none_or(|at| now.since(at) > source.stale_after))
}

/// A figure as `(text, known)`: the value in its unit, or the reason why there is none.
pub fn figure(metric: Metric, measured: Option<&Measured>) -> (String, Known) {
    match measured {
        Some(Ok(sample)) => (metric.unit().show(sample.value), Known::Yes),
        Some(Err(gap)) => (gap.to_string(), Known::No),
        None => ("no data".to_owned(), Known::No),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Yes,
    No,
}

/// What a trigger reads, if that may be believed; what was read before a source fell silent says nothing of now.
pub fn believed(known: &TriggerState) -> Option<f64> {
    match known.reading {
        Reading::Ok | Reading::Breach => known.value,
        Reading::None | Reading::Unknown { .. } => None,
    }
}

/// Whether nothing runs and nothing has acted, so that it comes last where there is no room for all.
pub fn is_still(outlook: &Outlook) -> bool {
    matches!(outlook, Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::GoingHome)
}

/// Glyph, word and style of what a trigger stands at, and of its reading where that says more.
pub fn standing(outlook: &Outlook, reading: &Reading, now: Timestamp, theme: &Theme) -> (&'static str, String, Style) {
    let glyphs = &theme.glyphs;
    match (outlook, reading) {
        (Outlook::Idle, _) => (glyphs.idle, "nothing is sent there".to_owned(), theme.dim),
        (Outlook::Unjudged(why), _) => (glyphs.unknown, crate::words::short::unjudged(why, now).long, theme.unknown),
        (Outlook::GoingHome, _) => (glyphs.busy, "the route goes home already".to_owned(), theme.dim),
        (_, Reading::Breach) => (glyphs.breach, "BREACH".to_owned(), theme.breach),
        (Outlook::Fired { .. }, _) => (glyphs.latch, "FIRED".to_owned(), theme.warn),
        (_, Reading::None) => (glyphs.unknown, crate::words::lack(None), theme.unknown),
        (_, Reading::Unknown { gap }) => (glyphs.unknown, crate::words::lack(Some(*gap)), theme.unknown),
        (_, Reading::Ok) => (glyphs.ok, "ok".to_owned(), theme.ok),
    }
}

pub fn item(status: ItemStatus, theme: &Theme) -> (&'static str, &'static str, Style) {
    let glyphs = &theme.glyphs;
    match status {
        ItemStatus::Open => (glyphs.idle, "open", theme.dim),
        ItemStatus::Done => (glyphs.ok, "done", theme.ok),
        ItemStatus::Failing => (glyphs.breach, "failing", theme.breach),
        ItemStatus::Unknown => (glyphs.unknown, "unknown", theme.unknown),
        ItemStatus::Expired => (glyphs.stale, "expired", theme.warn),
    }
}

/// How far the route is with what was asked of it, and what requests say of it, in a few words.
pub fn course(known: &RouteState, home: &Home, now: Timestamp, theme: &Theme) -> Vec<Span<'static>> {
    let glyphs = &theme.glyphs;
    let (glyph, style) = match &known.motion {
        Motion::Unread | Motion::Resolving { .. } => (glyphs.unknown, theme.unknown),
        Motion::Settled if unread_for(known, now).is_some() => (glyphs.unknown, theme.unknown),
        Motion::Settled if matches!(home, Home::Accepted { .. }) && (known.latch.is_some() || requests(known) == Requests::Fits) => {
            (glyphs.unknown, theme.unknown)
        }
        Motion::Settled => match requests(known) {
            Requests::Disagree { .. } => (glyphs.warn, theme.warn),
            Requests::Proven => (glyphs.ok, theme.ok),
            Requests::Spreading | Requests::Unproven | Requests::Fits | Requests::Unasked => (glyphs.unknown, theme.unknown),
        },
        Motion::Writing { .. } | Motion::Propagating { .. } => (glyphs.busy, theme.busy),
        Motion::Returning(back) if back.failures == 0 => (glyphs.busy, theme.busy),
        Motion::Returning(_) => (glyphs.busy, theme.warn),
        Motion::NeedsHuman { .. } => (glyphs.breach, theme.breach),
    };
    vec![Span::styled(format!("{glyph} {}", crate::words::following(known, home, now)), style)]
}

/// A cause in one line.
pub fn cause(state: &State, cause: &Cause) -> String {
    crate::words::cause(cause, Names::of(state))
}

pub fn tone(tone: Tone, theme: &Theme) -> (&'static str, Style) {
    match tone {
        Tone::Plain => (theme.glyphs.dot, theme.text),
        Tone::Good => (theme.glyphs.ok, theme.ok),
        Tone::Warning => (theme.glyphs.warn, theme.warn),
        Tone::Alarm => (theme.glyphs.breach, theme.breach),
    }
}

/// A span that a person has, which runs by the person's clock however fast the demo's world goes; there it says so.
pub fn by_your_clock(span: Millis, view: &View) -> String {
    let real = Millis((span.0 as f64 / view.speed.max(1.0)) as u64);
    if view.speed > 1.0 { format!("{real} by your clock") } else { real.to_string() }
}

/// An age as people say it: nothing below two seconds.
pub fn age(span: Millis) -> String {
    if span.0 < 2_000 { "now".to_owned() } else { format!("{span} ago") }
}

/// The first key of an action, as hints print it; its name in the palette if it has none.
pub fn key(view: &View, action: Action) -> String {
    view.keys.key(action)
}

/// A metric in words.
pub fn metric(metric: Metric) -> String {
    metric.to_string()
}

/// That a figure is beyond its limit.
pub fn beyond(metric: Metric) -> String {
    match metric.bad() {
        Bad::Above => format!("{metric} too high"),
        Bad::Below => format!("{metric} too low"),
    }
}
