//! What lies above a screen: help, the palette, a line to type, a dialog that wants a word.
//!
//! Only one at a time, and none of them keeps the rollback chord from acting.

use crate::{
    core::state::{Approval, ShiftTerms, State, Terms},
    domain::{
        claim::Claim,
        fault::Version,
        id::{ItemId, RouteId, StepId},
        role::Role,
        shown::Shown,
        standing::{Act, Change},
    },
    tui::{
        keymap::{Action, Binding, Keymap},
        panes::words,
        widgets::{line::LineEdit, rail},
    },
};

#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    /// Commands by name; `chosen` counts within what matches the line.
    Palette {
        line: LineEdit,
        chosen: usize,
        entries: Vec<Entry>,
    },
    /// Themes, each worn while it is chosen; leaving puts `before` back on.
    Themes {
        words: Vec<String>,
        chosen: usize,
        before: String,
    },
    /// A line of text with a purpose.
    Typing {
        purpose: Purpose,
        line: LineEdit,
    },
    /// What another person asks for; the line takes the word that the terms name.
    Review {
        approval: Box<Approval>,
        line: LineEdit,
        came: Came,
        /// Of the terms, where they have no room on one; counts on past the last one, and begins anew there.
        page: usize,
    },
    /// A step that is to be run or taken back, with what was seen when this was opened: no more and no less is asked for. The line takes the
    /// name of what can't be taken back.
    Step {
        step: StepId,
        act: Act,
        version: Version,
        changes: Vec<Change>,
        line: LineEdit,
    },
    /// Who is here; `chosen` counts down the list.
    People {
        chosen: usize,
    },
}

/// How a dialog came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Somebody pressed its key.
    Asked,
    /// Under the hands of whoever did something else.
    ByItself,
}

/// What a typed line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    Rearm {
        route: RouteId,
    },
    /// From the session whose claim was seen, or from nobody.
    TakeOver {
        route: RouteId,
        from: Option<Box<Claim>>,
    },
    Sign {
        item: ItemId,
    },
    /// A signature is taken back only by whoever types that he means it.
    Unsign {
        item: ItemId,
    },
    Skip {
        step: StepId,
    },
    Say,
    Filter,
}

impl Purpose {
    pub fn title(&self) -> String {
        match self {
            Purpose::Rearm { route } => format!("Re-arm {route}"),
            Purpose::TakeOver { route, .. } => format!("Take {route} over"),
            Purpose::Sign { item } => format!("Sign {item}"),
            Purpose::Unsign { item } => format!("Take back the signature under {item}"),
            Purpose::Skip { step } => format!("Skip {step}"),
            Purpose::Say => "Say".to_owned(),
            Purpose::Filter => "Filter".to_owned(),
        }
    }
    /// What an empty line lacks.
    pub fn missing(&self) -> &'static str {
        match self {
            Purpose::Rearm { .. } | Purpose::TakeOver { .. } | Purpose::Skip { .. } => "the reason is missing",
            Purpose::Sign { .. } => "what you saw is missing",
            Purpose::Unsign { .. } => "the word unsign is missing",
            Purpose::Say | Purpose::Filter => "the text is missing",
        }
    }
    pub fn question(&self) -> &'static str {
        match self {
            Purpose::Rearm { .. } => "Why is it safe to advance again?",
            Purpose::TakeOver { .. } => "Why may the other session not go on?",
            Purpose::Sign { .. } => "What did you see that proves it?",
            Purpose::Unsign { .. } => "Type unsign if you mean it:",
            Purpose::Skip { .. } => "Why is it not to be done?",
            Purpose::Say => "To everybody here:",
            Purpose::Filter => "Show only lines with:",
        }
    }
}

/// One row of the palette.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub name: String,
    pub help: String,
    pub keys: String,
    pub pick: Pick,
}

/// What a row of the palette does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    Action(Action),
    /// With what the plan lacks for it to touch anything.
    Inject {
        fault: Shown,
        lacks: Option<String>,
    },
    Theme(String),
}

/// A fault that can be asked for in a session's own simulated world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub name: String,
    pub what: String,
    /// What the plan lacks for it to touch anything; then it is refused.
    pub lacks: Option<String>,
}

