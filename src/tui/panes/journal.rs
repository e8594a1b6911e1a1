//! What happened, newest last: in the pane what people should know, on its own screen everything that is remembered, refusals and writes
//! with their outcomes too, and the line under the cursor in full.
//!
//! The cursor stands on a line and not on a row: it stays there while the journal grows, and rests on the newest until it is moved.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{
        acts::{Act, What},
        decision::Verdict,
        news::Tone,
        state::{FeedLine, Repeats, State},
    },
    domain::{
        id::{OperatorId, Seq},
        time::Timestamp,
    },
    tui::{
        panes::{frame, words},
        scene::Scene,
        theme::Theme,
        view::{Pane, Screen, View, Zoom},
        widgets::text,
    },
    words::{self as say, Names},
};

/// From this width on, the details stand at the side.
const ABREAST: u16 = 150;
/// From this width on, each line says what it is about.
const TOPICS: usize = 98;
/// From this width on, it is said where the record ends.
const HEADS: u16 = 60;
const TOPIC_CELLS: usize = 9;

/// A line of the journal.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Told(&'a FeedLine),
    Act(&'a Act),
}

/// A line of the journal with what is said of it.
pub struct Entry<'a> {
    /// Its entry and its place among the lines of that.
    key: (Seq, usize),
    source: Source<'a>,
    text: String,
}

impl Entry<'_> {
    pub fn key(&self) -> (Seq, usize) {
        self.key
    }
    fn at(&self) -> Timestamp {
        match self.source {
            Source::Told(line) => line.at,
            Source::Act(act) => act.at,
        }
    }
    fn who(&self) -> Option<&OperatorId> {
        match self.source {
            Source::Told(line) => line.who.as_ref(),
            Source::Act(act) => match &act.what {
                What::Answered { by, .. } => Some(&by.who),
                What::Sent { .. } => None,
            },
        }
    }
    fn topic(&self) -> &'static str {
        match self.source {
            Source::Told(line) => say::topic(line.news.about().0),
            Source::Act(act) => say::act_topic(act),
        }
    }
    fn tone(&self) -> Tone {
        match self.source {
            Source::Told(line) => line.news.tone(),
            Source::Act(act) => say::act_tone(act),
        }
    }
    /// How often it came, and since when, if more than once.
    fn repeats(&self) -> Option<Repeats> {
        match self.source {
            Source::Told(line) => line.repeats,
            Source::Act(act) => (act.times > 1).then_some(Repeats { since: act.since, times: act.times }),
        }
    }
    /// Whether it is for the pane: what people should know, and what was not done that somebody asked for.
    fn is_for_pane(&self) -> bool {
        match self.source {
            Source::Told(_) => true,
            Source::Act(act) => match &act.what {
                What::Answered { verdict, .. } => matches!(**verdict, Verdict::Refused(_)),
                What::Sent { .. } => false,
            },
        }
    }
    fn holds(&self, wanted: &str) -> bool {
        let found = |text: &str| text.to_lowercase().contains(wanted);
        wanted.is_empty() || found(&self.text) || found(self.topic()) || self.who().is_some_and(|who| found(who.as_str()))
    }
}

/// Everything that is remembered and holds what is looked for, oldest first.
pub fn entries<'a>(state: &'a State, view: &View) -> Vec<Entry<'a>> {
    let names = Names::of(state);
    let acts = state.acts.iter().map(|act| (act.seq, Source::Act(act), say::act(act, view.now, names)));
    let told = state.feed.iter().map(|line| (line.seq, Source::Told(line), say::news(&line.news, names)));
    let mut all: Vec<_> = acts.chain(told).collect();
    all.sort_by_key(|(seq, ..)| *seq);
    let mut place = 0;
    let mut before = None;
    let keyed = all.into_iter().map(|(seq, source, text)| {
        place = if before == Some(seq) { place + 1 } else { 0 };
        before = Some(seq);
        Entry { key: (seq, place), source, text }
    });
    let wanted = view.filter.to_lowercase();
    keyed.filter(|entry| entry.holds(&wanted)).collect()
}

