//! Keys while something lies above the screen.

use std::time::{Duration, Instant};

use crate::{
    core::{
        command::{Command, Look},
        news::Tone,
        state::Approval,
    },
    domain::shown::Shown,
    tui::{
        app::{App, Flow},
        input::{Code, Key},
        keymap::Action,
        overlay::{Came, Entry, Overlay, Pick, Purpose, matching, word},
        widgets::line::LineEdit,
    },
};

/// So many rows are a page of a list; the smallest screen shows about as many.
const PAGE: usize = 10;

/// Where a key leads in a list of which this row is chosen; nothing where it means nothing there.
#[expect(clippy::wildcard_enum_match_arm, reason = "a key that means nothing here changes nothing")]
fn moved(code: Code, chosen: usize, last: usize) -> Option<usize> {
    Some(match code {
        Code::Up => chosen.saturating_sub(1),
        Code::Down | Code::Tab => (chosen + 1).min(last),
        Code::PageUp => chosen.saturating_sub(PAGE),
        Code::PageDown => (chosen + PAGE).min(last),
        _ => return None,
    })
}

impl App {
    /// `at` is when the key arrived.
    pub(super) fn overlay_key(&mut self, key: Key, at: Instant) -> Flow {
        let Some(overlay) = self.view.overlay.take() else { return Flow::Stay };
        match (key.code, overlay) {
            (Code::Esc, Overlay::Themes { before, .. }) => {
                self.wear(&before);
                self.close();
            }
            (Code::Esc, Overlay::Typing { purpose: Purpose::Filter, .. }) => {
                self.view.filter.clear();
                self.close();
            }
            (Code::Esc, Overlay::Review { approval, .. }) => {
                self.close();
                self.put_aside(&approval.digest);
            }
            (Code::Esc, _) => self.close(),
            (_, Overlay::People { chosen }) => self.people_key(key, chosen),
            (_, Overlay::Help { scroll }) => self.help_key(key, scroll),
            (_, Overlay::Themes { words, chosen, before }) => self.theme_key(key, words, chosen, before),
            (Code::Enter, Overlay::Palette { line, chosen, entries }) => {
                self.close();
                let pick = matching(&entries, &line.text()).get(chosen).map(|entry| entry.pick.clone());
                return pick.map_or(Flow::Stay, |pick| self.pick(pick));
            }
            (_, Overlay::Palette { line, chosen, entries }) => self.palette_key(key, line, chosen, entries),
            (Code::Enter, Overlay::Typing { purpose, line }) if purpose == Purpose::Filter || !line.text().trim().is_empty() => {
                self.close();
                self.entered(purpose, line.text().trim());
            }
            (Code::Enter, Overlay::Typing { purpose, line }) => {
                // Closing it would give what is typed next to the key map.
                self.notify(Tone::Warning, format!("{}, so nothing was done; type it, or Esc leaves", purpose.missing()));
                self.view.overlay = Some(Overlay::Typing { purpose, line });
            }
            (_, Overlay::Typing { purpose, mut line }) => {
                line.key(key);
                if purpose == Purpose::Filter {
                    self.view.filter = line.text();
                }
                self.view.overlay = Some(Overlay::Typing { purpose, line });
            }
            (Code::Enter, Overlay::Review { approval, .. }) if self.is_over(&approval.digest) => {
                self.close();
                self.put_aside(&approval.digest);
            }
            (Code::PageDown, Overlay::Review { approval, line, came, page }) => {
                self.view.overlay = Some(Overlay::Review { approval, line, came, page: page + 1 });
            }
            (Code::PageUp, Overlay::Review { approval, line, came, page }) => {
                self.view.overlay = Some(Overlay::Review { approval, line, came, page: page.saturating_sub(1) });
            }
            (Code::Enter, Overlay::Step { step, act, version, changes, line }) => self.step_entered(step, act, version, changes, line),
            (_, Overlay::Step { step, act, version, changes, mut line }) => {
                line.key(key);
                self.view.overlay = Some(Overlay::Step { step, act, version, changes, line });
            }
            (_, Overlay::Review { approval, line, came, page }) => self.review_key((key, at), *approval, line, came, page),
        }
        Flow::Stay
    }

    fn palette_key(&mut self, key: Key, mut line: LineEdit, mut chosen: usize, entries: Vec<Entry>) {
        let last = matching(&entries, &line.text()).len().saturating_sub(1);
        match moved(key.code, chosen, last) {
            Some(place) => chosen = place,
            None => {
                line.key(key);
                chosen = 0;
            }
        }
        self.view.overlay = Some(Overlay::Palette { line, chosen, entries });
    }

