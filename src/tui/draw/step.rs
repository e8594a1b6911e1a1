//! Whether a step is meant: what it would change, on what that rests, and what the session would answer now. What stands here is what is asked
//! for; where the thing has changed meanwhile, the dialog says so, and the session would refuse.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    core::outlook,
    domain::{
        fault::Version,
        id::StepId,
        standing::{Act, Change},
    },
    plan::model::steps::{Consent, Step, Undoing},
    tui::{
        draw::above,
        panes::words,
        scene::Scene,
        widgets::{dialog, line::LineEdit, text},
    },
    words::{Names, runbook as say, steps},
};

const COLUMNS: u16 = 88;
/// Columns of what a row is called.
const NAMES: usize = 10;
/// Rows that are kept at the bottom whatever the size: what would be answered, the line, what the keys do.
const FOOT: u16 = 4;

/// What a dialog was opened for.
pub(super) struct Asked<'a> {
    pub step: &'a StepId,
    pub act: Act,
    pub version: &'a Version,
    pub changes: &'a [Change],
}

pub(super) fn draw(asked: &Asked<'_>, line: &LineEdit, scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { state, theme, .. } = scene;
    let Some(step) = words::plan(state).and_then(|plan| plan.step(asked.step)) else { return };
    let width = usize::from(COLUMNS.min(area.width)).saturating_sub(4);
    let mut terms = terms(asked, step, width, scene);
    let room = dialog::place(area, COLUMNS, terms.len() as u16 + FOOT + 2);
    let verb = match asked.act {
        Act::Run => "Run",
        Act::Undo => "Take back",
    };
    let inner = dialog::draw(&format!("{verb} \"{}\"?", step.title), theme, room, buf);
    let body = Rect { height: inner.height.saturating_sub(FOOT), ..inner };
    // The way to answer is worth more than any term; of those the last ones are also in the runbook.
    if terms.len() > usize::from(body.height) {
        terms.retain(|line| line.width() > 0);
        terms.truncate(usize::from(body.height));
    }
    text::rows(buf, body, terms);
    answer(asked, step, line, scene, Rect { y: body.bottom(), height: inner.height - body.height, ..inner }, buf);
}

fn terms(asked: &Asked<'_>, step: &Step, width: usize, scene: Scene<'_>) -> Vec<Line<'static>> {
    let Scene { state, theme, .. } = scene;
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut term = |name: &str, told: &str, style: Style| {
        for (row, part) in text::wrap(told, width.saturating_sub(NAMES)).into_iter().enumerate() {
            let name = if row == 0 { name } else { "" };
            lines.push(Line::from(vec![Span::styled(format!("{name:<NAMES$}"), theme.dim), Span::styled(part, style)]));
        }
    };
    term("target", step.desired.target(), theme.figure);
    match asked.act {
        Act::Run => term("wants", &steps::desired(&step.desired), theme.text),
        Act::Undo => term("undoes", &steps::desired(&step.desired), theme.text),
    }
    for (row, change) in asked.changes.iter().enumerate() {
        term(if row == 0 { "changes" } else { "" }, &steps::change(change), theme.figure);
    }
    // What the plan expects is the time of a run.
    let expected = step.expected.filter(|_| asked.act == Act::Run).map_or_else(String::new, |span| format!("about {span}; "));
    term("time", &format!("{expected}people are told when it is under way for {}", step.patience), theme.text);
    let undoing = step.desired.undoing();
    match asked.act {
        Act::Run => term("undo", say::undoing(undoing), if undoing == Undoing::Impossible { theme.warn } else { theme.text }),
        Act::Undo if undoing == Undoing::Destroys => term("beware", say::undoing(undoing), theme.warn),
        Act::Undo => {}
    }
    term("version", if asked.version.0.is_empty() { "none yet" } else { &asked.version.0 }, theme.dim);
    let by_hand = say::by_hand(state, step, asked.act);
    if let Some(command) = by_hand {
        for (row, part) in words::broken(&command, width.saturating_sub(NAMES)).into_iter().enumerate() {
            let name = if row == 0 { "by hand" } else { "" };
            lines.push(Line::from(vec![Span::styled(format!("{name:<NAMES$}"), theme.dim), Span::styled(part, theme.dim)]));
        }
    }
    lines.push(Line::default());
    lines
}

/// What the session would answer now, and how to say yes.
fn answer(asked: &Asked<'_>, step: &Step, line: &LineEdit, scene: Scene<'_>, foot: Rect, buf: &mut Buffer) {
    let Scene { state, view, theme } = scene;
    let names = Names::of(state);
    let mine = view.me.as_ref().map(|me| me.client);
    let may = outlook::has_controls(state, mine).and_then(|()| outlook::may_act(state, asked.step, asked.act, asked.version));
    let (told, style, enter) = match &may {
        Ok((Consent::Alone, _)) => (format!("{} the session would begin it at once", theme.glyphs.ok), theme.ok, "Enter does just this"),
        Ok((Consent::SecondPerson, _)) => {
            (format!("{} a second person has to approve it", theme.glyphs.warn), theme.warn, "Enter asks for a second person")
        }
        Err(why) => (format!("{} {}", theme.glyphs.breach, crate::words::refusal(why, names)), theme.breach, "Enter would be refused"),
    };
    let rows: Vec<Rect> = foot.rows().collect();
    let said = text::wrap_within(&told, foot.width.into(), 2, theme.glyphs.ellipsis);
    for (part, row) in said.into_iter().zip(&rows) {
        text::put(buf, *row, 0, &part, style);
    }
    let Some([.., entry, last]) = rows.get(1..) else { return };
    if step.is_final(asked.act) {
        let ask = format!("Type {}: ", step.desired.target());
        let column = text::put(buf, *entry, 0, &ask, theme.key);
        line.draw(theme, Rect { x: entry.x + column, width: entry.width.saturating_sub(column), ..*entry }, buf);
    }
    let keys = Span::styled(format!("{enter}, Esc leaves it as it is"), theme.hint);
    text::rows(buf, *last, [Line::from(vec![keys, above::home(view, theme)])]);
}
