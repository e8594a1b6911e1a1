//! What it costs to draw: the whole frame into a buffer, and with the difference to the last one as bytes for the terminal.

use std::process::ExitCode;

use cutover::{
    core::state::State,
    tui::{
        draw::draw,
        scene::Scene,
        terminal::frame::Screen,
        theme::{Catalogue, Charset, Depth, Theme},
        view::View,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    clock::{least, row},
    scenes,
};

const FRAMES: u32 = 200;

pub(crate) fn frames() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        let each = |work: &mut dyn FnMut()| least(7, &mut *work).as_nanos() as f64 / f64::from(FRAMES) / 1000.0;
        let mut scene = Moment::new(columns, rows);
        let still = each(&mut || (0..FRAMES).for_each(|_| drop(scene.frame(0))));
        let mut scene = Moment::new(columns, rows);
        let mut bytes = 0;
        let mut turn = 0;
        let moving = each(&mut || {
            (0..FRAMES).for_each(|_| {
                turn += 1;
                bytes += scene.frame(turn).len();
            });
        });
        let mean = bytes as f64 / f64::from(turn as u32);
        row(&format!("a frame at {columns}x{rows}, nothing changed"), format!("{still:.0} us"));
        row(&format!("a frame at {columns}x{rows}, a second later"), format!("{moving:.0} us, {mean:.0} bytes"));
    }
}

/// Draws so many frames and nothing else, for a profiler to count.
pub(crate) fn single(size: &str) -> ExitCode {
    let (size, frames) = match size.strip_suffix("-twice") {
        Some(size) => (size, FRAMES * 2),
        None => (size, FRAMES),
    };
    let parsed = size.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let Some((columns, rows)) = parsed else {
        eprintln!("a size is written as 200x50");
        return ExitCode::from(2);
    };
    let mut scene = Moment::new(columns, rows);
    let bytes: usize = (0..frames).map(|_| scene.frame(0).len()).sum();
    println!("{frames} frames at {columns}x{rows}, {bytes} bytes");
    ExitCode::SUCCESS
}

struct Moment {
    state: State,
    view: View,
    theme: Theme,
    screen: Screen,
    spare: Buffer,
}

impl Moment {
    fn new(columns: u16, rows: u16) -> Moment {
        let catalogue = Catalogue::new(Depth::Truecolor, Charset::Unicode);
        let theme = catalogue.first();
        let spare = Buffer::empty(Rect::new(0, 0, columns, rows));
        Moment { state: scenes::calm(), view: scenes::view(), theme, screen: Screen::default(), spare }
    }

    /// The bytes of the frame so many seconds later.
    fn frame(&mut self, seconds: u64) -> Vec<u8> {
        self.view.now = self.state.now + cutover::domain::time::Millis::from_secs(seconds);
        self.spare.reset();
        let scene = Scene { state: &self.state, view: &self.view, theme: &self.theme };
        draw(scene, self.spare.area, &mut self.spare);
        self.screen.encode(&mut self.spare)
    }
}
