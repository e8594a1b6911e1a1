//! The second line of every screen, zoom and dialog: where traffic is, the worst that is true, what happens by itself, the way home.
//!
//! It is never covered and never scrolls away. Where it has no room it says each thing shorter, then leaves out what can be found
//! elsewhere. The worst thing and what happens by itself are never left out, and where traffic is gives way to them, since its own pane tells
//! that too.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::{command::Command, news::Tone, state::State},
    tui::{
        keymap::Action,
        panes::words,
        scene::Scene,
        theme::Theme,
        view::{ANSWER_DUE, Fate, Hearing, View},
        widgets::text,
    },
    words::{
        short::Said,
        state_line::{Next, StateLine, state_line},
    },
};

/// How much is said: each step says less than the one before.
#[derive(Debug, Clone, Copy)]
struct Length {
    place: Form,
    worst: Form,
    next: Form,
    home: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Long,
    Short,
    Left,
}

const fn length(place: Form, worst: Form, next: Form, home: Form) -> Length {
    Length { place, worst, next, home }
}

const LENGTHS: [Length; 7] = [
    length(Form::Long, Form::Long, Form::Long, Form::Long),
    length(Form::Long, Form::Long, Form::Long, Form::Short),
    length(Form::Short, Form::Long, Form::Long, Form::Short),
    length(Form::Short, Form::Long, Form::Short, Form::Short),
    length(Form::Short, Form::Short, Form::Long, Form::Short),
    length(Form::Short, Form::Short, Form::Short, Form::Short),
    length(Form::Short, Form::Short, Form::Short, Form::Left),
];

/// Between two parts.
const DOT_COLUMNS: usize = 3;
/// Where traffic is, cut to less than this, tells nothing.
const PLACE_COLUMNS_MIN: usize = 16;

/// With a question that has no answer, which stands where else it is told what comes next. Nothing of that can be promised then.
const UNANSWERED: [Length; 6] = [
    length(Form::Long, Form::Long, Form::Long, Form::Left),
    length(Form::Short, Form::Long, Form::Long, Form::Left),
    length(Form::Short, Form::Short, Form::Long, Form::Left),
    length(Form::Short, Form::Short, Form::Short, Form::Left),
    length(Form::Short, Form::Left, Form::Long, Form::Left),
    length(Form::Short, Form::Left, Form::Short, Form::Left),
];

/// One row.
pub(super) fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let Some(route) = words::route(state, view.route) else {
        text::put(buf, area, 0, &format!(" {} nothing is known of this session yet", theme.glyphs.unknown), theme.unknown);
        return;
    };
    let line = state_line(state, route, view.now);
    let room = usize::from(area.width);
    let lengths: &[Length] = if unanswered(view).is_some() { &UNANSWERED } else { &LENGTHS };
    let parts = lengths.iter().map(|length| parts(&line, *length, scene));
    let mut fitting = parts.filter(|line| line.width() <= room);
    let told = fitting.next().unwrap_or_else(|| parts_of_last(&line, scene, room));
    text::rows(buf, area, [told]);
}

/// What happens by itself whole, before it the worst as far as that goes, behind both where traffic is as far as there is room.
fn parts_of_last(line: &StateLine, scene: Scene<'_>, room: usize) -> Line<'static> {
    let Scene { view, theme, .. } = scene;
    let dot = || Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint);
    let width = |spans: &[Span<'static>]| spans.iter().map(Span::width).sum::<usize>();
    let asked = unanswered(view);
    let next: Vec<Span<'static>> = match (&line.next, &asked) {
        (Some(next), None) => std::iter::once(dot()).chain(by_itself(next, Form::Short, view, theme)).collect(),
        (Some(_) | None, _) => Vec::new(),
    };
    let worst = match &asked {
        Some(said) => told(said, Form::Short, Course::AtRest, theme),
        None => worst(line, Form::Short, scene),
    };
    let mut spans = vec![Span::raw(" ")];
    spans.extend(cut(worst, room.saturating_sub(1 + width(&next)), theme));
    spans.extend(next);
    let left = room.saturating_sub(width(&spans) + DOT_COLUMNS);
    let place = place(line, Form::Short, scene);
    if left >= PLACE_COLUMNS_MIN.min(width(&place)) {
        spans.push(dot());
        spans.extend(cut(place, left, theme));
    }
    Line::from(spans)
}

fn cut(spans: Vec<Span<'static>>, room: usize, theme: &Theme) -> Vec<Span<'static>> {
    let mut left = room;
    let cut = |mut span: Span<'static>| {
        span.content = text::cut(&span.content, left, theme.glyphs.ellipsis).into();
        left = left.saturating_sub(span.width());
        span
    };
    spans.into_iter().map(cut).collect()
}

