//! The way home: always on the screen, always with its present cost. When it is being flown, the line says how far it is; when it does
//! not get there, what stands in the way, since when, and the command that does it by hand.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::{
        fails::{Gravity, exchange, fails},
        has::{Writes, writes},
        home::{Home, home, wants_a_hand},
        outlook::against_home,
        reason::Obstacle,
        record::Keeping,
        replication::Writers,
        state::{Motion, ReturnStage, RouteState, State},
    },
    domain::time::Timestamp,
    plan::model::Route,
    tui::{keymap::Action, panes::words, scene::Scene, view::View, widgets::text},
    words::{Names, obstacle, platform, record_broken_in_short, record_hangs_in_short, state_line},
};

/// Rows of the traffic pane and of one row of platforms, which the block gives way to.
const OTHERS_ROWS: u16 = 11;
/// Most rows of why going back is not assured.
const REASON_ROWS_MAX: usize = 3;
const GLYPH_COLUMNS: usize = 2;

/// Rows that the way home takes of `body`.
pub fn rows(state: &State, view: &View, body: Rect) -> u16 {
    let Some(route) = words::route(state, view.route) else { return 1 };
    if let Some(block) = block(state, view, route, usize::from(body.width.saturating_sub(2))) {
        let command = words::by_hand(state, route, usize::from(body.width.saturating_sub(5))).len() + 1;
        let command = if block.by_hand { command } else { 0 };
        return ((command + block.why.len() + 1) as u16).min(body.height.saturating_sub(OTHERS_ROWS)).max(3);
    }
    let latched = state.routes.values().any(|known| known.latch.is_some());
    let least = if latched || body.height >= 34 { 2 } else { 1 };
    let why = not_assured(state, route).filter(|_| state.routes.get(&route.id).is_some_and(|known| known.latch.is_none()));
    let lines = why.map_or(0, |why| text::wrap(&why, usize::from(body.width).saturating_sub(lead(view))).len());
    least.max(lines.min(REASON_ROWS_MAX) as u16)
}

/// What stands before the way home: its glyph, and the key that takes it.
fn lead(view: &View) -> usize {
    text::width(&lever(view)) + 4 + GLYPH_COLUMNS
}

/// A watcher is shown no key that does nothing in his hands.
fn lever(view: &View) -> String {
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    if may { words::key(view, Action::Rollback) } else { "going back".to_owned() }
}

/// What stands against going home, where users are away from it.
fn not_assured(state: &State, route: &Route) -> Option<String> {
    let stands = home(state, route);
    let against = against_home(state, route);
    if against.is_empty() || stands.is_reached() || matches!(stands, Home::Accepted { .. } | Home::Going { .. }) {
        return None;
    }
    let why: Vec<String> = against.iter().map(|reason| crate::words::objection(reason, Names::of(state))).collect();
    let worse = exchange(state, route).map(|worse| format!("{}; ", crate::words::exchange(&worse, "going back")));
    Some(format!("{}going back is not assured: {}", worse.unwrap_or_default(), why.join("; ")))
}

/// One row, two where there is room for the reason, or a block where it does not get there.
pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    buf.set_style(area, theme.base);
    let Some(route) = words::route(state, view.route) else { return };
    let Some(known) = state.routes.get(&route.id) else { return };
    if let Some(block) = block(state, view, route, usize::from(area.width.saturating_sub(2))) {
        return draw_block(scene, route, known, &block, area, buf);
    }
    for (line, row) in lines(scene, route, known, area.width.into(), area.height.into()).into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}

/// What makes the way home a matter for hands too.
struct Block {
    head: String,
    why: Vec<String>,
    /// Whether the command by hand would help.
    by_hand: bool,
}

/// A way home that fails, or a route that is away while nothing is recorded any more.
fn block(state: &State, view: &View, route: &Route, room: usize) -> Option<Block> {
    let stands = home(state, route);
    if let (Some(trouble), Some(known)) = (trouble(&stands), state.routes.get(&route.id)) {
        let head = format!("{} for {}", trouble.called, view.age(trouble.since));
        return Some(Block { head, why: why(state, view, known, &trouble, room), by_hand: wants_a_hand(state, route) });
    }
    match &state.record.keeping {
        Keeping::Broken { why, kept, since, .. } if !stands.is_reached() => {
            let head = format!("THE RECORD BROKE {} ago", view.age(*since));
            Some(Block { head, why: text::wrap(&record_broken_in_short(why, *kept), room), by_hand: true })
        }
        Keeping::Hanging { kept, since, .. } if !stands.is_reached() => {
            let head = format!("THE RECORD'S DISK HANGS for {}", view.age(*since));
            Some(Block { head, why: text::wrap(&record_hangs_in_short(*kept), room), by_hand: true })
        }
        Keeping::Kept | Keeping::Low { .. } | Keeping::Hanging { .. } | Keeping::Broken { .. } => None,
    }
}

