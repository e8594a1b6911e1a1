//! The picture at the top of the README, drawn by the program and kept as it is drawn now.
//!
//! `CUTOVER_FRAMES=tests/frames cargo test --test frames picture` draws it anew.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::{catalogue, frame, keep_text, scenes};

/// In pixels; a character of a fixed-width font is drawn to just this width.
const COLUMN: f64 = 8.4;
const ROW: f64 = 18.0;
const BASELINE: f64 = 13.5;

#[test]
fn the_picture_of_the_readme_is_what_the_program_draws() {
    let theme = catalogue().first();
    let buf = frame(&scenes::calm(), &scenes::view(), &theme, 120, 40);
    let drawn = svg(&buf, theme.base.bg.unwrap_or_default());
    keep_text("cockpit.svg", &drawn);
    let draw_anew = "`CUTOVER_FRAMES=tests/frames cargo test --test frames picture` draws it anew";
    assert!(include_str!("cockpit.svg") == drawn, "tests/frames/cockpit.svg is not what the program draws now; {draw_anew}");
    assert!(include_str!("../../README.md").contains("](tests/frames/cockpit.svg)"), "README.md shows it");
}

fn svg(buf: &Buffer, ground: Color) -> String {
    let (width, height) = (f64::from(buf.area.width) * COLUMN, f64::from(buf.area.height) * ROW);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\" aria-label=\"The cockpit\" \
         font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    let ground = ink(ground, "#000000");
    writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"{ground}\"/>").unwrap();
    for (y, row) in buf.area.rows().enumerate() {
        let cells: Vec<&Cell> = row.positions().map(|at| &buf[at]).collect();
        for (x, run) in runs(&cells, |cell| colours(cell).1) {
            let fill = colours(run[0]).1;
            if fill != ground {
                let (left, wide) = (x as f64 * COLUMN, run.len() as f64 * COLUMN);
                let top = y as f64 * ROW;
                writeln!(out, "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{ROW:.1}\" fill=\"{fill}\"/>").unwrap();
            }
        }
        for (x, run) in runs(&cells, |cell| (colours(cell).0, cell.modifier.contains(Modifier::BOLD))) {
            let text: String = run.iter().map(|cell| cell.symbol()).collect();
            let words = text.trim_end();
            if words.trim().is_empty() {
                continue;
            }
            let (left, wide) = (x as f64 * COLUMN, words.chars().count() as f64 * COLUMN);
            let (base, fill) = (y as f64 * ROW + BASELINE, colours(run[0]).0);
            let bold = if run[0].modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
            let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            writeln!(out, "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\"{bold}>{words}</text>").unwrap();
        }
    }
    out + "</svg>\n"
}

/// Neighbours that are alike, and the column where each run begins.
fn runs<'a, K: PartialEq>(cells: &'a [&'a Cell], key: impl Fn(&Cell) -> K) -> Vec<(usize, &'a [&'a Cell])> {
    let mut begins = 0;
    let alike = cells.chunk_by(|left, right| key(left) == key(right));
    let placed = alike.map(|run| {
        begins += run.len();
        (begins - run.len(), run)
    });
    placed.collect()
}

/// The colour of the text and the one behind it.
fn colours(cell: &Cell) -> (String, String) {
    let (front, back) = (ink(cell.fg, "#ffffff"), ink(cell.bg, "#000000"));
    if cell.modifier.contains(Modifier::REVERSED) { (back, front) } else { (front, back) }
}

fn ink(color: Color, otherwise: &str) -> String {
    match color {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => otherwise.to_owned(),
    }
}