fn parts(line: &StateLine, length: Length, scene: Scene<'_>) -> Line<'static> {
    let Scene { view, theme, .. } = scene;
    let mut groups: Vec<Vec<Span<'static>>> = vec![place(line, length.place, scene)];
    let asked = unanswered(view);
    groups.extend(asked.as_ref().map(|said| told(said, length.next, Course::AtRest, theme)));
    if length.worst != Form::Left {
        groups.push(worst(line, length.worst, scene));
    }
    if asked.is_none() {
        groups.extend(line.next.as_ref().map(|next| by_itself(next, length.next, view, theme)));
        groups.extend(line.home.as_ref().and_then(|said| home(said, length.home, view, theme)));
    }
    let mut spans = vec![Span::raw(" ")];
    for (place, group) in groups.into_iter().filter(|group| !group.is_empty()).enumerate() {
        if place > 0 {
            spans.push(Span::styled(format!(" {} ", theme.glyphs.dot), theme.faint));
        }
        spans.extend(group);
    }
    Line::from(spans)
}

fn worst(line: &StateLine, form: Form, scene: Scene<'_>) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    match view.hearing {
        Hearing::Connected => told(&line.worst, form, course(state, view), theme),
        // What was good when the host was last heard proves nothing now.
        Hearing::Lost { .. } => vec![Span::styled(form_of(&line.worst, form), theme.stale)],
    }
}

/// What happens by itself; of a host that is not heard nobody knows that.
fn by_itself(next: &Next, form: Form, view: &View, theme: &Theme) -> Vec<Span<'static>> {
    match view.hearing {
        Hearing::Connected => plain(&next.said, form, theme),
        Hearing::Lost { .. } => Vec::new(),
    }
}

/// Where traffic is; with several routes the one under the slider is named.
fn place(line: &StateLine, form: Form, scene: Scene<'_>) -> Vec<Span<'static>> {
    let Scene { state, view, theme } = scene;
    let mut spans = Vec::new();
    if let Hearing::Lost { .. } = view.hearing {
        spans.push(Span::styled(format!("{} as of {}Z ", theme.glyphs.stale, words::clock(state.now)), theme.stale));
    }
    let several = words::plan(state).is_some_and(|plan| plan.routes.len() > 1);
    if let (true, Some(route)) = (several, words::route(state, view.route)) {
        spans.push(Span::styled(format!("{}: ", route.title), theme.dim));
    }
    let style = match line.place.tone {
        Tone::Good => theme.ok,
        Tone::Plain => theme.figure,
        Tone::Warning => theme.warn,
        Tone::Alarm => theme.breach,
    };
    spans.push(Span::styled(form_of(&line.place, form), style));
    spans
}

/// What was asked and should have been answered by now: the way home, if that was asked, else the oldest.
fn unanswered(view: &View) -> Option<Said> {
    let due: Vec<_> = view.unanswered.iter().filter(|asked| asked.fate == Fate::Sent && asked.age >= ANSWER_DUE).collect();
    let asked = due.iter().find(|asked| matches!(asked.command, Command::Rollback { .. })).or(due.first())?;
    Some(crate::words::unanswered(&asked.key, due.len() - 1, asked.age))
}

/// Whether what is neither good nor bad is a move, or something that can't be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    UnderWay,
    AtRest,
}

fn course(state: &State, view: &View) -> Course {
    let known = words::route(state, view.route).and_then(|route| state.routes.get(&route.id));
    if known.is_some_and(|known| known.motion.is_under_way()) { Course::UnderWay } else { Course::AtRest }
}

fn told(said: &Said, form: Form, course: Course, theme: &Theme) -> Vec<Span<'static>> {
    let (glyph, style) = match (said.tone, course) {
        (Tone::Plain, Course::UnderWay) => (theme.glyphs.busy, theme.busy),
        (Tone::Plain, Course::AtRest) => (theme.glyphs.unknown, theme.unknown),
        (Tone::Good | Tone::Warning | Tone::Alarm, _) => words::tone(said.tone, theme),
    };
    vec![Span::styled(format!("{glyph} {}", form_of(said, form)), style)]
}

fn plain(said: &Said, form: Form, theme: &Theme) -> Vec<Span<'static>> {
    if form == Form::Left {
        return Vec::new();
    }
    let style = match said.tone {
        Tone::Plain | Tone::Good => theme.text,
        Tone::Warning => theme.warn,
        Tone::Alarm => theme.latch,
    };
    let text = form_of(said, form);
    let padded = said.tone == Tone::Alarm && form == Form::Long;
    vec![Span::styled(if padded { format!(" {text} ") } else { text }, style)]
}

/// The way home behind its key; a watcher is told how long it takes, and no key.
fn home(said: &Said, form: Form, view: &View, theme: &Theme) -> Option<Vec<Span<'static>>> {
    if form == Form::Left || view.hearing != Hearing::Connected {
        return None;
    }
    let style: Style = if said.tone == Tone::Warning { theme.warn } else { theme.text };
    let may = view.me.as_ref().is_none_or(|me| me.role.may_steer());
    let head = if may { words::key(view, Action::Rollback) } else { "going home takes".to_owned() };
    Some(vec![Span::styled(format!("{head} "), theme.rollback), Span::styled(form_of(said, form), style)])
}

fn form_of(said: &Said, form: Form) -> String {
    match form {
        Form::Long => said.long.clone(),
        Form::Short | Form::Left => said.short.clone(),
    }
}
