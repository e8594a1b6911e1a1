//! What the watcher's pages are made of.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        has::{Writes, writes},
        home::{Home, home, wants_a_hand},
        outlook::{Outlook, against_home, outlook},
        reason::Obstacle,
        replication::Writers,
        runbook,
        state::{Motion, ReturnStage, State, TriggerState},
    },
    domain::time::Timestamp,
    plan::model::{Trigger, steps::Step},
    tui::{
        draw::watch::{Face, matter::sentence},
        panes::{steps, words},
        scene::Scene,
        widgets::{
            gauge::{Gauge, Scale},
            spark, text,
        },
    },
    words::{
        Names, objection, obstacle, platform, runbook as say, share,
        state_line::{self, Clock},
    },
};

/// A page that is filled from its top.
pub(super) struct Page {
    rest: Rect,
}

impl Page {
    pub(super) fn new(room: Rect) -> Page {
        Page { rest: room }
    }
    pub(super) fn rest(&self) -> Rect {
        self.rest
    }
    pub(super) fn take(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.rest.height);
        let taken = Rect { height: rows, ..self.rest };
        self.rest = Rect { y: self.rest.y + rows, height: self.rest.height - rows, ..self.rest };
        taken
    }
    /// Leaves `rows` empty where that is wished.
    pub(super) fn air(&mut self, rows: u16, wished: bool) {
        if wished {
            self.take(rows);
        }
    }
}

/// Columns of the question before its answer.
const LABEL: u16 = 12;
const ANSWER_ROWS_MAX: u16 = 3;

pub(super) fn watched(face: &Face<'_>, trigger: &Trigger) -> String {
    Names::of(face.scene.state).watched(&trigger.id)
}

/// The value if it may be believed.
pub(super) fn value(trigger: &Trigger, seen: &TriggerState) -> Option<String> {
    words::believed(seen).map(|value| trigger.metric.unit().show(value))
}

/// A question and its answer, in as many rows as that needs and has.
fn answer(label: &str, text: &str, style: Style, face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let room = usize::from(page.rest().width.saturating_sub(LABEL));
    let rows = usize::from(page.rest().height.saturating_sub(2).min(ANSWER_ROWS_MAX));
    for (place, line) in text::wrap_within(text, room, rows, face.scene.theme.glyphs.ellipsis).into_iter().enumerate() {
        let row = page.take(1);
        text::put(buf, row, 0, if place == 0 { label } else { "" }, face.scene.theme.dim);
        text::put(buf, row, LABEL, &line, style);
    }
}

/// What happens by itself and when, with its clock if one runs.
pub(super) fn by_itself(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let Face { scene: Scene { state, view, theme }, route, .. } = *face;
    let next = state_line::state_line(state, route, view.now).next;
    let (text, style) = match &next {
        Some(next) => (sentence(&next.said.long), words::tone(next.said.tone, theme).1),
        None => match words::not_home(state, route) {
            Some(_) => (format!("Nothing with {}: its traffic stays where it is.", route.title), theme.text),
            None => ("Nothing: traffic stays where it is.".to_owned(), theme.text),
        },
    };
    let row = page.rest();
    answer("by itself", &text, style, face, page, buf);
    if let Some(Clock { since, acts_at }) = next.and_then(|next| next.clock) {
        let column = LABEL + text::width(&text) as u16 + 2;
        let room = Rect { x: row.x + column.min(row.width), width: row.width.saturating_sub(column), height: 1, ..row };
        clock(face, since, acts_at, room, buf);
    }
}

/// How much of its time has passed.
fn clock(face: &Face<'_>, since: Timestamp, acts_at: Timestamp, row: Rect, buf: &mut Buffer) {
    let (passed, of) = (face.scene.view.age(since), acts_at.since(since));
    let cells = usize::from(row.width);
    let filled = (passed.0 as usize * cells / of.0.max(1) as usize).min(cells);
    let column = text::put(buf, row, 0, &face.scene.theme.glyphs.fills[0].repeat(filled), face.scene.theme.alarm);
    text::put(buf, row, column, &face.scene.theme.glyphs.track.repeat(cells - filled), face.scene.theme.faint);
}

