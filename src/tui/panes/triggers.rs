//! The rules that roll back by themselves: what each reads now, how close it is, and how long its clock has been running.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    core::{
        detection,
        forecast::rate,
        has::{has, strangers},
        outlook::{self, Attention, Awaited, DoorBreach, Outlook, Then, outlook, unassured, would},
        reason::Objection,
        state::{Reading, State, TriggerState},
    },
    domain::time::{Millis, Timestamp},
    plan::model::{Route, Trigger},
    tui::{
        panes::{frame, words},
        scene::Scene,
        theme::Theme,
        view::Pane,
        widgets::{
            gauge::{Gauge, Scale},
            text,
        },
    },
    words::{
        Names,
        short::{Said, due},
    },
};

/// Most cells of a running clock.
const CLOCK_CELLS: u16 = 24;

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let triggers = words::plan(state).map(|plan| plan.triggers.as_slice()).unwrap_or_default();
    let unseen = TriggerState::default();
    let seen = |trigger: &Trigger| state.triggers.get(&trigger.id).unwrap_or(&unseen).clone();
    let told: Vec<Row<'_>> = triggers.iter().map(|trigger| Row::of(state, trigger, seen(trigger))).collect();
    let title = frame::title("Automatic rollback", view.focus == Pane::Triggers, theme);
    let door = at_the_door(state);
    let at_door = door.iter().any(|(_, breach)| matches!(breach.outlook, Outlook::Running { .. }));
    let holds = |breach: &DoorBreach| matches!(breach.outlook, Outlook::Running { then: Then::Holds, .. });
    let runs = door.iter().any(|(_, breach)| matches!(breach.outlook, Outlook::Running { .. }) && !holds(breach));
    let status = if runs {
        running(theme)
    } else if door.iter().any(|(_, breach)| holds(breach)) && !told.iter().any(Row::has_clock) {
        // It has no clock, and is worse than a trigger that can't judge.
        Line::styled(format!("{} nothing advances", theme.glyphs.breach), theme.breach)
    } else {
        unwatched(state, theme).filter(|_| told.iter().all(Row::is_still)).unwrap_or_else(|| verdict(&told, theme))
    };
    let inner = frame::frame(Pane::Triggers, title, status, scene, area, buf);
    if at_door || told.iter().any(|told| matches!(told.outlook, Outlook::Running { .. })) {
        frame::light(area, theme.alarm, theme, buf);
    } else if told.iter().any(|told| matches!(told.outlook, Outlook::Blind { .. })) {
        frame::light(area, theme.unknown, theme, buf);
    }
    let roomy = inner.height as usize >= triggers.len() * 2 + door.len();
    // What each of them can see at all stands below it where there is room for that, as in a zoomed pane.
    let needed: usize = door.len() + told.iter().map(|told| 2 + budget(state, told.trigger).len()).sum::<usize>();
    let mut rows = inner.rows();
    for ((route, breach), row) in door.iter().zip(rows.by_ref().take(usize::from(inner.height).saturating_sub(1))) {
        door_line(state, route, breach, view.now, theme, row.width).render(row, buf);
    }
    // Where there is no room for all, what runs is not what is left out.
    let mut told: Vec<&Row<'_>> = told.iter().collect();
    told.sort_by_key(|told| told.is_still());
    for told in told {
        let Some(row) = rows.next() else { return };
        let compact = !roomy && told.outlook != Outlook::Quiet;
        let line = if compact { compact_line(told, view.now, theme, inner.width) } else { reading(told, view.now, theme, inner.width) };
        line.render(row, buf);
        if roomy && let Some(row) = rows.next() {
            below(told, view.now, theme, row, buf);
        }
        if usize::from(inner.height) >= needed {
            for (line, row) in budget(state, told.trigger).into_iter().zip(rows.by_ref()) {
                text::put(buf, row, 4, &text::cut(&line, usize::from(row.width).saturating_sub(4), theme.glyphs.ellipsis), theme.dim);
            }
        }
    }
}

/// What is beyond the plan's tolerance at the front door of any route: what users meet leads home as a trigger does.
pub fn at_the_door(state: &State) -> Vec<(&Route, DoorBreach)> {
    let routes = words::plan(state).into_iter().flat_map(|plan| &plan.routes);
    routes.flat_map(|route| outlook::at_door(state, &route.id).into_iter().map(move |breach| (route, breach))).collect()
}