/// Everything that somebody in `role` can do by name.
pub fn entries(keys: &Keymap, role: Role, faults: &[Offer], themes: &[String]) -> Vec<Entry> {
    // The faults stand there by name; the action would only open this palette again.
    let shown = |binding: &&Binding| binding.is_for(role) && binding.action != Action::Inject;
    let bound = keys.rows().iter().filter(shown).map(|binding| Entry {
        name: binding.name.to_owned(),
        help: binding.explained(),
        keys: binding.keys_shown(),
        pick: Pick::Action(binding.action),
    });
    let faults = faults.iter().filter(|_| role.may_steer()).map(|Offer { name, what, lacks }| Entry {
        name: format!("inject {name}"),
        help: lacks.as_ref().map_or_else(|| what.clone(), |lacks| format!("not here: {lacks}")),
        keys: String::new(),
        pick: Pick::Inject { fault: Shown::new(name), lacks: lacks.clone() },
    });
    let themes = themes.iter().map(|word| Entry {
        name: format!("theme {word}"),
        help: "Wear this theme.".to_owned(),
        keys: String::new(),
        pick: Pick::Theme(word.clone()),
    });
    // What only looks comes first: the first row is done by an Enter that nobody thought about.
    let mut bound: Vec<Entry> = bound.collect();
    bound.sort_by_key(|entry| match &entry.pick {
        Pick::Action(action) => (keys.binding(*action).map(|binding| binding.danger), *action == Action::Quit),
        Pick::Inject { .. } | Pick::Theme(_) => (None, false),
    });
    bound.into_iter().chain(faults).chain(themes).collect()
}

/// The rows that what is typed may mean: each word somewhere in name or help; names that begin with it first.
pub fn matching<'a>(entries: &'a [Entry], typed: &str) -> Vec<&'a Entry> {
    let typed = typed.trim().to_lowercase();
    let has = |entry: &&Entry| {
        let text = format!("{} {}", entry.name, entry.help).to_lowercase();
        typed.split_whitespace().all(|word| text.contains(word))
    };
    let mut found: Vec<&Entry> = entries.iter().filter(has).collect();
    found.sort_by_key(|entry| (!entry.name.starts_with(&typed), !entry.name.contains(&typed)));
    found
}

/// The word that has to be typed to approve: what it touches and the share that its target would get, so that it differs from request to
/// request and can't be typed without having read where this leads.
pub fn word(state: &State, approval: &Approval) -> String {
    let ShiftTerms { route, to, .. } = match &approval.terms {
        Terms::Shift(terms) => terms,
        Terms::Step(terms) => return format!("{}-{}", terms.step, terms.target),
    };
    let planned = words::plan(state).and_then(|plan| plan.routes.iter().find(|planned| planned.id == *route));
    match planned {
        Some(planned) => format!("{route}-{}", rail::percent(to.of(&planned.target).get()).trim_end_matches('%')),
        None => route.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Danger;

    fn burst() -> Vec<Offer> {
        vec![Offer { name: "error-burst".to_owned(), what: "GKE fails".to_owned(), lacks: None }]
    }

    #[test]
    fn the_palette_finds_by_any_word_and_prefers_the_name() {
        let entries = entries(&Keymap::builtin(), Role::Pilot, &burst(), &["dusk".to_owned()]);
        assert_eq!(matching(&entries, "roll")[0].pick, Pick::Action(Action::Rollback));
        assert_eq!(matching(&entries, "burst inject")[0].pick, Pick::Inject { fault: Shown::new("error-burst"), lacks: None });
        assert_eq!(matching(&entries, "theme du")[0].pick, Pick::Theme("dusk".to_owned()));
    }

    #[test]
    fn an_enter_that_nobody_thought_about_neither_moves_traffic_nor_leaves() {
        let faults = burst();
        let keys = Keymap::builtin();
        for typed in ["", "inject "] {
            let entries = entries(&keys, Role::Pilot, &faults, &[]);
            let first = matching(&entries, typed)[0].pick.clone();
            let Pick::Action(action) = first else { continue };
            assert_eq!(keys.binding(action).unwrap().danger, Danger::Appearance, "{action:?}");
            assert!(action != Action::Quit && action != Action::Inject, "{action:?}");
        }
        let live = entries(&keys, Role::Pilot, &[], &[]);
        assert!(matching(&live, "inject").is_empty(), "a live session has no faults to offer");
    }

    #[test]
    fn a_fault_that_could_touch_nothing_says_so_where_it_is_offered() {
        let lacks = Some("the plan has no database".to_owned());
        let offers = [Offer { name: "replica-lag".to_owned(), what: "the read replica is 30 s behind".to_owned(), lacks: lacks.clone() }];
        let entries = entries(&Keymap::builtin(), Role::Pilot, &offers, &[]);
        let found = matching(&entries, "inject replica")[0];
        assert_eq!(
            (found.help.as_str(), &found.pick),
            ("not here: the plan has no database", &Pick::Inject { fault: Shown::new("replica-lag"), lacks })
        );
    }

    #[test]
    fn a_watchers_palette_holds_nothing_that_acts() {
        let entries = entries(&Keymap::builtin(), Role::Watcher, &burst(), &[]);
        assert!(entries.iter().all(|entry| !matches!(entry.pick, Pick::Inject { .. } | Pick::Action(Action::Rollback | Action::Ask))));
    }
}