/// A way home that fails: since when, how often it was tried, and why.
struct Trouble {
    called: &'static str,
    since: Timestamp,
    attempts: u32,
    why: Obstacle,
}

/// It is said with how to go by hand.
fn trouble(stands: &Home) -> Option<Trouble> {
    let (called, since, attempts, why) = match stands {
        Home::NotHome { since, attempts, why } => ("NOT HOME", since, attempts, why),
        Home::Going { since, attempts, why } if why.keeps_away() => ("ROLLING BACK", since, attempts, why),
        Home::Going { .. } | Home::Unread | Home::Away { .. } | Home::Accepted { .. } | Home::Unasked { .. } | Home::Seen { .. } => {
            return None;
        }
    };
    Some(Trouble { called, since: *since, attempts: *attempts, why: why.clone() })
}

fn draw_block(scene: Scene<'_>, route: &Route, known: &RouteState, block: &Block, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    buf.set_style(area.intersection(buf.area), theme.latch);
    let room = usize::from(area.width.saturating_sub(2));
    let place = state_line::shares(state, route, known).long;
    let head = format!("{} {} {} {place}", theme.glyphs.breach, block.head, theme.glyphs.dot);
    let mut lines: Vec<String> = vec![text::cut(&head, room, theme.glyphs.ellipsis)];
    lines.extend(block.why.iter().cloned());
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    let does = if known.latch.is_some() { "tries again at once" } else { "rolls back" };
    // Who asks for what is under way joins it.
    let again =
        if may && !known.motion.is_returning() { format!("; {} {does}", words::key(view, Action::Rollback)) } else { String::new() };
    let command = words::by_hand(state, route, usize::from(area.width.saturating_sub(5)));
    let copies = words::key(view, Action::CopyByHand);
    let note = crate::words::absence::caution(state.opened.as_ref().map(|opened| opened.world));
    if !block.by_hand {
        lines.truncate(usize::from(area.height));
    } else if lines.len() + 1 + command.len() <= usize::from(area.height) {
        let note = note.unwrap_or("with your own rights");
        lines.push(text::cut(&format!("By hand ({copies} copies it{again}), {note}:"), room, theme.glyphs.ellipsis));
        lines.extend(command.into_iter().map(|part| format!("   {part}")));
    } else {
        // Half a command is none.
        lines.truncate(usize::from(area.height).saturating_sub(1));
        let note = note.map_or_else(String::new, |note| format!("; {note}"));
        lines.push(text::cut(&format!("{copies} copies the command that does it by hand{again}{note}"), room, theme.glyphs.ellipsis));
    }
    for (line, row) in lines.into_iter().zip(area.rows()) {
        text::put(buf, row, 1, &line, theme.latch);
    }
}

/// What stands in the way, in the API's words, and how often it was tried.
fn why(state: &State, view: &View, known: &RouteState, trouble: &Trouble, room: usize) -> Vec<String> {
    text::wrap(&format!("{}{}", obstacle(&trouble.why, Names::of(state)), tried(known, trouble, view)), room)
}

/// How often it was tried, and when it is tried again.
fn tried(known: &RouteState, trouble: &Trouble, view: &View) -> String {
    let Trouble { attempts, why, .. } = trouble;
    let next = match &known.motion {
        Motion::Returning(_) if !why.is_tried() => String::new(),
        Motion::Returning(back) => match back.stage {
            ReturnStage::Retry { at } if at > view.now => format!(", next in {}", at.since(view.now)),
            ReturnStage::Retry { .. } | ReturnStage::Look | ReturnStage::Write { .. } | ReturnStage::Resolve { .. } => {
                ", trying now".to_owned()
            }
        },
        Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => String::new(),
    };
    if *attempts == 0 { next } else { format!("; {}{next}", crate::words::failed(*attempts)) }
}