/// What is met there, and what follows from it and when.
fn door_line(state: &State, route: &Route, breach: &DoorBreach, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    let names = Names::of(state);
    let found = Attention::AtDoor { route: route.id.clone(), breach: breach.clone() };
    let what = crate::words::short::attention(&found, state, now).short;
    let said = match &breach.outlook {
        Outlook::Fired { at } => Said::plain(format!("fired {}", words::age(now.since(*at)))),
        Outlook::GoingHome => Said::plain("the route goes home already"),
        Outlook::Unproven { .. } => Said::plain("not known any more"),
        Outlook::Running { .. } | Outlook::Blind { .. } | Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) => {
            crate::words::short::outcome(&breach.outlook, names, now).unwrap_or_else(|| Said::plain("nothing advances"))
        }
    };
    let (glyph, style) = match &breach.outlook {
        Outlook::Fired { .. } => (theme.glyphs.latch, theme.warn),
        Outlook::GoingHome => (theme.glyphs.busy, theme.dim),
        Outlook::Unproven { .. } => (theme.glyphs.unknown, theme.unknown),
        Outlook::Running { .. } | Outlook::Blind { .. } | Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) => {
            (theme.glyphs.breach, theme.breach)
        }
    };
    let long = format!("{glyph} front door, {what}: {}", said.long);
    if text::width(&long) <= usize::from(width) {
        return Line::styled(long, style);
    }
    // When it acts is worth more than what it is called.
    let room = usize::from(width).saturating_sub(text::width(&said.short)).max(16);
    let head = text::cut(&format!("{glyph} door, {what}: "), room, theme.glyphs.ellipsis);
    Line::styled(text::cut(&format!("{head}{}", said.short), width.into(), theme.glyphs.ellipsis), style)
}

/// Users who are where no trigger of the plan looks.
fn unwatched(state: &State, theme: &Theme) -> Option<Line<'static>> {
    let routes = words::plan(state).into_iter().flat_map(|plan| &plan.routes);
    let (route, stranger) = routes.into_iter().find_map(|route| {
        let outside = strangers(state.routes.get(&route.id)?, route);
        Some((route, *outside.first()?))
    })?;
    let has = has(state, &route.id, stranger);
    let share = crate::words::got(&has).unwrap_or_else(|| crate::words::given(&has));
    Some(Line::styled(format!("{} {share} unjudged", theme.glyphs.warn), theme.warn))
}

fn running(theme: &Theme) -> Line<'static> {
    Line::styled(format!("{} clock running", theme.glyphs.breach), theme.breach)
}

/// What a trigger can see at each rung of the ladder, by the requests that come now.
fn budget(state: &State, trigger: &Trigger) -> Vec<String> {
    let plan = words::plan(state);
    let found = plan.and_then(|plan| Some((plan, plan.routes.iter().find(|route| route.id == trigger.route)?)));
    let Some((plan, route)) = found else { return Vec::new() };
    let Some(rate) = rate(state, route) else { return vec!["what it can see is not known: requests a second are not measured".to_owned()] };
    let seen = detection::budget(trigger, &route.ladder, plan.cadence_of(&trigger.backend, trigger.metric), rate);
    seen.iter().map(|seen| crate::words::detection(seen, trigger.metric)).collect()
}

/// One trigger as a person wants to know it.
struct Row<'a> {
    trigger: &'a Trigger,
    seen: TriggerState,
    name: String,
    outlook: Outlook,
    /// What the end of its time would bring now.
    would: Then,
    /// What stands against going home, where that would bring it there.
    unassured: Option<Objection>,
    names: Names<'a>,
}

impl<'a> Row<'a> {
    fn of(state: &'a State, trigger: &'a Trigger, seen: TriggerState) -> Row<'a> {
        let names = Names::of(state);
        // The plan names it, so both are known.
        let outlook = outlook(state, &trigger.id).unwrap_or(Outlook::Idle);
        let would = would(state, &trigger.id).unwrap_or(Then::NobodyThere);
        let unassured = unassured(state, &trigger.id);
        Row { trigger, seen, name: names.watched_short(&trigger.id), outlook, would, unassured, names }
    }

    /// Whether something happens by itself at a time that is known.
    fn has_clock(&self) -> bool {
        matches!(self.outlook, Outlook::Running { .. } | Outlook::Blind { then: Then::GoesHome, .. })
    }

    /// Whether nothing runs.
    fn is_still(&self) -> bool {
        words::is_still(&self.outlook)
    }

    fn value(&self) -> Option<f64> {
        words::believed(&self.seen)
    }

    fn shown(&self, value: f64) -> String {
        self.trigger.metric.unit().show(value)
    }

    fn mark(&self, now: Timestamp, theme: &Theme) -> (&'static str, String, Style) {
        words::standing(&self.outlook, &self.seen.reading, now, theme)
    }
}

