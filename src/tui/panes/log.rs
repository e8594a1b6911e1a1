//! The program's own log, newest below: for whoever mends the cockpit, not for the story of the night.

use ratatui::{buffer::Buffer, layout::Rect, text::Line, widgets::Widget};
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerWidget};

use crate::tui::{panes::frame, scene::Scene, view::Pane, widgets::text};

pub fn draw(scene: Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Scene { view, theme, .. } = scene;
    let title = frame::title("Log", view.focus == Pane::Log, theme);
    let inner = frame::frame(Pane::Log, title, Line::default(), scene, area, buf);
    if inner.is_empty() {
        return;
    }
    TuiLoggerWidget::default()
        .style(theme.log_info)
        .style_error(theme.log_error)
        .style_warn(theme.log_warn)
        .style_info(theme.log_info)
        .style_debug(theme.log_debug)
        .style_trace(theme.log_debug)
        .output_file(false)
        .output_line(false)
        .output_target(false)
        .output_separator(' ')
        .output_level(Some(TuiLoggerLevelOutput::Abbreviated))
        .render(inner, buf);
    if inner.positions().all(|position| buf[position].symbol() == " ") {
        text::put(buf, inner, 0, "nothing to tell; CUTOVER_LOG says how much is logged", theme.faint);
    }
}
