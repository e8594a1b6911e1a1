//! The program's own log, newest below: for whoever mends the cockpit, not for the story of the night.
//!
//! Its clock is the session's, as everywhere on the screen, so that a line here can be held against one of the journal. Lines break between
//! words; where there is room for one or two, each record has one and is cut, for its beginning says more than its end.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use crate::{
    domain::time::{Millis, Timestamp},
    tui::{
        panes::{frame, words},
        scene::Scene,
        view::Pane,
        widgets::text,
    },
};

/// Panes lower than this show one row a record.
const WRAPS_FROM: u16 = 3;
/// Of the clock and the level before a message.
const HEAD: usize = 11;

/// Takes in what was logged since the last frame. Whether or not the pane is on the screen: little is kept until then.
pub(crate) fn take_in() {
    tui_logger::move_events();
}

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    let title = frame::title("Log", view.focus == Pane::Log, theme);
    let inner = frame::frame(Pane::Log, title, Line::default(), scene, area, buf);
    if inner.is_empty() {
        return;
    }
    let rows = if inner.height < WRAPS_FROM { Rows::One } else { Rows::Wrapped };
    let styles = [theme.log_error, theme.log_warn, theme.log_info, theme.log_debug];
    let told = Told { now: view.now, wall: view.wall, speed: view.speed, rows, ellipsis: theme.glyphs.ellipsis, styles };
    TuiLoggerWidget::default().formatter(Box::new(told)).render(inner, buf);
    if inner.positions().all(|position| buf[position].symbol() == " ") {
        text::put(buf, inner, 0, "nothing to tell; CUTOVER_LOG says how much is logged", theme.faint);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    One,
    Wrapped,
}

/// How a record is told.
struct Told {
    now: Timestamp,
    /// The real time at `now`: records bear that.
    wall: Timestamp,
    speed: f64,
    rows: Rows,
    ellipsis: &'static str,
    /// Of errors, warnings, information and what is below.
    styles: [Style; 4],
}

impl Told {
    /// A moment of the real clock in the session's time.
    fn at(&self, real: Timestamp) -> Timestamp {
        self.now.before(Millis((self.wall.since(real).0 as f64 * self.speed) as u64))
    }
}

impl LogFormatter for Told {
    fn min_width(&self) -> u16 {
        HEAD as u16 + 4
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        // Errors are the first level, and what is below information looks alike.
        let style = self.styles[(record.level as usize).saturating_sub(1).min(self.styles.len() - 1)];
        let level = &record.level.as_str()[..1];
        let at = self.at(Timestamp(record.timestamp.timestamp().as_millisecond()));
        let message = record.msg().split_whitespace().collect::<Vec<_>>().join(" ");
        let room = width.saturating_sub(HEAD).max(1);
        let parts = match self.rows {
            Rows::One => vec![text::cut(&message, room, self.ellipsis)],
            Rows::Wrapped => text::wrap(&message, room),
        };
        let head = format!("{} {level} ", words::clock(at));
        let rows = parts.into_iter().enumerate();
        rows.map(|(row, part)| Line::from(Span::styled(format!("{}{part}", if row == 0 { head.clone() } else { " ".repeat(HEAD) }), style)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_in_the_sessions_time() {
        let told = Told {
            now: Timestamp(1_000_000),
            wall: Timestamp(50_000),
            speed: 10.0,
            rows: Rows::One,
            ellipsis: "~",
            styles: [Style::new(); 4],
        };
        assert_eq!(told.at(Timestamp(48_000)), Timestamp(980_000), "two seconds ago are twenty of a world ten times as fast");
        assert_eq!(told.at(Timestamp(51_000)), Timestamp(1_000_000), "nothing is told from the future");
    }
}