/// Where the cursor stands among `entries`.
pub fn cursor(entries: &[Entry<'_>], line: Option<(Seq, usize)>) -> usize {
    let last = entries.len().saturating_sub(1);
    line.map_or(last, |key| entries.partition_point(|entry| entry.key < key).min(last))
}

fn is_full(view: &View) -> bool {
    view.screen == Screen::Journal || view.zoomed == Zoom::Focused && view.focus == Pane::Journal
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    if is_full(scene.view) { full(scene, area, buf) } else { pane(scene, area, buf) }
}

fn title(view: &View, focused: bool, theme: &Theme) -> Vec<Span<'static>> {
    let mut title = frame::title("Journal", focused, theme);
    if !view.filter.is_empty() {
        title.push(Span::styled(format!(" only \"{}\"", view.filter), theme.warn));
    }
    title
}

fn pane(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let entries: Vec<Entry<'_>> = entries(state, view).into_iter().filter(Entry::is_for_pane).collect();
    let back = view.scroll.get(&Pane::Journal).copied().unwrap_or(0).min(entries.len().saturating_sub(1));
    let title = title(view, view.focus == Pane::Journal, theme);
    let status = if back == 0 { format!("entry {}", state.seq) } else { format!("{back} lines back") };
    let inner = frame::frame(Pane::Journal, title, with_head(status, scene, area.width), scene, area, buf);
    let room = usize::from(inner.height);
    let until = entries.len() - back;
    let rows = entries[until.saturating_sub(room)..until].iter().map(|entry| row(entry, view, theme, inner.width.into()));
    text::rows(buf, inner, rows);
}

