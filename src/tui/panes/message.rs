//! What is said under the bar of the route under the slider: the worst first, and at rest how to go on.
//!
//! A reason is told whole: it goes on in a second row where it has to, and is never cut at what to do about it.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        decision::Refusal,
        fails::stranded,
        figures,
        home::{Home, home, is_met_by_writing},
        outlook::{self, Attention, Awaited, Outlook, Then},
        requests::requests,
        revisions,
        state::{Drift, Motion, RouteState, State},
    },
    domain::weight::{PerMille, WHOLE, Weights},
    plan::model::{Route, Trigger},
    tui::{
        keymap::{Action, Way},
        panes::{
            draft, rollback,
            traffic::{ghosts, worst},
            words,
        },
        scene::Scene,
        theme::Theme,
        view::View,
        widgets::{ghosts::Ghost, rail, text},
    },
    words::{Names, share},
};

/// Most rows that it takes.
const ROWS_MAX: usize = 2;

/// What most wants to be said under the bar.
pub(super) fn message(scene: Scene<'_>, known: &RouteState, route: &Route, width: u16) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let glyphs = &theme.glyphs;
    let needs_human = match &known.motion {
        Motion::NeedsHuman { why, .. } => Some(why),
        Motion::Unread | Motion::Settled | Motion::Writing { .. } | Motion::Resolving { .. } => None,
        Motion::Returning(_) | Motion::Propagating { .. } => None,
    };
    let (text, style) = if let Some(threat) = threat(scene, route) {
        threat
    } else if let Some(breach) = at_door(scene, route) {
        breach
    } else if let Some(drafted) = view.drafts.get(&route.id) {
        draft::told(scene, known, route, drafted)
    } else if let Some(drift) = &known.drift {
        drifted(state, route, drift, view, theme, width)
    } else if let Some(why) = needs_human {
        let keys = (words::key(view, Action::Ladder(Way::Back)), words::key(view, Action::Rollback));
        let stands = home(state, route);
        let helps = if is_met_by_writing(&stands) {
            format!("{}; {} drafts less, {} brings all home", crate::words::need(why), keys.0, keys.1)
        } else {
            crate::words::home(&stands, state, route, view.now)
        };
        (format!(" {} A HUMAN MUST LOOK: {helps}", glyphs.breach), theme.latch)
    } else if let Some(blind) = blind(scene, route) {
        blind
    } else if let Some(pending) = &known.queued {
        (format!("{} queued by {}: {}", glyphs.busy, pending.by.who, pending.to), theme.busy)
    } else if let Some(hold) = &known.hold {
        let held = crate::words::held(hold, view.now);
        (format!("{} held {held}; {} resumes", glyphs.latch, words::key(view, Action::Hold)), theme.warn)
    } else if let Some(Ghost { share, name }) = ghosts(state, route, view).first() {
        (format!("{} {name} drafts {}", glyphs.ghost, rail::percent(*share)), theme.people)
    } else {
        return resting(scene, known, route, width.into());
    };
    wrapped(&text, style, width.into(), theme)
}

/// What stands out has air before it, in each of its rows.
fn wrapped(told: &str, style: Style, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let air = if told.starts_with(' ') { " " } else { "" };
    let lines = text::wrap_within(told.trim_start(), room.saturating_sub(air.len()), ROWS_MAX, theme.glyphs.ellipsis);
    lines.into_iter().map(|line| Line::styled(format!("{air}{line}"), style)).collect()
}

/// Somebody else's change and the ways on; what was expected where there is room for it.
fn drifted(state: &State, route: &Route, drift: &Drift, view: &View, theme: &Theme, width: u16) -> (String, Style) {
    let names = Names::of(state);
    // One figure tells a split of two; with a stranger in it, or with nobody, it takes them all.
    let planned = drift.found.of(&route.home).get() + drift.found.of(&route.target).get();
    let told = |weights: &Weights| match planned {
        0..WHOLE => names.split(&route.id, weights),
        _ => weights.of(&route.target).to_string(),
    };
    let head = format!("{} DRIFT: {} set {}", theme.glyphs.warn, crate::words::mover_name(&drift.by, names), told(&drift.found));
    let expected = format!(", expected {}", told(&drift.expected));
    let adopts =
        if outlook::is_adoptable(state, route) { format!("{} adopts, ", words::key(view, Action::AdoptDrift)) } else { String::new() };
    let ways = format!("; {adopts}{} home", words::key(view, Action::Rollback));
    let whole = format!("{head}{expected}{ways}");
    (if text::width(&whole) <= width.into() { whole } else { format!("{head}{ways}") }, theme.warn)
}