/// Armed is said only of what sees; what has no sample guards nobody yet.
fn verdict(told: &[Row<'_>], theme: &Theme) -> Line<'static> {
    let any = |wanted: fn(&Outlook) -> bool| told.iter().any(|told| wanted(&told.outlook));
    let unjudged = told.iter().filter(|told| matches!(told.outlook, Outlook::Unjudged(_))).count();
    if any(|outlook| matches!(outlook, Outlook::Running { .. })) {
        running(theme)
    } else if any(|outlook| matches!(outlook, Outlook::Unproven { .. })) {
        Line::styled(format!("{} not proven now", theme.glyphs.warn), theme.warn)
    } else if any(|outlook| matches!(outlook, Outlook::Fired { .. })) {
        Line::styled(format!("{} has fired", theme.glyphs.latch), theme.warn)
    } else if any(|outlook| *outlook == Outlook::GoingHome) || (!told.is_empty() && told.iter().all(|told| told.would == Then::Done)) {
        Line::styled(format!("{} going home already", theme.glyphs.busy), theme.dim)
    } else if any(|outlook| matches!(outlook, Outlook::Blind { .. })) {
        Line::styled(format!("{} blind", theme.glyphs.unknown), theme.unknown)
    } else if told.is_empty() {
        Line::styled(format!("{} the plan has none", theme.glyphs.warn), theme.warn)
    } else if unjudged > 0 {
        Line::styled(format!("{} {unjudged} of {} can't judge", theme.glyphs.unknown, told.len()), theme.unknown)
    } else if told.iter().all(|told| told.outlook == Outlook::Idle) {
        Line::styled(format!("{} nothing to guard", theme.glyphs.idle), theme.dim)
    } else if told.iter().any(|told| matches!(told.would, Then::Withheld { .. } | Then::Disarmed { .. } | Then::HomeNotProven { .. })) {
        Line::styled(format!("{} would not roll back", theme.glyphs.warn), theme.warn)
    } else if told.iter().any(|told| told.unassured.is_some()) {
        Line::styled(format!("{} home not assured", theme.glyphs.warn), theme.warn)
    } else {
        Line::styled(format!("{} armed", theme.glyphs.ok), theme.ok)
    }
}

/// Glyph, name, value and limit; then the state in words, as far as there is room.
fn reading(told: &Row<'_>, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    let (glyph, word, style) = told.mark(now, theme);
    let mut spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(told.name.clone(), theme.text)];
    if let Some(value) = told.value() {
        spans.push(Span::raw(" "));
        spans.push(Span::styled(told.shown(value), style));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    if told.seen.reading != Reading::Ok || told.outlook == Outlook::Idle {
        let word = text::cut(&word, usize::from(width).saturating_sub(used + 2), theme.glyphs.ellipsis);
        spans.push(Span::raw("  "));
        spans.push(Span::styled(word, style));
    }
    let rule = [
        Span::styled(format!("  limit {}", told.shown(told.trigger.limit)), theme.dim),
        Span::styled(format!(" for {}", told.trigger.lasting), theme.dim),
    ];
    text::with_what_fits(spans, rule, width.into())
}

/// On one row, the clock matters more than the rule.
fn compact_line(told: &Row<'_>, now: Timestamp, theme: &Theme, width: u16) -> Line<'static> {
    if told.is_still() {
        return reading(told, now, theme, width);
    }
    let (glyph, _, style) = told.mark(now, theme);
    let mut spans = vec![Span::styled(format!("{glyph} "), style), Span::styled(format!("{} ", told.name), theme.text)];
    if let Some(value) = told.value() {
        spans.push(Span::styled(told.shown(value), style));
        spans.push(Span::raw(" "));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(clock(told, now, theme, width.saturating_sub(used as u16)));
    Line::from(spans)
}

/// The second row of a trigger: its clock if one runs, else how far its value is from the limit.
fn below(told: &Row<'_>, now: Timestamp, theme: &Theme, row: Rect, buf: &mut Buffer) {
    let row = Rect { x: row.x + 2, width: row.width.saturating_sub(2), ..row };
    // A rule of minutes has 31 characters, and a gap before it.
    let cells = row.width.saturating_sub(32).min(CLOCK_CELLS);
    let rule = match &told.unassured {
        None => crate::words::rule(&told.would, told.trigger, told.names),
        Some(why) => format!("rolls back, home not assured: {}", crate::words::objection(why, told.names)),
    };
    match (told.is_still(), told.value()) {
        (true, Some(value)) if cells >= 8 => {
            let cells = if told.unassured.is_some() { cells / 3 } else { cells };
            let bar = Rect { width: cells, ..row };
            Gauge { value: Some(value), threshold: told.trigger.limit, scale: Scale::Linear, style: theme.ok }.draw(theme, bar, buf);
            let room = usize::from(row.width.saturating_sub(cells + 1));
            text::put(buf, row, cells + 1, &text::cut(&rule, room, theme.glyphs.ellipsis), theme.dim);
        }
        (true, _) => {
            text::put(buf, row, 0, &text::cut(&rule, row.width.into(), theme.glyphs.ellipsis), theme.dim);
        }
        (false, _) => text::rows(buf, row, [Line::from(clock(told, now, theme, row.width))]),
    }
}

/// How much of its time has passed and what then happens, as a bar and in words, in `room` cells.
fn clock(told: &Row<'_>, now: Timestamp, theme: &Theme, room: u16) -> Vec<Span<'static>> {
    let fits = |long: String, short: String| if long.len() <= usize::from(room) { long } else { short };
    match &told.outlook {
        Outlook::Running { since, acts_at, then: Then::GoesHome, lapses_at, awaits } => {
            let (due, unproven) = (due(*acts_at, *awaits, now), if lapses_at.is_some() { " if proven" } else { "" });
            let words = fits(format!("rolls back {due}{unproven}"), format!("acts {due}{unproven}"));
            bar(now.since(*since), acts_at.since(*since), words, (theme.alarm, theme.breach), room, theme)
        }
        Outlook::Running { since, then, .. } => {
            let words = fits(crate::words::short::then(then, told.names), format!("beyond it for {}", now.since(*since)));
            vec![Span::styled(text::cut(&words, room.into(), theme.glyphs.ellipsis), theme.breach)]
        }
        Outlook::Unproven { uncleared, armed_at, .. } => {
            let short = format!("was beyond it {} ago", now.since(uncleared.last));
            let then = armed_at.map_or_else(|| "not judged since".to_owned(), |at| crate::words::short::armed(at, now));
            vec![Span::styled(fits(format!("{short}; {then}"), short), theme.warn)]
        }
        Outlook::Blind { since, acts_at, then: Then::GoesHome, .. } => {
            let short = format!("rolls back {}", due(*acts_at, Awaited::Nothing, now));
            let words = fits(format!("blind, {short}"), short);
            bar(now.since(*since), acts_at.since(*since), words, (theme.unknown, theme.unknown), room, theme)
        }
        Outlook::Blind { since, .. } => {
            let short = format!("blind for {}", now.since(*since));
            vec![Span::styled(fits(format!("{short}; advancing is refused"), short), theme.unknown)]
        }
        // What it fired for, a figure or that there was none, stands at the latch.
        Outlook::Fired { at } => vec![Span::styled(format!("fired {}", words::age(now.since(*at))), theme.warn)],
        Outlook::Quiet | Outlook::Idle | Outlook::Unjudged(_) | Outlook::GoingHome => Vec::new(),
    }
}

/// A bar of the time that has passed, and its words; without room for a bar that says something, the words alone.
fn bar(passed: Millis, of: Millis, words: String, (fill, ink): (Style, Style), room: u16, theme: &Theme) -> Vec<Span<'static>> {
    let cells = usize::from(room).saturating_sub(words.len() + 1).min(usize::from(CLOCK_CELLS));
    if cells < 4 {
        return vec![Span::styled(words, ink)];
    }
    let filled = (passed.0 as usize * cells / of.0.max(1) as usize).min(cells);
    vec![
        Span::styled(theme.glyphs.fills[0].repeat(filled), fill.remove_modifier(Modifier::UNDERLINED)),
        Span::styled(theme.glyphs.track.repeat(cells - filled), theme.faint),
        Span::raw(" "),
        Span::styled(words, ink),
    ]
}