    fn review_key(&mut self, (key, at): (Key, Instant), approval: Approval, mut line: LineEdit, came: Came, page: usize) {
        let hands_off = match came {
            Came::Asked => Duration::ZERO,
            Came::ByItself => self.appearance.hands_off,
        };
        // What was on its way when the dialog came up was meant for something else.
        let early = self.overlay_drawn.is_none_or(|drawn| at <= drawn + hands_off);
        // So was the key that brings it up, as the line below it says; it is here.
        let word = word(&self.state, &approval);
        let asks_for_it = self.view.keys.binding(Action::Review).is_some_and(|binding| binding.keys.contains(&key));
        let begins = matches!(key.code, Code::Char(first) if word.starts_with(first));
        if early || (asks_for_it && line.text().is_empty() && !begins) {
            if early && !asks_for_it {
                self.notify(Tone::Plain, format!("{key} was pressed as the dialog came up, so it did nothing"));
            }
        } else if key.code == Code::Enter {
            return self.decide(approval, &line.text());
        } else {
            line.key(key);
        }
        self.view.overlay = Some(Overlay::Review { approval: Box::new(approval), line, came, page });
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a key that means nothing here changes nothing")]
    fn help_key(&mut self, key: Key, scroll: usize) {
        let scroll = match key.code {
            Code::Up | Code::Char('k') => scroll.saturating_sub(1),
            Code::Down | Code::Char('j') => scroll + 1,
            Code::PageUp => scroll.saturating_sub(10),
            Code::PageDown | Code::Char(' ') => scroll + 10,
            Code::Home => 0,
            Code::Char('q' | '?') | Code::Enter | Code::F(1) => return self.close(),
            _ => scroll,
        };
        self.view.overlay = Some(Overlay::Help { scroll });
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a key that means nothing here changes nothing")]
    fn theme_key(&mut self, key: Key, words: Vec<String>, chosen: usize, before: String) {
        let chosen = match key.code {
            Code::Enter => {
                let action = Shown::new(&format!("theme {}", self.theme));
                self.close();
                self.keep_theme();
                return self.look("Enter", Look::Other { action });
            }
            Code::Char('k') => chosen.saturating_sub(1),
            Code::Char('j') => (chosen + 1).min(words.len().saturating_sub(1)),
            code => moved(code, chosen, words.len().saturating_sub(1)).unwrap_or(chosen),
        };
        if let Some(word) = words.get(chosen) {
            self.wear(word);
        }
        self.view.overlay = Some(Overlay::Themes { words, chosen, before });
    }

    fn pick(&mut self, pick: Pick) -> Flow {
        match pick {
            Pick::Action(action) => return self.act(action, ":"),
            Pick::Inject { fault, lacks: None } => self.ask(":", Command::Inject { inject: fault }),
            Pick::Inject { fault, lacks: Some(lacks) } => {
                self.notify(Tone::Warning, format!("{fault} would touch nothing here, so it was not injected: {lacks}"));
            }
            Pick::Theme(word) => {
                self.wear(&word);
                self.keep_theme();
            }
        }
        Flow::Stay
    }

    fn entered(&mut self, purpose: Purpose, text: &str) {
        let shown = Shown::new(text);
        match purpose {
            Purpose::Rearm { route } => self.ask("Enter", Command::Rearm { route, reason: shown }),
            Purpose::TakeOver { route, from } => self.ask("Enter", Command::TakeOver { route, from, reason: shown }),
            Purpose::Sign { item } => self.ask("Enter", Command::Sign { item, note: shown }),
            Purpose::Unsign { item } if text == "unsign" => self.ask("Enter", Command::Unsign { item }),
            Purpose::Unsign { .. } => self.notify(Tone::Plain, "the signature stays".to_owned()),
            Purpose::Skip { step } => self.ask("Enter", Command::Skip { step, reason: shown }),
            Purpose::Say => self.ask("Enter", Command::Say { text: shown }),
            Purpose::Filter => self.view.filter = text.to_owned(),
        }
    }

    /// The word approves, `no` with or without a reason denies, `withdraw` is the asker's; anything else decides nothing.
    fn decide(&mut self, approval: Approval, typed: &str) {
        let typed = typed.trim();
        let word = word(&self.state, &approval);
        let mine = self.view.me.as_ref().is_some_and(|me| me.who == approval.by.who);
        let digest = approval.digest;
        let no = typed.strip_prefix("no").filter(|why| why.is_empty() || why.starts_with([' ', ',', ':']));
        let command = match (mine, no) {
            (true, _) if typed == "withdraw" => Command::Withdraw { digest },
            (false, _) if typed == word => Command::Approve { digest },
            (false, Some(why)) => {
                let why = why.trim_matches([' ', ',', ':']);
                Command::Deny { digest, reason: (!why.is_empty()).then(|| Shown::new(why)) }
            }
            (true, _) | (false, None) => {
                let wants = if mine { "withdraw to take it back".to_owned() } else { format!("{word} to approve, or no to deny") };
                self.notify(Tone::Warning, format!("type {wants}; nothing was decided"));
                self.view.overlay =
                    Some(Overlay::Review { approval: Box::new(approval), line: Default::default(), came: Came::Asked, page: 0 });
                return;
            }
        };
        self.close();
        self.put_aside.insert(approval.digest);
        self.ask("Enter", command);
    }

    pub(super) fn choose_theme(&mut self) {
        let words = self.appearance.themes.words().to_vec();
        let chosen = words.iter().position(|word| *word == self.theme).unwrap_or(0);
        self.open(Overlay::Themes { words, chosen, before: self.theme.clone() });
    }

    pub(super) fn next_theme(&mut self, key: &str) {
        let words = self.appearance.themes.words().to_vec();
        let place = words.iter().position(|word| *word == self.theme).unwrap_or(0);
        if let Some(word) = words.get((place + 1) % words.len().max(1)) {
            self.wear(word);
            self.keep_theme();
            self.look(key, Look::Other { action: Shown::new(&format!("theme {word}")) });
        }
    }

    /// The next cockpit begins with this theme.
    fn keep_theme(&self) {
        if let Some(keeper) = &self.appearance.keeper {
            // Nobody keeps it any more only at the very end.
            let _ = keeper.send(self.theme.clone());
        }
    }

    fn wear(&mut self, word: &str) {
        match self.appearance.themes.theme(word) {
            Ok(theme) => {
                self.appearance.theme = theme;
                self.theme = word.to_owned();
            }
            Err(error) => self.notify(Tone::Warning, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_list_is_turned_and_ends_where_the_list_does() {
        assert_eq!([Code::PageDown, Code::Down, Code::PageUp, Code::Up].map(|code| moved(code, 3, 40)), [13, 4, 0, 2].map(Some));
        assert_eq!((moved(Code::PageDown, 35, 40), moved(Code::Char('a'), 3, 40)), (Some(40), None));
    }
}
