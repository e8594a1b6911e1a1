//! What the hands did and has not been acted upon yet, in the order in which it came.
//!
//! A key that acts waits until it is sure that it is no part of a burst; whatever comes behind it waits too, so that order is kept. The
//! way home waits for nothing. A paste goes into a line that is being typed and nowhere else.

use std::{collections::VecDeque, time::Instant};

use crate::{
    core::news::Tone,
    tui::{
        app::{App, End, Flow},
        draw::places,
        input::{
            Arrived, Code, Input, Key,
            guard::{BURST_WINDOW, Doubt, Meaning},
        },
        keymap::{self, Action, Danger},
        overlay::Overlay,
        view::Screen,
    },
};

#[derive(Debug, Default)]
pub(super) struct InputQueue {
    waiting: VecDeque<Arrived>,
}

impl App {
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        if let Input::Key(key) = &arrived.input {
            let meaning = self.meaning(*key);
            self.guard.saw(arrived.at, meaning);
        }
        self.input_queue.waiting.push_back(arrived);
    }

    /// What the guard has to know of a key.
    fn meaning(&self, key: Key) -> Meaning {
        match self.view.keys.lookup(None, key) {
            Some(binding) if binding.action == Action::Rollback => Meaning::Rollback,
            _ if key == Key::plain(Code::Enter) || key == Key::ctrl('j') => Meaning::LineEnd,
            Some(_) | None => Meaning::Other,
        }
    }

    /// When the first that waits may be acted upon.
    pub(super) fn ripe_at(&self) -> Option<tokio::time::Instant> {
        let first = self.input_queue.waiting.front()?;
        let waits = match &first.input {
            Input::Key(key) => self.acts(&first.input) && self.meaning(*key) != Meaning::Rollback,
            Input::Mouse(_) | Input::Paste(_) | Input::FocusGained | Input::FocusLost | Input::Gone => false,
        };
        Some((if waits { first.at + BURST_WINDOW } else { first.at }).into())
    }

    /// Does what may be done by now.
    pub(super) fn work(&mut self) -> Flow {
        let mut flow = Flow::Stay;
        while self.ripe_at().is_some_and(|at| at <= tokio::time::Instant::now()) {
            let Some(arrived) = self.input_queue.waiting.pop_front() else { break };
            match self.one(arrived) {
                Flow::Stay => {}
                Flow::Redraw => flow = Flow::Redraw,
                now @ (Flow::Copy(_) | Flow::Leave(_)) => return now,
            }
        }
        flow
    }

    fn one(&mut self, Arrived { at, input }: Arrived) -> Flow {
        let doubt = match &input {
            Input::Key(key) if self.acts(&input) => self.guard.doubt(at, self.meaning(*key), Instant::now()),
            Input::Key(_) | Input::Mouse(_) | Input::Paste(_) | Input::FocusGained | Input::FocusLost | Input::Gone => None,
        };
        match (input, doubt) {
            (Input::Key(key), Some(doubt)) => {
                self.doubted(key, doubt);
                Flow::Stay
            }
            (Input::Key(key), None) => self.key(key, at),
            (Input::Mouse(mouse), _) => {
                self.mouse(mouse);
                Flow::Stay
            }
            (Input::Paste(text), _) => {
                self.pasted(&text);
                Flow::Stay
            }
            (Input::FocusGained | Input::FocusLost, _) => Flow::Stay,
            (Input::Gone, _) => Flow::Leave(End::Gone),
        }
    }

    /// Whether this input would do more than look, as things stand now.
    fn acts(&self, input: &Input) -> bool {
        let Input::Key(key) = input else { return false };
        match self.view.keys.lookup(self.screen(), *key) {
            // Leaving changes nothing for the others, yet nobody means it who pastes a text with a q in it.
            Some(binding) => binding.danger > Danger::Appearance || binding.action == Action::Quit,
            None => self.view.overlay.is_some() && *key == Key::plain(Code::Enter),
        }
    }

    /// The screen whose keys count: none while something lies above it.
    fn screen(&self) -> Option<Screen> {
        self.view.overlay.is_none().then_some(self.view.screen)
    }

    fn key(&mut self, key: Key, at: Instant) -> Flow {
        if self.view.back.take().is_some() && key == Key::plain(Code::Esc) {
            return Flow::Stay;
        }
        let bound = self.view.keys.lookup(self.screen(), key);
        if places::is_too_small(self.size.area()) && !bound.is_some_and(|binding| binding.action.works_unseen()) {
            self.unseen(&key.to_string());
            return Flow::Stay;
        }
        if let Some(binding) = bound {
            return self.act(binding.action, &key.to_string());
        }
        if self.view.overlay.is_some() {
            return self.overlay_key(key, at);
        }
        if let Some(pane) = keymap::pane_key(key) {
            return self.act(Action::FocusOn(pane), &key.to_string());
        }
        Flow::Stay
    }

    /// Nobody approves, types or moves what can't be seen.
    fn unseen(&mut self, what: &str) {
        let (columns, rows) = (places::COLUMNS_MIN, places::ROWS_MIN);
        self.notify(Tone::Warning, format!("{what} did nothing: what it would do has no room here; {columns}x{rows} is enough"));
    }

    fn doubted(&mut self, key: Key, doubt: Doubt) {
        let why = match doubt {
            Doubt::Burst => "came faster than a hand types",
            Doubt::Old => "waited too long to be meant for this screen",
        };
        self.notify(Tone::Warning, format!("{key} {why}, so it did nothing; press it again if you meant it"));
    }

    fn pasted(&mut self, text: &str) {
        if places::is_too_small(self.size.area()) {
            return self.unseen("the pasted text");
        }
        match &mut self.view.overlay {
            Some(Overlay::Typing { line, .. } | Overlay::Palette { line, .. }) => line.insert(text),
            // A word that proves that somebody read the terms is typed, not pasted.
            Some(
                Overlay::Review { .. } | Overlay::Step { .. } | Overlay::Help { .. } | Overlay::Themes { .. } | Overlay::People { .. },
            )
            | None => {
                self.notify(Tone::Warning, "pasted text does nothing here".to_owned());
            }
        }
    }
}
