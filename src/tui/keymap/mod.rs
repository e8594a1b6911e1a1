//! The one table of keys: what each does, where, how dangerous it is, who may. Dispatch, help, footer, palette and the manual are all
//! read from it, so none of them can drift. A person's own `keys.toml` gives other keys to the same rows; whatever prints a key asks the
//! [`Keymap`] that is in force.
//!
//! Three choices need a reason. **Rollback is F9 or Ctrl-\\**: no habit of the shell, of a pager or of an editor types either, no browser
//! or multiplexer takes them, and neither is a character that a pasted text holds (Ctrl-R, the obvious letter, is "search the history" to
//! every hand at a command line, reloads the page around a web terminal, and lies beside Ctrl-D and Ctrl-F). **Digits belong to the slider**, not to
//! the panes: they only draft, and the slider is what this program is for; panes have Tab, the mouse and Alt with a digit.
//! **The slider's keys work whatever pane has the focus**, so that nobody has to look for the stick first.

use std::borrow::Cow;

use strum::EnumCount;

use crate::{
    domain::role::Role,
    tui::{
        input::{Code, Key},
        mistake::Mistake,
        view::{Pane, Screen},
    },
};

pub mod action;
mod file;
pub mod table;

pub use action::{Action, Danger, Needs, Scroll, Way};

/// Where a key has its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumCount)]
pub enum Context {
    /// Everywhere, inside dialogs and lines of text too.
    Anywhere,
    /// On every screen, while nothing lies above it.
    Screens,
    /// On the main screen.
    Main,
    /// On the metrics screen.
    Metrics,
}

impl Context {
    /// In the order in which help and the manual print them.
    pub const ALL: [Context; Context::COUNT] = [Context::Anywhere, Context::Main, Context::Metrics, Context::Screens];

    /// Whether its keys have their meaning on `screen`; `None` where something lies above it.
    pub fn is_on(self, screen: Option<Screen>) -> bool {
        match self {
            Context::Anywhere => true,
            Context::Screens => screen.is_some(),
            Context::Main => screen == Some(Screen::Main),
            Context::Metrics => screen == Some(Screen::Metrics),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Context::Anywhere => "Anywhere, while typing too",
            Context::Screens => "On every screen",
            Context::Main => "On the main screen",
            Context::Metrics => "On the metrics screen",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The first is the one that hints print. None: only by name in the palette.
    pub keys: Cow<'static, [Key]>,
    pub context: Context,
    pub action: Action,
    /// One or two words, for the footer.
    pub label: &'static str,
    /// What to type in the palette.
    pub name: &'static str,
    /// One sentence, for help. Empty where the row before says it.
    pub help: &'static str,
    pub danger: Danger,
    pub needs: Needs,
}

impl Binding {
    /// Whether somebody in `role` can ever use this.
    pub fn is_for(&self, role: Role) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Approver => role.may_approve(),
            Needs::Operator | Needs::Controls => role.may_steer(),
            Needs::Pilot => role >= Role::Pilot,
        }
    }

    /// The keys as hints print them: `F9 Ctrl-\`.
    pub fn keys_shown(&self) -> String {
        self.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
    }

    /// What it does, in a sentence of its own.
    pub fn explained(&self) -> String {
        if self.help.is_empty() { format!("Put the draft at {}.", self.label) } else { self.help.to_owned() }
    }
}

/// The table with the keys that are in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    pub fn builtin() -> Keymap {
        Keymap { bindings: table::TABLE.to_vec() }
    }

    /// The built-in table with what a person's `keys.toml` says.
    /// # Errors
    /// Every mistake of the file; none of it is to be used then.
    pub fn from_file(text: &str) -> Result<Keymap, Vec<Mistake>> {
        file::read(text)
    }

    pub fn rows(&self) -> &[Binding] {
        &self.bindings
    }

    /// The rows that help explains: one sentence may stand for a row of digits, as long as they have their own keys.
    pub fn explained(&self) -> impl Iterator<Item = &Binding> {
        let own = self.bindings.iter().zip(table::TABLE);
        own.filter(|(binding, builtin)| !binding.help.is_empty() || binding.keys != builtin.keys).map(|(binding, _)| binding)
    }

    /// What `key` means where one is: `screen`, or only what holds anywhere if something lies above it.
    pub fn lookup(&self, screen: Option<Screen>, key: Key) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.context.is_on(screen) && binding.keys.contains(&key))
    }

    /// The row of an action.
    pub fn binding(&self, action: Action) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.action == action)
    }

    /// The first key of an action, as hints print it; its name in the palette if it has none.
    pub fn key(&self, action: Action) -> String {
        match self.binding(action) {
            Some(binding) => binding.keys.first().map_or_else(|| format!(":{}", binding.name), ToString::to_string),
            None => String::new(),
        }
    }

    /// The table as a chapter of the manual.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for context in Context::ALL {
            text.push_str(&format!("**{}**\n\n| key | does | `:` name |\n|---|---|---|\n", context.name()));
            for binding in self.explained().filter(|binding| binding.context == context) {
                let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
                text.push_str(&format!("| {} | {} | `{}` |\n", keys.join(" "), binding.explained(), binding.name));
            }
            text.push('\n');
        }
        text
    }
}

/// The pane that Alt with `number` focuses, counted from 1.
pub fn pane_key(key: Key) -> Option<Pane> {
    let Code::Char(digit) = key.code else { return None };
    let place = digit.to_digit(10)?.checked_sub(1)?;
    Pane::ALL.get(place as usize).copied().filter(|_| key == Key::alt(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (index, one) in table::TABLE.iter().enumerate() {
            for other in &table::TABLE[..index] {
                assert_ne!(one.name, other.name);
                let meet = |screen| one.context.is_on(Some(screen)) && other.context.is_on(Some(screen));
                if !Screen::ALL.into_iter().any(meet) {
                    continue;
                }
                let clash = one.keys.iter().find(|key| other.keys.contains(key));
                assert_eq!(clash, None, "{} and {}", one.name, other.name);
            }
            assert!(one.keys.iter().all(|key| pane_key(*key).is_none()), "{} takes a pane's key", one.name);
        }
    }

    #[test]
    fn rollback_is_found_under_everything_and_types_no_character() {
        let keys = Keymap::builtin();
        let rollback = keys.binding(Action::Rollback).expect("in the table");
        for key in rollback.keys.iter() {
            assert_eq!(keys.lookup(None, *key).map(|found| found.action), Some(Action::Rollback));
            assert_eq!(key.typed(), None);
        }
    }

    #[test]
    fn what_holds_while_typing_never_types_a_character() {
        for binding in table::TABLE.iter().filter(|binding| binding.context == Context::Anywhere) {
            assert!(binding.keys.iter().all(|key| key.typed().is_none()), "{}", binding.name);
        }
    }

    #[test]
    fn a_watcher_is_offered_nothing_that_acts() {
        for binding in table::TABLE.iter().filter(|binding| binding.is_for(Role::Watcher)) {
            assert_eq!(binding.danger, Danger::Appearance, "{}", binding.name);
        }
    }
}