fn lines(scene: Scene<'_>, route: &Route, known: &RouteState, room: usize, height: usize) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let at_home = words::place(route, &route.home);
    let stands = home(state, route);
    if let Some(flying) = flying(scene, route, known, &stands, room) {
        return flying;
    }
    // A watcher is shown no key that does nothing in his hands.
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    let dot = theme.glyphs.dot;
    let said = |words: String| Span::styled(words, theme.dim);
    let failing = failing(state, route, &stands);
    if let Some(latch) = &known.latch {
        let head = Span::styled(format!(" {} LATCHED after rollback ", theme.glyphs.latch), theme.latch);
        let cause = text::cut(&words::cause(state, &latch.cause), room.saturating_sub(head.width() + 2), theme.glyphs.ellipsis);
        let rearms = if may {
            let key = Span::styled(words::key(view, Action::Rearm), theme.key);
            vec![Span::raw("   "), key, said(" re-arms with a reason; nothing advances before".to_owned())]
        } else {
            vec![said("   nothing advances until it is re-armed with a reason".to_owned())]
        };
        let facts = [
            failing.map_or_else(
                || said(format!(" {dot} {}", whereabouts(state, route, &stands))),
                |fails| Span::styled(format!(" {dot} {fails}"), theme.breach),
            ),
            said(format!(" {dot} rolled back {}", words::age(view.age(latch.at)))),
        ];
        return vec![Line::from(vec![head, Span::raw(" "), Span::styled(cause, theme.text)]), text::with_what_fits(rearms, facts, room)];
    }
    if stands.is_reached() || matches!(stands, Home::Accepted { .. }) {
        return vec![at_rest(scene, route, known, &stands, room)];
    }
    let ready = &known.readiness;
    let head = Span::styled(format!(" {} {} ", theme.glyphs.rollback, lever(view)), theme.rollback);
    // How much of what was never read is moved, and in what time, nobody knows.
    let unread = (stands == Home::Unread).then(|| (crate::words::weights_never_read(state, route), theme.glyphs.unknown, theme.unknown));
    let against = || not_assured(state, route).map(|why| (why, theme.glyphs.breach, theme.breach));
    if let Some((why, glyph, style)) = unread.or_else(against) {
        let lead = head.width();
        let lines = text::wrap_within(&why, room.saturating_sub(lead + GLYPH_COLUMNS), height, theme.glyphs.ellipsis);
        let line = |(place, told): (usize, String)| match place {
            0 => Line::from(vec![head.clone(), Span::styled(format!("{glyph} {told}"), style)]),
            _ => Line::styled(format!("{}{told}", " ".repeat(lead + GLYPH_COLUMNS)), style),
        };
        return lines.into_iter().enumerate().map(line).collect();
    }
    // The key takes every route home, this one and those beside it.
    let also = words::away(state, route).map(|titles| format!(", and {titles} home too")).unwrap_or_default();
    let spans = vec![head, Span::styled(format!("takes all home to {at_home} in {}{also}", ready.takes), theme.text)];
    let moves = format!(" {dot} moves {:.0}% of users", ready.moves * 100.0);
    let lost = keeps_writes(state, route).map(|lost| format!(" {dot} {lost}"));
    // What may be lost comes before how many it is for, where there is no room for both.
    let mut facts: Vec<String> = match writes(state, route) {
        Writes::Doubtful(_) | Writes::Stranger(_) => lost.into_iter().chain([moves]).collect(),
        Writes::Kept | Writes::NotTold => std::iter::once(moves).chain(lost).collect(),
    };
    facts.push(format!(" {dot} {}", standby(known)));
    let seen = ready.seen_at.map(|at| Span::styled(format!(" {dot} seen {}", words::age(view.age(at))), theme.faint));
    vec![text::with_what_fits(spans, facts.into_iter().map(|fact| Span::styled(fact, theme.dim)).chain(seen), room)]
}