/// Where there is room, with the end of the record: whoever writes it down can prove later that nothing before it was changed.
fn with_head(status: String, scene: Scene<'_>, width: u16) -> Line<'static> {
    let Scene { view, theme, .. } = scene;
    let head = view.head.filter(|_| width >= HEADS).map_or_else(String::new, |head| format!(" {} head {}", theme.glyphs.dot, head.short()));
    Line::styled(status + &head, theme.dim)
}

fn full(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let entries = entries(state, view);
    let cursor = cursor(&entries, view.line);
    let abreast = area.width >= ABREAST;
    let [list, details] = if abreast {
        Layout::horizontal([Constraint::Fill(5), Constraint::Fill(3)]).areas(area)
    } else {
        // As much as the line needs, so that the list keeps the rest.
        let all = Rect { width: area.width.saturating_sub(2), height: u16::MAX, ..area };
        let needed = entries.get(cursor).map_or(0, |entry| detail(scene, entry, &entries, all).len() as u16 + 2);
        Layout::vertical([Constraint::Fill(1), Constraint::Length(needed.clamp(6, (area.height / 2).max(6)))]).areas(area)
    };
    let place = if view.line.is_none() { "newest".to_owned() } else { format!("{} of {}", cursor + 1, entries.len()) };
    let status = with_head(place, scene, list.width);
    let inner = frame::frame(Pane::Journal, title(view, true, theme), status, scene, list, buf);
    if entries.is_empty() {
        let told =
            if view.filter.is_empty() { "nothing has happened yet".to_owned() } else { format!("no line has \"{}\" in it", view.filter) };
        text::rows(buf, inner, [Line::styled(told, theme.dim)]);
        return;
    }
    let room = usize::from(inner.height).max(1);
    // The cursor keeps a few lines of what followed in sight.
    let after = (room / 4).min(entries.len() - 1 - cursor);
    let first = (cursor + 1 + after).saturating_sub(room);
    for ((place, entry), at) in entries.iter().enumerate().skip(first).zip(inner.rows()) {
        let line = row(entry, view, theme, inner.width.into());
        let line = if place == cursor { line.patch_style(theme.selection) } else { line };
        if place == cursor {
            buf.set_style(at, theme.selection);
        }
        text::rows(buf, at, [line]);
    }
    let head = frame::title(if abreast { "This line" } else { "Line" }, false, theme);
    let seen = entries.get(cursor);
    let number = seen.map_or_else(Line::default, |entry| Line::styled(format!("entry {}", entry.key.0), theme.dim));
    let inner = frame::plain(head, number, theme, details, buf);
    if let Some(entry) = seen {
        text::rows(buf, inner, detail(scene, entry, &entries, inner));
    }
}

/// One line on one row: when, how grave, who, what, how often.
fn row(entry: &Entry<'_>, view: &View, theme: &Theme, width: usize) -> Line<'static> {
    let (glyph, style) = words::tone(entry.tone(), theme);
    let mut head = vec![Span::styled(format!("{} ", words::clock(entry.at())), theme.faint), Span::styled(format!("{glyph} "), style)];
    if is_full(view) && width >= TOPICS {
        head.insert(1, Span::styled(format!("{:<TOPIC_CELLS$} ", entry.topic()), theme.dim));
    }
    let (who, told) = spoken(entry);
    head.extend(who.map(|who| Span::styled(format!("{who} "), theme.people)));
    let again = entry.repeats().map_or_else(String::new, |repeats| format!(" {}{}", theme.glyphs.times, repeats.times));
    let used: usize = head.iter().map(Span::width).sum::<usize>() + text::width(&again);
    head.push(Span::styled(text::cut(told, width.saturating_sub(used), theme.glyphs.ellipsis), style));
    head.push(Span::styled(again, theme.figure));
    Line::from(head)
}

/// The name of who caused it stands there once, in its own colour, and what he said behind a colon.
fn spoken<'a>(entry: &'a Entry<'_>) -> (Option<String>, &'a str) {
    let Some(who) = entry.who().map(OperatorId::as_str) else { return (None, &entry.text) };
    match entry.text.strip_prefix(who).filter(|rest| rest.starts_with([' ', ':'])) {
        Some(rest) => {
            let colon = if rest.starts_with(':') { ":" } else { "" };
            (Some(format!("{who}{colon}")), rest.trim_start_matches([' ', ':']))
        }
        // Whose doing it was is said by the sentence itself or stands before it.
        None if entry.text.split_whitespace().any(|word| word.trim_end_matches([':', ';', ',']) == who) => (None, &entry.text),
        None => (Some(who.to_owned()), &entry.text),
    }
}

/// Everything that is known of the line under the cursor, wrapped and never cut.
fn detail(scene: Scene<'_>, entry: &Entry<'_>, all: &[Entry<'_>], room: Rect) -> Vec<Line<'static>> {
    let Scene { state, view, theme } = scene;
    let width = usize::from(room.width);
    let (glyph, style) = words::tone(entry.tone(), theme);
    let dot = theme.glyphs.dot;
    let by = entry.who().map_or_else(String::new, |who| format!(" {dot} {who}"));
    let when = format!(
        "{} {}Z {dot} {} {dot} {}{by}",
        date(entry.at()),
        words::clock(entry.at()),
        words::age(view.age(entry.at())),
        entry.topic()
    );
    let mut lines = vec![Line::styled(text::cut(&when, width, theme.glyphs.ellipsis), theme.dim)];
    lines.extend(wrapped(&format!("{glyph} {}", entry.text), width, style));
    if let Some(repeats) = entry.repeats() {
        lines.push(Line::styled(format!("{} times since {}", repeats.times, words::clock(repeats.since)), theme.figure));
    }
    if let Source::Act(act) = entry.source {
        lines.extend(wrapped(&asked(act), width, theme.dim));
    }
    let session = state.opened.as_ref().map(|opened| opened.session.to_string()).unwrap_or_default();
    let command = format!("in the record: cutover audit show {session} --since {}T{}Z", date(entry.at()), words::clock(entry.at()));
    lines.extend(wrapped(&command, width, theme.faint));
    for other in all.iter().filter(|other| other.key.0 == entry.key.0 && other.key.1 != entry.key.1) {
        lines.extend(wrapped(&format!("with it: {}", other.text), width, theme.text));
    }
    let hidden = lines.len().saturating_sub(room.height.into());
    if hidden > 0 {
        lines.truncate(usize::from(room.height).saturating_sub(1));
        lines.push(Line::styled(format!("{} {} more lines; a larger terminal shows them", theme.glyphs.ellipsis, hidden + 1), theme.dim));
    }
    lines
}

fn asked(act: &Act) -> String {
    match &act.what {
        What::Answered { by, .. } => format!("asked by {} as {}, at cockpit {}", by.who, by.role, by.client.0),
        What::Sent { effect, .. } => format!("effect {effect}, left {}", words::clock(act.at)),
    }
}

fn wrapped(told: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    text::wrap(told, width).into_iter().map(|line| Line::styled(line, style)).collect()
}

/// `2026-11-24`, in UTC.
pub fn date(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}
