//! A terminal that nobody sits at: what the loop of a cockpit draws goes to a closure, and the system tells nothing.

use std::sync::{Arc, Mutex};

use cutover::tui::{
    app::{Canvas, Tells},
    terminal::{Drawn, Size, Stats, signals::SignalEvent},
};
use ratatui::buffer::Buffer;

pub(crate) struct Paper<F> {
    pub size: Size,
    /// Called with each frame.
    pub drawn: F,
    /// What went to the clipboard.
    pub copied: Arc<Mutex<Vec<String>>>,
}

impl<F: FnMut(&Buffer)> Canvas for Paper<F> {
    fn size(&self) -> Size {
        self.size
    }
    fn draw(&mut self, next: &mut Buffer) -> Drawn {
        (self.drawn)(next);
        Drawn::Sent
    }
    fn forget(&mut self) {}
    fn copy(&mut self, text: &str) {
        self.copied.lock().unwrap().push(text.to_owned());
    }
    fn stop(&mut self) {}
    fn resume(&mut self) {}
    async fn free(&self) {
        std::future::pending().await
    }
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

pub(crate) struct Silence;

impl Tells for Silence {
    async fn next(&mut self) -> SignalEvent {
        std::future::pending().await
    }
}