/// That a route is home; before it the routes beside it that are not, which the key takes home too.
fn at_rest(scene: Scene<'_>, route: &Route, known: &RouteState, stands: &Home, room: usize) -> Line<'static> {
    let Scene { state, view, theme } = scene;
    let dot = theme.glyphs.dot;
    let (glyph, style) =
        if matches!(stands, Home::Seen { .. }) { (theme.glyphs.ok, theme.ok) } else { (theme.glyphs.unknown, theme.unknown) };
    let told = match failing(state, route, stands) {
        Some(fails) => vec![Span::styled(format!(" {} {fails}", theme.glyphs.breach), theme.breach)],
        None => vec![Span::styled(format!(" {glyph} "), style), Span::styled(whereabouts(state, route, stands), theme.text)],
    };
    match words::away(state, route) {
        Some(away) => {
            let away = format!(" {} {} takes {away} home too {dot}", theme.glyphs.rollback, lever(view));
            Line::from_iter(std::iter::once(Span::styled(away, theme.rollback)).chain(told))
        }
        None => text::with_what_fits(told, [Span::styled(format!(" {dot} {}", standby(known)), theme.dim)], room),
    }
}

/// What of the requests of those who are home fails, where it is more than the plan tolerates.
fn failing(state: &State, route: &Route, stands: &Home) -> Option<String> {
    let fails = fails(state, route, &route.home);
    let said = crate::words::fails(&fails).filter(|_| fails.gravity == Gravity::Beyond && stands.is_reached())?;
    Some(format!("{} is on {}: {}", users(state, route), words::place(route, &route.home), said.long))
}

/// Whose users are told of: everybody's, unless another route is not home.
fn users(state: &State, route: &Route) -> String {
    if words::not_home(state, route).is_some() { route.title.to_string() } else { "all traffic".to_owned() }
}

/// Where the users of a route are that nobody sends away from home.
pub(super) fn whereabouts(state: &State, route: &Route, stands: &Home) -> String {
    let at_home = words::place(route, &route.home);
    match stands {
        Home::Seen { .. } => format!("{} is home on {at_home}, accepted and seen", users(state, route)),
        Home::Unasked { .. } => format!("home on {at_home} is accepted; too few requests through the front door to see it"),
        Home::Accepted { elsewhere: Some(share), .. } if share.fraction > 0.0 => {
            format!("home on {at_home} is accepted; {} of requests still meet something else", crate::words::share(share.fraction))
        }
        Home::Accepted { .. } => format!("home on {at_home} is accepted, not seen by requests yet"),
        Home::Unread => "where traffic is was not read yet".to_owned(),
        Home::Away { .. } | Home::Going { .. } | Home::NotHome { .. } => "not home".to_owned(),
    }
}

/// The same of a home that is accepted, where there is little room.
fn still(stands: &Home) -> String {
    match stands {
        Home::Accepted { elsewhere: Some(share), .. } if share.fraction > 0.0 => {
            format!("{} still elsewhere", crate::words::share(share.fraction))
        }
        Home::Accepted { .. }
        | Home::Seen { .. }
        | Home::Unasked { .. }
        | Home::Unread
        | Home::Away { .. }
        | Home::Going { .. }
        | Home::NotHome { .. } => "not seen by requests yet".to_owned(),
    }
}

/// What happens to writes on the way back.
fn keeps_writes(state: &State, route: &Route) -> Option<&'static str> {
    match writes(state, route) {
        Writes::Kept => Some("loses no writes"),
        Writes::Doubtful(Writers::Nobody) => Some("NOBODY accepts writes"),
        Writes::Doubtful(Writers::Several(_)) => Some("SEVERAL accept writes"),
        Writes::Doubtful(Writers::Unknown | Writers::One(_)) | Writes::Stranger(_) => Some("writes: not known"),
        Writes::NotTold => None,
    }
}

fn standby(known: &RouteState) -> String {
    platform::scale_short(known.readiness.home_scale)
}

/// While a rollback is on its way, until home is accepted and seen.
fn flying(scene: Scene<'_>, route: &Route, known: &RouteState, stands: &Home, room: usize) -> Option<Vec<Line<'static>>> {
    let Scene { state, view, theme } = scene;
    let latch = known.latch.as_ref()?;
    let since = match stands {
        Home::Going { since, .. } => *since,
        Home::Accepted { .. } => latch.at,
        Home::Unread | Home::Away { .. } | Home::Unasked { .. } | Home::Seen { .. } | Home::NotHome { .. } => return None,
    };
    let mut head = vec![
        Span::styled(format!(" {} ROLLING BACK to {} ", theme.glyphs.rollback, words::place(route, &route.home)), theme.latch),
        Span::styled(format!(" {} ", view.age(since)), theme.figure),
    ];
    match stands {
        Home::Accepted { due, .. } => {
            let more = crate::words::due(*due, view.now);
            let long = format!("{} {}{more}", theme.glyphs.busy, whereabouts(state, route, stands));
            let used: usize = head.iter().map(Span::width).sum();
            let told = if used + text::width(&long) <= room { long } else { format!("{} {}{more}", theme.glyphs.busy, still(stands)) };
            head.push(Span::styled(told, theme.busy));
        }
        Home::Going { .. } | Home::Unread | Home::Away { .. } | Home::Unasked { .. } | Home::Seen { .. } | Home::NotHome { .. } => {
            head.extend(words::course(known, stands, view.now, theme));
        }
    }
    let head = text::with_what_fits(head[..2].to_vec(), head[2..].iter().cloned(), room.max(60));
    Some(vec![
        head,
        Line::styled(
            text::cut(&format!("   because {}", words::cause(state, &latch.cause)), room.saturating_sub(1), theme.glyphs.ellipsis),
            theme.text,
        ),
    ])
}