/// What going back would mean now, without the key that a watcher doesn't have; by hand where it does not get there by itself.
pub(super) fn way_home(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let Face { scene: Scene { state, view, theme }, route, known } = *face;
    let at_home = words::place(route, &route.home);
    let ready = platform::scale(known.readiness.home_scale);
    let (text, style) = match home(state, route) {
        Home::Seen { .. } | Home::Unasked { .. } => match words::not_home(state, route) {
            Some(away) => (format!("{} is home on {at_home}, {ready}; not home yet: {away}.", route.title), theme.warn),
            None => (format!("All traffic is home on {at_home}, {ready}."), theme.text),
        },
        Home::NotHome { why, .. } if !why.is_met_by_writing() => (sentence(&obstacle(&why, Names::of(state))), theme.breach),
        Home::NotHome { why, .. } => {
            (format!("{}. By hand, by whoever has the rights:", sentence_of_retry(&known.motion, &why, view.now)), theme.breach)
        }
        Home::Going { why, .. } if why.keeps_away() => {
            (format!("{}. By hand, by whoever has the rights:", sentence_of_retry(&known.motion, &why, view.now)), theme.breach)
        }
        going @ Home::Going { .. } => (sentence(&crate::words::home(&going, state, route, view.now)), theme.warn),
        Home::Accepted { .. } => match against_home(state, route).first() {
            Some(against) => (format!("All traffic is on its way to {at_home}, and {}.", objection(against, Names::of(state))), theme.warn),
            None => (format!("All traffic is on its way to {at_home}, {ready}."), theme.text),
        },
        Home::Unread | Home::Away { .. } => match against_home(state, route).first() {
            Some(against) => (format!("Going back is not assured: {}.", objection(against, Names::of(state))), theme.breach),
            None => (takes(face, &at_home, &ready), theme.text),
        },
    };
    answer("way home", &text, style, face, page, buf);
    if wants_a_hand(state, route) {
        if let Some(note) = crate::words::absence::caution(state.opened.as_ref().map(|opened| opened.world)) {
            let row = page.take(1);
            text::put(buf, row, 2, &text::cut(note, row.width.saturating_sub(2).into(), theme.glyphs.ellipsis), theme.warn);
        }
        let lines = words::by_hand(state, route, usize::from(page.rest().width.saturating_sub(2)));
        let rows = page.take(lines.len() as u16);
        for (line, row) in lines.iter().zip(rows.rows()) {
            text::put(buf, row, 2, line, theme.figure);
        }
    }
}

fn sentence_of_retry(motion: &Motion, why: &Obstacle, now: Timestamp) -> String {
    match motion {
        Motion::Returning(_) if !why.is_tried() => "The API works on the write, and nothing is sent again meanwhile".to_owned(),
        Motion::Returning(back) => match back.stage {
            ReturnStage::Retry { at } if at > now => format!("The next attempt is in {}", at.since(now)),
            ReturnStage::Retry { .. } | ReturnStage::Look | ReturnStage::Write { .. } | ReturnStage::Resolve { .. } => {
                "It is being tried now".to_owned()
            }
        },
        Motion::Unread
        | Motion::Settled
        | Motion::Writing { .. }
        | Motion::Resolving { .. }
        | Motion::Propagating { .. }
        | Motion::NeedsHuman { .. } => "Nothing more is tried by itself".to_owned(),
    }
}

fn takes(face: &Face<'_>, at_home: &str, ready: &str) -> String {
    let writes = match writes(face.scene.state, face.route) {
        Writes::Kept => ", loses no writes".to_owned(),
        Writes::Doubtful(Writers::Unknown) => String::new(),
        Writes::Doubtful(writers) => format!(", and {}", crate::words::writers(&writers)),
        Writes::Stranger(id) => format!(", and nobody knows to which database {id} writes"),
        Writes::NotTold => String::new(),
    };
    let readiness = &face.known.readiness;
    format!("Going back to {at_home} would take {}, moves {} of users{writes}; {ready}.", readiness.takes, share(readiness.moves))
}

/// Who steers and who is here.
pub(super) fn crew(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let state = face.scene.state;
    let holder = state.controls.holder.as_ref();
    let steers = holder.map_or_else(|| "Nobody has the controls".to_owned(), |holder| format!("{} has the controls", holder.who));
    let crew =
        state.people.iter().filter(|(client, person)| person.role.may_approve() && Some(**client) != holder.map(|holder| holder.client));
    let crew: Vec<String> = crew.map(|(_, person)| person.who.to_string()).collect();
    let watchers = state.people.values().filter(|person| !person.role.may_approve()).count();
    let with = if crew.is_empty() { String::new() } else { format!(", {} beside", crew.join(", ")) };
    let watch = match watchers {
        0 => String::new(),
        1 => ", 1 watches".to_owned(),
        more => format!(", {more} watch"),
    };
    answer("crew", &format!("{steers}{with}{watch}."), face.scene.theme.text, face, page, buf);
}

