//! What this cockpit tells of its looking around and its size: the newest of each kind, at most ten times a second.
//!
//! A key that is held down must not fill the line that a rollback needs, nor the record. A single press is told at once.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    attach::client::ToHost,
    core::{command::Look, event::TerminalSize},
    domain::shown::Shown,
    tui::app::App,
};

/// Between two tellings.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Looks {
    waiting: Vec<(Shown, Look)>,
    size: Option<TerminalSize>,
    /// Nothing is told before.
    not_before: Option<Instant>,
}

impl Looks {
    fn note(&mut self, key: &str, look: Look) {
        self.waiting.retain(|(_, waiting)| !is_overtaken(waiting, &look));
        self.waiting.push((Shown::new(key), look));
    }

    /// When what waits may be told.
    pub(super) fn due(&self) -> Option<Instant> {
        let waits = !self.waiting.is_empty() || self.size.is_some();
        waits.then(|| self.not_before.unwrap_or_else(Instant::now))
    }

    fn take(&mut self) -> impl Iterator<Item = ToHost> {
        self.not_before = Some(Instant::now() + LOOKS_EVERY);
        let size = self.size.take().map(ToHost::Resize);
        let looks = std::mem::take(&mut self.waiting);
        size.into_iter().chain(looks.into_iter().map(|(key, look)| ToHost::Look { key: Some(key), look }))
    }
}

/// Whether the newer look leaves nothing of the older one.
fn is_overtaken(older: &Look, newer: &Look) -> bool {
    match (older, newer) {
        (Look::Focus { .. }, Look::Focus { .. }) => true,
        (Look::Draft { route: older, .. }, Look::Draft { route: newer, .. }) => older == newer,
        (Look::Other { action: older }, Look::Other { action: newer }) => older == newer,
        (Look::Focus { .. }, Look::Draft { .. } | Look::Other { .. })
        | (Look::Draft { .. }, Look::Focus { .. } | Look::Other { .. })
        | (Look::Other { .. }, Look::Focus { .. } | Look::Draft { .. }) => false,
    }
}

impl App {
    /// Tells of what asks nothing, now or in a moment.
    pub(super) fn look(&mut self, key: &str, look: Look) {
        self.looks.note(key, look);
        self.tell_looks();
    }

    /// Tells what is due.
    pub(super) fn tell_looks(&mut self) {
        if self.looks.due().is_some_and(|at| at <= Instant::now()) {
            self.tell_all_looks();
        }
    }

    /// On a full line they are lost, and nobody waits for them.
    pub(super) fn tell_all_looks(&mut self) {
        for told in self.looks.take() {
            let _ = self.link.asks.try_send(told);
        }
    }

    /// Tells how large this terminal is, now or in a moment.
    pub(super) fn tell_size(&mut self) {
        self.looks.size = Some(TerminalSize { columns: self.size.columns, rows: self.size.rows });
        self.tell_looks();
    }
}