/// What is met at the front door is beyond what the plan tolerates, or not home's site.
fn at_door(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let breach = outlook::attention(state).into_iter().find_map(|found| {
        if let Attention::AtDoor { route: id, breach } = found
            && id == route.id
        {
            Some(breach)
        } else {
            None
        }
    })?;
    let what = crate::words::at_door(&breach, view.now, Names::of(state));
    if stranded(state, route).is_some_and(|stranded| *stranded.home == breach.backend) {
        let copies = words::key(view, Action::CopyAwayByHand);
        let there = words::place(route, &route.target);
        let (home, failed, of) = (words::place(route, &route.home), breach.failed, breach.answers);
        let told = format!(
            " {} {home} fails {failed} of {of}: restore it; {copies} copies the way to {there} by hand, past what cutover does",
            theme.glyphs.breach
        );
        return Some((told, theme.latch));
    }
    if breach.is_unknown() {
        return Some((format!("{} {what}{}", theme.glyphs.unknown, way_home(state, route, view)), theme.unknown));
    }
    Some((format!(" {} {what}{}", theme.glyphs.breach, way_home(state, route, view)), theme.latch))
}

/// A trigger of this route whose clock is running, the one that acts first.
fn threat(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let names = Names::of(state);
    let running = guards(state, route).filter_map(|trigger| match outlook::outlook(state, &trigger.id)? {
        // Of what has led home already the way home tells.
        Outlook::Running { then: Then::NobodyThere | Then::Done, .. } => None,
        Outlook::Running { acts_at, awaits, then, lapses_at, .. } => Some((trigger, (acts_at, awaits), then, lapses_at)),
        Outlook::Quiet
        | Outlook::Idle
        | Outlook::Unjudged(_)
        | Outlook::Unproven { .. }
        | Outlook::Blind { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    });
    let (trigger, (acts_at, awaits), then, lapses_at) =
        running.min_by_key(|(_, (acts_at, _), then, _)| (*then != Then::GoesHome, *acts_at))?;
    let value = crate::words::short::value(state, &trigger.id).map_or_else(String::new, |value| format!(" {value}"));
    let what = names.watched_short(&trigger.id);
    let follows = match then {
        Then::GoesHome => {
            let (due, lapses) = (crate::words::short::due(acts_at, awaits, view.now), crate::words::short::lapses(lapses_at, view.now));
            format!("rolls back by itself {due}{lapses}")
        }
        Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done => {
            crate::words::short::then(&then, names)
        }
    };
    Some((format!(" {} {what}{value}: {follows}{}", theme.glyphs.breach, way_home(state, route, view)), theme.latch))
}

/// The key that goes home, where that helps: not where everybody is home or on the way, nor where home is in no state to take them.
fn way_home(state: &State, route: &Route, view: &View) -> String {
    let assured = outlook::against_home(state, route).is_empty();
    match home(state, route) {
        Home::Away { .. } | Home::NotHome { .. } if assured => format!("; {} goes home now", words::key(view, Action::Rollback)),
        Home::Away { .. } | Home::NotHome { .. } => String::new(),
        Home::Unread | Home::Going { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => String::new(),
    }
}

/// The triggers that watch this route.
fn guards<'a>(state: &'a State, route: &'a Route) -> impl Iterator<Item = &'a Trigger> {
    words::plan(state).into_iter().flat_map(|plan| &plan.triggers).filter(|trigger| trigger.route == route.id)
}

/// A trigger of this route that can't see, why, and what follows from it.
fn blind(scene: Scene<'_>, route: &Route) -> Option<(String, Style)> {
    let Scene { state, view, theme } = scene;
    let blind = guards(state, route).filter_map(|trigger| match outlook::outlook(state, &trigger.id)? {
        Outlook::Blind { since, gap, acts_at, then, .. } => Some((trigger, since, gap, acts_at, then)),
        Outlook::Quiet
        | Outlook::Idle
        | Outlook::Unjudged(_)
        | Outlook::Running { .. }
        | Outlook::Unproven { .. }
        | Outlook::Fired { .. }
        | Outlook::GoingHome => None,
    });
    let (trigger, _, gap, acts_at, then) = blind.min_by_key(|(_, since, ..)| *since)?;
    let why = crate::words::lack(gap);
    let follows = match then {
        Then::GoesHome => format!("rolls back by itself {}", crate::words::short::due(acts_at, Awaited::Nothing, view.now)),
        Then::Holds | Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. } | Then::NobodyThere | Then::Done => {
            format!("nothing advances{}", way_home(state, route, view))
        }
    };
    let place = words::place(route, &trigger.backend);
    Some((format!("{} {place} can't be judged: {follows} ({why})", theme.glyphs.unknown), theme.unknown))
}

/// Nothing special: what comes next and how to ask for it, then how fresh all this is and what it rests on.
fn resting(scene: Scene<'_>, known: &RouteState, route: &Route, room: usize) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let mut facts = Vec::new();
    for backend in route.backend_ids() {
        let whole = revisions::beside(state, route, backend).into_iter().find(|beside| beside.share == PerMille::ALL);
        facts.extend(whole.map(|new| format!("{} runs {}, new since the session began", words::place(route, backend), new.name)));
    }
    match known.accepted_at {
        Some(at) => facts.push(format!("weights read {}", words::age(view.age(at)))),
        None => facts.push("weights not read yet".to_owned()),
    }
    facts.push(match figures::observed(known, view.now) {
        Some(seen) => format!("{} requests seen", seen.requests),
        None => no_request(known, view),
    });
    facts.extend(known.moved_by.as_ref().map(|by| format!("moved by {}", crate::words::mover(by, Names::of(state)))));
    let first = next_step(scene, known, route);
    if let [said] = first.as_slice()
        && said.width() > room
    {
        return wrapped(&said.content, said.style, room, theme);
    }
    let between = format!(" {} ", theme.glyphs.dot);
    let alone = first.is_empty();
    let facts = facts.into_iter().enumerate().map(|(place, fact)| {
        let gap = if place == 0 && alone { "" } else { &between };
        Span::styled(format!("{gap}{fact}"), theme.dim)
    });
    vec![text::with_what_fits(first, facts, room)]
}

/// That none was seen, or none lately.
fn no_request(known: &RouteState, view: &View) -> String {
    match known.observed.as_ref().filter(|observed| observed.requests > 0) {
        Some(old) => format!("no request seen since {}", words::age(view.age(old.at))),
        None => "no request seen yet".to_owned(),
    }
}

/// How this person goes on from here: the next step of the ladder, or whose turn it is.
fn next_step(scene: Scene<'_>, known: &RouteState, route: &Route) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    let Some(share) = known.accepted.as_ref().map(|accepted| accepted.weights.of(&route.target)) else { return Vec::new() };
    if known.motion.is_returning() {
        return Vec::new();
    }
    if known.motion != Motion::Settled {
        return following(scene, known, route, share);
    }
    if known.latch.is_some() || view.me.as_ref().is_none_or(|me| !me.role.may_steer()) {
        return Vec::new();
    }
    let plain = |words: String| Span::styled(words, theme.text);
    let key = |action| Span::styled(words::key(view, action), theme.key);
    let Some(next) = route.ladder.iter().find(|step| **step > share) else {
        let seen = requests(known).agree();
        let all = format!("all traffic is given to {}", words::place(route, &route.target));
        return vec![if seen {
            Span::styled(format!("{} {all}", theme.glyphs.ok), theme.ok)
        } else {
            Span::styled(format!("{} {all}, not seen by requests yet", theme.glyphs.unknown), theme.unknown)
        }];
    };
    let mine = view.me.as_ref().map(|me| me.client);
    // Nobody is invited to go on while something is wrong, nor to what would be refused.
    if worst(state, route).is_some_and(|worst| matches!(worst, Attention::ConnectionsDropped { .. })) {
        return vec![Span::styled(format!("{} find out who drops connections before you go on", theme.glyphs.warn), theme.warn)];
    }
    if let Some(why) = refused(state, known, route, *next) {
        let told = format!("{} {next} would be refused now: {}", theme.glyphs.latch, crate::words::why_refused(&why, Names::of(state)));
        return vec![Span::styled(told, theme.warn)];
    }
    match &state.controls.holder {
        Some(holder) if Some(holder.client) == mine => {
            vec![key(Action::Ladder(Way::Forward)), plain(format!(" drafts {next}, ")), key(Action::Ask), plain(" asks for it".to_owned())]
        }
        Some(_) => Vec::new(),
        None => vec![
            key(Action::Controls),
            plain(format!(" takes the controls, then {} drafts {next}", words::key(view, Action::Ladder(Way::Forward)))),
        ],
    }
}

/// Why the target would not be given `share` now.
fn refused(state: &State, known: &RouteState, route: &Route, share: PerMille) -> Option<Refusal> {
    let to = route.planned(&known.accepted.as_ref()?.weights).with(&route.target, share).ok()?;
    outlook::refusals(state, &route.id, &to).into_iter().next()
}

/// While a move is under way the next one has time: how far requests have followed.
fn following(scene: Scene<'_>, known: &RouteState, route: &Route, given: PerMille) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    if let stands @ Home::Accepted { .. } = home(state, route) {
        // After a rollback the way home tells it, one row below.
        return match known.latch {
            Some(_) => Vec::new(),
            None => vec![Span::styled(format!("{} {}", theme.glyphs.busy, rollback::whereabouts(state, route, &stands)), theme.busy)],
        };
    }
    let place = words::place(route, &route.target);
    if let Motion::Writing { to, .. } | Motion::Resolving { to, .. } = &known.motion {
        let told = format!("{} {} is being written", theme.glyphs.busy, Names::of(state).split(&route.id, to));
        return vec![Span::styled(told, theme.busy)];
    }
    let head = format!("{} {given} on {place} is accepted", theme.glyphs.busy);
    let told = match figures::observed(known, view.now).and_then(|observed| observed.shares.get(&route.target)) {
        Some(seen) => format!("{head}, requests show {} so far", share(seen.fraction)),
        None => format!("{head}, not seen by requests yet"),
    };
    vec![Span::styled(told, theme.busy)]
}