/// The step of the plan that goes on, or does not; nothing where none does. What is wrong with it stands among the verdicts.
pub(super) fn runbook(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let Scene { state, view, theme } = face.scene;
    let goes_on = |step: &&Step| say::stands(state, step).word.is_begun();
    let Some(step) = runbook::next(state).into_iter().find(goes_on) else { return };
    let stands = say::stands(state, step);
    let time = say::time(state, step, view.now);
    let time = if time.is_empty() { String::new() } else { format!(", {time}") };
    let told = format!("{}: {}{time}; {}", step.title, stands.word.name(), stands.told);
    answer("runbook", &sentence(&told), steps::sign(stands.word, theme).1, face, page, buf);
}

/// The plan's triggers with what they stand at, in the plan's order but for those of which nothing is to be told, which come last.
pub(super) fn by_weight(state: &State) -> Vec<(&Trigger, Outlook)> {
    let triggers = words::plan(state).into_iter().flat_map(|plan| &plan.triggers);
    let mut found: Vec<_> = triggers.filter_map(|trigger| Some((trigger, outlook(state, &trigger.id)?))).collect();
    found.sort_by_key(|(_, outlook)| words::is_still(outlook));
    found
}

/// Each trigger with its figure against its limit, and what it stands at where it has none.
pub(super) fn guards(face: &Face<'_>, page: &mut Page, buf: &mut Buffer) {
    let Face { scene: Scene { state, theme, .. }, .. } = *face;
    for (trigger, outlook) in by_weight(state) {
        let Some(seen) = state.triggers.get(&trigger.id) else { continue };
        if page.rest().height < 4 {
            return;
        }
        let row = page.take(1);
        let (glyph, word, style) = words::standing(&outlook, &seen.reading, face.scene.view.now, theme);
        let value = value(trigger, seen);
        let limit = format!("limit {}", trigger.metric.unit().show(trigger.limit));
        let column = text::put(buf, row, 0, &format!("{glyph} "), style);
        let column = text::put(buf, row, column, &format!("{:<24}", watched(face, trigger)), theme.text);
        let column = text::put(buf, row, column, &format!("{:>9}  ", value.clone().unwrap_or_else(|| "?".to_owned())), theme.figure);
        let column = text::put(buf, row, column, &format!("{limit:<14}"), theme.dim);
        let rest = Rect { x: row.x + column, width: row.width.saturating_sub(column), ..row };
        if value.is_none() {
            text::put(buf, rest, 0, &text::cut(&word, rest.width.into(), theme.glyphs.ellipsis), style);
        } else if rest.width >= 16 {
            let half = Rect { width: (rest.width / 2).min(32), ..rest };
            Gauge { value: seen.value, threshold: trigger.limit, scale: Scale::Linear, style }.draw(theme, half, buf);
            let history = state.backends.get(&trigger.backend).and_then(|known| known.history.get(&trigger.metric));
            let behind = Rect { x: half.right() + 2, width: rest.width.saturating_sub(half.width + 2), ..rest };
            if let Some(history) = history {
                spark::draw(history.iter(), trigger.limit, theme.chart, theme, behind, buf);
            }
        }
    }
}

/// The newest remarks of the session, newest last.
pub(super) fn tail(face: &Face<'_>, area: Rect, buf: &mut Buffer) {
    let Face { scene: Scene { state, view, theme }, .. } = *face;
    let rows = usize::from(area.height).min(8);
    let skip = state.feed.len().saturating_sub(rows);
    let lines = state.feed.iter().skip(skip).map(|line| {
        let (glyph, style) = words::tone(line.news.tone(), theme);
        let room = usize::from(area.width).saturating_sub(14);
        let age = view.age(line.at).to_string();
        let told = crate::words::news(&line.news, Names::of(state));
        let name = line.who.as_ref().filter(|who| !told.starts_with(who.as_str()));
        let words = name.map_or_else(|| told.clone(), |name| format!("{name} {told}"));
        Line::from(vec![
            Span::styled(format!("{age:>9} "), theme.faint),
            Span::styled(format!("{glyph} "), style),
            Span::styled(text::cut(&words, room, theme.glyphs.ellipsis), if style == theme.text { theme.dim } else { style }),
        ])
    });
    let lines: Vec<Line<'static>> = lines.collect();
    let top = area.bottom() - lines.len() as u16;
    text::rows(buf, Rect { y: top, height: area.bottom() - top, ..area }, lines);
}
