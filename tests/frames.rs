//! Frames: what a person sees at a given moment, at the sizes that terminals have.
//!
//! A frame is compared as text, without colours, so that a review can read it. `CUTOVER_FRAMES=folder cargo test --test frames` writes
//! every frame with its colours into that folder, to be looked at with `cat` or to be made into pictures.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::fmt::Write;

use cutover::{
    core::state::State,
    tui::{
        draw::draw,
        scene::Scene,
        theme::{Catalogue, Charset, Depth, Theme},
        view::View,
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
};

#[path = "frames/absence.rs"]
mod absence;
#[path = "frames/ages.rs"]
mod ages;
#[path = "frames/charts.rs"]
mod charts;
#[path = "frames/databases.rs"]
mod databases;
#[path = "frames/keys.rs"]
mod keys;
#[path = "frames/pairs.rs"]
mod pairs;
#[path = "common/paper.rs"]
mod paper;
#[path = "frames/picture.rs"]
mod picture;
#[path = "frames/revisions.rs"]
mod revisions;
#[path = "frames/runbook.rs"]
mod runbook;
#[path = "frames/scenes.rs"]
mod scenes;
#[path = "frames/services.rs"]
mod services;
#[path = "frames/state_line.rs"]
mod state_line;
#[path = "frames/stories.rs"]
mod stories;
#[path = "frames/watching.rs"]
mod watching;

fn catalogue() -> Catalogue {
    Catalogue::new(Depth::Truecolor, Charset::Unicode)
}

fn frame(state: &State, view: &View, theme: &Theme, columns: u16, rows: u16) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buf = Buffer::empty(area);
    draw(Scene { state, view, theme }, area, &mut buf);
    buf
}

fn plain(buf: &Buffer) -> String {
    let rows = buf.area.rows().map(|row| row.positions().map(|at| buf[at].symbol()).collect::<String>().trim_end().to_owned());
    rows.collect::<Vec<_>>().join("\n")
}

/// Writes a frame with its colours, if somebody asked for them.
fn keep(name: &str, buf: &Buffer) {
    keep_text(&format!("{name}.ansi"), &colored(buf));
}

fn keep_text(file: &str, text: &str) {
    let Ok(folder) = std::env::var("CUTOVER_FRAMES") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(std::path::Path::new(&folder).join(file), text).unwrap();
}

fn colored(buf: &Buffer) -> String {
    let mut text = String::new();
    for row in buf.area.rows() {
        let mut before = None;
        for at in row.positions() {
            let cell = &buf[at];
            let style = (cell.fg, cell.bg, cell.modifier);
            if before != Some(style) {
                text.push_str(&sgr(style));
                before = Some(style);
            }
            text.push_str(cell.symbol());
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

fn sgr((fg, bg, modifier): (Color, Color, Modifier)) -> String {
    let mut codes = "0".to_owned();
    for (flag, code) in [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::ITALIC, 3), (Modifier::UNDERLINED, 4), (Modifier::REVERSED, 7)]
    {
        if modifier.contains(flag) {
            write!(codes, ";{code}").unwrap();
        }
    }
    for (color, base) in [(fg, 30), (bg, 40)] {
        match color {
            Color::Rgb(r, g, b) => write!(codes, ";{};2;{r};{g};{b}", base + 8).unwrap(),
            Color::Indexed(index) => write!(codes, ";{};5;{index}", base + 8).unwrap(),
            other => codes.push_str(&named(other, base)),
        }
    }
    format!("\x1b[{codes}m")
}

fn named(color: Color, base: u8) -> String {
    let order = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match order.iter().position(|known| *known == color) {
        Some(place @ 0..8) => format!(";{}", base as usize + place),
        Some(place) => format!(";{}", base as usize + 60 + place - 8),
        None => String::new(),
    }
}
